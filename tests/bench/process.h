/* What processes have used so far, from the kernel's own books. */
#ifndef CONFAB_BENCH_PROCESS_H
#define CONFAB_BENCH_PROCESS_H

#include "confab/base/base.h"

#include <sys/types.h>

enum { PROCESS_GROUPS = 16, PROCESS_NAME = 16 };

/* Threads of one kind: "net-0", "hub"; all of "reader-N" are "reader". */
struct thread_use {
    char name[PROCESS_NAME];
    double cpu_s;
    unsigned threads;
};

struct process_use {
    double cpu_s;            /* user and system, of all threads, ended ones too */
    double user_s, system_s; /* in ticks of the kernel, so coarser than cpu_s */
    uint64_t rss_kb, pss_kb;
    unsigned threads, fds;
    struct thread_use groups[PROCESS_GROUPS];
    unsigned group_count;
};

/* Sums over `count` processes. 0, or -ESRCH when one of them cannot be read. */
int process_read(const pid_t *pids, unsigned count, struct process_use *out) MUST_USE;

/* CPU seconds that threads of that name used between two readings. */
double process_group_cpu(const struct process_use *from, const struct process_use *until,
                         const char *name);

double process_own_cpu_s(void);

/* CPU seconds that this machine has spent on anything at all, time stolen from it included. */
double process_machine_cpu_s(void);

#endif

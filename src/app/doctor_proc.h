/* What the kernel says about other processes and about the networks: proc(5). Any thread. */
#ifndef APP_DOCTOR_PROC_H
#define APP_DOCTOR_PROC_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROC_NAME_BYTES = 32 };

struct proc_listener {
    pid_t pid;
    char name[PROC_NAME_BYTES]; /* of the program, cut to 15 bytes by the kernel */
};

/* Who listens on a TCP port of this machine. False: nobody, or somebody whom this user may not
 * look at. Of several the one called `prefer`, which may be NULL. */
bool proc_listener(int port, const char *prefer, struct proc_listener *out);

enum proc_limit { PROC_DESCRIPTORS, PROC_PROCESSES };

/* A limit of a process: the soft one, or the hard one, to which it may raise the other; 0 is this
 * process. UINT64_MAX: none. */
uint64_t proc_limit(pid_t pid, enum proc_limit limit, bool hard);

/* The number at the beginning of a file, UINT64_MAX when there is none ("max"). */
uint64_t proc_number(const char *path);

/* The most tasks in the process's control group. UINT64_MAX: no limit. */
uint64_t proc_most_tasks(pid_t pid);

/* The unit of systemd that a process belongs to, "confab.service"; "" when it is none. */
void proc_unit(pid_t pid, char out[NAME_MAX]);

struct proc_neighbours {
    char router[16];     /* IPv4 address of the default route by this interface, "" without one */
    bool router_answers; /* its hardware address is known */
    unsigned others;     /* whose hardware addresses are known */
};
void proc_neighbours(const char *interface, struct proc_neighbours *out);

#endif

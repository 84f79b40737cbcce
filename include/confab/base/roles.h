/* Thread roles and locks, checked by clang.
 *
 * Every function that must run on one thread carries that thread's role:
 * `REQUIRES(on_hub)` does not compile under `-Werror=thread-safety` when it is
 * called from code that does not hold the role. A thread takes its role once, at
 * its entry point or in a callback of a library, with `role_assume()`.
 * Source: clang "Thread Safety Analysis". gcc sees empty macros.
 */
#ifndef CONFAB_BASE_ROLES_H
#define CONFAB_BASE_ROLES_H

#include <pthread.h>

#if defined(__clang__)
#define CONFAB_TSA(x) __attribute__((x))
#else
#define CONFAB_TSA(x)
#endif

#define CAPABILITY(name) CONFAB_TSA(capability(name))
#define REQUIRES(...) CONFAB_TSA(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) CONFAB_TSA(acquire_capability(__VA_ARGS__))
#define RELEASE(...) CONFAB_TSA(release_capability(__VA_ARGS__))
#define EXCLUDES(...) CONFAB_TSA(locks_excluded(__VA_ARGS__))
#define ASSERT_ROLE(...) CONFAB_TSA(assert_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY CONFAB_TSA(no_thread_safety_analysis)

struct CAPABILITY("role") role {
    char unused;
};

extern struct role on_main;         /* start order, stop order, signals */
extern struct role on_accept;       /* listening sockets */
extern struct role on_net;          /* one of the net threads: its context and sessions */
extern struct role on_hub;          /* rooms, roster, Redis */
extern struct role on_archive;      /* the one writer of the archive's file */
extern struct role on_archive_read; /* a reader of that file */
extern struct role on_mdns;         /* the client of Avahi */
extern struct role on_files;        /* the thread that has the folder of files */
extern struct role on_hash;         /* one of the threads that hash passwords */

/* Says that this thread has that role. Costs nothing at run time. */
static inline void role_assume(struct role *r) ASSERT_ROLE(r)
{
    (void)r;
}

/* A mutex that clang can follow. Held for a few lines, never across I/O or a callback. */
struct CAPABILITY("mutex") lock {
    pthread_mutex_t mutex;
};

void lock_init(struct lock *l);
void lock_fini(struct lock *l);
void lock_acquire(struct lock *l) ACQUIRE(l);
void lock_release(struct lock *l) RELEASE(l);

#endif

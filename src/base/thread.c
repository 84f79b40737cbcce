#define _GNU_SOURCE /* pthread_setname_np */
#include "confab/base/base.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Sanitizers make frames several times larger. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STACK_FACTOR 8
#endif
#endif
#if !defined(STACK_FACTOR) && (defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__))
#define STACK_FACTOR 8
#endif
#ifndef STACK_FACTOR
#define STACK_FACTOR 1
#endif

struct start {
    void *(*run)(void *);
    void *arg;
    char name[16];
};

static void *thread_main(void *arg)
{
    const struct start start = *(struct start *)arg;
    free(arg);
    pthread_setname_np(pthread_self(), start.name);
    return start.run(start.arg);
}

/* Returns 0 or a positive errno, as pthreads do. */
static int create(pthread_t *out, size_t stack_bytes, struct start *start)
{
    pthread_attr_t attr;
    int error = pthread_attr_init(&attr);
    if (error != 0)
        return error;
    if (stack_bytes != 0)
        error = pthread_attr_setstacksize(&attr, stack_bytes * STACK_FACTOR);
    if (error == 0)
        error = pthread_create(out, &attr, thread_main, start);
    pthread_attr_destroy(&attr);
    return error;
}

int thread_start(pthread_t *out, const char *name, size_t stack_bytes, void *(*run)(void *),
                 void *arg)
{
    struct start *start = xmalloc(sizeof(*start));
    start->run = run;
    start->arg = arg;
    char short_name[sizeof(start->name)];
    snprintf(short_name, sizeof(short_name), "%s", name);
    memcpy(start->name, short_name, sizeof(short_name));

    /* A new thread inherits the mask of the thread that makes it. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = create(out, stack_bytes, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        free(start);
    else
        pthread_setname_np(*out, short_name); /* here too: its name holds once this returns */
    return -error;
}

void thread_join(pthread_t thread)
{
    BUG_ON(pthread_join(thread, NULL) != 0);
}

/* struct sched_attr of sched_setattr(2), first version. <linux/sched/types.h> cannot be included
 * together with <sched.h> of glibc 2.36. */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period; /* ns */
};

void thread_want_short_slices(void)
{
    const struct attributes want = { .size = sizeof(want),    /* SCHED_OTHER, nice 0 */
                                     .runtime = 100 * 1000 }; /* the least there is */
    syscall(SYS_sched_setattr, 0, &want, 0); /* refused: it waits its turn, as before */
}

#include "thread.h"

#include "fanout.h"
#include "io.h"
#include "session.h"
#include "tls.h"

#include "confab/base/queue.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    EVENTS_PER_TURN = 64,
    INPUT_BYTES = 64 * 1024, /* a frame that is not complete and one read: see input.c */
};

_Thread_local struct net_thread *net_current;

void thread_wake(struct net_thread *t)
{
    if (net_current != t || !t->in_turn)
        post_wake(&t->posts);
}

static void set_timer(struct net_thread *t, int64_t at_us)
{
    if (at_us == t->timer_us)
        return;
    t->timer_us = at_us;
    const struct itimerspec when = { .it_value = { .tv_sec = at_us / 1000000,
                                                   .tv_nsec = at_us % 1000000 * 1000 } };
    BUG_ON(timerfd_settime(t->timer, TFD_TIMER_ABSTIME, &when, NULL) != 0);
}

void thread_rearm(struct net_thread *t)
{
    const int64_t tick = sessions_tick_ms(t);
    int64_t at_us = 0;
    if (tick) {
        if (!t->tick_ms)
            t->tick_ms = clock_mono_ms() + tick;
        at_us = t->tick_ms * 1000;
    } else {
        t->tick_ms = 0;
    }
    if (flush_waits(t) && (!at_us || t->flush_next_us < at_us))
        at_us = t->flush_next_us;
    set_timer(t, at_us);
}

static void publish(struct net_thread *t)
{
    struct stats *stats = t->net->stats;
    if (t->out.sends != t->told.sends || t->out.deliveries != t->told.deliveries) {
        stat_add(stats, sends, t->out.sends - t->told.sends);
        stat_add(stats, deliveries, t->out.deliveries - t->told.deliveries);
        stat_add(stats, bytes_out, t->out.bytes - t->told.bytes);
        t->told = t->out;
    }
    if (t->queued_change) {
        stat_add(stats, queue_bytes, t->queued_change);
        t->queued_change = 0;
    }
}

static void on_socket(struct session *s, uint32_t events) REQUIRES(on_net)
{
    if (s->crossed) {
        io_uncross(s, events);
        return;
    }
    if (events & EPOLLOUT)
        output_ready(s);
    if (events & ~(uint32_t)EPOLLOUT)
        input_ready(s, events);
}

static void handle(struct net_thread *t, const struct epoll_event *e) REQUIRES(on_net)
{
    uint64_t expirations;
    if (e->data.ptr == &t->posts) {
        post_clear_signal(&t->posts);
        stat_add(t->net->stats, net_wakeups, 1);
    } else if (e->data.ptr == &t->timer) {
        BUG_ON(read(t->timer, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN);
        t->timer_us = 0;
    } else {
        on_socket(e->data.ptr, e->events);
    }
}

void thread_take_input(struct net_thread *t)
{
    struct epoll_event events[EVENTS_PER_TURN];
    const int n = epoll_wait(t->epoll, events, EVENTS_PER_TURN, 0);
    queue_hold();
    for (int i = 0; i < n; i++)
        if (events[i].data.ptr != &t->posts && events[i].data.ptr != &t->timer)
            on_socket(events[i].data.ptr, events[i].events);
    queue_release();
}

void thread_turn(struct net_thread *t)
{
    struct epoll_event events[EVENTS_PER_TURN];
    const int n = epoll_wait(t->epoll, events, EVENTS_PER_TURN, 0);
    flush_turn_begins(t);
    t->in_turn = true;
    lag_update(t);
    queue_hold();
    for (int i = 0; i < n; i++)
        handle(t, &events[i]);
    queue_release();
    thread_run_posts(t);
    t->in_turn = false; /* what is posted from here on needs a wake-up */
    if (t->tick_ms && t->now_ms >= t->tick_ms) {
        t->tick_ms = 0;
        sessions_tick(t);
    }
    flush_if_due(t);
    flush_turn_ends(t);
    publish(t);
    thread_rearm(t);
    if (t->stopping && !t->dedicated)
        context_break(t);
}

static int watch(struct net_thread *t, int fd, void *what)
{
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = what };
    return epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : -errno;
}

static int open_descriptors(struct net_thread *t)
{
    int error = post_queue_init(&t->posts);
    if (error)
        return error;
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    t->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (t->epoll < 0 || t->timer < 0)
        return -errno;
    error = watch(t, t->posts.event, &t->posts);
    return error ? error : watch(t, t->timer, &t->timer);
}

int thread_init(struct net_thread *t, struct net *n, unsigned index)
{
    *t = (struct net_thread){ .net = n, .index = index, .epoll = -1, .timer = -1 };
    TAILQ_INIT(&t->all);
    TAILQ_INIT(&t->parting);
    TAILQ_INIT(&t->timed);
    TAILQ_INIT(&t->dirty);
    t->input = xmalloc(INPUT_BYTES);
    return open_descriptors(t);
}

/* The setting was checked at the start; a processor may have gone since. */
static void pin(const struct net_thread *t)
{
    const struct settings *set = t->net->settings;
    if (!set->net_cpu_count)
        return;
    const unsigned cpu = set->net_cpu_list[t->index % set->net_cpu_count];
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    const int error = pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    if (error)
        log_warn("net_cpus", "thread=net-%u processor=%u error=\"%s\"", t->index, cpu,
                 strerror(error));
}

static void *run(void *arg)
{
    struct net_thread *t = arg;
    role_assume(&on_net);
    pin(t);
    net_current = t;
    context_run(t);
    net_current = NULL;
    return NULL;
}

int thread_launch(struct net_thread *t)
{
    char name[16];
    snprintf(name, sizeof(name), "net-%u", t->index);
    const int error = thread_start(&t->thread, name, 0, run, t);
    t->running = error == 0;
    return error;
}

void thread_stop(struct net_thread *t)
{
    if (!t->running)
        return;
    post_push(&t->posts, (struct post){ .kind = POST_STOP });
    post_wake(&t->posts);
    thread_join(t->thread);
    t->running = false;
}

void thread_close(struct net_thread *t)
{
    role_assume(&on_net); /* the thread has ended, or never ran */
    net_current = t;
    t->stopping = true;
    if (t->context)
        context_fini(t); /* frees the sessions */
    t->context = NULL;
    thread_run_posts(t);
    join_cache_clear(&t->join);
    fanout_fini(t);
    publish(t);
    net_current = NULL;
}

void thread_fini(struct net_thread *t)
{
    if (t->epoll >= 0)
        close(t->epoll);
    if (t->timer >= 0)
        close(t->timer);
    post_queue_fini(&t->posts);
    free(t->input);
    certificate_unref(t->certificate);
}

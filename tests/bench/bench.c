#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { EVENTS = 1024, TICK_US = 50000, STAMPS_TOTAL = 1 << 20, STAMPS_MOST = 1 << 16 };

static void stream_init(struct stream *s, const struct options *opt, unsigned index)
{
    (void)snprintf(s->name, sizeof s->name, "bench-%d-%u", (int)getpid(), index);
    int n = opt->mode == MODE_PRIVATE
                ? snprintf(s->prefix, sizeof s->prefix, "{\"type\":\"private\",\"seq\":")
                : snprintf(s->prefix, sizeof s->prefix,
                           "{\"type\":\"message\",\"room\":\"%s\",\"seq\":", s->name);
    s->prefix_size = (size_t)n;
    uint64_t stamps = STAMPS_MOST;
    while (stamps > 256 && stamps * opt->rooms > STAMPS_TOTAL)
        stamps /= 2;
    s->stamp_mask = stamps - 1;
    s->stamps = xcalloc(stamps, sizeof *s->stamps);
}

/* Each room has connections on every server. */
static struct stream *stream_of(struct bench *b, unsigned index)
{
    const struct options *opt = b->opt;
    if (index >= opt->clients)
        return &b->streams[index - opt->clients];
    if (opt->mode == MODE_PRIVATE)
        return &b->streams[index / 2];
    return &b->streams[index / opt->server_count % opt->rooms];
}

static void watch_timer(struct bench *b)
{
    struct epoll_event e = { .events = EPOLLIN };
    if (b->epoll < 0 || b->timer < 0 || epoll_ctl(b->epoll, EPOLL_CTL_ADD, b->timer, &e)) {
        perror("confab-bench: epoll");
        exit(2);
    }
}

void bench_init(struct bench *b, const struct options *opt)
{
    *b = (struct bench){ .opt = opt };
    b->start_mono_us = clock_mono_us();
    b->epoll = epoll_create1(EPOLL_CLOEXEC);
    b->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    watch_timer(b);
    random_bytes(&b->mask, sizeof b->mask);
    b->buffer = xmalloc(BENCH_BUFFER + 1);
    b->until_us = INT64_MIN;
    b->streams = xcalloc(opt->rooms, sizeof *b->streams);
    for (unsigned i = 0; i < opt->rooms; i++)
        stream_init(&b->streams[i], opt, i);
    b->conn_count = opt->clients + (opt->mode == MODE_RESUME ? opt->rooms : 0);
    b->conns = xcalloc(b->conn_count, sizeof *b->conns);
    for (unsigned i = 0; i < b->conn_count; i++) {
        struct conn *c = &b->conns[i];
        c->fd = -1;
        c->index = i;
        c->stream = stream_of(b, i);
    }
}

void bench_fini(struct bench *b)
{
    for (unsigned i = 0; i < b->conn_count; i++) {
        conn_close(b, &b->conns[i]);
        free(b->conns[i].rest);
        str_fini(&b->conns[i].out);
    }
    for (unsigned i = 0; i < b->opt->rooms; i++)
        free(b->streams[i].stamps);
    free(b->conns);
    free(b->streams);
    free(b->buffer);
    (void)close(b->timer);
    (void)close(b->epoll);
}

int64_t bench_now(const struct bench *b)
{
    return clock_mono_us() - b->start_mono_us;
}

static void serve(struct bench *b, const struct epoll_event *events, int count)
{
    for (int i = 0; i < count; i++) {
        uint64_t ticks;
        if (events[i].data.ptr)
            conn_event(b, events[i].data.ptr, events[i].events);
        else if (read(b->timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN)
            BUG("timer");
        load_due(b); /* in between, so that reading much does not delay sending */
    }
}

bool bench_loop(struct bench *b, int64_t until_us, bool (*done)(struct bench *))
{
    struct epoll_event events[EVENTS];
    int64_t tick_us = 0;
    for (;;) {
        b->now_us = bench_now(b);
        if (done && done(b))
            return true;
        int64_t left_us = until_us - b->now_us;
        if (left_us <= 0)
            return false;
        if (b->now_us >= tick_us) {
            tick_us = b->now_us + TICK_US;
            load_top_up(b);
        }
        int wait_ms = (int)((left_us < TICK_US ? left_us : TICK_US) + 999) / 1000;
        int n = epoll_wait(b->epoll, events, EVENTS, wait_ms);
        b->now_us = bench_now(b);
        serve(b, events, n);
    }
}

static bool all_connected(struct bench *b)
{
    unsigned begun = b->connect_end - b->connect_next;
    return b->counts.refused || (!begun && !b->connecting);
}

bool bench_connect(struct bench *b, unsigned first, unsigned end)
{
    b->connect_next = first;
    b->connect_end = end;
    while (b->connecting < b->opt->in_flight && b->connect_next < b->connect_end)
        conn_open(b, &b->conns[b->connect_next++]);
    int64_t deadline_us = bench_now(b) + (int64_t)b->opt->deadline * 1000000;
    if (bench_loop(b, deadline_us, all_connected))
        return !b->counts.refused;
    bench_fault(b, &b->counts.refused, b->connecting, "%u clients were not greeted in %u s",
                b->connecting, b->opt->deadline);
    return false;
}

static bool all_seen(struct bench *b)
{
    if (b->outstanding)
        return false;
    for (unsigned i = 0; i < b->conn_count; i++) {
        const struct conn *c = &b->conns[i];
        if (c->state != CONN_CLOSED && c->last_seq != c->stream->top)
            return false;
    }
    return true;
}

void bench_drain(struct bench *b)
{
    if (bench_loop(b, bench_now(b) + (int64_t)b->opt->deadline * 1000000, all_seen))
        return;
    if (b->outstanding)
        bench_fault(b, &b->counts.unseen, b->outstanding, "messages never came back");
    for (unsigned i = 0; i < b->conn_count; i++) {
        const struct conn *c = &b->conns[i];
        if (c->state != CONN_CLOSED && c->last_seq < c->stream->top)
            bench_fault(b, &b->counts.lost, c->stream->top - c->last_seq,
                        "client %u has %ju of %ju", c->index, (uintmax_t)c->last_seq,
                        (uintmax_t)c->stream->top);
    }
}

void bench_mark(struct bench *b, enum mark mark)
{
    struct snapshot *s = &b->marks[mark];
    s->at_us = bench_now(b);
    s->own_cpu_s = process_own_cpu_s();
    s->machine_cpu_s = process_machine_cpu_s();
    s->counts = b->counts;
    if (process_read(b->opt->pids, b->opt->pid_count, &s->server) ||
        process_read(b->opt->redis_pids, b->opt->redis_count, &s->redis)) {
        (void)fputs("confab-bench: a process to be measured is not there\n", stderr);
        exit(2);
    }
}

void bench_fault(struct bench *b, uint64_t *count, uint64_t n, const char *fmt, ...)
{
    *count += n;
    if (b->reason[0])
        return;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(b->reason, sizeof b->reason, fmt, args);
    va_end(args);
}

uint64_t bench_fault_count(const struct bench *b)
{
    uint64_t n = 0;
#define X(name, label) n += b->counts.name;
    BENCH_FAULTS(X)
#undef X
    return n;
}

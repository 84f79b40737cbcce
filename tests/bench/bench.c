#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { EVENTS = 1024, STAMPS_TOTAL = 1 << 20, STAMPS_MOST = 1 << 16 };

static void stream_init(struct bench *b, struct stream *s, unsigned index)
{
    (void)snprintf(s->name, sizeof s->name, "bench-%s-%u", b->run, index);
    str_reset(&b->text);
    dialect_prefix(b->dialect, b->private ? NULL : s->name, &b->text);
    BUG_ON(b->text.size >= sizeof s->prefix);
    s->prefix_size = b->text.size;
    memcpy(s->prefix, b->text.data, b->text.size);
    uint64_t stamps = STAMPS_MOST;
    while (stamps > 256 && stamps * b->opt->rooms > STAMPS_TOTAL)
        stamps /= 2;
    s->stamp_mask = stamps - 1;
    s->stamps = xcalloc(stamps, sizeof *s->stamps);
}

/* Each room has connections on every server, and the two users of a pair are on two of them, since
 * a client's server is its index modulo their number. */
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
    *b = (struct bench){ .opt = opt, .dialect = opt->dialect };
    b->ordered = opt->dialect->ordered || opt->server_count == 1;
    b->private = opt->mode == MODE_PRIVATE && opt->dialect->frame != FRAME_ECHO;
    hex_random(b->run, (sizeof b->run - 1) / 2);
    b->start_mono_us = clock_mono_us();
    b->epoll = epoll_create1(EPOLL_CLOEXEC);
    b->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    watch_timer(b);
    random_bytes(&b->mask, sizeof b->mask);
    b->buffer = xmalloc(BENCH_BUFFER + 1);
    b->until_us = INT64_MIN;
    b->streams = xcalloc(opt->rooms, sizeof *b->streams);
    for (unsigned i = 0; i < opt->rooms; i++)
        stream_init(b, &b->streams[i], i);
    b->conn_count = opt->clients + (opt->mode == MODE_RESUME ? opt->rooms : 0);
    b->conns = xcalloc(b->conn_count, sizeof *b->conns);
    for (unsigned i = 0; i < b->conn_count; i++) {
        struct conn *c = &b->conns[i];
        c->fd = -1;
        c->index = i;
        c->stream = stream_of(b, i);
    }
    slow_choose(b);
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
    str_fini(&b->text);
    str_fini(&b->cork);
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
            tick_us = b->now_us + BENCH_TICK_US;
            load_top_up(b);
            slow_read(b);
        }
        int wait_ms = (int)((left_us < BENCH_TICK_US ? left_us : BENCH_TICK_US) + 999) / 1000;
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

/* How many messages it has not seen. Nobody asks that of one that is gone or slow. */
static uint64_t missing(const struct conn *c)
{
    if (c->state == CONN_CLOSED || c->slow)
        return 0;
    uint64_t top = c->stream->top;
    return c->owed + (c->last_seq < top ? top - c->last_seq : 0);
}

static bool all_seen(struct bench *b)
{
    if (b->outstanding)
        return false;
    for (unsigned i = 0; i < b->conn_count; i++) {
        if (missing(&b->conns[i]))
            return false;
    }
    return true;
}

/* As many messages as were sent, but not the same ones. */
static bool has_others(const struct conn *c)
{
    return c->state != CONN_CLOSED && !c->slow && !missing(c) && c->digest != c->stream->digest;
}

void bench_drain(struct bench *b)
{
    (void)bench_loop(b, bench_now(b) + (int64_t)b->opt->deadline * 1000000, all_seen);
    if (b->outstanding)
        bench_fault(b, &b->counts.unseen, b->outstanding, "messages never came back");
    for (unsigned i = 0; i < b->conn_count; i++) {
        const struct conn *c = &b->conns[i];
        uint64_t n = missing(c);
        if (n)
            bench_fault(b, &b->counts.lost, n, "client %u lacks %ju of %ju", c->index, (uintmax_t)n,
                        (uintmax_t)c->stream->top);
        else if (has_others(c))
            bench_fault(b, &b->counts.altered, 1, "client %u: others than were sent", c->index);
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

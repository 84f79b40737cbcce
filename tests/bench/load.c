/* Who sends what, when. */
#include "bench.h"

#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>

static bool is_closed_loop(const struct bench *b)
{
    return b->opt->mode == MODE_CLOSED || b->opt->mode == MODE_PRIVATE;
}

/* Eight digits, as read_hex() has them; snprintf() would be felt. */
static void write_hex(char *out, uint32_t n)
{
    for (int i = 7; i >= 0; i--, n >>= 4)
        out[i] = "0123456789abcdef"[n & 15];
}

/* The content of a message: when it was sent, by whom, and filling. */
static void content(const struct bench *b, const struct conn *c, int64_t stamp_us, char *out)
{
    write_hex(out, (uint32_t)stamp_us);
    write_hex(out + 8, c->index);
    memset(out + BENCH_STAMP, 'x', b->opt->content - BENCH_STAMP);
    out[b->opt->content] = '\0';
}

void load_send(struct bench *b, struct conn *c, int64_t stamp_us)
{
    struct stream *s = c->stream;
    char text[OPTION_CONTENT + 1], to[BENCH_NAME], cid[24];
    content(b, c, stamp_us, text);
    if (b->private)
        conn_user(b, to, c->index ^ 1);
    if (b->opt->cid)
        (void)snprintf(cid, sizeof cid, "%ju", (uintmax_t)b->counts.sent);
    str_reset(&b->text);
    dialect_message(b->dialect, b->private ? NULL : s->name, to, text, b->opt->cid ? cid : NULL,
                    &b->text);
    if (b->dialect->frame == FRAME_ECHO) {
        s->top++;
        s->digest += stamp_digest(stamp_us, c->index);
    }
    b->counts.sent++;
    b->outstanding++;
    c->outstanding++;
    conn_send(b, c, 1, b->text.data, b->text.size);
}

static bool may_send(const struct bench *b, const struct conn *c)
{
    return b->sending && c->index < b->opt->senders && c->state == CONN_READY && !c->slow;
}

/* A message of its own is under way no more. */
static void settle(struct bench *b, struct conn *c)
{
    if (c->outstanding) {
        c->outstanding--;
        b->outstanding--;
    }
    if (is_closed_loop(b) && may_send(b, c) && c->outstanding < b->opt->window)
        load_send(b, c, b->now_us);
}

void load_came_back(struct bench *b, struct conn *c)
{
    b->counts.returned++;
    settle(b, c);
}

void load_refused(struct bench *b, struct conn *c)
{
    settle(b, c);
}

/* After a refusal that would mean sending at once what was refused at once; a tick is enough
 * of a pause. */
void load_top_up(struct bench *b)
{
    if (!b->sending || !is_closed_loop(b))
        return;
    for (unsigned i = 0; i < b->opt->senders; i++) {
        struct conn *c = &b->conns[i];
        while (may_send(b, c) && c->outstanding < b->opt->window)
            load_send(b, c, bench_now(b));
    }
}

static int64_t due_us(const struct bench *b)
{
    return b->rate_from_us + (int64_t)(b->due * 1000000 / b->opt->rate);
}

static void arm(struct bench *b, int64_t at_us)
{
    if (at_us == b->armed_us)
        return;
    int64_t mono_us = b->start_mono_us + at_us;
    struct itimerspec t = { .it_value = { .tv_sec = mono_us / 1000000,
                                          .tv_nsec = mono_us % 1000000 * 1000 } };
    if (timerfd_settime(b->timer, TFD_TIMER_ABSTIME, &t, NULL))
        BUG("timerfd_settime");
    b->armed_us = at_us;
}

/* The senders take turns; one that cannot is passed over. */
static struct conn *next_sender(struct bench *b)
{
    for (unsigned i = 0; i < b->opt->senders; i++) {
        struct conn *c = &b->conns[(b->due + i) % b->opt->senders];
        if (may_send(b, c))
            return c;
    }
    return NULL;
}

void load_due(struct bench *b)
{
    if (!b->sending || b->opt->mode != MODE_OPEN)
        return;
    int64_t at_us = due_us(b);
    while (at_us <= b->now_us) {
        struct conn *c = next_sender(b);
        if (c) {
            load_send(b, c, at_us);
            hist_add(&b->late, bench_now(b) - at_us);
        } else {
            bench_fault(b, &b->counts.unsent, 1, "no sender is ready");
        }
        b->due++;
        at_us = due_us(b);
    }
    arm(b, at_us);
}

void load_start(struct bench *b)
{
    b->sending = true;
    b->now_us = b->rate_from_us = bench_now(b);
    load_due(b);
    load_top_up(b);
}

void load_stop(struct bench *b)
{
    b->sending = false;
}

static bool connect_all(struct bench *b)
{
    bench_mark(b, MARK_START);
    if (!bench_connect(b, 0, b->conn_count))
        return false;
    bench_mark(b, MARK_CONNECTED);
    (void)bench_loop(b, bench_now(b) + (int64_t)b->dialect->settle_s * 1000000, NULL);
    return true;
}

bool run_load(struct bench *b)
{
    const struct options *opt = b->opt;
    if (!connect_all(b))
        return false;
    if (opt->mode != MODE_IDLE)
        load_start(b);
    (void)bench_loop(b, bench_now(b) + (int64_t)opt->warm_up * 1000000, NULL);
    bench_mark(b, MARK_FROM);
    b->from_us = bench_now(b);
    b->until_us = b->from_us + (int64_t)opt->seconds * 1000000;
    (void)bench_loop(b, b->until_us, NULL);
    bench_mark(b, MARK_UNTIL);
    load_stop(b);
    if (opt->mode != MODE_CEILING)
        bench_drain(b);
    slow_finish(b);
    return true;
}

static bool all_back(struct bench *b)
{
    return !b->outstanding;
}

/* Each room's publisher sends `missed` messages, one after the other. */
static bool publish(struct bench *b)
{
    for (unsigned i = 0; i < b->opt->missed; i++) {
        for (unsigned r = 0; r < b->opt->rooms; r++)
            load_send(b, &b->conns[b->opt->clients + r], bench_now(b));
        if (!bench_loop(b, bench_now(b) + (int64_t)b->opt->deadline * 1000000, all_back))
            return false;
    }
    return true;
}

bool run_resume(struct bench *b)
{
    unsigned clients = b->opt->clients;
    if (!connect_all(b))
        return false;
    if (publish(b))
        bench_drain(b);
    b->dropped_us = bench_now(b);
    for (unsigned i = 0; i < clients; i++) {
        conn_close(b, &b->conns[i]);
        b->conns[i].resuming = true;
    }
    bool away = publish(b);
    bench_mark(b, MARK_FROM);
    if (!away || !bench_connect(b, 0, clients))
        return false;
    bench_mark(b, MARK_UNTIL);
    uint64_t want = (uint64_t)b->opt->missed * clients;
    uint64_t got = b->counts.recovered;
    if (got != want)
        bench_fault(b, &b->counts.lost, got < want ? want - got : got - want,
                    "%ju messages recovered, not %ju", (uintmax_t)got, (uintmax_t)want);
    (void)publish(b);
    bench_drain(b);
    return true;
}

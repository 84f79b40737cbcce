/* When to write.
 *
 * A send costs 5 to 8 µs on loopback, whatever it carries, and a flush costs one send per client
 * that has something waiting. So a flush that is followed by another one at once is time lost for
 * what could have shared its sends. The rule: after a flush the thread rests from flushing for
 *
 *   cost of the flush × min(1, frames per send ÷ GATHER_FULL), at most FLUSH_MAX_MS,
 *   and not at all below GATHER_FROM frames per send
 *
 * A thread with time to spare does not notice. Where a send carries many frames, resting joins
 * more of them: sends take at most half of the time, and more messages cost bytes, not sends.
 * Where a send carries one frame, resting would buy nothing and show as latency: 1,000 clients in
 * one room take 8 to 10 ms to flush, and at 100 messages a second there is one every 10 ms. What
 * was measured of other rules stands in docs/RATIONALE.md. */
#include "fanout.h"

#include "io.h"
#include "thread.h"

enum {
    GATHER_FROM = 3,         /* frames per send: below, resting is only latency */
    GATHER_FULL = 8,         /* … from which on the rest is as long as the flush */
    INPUT_EVERY = 64,        /* sends, half a millisecond: see flush() */
    LARGE_BYTES = 64 * 1024, /* of one run: more in one send gains nothing */
};

static int64_t rest_us(const struct net_thread *t, int64_t cost_us, uint64_t frames, uint64_t sends)
{
    const int64_t most = t->net->settings->flush_max_ms * 1000;
    /* where pump threads send, this thread's flush is short: as with few frames per send */
    const uint64_t per_send = sends ? frames / sends : GATHER_FROM;
    if (per_send < GATHER_FROM)
        return 0;
    const int64_t rest =
        per_send < GATHER_FULL ? cost_us * (int64_t)per_send / GATHER_FULL : cost_us;
    return rest < most ? rest : most;
}

/* A flush to many clients takes milliseconds. What comes in meanwhile is read in between, so that
 * it is back from Redis when the flush ends. */
static void flush(struct net_thread *t) REQUIRES(on_net)
{
    const int64_t start = clock_mono_us();
    const uint64_t frames = t->deliveries, sends = t->sends;
    struct net_room *r, *next;
    for (r = t->dirty_rooms, t->dirty_rooms = NULL; r; r = next) {
        next = r->next_dirty;
        fanout_close_run(t, r);
        fanout_room_flushed(t, r);
    }
    struct session *s;
    for (unsigned written = 1; (s = TAILQ_FIRST(&t->dirty)) != NULL; written++) {
        TAILQ_REMOVE(&t->dirty, s, dirty_link);
        s->dirty = false;
        output_write(s);
        if (written % INPUT_EVERY == 0)
            thread_take_input(t);
    }
    join_cache_clear(&t->join);

    const int64_t end = clock_mono_us();
    t->flush_next_us = end + rest_us(t, end - start, t->deliveries - frames, t->sends - sends);
    stat_add(t->net->stats, flushes, 1);
    if (t->gathering)
        stat_add(t->net->stats, flushes_gathered, 1);
    t->gathering = false;
}

static bool nothing_waits(const struct net_thread *t)
{
    return !t->dirty_rooms && TAILQ_EMPTY(&t->dirty);
}

void flush_if_due(struct net_thread *t)
{
    if (nothing_waits(t))
        return;
    if (clock_mono_us() >= t->flush_next_us)
        flush(t);
    else
        t->gathering = true; /* the timer calls at flush_next_us */
}

void flush_if_large(struct net_thread *t)
{
    const uint32_t outbox = (uint32_t)t->net->settings->outbox_kb * 1024 / 4;
    if (t->pending_bytes >= (outbox < LARGE_BYTES ? outbox : LARGE_BYTES))
        flush(t);
}

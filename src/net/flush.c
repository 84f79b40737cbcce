/* When to write.
 *
 * A send costs 5 to 8 µs on loopback, whatever it carries, and a flush costs one send per client
 * that has something waiting. So a flush that is followed by another one at once is time lost for
 * what could have shared its sends. The rule: the next flush begins no sooner than a quarter of
 * the last one's time after its end, at most FLUSH_MAX_MS. A thread with time to spare does not
 * notice; a busy one spends at most four fifths of its time on sends, and more messages cost it
 * bytes, not sends.
 *
 * Why a quarter: 1,000 clients in one room take 8 ms to flush. At 100 messages a second there is
 * one every 10 ms, and each must find the thread ready; with a rest as long as the flush itself
 * (16 ms for one round) the slowest delivery took 24 ms. In a closed loop both gave the same
 * 7 million deliveries a second, 0.09 and 0.10 µs of CPU each. */
#include "fanout.h"

#include "io.h"
#include "thread.h"

enum {
    GATHER_PERCENT = 25,
    LARGE_BYTES = 64 * 1024, /* of one run: more in one send gains nothing */
};

static void flush(struct net_thread *t) REQUIRES(on_net)
{
    const int64_t start = clock_mono_us();
    struct net_room *r, *next;
    for (r = t->dirty_rooms, t->dirty_rooms = NULL; r; r = next) {
        next = r->next_dirty;
        fanout_close_run(t, r);
        fanout_room_flushed(t, r);
    }
    struct session *s;
    while ((s = TAILQ_FIRST(&t->dirty)) != NULL) {
        TAILQ_REMOVE(&t->dirty, s, dirty_link);
        s->dirty = false;
        output_write(s);
    }
    join_cache_clear(&t->join);

    const int64_t end = clock_mono_us(), most = t->net->settings->flush_max_ms * 1000;
    const int64_t gather = (end - start) * GATHER_PERCENT / 100;
    t->flush_next_us = end + (gather < most ? gather : most);
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

/* When to write.
 *
 * A send costs 5 to 8 µs on loopback, whatever it carries, and a flush costs one send per client
 * that has something waiting. So when messages come faster than they can be sent one by one, a
 * flush that is followed by another one at once is time lost for what could have shared its
 * sends. The thread measures its
 *
 *   demand = share of the time that it is busy × frames per send,
 *
 * about the load that it would have if each frame had a send of its own, smoothed over
 * SMOOTH_US. Up to DEMAND_REST it keeps up with that easily, and flushes at once: gathering would
 * buy little and show as latency. Above, it rests after a flush. From there to DEMAND_FULL, where
 * it would have no time left, the rest grows from nothing to
 *
 *   one and a half times the cost of the flush, so that sends take two fifths of the time,
 *
 * but only so long that one flush begins FLUSH_MAX_MS after the other; and where the clients are
 * so many that nothing is left of that, REST_LEAST per cent of FLUSH_MAX_MS.
 *
 * A flush to many clients takes milliseconds. Where much comes in meanwhile (again above
 * DEMAND_REST), it is read in between, and what is back from Redis before it ends joins what waits
 * for those who have not been served yet: one send for two messages, and nobody waits longer than
 * one round of all clients. What was measured of this and of other rules stands in
 * docs/RATIONALE.md. */
#include "fanout.h"

#include "io.h"
#include "thread.h"

enum {
    SMOOTH_US = 100 * 1000,
    DEMAND_REST = 600,       /* in permille: from here on it rests … */
    DEMAND_FULL = 1000,      /* … and from here on as long as it gets */
    REST_LEAST = 45,         /* per cent: see above */
    INPUT_FIRST = 64,        /* clients, half a millisecond: input is read in between; … */
    INPUT_MOST = 64,         /* … in long rounds so often, … */
    INPUT_LEAST = 16,        /* … but not after fewer clients than these */
    POINTERS_PER_SEND = 8,   /* 30 ns each: see close_runs() */
    LARGE_BYTES = 64 * 1024, /* of one run: more in one send gains nothing */
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void flush_turn_begins(struct net_thread *t)
{
    t->load.busy_from_us = clock_mono_us();
    t->now_ms = t->load.busy_from_us / 1000;
}

void flush_turn_ends(struct net_thread *t)
{
    t->load.busy_us += clock_mono_us() - t->load.busy_from_us;
}

/* At the end of a flush. Returns for how long the thread was busy since the last one ended. */
static int64_t measure(struct net_thread *t, int64_t now_us)
{
    struct load *l = &t->load;
    const int64_t cycle_us = now_us - l->flushed_us;
    const int64_t busy_us = l->busy_us + now_us - l->busy_from_us;
    const int64_t frames = (int64_t)(t->out.deliveries - l->frames);
    const int64_t sends = (int64_t)(t->out.sends - l->sends);
    int64_t demand = cycle_us > 0 ? busy_us * 1000 / cycle_us : 0;
    if (frames > sends && sends)
        demand = demand * frames / sends;
    l->demand_permille += (demand - l->demand_permille) * least(cycle_us, SMOOTH_US) / SMOOTH_US;
    l->busy_us = 0;
    l->busy_from_us = l->flushed_us = now_us;
    l->frames = t->out.deliveries;
    l->sends = t->out.sends;
    return busy_us;
}

static int64_t rest_us(const struct net_thread *t, int64_t cost_us)
{
    const int64_t most_us = t->net->settings->flush_max_ms * 1000;
    const int64_t over = least(t->load.demand_permille, DEMAND_FULL) - DEMAND_REST;
    if (over <= 0)
        return 0;
    const int64_t left_us = most_us - cost_us, least_us = most_us * REST_LEAST / 100;
    const int64_t bound_us = left_us > least_us ? left_us : least_us;
    return least(cost_us * 3 / 2, bound_us) * over / (DEMAND_FULL - DEMAND_REST);
}

static bool is_large(const struct net_thread *t, uint32_t bytes)
{
    const uint32_t outbox = (uint32_t)t->net->settings->outbox_kb * 1024 / 4;
    return bytes >= (outbox < LARGE_BYTES ? outbox : LARGE_BYTES);
}

/* Puts what has gathered for rooms into their members' outboxes. Midway only where that costs
 * little, compared with the sends since the last time: one pointer for each member. */
static void close_runs(struct net_thread *t, bool midway) REQUIRES(on_net)
{
    struct net_room **at = &t->dirty_rooms, *r;
    while ((r = *at) != NULL) {
        if (midway && (t->out.sends - r->closed_at) * POINTERS_PER_SEND < r->count &&
            !is_large(t, r->run_bytes)) {
            at = &r->next_dirty;
            continue;
        }
        *at = r->next_dirty;
        fanout_close_run(t, r);
        fanout_room_flushed(t, r);
    }
    t->run_bytes = 0; /* what was left open is small, and counts again when it grows */
}

/* What came in during a flush. */
static void take_more(struct net_thread *t) REQUIRES(on_net)
{
    thread_take_input(t);
    if (t->in_posts)
        return; /* which were large enough to begin this flush: their order must hold */
    thread_run_posts(t);
    close_runs(t, true);
}

/* After how many clients of a round input is read. Short rounds, and those that only wake pump
 * threads, are over before it matters, and what is read then would split what comes together. */
static uint32_t input_every(const struct net_thread *t, uint32_t count)
{
    const uint32_t part = count / INPUT_MOST;
    if (t->dedicated || count < INPUT_MOST * INPUT_LEAST / 2)
        return INPUT_FIRST;
    return part > INPUT_LEAST ? part : INPUT_LEAST;
}

/* One round: each client that has something waiting is served once. */
static void flush(struct net_thread *t) REQUIRES(on_net)
{
    const int64_t start_us = clock_mono_us();
    t->flushing = true;
    close_runs(t, false);
    struct session *s;
    const uint32_t count = t->dirty_count;
    const uint32_t every = input_every(t, count);
    for (uint32_t n = 1; n <= count; n++) {
        if ((s = TAILQ_FIRST(&t->dirty)) == NULL)
            break;
        output_clean(s);
        output_write(s);
        if (n % every == 0 && t->load.demand_permille > DEMAND_REST)
            take_more(t);
    }
    join_cache_clear(&t->join);
    t->flushing = false;

    const int64_t end_us = clock_mono_us();
    const int64_t busy_us = measure(t, end_us);
    if (t->dedicated) { /* pump threads make the batches: sending them is no part of the flush */
        const int64_t rest = rest_us(t, busy_us / 2);
        t->flush_next_us = end_us + rest;
        t->load.first_us = rest / 2;
    } else {
        t->flush_next_us = end_us + rest_us(t, end_us - start_us);
        t->load.first_us = 0;
    }
    stat_add(t->net->stats, flushes, 1);
    if (t->gathering)
        stat_add(t->net->stats, flushes_gathered, 1);
    t->gathering = false;
}

bool flush_waits(const struct net_thread *t)
{
    return t->dirty_rooms || !TAILQ_EMPTY(&t->dirty);
}

void flush_if_due(struct net_thread *t)
{
    if (!flush_waits(t))
        return;
    const int64_t now_us = clock_mono_us();
    if (!t->gathering && t->load.first_us && now_us + t->load.first_us > t->flush_next_us)
        t->flush_next_us = now_us + t->load.first_us;
    if (now_us >= t->flush_next_us)
        flush(t);
    else
        t->gathering = true; /* the timer calls at flush_next_us */
}

void flush_if_large(struct net_thread *t)
{
    if (!t->flushing && is_large(t, t->run_bytes))
        flush(t);
}

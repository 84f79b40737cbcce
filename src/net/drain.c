#include "drain.h"

#include "confab/wire/event.h"
#include "io.h"
#include "session.h"

enum {
    RETURNS_PER_S = 2000, /* what the other instances take in together: see docs/RATIONALE.md */
    RETRY_FROM_MS = 100,  /* an instance that replaces this one may need a moment */
    RETRY_SPREAD_MS = 1000,
    RETRY_SPREAD_MAX_MS = 30000,
    TURN_MOST = 256,  /* byes of one thread per tick */
    ANSWER_MS = 1000, /* most time for the answers to what a client said before its bye */
};

static const char reason[] = "the server stops";

struct drain_plan drain_plan(int64_t clients, int64_t drain_ms)
{
    const int64_t spread_ms = clients * 1000 / RETURNS_PER_S;
    const int64_t most_ms = drain_ms * 4 / 10;
    const int64_t window_ms = spread_ms < most_ms ? spread_ms : most_ms;
    const int64_t left_ms = spread_ms - window_ms;
    return (struct drain_plan){
        .notice_ms = drain_ms / 10,
        .window_ms = window_ms,
        .limit_ms = drain_ms * 3 / 4,
        .retry_ms = (uint32_t)(left_ms < RETRY_SPREAD_MS       ? RETRY_SPREAD_MS
                               : left_ms > RETRY_SPREAD_MAX_MS ? RETRY_SPREAD_MAX_MS
                                                               : left_ms),
    };
}

/* ---- net thread ---- */

static void part(struct session *s) REQUIRES(on_net)
{
    struct net_thread *t = s->thread;
    struct frame *bye =
        event_bye(CLOSE_DRAINING, reason, RETRY_FROM_MS + random_below(t->net->drain.retry_ms));
    output_frame(s, bye);
    frame_unref(bye);
    if (s->state != SESSION_OPEN) /* there was no place for it */
        return;
    input_watch(s, false);
    s->parting = true;
    s->close_ms = t->now_ms + ANSWER_MS;
    TAILQ_REMOVE(&t->all, s, all_link);
    TAILQ_INSERT_TAIL(&t->parting, s, all_link);
}

/* How many of the thread's clients should have got their bye by now. */
static uint64_t due(const struct net_thread *t)
{
    const struct drain_plan *p = &t->net->drain;
    const int64_t since_ms = t->now_ms - t->net->drain_begin_ms - p->notice_ms;
    if (since_ms < 0)
        return 0;
    if (since_ms >= p->window_ms)
        return UINT64_MAX;
    return (uint64_t)t->drain_total * (uint64_t)since_ms / (uint64_t)p->window_ms + 1;
}

/* Twice in a row, because what the hub has just answered may still stand in this thread's queue. */
static bool is_answered(struct session *s)
{
    const bool idle = client_idle(s->client);
    const bool answered = idle && s->idle;
    s->idle = idle;
    return answered;
}

void drain_tick(struct net_thread *t)
{
    struct session *s, *next;
    for (s = TAILQ_FIRST(&t->parting); s; s = next) {
        next = TAILQ_NEXT(s, all_link);
        if (is_answered(s) || t->now_ms > s->close_ms)
            session_end(s, CLOSE_DRAINING, reason);
    }
    const uint64_t wanted = due(t);
    for (int i = 0; i < TURN_MOST && t->drain_done < wanted; i++) {
        if ((s = TAILQ_FIRST(&t->all)) == NULL)
            return;
        t->drain_done++;
        part(s);
    }
}

void drain_start(struct net_thread *t)
{
    struct session *s;
    t->draining = true;
    TAILQ_FOREACH(s, &t->all, all_link)
    {
        t->drain_total++;
    }
    drain_tick(t);
}

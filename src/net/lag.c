/* Clients that take less than they are sent.
 *
 *   half of OUTBOX_KB, or of MAX_QUEUE_MB for all: typing and presence are left out
 *   all of it: what waits for rooms is dropped and the client leaves the rooms of this thread;
 *     when its socket has drained it gets one `resync` per room, joins again and is served from
 *     the history. Private messages that do not fit then end the connection: it comes back and
 *     sees in `welcome` what it missed.
 *   blocked for LAG_CLOSE_S: the connection is ended (session.c)
 *
 * Answers always fit, or who fills a room with large messages could lock others out of it. But a
 * client that has more of them waiting than OUTBOX_KB is not read any more (lag_gate), and with
 * MAX_QUEUE_MB used up it is ended. An empty outbox takes anything. */
#include "fanout.h"

#include "confab/wire/event.h"
#include "io.h"
#include "session.h"

#include <stdlib.h>

static uint32_t bound(const struct session *s)
{
    return (uint32_t)s->thread->net->settings->outbox_kb * 1024;
}

enum lag_level lag_level(const struct session *s, uint32_t size)
{
    const uint64_t queued = s->client->queued;
    if (queued == 0)
        return LAG_NONE;
    const uint32_t most = bound(s);
    if (queued + size > most || s->thread->pressure > 1)
        return LAG_HARD;
    return s->thread->pressure > 0 || queued + size > most / 2 ? LAG_SOFT : LAG_NONE;
}

bool lag_refuses_answer(const struct session *s)
{
    return s->thread->pressure > 1 && s->client->answers > bound(s);
}

void lag_gate(struct session *s)
{
    struct client *c = s->client;
    if (s->state != SESSION_OPEN)
        return;
    if (c->answers + c->queued > bound(s)) {
        s->gated = true;
        input_watch(s, false);
        return;
    }
    if (s->answered) {
        s->answered = false;
        client_answered(c);
        session_run_reader(c);
    }
    if (s->gated && s->state == SESSION_OPEN) {
        s->gated = false;
        input_go(s);
    }
}

void lag_update(struct net_thread *t)
{
    const int64_t most = t->net->settings->max_queue_mb * 1024 * 1024;
    const int64_t queued = stat_get(t->net->stats, queue_bytes) + t->queued_change;
    t->pressure = (queued > most / 2) + (queued > most);
}

/* Where the client's view of the room ends: before the first message that is thrown away. */
static uint64_t seen_up_to(struct session *s, const struct seat *seat)
{
    const struct net_room *r = seat->room;
    const uint64_t served = r->members[seat->index].served;
    const uint64_t waiting = client_first_seq(s->client, r->id);
    if (waiting)
        return waiting - 1;
    return served > r->sent_seq ? served : r->sent_seq;
}

void lag_start(struct session *s)
{
    stat_add(s->thread->net->stats, clients_lagged, 1);
    s->lagging = true;
    s->lag_count = s->seat_count;
    s->lag = xmalloc(s->seat_count * sizeof(*s->lag));
    for (uint32_t i = 0; i < s->seat_count; i++) {
        const struct seat *seat = &s->seats[i];
        s->lag[i] = (struct lag_point){ xstrdup(seat->room->name), seen_up_to(s, seat) };
    }
    output_count(s->thread, -(int64_t)client_drop_rooms(s->client));
    fanout_remove_all(s);
    output_dirty(s); /* where the outbox is empty now, no send will say that it has drained */
}

void lag_end(struct session *s)
{
    struct lag_point *points = s->lag;
    const uint32_t count = s->lag_count;
    s->lag = NULL;
    s->lag_count = 0;
    s->lagging = false;
    for (uint32_t i = 0; i < count; i++) {
        struct frame *f = event_resync(points[i].room, points[i].seq);
        output_frame(s, f);
        frame_unref(f);
        free(points[i].room);
    }
    free(points);
}

void lag_fini(struct session *s)
{
    for (uint32_t i = 0; i < s->lag_count; i++)
        free(s->lag[i].room);
    free(s->lag);
    s->lag = NULL;
    s->lag_count = 0;
    s->lagging = false;
}

/* One client in one room: joining, resuming, leaving, and the outbox. */
#include "soak.h"

#include <stdio.h>
#include <string.h>

void room_name(const struct soak *s, char out[SOAK_NAME], uint32_t room)
{
    (void)snprintf(out, SOAK_NAME, "soak-%s-%u", s->run, room);
}

struct seat *seat_find(struct client *c, uint32_t room)
{
    for (unsigned i = 0; i < c->seat_count; i++) {
        if (c->seats[i].room == room)
            return &c->seats[i];
    }
    return NULL;
}

static void forget_joined(struct seat *seat)
{
    json_decref(seat->joined);
    seat->joined = NULL;
}

/* Any room that the client is not in; the same one again when there is no other. */
static void take_room(struct client *c, struct seat *seat)
{
    struct soak *s = c->soak;
    uint32_t left = seat->room;
    uint32_t room = soak_random(s, s->opt->rooms);
    seat->leaving = false;
    while (room != left && seat_find(c, room))
        room = (room + 1) % s->opt->rooms;
    seat->room = room;
}

void seat_leave(struct client *c, struct seat *seat)
{
    frames_leave(c, seat->room);
    ledger_left(c->soak->ledger, c->index, seat->room);
    forget_joined(seat);
    seat->in = false;
    seat->leaving = true;
    seat->asked_us = c->soak->now_us;
}

void seat_left(struct client *c, struct seat *seat)
{
    if (!seat->leaving)
        return;
    take_room(c, seat);
    seat->asked_us = 0;
    seat_ask(c, seat);
}

void seat_offline(struct client *c, struct seat *seat)
{
    forget_joined(seat);
    seat->in = false;
    seat->asked_us = 0;
    if (seat->leaving)
        take_room(c, seat);
}

void seat_ask(struct client *c, struct seat *seat)
{
    struct soak *s = c->soak;
    const char *epoch = NULL;
    uint64_t seq = 0;
    seat->stale = true;
    if (c->state != CLIENT_ONLINE || seat->asked_us || seat->leaving)
        return;
    seat->asked_us = s->now_us;
    (void)ledger_ask(s->ledger, c->index, seat->room, &epoch, &seq);
    frames_join(c, seat->room, epoch, seq);
}

void seats_put_off(struct client *c, int64_t delay_us)
{
    c->ask_us = c->soak->now_us + delay_us;
    for (unsigned i = 0; i < c->seat_count; i++)
        c->seats[i].asked_us = 0;
}

/* --missed: the client has everything back. */
static void check_complete(struct client *c)
{
    struct soak *s = c->soak;
    if (s->phase != PHASE_RETURN || c->complete)
        return;
    for (unsigned i = 0; i < c->seat_count; i++) {
        if (!c->seats[i].in)
            return;
    }
    c->complete = true;
    hist_add(&s->resume, s->now_us - c->hello_us);
}

void seat_answered(struct client *c, struct seat *seat)
{
    forget_joined(seat);
    seat->asked_us = 0;
    if (!seat->in && seat->under_way)
        seat->try_us = c->soak->now_us; /* whether it arrived, the old connection never said */
    seat->in = true;
    seat->stale = false;
    seat_send(c, seat);
    check_complete(c);
}

void seat_send(struct client *c, struct seat *seat)
{
    struct soak *s = c->soak;
    char text[SOAK_TEXT];
    if (c->state != CLIENT_ONLINE || !seat->in || seat->leaving)
        return;
    if (seat->under_way ? s->now_us < seat->try_us : !seat->due)
        return;
    bool first = !seat->under_way;
    if (first) {
        seat->due--;
        seat->under_way = true;
        seat->n = ledger_next(s->ledger, c->index, seat->room);
        seat->first_us = s->now_us;
    }
    seat->put_off = false;
    seat->try_us = s->now_us + ANSWER_US;
    size_t size = frames_text(c, seat, text);
    if (first)
        ledger_sent(s->ledger, c->index, seat->room, ledger_hash(LEDGER_HASH, text, size),
                    s->now_us);
    frames_message(c, seat, text);
}

void seat_acked(struct client *c, struct seat *seat)
{
    seat->under_way = false;
    seat_send(c, seat);
}

void seat_refused(struct client *c, struct seat *seat, int64_t delay_us)
{
    if (delay_us >= 0) {
        seat->put_off = true;
        seat->try_us = c->soak->now_us + delay_us;
        return;
    }
    ledger_refused(c->soak->ledger, c->index, seat->room, seat->n);
    seat->under_way = false;
}

void seat_check(struct client *c, struct seat *seat)
{
    int64_t now_us = c->soak->now_us;
    if (seat->asked_us && now_us - seat->asked_us > ANSWER_US) {
        seat->asked_us = 0;
        if (seat->leaving)
            seat_leave(c, seat);
    }
    if ((!seat->in || seat->stale) && now_us >= c->ask_us)
        seat_ask(c, seat);
    seat_send(c, seat);
}

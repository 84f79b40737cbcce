/* What is done to the clients while they chat: messages, cuts and changes of rooms at their own
 * rates, whatever becomes of the ones before. */
#include "soak.h"

enum { TRIES = 16 }; /* to find a client to whom it can be done */

static int64_t due_us(const struct soak *s, uint64_t k, unsigned rate)
{
    return s->running_us + (int64_t)(k * 1000000 / rate);
}

static struct client *any_client(struct soak *s)
{
    return &s->clients[soak_random(s, s->opt->clients)];
}

static void message(struct soak *s)
{
    for (unsigned i = 0; i < TRIES; i++) {
        struct client *c = any_client(s);
        struct seat *seat = &c->seats[soak_random(s, c->seat_count)];
        if (seat->leaving)
            continue;
        seat->due++;
        seat_send(c, seat);
        return;
    }
}

static void drop(struct soak *s)
{
    static const enum link_end ends[] = { LINK_CLOSE, LINK_CUT, LINK_RESET };
    for (unsigned i = 0; i < TRIES; i++) {
        struct client *c = any_client(s);
        if (c->state != CLIENT_ONLINE)
            continue;
        int64_t away_us = (int64_t)soak_random(s, s->opt->sleep_ms * 1000 + 1);
        client_sleep(c, s->now_us + away_us, ends[soak_random(s, 3)]);
        return;
    }
}

static void move(struct soak *s)
{
    for (unsigned i = 0; i < TRIES; i++) {
        struct client *c = any_client(s);
        struct seat *seat = &c->seats[soak_random(s, c->seat_count)];
        if (c->state != CLIENT_ONLINE || !seat->in || seat->asked_us || seat->leaving ||
            seat->under_way || seat->due)
            continue;
        seat_leave(c, seat);
        return;
    }
}

static void at_rate(struct soak *s, unsigned rate, uint64_t *done, void (*act)(struct soak *))
{
    while (rate && due_us(s, *done, rate) <= s->now_us) {
        ++*done;
        act(s);
    }
}

void trouble_tick(struct soak *s)
{
    at_rate(s, s->opt->rate, &s->due_sent, message);
    at_rate(s, s->opt->drop, &s->due_dropped, drop);
    at_rate(s, s->opt->moves, &s->due_moved, move);
}

void trouble_end(struct soak *s)
{
    for (unsigned i = 0; i < s->client_count; i++) {
        struct client *c = &s->clients[i];
        client_shown(c); /* the silence up to here */
        for (unsigned k = 0; k < c->seat_count; k++)
            c->seats[k].due = 0; /* never went out, so nothing was promised */
        if (c->sleeping)
            c->wake_us = s->now_us;
        if (c->paused)
            link_read(c, true);
        c->paused = false;
        c->heard_us = s->now_us;
    }
}

/* One client's connection: docs/PROTOCOL.md as a faithful client keeps it. */
#include "soak.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned seats_of(const struct soak *s, uint32_t index)
{
    return index < s->opt->clients ? s->opt->joined : 1; /* a publisher is in its room alone */
}

void client_name(const struct soak *s, char out[SOAK_NAME], uint32_t index)
{
    (void)snprintf(out, SOAK_NAME, "soak-%s-%u", s->run, index);
}

void client_init(struct client *c, struct soak *s, uint32_t index)
{
    c->soak = s;
    c->index = index;
    c->url = index % s->opt->url_count;
    c->slow = index < s->opt->slow;
    c->out_tail = &c->out_head;
    c->wake_us = s->start_us + (int64_t)index * START_US;
    c->seat_count = seats_of(s, index);
    c->seats = xcalloc(c->seat_count, sizeof *c->seats);
    uint32_t first = index < s->opt->clients ? index : index - s->opt->clients;
    for (unsigned i = 0; i < c->seat_count; i++)
        c->seats[i].room = (first + i) % s->opt->rooms;
    hex_random(c->session, sizeof c->session / 2);
}

void client_fini(struct client *c)
{
    link_forget(c);
    str_fini(&c->rx);
    for (unsigned i = 0; i < c->seat_count; i++)
        json_decref(c->seats[i].joined);
    free(c->seats);
}

bool client_is_awake(const struct client *c)
{
    return !c->sleeping && !c->paused;
}

void client_shown(struct client *c)
{
    struct soak *s = c->soak;
    if (s->phase == PHASE_LOAD && client_is_awake(c) &&
        (uint64_t)(s->now_us - c->shown_us) > s->silence_us)
        s->silence_us = (uint64_t)(s->now_us - c->shown_us);
    c->shown_us = s->now_us;
}

void client_open(struct client *c)
{
    struct soak *s = c->soak;
    if (c->sleeping)
        c->shown_us = s->now_us;
    c->sleeping = false;
    if (c->started) /* the first one is to every URL in turn, so that each one is tried */
        c->url = soak_random(s, s->opt->url_count);
    c->state = CLIENT_CONNECTING;
    c->close_code = 0;
    c->bye_us = 0;
    c->wake_us = s->now_us + CONNECT_US;
    link_open(c);
}

/* Full jitter: any time up to a limit that doubles, so that many do not come back at once. */
static int64_t backoff_us(struct client *c)
{
    unsigned shift = c->attempts < 5 ? c->attempts : 5;
    uint32_t limit_ms = BACKOFF_MS << shift;
    if (limit_ms > BACKOFF_MAX_MS)
        limit_ms = BACKOFF_MAX_MS;
    c->attempts++;
    return (int64_t)soak_random(c->soak, limit_ms * 1000);
}

static void offline(struct client *c)
{
    c->state = CLIENT_OFFLINE;
    c->wsi = NULL;
    c->hello_put_off = c->paused = false;
    link_forget(c);
    ledger_offline(c->soak->ledger, c->index);
    for (unsigned i = 0; i < c->seat_count; i++)
        seat_offline(c, &c->seats[i]);
}

void client_opened(struct client *c)
{
    struct soak *s = c->soak;
    s->urls[c->url].reached = true;
    c->state = CLIENT_GREETING;
    c->heard_us = c->hello_us = s->now_us;
    c->wake_us = s->now_us + ANSWER_US;
    frames_hello(c);
}

void client_hello_put_off(struct client *c, int64_t delay_us)
{
    c->hello_put_off = true;
    c->wake_us = c->soak->now_us + delay_us;
    for (unsigned i = 0; i < c->seat_count; i++)
        c->seats[i].asked_us = 0;
}

void client_welcomed(struct client *c)
{
    struct soak *s = c->soak;
    s->connects++;
    s->reconnects += c->started;
    c->started = true;
    c->attempts = 0;
    c->state = CLIENT_ONLINE;
    c->check_us = c->ask_us = 0;
    c->pace_us = s->now_us + (int64_t)soak_random(s, s->opt->sleep_ms * 1000);
    for (unsigned i = 0; i < c->seat_count; i++)
        seat_ask(c, &c->seats[i]);
}

void client_closed(struct client *c)
{
    struct soak *s = c->soak;
    if (c->close_code >= 1002 && (c->close_code < 4100 || c->close_code > 4299))
        log_warn("closed", "client=%u code=%u", c->index, c->close_code);
    int64_t bye_us = c->bye_us;
    offline(c);
    c->wake_us = bye_us ? bye_us : s->now_us + backoff_us(c);
}

void client_refused(struct client *c, const char *why)
{
    struct soak *s = c->soak;
    struct url_state *u = &s->urls[c->url];
    u->failures++;
    (void)snprintf(u->reason, sizeof u->reason, "%s", why);
    offline(c);
    c->wake_us = s->now_us + backoff_us(c);
}

void client_sleep(struct client *c, int64_t until_us, enum link_end how)
{
    link_end(c, how);
    offline(c);
    c->sleeping = true;
    c->wake_us = until_us;
}

/* Connecting, or the answer to hello, takes too long. */
static void give_up(struct client *c)
{
    bool open = c->state == CLIENT_GREETING;
    link_end(c, LINK_CUT);
    if (open)
        client_closed(c);
    else
        client_refused(c, "no answer in time");
}

/* A slow client reads for a while, then it does not. */
static void pace(struct client *c)
{
    struct soak *s = c->soak;
    if (!c->slow || s->phase != PHASE_LOAD || s->now_us < c->pace_us)
        return;
    c->paused = !c->paused;
    link_read(c, !c->paused);
    c->shown_us = c->heard_us = s->now_us;
    c->pace_us = s->now_us + (int64_t)soak_random(s, s->opt->sleep_ms * 1000);
}

static void check_online(struct client *c)
{
    struct soak *s = c->soak;
    pace(c);
    if (s->now_us < c->check_us)
        return;
    c->check_us = s->now_us + CHECK_US;
    for (unsigned i = 0; i < c->seat_count; i++)
        seat_check(c, &c->seats[i]);
    if (c->paused || s->now_us - c->heard_us < c->heartbeat_us * 5 / 2)
        return;
    log_info("silent", "client=%u url=%s", c->index, s->opt->urls[c->url].text);
    link_end(c, LINK_CUT);
    client_closed(c);
}

void client_check(struct client *c)
{
    if (c->state == CLIENT_ONLINE) {
        check_online(c);
        return;
    }
    if (c->soak->now_us < c->wake_us)
        return;
    if (c->state == CLIENT_OFFLINE) {
        client_open(c);
    } else if (c->hello_put_off) {
        c->hello_put_off = false;
        c->wake_us = c->soak->now_us + ANSWER_US;
        frames_hello(c);
    } else {
        give_up(c);
    }
}

bool client_is_settled(const struct client *c)
{
    for (unsigned i = 0; i < c->seat_count; i++) {
        const struct seat *seat = &c->seats[i];
        if (!seat->in || seat->leaving || seat->asked_us || seat->under_way)
            return false;
    }
    return c->state == CLIENT_ONLINE;
}

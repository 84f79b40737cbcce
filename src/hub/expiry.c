/* A connection of an account lives as long as its access token, which it may refresh:
 *
 *   welcome ── `auth expiring` ── the token expires ── TOKEN_GRACE_S ── closed with 4003
 *
 * While Redis is away, nobody can refresh, so nobody is closed: the grace begins when it is back. */
#include "state.h"

#include <stdlib.h>

enum { WARN_MS = 60000, RETRY_MS = 1000, CLOSE_TOKEN = 4003 };

struct expiry {
    struct hub *hub;
    struct peer *peer;
    struct event *timer;
    int64_t ends_mono_ms;
    bool warned;
};

static void arm(struct expiry *e, int64_t ms)
{
    ms = ms > 0 ? ms : 0;
    const struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
    evtimer_add(e->timer, &tv);
}

static int64_t grace_ms(const struct expiry *e)
{
    return e->hub->settings->token_grace_s * 1000;
}

static void warn(struct expiry *e, int64_t now) REQUIRES(on_hub)
{
    const int64_t left = e->ends_mono_ms - now;
    e->warned = true;
    peer_send_new(e->hub, e->peer, event_auth_expiring(left > 0 ? (left + 999) / 1000 : 0));
    arm(e, left + grace_ms(e));
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    struct expiry *e = arg;
    struct hub *h = e->hub;
    const int64_t now = clock_mono_ms();
    if (!e->warned) {
        warn(e, now);
        return;
    }
    const int64_t since = e->ends_mono_ms > h->ready_mono_ms ? e->ends_mono_ms : h->ready_mono_ms;
    const int64_t left = since + grace_ms(e) - now;
    if (!h->ready)
        arm(e, RETRY_MS);
    else if (left > 0)
        arm(e, left);
    else
        h->port.close(h->port.arg, e->peer, CLOSE_TOKEN, "the access token has expired", -1);
}

void expiry_start(struct hub *h, struct peer *p, int64_t expires_s)
{
    const int64_t now = clock_mono_ms();
    const int64_t life = h->settings->access_token_s * 1000;
    const int64_t before = life / 2 < WARN_MS ? life / 2 : WARN_MS;
    struct expiry *e = p->expiry;
    if (!e) {
        e = xcalloc(1, sizeof *e);
        e->hub = h;
        e->peer = p;
        e->timer = evtimer_new(h->base, on_time, e);
        if (!e->timer)
            BUG("evtimer_new");
        p->expiry = e;
    }
    e->warned = false;
    e->ends_mono_ms = now + expires_s * 1000 - keyring_time_ms(h->keyring, now);
    arm(e, e->ends_mono_ms - before - now);
}

void expiry_stop(struct peer *p)
{
    struct expiry *e = p->expiry;
    p->expiry = NULL;
    if (!e)
        return;
    event_free(e->timer);
    free(e);
}

int64_t expiry_left_s(struct hub *h, int64_t expires_s)
{
    const int64_t left = expires_s * 1000 - keyring_time_ms(h->keyring, clock_mono_ms());
    return left > 0 ? (left + 999) / 1000 : 0;
}

/* The keys that sign access tokens. All instances share them through Redis; they are fetched when
 * it is there, once a minute, and when a token came whose key nobody here knows: a clock of Redis
 * comes with them. */
#include "state.h"

#include "confab/store/accounts.h"
#include "confab/wire/file.h"

#include <stdlib.h>
#include <string.h>

enum {
    KEYS_EVERY_MS = 60000,
    KEYS_UNKNOWN_MS = 1000, /* so often for tokens of an unknown key: those cost nothing to make */
    KEYS_TICK_MS = 500,
    RETRY_KEYS_MS = 1000,
    KEYS_WAITING_MAX = 1024, /* commands that wait for a key */
};

struct keys {
    struct event *tick;
    bool asking;
    int64_t asked_mono_ms; /* 0: never */
    struct ring waiting;   /* of struct command, with a reference to its peer */
    uint32_t behind;       /* of these: came after the question that is under way */
};

static void run_later(struct hub *h, struct command *c) REQUIRES(on_hub)
{
    struct peer *p = c->peer;
    command_verify(c, h->keyring);
    if (c->verdict == TOKEN_UNKNOWN_KEY)
        c->verdict = TOKEN_BAD;
    if (c->type == COMMAND_HELLO)
        peer_hello_known(h, p, c);
    else
        command_run(h, p, c);
    peer_leave(h, p);
    peer_unref(p);
}

static void answered(void *arg, const struct store_keys *r)
{
    role_assume(&on_hub);
    struct hub *h = arg;
    struct keys *k = h->keys;
    if (!k)
        return;
    k->asking = false;
    if (r->status != STORE_OK)
        return; /* who waits goes on waiting, as for a claim */
    keyring_set(h->keyring, r->keys, r->count, r->now_ms, clock_mono_ms());
    while (ring_size(&k->waiting) > k->behind)
        run_later(h, ring_pop(&k->waiting));
    k->behind = 0;
}

static void ask(struct hub *h) REQUIRES(on_hub)
{
    struct keys *k = h->keys;
    struct token_key candidate;
    const bool wanted =
        h->settings->accounts_mode != ACCOUNTS_OFF || h->settings->file_max_kb > 0; /* tickets */
    if (k->asking || !h->ready || !wanted)
        return;
    hex_random(candidate.kid, KID_CHARS / 2);
    random_bytes(candidate.key, sizeof candidate.key);
    candidate.created_ms = 0; /* Redis says */
    k->asked_mono_ms = clock_mono_ms();
    k->behind = 0;
    k->asking = store_keys(h->store, &candidate, answered, h) == 0;
    secret_wipe(&candidate, sizeof candidate);
}

void keys_refresh(struct hub *h)
{
    ask(h);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    struct hub *h = arg;
    const int64_t since = clock_mono_ms() - h->keys->asked_mono_ms;
    if (since >= (ring_size(&h->keys->waiting) ? KEYS_UNKNOWN_MS : KEYS_EVERY_MS))
        ask(h);
}

bool keys_wait(struct hub *h, struct peer *p, struct command *c)
{
    struct keys *k = h->keys;
    if (c->verdict != TOKEN_UNKNOWN_KEY)
        return false;
    if (ring_size(&k->waiting) >= KEYS_WAITING_MAX || !ring_push(&k->waiting, c)) {
        c->verdict = TOKEN_BAD;
        return false;
    }
    c->peer = peer_ref(p);
    if (k->asking)
        k->behind++;
    else if (clock_mono_ms() - k->asked_mono_ms >= KEYS_UNKNOWN_MS)
        ask(h);
    return true;
}

int keys_sign(struct hub *h, const char *user, const char *device, struct token_claims *out,
              struct str *token)
{
    const int64_t now = clock_mono_ms();
    struct token_claims claims = { .issued_s = keyring_time_ms(h->keyring, now) / 1000 };
    claims.expires_s = claims.issued_s + h->settings->access_token_s;
    text_copy(claims.user, sizeof claims.user, user);
    text_copy(claims.device, sizeof claims.device, device);
    const int error = keyring_sign(h->keyring, &claims, now, token);
    if (!error)
        *out = claims;
    return error;
}

void keys_ticket(struct hub *h, struct peer *p, const char *cid)
{
    const int64_t now = clock_mono_ms();
    struct token_claims claims = { .use = p->device[0] ? TOKEN_FOR_FILES : TOKEN_FOR_GUEST_FILES };
    struct str ticket = STR_INIT;
    if (h->settings->file_max_kb == 0) {
        peer_error(h, p, ERROR_FILES_OFF, cid, NULL, -1);
        return;
    }
    claims.issued_s = keyring_time_ms(h->keyring, now) / 1000;
    claims.expires_s = claims.issued_s + FILE_TICKET_S;
    text_copy(claims.user, sizeof claims.user, p->user->name);
    if (p->device[0])
        text_copy(claims.device, sizeof claims.device, p->device);
    else
        secret_digest(claims.device, p->session);
    if (keyring_sign(h->keyring, &claims, now, &ticket) == 0)
        peer_send_new(h, p, event_ticket(cid, ticket.data, FILE_TICKET_S));
    else
        peer_error(h, p, ERROR_UNAVAILABLE, cid, NULL, RETRY_KEYS_MS);
    str_fini(&ticket);
}

enum error_code keys_token_error(const struct command *c)
{
    switch (c->verdict) {
    case TOKEN_NONE:
    case TOKEN_GOOD:
        return ERROR_NONE;
    case TOKEN_EXPIRED:
        return ERROR_TOKEN_EXPIRED;
    case TOKEN_BAD:
    case TOKEN_UNKNOWN_KEY:
        break;
    }
    return ERROR_BAD_TOKEN;
}

void keys_start(struct hub *h)
{
    struct keys *k = xcalloc(1, sizeof *k);
    const struct timeval every = { .tv_usec = KEYS_TICK_MS * 1000 };
    ring_init(&k->waiting, KEYS_WAITING_MAX);
    k->tick = event_new(h->base, -1, EV_PERSIST, on_tick, h);
    if (!k->tick || event_add(k->tick, &every) != 0)
        BUG("event_new");
    h->keys = k;
}

void keys_stop(struct hub *h)
{
    struct keys *k = h->keys;
    h->keys = NULL;
    for (struct command *c; (c = ring_pop(&k->waiting));) {
        peer_unref(c->peer);
        command_free(c);
    }
    ring_fini(&k->waiting);
    event_free(k->tick);
    free(k);
}

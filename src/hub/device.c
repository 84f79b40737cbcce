/* Devices of accounts: the list of them, and their end. */
#include "state.h"

#include "confab/store/accounts.h"

#include <stdlib.h>
#include <string.h>

enum {
    CLOSE_NAME_LOST = 4002,
    RETRY_UNAVAILABLE_MS = 1000,
    ONLINE_MS = 90000, /* an instance says every minute which devices it sees (alive.lua) */
};

/* ---- requests ---- */

/* A request of an HTTP peer that waits for Redis. */
struct request {
    struct hub *hub;
    struct peer *peer; /* counted */
    struct command *c; /* own */
    struct refresh_token token;
};

static void answer(struct request *op, struct frame *f) REQUIRES(on_hub)
{
    peer_send_new(op->hub, op->peer, f);
    op->peer->in_flight--;
    peer_unref(op->peer);
    command_free(op->c);
    secret_wipe(&op->token, sizeof op->token);
    free(op);
}

static void answer_error(struct request *op, enum error_code code, int64_t retry_after_ms)
    REQUIRES(on_hub)
{
    answer(op, event_error(code, NULL, NULL, retry_after_ms));
}

static void answer_failure(struct request *op, enum store_status status) REQUIRES(on_hub)
{
    if (status == STORE_REVOKED)
        answer_error(op, ERROR_BAD_TOKEN, -1);
    else if (status == STORE_REFUSED)
        answer_error(op, ERROR_STORE_FAILED, -1);
    else
        answer_error(op, ERROR_UNAVAILABLE, RETRY_UNAVAILABLE_MS);
}

/* 0 from an operation of the store: it goes on. */
static void unless_sent(struct request *op, int error) REQUIRES(on_hub)
{
    if (error)
        answer_failure(op, STORE_UNAVAILABLE);
}

static bool is_here(const struct user *u, const char *device)
{
    for (const struct peer *p = u ? u->peers : NULL; p; p = p->next)
        if (strcmp(p->device, device) == 0)
            return true;
    return false;
}

static void listed(void *arg, const struct store_devices *r)
{
    role_assume(&on_hub);
    struct request *op = arg;
    if (r->status != STORE_OK) {
        answer_failure(op, r->status);
        return;
    }
    const struct token_claims *claims = op->c->claims;
    const struct user *u = user_find(op->hub, claims->user);
    const int64_t now = keyring_time_ms(op->hub->keyring, clock_mono_ms());
    struct device_info *devices = xcalloc(r->count + 1, sizeof *devices);
    for (size_t i = 0; i < r->count; i++) {
        devices[i] = r->devices[i];
        devices[i].online = is_here(u, devices[i].id) || now - devices[i].seen_ms < ONLINE_MS;
    }
    answer(op, event_devices(devices, r->count, claims->device));
    free(devices);
}

static void revoked(void *arg, const struct store_revoked *r)
{
    role_assume(&on_hub);
    struct request *op = arg;
    const bool logout = op->c->type == COMMAND_LOGOUT; /* fine when it was signed out before */
    const bool ended = r->status == STORE_OK && r->count > 0;
    if (ended || (logout && (r->status == STORE_OK || r->status == STORE_REVOKED)))
        answer(op, event_done());
    else if (r->status == STORE_OK)
        answer_error(op, ERROR_NOT_FOUND, -1);
    else
        answer_failure(op, r->status);
}

/* device NULL: all. */
static void ask_revoke(struct request *op, const char *user, const char *device, const char *asker)
    REQUIRES(on_hub)
{
    const struct store_revoke what = { .user = user, .device = device, .asker = asker };
    unless_sent(op, store_revoke(op->hub->store, &what, revoked, op));
}

/* Whoever has a device's refresh token may sign it out. */
static void logout_seed(void *arg, const struct store_seed *r)
{
    role_assume(&on_hub);
    struct request *op = arg;
    unsigned char seed[SECRET_BYTES];
    const char *device = op->token.device;
    if (r->status == STORE_NONE)
        answer(op, event_done()); /* it was signed out before */
    else if (r->status != STORE_OK)
        answer_failure(op, r->status);
    else if (!secret_read(seed, r->seed) || !refresh_token_genuine(&op->token, seed))
        answer_error(op, ERROR_BAD_TOKEN, -1);
    else
        ask_revoke(op, r->user, op->c->all ? NULL : device, device);
    secret_wipe(seed, sizeof seed);
}

static void logout(struct request *op) REQUIRES(on_hub)
{
    const struct command *c = op->c;
    if (!c->refresh_token)
        ask_revoke(op, c->claims->user, c->all ? NULL : c->claims->device, c->claims->device);
    else if (!refresh_token_read(c->refresh_token, &op->token))
        answer_error(op, ERROR_BAD_TOKEN, -1);
    else
        unless_sent(op, store_seed(op->hub->store, op->token.device, logout_seed, op));
}

void device_run(struct hub *h, struct peer *p, struct command *c)
{
    struct request *op = xcalloc(1, sizeof *op);
    *op = (struct request){ .hub = h, .peer = peer_ref(p), .c = c };
    p->in_flight++;
    if (c->type == COMMAND_LOGOUT)
        logout(op);
    else if (c->type == COMMAND_DEVICES)
        unless_sent(op, store_devices(h->store, c->claims->user, c->claims->device, listed, op));
    else
        ask_revoke(op, c->claims->user, c->device, c->claims->device);
}

/* ---- what other instances did, and this one ---- */

/* ids: "ID ID …", "*": all, or "* ID": all but that one. */
static bool names_device(const char *ids, const char *device)
{
    bool all = ids[0] == '*';
    return (strstr(ids, device) != NULL) != all;
}

void devices_revoked(struct hub *h, const char *user, const char *ids)
{
    struct user *u = user_find(h, user);
    for (struct peer *p = u ? u->peers : NULL; p; p = p->next)
        if (p->device[0] && names_device(ids, p->device))
            peer_signed_out(h, p);
}

void guests_out(struct hub *h, const char *user)
{
    struct user *u = user_find(h, user);
    h->accounts_used = true;
    for (struct peer *p = u ? u->peers : NULL; p; p = p->next)
        if (!p->device[0] && p->state == PEER_WELCOMED)
            h->port.close(h->port.arg, p, CLOSE_NAME_LOST, "the name belongs to an account", -1);
}

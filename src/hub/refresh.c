/* Refresh tokens: over HTTP (COMMAND_TOKEN), or inside the connection (COMMAND_AUTH).
 *
 *   the seed of its device → is it genuine? → it is used up, once → its successor and an access token
 *
 * One that is not genuine changes nothing; a genuine one that was used up before means that two
 * have it, and ends the device (RFC 9700 section 4.14.2). */
#include "state.h"

#include "confab/store/accounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_UNAVAILABLE_MS = 1000, RETRY_BUSY_MS = 500, DAY_S = 86400 };

struct refresh {
    struct hub *hub;
    struct peer *peer; /* a reference */
    struct refresh_token token;
    unsigned char seed[SECRET_BYTES];
    char user[NAME_MAX_BYTES + 1];
};

static void refresh_free(struct refresh *r) REQUIRES(on_hub)
{
    r->peer->in_flight--;
    peer_unref(r->peer);
    secret_wipe(r, sizeof *r);
    free(r);
}

static void refuse(struct refresh *r) REQUIRES(on_hub)
{
    stat_add(r->hub->stats, tokens_refused, 1);
    peer_error(r->hub, r->peer, ERROR_BAD_TOKEN, NULL, "refresh_token", -1);
    refresh_free(r);
}

static void fail(struct refresh *r, enum store_status status) REQUIRES(on_hub)
{
    if (status == STORE_REFUSED)
        peer_error(r->hub, r->peer, ERROR_STORE_FAILED, NULL, NULL, -1);
    else
        peer_error(r->hub, r->peer, ERROR_UNAVAILABLE, NULL, NULL, RETRY_UNAVAILABLE_MS);
    refresh_free(r);
}

static void fail_unsent(struct refresh *r, int error) REQUIRES(on_hub)
{
    if (error != -EBUSY) {
        fail(r, STORE_UNAVAILABLE);
        return;
    }
    peer_error(r->hub, r->peer, ERROR_BUSY, NULL, NULL, RETRY_BUSY_MS);
    refresh_free(r);
}

static void answer(struct refresh *r, const struct token_claims *claims, const char *access,
                   const char *next) REQUIRES(on_hub)
{
    struct hub *h = r->hub;
    struct peer *p = r->peer;
    stat_add(h->stats, tokens_refreshed, 1);
    if (p->http) {
        peer_send_new(
            h, p, event_tokens(claims, access, next, h->settings->refresh_token_days * DAY_S, 200));
    } else if (p->state == PEER_WELCOMED) {
        auth_taken(h, p, claims);
        peer_send_new(
            h, p, event_auth(claims->device, claims->expires_s - claims->issued_s, access, next));
    }
}

static void used_up(void *arg, const struct store_rotated *result)
{
    role_assume(&on_hub);
    struct refresh *r = arg;
    struct token_claims claims;
    struct str access = STR_INIT;
    char next[RULE_REFRESH_BYTES + 1];
    char user[4 * NAME_MAX_BYTES];
    if (result->status == STORE_REVOKED)
        log_warn("refresh_reuse", "user=%s device=%s", log_quote(user, sizeof user, r->user),
                 r->token.device);
    if (result->status == STORE_REVOKED || result->status == STORE_NONE) {
        refuse(r);
        return;
    }
    if (result->status != STORE_OK ||
        keys_sign(r->hub, r->user, r->token.device, &claims, &access) != 0) {
        fail(r, result->status);
        return;
    }
    refresh_token_write(next, r->token.device, result->n, r->seed);
    answer(r, &claims, access.data, next);
    secret_wipe(next, sizeof next);
    str_fini(&access);
    refresh_free(r);
}

static bool is_genuine(struct refresh *r, const struct store_seed *found) REQUIRES(on_hub)
{
    const struct peer *p = r->peer;
    if (!secret_read(r->seed, found->seed) || !refresh_token_genuine(&r->token, r->seed))
        return false;
    /* a connection stays with its user */
    return p->http || (p->state == PEER_WELCOMED && strcmp(p->user->name, found->user) == 0);
}

static void found_seed(void *arg, const struct store_seed *found)
{
    role_assume(&on_hub);
    struct refresh *r = arg;
    if (found->status == STORE_NONE || (found->status == STORE_OK && !is_genuine(r, found))) {
        refuse(r);
        return;
    }
    if (found->status != STORE_OK) {
        fail(r, found->status);
        return;
    }
    text_copy(r->user, sizeof r->user, found->user);
    const int error =
        store_rotate(r->hub->store, r->user, r->token.device, found->seed, r->token.n, used_up, r);
    if (error)
        fail_unsent(r, error);
}

void refresh_run(struct hub *h, struct peer *p, const struct command *c)
{
    if (p->in_flight >= PEER_IN_FLIGHT_MAX) {
        peer_error(h, p, ERROR_BUSY, NULL, NULL, RETRY_BUSY_MS);
        return;
    }
    struct refresh *r = xcalloc(1, sizeof *r);
    r->hub = h;
    r->peer = peer_ref(p);
    p->in_flight++;
    if (!refresh_token_read(c->refresh_token, &r->token) || (!p->http && !p->device[0])) {
        refuse(r);
        return;
    }
    const int error = store_seed(h->store, r->token.device, found_seed, r);
    if (error)
        fail_unsent(r, error);
}

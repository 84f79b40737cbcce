/* A fresh token for a connection, so that it can stay. */
#include "state.h"

#include <string.h>

static void refuse(struct hub *h, struct peer *p, enum error_code code) REQUIRES(on_hub)
{
    stat_add(h->stats, tokens_refused, 1);
    peer_error(h, p, code, NULL, "token", -1);
}

void auth_taken(struct hub *h, struct peer *p, const struct token_claims *claims)
{
    const bool other = strcmp(p->device, claims->device) != 0;
    if (other)
        away_flush(p); /* what it has is the other one's */
    text_copy(p->device, sizeof p->device, claims->device);
    expiry_start(h, p, claims->expires_s);
    if (!other)
        return;
    alive_check_one(h, p); /* a revocation of this one did not look here */
    if (p->takes_away)
        away_start(h, p, NULL);
}

void auth_run(struct hub *h, struct peer *p, const struct command *c)
{
    if (c->refresh_token) {
        refresh_run(h, p, c);
        return;
    }
    const enum error_code code = keys_token_error(c);
    if (code != ERROR_NONE) {
        refuse(h, p, code);
    } else if (!p->device[0] || !c->claims || strcmp(c->claims->user, p->user->name) != 0) {
        refuse(h, p, ERROR_BAD_TOKEN); /* a guest stays one; nobody becomes somebody else */
    } else {
        auth_taken(h, p, c->claims);
        peer_send_new(h, p,
                      event_auth(p->device, expiry_left_s(h, c->claims->expires_s), NULL, NULL));
    }
}

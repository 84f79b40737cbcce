/* What only HTTP asks for: the lists of rooms, members, conversations and acts, the use of an invitation, and what
 * the administrator does. Before anything else Redis says whether the device that asks is still
 * there, or whether somebody at that address may show ADMIN_TOKEN. */
#include "state.h"

#include "confab/store/accounts.h"
#include "confab/store/away.h"
#include "confab/store/rooms.h"
#include "confab/wire/event_away.h"
#include "confab/wire/rest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_UNAVAILABLE_MS = 1000, RETRY_BUSY_MS = 500 };

/* A request that waits for Redis. */
struct rest {
    struct hub *hub;
    struct peer *peer; /* counted */
    struct command *c; /* own */
};

static void rest_free(struct rest *op) REQUIRES(on_hub)
{
    op->peer->in_flight--;
    peer_unref(op->peer);
    command_free(op->c);
    free(op);
}

static void answer(struct rest *op, struct frame *f) REQUIRES(on_hub)
{
    peer_send_new(op->hub, op->peer, f);
    rest_free(op);
}

static void fail(struct rest *op, enum error_code code, int64_t retry_after_ms) REQUIRES(on_hub)
{
    answer(op, event_error(code, NULL, NULL, retry_after_ms));
}

/* error: of STORE_DENIED */
static void fail_store(struct rest *op, enum store_status status, enum error_code error,
                       int64_t retry_after_ms) REQUIRES(on_hub)
{
    if (status == STORE_DENIED)
        fail(op, error, retry_after_ms);
    else if (status == STORE_LIMITED)
        fail(op, ERROR_RATE_LIMITED, retry_after_ms);
    else if (status == STORE_REFUSED)
        fail(op, ERROR_STORE_FAILED, -1);
    else
        fail(op, ERROR_UNAVAILABLE, RETRY_UNAVAILABLE_MS);
}

/* 0 from an operation of the store: it goes on. Else it ends here. */
static void unless_sent(struct rest *op, int error) REQUIRES(on_hub)
{
    if (error == -EBUSY)
        fail(op, ERROR_BUSY, RETRY_BUSY_MS);
    else if (error)
        fail_store(op, STORE_UNAVAILABLE, ERROR_NONE, -1);
}

/* "": nobody in particular, or the administrator. */
static const char *name_of(const struct rest *op)
{
    return op->c->claims ? op->c->claims->user : "";
}

/* ---- lists ---- */

static void listed(struct rest *op, const struct store_list *r, const char *kind) REQUIRES(on_hub)
{
    if (r->status != STORE_OK)
        fail_store(op, r->status, r->error, -1);
    else
        answer(op, event_list(kind, r->json, r->json_size, r->next));
}

static void listed_rooms(void *arg, const struct store_list *r)
{
    role_assume(&on_hub);
    listed(arg, r, "rooms");
}

static void listed_members(void *arg, const struct store_list *r)
{
    role_assume(&on_hub);
    listed(arg, r, "members");
}

static void listed_acts(void *arg, const struct store_list *r)
{
    role_assume(&on_hub);
    listed(arg, r, "audit");
}

static void list(struct rest *op) REQUIRES(on_hub)
{
    const struct command *c = op->c;
    const char *after = c->type == COMMAND_AUDIT ? c->cursor : c->name;
    const struct store_list_query q = {
        .room = c->room,
        .viewer = name_of(op),
        .admin = c->admin,
        .after = after ? after : "",
        .actor = c->author,
        .limit = c->limit,
    };
    struct store *s = op->hub->store;
    if (c->type == COMMAND_ROOMS)
        unless_sent(op, store_rooms_list(s, &q, listed_rooms, op));
    else if (c->type == COMMAND_MEMBERS)
        unless_sent(op, store_members(s, &q, listed_members, op));
    else
        unless_sent(op, store_audit(s, &q, listed_acts, op));
}

static void told_conversations(void *arg, const struct store_away *r)
{
    role_assume(&on_hub);
    struct rest *op = arg;
    if (r->status != STORE_OK)
        fail_store(op, r->status, ERROR_NONE, -1);
    else
        answer(op, event_conversations(&r->conversations));
}

/* ---- invitations ---- */

static void invited(void *arg, const struct store_access *r)
{
    role_assume(&on_hub);
    struct rest *op = arg;
    if (r->status != STORE_OK)
        fail_store(op, r->status, r->error, -1);
    else
        answer(op, event_invited(r->room));
}

/* ---- who asks ---- */

/* The token that the first of several acts showed is that of all. */
static void share_claims(struct command *c)
{
    for (struct command *t = c->then; t && c->claims; t = t->then) {
        t->verdict = c->verdict;
        t->claims = xmalloc(sizeof *t->claims);
        *t->claims = *c->claims;
    }
}

/* From here on it is another's. */
static void go_on(struct rest *op, void (*run)(struct hub *h, struct peer *p, struct command *c))
    REQUIRES(on_hub)
{
    run(op->hub, op->peer, op->c);
    op->c = NULL;
    rest_free(op);
}

static void admitted(struct rest *op) REQUIRES(on_hub)
{
    switch (op->c->type) {
    case COMMAND_HISTORY:
    case COMMAND_SEARCH:
        go_on(op, past_run);
        return;
    case COMMAND_DELETE:
        go_on(op, act_run);
        return;
    case COMMAND_ROOM:
        share_claims(op->c);
        go_on(op, moderate_run);
        return;
    case COMMAND_ROOMS:
    case COMMAND_MEMBERS:
    case COMMAND_AUDIT:
        list(op);
        return;
    case COMMAND_CONVERSATIONS: /* of an account: rest_parse() */
        unless_sent(op, store_away(op->hub->store, op->c->claims->user, op->c->claims->device,
                                   told_conversations, op));
        return;
    case COMMAND_JOIN:
        unless_sent(
            op, store_invite_use(op->hub->store, op->c->invite, NULL, name_of(op), invited, op));
        return;
    default:
        BUG("no request of rooms");
    }
}

static void admitted_admin(void *arg, enum store_status status, int64_t retry_after_ms)
{
    role_assume(&on_hub);
    struct rest *op = arg;
    if (status == STORE_LIMITED) {
        stat_add(op->hub->stats, logins_limited, 1);
        fail(op, ERROR_LOGIN_LIMITED, retry_after_ms);
    } else if (status != STORE_OK) {
        fail_store(op, status, ERROR_NONE, -1);
    } else if (op->c->not_admin) {
        stat_add(op->hub->stats, logins_failed, 1);
        fail(op, ERROR_BAD_ADMIN_TOKEN, -1);
    } else {
        admitted(op);
    }
}

static void admitted_device(void *arg, const struct store_alive *r)
{
    role_assume(&on_hub);
    struct rest *op = arg;
    if (r->status != STORE_OK)
        fail_store(op, r->status, ERROR_NONE, -1);
    else if (r->count > 0)
        fail(op, ERROR_BAD_TOKEN, -1);
    else
        admitted(op);
}

void rest_run(struct hub *h, struct peer *p, struct command *c)
{
    struct rest *op = xmalloc(sizeof *op);
    *op = (struct rest){ h, peer_ref(p), c };
    p->in_flight++;
    if (c->admin || c->not_admin) {
        const char *address = c->address ? c->address : "";
        unless_sent(op, store_admin(h->store, address, c->not_admin, admitted_admin, op));
    } else if (c->claims) {
        const char *device = c->claims->device;
        unless_sent(op, store_alive(h->store, &device, 1, admitted_device, op));
    } else {
        admitted(op);
    }
}

/* A client's way in and out: hello → channel → claim → welcome → … → gone. */
#include "state.h"

#include "confab/wire/fold.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct peer *peer_ref(struct peer *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void peer_unref(struct peer *p)
{
    if (atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) == 1)
        p->release(p);
}

void peer_send_new(struct hub *h, struct peer *p, struct frame *f)
{
    h->port.send(h->port.arg, p, f);
    frame_unref(f);
}

void peer_error(struct hub *h, struct peer *p, enum error_code code, const char *cid,
                const char *field, int64_t retry_after_ms)
{
    peer_send_new(h, p, event_error(code, cid, field, retry_after_ms));
}

/* An operation in Redis that a peer waits for. */
struct claim {
    struct hub *hub;
    struct peer *peer;
};

static struct claim *claim_new(struct hub *h, struct peer *p)
{
    struct claim *c = xmalloc(sizeof *c);
    *c = (struct claim){ .hub = h, .peer = peer_ref(p) };
    return c;
}

static void claim_free(struct claim *c)
{
    peer_unref(c->peer);
    free(c);
}

static bool is_account(const struct peer *p)
{
    return p->device[0] != '\0';
}

static void ask_claim(struct hub *h, struct peer *p, store_claimed_fn *done) REQUIRES(on_hub)
{
    struct fold fold;
    struct store_claim what = {
        .user = p->user->name,
        .session = p->session,
        .made_up = p->made_session,
        .restores = h->archives,
    };
    if (is_account(p)) {
        what.device = p->device;
    } else if (h->settings->accounts_mode != ACCOUNTS_OFF) {
        fold_name(p->user->name, &fold);
        what.fold = &fold;
    }
    struct claim *c = claim_new(h, p);
    p->claiming = store_claim(h->store, &what, done, c) == 0;
    if (!p->claiming)
        claim_free(c); /* users_retry() */
}

static void forget_hello(struct peer *p)
{
    command_free(p->hello);
    p->hello = NULL;
    free(p->session);
    p->session = NULL;
}

/* Commands that arrived before welcome, in their order. */
static void run_held(struct hub *h, struct peer *p) REQUIRES(on_hub)
{
    struct ring *held = p->held;
    p->held = NULL;
    if (!held)
        return;
    for (struct command *c; (c = ring_pop(held));)
        command_run(h, p, c);
    ring_fini(held);
    free(held);
}

/* What an account missed in its conversations, away.c delivers. */
static void resume(struct hub *h, struct peer *p, const struct resume_point *point) REQUIRES(on_hub)
{
    const bool mentions = strcmp(point->stream, STREAM_MENTIONS) == 0;
    if (point->stream[0] != '@' && !mentions)
        room_join(h, p, point->stream, point->epoch, point->seq);
    else if (!mentions && !(p->takes_away && is_account(p)))
        past_private_resume(h, p, point);
}

static void welcome(struct hub *h, struct peer *p, const struct store_claimed *r) REQUIRES(on_hub)
{
    struct command *hello = p->hello;
    struct welcome_account account = { .device = p->device };
    p->hello = NULL;
    p->state = PEER_WELCOMED;
    p->user->since_ms = r->since_ms;
    if (is_account(p)) {
        account.expires_in_s = expiry_left_s(h, hello->claims->expires_s);
        expiry_start(h, p, hello->claims->expires_s);
    }
    p->takes_away = hello->away;
    peer_send_new(h, p,
                  event_welcome(p->user->name, p->session, h->settings, asks_archived(h),
                                r->private_tops, hello->away ? 0 : r->count,
                                is_account(p) ? &account : NULL));
    if (hello->away)
        away_start(h, p, hello);
    if (hello->room)
        room_join(h, p, hello->room, NULL, 0);
    for (size_t i = 0; i < hello->resume_count; i++)
        resume(h, p, &hello->resume[i]);
    command_free(hello);
    run_held(h, p);
    peer_leave(h, p);
}

static void refuse_name(struct hub *h, struct peer *p) REQUIRES(on_hub)
{
    peer_error(h, p, ERROR_NAME_TAKEN, NULL, "username", -1);
    p->state = PEER_NEW;
    p->device[0] = '\0';
    user_detach(h, p);
    forget_hello(p);
    run_held(h, p); /* each of them is answered with hello_first */
    peer_leave(h, p);
}

void peer_signed_out(struct hub *h, struct peer *p)
{
    stat_add(h->stats, devices_revoked, 1);
    h->port.close(h->port.arg, p, 4003, "this device was signed out", -1);
}

static void claimed(void *arg, const struct store_claimed *r)
{
    role_assume(&on_hub);
    struct claim *c = arg;
    struct peer *p = c->peer;
    p->claiming = false;
    if (p->state == PEER_HELLO) {
        if (r->status == STORE_OK)
            welcome(c->hub, p, r);
        else if (r->status == STORE_TAKEN)
            refuse_name(c->hub, p);
        else if (r->status == STORE_REVOKED)
            peer_signed_out(c->hub, p);
        else if (r->status == STORE_WAIT)
            accounts_missing(c->hub);
        else if (r->status == STORE_REFUSED)
            c->hub->port.close(c->hub->port.arg, p, 1011, "Redis refused the name", 5000);
        /* the same, or unavailable: users_retry() asks again */
    } else if (p->state == PEER_GONE) {
        if (r->status == STORE_OK && p->made_session)
            store_release(c->hub->store, p->hello->username, p->session);
        forget_hello(p);
    }
    claim_free(c);
}

/* An account yields to nobody: a guest who has its name goes (guests_out). */
static bool has_other_session_here(const struct peer *p)
{
    if (is_account(p))
        return false;
    for (const struct peer *other = p->user->peers; other; other = other->next)
        if (other->state == PEER_WELCOMED &&
            (is_account(other) || strcmp(other->session, p->session) != 0))
            return true;
    return false;
}

void peer_claim(struct hub *h, struct peer *p)
{
    if (p->claiming)
        return;
    if (has_other_session_here(p)) { /* also when Redis has lost the claim */
        refuse_name(h, p);
        return;
    }
    ask_claim(h, p, claimed);
}

/* The user's channel was cut for a while: all connections of the user learn the top numbers of
 * their conversations, as in a heartbeat, and fetch what they miss. The claim is made again too,
 * since Redis may have come back without it. */
static void refetched(void *arg, const struct store_claimed *r)
{
    role_assume(&on_hub);
    struct claim *c = arg;
    struct hub *h = c->hub;
    struct peer *p = c->peer;
    p->claiming = false;
    if (p->state == PEER_WELCOMED && r->status == STORE_OK) {
        p->user->missed = false;
        p->user->since_ms = r->since_ms;
        struct frame *f = event_heartbeat(r->private_tops, r->count);
        user_send(h, p->user, f);
        frame_unref(f);
    } else if (p->state == PEER_WELCOMED && r->status == STORE_TAKEN) {
        h->port.close(h->port.arg, p, 4002, "the name was lost to somebody else", -1);
    } else if (p->state == PEER_WELCOMED && r->status == STORE_REVOKED) {
        peer_signed_out(h, p);
    } else if (p->state == PEER_WELCOMED && r->status == STORE_WAIT) {
        accounts_missing(h);
    } else if (p->state == PEER_GONE) {
        forget_hello(p); /* peer_gone() leaves it to who is claiming */
    }
    /* else users_retry() asks again */
    claim_free(c);
}

void peer_refetch(struct hub *h, struct peer *p)
{
    if (!p->claiming)
        ask_claim(h, p, refetched);
}

static void adopt(struct hub *h, struct peer *p) REQUIRES(on_hub)
{
    peer_ref(p);
    DL_APPEND2(h->peers, p, all_prev, all_next);
}

static bool is_adopted(const struct peer *p)
{
    return p->all_prev != NULL; /* utlist: the head's prev is the tail, never NULL in a list */
}

/* Who is it? *name is the guest's or the account's. */
static enum error_code identify(const struct hub *h, const struct command *hello, const char **name,
                                const char **field)
{
    *name = hello->username;
    *field = "token";
    if (h->settings->accounts_mode == ACCOUNTS_OFF) /* tokens mean nothing here */
        return hello->username ? ERROR_NONE : ERROR_ACCOUNTS_OFF;
    const enum error_code code = keys_token_error(hello);
    if (code != ERROR_NONE)
        return code;
    if (!hello->claims)
        return h->settings->accounts_mode == ACCOUNTS_REQUIRED ? ERROR_LOGIN_REQUIRED : ERROR_NONE;
    *name = hello->claims->user;
    *field = "username";
    return hello->username && strcmp(hello->username, *name) != 0 ? ERROR_BAD_FIELD : ERROR_NONE;
}

static void take_session(struct peer *p, const struct command *hello)
{
    p->made_session = false;
    if (hello->claims) {
        text_copy(p->device, sizeof p->device, hello->claims->device);
        p->session = xstrdup(p->device);
    } else if (hello->session) {
        p->session = xstrdup(hello->session);
    } else {
        p->made_session = true;
        p->session = xmalloc(33);
        hex_random(p->session, 16);
    }
}

void peer_hello_known(struct hub *h, struct peer *p, struct command *hello)
{
    const char *name, *field;
    if (p->state == PEER_GONE) { /* while it waited for a key */
        command_free(hello);
        return;
    }
    const enum error_code code = identify(h, hello, &name, &field);
    if (code != ERROR_NONE) {
        stat_add(h->stats, tokens_refused, hello->token != NULL);
        peer_error(h, p, code, NULL, field, -1);
        p->state = PEER_NEW;
        command_free(hello);
        run_held(h, p); /* each of them is answered with hello_first */
        peer_leave(h, p);
        return;
    }
    p->hello = hello;
    take_session(p, hello);
    struct user *u = user_get(h, name);
    user_attach(u, p);
    if (u->subscribed)
        peer_claim(h, p);
}

void peer_hello(struct hub *h, struct peer *p, struct command *hello)
{
    if (p->state == PEER_GONE) { /* unregister overtook it */
        command_free(hello);
        return;
    }
    if (p->state != PEER_NEW) {
        peer_error(h, p, ERROR_HELLO_TWICE, NULL, NULL, -1);
        command_free(hello);
        return;
    }
    if (!is_adopted(p))
        adopt(h, p);
    p->state = PEER_HELLO;
    if (!h->ready)
        peer_send_new(h, p, event_status(false, store_state_text(store_state_of(h->store))));
    if (!keys_wait(h, p, hello))
        peer_hello_known(h, p, hello);
}

/* Redis keeps the name if another connection has presented the session since. */
static void release_name(struct hub *h, struct peer *p) REQUIRES(on_hub)
{
    if (p->state == PEER_WELCOMED && p->made_session)
        store_release(h->store, p->user->name, p->session);
}

/* Unregister overtakes commands, but what a client said before it closed still counts. */
void peer_leave(struct hub *h, struct peer *p)
{
    bool hopeful = p->state == PEER_HELLO && p->held && h->ready;
    if (p->leaving && !hopeful && atomic_load(&p->queued) == 0)
        peer_gone(h, p);
}

void peer_gone(struct hub *h, struct peer *p)
{
    while (p->rooms)
        room_leave(h, p->rooms, false);
    if (p->user) {
        away_end(p);
        release_name(h, p);
        user_detach(h, p);
    }
    p->state = PEER_GONE;
    expiry_stop(p);
    run_held(h, p); /* frees them */
    if (is_adopted(p)) {
        DL_DELETE2(h->peers, p, all_prev, all_next);
        p->all_prev = p->all_next = NULL;
        if (!p->claiming)
            forget_hello(p);
        peer_unref(p);
    }
}

/* Everything that a welcomed client may say. */
#include "state.h"

#include "confab/store/away.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_UNAVAILABLE_MS = 1000, RETRY_BUSY_MS = 500 };

/* A command of a peer that waits for Redis. */
struct pending {
    struct hub *hub;
    struct peer *peer;
    bool is_private;
    char cid[RULE_CID_BYTES + 1];    /* "" when there is none */
    char stream[ROOM_MAX_BYTES + 2]; /* room or "@NAME" */
};

static struct pending *pending_new(struct hub *h, struct peer *p, const struct command *c)
    REQUIRES(on_hub)
{
    struct pending *op = xcalloc(1, sizeof *op);
    op->hub = h;
    op->peer = peer_ref(p);
    op->is_private = c->to != NULL;
    if (c->cid)
        text_copy(op->cid, sizeof op->cid, c->cid);
    if (op->is_private)
        op->stream[0] = '@';
    const char *name = op->is_private ? c->to : c->room;
    BUG_ON(!name);
    text_copy(op->stream + op->is_private, sizeof op->stream - 1, name);
    p->in_flight++;
    return op;
}

static void pending_free(struct pending *op) REQUIRES(on_hub)
{
    op->peer->in_flight--;
    peer_unref(op->peer);
    free(op);
}

static void answer_failure(struct hub *h, struct peer *p, enum store_status status, const char *cid)
    REQUIRES(on_hub)
{
    stat_add(h->stats, messages_failed, 1);
    if (status == STORE_REFUSED)
        peer_error(h, p, ERROR_STORE_FAILED, cid, NULL, -1);
    else
        peer_error(h, p, ERROR_UNAVAILABLE, cid, NULL, RETRY_UNAVAILABLE_MS);
}

void command_unsent(struct hub *h, struct peer *p, const char *cid, int error)
{
    if (error == -EBUSY)
        peer_error(h, p, ERROR_BUSY, cid, NULL, RETRY_BUSY_MS);
    else
        answer_failure(h, p, STORE_UNAVAILABLE, cid);
}

void command_stored(struct hub *h, struct peer *p, const char *stream, const char *cid,
                    const struct store_published *r)
{
    struct room *room = stream[0] == '@' ? NULL : room_find(h, stream);
    switch (r->status) {
    case STORE_OK:
        stat_add(h->stats, messages_published, 1);
        if (room)
            stream_acked(room, r);
        break;
    case STORE_DUPLICATE:
        stat_add(h->stats, messages_duplicate, 1);
        break;
    case STORE_LIMITED:
        stat_add(h->stats, messages_limited, 1);
        peer_error(h, p, ERROR_RATE_LIMITED, cid, NULL, r->retry_after_ms);
        break;
    case STORE_DENIED:
        stat_add(h->stats, messages_failed, 1);
        peer_error(h, p, r->error, cid, NULL, r->retry_after_ms);
        break;
    default:
        answer_failure(h, p, r->status, cid);
    }
    if ((cid[0] || p->http) && (r->status == STORE_OK || r->status == STORE_DUPLICATE))
        peer_send_new(
            h, p,
            event_ack(cid, stream, r->seq, r->id, r->timestamp_ms, r->status == STORE_DUPLICATE));
}

static void published(void *arg, const struct store_published *r)
{
    role_assume(&on_hub);
    struct pending *op = arg;
    op->hub->publishes--;
    command_stored(op->hub, op->peer, op->stream, op->cid, r);
    pending_free(op);
}

/* FNV-1a of 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/), the NUL included. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    do
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    while (*text++);
    return hash;
}

void command_message_id(char id[32], struct hub *h, const char *user, const char *stream,
                        const char *cid)
{
    if (!cid[0]) {
        char number[17];
        hex_u64(number, ++h->next_id);
        memcpy(id, h->settings->instance, 8);
        id[8] = '-';
        const size_t zeros = strspn(number, "0");
        memcpy(id + 9, number + zeros, sizeof number - zeros);
        return;
    }
    uint64_t hash = hash_text(UINT64_C(14695981039346656037), user);
    hash = hash_text(hash, stream);
    hex_u64(id, hash_text(hash, cid));
}

static void publish(struct hub *h, struct peer *p, struct command *c, const struct room *r)
    REQUIRES(on_hub)
{
    if (p->in_flight >= PEER_IN_FLIGHT_MAX) {
        peer_error(h, p, ERROR_BUSY, c->cid, NULL, RETRY_BUSY_MS);
        return;
    }
    struct pending *op = pending_new(h, p, c);
    char id[32];
    command_message_id(id, h, p->user->name, op->stream, op->cid);
    str_reset(&h->head);
    str_reset(&h->mid);
    str_reset(&h->tail);
    event_message_pieces(c, p->user->name, id, &h->head, &h->mid, &h->tail);
    struct store_publish what = {
        .user = p->user->name,
        .room = c->to ? NULL : c->room,
        .to = c->to,
        .cid = c->cid,
        .id = id,
        .mentions = c->mentioned,
        .head = &h->head,
        .mid = &h->mid,
        .tail = &h->tail,
    };
    if (r)
        what.known = stream_known(r);
    int error = store_publish(h->store, &what, published, op);
    if (!error) {
        h->publishes++;
        return;
    }
    command_unsent(h, p, op->cid, error);
    pending_free(op);
}

static void typing(struct hub *h, struct peer *p, struct command *c) REQUIRES(on_hub)
{
    int64_t now = clock_mono_ms();
    if (now - p->typing_mono_ms < TYPING_MIN_MS && p->typing_mono_ms)
        return;
    p->typing_mono_ms = now;
    str_reset(&h->head);
    event_typing_json(&h->head, c->room, c->to, p->user->name);
    store_event(h->store, c->room, p->user->name, c->to, h->head.data, h->head.size);
}

static void read_marker(struct hub *h, struct peer *p, struct command *c, struct membership *m)
    REQUIRES(on_hub)
{
    str_reset(&h->head);
    if (c->mentions) {
        event_read_mentions_json(&h->head, p->user->name, c->seq);
        store_read_mentions(h->store, p->user->name, c->seq, h->head.data, h->head.size);
        return;
    }
    event_read_json(&h->head, c->room, c->to, p->user->name, c->seq);
    const bool all = !m || marks_are_told(m->room);
    store_read(h->store, c->room, p->user->name, c->to, c->seq, all, h->head.data, h->head.size);
    if (m)
        marks_note(m->room, p->user->name, c->seq, c->seq);
}

static void received(struct hub *h, struct peer *p, struct command *c, struct membership *m)
    REQUIRES(on_hub)
{
    if (!m)
        away_received(h, p, c);
    else if (access_is_in(m) && strcmp(c->epoch, m->room->epoch) == 0)
        marks_note(m->room, p->user->name, c->seq, 0);
}

static void leave(struct hub *h, struct peer *p, struct membership *m) REQUIRES(on_hub)
{
    struct frame *f = event_left(m->room->name, NULL, 0);
    if (p->device[0])
        store_joined(h->store, p->user->name, m->room->name, false);
    room_leave(h, m, true);
    peer_send_new(h, p, f);
}

static void run(struct hub *h, struct peer *p, struct command *c) REQUIRES(on_hub)
{
    if (c->type == COMMAND_JOIN) {
        room_join(h, p, c->room, c->epoch, c->seq);
        return;
    }
    struct membership *m = c->room ? room_membership(p, c->room) : NULL;
    if (c->room && !m) {
        peer_error(h, p, ERROR_NOT_JOINED, c->cid, "room", -1);
        return;
    }
    switch (c->type) {
    case COMMAND_LEAVE:
        if (m) /* always: leave names a room */
            leave(h, p, m);
        break;
    case COMMAND_MESSAGE:
    case COMMAND_PRIVATE:
        publish(h, p, c, m ? m->room : NULL);
        break;
    case COMMAND_TYPING:
        if (!m || access_is_in(m))
            typing(h, p, c);
        break;
    case COMMAND_READ:
        if (!m || access_is_in(m))
            read_marker(h, p, c, m);
        break;
    case COMMAND_RECEIVED:
        received(h, p, c, m);
        break;
    case COMMAND_AUTH:
        auth_run(h, p, c);
        break;
    case COMMAND_HEARTBEAT: /* the net thread has seen it, too */
        if (c->cid)
            peer_send_new(h, p, event_echo(c->cid));
        break;
    case COMMAND_TICKET:
        keys_ticket(h, p, c->cid);
        break;
    default:
        break;
    }
}

static void keep_for_later(struct hub *h, struct peer *p, struct command *c) REQUIRES(on_hub)
{
    if (!p->held) {
        p->held = xcalloc(1, sizeof *p->held);
        ring_init(p->held, PEER_HELD_MAX);
    }
    if (ring_push(p->held, c))
        return;
    peer_error(h, p, ERROR_BUSY, c->cid, NULL, RETRY_BUSY_MS);
    command_free(c);
}

/* One request, one answer. Takes c. */
static void run_http(struct hub *h, struct peer *p, struct command *c) REQUIRES(on_hub)
{
    const enum error_code code = keys_token_error(c);
    if (code != ERROR_NONE) {
        stat_add(h->stats, tokens_refused, 1);
        peer_error(h, p, code, NULL, NULL, -1);
        command_free(c);
        return;
    }
    switch (c->type) {
    case COMMAND_HISTORY:
    case COMMAND_SEARCH:
        if (c->admin || c->not_admin)
            rest_run(h, p, c);
        else
            past_run(h, p, c);
        return;
    case COMMAND_REGISTER:
    case COMMAND_LOGIN:
    case COMMAND_PASSWORD:
    case COMMAND_UNREGISTER:
        account_run(h, p, c);
        return;
    case COMMAND_LOGOUT:
    case COMMAND_DEVICES:
    case COMMAND_REVOKE:
        device_run(h, p, c);
        return;
    case COMMAND_ROOM:
    case COMMAND_ROOMS:
    case COMMAND_MEMBERS:
    case COMMAND_CONVERSATIONS:
    case COMMAND_AUDIT:
    case COMMAND_DELETE:
    case COMMAND_JOIN:
        rest_run(h, p, c);
        return;
    case COMMAND_TOKEN:
        refresh_run(h, p, c);
        break;
    default:
        BUG("no request");
    }
    command_free(c);
}

void command_run(struct hub *h, struct peer *p, struct command *c)
{
    if (p->state != PEER_HELLO && keys_wait(h, p, c))
        return;
    if (p->http && p->state != PEER_GONE) {
        run_http(h, p, c);
        return;
    }
    if (p->state == PEER_WELCOMED && c->type == COMMAND_ROOM) {
        moderate_run(h, p, c);
        return;
    }
    if (p->state == PEER_WELCOMED && c->type == COMMAND_JOIN && c->invite) {
        moderate_invited(h, p, c);
        return;
    }
    const bool act =
        c->type == COMMAND_EDIT || c->type == COMMAND_DELETE || c->type == COMMAND_REACT;
    if (act && p->state == PEER_WELCOMED) {
        act_run(h, p, c);
        return;
    }
    if (p->state == PEER_WELCOMED && c->type == COMMAND_HISTORY && c->mentions) {
        mentions_run(h, p, c);
        return;
    }
    if (p->state == PEER_WELCOMED && c->type == COMMAND_SEEN) {
        seen_run(h, p, c);
        return;
    }
    const bool past = c->type == COMMAND_HISTORY || c->type == COMMAND_SEARCH;
    if (past && p->state == PEER_WELCOMED) {
        past_run(h, p, c);
        return;
    }
    if (p->state == PEER_HELLO) {
        keep_for_later(h, p, c);
        return;
    } else if (p->state == PEER_NEW && c->type != COMMAND_HEARTBEAT) {
        peer_error(h, p, ERROR_HELLO_FIRST, c->cid, NULL, -1);
    } else if (p->state == PEER_WELCOMED) {
        run(h, p, c);
    }
    command_free(c);
}

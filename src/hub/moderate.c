/* What owners, moderators and the administrator do to rooms, and what invitations do. Redis
 * decides; docs/PROTOCOL.md, "Rooms". */
#include "state.h"

#include "confab/store/rooms.h"
#include "confab/wire/event_room.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_UNAVAILABLE_MS = 1000, RETRY_BUSY_MS = 500, WORDS_MOST = 4, NUMBER_BYTES = 24 };

/* A command that waits for Redis. */
struct moderation {
    struct hub *hub;
    struct peer *peer;       /* a reference */
    struct command *command; /* own */
    char id[32];             /* of the message that it makes */
};

static struct moderation *moderation_new(struct hub *h, struct peer *p, struct command *c)
    REQUIRES(on_hub)
{
    struct moderation *op = xmalloc(sizeof *op);
    *op = (struct moderation){ .hub = h, .peer = peer_ref(p), .command = c };
    p->in_flight++;
    return op;
}

static void moderation_free(struct moderation *op) REQUIRES(on_hub)
{
    op->peer->in_flight--;
    peer_unref(op->peer);
    command_free(op->command);
    free(op);
}

static void refuse(struct moderation *op, enum error_code code, const char *field, int64_t retry_ms)
    REQUIRES(on_hub)
{
    peer_error(op->hub, op->peer, code, op->command->cid, field, retry_ms);
    moderation_free(op);
}

static void refuse_unsent(struct moderation *op, int error) REQUIRES(on_hub)
{
    if (error == -EBUSY)
        refuse(op, ERROR_BUSY, NULL, RETRY_BUSY_MS);
    else
        refuse(op, ERROR_UNAVAILABLE, NULL, RETRY_UNAVAILABLE_MS);
}

static void refuse_failed(struct moderation *op, enum store_status status) REQUIRES(on_hub)
{
    if (status == STORE_REFUSED)
        refuse(op, ERROR_STORE_FAILED, NULL, -1);
    else
        refuse(op, ERROR_UNAVAILABLE, NULL, RETRY_UNAVAILABLE_MS);
}

/* --- acts ----------------------------------------------------------------------------------------- */

static bool makes_message(enum room_act act)
{
    return act != ROOM_ACT_INFO && act != ROOM_ACT_INVITE && act != ROOM_ACT_UNINVITE;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* What the act needs, in the order of store_room_act. number: room for one as text. */
static void list_words(const struct command *c, const char *words[WORDS_MOST + 1],
                       char number[2][NUMBER_BYTES])
{
    static const char *const switches[] = { "", "0", "1" };
    const char *on = switches[c->read_only + 1];
    size_t n = 0;
    snprintf(number[0], NUMBER_BYTES, "%lld", (long long)c->seconds);
    snprintf(number[1], NUMBER_BYTES, "%lld", (long long)c->uses);
    switch (c->act) {
    case ROOM_ACT_CREATE:
        words[n++] = or_empty(c->access);
        words[n++] = on;
        words[n++] = or_empty(c->topic);
        words[n++] = or_empty(c->who);
        break;
    case ROOM_ACT_TOPIC:
        words[n++] = c->topic;
        break;
    case ROOM_ACT_ACCESS:
        words[n++] = c->access;
        break;
    case ROOM_ACT_READ_ONLY:
        words[n++] = on;
        break;
    case ROOM_ACT_SLOW:
        words[n++] = number[0];
        break;
    case ROOM_ACT_ROLE:
        words[n++] = c->who;
        words[n++] = c->role;
        break;
    case ROOM_ACT_MUTE:
    case ROOM_ACT_BAN:
        words[n++] = c->who;
        words[n++] = number[0];
        words[n++] = or_empty(c->reason);
        break;
    case ROOM_ACT_KICK:
        words[n++] = c->who;
        words[n++] = or_empty(c->reason);
        break;
    case ROOM_ACT_UNMUTE:
    case ROOM_ACT_UNBAN:
        words[n++] = c->who;
        break;
    case ROOM_ACT_INVITE:
        words[n++] = number[1];
        words[n++] = number[0];
        break;
    case ROOM_ACT_UNINVITE:
        words[n++] = c->invite;
        break;
    case ROOM_ACT_DESTROY:
    case ROOM_ACT_INFO:
    case ROOM_ACT_COUNT:
        break;
    }
    words[n] = NULL;
}

/* A message is acknowledged, as all are; what makes none, and who asks by HTTP, gets the room. */
static void acted(void *arg, const struct store_room_answer *r)
{
    role_assume(&on_hub);
    struct moderation *op = arg;
    struct hub *h = op->hub;
    const struct command *c = op->command;
    struct store_published p = r->published;
    if (p.status == STORE_OK)
        p.id = op->id;
    const bool done = p.status == STORE_OK || p.status == STORE_DUPLICATE;
    if (!done || (makes_message(c->act) && !op->peer->http)) {
        command_stored(h, op->peer, c->room, or_empty(c->cid), &p);
        moderation_free(op);
        return;
    }
    struct room *room = room_find(h, c->room);
    if (room && p.status == STORE_OK && p.seq)
        stream_acked(room, &p);
    if (c->then) {
        struct command *then = c->then;
        op->command->then = NULL;
        moderate_run(h, op->peer, then);
    } else {
        struct frame *f = r->json ? event_room(r->json, r->json_size, c->cid) : event_done();
        if (r->json && (c->act == ROOM_ACT_CREATE || c->act == ROOM_ACT_INVITE))
            f->http_status = 201;
        peer_send_new(h, op->peer, f);
    }
    moderation_free(op);
}

static void act(struct moderation *op, const char *actor) REQUIRES(on_hub)
{
    struct hub *h = op->hub;
    const struct command *c = op->command;
    const char *user = c->admin ? "*" : actor;
    const struct room *r = room_find(h, c->room);
    const char *words[WORDS_MOST + 1];
    char number[2][NUMBER_BYTES];
    list_words(c, words, number);
    struct store_room_act what = { .room = c->room,
                                   .actor = c->admin ? "" : actor,
                                   .act = room_act_name(c->act),
                                   .admin = c->admin,
                                   .words = words,
                                   .cid = c->cid };
    if (r)
        what.known = stream_known(r);
    if (makes_message(c->act)) {
        command_message_id(op->id, h, user, c->room, or_empty(c->cid));
        str_reset(&h->head);
        str_reset(&h->mid);
        str_reset(&h->tail);
        event_room_pieces(c, user, h->settings->kick_s, op->id, &h->head, &h->mid, &h->tail);
        what.id = op->id;
        what.head = &h->head;
        what.mid = &h->mid;
        what.tail = &h->tail;
    }
    const int error = store_room_act(h->store, &what, acted, op);
    if (error)
        refuse_unsent(op, error);
}

/* Who acts; NULL: *code says what is missing. Only accounts stand on lists. */
static const char *actor_of(const struct peer *p, const struct command *c, enum error_code *code)
{
    const bool account = p->http ? c->claims != NULL : p->device[0] != '\0';
    *code = p->http ? ERROR_LOGIN_REQUIRED : ERROR_ACCOUNT_NEEDED;
    if (c->admin)
        return "";
    if (!account && c->act != ROOM_ACT_INFO)
        return NULL;
    if (!p->http)
        return p->user->name;
    return c->claims ? c->claims->user : "";
}

void moderate_run(struct hub *h, struct peer *p, struct command *c)
{
    struct moderation *op = moderation_new(h, p, c);
    enum error_code code;
    const char *actor = actor_of(p, c, &code);
    if (c->act == ROOM_ACT_CREATE && !c->admin)
        c->who = NULL; /* a room of one's own */
    if (p->in_flight > PEER_IN_FLIGHT_MAX)
        refuse(op, ERROR_BUSY, NULL, RETRY_BUSY_MS);
    else if (!actor)
        refuse(op, code, NULL, -1);
    else
        act(op, actor);
}

/* --- invitations ------------------------------------------------------------------------------------ */

static void invited(void *arg, const struct store_access *r)
{
    role_assume(&on_hub);
    struct moderation *op = arg;
    const struct command *c = op->command;
    if (r->status == STORE_DENIED) {
        refuse(op, r->error, r->error == ERROR_BANNED ? "room" : "invite",
               r->banned_ms > 0 ? r->banned_ms : -1);
    } else if (r->status != STORE_OK) {
        refuse_failed(op, r->status);
    } else {
        if (op->peer->state == PEER_WELCOMED)
            room_join(op->hub, op->peer, c->room, c->epoch, c->seq);
        moderation_free(op);
    }
}

void moderate_invited(struct hub *h, struct peer *p, struct command *c)
{
    struct moderation *op = moderation_new(h, p, c);
    if (p->in_flight > PEER_IN_FLIGHT_MAX) {
        refuse(op, ERROR_BUSY, NULL, RETRY_BUSY_MS);
    } else if (!p->device[0]) {
        refuse(op, ERROR_ACCOUNT_NEEDED, "invite", -1);
    } else {
        const int error =
            store_invite_use(h->store, c->invite, c->room, p->user->name, invited, op);
        if (error)
            refuse_unsent(op, error);
    }
}

/* Edits, deletions and reactions: events about a message. Redis decides and stores (act.lua). Of a
 * message that its list holds no longer an archive says who wrote it, and when; that never
 * changes, so there is time to ask. */
#include "state.h"

#include "confab/store/act.h"
#include "confab/wire/event.h"
#include "confab/wire/file.h"
#include "confab/wire/rewrite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_ARCHIVE_MS = 1000 };

/* The administrator's name in events: nobody else can have it. */
static const char admin_name[] = "*";

struct acting {
    struct hub *hub;
    struct peer *peer;
    struct command *command; /* own */
    enum act_role role;
    char user[NAME_MAX_BYTES + 1];
    char stream[ROOM_MAX_BYTES + 2]; /* room or "@NAME" */
    char id[32];                     /* of the event */
    char *old;                       /* deletion: the message as an archive has it, or NULL; own */
};

static const char *cid_of(const struct acting *op)
{
    return op->command->cid ? op->command->cid : "";
}

static void acting_free(struct acting *op) REQUIRES(on_hub)
{
    op->peer->in_flight--;
    peer_unref(op->peer);
    command_free(op->command);
    free(op->old);
    free(op);
}

static void refuse(struct acting *op, enum error_code code) REQUIRES(on_hub)
{
    peer_error(op->hub, op->peer, code, cid_of(op), NULL,
               error_info(code)->temporary ? RETRY_ARCHIVE_MS : -1);
    acting_free(op);
}

static void unsent(struct acting *op, int error) REQUIRES(on_hub)
{
    command_unsent(op->hub, op->peer, cid_of(op), error);
    acting_free(op);
}

static void found(void *arg, enum error_code code, const struct act_target *old);

static void look_in_archive(struct acting *op) REQUIRES(on_hub)
{
    const struct command *c = op->command;
    struct str stream = STR_INIT;
    asks_stream(&stream, c->room, op->user, c->to);
    int error = asks_find(op->hub, stream.data, c->target, found, op);
    str_fini(&stream);
    if (error)
        unsent(op, error);
}

/* The files that its author sent go with a message. */
static void drop_files(struct hub *h, const char *json) REQUIRES(on_hub)
{
    char ids[FILE_LINKS_MOST][FILE_ID_CHARS + 1], user[NAME_MAX_BYTES + 1];
    struct frame_part content, author;
    const struct frame_part message = { json, json ? strlen(json) : 0 };
    if (!json || !h->port.file_drop || !message_field(&message, "content", &content) ||
        !message_field(&message, "user", &author) || author.size < 2 ||
        author.size - 2 > NAME_MAX_BYTES)
        return;
    memcpy(user, (const char *)author.data + 1, author.size - 2); /* needs no escapes */
    user[author.size - 2] = '\0';
    const size_t count = file_links(content.data, content.size, ids);
    for (size_t i = 0; i < count; i++)
        h->port.file_drop(h->port.arg, ids[i], user);
}

static void stored(void *arg, const struct store_published *r)
{
    role_assume(&on_hub);
    struct acting *op = arg;
    op->hub->publishes--;
    if (r->status == STORE_NONE) {
        look_in_archive(op);
        return;
    }
    command_stored(op->hub, op->peer, op->stream, cid_of(op), r);
    if (r->status == STORE_OK && op->command->type == COMMAND_DELETE)
        drop_files(op->hub, op->old ? op->old : r->old);
    acting_free(op);
}

/* old: as the archive has the message; NULL: the list may hold it. */
static void store(struct acting *op, const struct act_target *old) REQUIRES(on_hub)
{
    static const enum act_kind kinds[] = {
        [COMMAND_EDIT] = ACT_EDIT, [COMMAND_DELETE] = ACT_DELETE, [COMMAND_REACT] = ACT_REACT
    };
    struct hub *h = op->hub;
    const struct command *c = op->command;
    struct str content = STR_INIT;
    str_reset(&h->head);
    str_reset(&h->mid);
    str_reset(&h->tail);
    event_about_pieces(c, op->user, op->id, &h->head, &h->mid, &content, &h->tail);
    struct store_act what = { .kind = kinds[c->type],
                              .user = op->user,
                              .role = op->role,
                              .room = c->room,
                              .to = c->to,
                              .cid = c->cid,
                              .id = op->id,
                              .target = c->target,
                              .target_id = c->target_id,
                              .old = old,
                              .content_json = c->content_json,
                              .content_json_size = c->content_json_size,
                              .mentions = c->mentioned,
                              .head = &h->head,
                              .mid = &h->mid,
                              .content = &content,
                              .tail = &h->tail };
    const struct room *r = c->room ? room_find(h, c->room) : NULL;
    if (r)
        what.known = stream_known(r);
    int error = store_act(h->store, &what, stored, op);
    str_fini(&content);
    if (error)
        unsent(op, error);
    else
        h->publishes++;
}

static void found(void *arg, enum error_code code, const struct act_target *old)
{
    role_assume(&on_hub);
    struct acting *op = arg;
    const char *wanted = op->command->target_id;
    if (code == ERROR_ARCHIVE_OFF)
        refuse(op, ERROR_TOO_OLD); /* nobody knows it any more */
    else if (code != ERROR_NONE)
        refuse(op, code);
    else if (wanted && strcmp(wanted, old->id) != 0)
        refuse(op, ERROR_NOT_FOUND);
    else {
        if (op->command->type == COMMAND_DELETE && !op->old)
            op->old = xmemdupz(old->json.data, old->json.size);
        store(op, old);
    }
}

/* Who acts; NULL: nobody in particular. */
static const char *actor(const struct peer *p, const struct command *c, enum act_role *role)
{
    *role = c->admin ? ACT_ADMIN : p->http || p->device[0] ? ACT_ACCOUNT : ACT_GUEST;
    if (c->admin)
        return admin_name;
    if (p->user)
        return p->user->name;
    return c->claims ? c->claims->user : NULL;
}

void act_run(struct hub *h, struct peer *p, struct command *c)
{
    enum act_role role;
    const char *user = actor(p, c, &role), *cid = c->cid ? c->cid : "";
    enum error_code code = ERROR_NONE;
    if (!user)
        code = ERROR_LOGIN_REQUIRED;
    else if (c->room && !p->http && !room_membership(p, c->room))
        code = ERROR_NOT_JOINED;
    if (code != ERROR_NONE) {
        peer_error(h, p, code, cid, code == ERROR_NOT_JOINED ? "room" : NULL, -1);
        command_free(c);
        return;
    }
    if (p->in_flight >= PEER_IN_FLIGHT_MAX) {
        command_unsent(h, p, cid, -EBUSY);
        command_free(c);
        return;
    }
    struct acting *op = xcalloc(1, sizeof *op);
    *op = (struct acting){ .hub = h, .peer = peer_ref(p), .command = c, .role = role };
    p->in_flight++;
    text_copy(op->user, sizeof op->user, user);
    op->stream[0] = '@';
    const char *name = c->to ? c->to : c->room;
    BUG_ON(!name);
    text_copy(op->stream + (c->to != NULL), sizeof op->stream - 1, name);
    command_message_id(op->id, h, op->user, op->stream, cid);
    store(op, NULL);
}

void act_told(void *arg, const char *room, const char *epoch, uint64_t seq, uint64_t target,
              const char *json, size_t size)
{
    (void)target; /* stream_about() finds it by its id */
    role_assume(&on_hub);
    struct hub *h = arg;
    stat_add(h->stats, messages_received, 1);
    struct room *r = room_find(h, room);
    if (r)
        stream_about(r, epoch, seq, event_message(seq, json, size));
}

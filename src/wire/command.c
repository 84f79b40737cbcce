#include "confab/wire/command.h"
#include "draft.h"
#include "quote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char default_room[] = "general";

enum { RESUME_MAX = RULE_ROOMS_PER_CLIENT * 2 }; /* rooms, and as many conversations */

static int take_content_and_cid(struct draft *d)
{
    if (draft_take_cid(d) != 0)
        return -EINVAL;
    return draft_take_content(d);
}

static bool is_resume_entry(const char *stream, const json_t *point, struct resume_entry *out)
{
    const json_t *epoch = json_object_get(point, "epoch");

    if (!draft_is_number(json_object_get(point, "seq"), &out->seq) || !json_is_string(epoch))
        return false;
    out->epoch = json_string_value(epoch);
    if (!draft_is_epoch(out->epoch, json_string_length(epoch)))
        return false;
    if (strcmp(stream, STREAM_MENTIONS) == 0) {
        memcpy(out->stream, STREAM_MENTIONS, sizeof STREAM_MENTIONS);
        return true;
    }
    if (stream[0] != '@')
        return rules_room(stream, strlen(stream), out->stream) == ERROR_NONE;
    out->stream[0] = '@';
    return rules_name(stream + 1, strlen(stream + 1), out->stream + 1) == ERROR_NONE;
}

static int take_resume(struct draft *d)
{
    json_t *resume = json_object_get(d->frame, "resume");
    size_t count = json_object_size(resume); /* 0 when it is no object */

    if (resume == NULL)
        return 0;
    if (!json_is_object(resume) || count > RESUME_MAX)
        return draft_refuse(d, ERROR_BAD_FIELD, "resume");
    d->resume = xcalloc(count, sizeof *d->resume);
    for (void *at = json_object_iter(resume); at; at = json_object_iter_next(resume, at)) {
        if (!is_resume_entry(json_object_iter_key(at), json_object_iter_value(at),
                             &d->resume[d->c.resume_count++]))
            return draft_refuse(d, ERROR_BAD_FIELD, "resume");
    }
    return 0;
}

/* Commands */

static int parse_hello(struct draft *d)
{
    if (draft_take_access_token(d) != 0)
        return -EINVAL;
    if ((d->c.token == NULL || draft_has(d, "username")) &&
        draft_take_name(d, "username", d->username, &d->c.username) != 0)
        return -EINVAL;
    if (draft_take_token(d, "session", RULE_SESSION_BYTES, &d->c.session) != 0)
        return -EINVAL;
    if (draft_take_caps(d) != 0 || (draft_has(d, "room") && draft_take_room(d) != 0))
        return -EINVAL;
    return take_resume(d);
}

static int parse_join(struct draft *d)
{
    struct text epoch;

    if (draft_take_room(d) != 0 ||
        draft_take_token(d, "invite", RULE_INVITATION_BYTES, &d->c.invite) != 0)
        return -EINVAL;
    if (!draft_has(d, "epoch") && !draft_has(d, "seq"))
        return 0;
    if (draft_need_text(d, "epoch", &epoch) != 0)
        return -EINVAL;
    if (!draft_is_epoch(epoch.data, epoch.size))
        return draft_refuse(d, ERROR_BAD_FIELD, "epoch");
    d->c.epoch = epoch.data;
    return draft_need_number(d, "seq", &d->c.seq);
}

static int parse_leave(struct draft *d)
{
    return draft_take_room(d);
}

static int parse_message(struct draft *d)
{
    d->c.room = default_room;

    if (draft_has(d, "room") && draft_take_room(d) != 0)
        return -EINVAL;
    return take_content_and_cid(d);
}

static int parse_private(struct draft *d)
{
    if (draft_take_name(d, "to", d->to, &d->c.to) != 0)
        return -EINVAL;
    return take_content_and_cid(d);
}

static int parse_typing(struct draft *d)
{
    return draft_take_room_or_to(d);
}

static int parse_auth(struct draft *d)
{
    if (draft_take_access_token(d) != 0 || draft_take_refresh_token(d) != 0)
        return -EINVAL;
    if ((d->c.token == NULL) == (d->c.refresh_token == NULL)) /* one or the other */
        return draft_refuse(d, ERROR_BAD_FIELD, "token");
    return 0;
}

static int parse_cid_alone(struct draft *d)
{
    return draft_take_cid(d);
}

static const struct {
    const char *type;
    int (*parse)(struct draft *d);
} parsers[] = {
    [COMMAND_HELLO] = { "hello", parse_hello },
    [COMMAND_JOIN] = { "join", parse_join },
    [COMMAND_LEAVE] = { "leave", parse_leave },
    [COMMAND_MESSAGE] = { "message", parse_message },
    [COMMAND_PRIVATE] = { "private", parse_private },
    [COMMAND_TYPING] = { "typing", parse_typing },
    [COMMAND_READ] = { "read", parse_read },
    [COMMAND_HISTORY] = { "history", parse_history },
    [COMMAND_SEARCH] = { "search", parse_search },
    [COMMAND_HEARTBEAT] = { "heartbeat", parse_cid_alone },
    [COMMAND_AUTH] = { "auth", parse_auth },
    [COMMAND_RECEIVED] = { "received", parse_received },
    [COMMAND_SEEN] = { "seen", parse_seen },
    [COMMAND_TICKET] = { "ticket", parse_cid_alone },
    [COMMAND_EDIT] = { "edit", parse_act_edit },
    [COMMAND_DELETE] = { "delete", parse_act_delete },
    [COMMAND_REACT] = { "react", parse_act_react },
    [COMMAND_ROOM] = { "room", parse_room },
};

int draft_parse(struct draft *d)
{
    const json_t *value = json_object_get(d->frame, "type");
    const struct text type = { json_string_value(value), json_string_length(value) };

    if (type.data == NULL)
        return draft_refuse(d, ERROR_NO_TYPE, "");
    if (draft_has_nul(&type))
        return draft_refuse(d, ERROR_UNKNOWN_TYPE, "");
    for (size_t i = 0; i < sizeof parsers / sizeof parsers[0]; i++) {
        if (parsers[i].type != NULL && strcmp(type.data, parsers[i].type) == 0) {
            d->c.type = (enum command_type)i;
            return parsers[i].parse(d);
        }
    }
    return draft_refuse(d, ERROR_UNKNOWN_TYPE, "");
}

/* The answer to a frame carries its cid also when something else in the frame is wrong. */
static void copy_cid(const json_t *frame, struct command_error *error)
{
    const json_t *cid = json_object_get(frame, "cid");

    if (rules_token(json_string_value(cid), json_string_length(cid), RULE_CID_BYTES))
        memcpy(error->cid, json_string_value(cid), json_string_length(cid) + 1);
}

/* frame: an object */
static int parse_object(const json_t *frame, const struct shown *shown, struct command **out,
                        struct command_error *error)
{
    struct draft d = { .frame = frame, .error = error, .content = STR_INIT, .mentioned = STR_INIT };

    if (shown != NULL) {
        d.c.admin = shown->right;
        d.c.not_admin = !shown->right;
        d.c.address = shown->address;
    }
    copy_cid(frame, error);
    int rc = draft_parse(&d);
    if (rc == 0)
        *out = draft_pack(&d);
    draft_fini(&d);
    return rc;
}

/* What jansson allocates while a thread decodes a frame, some twenty small pieces, is cut off one
 * that lies on the stack, as far as it goes. None of them outlives command_parse(). */
enum { PIECE_BYTES = 4096, PIECE_ALIGN = 16 };

static _Thread_local struct {
    char *begin, *at, *end; /* NULL outside of command_parse() */
} piece;

static void *piece_malloc(size_t size)
{
    if (size > (size_t)(piece.end - piece.at))
        return malloc(size);
    char *p = piece.at;
    piece.at += (size + PIECE_ALIGN - 1) / PIECE_ALIGN * PIECE_ALIGN;
    return p;
}

static void piece_free(void *p)
{
    if ((uintptr_t)p - (uintptr_t)piece.begin >= (uintptr_t)(piece.end - piece.begin))
        free(p);
}

__attribute__((constructor)) static void use_piece(void)
{
    json_set_alloc_funcs(piece_malloc, piece_free);
}

int command_parse(const char *text, size_t size, struct command **out, struct command_error *error)
{
    _Alignas(PIECE_ALIGN) char bytes[PIECE_BYTES];
    int rc = -EINVAL;

    piece.begin = piece.at = bytes;
    piece.end = bytes + sizeof bytes;
    *error = (struct command_error){ .code = ERROR_NONE };
    json_t *frame = draft_load(text, size, error);
    if (frame != NULL)
        rc = parse_object(frame, NULL, out, error);
    json_decref(frame);
    piece.begin = piece.at = piece.end = NULL;
    return rc;
}

int draft_url_command(json_t *frame, const struct shown *shown, struct command **out,
                      struct command_error *error)
{
    *error = (struct command_error){ .code = ERROR_NONE };
    int rc = parse_object(frame, shown, out, error);
    json_decref(frame);
    return rc;
}

int command_hello(const char *username, const char *room, const char *session, const char *token,
                  struct command **out, struct command_error *error)
{
    json_t *frame = json_object();

    draft_url_text(frame, "type", "hello");
    draft_url_text(frame, "username", username);
    draft_url_text(frame, "room", room != NULL ? room : default_room);
    draft_url_text(frame, "session", session);
    draft_url_text(frame, "token", token);
    return draft_url_command(frame, NULL, out, error);
}

void command_verify(struct command *c, struct keyring *k)
{
    struct token_claims claims;

    if (c->token == NULL)
        return;
    c->verdict = keyring_verify(k, c->token, clock_mono_ms(), &claims);
    if (c->verdict != TOKEN_GOOD && c->verdict != TOKEN_EXPIRED)
        return;
    if (c->claims == NULL)
        c->claims = xmalloc(sizeof *c->claims);
    *c->claims = claims;
}

void command_free(struct command *c)
{
    while (c != NULL) {
        struct command *then = c->then;
        free(c->claims);
        secret_wipe(c, c->secret_size);
        free(c);
        c = then;
    }
}

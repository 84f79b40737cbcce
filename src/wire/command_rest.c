#include "confab/wire/rest.h"
#include "draft.h"

#include <errno.h>
#include <string.h>

/* What may stand in a body as an act of its own: as the body names it, as the frame of the act
 * names it, and the act. */
static const struct change {
    const char *field, *frame_field;
    enum room_act act;
} changes[] = {
    { "topic", "topic", ROOM_ACT_TOPIC },
    { "access", "access", ROOM_ACT_ACCESS },
    { "read_only", "on", ROOM_ACT_READ_ONLY },
    { "slow_s", "seconds", ROOM_ACT_SLOW },
};
enum { CHANGES = sizeof changes / sizeof changes[0] };

/* ---- requests that are frames, too ---- */

static int need_somebody(struct draft *d, const struct rest_request *from)
{
    if (from->token == NULL && !from->claims_admin)
        return draft_refuse(d, ERROR_LOGIN_REQUIRED, "");
    return 0;
}

/* Who does things in a room is an account or the administrator; what a room is may be asked by
 * anybody, as its messages. */
static int parse_room_act(struct draft *d, const struct rest_request *from)
{
    if (from->act != ROOM_ACT_INFO && need_somebody(d, from) != 0)
        return -EINVAL;
    if (!from->claims_admin && from->act == ROOM_ACT_CREATE && draft_has(d, "owner"))
        return draft_refuse(d, ERROR_NOT_ALLOWED, "owner");
    return draft_parse(d);
}

/* The administrator is nobody who could be in a room or have conversations. */
static int need_account(struct draft *d, const struct rest_request *from)
{
    if (from->claims_admin)
        return draft_refuse(d, ERROR_ACCOUNT_NEEDED, "");
    return need_somebody(d, from);
}

static int parse_invitation(struct draft *d, const struct rest_request *from)
{
    if (need_account(d, from) != 0 ||
        draft_take_token(d, "code", RULE_INVITATION_BYTES, &d->c.invite) != 0)
        return -EINVAL;
    return d->c.invite != NULL ? 0 : draft_refuse(d, ERROR_BAD_FIELD, "code");
}

static int parse_delete(struct draft *d, const struct rest_request *from)
{
    return need_somebody(d, from) != 0 ? -EINVAL : draft_parse(d);
}

/* ---- lists ---- */

static int take_limit(struct draft *d)
{
    uint64_t limit = REST_LIST_MOST;

    if (draft_get_number(d, "limit", &limit) != 0)
        return -EINVAL;
    if (limit < 1 || limit > REST_LIST_MOST)
        return draft_refuse(d, ERROR_BAD_FIELD, "limit");
    d->c.limit = (unsigned)limit;
    return 0;
}

static int parse_rooms(struct draft *d, const struct rest_request *from)
{
    if (from->after != NULL) {
        const enum error_code code = rules_room(from->after, strlen(from->after), d->room);
        if (code != ERROR_NONE)
            return draft_refuse(d, code, "after");
        d->c.name = d->room;
    }
    return take_limit(d);
}

static int parse_members(struct draft *d, const struct rest_request *from)
{
    if (draft_take_room(d) != 0)
        return -EINVAL;
    if (from->after != NULL && draft_take_name(d, "after", d->to, &d->c.name) != 0)
        return -EINVAL;
    return take_limit(d);
}

static int parse_conversations(struct draft *d, const struct rest_request *from)
{
    return need_account(d, from);
}

/* As Redis names entries of a stream: two numbers. */
static bool is_entry(const char *text)
{
    static const char digits[] = "0123456789";
    const size_t first = strspn(text, digits);

    if (first < 1 || first > 19 || text[first] != '-')
        return false;
    const size_t second = strspn(text + first + 1, digits);
    return second >= 1 && second <= 19 && text[first + 1 + second] == '\0';
}

static int parse_audit(struct draft *d, const struct rest_request *from)
{
    if (need_somebody(d, from) != 0)
        return -EINVAL;
    if (draft_has(d, "room") && draft_take_room(d) != 0)
        return -EINVAL;
    if (from->actor != NULL && strcmp(from->actor, "*") == 0) /* the administrator */
        d->c.author = from->actor;
    else if (from->actor != NULL && draft_take_name(d, "actor", d->username, &d->c.author) != 0)
        return -EINVAL;
    if (from->before != NULL && !is_entry(from->before))
        return draft_refuse(d, ERROR_BAD_CURSOR, "before");
    d->c.cursor = from->before;
    return take_limit(d);
}

static int parse(struct draft *d, const struct rest_request *from)
{
    switch (from->type) {
    case COMMAND_ROOM:
        return parse_room_act(d, from);
    case COMMAND_JOIN:
        return parse_invitation(d, from);
    case COMMAND_DELETE:
        return parse_delete(d, from);
    case COMMAND_ROOMS:
        return parse_rooms(d, from);
    case COMMAND_MEMBERS:
        return parse_members(d, from);
    case COMMAND_CONVERSATIONS:
        return parse_conversations(d, from);
    case COMMAND_AUDIT:
        return parse_audit(d, from);
    default:
        BUG("no request about rooms");
    }
}

/* ---- all ---- */

/* frame: borrowed. */
static int run(const struct rest_request *from, const json_t *frame, struct command **out,
               struct command_error *error)
{
    struct draft d = { .frame = frame, .error = error, .content = STR_INIT };

    d.c.type = from->type;
    d.c.address = from->address;
    d.c.admin = from->admin;
    d.c.not_admin = from->claims_admin && !from->admin;
    int rc = from->token != NULL && strlen(from->token) > RULE_TOKEN_BYTES
                 ? draft_refuse(&d, ERROR_BAD_TOKEN, "")
                 : parse(&d, from);
    d.c.token = from->token;
    if (rc == 0)
        *out = draft_pack(&d);
    draft_fini(&d);
    return rc;
}

/* What makes the body, and what the path says, a frame. */
static void complete(const struct rest_request *from, json_t *frame)
{
    json_object_del(frame, "cid"); /* nobody gets an ack */
    json_object_del(frame, "token");
    for (size_t i = 0; i < REST_NAMES; i++) {
        if (from->names[i] != NULL && strcmp(from->names[i], "seq") == 0)
            draft_url_number(frame, "seq", from->values[i]);
        else if (from->names[i] != NULL)
            draft_url_text(frame, from->names[i], from->values[i]);
    }
    if (from->type == COMMAND_ROOM) {
        draft_url_text(frame, "type", "room");
        draft_url_text(frame, "act", room_act_name(from->act));
        if (from->act == ROOM_ACT_ROLE && from->body == NULL)
            draft_url_text(frame, "role", "none");
    } else if (from->type == COMMAND_DELETE) {
        draft_url_text(frame, "type", "delete");
    }
    draft_url_number(frame, "limit", from->limit);
    draft_url_text(frame, "after", from->after);
    if (from->type == COMMAND_AUDIT) {
        draft_url_text(frame, "room", from->room);
        draft_url_text(frame, "actor", from->actor);
    }
}

/* As the request names it. */
static void rename_field(struct command_error *error, const char *is, const char *was)
{
    if (strcmp(error->field, is) == 0)
        memcpy(error->field, was, strlen(was) + 1);
}

/* A list of commands: one for each change. */
static int run_changes(const struct rest_request *from, const json_t *body, struct command **out,
                       struct command_error *error)
{
    struct command *first = NULL, **next = &first;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < CHANGES; i++) {
        json_t *value = json_object_get(body, changes[i].field);
        if (value == NULL)
            continue;
        struct rest_request change = *from;
        change.act = changes[i].act;
        json_t *frame = json_object();
        complete(&change, frame);
        json_object_set(frame, changes[i].frame_field, value);
        rc = run(&change, frame, next, error);
        json_decref(frame);
        if (rc == 0)
            next = &(*next)->then;
        else
            rename_field(error, changes[i].frame_field, changes[i].field);
    }
    if (rc == 0 && first == NULL) {
        *error = (struct command_error){ .code = ERROR_BAD_FIELD, .field = "topic" };
        rc = -EINVAL;
    }
    if (rc == 0)
        *out = first;
    else
        command_free(first);
    return rc;
}

int rest_parse(const struct rest_request *from, struct command **out, struct command_error *error)
{
    *error = (struct command_error){ .code = ERROR_NONE };
    json_t *frame = from->body != NULL ? draft_load(from->body, from->size, error) : json_object();
    int rc = frame != NULL ? 0 : -EINVAL;

    if (rc == 0 && from->type == COMMAND_ROOM && from->act == ROOM_ACT_INFO && from->body != NULL) {
        rc = run_changes(from, frame, out, error);
    } else if (rc == 0) {
        complete(from, frame);
        rc = run(from, frame, out, error);
    }
    json_decref(frame);
    return rc;
}

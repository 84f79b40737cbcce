#include "confab/wire/event.h"
#include "fields.h"

#include <stdlib.h>
#include <string.h>

/* names: joined by '\n'; NULL and "" are the empty list */
static void field_names(struct str *s, const char *name, const char *names)
{
    key(s, name);
    str_addc(s, '[');
    for (const char *at = names; at != NULL && *at != '\0';) {
        size_t size = strcspn(at, "\n");
        if (at != names)
            str_addc(s, ',');
        str_addc(s, '"');
        str_add(s, at, size);
        str_addc(s, '"');
        at += size;
        at += *at == '\n';
    }
    str_addc(s, ']');
}

static void field_limits(struct str *s, const struct settings *settings)
{
    str_addz(s, ",\"limits\":{\"message_bytes\":");
    str_addu(s, RULE_MESSAGE_BYTES);
    field_number(s, "messages", (uint64_t)settings->rate_limit_messages);
    field_number(s, "window_s", (uint64_t)settings->rate_limit_window_s);
    field_number(s, "history", RULE_HISTORY_MESSAGES);
    field_number(s, "rooms", RULE_ROOMS_PER_CLIENT);
    field_number(s, "name_chars", RULE_NAME_CHARS);
    field_number(s, "room_chars", RULE_ROOM_CHARS);
    field_number(s, "cid_bytes", RULE_CID_BYTES);
    field_number(s, "frame_bytes", RULE_FRAME_BYTES);
    field_number(s, "search_bytes", RULE_SEARCH_BYTES);
    field_number(s, "receipts", RULE_RECEIPTS);
    if (settings->file_max_kb > 0) {
        str_addz(s, ",\"files\":{\"max_bytes\":");
        str_addu(s, (uint64_t)settings->file_max_kb * 1024);
        field_number(s, "days", (uint64_t)settings->files_days);
        str_addc(s, '}');
    }
    str_addc(s, '}');
}

struct frame *event_welcome(const char *user, const char *session, const struct settings *settings,
                            bool archive, const struct stream_top *private_tops, size_t count,
                            const struct welcome_account *account)
{
    struct str s = STR_INIT;

    begin(&s, "welcome");
    field_number(&s, "v", 1);
    field_plain(&s, "user", user);
    field_text(&s, "session", session);
    field_text(&s, "instance", settings->instance);
    field_number(&s, "server_time", (uint64_t)clock_wall_ms());
    field_number(&s, "heartbeat_ms", (uint64_t)settings->heartbeat_ms);
    field_limits(&s, settings);
    field_bool(&s, "archive", archive);
    field_tops(&s, "private", private_tops, count);
    if (account != NULL) {
        str_addz(&s, ",\"account\":{\"device\":\"");
        str_addz(&s, account->device);
        str_addc(&s, '"');
        field_number(&s, "expires_in_s", (uint64_t)account->expires_in_s);
        str_addc(&s, '}');
    }
    return finish(&s, FRAME_CONTROL);
}

struct frame *event_joined(const struct joined *j)
{
    struct str s = STR_INIT;

    begin(&s, "joined");
    field_plain(&s, "room", j->room);
    field_text(&s, "epoch", j->epoch);
    field_number(&s, "seq", j->seq);
    field_bool(&s, "recovered", j->recovered);
    field_number(&s, "missed", j->missed);
    if (j->members != NULL)
        field_names(&s, "members", j->members);
    field_number(&s, "count", j->count);
    if (j->guard != NULL) {
        key(&s, "guard");
        str_addz(&s, j->guard);
    }
    return finish(&s, FRAME_CONTROL);
}

void event_message_pieces(const struct command *c, const char *user, const char *id,
                          struct str *head, struct str *mid, struct str *tail)
{
    bool private = c->type == COMMAND_PRIVATE;

    begin(head, private ? "private" : "message");
    if (!private)
        field_plain(head, "room", c->room);
    key(head, "seq");

    field_plain(mid, "id", id);
    field_plain(mid, "user", user);
    if (private)
        field_plain(mid, "to", c->to);
    key(mid, "content");
    str_add(mid, c->content_json, c->content_json_size);
    key(mid, "timestamp");

    if (c->mentioned != NULL)
        field_names(tail, "mentions", c->mentioned);
    if (c->cid != NULL)
        field_plain(tail, "cid", c->cid);
    str_addc(tail, '}');
}

static const char *about_kind(const struct command *c)
{
    return c->type == COMMAND_EDIT ? "edit" : c->type == COMMAND_DELETE ? "delete" : "react";
}

/* kind stands before content: nothing that people write comes before it. */
void event_about_pieces(const struct command *c, const char *user, const char *id, struct str *head,
                        struct str *mid, struct str *content, struct str *tail)
{
    begin(head, c->to != NULL ? "private" : "message");
    if (c->to == NULL)
        field_plain(head, "room", c->room);
    key(head, "seq");

    field_plain(mid, "id", id);
    field_plain(mid, "user", user);
    if (c->to != NULL)
        field_plain(mid, "to", c->to);
    field_plain(mid, "kind", about_kind(c));
    field_number(mid, "target", c->target);

    if (c->type == COMMAND_REACT)
        field_text(content, "emoji", c->emoji);
    if (c->type == COMMAND_REACT && c->remove)
        field_bool(content, "remove", true);
    key(content, "content");
    if (c->type == COMMAND_EDIT)
        str_add(content, c->content_json, c->content_json_size);
    else if (c->type == COMMAND_DELETE)
        str_addz(content, "\"(deleted a message)\"");
    else
        quote_add(content, c->emoji, strlen(c->emoji));
    key(content, "timestamp");

    if (c->cid != NULL)
        field_plain(tail, "cid", c->cid);
    str_addc(tail, '}');
}

struct frame *event_message(uint64_t seq, const char *json, size_t size)
{
    return frame_new(FRAME_MESSAGE, seq, &(struct frame_part){ json, size }, 1);
}

struct frame *event_ack(const char *cid, const char *stream, uint64_t seq, const char *id,
                        int64_t timestamp_ms, bool duplicate)
{
    struct str s = STR_INIT;

    begin(&s, "ack");
    if (*cid != '\0')
        field_plain(&s, "cid", cid);
    field_stream(&s, stream);
    field_number(&s, "seq", seq);
    field_plain(&s, "id", id);
    field_number(&s, "timestamp", (uint64_t)timestamp_ms);
    if (duplicate)
        field_bool(&s, "duplicate", true);
    return finish(&s, FRAME_CONTROL);
}

struct frame *event_presence(const char *room, const char *join, const char *leave, uint64_t count)
{
    struct str s = STR_INIT;

    begin(&s, "presence");
    field_plain(&s, "room", room);
    field_names(&s, "join", join);
    field_names(&s, "leave", leave);
    field_number(&s, "count", count);
    return finish(&s, FRAME_EVENT);
}

static void begin_about(struct str *out, const char *type, const char *room, const char *to,
                        const char *user)
{
    begin(out, type);
    if (to != NULL)
        field_plain(out, "to", to);
    else
        field_plain(out, "room", room);
    field_plain(out, "user", user);
}

void event_typing_json(struct str *out, const char *room, const char *to, const char *user)
{
    begin_about(out, "typing", room, to, user);
    str_addc(out, '}');
}

void event_read_json(struct str *out, const char *room, const char *to, const char *user,
                     uint64_t seq)
{
    begin_about(out, "read", room, to, user);
    field_number(out, "seq", seq);
    str_addc(out, '}');
}

struct frame *event_passed(const char *json, size_t size)
{
    return frame_new(FRAME_EVENT, 0, &(struct frame_part){ json, size }, 1);
}

struct frame *event_heartbeat(const struct stream_top *tops, size_t count)
{
    struct str s = STR_INIT;

    begin(&s, "heartbeat");
    field_number(&s, "server_time", (uint64_t)clock_wall_ms());
    field_tops(&s, "top", tops, count);
    return finish(&s, FRAME_CONTROL);
}

struct frame *event_echo(const char *cid)
{
    struct str s = STR_INIT;

    begin(&s, "heartbeat");
    field_plain(&s, "cid", cid);
    field_number(&s, "server_time", (uint64_t)clock_wall_ms());
    field_tops(&s, "top", NULL, 0);
    return finish(&s, FRAME_CONTROL);
}

struct frame *event_marks(const char *room, const char *epoch, const struct str *marks)
{
    struct str s = STR_INIT;

    begin(&s, "marks");
    field_plain(&s, "room", room);
    field_text(&s, "epoch", epoch);
    str_addz(&s, ",\"marks\":{");
    str_add(&s, marks->data, marks->size);
    str_addc(&s, '}');
    return finish(&s, FRAME_EVENT);
}

struct frame *event_seen(const char *cid, const char *names, const int64_t *at)
{
    struct str s = STR_INIT;

    begin(&s, "seen");
    if (cid != NULL)
        field_plain(&s, "cid", cid);
    str_addz(&s, ",\"people\":{");
    bool first = true;
    for (; *names != '\0'; at++) {
        const size_t size = strcspn(names, "\n");
        if (*at >= 0) {
            str_addz(&s, first ? "\"" : ",\"");
            str_add(&s, names, size);
            str_addz(&s, "\":");
            str_addu(&s, (uint64_t)*at);
            first = false;
        }
        names += size + (names[size] == '\n');
    }
    str_addc(&s, '}');
    return finish(&s, FRAME_CONTROL);
}

struct frame *event_status(bool ok, const char *reason)
{
    struct str s = STR_INIT;

    begin(&s, "status");
    field_plain(&s, "state", ok ? "ok" : "degraded");
    field_text(&s, "reason", reason);
    return finish(&s, FRAME_CONTROL);
}

struct frame *event_resync(const char *stream, uint64_t seq)
{
    struct str s = STR_INIT;

    begin(&s, "resync");
    field_stream(&s, stream);
    field_number(&s, "seq", seq);
    return finish(&s, FRAME_CONTROL);
}

struct frame *event_left(const char *room, const char *reason, int64_t until_ms)
{
    struct str s = STR_INIT;

    begin(&s, "left");
    field_plain(&s, "room", room);
    if (reason != NULL)
        field_plain(&s, "reason", reason);
    if (until_ms > 0)
        field_number(&s, "until", (uint64_t)until_ms);
    return finish(&s, FRAME_CONTROL);
}

static bool is_given(const char *text)
{
    return text != NULL && *text != '\0';
}

struct frame *event_error(enum error_code code, const char *cid, const char *field,
                          int64_t retry_after_ms)
{
    const struct error_info *info = error_info(code);
    struct str s = STR_INIT;

    begin(&s, "error");
    field_plain(&s, "code", info->code);
    field_text(&s, "message", info->message);
    field_bool(&s, "temporary", info->temporary);
    if (is_given(cid))
        field_plain(&s, "cid", cid);
    if (is_given(field))
        field_plain(&s, "field", field);
    if (retry_after_ms >= 0)
        field_number(&s, "retry_after_ms", (uint64_t)retry_after_ms);
    struct frame *f = finish(&s, FRAME_CONTROL);
    f->http_status = (int16_t)info->http_status;
    if (retry_after_ms > 0)
        f->retry_after_s =
            (uint16_t)(retry_after_ms < UINT16_MAX * 1000 ? (retry_after_ms + 999) / 1000
                                                          : UINT16_MAX);
    return f;
}

struct frame *event_bye(int code, const char *reason, int64_t retry_ms)
{
    struct str s = STR_INIT;

    begin(&s, "bye");
    field_number(&s, "code", (uint64_t)code);
    field_text(&s, "reason", reason);
    if (retry_ms >= 0)
        field_number(&s, "retry_ms", (uint64_t)retry_ms);
    return finish(&s, FRAME_CONTROL);
}

struct frame *event_server(const struct settings *settings)
{
    static const char *const modes[] = {
        [ACCOUNTS_OFF] = "off",
        [ACCOUNTS_OPTIONAL] = "optional",
        [ACCOUNTS_REQUIRED] = "required",
    };
    struct str s = STR_INIT;

    begin(&s, "server");
    field_plain(&s, "accounts", modes[settings->accounts_mode]);
    field_limits(&s, settings);
    s.size--; /* the limits of accounts stand in the same object */
    field_number(&s, "password_bytes_min", RULE_PASSWORD_BYTES_MIN);
    field_number(&s, "password_bytes", RULE_PASSWORD_BYTES);
    field_number(&s, "label_chars", RULE_LABEL_CHARS);
    str_addc(&s, '}');
    return finish(&s, FRAME_CONTROL);
}

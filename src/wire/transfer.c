#include "confab/wire/transfer.h"

#include "confab/wire/date.h"
#include "fields.h"

#include <jansson.h>
#include <stdio.h>

/* docs/DATA.md, message.kind: up to the first one are no events */
enum { VERSION = 1, KIND_PRIVATE = 1, KIND_FORGOTTEN = 6 };

/* ---- writing ---- */

void transfer_add_head(struct str *out, const char *archive, int64_t now_ms)
{
    str_addf(out, "{\"confab\":\"export\",\"v\":%d,\"archive\":\"%s\",\"at\":%lld}\n", VERSION,
             archive, (long long)now_ms);
}

void transfer_add_message(struct str *out, const char *stream, const char *epoch, int kind,
                          const char *json, size_t size)
{
    const char *bar = strchr(stream, '|');

    if (stream[0] == 'd' && bar != NULL)
        str_addf(out, "{\"between\":[\"%.*s\",\"%s\"]", (int)(bar - stream - 2), stream + 2,
                 bar + 1);
    else
        str_addf(out, "{\"room\":\"%s\"", stream + 2);
    field_plain(out, "epoch", epoch);
    field_number(out, "kind", (uint64_t)kind);
    key(out, "message");
    str_add(out, json, size);
    str_addz(out, "}\n");
}

void transfer_add_end(struct str *out, uint64_t count)
{
    str_addf(out, "{\"end\":true,\"count\":%llu}\n", (unsigned long long)count);
}

/* ---- reading ---- */

/* A name is stored in the form that rules_name() gives it. */
static bool is_name(const json_t *value)
{
    char name[NAME_MAX_BYTES + 1];

    return json_is_string(value) &&
           rules_name(json_string_value(value), json_string_length(value), name) == ERROR_NONE &&
           strcmp(name, json_string_value(value)) == 0;
}

static const char *read_room(const json_t *value, struct transfer_message *out)
{
    char *room = out->stream + 2;

    if (!json_is_string(value) ||
        rules_room(json_string_value(value), json_string_length(value), room) != ERROR_NONE ||
        strcmp(room, json_string_value(value)) != 0)
        return "room is not a name of a room";
    out->stream[0] = 'r';
    out->stream[1] = ':';
    return NULL;
}

static const char *read_between(const json_t *value, struct transfer_message *out)
{
    const json_t *a = json_array_get(value, 0), *b = json_array_get(value, 1);

    if (json_array_size(value) != 2 || !is_name(a) || !is_name(b) ||
        strcmp(json_string_value(a), json_string_value(b)) > 0)
        return "between is not two names, in order";
    snprintf(out->stream, sizeof out->stream, "d:%s|%s", json_string_value(a),
             json_string_value(b));
    return NULL;
}

static const char *read_place(const json_t *line, struct transfer_message *out)
{
    const json_t *room = json_object_get(line, "room"), *between = json_object_get(line, "between");
    const json_t *epoch = json_object_get(line, "epoch"), *kind = json_object_get(line, "kind");

    if ((room == NULL) == (between == NULL))
        return "it needs room or between";
    const char *why = room != NULL ? read_room(room, out) : read_between(between, out);
    if (why != NULL)
        return why;
    if (!json_is_string(epoch) ||
        !rules_token(json_string_value(epoch), json_string_length(epoch), RULE_EPOCH_BYTES))
        return "epoch is not 1 to 32 printable characters";
    text_copy(out->epoch, sizeof out->epoch, json_string_value(epoch));
    if (!json_is_integer(kind) || json_integer_value(kind) < 0 ||
        json_integer_value(kind) > TRANSFER_KIND_MOST)
        return "kind is not a number from 0 to 255";
    out->kind = (int)json_integer_value(kind);
    return NULL;
}

/* Events of the administrator are by "*", which is no name; who was forgotten has another one. */
static bool is_author(const json_t *user, int kind)
{
    if (kind == KIND_FORGOTTEN)
        return json_is_string(user);
    return is_name(user) || (kind > KIND_PRIVATE && json_is_string(user) &&
                             strcmp(json_string_value(user), "*") == 0);
}

/* A deleted message has none. */
static bool is_content(const json_t *content, const json_t *deleted)
{
    if (!json_is_string(content))
        return false;
    if (deleted != NULL && json_string_length(content) == 0)
        return true;
    return rules_content(json_string_value(content), json_string_length(content)) == ERROR_NONE;
}

static const char *read_message(const json_t *message, struct transfer_message *out)
{
    const json_t *seq = json_object_get(message, "seq"), *room = json_object_get(message, "room");
    const json_t *time = json_object_get(message, "timestamp");
    const json_t *content = json_object_get(message, "content");

    if (!json_is_object(message))
        return "message is not an object";
    if (!json_is_string(json_object_get(message, "type")))
        return "message has no type";
    if (!is_author(json_object_get(message, "user"), out->kind))
        return "user is not a name";
    if (!json_is_integer(seq) || json_integer_value(seq) < 1 ||
        json_integer_value(seq) > UINT32_MAX)
        return "seq is not a number from 1 to 4294967295";
    out->seq = (uint64_t)json_integer_value(seq);
    if (!json_is_integer(time) || json_integer_value(time) < 0 ||
        json_integer_value(time) > DATE_MS_MAX)
        return "timestamp is not a time in milliseconds";
    if (room != NULL &&
        (!json_is_string(room) || strcmp(json_string_value(room), out->stream + 2) != 0))
        return "the message is of another room";
    if (out->kind <= KIND_PRIVATE && !is_content(content, json_object_get(message, "deleted")))
        return "content is not 1 to 4096 bytes of text";
    return NULL;
}

/* The bytes of `message`, which stay as they are: the same message must be the same bytes in every
 * archive. The key cannot be in a string, where its quotes would be escaped; an object in front of
 * it could have it, and then the two are not equal. */
static bool find_bytes(const char *line, size_t size, const json_t *message,
                       struct transfer_message *out)
{
    static const char name[] = "\"message\"";
    const char *at = memmem(line, size, name, sizeof name - 1);

    if (at == NULL)
        return false;
    at += sizeof name - 1;
    at += strspn(at, " \t");
    at += *at == ':';
    at += strspn(at, " \t");
    json_error_t error;
    json_t *same = json_loadb(at, size - (size_t)(at - line), JSON_DISABLE_EOF_CHECK, &error);
    const bool found = same != NULL && json_equal(same, message);
    json_decref(same);
    out->json = at;
    out->json_size = found ? (size_t)error.position : 0;
    return found;
}

static enum transfer_line read_object(const json_t *object, const char *line, size_t size,
                                      struct transfer_message *out, const char **why)
{
    const json_t *confab = json_object_get(object, "confab");

    if (confab != NULL) {
        const json_t *v = json_object_get(object, "v");
        if (json_is_string(confab) && strcmp(json_string_value(confab), "export") == 0 &&
            json_integer_value(v) == VERSION)
            return TRANSFER_HEAD;
        *why = "an export of another version";
        return TRANSFER_BROKEN;
    }
    if (json_is_true(json_object_get(object, "end")))
        return TRANSFER_END;
    if (json_is_string(json_object_get(object, "person")))
        return TRANSFER_PERSON;
    const json_t *message = json_object_get(object, "message");
    *why = read_place(object, out);
    if (*why == NULL)
        *why = read_message(message, out);
    if (*why == NULL && !find_bytes(line, size, message, out))
        *why = "something with a message stands before its message";
    return *why == NULL ? TRANSFER_MESSAGE : TRANSFER_BROKEN;
}

enum transfer_line transfer_read(const char *line, size_t size, struct transfer_message *out,
                                 const char **why)
{
    json_error_t error;

    if (size > TRANSFER_LINE_MOST) {
        *why = "longer than 64 KiB";
        return TRANSFER_BROKEN;
    }
    /* jansson passes over NULs, without counting them */
    json_t *object = memchr(line, '\0', size) == NULL
                         ? json_loadb(line, size, JSON_REJECT_DUPLICATES, &error)
                         : NULL;
    *why = object == NULL ? "not JSON" : "not an object";
    const enum transfer_line kind =
        json_is_object(object) ? read_object(object, line, size, out, why) : TRANSFER_BROKEN;
    json_decref(object);
    return kind;
}

#include "confab/wire/command.h"
#include "confab/base/str.h"
#include "quote.h"
#include "word.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char default_room[] = "general";

enum { RESUME_MAX = RULE_ROOMS_PER_CLIENT * 2 }; /* rooms, and as many conversations */

/* A command that is being put together. Its strings stand in the JSON tree or in the buffers
 * below, until pack() moves them into one allocation. */
struct draft {
    const json_t *frame;
    struct command_error *error;
    struct command c;
    char username[NAME_MAX_BYTES + 1];
    char to[NAME_MAX_BYTES + 1];
    char room[ROOM_MAX_BYTES + 1];
    struct str content;
    struct resume_entry *resume;
};

struct resume_entry {
    const char *epoch;
    uint64_t seq;
    char stream[1 + ROOM_MAX_BYTES + 1]; /* 1 for the '@' */
};

struct text {
    const char *data;
    size_t size;
};

/* Every check below returns 0, or -EINVAL after it has filled in the draft's error. */
static int refuse(struct draft *d, enum error_code code, const char *field)
{
    size_t size = strlen(field);

    BUG_ON(size >= sizeof d->error->field);
    d->error->code = code;
    memcpy(d->error->field, field, size + 1);
    return -EINVAL;
}

/* Fields by their kind */

static bool has(const struct draft *d, const char *field)
{
    return json_object_get(d->frame, field) != NULL;
}

/* out->data stays NULL when the field is absent. */
static int get_text(struct draft *d, const char *field, struct text *out)
{
    const json_t *value = json_object_get(d->frame, field);

    *out = (struct text){ json_string_value(value), json_string_length(value) };
    return value != NULL && out->data == NULL ? refuse(d, ERROR_BAD_FIELD, field) : 0;
}

/* The rules refuse it; this is for texts that have none. */
static bool has_nul(const struct text *t)
{
    return t->data != NULL && strlen(t->data) != t->size;
}

static int need_text(struct draft *d, const char *field, struct text *out)
{
    if (get_text(d, field, out) != 0)
        return -EINVAL;
    return out->data == NULL ? refuse(d, ERROR_BAD_FIELD, field) : 0;
}

static bool is_number(const json_t *value, uint64_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static int need_number(struct draft *d, const char *field, uint64_t *out)
{
    if (!is_number(json_object_get(d->frame, field), out))
        return refuse(d, ERROR_BAD_FIELD, field);
    return 0;
}

/* An absent field leaves *out as it is. */
static int get_number(struct draft *d, const char *field, uint64_t *out)
{
    return has(d, field) ? need_number(d, field, out) : 0;
}

/* Fields by their meaning */

static int take_room(struct draft *d)
{
    struct text t;

    if (need_text(d, "room", &t) != 0)
        return -EINVAL;
    enum error_code code = rules_room(t.data, t.size, d->room);
    if (code != ERROR_NONE)
        return refuse(d, code, "room");
    d->c.room = d->room;
    return 0;
}

static int take_name(struct draft *d, const char *field, char *buffer, const char **out)
{
    struct text t;

    if (need_text(d, field, &t) != 0)
        return -EINVAL;
    enum error_code code = rules_name(t.data, t.size, buffer);
    if (code != ERROR_NONE)
        return refuse(d, code, field);
    *out = buffer;
    return 0;
}

static int take_room_or_to(struct draft *d)
{
    if (!has(d, "to"))
        return take_room(d);
    if (has(d, "room")) /* one or the other, not both */
        return refuse(d, ERROR_BAD_FIELD, "to");
    return take_name(d, "to", d->to, &d->c.to);
}

static int take_token(struct draft *d, const char *field, size_t limit, const char **out)
{
    struct text t;

    if (get_text(d, field, &t) != 0)
        return -EINVAL;
    if (t.data != NULL && !rules_token(t.data, t.size, limit))
        return refuse(d, ERROR_BAD_FIELD, field);
    *out = t.data;
    return 0;
}

/* copy_cid() has looked at it. */
static int take_cid(struct draft *d)
{
    if (d->error->cid[0] != '\0')
        d->c.cid = d->error->cid;
    else if (has(d, "cid"))
        return refuse(d, ERROR_BAD_FIELD, "cid");
    return 0;
}

static int take_content_and_cid(struct draft *d)
{
    struct text t;

    if (take_cid(d) != 0 || need_text(d, "content", &t) != 0)
        return -EINVAL;
    enum error_code code = rules_content(t.data, t.size);
    if (code != ERROR_NONE)
        return refuse(d, code, "content");
    quote_add(&d->content, t.data, t.size);
    d->c.content_json = d->content.data;
    d->c.content_json_size = d->content.size;
    return 0;
}

/* The server itself gives out the empty epoch for a conversation that has no message yet. */
static bool is_epoch(const char *text, size_t size)
{
    return size == 0 || rules_token(text, size, RULE_EPOCH_BYTES);
}

static bool is_resume_entry(const char *stream, const json_t *point, struct resume_entry *out)
{
    const json_t *epoch = json_object_get(point, "epoch");

    if (!is_number(json_object_get(point, "seq"), &out->seq) || !json_is_string(epoch))
        return false;
    out->epoch = json_string_value(epoch);
    if (!is_epoch(out->epoch, json_string_length(epoch)))
        return false;
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
        return refuse(d, ERROR_BAD_FIELD, "resume");
    d->resume = xcalloc(count, sizeof *d->resume);
    for (void *at = json_object_iter(resume); at; at = json_object_iter_next(resume, at)) {
        if (!is_resume_entry(json_object_iter_key(at), json_object_iter_value(at),
                             &d->resume[d->c.resume_count++]))
            return refuse(d, ERROR_BAD_FIELD, "resume");
    }
    return 0;
}

/* Commands */

static int parse_hello(struct draft *d)
{
    struct text token;

    if (take_name(d, "username", d->username, &d->c.username) != 0 ||
        take_token(d, "session", RULE_SESSION_BYTES, &d->c.session) != 0 ||
        get_text(d, "token", &token) != 0)
        return -EINVAL;
    if (token.size > RULE_TOKEN_BYTES || has_nul(&token))
        return refuse(d, ERROR_BAD_FIELD, "token");
    d->c.token = token.data;
    if (has(d, "room") && take_room(d) != 0)
        return -EINVAL;
    return take_resume(d);
}

static int parse_join(struct draft *d)
{
    struct text epoch;

    if (take_room(d) != 0)
        return -EINVAL;
    if (!has(d, "epoch") && !has(d, "seq"))
        return 0;
    if (need_text(d, "epoch", &epoch) != 0)
        return -EINVAL;
    if (!is_epoch(epoch.data, epoch.size))
        return refuse(d, ERROR_BAD_FIELD, "epoch");
    d->c.epoch = epoch.data;
    return need_number(d, "seq", &d->c.seq);
}

static int parse_leave(struct draft *d)
{
    return take_room(d);
}

static int parse_message(struct draft *d)
{
    d->c.room = default_room;
    if (has(d, "room") && take_room(d) != 0)
        return -EINVAL;
    return take_content_and_cid(d);
}

static int parse_private(struct draft *d)
{
    if (take_name(d, "to", d->to, &d->c.to) != 0)
        return -EINVAL;
    return take_content_and_cid(d);
}

static int parse_typing(struct draft *d)
{
    return take_room_or_to(d);
}

static int parse_read(struct draft *d)
{
    if (take_room_or_to(d) != 0)
        return -EINVAL;
    return need_number(d, "seq", &d->c.seq);
}

static int parse_history(struct draft *d)
{
    uint64_t limit = RULE_HISTORY_MESSAGES;

    d->c.before = UINT64_MAX;
    if (take_room_or_to(d) != 0 || get_number(d, "before", &d->c.before) != 0 ||
        get_number(d, "limit", &limit) != 0)
        return -EINVAL;
    if (limit < 1 || limit > RULE_HISTORY_MESSAGES)
        return refuse(d, ERROR_BAD_FIELD, "limit");
    d->c.limit = (unsigned)limit;
    return 0;
}

static int parse_heartbeat(struct draft *d)
{
    (void)d;
    return 0;
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
    [COMMAND_HEARTBEAT] = { "heartbeat", parse_heartbeat },
};

static int parse_type(struct draft *d)
{
    const json_t *value = json_object_get(d->frame, "type");
    const struct text type = { json_string_value(value), json_string_length(value) };

    if (type.data == NULL)
        return refuse(d, ERROR_NO_TYPE, "");
    for (size_t i = 0; i < sizeof parsers / sizeof parsers[0]; i++) {
        if (!has_nul(&type) && strcmp(type.data, parsers[i].type) == 0) {
            d->c.type = (enum command_type)i;
            return parsers[i].parse(d);
        }
    }
    return refuse(d, ERROR_UNKNOWN_TYPE, "");
}

/* From the draft to one allocation */

static const char *move_text(char **at, const char *text, size_t size)
{
    char *copy = *at;

    memcpy(copy, text, size);
    copy[size] = '\0';
    *at += size + 1;
    return copy;
}

static struct command *pack(struct draft *d)
{
    struct command *c = &d->c;
    const char **texts[] = { &c->room,  &c->to,  &c->username, &c->session,
                             &c->token, &c->cid, &c->epoch,    &c->content_json };
    enum { TEXTS = sizeof texts / sizeof texts[0] };
    size_t sizes[TEXTS];
    size_t size = sizeof *c + c->resume_count * sizeof *c->resume;

    for (size_t i = 0; i < TEXTS; i++) {
        sizes[i] = *texts[i] != NULL ? strlen(*texts[i]) : 0;
        size += sizes[i] + 1;
    }
    for (size_t i = 0; i < c->resume_count; i++)
        size += strlen(d->resume[i].stream) + 1 + strlen(d->resume[i].epoch) + 1;

    struct command *packed = xmalloc(size);
    struct resume_point *points = (struct resume_point *)(packed + 1);
    char *at = (char *)(points + c->resume_count);
    for (size_t i = 0; i < TEXTS; i++) {
        if (*texts[i] != NULL)
            *texts[i] = move_text(&at, *texts[i], sizes[i]);
    }
    for (size_t i = 0; i < c->resume_count; i++) {
        const struct resume_entry *from = &d->resume[i];
        points[i].stream = move_text(&at, from->stream, strlen(from->stream));
        points[i].epoch = move_text(&at, from->epoch, strlen(from->epoch));
        points[i].seq = from->seq;
    }
    c->resume = c->resume_count > 0 ? points : NULL;
    *packed = *c;
    return packed;
}

/* The answer to a frame carries its cid also when something else in the frame is wrong. */
static void copy_cid(const json_t *frame, struct command_error *error)
{
    const json_t *cid = json_object_get(frame, "cid");

    if (rules_token(json_string_value(cid), json_string_length(cid), RULE_CID_BYTES))
        memcpy(error->cid, json_string_value(cid), json_string_length(cid) + 1);
}

/* frame: an object */
static int parse_object(const json_t *frame, struct command **out, struct command_error *error)
{
    struct draft d = { .frame = frame, .error = error, .content = STR_INIT };

    copy_cid(frame, error);
    int rc = parse_type(&d);
    if (rc == 0)
        *out = pack(&d);
    str_fini(&d.content);
    free(d.resume);
    return rc;
}

/* How many brackets open, in strings or not; may count too many. '[' and '{' differ in one bit. */
static unsigned most_openings(const char *text, size_t size)
{
    unsigned count = 0;
    size_t i = 0;

    for (; size - i >= WORD; i += WORD) {
        uint64_t found = word_equal(word_load(text + i) | word_of('[' ^ '{'), '{');
        if (found != 0)
            count += (unsigned)__builtin_popcountll(found);
    }
    for (; i < size; i++)
        count += (text[i] | ('[' ^ '{')) == '{';
    return count;
}

/* Counts brackets outside of strings. Up to the first syntax error, where the parser stops,
 * this sees the same strings as the parser does. */
static bool is_too_deep(const char *text, size_t size)
{
    int depth = 0;
    bool in_string = false;

    if (most_openings(text, size) <= RULE_JSON_DEPTH) /* nearly always */
        return false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (in_string && c == '\\') {
            i++; /* whatever is escaped, it does not end the string */
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && (c == '{' || c == '[')) {
            if (++depth > RULE_JSON_DEPTH)
                return true;
        } else if (!in_string && (c == '}' || c == ']')) {
            depth--;
        }
    }
    return false;
}

static json_t *load(const char *text, size_t size)
{
    /* NUL comes through to the checks of each field, which see sizes and say which one it is in */
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_error_t error;
    json_t *value = json_loadb(text, size, flags, &error);

    /* An integer over 2^63-1 is correct JSON: read as a real it gets the answer of any other
     * number that is no sequence number, and does no harm in a field that nobody reads. */
    if (value == NULL && json_error_code(&error) == json_error_numeric_overflow)
        value = json_loadb(text, size, flags | JSON_DECODE_INT_AS_REAL, &error);
    return value;
}

int command_parse(const char *text, size_t size, struct command **out, struct command_error *error)
{
    int rc = -EINVAL;

    *error = (struct command_error){ .code = ERROR_NONE };
    if (is_too_deep(text, size)) {
        error->code = ERROR_TOO_DEEP;
        return rc;
    }
    json_t *frame = load(text, size);
    if (frame == NULL)
        error->code = ERROR_BAD_JSON;
    else if (!json_is_object(frame))
        error->code = ERROR_NOT_OBJECT;
    else
        rc = parse_object(frame, out, error);
    json_decref(frame);
    return rc;
}

/* Requests in a URL take the same way as frames do, so that there is one set of checks. */

static void url_text(json_t *frame, const char *field, const char *value)
{
    if (value != NULL) /* nocheck: the rules of the field say what is wrong with bad UTF-8 */
        json_object_set_new(frame, field, json_string_nocheck(value));
}

/* What is not a number stays a text, and so is refused as a field of the wrong kind. */
static void url_number(json_t *frame, const char *field, const char *value)
{
    int64_t number = 0;

    if (value == NULL)
        return;
    for (const char *c = value; *c != '\0' || c == value; c++) {
        if (*c < '0' || *c > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, *c - '0', &number)) {
            url_text(frame, field, value);
            return;
        }
    }
    json_object_set_new(frame, field, json_integer(number));
}

static int parse_url(json_t *frame, struct command **out, struct command_error *error)
{
    *error = (struct command_error){ .code = ERROR_NONE };
    int rc = parse_object(frame, out, error);
    json_decref(frame);
    return rc;
}

int command_hello(const char *username, const char *room, const char *session, const char *token,
                  struct command **out, struct command_error *error)
{
    json_t *frame = json_object();

    url_text(frame, "type", "hello");
    url_text(frame, "username", username);
    url_text(frame, "room", room != NULL ? room : default_room);
    url_text(frame, "session", session);
    url_text(frame, "token", token);
    return parse_url(frame, out, error);
}

int command_history(const char *room, const char *limit, const char *before, struct command **out,
                    struct command_error *error)
{
    json_t *frame = json_object();

    url_text(frame, "type", "history");
    url_text(frame, "room", room);
    url_number(frame, "limit", limit);
    url_number(frame, "before", before);
    return parse_url(frame, out, error);
}

void command_free(struct command *c)
{
    if (c == NULL)
        return;
    free(c->claims);
    secret_wipe(c, c->secret_size);
    free(c);
}

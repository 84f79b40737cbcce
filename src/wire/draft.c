#include "draft.h"
#include "confab/wire/date.h"
#include "confab/wire/mention.h"
#include "quote.h"
#include "word.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int draft_refuse(struct draft *d, enum error_code code, const char *field)
{
    size_t size = strlen(field);

    BUG_ON(size >= sizeof d->error->field);
    d->error->code = code;
    memcpy(d->error->field, field, size + 1);
    return -EINVAL;
}

/* Fields by their kind */

bool draft_has(const struct draft *d, const char *field)
{
    return json_object_get(d->frame, field) != NULL;
}

int draft_get_text(struct draft *d, const char *field, struct text *out)
{
    const json_t *value = json_object_get(d->frame, field);

    *out = (struct text){ json_string_value(value), json_string_length(value) };
    return value != NULL && out->data == NULL ? draft_refuse(d, ERROR_BAD_FIELD, field) : 0;
}

bool draft_has_nul(const struct text *t)
{
    return t->data != NULL && strlen(t->data) != t->size;
}

int draft_need_text(struct draft *d, const char *field, struct text *out)
{
    if (draft_get_text(d, field, out) != 0)
        return -EINVAL;
    return out->data == NULL ? draft_refuse(d, ERROR_BAD_FIELD, field) : 0;
}

bool draft_is_number(const json_t *value, uint64_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

int draft_need_number(struct draft *d, const char *field, uint64_t *out)
{
    if (!draft_is_number(json_object_get(d->frame, field), out))
        return draft_refuse(d, ERROR_BAD_FIELD, field);
    return 0;
}

int draft_get_number(struct draft *d, const char *field, uint64_t *out)
{
    return draft_has(d, field) ? draft_need_number(d, field, out) : 0;
}

int draft_get_bool(struct draft *d, const char *field, bool *out)
{
    const json_t *value = json_object_get(d->frame, field);

    if (value != NULL && !json_is_boolean(value))
        return draft_refuse(d, ERROR_BAD_FIELD, field);
    if (value != NULL)
        *out = json_is_true(value);
    return 0;
}

/* Fields by their meaning */

int draft_take_room(struct draft *d)
{
    struct text t;

    if (draft_need_text(d, "room", &t) != 0)
        return -EINVAL;
    enum error_code code = rules_room(t.data, t.size, d->room);
    if (code != ERROR_NONE)
        return draft_refuse(d, code, "room");
    d->c.room = d->room;
    return 0;
}

int draft_take_name(struct draft *d, const char *field, char *buffer, const char **out)
{
    struct text t;

    if (draft_need_text(d, field, &t) != 0)
        return -EINVAL;
    enum error_code code = rules_name(t.data, t.size, buffer);
    if (code != ERROR_NONE)
        return draft_refuse(d, code, field);
    *out = buffer;
    return 0;
}

int draft_take_room_or_to(struct draft *d)
{
    if (!draft_has(d, "to"))
        return draft_take_room(d);
    if (draft_has(d, "room")) /* one or the other, not both */
        return draft_refuse(d, ERROR_BAD_FIELD, "to");
    return draft_take_name(d, "to", d->to, &d->c.to);
}

int draft_take_token(struct draft *d, const char *field, size_t limit, const char **out)
{
    struct text t;

    if (draft_get_text(d, field, &t) != 0)
        return -EINVAL;
    if (t.data != NULL && !rules_token(t.data, t.size, limit))
        return draft_refuse(d, ERROR_BAD_FIELD, field);
    *out = t.data;
    return 0;
}

int draft_take_access_token(struct draft *d)
{
    struct text t;

    if (draft_get_text(d, "token", &t) != 0)
        return -EINVAL;
    if (t.size > RULE_TOKEN_BYTES || draft_has_nul(&t))
        return draft_refuse(d, ERROR_BAD_FIELD, "token");
    d->c.token = t.size > 0 ? t.data : NULL;
    return 0;
}

int draft_take_refresh_token(struct draft *d)
{
    struct text t;
    struct refresh_token token;

    if (draft_get_text(d, "refresh_token", &t) != 0)
        return -EINVAL;
    if (t.data != NULL &&
        (t.size > RULE_REFRESH_BYTES || draft_has_nul(&t) || !refresh_token_read(t.data, &token)))
        return draft_refuse(d, ERROR_BAD_TOKEN, "refresh_token");
    d->c.refresh_token = t.data;
    return 0;
}

int draft_take_cid(struct draft *d)
{
    if (d->error->cid[0] != '\0')
        d->c.cid = d->error->cid;
    else if (draft_has(d, "cid"))
        return draft_refuse(d, ERROR_BAD_FIELD, "cid");
    return 0;
}

int draft_take_content(struct draft *d)
{
    struct text t;

    if (draft_need_text(d, "content", &t) != 0)
        return -EINVAL;
    enum error_code code = rules_content(t.data, t.size);
    if (code != ERROR_NONE)
        return draft_refuse(d, code, "content");
    quote_add(&d->content, t.data, t.size);
    d->c.content_json = d->content.data;
    d->c.content_json_size = d->content.size;
    if (d->c.to == NULL && mention_names(t.data, t.size, &d->mentioned) > 0)
        d->c.mentioned = d->mentioned.data;
    return 0;
}

bool draft_is_epoch(const char *text, size_t size)
{
    return size == 0 || rules_token(text, size, RULE_EPOCH_BYTES);
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

struct command *draft_pack(struct draft *d)
{
    struct command *c = &d->c;
    const char **texts[] = {
        &c->room,   &c->to,       &c->username,     &c->session,       &c->cid,
        &c->epoch,  &c->token,    &c->content_json, &c->password,      &c->new_password,
        &c->label,  &c->device,   &c->address,      &c->refresh_token, &c->query,
        &c->author, &c->cursor,   &c->who,          &c->role,          &c->access,
        &c->topic,  &c->reason,   &c->invite,       &c->target_id,     &c->emoji,
        &c->name,   &c->mentioned
    };
    enum { TEXTS = sizeof texts / sizeof texts[0] };
    const char **there[TEXTS]; /* most commands have two or three of them */
    size_t sizes[TEXTS], count = 0;
    size_t size = sizeof *c + c->resume_count * sizeof *c->resume;

    for (size_t i = 0; i < TEXTS; i++) {
        if (*texts[i] == NULL)
            continue;
        there[count] = texts[i];
        sizes[count] = strlen(*texts[i]);
        size += sizes[count++] + 1;
    }
    for (size_t i = 0; i < c->resume_count; i++)
        size += strlen(d->resume[i].stream) + 1 + strlen(d->resume[i].epoch) + 1;

    struct command *packed = xmalloc(size);
    struct resume_point *points = (struct resume_point *)(packed + 1);
    char *at = (char *)(points + c->resume_count);
    for (size_t i = 0; i < count; i++)
        *there[i] = move_text(&at, *there[i], sizes[i]);
    for (size_t i = 0; i < c->resume_count; i++) {
        const struct resume_entry *from = &d->resume[i];
        points[i].stream = move_text(&at, from->stream, strlen(from->stream));
        points[i].epoch = move_text(&at, from->epoch, strlen(from->epoch));
        points[i].seq = from->seq;
    }
    c->resume = c->resume_count > 0 ? points : NULL;
    if (c->password != NULL || c->token != NULL || c->refresh_token != NULL)
        c->secret_size = size;
    *packed = *c;
    return packed;
}

void draft_fini(struct draft *d)
{
    str_fini(&d->content);
    str_fini(&d->mentioned);
    free(d->resume);
}

/* From text to JSON */

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

json_t *draft_load(const char *text, size_t size, struct command_error *error)
{
    if (is_too_deep(text, size)) {
        error->code = ERROR_TOO_DEEP;
        return NULL;
    }
    json_t *frame = load(text, size);
    if (frame == NULL)
        error->code = ERROR_BAD_JSON;
    else if (!json_is_object(frame))
        error->code = ERROR_NOT_OBJECT;
    else
        return frame;
    json_decref(frame);
    return NULL;
}

void draft_url_text(json_t *frame, const char *field, const char *value)
{
    if (value != NULL) /* nocheck: the rules of the field say what is wrong with bad UTF-8 */
        json_object_set_new(frame, field, json_string_nocheck(value));
}

void draft_url_number(json_t *frame, const char *field, const char *value)
{
    int64_t number;

    if (value != NULL && number_text(value, &number))
        json_object_set_new(frame, field, json_integer(number));
    else
        draft_url_text(frame, field, value);
}

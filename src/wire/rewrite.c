#include "confab/wire/rewrite.h"

#include "confab/base/base.h"

enum { FIELD_BYTES = 32 }; /* of ,"NAME": */

/* Where a value ends that begins at `at`. NULL: it does not. */
static const char *value_end(const char *at, const char *end)
{
    if (at < end && *at == '"') {
        for (at++; at < end && *at != '"'; at++)
            at += *at == '\\'; /* whatever is escaped does not end it */
        return at < end ? at + 1 : NULL;
    }
    if (at < end && *at == '[') {
        const char *close = memchr(at, ']', (size_t)(end - at));
        return close != NULL ? close + 1 : NULL;
    }
    while (at < end && *at != ',' && *at != '}')
        at++;
    return at < end ? at : NULL;
}

bool message_field(const struct frame_part *message, const char *name, struct frame_part *value)
{
    char key[FIELD_BYTES];
    const int size = snprintf(key, sizeof key, ",\"%s\":", name);

    BUG_ON(size < 0 || size >= (int)sizeof key);
    const char *at = memmem(message->data, message->size, key, (size_t)size);
    if (at == NULL)
        return false;
    at += size;
    const char *end = value_end(at, (const char *)message->data + message->size);
    *value = (struct frame_part){ at, end != NULL ? (size_t)(end - at) : 0 };
    return end != NULL;
}

static uint64_t number_of(const struct frame_part *value)
{
    const char *digits = value->data;
    uint64_t n = 0;

    for (size_t i = 0; i < value->size; i++) {
        if (digits[i] < '0' || digits[i] > '9' || i == 18)
            return 0;
        n = n * 10 + (uint64_t)(digits[i] - '0');
    }
    return n;
}

uint64_t message_number(const struct frame_part *message, const char *name)
{
    struct frame_part value;

    return message_field(message, name, &value) ? number_of(&value) : 0;
}

static bool has_value(const struct frame_part *message, const char *name,
                      const struct frame_part *expected)
{
    struct frame_part value;

    return message_field(message, name, &value) && value.size == expected->size &&
           memcmp(value.data, expected->data, expected->size) == 0;
}

/* kind: with its quotes */
static bool is_kind(const struct frame_part *message, const char *kind)
{
    return has_value(message, "kind", &(struct frame_part){ kind, strlen(kind) });
}

/* Appends what stands from `at` up to `end`, the message's '}', but not the fields `without`, each of which comes
 * with the comma before it. */
static void add_without(struct str *out, const char *at, const char *end,
                        const char *const *without, size_t count)
{
    while (at < end) {
        const struct frame_part rest = { at, (size_t)(end - at) + 1 };
        struct frame_part value, next = { end, 0 };
        size_t name_size = 0;

        for (size_t i = 0; i < count; i++) {
            if (!message_field(&rest, without[i], &value) ||
                (const char *)value.data >= (const char *)next.data)
                continue;
            next = value;
            name_size = strlen(without[i]) + 4;
        }
        str_add(out, at, (size_t)((const char *)next.data - name_size - at));
        at = (const char *)next.data + next.size;
    }
}

/* content: the new one, quotes included */
static void write_message(struct str *out, const struct frame_part *message,
                          const struct frame_part *old, const struct frame_part *content,
                          bool deleted, uint64_t seq)
{
    static const char *const gone[] = { "edited", "mentions" };
    const char *begin = message->data, *end = begin + message->size - 1;
    const char *behind = (const char *)old->data + old->size;

    str_add(out, begin, (size_t)((const char *)old->data - begin));
    str_add(out, content->data, content->size);
    add_without(out, behind, end, gone, deleted ? 2 : 1);
    str_addz(out, deleted ? ",\"deleted\":" : ",\"edited\":");
    str_addu(out, seq);
    str_addc(out, '}');
}

bool message_rewrite(struct str *out, const struct frame_part *message,
                     const struct frame_part *event)
{
    const bool deletes = is_kind(event, "\"delete\"");
    struct frame_part id, content, old, gone;

    if (!deletes && !is_kind(event, "\"edit\""))
        return false;
    const uint64_t seq = message_number(event, "seq");
    if (!message_field(event, "target_id", &id) || !message_field(event, "content", &content) ||
        !message_field(message, "content", &old) || message_field(message, "deleted", &gone) ||
        message_number(message, "edited") >= seq)
        return false;
    const bool is_target = has_value(message, "id", &id);
    const bool is_outdated = is_kind(message, "\"edit\"") && has_value(message, "target_id", &id) &&
                             message_number(message, "seq") < seq;
    if (!is_target && !is_outdated)
        return false;
    if (deletes || is_outdated)
        content = (struct frame_part){ "\"\"", 2 };
    write_message(out, message, &old, &content, deletes || is_outdated, seq);
    return true;
}

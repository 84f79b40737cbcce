#include "confab/wire/mention.h"
#include "confab/wire/rules.h"

#include <string.h>
#include <unictype.h>
#include <unistr.h>

/* at: points at the '@' */
static bool begins_mention(const char *content, const char *at)
{
    ucs4_t c;

    if (at == content)
        return true;
    if (u8_prev(&c, (const uint8_t *)at, (const uint8_t *)content) == NULL)
        return false; /* only in what is no UTF-8 */
    return strchr("([{,;", c < 0x80 ? (int)c : 0x80) != NULL || uc_is_property_white_space(c);
}

static bool has_name(const struct str *names, size_t from, const char *name)
{
    const size_t size = strlen(name);

    for (size_t at = from; at < names->size;) {
        const char *line = names->data + at;
        const char *end = memchr(line, '\n', names->size - at);
        const size_t length = end != NULL ? (size_t)(end - line) : names->size - at;
        if (length == size && memcmp(line, name, size) == 0)
            return true;
        at += length + 1;
    }
    return false;
}

unsigned mention_names(const char *content, size_t size, struct str *out)
{
    const char *const end = content + size;
    const size_t from = out->size;
    char name[NAME_MAX_BYTES + 1];
    unsigned count = 0;

    for (const char *p = content; count < RULE_MENTIONS; p++) {
        const char *at = memchr(p, '@', (size_t)(end - p));
        if (at == NULL)
            break;
        p = at;
        if (!begins_mention(content, at))
            continue;
        size_t length = rules_name_prefix(at + 1, (size_t)(end - at - 1));
        p += length;
        while (length > 0 && at[length] == '.')
            length--;
        if (rules_name(at + 1, length, name) != ERROR_NONE || has_name(out, from, name))
            continue;
        if (count++ > 0)
            str_addc(out, '\n');
        str_addz(out, name);
    }
    return count;
}

#include "quote.h"

static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

static void add_escape(struct str *out, unsigned char c)
{
    switch (c) {
    case '\b':
        str_add(out, "\\b", 2);
        break;
    case '\t':
        str_add(out, "\\t", 2);
        break;
    case '\n':
        str_add(out, "\\n", 2);
        break;
    case '\f':
        str_add(out, "\\f", 2);
        break;
    case '\r':
        str_add(out, "\\r", 2);
        break;
    case '"':
    case '\\':
        str_add(out, (const char[]){ '\\', (char)c }, 2);
        break;
    default:
        str_addf(out, "\\u%04x", c);
    }
}

void quote_add(struct str *out, const char *text, size_t size)
{
    size_t start = 0; /* of the bytes that wait to be copied in one go */

    str_addc(out, '"');
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (!needs_escape(c))
            continue;
        str_add(out, text + start, i - start);
        add_escape(out, c);
        start = i + 1;
    }
    str_add(out, text + start, size - start);
    str_addc(out, '"');
}

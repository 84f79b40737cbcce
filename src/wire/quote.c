#include "quote.h"
#include "word.h"

static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

static bool word_needs_escape(uint64_t word)
{
    return (word_less(word, 0x20) | word_equal(word, '"') | word_equal(word, '\\')) != 0;
}

/* How many bytes from the start need no escape. */
static size_t plain_prefix(const char *text, size_t size)
{
    size_t i = 0;

    while (size - i >= WORD && !word_needs_escape(word_load(text + i)))
        i += WORD;
    while (i < size && !needs_escape((unsigned char)text[i]))
        i++;
    return i;
}

static void add_escape(struct str *out, unsigned char c)
{
    switch (c) {
    case '\b':
        str_addz(out, "\\b");
        break;
    case '\t':
        str_addz(out, "\\t");
        break;
    case '\n':
        str_addz(out, "\\n");
        break;
    case '\f':
        str_addz(out, "\\f");
        break;
    case '\r':
        str_addz(out, "\\r");
        break;
    case '"':
    case '\\':
        str_addc(out, '\\');
        str_addc(out, (char)c);
        break;
    default:
        str_addf(out, "\\u%04x", c);
    }
}

void quote_add(struct str *out, const char *text, size_t size)
{
    str_reserve(out, size + 2); /* enough unless there are escapes */
    str_addc(out, '"');
    for (size_t i = 0;;) {
        const size_t plain = plain_prefix(text + i, size - i);
        str_add(out, text + i, plain);
        i += plain;
        if (i == size)
            break;
        add_escape(out, (unsigned char)text[i++]);
    }
    str_addc(out, '"');
}

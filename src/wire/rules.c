#include "confab/wire/rules.h"

#include <stdlib.h>
#include <string.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

/* No character decomposes canonically into more than 4 code points (Unicode Standard Annex 15,
 * section 12.5), so a longer input cannot become a short enough name. */
enum { NFC_SHRINKS_BY = 4 };

static const struct error_info errors[] = {
#define X(name, text, temporary, status, what)                                                     \
    [ERROR_##name] = { (text), (what), (temporary) != 0, (status) },
    ERRORS(X)
#undef X
};

const struct error_info *error_info(enum error_code code)
{
    BUG_ON(code <= ERROR_NONE || code >= ERROR_COUNT);
    return &errors[code];
}

enum error_code error_by_text(const char *text, size_t size)
{
    for (enum error_code code = ERROR_NONE + 1; code < ERROR_COUNT; code++)
        if (strlen(error_info(code)->code) == size &&
            memcmp(error_info(code)->code, text, size) == 0)
            return code;
    return ERROR_NONE;
}

/* How many bytes from the start are ASCII; eight at a time, may stop up to 7 short. */
static size_t ascii_prefix(const char *in, size_t size)
{
    size_t i = 0;

    for (uint64_t word; size - i >= sizeof word; i += sizeof word) {
        memcpy(&word, in + i, sizeof word);
        if ((word & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    return i;
}

bool rules_utf8(const char *in, size_t size)
{
    size_t ascii = ascii_prefix(in, size);

    return u8_check((const uint8_t *)in + ascii, size - ascii) == NULL;
}

bool rules_token(const char *in, size_t size, size_t limit)
{
    if (size == 0 || size > limit)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (in[i] <= ' ' || in[i] > '~' || in[i] == '"' || in[i] == '\\')
            return false;
    }
    return true;
}

static bool is_ascii_name_char(ucs4_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

/* Some letters and marks are invisible: fillers of Hangul, variation selectors, the grapheme
 * joiner. Two names that look the same must not differ by them. */
static bool is_name_char(ucs4_t c)
{
    const uint32_t allowed = UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M | UC_CATEGORY_MASK_Nd;

    if (c < 0x80)
        return is_ascii_name_char(c);
    return uc_is_general_category_withtable(c, allowed) &&
           !uc_is_property_default_ignorable_code_point(c);
}

static bool is_ascii_name(const char *in, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!is_ascii_name_char((unsigned char)in[i]))
            return false;
    }
    return true;
}

/* text: valid UTF-8 */
static bool is_name(const uint8_t *text, size_t size, size_t max_chars)
{
    size_t chars = 0;

    for (size_t i = 0; i < size; chars++) {
        ucs4_t c;
        i += (size_t)u8_mbtouc_unsafe(&c, text + i, size - i);
        if (!is_name_char(c))
            return false;
    }
    return chars >= 1 && chars <= max_chars;
}

/* Writes the name in NFC to out, which holds 4 * max_chars + 1 bytes; false when it is none. */
static bool take_name(const char *in, size_t size, size_t max_chars, char *out)
{
    if (size == 0 || size > max_chars * 4 * NFC_SHRINKS_BY)
        return false;
    if (is_ascii_name(in, size)) { /* is in NFC already */
        if (size > max_chars)
            return false;
        memcpy(out, in, size);
        out[size] = '\0';
        return true;
    }
    if (!rules_utf8(in, size))
        return false;

    uint8_t buffer[ROOM_MAX_BYTES];
    size_t nfc_size = sizeof buffer;
    uint8_t *nfc = u8_normalize(UNINORM_NFC, (const uint8_t *)in, size, buffer, &nfc_size);
    BUG_ON(nfc == NULL); /* only without memory */
    bool ok = is_name(nfc, nfc_size, max_chars);
    if (ok) {
        memcpy(out, nfc, nfc_size);
        out[nfc_size] = '\0';
    }
    if (nfc != buffer)
        free(nfc);
    return ok;
}

enum error_code rules_name(const char *in, size_t size, char *out)
{
    return take_name(in, size, RULE_NAME_CHARS, out) ? ERROR_NONE : ERROR_BAD_NAME;
}

enum error_code rules_room(const char *in, size_t size, char *out)
{
    return take_name(in, size, RULE_ROOM_CHARS, out) ? ERROR_NONE : ERROR_BAD_ROOM;
}

size_t rules_name_prefix(const char *in, size_t size)
{
    size_t i = 0;

    while (i < size) {
        ucs4_t c;
        const size_t bytes = (size_t)u8_mbtouc_unsafe(&c, (const uint8_t *)in + i, size - i);
        if (!is_name_char(c))
            break;
        i += bytes;
    }
    return i;
}

/* The Z categories and Cc contain everything that has the property White_Space. */
static bool is_visible(ucs4_t c)
{
    const uint32_t unseen = UC_CATEGORY_MASK_Z | UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Cf;
    const ucs4_t braille_blank = 0x2800; /* a symbol by its category, but without any dot */

    if (c < 0x80)
        return c > ' ' && c != 0x7f;
    return c != braille_blank && !uc_is_general_category_withtable(c, unseen) &&
           !uc_is_property_default_ignorable_code_point(c);
}

/* text: valid UTF-8 */
static bool has_visible(const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        ucs4_t c;
        i += (size_t)u8_mbtouc_unsafe(&c, text + i, size - i);
        if (is_visible(c))
            return true;
    }
    return false;
}

enum error_code rules_content(const char *in, size_t size)
{
    bool ok = size >= 1 && size <= RULE_MESSAGE_BYTES && memchr(in, '\0', size) == NULL &&
              rules_utf8(in, size) && has_visible((const uint8_t *)in, size);

    return ok ? ERROR_NONE : ERROR_BAD_CONTENT;
}

/* in: valid UTF-8. Writes it to out with every space as U+0020; returns the size, never larger. */
static size_t plain_spaces(const char *in, size_t size, uint8_t *out)
{
    size_t to = 0;

    for (size_t i = 0; i < size;) {
        ucs4_t c;
        const size_t bytes = (size_t)u8_mbtouc_unsafe(&c, (const uint8_t *)in + i, size - i);
        if (uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Zs)) {
            out[to++] = ' ';
        } else {
            memcpy(out + to, in + i, bytes);
            to += bytes;
        }
        i += bytes;
    }
    return to;
}

enum error_code rules_password(const char *in, size_t size, char out[PASSWORD_MAX_BYTES + 1])
{
    uint8_t plain[RULE_PASSWORD_BYTES];
    size_t nfc_size = PASSWORD_MAX_BYTES;

    if (size < RULE_PASSWORD_BYTES_MIN || size > RULE_PASSWORD_BYTES ||
        memchr(in, '\0', size) != NULL || !rules_utf8(in, size))
        return ERROR_BAD_PASSWORD;
    const size_t plain_size = plain_spaces(in, size, plain);
    const uint8_t *nfc = u8_normalize(UNINORM_NFC, plain, plain_size, (uint8_t *)out, &nfc_size);
    BUG_ON(nfc != (uint8_t *)out); /* another one only when it is longer than it can be */
    out[nfc_size] = '\0';
    explicit_bzero(plain, sizeof plain);
    return ERROR_NONE;
}

static bool is_label_char(ucs4_t c)
{
    const uint32_t refused = UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Zl | UC_CATEGORY_MASK_Zp;

    return !uc_is_general_category_withtable(c, refused) && !uc_is_property_bidi_control(c);
}

bool rules_line(const char *in, size_t size, size_t chars)
{
    size_t count = 0;

    if (size > chars * 4 || !rules_utf8(in, size))
        return false;
    for (size_t i = 0; i < size; count++) {
        ucs4_t c;
        i += (size_t)u8_mbtouc_unsafe(&c, (const uint8_t *)in + i, size - i);
        if (!is_label_char(c))
            return false;
    }
    return count <= chars;
}

bool rules_label(const char *in, size_t size)
{
    return rules_line(in, size, RULE_LABEL_CHARS);
}

bool rules_emoji(const char *in, size_t size)
{
    if (size > RULE_EMOJI_BYTES || !rules_line(in, size, RULE_EMOJI_BYTES) ||
        !has_visible((const uint8_t *)in, size))
        return false;
    for (size_t i = 0; i < size;) {
        ucs4_t c;
        i += (size_t)u8_mbtouc_unsafe(&c, (const uint8_t *)in + i, size - i);
        if (uc_is_property_white_space(c))
            return false;
    }
    return true;
}

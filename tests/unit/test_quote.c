#include "support/test.h"

#include "wire/quote.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Long enough for two words and what is left behind them. */
enum { LONGEST = 23 };

static void check_quoted(const char *text, const char *expected)
{
    struct str out = STR_INIT;

    quote_add(&out, text, strlen(text));
    assert_string_equal(out.data, expected);
    str_fini(&out);
}

static void plain_text_is_copied(void **state)
{
    (void)state;
    check_quoted("", "\"\"");
    check_quoted("a", "\"a\"");
    check_quoted("Küche, 東京, 🧀\x7f!#[]~", "\"Küche, 東京, 🧀\x7f!#[]~\"");
}

static void escapes_are_the_short_ones(void **state)
{
    (void)state;
    check_quoted("\"\\\b\t\n\f\r\x01\x1f/", "\"\\\"\\\\\\b\\t\\n\\f\\r\\u0001\\u001f/\"");
    check_quoted("12345678\"2345678\\", "\"12345678\\\"2345678\\\\\"");
}

static void quotes_are_appended(void **state)
{
    (void)state;
    struct str out = STR_INIT;

    str_addz(&out, "x=");
    quote_add(&out, "a\nb", 2);
    assert_string_equal(out.data, "x=\"a\\n\"");
    str_fini(&out);
}

/* jansson reads it back, whatever stands beside it. */
static void check_survives(const char *text, size_t size)
{
    struct str out = STR_INIT;

    quote_add(&out, text, size);
    json_t *back = json_loadb(out.data, out.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_int_equal(json_string_length(back), size);
    assert_memory_equal(json_string_value(back), text, size);
    json_decref(back);
    str_fini(&out);
}

static void every_byte_survives_at_every_place(void **state)
{
    (void)state;
    char text[LONGEST];

    for (size_t size = 1; size <= LONGEST; size++) {
        for (size_t at = 0; at < size; at++) {
            for (unsigned c = 0; c < 0x80; c++) {
                memset(text, '!', sizeof(text)); /* of all plain bytes the one next to '"' */
                text[at] = (char)c;
                check_survives(text, size);
            }
        }
    }
}

static void every_character_beyond_ascii_is_copied(void **state)
{
    (void)state;
    for (unsigned c = 0x80; c < 0x800; c++) {
        const char text[] = {
            'a', 'b', 'c', (char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f)), 'd', 'e', 'f', 'g', 'h'
        };
        struct str out = STR_INIT;

        quote_add(&out, text, sizeof(text));
        assert_int_equal(out.size, sizeof(text) + 2);
        assert_memory_equal(out.data + 1, text, sizeof(text));
        str_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_is_copied),
        cmocka_unit_test(escapes_are_the_short_ones),
        cmocka_unit_test(quotes_are_appended),
        cmocka_unit_test(every_byte_survives_at_every_place),
        cmocka_unit_test(every_character_beyond_ascii_is_copied),
    };
    return cmocka_run_group_tests_name("quote", tests, NULL, NULL);
}

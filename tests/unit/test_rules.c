#include "support/test.h"

#include "confab/base/str.h"
#include "confab/wire/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *repeat(const char *text, size_t times)
{
    struct str s = STR_INIT;

    for (size_t i = 0; i < times; i++)
        str_addz(&s, text);
    return str_detach(&s);
}

#define assert_name(in, nfc)                                                                       \
    do {                                                                                           \
        char out_[NAME_MAX_BYTES + 1];                                                             \
        assert_int_equal(rules_name((in), strlen(in), out_), ERROR_NONE);                          \
        assert_string_equal(out_, (nfc));                                                          \
    } while (0)

#define assert_no_name(in, size)                                                                   \
    do {                                                                                           \
        char out_[NAME_MAX_BYTES + 1];                                                             \
        assert_int_equal(rules_name((in), (size), out_), ERROR_BAD_NAME);                          \
    } while (0)

static void ascii_names_stay_as_they_are(void **state)
{
    (void)state;
    assert_name("a", "a");
    assert_name("Ann_B-c.9", "Ann_B-c.9");
    assert_name("..", "..");
}

static void names_of_any_script_are_allowed(void **state)
{
    (void)state;
    assert_name("Łukasz", "Łukasz");
    assert_name("Мария", "Мария");
    assert_name("李小龍", "李小龍");
    assert_name("محمد", "محمد");
    assert_name("हिन्दी", "हिन्दी"); /* marks */
    assert_name("٤٢", "٤٢");       /* digits, Nd */
    assert_name("𐐷", "𐐷");         /* outside of the Basic Multilingual Plane */
}

static void names_become_nfc(void **state)
{
    (void)state;
    assert_name("Zoe\xcc\x88", "Zo\xc3\xab");                            /* e + diaeresis */
    assert_name("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "\xed\x95\x9c"); /* jamo to syllable */
    assert_name("\xe2\x84\xab", "\xc3\x85");                 /* Ångström sign to letter */
    assert_name("\xe0\xa5\x98", "\xe0\xa4\x95\xe0\xa4\xbc"); /* a composition exclusion grows */
}

static void nfc_of_a_name_is_a_fixed_point(void **state)
{
    (void)state;
    const char *in = "e\xcc\xa7\xcc\x81o\xcc\x88\xe0\xa5\x98"; /* marks get their order */
    char once[NAME_MAX_BYTES + 1], twice[NAME_MAX_BYTES + 1];

    assert_int_equal(rules_name(in, strlen(in), once), ERROR_NONE);
    assert_int_equal(rules_name(once, strlen(once), twice), ERROR_NONE);
    assert_string_equal(once, twice);
    assert_string_not_equal(once, in);
}

static void other_characters_are_no_name(void **state)
{
    (void)state;
    static const char *const bad[] = {
        " ",
        "a b",
        "a\tb",
        "a\nb",
        "a\"b",
        "a\\b",
        "a/b",
        "@ann",
        "a:b",
        "a{b}",
        "a*",
        "a|b",
        "\x01",
        "a\x7f",
        "½", /* No */
        "Ⅷ", /* Nl */
        "€",
        "😀",
        "。",           /* Sc, So, Po */
        "a\xc2\xa0",    /* no-break space */
        "a\xc2\x85",    /* next line, Cc */
        "\xef\xbf\xbf", /* no character, Cn */
        "\xee\x80\x80", /* private use, Co */
        "\xcd\xbe",     /* Greek question mark; its NFC is ';' */
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_no_name(bad[i], strlen(bad[i]));
    assert_no_name("", 0);
    assert_no_name("a\0b", 3);
}

static void invisible_characters_are_no_name(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "a\u200b",       /* zero width space */
        "a\u200d",       /* zero width joiner */
        "\u202ea\u202c", /* right-to-left override */
        "a\u00ad",       /* soft hyphen */
        "\ufeffa",       /* byte order mark */
        "\u3164",        /* Hangul filler, category Lo */
        "a\u034f",       /* combining grapheme joiner, Mn */
        "a\ufe0f",       /* variation selector 16, Mn */
        "a\U000e0061",   /* tag letter */
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_no_name(bad[i], strlen(bad[i]));
}

static void length_of_a_name_is_counted_in_characters_after_nfc(void **state)
{
    (void)state;
    char out[ROOM_MAX_BYTES + 1];
    const struct {
        const char *unit;
        size_t most; /* of a name: 32 characters in NFC */
    } cases[] = {
        { "a", 32 },
        { "ж", 32 },
        { "𐐷", 32 },
        { "e\xcc\x81", 32 },                        /* two code points, one after NFC */
        { "\xce\xb1\xcc\x93\xcc\x80\xcd\x85", 32 }, /* four, one after NFC */
        { "\xe0\xa5\x98", 16 },                     /* one, two after NFC */
        { "x\xcc\x81", 16 },                        /* no composed form */
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *fits = repeat(cases[i].unit, cases[i].most);
        char *over = repeat(cases[i].unit, cases[i].most + 1);
        assert_int_equal(rules_name(fits, strlen(fits), out), ERROR_NONE);
        assert_int_equal(rules_name(over, strlen(over), out), ERROR_BAD_NAME);
        free(fits);
        free(over);
        fits = repeat(cases[i].unit, 2 * cases[i].most);
        over = repeat(cases[i].unit, 2 * cases[i].most + 1);
        assert_int_equal(rules_room(fits, strlen(fits), out), ERROR_NONE);
        assert_int_equal(rules_room(over, strlen(over), out), ERROR_BAD_ROOM);
        free(fits);
        free(over);
    }
}

static void a_very_long_name_is_refused(void **state)
{
    (void)state;
    char *marks = repeat("\xcc\x81", RULE_FRAME_BYTES / 2);

    assert_no_name(marks, RULE_FRAME_BYTES);
    free(marks);
}

static const struct {
    const char *bytes;
    const char *what;
} bad_utf8[] = {
    { "\x80", "continuation without a start" },
    { "a\xc3", "cut off" },
    { "\xe2\x82", "cut off" },
    { "\xf0\x9f\x98", "cut off" },
    { "\xc0\xaf", "overlong" },
    { "\xc1\xbf", "overlong" },
    { "\xe0\x80\xaf", "overlong" },
    { "\xf0\x80\x80\xaf", "overlong" },
    { "\xed\xa0\x80", "surrogate" },
    { "\xed\xbf\xbf", "surrogate" },
    { "\xf4\x90\x80\x80", "above U+10FFFF" },
    { "\xf8\x88\x80\x80\x80", "five bytes" },
    { "\xff", "never used" },
    { "a\xe9z", "Latin-1" },
};

static void utf8_is_strict(void **state)
{
    (void)state;
    assert_true(rules_utf8("", 0));
    assert_true(rules_utf8("a\0b", 3));
    assert_true(rules_utf8("\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 13));
    assert_true(rules_utf8("\xed\x9f\xbf\xee\x80\x80", 6)); /* on both sides of the surrogates */

    for (size_t i = 0; i < sizeof bad_utf8 / sizeof bad_utf8[0]; i++) {
        /* behind every length of ASCII, since that is skipped word by word */
        for (size_t ascii = 0; ascii < 20; ascii++) {
            char text[32];
            size_t size = ascii + strlen(bad_utf8[i].bytes);
            memset(text, 'a', ascii);
            memcpy(text + ascii, bad_utf8[i].bytes, size - ascii);
            if (rules_utf8(text, size))
                fail_msg("accepted: %s", bad_utf8[i].what);
            text[size] = 'z';
            if (rules_utf8(text, size + 1))
                fail_msg("accepted in the middle: %s", bad_utf8[i].what);
        }
    }
}

static void invalid_utf8_is_no_name_and_no_content(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_utf8 / sizeof bad_utf8[0]; i++) {
        assert_no_name(bad_utf8[i].bytes, strlen(bad_utf8[i].bytes));
        assert_int_equal(rules_content(bad_utf8[i].bytes, strlen(bad_utf8[i].bytes)),
                         ERROR_BAD_CONTENT);
    }
}

static void content_needs_something_to_see(void **state)
{
    (void)state;
    static const char *const good[] = {
        "x", " x ", "\n\nx", "\t.", "ж", "😀", "👩\u200d🚀", "\u200b\u200bx", "\u00a0x",
    };
    static const char *const bad[] = {
        " ",
        "\t\r\n",
        "\x01\x1f\x7f",
        "\xc2\x85\u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000", /* White_Space */
        "\u200b\u200c\u200d\u2060\ufeff",                                 /* zero width */
        "\u00ad\u034f\u061c\u180e\u3164\uffa0\ufe0f",                     /* default ignorable */
        "\u202e\u2066\u2069\u202c",
        "\u2800",
        "\U000e0020",
    };

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(rules_content(good[i], strlen(good[i])), ERROR_NONE);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(rules_content(bad[i], strlen(bad[i])), ERROR_BAD_CONTENT);
    assert_int_equal(rules_content("", 0), ERROR_BAD_CONTENT);
    assert_int_equal(rules_content("a\0b", 3), ERROR_BAD_CONTENT);
}

static void length_of_content_is_counted_in_bytes(void **state)
{
    (void)state;
    char *text = repeat("ж", RULE_MESSAGE_BYTES / 2 + 1);

    assert_int_equal(rules_content(text, RULE_MESSAGE_BYTES), ERROR_NONE);
    assert_int_equal(rules_content(text, RULE_MESSAGE_BYTES + 2), ERROR_BAD_CONTENT);
    free(text);
}

static void tokens_are_printable_ascii(void **state)
{
    (void)state;
    assert_true(rules_token("!#[]~{}:@", 9, 64));
    assert_true(rules_token("abcd", 4, 4));
    assert_false(rules_token("abcde", 5, 4));
    assert_false(rules_token("", 0, 4));
    assert_false(rules_token("a b", 3, 64));
    assert_false(rules_token("a\"b", 3, 64));
    assert_false(rules_token("a\\b", 3, 64));
    assert_false(rules_token("a\0b", 3, 64));
    assert_false(rules_token("a\n", 2, 64));
    assert_false(rules_token("\x7f", 1, 64));
    assert_false(rules_token("\xc3\xa9", 2, 64));
}

static void errors_say_what_the_table_says(void **state)
{
    (void)state;
#define X(name, text, is_temporary, status, what)                                                  \
    assert_string_equal(error_info(ERROR_##name)->code, (text));                                   \
    assert_string_equal(error_info(ERROR_##name)->message, (what));                                \
    assert_int_equal(error_by_text(text, strlen(text)), ERROR_##name);                             \
    assert_int_equal(error_info(ERROR_##name)->temporary, (is_temporary));                         \
    assert_int_equal(error_info(ERROR_##name)->http_status, (status));
    ERRORS(X)
#undef X
}

/* docs/PROTOCOL.md */

static char *read_protocol_page(void)
{
    struct str page = STR_INIT;
    char buffer[4096];
    size_t n;
    FILE *f = fopen(CONFAB_SOURCE_DIR "/docs/PROTOCOL.md", "r");

    assert_non_null(f);
    while ((n = fread(buffer, 1, sizeof buffer, f)) > 0)
        str_add(&page, buffer, n);
    fclose(f);
    return str_detach(&page);
}

/* The page has a section of that name, which consists of exactly this table. */
static void assert_section(const char *title, struct str *table)
{
    char *page = read_protocol_page();
    struct str expected = STR_INIT;

    str_addf(&expected, "\n## %s\n\n", title);
    size_t heading_size = expected.size;
    char *section = strstr(page, expected.data);
    assert_non_null(section);
    section += heading_size;
    char *end = strstr(section, "\n## ");
    if (end != NULL)
        *end = '\0';
    assert_string_equal(section, table->data);
    str_fini(&expected);
    str_fini(table);
    free(page);
}

static void protocol_page_lists_exactly_the_limits(void **state)
{
    (void)state;
    struct str table = STR_INIT;

    str_addz(&table, "| what | value |\n|---|---|\n");
#define X(name, value, what) str_addf(&table, "| %s | %d |\n", (what), (value));
    RULES(X)
#undef X
    assert_section("Limits", &table);
}

static void protocol_page_lists_exactly_the_errors(void **state)
{
    (void)state;
    struct str table = STR_INIT;

    str_addz(&table, "| code | temporary | message |\n|---|---|---|\n");
#define X(name, text, temporary, status, what)                                                     \
    str_addf(&table, "| `%s` | %s | %s |\n", (text), (temporary) ? "yes" : "no", (what));
    ERRORS(X)
#undef X
    assert_section("Error codes", &table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ascii_names_stay_as_they_are),
        cmocka_unit_test(names_of_any_script_are_allowed),
        cmocka_unit_test(names_become_nfc),
        cmocka_unit_test(nfc_of_a_name_is_a_fixed_point),
        cmocka_unit_test(other_characters_are_no_name),
        cmocka_unit_test(invisible_characters_are_no_name),
        cmocka_unit_test(length_of_a_name_is_counted_in_characters_after_nfc),
        cmocka_unit_test(a_very_long_name_is_refused),
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(invalid_utf8_is_no_name_and_no_content),
        cmocka_unit_test(content_needs_something_to_see),
        cmocka_unit_test(length_of_content_is_counted_in_bytes),
        cmocka_unit_test(tokens_are_printable_ascii),
        cmocka_unit_test(errors_say_what_the_table_says),
        cmocka_unit_test(protocol_page_lists_exactly_the_limits),
        cmocka_unit_test(protocol_page_lists_exactly_the_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

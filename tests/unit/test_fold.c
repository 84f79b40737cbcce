#include "support/test.h"

#include "confab/base/str.h"
#include "confab/wire/fold.h"

#include <stdlib.h>
#include <string.h>
#include <unistr.h>

static struct fold fold_of(const char *name)
{
    char nfc[NAME_MAX_BYTES + 1];
    struct fold f;

    assert_int_equal(rules_name(name, strlen(name), nfc), ERROR_NONE);
    fold_name(nfc, &f);
    return f;
}

static bool clash(const char *a, const char *b)
{
    const struct fold one = fold_of(a), other = fold_of(b);

    return strcmp(one.one, other.one) == 0 || strcmp(one.two, other.two) == 0;
}

static void names_that_look_alike_clash(void **state)
{
    (void)state;
    static const char *const alike[][2] = {
        { "alice", "ALICE" },      { "alice", "Alice" },
        { "alice", "ａｌｉｃｅ" },                       /* full width */
        { "alice", "аlice" },                            /* Cyrillic а */
        { "paypal", "раураl" },    { "alice", "αlice" }, /* Greek alpha */
        { "larry", "Iarry" },                            /* capital i */
        { "larry", "1arry" },      { "bob", "b0b" },
        { "bob", "B0B" },          { "modern", "rnodern" },
        { "straße", "STRASSE" },   { "Zoë", "ZOË" },
        { "Мария", "мария" },      { "ﬁnn", "finn" }, /* ligature */
        { "ann", "𝖺𝗇𝗇" },                             /* mathematical sans-serif */
        { "ΣΑΣ", "σας" },                             /* final sigma */
    };

    for (size_t i = 0; i < sizeof alike / sizeof alike[0]; i++)
        if (!clash(alike[i][0], alike[i][1]))
            fail_msg("%s and %s do not clash", alike[i][0], alike[i][1]);
}

static void other_names_do_not_clash(void **state)
{
    (void)state;
    static const char *const different[][2] = {
        { "alice", "alicia" },  { "ann", "anna" },     { "Zoe", "Zoë" }, { "Мария", "Марина" },
        { "李小龍", "李小龙" }, { "a.b", "a-b" },      { "a_b", "a-b" }, { "user1", "user2" },
        { "user3", "user8" },   { "user10", "user1" },
    };

    for (size_t i = 0; i < sizeof different / sizeof different[0]; i++)
        if (clash(different[i][0], different[i][1]))
            fail_msg("%s and %s clash", different[i][0], different[i][1]);
}

static void plain_names_stay_readable(void **state)
{
    (void)state;
    const struct fold f = fold_of("Bob");

    assert_string_equal(f.one, "bob");
    assert_string_equal(f.two, "bob");
}

/* Names of one code point, all there are: each has a fold, and the longest of them, as often as a
 * name may have it, still does. */
static void every_letter_folds(void **state)
{
    (void)state;
    char letter[8], longest[8] = "";
    size_t most = 0;

    for (ucs4_t c = 0x21; c < 0x110000; c++) {
        const int size = u8_uctomb((uint8_t *)letter, c, sizeof letter - 1);
        char nfc[NAME_MAX_BYTES + 1];
        if (size <= 0 || rules_name(letter, (size_t)size, nfc) != ERROR_NONE)
            continue;
        struct fold f;
        fold_name(nfc, &f);
        assert_true(f.one[0] != '\0' && f.two[0] != '\0');
        if (strlen(f.one) > most) {
            most = strlen(f.one);
            text_copy(longest, sizeof longest, nfc);
        }
    }
    assert_in_range(most, 20, FOLD_BYTES - 1);
    struct str name = STR_INIT;
    for (size_t i = 0; i < RULE_NAME_CHARS; i++)
        str_addz(&name, longest);
    const struct fold f = fold_of(name.data);
    assert_int_equal(strlen(f.one), FOLD_BYTES); /* cut */
    str_fini(&name);
}

static void the_version_has_a_name(void **state)
{
    (void)state;
    assert_true(strtol(fold_version(), NULL, 10) >= 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_look_alike_clash), cmocka_unit_test(other_names_do_not_clash),
        cmocka_unit_test(plain_names_stay_readable),   cmocka_unit_test(every_letter_folds),
        cmocka_unit_test(the_version_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

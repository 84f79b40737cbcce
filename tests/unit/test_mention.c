/* Who is mentioned in a text. */
#include "support/test.h"

#include "confab/wire/mention.h"
#include "confab/wire/rules.h"

#include <string.h>

static void expect(const char *content, const char *names)
{
    struct str out = STR_INIT;
    unsigned count = *names != '\0';
    for (const char *p = names; *p; p++)
        count += *p == '\n';
    assert_int_equal(mention_names(content, strlen(content), &out), count);
    assert_int_equal(out.size, strlen(names));
    assert_memory_equal(out.data ? out.data : "", names, out.size);
    str_fini(&out);
}

static void a_name_stands_behind_an_at_sign(void **state)
{
    (void)state;
    expect("@bob", "bob");
    expect("hi @bob!", "bob");
    expect("@bob: look, @eve_2-x", "bob\neve_2-x");
    expect("(@a [@b {@c ,@d ;@e\n@f\t@g", "a\nb\nc\nd\ne\nf\ng");
    expect("no name", "");
    expect("", "");
}

static void only_where_it_begins_a_word(void **state)
{
    (void)state;
    expect("mail a@b.example", "");
    expect("@@bob", "");
    expect("/@bob \"@bob '@bob", "");
    expect("@ bob @", "");
    expect("@!", "");
    expect("\xc2\xa0@bob \xe3\x80\x80@eve", "bob\neve"); /* spaces of other scripts */
    expect("\xc3\xa4@bob", "");                          /* a letter */
}

static void full_stops_end_sentences(void **state)
{
    (void)state;
    expect("ask @bob.", "bob");
    expect("ask @bob... or @eve.b.", "bob\neve.b");
    expect("@. @...", "");
}

static void names_are_as_rules_want_them(void **state)
{
    (void)state;
    expect("@Ju\xcc\x88rgen!", "J\xc3\xbcrgen"); /* NFC, as names are everywhere */
    expect("@\xe6\x9d\x8e, @\xd0\xb8\xd0\xb2\xd0\xb0\xd0\xbd", "\xe6\x9d\x8e\n\xd0\xb8\xd0\xb2\xd0"
                                                               "\xb0\xd0\xbd");
    expect("@bob\xe2\x80\x8b", "bob"); /* an invisible one ends it */
    expect("@12345678901234567890123456789012", "12345678901234567890123456789012");
    expect("@123456789012345678901234567890123 @bob", "bob"); /* too long to be one */
}

static void each_is_named_once_and_ten_at_most(void **state)
{
    (void)state;
    expect("@bob @bob @bo @bob. @bobb", "bob\nbo\nbobb");
    expect("@a @b @c @d @e @f @g @h @i @j @k", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj");
    expect("@a @a @a @a @a @a @a @a @a @a @a @a @b", "a\nb");
}

static void names_are_appended(void **state)
{
    (void)state;
    struct str out = STR_INIT;
    str_addz(&out, "bob");
    assert_int_equal(mention_names("@bob", 4, &out), 1);
    assert_int_equal(out.size, 6);
    assert_memory_equal(out.data, "bobbob", 6);
    str_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_stands_behind_an_at_sign),
        cmocka_unit_test(only_where_it_begins_a_word),
        cmocka_unit_test(full_stops_end_sentences),
        cmocka_unit_test(names_are_as_rules_want_them),
        cmocka_unit_test(each_is_named_once_and_ten_at_most),
        cmocka_unit_test(names_are_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "support/test.h"

#include "confab/base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void starts_empty_without_memory(void **state)
{
    (void)state;
    struct str s = STR_INIT;
    assert_null(s.data);
    assert_int_equal(s.size, 0);
    str_reset(&s);
    assert_null(s.data);
    str_fini(&s);
}

static void pieces_are_joined_and_terminated(void **state)
{
    (void)state;
    struct str s = STR_INIT;
    str_addz(&s, "room=");
    str_add(&s, "lobby!", 5);
    str_addc(&s, ' ');
    str_addf(&s, "%s=%d", "n", 42);
    assert_string_equal(s.data, "room=lobby n=42");
    assert_int_equal(s.size, strlen(s.data));
    str_fini(&s);
    assert_null(s.data);
}

static void bytes_may_hold_nul(void **state)
{
    (void)state;
    struct str s = STR_INIT;
    str_add(&s, "a\0b", 3);
    assert_int_equal(s.size, 3);
    assert_memory_equal(s.data, "a\0b", 4);
    str_fini(&s);
}

static void adding_nothing_makes_an_empty_string(void **state)
{
    (void)state;
    struct str s = STR_INIT;
    str_add(&s, NULL, 0);
    assert_string_equal(s.data, "");
    str_fini(&s);
}

static void grows_at_every_size(void **state)
{
    (void)state;
    struct str s = STR_INIT;
    for (size_t i = 0; i < 10000; i++) {
        str_addc(&s, (char)('a' + i % 26));
        assert_int_equal(s.size, i + 1);
        assert_true(s.capacity > s.size);
        assert_int_equal(s.data[s.size], '\0');
    }
    for (size_t i = 0; i < 10000; i++)
        assert_int_equal(s.data[i], 'a' + i % 26);
    str_fini(&s);
}

static void format_may_be_longer_than_what_is_there(void **state)
{
    (void)state;
    struct str s = STR_INIT;
    str_addf(&s, "%0500d", 7);
    assert_int_equal(s.size, 500);
    assert_string_equal(s.data + 495, "00007");
    str_addf(&s, "%s", "");
    assert_int_equal(s.size, 500);
    str_fini(&s);
}

static void numbers_are_decimal(void **state)
{
    (void)state;
    struct str s = STR_INIT;
    str_addu(&s, 0);
    str_addc(&s, ' ');
    str_addu(&s, 1234567890);
    str_addc(&s, ' ');
    str_addu(&s, UINT64_MAX);
    assert_string_equal(s.data, "0 1234567890 18446744073709551615");
    str_fini(&s);
}

static void numbers_of_every_length_are_exact(void **state)
{
    (void)state;
    uint64_t power = 1;
    for (int digits = 1; digits <= 20; digits++, power *= 10) {
        const uint64_t numbers[] = { power - 1, power, power + 1 };
        for (size_t i = 0; i < 3; i++) {
            struct str s = STR_INIT;
            char expected[24];
            snprintf(expected, sizeof(expected), "%" PRIu64, numbers[i]);
            str_addu(&s, numbers[i]);
            assert_string_equal(s.data, expected);
            assert_int_equal(s.size, strlen(expected));
            str_fini(&s);
        }
    }
}

static void reserved_room_is_not_allocated_again(void **state)
{
    (void)state;
    struct str s = STR_INIT;
    str_addz(&s, "head ");
    str_reserve(&s, 1000);
    const char *data = s.data;
    assert_string_equal(data, "head ");
    for (int i = 0; i < 1000; i++)
        str_addc(&s, 'x');
    assert_ptr_equal(s.data, data);
    assert_int_equal(s.size, 1005);
    str_fini(&s);
}

static void reset_keeps_the_memory(void **state)
{
    (void)state;
    struct str s = STR_INIT;
    str_addz(&s, "something");
    const size_t capacity = s.capacity;
    str_reset(&s);
    assert_int_equal(s.size, 0);
    assert_string_equal(s.data, "");
    assert_int_equal(s.capacity, capacity);
    str_fini(&s);
}

static void detached_string_is_the_callers(void **state)
{
    (void)state;
    struct str s = STR_INIT;
    str_addz(&s, "mine");
    char *mine = str_detach(&s);
    assert_string_equal(mine, "mine");
    assert_null(s.data);
    assert_int_equal(s.capacity, 0);
    free(mine);

    char *empty = str_detach(&s);
    assert_string_equal(empty, "");
    free(empty);
}

static void copies_are_cut_to_fit(void **state)
{
    (void)state;
    char out[4];
    text_copy(out, sizeof(out), "ab");
    assert_string_equal(out, "ab");
    text_copy(out, sizeof(out), "abc");
    assert_string_equal(out, "abc");
    text_copy(out, sizeof(out), "abcd");
    assert_string_equal(out, "abc");
    text_copy(out, sizeof(out), "");
    assert_string_equal(out, "");
}

static void a_line_is_cut_into_words(void **state)
{
    (void)state;
    char *words[3];
    char line[] = "  one\t two\n", many[] = "a b c d", blank[] = " \n";
    assert_int_equal(text_words(line, words, 3), 2);
    assert_string_equal(words[0], "one");
    assert_string_equal(words[1], "two");
    assert_int_equal(text_words(many, words, 3), 3);
    assert_string_equal(words[2], "c");
    assert_int_equal(text_words(blank, words, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_cut_to_fit),
        cmocka_unit_test(a_line_is_cut_into_words),
        cmocka_unit_test(starts_empty_without_memory),
        cmocka_unit_test(pieces_are_joined_and_terminated),
        cmocka_unit_test(bytes_may_hold_nul),
        cmocka_unit_test(adding_nothing_makes_an_empty_string),
        cmocka_unit_test(grows_at_every_size),
        cmocka_unit_test(format_may_be_longer_than_what_is_there),
        cmocka_unit_test(numbers_are_decimal),
        cmocka_unit_test(numbers_of_every_length_are_exact),
        cmocka_unit_test(reserved_room_is_not_allocated_again),
        cmocka_unit_test(reset_keeps_the_memory),
        cmocka_unit_test(detached_string_is_the_callers),
    };
    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}

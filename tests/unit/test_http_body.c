#include "support/test.h"

#include "net/body.h"

static void digits_are_a_length(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        uint64_t length;
    } good[] = {
        { "0", 0 },
        { "5", 5 },
        { "007", 7 },
        { "8192", 8192 },
        { "999999999999999", 999999999999999 },
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint64_t length = 1;
        assert_true(body_read_length(good[i].value, &length));
        assert_int_equal(length, good[i].length);
    }
}

static void nothing_else_is_a_length(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "+5",
        "-1",
        "5, 5",
        "5,5",
        "5 ",
        " 5",
        "5;",
        "0x5",
        "5.0",
        "1e3",
        "five",
        "\t5",
        "5\n",
        "٥",
        "1000000000000000",
        "18446744073709551617",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t length = 42;
        assert_false(body_read_length(bad[i], &length));
        assert_int_equal(length, 42);
    }
}

static void json_is_known_by_its_name(void **state)
{
    (void)state;
    assert_true(body_is_json("application/json"));
    assert_true(body_is_json("Application/JSON"));
    assert_true(body_is_json("application/json;charset=utf-8"));
    assert_true(body_is_json("application/json ; charset=utf-8"));
    static const char *const others[] = { "",
                                          "json",
                                          "text/json",
                                          "application/json5",
                                          "text/plain",
                                          "application/jso",
                                          " application/json",
                                          "application/problem+json" };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(body_is_json(others[i]));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_are_a_length),
        cmocka_unit_test(nothing_else_is_a_length),
        cmocka_unit_test(json_is_known_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

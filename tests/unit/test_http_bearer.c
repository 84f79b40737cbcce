#include "support/test.h"

#include "net/bearer.h"

#include <string.h>

static const char *token_of(const char *offers)
{
    static char out[256];
    memset(out, 'x', sizeof(out));
    bearer_of_offers(offers, "confab.token.", out);
    return out;
}

static void a_token_is_one_of_the_subprotocols(void **state)
{
    (void)state;
    assert_string_equal(token_of("confab.v1, confab.token.a.b-c._d"), "a.b-c._d");
    assert_string_equal(token_of("confab.token.abc,confab.v1"), "abc");
    assert_string_equal(token_of(" confab.v1 ,\tconfab.token.abc \t"), "abc");
    assert_string_equal(token_of("confab.token.abc, confab.token.def"), "abc");
}

static void others_are_none(void **state)
{
    (void)state;
    static const char *const offers[] = { "",
                                          "confab.v1",
                                          "confab.v1, confab.token",
                                          "confab.token.",
                                          "Confab.Token.abc",
                                          "xconfab.token.abc",
                                          "token.abc, mqtt" };
    for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++)
        assert_string_equal(token_of(offers[i]), "");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_one_of_the_subprotocols),
        cmocka_unit_test(others_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

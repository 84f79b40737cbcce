#include "support/test.h"

#include "confab/base/secret.h"

#include <errno.h>
#include <string.h>

static int set_up(void **state)
{
    (void)state;
    secret_init();
    return 0;
}

static void secrets_are_read_as_written(void **state)
{
    (void)state;
    unsigned char bytes[SECRET_BYTES], again[SECRET_BYTES];
    char text[SECRET_CHARS + 1];

    for (int i = 0; i < 100; i++) {
        random_bytes(bytes, sizeof bytes);
        secret_write(text, bytes);
        assert_int_equal(strlen(text), SECRET_CHARS);
        assert_true(secret_read(again, text));
        assert_memory_equal(again, bytes, sizeof bytes);
    }
}

static void secrets_have_one_spelling(void **state)
{
    (void)state;
    unsigned char bytes[SECRET_BYTES];

    assert_true(secret_read(bytes, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    assert_false(secret_read(bytes, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB")); /* odd bits */
    assert_false(secret_read(bytes, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    assert_false(secret_read(bytes, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    assert_false(secret_read(bytes, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
    assert_false(secret_read(bytes, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+A")); /* not url */
    assert_false(secret_read(bytes, "AAAAAAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAAAAAAAA"));
    assert_false(secret_read(bytes, ""));
    assert_false(secret_read(bytes, "AAAAAAAAAAAAAAAAAAAAAAAAAAA\xc1"
                                    "AAAAAAAAAAAAAAA"));
}

static void base64url_fits_or_is_refused(void **state)
{
    (void)state;
    char out[3];

    assert_int_equal(base64url_read(out, sizeof out, "YWJj", 4), 3);
    assert_memory_equal(out, "abc", 3);
    assert_int_equal(base64url_read(out, sizeof out, "YWJjZA", 6), -EINVAL);
    assert_int_equal(base64url_read(out, sizeof out, "YWI=", 4), -EINVAL);
    assert_int_equal(base64url_read(out, sizeof out, "Y", 1), -EINVAL);
    assert_int_equal(base64url_read(out, sizeof out, "", 0), 0);
}

static void one_seed_has_many_secrets_and_each_is_always_the_same(void **state)
{
    (void)state;
    const unsigned char seed[SECRET_BYTES] = { 1 }, other[SECRET_BYTES] = { 2 };
    unsigned char one[SECRET_BYTES], again[SECRET_BYTES], next[SECRET_BYTES];

    secret_derive(one, seed, 1);
    secret_derive(again, seed, 1);
    assert_true(secret_equal(one, again, sizeof one));
    secret_derive(next, seed, 2);
    assert_false(secret_equal(one, next, sizeof one));
    secret_derive(next, seed, UINT64_C(1) << 32); /* all of n counts */
    secret_derive(again, seed, 0);
    assert_false(secret_equal(next, again, sizeof next));
    secret_derive(next, other, 1);
    assert_false(secret_equal(one, next, sizeof one));
}

static void what_is_wiped_is_gone(void **state)
{
    (void)state;
    unsigned char bytes[SECRET_BYTES], none[SECRET_BYTES] = { 0 };

    random_bytes(bytes, sizeof bytes);
    secret_wipe(bytes, sizeof bytes);
    assert_memory_equal(bytes, none, sizeof bytes);
    secret_wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_read_as_written),
        cmocka_unit_test(secrets_have_one_spelling),
        cmocka_unit_test(base64url_fits_or_is_refused),
        cmocka_unit_test(one_seed_has_many_secrets_and_each_is_always_the_same),
        cmocka_unit_test(what_is_wiped_is_gone),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}

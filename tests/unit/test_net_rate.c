/* The limit on new connections, with a clock of the test's own. */
#include "support/test.h"

#include "net/rate.h"

enum { SECOND_US = 1000000 };

static const int64_t START_US = 5000 * (int64_t)SECOND_US; /* a machine that has been up a while */

/* Takes tokens as soon as they are there, until the time is over; how many. */
static int64_t take_until(struct rate *r, int64_t from_us, int64_t to_us)
{
    int64_t count = 0;
    for (int64_t now = from_us; now < to_us; count++)
        now += rate_take(r, now);
    return count;
}

static void a_second_of_tokens_at_once(void **state)
{
    (void)state;
    struct rate r;
    rate_init(&r, 100);
    for (int i = 1; i < 100; i++)
        assert_int_equal(rate_take(&r, START_US), 0);
    assert_int_equal(rate_take(&r, START_US), SECOND_US / 100);
}

static void then_as_many_as_the_rate_says(void **state)
{
    (void)state;
    static const int64_t rates[] = { 1, 7, 100, 2000, 3333, 100000 };
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct rate r;
        rate_init(&r, rates[i]);
        const int64_t count = take_until(&r, START_US, START_US + 10 * (int64_t)SECOND_US);
        assert_in_range(count, 11 * rates[i] * 99 / 100, 11 * rates[i] + 1);
    }
}

static void rest_fills_it_to_one_second_and_no_further(void **state)
{
    (void)state;
    struct rate r;
    rate_init(&r, 10);
    take_until(&r, START_US, START_US + SECOND_US);
    int64_t now = START_US + 3600 * (int64_t)SECOND_US;
    for (int i = 1; i < 10; i++)
        assert_int_equal(rate_take(&r, now), 0);
    assert_int_equal(rate_take(&r, now), SECOND_US / 10);
    now += 3 * SECOND_US / 10; /* three come back */
    assert_int_equal(rate_take(&r, now), 0);
    assert_int_equal(rate_take(&r, now), 0);
    assert_int_equal(rate_take(&r, now), SECOND_US / 10);
}

static void zero_is_no_limit(void **state)
{
    (void)state;
    struct rate r;
    rate_init(&r, 0);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(rate_take(&r, START_US), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_of_tokens_at_once),
        cmocka_unit_test(then_as_many_as_the_rate_says),
        cmocka_unit_test(rest_fills_it_to_one_second_and_no_further),
        cmocka_unit_test(zero_is_no_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

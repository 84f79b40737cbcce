/* How a stop spreads clients over the time that it has. */
#include "support/test.h"

#include "net/drain.h"

static void a_few_go_at_once(void **state)
{
    (void)state;
    const struct drain_plan p = drain_plan(30, 10000);
    assert_int_equal(p.notice_ms, 1000);
    assert_int_equal(p.window_ms, 15);
    assert_int_equal(p.limit_ms, 7500);
    assert_int_equal(p.retry_ms, 1000);
}

static void many_go_as_fast_as_others_take_them(void **state)
{
    (void)state;
    const struct drain_plan p = drain_plan(8000, 10000);
    assert_int_equal(p.window_ms, 4000);
    assert_int_equal(p.retry_ms, 1000);
}

static void who_does_not_fit_waits_longer_to_come_back(void **state)
{
    (void)state;
    const struct drain_plan p = drain_plan(20000, 10000);
    assert_int_equal(p.window_ms, 4000);
    assert_int_equal(p.retry_ms, 6000);
    assert_int_equal(drain_plan(1000000, 10000).retry_ms, 30000);
}

static void everything_fits_into_the_limit(void **state)
{
    (void)state;
    static const int64_t clients[] = { 0, 1, 100, 10000, 1000000 };
    static const int64_t drains[] = { 0, 1000, 2000, 10000, 600000 };
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
        for (size_t j = 0; j < sizeof drains / sizeof drains[0]; j++) {
            const struct drain_plan p = drain_plan(clients[i], drains[j]);
            assert_true(p.notice_ms + p.window_ms <= p.limit_ms);
            assert_true(p.limit_ms <= drains[j]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_go_at_once),
        cmocka_unit_test(many_go_as_fast_as_others_take_them),
        cmocka_unit_test(who_does_not_fit_waits_longer_to_come_back),
        cmocka_unit_test(everything_fits_into_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

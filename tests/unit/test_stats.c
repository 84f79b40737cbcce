#include "support/test.h"

#include "confab/base/stats.h"

static void counters_and_gauges_start_at_zero_and_move(void **state)
{
    (void)state;
    struct stats s = { 0 };
    assert_int_equal(stat_get(&s, frames_in), 0);
    stat_add(&s, frames_in, 2);
    stat_add(&s, frames_in, 3);
    assert_int_equal(stat_get(&s, frames_in), 5);
    stat_add(&s, clients, 2);
    stat_add(&s, clients, -1);
    assert_int_equal(stat_get(&s, clients), 1);
    stat_set(&s, probe_lag_us, 777);
    assert_int_equal(stat_get(&s, probe_lag_us), 777);
}

static void lag_of_nothing_is_zero(void **state)
{
    (void)state;
    struct stats s = { 0 };
    assert_int_equal(stats_lag_us(&s, STATS_LAG_REDIS, 0.5), 0);
    assert_int_equal(stats_lag_us(&s, STATS_LAG_REDIS, 1), 0);
}

static void lag_is_the_upper_edge_of_its_bucket(void **state)
{
    (void)state;
    static const struct {
        int64_t us, edge;
    } cases[] = {
        { -5, 1 },
        { 0, 1 },
        { 1, 2 },
        { 2, 4 },
        { 3, 4 },
        { 4, 8 },
        { 1000, 1024 },
        { 1024, 2048 },
        { 33554431, 33554432 },
        { INT64_MAX, 33554432 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stats s = { 0 };
        stats_lag_add(&s, STATS_LAG_REDIS, cases[i].us);
        assert_int_equal(stats_lag_us(&s, STATS_LAG_REDIS, 0), cases[i].edge);
        assert_int_equal(stats_lag_us(&s, STATS_LAG_REDIS, 1), cases[i].edge);
    }
}

static void lag_has_quantiles(void **state)
{
    (void)state;
    struct stats s = { 0 };
    for (int i = 0; i < 90; i++)
        stats_lag_add(&s, STATS_LAG_REDIS, 100);
    for (int i = 0; i < 9; i++)
        stats_lag_add(&s, STATS_LAG_REDIS, 1000);
    stats_lag_add(&s, STATS_LAG_REDIS, 100000);
    assert_int_equal(stats_lag_us(&s, STATS_LAG_REDIS, 0.5), 128);
    assert_int_equal(stats_lag_us(&s, STATS_LAG_REDIS, 0.9), 128);
    assert_int_equal(stats_lag_us(&s, STATS_LAG_REDIS, 0.91), 1024);
    assert_int_equal(stats_lag_us(&s, STATS_LAG_REDIS, 0.99), 1024);
    assert_int_equal(stats_lag_us(&s, STATS_LAG_REDIS, 0.995), 131072);
    assert_int_equal(stats_lag_us(&s, STATS_LAG_REDIS, 1), 131072);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_gauges_start_at_zero_and_move),
        cmocka_unit_test(lag_of_nothing_is_zero),
        cmocka_unit_test(lag_is_the_upper_edge_of_its_bucket),
        cmocka_unit_test(lag_has_quantiles),
    };
    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}

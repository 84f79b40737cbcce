/* Rooms are compared with Redis: the last message of a conversation leaves no hole behind it. */
#include "support/room/story.h"

static void what_the_bus_never_brought_is_found(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(3);
    int loads = store.loads;
    uint64_t behind = stats.rooms_behind;
    compare(STORE_OK, "e1", 5); /* 4 and 5 may be on their way */
    assert_int_equal(store.loads, loads);
    live("e1", 4);
    str_reset(&wire);
    compare(STORE_OK, "e1", 5); /* a period later 5 is not */
    assert_int_equal(store.loads, loads + 1);
    assert_int_equal(stats.rooms_behind, behind + 1);
    list(STORE_OK, "e1", 1, 5);
    says("*:message(5) ");
    gone(alice);
}

/* The list ended, the numbers live on: there is nothing to load, once and for all. */
static void a_list_that_ended_is_loaded_once(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(3);
    int loads = store.loads;
    uint64_t lost = stats.gaps_lost;
    compare(STORE_OK, "e1", 5);
    compare(STORE_OK, "e1", 5);
    list(STORE_OK, "e1", 6, 5);
    assert_int_equal(stats.gaps_lost - lost, 2);
    for (int i = 0; i < 4; i++)
        compare(STORE_OK, "e1", 5);
    assert_int_equal(store.loads, loads + 1);
    live("e1", 6);
    says("*:message(6) ");
    gone(alice);
}

static void a_busy_room_is_not_behind(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(3);
    int loads = store.loads;
    for (int top = 4; top < 20; top++) { /* Redis is always one ahead */
        compare(STORE_OK, "e1", top);
        live("e1", top);
    }
    assert_int_equal(store.loads, loads);
    gone(alice);
}

static void another_epoch_is_found(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(3);
    int loads = store.loads;
    compare(STORE_OK, "", 0); /* everything was deleted */
    assert_int_equal(store.loads, loads);
    compare(STORE_OK, "", 0);
    assert_int_equal(store.loads, loads + 1);
    list(STORE_OK, "e2", 1, 0);
    says("-alice alice:joined(fresh,0) alice:history() +alice@0 ");
    compare(STORE_OK, "e2", 0);
    compare(STORE_OK, "e2", 0);
    assert_int_equal(store.loads, loads + 1);
    gone(alice);
}

static void an_epoch_that_came_meanwhile_is_none_to_find(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(3);
    compare(STORE_OK, "e2", 1);
    live("e2", 1); /* brought by the bus */
    list(STORE_OK, "e2", 1, 1);
    int loads = store.loads;
    compare(STORE_OK, "e2", 1);
    compare(STORE_OK, "e2", 1);
    assert_int_equal(store.loads, loads);
    gone(alice);
}

static void what_redis_cannot_say_means_nothing(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(3);
    int loads = store.loads;
    for (int i = 0; i < 3; i++) {
        compare(STORE_UNAVAILABLE, "", 0);
        compare(STORE_OK, "", -1); /* a key of another type */
    }
    assert_int_equal(store.loads, loads);
    gone(alice);
}

static void only_one_comparison_is_under_way(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(3);
    compare_rooms(hub);
    compare_rooms(hub); /* store_tops() of the stand-in would complain */
    store_tops_fn *done = store.tops_done;
    assert_non_null(done);
    gone(alice); /* and its room with it */
    assert_null(hub->rooms);
    struct store_top top = { "e1", 9 };
    int loads = store.loads;
    done(store.tops_arg, STORE_OK, &top);
    assert_int_equal(store.loads, loads);
    assert_int_equal(hub->comparisons, 0);
}

static void while_the_bus_is_not_read_nothing_is_missing(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(3);
    hub->paused = true;
    compare_rooms(hub);
    assert_null(store.tops_done);
    gone(alice);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_the_bus_never_brought_is_found),
        T(a_list_that_ended_is_loaded_once),
        T(a_busy_room_is_not_behind),
        T(another_epoch_is_found),
        T(an_epoch_that_came_meanwhile_is_none_to_find),
        T(what_redis_cannot_say_means_nothing),
        T(only_one_comparison_is_under_way),
        T(while_the_bus_is_not_read_nothing_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The store: what a room's guard lets pass, and that it is not lost. The keys are written here as
 * room.lua leaves them. */
#include "support/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct test_redis redis;
static struct event_base *base;
static struct test_store a;

static int set_up(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_alone_init(&redis, &base, &a);
    test_store_start(&a, &redis);
    test_store_ready(&a);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_alone_fini(&redis, base, &a);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    test_redis(&redis, "FLUSHALL");
    test_store_limit(&a, &redis, 0);
    log_set_level(LOG_LEVEL_ERROR);
    return 0;
}

/* A room of olga's, with the moderator mo and the member wim. */
static void own_room(const char *guard)
{
    test_redis(&redis, "HSET t:{room:r}:config guard %b version 7", guard, strlen(guard));
    test_redis(&redis, "HSET t:{room:r}:acl olga o mo m wim w");
    if (*test_redis(&redis, "EXISTS t:{room:r}:meta") == '1')
        test_redis(&redis, "HSET t:{room:r}:meta guard %b version 7", guard, strlen(guard));
}

static long long redis_now_ms(void)
{
    long long s = 0, us = 0;
    assert_int_equal(sscanf(test_redis(&redis, "TIME"), "%lld %lld", &s, &us), 2);
    return s * 1000 + us / 1000;
}

/* field: 'b:NAME' or 'm:NAME' */
static void sanction(const char *field, long long until_ms)
{
    char text[64];
    snprintf(text, sizeof(text), "%lld mo mute because", until_ms);
    test_redis(&redis, "HSET t:{room:r}:sanctions %s %b", field, text, strlen(text));
}

static struct test_published write_as(const char *user, const char *known_guard) REQUIRES(on_hub);
static struct test_published write_as(const char *user, const char *known_guard)
{
    char text[64];
    const struct store_known known = { .guard = known_guard };
    snprintf(text, sizeof(text), "x\",\"user\":\"%s", user);
    return test_store_publish(&a, user, "r", NULL, NULL, text, &known);
}

static void assert_denied(const char *user, enum error_code code) REQUIRES(on_hub);
static void assert_denied(const char *user, enum error_code code)
{
    const struct test_published p = write_as(user, "");
    assert_int_equal(p.status, STORE_DENIED);
    assert_string_equal(error_info(p.error)->code, error_info(code)->code);
    assert_int_equal(p.retry_after_ms, -1);
}

static void assert_written(const char *user) REQUIRES(on_hub);
static void assert_written(const char *user)
{
    assert_int_equal(write_as(user, "").status, STORE_OK);
}

static void a_private_room_is_its_members(void **state)
{
    (void)state;
    role_assume(&on_hub);
    own_room("p 0");
    assert_denied("eve", ERROR_PRIVATE_ROOM); /* the room has no epoch yet: config tells */
    assert_string_equal(test_redis(&redis, "EXISTS t:{room:r}:meta"), "0");
    assert_written("wim");
    assert_string_equal(test_redis(&redis, "HMGET t:{room:r}:meta guard version"), "p 0 7");
    assert_denied("eve", ERROR_PRIVATE_ROOM);
    assert_written("olga");
    assert_written("mo");
    assert_string_equal(test_redis(&redis, "LLEN t:{room:r}:history"), "3");
}

static void a_read_only_room_is_written_by_who_runs_it(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_written("wim");
    own_room("r 0");
    assert_denied("wim", ERROR_READ_ONLY);
    assert_denied("eve", ERROR_READ_ONLY);
    assert_written("mo");
    assert_written("olga");
}

static void bans_and_mutes_end_by_themselves(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_written("eve");
    own_room("x 0");
    sanction("b:eve", 0);
    sanction("m:wim", 0);
    sanction("m:mo", 0); /* who was muted before he became a moderator */
    assert_denied("eve", ERROR_BANNED);
    assert_denied("wim", ERROR_MUTED);
    assert_written("mo");
    assert_written("bob");
    sanction("b:eve", redis_now_ms() - 1);
    sanction("m:wim", redis_now_ms() - 1);
    assert_written("eve");
    assert_written("wim");
    sanction("m:wim", redis_now_ms() + 60000);
    const struct test_published p = write_as("wim", "");
    assert_int_equal(p.status, STORE_DENIED);
    assert_int_equal(p.error, ERROR_MUTED);
    assert_true(p.retry_after_ms > 0 && p.retry_after_ms <= 60000);
    own_room("p 0"); /* no flag, no look */
    assert_written("wim");
}

static void slow_mode_holds_everybody_else(void **state)
{
    (void)state;
    role_assume(&on_hub);
    own_room("- 60000");
    assert_written("wim");
    const struct test_published p = write_as("wim", "");
    assert_int_equal(p.status, STORE_DENIED);
    assert_int_equal(p.error, ERROR_SLOW_MODE);
    assert_true(p.retry_after_ms > 0 && p.retry_after_ms <= 60000);
    assert_true(atoll(test_redis(&redis, "PTTL t:{room:r}:slow:wim")) > 0);
    assert_written("eve");
    assert_written("mo");
    assert_written("mo");
    test_redis(&redis, "DEL t:{room:r}:slow:wim");
    assert_written("wim");
}

/* Two messages of one turn are one group: the second one is held all the same. */
static void slow_mode_counts_within_a_turn(void **state)
{
    (void)state;
    role_assume(&on_hub);
    own_room("- 60000");
    struct test_published out[3] = { 0 };
    const char *users[] = { "wim", "wim", "eve" };
    for (size_t i = 0; i < 3; i++) {
        char text[64];
        snprintf(text, sizeof(text), "x\",\"user\":\"%s", users[i]);
        assert_int_equal(
            test_store_publish_start(&a, users[i], "r", NULL, NULL, text, NULL, &out[i]), 0);
    }
    WAIT_UNTIL(base, out[0].count && out[1].count && out[2].count);
    assert_int_equal(out[0].status, STORE_OK);
    assert_int_equal(out[1].status, STORE_DENIED);
    assert_int_equal(out[1].error, ERROR_SLOW_MODE);
    assert_int_equal(out[2].status, STORE_OK);
    assert_int_equal(out[2].seq, 2);
}

/* Whoever is refused has used nothing up: not the limit, and not slow mode when the limit is it. */
static void refusals_cost_nothing(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_limit(&a, &redis, 1);
    own_room("r 5000");
    assert_denied("eve", ERROR_READ_ONLY);
    assert_string_equal(test_redis(&redis, "EXISTS t:rate:eve t:{room:r}:slow:eve"), "0");
    own_room("- 5000");
    test_redis(&redis, "SET t:rate:eve 1 PX 5000");
    assert_int_equal(write_as("eve", "").status, STORE_LIMITED);
    assert_string_equal(test_redis(&redis, "EXISTS t:{room:r}:slow:eve"), "0");
}

static void a_repeat_is_a_duplicate_and_not_refused(void **state)
{
    (void)state;
    role_assume(&on_hub);
    static const char text[] = "x\",\"user\":\"eve";
    assert_int_equal(test_store_publish(&a, "eve", "r", NULL, "c", text, NULL).status, STORE_OK);
    own_room("p 0");
    assert_int_equal(test_store_publish(&a, "eve", "r", NULL, "c", text, NULL).status,
                     STORE_DUPLICATE);
    assert_int_equal(test_store_publish(&a, "eve", "r", NULL, "d", text, NULL).status,
                     STORE_DENIED);
}

/* An instance that knows of a guard does not believe a Redis that knows of none. */
static void a_lost_guard_closes_the_room(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_int_equal(write_as("olga", "p 0").status, STORE_UNAVAILABLE);
    const struct store_known known = { .guard = "- 0" };
    assert_int_equal(test_store_load(&a, "r", &known).status, STORE_UNAVAILABLE);
    assert_string_equal(test_redis(&redis, "DBSIZE"), "0");
    own_room("p 0"); /* it is back */
    assert_int_equal(write_as("olga", "p 0").status, STORE_OK);
    assert_int_equal(test_store_load(&a, "r", &known).status, STORE_OK);
    /* config alone lost: the copy holds */
    test_redis(&redis, "DEL t:{room:r}:config");
    assert_int_equal(write_as("olga", "p 0").status, STORE_OK);
    assert_int_equal(write_as("eve", "p 0").error, ERROR_PRIVATE_ROOM);
}

static void a_load_tells_guard_and_version(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct test_messages m = test_store_load(&a, "r", NULL);
    assert_string_equal(m.guard, "");
    assert_int_equal(m.version, 0);
    own_room("pr 0"); /* meta is there */
    m = test_store_load(&a, "r", NULL);
    assert_string_equal(m.guard, "pr 0");
    assert_int_equal(m.version, 7);
    test_redis(&redis, "DEL t:{room:r}:meta");
    m = test_store_load(&a, "r", NULL);
    assert_string_equal(m.guard, "pr 0");
    assert_int_equal(m.version, 7);
    assert_string_equal(test_redis(&redis, "HMGET t:{room:r}:meta guard version"), "pr 0 7");
}

static void take_tops(void *arg, enum store_status status, const struct store_top *tops)
{
    (void)tops;
    assert_int_equal(status, STORE_OK);
    *(bool *)arg = true;
}

static void compare(void) REQUIRES(on_hub);
static void compare(void)
{
    bool done = false;
    const char *room = "r";
    assert_int_equal(store_tops(a.store, &room, 1, take_tops, &done), 0);
    WAIT_UNTIL(base, done);
}

/* The numbers of a room with a guard do not end: neither a load, nor a message, nor a comparison
 * gives them a life. Those of a room whose guard restricts nobody are as any other's. */
static void a_guard_does_not_end(void **state)
{
    (void)state;
    role_assume(&on_hub);
    own_room("p 0");
    test_store_load(&a, "r", NULL);
    assert_string_equal(test_redis(&redis, "TTL t:{room:r}:meta"), "-1");
    compare();
    assert_string_equal(test_redis(&redis, "TTL t:{room:r}:meta"), "-1");
    test_redis(&redis, "EXPIRE t:{room:r}:meta 100");
    assert_written("wim");
    assert_string_equal(test_redis(&redis, "TTL t:{room:r}:meta"), "-1");
    own_room("- 0");
    test_redis(&redis, "DEL t:{room:r}:meta t:{room:r}:history");
    assert_written("eve");
    assert_true(atoll(test_redis(&redis, "TTL t:{room:r}:meta")) > 86000);
    test_redis(&redis, "EXPIRE t:{room:r}:meta 100");
    compare();
    assert_true(atoll(test_redis(&redis, "TTL t:{room:r}:meta")) > 86000);
}

static struct test_messages page_for(const char *viewer) REQUIRES(on_hub);
static struct test_messages page_for(const char *viewer)
{
    return test_store_page(&a, "r", viewer, UINT64_MAX, 10);
}

static void pages_are_for_who_may_read(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_written("wim");
    own_room("prx 0");
    sanction("b:wim", redis_now_ms() + 60000);
    assert_int_equal(page_for("olga").messages, 1);
    assert_int_equal(page_for("*").messages, 1);
    assert_int_equal(page_for("eve").status, STORE_DENIED);
    assert_int_equal(page_for("eve").error, ERROR_PRIVATE_ROOM);
    assert_int_equal(page_for(NULL).error, ERROR_PRIVATE_ROOM);
    const struct test_messages banned = page_for("wim");
    assert_int_equal(banned.error, ERROR_BANNED);
    assert_true(banned.retry_after_ms > 0 && banned.retry_after_ms <= 60000);
    sanction("m:wim", 0); /* the muted read, and read-only is for all to read */
    test_redis(&redis, "HDEL t:{room:r}:sanctions b:wim");
    assert_int_equal(page_for("wim").messages, 1);
}

static void keys_of_another_type_close_the_room(void **state)
{
    (void)state;
    role_assume(&on_hub);
    static const char *const keys[] = { "config", "acl", "sanctions" };
    log_set_level(LOG_LEVEL_ERROR + 1);
    for (size_t i = 0; i < 3; i++) {
        test_redis(&redis, "FLUSHALL");
        own_room("x 0");
        test_redis(&redis, "DEL t:{room:r}:%s", keys[i]);
        test_redis(&redis, "SADD t:{room:r}:%s x", keys[i]);
        assert_int_equal(write_as("eve", "").status, STORE_REFUSED);
        assert_string_equal(test_redis(&redis, "EXISTS t:{room:r}:meta t:{room:r}:history"), "0");
    }
}

static void a_full_redis_leaves_nothing_behind(void **state)
{
    (void)state;
    role_assume(&on_hub);
    own_room("- 5000");
    test_redis(&redis, "CONFIG SET maxmemory 1");
    const enum store_status status = write_as("eve", "").status;
    test_redis(&redis, "CONFIG SET maxmemory 0");
    assert_int_equal(status, STORE_UNAVAILABLE);
    assert_string_equal(test_redis(&redis, "DBSIZE"), "2"); /* config, acl */
    assert_written("eve");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_private_room_is_its_members, empty),
        cmocka_unit_test_setup(a_read_only_room_is_written_by_who_runs_it, empty),
        cmocka_unit_test_setup(bans_and_mutes_end_by_themselves, empty),
        cmocka_unit_test_setup(slow_mode_holds_everybody_else, empty),
        cmocka_unit_test_setup(slow_mode_counts_within_a_turn, empty),
        cmocka_unit_test_setup(refusals_cost_nothing, empty),
        cmocka_unit_test_setup(a_repeat_is_a_duplicate_and_not_refused, empty),
        cmocka_unit_test_setup(a_lost_guard_closes_the_room, empty),
        cmocka_unit_test_setup(a_load_tells_guard_and_version, empty),
        cmocka_unit_test_setup(a_guard_does_not_end, empty),
        cmocka_unit_test_setup(pages_are_for_who_may_read, empty),
        cmocka_unit_test_setup(keys_of_another_type_close_the_room, empty),
        cmocka_unit_test_setup(a_full_redis_leaves_nothing_behind, empty),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

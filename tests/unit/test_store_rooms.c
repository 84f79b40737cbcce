/* The store: rooms that have an owner. Who may do what, what becomes of it, and every limit;
 * against a real Redis. */
#include "store/state.h"
#include "support/rooms/story.h"

#include <stdlib.h>
#include <string.h>

static struct test_redis redis;
static struct event_base *base;
static struct test_store a, b;

static int set_up(void **state)
{
    (void)state;
    role_assume(&on_hub);
    base = event_base_new();
    test_redis_init(&redis);
    test_store_init(&a, base, 'a');
    test_store_init(&b, base, 'b');
    a.settings.rate_limit_messages = b.settings.rate_limit_messages = 0;
    a.settings.rooms_per_account = a.settings.max_owned_rooms = 5;
    a.settings.audit_keep = 1000;
    a.settings.archive_backlog = 1000;
    test_store_start(&a, &redis);
    test_store_start(&b, &redis);
    test_store_ready(&a);
    test_store_ready(&b);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_fini(&a);
    test_store_fini(&b);
    test_redis_fini(&redis);
    event_base_free(base);
    return 0;
}

static void have_account(const char *name)
{
    test_redis(&redis, "HSET t:account:%s version 1", name);
}

/* A public room `r` of olga, with moderators mo and moe, and members wim and win; gus is a guest. */
static int begin(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "FLUSHALL");
    str_reset(&a.log);
    str_reset(&b.log);
    static const char *const names[] = { "olga", "mo", "moe", "wim", "win", "ada" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        have_account(names[i]);
    assert_string_equal(test_room_act(&a, "olga", "create", "r", "", "", "", "", NULL).error, "");
    static const char *const roles[][2] = {
        { "mo", "moderator" }, { "moe", "moderator" }, { "wim", "member" }, { "win", "member" }
    };
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        assert_string_equal(
            test_room_act(&a, "olga", "role", "r", roles[i][0], roles[i][1], NULL).error, "");
    return 0;
}

static void created_room_is_told_to_all_and_kept(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_subscribe(&b, STORE_CHANNEL_ROOM, "tea");
    struct test_act out =
        test_room_act(&a, "olga", "create", "tea", "private", "1", "a \"topic\" / ä\n", "", NULL);
    assert_int_equal(out.status, STORE_OK);
    assert_int_equal(out.seq, 1);
    assert_non_null(strstr(out.json, "\"topic\":\"a \\\"topic\\\" \\/ ä\\n\""));
    assert_string_equal(test_act_text(&out, "owner"), "olga");
    assert_string_equal(test_act_text(&out, "access"), "private");
    assert_string_equal(test_redis(&redis, "HGET t:{room:tea}:config guard"), "pr 0");
    assert_string_equal(test_redis(&redis, "HGET t:{room:tea}:meta guard"), "pr 0");
    assert_string_equal(test_redis(&redis, "TTL t:{room:tea}:meta"), "-1");
    assert_string_equal(test_redis(&redis, "HGET t:{user:olga}:rooms tea"), "o");
    assert_string_equal(test_redis(&redis, "XLEN t:audit"), "6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(created_room_is_told_to_all_and_kept, begin),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

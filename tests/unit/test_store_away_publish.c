/* The store: what publishing does for people who are away: unread counts, and how long and how much
 * of a conversation is kept. */
#include "support/store.h"

#include "confab/store/away.h"

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
    a.settings.away_messages = 200;
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

static enum store_status tell(const char *user, const char *to) REQUIRES(on_hub);
static enum store_status tell(const char *user, const char *to)
{
    return test_store_publish(&a, user, NULL, to, NULL, "x", NULL).status;
}

/* Many in one turn. */
static void tell_often(const char *user, const char *to, unsigned times) REQUIRES(on_hub);
static void tell_often(const char *user, const char *to, unsigned times)
{
    struct test_published *out = xcalloc(times, sizeof *out);
    for (unsigned i = 0; i < times; i++) {
        char text[16];
        snprintf(text, sizeof(text), "m%u", i + 1);
        assert_int_equal(test_store_publish_start(&a, user, NULL, to, NULL, text, NULL, &out[i]),
                         0);
    }
    WAIT_UNTIL(base, out[times - 1].count);
    for (unsigned i = 0; i < times; i++)
        assert_int_equal(out[i].status, STORE_OK);
    free(out);
}

static struct test_messages page_after(const char *stream, const char *viewer, uint64_t after,
                                       unsigned limit) REQUIRES(on_hub);
static struct test_messages page_after(const char *stream, const char *viewer, uint64_t after,
                                       unsigned limit)
{
    struct test_messages out = { 0 };
    assert_int_equal(store_page_after(a.store, stream, viewer, after, limit, test_messages, &out),
                     0);
    WAIT_UNTIL(base, out.count > 0);
    return out;
}

static long long life(const char *key)
{
    return atoll(test_redis(&redis, "TTL %s", key));
}

static void who_is_written_to_has_it_unread(void **state)
{
    (void)state;
    role_assume(&on_hub);
    tell("al", "bo");
    tell("al", "bo");
    tell("eve", "bo");
    tell("bo", "al");
    tell("bo", "bo");
    assert_string_equal(test_redis(&redis, "HMGET t:{user:bo}:unread al eve bo"), "2 1 nil");
    assert_string_equal(test_redis(&redis, "HGETALL t:{user:al}:unread"), "bo 1");
    assert_true(life("t:{user:bo}:unread") > 86000);
    tell("al", "bo");
    test_redis(&redis, "DEL t:{user:bo}:unread"); /* all was read, and within the 100 s */
    tell("al", "bo");
    assert_string_equal(test_redis(&redis, "HGETALL t:{user:bo}:unread"), "al 1");
    assert_true(life("t:{user:bo}:unread") > 86000);
}

static void only_what_is_stored_is_unread(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_limit(&a, &redis, 2);
    test_store_publish(&a, "al", NULL, "bo", "c", "x", NULL);
    assert_int_equal(test_store_publish(&a, "al", NULL, "bo", "c", "x", NULL).status,
                     STORE_DUPLICATE);
    test_store_publish(&a, "al", NULL, "bo", "d", "x", NULL);
    assert_int_equal(test_store_publish(&a, "al", NULL, "bo", "e", "x", NULL).status,
                     STORE_LIMITED);
    assert_string_equal(test_redis(&redis, "HGETALL t:{user:bo}:unread"), "al 2");
}

/* Two writers of one turn are two groups: each one's messages are unread for the other. */
static void two_writers_of_a_turn_keep_their_order(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct test_published out[6] = { 0 };
    static const char *const writers[] = { "al", "al", "bo", "al", "bo", "bo" };
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(test_store_publish_start(&a, writers[i], NULL,
                                                  writers[i][0] == 'a' ? "bo" : "al", NULL, "x",
                                                  NULL, &out[i]),
                         0);
    WAIT_UNTIL(base, out[5].count);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(out[i].status, STORE_OK);
        assert_int_equal(out[i].seq, i + 1);
    }
    assert_string_equal(test_redis(&redis, "HGETALL t:{user:bo}:unread"), "al 3");
    assert_string_equal(test_redis(&redis, "HGETALL t:{user:al}:unread"), "bo 3");
}

static void a_bad_counter_hinders_no_message(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "SET t:{user:bo}:unread x");
    assert_int_equal(tell("al", "bo"), STORE_OK);
    test_redis(&redis, "DEL t:{user:bo}:unread");
    test_redis(&redis, "HSET t:{user:bo}:unread al much");
    assert_int_equal(tell("al", "bo"), STORE_OK);
    assert_string_equal(test_redis(&redis, "LLEN t:{dm:al|bo}:history"), "2");
}

/* Of guests 100 messages for a day; with an account on either side AWAY_MESSAGES for AWAY_DAYS. */
static void what_an_account_writes_or_gets_is_kept(void **state)
{
    (void)state;
    role_assume(&on_hub);
    tell_often("al", "bo", 250);
    assert_true(atoi(test_redis(&redis, "LLEN t:{dm:al|bo}:history")) < 120);
    assert_string_equal(test_redis(&redis, "HGET t:{dm:al|bo}:meta kept"), "nil");
    assert_true(life("t:{dm:al|bo}:history") <= 86400);
    test_redis(&redis, "HSET t:account:bo version 1");
    static const char *const writers[] = { "ann", "bo" };
    for (int i = 0; i < 2; i++) {
        test_redis(&redis, "DEL t:{dm:ann|bo}:meta t:{dm:ann|bo}:history");
        tell_often(writers[i], writers[1 - i], 250);
        const long long kept = atoll(test_redis(&redis, "LLEN t:{dm:ann|bo}:history"));
        assert_true(kept >= 200 && kept < 220);
        assert_string_equal(test_redis(&redis, "HGET t:{dm:ann|bo}:meta kept"), "200");
        static const char *const keys[] = { "t:{dm:ann|bo}:meta", "t:{dm:ann|bo}:history",
                                            "t:{user:ann}:conversations",
                                            "t:{user:bo}:conversations", "t:{user:bo}:unread" };
        for (size_t k = 0; k < 5; k++)
            assert_true(life(keys[k]) > 29 * 86400);
    }
    /* what a conversation of guests renews is not made shorter for the others */
    test_redis(&redis, "DEL t:account:bo");
    tell("zoe", "ann");
    tell("ann", "zoe");
    assert_true(life("t:{dm:ann|zoe}:history") <= 86400);
    assert_true(life("t:{user:ann}:conversations") > 29 * 86400);
    assert_true(life("t:{user:ann}:unread") > 29 * 86400);
}

static void markers_live_as_long_as_the_conversation(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "HSET t:account:bo version 1");
    test_redis(&redis, "HSET t:{dm:al|bo}:read al 1");
    test_redis(&redis, "HSET t:{dm:al|bo}:delivered al 1");
    test_redis(&redis, "EXPIRE t:{dm:al|bo}:read 100");
    test_redis(&redis, "EXPIRE t:{dm:al|bo}:delivered 100");
    tell("al", "bo");
    assert_true(life("t:{dm:al|bo}:read") > 29 * 86400);
    assert_true(life("t:{dm:al|bo}:delivered") > 29 * 86400);
}

/* The next renewal sees that the account has ended. */
static void an_account_that_ends_keeps_nothing_more(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "HSET t:account:bo version 1");
    tell_often("al", "bo", 150);
    assert_string_equal(test_redis(&redis, "LLEN t:{dm:al|bo}:history"), "150");
    test_redis(&redis, "DEL t:account:bo");
    test_redis(&redis, "HINCRBY t:{dm:al|bo}:meta renewed -1");
    tell("al", "bo");
    assert_string_equal(test_redis(&redis, "LLEN t:{dm:al|bo}:history"), "100");
    assert_string_equal(test_redis(&redis, "HGET t:{dm:al|bo}:meta kept"), "nil");
    assert_true(life("t:{dm:al|bo}:meta") <= 86400);
}

static void pages_reach_through_all_that_is_kept(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "HSET t:account:bo version 1");
    tell_often("al", "bo", 215); /* 16 … 215 count as kept */
    struct test_messages page = test_store_page(&a, "@bo", "al", 116, 100);
    assert_int_equal(page.messages, 100);
    assert_int_equal(page.first_seq, 16);
    assert_false(page.more);
    page = page_after("@al", "bo", 0, 1000); /* one page has 100 at most */
    assert_int_equal(page.first_seq, 16);
    assert_int_equal(page.messages, 100);
    assert_true(page.more);
    assert_non_null(strstr(page.first, "{\"seq\":16,"));
    assert_non_null(strstr(page.last, "{\"seq\":115,"));
    page = page_after("@al", "bo", 115, 100);
    assert_int_equal(page.first_seq, 116);
    assert_int_equal(page.messages, 100);
    assert_false(page.more);
    page = page_after("@al", "bo", 214, 100);
    assert_int_equal(page.messages, 1);
    assert_int_equal(page.first_seq, 215);
    page = page_after("@al", "bo", 215, 100);
    assert_int_equal(page.messages, 0);
    assert_int_equal(page.seq, 215);
    page = page_after("@al", "bo", UINT64_MAX, 100);
    assert_int_equal(page.messages, 0);
}

static long long redis_now_ms(void)
{
    long long s = 0, us = 0;
    assert_int_equal(sscanf(test_redis(&redis, "TIME"), "%lld %lld", &s, &us), 2);
    return s * 1000 + us / 1000;
}

/* A message of `from`, as hubs write it, with a time of its own. */
static void add_entry(const char *key, const char *from, long long timestamp_ms)
{
    char json[128];
    snprintf(json, sizeof(json), "{\"user\":\"%s\",\"content\":\"x\",\"timestamp\":%lld}", from,
             timestamp_ms);
    test_redis(&redis, "LPUSH %s %b", key, json, strlen(json));
    test_redis(&redis, "HINCRBY t:{dm:al|bo}:meta seq 1");
}

static bool is_a_day_ago(const char *ms)
{
    const long long then = atoll(ms);
    const long long age = redis_now_ms() - then, day = RULE_HISTORY_SECONDS * 1000LL;
    return age >= day && age < day + 60 * 1000;
}

/* Whoever takes a free name sees what was written while nobody had it, and nothing older. */
static void a_guest_sees_nothing_of_who_had_the_name_before(void **state)
{
    (void)state;
    role_assume(&on_hub);
    static const char key[] = "t:{dm:al|bo}:history";
    tell("al", "bo"); /* nobody has had the name */
    assert_string_equal(test_store_claim(&a, "bo", "s").tops, "@al 1");
    assert_true(is_a_day_ago(test_redis(&redis, "GET t:{user:bo}:since")));
    assert_int_equal(test_store_page(&a, "@al", "bo", UINT64_MAX, 100).messages, 1);
    const long long until = atoll(test_redis(&redis, "GET t:{user:bo}:held"));
    assert_true(until > redis_now_ms());

    const long long ended = redis_now_ms() - 1000; /* as if the name had run out then */
    char held[32];
    snprintf(held, sizeof(held), "%lld s", ended);
    test_redis(&redis, "SET t:{user:bo}:held %b", held, strlen(held));
    test_redis(&redis, "DEL t:name:bo %s", key);
    test_redis(&redis, "HSET t:{dm:al|bo}:meta seq 0");
    for (int i = -5; i < 0; i++)
        add_entry(key, "al", ended + i);
    assert_string_equal(test_store_claim(&a, "bo", "other").tops, "");
    assert_int_equal(test_store_page(&a, "@al", "bo", UINT64_MAX, 100).messages, 0);
    for (int i = 0; i < 8; i++)
        add_entry(key, "al", ended + i);
    assert_string_equal(test_store_claim(&a, "bo", "other").tops, "@al 13");
    struct test_messages page = test_store_page(&a, "@al", "bo", UINT64_MAX, 100);
    assert_int_equal(page.messages, 8);
    assert_int_equal(page.first_seq, 6);
    assert_false(page.more);
    page = page_after("@al", "bo", 0, 3);
    assert_int_equal(page.first_seq, 6);
    assert_true(page.more);
    assert_int_equal(test_store_page(&a, "@al", "bo", 6, 100).messages, 0);
    assert_int_equal(test_store_page(&a, "@bo", "al", UINT64_MAX, 100).messages, 13);
}

/* Who comes back with the session is the same guest; who let go of the name has it no longer. */
static void a_session_that_comes_back_is_the_same_guest(void **state)
{
    (void)state;
    role_assume(&on_hub);
    const struct store_claim made_up = { .user = "bo", .session = "s", .made_up = true };
    struct test_claimed out = { 0 };
    assert_int_equal(store_claim(a.store, &made_up, test_claimed, &out), 0);
    WAIT_UNTIL(base, out.count > 0);
    store_online(a.store, "bo");
    out = (struct test_claimed){ 0 };
    assert_int_equal(store_claim(a.store, &made_up, test_claimed, &out), 0);
    WAIT_UNTIL(base, out.count > 0);
    assert_true(is_a_day_ago(test_redis(&redis, "GET t:{user:bo}:since")));
    assert_true(atoll(test_redis(&redis, "GET t:{user:bo}:held")) > redis_now_ms() + 500000);
    store_release(a.store, "bo", "s");
    test_store_claim(&a, "al", "s"); /* behind it */
    assert_true(atoll(test_redis(&redis, "GET t:{user:bo}:held")) <= redis_now_ms());
    test_store_claim(&a, "bo", "s"); /* the client knew the session */
    assert_true(is_a_day_ago(test_redis(&redis, "GET t:{user:bo}:since")));
    test_redis(&redis, "DEL t:name:bo");
    test_store_claim(&a, "bo", "other");
    assert_true(atoll(test_redis(&redis, "GET t:{user:bo}:since")) <= redis_now_ms());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(who_is_written_to_has_it_unread, empty),
        cmocka_unit_test_setup(only_what_is_stored_is_unread, empty),
        cmocka_unit_test_setup(two_writers_of_a_turn_keep_their_order, empty),
        cmocka_unit_test_setup(a_bad_counter_hinders_no_message, empty),
        cmocka_unit_test_setup(what_an_account_writes_or_gets_is_kept, empty),
        cmocka_unit_test_setup(markers_live_as_long_as_the_conversation, empty),
        cmocka_unit_test_setup(an_account_that_ends_keeps_nothing_more, empty),
        cmocka_unit_test_setup(a_guest_sees_nothing_of_who_had_the_name_before, empty),
        cmocka_unit_test_setup(a_session_that_comes_back_is_the_same_guest, empty),
        cmocka_unit_test_setup(pages_reach_through_all_that_is_kept, empty),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

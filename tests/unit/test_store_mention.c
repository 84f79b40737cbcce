/* The store: mentions. A message to a room tells the accounts that it names and that may read it. */
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

static void accounts(const char *names)
{
    char copy[128], *rest;
    snprintf(copy, sizeof(copy), "%s", names);
    for (char *name = strtok_r(copy, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
        test_redis(&redis, "HSET t:account:%s version 1", name);
}

/* A message of al's with this id. */
static struct test_published say(const char *id, const char *cid, const char *names)
    REQUIRES(on_hub);
static struct test_published say(const char *id, const char *cid, const char *names)
{
    char text[64];
    struct test_published out = { 0 };
    snprintf(text, sizeof(text), "x\",\"id\":\"%s\",\"user\":\"al", id);
    assert_int_equal(test_store_mention_start(&a, "al", "r", NULL, cid, text, names, NULL, &out),
                     0);
    WAIT_UNTIL(base, out.count > 0);
    return out;
}

static const char *mentions_of(const char *name)
{
    return test_redis(&redis, "LRANGE t:{user:%s}:mentions 0 -1", name);
}

static void an_account_is_told_where_it_was_mentioned(void **state)
{
    (void)state;
    role_assume(&on_hub);
    accounts("bob eve");
    say("i1", NULL, NULL);
    const struct test_published p = say("i2", "c", "bob\neve");
    assert_int_equal(p.status, STORE_OK);
    assert_int_equal(p.seq, 2);
    char epoch[64], expected[256];
    snprintf(epoch, sizeof(epoch), "%s", test_redis(&redis, "HGET t:{user:bob}:box epoch"));
    snprintf(expected, sizeof(expected),
             "{\"type\":\"mention\",\"seq\":1,\"epoch\":\"%s\",\"room\":\"r\",\"message\":2,"
             "\"message_epoch\":\"%s\",\"id\":\"i2\",\"user\":\"al\",\"timestamp\":%lld}",
             epoch, p.epoch, (long long)p.timestamp_ms);
    assert_string_equal(mentions_of("bob"), expected);
    assert_true(strlen(epoch) > 0 && strlen(epoch) <= RULE_EPOCH_BYTES);
    assert_non_null(strstr(mentions_of("eve"), "\"message\":2,"));
    assert_string_equal(test_redis(&redis, "HGET t:{user:bob}:box seq"), "1");
    assert_true(atoll(test_redis(&redis, "TTL t:{user:bob}:box")) > 29 * 86400);
    assert_true(atoll(test_redis(&redis, "TTL t:{user:bob}:mentions")) > 29 * 86400);
    say("i3", NULL, "bob");
    assert_string_equal(test_redis(&redis, "HMGET t:{user:bob}:box epoch seq") + strlen(epoch),
                        " 2");
    assert_string_equal(test_redis(&redis, "LLEN t:{user:bob}:mentions"), "2");
}

static void only_others_that_have_an_account(void **state)
{
    (void)state;
    role_assume(&on_hub);
    accounts("al");
    say("i1", NULL, "al\nguest");
    assert_string_equal(test_redis(&redis, "KEYS t:{user:*"), "");
}

static void a_repeat_or_a_refusal_mentions_nobody(void **state)
{
    (void)state;
    role_assume(&on_hub);
    accounts("bob");
    test_store_limit(&a, &redis, 1);
    say("i1", "c", "bob");
    assert_int_equal(say("i1", "c", "bob").status, STORE_DUPLICATE);
    assert_int_equal(say("i2", "d", "bob").status, STORE_LIMITED);
    assert_string_equal(test_redis(&redis, "LLEN t:{user:bob}:mentions"), "1");
}

/* Messages with and without mentions, with and without cid, keep their order. */
static void each_message_of_a_turn_has_its_own_mentions(void **state)
{
    (void)state;
    role_assume(&on_hub);
    accounts("bob eve");
    static const char *const names[] = { "bob", NULL, "bob\neve", "eve", NULL, "bob" };
    struct test_published out[12] = { 0 };
    for (unsigned i = 0; i < 12; i++) {
        char text[64], cid[8];
        snprintf(text, sizeof(text), "x\",\"id\":\"i%u\",\"user\":\"al", i);
        snprintf(cid, sizeof(cid), "c%u", i);
        assert_int_equal(test_store_mention_start(&a, "al", "r", NULL, i < 6 ? NULL : cid, text,
                                                  names[i % 6], NULL, &out[i]),
                         0);
    }
    WAIT_UNTIL(base, out[11].count);
    for (unsigned i = 0; i < 12; i++) {
        assert_int_equal(out[i].status, STORE_OK);
        assert_int_equal(out[i].seq, i + 1);
    }
    static const struct {
        const char *name;
        unsigned count, messages[6];
    } expected[] = { { "bob", 6, { 1, 3, 6, 7, 9, 12 } }, { "eve", 4, { 3, 4, 9, 10 } } };
    for (size_t who = 0; who < 2; who++) {
        for (unsigned i = 0; i < expected[who].count; i++) {
            char text[64];
            snprintf(text, sizeof(text), "\"message\":%u,", expected[who].messages[i]);
            assert_non_null(strstr(test_redis(&redis, "LINDEX t:{user:%s}:mentions %d",
                                              expected[who].name, -1 - (int)i),
                                   text));
        }
        assert_int_equal(atoi(test_redis(&redis, "LLEN t:{user:%s}:mentions", expected[who].name)),
                         expected[who].count);
    }
}

static void nobody_hears_of_a_room_that_is_closed_to_them(void **state)
{
    (void)state;
    role_assume(&on_hub);
    accounts("al bob eve wim");
    test_redis(&redis, "HSET t:{room:r}:config guard %b version 1", "px 0", (size_t)4);
    test_redis(&redis, "HSET t:{room:r}:acl al o wim w bob w");
    test_redis(&redis, "HSET t:{room:r}:sanctions b:bob %b m:wim %b", "0 al ban ", (size_t)9,
               "0 al mute ", (size_t)10);
    assert_int_equal(say("i1", NULL, "bob\neve\nwim").status, STORE_OK);
    assert_string_equal(test_redis(&redis, "LLEN t:{user:wim}:mentions"), "1"); /* mute: reads */
    assert_string_equal(test_redis(&redis, "EXISTS t:{user:bob}:box t:{user:eve}:box"), "0");
}

static void the_latest_are_kept_and_paged(void **state)
{
    (void)state;
    role_assume(&on_hub);
    accounts("bob");
    for (int i = 0; i < RULE_MENTIONS_KEPT + 5; i++)
        say("i", NULL, "bob");
    assert_int_equal(atoi(test_redis(&redis, "LLEN t:{user:bob}:mentions")), RULE_MENTIONS_KEPT);
    struct test_messages page = { 0 };
    assert_int_equal(store_page_after(a.store, "!mentions", "bob", 0, 100, test_messages, &page),
                     0);
    WAIT_UNTIL(base, page.count > 0);
    assert_int_equal(page.messages, 100);
    assert_int_equal(page.first_seq, 6);
    assert_non_null(strstr(page.first, "\"seq\":6,"));
    assert_true(page.more);
    page = test_store_page(&a, "!mentions", "bob", UINT64_MAX, 100);
    assert_int_equal(page.first_seq, 106);
    assert_int_equal(page.seq, RULE_MENTIONS_KEPT + 5);
}

static void keys_of_another_type_cost_only_the_mention(void **state)
{
    (void)state;
    role_assume(&on_hub);
    accounts("bob eve wim");
    test_redis(&redis, "SET t:{user:bob}:box x");
    test_redis(&redis, "SET t:{user:eve}:mentions x");
    assert_int_equal(say("i1", NULL, "bob\neve\nwim").status, STORE_OK);
    assert_string_equal(test_redis(&redis, "LLEN t:{user:wim}:mentions"), "1");
    assert_string_equal(test_redis(&redis, "LLEN t:{room:r}:history"), "1");
    assert_string_equal(test_redis(&redis, "EXISTS t:{user:eve}:box"), "0");
}

/* A box that was lost begins anew, and never as it was. */
static void an_epoch_is_not_used_twice(void **state)
{
    (void)state;
    role_assume(&on_hub);
    accounts("bob");
    say("i1", NULL, "bob");
    char epoch[64];
    snprintf(epoch, sizeof(epoch), "%s", test_redis(&redis, "HGET t:{user:bob}:box epoch"));
    test_redis(&redis, "DEL t:{user:bob}:box");
    const struct test_published p = say("i2", NULL, "bob");
    assert_string_not_equal(test_redis(&redis, "HGET t:{user:bob}:box epoch"), epoch);
    assert_string_not_equal(test_redis(&redis, "HGET t:{user:bob}:box epoch"), p.epoch);
    assert_string_equal(test_redis(&redis, "LLEN t:{user:bob}:mentions"), "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_account_is_told_where_it_was_mentioned, empty),
        cmocka_unit_test_setup(only_others_that_have_an_account, empty),
        cmocka_unit_test_setup(a_repeat_or_a_refusal_mentions_nobody, empty),
        cmocka_unit_test_setup(each_message_of_a_turn_has_its_own_mentions, empty),
        cmocka_unit_test_setup(nobody_hears_of_a_room_that_is_closed_to_them, empty),
        cmocka_unit_test_setup(the_latest_are_kept_and_paged, empty),
        cmocka_unit_test_setup(keys_of_another_type_cost_only_the_mention, empty),
        cmocka_unit_test_setup(an_epoch_is_not_used_twice, empty),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

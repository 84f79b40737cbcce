/* The store: messages. Dedupe, rate limit, order, history, epochs; against a real Redis. */
#include "store/state.h"
#include "support/store.h"

#include <errno.h>
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

/* Each test begins with an empty Redis that knows its scripts. */
static int empty(void **state)
{
    (void)state;
    test_redis(&redis, "FLUSHALL");
    str_reset(&a.log);
    test_store_limit(&a, &redis, 0);
    a.store->patient_until_ms = 0;
    return 0;
}

static void numbers_rise_by_one_and_everything_arrives(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_subscribe(&a, STORE_CHANNEL_ROOM, "general");
    struct test_published one = test_store_publish(&a, "alice", "general", NULL, "c1", "one", NULL);
    assert_int_equal(one.status, STORE_OK);
    assert_int_equal(one.seq, 1);
    assert_int_equal(strlen(one.epoch), 8);
    assert_string_equal(one.id, "one");
    int64_t off = clock_wall_ms() - one.timestamp_ms;
    assert_true(off > -5000 && off < 5000);
    struct test_published two = test_store_publish(&a, "bob", "general", NULL, NULL, "two", NULL);
    assert_int_equal(two.seq, 2);
    assert_string_equal(two.epoch, one.epoch);

    char line[160];
    snprintf(line, sizeof(line), "room general m %s 1 {\"seq\":1,\"x\":\"one\",\"ts\":%lld}\n",
             one.epoch, (long long)one.timestamp_ms);
    WAIT_UNTIL(base, test_store_saw(&a, "\"two\""));
    assert_true(test_store_saw(&a, line));
    assert_true(strstr(a.log.data, "\"one\"") < strstr(a.log.data, "\"two\""));
    store_unsubscribe(a.store, STORE_CHANNEL_ROOM, "general");
}

static void pipelined_messages_keep_their_order(void **state)
{
    (void)state;
    role_assume(&on_hub);
    enum { COUNT = 500 };
    static struct test_published out[COUNT];
    memset(out, 0, sizeof(out));
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(
            test_store_publish_start(&a, "alice", "fast", NULL, NULL, "x", NULL, &out[i]), 0);
    assert_int_equal(stat_get(&a.stats, redis_in_flight), COUNT);
    WAIT_UNTIL(base, out[COUNT - 1].count);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(out[i].count, 1);
        assert_int_equal(out[i].seq, i + 1);
    }
    assert_int_equal(stat_get(&a.stats, redis_in_flight), 0);
    const int kept = atoi(test_redis(&redis, "LLEN t:{room:fast}:history"));
    assert_true(kept >= 100 && kept < 120); /* cut in steps */
    assert_int_equal(test_store_load(&a, "fast", NULL).messages, 100);
    assert_true(atoll(test_redis(&redis, "TTL t:{room:fast}:history")) > 86000);
    assert_true(atoll(test_redis(&redis, "TTL t:{room:fast}:meta")) > 86000);
}

static void changed_texts_are_told(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_subscribe(&a, STORE_CHANNEL_ROOM, "general");
    test_redis(&redis, "PUBLISH t:{room:general} %s", "r ");
    WAIT_UNTIL(base, test_store_saw(&a, "room general r\n"));
}

static void same_cid_gets_the_first_number_and_publishes_nothing(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_limit(&a, &redis, 2);
    struct test_published one = test_store_publish(&a, "alice", "r", NULL, "c", "one", NULL);
    for (int i = 0; i < 5; i++) { /* more often than the rate limit allows */
        struct test_published again = test_store_publish(&a, "alice", "r", NULL, "c", "two", NULL);
        assert_int_equal(again.status, STORE_DUPLICATE);
        assert_int_equal(again.seq, 1);
        assert_string_equal(again.id, "one");
        assert_string_equal(again.epoch, one.epoch);
        assert_int_equal(again.timestamp_ms, one.timestamp_ms);
    }
    assert_string_equal(test_redis(&redis, "LLEN t:{room:r}:history"), "1");
    assert_string_equal(test_redis(&redis, "GET t:rate:alice"), "1");
    assert_true(atoll(test_redis(&redis, "TTL t:{room:r}:dedupe:alice:c")) > 295);

    /* another user, another room: another message */
    assert_int_equal(test_store_publish(&a, "bob", "r", NULL, "c", "x", NULL).seq, 2);
    assert_int_equal(test_store_publish(&a, "alice", "q", NULL, "c", "x", NULL).status, STORE_OK);
}

static void rate_limit_counts_over_rooms_and_says_how_long(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_limit(&a, &redis, 2);
    assert_int_equal(test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL).status, STORE_OK);
    assert_int_equal(test_store_publish(&a, "al", "q", NULL, NULL, "x", NULL).status, STORE_OK);
    for (int i = 0; i < 3; i++) {
        struct test_published third = test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL);
        assert_int_equal(third.status, STORE_LIMITED);
        assert_true(third.retry_after_ms > 0 && third.retry_after_ms <= 10000);
    }
    assert_int_equal(test_store_publish(&a, "bo", "r", NULL, NULL, "x", NULL).status, STORE_OK);
    assert_string_equal(test_redis(&redis, "LLEN t:{room:r}:history"), "2");

    /* attempts do not lengthen the window */
    test_redis(&redis, "PEXPIRE t:rate:al 5000");
    struct test_published late = test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL);
    assert_true(late.retry_after_ms <= 5000);
    /* a counter without an end gets one: no ban for life */
    test_redis(&redis, "PERSIST t:rate:al");
    late = test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL);
    assert_int_equal(late.retry_after_ms, 10000);
    assert_true(atoll(test_redis(&redis, "PTTL t:rate:al")) > 9000);
}

static void key_of_another_type_leaves_nothing_half_done(void **state)
{
    (void)state;
    role_assume(&on_hub);
    log_set_level(LOG_LEVEL_ERROR + 1);
    test_store_limit(&a, &redis, 100);
    static const char *const keys[] = { "t:{room:r}:meta", "t:{room:r}:history",
                                        "t:{room:r}:dedupe:al:c", "t:rate:al" };
    for (size_t i = 0; i < 4; i++) {
        test_redis(&redis, "FLUSHALL");
        test_redis(&redis, "SADD %s x", keys[i]);
        struct test_published out = test_store_publish(&a, "al", "r", NULL, "c", "x", NULL);
        assert_int_equal(out.status, STORE_REFUSED);
        assert_string_equal(test_redis(&redis, "KEYS *"), keys[i]);
    }
    test_redis(&redis, "FLUSHALL");
    test_redis(&redis, "SADD t:{user:bo}:conversations x");
    struct test_published out = test_store_publish(&a, "al", NULL, "bo", "c", "x", NULL);
    assert_int_equal(out.status, STORE_REFUSED);
    assert_string_equal(test_redis(&redis, "KEYS *"), "t:{user:bo}:conversations");
    /* others are not touched by it */
    assert_int_equal(test_store_publish(&a, "cy", "s", NULL, "c", "x", NULL).status, STORE_OK);
    log_set_level(LOG_LEVEL_ERROR);
}

static void full_redis_is_temporary_and_changes_nothing(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_limit(&a, &redis, 100);
    test_redis(&redis, "CONFIG SET maxmemory 1");
    struct test_published out = test_store_publish(&a, "al", "r", NULL, "c", "x", NULL);
    test_redis(&redis, "CONFIG SET maxmemory 0");
    assert_int_equal(out.status, STORE_UNAVAILABLE);
    assert_string_equal(test_redis(&redis, "DBSIZE"), "0");
    assert_int_equal(test_store_publish(&a, "al", "r", NULL, "c", "x", NULL).status, STORE_OK);
}

static void private_messages_reach_both_and_have_one_stream(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_subscribe(&a, STORE_CHANNEL_USER, "ann");
    test_store_subscribe(&a, STORE_CHANNEL_USER, "bob");
    assert_int_equal(test_store_publish(&a, "bob", NULL, "ann", "c", "hi", NULL).seq, 1);
    assert_int_equal(test_store_publish(&a, "ann", NULL, "bob", "c", "ho", NULL).seq, 2);
    assert_int_equal(test_store_publish(&a, "ann", NULL, "ann", "d", "me", NULL).seq, 1);
    WAIT_UNTIL(base, test_store_saw(&a, "\"me\""));
    assert_int_equal(test_store_saw_times(&a, "user ann m 1 {"), 2); /* hi and me */
    assert_int_equal(test_store_saw_times(&a, "user bob m 1 {"), 1);
    assert_int_equal(test_store_saw_times(&a, "\"ho\""), 2);
    assert_int_equal(test_store_saw_times(&a, "\"me\""), 1); /* to oneself: once */

    struct test_messages seen = test_store_page(&a, "@bob", "ann", UINT64_MAX, 100);
    assert_int_equal(seen.messages, 2);
    assert_int_equal(seen.seq, 2);
    seen = test_store_page(&a, "@ann", "bob", UINT64_MAX, 100);
    assert_non_null(strstr(seen.first, "\"hi\""));
    struct test_claimed tops = test_store_claim(&a, "ann", "s");
    assert_string_equal(tops.tops, "@ann 1 @bob 2");
    assert_string_equal(test_store_claim(&a, "bob", "s").tops, "@ann 2");
    store_unsubscribe(a.store, STORE_CHANNEL_USER, "ann");
    store_unsubscribe(a.store, STORE_CHANNEL_USER, "bob");
}

static void load_of_an_empty_room_makes_an_epoch_that_stays(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct test_messages empty_room = test_store_load(&a, "r", NULL);
    assert_int_equal(empty_room.status, STORE_OK);
    assert_int_equal(empty_room.seq, 0);
    assert_int_equal(empty_room.messages, 0);
    assert_int_equal(strlen(empty_room.epoch), 8);
    assert_int_equal(strlen(empty_room.fence), 40);
    assert_true(atoll(test_redis(&redis, "TTL t:{room:r}:meta")) > 86000);
    assert_string_equal(test_store_load(&a, "r", NULL).epoch, empty_room.epoch);
    assert_string_equal(test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL).epoch,
                        empty_room.epoch);
}

static void load_gives_the_kept_messages_oldest_first(void **state)
{
    (void)state;
    role_assume(&on_hub);
    for (int i = 1; i <= 103; i++) {
        char text[16];
        snprintf(text, sizeof(text), "m%d", i);
        test_store_publish(&a, "al", "r", NULL, NULL, text, NULL);
    }
    struct test_messages all = test_store_load(&a, "r", NULL);
    assert_int_equal(all.seq, 103);
    assert_int_equal(all.messages, 100);
    assert_int_equal(all.first_seq, 4);
    assert_non_null(strstr(all.first, "{\"seq\":4,"));
    assert_non_null(strstr(all.last, "\"m103\""));

    struct test_messages page = test_store_page(&a, "r", "al", UINT64_MAX, 10);
    assert_int_equal(page.first_seq, 94);
    assert_int_equal(page.messages, 10);
    assert_true(page.more);
    assert_non_null(strstr(page.last, "\"m103\""));
    page = test_store_page(&a, "r", "al", 94, 50);
    assert_int_equal(page.first_seq, 44);
    assert_non_null(strstr(page.first, "{\"seq\":44,"));
    assert_non_null(strstr(page.last, "{\"seq\":93,"));
    page = test_store_page(&a, "r", "al", 14, 50);
    assert_int_equal(page.messages, 10);
    assert_int_equal(page.first_seq, 4);
    assert_false(page.more);
    page = test_store_page(&a, "r", "al", 4, 50);
    assert_int_equal(page.messages, 0);
    assert_int_equal(test_store_page(&a, "r", "al", 0, 50).messages, 0);
    assert_int_equal(test_store_page(&a, "r", "al", 1, 50).messages, 0);
    assert_int_equal(test_store_page(&a, "r", "al", 99999, 1).first_seq, 103);
}

static void page_of_nothing_is_empty_and_writes_nothing(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct test_messages page = test_store_page(&a, "r", "al", UINT64_MAX, 10);
    assert_int_equal(page.status, STORE_OK);
    assert_int_equal(page.messages, 0);
    assert_int_equal(page.seq, 0);
    assert_string_equal(page.epoch, "");
    assert_string_equal(test_redis(&redis, "DBSIZE"), "0");
}

struct test_tops {
    unsigned count;
    enum store_status status;
    char text[256]; /* "EPOCH 3, …" */
};

static void take_tops(void *arg, enum store_status status, const struct store_top *tops)
{
    struct test_tops *out = arg;
    out->count++;
    out->status = status;
    for (size_t i = 0, used = 0; tops && i < 3; i++)
        used += (size_t)snprintf(out->text + used, sizeof(out->text) - used, "%s%s %lld",
                                 i ? ", " : "", tops[i].epoch, (long long)tops[i].seq);
}

static void tops_say_what_redis_has_and_keep_it(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct test_published one = test_store_publish(&a, "al", "one", NULL, NULL, "x", NULL);
    test_redis(&redis, "EXPIRE t:{room:one}:meta 100");
    test_redis(&redis, "SET t:{room:bad}:meta x");
    const char *rooms[] = { "one", "bad", "none" };
    struct test_tops out = { 0 };
    assert_int_equal(store_tops(a.store, rooms, 3, take_tops, &out), 0);
    WAIT_UNTIL(base, out.count > 0);
    assert_int_equal(out.status, STORE_OK);
    char expected[64];
    snprintf(expected, sizeof(expected), "%s 1,  -1,  0", one.epoch);
    assert_string_equal(out.text, expected);
    assert_true(strtol(test_redis(&redis, "TTL t:{room:one}:meta"), NULL, 10) > 86000);
    assert_string_equal(test_redis(&redis, "EXISTS t:{room:none}:meta"), "0");
}

static void list_without_its_numbers_is_dropped(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_publish(&a, "al", "r", NULL, NULL, "old", NULL);
    struct test_messages before = test_store_load(&a, "r", NULL);
    test_redis(&redis, "DEL t:{room:r}:meta");
    struct test_published out = test_store_publish(&a, "al", "r", NULL, NULL, "new", NULL);
    assert_int_equal(out.seq, 1);
    assert_string_not_equal(out.epoch, before.epoch);
    struct test_messages after = test_store_load(&a, "r", NULL);
    assert_int_equal(after.messages, 1);
    assert_non_null(strstr(after.first, "\"new\""));
    /* the other way round the numbers go on */
    test_redis(&redis, "DEL t:{room:r}:history");
    assert_int_equal(test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL).seq, 2);
    after = test_store_load(&a, "r", NULL);
    assert_int_equal(after.first_seq, 2);
    assert_int_equal(after.messages, 1);
}

/* As if another Redis process had written what is there. */
static void pretend_other_process(const char *room)
{
    test_redis(&redis, "HSET t:{room:%s}:meta fence other fence_seq 0", room);
}

static struct store_known known_of(const struct test_messages *m)
{
    return (struct store_known){ .epoch = m->epoch, .seq = m->seq, .fence = m->fence };
}

static void epoch_survives_a_restart_that_lost_nothing(void **state)
{
    (void)state;
    role_assume(&on_hub);
    for (int i = 0; i < 3; i++)
        test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL);
    struct test_messages before = test_store_load(&a, "r", NULL);
    pretend_other_process("r");
    struct store_known known = known_of(&before);
    known.fence = "other";
    struct test_messages after = test_store_load(&a, "r", &known);
    assert_string_equal(after.epoch, before.epoch);
    assert_int_equal(after.messages, 3);
    assert_string_equal(test_redis(&redis, "HMGET t:{room:r}:meta seq fence_seq"), "3 3");
    assert_string_equal(test_redis(&redis, "HGET t:{room:r}:meta fence"), after.fence);
}

static void epoch_is_new_when_somebody_has_seen_a_higher_number(void **state)
{
    (void)state;
    role_assume(&on_hub);
    for (int i = 0; i < 3; i++)
        test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL);
    struct test_messages before = test_store_load(&a, "r", NULL);
    pretend_other_process("r");
    struct store_known known = known_of(&before);
    known.fence = "other";
    known.seq = 5; /* 4 and 5 were given out and are lost */
    struct test_published out = test_store_publish(&a, "al", "r", NULL, NULL, "x", &known);
    assert_string_not_equal(out.epoch, before.epoch);
    assert_int_equal(out.seq, 4); /* rises on: list index and number stay together */
    struct test_messages after = test_store_load(&a, "r", NULL);
    assert_string_equal(after.epoch, out.epoch);
    assert_int_equal(after.first_seq, 1);
    assert_int_equal(after.messages, 4);
}

static void epoch_is_new_when_nobody_can_vouch(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL);
    struct test_messages before = test_store_load(&a, "r", NULL);
    pretend_other_process("r");
    a.store->patient_until_ms = 0;
    struct test_messages after = test_store_load(&a, "r", NULL);
    assert_string_not_equal(after.epoch, before.epoch);
    assert_string_equal(test_store_load(&a, "r", NULL).epoch, after.epoch);
}

static void who_knows_nothing_lets_others_vouch_first(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL);
    struct test_messages before = test_store_load(&a, "r", NULL);
    test_store_limit(&a, &redis, 1);
    pretend_other_process("r");
    a.store->patient_until_ms = INT64_MAX; /* connected just now */
    assert_int_equal(test_store_load(&a, "r", NULL).status, STORE_UNAVAILABLE);
    for (int i = 0; i < 2; i++) /* not counted either */
        assert_int_equal(test_store_publish(&a, "al", "r", NULL, "c", "y", NULL).status,
                         STORE_UNAVAILABLE);
    struct store_known known = known_of(&before);
    known.fence = "other";
    assert_string_equal(test_store_load(&a, "r", &known).epoch, before.epoch); /* one does */
    struct test_published out = test_store_publish(&a, "al", "r", NULL, "c", "y", NULL);
    assert_string_equal(out.epoch, before.epoch);
    assert_int_equal(out.seq, 2);
    assert_int_equal(test_store_publish(&a, "al", "new", NULL, NULL, "x", NULL).status,
                     STORE_LIMITED);
}

static void a_late_witness_of_lost_numbers_starts_a_new_epoch(void **state)
{
    (void)state;
    role_assume(&on_hub);
    for (int i = 0; i < 3; i++)
        test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL);
    struct test_messages before = test_store_load(&a, "r", NULL);
    pretend_other_process("r");
    struct store_known first = known_of(&before), late = first;
    first.fence = late.fence = "other";
    late.seq = 4;
    struct test_messages vouched = test_store_load(&a, "r", &first);
    assert_string_equal(vouched.epoch, before.epoch);
    assert_int_equal(vouched.epoch_first, 1);
    struct test_messages after = test_store_load(&a, "r", &late);
    assert_string_not_equal(after.epoch, before.epoch);
    assert_int_equal(after.epoch_first, 4); /* 1 to 3 are of the epoch before */
    assert_int_equal(test_store_page(&a, "r", "al", UINT64_MAX, 100).epoch_first, 4);
}

static void older_data_in_the_same_process_starts_a_new_epoch(void **state)
{
    (void)state;
    role_assume(&on_hub);
    for (int i = 0; i < 3; i++)
        test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL);
    struct test_messages now = test_store_load(&a, "r", NULL);
    struct store_known known = known_of(&now);
    assert_string_equal(test_store_load(&a, "r", &known).epoch, now.epoch);
    known.seq = 4; /* it was a replica of one that lagged, and is the master again */
    struct test_published out = test_store_publish(&a, "al", "r", NULL, NULL, "x", &known);
    assert_string_not_equal(out.epoch, now.epoch);
    assert_int_equal(out.seq, 4);
}

static void a_forgotten_script_is_loaded_and_the_call_repeated(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "SCRIPT FLUSH");
    enum { COUNT = 20 };
    struct test_published out[COUNT] = { 0 };
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(test_store_publish_start(&a, "al", "r", NULL, NULL, "x", NULL, &out[i]),
                         0);
    WAIT_UNTIL(base, out[COUNT - 1].count);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(out[i].count, 1);
        assert_int_equal(out[i].status, STORE_OK);
        assert_int_equal(out[i].seq, i + 1);
    }
    assert_int_equal(test_store_load(&a, "r", NULL).messages, COUNT);
}

static void too_many_in_flight_are_refused(void **state)
{
    (void)state;
    role_assume(&on_hub);
    static struct test_published out;
    out.count = 0;
    for (int i = 0; i < STORE_IN_FLIGHT_MAX; i++)
        assert_int_equal(test_store_publish_start(&a, "al", "r", NULL, NULL, "x", NULL, &out), 0);
    struct test_published refused = { 0 };
    assert_int_equal(test_store_publish_start(&a, "al", "r", NULL, NULL, "x", NULL, &refused),
                     -EBUSY);
    WAIT_UNTIL(base, out.count == STORE_IN_FLIGHT_MAX);
    assert_int_equal(refused.count, 0);
    assert_int_equal(out.seq, STORE_IN_FLIGHT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(numbers_rise_by_one_and_everything_arrives, empty),
        cmocka_unit_test_setup(pipelined_messages_keep_their_order, empty),
        cmocka_unit_test_setup(changed_texts_are_told, empty),
        cmocka_unit_test_setup(same_cid_gets_the_first_number_and_publishes_nothing, empty),
        cmocka_unit_test_setup(rate_limit_counts_over_rooms_and_says_how_long, empty),
        cmocka_unit_test_setup(key_of_another_type_leaves_nothing_half_done, empty),
        cmocka_unit_test_setup(full_redis_is_temporary_and_changes_nothing, empty),
        cmocka_unit_test_setup(private_messages_reach_both_and_have_one_stream, empty),
        cmocka_unit_test_setup(load_of_an_empty_room_makes_an_epoch_that_stays, empty),
        cmocka_unit_test_setup(load_gives_the_kept_messages_oldest_first, empty),
        cmocka_unit_test_setup(page_of_nothing_is_empty_and_writes_nothing, empty),
        cmocka_unit_test_setup(tops_say_what_redis_has_and_keep_it, empty),
        cmocka_unit_test_setup(list_without_its_numbers_is_dropped, empty),
        cmocka_unit_test_setup(epoch_survives_a_restart_that_lost_nothing, empty),
        cmocka_unit_test_setup(epoch_is_new_when_somebody_has_seen_a_higher_number, empty),
        cmocka_unit_test_setup(epoch_is_new_when_nobody_can_vouch, empty),
        cmocka_unit_test_setup(who_knows_nothing_lets_others_vouch_first, empty),
        cmocka_unit_test_setup(a_late_witness_of_lost_numbers_starts_a_new_epoch, empty),
        cmocka_unit_test_setup(older_data_in_the_same_process_starts_a_new_epoch, empty),
        cmocka_unit_test_setup(a_forgotten_script_is_loaded_and_the_call_repeated, empty),
        cmocka_unit_test_setup(too_many_in_flight_are_refused, empty),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

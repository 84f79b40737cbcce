/* The store: what is published in one turn leaves in one call of publish.lua. */
#include "support/store.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct test_redis redis;
static struct event_base *base;
static struct test_store a;

enum { MOST = 300 };
static struct test_published out[MOST];
static unsigned published;
static uint64_t calls_before;

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
    test_store_subscribe(&a, STORE_CHANNEL_ROOM, "r");
    test_store_subscribe(&a, STORE_CHANNEL_ROOM, "s");
    str_reset(&a.log);
    memset(out, 0, sizeof(out));
    published = 0;
    calls_before = stat_get(&a.stats, publish_calls);
    log_set_level(LOG_LEVEL_ERROR);
    return 0;
}

/* One more message of this turn. */
static void publish(const char *user, const char *room, const char *to, const char *cid)
    REQUIRES(on_hub);
static void publish(const char *user, const char *room, const char *to, const char *cid)
{
    char text[16];
    snprintf(text, sizeof(text), "m%u", published);
    assert_int_equal(test_store_publish_start(&a, user, room, to, cid, text, NULL, &out[published]),
                     0);
    published++;
}

static unsigned answered(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < published; i++)
        n += out[i].count > 0;
    return n;
}

static uint64_t calls(void)
{
    return stat_get(&a.stats, publish_calls) - calls_before;
}

/* Ends the turn; returns how many calls it took. */
static uint64_t wait_all(void) REQUIRES(on_hub);
static uint64_t wait_all(void)
{
    WAIT_UNTIL(base, answered() == published);
    for (unsigned i = 0; i < published; i++)
        assert_int_equal(out[i].count, 1);
    assert_int_equal(stat_get(&a.stats, redis_in_flight), 0);
    return calls();
}

static void assert_stored(unsigned i, uint64_t seq)
{
    char id[16];
    snprintf(id, sizeof(id), "m%u", i);
    assert_int_equal(out[i].status, STORE_OK);
    assert_int_equal(out[i].seq, seq);
    assert_string_equal(out[i].id, id);
    assert_int_equal(strlen(out[i].epoch), 8);
    assert_true(out[i].timestamp_ms > 0);
}

static void a_turn_is_one_call_up_to_its_bound(void **state)
{
    (void)state;
    role_assume(&on_hub);
    for (unsigned i = 0; i < 100; i++)
        publish("al", "r", NULL, NULL);
    assert_int_equal(wait_all(), (100 + 31) / 32);
    for (unsigned i = 0; i < 100; i++)
        assert_stored(i, i + 1);
    WAIT_UNTIL(base, test_store_saw(&a, "\"m99\""));
    assert_int_equal(test_store_saw_times(&a, "room r m "), 100);
    char line[64];
    for (unsigned i = 0; i < 100; i++) { /* each as if it had come alone */
        snprintf(line, sizeof(line), "%s %u {\"seq\":%u,\"x\":\"m%u\",\"ts\":", out[i].epoch, i + 1,
                 i + 1, i);
        assert_int_equal(test_store_saw_times(&a, line), 1);
    }
}

/* Messages of many rooms in turn: those of one room leave together, and in order. */
static void a_stream_gathers(void **state)
{
    (void)state;
    role_assume(&on_hub);
    enum { ROOMS = 20, EACH = 5 };
    char room[8];
    for (unsigned i = 0; i < ROOMS * EACH; i++) {
        snprintf(room, sizeof(room), "g%u", i % ROOMS);
        publish("al", room, NULL, NULL);
    }
    assert_int_equal(wait_all(), 4); /* six rooms have 30 messages, one more would be 35 */
    for (unsigned i = 0; i < published; i++)
        assert_stored(i, i / ROOMS + 1);
    assert_string_equal(test_redis(&redis, "LLEN t:{room:g19}:history"), "5");
}

/* What waits for a room that writes with and without cid keeps its order. */
static void unlike_messages_keep_their_order(void **state)
{
    (void)state;
    role_assume(&on_hub);
    char cid[8];
    for (unsigned i = 0; i < 10; i++) {
        snprintf(cid, sizeof(cid), "c%u", i);
        publish("al", "r", NULL, i % 3 ? cid : NULL);
        publish("al", "s", NULL, NULL);
    }
    wait_all();
    for (unsigned i = 0; i < published; i++)
        assert_stored(i, i / 2 + 1);
}

/* While Redis is behind, four calls are under way and the rest gathers. */
static void few_calls_are_under_way(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis_signal(&redis, SIGSTOP);
    for (unsigned i = 0; i < 256; i++)
        publish("al", "r", NULL, NULL);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(calls(), 4);
    for (unsigned i = 0; i < 8; i++)
        publish("al", "s", NULL, NULL);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(calls(), 4);
    assert_int_equal(stat_get(&a.stats, redis_in_flight), 264);
    test_redis_signal(&redis, SIGCONT);
    assert_int_equal(wait_all(), 9);
    for (unsigned i = 0; i < 256; i++)
        assert_stored(i, i + 1);
}

/* Whatever was gathered is answered when the connection goes. */
static void what_gathers_fails_with_the_connection(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis_signal(&redis, SIGSTOP);
    for (unsigned i = 0; i < MOST; i++)
        publish("al", "r", NULL, NULL);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(calls(), 4);
    test_redis_kill(&redis);
    assert_int_equal(wait_all(), 4);
    for (unsigned i = 0; i < MOST; i++)
        assert_int_equal(out[i].status, STORE_UNAVAILABLE);
    test_redis_start(&redis);
    test_store_ready(&a);
}

static void streams_mix(void **state)
{
    (void)state;
    role_assume(&on_hub);
    publish("al", "r", NULL, NULL);
    publish("al", "r", NULL, "c");
    publish("al", "s", NULL, NULL);
    publish("al", NULL, "bo", NULL);
    publish("bo", NULL, "al", NULL); /* the same conversation */
    publish("al", NULL, "al", NULL);
    publish("bo", "r", NULL, NULL);
    assert_int_equal(wait_all(), 1);
    static const uint64_t seqs[] = { 1, 2, 1, 1, 2, 1, 3 };
    for (unsigned i = 0; i < published; i++)
        assert_stored(i, seqs[i]);
    assert_int_equal(test_store_load(&a, "r", NULL).messages, 3);
    assert_int_equal(test_store_page(&a, "@al", "bo", UINT64_MAX, 100).messages, 2);
    assert_string_equal(test_store_claim(&a, "al", "s").tops, "@al 1 @bo 2");
}

static void the_same_cid_twice_in_a_turn_is_one_message(void **state)
{
    (void)state;
    role_assume(&on_hub);
    publish("al", "r", NULL, "c");
    publish("al", "r", NULL, "d");
    publish("al", "r", NULL, "c");
    publish("al", "r", NULL, "e");
    publish("bo", "r", NULL, "c");
    assert_int_equal(wait_all(), 1);
    assert_stored(0, 1);
    assert_stored(1, 2);
    assert_int_equal(out[2].status, STORE_DUPLICATE);
    assert_int_equal(out[2].seq, 1);
    assert_string_equal(out[2].id, "m0");
    assert_int_equal(out[2].timestamp_ms, out[0].timestamp_ms);
    assert_stored(3, 3);
    assert_stored(4, 4);
    assert_int_equal(test_store_load(&a, "r", NULL).messages, 4);
}

static void the_limit_counts_within_a_turn(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_limit(&a, &redis, 2);
    publish("al", "r", NULL, NULL);
    publish("al", "r", NULL, NULL);
    publish("al", "r", NULL, NULL);
    publish("bo", "r", NULL, NULL);
    wait_all();
    assert_stored(0, 1);
    assert_stored(1, 2);
    assert_int_equal(out[2].status, STORE_LIMITED);
    assert_true(out[2].retry_after_ms > 0);
    assert_stored(3, 3);
}

static void one_bad_key_concerns_its_own_messages_alone(void **state)
{
    (void)state;
    role_assume(&on_hub);
    log_set_level(LOG_LEVEL_ERROR + 1);
    test_redis(&redis, "SADD t:{room:bad}:history x");
    test_redis(&redis, "SADD t:{room:r}:dedupe:al:c x");
    publish("al", "r", NULL, "b");
    publish("al", "r", NULL, "c");
    publish("al", "bad", NULL, "d");
    publish("al", "r", NULL, "e");
    assert_int_equal(wait_all(), 1);
    assert_stored(0, 1);
    assert_int_equal(out[1].status, STORE_REFUSED);
    assert_int_equal(out[2].status, STORE_REFUSED);
    assert_stored(3, 2);
    assert_string_equal(test_redis(&redis, "EXISTS t:{room:bad}:meta"), "0");
}

static void a_full_redis_stores_none_of_them(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "CONFIG SET maxmemory 1");
    publish("al", "r", NULL, NULL);
    publish("al", "r", NULL, "c");
    publish("al", "s", NULL, NULL);
    wait_all();
    test_redis(&redis, "CONFIG SET maxmemory 0");
    for (unsigned i = 0; i < published; i++)
        assert_int_equal(out[i].status, STORE_UNAVAILABLE);
    assert_string_equal(test_redis(&redis, "DBSIZE"), "0");
}

static void a_command_does_not_overtake_messages(void **state)
{
    (void)state;
    role_assume(&on_hub);
    for (unsigned i = 0; i < MOST; i++)
        publish("al", "r", NULL, NULL);
    assert_int_equal(test_store_page(&a, "r", "al", UINT64_MAX, 100).seq, MOST);
    for (unsigned i = 0; i < MOST; i++)
        assert_stored(i, i + 1);
}

/* A stream lives for a day after its last message, though only the first one in 100 s says so. */
static void life_is_renewed(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_publish(&a, "al", NULL, "bo", NULL, "one", NULL);
    static const char *const keys[] = { "t:{dm:al|bo}:meta", "t:{dm:al|bo}:history",
                                        "t:{user:al}:conversations", "t:{user:bo}:conversations" };
    for (size_t i = 0; i < 4; i++)
        test_redis(&redis, "EXPIRE %s 1000", keys[i]);
    const long long renewed = atoll(test_redis(&redis, "HGET t:{dm:al|bo}:meta renewed"));
    struct test_published two = test_store_publish(&a, "al", NULL, "bo", NULL, "two", NULL);
    const bool again = two.timestamp_ms / 100000 != renewed; /* the 100 s ended in between */
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(atoll(test_redis(&redis, "TTL %s", keys[i])) > 1000, again);
    test_redis(&redis, "HINCRBY t:{dm:al|bo}:meta renewed -1");
    test_store_publish(&a, "al", NULL, "bo", NULL, "three", NULL);
    for (size_t i = 0; i < 4; i++)
        assert_true(atoll(test_redis(&redis, "TTL %s", keys[i])) > 86000);
    /* a list that somebody deleted gets an end as well */
    test_redis(&redis, "DEL t:{dm:al|bo}:history");
    test_store_publish(&a, "al", NULL, "bo", NULL, "four", NULL);
    assert_true(atoll(test_redis(&redis, "TTL t:{dm:al|bo}:history")) > 86000);
}

/* ---- the archive's stream ---- */

static void make_archive(void)
{
    test_redis(&redis, "XGROUP CREATE t:archive a:0 0 MKSTREAM");
}

/* All payloads of the stream and their keys, joined by ' '. */
static const char *archived(void)
{
    return test_redis(&redis, "XRANGE t:archive - +");
}

/* What the archive gets is what subscribers get: one entry for a call, a pair for each stream. */
static void a_call_is_one_entry_with_what_was_published(void **state)
{
    (void)state;
    role_assume(&on_hub);
    make_archive();
    publish("al", "r", NULL, NULL);
    publish("al", NULL, "bo", "c");
    publish("bo", "r", NULL, NULL);
    assert_int_equal(wait_all(), 1);
    char expected[1024];
    snprintf(expected, sizeof(expected),
             " t:{room:r} m %s 1\n{\"seq\":1,\"x\":\"m0\",\"ts\":%lld}\n"
             "{\"seq\":2,\"x\":\"m2\",\"ts\":%lld}"
             " t:{dm:al|bo} m %s 1\n{\"seq\":1,\"x\":\"m1\",\"ts\":%lld}",
             out[0].epoch, (long long)out[0].timestamp_ms, (long long)out[2].timestamp_ms,
             out[1].epoch, (long long)out[1].timestamp_ms);
    const char *got = archived();
    assert_non_null(strchr(got, ' ')); /* behind the id */
    assert_string_equal(strchr(got, ' '), expected);
}

static void what_is_not_stored_is_not_archived(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_limit(&a, &redis, 2);
    make_archive();
    publish("al", "r", NULL, "c");
    publish("al", "r", NULL, "c"); /* a duplicate in the same call */
    publish("al", "r", NULL, "d");
    publish("al", "r", NULL, "e"); /* over the limit */
    wait_all();
    assert_int_equal(out[1].status, STORE_DUPLICATE);
    assert_int_equal(out[3].status, STORE_LIMITED);
    publish("al", "r", NULL, "d"); /* a duplicate alone: nothing to archive */
    wait_all();
    assert_int_equal(out[4].status, STORE_DUPLICATE);
    assert_string_equal(test_redis(&redis, "XLEN t:archive"), "1");
    assert_non_null(strstr(archived(), "\"m0\""));
    assert_non_null(strstr(archived(), "\"m2\""));
    assert_null(strstr(archived(), "\"m1\""));
    assert_null(strstr(archived(), "\"m3\""));
}

static void without_an_archive_nothing_is_kept_for_it(void **state)
{
    (void)state;
    role_assume(&on_hub);
    publish("al", "r", NULL, NULL);
    wait_all();
    assert_string_equal(test_redis(&redis, "EXISTS t:archive"), "0");
    assert_true(atoll(test_redis(&redis, "TTL t:{room:r}:meta")) <= 86400);
}

/* The numbers outlive the list: pages of the archive go on where it ended. */
static void numbers_live_longer_with_an_archive(void **state)
{
    (void)state;
    role_assume(&on_hub);
    make_archive();
    publish("al", "r", NULL, NULL);
    wait_all();
    assert_true(atoll(test_redis(&redis, "TTL t:{room:r}:meta")) > 29 * 86400);
    assert_true(atoll(test_redis(&redis, "TTL t:{room:r}:history")) <= 86400);
    test_redis(&redis, "DEL t:{room:r}:history"); /* a day later */
    struct test_messages page = test_store_page(&a, "r", "al", UINT64_MAX, 100);
    assert_int_equal(page.messages, 0);
    assert_int_equal(page.seq, 1);
    publish("al", "r", NULL, NULL);
    wait_all();
    assert_stored(1, 2);
    assert_string_equal(out[1].epoch, out[0].epoch);
    page = test_store_page(&a, "r", "al", UINT64_MAX, 100);
    assert_int_equal(page.first_seq, 2);
    assert_int_equal(page.epoch_first, 1);
}

static void a_key_in_the_archives_place_hinders_nobody(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "SET t:archive x");
    publish("al", "r", NULL, NULL);
    wait_all();
    assert_stored(0, 1);
    assert_string_equal(test_redis(&redis, "GET t:archive"), "x");
}

static void the_stream_is_bounded(void **state)
{
    (void)state;
    role_assume(&on_hub);
    make_archive();
    for (int i = 0; i < 3000; i++) /* settings of the test: at most 1,000, in nodes of 100 */
        test_redis(&redis, "XADD t:archive * t:{room:x} x");
    /* one call of ten looks at the bound, by the clock */
    WAIT_UNTIL(base, (test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL),
                      atoll(test_redis(&redis, "XLEN t:archive")) < 1200));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_turn_is_one_call_up_to_its_bound, empty),
        cmocka_unit_test_setup(a_stream_gathers, empty),
        cmocka_unit_test_setup(unlike_messages_keep_their_order, empty),
        cmocka_unit_test_setup(few_calls_are_under_way, empty),
        cmocka_unit_test_setup(what_gathers_fails_with_the_connection, empty),
        cmocka_unit_test_setup(streams_mix, empty),
        cmocka_unit_test_setup(the_same_cid_twice_in_a_turn_is_one_message, empty),
        cmocka_unit_test_setup(the_limit_counts_within_a_turn, empty),
        cmocka_unit_test_setup(one_bad_key_concerns_its_own_messages_alone, empty),
        cmocka_unit_test_setup(a_full_redis_stores_none_of_them, empty),
        cmocka_unit_test_setup(a_command_does_not_overtake_messages, empty),
        cmocka_unit_test_setup(life_is_renewed, empty),
        cmocka_unit_test_setup(a_call_is_one_entry_with_what_was_published, empty),
        cmocka_unit_test_setup(what_is_not_stored_is_not_archived, empty),
        cmocka_unit_test_setup(without_an_archive_nothing_is_kept_for_it, empty),
        cmocka_unit_test_setup(numbers_live_longer_with_an_archive, empty),
        cmocka_unit_test_setup(a_key_in_the_archives_place_hinders_nobody, empty),
        cmocka_unit_test_setup(the_stream_is_bounded, empty),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

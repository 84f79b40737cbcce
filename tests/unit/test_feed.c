/* The archive's stream as a consumer group; against a real Redis. */
#include "confab/store/feed.h"

#include "confab/base/str.h"
#include "support/redis.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARCHIVE "00000000000000aa"
#define OTHER "00000000000000bb"

static struct test_redis redis;
static struct settings settings, settings_b;
static struct feed *a, *b;  /* of two instances */
static struct str log_text; /* "ID key=text key=text;" for each entry */
static char ids[64][FEED_ID_BYTES + 1];
static size_t id_count;

static int set_up(void **state)
{
    (void)state;
    role_assume(&on_archive);
    signal(SIGPIPE, SIG_IGN); /* the server's threads have all signals blocked */
    test_redis_init(&redis);
    settings = (struct settings){ .redis_prefix = "confab:",
                                  .redis_password = "",
                                  .redis_sentinels = "",
                                  .redis_sentinel_password = "",
                                  .redis_master_name = "mymaster",
                                  .archive_backlog = 1000000 };
    settings_b = settings;
    text_copy(settings.instance, sizeof(settings.instance), "instance-a");
    text_copy(settings_b.instance, sizeof(settings_b.instance), "instance-b");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_redis_fini(&redis);
    str_fini(&log_text);
    return 0;
}

/* Each test has an empty Redis and two feeds that have not joined. */
static int begin(void **state)
{
    (void)state;
    test_redis(&redis, "FLUSHALL");
    a = feed_new(redis.address, &settings);
    b = feed_new(redis.address, &settings_b);
    str_reset(&log_text);
    str_addz(&log_text, "");
    id_count = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    feed_free(a);
    feed_free(b);
    return 0;
}

static void take(void *arg, const struct feed_entry *e)
{
    (void)arg;
    str_addz(&log_text, e->id);
    for (size_t i = 0; i < e->count; i++) {
        str_addc(&log_text, ' ');
        str_add(&log_text, e->parts[i].key, e->parts[i].key_size);
        str_addc(&log_text, '=');
        str_add(&log_text, e->parts[i].text, e->parts[i].text_size);
    }
    str_addc(&log_text, ';');
    text_copy(ids[id_count++], sizeof(ids[0]), e->id);
}

/* What came since the last call. */
static const char *taken(void)
{
    static char text[8192];
    text_copy(text, sizeof(text), log_text.data);
    str_reset(&log_text);
    str_addz(&log_text, "");
    id_count = 0;
    return text;
}

static void add(const char *id, const char *text)
{
    assert_string_equal(test_redis(&redis, "XADD confab:archive %s k %s", id, text), id);
}

static bool join(struct feed *f, const char *committed)
{
    bool seed;
    assert_int_equal(feed_join(f, ARCHIVE, committed, &seed), 0);
    return seed;
}

static size_t read_on(struct feed *f)
{
    size_t count;
    assert_int_equal(feed_read(f, take, NULL, &count), 0);
    return count;
}

static void ack(struct feed *f)
{
    const char *list[64];
    for (size_t i = 0; i < id_count; i++)
        list[i] = ids[i];
    assert_int_equal(feed_ack(f, list, id_count), 0);
}

static void take_over(struct feed *f)
{
    bool more = true;
    while (more)
        assert_int_equal(feed_take_over(f, take, NULL, &more), 0);
}

static struct feed_backlog trim(struct feed *f)
{
    struct feed_backlog backlog;
    assert_int_equal(feed_trim(f, "ok", &backlog), 0);
    return backlog;
}

static void the_first_join_makes_stream_and_group_and_asks_for_a_seed(void **state)
{
    (void)state;
    assert_true(join(a, ""));
    assert_string_equal(test_redis(&redis, "TYPE confab:archive"), "stream");
    assert_non_null(strstr(test_redis(&redis, "XINFO GROUPS confab:archive"), "a:" ARCHIVE));
    assert_int_equal(read_on(a), 0);
    assert_true(join(a, "")); /* it may have died before it was seeded */
    add("1-0", "one");
    read_on(a);
    assert_false(join(a, ""));
}

static void entries_come_once_in_their_order_with_all_their_parts(void **state)
{
    (void)state;
    join(a, "");
    test_redis(&redis, "XADD confab:archive 1-1 confab:{room:a} %s !kind %s", "m e 1\n{}", "x");
    add("2-0", "two");
    assert_int_equal(read_on(a), 2);
    assert_string_equal(taken(), "1-1 confab:{room:a}=m e 1\n{} !kind=x;2-0 k=two;");
    assert_int_equal(read_on(a), 0);
}

static void what_a_dead_reader_left_is_taken_over_and_its_consumer_goes(void **state)
{
    (void)state;
    join(a, "");
    add("1-0", "one");
    add("2-0", "two");
    add("3-0", "three");
    read_on(a);
    id_count = 1;
    ack(a); /* and dies, with "1-0" committed */
    taken();
    assert_false(join(b, "1-0"));
    take_over(b);
    ack(b);
    assert_string_equal(taken(), "2-0 k=two;3-0 k=three;");
    assert_int_equal(feed_settle(b), 0);
    assert_string_equal(test_redis(&redis, "XPENDING confab:archive a:" ARCHIVE), "0 nil nil nil");
    const char *consumers = test_redis(&redis, "XINFO CONSUMERS confab:archive a:" ARCHIVE);
    assert_null(strstr(consumers, "instance-a"));
    assert_non_null(strstr(consumers, "instance-b"));
    assert_int_equal(read_on(b), 0);
}

static void more_than_one_answer_of_pending_entries_is_taken_over(void **state)
{
    (void)state;
    join(a, "");
    for (int i = 1; i <= 150; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d-0", i);
        add(id, "x");
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(read_on(a), i < 2 ? FEED_READ_MOST : 150 - 2 * FEED_READ_MOST);
        taken();
    }
    assert_false(join(b, ""));
    size_t all = 0;
    bool more = true;
    while (more) {
        assert_int_equal(feed_take_over(b, take, NULL, &more), 0);
        all += id_count;
        assert_true(id_count <= FEED_READ_MOST);
        ack(b);
        taken();
    }
    assert_int_equal(all, 150);
}

static void a_consumer_with_pending_entries_stays(void **state)
{
    (void)state;
    join(a, "");
    add("1-0", "one");
    read_on(a);
    taken();
    join(b, "");
    assert_int_equal(feed_settle(b), 0); /* nothing was taken over */
    assert_non_null(
        strstr(test_redis(&redis, "XINFO CONSUMERS confab:archive a:" ARCHIVE), "instance-a"));
    take_over(b);
    assert_string_equal(taken(), "1-0 k=one;");
}

static void pending_ids_whose_entries_are_gone_are_forgotten(void **state)
{
    (void)state;
    join(a, "");
    add("1-0", "one");
    add("2-0", "two");
    read_on(a);
    taken();
    test_redis(&redis, "XDEL confab:archive 1-0");
    join(b, "");
    take_over(b);
    assert_string_equal(taken(), "2-0 k=two;");
    /* and as 6.2 leaves it: still pending */
    test_redis(&redis, "XDEL confab:archive 2-0");
    assert_int_equal(feed_settle(b), 0);
    assert_string_equal(test_redis(&redis, "XPENDING confab:archive a:" ARCHIVE), "0 nil nil nil");
}

static void a_file_older_than_its_group_gets_what_the_stream_still_has(void **state)
{
    (void)state;
    join(a, "");
    for (int i = 1; i <= 4; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d-0", i);
        add(id, "x");
    }
    read_on(a);
    ack(a);
    taken();
    assert_true(join(a, "2-0"));
    assert_true(join(a, "2-0")); /* it died before it was seeded */
    assert_int_equal(feed_seed(a, take, NULL), 0);
    read_on(a);
    assert_string_equal(taken(), "3-0 k=x;4-0 k=x;");
    assert_true(join(a, ""));
    assert_int_equal(feed_seed(a, take, NULL), 0);
    assert_int_equal(read_on(a), 4);
    taken();
    ack(a);
}

static void a_file_older_than_its_group_is_seeded_when_the_stream_has_nothing(void **state)
{
    (void)state;
    join(a, "");
    add("1-0", "one");
    add("2-0", "two");
    read_on(a);
    ack(a);
    taken();
    assert_int_equal(trim(a).entries, 0);
    assert_true(join(a, "1-0"));
    assert_false(join(a, "2-0"));
    add("3-0", "three");
    assert_true(join(a, "1-0"));
    assert_int_equal(feed_seed(a, take, NULL), 0);
    assert_int_equal(read_on(a), 1); /* nothing comes twice */
}

static void a_stream_at_its_limit_asks_for_a_seed(void **state)
{
    (void)state;
    join(a, "");
    add("1-0", "one");
    read_on(a);
    ack(a);
    add("2-0", "two");
    add("3-0", "three");
    assert_false(join(a, "1-0"));
    settings.archive_backlog = 3;
    assert_true(join(a, "1-0"));
    settings.archive_backlog = 1000000;
}

static void the_stream_keeps_what_one_of_two_groups_has_not_acknowledged(void **state)
{
    (void)state;
    bool seed;
    join(a, "");
    assert_int_equal(feed_join(b, OTHER, "", &seed), 0);
    assert_true(seed);
    add("1000-0", "one");
    add("2000-0", "two");
    add("3000-0", "three");
    read_on(a);
    ack(a);
    taken();
    struct feed_backlog backlog = trim(a);
    assert_int_equal(backlog.entries, 3);
    assert_int_equal(backlog.oldest_ms, 1000);
    assert_true(backlog.now_ms > 1700000000000);

    read_on(b);
    id_count = 2;
    ack(b);
    taken();
    assert_int_equal(trim(b).entries, 1); /* its pending one */
    const char *seen = test_redis(&redis, "HGETALL confab:archive:seen");
    assert_non_null(strstr(seen, ARCHIVE));
    assert_non_null(strstr(seen, OTHER));
    assert_non_null(strstr(seen, " ok"));
    take_over(b);
    ack(b);
    taken();
    backlog = trim(a);
    assert_int_equal(backlog.entries, 0);
    assert_int_equal(backlog.oldest_ms, 0);
}

static void a_look_changes_nothing(void **state)
{
    (void)state;
    struct feed_backlog backlog;
    assert_int_equal(feed_look(a, &backlog), 0);
    assert_int_equal(backlog.entries, 0);
    assert_int_equal(backlog.oldest_ms, 0);
    add("5000-0", "one");
    assert_int_equal(feed_look(a, &backlog), 0);
    assert_int_equal(backlog.entries, 1);
    assert_int_equal(backlog.oldest_ms, 5000);
    assert_true(backlog.now_ms > 1700000000000);
    assert_string_equal(test_redis(&redis, "KEYS *"), "confab:archive");
}

static void after_a_wipe_it_joins_anew(void **state)
{
    (void)state;
    size_t count;
    bool more, seed;
    const char *id = "1-0";
    join(a, "");
    test_redis(&redis, "FLUSHALL");
    assert_int_equal(feed_read(a, take, NULL, &count), -ESTALE);
    assert_true(strstr(feed_error(a), "NOGROUP") != NULL);
    assert_int_equal(feed_take_over(a, take, NULL, &more), -ESTALE);
    assert_int_equal(feed_ack(a, &id, 1), 0); /* Redis does not mind */
    assert_int_equal(feed_join(a, ARCHIVE, "77-0", &seed), 0);
    assert_true(seed);
    add("5-0", "five"); /* its clock went back: it is read all the same */
    assert_int_equal(read_on(a), 1);
}

static void a_key_of_another_type_is_told(void **state)
{
    (void)state;
    bool seed;
    test_redis(&redis, "SET confab:archive x");
    assert_int_equal(feed_join(a, ARCHIVE, "", &seed), -EPROTO);
    assert_true(strstr(feed_error(a), "WRONGTYPE") != NULL);
}

static void a_redis_that_went_away_is_found_again(void **state)
{
    (void)state;
    size_t count;
    bool seed;
    join(a, "");
    test_redis_kill(&redis);
    assert_int_equal(feed_read(a, take, NULL, &count), -ENOTCONN);
    assert_int_equal(feed_join(a, ARCHIVE, "", &seed), -ENOTCONN);
    test_redis_start(&redis);
    assert_int_equal(feed_read(a, take, NULL, &count), -ESTALE);
    assert_true(join(a, ""));
}

static void a_replica_is_left(void **state)
{
    (void)state;
    size_t count;
    join(a, "");
    add("1-0", "one");
    test_redis(&redis, "REPLICAOF 127.0.0.1 1");
    assert_int_equal(feed_read(a, take, NULL, &count), -EAGAIN);
    test_redis(&redis, "REPLICAOF NO ONE");
    assert_int_equal(read_on(a), 1);
}

static void a_seed_is_what_the_lists_hold(void **state)
{
    (void)state;
    test_redis(&redis, "HSET confab:{room:a}:meta epoch E seq 12 fence f");
    test_redis(&redis, "LPUSH confab:{room:a}:history %s %s", "{\"seq\":11}", "{\"seq\":12}");
    assert_int_equal(feed_seed(a, take, NULL), 0);
    assert_string_equal(taken(), " confab:{room:a}=m E 11\n{\"seq\":11}\n{\"seq\":12};");
    /* what belongs to an epoch that is gone has no name any more */
    test_redis(&redis, "HSET confab:{room:a}:meta first 12");
    assert_int_equal(feed_seed(a, take, NULL), 0);
    assert_string_equal(taken(), " confab:{room:a}=m E 12\n{\"seq\":12};");
    test_redis(&redis, "HSET confab:{room:a}:meta first 13");
    assert_int_equal(feed_seed(a, take, NULL), 0);
    assert_string_equal(taken(), "");
}

static void a_seed_passes_what_it_cannot_read(void **state)
{
    (void)state;
    test_redis(&redis, "SET confab:{room:a}:meta x");
    test_redis(&redis, "HSET confab:{room:b}:meta epoch E seq 1");
    test_redis(&redis, "SET confab:{room:b}:history x");
    test_redis(&redis, "HSET confab:{room:c}:meta epoch E seq 1"); /* its list has ended */
    test_redis(&redis, "HSET confab:{dm:A|B}:meta epoch E seq 1");
    test_redis(&redis, "LPUSH confab:{dm:A|B}:history {}");
    assert_int_equal(feed_seed(a, take, NULL), 0);
    assert_string_equal(taken(), " confab:{dm:A|B}=m E 1\n{};");
    assert_int_equal(feed_read(a, take, NULL, &(size_t){ 0 }), -ESTALE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(the_first_join_makes_stream_and_group_and_asks_for_a_seed),
        TEST(entries_come_once_in_their_order_with_all_their_parts),
        TEST(what_a_dead_reader_left_is_taken_over_and_its_consumer_goes),
        TEST(more_than_one_answer_of_pending_entries_is_taken_over),
        TEST(a_consumer_with_pending_entries_stays),
        TEST(pending_ids_whose_entries_are_gone_are_forgotten),
        TEST(a_file_older_than_its_group_gets_what_the_stream_still_has),
        TEST(a_file_older_than_its_group_is_seeded_when_the_stream_has_nothing),
        TEST(a_stream_at_its_limit_asks_for_a_seed),
        TEST(the_stream_keeps_what_one_of_two_groups_has_not_acknowledged),
        TEST(a_look_changes_nothing),
        TEST(after_a_wipe_it_joins_anew),
        TEST(a_key_of_another_type_is_told),
        TEST(a_redis_that_went_away_is_found_again),
        TEST(a_replica_is_left),
        TEST(a_seed_is_what_the_lists_hold),
        TEST(a_seed_passes_what_it_cannot_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

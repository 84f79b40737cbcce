/* The archive's threads: batches, what each trouble leads to, bounds; with a stand-in for the
 * file and a real Redis. */
#include "archive/batch.h"
#include "archive/threads.h"

#include "confab/base/str.h"
#include "support/redis.h"
#include "support/stand_in.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the world of a test ---- */

static struct test_redis redis;
static struct settings settings;
static struct stats stats;
static struct writer *w;

static int set_up(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN); /* the server's threads have all signals blocked */
    role_assume(&on_archive);
    log_set_level(LOG_LEVEL_ERROR);
    stand_in_init();
    test_redis_init(&redis);
    settings = (struct settings){ .redis_prefix = "confab:",
                                  .redis_addr = "",
                                  .redis_password = "",
                                  .redis_sentinels = "",
                                  .redis_sentinel_password = "",
                                  .redis_master_name = "mymaster",
                                  .archive_backlog = 1000000,
                                  .instance = "instance-a" };
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_redis_fini(&redis);
    stand_in_fini();
    return 0;
}

static int begin(void **state)
{
    (void)state;
    test_redis(&redis, "FLUSHALL");
    stats = (struct stats){ 0 };
    stand_in_reset();
    w = writer_new(&settings, &stats, &stand_in_sink, redis.address);
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (w)
        writer_free(w);
    w = NULL;
    assert_int_equal(stand_in.open_now, 0);
    return 0;
}

static enum archive_state state_of_it(void)
{
    return (enum archive_state)stat_get(&stats, archive_state);
}

/* Turns the writer until the condition holds, sleeping as it says. */
#define TURN_UNTIL(condition)                                                                      \
    do {                                                                                           \
        const int64_t deadline_ = clock_mono_ms() + TEST_DEADLINE_MS;                              \
        while (!(condition)) {                                                                     \
            if (clock_mono_ms() > deadline_)                                                       \
                fail_msg("%s:%d: never: %s", __FILE__, __LINE__, #condition);                      \
            const int64_t wait_ = writer_turn(w);                                                  \
            assert_true(wait_ <= 1000);                                                            \
            if (wait_ > 0 && !(condition))                                                         \
                usleep((useconds_t)wait_ * 1000);                                                  \
        }                                                                                          \
    } while (0)

static void add(const char *seq)
{
    char text[64];
    snprintf(text, sizeof(text), "m E %s\n{\"seq\":%s}", seq, seq);
    test_redis(&redis, "XADD confab:archive * confab:{room:a} %s", text);
}

static const char *pending(void)
{
    return test_redis(&redis, "XPENDING confab:archive a:" STAND_IN_ID);
}

static bool has(const char *row)
{
    return strstr(stand_in.rows.data, row) != NULL;
}

/* ---- entries ---- */

static void an_entry_becomes_messages_and_records(void **state)
{
    (void)state;
    struct batch b;
    const struct feed_part parts[] = {
        { "confab:{room:a}", "m E 5\n{\"a\"}\n{\"b\"}", 15, 17 },
        { "confab:{dm:A|B}", "m F 1\n{}", 15, 8 },
        { "!account", "bob 3\n{\"x\":1}", 8, 13 },
        { "!forget", "99 bob", 7, 6 },
    };
    batch_init(&b, "confab:");
    batch_add(&b, &(struct feed_entry){ "1-0", parts, 4 });
    assert_int_equal(b.message_count, 3);
    assert_string_equal(b.messages[0].stream, "r:a");
    assert_string_equal(b.messages[0].epoch, "E");
    assert_string_equal(b.messages[1].json, "{\"b\"}");
    assert_int_equal(b.messages[1].size, 5);
    assert_int_equal(b.messages[1].seq, 6);
    assert_string_equal(b.messages[1].entry, "1-0");
    assert_string_equal(b.messages[2].stream, "d:A|B");
    assert_int_equal(b.record_count, 2);
    assert_string_equal(b.records[0].kind, "account");
    assert_string_equal(b.records[0].name, "bob");
    assert_int_equal(b.records[0].version, 3);
    assert_string_equal(b.records[0].json, "{\"x\":1}");
    assert_string_equal(b.records[1].kind, "forget");
    assert_string_equal(b.records[1].name, "bob");
    assert_int_equal(b.records[1].version, 99);
    assert_int_equal(b.reject_count, 0);
    assert_int_equal(b.id_count, 1);
    batch_fini(&b);
}

static void an_event_becomes_a_message(void **state)
{
    (void)state;
    struct batch b;
    const struct feed_part parts[] = {
        { "confab:{room:a}", "a E 5 3\n{\"e\"}", 15, 13 },
        { "confab:{room:a}", "c E 6 2 p 0\n{\"c\"}\n-bob\n?*", 15, 25 },
        { "!audit", "17-0 17\n{\"act\":\"ban\"}", 6, 21 },
        { "!room", "a 2\n{}", 5, 6 },
    };
    batch_init(&b, "confab:");
    batch_add(&b, &(struct feed_entry){ "1-0", parts, 4 });
    assert_int_equal(b.reject_count, 0);
    assert_int_equal(b.message_count, 2);
    assert_string_equal(b.messages[0].epoch, "E");
    assert_int_equal(b.messages[0].seq, 5);
    assert_string_equal(b.messages[0].json, "{\"e\"}");
    assert_int_equal(b.messages[0].size, 5);
    assert_int_equal(b.messages[1].seq, 6);
    assert_string_equal(b.messages[1].json, "{\"c\"}");
    assert_int_equal(b.messages[1].size, 5);
    assert_int_equal(b.record_count, 2);
    assert_string_equal(b.records[0].name, "17-0");
    assert_int_equal(b.records[0].version, 17);
    assert_string_equal(b.records[0].json, "{\"act\":\"ban\"}");
    assert_string_equal(b.records[1].kind, "room");
    batch_fini(&b);
}

static void what_cannot_be_read_is_rejected_whole(void **state)
{
    (void)state;
    static const struct {
        const char *key, *text;
    } cases[] = {
        { "confab:{room:a}", "" },
        { "confab:{room:a}", "m" },
        { "confab:{room:a}", "m E" },
        { "confab:{room:a}", "m E 1" },
        { "confab:{room:a}", "m E x\n{}" },
        { "confab:{room:a}", "m  1\n{}" },
        { "confab:{room:a}", "m E 1234567890123456789\n{}" },
        { "confab:{room:a}", "m 123456789012345678901234567890123 1\n{}" },
        { "confab:{room:a}", "p 1\n+x" },
        { "confab:{room:a}", "a E 1\n{}" },
        { "confab:{room:a}", "a E x 1\n{}" },
        { "confab:{room:a}", "a E 1 1" },
        { "confab:{room:a}", "c 1 p\n{}" },
        { "confab:{room:}", "m E 1\n{}" },
        { "confab:{room:a", "m E 1\n{}" },
        { "other:{room:a}", "m E 1\n{}" },
        { "confab:{house:a}", "m E 1\n{}" },
        { "confab:}", "m E 1\n{}" },
        { "", "m E 1\n{}" },
        { "!", "bob 1\n{}" },
        { "!account", "bob" },
        { "!account", "bob x\n{}" },
        { "!account", " 1\n{}" },
        { "!forget", "bob 1" },
        { "!forget", "1 " },
    };
    struct batch b;
    batch_init(&b, "confab:");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct feed_part part = { cases[i].key, cases[i].text, strlen(cases[i].key),
                                        strlen(cases[i].text) };
        batch_add(&b, &(struct feed_entry){ "1-0", &part, 1 });
        if (b.reject_count != i + 1 || b.message_count || b.record_count)
            fail_msg("%s %s", cases[i].key, cases[i].text);
        assert_string_equal(b.rejects[i].body, cases[i].text);
        assert_int_equal(b.rejects[i].size, strlen(cases[i].text));
    }
    batch_reset(&b);
    assert_true(batch_is_empty(&b));
    batch_fini(&b);
}

/* ---- the writer ---- */

static void messages_go_into_the_file_and_are_acknowledged(void **state)
{
    (void)state;
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    add("1");
    add("2");
    TURN_UNTIL(stand_in.batches > 0);
    assert_string_equal(stand_in.rows.data, "r:a E 1 {\"seq\":1};r:a E 2 {\"seq\":2};");
    assert_string_equal(pending(), "0 nil nil nil");
    TURN_UNTIL(strcmp(test_redis(&redis, "XLEN confab:archive"), "0") == 0);
    assert_int_equal(stat_get(&stats, archive_added), 2);
}

static void a_batch_has_a_bound(void **state)
{
    (void)state;
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    struct str text = STR_INIT;
    str_addz(&text, "m E 1");
    for (int i = 0; i < 32; i++)
        str_addz(&text, "\n{}");
    for (int i = 0; i < 200; i++)
        test_redis(&redis, "XADD confab:archive * confab:{room:a} %s", text.data);
    str_fini(&text);
    TURN_UNTIL(stat_get(&stats, archive_added) == 6400);
    assert_true(stand_in.batch_most >= 64 * 32);
    assert_true(stand_in.batch_most < BATCH_MESSAGES + 64 * 32);
}

static void nothing_is_acknowledged_before_its_commit(void **state)
{
    (void)state;
    static const struct {
        enum sink_status status;
        enum archive_state state;
        bool stays_open;
    } cases[] = {
        { SINK_FULL, ARCHIVE_FULL, true },          { SINK_LOCKED, ARCHIVE_LOCKED, true },
        { SINK_CORRUPT, ARCHIVE_REPAIRING, false }, { SINK_IO, ARCHIVE_FAILING, false },
        { SINK_NEWER, ARCHIVE_NEWER, false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char seq[24];
        snprintf(seq, sizeof(seq), "%zu", i + 1);
        TURN_UNTIL(state_of_it() == ARCHIVE_OK);
        const unsigned opened = stand_in.opened;
        stand_in.write_status = cases[i].status;
        add(seq);
        TURN_UNTIL(state_of_it() == cases[i].state);
        assert_int_equal(pending()[0], '1');
        assert_int_equal(stand_in.open_now, cases[i].stays_open ? 1 : 0);
        stand_in.write_status = SINK_OK;
        TURN_UNTIL(state_of_it() == ARCHIVE_OK);
        assert_string_equal(pending(), "0 nil nil nil");
        assert_int_equal(stand_in.opened - opened, cases[i].stays_open ? 0 : 1);
    }
    assert_string_equal(stand_in.rows.data,
                        "r:a E 1 {\"seq\":1};r:a E 2 {\"seq\":2};r:a E 3 {\"seq\":3};"
                        "r:a E 4 {\"seq\":4};r:a E 5 {\"seq\":5};");
}

static void a_file_that_cannot_be_opened_is_tried_again(void **state)
{
    (void)state;
    stand_in.open_status = SINK_IO;
    TURN_UNTIL(state_of_it() == ARCHIVE_FAILING);
    assert_true(writer_turn(w) > 0);
    stand_in.open_status = SINK_TAKEN;
    TURN_UNTIL(state_of_it() == ARCHIVE_STANDBY);
    stand_in.open_status = SINK_OK;
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
}

static void on_standby_it_tells_when_nobody_writes(void **state)
{
    (void)state;
    stand_in.open_status = SINK_TAKEN;
    test_redis(&redis, "XADD confab:archive 1000-0 confab:{room:a} x");
    TURN_UNTIL(state_of_it() == ARCHIVE_BEHIND);
    assert_int_equal(stat_get(&stats, archive_waiting), 1);
    assert_int_equal(stat_get(&stats, archive_waiting_since_ms), 1000);
}

static void what_another_archive_holds_back_is_told(void **state)
{
    (void)state;
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    test_redis(&redis, "XGROUP CREATE confab:archive a:other 0");
    test_redis(&redis, "XADD confab:archive 1000-0 confab:{room:a} %s", "m E 1\n{}");
    TURN_UNTIL(state_of_it() == ARCHIVE_BEHIND);
    assert_true(has("r:a E 1 {}"));
    settings.archive_backlog = 1;
    TURN_UNTIL(state_of_it() == ARCHIVE_LOSING);
    settings.archive_backlog = 1000000;
    test_redis(&redis, "XGROUP DESTROY confab:archive a:other");
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
}

static void a_new_group_starts_with_the_lists(void **state)
{
    (void)state;
    test_redis(&redis, "HSET confab:{room:a}:meta epoch E seq 2 fence f");
    test_redis(&redis, "LPUSH confab:{room:a}:history {1} {2}");
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    assert_string_equal(stand_in.rows.data, "r:a E 1 {1};r:a E 2 {2};");
}

static void a_seed_that_the_file_does_not_take_is_repeated(void **state)
{
    (void)state;
    test_redis(&redis, "HSET confab:{room:a}:meta epoch E seq 1 fence f");
    test_redis(&redis, "LPUSH confab:{room:a}:history {1}");
    stand_in.write_status = SINK_FULL;
    TURN_UNTIL(state_of_it() == ARCHIVE_FULL);
    stand_in.write_status = SINK_OK;
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    assert_true(has("r:a E 1 {1}"));
}

static void redis_may_go_and_come_back_empty(void **state)
{
    (void)state;
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    test_redis_kill(&redis);
    TURN_UNTIL(state_of_it() == ARCHIVE_NO_REDIS);
    test_redis_start(&redis);
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    add("1");
    TURN_UNTIL(has("r:a E 1"));
    test_redis(&redis, "FLUSHALL");
    TURN_UNTIL(strcmp(test_redis(&redis, "TYPE confab:archive"), "stream") == 0);
    add("2");
    TURN_UNTIL(has("r:a E 2"));
}

static void redis_gets_the_accounts_that_it_lacks(void **state)
{
    (void)state;
    stand_in.accounts = 2 * SINK_RECORDS_MOST + 50;
    test_redis(&redis, "HSET confab:account:zoe version 3 hash x");
    for (int i = 0; i < 2; i++) { /* also when Redis has lost them under it */
        TURN_UNTIL(state_of_it() == ARCHIVE_OK);
        TURN_UNTIL(strcmp(test_redis(&redis, "HGET confab:accounts:ready by"), "restored") == 0);
        assert_string_equal(test_redis(&redis, "HGET confab:account:u0000 version"), "7");
        assert_string_equal(test_redis(&redis, "HGET confab:account:u0449 version"), "7");
        assert_string_equal(test_redis(&redis, "GET confab:registered:u0200"), "u0200");
        TURN_UNTIL(has("!account u0449 7"));
        if (i == 0)
            TURN_UNTIL(has("!account zoe 3")); /* which the file lacked */
        test_redis(&redis, "FLUSHALL");
        str_reset(&stand_in.rows);
        str_addz(&stand_in.rows, "");
    }
}

static void accounts_that_cannot_be_read_are_trouble_of_the_file(void **state)
{
    (void)state;
    stand_in.page_status = SINK_IO;
    TURN_UNTIL(state_of_it() == ARCHIVE_FAILING);
    assert_string_equal(test_redis(&redis, "EXISTS confab:accounts:ready"), "0");
    stand_in.page_status = SINK_OK;
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    assert_string_equal(test_redis(&redis, "HGET confab:accounts:ready by"), "restored");
}

static void a_key_of_another_type_is_in_the_way_until_it_goes(void **state)
{
    (void)state;
    test_redis(&redis, "SET confab:archive x");
    TURN_UNTIL(state_of_it() == ARCHIVE_FAILING);
    test_redis(&redis, "DEL confab:archive");
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
}

static void the_position_never_goes_back(void **state)
{
    (void)state;
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    test_redis(&redis, "XADD confab:archive 5-0 confab:{room:a} %s", "m E 1\n{}");
    test_redis(&redis, "XADD confab:archive 20-0 confab:{room:a} %s", "m E 2\n{}");
    /* another reader has the first one, and dies later than this one reads the second */
    test_redis(&redis, "XREADGROUP GROUP a:" STAND_IN_ID " dead COUNT 1 STREAMS confab:archive >");
    TURN_UNTIL(has("r:a E 2"));
    assert_string_equal(stand_in.entry, "20-0");
    stand_in.write_status = SINK_LOCKED; /* makes it join anew */
    add("3");
    TURN_UNTIL(state_of_it() == ARCHIVE_LOCKED);
    text_copy(stand_in.entry, sizeof(stand_in.entry), "20-0");
    stand_in.write_status = SINK_OK;
    TURN_UNTIL(has("r:a E 1"));
    assert_true(strcmp(stand_in.entry, "5-0") != 0);
}

static void the_last_batch_is_written_at_the_end(void **state)
{
    (void)state;
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    for (int i = 1; i <= 200; i++) {
        char seq[16];
        snprintf(seq, sizeof(seq), "%d", i);
        add(seq);
    }
    writer_finish(w, clock_mono_ms() + TEST_DEADLINE_MS);
    assert_true(has("r:a E 200 "));
    assert_string_equal(test_redis(&redis, "XLEN confab:archive"), "0");
    assert_int_equal(stand_in.open_now, 0);
}

/* ---- threads ---- */

static struct archive_ask *ask_for(uint64_t id, bool search, int64_t deadline_mono_ms)
{
    static const char *const streams[] = { "r:a" };
    struct ask text = { .kind = search ? ASK_SEARCH : ASK_PAGE,
                        .page = { .stream = "r:a", .epoch = "E", .seq = 9, .limit = 10 },
                        .find = { .q = "x", .streams = streams, .stream_count = 1, .limit = 1 },
                        .as = "a" };
    struct str json = STR_INIT;
    ask_json(&json, &text);
    struct ask *parsed = ask_parse(json.data, json.size);
    str_fini(&json);
    assert_non_null(parsed);
    return archive_ask_new(id, parsed, deadline_mono_ms);
}

static bool says(const struct archive_answer *answer, const char *text)
{
    const struct frame *f = answer->frame;
    return memmem(frame_payload(f), frame_payload_size(f), text, strlen(text)) != NULL;
}

static struct archive_answer *answer_of(struct archive *a)
{
    void *item = NULL;
    while (item == NULL) {
        assert_true(test_wait_readable(archive_answers(a)->pipe_read, TEST_DEADLINE_MS));
        queue_clear_signal(archive_answers(a));
        queue_take(archive_answers(a), &item, 1);
    }
    return item;
}

static void asks_are_answered_by_number(void **state)
{
    (void)state;
    struct archive *a = archive_new_with(&settings, &stats, redis.address, &stand_in_sink);
    assert_int_equal(archive_start(a), 0);
    assert_int_equal(archive_ask(a, ask_for(7, false, INT64_MAX)), 0);
    struct archive_answer *answer = answer_of(a);
    assert_int_equal(answer->id, 7);
    assert_true(says(answer, "\"type\":\"history\""));
    archive_answer_free(answer);
    assert_int_equal(archive_ask(a, ask_for(8, true, INT64_MAX)), 0);
    answer = answer_of(a);
    assert_int_equal(answer->id, 8);
    assert_true(says(answer, "\"type\":\"search\""));
    archive_answer_free(answer);
    /* who no longer waits gets nothing */
    assert_int_equal(archive_ask(a, ask_for(9, false, 0)), 0);
    assert_int_equal(archive_ask(a, ask_for(10, false, INT64_MAX)), 0);
    answer = answer_of(a);
    assert_int_equal(answer->id, 10);
    archive_answer_free(answer);
    archive_stop(a, 0);
    archive_free(a);
    assert_int_equal(stat_get(&stats, archive_pages), 2);
    assert_int_equal(stat_get(&stats, archive_searches), 1);
}

static void a_file_that_cannot_be_read_is_an_error_for_the_asker(void **state)
{
    (void)state;
    struct archive *a = archive_new_with(&settings, &stats, redis.address, &stand_in_sink);
    assert_int_equal(archive_start(a), 0);
    stand_in_tell(&stand_in.page_status, SINK_CORRUPT);
    assert_int_equal(archive_ask(a, ask_for(1, false, INT64_MAX)), 0);
    struct archive_answer *answer = answer_of(a);
    assert_true(says(answer, "\"archive_unavailable\""));
    archive_answer_free(answer);
    stand_in_tell(&stand_in.page_status, SINK_OK);
    assert_int_equal(archive_ask(a, ask_for(2, false, INT64_MAX)), 0);
    answer = answer_of(a);
    assert_true(says(answer, "\"type\":\"history\""));
    archive_answer_free(answer);
    archive_stop(a, 0);
    archive_free(a);
}

static void asks_past_the_bound_are_refused_and_the_rest_is_dropped_at_the_end(void **state)
{
    (void)state;
    struct archive *a = archive_new_with(&settings, &stats, redis.address, &stand_in_sink);
    assert_int_equal(archive_start(a), 0);
    lock_acquire(&stand_in.lock);
    stand_in.page_waits = true;
    lock_release(&stand_in.lock);
    unsigned taken = 0;
    int error = 0;
    while (error == 0) {
        struct archive_ask *ask = ask_for(taken, false, INT64_MAX);
        error = archive_ask(a, ask);
        if (error == 0)
            taken++;
        else
            archive_ask_free(ask);
        assert_true(taken <= ARCHIVE_PAGES_MOST + 1);
    }
    assert_int_equal(error, -EAGAIN);
    assert_true(taken >= ARCHIVE_PAGES_MOST);
    /* a search does not wait for them */
    assert_int_equal(archive_ask(a, ask_for(5000, true, INT64_MAX)), 0);
    struct archive_answer *answer = answer_of(a);
    assert_int_equal(answer->id, 5000);
    archive_answer_free(answer);
    lock_acquire(&stand_in.lock);
    stand_in.page_waits = false;
    lock_release(&stand_in.lock);
    archive_stop(a, 0);
    archive_free(a);
}

static void the_writer_runs_until_it_is_stopped(void **state)
{
    (void)state;
    struct archive *a = archive_new_with(&settings, &stats, redis.address, &stand_in_sink);
    assert_int_equal(archive_start(a), 0);
    const int64_t deadline = clock_mono_ms() + TEST_DEADLINE_MS;
    while (state_of_it() != ARCHIVE_OK && clock_mono_ms() < deadline)
        usleep(1000);
    add("1");
    archive_stop(a, TEST_DEADLINE_MS);
    assert_true(has("r:a E 1 "));
    archive_free(a);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(an_entry_becomes_messages_and_records),
        TEST(an_event_becomes_a_message),
        TEST(what_cannot_be_read_is_rejected_whole),
        TEST(messages_go_into_the_file_and_are_acknowledged),
        TEST(a_batch_has_a_bound),
        TEST(nothing_is_acknowledged_before_its_commit),
        TEST(a_file_that_cannot_be_opened_is_tried_again),
        TEST(on_standby_it_tells_when_nobody_writes),
        TEST(what_another_archive_holds_back_is_told),
        TEST(a_new_group_starts_with_the_lists),
        TEST(a_seed_that_the_file_does_not_take_is_repeated),
        TEST(redis_may_go_and_come_back_empty),
        TEST(redis_gets_the_accounts_that_it_lacks),
        TEST(accounts_that_cannot_be_read_are_trouble_of_the_file),
        TEST(a_key_of_another_type_is_in_the_way_until_it_goes),
        TEST(the_position_never_goes_back),
        TEST(the_last_batch_is_written_at_the_end),
        TEST(asks_are_answered_by_number),
        TEST(a_file_that_cannot_be_read_is_an_error_for_the_asker),
        TEST(asks_past_the_bound_are_refused_and_the_rest_is_dropped_at_the_end),
        TEST(the_writer_runs_until_it_is_stopped),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

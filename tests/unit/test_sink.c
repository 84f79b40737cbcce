/* What is written into an archive is read from it: once, and in order. */
#include "support/archive.h"
#include "support/test.h"

#include "archive/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

static void a_repeat_changes_nothing(void **state)
{
    struct test_archive *t = *state;

    assert_int_equal(archive_say(t, "E", 1, 1000, "x").added, 1);
    const struct sink_written again = archive_say(t, "E", 1, 1000, "x");
    assert_int_equal(again.added, 0);
    assert_int_equal(again.repeated, 1);
    assert_int_equal(archive_about(t).messages, 1);
    assert_page(archive_before(t, "E", UINT64_MAX, 100), "E", 1, 1);
}

static void a_batch_may_be_in_any_order(void **state)
{
    struct test_archive *t = *state;
    struct sink_message messages[30];
    char texts[30][128];
    static const char *const streams[] = { "r:a", "r:b", "d:ann|bob" };
    struct sink_written written;

    for (unsigned i = 0; i < 30; i++) {
        const unsigned n = i * 7 % 30; /* each once */
        snprintf(texts[i], sizeof texts[i],
                 "{\"type\":\"%s\",\"seq\":%u,\"user\":\"ann\",\"timestamp\":%u}",
                 n % 3 == 2 ? "private" : "message", n / 3 + 1, n);
        messages[i] = (struct sink_message){ streams[n % 3],   "E",  n / 3 + 1, texts[i],
                                             strlen(texts[i]), "1-1" };
    }
    const struct sink_batch batch = { .messages = messages, .message_count = 30, .entry = "77-3" };
    assert_int_equal(sink_sqlite.write(t->sink, &batch, &written), SINK_OK);
    assert_int_equal(written.added, 30);
    for (unsigned i = 0; i < 3; i++) {
        const struct page_query query = { .stream = streams[i], .way = PAGE_AFTER };
        assert_page(archive_page(t, query), "E", 1, 10);
    }
    assert_string_equal(archive_about(t).entry, "77-3");
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM message WHERE kind = 1"), 10);
}

static void what_is_no_message_is_kept_apart(void **state)
{
    struct test_archive *t = *state;
    static const struct {
        uint64_t seq;
        const char *json;
    } bad[] = {
        { 0, "{\"type\":\"message\",\"seq\":0,\"user\":\"ann\",\"timestamp\":1}" },
        { 4294967296, "{\"type\":\"message\",\"seq\":4294967296,\"user\":\"a\",\"timestamp\":1}" },
        { 1, "" },
        { 1, "{\"type\":\"message\",\"seq\":1,\"user\":\"ann\",\"timestamp\":1" },
        { 1, "[]" },
        { 1, "{\"type\":\"message\",\"seq\":1,\"user\":7,\"timestamp\":1}" },
        { 1, "{\"type\":\"message\",\"seq\":1,\"user\":\"ann\",\"timestamp\":\"1\"}" },
        { 1, "{\"type\":\"message\",\"seq\":1,\"user\":\"ann\"}" },
        { 1, "{\"type\":\"message\",\"seq\":2,\"user\":\"ann\",\"timestamp\":1}" },
    };
    struct sink_written written;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        archive_write(t, "r:hall", "E", bad[i].seq, bad[i].json, &written);
        assert_int_equal(written.added, 0);
        assert_int_equal(written.rejected, 1);
        assert_int_equal(archive_about(t).rejected, i + 1);
    }
    assert_int_equal(archive_say(t, "E", 1, 1000, "good").added, 1);
}

static void no_more_than_1000_are_kept_apart(void **state)
{
    struct test_archive *t = *state;
    static struct sink_reject rejects[1500];
    struct sink_written written;

    for (size_t i = 0; i < 1500; i++)
        rejects[i] = (struct sink_reject){ "1-1", "no reason", "x", 1 };
    assert_int_equal(
        sink_sqlite.write(t->sink, &(struct sink_batch){ .rejects = rejects, .reject_count = 1500 },
                          &written),
        SINK_OK);
    assert_int_equal(written.rejected, 1500);
    assert_int_equal(archive_about(t).rejected, 1000);
}

static void the_highest_number_is_no_special_case(void **state)
{
    struct test_archive *t = *state;

    assert_int_equal(archive_say(t, "E", UINT32_MAX, 5, "last").added, 1);
    assert_int_equal(archive_say(t, "F", 1, 6, "first").added, 1);
    assert_page(archive_before(t, "E", UINT64_MAX, 10), "E", UINT32_MAX, UINT32_MAX);
    assert_page(archive_after(t, "E", UINT32_MAX - 1, 10), "E", UINT32_MAX, UINT32_MAX);
    assert_int_equal(archive_after(t, "E", UINT32_MAX, 10)->count, 0);
}

static void a_type_of_later_is_stored_as_it_is(void **state)
{
    struct test_archive *t = *state;
    struct sink_written written;

    archive_write(t, "r:hall", "E", 1,
                  "{\"type\":\"poll\",\"seq\":1,\"user\":\"ann\",\"timestamp\":1,\"x\":[1]}",
                  &written);
    assert_int_equal(written.added, 1);
    assert_page(archive_before(t, "E", UINT64_MAX, 10), "E", 1, 1);
    assert_int_equal(archive_sql(t, "SELECT kind FROM message"), KIND_UNKNOWN);
}

static void records_keep_the_highest_version(void **state)
{
    struct test_archive *t = *state;
    static char names[450][16];
    struct sink_record records[450];
    struct sink_records got;
    struct sink_written written;

    for (unsigned i = 0; i < 450; i++) {
        snprintf(names[i], sizeof names[i], "n%03u", i);
        records[i] = (struct sink_record){ "account", names[i], 5, "{\"a\":1}", 7 };
    }
    struct sink_batch batch = { .records = records, .record_count = 450 };
    assert_int_equal(sink_sqlite.write(t->sink, &batch, &written), SINK_OK);
    records[0] = (struct sink_record){ "account", "n000", 4, "{\"old\":1}", 9 };
    records[1] = (struct sink_record){ "account", "n001", 6, "{\"new\":1}", 9 };
    records[2] = (struct sink_record){ "room", "n002", 9, NULL, 0 };
    batch.record_count = 3;
    assert_int_equal(sink_sqlite.write(t->sink, &batch, &written), SINK_OK);

    unsigned seen = 0;
    char last[16] = "";
    do {
        assert_int_equal(sink_sqlite.records(t->reader, "account", last, &got), SINK_OK);
        for (size_t i = 0; i < got.count; i++, seen++) {
            assert_string_equal(got.records[i].name, names[seen]);
            assert_string_equal(got.records[i].json, seen == 1 ? "{\"new\":1}" : "{\"a\":1}");
            assert_int_equal(got.records[i].version, seen == 1 ? 6 : 5);
            text_copy(last, sizeof last, got.records[i].name);
        }
    } while (got.count == SINK_RECORDS_MOST);
    assert_int_equal(seen, 450);
    assert_int_equal(sink_sqlite.records(t->reader, "room", "", &got), SINK_OK);
    assert_int_equal(got.count, 1);
    assert_string_equal(got.records[0].json, "");
    assert_int_equal(got.records[0].size, 0);
}

/* ---- pages ---- */

static void pages_lead_back_and_forth(void **state)
{
    struct test_archive *t = *state;

    archive_say_all(t, "E", 1, 25);
    assert_page(archive_before(t, NULL, UINT64_MAX, 10), "E", 16, 25);
    assert_false(t->page.newer.valid);
    assert_cursor(&t->page.older, "E", 16);
    assert_page(archive_before(t, "E", 16, 10), "E", 6, 15);
    assert_cursor(&t->page.newer, "E", 15);
    assert_page(archive_before(t, "E", 6, 10), "E", 1, 5);
    assert_false(t->page.older.valid);
    assert_page(archive_after(t, "E", 5, 10), "E", 6, 15);
    assert_cursor(&t->page.older, "E", 6);
    assert_page(archive_after(t, "E", 15, 10), "E", 16, 25);
    assert_false(t->page.newer.valid);
    assert_int_equal(archive_before(t, "E", 1, 10)->count, 0);
    assert_cursor(&t->page.newer, "E", 0);
    assert_int_equal(archive_after(t, "E", 25, 10)->count, 0);
    assert_cursor(&t->page.older, "E", 26);
    assert_int_equal(t->page.missing, 0);
}

static void cursors_cross_epochs(void **state)
{
    struct test_archive *t = *state;

    archive_say_all(t, "E", 1, 10);
    archive_say_all(t, "F", 11, 20);
    archive_say_all(t, "G", 21, 30);
    assert_page(archive_before(t, NULL, UINT64_MAX, 100), "G", 21, 30);
    assert_cursor(&t->page.older, "F", 21);
    assert_page(archive_before(t, "F", 21, 100), "F", 11, 20);
    assert_cursor(&t->page.older, "E", 11);
    assert_cursor(&t->page.newer, "G", 20);
    assert_page(archive_after(t, "G", 20, 100), "G", 21, 30);
    assert_page(archive_before(t, "E", 11, 100), "E", 1, 10);
    assert_false(t->page.older.valid);
    assert_cursor(&t->page.newer, "F", 10);
    assert_int_equal(archive_before(t, "F", 11, 100)->count, 0);
    assert_cursor(&t->page.older, "E", 11);
}

static void epochs_follow_each_other_in_time_not_as_they_came(void **state)
{
    struct test_archive *t = *state;

    archive_say_all(t, "new", 51, 60); /* then a file with older ones is imported */
    archive_say_all(t, "old", 1, 10);
    archive_say_all(t, "middle", 21, 30);
    assert_page(archive_before(t, NULL, UINT64_MAX, 100), "new", 51, 60);
    assert_cursor(&t->page.older, "middle", 31);
    assert_page(archive_before(t, "middle", 31, 100), "middle", 21, 30);
    assert_cursor(&t->page.older, "old", 11);
}

static void holes_are_counted(void **state)
{
    struct test_archive *t = *state;

    archive_say_all(t, "E", 11, 20);
    archive_say_all(t, "E", 31, 40);
    assert_int_equal(archive_before(t, "E", 41, 10)->missing, 0);
    assert_int_equal(archive_before(t, "E", 31, 5)->missing, 10);
    assert_int_equal(archive_before(t, "E", 36, 15)->missing, 10);
    assert_int_equal(archive_before(t, "E", 45, 10)->missing, 4);
    assert_int_equal(archive_after(t, "E", 20, 5)->missing, 10);
    assert_int_equal(archive_after(t, "E", 0, 5)->missing,
                     0); /* never were there, or are too old */
    assert_int_equal(archive_after(t, "E", 0, 20)->missing, 10);
    assert_int_equal(archive_before(t, "E", 11, 5)->missing, 0);
}

static void a_date_leads_to_its_messages(void **state)
{
    struct test_archive *t = *state;

    archive_say_all(t, "E", 1, 100);
    archive_say_all(t, "F", 201, 300);
    assert_page(archive_at(t, 0, 5), "E", 1, 5);
    assert_page(archive_at(t, 50000, 5), "E", 50, 54);
    assert_page(archive_at(t, 50001, 5), "E", 51, 55);
    assert_int_equal(t->page.missing, 0);
    assert_cursor(&t->page.older, "E", 51);
    assert_page(archive_at(t, 100000, 5), "E", 100, 100);
    assert_cursor(&t->page.newer, "F", 200);
    assert_page(archive_at(t, 100001, 5), "F", 201, 205);
    assert_page(archive_at(t, 299001, 5), "F", 300, 300);
    assert_int_equal(archive_at(t, 300001, 5)->count, 0);
    assert_cursor(&t->page.older, "F", 301);
}

static void unknown_streams_and_epochs_are_told_apart(void **state)
{
    struct test_archive *t = *state;
    const struct page_query query = { .stream = "r:nowhere", .way = PAGE_AFTER };

    archive_say_all(t, "E", 1, 3);
    assert_false(archive_before(t, "X", 5, 10)->known);
    assert_true(archive_page(t, query)->known);
    assert_int_equal(t->page.count, 0);
    assert_int_equal(archive_at(t, 0, 1)->count, 1);
}

/* ---- Redis lost the end of an epoch ---- */

static void what_was_sent_again_shows_once(void **state)
{
    struct test_archive *t = *state;

    archive_say_all(t, "E", 1, 17);
    archive_upkeep(t); /* some are in the index */
    archive_say_all(t, "E", 18, 20);
    /* Redis had them up to 15: its next epoch goes on at 16. */
    assert_int_equal(archive_say(t, "F", 16, 21000, "E-17").added, 1);
    assert_int_equal(archive_say(t, "F", 17, 21001, "E-18").added, 1);
    assert_int_equal(archive_say(t, "F", 18, 21002, "fresh").added, 1);
    assert_page(archive_before(t, NULL, UINT64_MAX, 100), "F", 16, 18);
    assert_cursor(&t->page.older, "E", 21);
    assert_int_equal(archive_before(t, "E", 21, 100)->count, 18);
    assert_int_equal(t->page.missing, 0);
    archive_upkeep(t);
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM search WHERE search MATCH 'text'"), 21);
    /* Another process does the same after a restart. */
    archive_close(t);
    archive_open(t);
    archive_sql(t,
                "UPDATE message SET time_ms = time_ms + 1000 * unixepoch()"); /* they are young */
    archive_close(t);
    archive_open(t);
    char json[256];
    struct sink_written written;
    snprintf(json, sizeof json,
             "{\"type\":\"message\",\"seq\":19,\"id\":\"E-20\",\"user\":\"ann\","
             "\"timestamp\":%" PRId64 "}",
             clock_wall_ms() + 30000);
    archive_write(t, "r:hall", "F", 19, json, &written);
    assert_int_equal(archive_before(t, "E", 21, 100)->count, 17);
    assert_int_equal(archive_say(t, "E", 17, 17000, "E-17").repeated, 1); /* stays hidden */
    assert_int_equal(archive_before(t, "E", 21, 100)->count, 17);
}

static void an_epoch_that_lost_its_end_goes_on_and_nothing_is_lost(void **state)
{
    struct test_archive *t = *state;

    archive_say_all(t, "E", 1, 3);
    archive_upkeep(t); /* they are in the index */
    archive_say_all(t, "E", 4, 4);
    for (int twice = 0; twice < 2; twice++) {
        const struct sink_written w3 = archive_say(t, "E", 3, 5000, "other-3");
        const struct sink_written w4 = archive_say(t, "E", 4, 5001, "other-4");
        assert_int_equal(w3.added + w4.added, twice ? 0 : 2);
        assert_int_equal(w3.repeated + w4.repeated, twice ? 2 : 0);
    }
    assert_page(archive_before(t, "E", UINT64_MAX, 100), "E", 1, 4);
    assert_non_null(memmem(t->page.messages[2].data, t->page.messages[2].size, "other-3", 7));
    assert_page(archive_before(t, "E~1", UINT64_MAX, 100), "E~1", 3, 4);
    assert_non_null(memmem(t->page.messages[0].data, t->page.messages[0].size, "E-3", 3));
    archive_upkeep(t);
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM search WHERE search MATCH 'text'"), 6);
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM search WHERE search MATCH 'other'"), 2);
    /* the sender of the lost one repeats it; and once more the end is lost */
    assert_int_equal(archive_say(t, "E", 5, 6000, "E-4").added, 1);
    assert_int_equal(archive_before(t, "E~1", UINT64_MAX, 100)->count, 1);
    assert_int_equal(archive_say(t, "E", 3, 7000, "third-3").added, 1);
    assert_int_equal(archive_before(t, "E~2", UINT64_MAX, 100)->count, 1);
}

static void an_older_epoch_that_comes_later_hides_nothing(void **state)
{
    struct test_archive *t = *state;

    assert_int_equal(archive_say(t, "F", 16, 21000, "x").added, 1);
    assert_int_equal(archive_say(t, "E", 15, 11000, "x").added, 1);
    assert_page(archive_before(t, "F", UINT64_MAX, 100), "F", 16, 16);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, archive_setup, archive_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_repeat_changes_nothing),
        TEST(a_batch_may_be_in_any_order),
        TEST(what_is_no_message_is_kept_apart),
        TEST(no_more_than_1000_are_kept_apart),
        TEST(the_highest_number_is_no_special_case),
        TEST(a_type_of_later_is_stored_as_it_is),
        TEST(records_keep_the_highest_version),
        TEST(pages_lead_back_and_forth),
        TEST(cursors_cross_epochs),
        TEST(epochs_follow_each_other_in_time_not_as_they_came),
        TEST(holes_are_counted),
        TEST(a_date_leads_to_its_messages),
        TEST(unknown_streams_and_epochs_are_told_apart),
        TEST(what_was_sent_again_shows_once),
        TEST(an_epoch_that_lost_its_end_goes_on_and_nothing_is_lost),
        TEST(an_older_epoch_that_comes_later_hides_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

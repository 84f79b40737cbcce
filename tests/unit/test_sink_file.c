/* An archive as a file: what goes out of it, who may open it, and what damage does. */
#include "support/archive.h"
#include "support/test.h"

#include "archive/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- what goes ---- */

static uint64_t days_ago(int days)
{
    return (uint64_t)(clock_wall_ms() - days * INT64_C(86400000));
}

static void what_is_too_old_goes(void **state)
{
    struct test_archive *t = *state;

    for (uint64_t i = 1; i <= 20; i++)
        archive_say(t, "E", i, (int64_t)days_ago(21 - (int)i), "x");
    archive_upkeep(t);
    archive_close(t);
    t->settings.archive_days = 5;
    archive_open(t);
    archive_upkeep(t);
    assert_page(archive_before(t, NULL, UINT64_MAX, 100), "E", 17, 20);
    assert_false(t->page.older.valid);
    assert_int_equal(archive_after(t, "E", 0, 100)->missing, 0);
    assert_int_equal(archive_about(t).messages, 4);
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM search WHERE search MATCH 'text'"), 4);
}

static void what_is_too_much_goes_oldest_epoch_first(void **state)
{
    struct test_archive *t = *state;
    struct sink_written written;

    archive_say_all(t, "E", 1, 700);
    archive_say_all(t, "F", 701, 710);
    archive_write(t, "d:ann|bob", "P", 1,
                  "{\"type\":\"private\",\"seq\":1,\"user\":\"ann\",\"timestamp\":1}", &written);
    archive_upkeep(t);
    archive_close(t);
    t->settings.archive_room_messages = 30;
    archive_open(t);
    archive_upkeep(t);
    assert_page(archive_before(t, NULL, UINT64_MAX, 100), "F", 701, 710);
    assert_page(archive_before(t, "E", UINT64_MAX, 100), "E", 681, 700);
    assert_false(t->page.older.valid);
    assert_int_equal(archive_about(t).messages, 31); /* a conversation is no room */
    archive_close(t);
    t->settings.archive_room_messages = 10;
    archive_open(t);
    archive_upkeep(t);
    assert_false(archive_before(t, "E", UINT64_MAX, 100)->known);
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM search WHERE search MATCH 'text'"), 10);
    assert_int_equal(archive_say(t, "E", 701, 999999, "y").added, 1);
}

static void say_as(struct test_archive *t, uint64_t seq, const char *user, const char *word)
{
    char json[256];
    struct sink_written written;

    snprintf(json, sizeof json,
             "{\"type\":\"message\",\"seq\":%" PRIu64 ",\"id\":\"i%" PRIu64 "\",\"user\":\"%s\","
             "\"content\":\"word %s\",\"timestamp\":%" PRIu64 ",\"cid\":\"%scid\"}",
             seq, seq, user, word, seq, user);
    archive_write(t, "r:hall", "E", seq, json, &written);
    assert_int_equal(written.added, 1);
}

static void order_to_forget(struct test_archive *t, const char *user, int64_t until_ms,
                            const char *json)
{
    const struct sink_record order = { "forget", user, until_ms, json, strlen(json) };
    const struct sink_batch batch = { .records = &order, .record_count = 1 };
    struct sink_written written;

    assert_int_equal(sink_sqlite.write(t->sink, &batch, &written), SINK_OK);
}

static void assert_no_word(const struct test_archive *t)
{
    static const char *const words[] = { "xyzzyplugh", "carol", "6361726F6C", "6361726f6c" };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        assert_false(archive_file_has(t, "archive.db", words[i]));
        assert_false(archive_file_has(t, "archive.db-wal", words[i]));
    }
}

static void forgetting_leaves_no_word(void **state)
{
    struct test_archive *t = *state;

    for (uint64_t i = 1; i <= 300; i++) {
        say_as(t, i, i % 3 ? "bob" : "carol", i % 3 ? "common" : "xyzzyplugh");
        if (i == 150)
            archive_upkeep(t);
    }
    archive_upkeep(t);
    assert_true(archive_file_has(t, "archive.db-wal", "xyzzyplugh"));
    order_to_forget(t, "carol", 10000, "{\"as\":\"deleted-1\"}");
    archive_close(t); /* the order outlives a restart */
    archive_open(t);
    archive_upkeep(t);
    assert_page(archive_before(t, NULL, UINT64_MAX, 100), "E", 201, 300);
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM search WHERE search MATCH 'word'"), 200);
    assert_int_equal(
        archive_sql(
            t, "SELECT count(*) FROM message WHERE json_extract(json, '$.user') = 'deleted-1'"
               " AND json_extract(json, '$.content') = '' AND json_extract(json, '$.deleted')"),
        100);
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM record"), 0);
    assert_no_word(t);
}

static void who_has_the_name_now_keeps_what_they_wrote(void **state)
{
    struct test_archive *t = *state;

    say_as(t, 100, "carol", "before");
    say_as(t, 101, "carol", "after");
    order_to_forget(t, "carol", 100, "");
    archive_upkeep(t);
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM search WHERE search MATCH 'before'"), 0);
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM search WHERE search MATCH 'after'"), 1);
}

static void the_index_can_be_turned_off_and_on(void **state)
{
    struct test_archive *t = *state;

    archive_say_all(t, "E", 1, 10);
    archive_upkeep(t);
    archive_close(t);
    t->settings.archive_index = false;
    archive_open(t);
    archive_say_all(t, "E", 11, 20);
    archive_upkeep(t);
    assert_int_equal(archive_about(t).unindexed, 0);
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM search WHERE search MATCH 'text'"), 0);
    const struct search_query query = { .q = "text", .limit = 1 };
    struct search_result found;
    assert_int_equal(archive_search(t, &query, &found), SINK_OK);
    assert_int_equal(found.refused, ERROR_SEARCH_OFF);
    archive_close(t);
    t->settings.archive_index = true;
    archive_open(t);
    assert_int_equal(archive_about(t).unindexed, 20);
    archive_upkeep(t);
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM search WHERE search MATCH 'text'"), 20);
}

/* ---- who may open it ---- */

static enum sink_status try_open(struct test_archive *t, enum sink_mode mode)
{
    char why[SINK_WHY_BYTES + 1] = "";
    void *sink;
    const enum sink_status status = sink_sqlite.open(&t->settings, mode, &sink, why);

    if (status == SINK_OK)
        sink_sqlite.close(sink);
    else
        assert_true(strlen(why) > 10);
    return status;
}

static void there_is_one_writer(void **state)
{
    struct test_archive *t = *state;

    assert_int_equal(try_open(t, SINK_WRITE), SINK_TAKEN);
    assert_int_equal(try_open(t, SINK_ADD), SINK_OK);
    sink_sqlite.close(t->sink);
    t->sink = NULL;
    assert_int_equal(try_open(t, SINK_WRITE), SINK_OK);
}

static void a_folder_that_is_not_there(void **state)
{
    struct test_archive *t = *state;

    archive_close(t);
    t->settings.archive_dir = "/tmp/confab-no/such/folder";
    assert_int_equal(try_open(t, SINK_WRITE), SINK_IO);
    assert_int_equal(try_open(t, SINK_READ), SINK_IO);
}

static void nobody_else_can_read_the_file(void **state)
{
    struct test_archive *t = *state;
    static const char *const names[] = { "archive.db", "archive.db-wal", "archive.lock",
                                         "archive.write" };
    char path[128];
    struct stat st;

    archive_say_all(t, "E", 1, 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", t->folder, names[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void a_file_that_was_replaced_is_noticed(void **state)
{
    struct test_archive *t = *state;
    struct sink_written written;
    const struct page_query query = { .stream = "r:hall", .way = PAGE_AFTER, .limit = 10 };

    archive_say_all(t, "E", 1, 3);
    assert_true(archive_shell(t, "cp archive.db new && mv new archive.db"));
    assert_int_equal(sink_sqlite.page(t->reader, &query, &t->page), SINK_IO);
    assert_int_equal(sink_sqlite.write(t->sink, &(struct sink_batch){ .entry = "1-1" }, &written),
                     SINK_IO);
}

static void a_file_made_anew_is_the_same_archive(void **state)
{
    struct test_archive *t = *state;
    const struct sink_about first = archive_about(t);

    archive_close(t);
    assert_true(archive_shell(t, "rm archive.db*"));
    archive_open(t);
    assert_string_equal(archive_about(t).archive, first.archive);
    assert_string_equal(archive_about(t).entry, "");
}

static void another_writer_holds_the_lock(void **state)
{
    struct test_archive *t = *state;
    struct sink_written written;
    void *tool;
    char why[SINK_WHY_BYTES + 1];

    assert_int_equal(sink_sqlite.open(&t->settings, SINK_ADD, &tool, why), SINK_OK);
    assert_true(file_lock(tool));
    assert_int_equal(sink_sqlite.write(t->sink, &(struct sink_batch){ .entry = "1-1" }, &written),
                     SINK_LOCKED);
    assert_int_equal(archive_before(t, NULL, UINT64_MAX, 10)->count, 0); /* readers do not wait */
    file_unlock(tool);
    archive_say_all(t, "E", 1, 1);
    sink_sqlite.close(tool);
}

static void a_full_disk_takes_nothing_and_gives_all_later(void **state)
{
    struct test_archive *t = *state;
    static struct sink_message messages[2000];
    static char texts[2000][128];
    const struct sink_batch batch = { .messages = messages, .message_count = 2000, .entry = "9-9" };
    struct sink_written written;

    for (unsigned i = 0; i < 2000; i++) {
        const int size = snprintf(texts[i], sizeof texts[i],
                                  "{\"type\":\"message\",\"seq\":%u,\"user\":\"ann\","
                                  "\"content\":\"text\",\"timestamp\":1}",
                                  i + 1);
        messages[i] = (struct sink_message){ "r:hall", "E", i + 1, texts[i], (size_t)size, "9-9" };
    }
    archive_sql(t, "PRAGMA max_page_count = 30"); /* SQLITE_FULL, as of a disk */
    assert_int_equal(sink_sqlite.write(t->sink, &batch, &written), SINK_FULL);
    assert_string_equal(archive_about(t).entry, "");
    assert_int_equal(archive_before(t, NULL, UINT64_MAX, 10)->count, 0);
    archive_sql(t, "PRAGMA max_page_count = 1000000");
    assert_int_equal(sink_sqlite.write(t->sink, &batch, &written), SINK_OK);
    assert_int_equal(written.added, 2000);
    assert_page(archive_before(t, NULL, UINT64_MAX, 10), "E", 1991, 2000);
}

/* ---- damage ---- */

/* Overwrites the pages of a table or index, but for its first. */
static void damage(struct test_archive *t, const char *where)
{
    char text[256], path[128];
    int64_t pages[512] = { 0 };
    unsigned count = 0;
    sqlite3_stmt *s;

    archive_sql(t, "PRAGMA wal_checkpoint(TRUNCATE)");
    snprintf(text, sizeof text, "SELECT pageno FROM dbstat WHERE %s AND pagetype = 'leaf'", where);
    assert_int_equal(sqlite3_prepare_v2(((struct file *)t->sink)->db, text, -1, &s, NULL),
                     SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW && count < 512)
        pages[count++] = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    assert_true(count > 2);
    archive_close(t);
    snprintf(path, sizeof path, "%s/archive.db", t->folder);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    for (unsigned i = count / 2; i < count / 2 + 2; i++) {
        assert_int_equal(fseek(file, (long)(pages[i] - 1) * 4096, SEEK_SET), 0);
        for (unsigned byte = 0; byte < 4096; byte++)
            fputc(0x5a, file);
    }
    fclose(file);
    archive_open(t);
}

static enum sink_status read_all(struct test_archive *t)
{
    struct page_query query = { "r:hall", "E", PAGE_AFTER, 0, 0, 100, 0 };
    enum sink_status status = SINK_OK;

    do {
        status = sink_sqlite.page(t->reader, &query, &t->page);
        query.seq = t->page.last_seq;
    } while (status == SINK_OK && t->page.count == 100);
    return status;
}

static void damage_to_messages_is_repaired_by_opening(void **state)
{
    struct test_archive *t = *state;
    const struct sink_about first = archive_about(t);
    const struct sink_record record = { "account", "ann", 3, "{}", 2 };
    const struct sink_batch batch = { .records = &record, .record_count = 1, .entry = "9-9" };
    struct sink_written written;
    struct sink_records records;

    archive_say_all(t, "E", 1, 1000);
    archive_say_all(t, "F", 1001, 1100);
    assert_int_equal(sink_sqlite.write(t->sink, &batch, &written), SINK_OK);
    damage(t, "name = 'message'");
    assert_int_equal(read_all(t), SINK_CORRUPT);
    /* The reader's word reaches the writer. */
    assert_int_equal(sink_sqlite.write(t->sink, &(struct sink_batch){ .entry = "9-9" }, &written),
                     SINK_CORRUPT);
    archive_close(t);
    archive_open(t);
    assert_string_equal(archive_about(t).archive, first.archive);
    assert_string_equal(archive_about(t).entry, "");
    assert_true(archive_about(t).repairing);
    archive_upkeep(t);
    assert_false(archive_about(t).repairing);
    assert_int_equal(read_all(t), SINK_OK);
    /* About twice what two pages hold is lost, at most. */
    assert_true(archive_about(t).messages >= 1100 - 120 && archive_about(t).messages < 1100);
    assert_page(archive_before(t, NULL, UINT64_MAX, 10), "F", 1091, 1100);
    assert_int_equal(sink_sqlite.records(t->reader, "account", "", &records), SINK_OK);
    assert_int_equal(records.count, 1);
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM pragma_integrity_check WHERE 1"), 1);
}

static void damaged_pages_of_the_index_cost_no_message(void **state)
{
    struct test_archive *t = *state;
    struct sink_written written;

    archive_say_all(t, "E", 1, 1000);
    archive_upkeep(t);
    damage(t, "name = 'search_data'");
    damage_mark(t->sink);
    assert_int_equal(sink_sqlite.write(t->sink, &(struct sink_batch){ .entry = "9-9" }, &written),
                     SINK_CORRUPT);
    archive_close(t);
    archive_open(t);
    archive_upkeep(t);
    assert_int_equal(archive_about(t).messages, 1000);
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM search WHERE search MATCH 'text'"), 1000);
}

static void an_index_that_is_wrong_is_made_anew(void **state)
{
    struct test_archive *t = *state;
    static const char *const stream = "r:hall";
    const struct search_query query = {
        .q = "text", .streams = &stream, .stream_count = 1, .limit = 10
    };
    struct search_result found;

    archive_say_all(t, "E", 1, 1000);
    archive_upkeep(t);
    assert_int_equal(archive_search(t, &query, &found), SINK_OK);
    archive_sql(t, "DELETE FROM search_data WHERE id > 10");
    archive_close(t);
    archive_open(t);
    assert_int_equal(archive_search(t, &query, &found), SINK_CORRUPT);
    archive_close(t);
    archive_open(t);
    assert_false(archive_about(t).repairing);
    assert_int_equal(archive_about(t).messages, 1000);
    assert_int_equal(archive_about(t).unindexed, 1000);
    archive_upkeep(t);
    assert_int_equal(archive_search(t, &query, &found), SINK_OK);
    assert_int_equal(found.count, 10);
}

static void what_is_no_database_is_put_aside(void **state)
{
    struct test_archive *t = *state;

    archive_say_all(t, "E", 1, 10);
    archive_close(t);
    assert_true(archive_shell(t, "printf 'no database, but text%500s' x > archive.db"));
    assert_int_equal(try_open(t, SINK_READ), SINK_CORRUPT);
    archive_open(t);
    archive_upkeep(t);
    assert_false(archive_about(t).repairing);
    assert_int_equal(archive_about(t).messages, 0);
    archive_say_all(t, "E", 1, 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, archive_setup, archive_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_too_old_goes),
        TEST(what_is_too_much_goes_oldest_epoch_first),
        TEST(forgetting_leaves_no_word),
        TEST(who_has_the_name_now_keeps_what_they_wrote),
        TEST(the_index_can_be_turned_off_and_on),
        TEST(there_is_one_writer),
        TEST(a_folder_that_is_not_there),
        TEST(nobody_else_can_read_the_file),
        TEST(a_file_that_was_replaced_is_noticed),
        TEST(a_file_made_anew_is_the_same_archive),
        TEST(another_writer_holds_the_lock),
        TEST(a_full_disk_takes_nothing_and_gives_all_later),
        TEST(damage_to_messages_is_repaired_by_opening),
        TEST(damaged_pages_of_the_index_cost_no_message),
        TEST(an_index_that_is_wrong_is_made_anew),
        TEST(what_is_no_database_is_put_aside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "support/search.h"
#include "support/test.h"

#include "archive/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void pages_have_every_hit_once(void **state)
{
    struct search_world *w = *state;
    unsigned pages;

    search_add_many(w, 6000);
    w->query.streams = search_both;
    w->query.stream_count = 2;
    assert_int_equal(search_walk(w, "common", SEARCH_BUDGET_US, &pages), 6000);
    assert_true(pages >= 6000 / 50);
    assert_int_equal(search_walk(w, "some", SEARCH_BUDGET_US, &pages), 600);
    assert_int_equal(search_walk(w, "rare", SEARCH_BUDGET_US, &pages), 12);
    w->query.limit = 7;
    assert_int_equal(search_walk(w, "some", SEARCH_BUDGET_US, &pages), 600);
}

/* However little time there is, each page gets on. */
static void pages_without_time_get_on(void **state)
{
    struct search_world *w = *state;
    unsigned pages;

    search_add_many(w, 6000);
    w->query.streams = search_both;
    w->query.stream_count = 2;
    assert_int_equal(search_walk(w, "rare", 0, &pages), 12);
    assert_true(pages > 1);
    assert_int_equal(search_walk(w, "absent", 0, &pages), 0);
    assert_int_equal(search_walk(w, "common", 0, &pages), 6000);
}

static int times_run(struct search_world *w, enum statement which)
{
    struct file *f = w->sink;

    return sqlite3_stmt_status(f->statements[which], SQLITE_STMTSTATUS_RUN, 1);
}

enum { MANY = 30 }; /* rooms */

/* Messages of all rooms in turn, a second apart: "common", and in each `sparse`th one "some". */
static void add_rooms(struct search_world *w, const char *(*streams)[MANY], unsigned count,
                      unsigned sparse)
{
    static char names[MANY][16];
    struct sink_message *messages = xcalloc(count, sizeof *messages);
    struct str *json = xcalloc(count, sizeof *json);
    struct sink_written written;

    for (unsigned i = 0; i < count; i++) {
        const unsigned room = i % MANY, seq = i + 1;
        snprintf(names[room], sizeof names[room], "r:room%02u", room);
        (*streams)[room] = names[room];
        /* the rooms whose ids are highest, where a search begins, have it less often */
        const bool some = room < MANY / 2 || i / MANY % sparse == 0;
        str_addf(&json[i],
                 "{\"type\":\"message\",\"user\":\"bob\",\"seq\":%u,"
                 "\"content\":\"common%s\",\"timestamp\":%lld}",
                 seq, some ? " some" : "", (long long)(SEARCH_NOW_MS + i * INT64_C(1000)));
        messages[i] =
            (struct sink_message){ names[room], "E", seq, json[i].data, json[i].size, "0-1" };
    }
    const struct sink_batch batch = { .messages = messages, .message_count = count };
    search_must(sink_sqlite.write(w->sink, &batch, &written), w);
    assert_int_equal(written.added, count);
    search_keep_up(w);
    for (unsigned i = 0; i < count; i++)
        str_fini(&json[i]);
    free(json);
    free(messages);
    w->query.streams = *streams;
    w->query.stream_count = MANY;
}

/* A window has the newest of every room, for one statement of the index each: they are what a
 * search in many rooms costs. */
static void many_rooms_take_one_round(void **state)
{
    struct search_world *w = *state;
    const char *streams[MANY];
    unsigned pages;

    add_rooms(w, &streams, 9000, 1);
    w->query.q = "common";
    times_run(w, STATEMENT_SEARCH_MATCH);
    search_must(search_within(w->sink, &w->query, 60000000, 0, &w->result), w);
    assert_int_equal(w->result.count, 50);
    for (size_t i = 0; i < 50; i++)
        assert_true(strtoul(strstr(w->result.hits[i].json, "\"seq\":") + 6, NULL, 10) > 8900);
    assert_int_equal(times_run(w, STATEMENT_SEARCH_MATCH), 1);
    assert_int_equal(times_run(w, STATEMENT_SEARCH_MATCH_UP), MANY);
    assert_int_equal(search_walk(w, "common", 60000000, &pages), 9000);
}

/* Where far more is found than was expected, the newest of it is taken. */
static void rooms_that_differ_have_every_hit_once(void **state)
{
    struct search_world *w = *state;
    const char *streams[MANY];
    unsigned pages;

    add_rooms(w, &streams, 18000, 16);
    w->query.q = "some";
    times_run(w, STATEMENT_SEARCH_MATCH);
    search_must(search_within(w->sink, &w->query, 60000000, 0, &w->result), w);
    assert_true(times_run(w, STATEMENT_SEARCH_MATCH) > 1);
    assert_int_equal(search_walk(w, "some", 60000000, &pages), MANY / 2 * (600 + 600 / 16 + 1));
}

static void messages_of_one_moment_get_on(void **state)
{
    struct search_world *w = *state;
    unsigned pages;

    file_exec(w->sink, "PRAGMA synchronous = OFF");
    for (unsigned i = 0; i < 2500; i++)
        search_say(w, "same");
    search_keep_up(w);
    assert_in_range(search_walk(w, "same", SEARCH_BUDGET_US, &pages), SEARCH_CANDIDATES, 2500);
}

static void what_comes_meanwhile_moves_no_page(void **state)
{
    struct search_world *w = *state;
    char cursor[SINK_CURSOR_BYTES + 1];

    w->query.limit = 1;
    search_write(w, "r:general", "E", "alice", SEARCH_NOW_MS, "word a");
    search_write(w, "r:general", "E", "alice", SEARCH_NOW_MS + 1, "word b");
    search_keep_up(w);
    assert_string_equal(search_found(w, "word"), "word b");
    text_copy(cursor, sizeof cursor, w->result.cursor);
    search_write(w, "r:general", "E", "alice", SEARCH_NOW_MS + 2, "word c");
    search_keep_up(w);
    w->query.cursor = cursor;
    assert_string_equal(search_found(w, "word"), "word a");
    assert_string_equal(w->result.cursor, "");
}

static void a_cursor_belongs_to_its_search(void **state)
{
    static const char *const wrong[] = {
        "x",
        "0",
        "ZZ",
        "t",
        "t0000000000000000000000000000000000000000",
        "i000000000000000000000000000000000000000000000000000000000000"
    };
    static const char *const secret[] = { "r:secret" };
    struct search_world *w = *state;
    char cursor[SINK_CURSOR_BYTES + 1];

    w->query.limit = 1;
    search_say(w, "word a");
    search_say(w, "word b");
    search_write(w, "r:secret", "E", "alice", SEARCH_NOW_MS, "word c");
    search_keep_up(w);
    search_found(w, "word");
    text_copy(cursor, sizeof cursor, w->result.cursor);
    assert_int_equal(strlen(cursor), 41);
    w->query.cursor = cursor;
    assert_string_equal(search_found(w, "word"), "word a");
    assert_string_equal(search_found(w, "words"), "refused");
    assert_int_equal(w->result.refused, ERROR_BAD_CURSOR);
    w->query.user = "alice";
    assert_string_equal(search_found(w, "word"), "refused");
    w->query.user = NULL;
    w->query.since_ms = 1;
    assert_string_equal(search_found(w, "word"), "refused");
    w->query.since_ms = 0;
    w->query.streams = secret;
    assert_string_equal(search_found(w, "word"), "refused");
    w->query.streams = search_general;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        w->query.cursor = wrong[i];
        assert_string_equal(search_found(w, "word"), "refused");
        assert_int_equal(w->result.refused, ERROR_BAD_CURSOR);
    }
    /* one that was tampered with shows less, or nothing */
    memset(cursor + 13, 'f', 28);
    w->query.cursor = cursor;
    assert_string_equal(search_found(w, "word"), "");
    memset(cursor + 13, '0', 28);
    assert_string_equal(search_found(w, "word"), "");
}

static void what_was_taken_out_is_not_found(void **state)
{
    struct search_world *w = *state;
    struct file *f = w->sink;

    search_say(w, "word a");
    search_say(w, "word b");
    search_keep_up(w);
    assert_true(file_begin(f, true));
    message_kind(f, epoch_low(1) + 1, KIND_AGAIN);
    assert_int_equal(file_end(f), SINK_OK);
    assert_string_equal(search_found(w, "word"), "word b");
}

/* Messages of one word each, `count` in a transaction. */
static void add_batch(struct search_world *w, unsigned count)
{
    struct sink_message *messages = xcalloc(count, sizeof *messages);
    struct sink_written written;

    for (unsigned i = 0; i < count; i++) {
        struct str json = STR_INIT;
        const uint64_t seq = ++w->seq;
        str_addf(&json,
                 "{\"type\":\"message\",\"user\":\"bob\",\"seq\":%llu,"
                 "\"content\":\"word%llu\",\"timestamp\":%lld}",
                 (unsigned long long)seq, (unsigned long long)seq, (long long)SEARCH_NOW_MS);
        messages[i] = (struct sink_message){ "r:general", "E", seq, json.data, json.size, "0-1" };
    }
    const struct sink_batch batch = { .messages = messages, .message_count = count };
    search_must(sink_sqlite.write(w->sink, &batch, &written), w);
    assert_int_equal(written.added, count);
    for (unsigned i = 0; i < count; i++)
        free((char *)messages[i].json);
    free(messages);
}

static int64_t parts_of_index(struct search_world *w)
{
    struct file *f = w->sink;
    sqlite3_stmt *s = NULL;

    assert_int_equal(
        sqlite3_prepare_v2(f->db, "SELECT count(DISTINCT segid) FROM search_idx", -1, &s, NULL),
        SQLITE_OK);
    const int64_t parts = file_number(f, s, -1);
    sqlite3_finalize(s);
    return parts;
}

static void the_index_is_made_one_part_when_idle(void **state)
{
    struct search_world *w = *state;
    struct file *f = w->sink;
    bool more;

    file_exec(f, "PRAGMA synchronous = OFF");
    for (unsigned i = 0; i < 11; i++) {
        add_batch(w, 2000);
        do { /* beside messages */
            f->index_mono_ms = 0;
            search_must(sink_sqlite.upkeep(f, 20000, &more), w);
        } while (more);
    }
    assert_true(parts_of_index(w) > 1);
    search_keep_up(w);
    assert_int_equal(parts_of_index(w), 1);
    assert_string_equal(search_found(w, "word21999"), "word21999");
    add_batch(w, 2000); /* too few for another time */
    search_keep_up(w);
    assert_int_equal(parts_of_index(w), 2);
}

static void the_log_is_copied_back(void **state)
{
    struct search_world *w = *state;
    struct file *f = w->sink;
    char path[128], text[65536];
    bool more;

    search_say(w, "unmistakable");
    snprintf(path, sizeof path, "%s/archive.db", w->folder);
    for (int i = 0; i < 2; i++) {
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        const size_t size = fread(text, 1, sizeof text, file);
        fclose(file);
        assert_true((memmem(text, size, "unmistakable", 12) != NULL) == (i == 1));
        f->log_copied -= 4096; /* as if it had grown by so many pages */
        search_must(sink_sqlite.upkeep(f, 0, &more), w);
    }
}

/* No bound of FTS5 stops it between two matches: the mark does. */
static void marks_are_in_every_room(void **state)
{
    struct search_world *w = *state;
    struct file *f = w->sink;

    search_add_many(w, 9000);
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_prepare_v2(f->db,
                                        "SELECT rowid FROM search WHERE search MATCH 'mark:x'", -1,
                                        &s, NULL),
                     SQLITE_OK);
    assert_true(file_row(f, s));
    sqlite3_finalize(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, search_setup, search_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pages_have_every_hit_once),      TEST(pages_without_time_get_on),
        TEST(many_rooms_take_one_round),      TEST(rooms_that_differ_have_every_hit_once),
        TEST(messages_of_one_moment_get_on),  TEST(what_comes_meanwhile_moves_no_page),
        TEST(a_cursor_belongs_to_its_search), TEST(what_was_taken_out_is_not_found),
        TEST(marks_are_in_every_room),        TEST(the_index_is_made_one_part_when_idle),
        TEST(the_log_is_copied_back),
    };

    return cmocka_run_group_tests_name("search_pages", tests, NULL, NULL);
}

#include "support/test.h"

#include "archive/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int64_t NOW_MS = 1700000000000;
static const int64_t DAY_MS = 86400000;

struct world {
    char folder[64];
    struct settings settings;
    void *sink;
    uint64_t seq;
    struct search_query query; /* what the next search asks beside its words */
    struct search_result result;
    struct str seen; /* contents of the hits, joined by '|' */
};

static const char *const general[] = { "r:general" };
static const char *const both[] = { "r:general", "d:alice|bob" };

static void must(enum sink_status status, const struct world *w)
{
    if (status != SINK_OK)
        fail_msg("%s", sink_sqlite.why(w->sink));
}

static int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    char why[SINK_WHY_BYTES + 1];

    text_copy(w->folder, sizeof w->folder, "/tmp/confab-search-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    w->settings = (struct settings){ .archive_dir = w->folder, .archive_index = true };
    if (sink_sqlite.open(&w->settings, SINK_WRITE, &w->sink, why) != SINK_OK)
        fail_msg("%s", why);
    w->query = (struct search_query){ .streams = general, .stream_count = 1, .limit = 50 };
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    static const char *const files[] = { "archive.db", "archive.db-wal", "archive.db-shm",
                                         "archive.lock", "archive.write" };
    struct world *w = *state;

    sink_sqlite.close(w->sink);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", w->folder, files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(w->folder), 0);
    str_fini(&w->seen);
    free(w);
    return 0;
}

/* A message as it is published. content is what stands between the quotes in JSON. */
static void write_at(struct world *w, const char *stream, const char *epoch, const char *user,
                     int64_t time_ms, const char *content)
{
    struct str json = STR_INIT;
    struct sink_written written;
    const uint64_t seq = ++w->seq;

    str_addf(&json,
             "{\"type\":\"%s\",\"id\":\"%llx\",\"user\":\"%s\",\"seq\":%llu,\"content\":\"%s\","
             "\"timestamp\":%lld}",
             stream[0] == 'r' ? "message" : "private", (unsigned long long)seq, user,
             (unsigned long long)seq, content, (long long)time_ms);
    const struct sink_message message = { stream, epoch, seq, json.data, json.size, "0-1" };
    const struct sink_batch batch = { .messages = &message, .message_count = 1 };
    must(sink_sqlite.write(w->sink, &batch, &written), w);
    assert_int_equal(written.added, 1);
    str_fini(&json);
}

static void say(struct world *w, const char *content)
{
    write_at(w, "r:general", "E", "alice", NOW_MS, content);
}

/* Until nothing is to be done. */
static void keep_up(struct world *w)
{
    struct file *f = w->sink;
    bool more = true;

    while (more) {
        f->index_mono_ms = 0; /* without the wait for more messages */
        must(sink_sqlite.upkeep(f, 1000000, &more), w);
    }
}

/* The contents of the hits, best first, joined by '|'; "refused" when it is. */
static const char *found(struct world *w, const char *q)
{
    w->query.q = q;
    must(sink_sqlite.search(w->sink, &w->query, &w->result), w);
    str_reset(&w->seen);
    str_addz(&w->seen, w->result.refused == ERROR_NONE ? "" : "refused");
    for (size_t i = 0; i < w->result.count; i++) {
        const char *content = strstr(w->result.hits[i].json, "\"content\":\"") + 11;
        str_addz(&w->seen, i > 0 ? "|" : "");
        str_add(&w->seen, content, (size_t)(strstr(content, "\",\"timestamp") - content));
    }
    return w->seen.data;
}

static const char *parts(struct world *w, const char *q)
{
    found(w, q);
    assert_int_equal(w->result.count, 1);
    return w->result.hits[0].parts;
}

/* ---- */

static void a_hit_is_the_message_and_where_it_is(void **state)
{
    struct world *w = *state;

    say(w, "The quick brown fox");
    keep_up(w);
    assert_string_equal(found(w, "quick"), "The quick brown fox");
    assert_string_equal(w->result.hits[0].stream, "r:general");
    assert_string_equal(w->result.hits[0].epoch, "E");
    assert_string_equal(w->result.hits[0].parts, "[\"The \",\"quick\",\" brown fox\"]");
    assert_int_equal(w->result.hits[0].json_size, strlen(w->result.hits[0].json));
    assert_true(w->result.hits[0].score > 0);
    assert_string_equal(w->result.cursor, "");
    assert_false(w->result.partial);
}

static void every_word_must_be_there(void **state)
{
    struct world *w = *state;

    say(w, "one two three");
    say(w, "one three");
    keep_up(w);
    assert_string_equal(found(w, "three one"), "one three|one two three");
    assert_string_equal(found(w, "  TWO\t\u3000one "), "one two three");
    assert_string_equal(found(w, "one four"), "");
    assert_string_equal(found(w, "\"one three\""), "one three");
    assert_string_equal(found(w, "\"three one\""), "");
    assert_string_equal(found(w, "\"one two\" three"), "one two three");
    assert_string_equal(found(w, "\"one two"), "one two three"); /* an open phrase ends there */
}

/* What an expression of FTS5 or SQL would be is text. */
static void syntax_is_text(void **state)
{
    static const struct {
        const char *q, *found;
    } table[] = {
        { "OR", "near or not and (col : x*) ^y" },
        { "one OR two", "" },
        { "one AND NOT two", "" },
        { "NEAR(one two, 5)", "" },
        { "NEAR OR NOT AND", "near or not and (col : x*) ^y" },
        { "content:one", "" },
        { "author:alice", "" },
        { "col : x", "near or not and (col : x*) ^y" },
        { "on*", "" },
        { "one*", "one" },
        { "^one", "one" },
        { "+one", "one" },
        { "-one", "one" },
        { "{one}", "one" },
        { "(one", "one" },
        { "one)", "one" },
        { "'one'", "one" },
        { "one;", "one" },
        { "one -- two", "" },
        { "one \" \"", "one" },
        { "one\\", "one" },
        { "one'); DROP TABLE message; --", "" },
        { "\"one\"\"\"", "one" },
        { "\"\"one\"\"", "one" },
        { "?1", "" },
        { "%s%n", "" },
    };
    struct world *w = *state;

    say(w, "one");
    say(w, "near or not and (col : x*) ^y");
    keep_up(w);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const char *got = found(w, table[i].q);
        if (strcmp(got, table[i].found) != 0)
            fail_msg("%s: found %s", table[i].q, got);
    }
    assert_string_equal(found(w, "one"), "one"); /* it is all still there */
}

static void what_has_no_word_is_refused(void **state)
{
    static const char *const bad[] = {
        "", " ", "...", "\"", "\"\"", "\" \" - \"!\"", "*", "\u200b"
    };
    struct world *w = *state;
    char text[1000];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_string_equal(found(w, bad[i]), "refused");
        assert_int_equal(w->result.refused, ERROR_BAD_QUERY);
    }
    memset(text, 'x', sizeof text);
    text[RULE_SEARCH_BYTES] = '\0';
    assert_string_equal(found(w, text), "");
    text[RULE_SEARCH_BYTES] = 'x';
    text[RULE_SEARCH_BYTES + 1] = '\0';
    assert_string_equal(found(w, text), "refused");
    assert_string_equal(found(w, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"), "");
    assert_string_equal(found(w, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17"), "refused");
    assert_string_equal(found(w, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 ."), "");
}

static void parts_take_turns(void **state)
{
    struct world *w = *state;

    say(w, "say \\\"hi\\\" \\\\ <b> \\u0002 &amp; \\u0003 caf\\u00e9 \\u0001");
    say(w, "\\u0003 turn \\u0002");
    say(w, "\\\\u0002 escaped");
    keep_up(w);
    assert_string_equal(parts(w, "hi"),
                        "[\"say \\\"\",\"hi\",\"\\\" \\\\ <b> \",\" &amp; \",\" café "
                        "\\u0001\"]");
    assert_string_equal(parts(w, "turn"), "[\" \",\"turn\",\" \",\"\"]");
    assert_string_equal(parts(w, "escaped"), "[\"\\\\u0002 \",\"escaped\",\"\"]");
}

static void a_long_text_is_cut_around_the_hit(void **state)
{
    struct world *w = *state;
    struct str text = STR_INIT;

    for (unsigned i = 0; i < 400; i++)
        str_addf(&text, "%s ", i == 300 ? "needle" : "straw");
    say(w, text.data);
    str_fini(&text);
    keep_up(w);
    const char *got = parts(w, "needle");
    assert_true(strlen(got) < 250);
    assert_memory_equal(got, "[\"…straw", 10);
    assert_non_null(strstr(got, "\",\"needle\",\""));
}

static void only_what_was_asked_for(void **state)
{
    struct world *w = *state;

    write_at(w, "r:general", "E", "alice", NOW_MS - 2 * DAY_MS, "word a");
    write_at(w, "r:general", "F", "bob", NOW_MS - DAY_MS, "word b");
    write_at(w, "r:secret", "E", "bob", NOW_MS, "word c");
    write_at(w, "d:alice|bob", "E", "bob", NOW_MS, "word d");
    keep_up(w);
    assert_string_equal(found(w, "word"), "word b|word a");
    w->query.streams = both;
    w->query.stream_count = 2;
    assert_string_equal(found(w, "word"), "word d|word b|word a");
    assert_string_equal(w->result.hits[0].stream, "d:alice|bob");
    assert_string_equal(w->result.hits[0].epoch, "E");
    assert_string_equal(w->result.hits[1].stream, "r:general");
    assert_string_equal(w->result.hits[1].epoch, "F");
    w->query.user = "bob";
    assert_string_equal(found(w, "word"), "word d|word b");
    w->query.user = "nobody";
    assert_string_equal(found(w, "word"), "");
    w->query.user = "b\" OR content : \"word";
    assert_string_equal(found(w, "word"), "");
    w->query.user = NULL;
    w->query.since_ms = NOW_MS - DAY_MS;
    assert_string_equal(found(w, "word"), "word d|word b");
    w->query.since_ms++;
    assert_string_equal(found(w, "word"), "word d");
    w->query.since_ms = 0;
    w->query.until_ms = NOW_MS - DAY_MS;
    assert_string_equal(found(w, "word"), "word a");
    w->query.until_ms++;
    assert_string_equal(found(w, "word"), "word b|word a");
    w->query.since_ms = w->query.until_ms;
    assert_string_equal(found(w, "word"), "");
    w->query.since_ms = INT64_MAX;
    w->query.until_ms = INT64_MIN;
    assert_string_equal(found(w, "word"), "");
    w->query = (struct search_query){ .limit = 50 };
    assert_string_equal(found(w, "word"), ""); /* of no room */
}

static void all_conversations_of_a_person(void **state)
{
    static const char *const of_bob[] = { "d:bob" }, *const of_bo[] = { "d:bo" };
    struct world *w = *state;

    write_at(w, "d:alice|bob", "E", "bob", NOW_MS, "word a");
    write_at(w, "d:bob|carol", "E", "bob", NOW_MS + 1, "word b");
    write_at(w, "d:bob|bob", "E", "bob", NOW_MS + 2, "word c");
    write_at(w, "d:alice|carol", "E", "alice", NOW_MS + 3, "word d");
    write_at(w, "d:bobby|carol", "E", "bobby", NOW_MS + 4, "word e");
    write_at(w, "d:alice|jim-bob", "E", "alice", NOW_MS + 5, "word f");
    write_at(w, "r:bob", "E", "bob", NOW_MS + 6, "word g");
    keep_up(w);
    w->query.streams = of_bob;
    assert_string_equal(found(w, "word"), "word c|word b|word a");
    assert_string_equal(w->result.hits[1].stream, "d:bob|carol");
    w->query.streams = of_bo;
    assert_string_equal(found(w, "word"), "");
}

static void more_of_it_and_newer_is_better(void **state)
{
    struct world *w = *state;

    write_at(w, "r:general", "E", "alice", NOW_MS - 400 * DAY_MS, "tea");
    write_at(w, "r:general", "E", "alice", NOW_MS - 300 * DAY_MS, "tea tea tea tea tea");
    write_at(w, "r:general", "E", "alice", NOW_MS - 60 * DAY_MS, "tea again");
    write_at(w, "r:general", "E", "alice", NOW_MS, "no coffee but tea");
    keep_up(w);
    assert_string_equal(found(w, "tea"), "no coffee but tea|tea tea tea tea tea|tea again|tea");
}

static void new_messages_are_searchable_after_upkeep(void **state)
{
    struct world *w = *state;
    struct file *f = w->sink;
    bool more;

    say(w, "early");
    keep_up(w);
    say(w, "late");
    assert_string_equal(found(w, "late"), "");
    assert_int_equal(w->result.behind, 1);
    f->index_mono_ms = INT64_MAX;
    must(sink_sqlite.upkeep(f, 1000000, &more), w);
    assert_false(more);
    assert_int_equal((found(w, "early"), w->result.behind), 1); /* one is not worth it yet */
    keep_up(w);
    assert_string_equal(found(w, "late"), "late");
    assert_int_equal(w->result.behind, 0);
}

enum { LATE_US = 60000000 }; /* so slow no machine is, with whatever sanitizer */

/* Walks all pages. The number of hits; every hit once, or it fails. */
static unsigned walk(struct world *w, const char *q, int64_t budget_us, unsigned *pages)
{
    char cursor[SINK_CURSOR_BYTES + 1] = "";
    static bool seen[20000];
    unsigned hits = 0;

    memset(seen, 0, sizeof seen);
    *pages = 0;
    w->query.q = q;
    do {
        w->query.cursor = cursor;
        must(search_within(w->sink, &w->query, budget_us, LATE_US, &w->result), w);
        assert_int_equal(w->result.refused, ERROR_NONE);
        for (size_t i = 0; i < w->result.count; i++) {
            const unsigned n =
                (unsigned)strtoul(strstr(w->result.hits[i].json, "\"seq\":") + 6, NULL, 10);
            assert_false(seen[n]);
            seen[n] = true;
            hits++;
        }
        text_copy(cursor, sizeof cursor, w->result.cursor);
        ++*pages;
    } while (*cursor != '\0');
    w->query.cursor = NULL;
    return hits;
}

static void add_many(struct world *w, unsigned count)
{
    file_exec(w->sink, "PRAGMA synchronous = OFF");
    for (unsigned i = 0; i < count; i++) {
        char content[64];
        snprintf(content, sizeof content, "common %s%s", i % 10 == 0 ? "some " : "",
                 i % 500 == 0 ? "rare" : "");
        write_at(w, i % 3 == 0 ? "d:alice|bob" : "r:general", i < count / 2 ? "E" : "F", "bob",
                 NOW_MS + i / 4 * 60000, content);
    }
    keep_up(w);
    /* rows and index agree, the marks too */
    file_exec(w->sink, "INSERT INTO search (search, rank) VALUES ('integrity-check', 1)");
    assert_int_equal(((struct file *)w->sink)->status, SINK_OK);
}

static void pages_have_every_hit_once(void **state)
{
    struct world *w = *state;
    unsigned pages;

    add_many(w, 6000);
    w->query.streams = both;
    w->query.stream_count = 2;
    assert_int_equal(walk(w, "common", SEARCH_BUDGET_US, &pages), 6000);
    assert_true(pages >= 6000 / 50);
    assert_int_equal(walk(w, "some", SEARCH_BUDGET_US, &pages), 600);
    assert_int_equal(walk(w, "rare", SEARCH_BUDGET_US, &pages), 12);
    w->query.limit = 7;
    assert_int_equal(walk(w, "some", SEARCH_BUDGET_US, &pages), 600);
}

/* However little time there is, each page gets on. */
static void pages_without_time_get_on(void **state)
{
    struct world *w = *state;
    unsigned pages;

    add_many(w, 6000);
    w->query.streams = both;
    w->query.stream_count = 2;
    assert_int_equal(walk(w, "rare", 0, &pages), 12);
    assert_true(pages > 1);
    assert_int_equal(walk(w, "absent", 0, &pages), 0);
    assert_int_equal(walk(w, "common", 0, &pages), 6000);
}

static void messages_of_one_moment_get_on(void **state)
{
    struct world *w = *state;
    unsigned pages;

    file_exec(w->sink, "PRAGMA synchronous = OFF");
    for (unsigned i = 0; i < 2500; i++)
        say(w, "same");
    keep_up(w);
    assert_in_range(walk(w, "same", SEARCH_BUDGET_US, &pages), SEARCH_CANDIDATES, 2500);
}

static void what_comes_meanwhile_moves_no_page(void **state)
{
    struct world *w = *state;
    char cursor[SINK_CURSOR_BYTES + 1];

    w->query.limit = 1;
    write_at(w, "r:general", "E", "alice", NOW_MS, "word a");
    write_at(w, "r:general", "E", "alice", NOW_MS + 1, "word b");
    keep_up(w);
    assert_string_equal(found(w, "word"), "word b");
    text_copy(cursor, sizeof cursor, w->result.cursor);
    write_at(w, "r:general", "E", "alice", NOW_MS + 2, "word c");
    keep_up(w);
    w->query.cursor = cursor;
    assert_string_equal(found(w, "word"), "word a");
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
    struct world *w = *state;
    char cursor[SINK_CURSOR_BYTES + 1];

    w->query.limit = 1;
    say(w, "word a");
    say(w, "word b");
    write_at(w, "r:secret", "E", "alice", NOW_MS, "word c");
    keep_up(w);
    found(w, "word");
    text_copy(cursor, sizeof cursor, w->result.cursor);
    assert_int_equal(strlen(cursor), 41);
    w->query.cursor = cursor;
    assert_string_equal(found(w, "word"), "word a");
    assert_string_equal(found(w, "words"), "refused");
    assert_int_equal(w->result.refused, ERROR_BAD_CURSOR);
    w->query.user = "alice";
    assert_string_equal(found(w, "word"), "refused");
    w->query.user = NULL;
    w->query.since_ms = 1;
    assert_string_equal(found(w, "word"), "refused");
    w->query.since_ms = 0;
    w->query.streams = secret;
    assert_string_equal(found(w, "word"), "refused");
    w->query.streams = general;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        w->query.cursor = wrong[i];
        assert_string_equal(found(w, "word"), "refused");
        assert_int_equal(w->result.refused, ERROR_BAD_CURSOR);
    }
    /* one that was tampered with shows less, or nothing */
    memset(cursor + 13, 'f', 28);
    w->query.cursor = cursor;
    assert_string_equal(found(w, "word"), "");
    memset(cursor + 13, '0', 28);
    assert_string_equal(found(w, "word"), "");
}

static void what_was_taken_out_is_not_found(void **state)
{
    struct world *w = *state;
    struct file *f = w->sink;

    say(w, "word a");
    say(w, "word b");
    keep_up(w);
    assert_true(file_begin(f, true));
    message_kind(f, epoch_low(1) + 1, KIND_AGAIN);
    assert_int_equal(file_end(f), SINK_OK);
    assert_string_equal(found(w, "word"), "word b");
}

/* Messages of one word each, `count` in a transaction. */
static void add_batch(struct world *w, unsigned count)
{
    struct sink_message *messages = xcalloc(count, sizeof *messages);
    struct sink_written written;

    for (unsigned i = 0; i < count; i++) {
        struct str json = STR_INIT;
        const uint64_t seq = ++w->seq;
        str_addf(&json,
                 "{\"type\":\"message\",\"user\":\"bob\",\"seq\":%llu,"
                 "\"content\":\"word%llu\",\"timestamp\":%lld}",
                 (unsigned long long)seq, (unsigned long long)seq, (long long)NOW_MS);
        messages[i] = (struct sink_message){ "r:general", "E", seq, json.data, json.size, "0-1" };
    }
    const struct sink_batch batch = { .messages = messages, .message_count = count };
    must(sink_sqlite.write(w->sink, &batch, &written), w);
    assert_int_equal(written.added, count);
    for (unsigned i = 0; i < count; i++)
        free((char *)messages[i].json);
    free(messages);
}

static int64_t parts_of_index(struct world *w)
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
    struct world *w = *state;
    struct file *f = w->sink;
    bool more;

    file_exec(f, "PRAGMA synchronous = OFF");
    for (unsigned i = 0; i < 11; i++) {
        add_batch(w, 2000);
        do { /* beside messages */
            f->index_mono_ms = 0;
            must(sink_sqlite.upkeep(f, 20000, &more), w);
        } while (more);
    }
    assert_true(parts_of_index(w) > 1);
    keep_up(w);
    assert_int_equal(parts_of_index(w), 1);
    assert_string_equal(found(w, "word21999"), "word21999");
    add_batch(w, 2000); /* too few for another time */
    keep_up(w);
    assert_int_equal(parts_of_index(w), 2);
}

static void the_log_is_copied_back(void **state)
{
    struct world *w = *state;
    struct file *f = w->sink;
    char path[128], text[65536];
    bool more;

    say(w, "unmistakable");
    snprintf(path, sizeof path, "%s/archive.db", w->folder);
    for (int i = 0; i < 2; i++) {
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        const size_t size = fread(text, 1, sizeof text, file);
        fclose(file);
        assert_true((memmem(text, size, "unmistakable", 12) != NULL) == (i == 1));
        f->log_copied -= 4096; /* as if it had grown by so many pages */
        must(sink_sqlite.upkeep(f, 0, &more), w);
    }
}

/* No bound of FTS5 stops it between two matches: the mark does. */
static void marks_are_in_every_room(void **state)
{
    struct world *w = *state;
    struct file *f = w->sink;

    add_many(w, 9000);
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_prepare_v2(f->db,
                                        "SELECT rowid FROM search WHERE search MATCH 'mark:x'", -1,
                                        &s, NULL),
                     SQLITE_OK);
    assert_true(file_row(f, s));
    sqlite3_finalize(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_hit_is_the_message_and_where_it_is),
        TEST(every_word_must_be_there),
        TEST(syntax_is_text),
        TEST(what_has_no_word_is_refused),
        TEST(parts_take_turns),
        TEST(a_long_text_is_cut_around_the_hit),
        TEST(only_what_was_asked_for),
        TEST(all_conversations_of_a_person),
        TEST(more_of_it_and_newer_is_better),
        TEST(new_messages_are_searchable_after_upkeep),
        TEST(pages_have_every_hit_once),
        TEST(pages_without_time_get_on),
        TEST(messages_of_one_moment_get_on),
        TEST(what_comes_meanwhile_moves_no_page),
        TEST(a_cursor_belongs_to_its_search),
        TEST(what_was_taken_out_is_not_found),
        TEST(marks_are_in_every_room),
        TEST(the_index_is_made_one_part_when_idle),
        TEST(the_log_is_copied_back),
    };

    return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}

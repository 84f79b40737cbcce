#include "support/archive.h"
#include "support/test.h"

#include "archive/search.h"
#include "archive/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void archive_open(struct test_archive *t)
{
    char why[SINK_WHY_BYTES + 1] = "";

    if (sink_sqlite.open(&t->settings, SINK_WRITE, &t->sink, why) != SINK_OK ||
        sink_sqlite.open(&t->settings, SINK_READ, &t->reader, why) != SINK_OK)
        fail_msg("%s", why);
}

void archive_close(struct test_archive *t)
{
    sink_sqlite.close(t->reader);
    sink_sqlite.close(t->sink);
    t->reader = t->sink = NULL;
}

int archive_setup(void **state)
{
    struct test_archive *t = xcalloc(1, sizeof *t);

    text_copy(t->folder, sizeof t->folder, "/tmp/confab-sink-XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    t->settings.archive_dir = t->folder;
    t->settings.archive_index = true;
    archive_open(t);
    *state = t;
    return 0;
}

bool archive_shell(const struct test_archive *t, const char *command)
{
    char line[512];

    snprintf(line, sizeof line, "cd '%s' && %s", t->folder, command);
    return system(line) == 0; /* NOLINT(cert-env33-c): a test's own words */
}

int archive_teardown(void **state)
{
    struct test_archive *t = *state;

    archive_close(t);
    assert_true(archive_shell(t, "rm -r \"$PWD\""));
    free(t);
    return 0;
}

/* ---- helpers ---- */

void archive_write(struct test_archive *t, const char *stream, const char *epoch, uint64_t seq,
                   const char *json, struct sink_written *out)
{
    const struct sink_message m = { stream, epoch, seq, json, strlen(json), "5-0" };

    assert_int_equal(
        sink_sqlite.write(t->sink, &(struct sink_batch){ .messages = &m, .message_count = 1 }, out),
        SINK_OK);
}

static size_t make_json(char *out, size_t size, uint64_t seq, int64_t time_ms, const char *id)
{
    return (size_t)snprintf(
        out, size,
        "{\"type\":\"message\",\"room\":\"hall\",\"seq\":%" PRIu64 ",\"id\":\"%s\","
        "\"user\":\"ann\",\"content\":\"text %s\",\"timestamp\":%" PRId64 ",\"cid\":\"c%s\"}",
        seq, id, id, time_ms, id);
}

struct sink_written archive_say(struct test_archive *t, const char *epoch, uint64_t seq,
                                int64_t time_ms, const char *id)
{
    char json[512];
    struct sink_written written;

    make_json(json, sizeof json, seq, time_ms, id);
    archive_write(t, "r:hall", epoch, seq, json, &written);
    return written;
}

void archive_say_all(struct test_archive *t, const char *epoch, uint64_t from, uint64_t to)
{
    const size_t count = to - from + 1;
    struct sink_message *messages = xcalloc(count, sizeof *messages);
    char(*texts)[256] = xcalloc(count, sizeof *texts);
    struct sink_written written;

    for (size_t i = 0; i < count; i++) {
        char id[48];
        snprintf(id, sizeof id, "%s-%" PRIu64, epoch, from + i);
        const size_t size =
            make_json(texts[i], sizeof texts[i], from + i, (int64_t)(from + i) * 1000, id);
        messages[i] = (struct sink_message){ "r:hall", epoch, from + i, texts[i], size, "5-0" };
    }
    const struct sink_batch batch = { .messages = messages, .message_count = count };
    assert_int_equal(sink_sqlite.write(t->sink, &batch, &written), SINK_OK);
    assert_int_equal(written.added, count);
    free(messages);
    free(texts);
}

const struct page_result *archive_page(struct test_archive *t, struct page_query query)
{
    if (query.stream == NULL)
        query.stream = "r:hall";
    if (query.limit == 0)
        query.limit = 100;
    assert_int_equal(sink_sqlite.page(t->reader, &query, &t->page), SINK_OK);
    return &t->page;
}

const struct page_result *archive_before(struct test_archive *t, const char *epoch, uint64_t seq,
                                         unsigned limit)
{
    return archive_page(
        t, (struct page_query){ .epoch = epoch, .way = PAGE_BEFORE, .seq = seq, .limit = limit });
}

const struct page_result *archive_after(struct test_archive *t, const char *epoch, uint64_t seq,
                                        unsigned limit)
{
    return archive_page(
        t, (struct page_query){ .epoch = epoch, .way = PAGE_AFTER, .seq = seq, .limit = limit });
}

const struct page_result *archive_at(struct test_archive *t, int64_t at_ms, unsigned limit)
{
    return archive_page(t, (struct page_query){ .way = PAGE_AT, .at_ms = at_ms, .limit = limit });
}

static uint64_t seq_of(const struct frame_part *part)
{
    char *copy = xmemdupz(part->data, part->size);
    const char *found = strstr(copy, "\"seq\":");

    assert_non_null(found);
    const uint64_t seq = strtoull(found + 6, NULL, 10);
    free(copy);
    return seq;
}

/* "E 3-7": these, oldest first, without a hole. */
void assert_page(const struct page_result *p, const char *epoch, uint64_t first, uint64_t last)
{
    assert_true(p->known);
    assert_string_equal(p->epoch, epoch);
    assert_int_equal(p->count, last - first + 1);
    for (size_t i = 0; i < p->count; i++)
        assert_int_equal(seq_of(&p->messages[i]), first + i);
    assert_int_equal(p->first_seq, first);
    assert_int_equal(p->last_seq, last);
}

void assert_cursor(const struct page_cursor *c, const char *epoch, uint64_t seq)
{
    assert_true(c->valid);
    assert_string_equal(c->epoch, epoch);
    assert_int_equal(c->seq, seq);
}

struct sink_about archive_about(struct test_archive *t)
{
    struct sink_about a;

    assert_int_equal(sink_sqlite.about(t->reader, &a), SINK_OK);
    return a;
}

enum sink_status archive_search(struct test_archive *t, const struct search_query *query,
                                struct search_result *out)
{
    enum { LONG_US = 20 * 1000 * 1000 };
    return search_within(t->reader, query, LONG_US, LONG_US, out);
}

void archive_upkeep(struct test_archive *t)
{
    struct file *f = t->sink;
    bool more = true;

    while (more || archive_sql(t, "SELECT count(*) FROM unindexed") > 0) {
        f->index_mono_ms = 0; /* without the wait for more messages */
        assert_int_equal(sink_sqlite.upkeep(t->sink, 1000000, &more), SINK_OK);
    }
}

/* A number that SQL computes in the writer's connection. */
int64_t archive_sql(struct test_archive *t, const char *text)
{
    struct file *f = t->sink;
    sqlite3_stmt *s;

    if (sqlite3_prepare_v2(f->db, text, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(f->db));
    sqlite3_step(s);
    const int64_t n = sqlite3_column_int64(s, 0);
    if (sqlite3_finalize(s) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(f->db));
    return n;
}

bool archive_file_has(const struct test_archive *t, const char *name, const char *text)
{
    char command[256];

    snprintf(command, sizeof command, "grep -q -a -e '%s' '%s'", text, name);
    return archive_shell(t, command);
}

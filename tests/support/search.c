#include "support/search.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const search_general[1] = { "r:general" };
const char *const search_both[2] = { "r:general", "d:alice|bob" };

void search_must(enum sink_status status, const struct search_world *w)
{
    if (status != SINK_OK)
        fail_msg("%s", sink_sqlite.why(w->sink));
}

int search_setup(void **state)
{
    struct search_world *w = xcalloc(1, sizeof *w);
    char why[SINK_WHY_BYTES + 1];

    text_copy(w->folder, sizeof w->folder, "/tmp/confab-search-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    w->settings = (struct settings){ .archive_dir = w->folder, .archive_index = true };
    if (sink_sqlite.open(&w->settings, SINK_WRITE, &w->sink, why) != SINK_OK)
        fail_msg("%s", why);
    w->query = (struct search_query){ .streams = search_general, .stream_count = 1, .limit = 50 };
    *state = w;
    return 0;
}

int search_teardown(void **state)
{
    static const char *const files[] = { "archive.db", "archive.db-wal", "archive.db-shm",
                                         "archive.lock", "archive.write" };
    struct search_world *w = *state;

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
void search_write(struct search_world *w, const char *stream, const char *epoch, const char *user,
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
    search_must(sink_sqlite.write(w->sink, &batch, &written), w);
    assert_int_equal(written.added, 1);
    str_fini(&json);
}

void search_say(struct search_world *w, const char *content)
{
    search_write(w, "r:general", "E", "alice", SEARCH_NOW_MS, content);
}

/* Until nothing is to be done. */
void search_keep_up(struct search_world *w)
{
    struct file *f = w->sink;
    bool more = true;

    while (more) {
        f->index_mono_ms = 0; /* without the wait for more messages */
        search_must(sink_sqlite.upkeep(f, 1000000, &more), w);
    }
}

/* The contents of the hits, best first, joined by '|'; "refused" when it is. */
const char *search_found(struct search_world *w, const char *q)
{
    w->query.q = q;
    search_must(sink_sqlite.search(w->sink, &w->query, &w->result), w);
    str_reset(&w->seen);
    str_addz(&w->seen, w->result.refused == ERROR_NONE ? "" : "refused");
    for (size_t i = 0; i < w->result.count; i++) {
        const char *content = strstr(w->result.hits[i].json, "\"content\":\"") + 11;
        str_addz(&w->seen, i > 0 ? "|" : "");
        str_add(&w->seen, content, (size_t)(strstr(content, "\",\"timestamp") - content));
    }
    return w->seen.data;
}

void search_add_many(struct search_world *w, unsigned count)
{
    file_exec(w->sink, "PRAGMA synchronous = OFF");
    for (unsigned i = 0; i < count; i++) {
        char content[64];
        snprintf(content, sizeof content, "common %s%s", i % 10 == 0 ? "some " : "",
                 i % 500 == 0 ? "rare" : "");
        search_write(w, i % 3 == 0 ? "d:alice|bob" : "r:general", i < count / 2 ? "E" : "F", "bob",
                     SEARCH_NOW_MS + i / 4 * 60000, content);
    }
    search_keep_up(w);
    /* rows and index agree, the marks too */
    file_exec(w->sink, "INSERT INTO search (search, rank) VALUES ('integrity-check', 1)");
    assert_int_equal(((struct file *)w->sink)->status, SINK_OK);
}

enum { LATE_US = 60000000 }; /* so slow no machine is, with whatever sanitizer */

/* Walks all pages. The number of hits; every hit once, or it fails. */
unsigned search_walk(struct search_world *w, const char *q, int64_t budget_us, unsigned *pages)
{
    char cursor[SINK_CURSOR_BYTES + 1] = "";
    static bool seen[20000];
    unsigned hits = 0;

    memset(seen, 0, sizeof seen);
    *pages = 0;
    w->query.q = q;
    do {
        w->query.cursor = cursor;
        search_must(search_within(w->sink, &w->query, budget_us, LATE_US, &w->result), w);
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

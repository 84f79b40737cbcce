/* An archive in a folder of its own, with the one writer and a reader. */
#ifndef TESTS_SUPPORT_ARCHIVE_H
#define TESTS_SUPPORT_ARCHIVE_H

#include "confab/archive/sink.h"

struct test_archive {
    char folder[64];
    struct settings settings; /* a change counts from archive_open() on */
    void *sink, *reader;
    struct page_result page; /* the last one */
};

int archive_setup(void **state);
int archive_teardown(void **state);
void archive_open(struct test_archive *t);
void archive_close(struct test_archive *t);

void archive_write(struct test_archive *t, const char *stream, const char *epoch, uint64_t seq,
                   const char *json, struct sink_written *out);
/* A message of ann in r:hall with this id, whose content is "text ID". */
struct sink_written archive_say(struct test_archive *t, const char *epoch, uint64_t seq,
                                int64_t time_ms, const char *id);
/* Each with the id EPOCH-SEQ, and seq s as its time. In one batch. */
void archive_say_all(struct test_archive *t, const char *epoch, uint64_t from, uint64_t to);

/* A page of r:hall, or of query.stream; limit 0 is 100. Returns t->page. */
const struct page_result *archive_page(struct test_archive *t, struct page_query query);
const struct page_result *archive_before(struct test_archive *t, const char *epoch, uint64_t seq,
                                         unsigned limit);
const struct page_result *archive_after(struct test_archive *t, const char *epoch, uint64_t seq,
                                        unsigned limit);
const struct page_result *archive_at(struct test_archive *t, int64_t at_ms, unsigned limit);
/* The messages first … last of this epoch, oldest first. */
void assert_page(const struct page_result *p, const char *epoch, uint64_t first, uint64_t last);
void assert_cursor(const struct page_cursor *c, const char *epoch, uint64_t seq);

struct sink_about archive_about(struct test_archive *t);
void archive_upkeep(struct test_archive *t); /* until nothing is to be done */
/* A search that has the time it needs, whatever else runs on the machine. */
enum sink_status archive_search(struct test_archive *t, const struct search_query *query,
                                struct search_result *out);
/* A number that SQL computes in the writer's connection. */
int64_t archive_sql(struct test_archive *t, const char *text);
/* Runs a command in its folder. True: it succeeded. */
bool archive_shell(const struct test_archive *t, const char *command);
bool archive_file_has(const struct test_archive *t, const char *name, const char *text);

#endif

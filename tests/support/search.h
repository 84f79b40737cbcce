/* An archive to search in: one stream of messages, whose numbers go on over all streams and epochs. */
#ifndef TESTS_SUPPORT_SEARCH_H
#define TESTS_SUPPORT_SEARCH_H

#include "archive/search.h"

#define SEARCH_NOW_MS INT64_C(1700000000000)
#define SEARCH_DAY_MS INT64_C(86400000)

struct search_world {
    char folder[64];
    struct settings settings;
    void *sink;
    uint64_t seq;
    struct search_query query; /* what the next search asks beside its words */
    struct search_result result;
    struct str seen; /* contents of the hits, joined by '|' */
};

extern const char *const search_general[1], *const search_both[2];

int search_setup(void **state);
int search_teardown(void **state);
void search_must(enum sink_status status, const struct search_world *w); /* be SINK_OK */
/* A message as it is published. content is what stands between the quotes in JSON. */
void search_write(struct search_world *w, const char *stream, const char *epoch, const char *user,
                  int64_t time_ms, const char *content);
void search_say(struct search_world *w, const char *content); /* alice, now, in r:general */
/* "common", every tenth "some", every 500th "rare"; a third of them in d:alice|bob; 15 s apart. */
void search_add_many(struct search_world *w, unsigned count);
void search_keep_up(struct search_world *w); /* until nothing is to be done */
/* The contents of the hits, best first, joined by '|'; "refused" when it is. */
const char *search_found(struct search_world *w, const char *q);
/* Walks all pages. The number of hits; every hit once, or it fails. */
unsigned search_walk(struct search_world *w, const char *q, int64_t budget_us, unsigned *pages);

#endif

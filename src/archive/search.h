/* Searches in the index of an archive. https://www.sqlite.org/fts5.html */
#ifndef ARCHIVE_SEARCH_H
#define ARCHIVE_SEARCH_H

#include "state.h"

enum {
    SEARCH_BUDGET_US = 30000,  /* for looking through the index; older messages are another page */
    SEARCH_LATE_US = 200000,   /* more, to see again all that the first page of a window saw */
    SEARCH_CANDIDATES = 1000,  /* newest matches that are ranked */
    SEARCH_EPOCHS_MOST = 1000, /* of rooms and conversations, in one search */
    SEARCH_BEHIND_MOST = 100000, /* counted so far */
};

/* sqlite_search() with other times. */
enum sink_status search_within(struct file *f, const struct search_query *query, int64_t budget_us,
                               int64_t late_us, struct search_result *out) MUST_USE;

#endif

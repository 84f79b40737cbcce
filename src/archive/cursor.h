/* Pages of a search. Each answer is from a window that was looked through as a whole: of time, in
 * all streams, or of ids, which is one stream after the other. Its pages are told apart by how many
 * candidates were shown; then comes the next window. */
#ifndef ARCHIVE_CURSOR_H
#define ARCHIVE_CURSOR_H

#include "confab/archive/sink.h"

struct cursor {
    uint64_t search;            /* hash of what is searched for */
    int64_t since_ms, until_ms; /* since ≤ time < until */
    int64_t low, high;          /* ids, where the window is one of ids; else 0 */
    uint64_t next;              /* the first candidate that was not shown */
    bool goes_on;               /* it came from the asker */
};

/* Where a search begins, or goes on. False: its cursor is of another search, or none at all. What
 * is in one that was tampered with can only show less. */
bool cursor_init(struct cursor *c, const struct search_query *q) MUST_USE;
void cursor_write(const struct cursor *c, char out[SINK_CURSOR_BYTES + 1]);

#endif

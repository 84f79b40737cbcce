/* What an archive is asked: a page of one stream, a search, or one message. Goes from the hub to the archive of
 * its own instance, or as JSON through Redis to one that has an archive.
 *
 * A stream is "r:ROOM" or "d:A|B" (A before B, as in the key in Redis). */
#ifndef CONFAB_WIRE_ASK_H
#define CONFAB_WIRE_ASK_H

#include "confab/base/str.h"
#include "confab/wire/rules.h"

enum page_way {
    PAGE_BEFORE, /* the newest below seq; UINT64_MAX is the end */
    PAGE_AFTER,  /* the oldest above seq */
    PAGE_AT,     /* the oldest at or after at_ms, of any epoch */
};
struct page_query {
    const char *stream;
    const char *epoch; /* NULL or "": the newest */
    enum page_way way;
    uint64_t seq;
    int64_t at_ms;
    unsigned limit; /* 1 … RULE_HISTORY_MESSAGES */
    int64_t own_ms; /* nothing older: it is of who had the asker's name before; 0: all */
};

struct search_query {
    const char *q;
    /* That the asker may read, and asked for. "d:NAME" stands for all conversations of NAME. */
    const char *const *streams;
    size_t stream_count;
    const char *user;           /* who wrote it; NULL or "": anybody */
    int64_t since_ms, until_ms; /* since ≤ time < until; 0: no bound */
    int64_t own_ms;             /* of conversations nothing older, as above */
    unsigned limit;             /* 1 … RULE_SEARCH_RESULTS */
    const char *cursor;         /* of the answer before; NULL or "": the first page */
};

enum ask_kind {
    ASK_PAGE,
    ASK_SEARCH,
    ASK_FIND, /* the message page.seq of page.stream, in the newest epoch that has this number */
};

struct ask {
    enum ask_kind kind;
    struct page_query page;
    struct search_query find;
    const char *cid; /* page, search: echoed in the frame; NULL or "": none */
    /* page: the stream as the frame names it, a room or "@NAME" */
    const char *as;
    /* page: the stream's present epoch, its first number and its top, as the asker knows them. The
     * archive may not have the last ones yet, or nothing of this epoch. NULL or "": not known */
    const char *now_epoch;
    uint64_t now_first, now_top;
    /* search: who asks, or NULL: hits of "d:A|B" are named "@" and the other of the two */
    const char *viewer;
};

/* Appends the ask as JSON. Any thread. */
void ask_json(struct str *out, const struct ask *ask);
/* What ask_json() wrote: returns new, with texts of its own; NULL when it is none, or breaks a
 * bound. Any thread. */
struct ask *ask_parse(const char *json, size_t size) MUST_USE;
void ask_free(struct ask *ask); /* one that ask_parse() returned; NULL is fine */

#endif

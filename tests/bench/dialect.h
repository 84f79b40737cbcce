/* How a server wants to be spoken to: confab itself, and those that it is compared with. Data and
 * functions on text; nothing here knows of sockets or counts. docs/PROTOCOL.md is confab's own. */
#ifndef CONFAB_BENCH_DIALECT_H
#define CONFAB_BENCH_DIALECT_H

#include "confab/base/base.h"
#include "confab/base/str.h"

/* What a text frame holds. */
enum dialect_frame {
    FRAME_DOCUMENT, /* one JSON document, perhaps in an envelope */
    FRAME_LINES,    /* one or several, each on a line of its own */
    FRAME_ECHO,     /* what a client sent, as it was: live messages have no number */
};

/* Who connects, and to what. */
struct seat {
    const char *user; /* its session has the same name */
    const char *room; /* NULL: none, this user gets private messages */
    bool resuming;
    const char *epoch; /* with seq, when resuming: the last message that it has */
    uint64_t seq;
};

/* What a frame says, without its envelope. */
struct document {
    char type[16]; /* "open": hello may follow. Empty when this was not understood. */
    const char *json;
    size_t size;
};

struct dialect {
    const char *name;
    enum dialect_frame frame;
    bool ordered;        /* numbers rise by one for a client of whichever server */
    bool waits_for_open; /* hello follows the document "open", not the answer to the request */
    unsigned settle_s;   /* how long after connecting what is sent may be lost */
    const char *headers; /* further lines of the request */
    /* Around the JSON of a message, of a private one. */
    const char *before_message, *before_private, *after;
    const char *heartbeat; /* the answer to one */
    void (*path)(const struct seat *seat, struct str *out);
    void (*hello)(const struct seat *seat, struct str *out); /* leaves it empty: no need of one */
    void (*unwrap)(struct document *d); /* json and size are the frame's; sets what they are */
};

/* NULL when there is none of that name. */
const struct dialect *dialect_find(const char *name);

/* A client's message to a room, to a user; the ids are left out when they are NULL. */
void dialect_message(const struct dialect *d, const char *room, const char *to, const char *content,
                     const char *cid, struct str *out);

/* How each live message of a room begins (NULL: each private one), up to its number; where there
 * are no numbers, up to its content. */
void dialect_prefix(const struct dialect *d, const char *room, struct str *out);

#endif

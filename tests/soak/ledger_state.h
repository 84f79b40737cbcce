/* The data of the ledger, for its three parts: ledger.c (what was sent, and the end),
 * ledger_stream.c (the canonical stream of a room) and ledger_view.c (what clients see). */
#ifndef CONFAB_SOAK_LEDGER_STATE_H
#define CONFAB_SOAK_LEDGER_STATE_H

#include "ledger.h"

enum { LEDGER_RECENT = 16 }; /* messages of a sender that are kept although all is known of them */

/* A message of ours. */
struct sent {
    int64_t sent_us;
    uint64_t text, id; /* id: 0 until an ack or a receiver has told it */
    uint64_t acked_seq;
    uint64_t seq;    /* where it was seen … */
    uint32_t epoch;  /* … latest */
    uint32_t epochs; /* of the room when it was sent */
    bool acked, refused, seen;
};

/* What one sender wrote in one room: numbers first … first + count - 1. */
struct ledger_written {
    struct sent *sent;
    uint32_t first, count, capacity;
};

/* What stands at a number. whole 0: not known yet. */
struct slot {
    uint64_t whole;
    uint32_t sender, n;
};

struct epoch {
    char text[LEDGER_EPOCH_BYTES];
    uint64_t base; /* number of slots[0] */
    uint64_t top;
    struct slot *slots;
    size_t count, capacity;
    size_t forget_at; /* count at which it is time to look what can go */
};

struct ledger_room {
    struct epoch *epochs; /* the last one is the present one */
    uint32_t epoch_count;
};

/* A client in a room. */
struct ledger_view {
    uint64_t pos;       /* all up to here was shown, or declared as a gap */
    uint64_t wire;      /* highest number that this connection has brought */
    uint64_t asked_seq; /* where it stood when it asked to resume */
    int64_t newest_us;
    uint32_t epoch;
    uint32_t asks; /* since the last answer */
    bool in;       /* has a position */
    bool live;     /* was answered on this connection */
};

static inline struct ledger_view *view_of(const struct ledger *l, unsigned client, unsigned room)
{
    return &l->views[(size_t)client * l->rooms + room];
}

static inline struct ledger_written *written_of(const struct ledger *l, unsigned sender,
                                                unsigned room)
{
    return &l->writes[(size_t)sender * l->rooms + room];
}

/* NULL: never sent, or so long ago that it was forgotten. */
static inline struct sent *sent_find(const struct ledger *l, uint32_t sender, unsigned room,
                                     uint32_t n)
{
    if (sender >= l->clients)
        return NULL;
    const struct ledger_written *w = written_of(l, sender, room);
    return n - w->first < w->count ? &w->sent[n - w->first] : NULL;
}

/* ledger.c: what an ack and a receiver say of the same message must fit. */
void ledger_check_id(struct ledger *l, unsigned sender, unsigned room, uint32_t n, struct sent *s,
                     uint64_t id);
void ledger_check_acked_seq(struct ledger *l, unsigned sender, unsigned room, uint32_t n,
                            const struct sent *s);

/* ledger_stream.c */
uint32_t ledger_epoch_index(struct ledger *l, unsigned room, const char *text);
/* A client was given m: it must be what everybody has at this number. */
void ledger_place(struct ledger *l, unsigned client, unsigned room, uint32_t epoch,
                  const struct ledger_message *m);
/* The server says that the stream goes up to there. */
void ledger_raise_top(struct ledger *l, unsigned room, uint32_t epoch, uint64_t top);
/* Epochs that nobody stands in any more need no slots. */
void ledger_forget_epochs(struct ledger *l, unsigned room);

#endif

/* One connection to Redis that comes back by itself: connect, password, database, and again
 * after a growing, jittered delay. The store has two: one for commands, one for pub/sub.
 *
 *   DOWN ─delay→ RESOLVING ─address→ CONNECTING ─connected→ GREETING ─link_ready()→ UP
 *     ↑              └─────────────────────┴───── error or time-out ──┴── lost ──────┘
 *
 * hiredis answers each pending command with a NULL reply when a connection ends, so every
 * callback given to it is called exactly once. Hub thread only. */
#ifndef CONFAB_STORE_LINK_H
#define CONFAB_STORE_LINK_H

#include "address.h"
#include "confab/base/roles.h"
#include "confab/base/settings.h"
#include "confab/base/stats.h"

#include <event2/event.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>

enum {
    LINK_DELAY_MIN_MS = 100,
    LINK_DELAY_MAX_MS = 5000,
    LINK_CONNECT_MS = 5000, /* most time from the first packet to UP */
};

enum link_phase { LINK_DOWN, LINK_RESOLVING, LINK_CONNECTING, LINK_GREETING, LINK_UP };

struct link_owner {
    void *arg;
    /* Password and database are accepted. Send what has to be first, then link_ready(). */
    void (*greet)(void *arg);
    /* UP, or lost, or another reason why it is not there. */
    void (*changed)(void *arg);
};

struct link {
    const char *name; /* "commands", "bus" */
    struct event_base *base;
    const struct address *address;
    const struct settings *settings;
    struct stats *stats;
    struct link_owner owner;

    enum link_phase phase;
    redisAsyncContext *context; /* NULL in DOWN and RESOLVING */
    struct event *read, *write; /* of context */
    struct event *timer;        /* DOWN: until the next try; else until the time-out */
    struct resolve *resolve;    /* RESOLVING */
    bool write_waits;           /* `write` is pending or active */
    bool flushing;              /* within redisAsyncHandleWrite() */
    bool paused;                /* while UP nothing is read */
    bool denied;                /* the last try: Redis refused password or database */
    bool was_up;
    unsigned attempts; /* since it was up */
    char error[160];   /* why it is not there */
};

/* Connecting starts with the next turn of the event base. */
void link_init(struct link *l, const char *name, struct event_base *base,
               const struct address *address, const struct settings *settings, struct stats *stats,
               const struct link_owner *owner) REQUIRES(on_hub);
/* Answers what is pending; the owner's functions are not called. Not from a callback. */
void link_fini(struct link *l) REQUIRES(on_hub);

void link_ready(struct link *l) REQUIRES(on_hub);
static inline bool link_is_up(const struct link *l)
{
    return l->phase == LINK_UP;
}

/* Ends the connection, answers what is pending, and tries again later. From `error` it sees
 * whether Redis denied access. Does nothing while there is no connection. */
void link_drop(struct link *l, const char *error) REQUIRES(on_hub);

/* One finished command. 0 or -ENOTCONN; then `answer` is not called. */
int link_send(struct link *l, redisCallbackFn *answer, void *arg, const char *bytes, size_t size)
    REQUIRES(on_hub) MUST_USE;
/* The same from words that end in NULL. */
int link_command(struct link *l, redisCallbackFn *answer, void *arg, const char *const *words)
    REQUIRES(on_hub) MUST_USE;

void link_pause(struct link *l, bool paused) REQUIRES(on_hub);

/* Redis cannot do it now and may later, as opposed to never. */
bool error_is_temporary(const char *error);

#endif

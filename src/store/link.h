/* One connection to Redis that comes back by itself: where is it, connect, password, database,
 * and again after a growing, jittered delay. The store has two: one for commands, one for pub/sub.
 *
 *   DOWN ─delay→ LOCATING ─link_connect()→ CONNECTING ─connected→ GREETING ─link_ready()→ UP
 *     ↑              └──────────────────────────┴── error or time-out ──┴── lost ──────────┘
 *
 * Each pending command is answered with a NULL reply when a connection ends, so every callback is
 * called exactly once. Hub thread only. */
#ifndef CONFAB_STORE_LINK_H
#define CONFAB_STORE_LINK_H

#include "confab/base/roles.h"
#include "confab/base/settings.h"
#include "confab/base/stats.h"
#include "connection.h"

enum {
    LINK_DELAY_MIN_MS = 100,
    LINK_DELAY_MAX_MS = 1000,    /* a Redis that is back must be in use within 2 s */
    LINK_DELAY_DENIED_MS = 5000, /* only a person can mend that; Redis logs each attempt */
    LINK_CONNECT_MS = 5000,      /* most time from knowing the address to UP */
};

enum link_phase { LINK_DOWN, LINK_LOCATING, LINK_CONNECTING, LINK_GREETING, LINK_UP };

struct link_owner {
    void *arg;
    /* Says where Redis is with link_connect(), from within or later, or why nobody knows with
     * link_drop(). Asked anew before each try. */
    void (*locate)(void *arg);
    /* Password and database are accepted. Send what has to be first, then link_ready(). */
    void (*greet)(void *arg);
    /* UP, or lost, or another reason why it is not there. */
    void (*changed)(void *arg);
};

struct link {
    const char *name; /* "commands", "bus" */
    const struct settings *settings;
    struct stats *stats;
    struct link_owner owner;

    enum link_phase phase;
    struct connection connection; /* CONNECTING and later */
    struct event *timer;          /* DOWN: until the next try; CONNECTING, GREETING: time-out */
    bool master_only;             /* ROLE must say that it is one */
    bool paused;                  /* while UP nothing is read */
    bool denied;                  /* the last try: Redis refused password or database */
    bool was_up;
    unsigned attempts; /* since it was up */
    char error[256];   /* why it is not there */
};

/* Locating starts with the next turn of the event base. */
void link_init(struct link *l, const char *name, struct event_base *base,
               const struct settings *settings, struct stats *stats, const struct link_owner *owner)
    REQUIRES(on_hub);
/* Answers what is pending; the owner's functions are not called. Not from a callback. */
void link_fini(struct link *l) REQUIRES(on_hub);

/* While LOCATING. master_only: a replica is not taken. */
void link_connect(struct link *l, const struct address *address, bool master_only) REQUIRES(on_hub);
void link_ready(struct link *l) REQUIRES(on_hub);
static inline bool link_is_up(const struct link *l)
{
    return l->phase == LINK_UP;
}

/* Ends the connection, answers what is pending, and tries again later. From `error` it sees
 * whether Redis denied access. Does nothing while DOWN. */
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
/* A password, an access list or the number of the database is wrong. */
bool error_is_denial(const char *error);
/* It cannot because it is a replica. */
bool error_is_replica(const char *error);

#endif

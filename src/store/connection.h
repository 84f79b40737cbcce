/* One connection to a Redis or a Sentinel, from the name of the host to its end: hiredis on
 * libevent. What is said on it, time-outs and coming back are its owner's business.
 *
 *   CLOSED ─open→ RESOLVING ─number→ CONNECTING ─connected→ OPEN
 *     ↑               └──────── ended(): could not, or lost ──┘
 *
 * hiredis answers each pending command with a NULL reply when a connection ends, so every
 * callback given to it is called exactly once. Hub thread only. */
#ifndef CONFAB_STORE_CONNECTION_H
#define CONFAB_STORE_CONNECTION_H

#include "address.h"
#include "confab/base/roles.h"

#include <event2/event.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>

enum connection_phase {
    CONNECTION_CLOSED,
    CONNECTION_RESOLVING,
    CONNECTION_CONNECTING,
    CONNECTION_OPEN,
};

struct connection_owner {
    void *arg;
    void (*opened)(void *arg); /* must not close it */
    /* It is CLOSED, and the owner did not ask for it. Perhaps from within connection_open().
     * Another one must not be opened before this call returns. */
    void (*ended)(void *arg, const char *error);
};

struct connection {
    struct event_base *base;
    struct connection_owner owner;
    enum connection_phase phase;
    int port;                   /* to connect to, when the name is resolved */
    struct resolve *resolve;    /* RESOLVING */
    redisAsyncContext *context; /* CONNECTING, OPEN */
    struct event *read, *write; /* of context */
    bool write_waits;           /* `write` is pending or active */
    bool flushing;              /* within redisAsyncHandleWrite() */
    bool paused;                /* nothing is read */
};

void connection_init(struct connection *c, struct event_base *base,
                     const struct connection_owner *owner) REQUIRES(on_hub);
/* Only while CLOSED, and not from a callback of the last one. turn: as resolve_start(). */
void connection_open(struct connection *c, const struct address *address, unsigned turn)
    REQUIRES(on_hub);
/* Answers what is pending: at once, or, within a callback of hiredis, as soon as that returns.
 * Does nothing while CLOSED. */
void connection_close(struct connection *c) REQUIRES(on_hub);

/* One finished command. 0 or -ENOTCONN; then `answer` is not called. */
int connection_send(struct connection *c, redisCallbackFn *answer, void *arg, const char *bytes,
                    size_t size) REQUIRES(on_hub) MUST_USE;
/* The same from words that end in NULL. */
int connection_command(struct connection *c, redisCallbackFn *answer, void *arg,
                       const char *const *words) REQUIRES(on_hub) MUST_USE;
/* Until connection_open(). */
void connection_pause(struct connection *c, bool paused) REQUIRES(on_hub);

#endif

/* A client between the hub and its socket, and the two pumps that serve it.
 *
 *   socket ─ net thread ─→ inbox ─ reader_step ─→ hub
 *   socket ←─ net thread ←─ writer_step ─ outbox ←─ net thread ←─ hub
 *
 * The steps are the same in both ways to run them:
 *   shared     the net thread that owns the socket calls them in place; `pumps` is NULL and
 *              nobody else touches the boxes.
 *   dedicated  the threads reader-N and writer-N call them (executor.h); the boxes are guarded
 *              by pumps->lock.
 *
 * Counted through peer.refs: the session, every queue entry and the hub hold one. */
#ifndef CONFAB_PUMP_CLIENT_H
#define CONFAB_PUMP_CLIENT_H

#include "confab/hub/hub.h"
#include "confab/pump/outbox.h"

enum {
    INBOX_FRAMES = 16,        /* complete frames that wait for the reader */
    INBOX_BYTES = 65536,      /* and their bytes; the socket is not read beyond these */
    WRITE_BYTES = 128 * 1024, /* most that is joined for one send */
    WRITE_ITEMS = 256,
};

/* One complete text message of the client. */
struct text {
    int64_t received_mono_us;
    uint32_t size;
    char bytes[];
};
struct text *text_new(const void *bytes, size_t size) MUST_USE; /* stamps the time */

struct client;

/* How pumps reach the net thread that owns the client. Any thread; none of them blocks. */
struct pump_port {
    void (*send)(struct client *c, struct frame *f);               /* borrows f */
    void (*close)(struct client *c, int code, const char *reason); /* reason: a literal */
    void (*resume)(struct client *c);                     /* the inbox, once full, has room again */
    void (*hand_over)(struct client *c, struct batch *b); /* takes b: to be written */
    void (*ended)(struct client *c); /* a pump thread has nothing left to do but return */
};

/* What all clients of the process share. */
struct pump_env {
    const struct settings *settings;
    struct stats *stats;
    struct hub *hub;
    struct keyring *keyring;
    struct pump_port port;
    _Atomic uint32_t flow; /* grows each time the hub takes commands again */
};

struct pumps;

struct client {
    struct peer peer; /* first: the hub knows a client by it */
    struct pump_env *env;
    uint32_t number; /* of its threads: reader-N, writer-N */

    /* net thread */
    void *session;       /* NULL once the socket has gone */
    struct pumps *pumps; /* NULL: shared steps. Written only while no pump thread runs */
    uint32_t queued;     /* bytes in the outbox and in the send under way that nobody asked for */
    uint32_t answers;    /* and those that answer this client */
    bool leaving;        /* the socket has gone or closes: unregistered once the inbox is empty */
    struct client *next_leaving;

    /* under pumps->lock when there are pumps, else net thread */
    struct ring inbox; /* of struct text; slots NULL before the first */
    uint32_t inbox_bytes;
    struct outbox outbox;

    /* whoever runs reader_step */
    struct command *stalled; /* the hub's queue had no place for it */
    uint32_t stalled_flow;   /* env->flow before it was tried */
    bool known;              /* was given to the hub: owes it an unregister */
    bool refused;            /* was asked to close: says nothing more */
    uint16_t malformed;      /* frames within the window */
    int64_t malformed_since_ms;

    _Atomic bool greeted; /* a hello of it is with the hub */
    /* A request for history or a search is with the hub. One at a time: 50 bytes of it can be answered with
     * megabytes, and one who does not read them must not get more. */
    _Atomic bool asked;
};

/* Returns new, with one reference, for the caller's session. Net thread. */
struct client *client_new(struct pump_env *env, unsigned net) MUST_USE;

static inline struct client *client_of(struct peer *p)
{
    return (struct client *)p;
}
static inline struct client *client_ref(struct client *c)
{
    return client_of(peer_ref(&c->peer));
}
static inline void client_unref(struct client *c)
{
    peer_unref(&c->peer);
}

/* Net thread: a message arrived; takes t. pumps_received() wakes a reader thread. False when the
 * inbox is full now: stop reading until port.resume (dedicated) or until reader_step() left it
 * empty (shared). */
bool client_receive(struct client *c, struct text *t);
bool client_inbox_empty(struct client *c);
/* Net thread: nothing that it said is with a pump, waits for the hub or for Redis. What the hub is
 * just taking out of its queue may not be seen. */
bool client_idle(struct client *c);

/* Net thread: queues b (takes it) and wakes the writer thread, if there is one. */
void client_queue(struct client *c, struct batch *b);
/* Net thread: b, which was queued, has left. */
void client_written(struct client *c, const struct batch *b);
/* Net thread: drops what waits for rooms. Returns the bytes of it. */
uint32_t client_drop_rooms(struct client *c);
/* Net thread: empties the outbox. */
void client_clear(struct client *c);
/* Net thread: the number of the room's first message in the outbox, 0 when there is none. */
uint64_t client_first_seq(struct client *c, uint32_t room);
void client_clear_inbox(struct client *c);

enum reader_result {
    READER_IDLE,    /* the inbox is empty */
    READER_STALLED, /* the hub's queue is full: call again once env->flow has changed */
    READER_ASKED,   /* it waits for history: call again after client_answered() */
};
/* Takes what the inbox holds: JSON → command → hub. Answers what is wrong with it itself. */
enum reader_result reader_step(struct client *c);
/* Net thread: the history is out, the reader may go on. */
void client_answered(struct client *c);
/* Hands a ready command on, as reader_step() does; takes cmd. Not while one is stalled. */
enum reader_result reader_command(struct client *c, struct command *cmd);

/* The sends of one flush to many clients: those with the same items waiting get the same join. */
struct join_cache {
    struct batch *items[WRITE_ITEMS]; /* borrowed from joined's makers while `joined` is set */
    size_t count;
    struct batch *joined; /* NULL: nothing kept */
};
void join_cache_clear(struct join_cache *cache);

/* Takes what the outbox holds, up to WRITE_BYTES, as one batch. The caller owns it; NULL when
 * the outbox is empty. cache may be NULL. */
struct batch *writer_step(struct client *c, struct join_cache *cache) MUST_USE;

#endif

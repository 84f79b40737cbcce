/* The hub: the one thread that decides who is who, who is in which room and who gets what.
 * It owns one libevent base, the rooms, the roster and the Redis connections.
 *
 * Others reach it by three pipe-backed queues; it reaches the net threads through a port, a
 * table of functions that it was given. A lower layer never calls a higher one by name. */
#ifndef CONFAB_HUB_HUB_H
#define CONFAB_HUB_HUB_H

#include "confab/base/queue.h"
#include "confab/base/roles.h"
#include "confab/base/settings.h"
#include "confab/base/stats.h"
#include "confab/wire/command.h"
#include "confab/wire/frame.h"
#include "confab/wire/token.h"

struct archive;
struct hub;
struct user;
struct membership;
struct expiry;

/* A client as the hub sees it: the first member of pump's struct client.
 * Reference counted: each queue entry, the net thread's session and the hub hold one. */
struct peer {
    _Atomic uint32_t refs;
    void (*release)(struct peer *); /* the last reference is gone; called on any thread */
    uint16_t net;                   /* which net thread; set before it is registered */
    bool http;                      /* one GET of what was said: no user, no rooms, one answer */
    _Atomic uint32_t queued;        /* its commands that stand in a queue; the hub's own count */
    _Atomic uint32_t in_flight;     /* its commands that wait for Redis; likewise */

    /* hub thread only, zero at the start */
    int state;              /* enum peer_state in src/hub/state.h */
    bool leaving;           /* unregistered; goes once its last command has run */
    bool made_session;      /* the server made up the session */
    bool claiming;          /* the name is being claimed in Redis */
    bool takes_away;        /* it said `away` in its hello */
    int64_t typing_mono_ms; /* when it last passed a typing event on */
    int64_t seen_mono_ms;   /* when it last asked who was seen when */
    struct user *user;
    struct membership *rooms; /* list */
    uint32_t room_count;
    uint32_t asks;                    /* of history and search that wait */
    char *session;                    /* own */
    char device[DEVICE_CHARS + 1];    /* of an account; "": a guest */
    struct expiry *expiry;            /* of its access token; NULL: a guest, or not welcomed */
    struct away *away;                /* what is being delivered to it; NULL: nothing */
    struct command *hello;            /* while the name is being claimed */
    struct ring *held;                /* commands that came before welcome; NULL when none */
    struct peer *prev, *next;         /* the user's connections */
    struct peer *all_prev, *all_next; /* all registered connections */
};

struct peer *peer_ref(struct peer *p); /* returns p; any thread */
void peer_unref(struct peer *p);       /* any thread */

/* How the hub reaches clients. All are called on the hub thread, never block, never fail;
 * frames are borrowed (the port takes its own reference). Calls for one net thread take effect
 * in the order in which they were made. Calls for a peer that has gone are ignored.
 * After hub_stop() they are not called any more.
 * A net thread's queue holds more than its mark only for the rest of the hub's turn: the hub
 * asks congested() before it takes in anything new, and stops reading commands and the bus
 * until hub_port_relieved(). */
struct hub_port {
    void *arg;
    unsigned nets; /* how many net threads */
    void (*send)(void *arg, struct peer *peer, struct frame *frame);
    /* to all members of the room on that net thread */
    void (*room_send)(void *arg, unsigned net, uint32_t room, struct frame *frame);
    /* From here on the peer gets the room's frames. It may be a member already (it lagged and
     * resumed): then its place is renewed. seq: the number up to which it has been served. */
    void (*room_add)(void *arg, struct peer *peer, uint32_t room, const char *name, uint64_t seq);
    void (*room_remove)(void *arg, struct peer *peer, uint32_t room);
    /* sends `bye` and closes with that code after what is queued has left; retry_ms < 0: none */
    void (*close)(void *arg, struct peer *peer, int code, const char *reason, int64_t retry_ms);
    /* The message with a link to the file was deleted: removes it if that person sent it. */
    void (*file_drop)(void *arg, const char *id, const char *owner);
    /* end of a hub turn: wakes the net threads that got something, once each */
    void (*turn_done)(void *arg);
    bool (*congested)(void *arg);
    /* the broadcast queue was full and has room again: stalled readers may go on */
    void (*commands_flow)(void *arg);
};

struct hub_options {
    const struct settings *settings;
    struct stats *stats;
    const char *redis_addr;  /* of store_new() */
    struct archive *archive; /* started, borrowed until hub_free(); NULL: none is kept here */
    bool archives;           /* this instance keeps an archive */
    struct keyring *keyring; /* borrowed; the hub keeps it up to date */
    struct hub_port port;
};

/* Makes the hub and its queues; no thread yet. NULL with a line in the log when the machine
 * has no descriptors left, or no memory for a hash. main only. */
struct hub *hub_new(const struct hub_options *options) REQUIRES(on_main) MUST_USE;
/* Starts the thread `hub`. 0 or a negative errno. */
int hub_start(struct hub *h) REQUIRES(on_main) MUST_USE;
/* No new commands are taken; publishes under way get their answer, for at most deadline_ms;
 * then the thread ends and is joined. The port is not called afterwards. */
void hub_stop(struct hub *h, int64_t deadline_ms) REQUIRES(on_main);
/* After hub_stop() and after every peer has gone. */
void hub_free(struct hub *h) REQUIRES(on_main);

/* The three queues. Each takes over one reference to the peer on success and nothing on
 * failure. -EAGAIN: full; the caller stops reading that client's socket until
 * port.commands_flow(). Any thread. */

/* hello: a COMMAND_HELLO; taken on success. At most one is under way per peer. */
int hub_register(struct hub *h, struct peer *peer, struct command *hello) MUST_USE;
/* Every other command, and COMMAND_HISTORY of an http peer. `c` is taken on success. */
int hub_submit(struct hub *h, struct peer *peer, struct command *c) MUST_USE;
/* The connection is gone. What the peer submitted before still runs, so that a message that is
 * followed by a close is not lost. Once per peer that was ever given to hub_register() or hub_submit();
 * cannot fail: the queue has a place for every connection that may exist. */
void hub_unregister(struct hub *h, struct peer *peer);

/* Asks the hub for a sign of life, and says whether it has given the one of that round: its loop
 * turned since. Round 0 counts as answered. main only. */
void hub_ask(struct hub *h, uint32_t round) REQUIRES(on_main);
bool hub_answers(const struct hub *h, uint32_t round) REQUIRES(on_main);

/* A net thread's queue fell below its mark. Any thread; coalesced. */
void hub_port_relieved(struct hub *h);

enum { HUB_QUEUES = 4 };
/* For stats. Any thread. */
struct hub_queue_stats {
    const char *name; /* "register", "unregister", "broadcast", "passwords" */
    uint32_t depth, depth_max, bound;
    uint64_t pushed, refused, wakeups;
};
void hub_queue_stats(struct hub *h, struct hub_queue_stats out[HUB_QUEUES]);

#endif

/* Redis as the hub sees it. docs/REDIS.md lists keys, scripts and channels.
 *
 * Two asynchronous hiredis connections on the hub's event base: `link` for commands and
 * scripts, `bus` for subscriptions. Both reconnect by themselves with growing, jittered delay.
 * Everything here runs on the hub thread and nothing blocks.
 *
 * Operations that answer take `done` and `arg`. They return 0 when the command is under way:
 * then `done` is called exactly once, later, never from within the call; when the connection
 * dies before the reply, with status STORE_UNAVAILABLE. They return -ENOTCONN (no connection)
 * or -EBUSY (STORE_IN_FLIGHT_MAX commands or messages wait for a reply) when nothing was sent:
 * then `done` is not called. Strings and arrays in a result live until `done` returns.
 *
 * A stream is a room, or "@NAME": the private conversation between `viewer` and NAME. */
#ifndef CONFAB_STORE_STORE_H
#define CONFAB_STORE_STORE_H

#include "confab/base/roles.h"
#include "confab/base/settings.h"
#include "confab/base/stats.h"
#include "confab/base/str.h"
#include "confab/wire/event.h"

#include <event2/event.h>

enum {
    STORE_IN_FLIGHT_MAX = 16384,
    STORE_ID_BYTES = 31,     /* of a message's id, at most */
    STORE_SERVES_MS = 15000, /* an instance serves its archive for so long after store_serve() */
};

enum store_status {
    STORE_OK,
    STORE_DUPLICATE, /* publish: this cid has its number already */
    STORE_LIMITED,   /* publish: over the rate limit */
    STORE_DENIED,    /* publish, act.h, rooms.h: the room's guard or a role forbids it: `error` */
    STORE_TAKEN,     /* claim, register: the name belongs to another session or an account */
    STORE_REVOKED,   /* claim: the device is gone; rotate: it was revoked just now */
    STORE_NONE,      /* accounts.h: no such account or device */
    STORE_WAIT,      /* claim, accounts.h: Redis lacks the accounts; an archive may bring them */
    STORE_NOBODY,    /* ask: no other instance serves an archive */
    STORE_UNAVAILABLE, /* no reply, or Redis cannot write now (OOM, READONLY, LOADING …): try again */
    STORE_REFUSED,     /* Redis answered with an error that a repeat will not mend; logged */
};

/* The state that health and `status` frames show. */
enum store_state {
    STORE_STATE_CONNECTING,  /* no connection yet, or it was lost */
    STORE_STATE_NO_SENTINEL, /* the same, and no Sentinel says where it is */
    STORE_STATE_NO_MASTER,   /* the same, and no Sentinel knows the name of the master */
    STORE_STATE_DENIED,      /* connected, but Redis refuses the password or the database */
    STORE_STATE_DEAF,        /* connected, but the probe did not come back through pub/sub */
    STORE_STATE_REFUSING,    /* connected, but Redis does not write: memory, disk, a replica */
    STORE_STATE_READY,
};
const char *store_state_text(enum store_state state); /* a sentence for people; any thread */

/* Whether Redis keeps what it is given; looked at now and then, stored in stats.redis_durable. */
enum store_durable {
    STORE_DURABLE_UNKNOWN,
    STORE_DURABLE_YES,
    STORE_DURABLE_VOLATILE, /* nothing on disk: all is gone when it restarts */
    STORE_DURABLE_EVICTS,   /* keys are dropped when memory is full */
};
const char *store_durable_text(enum store_durable durable); /* a sentence for people; any thread */

enum store_channel { STORE_CHANNEL_ROOM, STORE_CHANNEL_USER };

/* What arrives by itself. All on the hub thread. Pointers live until the call returns. */
struct store_events {
    void *arg;
    /* the state changed; also stored in stats.store_state */
    void (*state)(void *arg, enum store_state state);
    /* the bus is connected, for the first time or again: no channel is subscribed, so
     * subscribe to all that is wanted. Messages may have been missed meanwhile. */
    void (*bus_up)(void *arg);
    /* Redis confirmed: what is published from now on arrives */
    void (*subscribed)(void *arg, enum store_channel channel, const char *name);
    void (*room_message)(void *arg, const char *room, const char *epoch, uint64_t seq,
                         const char *json, size_t size);
    /* join and leave: names joined by '\n', NULL when there are none or the room is large */
    void (*room_presence)(void *arg, const char *room, const char *join, const char *leave,
                          uint64_t count);
    /* who has what: the epoch, then a line "NAME RECEIVED READ" for each, joined by '\n' */
    void (*room_marks)(void *arg, const char *room, const char *marks);
    /* an event about message `target` of the room, which is the message `seq` itself */
    void (*room_about)(void *arg, const char *room, const char *epoch, uint64_t seq,
                       uint64_t target, const char *json, size_t size);
    /* the same for message seq, an act on the room. guard "": it has no owner any more. lines,
     * joined by '\n', "" when nobody is concerned: "-NAME WHY UNTIL_MS" take this one out, WHY is
     * `kicked` or `banned`, 0: for ever; "-* destroyed 0" all; "?NAME" ask store_access() whether
     * this one may stay, "?*" ask about all */
    void (*room_act)(void *arg, const char *room, const char *epoch, uint64_t seq, uint64_t version,
                     const char *guard, const char *json, size_t size, const char *lines);
    /* texts of messages that Redis keeps are others now: load them again */
    void (*room_changed)(void *arg, const char *room);
    void (*room_event)(void *arg, const char *room, const char *json, size_t size);
    void (*user_message)(void *arg, const char *user, const char *epoch, uint64_t seq,
                         const char *json, size_t size);
    void (*user_event)(void *arg, const char *user, const char *json, size_t size);
    /* somebody mentioned the user; seq is the number in the stream of mentions */
    void (*user_mention)(void *arg, const char *user, const char *epoch, uint64_t seq,
                         const char *json, size_t size);
    /* store_ask() of another instance, which waits for ms from now: store_reply() */
    void (*asked)(void *arg, const char *asker, uint64_t id, int64_t ms, const char *json,
                  size_t size);
    /* store_reply() of another instance to this one's store_ask() */
    void (*replied)(void *arg, uint64_t id, uint64_t newest, const char *frame, size_t size);
    /* these devices of the user are revoked: ids with a space between, or "*": all;
     * "* ID": all but that one */
    void (*devices_revoked)(void *arg, const char *user, const char *ids);
    /* the name belongs to an account now: guests under it must go */
    void (*guests_out)(void *arg, const char *user);
};

struct store;

/* Returns new. Connecting starts at once, in the background. addr as REDIS_ADDR, never
 * empty unless there are REDIS_SENTINELS: app gives the path of the private Redis. */
struct store *store_new(struct event_base *base, const char *addr, const struct settings *settings,
                        struct stats *stats, const struct store_events *events) REQUIRES(on_hub);
/* Ends both connections; what is under way is answered with STORE_UNAVAILABLE first. */
void store_free(struct store *s) REQUIRES(on_hub);
enum store_state store_state_of(const struct store *s) REQUIRES(on_hub);

/* What an instance knows of a stream, so that Redis can tell whether it lost something while it
 * was away: a restarted or promoted Redis whose number is smaller than what somebody has seen
 * starts a new epoch instead of issuing the same numbers again. epoch NULL: knows nothing. */
struct store_known {
    const char *epoch;
    uint64_t seq;
    const char *fence; /* as the last result gave it */
    const char *guard; /* of a room, rooms.h; "" or NULL: none is known */
};

struct store_publish {
    const char *user;                    /* who writes */
    const char *room;                    /* or NULL */
    const char *to;                      /* or NULL: a private message to this user */
    const char *cid;                     /* or NULL: no dedupe */
    const char *id;                      /* of the message */
    const char *mentions;                /* or NULL: names in the text, joined by '\n' */
    struct store_known known;            /* of the room */
    const struct str *head, *mid, *tail; /* event_message_pieces() */
};
struct store_published {
    enum store_status status;
    const char *epoch;      /* OK, DUPLICATE */
    const char *fence;      /* OK, DUPLICATE: of the Redis that answered */
    uint64_t seq;           /* OK, DUPLICATE: the number, on a duplicate the first one */
    const char *id;         /* OK, DUPLICATE */
    int64_t timestamp_ms;   /* OK, DUPLICATE: Redis time */
    int64_t retry_after_ms; /* LIMITED, DENIED: or -1 */
    enum error_code error;  /* DENIED */
    const char *old;        /* OK, of a deletion: the message, when it may link files; or NULL */
};
typedef void store_published_fn(void *arg, const struct store_published *r);
/* dedupe → rate limit → number → history → PUBLISH, one atomic step (publish.lua). What is
 * published in one turn of the event base leaves together. While four such calls are under way,
 * the rest waits, and messages of one stream gather; STORE_IN_FLIGHT_MAX counts them, too. Any
 * other command sends all that waits first, so it overtakes no message. */
int store_publish(struct store *s, const struct store_publish *p, store_published_fn *done,
                  void *arg) REQUIRES(on_hub) MUST_USE;

struct store_messages {
    enum store_status status;
    const char *epoch; /* "" when the stream has never had a message */
    uint64_t seq;      /* top number; 0 likewise */
    const char *fence;
    const struct frame_part *messages; /* JSON objects, oldest first; consecutive numbers */
    size_t count;
    uint64_t first_seq;     /* number of messages[0]; 0 when there are none */
    uint64_t epoch_first;   /* the first number that belongs to this epoch */
    bool more;              /* page: the list has more that way */
    const char *guard;      /* load: of the room, rooms.h; "" when it has none */
    uint64_t version;       /* load: of what the owner set; 0 likewise */
    bool lost;              /* load, UNAVAILABLE: Redis has lost the rules that the caller knows */
    enum error_code error;  /* DENIED: page of a room whose guard keeps the viewer out */
    int64_t retry_after_ms; /* DENIED: or -1 */
};
typedef void store_messages_fn(void *arg, const struct store_messages *r);
/* The whole list of a room with its epoch (resume.lua). Creates the room's epoch when it has
 * none. */
int store_load(struct store *s, const char *room, const struct store_known *known,
               store_messages_fn *done, void *arg) REQUIRES(on_hub) MUST_USE;
/* Up to limit messages with numbers below before, the newest of them (history.lua). A room's guard
 * decides whether the viewer may see it: NULL or "": nobody in particular; "*": may see all. */
int store_page(struct store *s, const char *stream, const char *viewer, uint64_t before,
               unsigned limit, store_messages_fn *done, void *arg) REQUIRES(on_hub) MUST_USE;

/* How Redis sees a room: "" and 0 when it does not know it. seq < 0: it cannot be read. */
struct store_top {
    const char *epoch;
    int64_t seq;
};
enum { STORE_TOPS_MOST = 256 }; /* rooms in one call: bounds how long Redis is held up */
/* tops: one per room, in the order of the call; NULL unless the status is STORE_OK. */
typedef void store_tops_fn(void *arg, enum store_status status, const struct store_top *tops);
/* Epoch and top number of rooms that have members here, whose life this also prolongs
 * (tops.lua). */
int store_tops(struct store *s, const char *const *rooms, size_t count, store_tops_fn *done,
               void *arg) REQUIRES(on_hub) MUST_USE;

struct fold; /* wire/fold.h */

struct store_claim {
    const char *user;
    const char *session;     /* of an account: unused */
    bool made_up;            /* the server invented the session and no client has presented it */
    const struct fold *fold; /* of a guest's name; NULL: nobody asks for accounts (ACCOUNTS=off) */
    const char *device;      /* of an account that has shown a token; NULL: a guest */
    bool restores;           /* fold NULL: an archive may bring rooms back, wait for it */
};
struct store_claimed {
    enum store_status status;
    int64_t since_ms; /* private messages before it are not the user's: of who had the name */
    const struct stream_top *private_tops; /* "@NAME" and top number of each conversation */
    size_t count;
};
typedef void store_claimed_fn(void *arg, const struct store_claimed *r);
/* Takes the name for this session or account, or finds that it has it (claim.lua); also refreshes
 * the presence key. OK, TAKEN; REVOKED: the device is none of this user's; WAIT: try again soon. */
int store_claim(struct store *s, const struct store_claim *in, store_claimed_fn *done, void *arg)
    REQUIRES(on_hub) MUST_USE;
/* Lets go of a name that only a made-up session holds, which no client has presented since.
 * Fire and forget: a failure only means that the name is held until its time runs out. */
void store_release(struct store *s, const char *user, const char *session) REQUIRES(on_hub);

struct store_roster {
    enum store_status status;
    const char *members; /* joined by '\n', "" when empty, NULL when there are more than 200 */
    const char *marks;   /* as events.room_marks has them; NULL: none */
    uint64_t count;
};
typedef void store_roster_fn(void *arg, const struct store_roster *r);
/* Who is in a room, after sweeping out expired leases (announcing them). */
int store_roster(struct store *s, const char *room, store_roster_fn *done, void *arg)
    REQUIRES(on_hub) MUST_USE;

/* Presence, fire and forget; the next heartbeat repeats what was lost. users: names joined by
 * '\n'. Join and refresh are one operation: a lease until now + PRESENCE_TTL_S in Redis time;
 * who was not there yet is announced on the room's channel, whose lease ran out is swept and
 * announced, both in one message. A user who merely disconnects is not removed: the lease runs
 * out, so a reload or a walk to the next access point is never seen as a leave. */
void store_presence_refresh(struct store *s, const char *room, const char *users) REQUIRES(on_hub);
void store_presence_leave(struct store *s, const char *room, const char *user) REQUIRES(on_hub);
/* Keeps presence:USER and the name claims of these users, and the lease of this instance. */
void store_online(struct store *s, const char *users) REQUIRES(on_hub);

/* PUBLISH of a finished event (typing). room or to; for `to` it goes to both users' channels.
 * Fire and forget: typing is worth nothing a second later. */
void store_event(struct store *s, const char *room, const char *user, const char *to,
                 const char *json, size_t size) REQUIRES(on_hub);
/* The same for a read marker, which Redis also keeps and which only rises (read.lua): a smaller
 * number publishes nothing. all: the members of the room are told, else the reader alone; a
 * conversation tells both. */
void store_read(struct store *s, const char *room, const char *user, const char *to, uint64_t seq,
                bool all, const char *json, size_t size) REQUIRES(on_hub);

/* Up to where somebody has the messages of a room. */
struct store_mark {
    const char *user;
    uint64_t received, read;
};
enum { STORE_MARKS_MOST = 128 }; /* people of whom a room knows it; in one call, too */
/* Raises marks in this epoch and tells what rose by events.room_marks (marks.lua). Fire and
 * forget: the next message says it again. */
void store_marks(struct store *s, const char *room, const char *epoch,
                 const struct store_mark *marks, size_t count) REQUIRES(on_hub);

/* at: one per user, ms by Redis' clock; 0: here now; < 0: nobody knows. NULL unless OK. */
typedef void store_seen_fn(void *arg, enum store_status status, const int64_t *at);
/* When they were last connected, to within a third of PRESENCE_TTL_S (seen.lua). users: 1 to
 * RULE_SEEN names joined by '\n'. */
int store_seen(struct store *s, const char *users, store_seen_fn *done, void *arg) REQUIRES(on_hub)
    MUST_USE;

/* Archives of other instances (ask.lua). An ask and its answer go through the mailboxes of the
 * two, PREFIXmail:INSTANCE, and either may be lost: the asker keeps the time. */

typedef void store_asked_fn(void *arg, enum store_status status);
/* Hands json to one instance that serves an archive. done: STORE_OK when one took it, whose
 * answer, if any, comes by events.replied with this id; STORE_NOBODY when none serves. ms: for how
 * long the answer is worth something. */
int store_ask(struct store *s, uint64_t id, const char *json, size_t size, int64_t ms,
              store_asked_fn *done, void *arg) REQUIRES(on_hub) MUST_USE;
/* The answer to what events.asked brought: the frame that the asker sends on. newest: the number
 * of its last message, 0 when there is none. Fire and forget. */
void store_reply(struct store *s, const char *asker, uint64_t id, uint64_t newest,
                 const struct frame *frame) REQUIRES(on_hub);
/* This instance serves an archive, for STORE_SERVES_MS from now (serve.lua). Fire and forget. */
void store_serve(struct store *s) REQUIRES(on_hub);

/* Subscriptions. Both may be called at any time; while the bus is down they do nothing, and
 * bus_up follows. Answers come by events.subscribed. */
void store_subscribe(struct store *s, enum store_channel channel, const char *name)
    REQUIRES(on_hub);
void store_unsubscribe(struct store *s, enum store_channel channel, const char *name)
    REQUIRES(on_hub);
/* Backpressure: while paused, nothing is read from the bus. */
void store_pause_bus(struct store *s, bool paused) REQUIRES(on_hub);

#endif

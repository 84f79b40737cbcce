/* What the hub thread owns. Everything in here is touched on that thread alone, but for the
 * three queues and the atomics of struct hub. Read this file and you know the hub. */
#ifndef CONFAB_HUB_STATE_H
#define CONFAB_HUB_STATE_H

#include "confab/archive/archive.h"
#include "confab/base/passwords.h"
#include "confab/hub/hub.h"
#include "confab/store/store.h"
#include "confab/wire/account.h"

#include <event2/event.h>
#include <uthash.h>

enum {
    HUB_MAX_NETS = 16,           /* settings.h: NET_THREADS */
    HUB_TAKE_PER_TURN = 256,     /* commands of one turn: bounds the wait of what is more urgent */
    HUB_BROADCAST_BOUND = 32768, /* commands that wait */
    PEER_HELD_MAX = 64,          /* commands that a peer may send before it is welcomed */
    PEER_IN_FLIGHT_MAX = 256,    /* commands of one peer that wait for Redis */
    ROOM_HELD_MAX = 4096,        /* live messages that wait for a load */
    ROOM_RETRY_MS = 500,         /* until a failed load is tried again */
    PRESENCE_GATHER_MS = 50,     /* how often gathered joins are looked at */
    PRESENCE_PER_MEMBER_MS = 5,  /* joins of a room gather for so long per member … */
    PRESENCE_MOST_MS = 1000,     /* … and no longer */
    PRESENCE_COUNT_MS = 2000,    /* how often a large room is told its count */
    COMPARE_MS = 2000,           /* how often rooms are compared with Redis */
    SERVE_MS = 5000,             /* how often archives are announced, or looked for */
    SEEN_MIN_MS = 250,           /* questions who was seen when of one peer are refused above it */
    TYPING_MIN_MS = 1000,        /* more typing events of one peer than this are left out */
};

enum peer_state {
    PEER_NEW,      /* connected, has said nothing */
    PEER_HELLO,    /* said hello: the user's channel is being subscribed, then the name claimed */
    PEER_WELCOMED, /* may do everything */
    PEER_GONE,     /* the connection has ended */
};

/* A name with connections here. */
struct user {
    UT_hash_handle hh; /* hub.users by name */
    struct peer *peers;
    bool subscribed;  /* Redis confirmed the user's channel */
    int64_t since_ms; /* private messages before it are of who had the name then */
    bool missed;      /* the channel was cut: messages and the claim may have been lost */
    uint32_t mark;    /* scratch of a walk that wants each user once */
    char name[];
};

/* One peer in one room. */
struct membership {
    struct peer *peer;
    struct room *room;
    struct membership *prev, *next;           /* the room's members */
    struct membership *peer_prev, *peer_next; /* the peer's rooms */
    bool waiting;                             /* not answered yet: the room is being loaded */
    bool resumes;                             /* epoch and seq say where the client stands */
    bool entered;                             /* was answered once: the roster has the user */
    /* of a room with a guard (access.c) */
    bool cleared;     /* Redis said that the user may read */
    bool again;       /* … but what is being asked has become doubtful: ask once more */
    bool details;     /* it joined by itself: `joined` says more of the guard */
    uint64_t asked;   /* the call to Redis that is under way; 0: none */
    char *guard_json; /* own: for `joined`, "": none; NULL: the room's own guard will do */
    uint64_t seq;
    char epoch[RULE_EPOCH_BYTES + 1];
};

/* Room life:
 *
 *   SUBSCRIBING ─confirmed→ LOADING ─list and roster are here→ LIVE
 *        ↑                     ↑                                 │
 *        └── bus came back ────┴── hole, other epoch, retry ─────┘
 *
 * Subscribing comes before loading, so what is published in between is held, not missed;
 * merging is by number. While LIVE the cache is the tail of the stream without a hole, so joins
 * and resumes are answered here and cost Redis nothing. */
enum room_state { ROOM_SUBSCRIBING, ROOM_LOADING, ROOM_LIVE };

enum { GUARD_BYTES = 31 }; /* flags and a number: store/rooms.h */

struct roster_name {
    UT_hash_handle hh;
    char name[];
};

/* An answer that many get in a row, kept until the room moves on. */
struct history_memo {
    struct frame *frame; /* NULL: none */
    uint64_t after, top;
    bool archived; /* as asks_archived() was */
};

struct held_message {
    struct frame *frame;
    bool about; /* an event about another message */
    char epoch[RULE_EPOCH_BYTES + 1];
};

struct room {
    UT_hash_handle hh; /* hub.rooms by name */
    struct hub *hub;
    uint32_t id;   /* what net threads call it */
    uint32_t refs; /* hub.rooms holds one while it has members, each operation under way one */
    bool closed;   /* left hub.rooms */
    enum room_state state;

    char epoch[RULE_EPOCH_BYTES + 1]; /* "" before the first load */
    char fence[RULE_SESSION_BYTES + 1];
    uint64_t epoch_first;                       /* the first number that belongs to the epoch */
    uint64_t top;                               /* highest number delivered */
    uint64_t acked;                             /* highest that Redis gave to a sender here */
    struct frame *cache[RULE_HISTORY_MESSAGES]; /* number n at n % size; the last `cached` */
    uint32_t cached;
    struct history_memo fresh, resumed;
    struct held_message *held; /* live messages while LOADING; NULL until needed */
    uint32_t held_count;
    bool held_overflow;
    bool loading_list, loading_roster;
    bool changed;          /* texts in Redis are others since the load under way began */
    bool lacks_list;       /* … and no load has brought it yet */
    uint64_t compared_top; /* what Redis had at the last comparison; 0: none of this epoch */
    bool compared_other;   /* … was of another epoch */
    struct event *retry;

    char guard[GUARD_BYTES + 1]; /* what restricts it (store/rooms.h); "": nothing */
    uint64_t version;            /* of the acts that are known here */
    bool lost;                   /* Redis does not have them any more: nobody gets in */
    struct event *ask_again;     /* who may read: Redis could not say */

    struct marks *marks; /* who has what (marks.c); NULL: nobody has said anything yet */

    struct membership *members;
    uint32_t member_count;
    uint32_t on_net[HUB_MAX_NETS]; /* members by net thread, those that wait not counted */
    uint32_t waiting;

    struct roster_name *roster; /* names in the room on all instances; unused when large */
    uint64_t roster_count;
    bool roster_large;       /* more than MEMBERS_LISTED: counted, not listed */
    struct str members_text; /* roster joined by '\n'; empty: build again */
    struct str joining;      /* names to announce with the next gathered call */
    int64_t announced_ms;    /* when joins last went to Redis, on the monotone clock */
    bool count_changed;      /* large: the count was not sent yet */
    char name[];
};

struct hub {
    const struct settings *settings;
    struct stats *stats;
    struct hub_port port;
    const char *redis_addr;
    pthread_t thread;
    bool started;

    struct queue registers, unregisters, broadcasts; /* any thread pushes */
    struct queue hashed;                             /* jobs of passwords that are done */
    int control_fd;                                  /* eventfd: look at the atomics below */
    _Atomic bool stopping, relieved;
    _Atomic uint32_t round_asked, round_answered; /* signs of life */
    _Atomic int64_t stop_deadline_ms;             /* on the monotone clock */

    struct event_base *base;
    struct event *on_register, *on_unregister, *on_broadcast, *on_control, *on_hashed;
    struct event *on_answer; /* NULL without an archive here */
    struct event *presence_timer, *gather_timer, *count_timer, *compare_timer, *serve_timer;
    struct event *stop_timer, *away_timer, *marks_timer;
    struct store *store;
    struct keyring *keyring; /* borrowed: all threads read it, keys.c writes it */
    struct keys *keys;
    struct passwords *passwords;  /* NULL: ACCOUNTS=off */
    uint32_t sign_ins;            /* under way; PASSWORD_QUEUE at most */
    bool ready;                   /* the store is */
    int64_t ready_mono_ms;        /* … since */
    bool archives;                /* this instance keeps an archive */
    struct event *accounts_timer; /* again, while Redis lacks them */
    bool accounts_used;           /* there are accounts, or were */
    bool accounts_asking;         /* whether Redis knows them */
    int64_t accounts_missing_ms;  /* since when it does not, by the monotone clock; 0: it does */
    bool paused;                  /* a net thread is congested: no commands, no bus */
    uint64_t refused_seen;
    uint32_t publishes;   /* under way */
    uint32_t comparisons; /* under way */

    struct archive *archive; /* here; or NULL */
    bool archive_seen;       /* another instance served one: it will again, should it be away */
    struct open_ask *asks;   /* by id */
    uint64_t next_ask;

    struct marks *marking; /* rooms with marks that are to be stored or told */

    struct away *aways;     /* what away.c has to look at */
    struct away *away_line; /* who waits for a place */
    uint32_t away_places;   /* that are taken */
    uint64_t away_turns;

    struct peer *peers; /* all that said hello and are not gone */
    struct user *users;
    struct room *rooms;
    struct room **room_ids; /* by id; NULL: free */
    uint32_t room_id_capacity, room_id_hint;
    uint32_t mark;
    uint64_t next_id;                  /* of messages */
    uint64_t next_asking;              /* of access.c */
    struct str head, mid, tail, names; /* scratch */
};

/* peer.c: hello, welcome, the end */
void peer_hello(struct hub *h, struct peer *p, struct command *hello) REQUIRES(on_hub);
void peer_leave(struct hub *h, struct peer *p) REQUIRES(on_hub); /* gone, once it may be */
void peer_gone(struct hub *h, struct peer *p) REQUIRES(on_hub);
void peer_error(struct hub *h, struct peer *p, enum error_code code, const char *cid,
                const char *field, int64_t retry_after_ms) REQUIRES(on_hub);
void peer_send_new(struct hub *h, struct peer *p, struct frame *f) REQUIRES(on_hub); /* takes f */

/* user.c: names with connections here */
struct user *user_get(struct hub *h, const char *name) REQUIRES(on_hub); /* finds or makes */
struct user *user_find(struct hub *h, const char *name) REQUIRES(on_hub);
void user_attach(struct user *u, struct peer *p) REQUIRES(on_hub);
void user_detach(struct hub *h, struct peer *p) REQUIRES(on_hub); /* frees a user without peers */
void user_send(struct hub *h, struct user *u, struct frame *f) REQUIRES(on_hub);
/* A message of a conversation, or with stream STREAM_MENTIONS a mention. stream NULL: it stands in
 * the message. */
void user_message(struct hub *h, const char *name, const char *stream, const char *epoch,
                  struct frame *f) REQUIRES(on_hub); /* takes f */
void user_subscribed(struct hub *h, const char *name) REQUIRES(on_hub);
void users_bus_up(struct hub *h) REQUIRES(on_hub);
void users_retry(struct hub *h) REQUIRES(on_hub); /* what Redis could not answer at the time */
/* peer.c, for user.c: the channel is there; claim the name, or fetch what was missed */
void peer_claim(struct hub *h, struct peer *p) REQUIRES(on_hub);
void peer_refetch(struct hub *h, struct peer *p) REQUIRES(on_hub);

/* peer.c, for keys.c: a hello whose token had an unknown key; takes it */
void peer_hello_known(struct hub *h, struct peer *p, struct command *hello) REQUIRES(on_hub);
/* The connection's device was revoked. */
void peer_signed_out(struct hub *h, struct peer *p) REQUIRES(on_hub);

/* keys.c: the keys that sign access tokens */
void keys_start(struct hub *h) REQUIRES(on_hub);
void keys_stop(struct hub *h) REQUIRES(on_hub);    /* drops what waits */
void keys_refresh(struct hub *h) REQUIRES(on_hub); /* the store is ready */
/* When the key of the command's token is unknown here: takes c, asks Redis and runs it later, with
 * the key or with TOKEN_BAD. False otherwise. */
bool keys_wait(struct hub *h, struct peer *p, struct command *c) REQUIRES(on_hub);
/* An access token from now on: its claims to *out, its text behind token. -ENOKEY: no key has come
 * from Redis yet. */
int keys_sign(struct hub *h, const char *user, const char *device, struct token_claims *out,
              struct str *token) REQUIRES(on_hub) MUST_USE;
/* Answers with a ticket for the peer's files. cid: or NULL. */
void keys_ticket(struct hub *h, struct peer *p, const char *cid) REQUIRES(on_hub);
/* What is wrong with the command's token, ERROR_NONE when nothing is. There may be none. */
enum error_code keys_token_error(const struct command *c);

/* refill.c: does Redis know the accounts? */
void accounts_start(struct hub *h) REQUIRES(on_hub);
void accounts_stop(struct hub *h) REQUIRES(on_hub);
void accounts_look(struct hub *h) REQUIRES(on_hub);    /* the store is ready; timer */
void accounts_missing(struct hub *h) REQUIRES(on_hub); /* it said that it does not */

/* expiry.c: a connection lives as long as its access token */
void expiry_start(struct hub *h, struct peer *p, int64_t expires_s) REQUIRES(on_hub); /* or again */
void expiry_stop(struct peer *p) REQUIRES(on_hub);
int64_t expiry_left_s(struct hub *h, int64_t expires_s) REQUIRES(on_hub); /* not below 0 */

/* alive.c: are the devices that are connected here still there? */
void alive_check(struct hub *h) REQUIRES(on_hub); /* timer, and when the bus was cut */
void alive_check_one(struct hub *h, struct peer *p) REQUIRES(on_hub);

/* auth.c: a fresh token for a connection */
void auth_run(struct hub *h, struct peer *p, const struct command *c) REQUIRES(on_hub);
/* From here on the connection belongs to that device and lives as long as that token. */
void auth_taken(struct hub *h, struct peer *p, const struct token_claims *claims) REQUIRES(on_hub);
/* refresh.c: COMMAND_TOKEN of an http peer, COMMAND_AUTH with a refresh token of a welcomed one */
void refresh_run(struct hub *h, struct peer *p, const struct command *c) REQUIRES(on_hub);

/* command.c: everything but hello */
void command_run(struct hub *h, struct peer *p, struct command *c) REQUIRES(on_hub); /* takes c */
/* Id of a new message. The same message has the same id however often it is sent: when Redis
 * stored it and lost it again, its sender repeats it, and who has seen it already knows it by its
 * id. stream: a room or "@NAME". cid "": another one each time. */
void command_message_id(char id[32], struct hub *h, const char *user, const char *stream,
                        const char *cid) REQUIRES(on_hub);
/* What Redis said to something that the peer wants stored: ack or error. cid "": none, and no ack
 * but to an http peer. */
void command_stored(struct hub *h, struct peer *p, const char *stream, const char *cid,
                    const struct store_published *r) REQUIRES(on_hub);
/* It was not even sent: -EBUSY or -ENOTCONN. */
void command_unsent(struct hub *h, struct peer *p, const char *cid, int error) REQUIRES(on_hub);

/* past.c: history and search */
void past_run(struct hub *h, struct peer *p, struct command *c) REQUIRES(on_hub); /* takes c */
void past_private_resume(struct hub *h, struct peer *p, const struct resume_point *point)
    REQUIRES(on_hub);

/* act.c: edits, deletions, reactions. Takes c. */
void act_run(struct hub *h, struct peer *p, struct command *c) REQUIRES(on_hub);
/* store_events.room_about; arg: the hub */
void act_told(void *arg, const char *room, const char *epoch, uint64_t seq, uint64_t target,
              const char *json, size_t size);

/* away.c: what came while a device was away. p->away exists from away_start() or away_received()
 * on, until away_end(). */
/* hello: where the client stands; or NULL. */
void away_start(struct hub *h, struct peer *p, const struct command *hello) REQUIRES(on_hub);
void away_received(struct hub *h, struct peer *p, const struct command *c) REQUIRES(on_hub);
/* A live message of "@NAME" or STREAM_MENTIONS: false when a page has it or will have it. */
bool away_takes(struct peer *p, const char *stream, const char *epoch, uint64_t seq)
    REQUIRES(on_hub);
void away_flush(struct peer *p) REQUIRES(on_hub); /* what was received, to Redis at once */
void away_end(struct peer *p) REQUIRES(on_hub);   /* of a peer that still has its user */

/* marks.c: who has what of a room, on all instances; of small rooms only */
bool marks_are_told(const struct room *r) REQUIRES(on_hub);
/* A member here has received and read up to these numbers. */
void marks_note(struct room *r, const char *user, uint64_t received, uint64_t read)
    REQUIRES(on_hub);
void marks_take(struct room *r, const char *text) REQUIRES(on_hub); /* store_roster.marks */
void marks_told(void *arg, const char *room, const char *text);     /* store_events.room_marks */
void marks_send(struct membership *m) REQUIRES(on_hub);             /* all that is known */
void marks_free(struct room *r) REQUIRES(on_hub);

/* seen.c: when people were last here; takes c */
void seen_run(struct hub *h, struct peer *p, struct command *c) REQUIRES(on_hub);

/* mentions.c: takes c */
void mentions_run(struct hub *h, struct peer *p, struct command *c) REQUIRES(on_hub);

/* ask.c: asks of an archive here or elsewhere */
/* f: the answer, or an error; borrowed. newest: number of a page's last message, 0 without any. */
typedef void asked_fn(void *arg, struct frame *f, uint64_t newest);
/* What the archive calls a stream: "r:ROOM", or "d:A|B" with A before B. room NULL: the
 * conversation of one and other. */
void asks_stream(struct str *out, const char *room, const char *one, const char *other);
/* 0: done is called once, later. -ENOTCONN, -EBUSY: it is not. */
int asks_start(struct hub *h, const struct ask *ask, asked_fn *done, void *arg) REQUIRES(on_hub)
    MUST_USE;
/* The author, id and time of an old message, and whether it is deleted, as it lies in an archive.
 * stream: "r:ROOM" or "d:A|B". code: ERROR_NONE with what was found, which lives until done
 * returns; else NULL: ERROR_NOT_FOUND, ERROR_ARCHIVE_OFF, ERROR_ARCHIVE_UNAVAILABLE or ERROR_BUSY.
 * Returns as asks_start(). */
struct act_target; /* confab/store/act.h */
typedef void asks_found_fn(void *arg, enum error_code code, const struct act_target *found);
int asks_find(struct hub *h, const char *stream, uint64_t seq, asks_found_fn *done, void *arg)
    REQUIRES(on_hub) MUST_USE;
bool asks_archived(const struct hub *h) REQUIRES(on_hub); /* pages go past the list */
void asks_answered(struct hub *h) REQUIRES(on_hub);       /* by the archive here */
/* store_events of the same names */
void asks_asked(struct hub *h, const char *asker, uint64_t id, int64_t ms, const char *json,
                size_t size) REQUIRES(on_hub);
void asks_replied(struct hub *h, uint64_t id, uint64_t newest, const char *json, size_t size)
    REQUIRES(on_hub);
void asks_serve(struct hub *h) REQUIRES(on_hub); /* timer: announce the archive, or look for one */
void asks_end(struct hub *h) REQUIRES(on_hub);   /* answers all that are open */

/* account.c: what takes a password. Takes c, which has the token that it needs. */
void account_run(struct hub *h, struct peer *p, struct command *c) REQUIRES(on_hub);
void account_hashed(struct hub *h, struct password_job *job) REQUIRES(on_hub); /* takes job */

/* device.c: an account's devices. Takes c as account_run(). ids as in store_events. */
void device_run(struct hub *h, struct peer *p, struct command *c) REQUIRES(on_hub);
void devices_revoked(struct hub *h, const char *user, const char *ids) REQUIRES(on_hub);
void guests_out(struct hub *h, const char *user) REQUIRES(on_hub);

/* moderate.c: acts on rooms, invitations. Both take c. */
void moderate_run(struct hub *h, struct peer *p, struct command *c) REQUIRES(on_hub);
void moderate_invited(struct hub *h, struct peer *p, struct command *c) REQUIRES(on_hub);

/* access.c: who may be in a room */
/* Asks Redis about those who wait to be let in, unless it is being asked. They are answered, or
 * taken out. */
void access_ask(struct room *r) REQUIRES(on_hub);
/* A load brought this; before what it brought is delivered. */
void access_loaded(struct room *r, const struct store_messages *got) REQUIRES(on_hub);
/* store_events.room_act */
/* Redis has lost the room's rules, or has them again. */
void access_lost(struct room *r, bool lost) REQUIRES(on_hub);
void access_act(struct hub *h, const char *room, const char *epoch, uint64_t seq, uint64_t version,
                const char *guard, const char *json, size_t size, const char *lines)
    REQUIRES(on_hub);
/* Whether it is known here that the member may read the room. */
bool access_is_in(const struct membership *m) REQUIRES(on_hub);

/* rest.c: what only HTTP asks for, and ADMIN_TOKEN. Takes c. */
void rest_run(struct hub *h, struct peer *p, struct command *c) REQUIRES(on_hub);

/* room.c: members, state machine, delivery */
void room_join(struct hub *h, struct peer *p, const char *name, const char *epoch, uint64_t seq)
    REQUIRES(on_hub);
void room_leave(struct hub *h, struct membership *m, bool announce) REQUIRES(on_hub);
/* Out of the live stream until it is served again. */
void room_hold(struct membership *m) REQUIRES(on_hub);
/* Answers who waits, as far as that can be done now. */
void room_answer(struct membership *m) REQUIRES(on_hub);
void room_answer_all(struct room *r) REQUIRES(on_hub);
struct membership *room_membership(const struct peer *p, const char *name) REQUIRES(on_hub);
struct room *room_find(struct hub *h, const char *name) REQUIRES(on_hub);
void room_send(struct room *r, struct frame *f) REQUIRES(on_hub); /* borrows f */
void room_message(struct hub *h, const char *name, const char *epoch, uint64_t seq,
                  const char *json, size_t size) REQUIRES(on_hub);
void room_subscribed(struct hub *h, const char *name) REQUIRES(on_hub);
void room_resubscribe(struct room *r) REQUIRES(on_hub);
void room_loaded_part(struct room *r) REQUIRES(on_hub); /* list or roster arrived: LIVE if both */
void room_refused(struct room *r) REQUIRES(on_hub);     /* Redis will not read it */
void room_ref(struct room *r) REQUIRES(on_hub);
void room_unref(struct room *r) REQUIRES(on_hub);

/* stream.c: the tail of a room's stream: cache, load, refill, history frames */
void stream_load(struct room *r) REQUIRES(on_hub);
void stream_message(struct room *r, const char *epoch, uint64_t seq, struct frame *f)
    REQUIRES(on_hub); /* takes f */
/* The same of an event about a message: what the cache has of that changes behind it. */
void stream_about(struct room *r, const char *epoch, uint64_t seq, struct frame *f)
    REQUIRES(on_hub);
/* Texts that Redis keeps were changed: loads them again. */
void stream_changed(struct room *r) REQUIRES(on_hub);
void stream_release_held(struct room *r) REQUIRES(on_hub);
void stream_clear(struct room *r) REQUIRES(on_hub);
/* Redis stored a message of somebody here, which the bus may not have brought yet. */
void stream_acked(struct room *r, const struct store_published *p) REQUIRES(on_hub);
/* What Redis must not have lost; borrowed. */
struct store_known stream_known(const struct room *r) REQUIRES(on_hub);
uint64_t stream_first(const struct room *r) REQUIRES(on_hub); /* number of the oldest cached */
/* The history frame of what follows `after`; borrowed, valid until the room changes. */
struct frame *stream_history(struct room *r, uint64_t after, struct history_memo *memo)
    REQUIRES(on_hub);
/* The first number that is shown, and all messages from there on: returns how many. Borrowed,
 * valid until the room changes. */
uint64_t stream_begin(const struct room *r) REQUIRES(on_hub);
size_t stream_parts(const struct room *r, struct frame_part parts[RULE_HISTORY_MESSAGES])
    REQUIRES(on_hub);

/* hub.c: it looks at its atomics. Any thread. */
void hub_poke(struct hub *h);

/* compare.c: has every room what Redis has? */
void compare_rooms(struct hub *h) REQUIRES(on_hub); /* timer */

/* roster.c: who is in a room, on all instances */
void roster_load(struct room *r) REQUIRES(on_hub);
void roster_add(struct room *r, const char *name, size_t size) REQUIRES(on_hub);
const char *roster_text(struct room *r) REQUIRES(on_hub); /* NULL in a large room */
void roster_clear(struct room *r) REQUIRES(on_hub);
void roster_join(struct room *r, const char *name) REQUIRES(on_hub);  /* a local user came */
void roster_leave(struct room *r, const char *name) REQUIRES(on_hub); /* … and said so to leave */
void roster_presence(struct hub *h, const char *name, const char *join, const char *leave,
                     uint64_t count) REQUIRES(on_hub);
void roster_gathered(struct hub *h) REQUIRES(on_hub);  /* timer: announce joins */
void roster_counts(struct hub *h) REQUIRES(on_hub);    /* timer: counts of large rooms */
void roster_heartbeat(struct hub *h) REQUIRES(on_hub); /* timer: refresh all leases */

#endif

/* What the store owns. Hub thread only. */
#ifndef CONFAB_STORE_STATE_H
#define CONFAB_STORE_STATE_H

#include "address.h"
#include "confab/store/accounts.h"
#include "confab/store/away.h"
#include "confab/store/rooms.h"
#include "confab/store/store.h"
#include "link.h"

#include <uthash.h>

enum {
    TICK_MS = 1000,             /* probes are sent at this rate */
    PROBE_SILENT_TICKS = 2,     /* probes without an echo, after which pub/sub counts as deaf */
    REPLY_TICKS = 5,            /* a command older than this means that Redis hangs */
    REQUEST_SPARES = 256,       /* requests kept for reuse */
    REQUEST_KEEP_BYTES = 16384, /* a spare's buffer that is larger is given back */
    PUBLISH_MOST = 32,   /* messages in one call: bounds how long Redis is held up, to about 1 ms */
    CALLS_MOST = 4,      /* under way; what comes meanwhile gathers */
    GROUP_SPARES = 1024, /* groups kept for reuse */
    GROUP_KEEP_BYTES = 4096, /* unless their messages took more */
    PRESENCE_CHUNK = 500,    /* users in one call: bounds how long Redis is held up */
    ONLINE_CHUNK = 250,
    SEEN_KEPT = 100000,        /* people of whom it is known when they were last seen */
    CONVERSATIONS_KEPT = 200,  /* private conversations that welcome lists */
    META_SECONDS = 30 * 86400, /* life of a stream's numbers when there is an archive */
    PATIENCE_MS = 2000,        /* after connecting: the slowest of the others is there, too */
    RUN_ID_BYTES = 64,
    KNOWN_ARGUMENTS = 4,
};

enum script_id {
    SCRIPT_PUBLISH,
    SCRIPT_RESUME,
    SCRIPT_HISTORY,
    SCRIPT_CLAIM,
    SCRIPT_RELEASE,
    SCRIPT_ONLINE,
    SCRIPT_PRESENCE,
    SCRIPT_LEAVE,
    SCRIPT_ROSTER,
    SCRIPT_READ,
    SCRIPT_MARKS,
    SCRIPT_SEEN,
    SCRIPT_AWAY,
    SCRIPT_RECEIVED,
    SCRIPT_JOINED,
    SCRIPT_TOPS,
    SCRIPT_ASK,
    SCRIPT_SERVE,
    SCRIPT_LOGIN,
    SCRIPT_DEVICE,
    SCRIPT_REGISTER,
    SCRIPT_PASSWORD,
    SCRIPT_UNREGISTER,
    SCRIPT_TOKEN,
    SCRIPT_DEVICES,
    SCRIPT_REVOKE,
    SCRIPT_ALIVE,
    SCRIPT_KEYS,
    SCRIPT_ADMIN,
    SCRIPT_READY,
    SCRIPT_RESTORE,
    SCRIPT_ROOM,
    SCRIPT_ACCESS,
    SCRIPT_READABLE,
    SCRIPT_INVITE,
    SCRIPT_ROOMS,
    SCRIPT_MEMBERS,
    SCRIPT_AUDIT,
    SCRIPT_ACT,
    SCRIPT_COUNT,
    SCRIPT_NONE = SCRIPT_COUNT, /* a plain command */
};

struct script {
    struct store *store;
    const char *name;
    struct str text; /* all parts joined */
    char sha[41];    /* as SCRIPT LOAD answered */
    bool loading;    /* SCRIPT LOAD is under way */
};

struct request;
/* Reply is NULL unless the status is STORE_OK; then it is no error reply. */
typedef void request_fn(struct request *r, enum store_status status, const redisReply *reply);

/* Who waits for one of the messages in a call of publish.lua. */
struct publisher {
    store_published_fn *done;
    void *arg;
    char id[STORE_ID_BYTES + 1]; /* of the message */
};

/* Who gets the answer of a command. */
union request_done {
    store_published_fn *published;
    store_messages_fn *messages;
    store_claimed_fn *claimed;
    store_roster_fn *roster;
    store_seen_fn *seen;
    store_tops_fn *tops;
    store_asked_fn *asked;
    store_status_fn *status;
    store_login_fn *login;
    store_signed_in_fn *signed_in;
    store_registered_fn *registered;
    store_seed_fn *seed;
    store_rotated_fn *rotated;
    store_devices_fn *devices;
    store_revoked_fn *revoked;
    store_alive_fn *alive;
    store_keys_fn *keys;
    store_accounts_fn *accounts;
    store_away_fn *away;
    store_admin_fn *admin;
    store_room_fn *room;
    store_access_fn *access;
    store_readable_fn *readable;
    store_list_fn *list;
};

/* A command under way. */
struct request {
    struct request *next; /* in store.waiting, in the order of the replies; or in store.spares */
    struct store *store;
    enum script_id script;
    bool repeated;        /* sent again after NOSCRIPT */
    unsigned weight;      /* what it counts in store.in_flight: messages, else 1 */
    unsigned group_count; /* of publish.lua … */
    struct group *groups; /* … and what they are */
    unsigned tick;        /* when it was sent */
    int64_t sent_us;
    struct str bytes;   /* the whole command, as it goes over the wire */
    request_fn *answer; /* NULL: fire and forget */
    union request_done done;
    void *arg;
    char id[STORE_ID_BYTES + 1]; /* of the one message that it stores */
};

/* Messages of one stream that leave in one call and get numbers that follow each other. */
struct group {
    struct group *next;     /* in gather.first, in request.groups or in gather.spares */
    struct str stream;      /* prefix of its keys */
    struct str keys;        /* RESP, as they stand in the command */
    unsigned channels;      /* a room has none of its own, a conversation one for each user */
    bool has_cid;           /* all messages have one, or none has */
    bool has_mentions;      /* all of them mention somebody, or none does */
    struct str head, known; /* RESP: arguments that hold for all messages, … */
    struct str messages;    /* … channels, and messages */
    char writer[NAME_MAX_BYTES + 1]; /* of a conversation: who wrote all of them */
    unsigned key_count, arg_count;
    unsigned count, capacity;     /* messages */
    struct publisher *publishers; /* one for each message */
    bool open;                    /* stands in gather.open */
    UT_hash_handle hh;
};

/* Messages that wait for their call of publish.lua. */
struct gather {
    struct group *first, **last; /* the oldest first */
    struct group *open;          /* hash by stream: those that more messages may join */
    struct group none;           /* stands in the hash alone when no other does */
    struct group *spares;
    unsigned spare_count;
    unsigned calls;  /* under way */
    struct str head; /* that the next message needs */
    struct event *ready;
};

struct
    channel; /* ask.c: what came to this instance's mailbox; its first two bytes are a letter and a space */
void mail_take(struct store *s, char *letter, size_t size) REQUIRES(on_hub);

/* bus.c */
struct sentinel; /* sentinel.h */

enum complaint { COMPLAINT_NONE, COMPLAINT_LOST, COMPLAINT_UNLOCATED, COMPLAINT_DENIED };

struct store {
    struct event_base *base;
    const struct settings *settings;
    struct stats *stats;
    struct store_events events;
    struct address address;    /* of Redis; with sentinels the last one that they told */
    struct sentinel *sentinel; /* NULL: the address is fixed */
    bool unwatched;            /* the log knows that no sentinel answers while Redis works */
    struct link link;          /* commands */
    struct link bus;           /* pub/sub */
    enum store_state state;
    enum complaint complained; /* what the log has been told since it was ready */

    struct script scripts[SCRIPT_COUNT];
    unsigned scripts_missing;     /* of the greeting: not loaded yet */
    char fence[RUN_ID_BYTES + 1]; /* run_id of the Redis behind link */
    char candidate[9];            /* the next new epoch; another one when it was used */

    struct request *waiting, *waiting_last; /* sent, oldest first */
    struct request *spares;
    unsigned in_flight, spare_count;
    struct str scratch; /* the part of a key that a stream's keys share */

    struct channel *channels; /* hash: subscribed or on the way */
    struct event *ticker;
    unsigned tick;
    unsigned silent;  /* probes sent since the last echo */
    bool probe_waits; /* the last probe's PUBLISH has no reply yet */
    bool echoed, deaf;
    int64_t patient_until_ms; /* on the monotone clock: others may vouch for a room (fence.lua) */
    bool refusing;            /* the last thing heard of a write is that Redis takes none now */
    enum store_durable durable;
    bool evicts, appends; /* durable.c: what the answers said */
    bool lease_waits;     /* refusing: the write that asks again has no reply yet */

    int64_t refused_logged_ms; /* the log of refusals is rate-limited */
    unsigned refused_unlogged;
    struct str lease; /* JSON of instance:ID */
    struct gather gather;
};

/* request.c: a request is begun, filled with arguments, and sent. */

/* 0, -ENOTCONN or -EBUSY. */
int request_begin(struct store *s, struct request **out) REQUIRES(on_hub) MUST_USE;
/* The same, for an operation that answers. */
int request_open(struct store *s, union request_done done, void *arg, struct request **out)
    REQUIRES(on_hub) MUST_USE;
/* The same without a look at the limits. */
struct request *request_new(struct store *s) REQUIRES(on_hub);
/* First of all: EVALSHA with `keys` keys and `args` other arguments, to be added in this order. */
void request_script(struct request *r, enum script_id script, size_t keys, size_t args);
/* Or a plain command of `args` words, its name included. */
void request_command(struct request *r, size_t args);
void request_add(struct request *r, const void *bytes, size_t size);
void request_addz(struct request *r, const char *text);
void request_addu(struct request *r, uint64_t number);
/* The texts joined to one argument: request_addj(r, prefix, "user:", name). */
#define request_addj(r, ...) argument_addj(&(r)->bytes, __VA_ARGS__)
/* 'e JSON': an event that a script publishes. */
void request_add_event(struct request *r, const char *json, size_t size);
/* The same, of a command that is put together in pieces. */
void argument_add(struct str *to, const void *bytes, size_t size);
void argument_addz(struct str *to, const char *text);
void argument_addu(struct str *to, uint64_t number);
#define argument_addj(to, ...) argument_join((to), (const char *const[]){ __VA_ARGS__, NULL })
void argument_join(struct str *to, const char *const *parts);
/* Takes r; messages that were put together before leave first. 0 or -ENOTCONN; then nothing was
 * sent. */
int request_send(struct request *r, request_fn *answer) REQUIRES(on_hub) MUST_USE;
/* Sends r with r->answer, as it is. 0 or -ENOTCONN. */
int request_transmit(struct request *r) REQUIRES(on_hub) MUST_USE;
/* What a reply means, or a part of one. Tells the store and the log of an error. */
enum store_status request_judge(struct request *r, const redisReply *reply) REQUIRES(on_hub);
void request_drop(struct request *r) REQUIRES(on_hub); /* one that was not sent */
/* The same, nobody waits. */
void request_fire(struct request *r) REQUIRES(on_hub);
void requests_free(struct store *s) REQUIRES(on_hub); /* the spares */

/* In store.scratch: the prefix that all keys of a stream share. peer NULL: room; else the
 * private conversation of user and peer, the same one for both. */
const char *stream_prefix(struct store *s, const char *room, const char *user, const char *peer)
    REQUIRES(on_hub);

/* script.c */
void scripts_init(struct store *s) REQUIRES(on_hub);
void scripts_fini(struct store *s) REQUIRES(on_hub);
/* Greeting of link: who is this Redis, and all scripts; then link_ready(). */
void scripts_greet(struct store *s) REQUIRES(on_hub);
void script_reload(struct script *script) REQUIRES(on_hub); /* unless that is under way */

/* account.c: replies of the form {'WORD', …}, where WORD says what became of it */

/* status when it is not OK; else what the word means. OK only when `texts` texts follow. */
enum store_status answer_status(enum store_status status, const redisReply *reply, size_t texts);
int64_t answer_wait_ms(enum store_status status, const redisReply *reply); /* 0 unless LIMITED */

/* store.c */
void store_judge(struct store *s) REQUIRES(on_hub); /* has the state changed? */
/* Redis answered that it cannot do it now. */
void store_refuses(struct store *s, const char *error) REQUIRES(on_hub);
/* Tells the log that this connection is not there, once until the store was ready again. */
void store_complain(struct store *s, const struct link *l) REQUIRES(on_hub);

/* durable.c */
void durable_look(struct store *s) REQUIRES(on_hub);
void durable_tick(struct store *s) REQUIRES(on_hub);

/* place.c */
void place_init(struct store *s, const char *addr) REQUIRES(on_hub);
void place_fini(struct store *s) REQUIRES(on_hub);
void place_locate(struct store *s, struct link *l) REQUIRES(on_hub);   /* as link_owner.locate */
const char *place_text(const struct store *s, char *out, size_t size); /* for the log */
/* While there is no connection: is it Redis that is missing, or who knows where it is? */
enum store_state place_state(const struct store *s) REQUIRES(on_hub);
/* False unless the error says that a master which sentinels named is one no longer: then both
 * links are dropped, and ask again. */
bool place_demoted(struct store *s, const char *error) REQUIRES(on_hub);

/* publish.c */
void publish_init(struct store *s) REQUIRES(on_hub);
void publish_fini(struct store *s) REQUIRES(on_hub);
void publish_send(struct store *s) REQUIRES(on_hub); /* all messages that wait */
void epoch_candidate_new(struct store *s);
void epoch_candidate_used(struct store *s, const char *epoch); /* when it was: makes another */
/* What became of one message: 'ok EPOCH SEQ TIMESTAMP', 'duplicate EPOCH SEQ TIMESTAMP ID',
 * 'limited MS', 'denied CODE MS', 'wait' or an error. Cuts up the reply's text. */
struct store_published publish_answer(struct request *r, const redisReply *reply) REQUIRES(on_hub);
/* Three arguments: fence and candidate of this store, and whether others may know more. */
void argument_fence(struct str *to, const struct store *s);
/* KNOWN_ARGUMENTS arguments: what the caller knows of a room. */
void argument_known(struct str *to, const struct store_known *k);

/* presence.c: writes the instance's own lease, to see whether Redis takes writes again. */
void lease_write(struct store *s) REQUIRES(on_hub);

/* bus.c */
void bus_greet(struct store *s) REQUIRES(on_hub);
void bus_changed(struct store *s) REQUIRES(on_hub);
void bus_tick(struct store *s) REQUIRES(on_hub);
void bus_probe(struct store *s) REQUIRES(on_hub);
void bus_fini(struct store *s) REQUIRES(on_hub);

#endif

/* What a client says, decoded and checked. docs/PROTOCOL.md, "Client to server".
 * All strings live in the command's one allocation, NUL-terminated, names in NFC. */
#ifndef CONFAB_WIRE_COMMAND_H
#define CONFAB_WIRE_COMMAND_H

#include "confab/wire/ask.h"
#include "confab/wire/rules.h"
#include "confab/wire/token.h"

enum command_type {
    COMMAND_HELLO,
    COMMAND_JOIN,
    COMMAND_LEAVE,
    COMMAND_MESSAGE,
    COMMAND_PRIVATE,
    COMMAND_TYPING,
    COMMAND_READ,
    COMMAND_HISTORY,
    COMMAND_SEARCH,
    COMMAND_HEARTBEAT,
    COMMAND_AUTH,
    COMMAND_EDIT,
    COMMAND_DELETE,
    COMMAND_REACT,
    COMMAND_ROOM, /* an act of enum room_act */
    COMMAND_RECEIVED,
    COMMAND_SEEN,
    COMMAND_TICKET,
    /* from HTTP requests alone: wire/account.h */
    COMMAND_REGISTER,
    COMMAND_LOGIN,
    COMMAND_TOKEN, /* refresh */
    COMMAND_LOGOUT,
    COMMAND_DEVICES,
    COMMAND_REVOKE,
    COMMAND_PASSWORD,
    COMMAND_UNREGISTER,
    COMMAND_ROOMS,         /* list of rooms with an owner */
    COMMAND_MEMBERS,       /* of a room */
    COMMAND_CONVERSATIONS, /* of an account */
    COMMAND_AUDIT,
};

/* What may be done to a room: X(ACT, "on_the_wire"). docs/PROTOCOL.md, "Rooms". */
#define ROOM_ACTS(X)                                                                               \
    X(CREATE, "create")                                                                            \
    X(DESTROY, "destroy")                                                                          \
    X(TOPIC, "topic")                                                                              \
    X(ACCESS, "access")                                                                            \
    X(READ_ONLY, "read_only")                                                                      \
    X(SLOW, "slow")                                                                                \
    X(ROLE, "role")                                                                                \
    X(MUTE, "mute")                                                                                \
    X(UNMUTE, "unmute")                                                                            \
    X(KICK, "kick")                                                                                \
    X(BAN, "ban")                                                                                  \
    X(UNBAN, "unban")                                                                              \
    X(INVITE, "invite")                                                                            \
    X(UNINVITE, "uninvite")                                                                        \
    X(INFO, "info")

enum room_act {
#define X(act, text) ROOM_ACT_##act,
    ROOM_ACTS(X)
#undef X
        ROOM_ACT_COUNT
};
const char *room_act_name(enum room_act act);

/* A person's mentions, where a stream is named. */
#define STREAM_MENTIONS "!mentions"

/* Where a client's view of a stream ends. `stream` is a room, or "@NAME" for the private
 * conversation with NAME. */
struct resume_point {
    const char *stream;
    const char *epoch;
    uint64_t seq;
};

struct command {
    enum command_type type;
    void *peer;               /* counted reference to who sent it; set and dropped by its queuers */
    int64_t received_mono_us; /* set by the net thread */

    const char *room;         /* join, leave, message, typing, read, history; NULL when `to` is set.
                                 hello: room to join at once, or NULL. search: or NULL */
    const char *to;           /* private, typing, read, history, search: user name, else NULL */
    const char *username;     /* hello, or NULL when there is a token; register, login, password,
                                 unregister */
    const char *session;      /* hello, or NULL; register: of the guest who has the name, or NULL */
    const char *token;        /* access token: hello, auth and HTTP requests, or NULL */
    const char *cid;          /* message, private, history, search, seen, heartbeat; or NULL */
    const char *content_json; /* message, private, edit: a JSON string, quotes included */
    size_t content_json_size;
    const char *mentioned; /* message, edit in a room: names in the content (wire/mention.h), or
                              NULL; seen: the names, joined by '\n' */
    const char *epoch;     /* join with resume; history: or NULL for the present one */
    uint64_t seq;      /* join with resume, read; history: before, UINT64_MAX: the latest; after */
    enum page_way way; /* history */
    int64_t at_ms;     /* history */
    unsigned limit;    /* history: 1 … 100, search: 1 … 50 */
    const char *query; /* search: 1 … 256 bytes */
    const char *author, *cursor; /* search: or NULL */
    int64_t since_ms, until_ms;  /* search: 0 when there is none */
    struct resume_point *resume; /* hello */
    size_t resume_count;

    /* edit, delete, react: id of the message that it is about; NULL: whatever it is */
    const char *target_id;

    /* events and rooms */
    uint64_t target;    /* edit, delete, react: number of the message that it is about */
    const char *emoji;  /* react: 1 … EMOJI_BYTES bytes */
    bool remove;        /* react: takes it back */
    enum room_act act;  /* room */
    const char *who;    /* room: role, mute, unmute, kick, ban, unban: whom; create by the
                            administrator: the owner */
    const char *role;   /* room: role: "owner", "moderator", "member" or "none" */
    const char *access; /* room: create, access: "public", "private" or NULL */
    const char *topic;  /* room: create, topic: up to TOPIC_CHARS characters, or NULL */
    const char *reason; /* room: mute, kick, ban: up to REASON_CHARS characters, or NULL */
    const char *invite; /* join: code of an invitation, or NULL; room: uninvite: which */
    const char *name;   /* of http lists: begin behind this one, or NULL */
    int64_t seconds;    /* room: slow, mute, ban (0: for ever), invite */
    int64_t uses;       /* room: invite; -1: any number */
    int read_only;      /* room: create, read_only: 0 or 1; -1: not given */
    bool admin;         /* http: by ADMIN_TOKEN; set by whoever checked it */
    bool not_admin;     /* http: with a wrong one */
    bool away;          /* hello: takes `conversations` and pages of what it missed */
    bool mentions;      /* history, read, received: of the stream of mentions; room and to are
                           NULL */

    /* accounts */
    const char *password;      /* register, login, unregister; password: the old one. As
                                  rules_password() writes it */
    const char *new_password;  /* password */
    const char *label;         /* register, login: of the device, "" when none was given */
    const char *device;        /* login: the one to take up again, or NULL; revoke: which */
    const char *refresh_token; /* token; auth, logout: or NULL. Has its form */
    const char *address;       /* of the client, as limits count it; or NULL */
    bool all;                  /* logout: all devices */
    size_t secret_size;        /* of this allocation, when it has to be wiped; else 0 */
    /* What became of `token`; written by whoever gives the command to the hub. */
    enum token_verdict verdict;
    struct command *then;        /* own; http: what the same request asks for next, or NULL */
    struct token_claims *claims; /* own; NULL unless the verdict is TOKEN_GOOD or TOKEN_EXPIRED */
};

struct command_error {
    enum error_code code;
    char field[24];               /* the field that is wrong, "" when it is the whole frame */
    char cid[RULE_CID_BYTES + 1]; /* of the refused frame, "" when it has no valid one */
};

/* Parses one text frame. On success *out is a new command (free it with command_free), the
 * answer is 0. Otherwise -EINVAL and *error says why. Never recurses deeper than
 * RULE_JSON_DEPTH: the nesting is counted before the JSON parser sees the text.
 * `size` is at most RULE_FRAME_BYTES. Any thread; needs less than 64 KiB of stack. */
int command_parse(const char *text, size_t size, struct command **out, struct command_error *error)
    MUST_USE;

/* The hello of `GET /ws?username=…&room=…&token=…&session=…`. The strings are already
 * percent-decoded; NULL for what is not there; room NULL means "general". As command_parse. */
int command_hello(const char *username, const char *room, const char *session, const char *token,
                  struct command **out, struct command_error *error) MUST_USE;

/* `GET /api/v1/messages/ROOM?limit=&before=|after=|at=&epoch=` and
 * `GET /api/v1/search?q=&room=&user=&from=&to=&limit=&cursor=`: strings as they stand in the URL,
 * percent-decoded, NULL for what is not there; token: the bearer's. As command_parse(). */
struct shown { /* ADMIN_TOKEN, or something in its place */
    bool right;
    const char *address; /* of the client, as limits count it */
};
struct history_url {
    const char *room, *limit, *before, *after, *at, *epoch, *token;
    const struct shown *shown; /* or NULL */
};
struct search_url {
    const char *q, *room, *user, *from, *to, *limit, *cursor, *token;
    const struct shown *shown; /* or NULL */
};
int command_history(const struct history_url *url, struct command **out,
                    struct command_error *error) MUST_USE;
int command_search(const struct search_url *url, struct command **out, struct command_error *error)
    MUST_USE;

/* Looks at c->token, when there is one: writes c->verdict and c->claims. */
void command_verify(struct command *c, struct keyring *k);

void command_free(struct command *c); /* does not touch c->peer; NULL is fine */

#endif

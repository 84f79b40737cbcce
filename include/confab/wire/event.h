/* What the server says, encoded. docs/PROTOCOL.md, "Server to client".
 * Each function returns a new frame with one reference. Any thread.
 *
 * Names and rooms have passed rules_name()/rules_room(), cids rules_token(), and the ids of messages
 * are the server's own: they need no JSON escapes and are copied as they are. `stream` is a room, or "@NAME" for the private conversation with NAME:
 * frames that know both carry `room` for the first and `to` for the second. */
#ifndef CONFAB_WIRE_EVENT_H
#define CONFAB_WIRE_EVENT_H

#include "confab/base/settings.h"
#include "confab/base/str.h"
#include "confab/wire/command.h"
#include "confab/wire/frame.h"

struct stream_top { /* of a heartbeat and of welcome.private */
    const char *stream;
    uint64_t seq;
};

/* Of the account that the user has; a guest has none. */
struct welcome_account {
    const char *device;
    int64_t expires_in_s; /* of the access token */
};

/* account: NULL for a guest. archive: pages go past the list, and there is a search. */
struct frame *event_welcome(const char *user, const char *session, const struct settings *settings,
                            bool archive, const struct stream_top *private_tops, size_t count,
                            const struct welcome_account *account) MUST_USE;

/* Answer to GET /api/v1/server: what somebody needs to know before the first hello. */
struct frame *event_server(const struct settings *settings) MUST_USE;

struct joined {
    const char *room, *epoch;
    uint64_t seq;
    bool recovered;
    uint64_t missed;
    const char *members; /* joined by '\n', or NULL in a large room (only the count is sent) */
    uint64_t count;
    const char *guard; /* JSON object, or NULL: the room has no owner */
};
struct frame *event_joined(const struct joined *j) MUST_USE;

struct page_end {
    const char *epoch; /* NULL: there is nothing more that way */
    uint64_t seq;
};
struct page {
    const char *stream, *epoch;
    const struct frame_part *messages; /* JSON objects, oldest first */
    size_t count;
    struct page_end older, newer; /* where the next page that way begins */
    uint64_t missing;             /* messages of this page that are nowhere */
    const char *cid;              /* NULL or "": none */
    bool away;                    /* unasked: what came while a device was away */
    uint64_t missed;              /* away: messages before these that are gone from Redis */
};
/* stream STREAM_MENTIONS: the mentions of whoever gets it. */
struct frame *event_history(const struct page *page) MUST_USE;

struct found {
    const char *stream, *epoch;
    struct frame_part message; /* JSON object */
    const char *parts;         /* JSON array of texts, plain and found in turn */
    double score;
};
struct finding {
    const char *q, *cid; /* cid NULL or "": none */
    const struct found *results;
    size_t count;
    const char *cursor; /* NULL or "": there are no more */
    bool partial;       /* its time was used up */
    uint64_t behind;    /* messages that are not searchable yet */
    int64_t took_ms;
};
struct frame *event_search(const struct finding *finding) MUST_USE;

/* The three pieces between which Redis puts the sequence number and the time:
 * head seq mid timestamp tail. They are appended to the three strs. */
void event_message_pieces(const struct command *c, const char *user, const char *id,
                          struct str *head, struct str *mid, struct str *tail);

/* The same of an event about a message (COMMAND_EDIT, DELETE, REACT), in four pieces:
 * head seq mid ,"target_id":"ID" content timestamp tail. */
void event_about_pieces(const struct command *c, const char *user, const char *id, struct str *head,
                        struct str *mid, struct str *content, struct str *tail);

/* A message or private message as it came from Redis: a complete JSON object. */
struct frame *event_message(uint64_t seq, const char *json, size_t size) MUST_USE;

/* cid "": none */
struct frame *event_ack(const char *cid, const char *stream, uint64_t seq, const char *id,
                        int64_t timestamp_ms, bool duplicate) MUST_USE;

/* join, leave: names joined by '\n', or NULL. */
struct frame *event_presence(const char *room, const char *join, const char *leave, uint64_t count)
    MUST_USE;

/* typing and read travel through Redis as finished JSON: these append the object to out. */
void event_typing_json(struct str *out, const char *room, const char *to, const char *user);
void event_read_json(struct str *out, const char *room, const char *to, const char *user,
                     uint64_t seq);
/* A typing or read event as it came from Redis. */
struct frame *event_passed(const char *json, size_t size) MUST_USE;

struct frame *event_heartbeat(const struct stream_top *tops, size_t count) MUST_USE;
/* The answer to a heartbeat that had a cid: a client measures how long it took. */
struct frame *event_echo(const char *cid) MUST_USE;
/* marks: objects fields `"NAME":[RECEIVED,READ]` with commas between. */
struct frame *event_marks(const char *room, const char *epoch, const struct str *marks) MUST_USE;
/* When people were last seen. names: joined by '\n'; at: one for each, as store_seen_fn has it. */
struct frame *event_seen(const char *cid, const char *names, const int64_t *at) MUST_USE;
struct frame *event_status(bool ok, const char *reason) MUST_USE;
struct frame *event_resync(const char *stream, uint64_t seq) MUST_USE;
/* reason: "kicked", "banned", "private", "destroyed", or NULL: the client said leave.
 * until_ms: when it ends, in Redis time; 0: it does not, or that is not known. */
struct frame *event_left(const char *room, const char *reason, int64_t until_ms) MUST_USE;

/* cid and field may be NULL or "". retry_after_ms < 0: leave the field out. */
struct frame *event_error(enum error_code code, const char *cid, const char *field,
                          int64_t retry_after_ms) MUST_USE;
/* retry_ms < 0: leave the field out. */
struct frame *event_bye(int code, const char *reason, int64_t retry_ms) MUST_USE;

#endif

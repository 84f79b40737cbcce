/* What the server says of private conversations and mentions to those who were away:
 * docs/PROTOCOL.md, "Away". As event.h. */
#ifndef CONFAB_WIRE_EVENT_AWAY_H
#define CONFAB_WIRE_EVENT_AWAY_H

#include "confab/wire/event.h"

/* A conversation as one of its two users sees it, or the stream of mentions. Numbers of messages,
 * but for unread. */
struct conversation {
    const char *with; /* the other one; of the mentions: unused */
    const char *epoch;
    uint64_t top;       /* the last number */
    uint64_t received;  /* up to where this device has it, in terms of this epoch */
    uint64_t read;      /* own read marker */
    uint64_t seen;      /* the other one's */
    uint64_t delivered; /* up to where the other one has it on some device */
    uint64_t unread;    /* messages of the other one behind `read`; mentions behind it */
};
struct conversations {
    const struct conversation *list; /* the latest written first */
    size_t count;
    struct conversation mentions;
    const struct stream_top *rooms; /* to join, and one's own read marker there */
    size_t room_count;
};
struct frame *event_conversations(const struct conversations *c) MUST_USE;

/* A private message as it came from Redis, a complete JSON object; with its epoch,
 * which `received` has to say. */
struct frame *event_live(const char *epoch, uint64_t seq, const char *json, size_t size) MUST_USE;

/* Appends the object: user has everything up to seq of the conversation with `to`. */
void event_delivered_json(struct str *out, const char *to, const char *user, uint64_t seq);
/* The same of a read marker in the stream of mentions. */
void event_read_mentions_json(struct str *out, const char *user, uint64_t seq);

#endif

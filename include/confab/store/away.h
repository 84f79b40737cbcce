/* What came for somebody who was away: cursors of devices in conversations, delivered markers,
 * unread counts, mentions. docs/PROTOCOL.md, "Away". Hub thread.
 *
 * There is no second copy of a message: a conversation's stream has it, and each device of an
 * account has a cursor in each, the number up to which it said `received`. */
#ifndef CONFAB_STORE_AWAY_H
#define CONFAB_STORE_AWAY_H

#include "confab/store/store.h"
#include "confab/wire/event_away.h"

struct store_away {
    enum store_status status;
    struct conversations conversations; /* of a guest: no mentions, no rooms, nothing received */
};
typedef void store_away_fn(void *arg, const struct store_away *r);
/* device "": a guest, who has no cursors (away.lua). */
int store_away(struct store *s, const char *user, const char *device, store_away_fn *done,
               void *arg) REQUIRES(on_hub) MUST_USE;

/* Up to limit entries with numbers above after, the oldest of them first (history.lua). stream as
 * in store_page(), or STREAM_MENTIONS: those of viewer. */
int store_page_after(struct store *s, const char *stream, const char *viewer, uint64_t after,
                     unsigned limit, store_messages_fn *done, void *arg) REQUIRES(on_hub) MUST_USE;

struct store_received {
    const char *with, *epoch; /* with "": the mentions */
    uint64_t seq;
};
enum { STORE_RECEIVED_MOST = 64 };
/* Moves cursors and delivered markers, which only rise. Fire and forget: what is lost is delivered
 * again, and dropped by the client. */
void store_received(struct store *s, const char *user, const char *device,
                    const struct store_received *list, size_t count) REQUIRES(on_hub);
/* A read marker in the stream of mentions, as store_read(). */
void store_read_mentions(struct store *s, const char *user, uint64_t seq, const char *json,
                         size_t size) REQUIRES(on_hub);
/* The account joined a room, or left it: its other devices join it too. Fire and forget. */
void store_joined(struct store *s, const char *user, const char *room, bool joined)
    REQUIRES(on_hub);

#endif

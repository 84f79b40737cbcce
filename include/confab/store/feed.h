/* One archive's view of the stream PREFIXarchive, which publish.lua fills: a consumer group named
 * `a:ARCHIVE`, so that each archive gets every entry, whoever else reads. docs/DATA.md.
 *
 * Blocking, on a connection of its own: a call waits for FEED_ANSWER_MS at most, and for
 * FEED_CONNECT_MS more when it has to connect. Thread `archive` only.
 *
 * Every function that answers gives 0, or
 *   -ENOTCONN  nobody is there; the next call connects again
 *   -EAGAIN    Redis cannot now: it loads, it is a replica, it has no memory, it refuses access
 *   -ESTALE    the group is not there (never was, or Redis was wiped): feed_join()
 *   -EPROTO    the key is of another type, or Redis is too old
 * feed_error() says more. After an error what was delivered is still pending: feed_join() and
 * feed_take_over() bring it again. */
#ifndef CONFAB_STORE_FEED_H
#define CONFAB_STORE_FEED_H

#include "confab/base/base.h"
#include "confab/base/roles.h"
#include "confab/base/settings.h"

enum {
    FEED_CONNECT_MS = 1000,
    FEED_ANSWER_MS = 5000,
    FEED_ID_BYTES = 41, /* "18446744073709551615-18446744073709551615" */
    FEED_READ_MOST = 64,
};

struct feed;

/* One pair of an entry. key: PREFIX{room:NAME} or PREFIX{dm:A|B} with "m EPOCH SEQ\nJSON\nJSON…",
 * or "!KIND" with a record of that kind. Not NUL-terminated. */
struct feed_part {
    const char *key, *text;
    size_t key_size, text_size;
};
struct feed_entry {
    const char *id; /* "" of what feed_seed() made up: nothing to acknowledge */
    const struct feed_part *parts;
    size_t count;
};
typedef void feed_entry_fn(void *arg, const struct feed_entry *entry); /* lives until it returns */

/* addr as of store_new(). Nothing is connected yet. Any thread. */
struct feed *feed_new(const char *addr, const struct settings *settings) MUST_USE;
void feed_free(struct feed *f);
/* What the last failure was, for a log; "" when there was none. */
const char *feed_error(const struct feed *f) REQUIRES(on_archive);

/* Makes stream and group (at 0) when they are missing; what follows belongs to that group, whose
 * one reader this must be. archive: its id, 16 hex digits. committed: the last entry that the file
 * holds ("": none). *seed: entries may be missing that the group does not bring, since it is new,
 * or has acknowledged more than the file has (a backup was put back), or the backlog was cut:
 * feed_seed() comes next, and the answer is the same until that has succeeded. */
int feed_join(struct feed *f, const char *archive, const char *committed, bool *seed)
    REQUIRES(on_archive) MUST_USE;

/* The lists that Redis still holds, as entries. Then the group goes back to what was committed, if
 * it is ahead of it, so that what the stream still has is delivered again. */
int feed_seed(struct feed *f, feed_entry_fn *fn, void *arg) REQUIRES(on_archive) MUST_USE;

/* Up to FEED_READ_MOST entries that somebody read and did not acknowledge: it died, or this feed
 * lost its connection. Call it until *more is false, then feed_settle() once all are
 * acknowledged. */
int feed_take_over(struct feed *f, feed_entry_fn *fn, void *arg, bool *more) REQUIRES(on_archive)
    MUST_USE;
/* Forgets what is pending without an entry in the stream, and consumers that have nothing. */
int feed_settle(struct feed *f) REQUIRES(on_archive) MUST_USE;

/* New entries, oldest first; *count of them, at most FEED_READ_MOST. Never waits for one. */
int feed_read(struct feed *f, feed_entry_fn *fn, void *arg, size_t *count) REQUIRES(on_archive)
    MUST_USE;

int feed_ack(struct feed *f, const char *const *ids, size_t count) REQUIRES(on_archive) MUST_USE;

struct feed_backlog {
    uint64_t entries;          /* that some archive has not acknowledged */
    int64_t oldest_ms, now_ms; /* by Redis' clock; oldest_ms 0: there is none */
    /* Groups, and when the archive that has been silent for longest was last there, 0: never.
     * feed_look() leaves these two as they are. */
    int64_t archives, silent_since_ms;
};
/* Cuts off what every group has acknowledged (trim.lua) and leaves word of this archive's state. */
int feed_trim(struct feed *f, const char *state, struct feed_backlog *out) REQUIRES(on_archive)
    MUST_USE;
/* The same without a change, for who is not the reader. */
int feed_look(struct feed *f, struct feed_backlog *out) REQUIRES(on_archive) MUST_USE;

#endif

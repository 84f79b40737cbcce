/* The archive of one instance: three threads between Redis and a store behind struct archive_sink.
 *
 *   archive       elects one writer per file (flock(2) on archive.lock), reads the stream, commits
 *                 batches, acknowledges after the commit (src/archive/writer.c)
 *   archive-page  answers pages      both with a reading sink of their own, so that neither a
 *   archive-find  answers searches   slow search nor the writer delays a page
 *
 * Instances on the same file are on standby: they wait for the lock and answer meanwhile. */
#ifndef CONFAB_ARCHIVE_ARCHIVE_H
#define CONFAB_ARCHIVE_ARCHIVE_H

#include "confab/archive/sink.h"
#include "confab/base/queue.h"
#include "confab/base/roles.h"
#include "confab/base/settings.h"
#include "confab/base/stats.h"
#include "confab/wire/frame.h"
#include "confab/wire/rules.h"

enum {
    ARCHIVE_PAGES_MOST = 1024, /* asks that wait; one more is refused */
    ARCHIVE_FINDS_MOST = 64,
};

/* X(STATE, "in_health", "a sentence for people") */
#define ARCHIVE_STATES(X)                                                                          \
    X(OFF, "off", "This instance keeps no archive.")                                               \
    X(STARTING, "starting", "The archive is being opened.")                                        \
    X(STANDBY, "standby", "Another instance writes this archive.")                                 \
    X(OK, "ok", "Every message is in the archive, or will be within a second.")                    \
    X(BEHIND, "behind", "Messages wait in Redis for the archive.")                                 \
    X(LOSING, "losing", "So many messages wait in Redis that it drops the oldest.")                \
    X(NO_REDIS, "no_redis", "The archive does not reach Redis.")                                   \
    X(FULL, "full", "The disk of the archive is full.")                                            \
    X(LOCKED, "locked", "Another program locks the archive's file.")                               \
    X(REPAIRING, "repairing", "The archive's file was damaged and is being repaired.")             \
    X(NEWER, "newer", "A newer version of confab made the archive's file.")                        \
    X(FAILING, "failing", "The archive cannot be written.")

enum archive_state {
#define X(state, text, sentence) ARCHIVE_##state,
    ARCHIVE_STATES(X)
#undef X
        ARCHIVE_STATE_COUNT
};
const char *archive_state_name(enum archive_state state); /* of health and stats; any thread */
const char *archive_state_text(enum archive_state state); /* a sentence for people; any thread */

struct archive;

/* NULL when ARCHIVE is off, or auto with a Redis that is not confab's own. redis_addr as of
 * store_new(). All are borrowed. */
struct archive *archive_new(const struct settings *settings, struct stats *stats,
                            const char *redis_addr) REQUIRES(on_main) MUST_USE;
/* Starts the three threads. 0 or a negative errno; then none runs. */
int archive_start(struct archive *a) REQUIRES(on_main) MUST_USE;
/* Archives what is in the stream by now, for at most deadline_ms, then ends the threads. */
void archive_stop(struct archive *a, int64_t deadline_ms) REQUIRES(on_main);
/* After hub_free(); frees what is still in its queues. NULL is fine. */
void archive_free(struct archive *a) REQUIRES(on_main);

/* What is asked; made with archive_ask_new(). */
struct archive_ask {
    uint64_t id;              /* the asker's, comes back in the answer */
    char asker[17];           /* another instance; "": a peer of this one */
    int64_t deadline_mono_ms; /* passed before its turn came: dropped, without an answer */
    struct ask *ask;          /* own */
};
/* Takes ask, which ask_parse() made. */
struct archive_ask *archive_ask_new(uint64_t id, struct ask *ask, int64_t deadline_mono_ms)
    MUST_USE;
void archive_ask_free(struct archive_ask *ask);
/* Takes ask on success. 0, or -EAGAIN: the queue is full. */
int archive_ask(struct archive *a, struct archive_ask *ask) REQUIRES(on_hub) MUST_USE;

struct archive_answer {
    uint64_t id;
    char asker[17];
    struct frame *frame; /* history, search, the message that was to be found, or an error: one
                          * reference, the taker's */
    uint64_t newest;     /* page: number of its last message, 0 when it is empty */
    /* page: messages that belong here, by ask->now_epoch and now_top, have not been archived yet:
     * worth asking again in a moment */
    bool behind;
};
/* Where answers come, for the hub to watch and empty. Each is the taker's, to be given to
 * archive_answer_free(), which keeps the frame when it was set to NULL. */
struct queue *archive_answers(struct archive *a);
void archive_answer_free(struct archive_answer *answer);

#endif

/* What the writer has taken from the stream and not committed yet. Thread `archive`. */
#ifndef CONFAB_ARCHIVE_BATCH_H
#define CONFAB_ARCHIVE_BATCH_H

#include "confab/archive/sink.h"
#include "confab/base/roles.h"
#include "confab/store/feed.h"

enum {
    BATCH_MESSAGES = 2000, /* committed when it has so many, or so many bytes, or is so old */
    BATCH_BYTES = 16 << 20,
    BATCH_MS = 100,
};

struct batch {
    const char *prefix; /* REDIS_PREFIX */
    struct sink_message *messages;
    struct sink_record *records;
    struct sink_reject *rejects;
    const char **ids; /* to acknowledge */
    char **blocks;    /* texts that all of them point into */
    size_t message_count, message_room;
    size_t record_count, record_room;
    size_t reject_count, reject_room;
    size_t id_count, id_room;
    size_t block_count, block_room;
    size_t bytes;
};

void batch_init(struct batch *b, const char *prefix);
void batch_fini(struct batch *b);
void batch_reset(struct batch *b) REQUIRES(on_archive);
/* Copies an entry. What cannot be read becomes a reject, so that it blocks nothing. */
void batch_add(struct batch *b, const struct feed_entry *entry) REQUIRES(on_archive);
static inline bool batch_is_full(const struct batch *b)
{
    return b->message_count >= BATCH_MESSAGES || b->bytes >= BATCH_BYTES ||
           b->record_count + b->reject_count + b->id_count >= 2 * BATCH_MESSAGES;
}
static inline bool batch_is_empty(const struct batch *b)
{
    return b->block_count == 0;
}

#endif

/* What waits for one client: a first-in first-out queue of batches. Knows nothing of locks; the
 * bound and what happens at it are the net thread's (src/net/lag.c). Memory is taken with the
 * first item and given back after a burst. */
#ifndef CONFAB_PUMP_OUTBOX_H
#define CONFAB_PUMP_OUTBOX_H

#include "confab/pump/batch.h"

struct outbox {
    struct batch **slots; /* `capacity` of them, a power of two; NULL before the first push */
    uint32_t capacity, head, count;
    uint32_t bytes; /* of all items */
};

void outbox_fini(struct outbox *o);
void outbox_push(struct outbox *o, struct batch *b); /* takes b */
struct batch *outbox_pop(struct outbox *o);          /* the caller owns it; NULL when empty */

/* Pops items for one send into out: at least one when there is one, at most `most`, and no more
 * than `bytes` bytes when there are several. Returns how many. */
size_t outbox_take(struct outbox *o, struct batch **out, size_t most, size_t bytes);

/* Drops what belongs to rooms and keeps the rest in order. Returns the bytes that were dropped. */
uint32_t outbox_drop_rooms(struct outbox *o);

/* The number of the room's first message that waits, 0 when none does. */
uint64_t outbox_first_seq(const struct outbox *o, uint32_t room);

#endif

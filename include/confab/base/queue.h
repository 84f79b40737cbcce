/* A queue from many threads to one: a ring under a lock, and a pipe whose read end
 * sits in the consumer's event loop.
 *
 *   push   append; on empty → non-empty write one byte (EAGAIN means "already signalled")
 *   drain  empty the pipe *first*, then pop until the ring is empty. The other order
 *          loses wake-ups: a byte written between the last pop and the read is eaten.
 *   full   push answers -EAGAIN; the caller applies its policy. A queue never blocks
 *          its producer and never drops.
 */
#ifndef CONFAB_BASE_QUEUE_H
#define CONFAB_BASE_QUEUE_H

#include "confab/base/ring.h"
#include "confab/base/roles.h"

#include <stdatomic.h>

struct queue {
    struct lock lock;
    struct ring ring;          /* under lock */
    uint32_t bound;            /* most items it takes */
    int pipe_read, pipe_write; /* both non-blocking, close-on-exec */
    _Atomic uint32_t depth;    /* of the ring, for stats */
    _Atomic uint32_t depth_max;
    _Atomic uint64_t pushed, refused, wakeups;
};

/* 0 or a negative errno of pipe2(2). */
int queue_init(struct queue *q, uint32_t bound) MUST_USE;
void queue_fini(struct queue *q); /* the consumer, after it drained */

/* Takes item on success. 0, or -EAGAIN when full (the caller still owns item). Any thread. */
int queue_push(struct queue *q, void *item) MUST_USE;

/* What the calling thread pushes between these two is signalled by the second one, once for each
 * queue: a consumer on the same processor would else run for every single item. Keep it short;
 * pairs do not nest. */
void queue_hold(void);
void queue_release(void);

/* Consumer only. Call when pipe_read is readable. */
void queue_clear_signal(struct queue *q);

/* Consumer only. Moves up to `most` items to out, oldest first, returns how many.
 * When items are left behind, signals the pipe again, so that a consumer that stops
 * for the turn is called back. */
uint32_t queue_take(struct queue *q, void **out, uint32_t most);

#endif

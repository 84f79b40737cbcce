/* A bounded first-in first-out ring of pointers. Knows nothing of locks or threads:
 * whoever owns it calls it. */
#ifndef CONFAB_BASE_RING_H
#define CONFAB_BASE_RING_H

#include "confab/base/base.h"

struct ring {
    void **slots; /* `capacity` of them, a power of two */
    uint32_t capacity;
    uint32_t head; /* next to pop; indices run freely and are masked */
    uint32_t tail; /* next free */
};

void ring_init(struct ring *r, uint32_t capacity);   /* rounds up to a power of two, at least 2 */
void ring_fini(struct ring *r);                      /* the items are the caller's */
bool ring_push(struct ring *r, void *item) MUST_USE; /* false when full */
void *ring_pop(struct ring *r);                      /* NULL when empty */
void *ring_peek(const struct ring *r);               /* the oldest, NULL when empty */
uint32_t ring_size(const struct ring *r);
void ring_grow(struct ring *r); /* doubles the capacity, keeps the order */

#endif

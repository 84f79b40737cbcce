#include "confab/base/ring.h"

#include <stdlib.h>

void ring_init(struct ring *r, uint32_t capacity)
{
    uint32_t rounded = 2;
    while (rounded < capacity) {
        BUG_ON(rounded > UINT32_MAX / 2);
        rounded *= 2;
    }
    *r = (struct ring){ .slots = xmalloc(rounded * sizeof(void *)), .capacity = rounded };
}

void ring_fini(struct ring *r)
{
    free(r->slots);
    *r = (struct ring){ 0 };
}

bool ring_push(struct ring *r, void *item)
{
    if (ring_size(r) == r->capacity)
        return false;
    r->slots[r->tail++ & (r->capacity - 1)] = item;
    return true;
}

void *ring_pop(struct ring *r)
{
    if (r->head == r->tail)
        return NULL;
    return r->slots[r->head++ & (r->capacity - 1)];
}

void *ring_peek(const struct ring *r)
{
    return r->head == r->tail ? NULL : r->slots[r->head & (r->capacity - 1)];
}

uint32_t ring_size(const struct ring *r)
{
    return r->tail - r->head; /* right across the wrap of both */
}

void ring_grow(struct ring *r)
{
    BUG_ON(r->capacity > UINT32_MAX / 2);
    const uint32_t size = ring_size(r), capacity = r->capacity * 2;
    void **slots = xmalloc(capacity * sizeof(void *));
    for (uint32_t i = 0; i < size; i++)
        slots[i] = r->slots[(r->head + i) & (r->capacity - 1)];
    free(r->slots);
    *r = (struct ring){ .slots = slots, .capacity = capacity, .tail = size };
}

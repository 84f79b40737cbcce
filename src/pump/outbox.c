#include "confab/pump/outbox.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 4, KEEP_CAPACITY = 64 };

static struct batch **slot(const struct outbox *o, uint32_t i)
{
    return &o->slots[(o->head + i) & (o->capacity - 1)];
}

static void grow(struct outbox *o)
{
    uint32_t capacity = o->capacity ? o->capacity * 2 : FIRST_CAPACITY;
    struct batch **slots = xmalloc(capacity * sizeof(struct batch *));
    for (uint32_t i = 0; i < o->count; i++)
        slots[i] = *slot(o, i);
    free(o->slots);
    o->slots = slots;
    o->capacity = capacity;
    o->head = 0;
}

void outbox_fini(struct outbox *o)
{
    struct batch *b;
    while ((b = outbox_pop(o)) != NULL)
        batch_unref(b);
    free(o->slots);
    *o = (struct outbox){ 0 };
}

void outbox_push(struct outbox *o, struct batch *b)
{
    if (o->count == o->capacity)
        grow(o);
    *slot(o, o->count++) = b;
    o->bytes += b->size;
}

struct batch *outbox_pop(struct outbox *o)
{
    if (!o->count)
        return NULL;
    struct batch *b = *slot(o, 0);
    o->head = (o->head + 1) & (o->capacity - 1);
    o->count--;
    o->bytes -= b->size;
    if (!o->count && o->capacity > KEEP_CAPACITY) {
        free(o->slots);
        *o = (struct outbox){ 0 };
    }
    return b;
}

size_t outbox_take(struct outbox *o, struct batch **out, size_t most, size_t bytes)
{
    size_t n = 0, size = 0;
    while (n < most && o->count) {
        size += (*slot(o, 0))->size;
        if (n && size > bytes)
            break;
        out[n++] = outbox_pop(o);
    }
    return n;
}

uint32_t outbox_drop_rooms(struct outbox *o)
{
    uint32_t dropped = 0;
    for (uint32_t n = o->count; n > 0; n--) {
        struct batch *b = outbox_pop(o);
        if (b->room == BATCH_NO_ROOM) {
            outbox_push(o, b);
        } else {
            dropped += b->size;
            batch_unref(b);
        }
    }
    return dropped;
}

uint64_t outbox_first_seq(const struct outbox *o, uint32_t room)
{
    for (uint32_t i = 0; i < o->count; i++) {
        const struct batch *b = *slot(o, i);
        if (b->room == room && b->first_seq)
            return b->first_seq;
    }
    return 0;
}

#include "confab/pump/batch.h"

#include <stdlib.h>
#include <string.h>

static struct batch *batch_new(size_t size, uint32_t frames, uint32_t room)
{
    struct batch *b = xmalloc(sizeof(*b) + size);
    *b = (struct batch){
        .refs = 1, .size = (uint32_t)size, .frames = frames, .room = room, .data = b->bytes
    };
    return b;
}

static void add_seq(struct batch *b, uint64_t first, uint64_t last)
{
    if (first && !b->first_seq)
        b->first_seq = first;
    if (last)
        b->last_seq = last;
}

struct batch *batch_of_frame(struct frame *f, uint32_t room)
{
    struct batch *b = batch_new(0, 1, room);
    b->size = f->size;
    b->frame = frame_ref(f);
    b->data = f->bytes;
    if (room == BATCH_NO_ROOM && f->class == FRAME_CONTROL)
        b->answers = b->size;
    add_seq(b, f->seq, f->seq);
    return b;
}

struct batch *batch_of_frames(struct frame *const *frames, size_t count, uint32_t room)
{
    if (count == 1)
        return batch_of_frame(frames[0], room);
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += frames[i]->size;
    struct batch *b = batch_new(size, (uint32_t)count, room);
    unsigned char *at = b->bytes;
    for (size_t i = 0; i < count; i++) {
        memcpy(at, frames[i]->bytes, frames[i]->size);
        at += frames[i]->size;
        add_seq(b, frames[i]->seq, frames[i]->seq);
    }
    return b;
}

struct batch *batch_of_bytes(const void *bytes, size_t size)
{
    struct batch *b = batch_new(size, 0, BATCH_NO_ROOM);
    memcpy(b->bytes, bytes, size);
    b->answers = b->size;
    return b;
}

struct batch *batch_join(struct batch *const *items, size_t count)
{
    if (count == 1)
        return batch_ref(items[0]);
    size_t size = 0;
    uint32_t frames = 0;
    for (size_t i = 0; i < count; i++) {
        size += items[i]->size;
        frames += items[i]->frames;
    }
    struct batch *b = batch_new(size, frames, BATCH_NO_ROOM);
    unsigned char *at = b->bytes;
    for (size_t i = 0; i < count; i++) {
        memcpy(at, items[i]->data, items[i]->size);
        at += items[i]->size;
        b->answers += items[i]->answers;
    }
    return b;
}

struct batch *batch_ref(struct batch *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void batch_unref(struct batch *b)
{
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    frame_unref(b->frame);
    free(b);
}

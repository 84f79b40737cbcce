/* One or more prepared frames in one piece, as they go to a socket. Immutable and shared: one
 * batch stands in the outboxes of all members of a room. */
#ifndef CONFAB_PUMP_BATCH_H
#define CONFAB_PUMP_BATCH_H

#include "confab/wire/frame.h"

#define BATCH_NO_ROOM UINT32_MAX

struct batch {
    _Atomic uint32_t refs;
    uint32_t size;      /* bytes */
    uint32_t frames;    /* how many are in it */
    uint32_t room;      /* whose run it is, BATCH_NO_ROOM for what one client gets alone */
    uint32_t answers;   /* bytes of it that answer this client; the others nobody asked for */
    uint64_t first_seq; /* numbers of the room messages in it; 0 when there is none */
    uint64_t last_seq;
    struct frame *frame; /* a single frame is not copied: data points into it */
    const unsigned char *data;
    unsigned char bytes[];
};

/* All return new, with one reference; frames and items are borrowed. Any thread. */
struct batch *batch_of_frame(struct frame *f, uint32_t room) MUST_USE;
struct batch *batch_of_frames(struct frame *const *frames, size_t count, uint32_t room) MUST_USE;
struct batch *batch_of_bytes(const void *bytes, size_t size) MUST_USE; /* a control frame */
struct batch *batch_join(struct batch *const *items, size_t count) MUST_USE;

struct batch *batch_ref(struct batch *b); /* returns b */
void batch_unref(struct batch *b);        /* NULL is fine */

#endif

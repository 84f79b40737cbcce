/* A prepared WebSocket frame: header and payload in one piece, immutable, shared by all its
 * receivers. RFC 6455 section 5.2: FIN, text, not masked. */
#ifndef CONFAB_WIRE_FRAME_H
#define CONFAB_WIRE_FRAME_H

#include "confab/base/base.h"

#include <stdatomic.h>

/* What a slow client may go without. */
enum frame_class {
    FRAME_MESSAGE, /* message, private: never dropped, replaced by resync when it does not fit */
    FRAME_EVENT,   /* typing, read, presence: dropped first */
    FRAME_CONTROL, /* everything else: answers to this client */
};

struct frame {
    _Atomic uint32_t refs;
    uint32_t size;          /* bytes on the wire, header included */
    uint8_t header_size;    /* 2, 4 or 10 */
    uint8_t class;          /* enum frame_class */
    int16_t http_status;    /* of an answer to an HTTP peer; 200 unless it is an error */
    uint16_t retry_after_s; /* and its Retry-After; 0: none */
    uint64_t seq;           /* number of the room message in it, 0 when there is none */
    unsigned char bytes[];
};

struct frame_part {
    const void *data;
    size_t size;
};

enum { FRAME_HEADER_MAX = 10 };

/* Writes the header of a text frame of payload_size bytes, returns its size. */
size_t frame_header(unsigned char out[FRAME_HEADER_MAX], uint64_t payload_size);

/* Returns new, with one reference. The parts are joined and copied. Any thread. */
struct frame *frame_new(enum frame_class class, uint64_t seq, const struct frame_part *parts,
                        size_t count) MUST_USE;
struct frame *frame_ref(struct frame *f); /* returns f */
void frame_unref(struct frame *f);        /* NULL is fine */

static inline const char *frame_payload(const struct frame *f)
{
    return (const char *)f->bytes + f->header_size;
}
static inline size_t frame_payload_size(const struct frame *f)
{
    return f->size - f->header_size;
}

#endif

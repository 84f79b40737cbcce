#include "confab/wire/frame.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIN_TEXT = 0x81, /* FIN and opcode 1 */
    LENGTH_16 = 126, /* the length follows in 2 bytes */
    LENGTH_64 = 127, /* the length follows in 8 bytes */
};

size_t frame_header(unsigned char out[FRAME_HEADER_MAX], uint64_t payload_size)
{
    size_t length_bytes;

    out[0] = FIN_TEXT;
    if (payload_size < LENGTH_16) {
        out[1] = (unsigned char)payload_size;
        return 2;
    }
    if (payload_size <= UINT16_MAX) {
        out[1] = LENGTH_16;
        length_bytes = 2;
    } else {
        out[1] = LENGTH_64;
        length_bytes = 8;
    }
    for (size_t i = 0; i < length_bytes; i++) /* network byte order */
        out[2 + i] = (unsigned char)(payload_size >> (8 * (length_bytes - 1 - i)));
    return 2 + length_bytes;
}

struct frame *frame_new(enum frame_class class, uint64_t seq, const struct frame_part *parts,
                        size_t count)
{
    unsigned char header[FRAME_HEADER_MAX];
    size_t payload_size = 0;

    for (size_t i = 0; i < count; i++)
        payload_size += parts[i].size;
    BUG_ON(payload_size > UINT32_MAX - FRAME_HEADER_MAX);

    size_t header_size = frame_header(header, payload_size);
    struct frame *f = xmalloc(sizeof *f + header_size + payload_size);
    atomic_init(&f->refs, 1);
    f->size = (uint32_t)(header_size + payload_size);
    f->header_size = (uint8_t)header_size;
    f->class = class;
    f->http_status = 200;
    f->retry_after_s = 0;
    f->seq = seq;

    unsigned char *at = f->bytes;
    memcpy(at, header, header_size);
    at += header_size;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].size > 0) /* an empty part may be NULL, which memcpy must not see */
            memcpy(at, parts[i].data, parts[i].size);
        at += parts[i].size;
    }
    return f;
}

struct frame *frame_ref(struct frame *f)
{
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

void frame_unref(struct frame *f)
{
    if (f == NULL)
        return;
    /* acq_rel: whoever frees sees everything the other holders did before they let go */
    if (atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
        free(f);
}

/* For the walkers of the formats: reading at any place, and what is kept. Each function returns 0 or
 * a negative errno; -EBADMSG: behind the end. */
#ifndef NET_PICTURE_COPY_H
#define NET_PICTURE_COPY_H

#include "picture.h"

struct picture_copy {
    int in, out;
    off_t in_at, out_at;
    uint64_t size, written;
    uint64_t keep_at, keep_size; /* not copied yet */
    uint32_t width, height;
    bool turned; /* shown on its side */
    uint64_t window_at;
    size_t window_size;
    unsigned char window[4096];
    char piece[65536];
};

int picture_peek(struct picture_copy *c, uint64_t at, void *out, size_t size) MUST_USE;
int picture_keep(struct picture_copy *c, uint64_t at, uint64_t size) MUST_USE;
/* Bytes of one's own, behind what was kept; size 0: all that was kept is written. */
int picture_put(struct picture_copy *c, const void *bytes, size_t size) MUST_USE;
/* Takes the size that the header tells. -EBADMSG: none; -EOVERFLOW: too many pixels. */
int picture_measure(struct picture_copy *c, uint32_t width, uint32_t height) MUST_USE;

/* The walkers: from the signature to the end of the picture. */
int picture_jpeg(struct picture_copy *c) MUST_USE;
int picture_png(struct picture_copy *c) MUST_USE;
int picture_gif(struct picture_copy *c) MUST_USE;
int picture_webp(struct picture_copy *c) MUST_USE;

static inline uint32_t big16(const unsigned char *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}
static inline uint32_t big32(const unsigned char *p)
{
    return big16(p) << 16 | big16(p + 2);
}
static inline uint32_t little16(const unsigned char *p)
{
    return (uint32_t)p[1] << 8 | p[0];
}
static inline uint32_t little24(const unsigned char *p)
{
    return (uint32_t)p[2] << 16 | little16(p);
}
static inline uint32_t little32(const unsigned char *p)
{
    return little16(p + 2) << 16 | little16(p);
}

#endif

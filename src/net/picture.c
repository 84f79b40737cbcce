#include "picture_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int picture_peek(struct picture_copy *c, uint64_t at, void *out, size_t size)
{
    if (at > c->size || size > c->size - at)
        return -EBADMSG;
    if (at < c->window_at || at + size > c->window_at + c->window_size) {
        const ssize_t got = pread(c->in, c->window, sizeof c->window, c->in_at + (off_t)at);
        if (got < 0)
            return -errno;
        c->window_at = at;
        c->window_size = (size_t)got;
        if (c->window_size > c->size - at)
            c->window_size = (size_t)(c->size - at);
        if (size > c->window_size)
            return -EBADMSG;
    }
    memcpy(out, c->window + (at - c->window_at), size);
    return 0;
}

static int insert(struct picture_copy *c, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        const ssize_t n = pwrite(c->out, at, size, c->out_at + (off_t)c->written);
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        at += n;
        size -= (size_t)n;
        c->written += (uint64_t)n;
    }
    return 0;
}

static int flush(struct picture_copy *c)
{
    int error = 0;
    while (c->keep_size > 0 && !error) {
        const size_t most = sizeof c->piece;
        const size_t want = c->keep_size < most ? (size_t)c->keep_size : most;
        const ssize_t got = pread(c->in, c->piece, want, c->in_at + (off_t)c->keep_at);
        if (got <= 0)
            return got < 0 ? -errno : -EIO;
        error = insert(c, c->piece, (size_t)got);
        c->keep_at += (uint64_t)got;
        c->keep_size -= (uint64_t)got;
    }
    return error;
}

/* Neighbours are copied as one. */
int picture_keep(struct picture_copy *c, uint64_t at, uint64_t size)
{
    if (at > c->size || size > c->size - at)
        return -EBADMSG;
    if (c->keep_at + c->keep_size != at) {
        const int error = flush(c);
        if (error)
            return error;
        c->keep_at = at;
    }
    c->keep_size += size;
    return 0;
}

int picture_put(struct picture_copy *c, const void *bytes, size_t size)
{
    const int error = flush(c);
    return error ? error : insert(c, bytes, size);
}

int picture_measure(struct picture_copy *c, uint32_t width, uint32_t height)
{
    if (width == 0 || height == 0)
        return -EBADMSG;
    if ((uint64_t)width * height > PICTURE_PIXELS_MOST)
        return -EOVERFLOW;
    c->width = width;
    c->height = height;
    return 0;
}

int picture_clean(enum picture_format format, int in, off_t in_at, uint64_t size, int out,
                  off_t out_at, struct picture *result)
{
    static int (*const walks[])(struct picture_copy *) = {
        [PICTURE_JPEG] = picture_jpeg,
        [PICTURE_PNG] = picture_png,
        [PICTURE_GIF] = picture_gif,
        [PICTURE_WEBP] = picture_webp,
    };
    BUG_ON(format == PICTURE_NONE);
    struct picture_copy *c = xcalloc(1, sizeof *c);
    c->in = in;
    c->in_at = in_at;
    c->size = size;
    c->out = out;
    c->out_at = out_at;
    int error = walks[format](c);
    if (!error)
        error = flush(c);
    if (!error && c->width == 0)
        error = -EBADMSG;
    if (!error)
        *result = (struct picture){ .size = c->written,
                                    .width = c->turned ? c->height : c->width,
                                    .height = c->turned ? c->width : c->height };
    free(c);
    return error;
}

/* PNG (W3C, third edition, section 5), GIF89a, WebP (RFC 9649 section 2). */
#include "picture_copy.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Is it one of the types of a list, each of four letters with a blank between them? */
static bool is_in(const char *list, const unsigned char type[4])
{
    const char *at = memmem(list, strlen(list), type, 4);
    return at && (at - list) % 5 == 0;
}

/* ---- PNG ---- */

/* What is shown, and how; without text, times and EXIF. */
static const char png_kept[] = "IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI "
                               "bKGD pHYs acTL fcTL fdAT";

static int png_measure(struct picture_copy *c, uint64_t at)
{
    unsigned char sizes[8];
    const int error = picture_peek(c, at, sizes, sizeof sizes);
    return error ? error : picture_measure(c, big32(sizes), big32(sizes + 4));
}

/* One chunk; *at moves behind it. */
static int png_chunk(struct picture_copy *c, uint64_t *at, bool first, bool *last)
{
    unsigned char head[8];
    int error = picture_peek(c, *at, head, sizeof head);
    if (error)
        return error;
    const unsigned char *type = head + 4;
    const uint64_t begin = *at, size = (uint64_t)big32(head) + 12;
    const bool is_header = memcmp(type, "IHDR", 4) == 0;
    *last = memcmp(type, "IEND", 4) == 0;
    if (first != is_header || (is_header && size != 25) || (*last && size != 12))
        return -EBADMSG;
    *at += size;
    if (is_header)
        error = png_measure(c, begin + 8);
    if (error)
        return error;
    if (is_in(png_kept, type))
        return picture_keep(c, begin, size);
    return type[0] & 0x20 ? 0 : -EBADMSG; /* needed to show it, and not known */
}

int picture_png(struct picture_copy *c)
{
    static const unsigned char signature[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    unsigned char head[sizeof signature];
    uint64_t at = sizeof signature;
    bool last = false;
    int error = picture_peek(c, 0, head, sizeof head);
    if (!error && memcmp(head, signature, sizeof signature) != 0)
        error = -EBADMSG;
    if (!error)
        error = picture_keep(c, 0, sizeof signature);
    while (!error && !last)
        error = png_chunk(c, &at, at == sizeof signature, &last);
    return error;
}

/* ---- GIF ---- */

enum { GIF_IMAGE = 0x2c, GIF_EXTENSION = 0x21, GIF_END = 0x3b, GIF_CONTROL = 0xf9, GIF_APP = 0xff };

/* The table of colours that flags announce. */
static uint64_t gif_colours(unsigned flags)
{
    return flags & 0x80 ? UINT64_C(3) << ((flags & 7) + 1) : 0;
}

/* Behind the sub-blocks that begin there. */
static int gif_skip(struct picture_copy *c, uint64_t *at)
{
    unsigned char size = 1;
    int error = 0;
    while (!error && size != 0) {
        error = picture_peek(c, *at, &size, 1);
        *at += 1u + size;
    }
    return error;
}

static int gif_image(struct picture_copy *c, uint64_t *at)
{
    unsigned char head[10];
    const uint64_t begin = *at;
    int error = picture_peek(c, begin, head, sizeof head);
    if (error)
        return error;
    if ((uint64_t)little16(head + 5) * little16(head + 7) > PICTURE_PIXELS_MOST)
        return -EOVERFLOW;
    *at += sizeof head + gif_colours(head[9]) + 1;
    error = gif_skip(c, at);
    return error ? error : picture_keep(c, begin, *at - begin);
}

/* Kept: times and transparency; how often it runs; the colour profile. */
static int gif_extension(struct picture_copy *c, uint64_t *at)
{
    unsigned char head[14] = { 0 };
    const uint64_t begin = *at;
    int error = picture_peek(c, begin, head, 3);
    const bool named = head[1] == GIF_APP && head[2] == 11;
    if (!error && named)
        error = picture_peek(c, begin, head, sizeof head);
    *at += 2;
    if (!error)
        error = gif_skip(c, at);
    const char *name = (const char *)head + 3;
    const bool keep =
        head[1] == GIF_CONTROL ||
        (named && (memcmp(name, "NETSCAPE2.0", 11) == 0 || memcmp(name, "ICCRGBG1012", 11) == 0));
    return error || !keep ? error : picture_keep(c, begin, *at - begin);
}

int picture_gif(struct picture_copy *c)
{
    unsigned char head[13], kind = 0;
    int error = picture_peek(c, 0, head, sizeof head);
    if (error || (memcmp(head, "GIF89a", 6) != 0 && memcmp(head, "GIF87a", 6) != 0))
        return error ? error : -EBADMSG;
    error = picture_measure(c, little16(head + 6), little16(head + 8));
    uint64_t at = sizeof head + gif_colours(head[10]);
    if (!error)
        error = picture_keep(c, 0, at);
    while (!error) {
        error = picture_peek(c, at, &kind, 1);
        if (error)
            return error;
        if (kind == GIF_END)
            return picture_keep(c, at, 1);
        error = kind == GIF_IMAGE       ? gif_image(c, &at)
                : kind == GIF_EXTENSION ? gif_extension(c, &at)
                                        : -EBADMSG;
    }
    return error;
}

/* ---- WebP ---- */

enum { WEBP_HEAD = 12, CHUNK_HEAD = 8, CHUNK_SEEN = 16, VP8X_XMP = 0x04, VP8X_EXIF = 0x08 };

static const char webp_kept[] = "VP8X VP8  VP8L ALPH ANIM ANMF ICCP";

/* The size that a chunk tells; the first one is the canvas. data: CHUNK_SEEN bytes, 0 behind its
 * end. */
static int webp_measure(struct picture_copy *c, const unsigned char *type,
                        const unsigned char *data)
{
    uint32_t width, height;
    if (memcmp(type, "VP8X", 4) == 0) {
        width = little24(data + 4) + 1;
        height = little24(data + 7) + 1;
    } else if (memcmp(type, "ANMF", 4) == 0) {
        width = little24(data + 6) + 1;
        height = little24(data + 9) + 1;
    } else if (memcmp(type, "VP8L", 4) == 0 && data[0] == 0x2f) {
        const uint32_t bits = little32(data + 1);
        width = (bits & 0x3fff) + 1;
        height = (bits >> 14 & 0x3fff) + 1;
    } else if (memcmp(type, "VP8 ", 4) == 0 && memcmp(data + 3, "\x9d\x01\x2a", 3) == 0) {
        width = little16(data + 6) & 0x3fff;
        height = little16(data + 8) & 0x3fff;
    } else {
        return memcmp(type, "VP8", 3) == 0 ? -EBADMSG : 0;
    }
    const uint32_t canvas_width = c->width, canvas_height = c->height;
    const int error = picture_measure(c, width, height);
    if (!error && canvas_width != 0) {
        c->width = canvas_width;
        c->height = canvas_height;
    }
    return error;
}

static int webp_chunk(struct picture_copy *c, uint64_t at, uint64_t size)
{
    unsigned char head[CHUNK_HEAD + CHUNK_SEEN] = { 0 };
    const uint64_t whole = CHUNK_HEAD + size;
    int error = picture_peek(c, at, head, whole < sizeof head ? (size_t)whole : sizeof head);
    if (error || !is_in(webp_kept, head))
        return error;
    error = webp_measure(c, head, head + CHUNK_HEAD);
    if (error)
        return error;
    if (memcmp(head, "VP8X", 4) == 0) {
        if (size != 10)
            return -EBADMSG;
        head[CHUNK_HEAD] &= (unsigned char)~(VP8X_XMP | VP8X_EXIF);
        return picture_put(c, head, CHUNK_HEAD + 10);
    }
    error = picture_keep(c, at, whole);
    return error || whole % 2 == 0 ? error : picture_put(c, "", 1);
}

int picture_webp(struct picture_copy *c)
{
    unsigned char head[WEBP_HEAD], size[4] = { 0 };
    int error = picture_peek(c, 0, head, sizeof head);
    if (error || memcmp(head, "RIFF", 4) != 0 || memcmp(head + 8, "WEBP", 4) != 0)
        return error ? error : -EBADMSG;
    const uint64_t end = (uint64_t)little32(head + 4) + 8;
    if (end > c->size)
        return -EBADMSG;
    error = picture_put(c, head, sizeof head);
    for (uint64_t at = sizeof head; at < end && !error;) {
        error = at + CHUNK_HEAD > end ? -EBADMSG : picture_peek(c, at + 4, size, sizeof size);
        const uint64_t data = little32(size);
        if (!error && data > end - at - CHUNK_HEAD)
            error = -EBADMSG;
        if (!error)
            error = webp_chunk(c, at, data);
        at += CHUNK_HEAD + data + data % 2;
    }
    if (!error)
        error = picture_put(c, "", 0);
    if (error)
        return error;
    const uint64_t written = c->written - 8;
    for (int i = 0; i < 4; i++)
        size[i] = (unsigned char)(written >> (8 * i));
    return pwrite(c->out, size, sizeof size, c->out_at + 4) == sizeof size ? 0 : -EIO;
}

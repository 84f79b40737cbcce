/* JPEG: ITU-T T.81 appendix B; JFIF; EXIF is a TIFF 6.0 file in APP1. */
#include "picture_copy.h"

#include <errno.h>
#include <string.h>

enum {
    SOI = 0xd8,
    EOI = 0xd9,
    SOS = 0xda,
    TEM = 0x01,
    APP0 = 0xe0,
    APP1 = 0xe1,
    APP2 = 0xe2,
    APP14 = 0xee,
    TAG_ORIENTATION = 0x0112,
    TYPE_SHORT = 3,
    EXIF_HEAD = 6,
    IFD_ENTRIES_MOST = 512,
};

/* What decodes the picture. DNL, DHP and EXP are of kinds that no browser shows. */
static bool is_needed(unsigned marker)
{
    return (marker >= 0xc0 && marker <= 0xcf && marker != 0xc8) || /* SOFn, DHT, DAC */
           marker == 0xdb || marker == 0xdd;                       /* DQT, DRI */
}

static bool is_frame(unsigned marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static uint32_t tiff16(const unsigned char *p, bool big)
{
    return big ? big16(p) : little16(p);
}
static uint32_t tiff32(const unsigned char *p, bool big)
{
    return big ? big32(p) : little32(p);
}

/* The orientation of an EXIF segment whose TIFF part is bytes at … end; 1 when it has none. */
static unsigned orientation_of(struct picture_copy *c, uint64_t at, uint64_t end)
{
    unsigned char head[8], entry[12], count[2];
    if (end < at + sizeof head || picture_peek(c, at, head, sizeof head) != 0)
        return 1;
    const bool big = memcmp(head, "MM\0*", 4) == 0;
    if (!big && memcmp(head, "II*\0", 4) != 0)
        return 1;
    uint64_t ifd = at + tiff32(head + 4, big);
    if (ifd + 2 > end || picture_peek(c, ifd, count, 2) != 0)
        return 1;
    uint32_t left = tiff16(count, big);
    if (left > IFD_ENTRIES_MOST)
        return 1;
    for (ifd += 2; left > 0 && ifd + sizeof entry <= end; left--, ifd += sizeof entry) {
        if (picture_peek(c, ifd, entry, sizeof entry) != 0)
            return 1;
        if (tiff16(entry, big) == TAG_ORIENTATION && tiff16(entry + 2, big) == TYPE_SHORT) {
            const unsigned value = tiff16(entry + 8, big);
            return value >= 1 && value <= 8 ? value : 1;
        }
    }
    return 1;
}

/* An EXIF that says which way is up, and nothing else. */
static int put_orientation(struct picture_copy *c, unsigned value)
{
    unsigned char exif[] = { 0xff, APP1, 0, 34, 'E', 'x', 'i', 'f', 0, 0,    'M', 'M',
                             0,    42,   0, 0,  0,   8,   0,   1,   1, 0x12, 0,   TYPE_SHORT,
                             0,    0,    0, 1,  0,   0,   0,   0,   0, 0,    0,   0 };
    exif[29] = (unsigned char)value;
    c->turned = value >= 5;
    return picture_put(c, exif, sizeof exif);
}

/* An application's segment of `size` bytes from its marker on. */
static int take_application(struct picture_copy *c, unsigned marker, uint64_t at, uint64_t size,
                            bool *oriented)
{
    char name[16] = "";
    const uint64_t have = size - 4;
    const int error = picture_peek(c, at + 4, name, have < 14 ? (size_t)have : 14);
    if (error)
        return error;
    if (marker == APP0 && have >= 14 && memcmp(name, "JFIF", 5) == 0) {
        unsigned char jfif[18] = { 0xff, APP0, 0, 16 }; /* without its thumbnail */
        memcpy(jfif + 4, name, 12);
        return picture_put(c, jfif, sizeof jfif);
    }
    if ((marker == APP2 && memcmp(name, "ICC_PROFILE", 12) == 0) ||
        (marker == APP14 && memcmp(name, "Adobe", 5) == 0))
        return picture_keep(c, at, size);
    if (marker != APP1 || *oriented || memcmp(name, "Exif\0", EXIF_HEAD) != 0)
        return 0;
    const unsigned value = orientation_of(c, at + 4 + EXIF_HEAD, at + size);
    *oriented = value != 1;
    return *oriented ? put_orientation(c, value) : 0;
}

static int take_frame(struct picture_copy *c, uint64_t at)
{
    unsigned char head[9];
    if (c->width != 0) /* one picture in a file */
        return -EBADMSG;
    const int error = picture_peek(c, at, head, sizeof head);
    return error ? error : picture_measure(c, big16(head + 7), big16(head + 5));
}

/* Where the next marker stands behind the data of a scan. */
static int skip_scan(struct picture_copy *c, uint64_t *at)
{
    unsigned char piece[2048];
    while (*at + 2 <= c->size) {
        const uint64_t left = c->size - *at;
        const size_t have = left < sizeof piece ? (size_t)left : sizeof piece;
        const int error = picture_peek(c, *at, piece, have);
        if (error)
            return error;
        const unsigned char *found = memchr(piece, 0xff, have - 1);
        if (!found) {
            *at += have - 1;
            continue;
        }
        *at += (uint64_t)(found - piece);
        const unsigned next = found[1];
        if (next != 0 && next != 0xff && (next < 0xd0 || next > 0xd7))
            return 0;
        *at += next == 0xff ? 1 : 2;
    }
    return -EBADMSG;
}

/* One segment; *at moves behind it. */
static int take_segment(struct picture_copy *c, unsigned marker, uint64_t *at, bool *oriented)
{
    unsigned char length[2];
    int error = picture_peek(c, *at + 2, length, sizeof length);
    if (error)
        return error;
    const uint64_t begin = *at, size = 2 + big16(length);
    if (size < 4 || begin + size > c->size)
        return -EBADMSG;
    *at += size;
    if (marker == SOS) {
        error = c->width == 0 ? -EBADMSG : skip_scan(c, at);
        return error ? error : picture_keep(c, begin, *at - begin);
    }
    if (marker >= APP0 && marker <= 0xef)
        return take_application(c, marker, begin, size, oriented);
    if (is_frame(marker))
        error = take_frame(c, begin);
    if (error || !is_needed(marker))
        return error;
    return picture_keep(c, begin, size);
}

int picture_jpeg(struct picture_copy *c)
{
    unsigned char marker[2];
    uint64_t at = 2;
    bool oriented = false;
    int error = picture_peek(c, 0, marker, 2);
    if (!error && (marker[0] != 0xff || marker[1] != SOI))
        error = -EBADMSG;
    if (!error)
        error = picture_keep(c, 0, 2);
    while (!error) {
        error = picture_peek(c, at, marker, 2);
        if (error || marker[0] != 0xff)
            return error ? error : -EBADMSG;
        if (marker[1] == EOI)
            return picture_keep(c, at, 2);
        if (marker[1] == 0xff) /* before a marker there may be any number of them */
            at++;
        else if (marker[1] == TEM || (marker[1] >= 0xd0 && marker[1] <= 0xd7))
            at += 2;
        else if (marker[1] == 0 || marker[1] == SOI)
            return -EBADMSG;
        else
            error = take_segment(c, marker[1], &at, &oriented);
    }
    return error;
}

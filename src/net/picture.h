/* Pictures without what they tell of their makers: places, times, cameras, names, thumbnails of
 * what was cut off. Kept is what is shown, the colour profile and which way is up; what stands
 * behind the end of the picture goes too, so a picture is nothing else at the same time. The
 * pixels are not touched. Bounded memory, however large the file. */
#ifndef NET_PICTURE_H
#define NET_PICTURE_H

#include "media.h"

#include <sys/types.h>

enum { PICTURE_PIXELS_MOST = 50 * 1000 * 1000 };

struct picture {
    uint64_t size;          /* bytes written */
    uint32_t width, height; /* as it is shown, so exchanged when it lies on its side */
};

/* Copies `size` bytes of `in` from in_at on to `out` at out_at. 0; -EBADMSG: not such a picture;
 * -EOVERFLOW: more than PICTURE_PIXELS_MOST; or another negative errno of read or write. */
int picture_clean(enum picture_format format, int in, off_t in_at, uint64_t size, int out,
                  off_t out_at, struct picture *result) MUST_USE;

#endif

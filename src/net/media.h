/* What a file may be called, by what it says of itself. Any thread. */
#ifndef NET_MEDIA_H
#define NET_MEDIA_H

#include "confab/base/base.h"

enum picture_format { PICTURE_NONE, PICTURE_JPEG, PICTURE_PNG, PICTURE_GIF, PICTURE_WEBP };

/* said: Content-Type without parameters, "" for none; seen: what libmagic says. Returns the type
 * under which the file is kept, of those that browsers show and that can do nothing there; of all
 * others, HTML and SVG too, "application/octet-stream". NULL: what was said is not true. */
const char *media_fit(const char *said, const char *seen);
enum picture_format media_picture(const char *type);

#endif

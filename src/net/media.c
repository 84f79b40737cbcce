#include "media.h"

#include <string.h>
#include <strings.h>

static const char other[] = "application/octet-stream";

/* Names of the same thing; the first is used. */
static const char *const kept[][4] = {
    { "image/jpeg", "image/jpg", "image/pjpeg" },
    { "image/png" },
    { "image/gif" },
    { "image/webp" },
    { "video/mp4", "video/x-m4v" },
    { "video/webm" },
    { "video/quicktime" },
    { "video/ogg" },
    { "audio/mpeg", "audio/mp3", "audio/x-mpeg" },
    { "audio/mp4", "audio/x-m4a", "audio/m4a" },
    { "audio/ogg", "audio/opus", "application/ogg" },
    { "audio/wav", "audio/x-wav", "audio/wave" },
    { "audio/flac", "audio/x-flac" },
    { "audio/webm" },
    { "application/pdf" },
    { "application/zip", "application/x-zip-compressed" },
    { "text/plain" },
};
enum { KEPT = sizeof kept / sizeof kept[0] };

static const char *usual_name(const char *type)
{
    for (size_t i = 0; i < KEPT; i++)
        for (size_t j = 0; j < 4 && kept[i][j]; j++)
            if (strcasecmp(kept[i][j], type) == 0)
                return kept[i][0];
    return NULL;
}

static bool is(const char *type, const char *family)
{
    return strncasecmp(type, family, strlen(family)) == 0;
}

/* Text that a browser would run if it were shown as what it is. */
static bool is_markup(const char *type)
{
    return is(type, "text/html") || is(type, "text/xml") || is(type, "image/svg") ||
           is(type, "application/xhtml") || is(type, "application/xml");
}

static bool is_heard_or_seen(const char *type)
{
    return is(type, "audio/") || is(type, "video/") || is(type, "application/ogg");
}

static bool is_true(const char *said, const char *seen)
{
    const char *said_name = usual_name(said), *seen_name = usual_name(seen);
    if (!said[0] || strcasecmp(said, other) == 0)
        return true;
    if (strcasecmp(said, seen) == 0 || (said_name && said_name == seen_name))
        return true;
    if (is_markup(said))
        return is(seen, "text/") || is_markup(seen);
    if (is(said, "image/"))
        return false;
    /* Containers are the same for both, and the beginning does not always tell. */
    if (is_heard_or_seen(said))
        return is_heard_or_seen(seen) || strcmp(seen, other) == 0;
    if (is(said, "text/"))
        return is(seen, "text/") || is_markup(seen) || is(seen, "application/json") ||
               is(seen, "application/javascript") || is(seen, "application/x-ndjson") ||
               is(seen, "message/");
    if (said_name) /* a PDF is a PDF */
        return false;
    return !is(seen, "image/") && !is_heard_or_seen(seen);
}

const char *media_fit(const char *said, const char *seen)
{
    if (!is_true(said, seen))
        return NULL;
    if (is_markup(seen) || is_markup(said))
        return other;
    const char *name = usual_name(seen);
    if (name)
        return name;
    return is(seen, "text/") || is(seen, "application/json") ? "text/plain" : other;
}

enum picture_format media_picture(const char *type)
{
    static const char *const names[] = {
        [PICTURE_JPEG] = "image/jpeg",
        [PICTURE_PNG] = "image/png",
        [PICTURE_GIF] = "image/gif",
        [PICTURE_WEBP] = "image/webp",
    };
    for (int i = PICTURE_JPEG; i <= PICTURE_WEBP; i++)
        if (strcmp(type, names[i]) == 0)
            return (enum picture_format)i;
    return PICTURE_NONE;
}

/* Frames as they are built: begin() fields… finish(). Names, streams, ids, cids and our own words
 * are copied as they are (field_plain), every other text is quoted (field_text). */
#ifndef CONFAB_WIRE_FIELDS_H
#define CONFAB_WIRE_FIELDS_H

#include "confab/base/str.h"
#include "confab/wire/event.h"
#include "quote.h"

#include <string.h>

enum { USUAL_BYTES = 255 }; /* most frames that are built here are no longer */

static inline void begin(struct str *s, const char *type)
{
    str_reserve(s, USUAL_BYTES);
    str_addz(s, "{\"type\":\"");
    str_addz(s, type);
    str_addc(s, '"');
}

static inline void key(struct str *s, const char *name)
{
    str_addz(s, ",\"");
    str_addz(s, name);
    str_addz(s, "\":");
}

static inline void field_text(struct str *s, const char *name, const char *text)
{
    key(s, name);
    quote_add(s, text, strlen(text));
}

static inline void field_plain(struct str *s, const char *name, const char *value)
{
    key(s, name);
    str_addc(s, '"');
    str_addz(s, value);
    str_addc(s, '"');
}

static inline void field_number(struct str *s, const char *name, uint64_t n)
{
    key(s, name);
    str_addu(s, n);
}

static inline void field_bool(struct str *s, const char *name, bool value)
{
    key(s, name);
    str_addz(s, value ? "true" : "false");
}

static inline void field_stream(struct str *s, const char *stream)
{
    if (stream[0] == '@')
        field_plain(s, "to", stream + 1);
    else
        field_plain(s, "room", stream);
}

static inline void field_tops(struct str *s, const char *name, const struct stream_top *tops,
                              size_t count)
{
    key(s, name);
    str_addc(s, '{');
    for (size_t i = 0; i < count; i++) {
        str_addz(s, i > 0 ? ",\"" : "\"");
        str_addz(s, tops[i].stream);
        str_addz(s, "\":");
        str_addu(s, tops[i].seq);
    }
    str_addc(s, '}');
}

static inline struct frame *finish(struct str *s, enum frame_class class)
{
    str_addc(s, '}');
    struct frame *f = frame_new(class, 0, &(struct frame_part){ s->data, s->size }, 1);
    str_fini(s);
    return f;
}

#endif

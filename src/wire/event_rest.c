#include "confab/wire/rest.h"
#include "fields.h"

struct frame *event_list(const char *kind, const char *json, size_t size, const char *next)
{
    struct str s = STR_INIT;

    begin(&s, kind);
    key(&s, kind);
    str_add(&s, json, size);
    if (next[0] != '\0')
        field_plain(&s, "next", next);
    return finish(&s, FRAME_CONTROL);
}

struct frame *event_invited(const char *room)
{
    struct str s = STR_INIT;

    begin(&s, "invitation");
    field_plain(&s, "room", room);
    return finish(&s, FRAME_CONTROL);
}

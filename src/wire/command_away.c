/* What devices say of what came while they were away: docs/PROTOCOL.md, "Away". */
#include "draft.h"

#include <errno.h>
#include <string.h>

enum { CAPS_MAX = 16 };

/* Caps that are not known here are of a later version. */
int draft_take_caps(struct draft *d)
{
    const json_t *caps = json_object_get(d->frame, "caps");

    if (caps == NULL)
        return 0;
    if (!json_is_array(caps) || json_array_size(caps) > CAPS_MAX)
        return draft_refuse(d, ERROR_BAD_FIELD, "caps");
    for (size_t i = 0; i < json_array_size(caps); i++) {
        const char *cap = json_string_value(json_array_get(caps, i)); /* NULL: no string */
        if (cap == NULL)
            return draft_refuse(d, ERROR_BAD_FIELD, "caps");
        d->c.away = d->c.away || strcmp(cap, "away") == 0;
    }
    return 0;
}

int draft_take_mentions(struct draft *d)
{
    if (draft_get_bool(d, "mentions", &d->c.mentions) != 0)
        return -EINVAL;
    if (d->c.mentions && (draft_has(d, "room") || draft_has(d, "to")))
        return draft_refuse(d, ERROR_BAD_FIELD, "mentions"); /* one or the other */
    return 0;
}

int parse_read(struct draft *d)
{
    if (draft_take_mentions(d) != 0 || (!d->c.mentions && draft_take_room_or_to(d) != 0))
        return -EINVAL;
    return draft_need_number(d, "seq", &d->c.seq);
}

int parse_received(struct draft *d)
{
    struct text epoch;

    if (draft_take_mentions(d) != 0)
        return -EINVAL;
    if (!d->c.mentions && draft_take_room_or_to(d) != 0)
        return -EINVAL;
    if (draft_need_text(d, "epoch", &epoch) != 0)
        return -EINVAL;
    if (!draft_is_epoch(epoch.data, epoch.size))
        return draft_refuse(d, ERROR_BAD_FIELD, "epoch");
    d->c.epoch = epoch.data;
    return draft_need_number(d, "seq", &d->c.seq);
}

int parse_seen(struct draft *d)
{
    const json_t *names = json_object_get(d->frame, "names");
    const size_t count = json_array_size(names); /* 0 when it is no array */
    char name[NAME_MAX_BYTES + 1];

    if (draft_take_cid(d) != 0)
        return -EINVAL;
    if (count == 0 || count > RULE_SEEN)
        return draft_refuse(d, ERROR_BAD_FIELD, "names");
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(names, i);
        if (!json_is_string(one))
            return draft_refuse(d, ERROR_BAD_FIELD, "names");
        if (rules_name(json_string_value(one), json_string_length(one), name) != ERROR_NONE)
            return draft_refuse(d, ERROR_BAD_NAME, "names");
        if (i > 0)
            str_addc(&d->mentioned, '\n');
        str_addz(&d->mentioned, name);
    }
    d->c.mentioned = d->mentioned.data;
    return 0;
}

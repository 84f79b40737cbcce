/* Events about messages. docs/PROTOCOL.md, "Events". */
#include "draft.h"

#include <errno.h>
#include <string.h>

/* Which message is meant. */
static int take_target(struct draft *d)
{
    if (draft_take_cid(d) != 0 || draft_take_room_or_to(d) != 0 ||
        draft_need_number(d, "seq", &d->c.target) != 0)
        return -EINVAL;
    if (d->c.target == 0 || d->c.target > INT64_MAX)
        return draft_refuse(d, ERROR_BAD_FIELD, "seq");
    return draft_take_token(d, "id", RULE_CID_BYTES, &d->c.target_id);
}

int parse_act_edit(struct draft *d)
{
    if (take_target(d) != 0)
        return -EINVAL;
    return draft_take_content(d);
}

int parse_act_delete(struct draft *d)
{
    return take_target(d);
}

int parse_act_react(struct draft *d)
{
    struct text emoji;

    if (take_target(d) != 0 || draft_need_text(d, "emoji", &emoji) != 0)
        return -EINVAL;
    if (!rules_emoji(emoji.data, emoji.size))
        return draft_refuse(d, ERROR_BAD_FIELD, "emoji");
    d->c.emoji = emoji.data;
    return draft_get_bool(d, "remove", &d->c.remove);
}

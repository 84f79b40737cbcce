/* Acts on rooms. docs/PROTOCOL.md, "Rooms". */
#include "draft.h"

#include <errno.h>
#include <string.h>

enum {
    SLOW_SECONDS = 3600,
    SANCTION_SECONDS = 31536000,
    INVITE_SECONDS_LEAST = 60,
    INVITE_SECONDS_MOST = 2592000,
    INVITE_SECONDS_USUAL = 86400,
    INVITE_USES = 10000,
};

static const char *const act_names[] = {
#define X(act, text) [ROOM_ACT_##act] = (text),
    ROOM_ACTS(X)
#undef X
};

const char *room_act_name(enum room_act act)
{
    BUG_ON((unsigned)act >= ROOM_ACT_COUNT);
    return act_names[act];
}

/* --- fields ----------------------------------------------------------------------------------- */

static int take_who(struct draft *d)
{
    return draft_take_name(d, "user", d->username, &d->c.who);
}

/* One of the words; *out stays NULL when the field is absent. */
static int get_word(struct draft *d, const char *field, const char *const *words, const char **out)
{
    struct text t;

    if (draft_get_text(d, field, &t) != 0)
        return -EINVAL;
    if (t.data == NULL)
        return 0;
    for (; *words != NULL; words++) {
        if (strlen(*words) == t.size && memcmp(*words, t.data, t.size) == 0) {
            *out = *words;
            return 0;
        }
    }
    return draft_refuse(d, ERROR_BAD_FIELD, field);
}

static int get_access(struct draft *d)
{
    static const char *const words[] = { "public", "private", NULL };

    return get_word(d, "access", words, &d->c.access);
}

/* A line that people read. */
static int get_line(struct draft *d, const char *field, size_t chars, const char **out)
{
    struct text t;

    if (draft_get_text(d, field, &t) != 0)
        return -EINVAL;
    if (t.data != NULL && !rules_line(t.data, t.size, chars))
        return draft_refuse(d, ERROR_BAD_FIELD, field);
    *out = t.data;
    return 0;
}

static int get_reason(struct draft *d)
{
    if (get_line(d, "reason", RULE_REASON_CHARS, &d->c.reason) != 0)
        return -EINVAL;
    if (d->c.reason != NULL && d->c.reason[0] == '\0')
        d->c.reason = NULL;
    return 0;
}

static int need_switch(struct draft *d, const char *field)
{
    bool on = false;

    if (!draft_has(d, field))
        return draft_refuse(d, ERROR_BAD_FIELD, field);
    if (draft_get_bool(d, field, &on) != 0)
        return -EINVAL;
    d->c.read_only = on;
    return 0;
}

static int need_seconds(struct draft *d, uint64_t most)
{
    uint64_t seconds = 0;

    if (draft_need_number(d, "seconds", &seconds) != 0)
        return -EINVAL;
    if (seconds > most)
        return draft_refuse(d, ERROR_BAD_FIELD, "seconds");
    d->c.seconds = (int64_t)seconds;
    return 0;
}

/* -1: any number of times */
static int get_uses(struct draft *d)
{
    const json_t *value = json_object_get(d->frame, "uses");

    d->c.uses = value != NULL ? json_integer_value(value) : 1;
    const bool good = d->c.uses == -1 || (d->c.uses >= 1 && d->c.uses <= INVITE_USES);
    if (value != NULL && (!json_is_integer(value) || !good))
        return draft_refuse(d, ERROR_BAD_FIELD, "uses");
    return 0;
}

/* --- acts ------------------------------------------------------------------------------------- */

static int parse_create(struct draft *d)
{
    if (get_access(d) != 0 || get_line(d, "topic", RULE_TOPIC_CHARS, &d->c.topic) != 0)
        return -EINVAL;
    if (draft_has(d, "owner") && draft_take_name(d, "owner", d->username, &d->c.who) != 0)
        return -EINVAL;
    return draft_has(d, "read_only") ? need_switch(d, "read_only") : 0;
}

static int parse_topic(struct draft *d)
{
    if (get_line(d, "topic", RULE_TOPIC_CHARS, &d->c.topic) != 0)
        return -EINVAL;
    return d->c.topic == NULL ? draft_refuse(d, ERROR_BAD_FIELD, "topic") : 0;
}

static int parse_access(struct draft *d)
{
    if (get_access(d) != 0)
        return -EINVAL;
    return d->c.access == NULL ? draft_refuse(d, ERROR_BAD_FIELD, "access") : 0;
}

static int parse_read_only(struct draft *d)
{
    return need_switch(d, "on");
}

static int parse_slow(struct draft *d)
{
    return need_seconds(d, SLOW_SECONDS);
}

static int parse_role(struct draft *d)
{
    static const char *const words[] = { "owner", "moderator", "member", "none", NULL };

    if (take_who(d) != 0 || get_word(d, "role", words, &d->c.role) != 0)
        return -EINVAL;
    return d->c.role == NULL ? draft_refuse(d, ERROR_BAD_FIELD, "role") : 0;
}

static int parse_sanction(struct draft *d)
{
    if (take_who(d) != 0 || need_seconds(d, SANCTION_SECONDS) != 0)
        return -EINVAL;
    return get_reason(d);
}

static int parse_kick(struct draft *d)
{
    return take_who(d) != 0 ? -EINVAL : get_reason(d);
}

static int parse_invite(struct draft *d)
{
    uint64_t seconds = INVITE_SECONDS_USUAL;

    if (get_uses(d) != 0 || draft_get_number(d, "seconds", &seconds) != 0)
        return -EINVAL;
    if (seconds < INVITE_SECONDS_LEAST || seconds > INVITE_SECONDS_MOST)
        return draft_refuse(d, ERROR_BAD_FIELD, "seconds");
    d->c.seconds = (int64_t)seconds;
    return 0;
}

static int parse_uninvite(struct draft *d)
{
    if (draft_take_token(d, "code", RULE_INVITATION_BYTES, &d->c.invite) != 0)
        return -EINVAL;
    return d->c.invite == NULL ? draft_refuse(d, ERROR_BAD_FIELD, "code") : 0;
}

static int (*const act_parsers[])(struct draft *d) = {
    [ROOM_ACT_CREATE] = parse_create,
    [ROOM_ACT_DESTROY] = NULL,
    [ROOM_ACT_TOPIC] = parse_topic,
    [ROOM_ACT_ACCESS] = parse_access,
    [ROOM_ACT_READ_ONLY] = parse_read_only,
    [ROOM_ACT_SLOW] = parse_slow,
    [ROOM_ACT_ROLE] = parse_role,
    [ROOM_ACT_MUTE] = parse_sanction,
    [ROOM_ACT_UNMUTE] = take_who,
    [ROOM_ACT_KICK] = parse_kick,
    [ROOM_ACT_BAN] = parse_sanction,
    [ROOM_ACT_UNBAN] = take_who,
    [ROOM_ACT_INVITE] = parse_invite,
    [ROOM_ACT_UNINVITE] = parse_uninvite,
    [ROOM_ACT_INFO] = NULL,
};

int parse_room(struct draft *d)
{
    struct text act;

    d->c.read_only = -1;
    if (draft_take_cid(d) != 0 || draft_take_access_token(d) != 0 || draft_take_room(d) != 0 ||
        draft_need_text(d, "act", &act) != 0)
        return -EINVAL;
    for (int i = 0; i < ROOM_ACT_COUNT; i++) {
        if (strlen(act_names[i]) != act.size || memcmp(act_names[i], act.data, act.size) != 0)
            continue;
        d->c.act = (enum room_act)i;
        return act_parsers[i] != NULL ? act_parsers[i](d) : 0;
    }
    return draft_refuse(d, ERROR_BAD_FIELD, "act");
}

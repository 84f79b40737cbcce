#include "confab/wire/event_room.h"
#include "fields.h"

#include <stdlib.h>

/* --- acts, for people --------------------------------------------------------------------------- */

static void add_time(struct str *s, int64_t seconds)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
    size_t i = 0;

    while (seconds % units[i].seconds != 0)
        i++;
    const int64_t count = seconds / units[i].seconds;
    str_addf(s, "%lld %s%s", (long long)count, units[i].name, count == 1 ? "" : "s");
}

static void add_sanction(struct str *s, const struct command *c, const char *did, int64_t seconds)
{
    str_addz(s, did);
    str_addz(s, c->who);
    if (seconds > 0) {
        str_addz(s, " for ");
        add_time(s, seconds);
    }
    if (c->reason == NULL) {
        str_addc(s, '.');
        return;
    }
    str_addz(s, ": ");
    str_addz(s, c->reason);
}

static void add_role(struct str *s, const struct command *c)
{
    if (strcmp(c->role, "owner") == 0)
        str_addf(s, "gave this room to %s.", c->who);
    else if (strcmp(c->role, "none") == 0)
        str_addf(s, "took %s off the list.", c->who);
    else
        str_addf(s, "made %s a %s.", c->who, c->role);
}

static void add_topic(struct str *s, const char *topic)
{
    if (topic[0] == '\0') {
        str_addz(s, "removed the topic.");
        return;
    }
    str_addz(s, "set the topic: ");
    str_addz(s, topic);
}

static void add_slow(struct str *s, int64_t seconds)
{
    if (seconds == 0) {
        str_addz(s, "ended slow mode.");
        return;
    }
    str_addz(s, "set slow mode to ");
    add_time(s, seconds);
    str_addc(s, '.');
}

/* What was done, behind the name of who did it. */
static void add_sentence(struct str *s, const struct command *c, int64_t kick_s)
{
    switch (c->act) {
    case ROOM_ACT_CREATE:
        if (c->who != NULL)
            str_addf(s, "gave this room to %s.", c->who);
        else
            str_addz(s, "owns this room now.");
        break;
    case ROOM_ACT_DESTROY:
        str_addz(s, "ended this room.");
        break;
    case ROOM_ACT_TOPIC:
        add_topic(s, c->topic);
        break;
    case ROOM_ACT_ACCESS:
        str_addf(s, "made this room %s.", c->access);
        break;
    case ROOM_ACT_READ_ONLY:
        str_addz(s, c->read_only ? "made this room read-only." : "let everybody write again.");
        break;
    case ROOM_ACT_SLOW:
        add_slow(s, c->seconds);
        break;
    case ROOM_ACT_ROLE:
        add_role(s, c);
        break;
    case ROOM_ACT_MUTE:
        add_sanction(s, c, "muted ", c->seconds);
        break;
    case ROOM_ACT_UNMUTE:
        str_addf(s, "let %s write again.", c->who);
        break;
    case ROOM_ACT_KICK:
        add_sanction(s, c, "removed ", kick_s);
        break;
    case ROOM_ACT_BAN:
        add_sanction(s, c, "banned ", c->seconds);
        break;
    case ROOM_ACT_UNBAN:
        str_addf(s, "lifted the ban of %s.", c->who);
        break;
    case ROOM_ACT_INVITE:
    case ROOM_ACT_UNINVITE:
    case ROOM_ACT_INFO:
    case ROOM_ACT_COUNT:
        BUG("an act without an event");
    }
}

static void field_content(struct str *s, const struct command *c, const char *user, int64_t kick_s)
{
    struct str text = STR_INIT;

    str_addz(&text, strcmp(user, "*") == 0 ? "The administrator" : user);
    str_addc(&text, ' ');
    add_sentence(&text, c, kick_s);
    field_text(s, "content", text.data);
    str_fini(&text);
}

/* --- and for programs ------------------------------------------------------------------------------ */

static void add_details(struct str *s, const struct command *c)
{
    if (c->who != NULL)
        field_plain(s, "who", c->who);
    if (c->role != NULL)
        field_plain(s, "role", c->role);
    if (c->access != NULL)
        field_plain(s, "access", c->access);
    if (c->read_only >= 0)
        field_bool(s, c->act == ROOM_ACT_CREATE ? "read_only" : "on", c->read_only != 0);
    if (c->act == ROOM_ACT_SLOW)
        field_number(s, "seconds", (uint64_t)c->seconds);
    if (c->topic != NULL)
        field_text(s, "topic", c->topic);
    if (c->reason != NULL)
        field_text(s, "reason", c->reason);
}

void event_room_pieces(const struct command *c, const char *user, int64_t kick_s, const char *id,
                       struct str *head, struct str *mid, struct str *tail)
{
    begin(head, "message");
    field_plain(head, "room", c->room);
    key(head, "seq");

    field_plain(mid, "id", id);
    field_plain(mid, "user", user);
    field_plain(mid, "kind", "room");
    field_plain(mid, "act", room_act_name(c->act));
    add_details(mid, c);
    field_content(mid, c, user, kick_s);
    key(mid, "timestamp");

    if (c->cid != NULL)
        field_plain(tail, "cid", c->cid);
    str_addc(tail, '}');
}

struct frame *event_room(const char *json, size_t size, const char *cid)
{
    struct str s = STR_INIT;

    BUG_ON(size < 2);
    str_add(&s, json, size - 1); /* its brace comes behind the cid */
    if (cid != NULL && cid[0] != '\0')
        field_plain(&s, "cid", cid);
    return finish(&s, FRAME_CONTROL);
}

void event_guard_json(struct str *out, const char *guard)
{
    const size_t flags = strcspn(guard, " ");
    const bool is_private = memchr(guard, 'p', flags) != NULL;

    str_addz(out, "{\"access\":\"");
    str_addz(out, is_private ? "private\"" : "public\"");
    field_bool(out, "read_only", memchr(guard, 'r', flags) != NULL);
    field_number(out, "slow_ms", strtoull(guard + flags, NULL, 10));
    str_addc(out, '}');
}

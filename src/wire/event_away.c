#include "confab/wire/event_away.h"
#include "fields.h"

static void add_conversation(struct str *s, const struct conversation *c)
{
    key(s, "epoch");
    quote_add(s, c->epoch, strlen(c->epoch));
    field_number(s, "seq", c->top);
    field_number(s, "received", c->received);
    field_number(s, "read", c->read);
}

/* key() puts a comma first, which is one too many behind a bracket: so the object begins with a
 * field that is put there by hand. */
static void add_listed(struct str *s, const struct conversation *c)
{
    str_addz(s, "{\"with\":\"");
    str_addz(s, c->with);
    str_addc(s, '"');
    add_conversation(s, c);
    field_number(s, "seen", c->seen);
    field_number(s, "delivered", c->delivered);
    field_number(s, "unread", c->unread);
    str_addc(s, '}');
}

static void add_mentions(struct str *s, const struct conversation *c)
{
    str_addz(s, ",\"mentions\":{\"unread\":");
    str_addu(s, c->unread);
    add_conversation(s, c);
    str_addc(s, '}');
}

struct frame *event_conversations(const struct conversations *c)
{
    struct str s = STR_INIT;

    begin(&s, "conversations");
    key(&s, "list");
    str_addc(&s, '[');
    for (size_t i = 0; i < c->count; i++) {
        if (i > 0)
            str_addc(&s, ',');
        add_listed(&s, &c->list[i]);
    }
    str_addc(&s, ']');
    add_mentions(&s, &c->mentions);
    field_tops(&s, "rooms", c->rooms, c->room_count);
    return finish(&s, FRAME_CONTROL);
}

struct frame *event_live(const char *epoch, uint64_t seq, const char *json, size_t size)
{
    const struct frame_part parts[] = {
        { json, size - 1 }, { ",\"epoch\":\"", 10 }, { epoch, strlen(epoch) }, { "\"}", 2 }
    };
    return frame_new(FRAME_MESSAGE, seq, parts, sizeof parts / sizeof parts[0]);
}

void event_delivered_json(struct str *out, const char *to, const char *user, uint64_t seq)
{
    begin(out, "delivered");
    field_plain(out, "to", to);
    field_plain(out, "user", user);
    field_number(out, "seq", seq);
    str_addc(out, '}');
}

void event_read_mentions_json(struct str *out, const char *user, uint64_t seq)
{
    begin(out, "read");
    field_bool(out, "mentions", true);
    field_plain(out, "user", user);
    field_number(out, "seq", seq);
    str_addc(out, '}');
}

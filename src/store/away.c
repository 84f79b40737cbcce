/* What reaches those who were away: cursors, delivered markers, rooms to join. */
#include "confab/store/away.h"

#include "confab/wire/rules.h"
#include "state.h"

enum {
    CONVERSATION_FIELDS = 8,
    MENTIONS_FIELDS = 4,
    /* an account's: what a few devices leave behind; more are not asked for */
    CONVERSATIONS_MOST = RULE_CONVERSATIONS,
    ROOMS_MOST = RULE_ROOMS_PER_CLIENT,
};

/* ---- what a device has ---- */

/* Rows of so many fields, the first ones texts and the others numbers. */
static bool is_table(const redisReply *list, size_t texts, size_t fields)
{
    if (list->type != REDIS_REPLY_ARRAY || list->elements % fields != 0)
        return false;
    for (size_t i = 0; i < list->elements; i++)
        if (list->element[i]->type !=
            (i % fields < texts ? REDIS_REPLY_STRING : REDIS_REPLY_INTEGER))
            return false;
    return true;
}

static uint64_t number(const redisReply *field)
{
    return field->integer > 0 ? (uint64_t)field->integer : 0;
}

static size_t take_conversations(const redisReply *list,
                                 struct conversation out[CONVERSATIONS_MOST])
{
    size_t n = 0;
    for (size_t i = 0; i < list->elements && n < CONVERSATIONS_MOST; i += CONVERSATION_FIELDS) {
        redisReply *const *f = list->element + i;
        out[n++] = (struct conversation){ .with = f[0]->str,
                                          .epoch = f[1]->str,
                                          .top = number(f[2]),
                                          .received = number(f[3]),
                                          .read = number(f[4]),
                                          .seen = number(f[5]),
                                          .delivered = number(f[6]),
                                          .unread = number(f[7]) };
    }
    return n;
}

static void take_mentions(const redisReply *list, struct conversation *out)
{
    redisReply *const *f = list->element;
    *out = (struct conversation){
        .epoch = f[0]->str, .top = number(f[1]), .received = number(f[2]), .read = number(f[3])
    };
    out->unread = out->top - out->read;
}

static size_t take_rooms(const redisReply *list, struct stream_top out[ROOMS_MOST])
{
    size_t n = 0;
    for (size_t i = 0; i < list->elements && n < ROOMS_MOST; i += 2)
        out[n++] = (struct stream_top){ list->element[i]->str, number(list->element[i + 1]) };
    return n;
}

static void on_away(struct request *r, enum store_status status, const redisReply *reply)
{
    struct conversation list[CONVERSATIONS_MOST];
    struct stream_top rooms[ROOMS_MOST];
    struct store_away result = { .status = status };
    struct conversations *c = &result.conversations;
    c->mentions.epoch = "";
    if (status == STORE_OK) {
        const bool sound = reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
                           is_table(reply->element[0], 2, CONVERSATION_FIELDS) &&
                           is_table(reply->element[1], 1, MENTIONS_FIELDS) &&
                           reply->element[1]->elements == MENTIONS_FIELDS &&
                           is_table(reply->element[2], 1, 2);
        if (sound) {
            c->list = list;
            c->count = take_conversations(reply->element[0], list);
            take_mentions(reply->element[1], &c->mentions);
            c->rooms = rooms;
            c->room_count = take_rooms(reply->element[2], rooms);
        } else {
            result.status = STORE_REFUSED;
        }
    }
    r->done.away(r->arg, &result);
}

static uint64_t away_seconds(const struct store *s)
{
    return (uint64_t)s->settings->away_days * 86400;
}

int store_away(struct store *s, const char *user, const char *device, store_away_fn *done,
               void *arg)
{
    struct request *r;
    int error = request_open(s, (union request_done){ .away = done }, arg, &r);
    if (error)
        return error;
    request_script(r, SCRIPT_AWAY, 0, 4);
    request_addz(r, s->settings->redis_prefix);
    request_addz(r, user);
    request_addz(r, device);
    request_addu(r, away_seconds(s));
    return request_send(r, on_away);
}

/* ---- what it has received ---- */

static void add_keys(struct request *r, const char *user, const struct store_received *one)
    REQUIRES(on_hub);
static void add_keys(struct request *r, const char *user, const struct store_received *one)
{
    if (one->with[0] == '\0') {
        request_addj(r, r->store->settings->redis_prefix, "{user:", user, "}:box");
        request_addz(r, ""); /* nobody is told */
        return;
    }
    const char *stream = stream_prefix(r->store, NULL, user, one->with);
    request_addj(r, stream, ":meta");
    request_addj(r, stream, ":delivered");
}

static void add_arguments(struct request *r, const char *user, const struct store_received *one)
    REQUIRES(on_hub);
static void add_arguments(struct request *r, const char *user, const struct store_received *one)
{
    const bool mentions = one->with[0] == '\0';
    struct str json = STR_INIT;
    request_addz(r, mentions ? STREAM_MENTIONS : one->with);
    request_addz(r, one->epoch);
    request_addu(r, one->seq);
    if (mentions) {
        request_addz(r, "");
        request_addz(r, "");
        return;
    }
    event_delivered_json(&json, one->with, user, one->seq);
    request_add_event(r, json.data, json.size);
    str_fini(&json);
    request_addj(r, r->store->settings->redis_prefix, "user:", one->with);
}

void store_received(struct store *s, const char *user, const char *device,
                    const struct store_received *list, size_t count)
{
    BUG_ON(count > STORE_RECEIVED_MOST);
    struct request *r;
    if (count == 0 || request_begin(s, &r) != 0)
        return;
    const char *prefix = s->settings->redis_prefix;
    request_script(r, SCRIPT_RECEIVED, 2 + 2 * count, 3 + 5 * count);
    request_addj(r, prefix, "{user:", user, "}:cursor:", device);
    request_addj(r, prefix, "device:", device);
    for (size_t i = 0; i < count; i++)
        add_keys(r, user, &list[i]);
    request_addz(r, user);
    if (device[0])
        request_addu(r, away_seconds(s));
    else
        request_addz(r, "");
    request_addj(r, prefix, "user:", user);
    for (size_t i = 0; i < count; i++)
        add_arguments(r, user, &list[i]);
    request_fire(r);
}

void store_read_mentions(struct store *s, const char *user, uint64_t seq, const char *json,
                         size_t size)
{
    struct request *r;
    if (request_begin(s, &r) != 0)
        return;
    const char *prefix = s->settings->redis_prefix;
    request_script(r, SCRIPT_READ, 2, 5);
    request_addj(r, prefix, "{user:", user, "}:box"); /* has its numbers and the marker */
    request_addj(r, prefix, "{user:", user, "}:box");
    request_add(r, "read", 4);
    request_addu(r, seq);
    request_add_event(r, json, size);
    request_add(r, "", 0);
    request_addj(r, prefix, "user:", user);
    request_fire(r);
}

/* ---- rooms ---- */

void store_joined(struct store *s, const char *user, const char *room, bool joined)
{
    struct request *r;
    if (request_begin(s, &r) != 0)
        return;
    request_script(r, SCRIPT_JOINED, 1, 3);
    request_addj(r, s->settings->redis_prefix, "{user:", user, "}:joined");
    request_addz(r, room);
    request_addu(r, joined);
    request_addu(r, ROOMS_MOST);
    request_fire(r);
}

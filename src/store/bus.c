/* Pub/sub: subscriptions, what arrives, and the probe.
 *
 * A subscriber can be dead while its TCP connection looks alive: nothing arrives, and nothing
 * says so. Hence each instance publishes to a channel of its own once per second and watches
 * whether that comes back. */
#include "state.h"

#include <stdlib.h>
#include <string.h>

/* What this connection subscribes. hiredis does not bear an UNSUBSCRIBE of a channel that is
 * not subscribed, and a confirmation counts only when no UNSUBSCRIBE was sent after it. */
struct channel {
    UT_hash_handle hh; /* store.channels by name */
    bool wanted;
    unsigned unconfirmed; /* SUBSCRIBEs without a reply */
    char name[];          /* with the prefix */
};

static void forget_channels(struct store *s)
{
    struct channel *c = s->channels, *next;
    HASH_CLEAR(hh, s->channels); /* the table; the list through it stays */
    for (; c; c = next) {
        next = c->hh.next;
        free(c);
    }
}

/* ---- what arrives ---- */

/* The lines of 'p COUNT\n+a\n+b\n-c' behind the first: the names that have this sign, joined by
 * '\n' in place; NULL when there are none. *text moves behind them. */
static char *take_signed(char **text, char sign)
{
    char *in = *text, *out = in, *names = in;
    while (*in == sign) {
        size_t size = strcspn(in + 1, "\n");
        if (out != names)
            *out++ = '\n';
        memmove(out, in + 1, size);
        out += size;
        in += 1 + size;
        in += *in == '\n';
    }
    *text = in;
    if (out == names)
        return NULL;
    *out = '\0'; /* in place of at least one sign */
    return names;
}

static void take_presence(struct store *s, const char *room, char *text)
{
    char *rest;
    uint64_t count = strtoull(text, &rest, 10);
    rest += *rest == '\n';
    char *join = take_signed(&rest, '+');
    char *leave = take_signed(&rest, '-');
    s->events.room_presence(s->events.arg, room, join, leave, count);
}

typedef void message_fn(void *arg, const char *name, const char *epoch, uint64_t seq,
                        const char *json, size_t size);

/* 'EPOCH SEQ\nJSON\nJSON…': the numbers follow each other. */
static void take_messages(struct store *s, message_fn *take, const char *name, char *text,
                          char *end)
{
    char *space = memchr(text, ' ', (size_t)(end - text));
    char *line = space ? memchr(space, '\n', (size_t)(end - space)) : NULL;
    if (!line)
        return;
    *space = *line = '\0';
    uint64_t seq = strtoull(space + 1, NULL, 10);
    while (line) {
        const char *json = line + 1;
        line = memchr(json, '\n', (size_t)(end - json));
        const size_t size = (size_t)((line ? line : end) - json);
        take(s->events.arg, name, text, seq++, json, size);
    }
}

/* 'EPOCH SEQ VERSION GUARD\nJSON[\nLINES]' */
static void take_act(struct store *s, const char *room, char *text)
{
    char *seq = strchr(text, ' ');
    char *json = seq ? strchr(seq, '\n') : NULL;
    if (!json)
        return;
    *seq++ = *json++ = '\0';
    char *version, *guard;
    const uint64_t number = strtoull(seq, &version, 10);
    const uint64_t acts = strtoull(version, &guard, 10);
    guard += *guard == ' ';
    const size_t size = strcspn(json, "\n");
    const char *lines = json[size] ? json + size + 1 : "";
    s->events.room_act(s->events.arg, room, text, number, acts, guard, json, size, lines);
}

/* 'EPOCH SEQ TARGET\nJSON' */
static void take_about(struct store *s, bool room, const char *name, char *text, char *end)
{
    char *space = strchr(text, ' ');
    char *line = space ? strchr(space, '\n') : NULL;
    if (!line)
        return;
    *space = '\0';
    const uint64_t seq = strtoull(space + 1, &space, 10), target = strtoull(space, NULL, 10);
    const size_t size = (size_t)(end - ++line);
    if (room)
        s->events.room_about(s->events.arg, name, text, seq, target, line, size);
    else
        s->events.user_message(s->events.arg, name, text, seq, line, size);
}

static void take_room(struct store *s, const char *room, char *payload, size_t size)
{
    char *end = payload + size;
    if (payload[0] == 'm')
        take_messages(s, s->events.room_message, room, payload + 2, end);
    else if (payload[0] == 'c')
        take_act(s, room, payload + 2);
    else if (payload[0] == 'a')
        take_about(s, true, room, payload + 2, end);
    else if (payload[0] == 'p')
        take_presence(s, room, payload + 2);
    else if (payload[0] == 'k')
        s->events.room_marks(s->events.arg, room, payload + 2);
    else if (payload[0] == 'r')
        s->events.room_changed(s->events.arg, room);
    else if (payload[0] == 'e')
        s->events.room_event(s->events.arg, room, payload + 2, size - 2);
}

static void take_user(struct store *s, const char *user, char *payload, size_t size)
{
    char *end = payload + size;
    if (payload[0] == 'm')
        take_messages(s, s->events.user_message, user, payload + 2, end);
    else if (payload[0] == 'a')
        take_about(s, false, user, payload + 2, end);
    else if (payload[0] == 'n')
        take_messages(s, s->events.user_mention, user, payload + 2, end);
    else if (payload[0] == 'e')
        s->events.user_event(s->events.arg, user, payload + 2, size - 2);
    else if (payload[0] == 'd')
        s->events.devices_revoked(s->events.arg, user, payload + 2);
    else if (payload[0] == 'g')
        s->events.guests_out(s->events.arg, user);
}

static void take_echo(struct store *s, const char *payload) REQUIRES(on_hub);
static void take_echo(struct store *s, const char *payload)
{
    stat_set(s->stats, probe_lag_us, clock_mono_us() - strtoll(payload, NULL, 10));
    s->silent = 0;
    s->deaf = false;
    s->echoed = true;
    store_judge(s);
}

/* ---- channel names ---- */

enum channel_kind { CHANNEL_ROOM, CHANNEL_USER, CHANNEL_MAIL, CHANNEL_PROBE, CHANNEL_OTHER };

/* Cuts a channel's name down to what the hub knows: 'PREFIX{room:NAME}' to NAME. */
static enum channel_kind channel_kind(const struct store *s, char *channel, size_t size,
                                      char **name)
{
    size_t prefix = strlen(s->settings->redis_prefix);
    char *p = channel + prefix;
    if (size < prefix)
        return CHANNEL_OTHER;
    if (strncmp(p, "{room:", 6) == 0 && channel[size - 1] == '}') {
        channel[size - 1] = '\0';
        *name = p + 6;
        return CHANNEL_ROOM;
    }
    *name = p + 5;
    if (strncmp(p, "user:", 5) == 0)
        return CHANNEL_USER;
    if (strncmp(p, "mail:", 5) == 0)
        return CHANNEL_MAIL;
    return strncmp(p, "probe:", 6) == 0 ? CHANNEL_PROBE : CHANNEL_OTHER;
}

static void on_message(struct store *s, redisReply *channel, redisReply *payload) REQUIRES(on_hub);
static void on_message(struct store *s, redisReply *channel, redisReply *payload)
{
    char *name;
    enum channel_kind kind = channel_kind(s, channel->str, channel->len, &name);
    if (kind == CHANNEL_PROBE)
        take_echo(s, payload->str);
    else if (payload->len < 2 || payload->str[1] != ' ')
        return; /* not from confab */
    else if (kind == CHANNEL_ROOM)
        take_room(s, name, payload->str, payload->len);
    else if (kind == CHANNEL_USER)
        take_user(s, name, payload->str, payload->len);
    else if (kind == CHANNEL_MAIL)
        mail_take(s, payload->str, payload->len);
}

static void on_confirmed(struct store *s, redisReply *channel, bool subscribed) REQUIRES(on_hub);
static void on_confirmed(struct store *s, redisReply *channel, bool subscribed)
{
    struct channel *c;
    HASH_FIND(hh, s->channels, channel->str, channel->len, c);
    if (!c)
        return;
    c->unconfirmed -= subscribed;
    if (c->unconfirmed > 0)
        return;
    if (!c->wanted) {
        HASH_DEL(s->channels, c);
        free(c);
        return;
    }
    char *name;
    enum channel_kind kind = channel_kind(s, channel->str, channel->len, &name);
    if (kind == CHANNEL_PROBE)
        bus_probe(s);
    else if (kind == CHANNEL_ROOM || kind == CHANNEL_USER)
        s->events.subscribed(s->events.arg,
                             kind == CHANNEL_ROOM ? STORE_CHANNEL_ROOM : STORE_CHANNEL_USER, name);
}

static void on_bus_reply(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    role_assume(&on_hub);
    struct store *s = arg;
    redisReply *r = reply;
    if (!r || r->type != REDIS_REPLY_ARRAY || r->elements != 3)
        return; /* the connection ended */
    redisReply **e = r->element;
    if (e[0]->type != REDIS_REPLY_STRING || e[1]->type != REDIS_REPLY_STRING)
        return;
    if (strcmp(e[0]->str, "message") == 0 && e[2]->type == REDIS_REPLY_STRING)
        on_message(s, e[1], e[2]);
    else if (strcmp(e[0]->str, "subscribe") == 0)
        on_confirmed(s, e[1], true);
    else if (strcmp(e[0]->str, "unsubscribe") == 0)
        on_confirmed(s, e[1], false);
}

/* ---- subscriptions ---- */

static void subscribe(struct store *s, const char *channel) REQUIRES(on_hub);
static void subscribe(struct store *s, const char *channel)
{
    const char *words[] = { "SUBSCRIBE", channel, NULL };
    if (link_command(&s->bus, on_bus_reply, s, words) != 0)
        return;
    struct channel *c;
    size_t size = strlen(channel);
    HASH_FIND(hh, s->channels, channel, size, c);
    if (!c) {
        c = xcalloc(1, sizeof(*c) + size + 1);
        memcpy(c->name, channel, size);
        HASH_ADD_KEYPTR(hh, s->channels, c->name, size, c);
    }
    c->wanted = true;
    c->unconfirmed++;
}

static const char *channel_name(struct store *s, enum store_channel channel, const char *name)
{
    bool room = channel == STORE_CHANNEL_ROOM;
    str_reset(&s->scratch);
    str_addz(&s->scratch, s->settings->redis_prefix);
    str_addz(&s->scratch, room ? "{room:" : "user:");
    str_addz(&s->scratch, name);
    str_addz(&s->scratch, room ? "}" : "");
    return s->scratch.data;
}

/* A channel of this instance. */
static void subscribe_own(struct store *s, const char *kind) REQUIRES(on_hub);
static void subscribe_own(struct store *s, const char *kind)
{
    str_reset(&s->scratch);
    str_addf(&s->scratch, "%s%s:%s", s->settings->redis_prefix, kind, s->settings->instance);
    subscribe(s, s->scratch.data);
}

void store_subscribe(struct store *s, enum store_channel channel, const char *name)
{
    if (link_is_up(&s->bus))
        subscribe(s, channel_name(s, channel, name));
}

void store_unsubscribe(struct store *s, enum store_channel channel, const char *name)
{
    if (!link_is_up(&s->bus))
        return;
    const char *full = channel_name(s, channel, name);
    struct channel *c;
    HASH_FIND(hh, s->channels, full, strlen(full), c);
    if (!c || !c->wanted)
        return;
    c->wanted = false;
    /* answered through the callback of SUBSCRIBE */
    if (link_command(&s->bus, NULL, NULL, (const char *[]){ "UNSUBSCRIBE", full, NULL }) != 0)
        c->wanted = true; /* the connection is ending, and forgets all channels */
}

void store_pause_bus(struct store *s, bool paused)
{
    link_pause(&s->bus, paused);
    s->silent = 0; /* a paused bus hears no echo: its time starts anew */
}

/* ---- life ---- */

void bus_greet(struct store *s)
{
    link_ready(&s->bus);
}

void bus_changed(struct store *s)
{
    s->echoed = false;
    s->silent = 0;
    forget_channels(s);
    if (link_is_up(&s->bus)) {
        subscribe_own(s, "probe");
        subscribe_own(s, "mail");
        s->events.bus_up(s->events.arg);
    } else if (link_is_up(&s->link)) {
        store_complain(s, &s->bus); /* else the other one says it */
    }
    store_judge(s);
}

static void on_probe_sent(struct request *r, enum store_status status, const redisReply *reply)
{
    (void)status, (void)reply;
    r->store->probe_waits = false;
}

void bus_probe(struct store *s)
{
    struct request *r;
    if (request_begin(s, &r) != 0)
        return;
    request_command(r, 3);
    request_add(r, "PUBLISH", 7);
    request_addj(r, s->settings->redis_prefix, "probe:", s->settings->instance);
    request_addu(r, (uint64_t)clock_mono_us());
    s->silent++;
    s->probe_waits = request_send(r, on_probe_sent) == 0;
}

void bus_tick(struct store *s)
{
    if (!link_is_up(&s->link) || !link_is_up(&s->bus) || s->bus.paused)
        return;
    if (s->silent < PROBE_SILENT_TICKS) {
        bus_probe(s);
        return;
    }
    s->deaf = true;
    store_judge(s);
    /* Redis took the probe and the bus did not bring it: the bus is dead. A Redis that answers
     * nothing at all may only be busy: on_tick() gives it REPLY_TICKS. */
    if (!s->probe_waits)
        link_drop(&s->bus, "the probe did not come back");
}

void bus_fini(struct store *s)
{
    forget_channels(s);
}

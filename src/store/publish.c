/* Messages, and events that are worth nothing a second later. */
#include "state.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

void epoch_candidate_used(struct store *s, const char *epoch)
{
    if (strcmp(s->candidate, epoch) == 0)
        epoch_candidate_new(s);
}

void epoch_candidate_new(struct store *s)
{
    hex_random(s->candidate, 4);
}

/* ---- groups ---- */

static void group_free(struct group *g)
{
    struct str *parts[] = { &g->stream, &g->keys, &g->head, &g->known, &g->messages };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        str_fini(parts[i]);
    free(g->publishers);
    free(g);
}

static void group_drop(struct store *s, struct group *g)
{
    if (s->gather.spare_count >= GROUP_SPARES || g->messages.capacity > GROUP_KEEP_BYTES) {
        group_free(g);
        return;
    }
    g->next = s->gather.spares;
    s->gather.spares = g;
    s->gather.spare_count++;
}

static struct group *group_new(struct store *s)
{
    struct group *g = s->gather.spares;
    if (!g)
        return xcalloc(1, sizeof(*g));
    s->gather.spares = g->next;
    s->gather.spare_count--;
    str_reset(&g->stream);
    str_reset(&g->keys);
    str_reset(&g->head);
    str_reset(&g->known);
    str_reset(&g->messages);
    g->count = 0;
    g->key_count = g->arg_count = 0;
    g->next = NULL;
    return g;
}

/* Nothing more is added to it. */
static void group_close(struct store *s, struct group *g)
{
    if (g->open)
        HASH_DEL(s->gather.open, g);
    g->open = false;
}

/* ---- answers ---- */

/* Cuts the next word, ended by a space, off *text. */
static char *next_word(char **text)
{
    char *word = *text, *space = strchr(word, ' ');
    if (space) {
        *space = '\0';
        *text = space + 1;
    } else {
        *text = word + strlen(word);
    }
    return word;
}

/* 'EPOCH SEQ TIMESTAMP' */
static void take_number(struct store *s, char **text, struct store_published *result)
{
    result->epoch = next_word(text);
    result->fence = s->fence;
    result->seq = strtoull(next_word(text), NULL, 10);
    result->timestamp_ms = strtoll(next_word(text), NULL, 10);
    epoch_candidate_used(s, result->epoch);
}

struct store_published publish_answer(struct request *r, const redisReply *reply)
{
    struct store_published result = { .status = request_judge(r, reply) };
    if (result.status != STORE_OK)
        return result;
    if (reply->type != REDIS_REPLY_STRING) {
        result.status = STORE_REFUSED;
        return result;
    }
    char *rest = reply->str, *what = next_word(&rest);
    if (strcmp(what, "limited") == 0) {
        result.status = STORE_LIMITED;
        result.retry_after_ms = strtoll(next_word(&rest), NULL, 10);
    } else if (strcmp(what, "denied") == 0) {
        const char *code = next_word(&rest);
        result.error = error_by_text(code, strlen(code));
        result.status = result.error != ERROR_NONE ? STORE_DENIED : STORE_REFUSED;
        result.retry_after_ms = strtoll(next_word(&rest), NULL, 10);
    } else if (strcmp(what, "wait") == 0) {
        result.status = STORE_UNAVAILABLE;
    } else {
        take_number(r->store, &rest, &result);
        if (strcmp(what, "duplicate") == 0) {
            result.status = STORE_DUPLICATE;
            result.id = next_word(&rest);
        }
    }
    return result;
}

/* One answer for the messages of a group, with numbers that follow each other, or a list. */
static void answer_group(struct request *r, struct group *g, enum store_status status,
                         const redisReply *reply) REQUIRES(on_hub);
static void answer_group(struct request *r, struct group *g, enum store_status status,
                         const redisReply *reply)
{
    const bool list = reply && reply->type == REDIS_REPLY_ARRAY;
    if (list && reply->elements != g->count)
        status = STORE_REFUSED;
    struct store_published result = { .status = status };
    for (unsigned i = 0; i < g->count; i++) {
        const struct publisher *p = &g->publishers[i];
        if (status == STORE_OK && (list || i == 0))
            result = publish_answer(r, list ? reply->element[i] : reply);
        else if (result.status == STORE_OK)
            result.seq++;
        if (result.status == STORE_OK)
            result.id = p->id;
        p->done(p->arg, &result);
    }
}

static void on_published(struct request *r, enum store_status status, const redisReply *reply)
{
    role_assume(&on_hub);
    struct store *s = r->store;
    if (reply && (reply->type != REDIS_REPLY_ARRAY || reply->elements != r->group_count)) {
        status = STORE_REFUSED;
        reply = NULL;
    }
    s->gather.calls--;
    for (unsigned i = 0; i < r->group_count; i++) {
        struct group *g = r->groups;
        r->groups = g->next;
        answer_group(r, g, status, reply ? reply->element[i] : NULL);
        group_drop(s, g);
    }
    if (s->gather.first)
        event_active(s->gather.ready, 0, 0); /* behind what else the turn brings */
}

void argument_known(struct str *to, const struct store_known *k)
{
    argument_addz(to, k->epoch ? k->epoch : "");
    argument_addu(to, k->epoch ? k->seq : 0);
    argument_addz(to, k->epoch && k->fence ? k->fence : "");
    argument_addz(to, k->guard ? k->guard : "");
}

void argument_fence(struct str *to, const struct store *s)
{
    argument_addz(to, s->fence);
    argument_addz(to, s->candidate);
    argument_addz(to, clock_mono_ms() < s->patient_until_ms ? "1" : "0");
}

static void send_calls(struct store *s, unsigned most) REQUIRES(on_hub);
static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    send_calls(arg, CALLS_MOST);
}

void publish_init(struct store *s)
{
    struct gather *g = &s->gather;
    /* Behind everything else of the turn: then all that it published is there. */
    g->ready = event_new(s->base, -1, 0, on_ready, s);
    BUG_ON(!g->ready);
    event_priority_set(g->ready, event_base_get_npriorities(s->base) - 1);
    g->last = &g->first;
    /* uthash gives an empty table back, and makes a new one for the next message. */
    HASH_ADD_KEYPTR(hh, g->open, "", 0, &g->none);
}

void publish_fini(struct store *s)
{
    struct gather *g = &s->gather;
    HASH_DEL(g->open, &g->none);
    while (g->spares) {
        struct group *spare = g->spares;
        g->spares = spare->next;
        group_free(spare);
    }
    str_fini(&g->head);
    event_free(g->ready);
}

/* ---- calls ---- */

/* Moves what leaves next to r: whole groups, the oldest first. */
static void take_groups(struct store *s, struct request *r)
{
    struct gather *w = &s->gather;
    struct group **last = &r->groups;
    r->weight = r->group_count = 0;
    while (w->first && r->weight + w->first->count <= PUBLISH_MOST) {
        struct group *g = w->first;
        group_close(s, g);
        w->first = g->next;
        if (!w->first)
            w->last = &w->first;
        g->next = NULL;
        *last = g;
        last = &g->next;
        r->weight += g->count;
        r->group_count++;
    }
    s->in_flight -= r->weight; /* until it is sent */
}

static void write_call(struct store *s, struct request *r)
{
    size_t keys = 1, args = 3;
    for (const struct group *g = r->groups; g; g = g->next) {
        keys += g->key_count;
        args += g->arg_count;
    }
    request_script(r, SCRIPT_PUBLISH, keys, args);
    request_addj(r, s->settings->redis_prefix, "archive");
    for (const struct group *g = r->groups; g; g = g->next)
        str_add(&r->bytes, g->keys.data, g->keys.size);
    argument_fence(&r->bytes, s);
    for (const struct group *g = r->groups; g; g = g->next) {
        request_addu(r,
                     16 * (uint64_t)g->count + 8 * g->has_mentions + 2 * g->channels + g->has_cid);
        str_add(&r->bytes, g->head.data, g->head.size);
        str_add(&r->bytes, g->known.data, g->known.size);
        str_add(&r->bytes, g->messages.data, g->messages.size);
    }
}

static void send_call(struct store *s) REQUIRES(on_hub);
static void send_call(struct store *s)
{
    struct request *r = request_new(s);
    take_groups(s, r);
    write_call(s, r);
    r->answer = on_published;
    s->gather.calls++;
    if (request_transmit(r) == 0) {
        stat_add(s->stats, publish_calls, 1);
        return;
    }
    stat_set(s->stats, redis_in_flight, s->in_flight);
    on_published(r, STORE_UNAVAILABLE, NULL);
    request_drop(r);
}

static void send_calls(struct store *s, unsigned most)
{
    while (s->gather.first && s->gather.calls < most)
        send_call(s);
}

void publish_send(struct store *s)
{
    send_calls(s, UINT_MAX);
}

/* ---- messages ---- */

static void add_channel(struct store *s, struct group *g, const char *user, const char *other)
{
    argument_addj(&g->keys, s->settings->redis_prefix, "{user:", user, "}:conversations");
    g->key_count++;
    argument_addj(&g->messages, s->settings->redis_prefix, "user:", user);
    argument_addz(&g->messages, other);
    g->arg_count += 2;
}

static struct group *open_group(struct store *s, const struct store_publish *p, unsigned channels,
                                const struct str *stream, const struct str *head)
{
    struct gather *w = &s->gather;
    struct group *g = group_new(s);
    g->channels = channels;
    g->has_cid = p->cid != NULL;
    g->has_mentions = p->mentions != NULL;
    str_add(&g->stream, stream->data, stream->size);
    str_add(&g->head, head->data, head->size);
    argument_addj(&g->keys, stream->data, ":meta");
    argument_addj(&g->keys, stream->data, ":history");
    g->key_count = 2;
    g->arg_count = 3 + (p->room ? KNOWN_ARGUMENTS : 0);
    if (channels > 0)
        add_channel(s, g, p->user, p->to);
    if (channels > 1) {
        add_channel(s, g, p->to, p->user);
        argument_addj(&g->keys, s->settings->redis_prefix, "{user:", p->to, "}:unread");
        g->key_count++;
    }
    text_copy(g->writer, sizeof(g->writer), channels > 0 ? p->user : "");
    *w->last = g;
    w->last = &g->next;
    g->open = true;
    HASH_ADD_KEYPTR(hh, w->open, g->stream.data, g->stream.size, g);
    return g;
}

/* Whether one more message may join: there is room, and what is said of all holds for it. */
static bool joins_group(const struct group *g, const struct store_publish *p,
                        const struct str *head)
{
    return g->count < PUBLISH_MOST && g->has_cid == (p->cid != NULL) &&
           g->has_mentions == (p->mentions != NULL) &&
           (!p->to || strcmp(g->writer, p->user) == 0) && g->head.size == head->size &&
           memcmp(g->head.data, head->data, head->size) == 0;
}

/* Goes on with the group of the stream that has not left yet, if the message may join. */
static struct group *find_group(struct store *s, const struct store_publish *p) REQUIRES(on_hub);
static struct group *find_group(struct store *s, const struct store_publish *p)
{
    struct gather *w = &s->gather;
    const unsigned channels = !p->to ? 0 : strcmp(p->user, p->to) == 0 ? 1 : 2; /* of users */
    struct str *head = &w->head;
    str_reset(head);
    argument_add(head, p->head->data, p->head->size);
    argument_add(head, p->tail->data, p->cid ? 0 : p->tail->size);

    stream_prefix(s, p->room, p->user, p->to);
    const struct str *stream = &s->scratch;
    struct group *g;
    HASH_FIND(hh, w->open, stream->data, stream->size, g);
    if (g && !joins_group(g, p, head)) {
        group_close(s, g);
        g = NULL;
    }
    if (!g)
        g = open_group(s, p, channels, stream, head);
    if (p->room) { /* of all that is known the last is the most */
        str_reset(&g->known);
        argument_known(&g->known, &p->known);
    }
    return g;
}

static void add_publisher(struct group *g, const struct store_publish *p, store_published_fn *done,
                          void *arg)
{
    if (g->count == g->capacity) {
        g->capacity = g->capacity ? g->capacity * 2 : 4;
        g->publishers = xrealloc(g->publishers, g->capacity * sizeof(struct publisher));
    }
    struct publisher *publisher = &g->publishers[g->count++];
    publisher->done = done;
    publisher->arg = arg;
    text_copy(publisher->id, sizeof(publisher->id), p->id);
}

int store_publish(struct store *s, const struct store_publish *p, store_published_fn *done,
                  void *arg)
{
    if (!link_is_up(&s->link))
        return -ENOTCONN;
    if (s->in_flight >= STORE_IN_FLIGHT_MAX)
        return -EBUSY;
    if (!s->gather.first)
        event_active(s->gather.ready, 0, 0);
    struct group *g = find_group(s, p);
    if (s->settings->rate_limit_messages > 0) {
        argument_addj(&g->keys, s->settings->redis_prefix, "rate:", p->user);
        g->key_count++;
    }
    if (p->cid) {
        argument_addj(&g->keys, s->scratch.data, ":dedupe:", p->user, ":", p->cid);
        g->key_count++;
    }
    argument_add(&g->messages, p->mid->data, p->mid->size);
    g->arg_count++;
    if (p->cid) {
        argument_add(&g->messages, p->tail->data, p->tail->size);
        argument_addz(&g->messages, p->id);
        g->arg_count += 2;
    }
    if (p->mentions) {
        argument_addz(&g->messages, p->mentions);
        g->arg_count++;
    }
    add_publisher(g, p, done, arg);
    stat_set(s->stats, redis_in_flight, ++s->in_flight);
    return 0;
}

static void publish_event(struct store *s, const char *kind, const char *name, const char *end,
                          const char *json, size_t size) REQUIRES(on_hub);
static void publish_event(struct store *s, const char *kind, const char *name, const char *end,
                          const char *json, size_t size)
{
    struct request *r;
    if (request_begin(s, &r) != 0)
        return;
    request_command(r, 3);
    request_add(r, "PUBLISH", 7);
    request_addj(r, s->settings->redis_prefix, kind, name, end);
    request_add_event(r, json, size);
    request_fire(r);
}

void store_event(struct store *s, const char *room, const char *user, const char *to,
                 const char *json, size_t size)
{
    if (!to) {
        publish_event(s, "{room:", room, "}", json, size);
        return;
    }
    publish_event(s, "user:", user, "", json, size);
    if (strcmp(user, to) != 0)
        publish_event(s, "user:", to, "", json, size);
}

void store_read(struct store *s, const char *room, const char *user, const char *to, uint64_t seq,
                bool all, const char *json, size_t size)
{
    struct request *r;
    if (request_begin(s, &r) != 0)
        return;
    bool two = to && strcmp(user, to) != 0;
    request_script(r, SCRIPT_READ, to ? 4 : 2, 5 + two);
    const char *stream = stream_prefix(s, room, user, to);
    request_addj(r, stream, ":read");
    request_addj(r, stream, ":meta");
    if (to) {
        request_addj(r, s->settings->redis_prefix, "{user:", user, "}:unread");
        request_addj(r, stream, ":history");
    }
    request_addz(r, user);
    request_addu(r, seq);
    request_add_event(r, json, size);
    request_addz(r, to ? to : "");
    if (!to && all)
        request_addj(r, s->settings->redis_prefix, "{room:", room, "}");
    else
        request_addj(r, s->settings->redis_prefix, "user:", user);
    if (two)
        request_addj(r, s->settings->redis_prefix, "user:", to);
    request_fire(r);
}

/* Messages, and events that are worth nothing a second later. */
#include "state.h"

#include <errno.h>
#include <stdio.h>
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

/* The answer to one message: 'ok EPOCH SEQ TIMESTAMP', 'duplicate EPOCH SEQ TIMESTAMP ID',
 * 'limited MS', 'wait' or an error. */
static struct store_published take_answer(struct request *r, const redisReply *reply)
    REQUIRES(on_hub);
static struct store_published take_answer(struct request *r, const redisReply *reply)
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

/* One answer for `count` messages of a group, with numbers that follow each other, or a list. */
static void answer_group(struct request *r, struct publisher *p, unsigned count,
                         enum store_status status, const redisReply *reply) REQUIRES(on_hub);
static void answer_group(struct request *r, struct publisher *p, unsigned count,
                         enum store_status status, const redisReply *reply)
{
    const bool list = reply && reply->type == REDIS_REPLY_ARRAY;
    if (list && reply->elements != count)
        status = STORE_REFUSED;
    struct store_published result = { .status = status };
    for (unsigned i = 0; i < count; i++) {
        if (status == STORE_OK && (list || i == 0))
            result = take_answer(r, list ? reply->element[i] : reply);
        else if (result.status == STORE_OK)
            result.seq++;
        if (result.status == STORE_OK)
            result.id = p[i].id;
        p[i].done(p[i].arg, &result);
    }
}

static void on_published(struct request *r, enum store_status status, const redisReply *reply)
{
    role_assume(&on_hub);
    if (reply && (reply->type != REDIS_REPLY_ARRAY || reply->elements != r->groups)) {
        status = STORE_REFUSED;
        reply = NULL;
    }
    unsigned from = 0;
    for (unsigned group = 0; from < r->weight; group++) {
        unsigned end = from + 1;
        while (end < r->weight && r->publishers[end].group == group)
            end++;
        answer_group(r, r->publishers + from, end - from, status,
                     reply ? reply->element[group] : NULL);
        from = end;
    }
}

void argument_known(struct str *to, const struct store_known *k)
{
    argument_addz(to, k->epoch ? k->epoch : "");
    argument_addu(to, k->epoch ? k->seq : 0);
    argument_addz(to, k->epoch && k->fence ? k->fence : "");
}

void argument_fence(struct str *to, const struct store *s)
{
    argument_addz(to, s->fence);
    argument_addz(to, s->candidate);
    argument_addz(to, clock_mono_ms() < s->patient_until_ms ? "1" : "0");
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    publish_send(arg);
}

void publish_init(struct store *s)
{
    /* Behind everything else of the turn: then all that it published is there. */
    s->call.ready = event_new(s->base, -1, 0, on_ready, s);
    BUG_ON(!s->call.ready);
    event_priority_set(s->call.ready, event_base_get_npriorities(s->base) - 1);
}

void publish_fini(struct store *s)
{
    struct call *c = &s->call;
    struct str *parts[] = { &c->keys,  &c->args,        &c->head,   &c->known,
                            &c->group, &c->group_known, &c->stream, &c->messages };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        str_fini(parts[i]);
    event_free(c->ready);
}

/* The number of messages stands before them, so it comes when the last one is known. */
static void close_group(struct call *c)
{
    if (!c->group_size)
        return;
    str_add(&c->args, c->group.data, c->group.size);
    argument_addu(&c->args, c->group_size);
    str_add(&c->args, c->messages.data, c->messages.size);
    c->group_size = 0;
    c->request->groups++;
}

void publish_send(struct store *s)
{
    struct call *c = &s->call;
    struct request *r = c->request;
    if (!r)
        return;
    close_group(c);
    c->request = NULL;
    request_script(r, SCRIPT_PUBLISH, c->key_count, 5 + c->arg_count);
    str_add(&r->bytes, c->keys.data, c->keys.size);
    argument_fence(&r->bytes, s);
    request_addu(r, (uint64_t)s->settings->rate_limit_messages);
    request_addu(r, (uint64_t)s->settings->rate_limit_window_s * 1000);
    str_add(&r->bytes, c->args.data, c->args.size);
    r->answer = on_published;
    if (request_transmit(r) == 0) {
        stat_add(s->stats, publish_calls, 1);
        return;
    }
    stat_set(s->stats, redis_in_flight, s->in_flight);
    on_published(r, STORE_UNAVAILABLE, NULL);
    request_drop(r);
}

/* The call that the next message goes into. */
static int open_call(struct store *s) REQUIRES(on_hub);
static int open_call(struct store *s)
{
    struct call *c = &s->call;
    if (c->request && c->request->weight == PUBLISH_MOST)
        publish_send(s);
    if (c->request) /* its messages count already */
        return s->in_flight + c->request->weight < STORE_IN_FLIGHT_MAX ? 0 : -EBUSY;
    int error = request_begin(s, &c->request);
    if (error) {
        c->request = NULL;
        return error;
    }
    if (!c->request->publishers)
        c->request->publishers = xcalloc(PUBLISH_MOST, sizeof(struct publisher));
    c->request->weight = c->request->groups = 0;
    c->key_count = c->arg_count = 0;
    str_reset(&c->keys);
    str_reset(&c->args);
    event_active(c->ready, 0, 0);
    return 0;
}

static bool same(const struct str *a, const struct str *b)
{
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

static void add_channel(struct store *s, const char *user, const char *other) REQUIRES(on_hub);
static void add_channel(struct store *s, const char *user, const char *other)
{
    struct call *c = &s->call;
    argument_addj(&c->keys, s->settings->redis_prefix, "{user:", user, "}:conversations");
    c->key_count++;
    argument_addj(&c->messages, s->settings->redis_prefix, "user:", user);
    argument_addz(&c->messages, other);
    c->arg_count += 2;
}

/* Goes on with the last group when the message follows in its stream, and as much is known of
 * that as before. */
static void open_group(struct store *s, const struct store_publish *p, const char *stream)
    REQUIRES(on_hub);
static void open_group(struct store *s, const struct store_publish *p, const char *stream)
{
    struct call *c = &s->call;
    const bool two = p->to && strcmp(p->user, p->to) != 0; /* two users, two channels */
    str_reset(&c->head);
    argument_addu(&c->head, (uint64_t)(p->to != NULL) + two);
    argument_addu(&c->head, p->cid != NULL);
    argument_add(&c->head, p->head->data, p->head->size);
    argument_add(&c->head, p->tail->data, p->cid ? 0 : p->tail->size);
    str_reset(&c->known);
    if (p->room)
        argument_known(&c->known, &p->known);
    if (c->group_size && strcmp(stream, c->stream.data) == 0 && same(&c->head, &c->group) &&
        same(&c->known, &c->group_known))
        return;
    close_group(c);
    str_reset(&c->group);
    str_add(&c->group, c->head.data, c->head.size);
    str_reset(&c->stream);
    str_addz(&c->stream, stream);
    str_reset(&c->group_known);
    str_add(&c->group_known, c->known.data, c->known.size);
    str_reset(&c->messages);
    str_add(&c->messages, c->known.data, c->known.size);
    argument_addj(&c->keys, stream, ":meta");
    argument_addj(&c->keys, stream, ":history");
    c->key_count += 2;
    c->arg_count += 5 + (p->room ? 3 : 0);
    if (p->to)
        add_channel(s, p->user, p->to);
    if (two)
        add_channel(s, p->to, p->user);
}

int store_publish(struct store *s, const struct store_publish *p, store_published_fn *done,
                  void *arg)
{
    int error = open_call(s);
    if (error)
        return error;
    struct call *c = &s->call;
    const char *stream = stream_prefix(s, p->room, p->user, p->to);
    open_group(s, p, stream);
    if (s->settings->rate_limit_messages > 0) {
        argument_addj(&c->keys, s->settings->redis_prefix, "rate:", p->user);
        c->key_count++;
    }
    if (p->cid) {
        argument_addj(&c->keys, stream, ":dedupe:", p->user, ":", p->cid);
        c->key_count++;
    }
    argument_add(&c->messages, p->mid->data, p->mid->size);
    c->arg_count++;
    if (p->cid) {
        argument_add(&c->messages, p->tail->data, p->tail->size);
        argument_addz(&c->messages, p->id);
        c->arg_count += 2;
    }
    c->group_size++;
    struct publisher *publisher = &c->request->publishers[c->request->weight++];
    *publisher = (struct publisher){ .done = done, .arg = arg, .group = c->request->groups };
    snprintf(publisher->id, sizeof(publisher->id), "%s", p->id);
    stat_set(s->stats, redis_in_flight, s->in_flight + c->request->weight);
    return 0;
}

/* 'e JSON', as one argument. */
static void add_event(struct request *r, const char *json, size_t size)
{
    struct str *text = &r->store->scratch;
    str_reset(text);
    str_add(text, "e ", 2);
    str_add(text, json, size);
    request_add(r, text->data, text->size);
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
    add_event(r, json, size);
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
                const char *json, size_t size)
{
    struct request *r;
    if (request_begin(s, &r) != 0)
        return;
    bool two = to && strcmp(user, to) != 0;
    request_script(r, SCRIPT_READ, 2, 4 + two);
    const char *stream = stream_prefix(s, room, user, to);
    request_addj(r, stream, ":read");
    request_addj(r, stream, ":meta");
    request_addz(r, user);
    request_addu(r, seq);
    add_event(r, json, size);
    if (!to)
        request_addj(r, s->settings->redis_prefix, "{room:", room, "}");
    else
        request_addj(r, s->settings->redis_prefix, "user:", user);
    if (two)
        request_addj(r, s->settings->redis_prefix, "user:", to);
    request_fire(r);
}

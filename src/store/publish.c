/* Messages, and events that are worth nothing a second later. */
#include "state.h"

#include <errno.h>
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

/* 'ok EPOCH SEQ ID TIMESTAMP', 'duplicate …', 'limited MS' or 'wait' */
static void take_answer(struct request *r, const redisReply *reply, struct store_published *result)
    REQUIRES(on_hub);
static void take_answer(struct request *r, const redisReply *reply, struct store_published *result)
{
    result->status = request_judge(r, reply);
    if (result->status != STORE_OK)
        return;
    if (reply->type != REDIS_REPLY_STRING) {
        result->status = STORE_REFUSED;
        return;
    }
    char *rest = reply->str, *what = next_word(&rest);
    if (strcmp(what, "limited") == 0) {
        result->status = STORE_LIMITED;
        result->retry_after_ms = strtoll(next_word(&rest), NULL, 10);
    } else if (strcmp(what, "wait") == 0) {
        result->status = STORE_UNAVAILABLE;
    } else {
        result->status = strcmp(what, "ok") == 0 ? STORE_OK : STORE_DUPLICATE;
        result->epoch = next_word(&rest);
        result->fence = r->store->fence;
        result->seq = strtoull(next_word(&rest), NULL, 10);
        result->id = next_word(&rest);
        result->timestamp_ms = strtoll(next_word(&rest), NULL, 10);
        epoch_candidate_used(r->store, result->epoch);
    }
}

static void on_published(struct request *r, enum store_status status, const redisReply *reply)
{
    role_assume(&on_hub);
    if (status == STORE_OK && (reply->type != REDIS_REPLY_ARRAY || reply->elements != r->weight))
        status = STORE_REFUSED;
    for (unsigned i = 0; i < r->weight; i++) {
        struct store_published result = { .status = status };
        if (status == STORE_OK)
            take_answer(r, reply->element[i], &result);
        r->publishers[i].done(r->publishers[i].arg, &result);
    }
}

void argument_known(struct str *to, const struct store *s, const struct store_known *k, bool room)
{
    argument_addz(to, k->epoch ? k->epoch : "");
    argument_addu(to, k->epoch ? k->seq : 0);
    argument_addz(to, k->epoch && k->fence ? k->fence : "");
    argument_addz(to, room && clock_mono_ms() < s->patient_until_ms ? "1" : "0");
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
    event_free(s->call.ready);
    str_fini(&s->call.keys);
    str_fini(&s->call.args);
}

void publish_send(struct store *s)
{
    struct call *c = &s->call;
    struct request *r = c->request;
    if (!r)
        return;
    c->request = NULL;
    request_script(r, SCRIPT_PUBLISH, c->key_count, 4 + c->arg_count);
    str_add(&r->bytes, c->keys.data, c->keys.size);
    request_addz(r, s->fence);
    request_addz(r, s->candidate);
    request_addu(r, (uint64_t)s->settings->rate_limit_messages);
    request_addu(r, (uint64_t)s->settings->rate_limit_window_s * 1000);
    str_add(&r->bytes, c->args.data, c->args.size);
    r->answer = on_published;
    if (request_transmit(r) == 0) {
        stat_add(s->stats, publish_calls, 1);
        return;
    }
    on_published(r, STORE_UNAVAILABLE, NULL);
    request_drop(r);
}

/* The call that the next message goes into. */
static int call_open(struct store *s) REQUIRES(on_hub);
static int call_open(struct store *s)
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
    c->request->weight = 0;
    c->key_count = c->arg_count = 0;
    str_reset(&c->keys);
    str_reset(&c->args);
    event_active(c->ready, 0, 0);
    return 0;
}

/* The keys of a message, in the order in which publish.lua takes them. */
static void add_keys(struct store *s, const struct store_publish *p, bool two) REQUIRES(on_hub);
static void add_keys(struct store *s, const struct store_publish *p, bool two)
{
    struct call *c = &s->call;
    const char *prefix = s->settings->redis_prefix;
    const char *stream = stream_prefix(s, p->room, p->user, p->to);
    const bool limited = s->settings->rate_limit_messages > 0;
    argument_addj(&c->keys, stream, ":meta");
    argument_addj(&c->keys, stream, ":history");
    if (limited)
        argument_addj(&c->keys, prefix, "rate:", p->user);
    if (p->cid)
        argument_addj(&c->keys, stream, ":dedupe:", p->user, ":", p->cid);
    if (p->to)
        argument_addj(&c->keys, prefix, "{user:", p->user, "}:conversations");
    if (two)
        argument_addj(&c->keys, prefix, "{user:", p->to, "}:conversations");
    c->key_count += 2u + limited + (p->cid != NULL) + (p->to != NULL) + two;
}

static void add_channel(struct store *s, const char *user, const char *other) REQUIRES(on_hub);
static void add_channel(struct store *s, const char *user, const char *other)
{
    argument_addj(&s->call.args, s->settings->redis_prefix, "user:", user);
    argument_addz(&s->call.args, other);
    s->call.arg_count += 2;
}

int store_publish(struct store *s, const struct store_publish *p, store_published_fn *done,
                  void *arg)
{
    int error = call_open(s);
    if (error)
        return error;
    struct request *r = s->call.request;
    struct str *args = &s->call.args;
    const bool two = p->to && strcmp(p->user, p->to) != 0; /* two users, two channels */
    r->publishers[r->weight++] = (struct publisher){ done, arg };
    add_keys(s, p, two);
    argument_known(args, s, &p->known, p->room != NULL);
    argument_addz(args, p->id);
    argument_addz(args, p->cid ? "1" : "0");
    argument_add(args, p->head->data, p->head->size);
    argument_add(args, p->mid->data, p->mid->size);
    argument_add(args, p->tail->data, p->tail->size);
    argument_addu(args, (uint64_t)(p->to != NULL) + two);
    s->call.arg_count += 10;
    if (p->to)
        add_channel(s, p->user, p->to);
    if (two)
        add_channel(s, p->to, p->user);
    stat_set(s->stats, redis_in_flight, s->in_flight + r->weight);
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

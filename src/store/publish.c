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

static void on_published(struct request *r, enum store_status status, const redisReply *reply)
{
    struct store_published result = { .status = status };
    if (status == STORE_OK && reply->type == REDIS_REPLY_STRING) {
        char *rest = reply->str, *what = next_word(&rest);
        if (strcmp(what, "limited") == 0) {
            result.status = STORE_LIMITED;
            result.retry_after_ms = strtoll(next_word(&rest), NULL, 10);
        } else if (strcmp(what, "wait") == 0) {
            result.status = STORE_UNAVAILABLE;
        } else {
            result.status = strcmp(what, "ok") == 0 ? STORE_OK : STORE_DUPLICATE;
            result.epoch = next_word(&rest);
            result.fence = r->store->fence;
            result.seq = strtoull(next_word(&rest), NULL, 10);
            result.id = next_word(&rest);
            result.timestamp_ms = strtoll(next_word(&rest), NULL, 10);
            epoch_candidate_used(r->store, result.epoch);
        }
    } else if (status == STORE_OK) {
        result.status = STORE_REFUSED;
    }
    r->done.published(r->arg, &result);
}

void request_known(struct request *r, const struct store_known *k, bool room)
{
    request_addz(r, r->store->fence);
    request_addz(r, r->store->candidate);
    request_addz(r, k->epoch ? k->epoch : "");
    request_addu(r, k->epoch ? k->seq : 0);
    request_addz(r, k->epoch && k->fence ? k->fence : "");
    request_addz(r, room && clock_mono_ms() < r->store->patient_until_ms ? "1" : "0");
}

static void add_keys(struct request *r, const struct store_publish *p, bool two) REQUIRES(on_hub);
static void add_keys(struct request *r, const struct store_publish *p, bool two)
{
    const char *prefix = r->store->settings->redis_prefix;
    const char *stream = stream_prefix(r->store, p->room, p->user, p->to);
    request_addj(r, stream, ":meta");
    request_addj(r, stream, ":history");
    request_addj(r, prefix, "rate:", p->user);
    request_addj(r, stream, ":dedupe:", p->user, ":", p->cid ? p->cid : "");
    if (p->to)
        request_addj(r, prefix, "{user:", p->user, "}:conversations");
    if (two)
        request_addj(r, prefix, "{user:", p->to, "}:conversations");
}

int store_publish(struct store *s, const struct store_publish *p, store_published_fn *done,
                  void *arg)
{
    struct request *r;
    int error = request_begin(s, &r);
    if (error)
        return error;
    r->done.published = done;
    r->arg = arg;
    const struct settings *set = s->settings;
    bool two = p->to && strcmp(p->user, p->to) != 0; /* two users, two channels */
    request_script(r, SCRIPT_PUBLISH, 4 + (p->to != NULL) + two, 14 + (p->to != NULL) + 2 * two);
    add_keys(r, p, two);
    request_known(r, &p->known, p->room != NULL);
    request_addz(r, p->id);
    request_addu(r, (uint64_t)set->rate_limit_messages);
    request_addu(r, (uint64_t)set->rate_limit_window_s * 1000);
    request_addz(r, p->cid ? "1" : "0");
    request_add(r, p->head->data, p->head->size);
    request_add(r, p->mid->data, p->mid->size);
    request_add(r, p->tail->data, p->tail->size);
    if (!p->to) {
        request_addj(r, set->redis_prefix, "{room:", p->room, "}");
    } else {
        request_addj(r, set->redis_prefix, "user:", p->user);
        request_addz(r, p->to);
    }
    if (two) {
        request_addj(r, set->redis_prefix, "user:", p->to);
        request_addz(r, p->user);
    }
    return request_send(r, on_published);
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

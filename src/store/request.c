/* Commands: put together in RESP2 (https://redis.io/docs/reference/protocol-spec), sent,
 * answered. A request keeps its bytes until the reply, so that it can be sent again when Redis
 * has forgotten a script; spares keep their buffers, so a busy store does not allocate. */
#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct request *take_spare(struct store *s)
{
    struct request *r = s->spares;
    if (!r) {
        r = xcalloc(1, sizeof(*r));
        r->store = s;
        return r;
    }
    s->spares = r->next;
    s->spare_count--;
    return r;
}

static void request_free(struct request *r)
{
    str_fini(&r->bytes);
    free(r);
}

void request_drop(struct request *r)
{
    struct store *s = r->store;
    if (s->spare_count >= REQUEST_SPARES) {
        request_free(r);
        return;
    }
    if (r->bytes.capacity > REQUEST_KEEP_BYTES)
        str_fini(&r->bytes);
    else
        str_reset(&r->bytes);
    r->next = s->spares;
    s->spares = r;
    s->spare_count++;
}

void requests_free(struct store *s)
{
    while (s->spares) {
        struct request *r = s->spares;
        s->spares = r->next;
        request_free(r);
    }
}

struct request *request_new(struct store *s)
{
    struct request *r = take_spare(s);
    r->next = NULL;
    r->script = SCRIPT_NONE;
    r->repeated = false;
    r->weight = 1;
    r->answer = NULL;
    r->arg = NULL;
    return r;
}

int request_begin(struct store *s, struct request **out)
{
    if (!link_is_up(&s->link))
        return -ENOTCONN;
    if (s->in_flight >= STORE_IN_FLIGHT_MAX)
        return -EBUSY;
    *out = request_new(s);
    return 0;
}

int request_open(struct store *s, union request_done done, void *arg, struct request **out)
{
    int error = request_begin(s, out);
    if (error)
        return error;
    (*out)->done = done;
    (*out)->arg = arg;
    return 0;
}

static void add_line(struct str *to, char mark, uint64_t number)
{
    str_addc(to, mark);
    str_addu(to, number);
    str_add(to, "\r\n", 2);
}

void request_command(struct request *r, size_t args)
{
    add_line(&r->bytes, '*', args);
}

void request_script(struct request *r, enum script_id script, size_t keys, size_t args)
{
    r->script = script;
    request_command(r, 3 + keys + args);
    request_add(r, "EVALSHA", 7);
    request_addz(r, r->store->scripts[script].sha);
    request_addu(r, keys);
}

void argument_add(struct str *to, const void *bytes, size_t size)
{
    add_line(to, '$', size);
    str_add(to, bytes, size);
    str_add(to, "\r\n", 2);
}

void argument_addz(struct str *to, const char *text)
{
    argument_add(to, text, strlen(text));
}

void argument_addu(struct str *to, uint64_t number)
{
    char digits[20], *p = digits + sizeof(digits);
    do {
        *--p = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    argument_add(to, p, (size_t)(digits + sizeof(digits) - p));
}

void argument_join(struct str *to, const char *const *parts)
{
    size_t size = 0;
    for (const char *const *part = parts; *part; part++)
        size += strlen(*part);
    add_line(to, '$', size);
    for (const char *const *part = parts; *part; part++)
        str_addz(to, *part);
    str_add(to, "\r\n", 2);
}

void request_add(struct request *r, const void *bytes, size_t size)
{
    argument_add(&r->bytes, bytes, size);
}

void request_addz(struct request *r, const char *text)
{
    argument_addz(&r->bytes, text);
}

void request_addu(struct request *r, uint64_t number)
{
    argument_addu(&r->bytes, number);
}

void request_add_event(struct request *r, const char *json, size_t size)
{
    struct str *text = &r->store->scratch;
    str_reset(text);
    str_add(text, "e ", 2);
    str_add(text, json, size);
    request_add(r, text->data, text->size);
}

static void wait_for(struct request *r)
{
    struct store *s = r->store;
    r->next = NULL;
    if (s->waiting)
        s->waiting_last->next = r;
    else
        s->waiting = r;
    s->waiting_last = r;
    s->in_flight += r->weight;
    stat_set(s->stats, redis_in_flight, s->in_flight);
}

static void waited_for(struct request *r)
{
    struct store *s = r->store;
    BUG_ON(s->waiting != r); /* replies come in the order of the commands */
    s->waiting = r->next;
    s->in_flight -= r->weight;
    stat_set(s->stats, redis_in_flight, s->in_flight);
}

/* At most one line per second, with what has been left out. */
static void log_refusal(struct store *s, enum script_id script, const char *error)
{
    int64_t now = clock_mono_ms();
    if (s->refused_logged_ms && now - s->refused_logged_ms < 1000) {
        s->refused_unlogged++;
        return;
    }
    char quoted[256];
    log_error("store_refused", "script=%s error=%s unlogged=%u",
              script == SCRIPT_NONE ? "none" : s->scripts[script].name,
              log_quote(quoted, sizeof(quoted), error), s->refused_unlogged);
    s->refused_logged_ms = now;
    s->refused_unlogged = 0;
}

/* True when the request is under way once more. */
static bool repeat(struct request *r, const char *error) REQUIRES(on_hub);
static bool repeat(struct request *r, const char *error)
{
    if (r->script == SCRIPT_NONE || r->repeated || strncmp(error, "NOSCRIPT", 8) != 0)
        return false;
    script_reload(&r->store->scripts[r->script]);
    r->repeated = true;
    return request_transmit(r) == 0;
}

enum store_status request_judge(struct request *r, const redisReply *reply)
{
    if (!reply)
        return STORE_UNAVAILABLE;
    if (reply->type != REDIS_REPLY_ERROR)
        return STORE_OK;
    if (error_is_temporary(reply->str)) {
        store_refuses(r->store, reply->str);
        return STORE_UNAVAILABLE;
    }
    log_refusal(r->store, r->script, reply->str);
    return STORE_REFUSED;
}

static void on_reply(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    role_assume(&on_hub);
    struct request *r = arg;
    const redisReply *got = reply;
    waited_for(r);
    if (got) {
        stats_lag_add(r->store->stats, STATS_LAG_REDIS, clock_mono_us() - r->sent_us);
        if (got->type == REDIS_REPLY_ERROR && repeat(r, got->str))
            return;
    }
    enum store_status status = request_judge(r, got);
    if (r->answer)
        r->answer(r, status, status == STORE_OK ? got : NULL);
    request_drop(r);
}

int request_transmit(struct request *r)
{
    struct store *s = r->store;
    int error = link_send(&s->link, on_reply, r, r->bytes.data, r->bytes.size);
    if (error)
        return error;
    r->tick = s->tick;
    r->sent_us = clock_mono_us();
    wait_for(r);
    stat_add(s->stats, redis_commands, 1);
    return 0;
}

int request_send(struct request *r, request_fn *answer)
{
    publish_send(r->store);
    r->answer = answer;
    int error = request_transmit(r);
    if (error)
        request_drop(r);
    return error;
}

void request_fire(struct request *r)
{
    int error = request_send(r, NULL);
    (void)error; /* the next heartbeat repeats what was lost */
}

const char *stream_prefix(struct store *s, const char *room, const char *user, const char *peer)
{
    struct str *out = &s->scratch;
    str_reset(out);
    str_addz(out, s->settings->redis_prefix);
    if (!peer) {
        str_addz(out, "{room:");
        str_addz(out, room);
    } else {
        bool swap = strcmp(user, peer) > 0;
        str_addz(out, "{dm:");
        str_addz(out, swap ? peer : user);
        str_addc(out, '|');
        str_addz(out, swap ? user : peer);
    }
    str_addc(out, '}');
    return out->data;
}

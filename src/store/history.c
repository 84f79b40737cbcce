/* Messages that Redis keeps: a whole list, a page of it, or only how many there were. */
#include "state.h"

#include "confab/store/away.h"
#include "confab/wire/rules.h"

#include <string.h>

/* {epoch, top, fence, number of the newest message, more, messages newest first, first number of
 * the epoch, guard, version}: what resume.lua and history.lua answer. */
static bool take_messages(const redisReply *reply, struct store_messages *out,
                          struct frame_part parts[RULE_HISTORY_MESSAGES])
{
    static const int types[] = { REDIS_REPLY_STRING,  REDIS_REPLY_INTEGER, REDIS_REPLY_STRING,
                                 REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, REDIS_REPLY_ARRAY,
                                 REDIS_REPLY_INTEGER, REDIS_REPLY_STRING,  REDIS_REPLY_INTEGER };
    enum { FIELDS = sizeof(types) / sizeof(types[0]) };
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != FIELDS)
        return false;
    for (size_t i = 0; i < FIELDS; i++)
        if (reply->element[i]->type != types[i])
            return false;
    uint64_t newest = (uint64_t)reply->element[3]->integer;
    const redisReply *list = reply->element[5];
    size_t count = list->elements;
    if (count > RULE_HISTORY_MESSAGES)
        count = RULE_HISTORY_MESSAGES;
    if (count > newest)
        count = (size_t)newest; /* only in a key that somebody else wrote to */
    for (size_t i = 0; i < count; i++) {
        const redisReply *message = list->element[count - 1 - i];
        if (message->type != REDIS_REPLY_STRING)
            return false;
        parts[i] = (struct frame_part){ message->str, message->len };
    }
    out->epoch = reply->element[0]->str;
    out->seq = (uint64_t)reply->element[1]->integer;
    out->fence = reply->element[2]->str;
    out->messages = parts;
    out->count = count;
    out->first_seq = count ? newest - count + 1 : 0;
    out->epoch_first = (uint64_t)reply->element[6]->integer;
    out->guard = reply->element[7]->str;
    out->version = (uint64_t)reply->element[8]->integer;
    out->more = reply->element[4]->integer != 0;
    return true;
}

/* 'wait', 'lost' or 'denied CODE MS' */
static void take_refusal(struct request *r, const redisReply *reply, struct store_messages *out)
    REQUIRES(on_hub);
static void take_refusal(struct request *r, const redisReply *reply, struct store_messages *out)
{
    out->lost = strcmp(reply->str, "lost") == 0;
    if (out->lost) {
        out->status = STORE_UNAVAILABLE;
        return;
    }
    const struct store_published refused = publish_answer(r, reply);
    out->status = refused.status == STORE_OK ? STORE_REFUSED : refused.status;
    out->error = refused.error;
    out->retry_after_ms = refused.retry_after_ms;
}

static void on_messages(struct request *r, enum store_status status, const redisReply *reply)
{
    role_assume(&on_hub);
    struct frame_part parts[RULE_HISTORY_MESSAGES];
    struct store_messages result = { .status = status, .epoch = "", .fence = "", .guard = "" };
    if (status == STORE_OK && reply->type == REDIS_REPLY_STRING)
        take_refusal(r, reply, &result);
    else if (status == STORE_OK && !take_messages(reply, &result, parts))
        result.status = STORE_REFUSED;
    epoch_candidate_used(r->store, result.epoch);
    r->done.messages(r->arg, &result);
}

int store_load(struct store *s, const char *room, const struct store_known *known,
               store_messages_fn *done, void *arg)
{
    struct request *r;
    int error = request_begin(s, &r);
    if (error)
        return error;
    r->done.messages = done;
    r->arg = arg;
    const char *stream = stream_prefix(s, room, NULL, NULL);
    request_script(r, SCRIPT_RESUME, 2, 3 + KNOWN_ARGUMENTS);
    request_addj(r, stream, ":meta");
    request_addj(r, stream, ":history");
    argument_fence(&r->bytes, s);
    argument_known(&r->bytes, known);
    return request_send(r, on_messages);
}

/* way: "before" or "after" the number */
static int page(struct store *s, const char *stream, const char *viewer, const char *way,
                uint64_t number, unsigned limit, store_messages_fn *done, void *arg)
    REQUIRES(on_hub);
static int page(struct store *s, const char *stream, const char *viewer, const char *way,
                uint64_t number, unsigned limit, store_messages_fn *done, void *arg)
{
    struct request *r;
    int error = request_begin(s, &r);
    if (error)
        return error;
    r->done.messages = done;
    r->arg = arg;
    const bool is_private = stream[0] == '@', is_room = !is_private && stream[0] != '!';
    request_script(r, SCRIPT_HISTORY, is_private ? 3 : 2, 4);
    if (stream[0] == '!') { /* mentions */
        request_addj(r, s->settings->redis_prefix, "{user:", viewer, "}:box");
        request_addj(r, s->settings->redis_prefix, "{user:", viewer, "}:mentions");
    } else {
        const char *prefix = is_room ? stream_prefix(s, stream, NULL, NULL)
                                     : stream_prefix(s, NULL, viewer, stream + 1);
        request_addj(r, prefix, ":meta");
        request_addj(r, prefix, ":history");
    }
    if (is_private)
        request_addj(r, s->settings->redis_prefix, "{user:", viewer, "}:since");
    request_addz(r, way);
    request_addu(r, number);
    request_addu(r, limit < RULE_HISTORY_MESSAGES ? limit : RULE_HISTORY_MESSAGES);
    request_addz(r, is_room && viewer ? viewer : "");
    return request_send(r, on_messages);
}

int store_page(struct store *s, const char *stream, const char *viewer, uint64_t before,
               unsigned limit, store_messages_fn *done, void *arg)
{
    return page(s, stream, viewer, "before", before, limit, done, arg);
}

int store_page_after(struct store *s, const char *stream, const char *viewer, uint64_t after,
                     unsigned limit, store_messages_fn *done, void *arg)
{
    return page(s, stream, viewer, "after", after, limit, done, arg);
}

static bool take_tops(const redisReply *reply, struct store_top tops[STORE_TOPS_MOST])
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements > 2 * STORE_TOPS_MOST)
        return false;
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *epoch = reply->element[i], *seq = reply->element[i + 1];
        if (epoch->type != REDIS_REPLY_STRING || seq->type != REDIS_REPLY_INTEGER)
            return false;
        tops[i / 2] = (struct store_top){ epoch->str, seq->integer };
    }
    return true;
}

static void on_tops(struct request *r, enum store_status status, const redisReply *reply)
{
    struct store_top tops[STORE_TOPS_MOST] = { 0 };
    if (status == STORE_OK && !take_tops(reply, tops))
        status = STORE_REFUSED;
    r->done.tops(r->arg, status, status == STORE_OK ? tops : NULL);
}

int store_tops(struct store *s, const char *const *rooms, size_t count, store_tops_fn *done,
               void *arg)
{
    BUG_ON(count > STORE_TOPS_MOST);
    struct request *r;
    int error = request_begin(s, &r);
    if (error)
        return error;
    r->done.tops = done;
    r->arg = arg;
    request_script(r, SCRIPT_TOPS, count, 0);
    for (size_t i = 0; i < count; i++)
        request_addj(r, stream_prefix(s, rooms[i], NULL, NULL), ":meta");
    return request_send(r, on_tops);
}

/* The archive's stream as a consumer group, over one blocking connection. */
#include "confab/store/feed.h"

#include "blocking.h"
#include "confab/base/str.h"
#include "link.h"
#include "script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PENDING_MOST = 1000, /* ids in one answer */
    SCAN_COUNT = 200,
};

struct feed {
    const struct settings *settings;
    char *addr;
    char group[2 + 16 + 1];         /* of feed_join() */
    char *stream, *seen;            /* keys */
    struct str trim;                /* script */
    redisContext *redis;            /* NULL: not connected */
    char cursor[FEED_ID_BYTES + 1]; /* of feed_take_over() */
    char rewind[FEED_ID_BYTES + 1]; /* where the group is to go back to after the seed; "": stay */
    struct feed_part *parts;        /* of the entry at hand */
    size_t parts_room;
    char error[256];
};

struct stream_id {
    uint64_t ms, seq;
};

/* ---- asking ---- */

struct feed *feed_new(const char *addr, const struct settings *settings)
{
    struct feed *f = xcalloc(1, sizeof *f);
    struct str key = STR_INIT;
    f->settings = settings;
    f->addr = xstrdup(addr);
    str_addf(&key, "%sarchive", settings->redis_prefix);
    f->stream = str_detach(&key);
    str_addf(&key, "%sarchive:seen", settings->redis_prefix);
    f->seen = str_detach(&key);
    script_text(&f->trim, settings, (const char *[]){ "/clock.lua", "/trim.lua", NULL });
    return f;
}

static void disconnect(struct feed *f)
{
    if (f->redis != NULL)
        redisFree(f->redis);
    f->redis = NULL;
}

void feed_free(struct feed *f)
{
    disconnect(f);
    free(f->stream);
    free(f->seen);
    free(f->addr);
    str_fini(&f->trim);
    free(f->parts);
    free(f);
}

const char *feed_error(const struct feed *f)
{
    return f->error;
}

static int fail(struct feed *f, int error, const char *text)
{
    snprintf(f->error, sizeof f->error, "%s", text);
    return error;
}

static int connect_feed(struct feed *f)
{
    if (f->redis != NULL)
        return 0;
    char why[256] = "nobody is there";
    int error = blocking_open(f->addr, f->settings, FEED_ANSWER_MS, &f->redis, why, sizeof why);
    if (error != 0)
        return fail(f, error == -EACCES ? -EAGAIN : -ENOTCONN, why);
    /* What CLIENT LIST shows; an ACL may forbid it, no matter. */
    redisReply *reply =
        redisCommand(f->redis, "CLIENT SETNAME confab-%s-archive", f->settings->instance);
    if (reply != NULL)
        freeReplyObject(reply);
    return 0;
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int error_of(struct feed *f, const char *text)
{
    fail(f, 0, text);
    if (starts_with(text, "NOGROUP") || strstr(text, "no such key") != NULL ||
        strstr(text, "requires the key to exist") != NULL)
        return -ESTALE;
    if (error_is_replica(text))
        disconnect(f); /* another one is the master */
    return error_is_temporary(text) || error_is_denial(text) ? -EAGAIN : -EPROTO;
}

/* What redisGetReply() gave. 0 with *out to be freed: anything but an error. */
static int take_reply(struct feed *f, redisReply *reply, redisReply **out)
{
    if (reply == NULL) {
        fail(f, 0, f->redis->errstr);
        disconnect(f);
        return -ENOTCONN;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        int error = error_of(f, reply->str);
        freeReplyObject(reply);
        return error;
    }
    *out = reply;
    return 0;
}

static int ask_with(struct feed *f, redisReply **out, const char *fmt, va_list args)
{
    int error = connect_feed(f);
    return error != 0 ? error : take_reply(f, redisvCommand(f->redis, fmt, args), out);
}

/* hiredis' own format: %s and %b are words or parts of one. */
static int ask(struct feed *f, redisReply **out, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int error = ask_with(f, out, fmt, args);
    va_end(args);
    return error;
}

/* For an answer that says nothing. */
static int tell(struct feed *f, const char *fmt, ...)
{
    redisReply *reply = NULL;
    va_list args;
    va_start(args, fmt);
    int error = ask_with(f, &reply, fmt, args);
    va_end(args);
    if (error == 0)
        freeReplyObject(reply);
    return error;
}

static bool is_array(const redisReply *r, size_t least)
{
    return r->type == REDIS_REPLY_ARRAY && r->elements >= least;
}

static bool is_text(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS;
}

static int odd(struct feed *f, redisReply *reply)
{
    freeReplyObject(reply);
    return fail(f, -EPROTO, "Redis answers oddly");
}

/* ---- ids ---- */

static struct stream_id id_of(const char *text)
{
    char *end;
    struct stream_id id = { strtoull(text, &end, 10), 0 };
    if (*end == '-')
        id.seq = strtoull(end + 1, NULL, 10);
    return id;
}

static bool id_is_less(struct stream_id a, struct stream_id b)
{
    return a.ms != b.ms ? a.ms < b.ms : a.seq < b.seq;
}

/* ---- joining ---- */

/* The value behind a name in a flat list of names and values; NULL: not there. */
static const redisReply *value_of(const redisReply *list, const char *name)
{
    if (!is_array(list, 0))
        return NULL;
    for (size_t i = 0; i + 1 < list->elements; i += 2) {
        if (is_text(list->element[i]) && strcmp(list->element[i]->str, name) == 0)
            return list->element[i + 1];
    }
    return NULL;
}

static bool take_id(const redisReply *value, struct stream_id *out)
{
    if (value == NULL || !is_text(value))
        return false;
    *out = id_of(value->str);
    return true;
}

/* Up to where the group has read. */
static int last_delivered(struct feed *f, struct stream_id *out)
{
    redisReply *reply;
    int error = ask(f, &reply, "XINFO GROUPS %s", f->stream);
    if (error != 0)
        return error;
    bool found = false;
    for (size_t i = 0; is_array(reply, 0) && i < reply->elements && !found; i++) {
        const redisReply *name = value_of(reply->element[i], "name");
        if (name != NULL && is_text(name) && strcmp(name->str, f->group) == 0)
            found = take_id(value_of(reply->element[i], "last-delivered-id"), out);
    }
    freeReplyObject(reply);
    return found ? 0 : fail(f, -ESTALE, "the group is gone");
}

static int length(struct feed *f, uint64_t *out)
{
    redisReply *reply;
    int error = ask(f, &reply, "XLEN %s", f->stream);
    if (error != 0)
        return error;
    *out = reply->type == REDIS_REPLY_INTEGER ? (uint64_t)reply->integer : 0;
    freeReplyObject(reply);
    return 0;
}

/* The first entry behind `committed`: "" when there is none. */
static int first_behind(struct feed *f, const char *committed, char id[FEED_ID_BYTES + 1])
{
    redisReply *reply;
    int error = *committed == '\0'
                    ? ask(f, &reply, "XRANGE %s - + COUNT 1", f->stream)
                    : ask(f, &reply, "XRANGE %s (%s + COUNT 1", f->stream, committed);
    if (error != 0)
        return error;
    id[0] = '\0';
    if (is_array(reply, 1) && is_array(reply->element[0], 2) &&
        is_text(reply->element[0]->element[0]))
        text_copy(id, FEED_ID_BYTES + 1, reply->element[0]->element[0]->str);
    freeReplyObject(reply);
    return 0;
}

static int is_pending(struct feed *f, const char *id, bool *out)
{
    redisReply *reply;
    int error = ask(f, &reply, "XPENDING %s %s %s %s 1", f->stream, f->group, id, id);
    if (error != 0)
        return error;
    *out = is_array(reply, 1);
    freeReplyObject(reply);
    return 0;
}

/* Entries are committed and acknowledged in their order. So when the group has read more than the
 * file holds, the first of that is pending (the writer died between the two), or it is missing in
 * a file that is older than its group. */
static int compare(struct feed *f, const char *committed, bool *seed)
{
    struct stream_id last = { 0, 0 };
    uint64_t entries = 0;
    int error = last_delivered(f, &last);
    if (error == 0)
        error = length(f, &entries);
    /* One that has read nothing was not seeded to the end. So long a stream loses its oldest
     * entries, whether they were read or not. */
    *seed = (last.ms == 0 && last.seq == 0) || entries >= (uint64_t)f->settings->archive_backlog;
    if (error != 0 || !id_is_less(id_of(committed), last))
        return error;
    char first[FEED_ID_BYTES + 1];
    error = first_behind(f, committed, first);
    if (error != 0)
        return error;
    if (*first == '\0' || id_is_less(last, id_of(first))) {
        *seed = true; /* acknowledged and cut off */
        return 0;
    }
    bool pending;
    error = is_pending(f, first, &pending);
    if (error != 0 || pending)
        return error;
    *seed = true;
    text_copy(f->rewind, sizeof f->rewind, *committed ? committed : "0-0");
    return 0;
}

int feed_join(struct feed *f, const char *archive, const char *committed, bool *seed)
{
    *seed = false;
    snprintf(f->group, sizeof f->group, "a:%s", archive);
    f->rewind[0] = '\0';
    text_copy(f->cursor, sizeof f->cursor, "0-0");
    int error = tell(f, "XGROUP CREATE %s %s 0 MKSTREAM", f->stream, f->group);
    if (error == 0) {
        *seed = true;
        return 0;
    }
    if (!starts_with(f->error, "BUSYGROUP"))
        return error;
    f->error[0] = '\0'; /* it is there, as nearly always */
    return compare(f, committed, seed);
}

/* ---- entries ---- */

static void give_entry(struct feed *f, const redisReply *r, feed_entry_fn *fn, void *arg)
{
    if (!is_array(r, 2) || !is_text(r->element[0]) || !is_array(r->element[1], 0))
        return; /* 6.2: pending, but no longer in the stream */
    const redisReply *fields = r->element[1];
    if (f->parts_room < fields->elements / 2) {
        f->parts_room = fields->elements / 2;
        f->parts = xrealloc(f->parts, f->parts_room * sizeof *f->parts);
    }
    const char *id = r->element[0]->str;
    struct feed_entry entry = { id, f->parts, 0 };
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const redisReply *key = fields->element[i], *text = fields->element[i + 1];
        if (is_text(key) && is_text(text))
            f->parts[entry.count++] =
                (struct feed_part){ key->str, text->str, (size_t)key->len, (size_t)text->len };
    }
    fn(arg, &entry);
}

static size_t give_entries(struct feed *f, const redisReply *list, feed_entry_fn *fn, void *arg)
{
    if (!is_array(list, 0))
        return 0;
    for (size_t i = 0; i < list->elements; i++)
        give_entry(f, list->element[i], fn, arg);
    return list->elements;
}

int feed_take_over(struct feed *f, feed_entry_fn *fn, void *arg, bool *more)
{
    redisReply *reply;
    int error = ask(f, &reply, "XAUTOCLAIM %s %s %s 0 %s COUNT %d", f->stream, f->group,
                    f->settings->instance, f->cursor, FEED_READ_MOST);
    if (error != 0)
        return error;
    if (!is_array(reply, 2) || !is_text(reply->element[0]))
        return odd(f, reply);
    text_copy(f->cursor, sizeof f->cursor, reply->element[0]->str);
    *more = strcmp(f->cursor, "0-0") != 0;
    give_entries(f, reply->element[1], fn, arg);
    freeReplyObject(reply);
    return 0;
}

int feed_read(struct feed *f, feed_entry_fn *fn, void *arg, size_t *count)
{
    redisReply *reply;
    int error = ask(f, &reply, "XREADGROUP GROUP %s %s COUNT %d STREAMS %s >", f->group,
                    f->settings->instance, FEED_READ_MOST, f->stream);
    if (error != 0)
        return error;
    *count = 0;
    if (is_array(reply, 1) && is_array(reply->element[0], 2))
        *count = give_entries(f, reply->element[0]->element[1], fn, arg);
    freeReplyObject(reply);
    return 0;
}

int feed_ack(struct feed *f, const char *const *ids, size_t count)
{
    if (count == 0)
        return 0;
    int error = connect_feed(f);
    if (error != 0)
        return error;
    const char **words = xmalloc((count + 3) * sizeof *words);
    words[0] = "XACK";
    words[1] = f->stream;
    words[2] = f->group;
    memcpy(words + 3, ids, count * sizeof *ids);
    redisReply *reply = NULL;
    error = take_reply(f, redisCommandArgv(f->redis, (int)count + 3, words, NULL), &reply);
    free(words);
    if (error == 0)
        freeReplyObject(reply);
    return error;
}

/* ---- after a take over ---- */

static int forget_if_gone(struct feed *f, const char *id) REQUIRES(on_archive)
{
    redisReply *reply;
    int error = ask(f, &reply, "XRANGE %s %s %s", f->stream, id, id);
    if (error != 0)
        return error;
    const bool gone = is_array(reply, 0) && reply->elements == 0;
    freeReplyObject(reply);
    return gone ? feed_ack(f, &id, 1) : 0;
}

/* Redis 6.2 keeps pending what was dropped from the stream, and hands it out as nil. */
static int forget_pending(struct feed *f) REQUIRES(on_archive)
{
    redisReply *reply;
    int error = ask(f, &reply, "XPENDING %s %s - + %d", f->stream, f->group, PENDING_MOST);
    if (error != 0)
        return error;
    for (size_t i = 0; error == 0 && is_array(reply, 0) && i < reply->elements; i++) {
        const redisReply *row = reply->element[i];
        if (is_array(row, 1) && is_text(row->element[0]))
            error = forget_if_gone(f, row->element[0]->str);
    }
    freeReplyObject(reply);
    return error;
}

static int delete_consumer(struct feed *f, const redisReply *row)
{
    const redisReply *name = value_of(row, "name"), *pending = value_of(row, "pending");
    if (name == NULL || !is_text(name) || strcmp(name->str, f->settings->instance) == 0)
        return 0;
    /* with something pending that command would lose it */
    if (pending == NULL || pending->type != REDIS_REPLY_INTEGER || pending->integer != 0)
        return 0;
    return tell(f, "XGROUP DELCONSUMER %s %s %s", f->stream, f->group, name->str);
}

int feed_settle(struct feed *f)
{
    redisReply *reply;
    int error = forget_pending(f);
    if (error == 0)
        error = ask(f, &reply, "XINFO CONSUMERS %s %s", f->stream, f->group);
    if (error != 0)
        return error;
    for (size_t i = 0; error == 0 && is_array(reply, 0) && i < reply->elements; i++)
        error = delete_consumer(f, reply->element[i]);
    freeReplyObject(reply);
    return error;
}

/* ---- the backlog ---- */

int feed_trim(struct feed *f, const char *state, struct feed_backlog *out)
{
    redisReply *reply;
    int error = ask(f, &reply, "EVAL %s 2 %s %s %s %s", f->trim.data, f->stream, f->seen,
                    f->group + strlen("a:"), state);
    if (error != 0)
        return error;
    bool sound = is_array(reply, 5);
    for (size_t i = 0; sound && i < 5; i++)
        sound = reply->element[i]->type == REDIS_REPLY_INTEGER;
    if (!sound)
        return odd(f, reply);
    *out = (struct feed_backlog){
        .entries = (uint64_t)reply->element[0]->integer,
        .oldest_ms = reply->element[1]->integer,
        .now_ms = reply->element[2]->integer,
        .archives = reply->element[3]->integer,
        .silent_since_ms = reply->element[4]->integer,
    };
    freeReplyObject(reply);
    return 0;
}

int feed_look(struct feed *f, struct feed_backlog *out)
{
    redisReply *reply;
    char first[FEED_ID_BYTES + 1];
    int error = first_behind(f, "", first);
    uint64_t entries;
    if (error == 0)
        error = length(f, &entries);
    if (error == 0)
        error = ask(f, &reply, "TIME");
    if (error != 0)
        return error;
    if (!is_array(reply, 2) || !is_text(reply->element[0]))
        return odd(f, reply);
    *out = (struct feed_backlog){ .entries = entries,
                                  .oldest_ms = (int64_t)id_of(first).ms,
                                  .now_ms = strtoll(reply->element[0]->str, NULL, 10) * 1000,
                                  .archives = out->archives,
                                  .silent_since_ms = out->silent_since_ms };
    freeReplyObject(reply);
    return 0;
}

/* ---- seed ---- */

/* {epoch, seq, first} and the list, newest first: entry i has the number seq - i. What is below
 * `first` belongs to an epoch whose name Redis no longer knows. */
static void give_list(const redisReply *meta, const redisReply *list, const char *key,
                      feed_entry_fn *fn, void *arg)
{
    if (!is_array(meta, 3) || !is_array(list, 1) || !is_text(meta->element[0]) ||
        !is_text(meta->element[1]))
        return; /* not there any more, or keys of another type */
    const uint64_t top = strtoull(meta->element[1]->str, NULL, 10);
    const uint64_t first =
        is_text(meta->element[2]) ? strtoull(meta->element[2]->str, NULL, 10) : 1;
    size_t count = list->elements;
    if (top < first)
        return;
    if (count > top - first + 1)
        count = (size_t)(top - first + 1);
    struct str text = STR_INIT;
    str_addf(&text, "m %s ", meta->element[0]->str);
    str_addu(&text, top - count + 1);
    for (size_t i = count; i-- > 0;) {
        str_addc(&text, '\n');
        if (is_text(list->element[i]))
            str_add(&text, list->element[i]->str, (size_t)list->element[i]->len);
    }
    const struct feed_part part = { key, text.data, strlen(key) - strlen(":meta"), text.size };
    fn(arg, &(struct feed_entry){ "", &part, 1 });
    str_fini(&text);
}

/* Both in one step, since numbers follow from them together. */
static int seed_stream(struct feed *f, const char *meta_key, feed_entry_fn *fn, void *arg)
{
    redisReply *reply[4] = { NULL };
    const int common = (int)(strlen(meta_key) - strlen(":meta"));
    int error = connect_feed(f);
    if (error != 0)
        return error;
    redisAppendCommand(f->redis, "MULTI");
    redisAppendCommand(f->redis, "HMGET %s epoch seq first", meta_key);
    redisAppendCommand(f->redis, "LRANGE %b:history 0 -1", meta_key, (size_t)common);
    redisAppendCommand(f->redis, "EXEC");
    for (int i = 0; i < 4 && error == 0; i++) {
        if (redisGetReply(f->redis, (void **)&reply[i]) != REDIS_OK)
            reply[i] = NULL;
        error = take_reply(f, reply[i], &reply[i]);
        if (error != 0)
            reply[i] = NULL;
    }
    if (error == 0 && is_array(reply[3], 2))
        give_list(reply[3]->element[0], reply[3]->element[1], meta_key, fn, arg);
    for (int i = 0; i < 4; i++) {
        if (reply[i] != NULL)
            freeReplyObject(reply[i]);
    }
    if (error != 0)
        disconnect(f); /* answers may be left that nobody reads */
    return error;
}

int feed_seed(struct feed *f, feed_entry_fn *fn, void *arg)
{
    char cursor[24] = "0";
    do {
        redisReply *reply;
        int error = ask(f, &reply, "SCAN %s MATCH %s{*}:meta COUNT %d", cursor,
                        f->settings->redis_prefix, SCAN_COUNT);
        if (error != 0)
            return error;
        if (!is_array(reply, 2) || !is_text(reply->element[0]))
            return odd(f, reply);
        text_copy(cursor, sizeof cursor, reply->element[0]->str);
        const redisReply *keys = reply->element[1];
        for (size_t i = 0; error == 0 && is_array(keys, 0) && i < keys->elements; i++)
            error = seed_stream(f, keys->element[i]->str, fn, arg);
        freeReplyObject(reply);
        if (error != 0)
            return error;
    } while (strcmp(cursor, "0") != 0);
    if (*f->rewind == '\0')
        return 0;
    return tell(f, "XGROUP SETID %s %s %s", f->stream, f->group, f->rewind);
}

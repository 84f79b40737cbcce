#include "confab/store/operator.h"

#include "blocking.h"
#include "script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ANSWER_MS = 10000,
    WORDS_MOST = 8,
};

static const char *const person_parts[] = { "/clock.lua", "/account.lua", "/owned.lua",
                                            "/person.lua", NULL };
static const char *const forget_parts[] = { "/forget.lua", NULL };
static const char *const belongings_parts[] = { "/belongings.lua", NULL };
static const char *const drop_parts[] = { "/drop.lua", NULL };

static const char forgotten[] = "(deleted)"; /* no name; as the archive writes it */

struct operator_redis {
    redisContext *redis;
    const struct settings *settings;
};

int operator_open(const char *addr, const struct settings *settings, struct operator_redis **out,
                  char error[OPERATOR_ERROR_BYTES])
{
    redisContext *redis = NULL;

    error[0] = '\0';
    const int result =
        blocking_open(addr, settings, ANSWER_MS, &redis, error, OPERATOR_ERROR_BYTES);
    if (result != 0) {
        if (error[0] == '\0')
            snprintf(error, OPERATOR_ERROR_BYTES, "nobody answers at REDIS_ADDR");
        return result;
    }
    *out = xmalloc(sizeof(**out));
    **out = (struct operator_redis){ redis, settings };
    return 0;
}

void operator_close(struct operator_redis *r)
{
    if (r == NULL)
        return;
    redisFree(r->redis);
    free(r);
}

/* ---- commands ---- */

/* NULL: the connection is broken, or Redis refused. */
static redisReply *command(struct operator_redis *r, const char *const *words, int count,
                           char *error)
{
    const char *argv[WORDS_MOST];

    memcpy(argv, words, (size_t)count * sizeof *words);
    redisReply *reply = redisCommandArgv(r->redis, count, argv, NULL);
    if (reply != NULL && reply->type != REDIS_REPLY_ERROR)
        return reply;
    snprintf(error, OPERATOR_ERROR_BYTES, "Redis: %s",
             reply != NULL ? reply->str : r->redis->errstr);
    if (reply != NULL)
        freeReplyObject(reply);
    return NULL;
}
#define COMMAND(r, error, ...)                                                                     \
    command((r), (const char *const[]){ __VA_ARGS__ },                                             \
            (int)(sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)), (error))

static const char *text_at(const redisReply *list, size_t i)
{
    if (list->type != REDIS_REPLY_ARRAY || i >= list->elements)
        return "";
    const redisReply *reply = list->element[i];
    return reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS ? reply->str : "";
}

static long long number_at(const redisReply *list, size_t i)
{
    if (list->type != REDIS_REPLY_ARRAY || i >= list->elements ||
        list->element[i]->type != REDIS_REPLY_INTEGER)
        return 0;
    return list->element[i]->integer;
}

/* ---- forget ---- */

struct forgetting {
    struct operator_redis *r;
    const char *name, *until_ms;
    struct str script; /* for the lists */
    struct operator_forgot *out;
    char *error;
};

static bool ends_with(const char *text, const char *end)
{
    const size_t size = strlen(text), end_size = strlen(end);

    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

/* A key that may have something of theirs. False: see error. */
static bool forget_in(struct forgetting *f, const char *key)
{
    const bool is_list = ends_with(key, ":history");

    if (!is_list && !ends_with(key, ":read") && !ends_with(key, ":marks"))
        return true;
    redisReply *reply = is_list ? COMMAND(f->r, f->error, "EVAL", f->script.data, "1", key, f->name,
                                          forgotten, f->until_ms)
                                : COMMAND(f->r, f->error, "HDEL", key, f->name);
    if (reply == NULL)
        return false;
    if (is_list && reply->type == REDIS_REPLY_INTEGER)
        f->out->messages += (uint64_t)reply->integer;
    freeReplyObject(reply);
    return true;
}

/* Looks through all keys of rooms and conversations. */
static bool forget_everywhere(struct forgetting *f)
{
    struct str pattern = STR_INIT;
    char cursor[24] = "0";
    bool is_well = true;

    /* '*' in a prefix cannot be: config_check.c */
    str_addf(&pattern, "%s{*}:*", f->r->settings->redis_prefix);
    do {
        redisReply *reply =
            COMMAND(f->r, f->error, "SCAN", cursor, "MATCH", pattern.data, "COUNT", "1000");
        is_well = reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;
        if (is_well)
            text_copy(cursor, sizeof cursor, text_at(reply, 0));
        for (size_t i = 0; is_well && i < reply->element[1]->elements; i++)
            is_well = forget_in(f, text_at(reply->element[1], i));
        if (reply != NULL)
            freeReplyObject(reply);
    } while (is_well && strcmp(cursor, "0") != 0);
    str_fini(&pattern);
    return is_well;
}

int operator_forget(struct operator_redis *r, const char *name, struct operator_forgot *out,
                    char error[OPERATOR_ERROR_BYTES])
{
    struct str script = STR_INIT;

    *out = (struct operator_forgot){ 0 };
    script_text(&script, r->settings, person_parts);
    redisReply *reply =
        COMMAND(r, error, "EVAL", script.data, "0", r->settings->redis_prefix, name);
    str_fini(&script);
    if (reply == NULL)
        return -EIO;
    out->account = number_at(reply, 0) != 0;
    out->archived = number_at(reply, 1) != 0;
    struct forgetting f = { r, name, text_at(reply, 2), STR_INIT, out, error };
    script_text(&f.script, r->settings, forget_parts);
    const bool is_well = forget_everywhere(&f);
    str_fini(&f.script);
    freeReplyObject(reply);
    return is_well ? 0 : -EIO;
}

/* ---- a person ---- */

int operator_belongings(struct operator_redis *r, const char *name, struct str *out,
                        char error[OPERATOR_ERROR_BYTES])
{
    struct str script = STR_INIT;

    script_text(&script, r->settings, belongings_parts);
    redisReply *reply =
        COMMAND(r, error, "EVAL", script.data, "0", r->settings->redis_prefix, name);
    str_fini(&script);
    if (reply == NULL)
        return -EIO;
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        str_addf(out, "%s\n", text_at(reply, i));
    freeReplyObject(reply);
    return 0;
}

/* ---- archives ---- */

static const redisReply *field(const redisReply *map, const char *name)
{
    for (size_t i = 0; i + 1 < map->elements; i += 2) {
        if (strcmp(text_at(map, i), name) == 0)
            return map->element[i + 1];
    }
    return NULL;
}

static void tell_group(const redisReply *group, const redisReply *seen, operator_archive_fn *fn,
                       void *arg)
{
    const redisReply *name = field(group, "name"), *pending = field(group, "pending"),
                     *last = field(group, "last-delivered-id");

    if (name == NULL || pending == NULL || last == NULL || strncmp(name->str, "a:", 2) != 0)
        return;
    const redisReply *at = field(seen, name->str + 2);
    const struct operator_archive archive = { .id = name->str + 2,
                                              .pending = (uint64_t)pending->integer,
                                              .last = last->str,
                                              .seen = at != NULL ? at->str : "" };
    fn(arg, &archive);
}

static void name_keys(const struct operator_redis *r, struct str *stream, struct str *seen)
{
    str_addf(stream, "%sarchive", r->settings->redis_prefix);
    str_addf(seen, "%sarchive:seen", r->settings->redis_prefix);
}

int operator_archives(struct operator_redis *r, operator_archive_fn *fn, void *arg,
                      char error[OPERATOR_ERROR_BYTES])
{
    struct str stream = STR_INIT, key = STR_INIT;
    redisReply *groups = NULL, *seen = NULL;

    name_keys(r, &stream, &key);
    redisReply *type = COMMAND(r, error, "EXISTS", stream.data);
    const bool is_there = type != NULL && type->integer == 1;
    int result = type == NULL ? -EIO : 0;
    if (is_there) {
        groups = COMMAND(r, error, "XINFO", "GROUPS", stream.data);
        seen = groups == NULL ? NULL : COMMAND(r, error, "HGETALL", key.data);
        result = seen == NULL ? -EIO : 0;
    }
    for (size_t i = 0; result == 0 && is_there && i < groups->elements; i++)
        tell_group(groups->element[i], seen, fn, arg);
    redisReply *const replies[] = { type, groups, seen };
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        if (replies[i] != NULL)
            freeReplyObject(replies[i]);
    }
    str_fini(&stream);
    str_fini(&key);
    return result;
}

int operator_drop(struct operator_redis *r, const char *id, char error[OPERATOR_ERROR_BYTES])
{
    struct str stream = STR_INIT, seen = STR_INIT, script = STR_INIT;
    int result = -EIO;

    name_keys(r, &stream, &seen);
    script_text(&script, r->settings, drop_parts);
    redisReply *reply = COMMAND(r, error, "EVAL", script.data, "2", stream.data, seen.data, id);
    if (reply != NULL) {
        result = reply->integer == 1 ? 0 : -ENOENT;
        freeReplyObject(reply);
    }
    if (result == -ENOENT)
        snprintf(error, OPERATOR_ERROR_BYTES, "there is no archive %s", id);
    str_fini(&stream);
    str_fini(&seen);
    str_fini(&script);
    return result;
}

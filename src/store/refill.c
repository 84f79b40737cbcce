/* Accounts and rooms between an archive and a Redis that lacks them. */
#include "confab/store/refill.h"

#include "blocking.h"
#include "confab/base/str.h"
#include "script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ANSWER_MS = 5000,
    SCAN_COUNT = 200,
    ROOMS_COUNT = 50,        /* told to archives in one call */
    RESTORE_BYTES = 1 << 20, /* of records in one call, unless one is larger */
};

struct task {
    const struct refill *from;
    redisContext *redis;
    struct str ready; /* key */
    char *error;
    size_t error_size;
};

/* 0 with *out to be freed, or -EAGAIN. */
static int take_reply(struct task *t, redisReply *reply, redisReply **out)
{
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        snprintf(t->error, t->error_size, "%s", reply != NULL ? reply->str : t->redis->errstr);
        if (reply != NULL)
            freeReplyObject(reply);
        return -EAGAIN;
    }
    *out = reply;
    return 0;
}

static const char *const accounts_in[] = { "/restore.lua", NULL };
static const char *const accounts_out[] = { "/archive.lua", NULL };
static const char *const rooms_in[] = { "/clock.lua", "/owned.lua", "/restore_rooms.lua", NULL };
static const char *const rooms_out[] = { "/clock.lua", "/owned.lua", "/archive_rooms.lua", NULL };
static const char *const ready[] = { "/ready.lua", NULL };

/* EVAL of that script with words behind it: number of keys, keys, arguments. *out is to be freed;
 * NULL: nobody wants it. */
static int run(struct task *t, const char *const *parts, const char **words, size_t *sizes,
               size_t count, redisReply **out)
{
    struct str text = STR_INIT;
    redisReply *reply;
    script_text(&text, t->from->settings, parts);
    words[0] = "EVAL", sizes[0] = strlen(words[0]);
    words[1] = text.data, sizes[1] = text.size;
    int error = take_reply(t, redisCommandArgv(t->redis, (int)count, words, sizes), &reply);
    if (error == 0 && out != NULL)
        *out = reply;
    else if (error == 0)
        freeReplyObject(reply);
    str_fini(&text);
    return error;
}

static void add(const char **words, size_t *sizes, size_t *count, const char *text, size_t size)
{
    words[*count] = text;
    sizes[(*count)++] = size;
}

static void addz(const char **words, size_t *sizes, size_t *count, const char *text)
{
    add(words, sizes, count, text, strlen(text));
}

/* ---- to Redis ---- */

static int is_restored(struct task *t, bool *out)
{
    redisReply *reply;
    int error = take_reply(t, redisCommand(t->redis, "HGET %s by", t->ready.data), &reply);
    if (error != 0)
        return error;
    *out = reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "restored") == 0;
    freeReplyObject(reply);
    return 0;
}

static int send_some(struct task *t, const char *const *script, const struct store_record *records,
                     size_t records_count)
{
    enum { WORDS = 5 + 2 * STORE_RESTORE_MOST };
    const char *words[WORDS];
    size_t sizes[WORDS], count = 2;
    addz(words, sizes, &count, "1");
    add(words, sizes, &count, t->ready.data, t->ready.size);
    addz(words, sizes, &count, t->from->settings->redis_prefix);
    for (size_t i = 0; i < records_count; i++) {
        addz(words, sizes, &count, records[i].name);
        add(words, sizes, &count, records[i].json, records[i].json_size);
    }
    return run(t, script, words, sizes, count, NULL);
}

static int send_page(struct task *t, const char *const *script, const struct store_record *records,
                     size_t count)
{
    int error = 0;
    for (size_t from = 0, to; error == 0 && from < count; from = to) {
        size_t bytes = records[from].json_size;
        for (to = from + 1; to < count && bytes + records[to].json_size <= RESTORE_BYTES; to++)
            bytes += records[to].json_size;
        error = send_some(t, script, records + from, to - from);
    }
    return error;
}

static int say_restored(struct task *t)
{
    const char *words[5];
    size_t sizes[5], count = 2;
    addz(words, sizes, &count, "1");
    add(words, sizes, &count, t->ready.data, t->ready.size);
    addz(words, sizes, &count, "restored");
    return run(t, ready, words, sizes, count, NULL);
}

static int restore_kind(struct task *t, const char *kind, const char *const *script,
                        uint64_t *restored)
{
    const struct store_record *records;
    char after[ROOM_MAX_BYTES + 1] = "";
    size_t count;
    do {
        int error = t->from->page(t->from->arg, kind, after, &records, &count);
        if (error != 0)
            return error;
        if (count == 0)
            break;
        text_copy(after, sizeof after, records[count - 1].name);
        error = send_page(t, script, records, count);
        if (error != 0)
            return error;
        *restored += count;
    } while (count == STORE_RESTORE_MOST);
    return 0;
}

/* Rooms first: once there are accounts, people come in. */
static int restore(struct task *t, struct refilled *out)
{
    int error = restore_kind(t, "room", rooms_in, &out->rooms);
    if (error == 0)
        error = restore_kind(t, "account", accounts_in, &out->accounts);
    return error != 0 ? error : say_restored(t);
}

/* ---- to the archive ---- */

static int archive_some(struct task *t, const redisReply *keys)
{
    const size_t most = keys->type == REDIS_REPLY_ARRAY ? keys->elements : 0;
    if (most == 0)
        return 0;
    char number[24];
    const char **words = xcalloc(most + 4, sizeof *words);
    size_t *sizes = xcalloc(most + 4, sizeof *sizes), count = 2;
    snprintf(number, sizeof number, "%zu", most);
    addz(words, sizes, &count, number);
    for (size_t i = 0; i < most; i++)
        add(words, sizes, &count, keys->element[i]->str, keys->element[i]->len);
    addz(words, sizes, &count, t->from->settings->redis_prefix);
    int error = run(t, accounts_out, words, sizes, count, NULL);
    free(words);
    free(sizes);
    return error;
}

static int archive_accounts(struct task *t)
{
    char cursor[32] = "0";
    do {
        redisReply *reply;
        int error =
            take_reply(t,
                       redisCommand(t->redis, "SCAN %s MATCH %saccount:* COUNT %d TYPE hash",
                                    cursor, t->from->settings->redis_prefix, SCAN_COUNT),
                       &reply);
        if (error != 0)
            return error;
        if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
            freeReplyObject(reply);
            return -EAGAIN;
        }
        text_copy(cursor, sizeof cursor, reply->element[0]->str);
        error = archive_some(t, reply->element[1]);
        freeReplyObject(reply);
        if (error != 0)
            return error;
    } while (strcmp(cursor, "0") != 0);
    return 0;
}

static int archive_rooms(struct task *t)
{
    char after[ROOM_MAX_BYTES + 1] = "", most[24];
    snprintf(most, sizeof most, "%d", ROOMS_COUNT);
    do {
        const char *words[6];
        size_t sizes[6], count = 2;
        redisReply *reply;
        addz(words, sizes, &count, "0");
        addz(words, sizes, &count, t->from->settings->redis_prefix);
        addz(words, sizes, &count, after);
        addz(words, sizes, &count, most);
        int error = run(t, rooms_out, words, sizes, count, &reply);
        if (error != 0)
            return error;
        text_copy(after, sizeof after, reply->type == REDIS_REPLY_STRING ? reply->str : "");
        freeReplyObject(reply);
    } while (*after != '\0');
    return 0;
}

int refill(const struct refill *r, struct refilled *out, char *error, size_t error_size)
{
    struct task t = { .from = r, .error = error, .error_size = error_size };
    bool is_there = false;
    *out = (struct refilled){ 0 };
    snprintf(error, error_size, "nobody is there");
    if (blocking_open(r->addr, r->settings, ANSWER_MS, &t.redis, error, error_size) != 0)
        return -EAGAIN;
    str_addf(&t.ready, "%saccounts:ready", r->settings->redis_prefix);
    int result = is_restored(&t, &is_there);
    if (result == 0 && !is_there)
        result = restore(&t, out);
    if (result == 0 && (r->lacks || !is_there))
        result = archive_rooms(&t);
    if (result == 0 && (r->lacks || !is_there))
        result = archive_accounts(&t);
    redisFree(t.redis);
    str_fini(&t.ready);
    return result;
}

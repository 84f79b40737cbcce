#include "confab/store/checkup.h"

#include "address.h"
#include "blocking.h"
#include "confab/base/str.h"
#include "info.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ANSWER_MS = 2000, PINGS = 21, US_PER_S = 1000000 };

/* The text of a reply; NULL: it is none, or the connection broke. freeReplyObject() *reply. */
static const char *ask(redisContext *redis, const char *command, redisReply **reply)
{
    *reply = redisCommand(redis, command);
    return *reply != NULL && (*reply)->type == REDIS_REPLY_STRING ? (*reply)->str : NULL;
}

static bool is_bad(const char *info, const char *name)
{
    char value[16];
    info_value(info, name, value, sizeof value);
    return strcmp(value, "err") == 0;
}

static void read_info(const char *info, struct store_checkup *out)
{
    char value[32];
    info_value(info, "redis_version", out->version, sizeof out->version);
    info_value(info, "maxmemory_policy", out->policy, sizeof out->policy);
    info_value(info, "maxmemory", value, sizeof value);
    out->limited = strtoull(value, NULL, 10) > 0;
    info_value(info, "aof_enabled", value, sizeof value);
    out->appends = value[0] == '1';
    out->write_fails =
        is_bad(info, "aof_last_write_status") || is_bad(info, "rdb_last_bgsave_status");
    info_value(info, "role", value, sizeof value);
    out->is_replica = strcmp(value, "slave") == 0;
}

/* An access list may forbid CONFIG; then nobody knows. */
static bool saves(redisContext *redis)
{
    redisReply *r = redisCommand(redis, "CONFIG GET save");
    const bool told = r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements == 2 &&
                      r->element[1]->type == REDIS_REPLY_STRING;
    const bool saves = !told || r->element[1]->len > 0;
    if (r != NULL)
        freeReplyObject(r);
    return saves;
}

static int by_size(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t ping_us(redisContext *redis)
{
    int64_t took[PINGS];
    for (int i = 0; i < PINGS; i++) {
        redisReply *r;
        const int64_t begin = clock_mono_us();
        ask(redis, "PING", &r);
        took[i] = clock_mono_us() - begin;
        if (r == NULL)
            return -1;
        freeReplyObject(r);
    }
    qsort(took, PINGS, sizeof took[0], by_size);
    return took[PINGS / 2];
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

/* Its answer is of the middle of the round trip. */
static int64_t ahead_ms(redisContext *redis)
{
    const int64_t before = now_us();
    redisReply *r = redisCommand(redis, "TIME");
    const int64_t middle = before + (now_us() - before) / 2;
    int64_t theirs = middle;
    if (r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements == 2)
        theirs = strtoll(r->element[0]->str, NULL, 10) * US_PER_S +
                 strtoll(r->element[1]->str, NULL, 10);
    if (r != NULL)
        freeReplyObject(r);
    return (theirs - middle) / 1000;
}

int store_checkup(const char *addr, const struct settings *settings, struct store_checkup *out,
                  char *error, size_t error_size)
{
    redisContext *redis;
    redisReply *reply;
    *out = (struct store_checkup){ .saves = true };
    int result = blocking_open(addr, settings, ANSWER_MS, &redis, error, error_size);
    if (result != 0)
        return result;
    const char *info = ask(redis, "INFO", &reply);
    if (info != NULL)
        read_info(info, out);
    if (reply != NULL)
        freeReplyObject(reply);
    out->saves = saves(redis);
    out->ping_us = ping_us(redis);
    out->ahead_ms = ahead_ms(redis);
    result = redis->err != 0 ? -EIO : 0;
    redisFree(redis);
    return result;
}

void store_host_name(const char *addr, char *out, size_t size)
{
    struct address at;
    address_init(&at, addr);
    text_copy(out, size, at.path != NULL || at.numeric ? "" : at.host);
    address_fini(&at);
}

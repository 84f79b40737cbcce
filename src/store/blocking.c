#include "blocking.h"

#include "sentinel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS = 1000, SENTINELS_MS = 3000 };

struct opening {
    const struct settings *settings;
    int answer_ms;
    redisContext *redis; /* what it comes to */
    char *error;
    size_t error_size;
};

/* NULL when it cannot be reached. */
static redisContext *connect_to(const struct address *a, int connect_ms, int answer_ms)
{
    const struct timeval connect = { connect_ms / 1000, connect_ms % 1000 * 1000 };
    const struct timeval answer = { answer_ms / 1000, answer_ms % 1000 * 1000 };
    redisContext *redis = a->path ? redisConnectUnixWithTimeout(a->path, connect)
                                  : redisConnectWithTimeout(a->host, a->port, connect);
    if (redis != NULL && redis->err == 0 && redisSetTimeout(redis, answer) == REDIS_OK)
        return redis;
    if (redis != NULL)
        redisFree(redis);
    return NULL;
}

/* Answers that pass by themselves: loading its file, in a script, a replica without its master. */
static bool is_passing(const char *text)
{
    static const char *const passing[] = { "LOADING", "BUSY", "MASTERDOWN", "MISCONF", "TRYAGAIN" };
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        if (strncmp(text, passing[i], strlen(passing[i])) == 0)
            return true;
    }
    return false;
}

/* False with the words of Redis in why when it refuses. */
static bool accepts(redisContext *redis, int argc, const char **argv, char *why, size_t why_size)
{
    redisReply *reply = redisCommandArgv(redis, argc, argv, NULL);
    bool accepted = reply == NULL || reply->type != REDIS_REPLY_ERROR || is_passing(reply->str);
    if (!accepted)
        log_quote(why, why_size, reply->str);
    if (reply != NULL)
        freeReplyObject(reply);
    return accepted;
}

static int refuse(const struct opening *o, const char *who, const struct address *at,
                  const char *what, const char *why, const char *remedy)
{
    char where[300];
    snprintf(o->error, o->error_size, "%s at %s refuses %s: %s: %s", who,
             address_text(at, where, sizeof where), what, why, remedy);
    return -EACCES;
}

static int greet(const struct opening *o, redisContext *redis, const struct address *at)
{
    char why[256], db[24];
    snprintf(db, sizeof db, "%lld", (long long)o->settings->redis_db);
    const char *auth[] = { "AUTH", o->settings->redis_password };
    const char *select[] = { "SELECT", db };
    const char *ping[] = { "PING" };

    if (*o->settings->redis_password != '\0' && !accepts(redis, 2, auth, why, sizeof why))
        return refuse(o, "Redis", at, "REDIS_PASSWORD", why, "correct it");
    if (!accepts(redis, 1, ping, why, sizeof why))
        return refuse(o, "Redis", at, "to work without a password", why, "set REDIS_PASSWORD");
    if (o->settings->redis_db != 0 && !accepts(redis, 2, select, why, sizeof why))
        return refuse(o, "Redis", at, "REDIS_DB", why, "choose a smaller number");
    return 0;
}

static int open_redis(struct opening *o, const struct address *at)
{
    redisContext *redis = connect_to(at, CONNECT_MS, o->answer_ms);
    if (redis == NULL)
        return -ENOTCONN;
    int result = greet(o, redis, at);
    if (result == 0)
        o->redis = redis;
    else
        redisFree(redis);
    return result;
}

/* 0 with *master, -EACCES, or another error: it cannot tell now. */
static int ask(const struct opening *o, redisContext *sentinel, const struct address *at,
               struct address *master)
{
    char why[256];
    const char *auth[] = { "AUTH", o->settings->redis_sentinel_password };
    const char *question[] = { "SENTINEL", "get-master-addr-by-name",
                               o->settings->redis_master_name };
    if (*auth[1] != '\0' && !accepts(sentinel, 2, auth, why, sizeof why))
        return refuse(o, "Sentinel", at, "REDIS_SENTINEL_PASSWORD", why, "correct it");
    redisReply *reply = redisCommandArgv(sentinel, 3, question, NULL);
    if (reply == NULL)
        return -EIO;
    int result = sentinel_read(reply, master);
    if (result == -EACCES)
        refuse(o, "Sentinel", at, "to answer without a password",
               log_quote(why, sizeof why, reply->str), "set REDIS_SENTINEL_PASSWORD");
    freeReplyObject(reply);
    return result;
}

/* -EIO: the next Sentinel may know more. */
static int open_by_sentinel(struct opening *o, const struct address *at)
{
    redisContext *sentinel = connect_to(at, SENTINEL_ANSWER_MS, SENTINEL_ANSWER_MS);
    if (sentinel == NULL)
        return -EIO;
    struct address master;
    int result = ask(o, sentinel, at, &master);
    redisFree(sentinel);
    if (result != 0)
        return result == -EACCES ? -EACCES : -EIO;
    result = open_redis(o, &master);
    address_fini(&master);
    return result;
}

static int open_by_sentinels(struct opening *o)
{
    const int64_t deadline = clock_mono_ms() + SENTINELS_MS;
    struct address *list;
    size_t count = address_list(&list, o->settings->redis_sentinels);
    int result = -EIO;
    for (size_t i = 0; i < count; i++) {
        if (result == -EIO && clock_mono_ms() < deadline)
            result = open_by_sentinel(o, &list[i]);
        address_fini(&list[i]);
    }
    free(list);
    return result == -EIO ? -ENOTCONN : result;
}

int blocking_open(const char *addr, const struct settings *settings, int answer_ms,
                  redisContext **out, char *error, size_t error_size)
{
    struct opening o = { settings, answer_ms, NULL, error, error_size };
    int result;
    if (*settings->redis_sentinels != '\0') {
        result = open_by_sentinels(&o);
    } else {
        struct address at;
        address_init(&at, addr);
        result = open_redis(&o, &at);
        address_fini(&at);
    }
    *out = o.redis;
    return result;
}

#include "confab/store/check.h"

#include "address.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

static redisContext *connect_to(const char *addr)
{
    const struct timeval limit = { .tv_sec = 1 };
    struct address address;
    address_init(&address, addr);
    redisContext *redis = address.path ? redisConnectUnixWithTimeout(address.path, limit)
                                       : redisConnectWithTimeout(address.host, address.port, limit);
    address_fini(&address);
    return redis;
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

static int refuse(char *error, size_t error_size, const char *addr, const char *what,
                  const char *why, const char *remedy)
{
    snprintf(error, error_size, "Redis at %s refuses %s: %s: %s", addr, what, why, remedy);
    return -EACCES;
}

static int ask(redisContext *redis, const char *addr, const struct settings *settings, char *error,
               size_t error_size)
{
    char why[256], db[24];
    snprintf(db, sizeof db, "%lld", (long long)settings->redis_db);
    const char *auth[] = { "AUTH", settings->redis_password };
    const char *select[] = { "SELECT", db };
    const char *ping[] = { "PING" };

    if (*settings->redis_password != '\0' && !accepts(redis, 2, auth, why, sizeof why))
        return refuse(error, error_size, addr, "REDIS_PASSWORD", why, "correct it");
    if (!accepts(redis, 1, ping, why, sizeof why))
        return refuse(error, error_size, addr, "to work without a password", why,
                      "set REDIS_PASSWORD");
    if (settings->redis_db != 0 && !accepts(redis, 2, select, why, sizeof why))
        return refuse(error, error_size, addr, "REDIS_DB", why, "choose a smaller number");
    return 0;
}

int store_check(const char *addr, const struct settings *settings, char *error, size_t error_size)
{
    redisContext *redis = connect_to(addr);
    int result = 0;
    const struct timeval limit = { .tv_sec = 2 };
    if (redis != NULL && redis->err == 0 && redisSetTimeout(redis, limit) == REDIS_OK)
        result = ask(redis, addr, settings, error, error_size);
    if (redis != NULL)
        redisFree(redis);
    return result;
}

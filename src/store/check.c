#include "confab/store/check.h"

#include "blocking.h"

#include <errno.h>

enum { ANSWER_MS = 2000 };

int store_check(const char *addr, const struct settings *settings, char *error, size_t error_size)
{
    redisContext *redis;
    int result = blocking_open(addr, settings, ANSWER_MS, &redis, error, error_size);
    if (redis != NULL)
        redisFree(redis);
    return result == -EACCES ? result : 0;
}

/* A blocking connection to Redis, for threads that may wait: AUTH and SELECT are said, and with
 * REDIS_SENTINELS the Sentinels are asked where the master is. Any thread. */
#ifndef CONFAB_STORE_BLOCKING_H
#define CONFAB_STORE_BLOCKING_H

#include "confab/base/base.h"
#include "confab/base/settings.h"

#include <hiredis/hiredis.h>

/* addr as of store_new(). Each answer is waited for for answer_ms, a connection and each Sentinel
 * for a second at most. Returns new: redisFree(). Redis may still be loading its file.
 * 0; -ENOTCONN: nobody is there or knows the master; -EACCES with one line in error: Redis or a
 * Sentinel refuses the settings, which only a person can mend. */
int blocking_open(const char *addr, const struct settings *settings, int answer_ms,
                  redisContext **out, char *error, size_t error_size) MUST_USE;

#endif

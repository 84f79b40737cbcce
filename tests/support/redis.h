/* A private redis-server on a Unix socket in a temporary folder. It dies with the test program. */
#ifndef TESTS_SUPPORT_REDIS_H
#define TESTS_SUPPORT_REDIS_H

#include "support/test.h"

#include <hiredis/hiredis.h>
#include <sys/types.h>

struct test_redis {
    char dir[64];
    char address[96]; /* as REDIS_ADDR */
    pid_t pid;        /* 0: not running */
    redisContext *connection;
};

void test_redis_init(struct test_redis *r); /* makes the folder, then test_redis_start() */
void test_redis_fini(struct test_redis *r);
/* Starts it on what the folder holds, and returns when it accepts connections. */
void test_redis_start(struct test_redis *r);
void test_redis_kill(struct test_redis *r); /* SIGKILL: what was not saved is lost */
void test_redis_signal(struct test_redis *r, int signal);

/* Runs a command from a connection of its own, blocking. The answer as text, valid until the
 * next call: numbers in decimal, lists joined by ' ', nil as "nil", errors as they stand. */
const char *test_redis(struct test_redis *r, const char *fmt, ...);

#endif

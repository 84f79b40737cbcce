#include "support/redis.h"

#include "confab/base/str.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void redis_run(const struct test_redis *r, int out)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket",
           r->address + strlen("unix:"), "--save", "", "--appendonly", "no", "--dir", r->dir,
           (char *)NULL);
    _exit(127);
}

/* Redis says when it accepts connections. Its later lines find no reader, which it ignores. */
static void wait_until_ready(int fd)
{
    struct str log = STR_INIT;
    const int64_t deadline = clock_mono_ms() + TEST_DEADLINE_MS;
    bool ready = false;
    while (!ready && test_wait_readable(fd, (int)(deadline - clock_mono_ms()))) {
        char chunk[1024];
        ssize_t size = read(fd, chunk, sizeof(chunk));
        if (size <= 0)
            break;
        str_add(&log, chunk, (size_t)size);
        ready = strstr(log.data, "ready to accept connections") != NULL;
    }
    if (!ready)
        fail_msg("redis-server did not start: %s", log.data ? log.data : "no output");
    str_fini(&log);
}

void test_redis_start(struct test_redis *r)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    r->pid = fork();
    assert_true(r->pid >= 0);
    if (r->pid == 0)
        redis_run(r, fds[1]);
    close(fds[1]);
    wait_until_ready(fds[0]);
    close(fds[0]);
    r->connection = redisConnectUnix(r->address + strlen("unix:"));
    assert_non_null(r->connection);
    assert_int_equal(r->connection->err, 0);
}

void test_redis_init(struct test_redis *r)
{
    *r = (struct test_redis){ .dir = "/tmp/confab-redis-XXXXXX" };
    assert_non_null(mkdtemp(r->dir));
    snprintf(r->address, sizeof(r->address), "unix:%s/redis.sock", r->dir);
    test_redis_start(r);
}

void test_redis_kill(struct test_redis *r)
{
    if (r->connection)
        redisFree(r->connection);
    r->connection = NULL;
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
    }
    r->pid = 0;
}

void test_redis_fini(struct test_redis *r)
{
    test_redis_kill(r);
    static const char *const files[] = { "redis.sock", "dump.rdb" };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", r->dir, files[i]);
        unlink(path);
    }
    rmdir(r->dir);
    test_redis(r, NULL); /* gives its text back */
}

void test_redis_signal(struct test_redis *r, int signal)
{
    assert_int_equal(kill(r->pid, signal), 0);
}

static void add_reply(struct str *out, const redisReply *reply)
{
    switch (reply->type) {
    case REDIS_REPLY_INTEGER:
        str_addf(out, "%lld", reply->integer);
        break;
    case REDIS_REPLY_NIL:
        str_addz(out, "nil");
        break;
    case REDIS_REPLY_ARRAY:
        for (size_t i = 0; i < reply->elements; i++) {
            if (i)
                str_addc(out, ' ');
            add_reply(out, reply->element[i]);
        }
        break;
    default:
        str_add(out, reply->str, reply->len);
    }
}

const char *test_redis(struct test_redis *r, const char *fmt, ...)
{
    static struct str text = STR_INIT;
    if (!fmt) {
        str_fini(&text);
        return NULL;
    }
    va_list ap;
    va_start(ap, fmt);
    redisReply *reply = redisvCommand(r->connection, fmt, ap);
    va_end(ap);
    if (!reply) {
        fail_msg("redis-server: %s", r->connection->errstr);
        return ""; /* never reached, which an analyzer cannot know */
    }
    str_reset(&text);
    str_addz(&text, "");
    add_reply(&text, reply);
    freeReplyObject(reply);
    return text.data ? text.data : "";
}

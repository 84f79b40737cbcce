#include "confab/app/private_redis.h"

#include "confab/app/signals.h"
#include "redis_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    POLL_MS = 20,            /* while waiting for a server to come or go */
    JOIN_LIMIT_MS = 20000,   /* longer than a leaver needs to stop the server */
    ANSWER_LIMIT_MS = 10000, /* from start to first answer */
    STOP_LIMIT_MS = 10000,   /* from SIGTERM to SIGKILL */
    KILL_LIMIT_MS = 2000,
    DELAY_FIRST_MS = 250,
    DELAY_MAX_MS = 10000,
    STEADY_MS = 30000, /* a server that lived so long did not fail at its start */
};

struct failure {
    char *text;
    size_t size;
};

static int fail(const struct failure *f, int error, const char *fmt, ...) PRINTF_LIKE(3, 4);
static int fail(const struct failure *f, int error, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(f->text, f->size, fmt, args);
    va_end(args);
    return error;
}

static const char *socket_path(const struct private_redis *r)
{
    return r->addr + strlen("unix:");
}

/* mkdir -p, for this user alone. */
static int make_folder(const char *path)
{
    char *parent = xstrdup(path);
    int error = 0;
    for (char *c = parent + 1; error == 0 && *c != '\0'; c++) {
        if (*c != '/')
            continue;
        *c = '\0';
        if (mkdir(parent, 0700) < 0 && errno != EEXIST)
            error = -errno;
        *c = '/';
    }
    free(parent);
    if (error == 0 && mkdir(path, 0700) < 0 && errno != EEXIST)
        error = -errno;
    return error;
}

/* An address in sockaddr_un holds 107 bytes (unix(7)): where the path is longer, it goes through
 * the descriptor of the folder. */
static void set_addr(struct private_redis *r)
{
    int size = snprintf(r->addr, sizeof r->addr, "unix:%s/" REDIS_SOCKET, r->dir);
    size_t longest = strlen("unix:") + sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    if ((size_t)size > longest)
        snprintf(r->addr, sizeof r->addr, "unix:/proc/self/fd/%d/" REDIS_SOCKET, r->dir_fd);
}

static int open_folder(struct private_redis *r, const char *path, const struct failure *f)
{
    int error = make_folder(path);
    if (error < 0)
        return fail(f, error,
                    "DATA_DIR %s cannot be made: %s. Choose a folder that this user may "
                    "write to: DATA_DIR or --data-dir.",
                    path, strerror(-error));
    r->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->dir_fd >= 0)
        r->instances_fd = openat(r->dir_fd, "instances.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (r->dir_fd < 0 || r->instances_fd < 0 || realpath(path, r->dir) == NULL) {
        error = -errno;
        return fail(f, error,
                    "DATA_DIR %s is not a folder that this user may write to: %s. "
                    "Choose another one: DATA_DIR or --data-dir.",
                    path, strerror(-error));
    }
    set_addr(r);
    return 0;
}

/* Counts this instance in. Waits while a leaver stops the server. */
static int join_instances(struct private_redis *r, const struct failure *f) REQUIRES(on_main)
{
    const int64_t deadline = clock_mono_ms() + JOIN_LIMIT_MS;
    while (flock(r->instances_fd, LOCK_SH | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return fail(f, -errno,
                        "DATA_DIR %s is on a file system that cannot lock files: %s. "
                        "Choose another one: DATA_DIR or --data-dir.",
                        r->dir, strerror(errno));
        if (clock_mono_ms() > deadline)
            return fail(f, -EBUSY,
                        "another confab has been stopping in DATA_DIR %s for %d s: end "
                        "it, or choose another folder: DATA_DIR or --data-dir.",
                        r->dir, JOIN_LIMIT_MS / 1000);
        if (signals_wait(POLL_MS) != 0)
            return -EINTR;
    }
    return 0;
}

static int start_server(struct private_redis *r, int lock_fd)
{
    const int64_t now = clock_mono_ms();
    bool early = r->started_mono_ms != 0 && now - r->started_mono_ms < STEADY_MS;
    r->delay_ms = early ? r->delay_ms * 2 : DELAY_FIRST_MS;
    if (r->delay_ms > DELAY_MAX_MS)
        r->delay_ms = DELAY_MAX_MS;
    r->started_mono_ms = now;
    r->next_start_mono_ms = now + r->delay_ms;

    int error = redis_process_spawn(r->dir_fd, lock_fd, r->fsync, &r->child);
    if (error < 0) {
        r->child = 0;
        return error;
    }
    char quoted[PATH_MAX];
    log_info("redis_start", "pid=%d dir=%s", (int)r->child,
             log_quote(quoted, sizeof quoted, r->dir));
    return 0;
}

static int fail_spawn(const struct failure *f, int error)
{
    if (error == -ENOENT)
        return fail(f, error,
                    "redis-server is not installed: apt-get install redis-server, or "
                    "name a Redis with REDIS_ADDR or --redis-addr.");
    return fail(f, error, "redis-server cannot be started: %s", strerror(-error));
}

/* Waits for a server that is ready; starts one when none runs. */
static int find_or_start(struct private_redis *r, const struct failure *f) REQUIRES(on_main)
{
    const int64_t deadline = clock_mono_ms() + ANSWER_LIMIT_MS;
    bool started = false;
    enum redis_answer answer = REDIS_SILENT;
    while (clock_mono_ms() < deadline) {
        int lock = redis_process_lock(r->dir_fd);
        if (lock >= 0 && started) {
            close(lock);
            return fail(f, -ECHILD, "confab's own Redis ended at once: %s/" REDIS_LOG " says why.",
                        r->dir);
        }
        if (lock >= 0) {
            int error = start_server(r, lock);
            close(lock);
            if (error < 0)
                return fail_spawn(f, error);
            started = true;
        } else if (lock != -EAGAIN) {
            return fail(f, lock,
                        "DATA_DIR %s is not writable: %s. Choose another one: DATA_DIR or "
                        "--data-dir.",
                        r->dir, strerror(-lock));
        }
        answer = redis_process_ping(socket_path(r));
        if (answer == REDIS_READY)
            return 0;
        if (signals_wait(POLL_MS) != 0)
            return -EINTR;
    }
    if (answer == REDIS_BUSY)
        return 0; /* a long file: clients are told to wait until it is loaded */
    return fail(f, -ETIMEDOUT, "confab's own Redis does not answer: %s/" REDIS_LOG " may say why.",
                r->dir);
}

/* The server writes its append-only file before it answers, so what it has answered is at least
 * with the kernel: the death of a process loses nothing of it, only the end of the kernel may.
 * Hence proc(5), random/boot_id. */
static void read_life(char out[static 65])
{
    const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    const ssize_t size = fd < 0 ? 0 : read(fd, out, 64);
    if (fd >= 0)
        close(fd);
    out[size > 0 ? size : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

int private_redis_start(struct private_redis *r, struct settings *settings, char *error,
                        size_t error_size)
{
    const struct failure f = { error, error_size };
    *r = (struct private_redis){ .fsync = settings->redis_fsync, .dir_fd = -1, .instances_fd = -1 };
    int result = open_folder(r, settings->data_dir, &f);
    if (result == 0)
        result = join_instances(r, &f);
    if (result == 0) {
        result = find_or_start(r, &f);
        if (result == 0) {
            read_life(settings->redis_life);
            return 0;
        }
        private_redis_stop(r);
        return result;
    }
    if (r->instances_fd >= 0)
        close(r->instances_fd);
    if (r->dir_fd >= 0)
        close(r->dir_fd);
    return result;
}

static void reap(struct private_redis *r)
{
    int status;
    if (r->child == 0 || waitpid(r->child, &status, WNOHANG) != r->child)
        return;
    if (WIFSIGNALED(status))
        log_warn("redis_ended", "pid=%d signal=%d", (int)r->child, WTERMSIG(status));
    else
        log_warn("redis_ended", "pid=%d status=%d", (int)r->child, WEXITSTATUS(status));
    r->child = 0;
}

void private_redis_tick(struct private_redis *r)
{
    reap(r);
    if (clock_mono_ms() < r->next_start_mono_ms)
        return;
    int lock = redis_process_lock(r->dir_fd);
    if (lock == -EAGAIN)
        return;
    int error = lock < 0 ? lock : start_server(r, lock);
    if (lock >= 0)
        close(lock);
    if (error == 0)
        return;
    r->next_start_mono_ms = clock_mono_ms() + DELAY_MAX_MS;
    log_error("redis_start_failed", "error=\"%s\" retry_ms=%d", strerror(-error), DELAY_MAX_MS);
}

/* One that has just been started does not listen yet: then this instance may know it, or it
 * will listen soon. */
static bool send_signal(const struct private_redis *r, int number)
{
    return redis_process_signal(socket_path(r), number) ||
           (r->child != 0 && kill(r->child, number) == 0);
}

/* False when the server still runs after limit_ms. number 0: only looks. */
static bool wait_for_end(struct private_redis *r, int number, int64_t limit_ms)
{
    const int64_t deadline = clock_mono_ms() + limit_ms;
    bool sent = false;
    int lock;
    while ((lock = redis_process_lock(r->dir_fd)) == -EAGAIN) {
        if (!sent)
            sent = send_signal(r, number);
        if (clock_mono_ms() > deadline)
            return false;
        usleep(POLL_MS * 1000);
    }
    if (lock >= 0)
        close(lock);
    return true;
}

static void stop_server(struct private_redis *r)
{
    if (wait_for_end(r, 0, 0))
        return; /* none runs */
    if (!wait_for_end(r, SIGTERM, STOP_LIMIT_MS)) {
        log_warn("redis_kill", "reason=\"it did not stop within %d s\"", STOP_LIMIT_MS / 1000);
        if (!wait_for_end(r, SIGKILL, KILL_LIMIT_MS))
            log_error("redis_stays", "reason=\"it cannot be ended\"");
    }
    if (r->child != 0)
        waitpid(r->child, NULL, WNOHANG);
    log_info("redis_stop", "reason=\"last instance left\"");
}

void private_redis_stop(struct private_redis *r)
{
    if (flock(r->instances_fd, LOCK_EX | LOCK_NB) == 0)
        stop_server(r);
    close(r->instances_fd);
    close(r->dir_fd);
}

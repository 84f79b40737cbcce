/* One redis-server in one folder: start it, ask whether it answers, end it. */
#ifndef CONFAB_SRC_APP_REDIS_PROCESS_H
#define CONFAB_SRC_APP_REDIS_PROCESS_H

#include "confab/base/base.h"

#include <sys/types.h>

#define REDIS_SOCKET "redis.sock"
#define REDIS_LOG "redis.log"
#define REDIS_LOCK "redis.lock"

/* The lock that a running server holds. A descriptor when no server runs, -EAGAIN when one
 * does, else a negative errno. */
int redis_process_lock(int dir_fd);

/* Starts a server in the folder that takes over the lock (lock_fd stays the caller's to close).
 * In a session of its own: neither Ctrl-C nor the end of this process reaches it. */
int redis_process_spawn(int dir_fd, int lock_fd, const char *fsync, pid_t *out) MUST_USE;

/* Asks the server behind the socket. */
enum redis_answer {
    REDIS_SILENT,
    REDIS_BUSY, /* it answers with an error: it still loads its file */
    REDIS_READY,
};
enum redis_answer redis_process_ping(const char *socket_path);

/* Sends a signal to the server behind the socket. False when nobody listens there. */
bool redis_process_signal(const char *socket_path, int number);

#endif

#include "redis_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LOCK_FD = 3 }; /* in the server: the first one behind stdin, stdout and stderr */

extern char **environ;

int redis_process_lock(int dir_fd)
{
    int fd = openat(dir_fd, REDIS_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    int error = errno == EWOULDBLOCK ? EAGAIN : errno;
    close(fd);
    return -error;
}

/* The server starts with the lock and nothing else that this process has open. */
static int add_files(posix_spawn_file_actions_t *files, int dir_fd, int lock_fd)
{
    int error = posix_spawn_file_actions_addfchdir_np(files, dir_fd);
    if (error == 0)
        error = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
    if (error == 0)
        error = posix_spawn_file_actions_addopen(files, 1, REDIS_LOG, O_WRONLY | O_CREAT | O_APPEND,
                                                 0600);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(files, 1, 2);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(files, lock_fd, LOCK_FD);
    if (error == 0)
        error = posix_spawn_file_actions_addclosefrom_np(files, LOCK_FD + 1);
    return error;
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                         POSIX_SPAWN_SETSIGDEF);
    if (error == 0)
        error = posix_spawnattr_setsigmask(attributes, &none);
    if (error == 0)
        error = posix_spawnattr_setsigdefault(attributes, &all);
    return error;
}

int redis_process_spawn(int dir_fd, int lock_fd, const char *fsync, pid_t *out)
{
    const char *const argv[] = {
        "redis-server",
        "--port",
        "0",
        "--unixsocket",
        REDIS_SOCKET,
        "--unixsocketperm",
        "700",
        "--dir",
        ".",
        "--save",
        "",
        "--appendonly",
        "yes",
        "--appendfsync",
        fsync,
        "--loglevel",
        "notice",
        "--logfile",
        REDIS_LOG,
        "--pidfile",
        "redis.pid",
        "--daemonize",
        "no",
        "--maxmemory-policy",
        "noeviction",
        NULL,
    };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&files);
    if (error != 0)
        return -error;
    error = posix_spawnattr_init(&attributes);
    if (error != 0)
        goto out_files;
    error = add_files(&files, dir_fd, lock_fd);
    if (error == 0)
        error = set_attributes(&attributes);
    if (error == 0)
        error = posix_spawnp(out, argv[0], &files, &attributes, (char *const *)argv, environ);
    posix_spawnattr_destroy(&attributes);
out_files:
    posix_spawn_file_actions_destroy(&files);
    return -error;
}

static int connect_to(const char *socket_path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t size = strlen(socket_path);
    BUG_ON(size >= sizeof address.sun_path);
    memcpy(address.sun_path, socket_path, size);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    struct timeval limit = { .tv_sec = 1 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int error = -errno;
    close(fd);
    return error;
}

enum redis_answer redis_process_ping(const char *socket_path)
{
    int fd = connect_to(socket_path);
    if (fd < 0)
        return REDIS_SILENT;
    static const char ping[] = "PING\r\n";
    char first;
    enum redis_answer answer = REDIS_SILENT;
    if (send(fd, ping, sizeof ping - 1, MSG_NOSIGNAL) == (ssize_t)sizeof ping - 1 &&
        recv(fd, &first, 1, 0) == 1)
        answer = first == '+' ? REDIS_READY : REDIS_BUSY;
    close(fd);
    return answer;
}

bool redis_process_signal(const char *socket_path, int number)
{
    int fd = connect_to(socket_path);
    if (fd < 0)
        return false;
    /* Who listens, as the kernel knows it: no file with a number that another process may have
     * by now (unix(7)). The process is 0 when it runs in a container that we do not see into. */
    struct ucred peer = { 0 };
    socklen_t size = sizeof peer;
    bool sent = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0 &&
                kill(peer.pid, number) == 0;
    close(fd);
    return sent;
}

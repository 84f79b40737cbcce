#include "confab/app/health_check.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { LIMIT_S = 5 };

/* 0.0.0.0 and :: are addresses to listen on, not to connect to. */
static const char *host_of(const char *bind)
{
    if (strcmp(bind, "0.0.0.0") == 0)
        return "127.0.0.1";
    return strcmp(bind, "::") == 0 ? "::1" : bind;
}

static int connect_to(const char *host, const char *port)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                              .ai_socktype = SOCK_STREAM };
    struct addrinfo *address;
    if (getaddrinfo(host, port, &hints, &address) != 0)
        return -EINVAL;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = fd < 0 ? -errno : 0;
    if (fd >= 0) {
        struct timeval limit = { .tv_sec = LIMIT_S };
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        if (connect(fd, address->ai_addr, address->ai_addrlen) < 0)
            error = -errno;
    }
    freeaddrinfo(address);
    if (error == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return error;
}

int health_check(const struct settings *settings)
{
    const char *host = host_of(settings->bind);
    char port[24], answer[4096];
    snprintf(port, sizeof port, "%" PRId64, settings->server_port);
    int fd = connect_to(host, port);
    if (fd < 0) {
        fprintf(stderr, "confab: nobody answers on port %s: %s\n", port, strerror(-fd));
        return 1;
    }
    bool ipv6 = strchr(host, ':') != NULL;
    dprintf(fd, "GET /api/v1/health HTTP/1.1\r\nHost: %s%s%s:%s\r\nConnection: close\r\n\r\n",
            ipv6 ? "[" : "", host, ipv6 ? "]" : "", port);
    size_t size = 0;
    ssize_t got;
    while (size < sizeof answer - 1 &&
           (got = recv(fd, answer + size, sizeof answer - 1 - size, 0)) > 0)
        size += (size_t)got;
    answer[size] = '\0';
    close(fd);
    const char *body = strstr(answer, "\r\n\r\n");
    printf("%s\n", body != NULL ? body + 4 : "no answer");
    return strncmp(answer, "HTTP/1.1 200 ", 13) == 0 ? 0 : 1;
}

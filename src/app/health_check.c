#include "confab/app/health_check.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { LIMIT_S = 5 };

const char *health_host(const char *bind)
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

int health_ask(const char *host, int port, char *answer, size_t size)
{
    char number[16];
    snprintf(number, sizeof number, "%d", port);
    int fd = connect_to(host, number);
    if (fd < 0)
        return fd;
    bool ipv6 = strchr(host, ':') != NULL;
    dprintf(fd, "GET /api/v1/health HTTP/1.1\r\nHost: %s%s%s:%s\r\nConnection: close\r\n\r\n",
            ipv6 ? "[" : "", host, ipv6 ? "]" : "", number);
    size_t had = 0;
    ssize_t got;
    while (had < size - 1 && (got = recv(fd, answer + had, size - 1 - had, 0)) > 0)
        had += (size_t)got;
    answer[had] = '\0';
    close(fd);
    int status = 0;
    if (strncmp(answer, "HTTP/1.1 ", 9) == 0)
        status = (int)strtol(answer + 9, NULL, 10);
    const char *body = strstr(answer, "\r\n\r\n");
    body = body != NULL ? body + 4 : "";
    memmove(answer, body, strlen(body) + 1);
    return status;
}

int health_check(const struct settings *settings)
{
    char answer[4096];
    const int port = (int)settings->server_port;
    const int status = health_ask(health_host(settings->bind), port, answer, sizeof answer);
    if (status < 0) {
        fprintf(stderr, "confab: nobody answers on port %d: %s\n", port, strerror(-status));
        return 1;
    }
    printf("%s\n", *answer != '\0' ? answer : "no answer");
    return status == 200 ? 0 : 1;
}

#include "refusal.h"

#include "confab/base/base.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void refusal_send(int fd, const char *status, const char *code)
{
    char text[512], said[8192];
    char body[128];
    const int size = snprintf(
        body, sizeof(body),
        "{\"type\":\"error\",\"code\":\"%s\",\"message\":\"Try again later.\",\"temporary\":true}",
        code);
    const int n = snprintf(text, sizeof(text),
                           "HTTP/1.1 %s\r\nContent-Type: application/json\r\nRetry-After: 5\r\n"
                           "Content-Length: %d\r\nConnection: close\r\n\r\n%s",
                           status, size, body);
    if (send(fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        log_debug("refused", "error=\"%s\"", strerror(errno));
    shutdown(fd, SHUT_WR);
    if (recv(fd, said, sizeof(said), MSG_DONTWAIT) < 0 && errno != EAGAIN)
        log_debug("refused", "error=\"%s\"", strerror(errno));
}

/* A WebSocket client with nothing to spare: RFC 6455, text frames, one shared read buffer. */
#include "bench.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* The example of RFC 6455 section 1.3: with a fixed key the answer is known. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum {
    REQUEST_MAX = 512,
    SEND_MAX = 5120,
    PORTS_PER_ADDRESS = 25000, /* fewer than the kernel has to give by default */
};

void conn_user(char out[BENCH_NAME], uint32_t index)
{
    (void)snprintf(out, BENCH_NAME, "bench-%d-%u", (int)getpid(), index);
}

static void conn_watch(struct bench *b, struct conn *c, int how, bool writing)
{
    struct epoll_event e = { .events = EPOLLIN | (writing ? (uint32_t)EPOLLOUT : 0),
                             .data.ptr = c };
    if (epoll_ctl(b->epoll, how, c->fd, &e))
        BUG("epoll_ctl");
}

void conn_close(struct bench *b, struct conn *c)
{
    if (c->fd < 0)
        return;
    (void)close(c->fd);
    c->fd = -1;
    if (c->state >= CONN_READY)
        b->ready--;
    else
        b->connecting--;
    c->state = CONN_CLOSED;
    b->outstanding -= c->outstanding;
    c->outstanding = 0;
    c->rest_size = 0;
    str_reset(&c->out);
}

void conn_fail(struct bench *b, struct conn *c, const char *why)
{
    bool greeted = c->state >= CONN_READY;
    bench_fault(b, greeted ? &b->counts.closed : &b->counts.refused, 1, "client %u: %s", c->index,
                why);
    conn_close(b, c);
}

static void conn_write(struct bench *b, struct conn *c, const void *data, size_t size)
{
    ssize_t n = 0;
    if (!c->out.size) {
        n = send(c->fd, data, size, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) {
            conn_fail(b, c, strerror(errno));
            return;
        }
        if (n < 0)
            n = 0;
    }
    if ((size_t)n == size)
        return;
    if (!c->out.size)
        conn_watch(b, c, EPOLL_CTL_MOD, true);
    str_add(&c->out, (const char *)data + n, size - (size_t)n);
}

static void conn_flush(struct bench *b, struct conn *c)
{
    ssize_t n = send(c->fd, c->out.data, c->out.size, MSG_NOSIGNAL);
    if (n < 0) {
        if (errno != EAGAIN)
            conn_fail(b, c, strerror(errno));
        return;
    }
    memmove(c->out.data, c->out.data + n, c->out.size - (size_t)n);
    c->out.size -= (size_t)n;
    if (!c->out.size)
        conn_watch(b, c, EPOLL_CTL_MOD, false);
}

void conn_send(struct bench *b, struct conn *c, unsigned opcode, const char *data, size_t size)
{
    unsigned char frame[SEND_MAX];
    size_t at = 2;
    if (c->fd < 0)
        return;
    BUG_ON(size + 8 > sizeof frame);
    frame[0] = (unsigned char)(0x80 | opcode);
    if (size < 126) {
        frame[1] = (unsigned char)(0x80 | size);
    } else {
        frame[1] = 0x80 | 126;
        frame[at++] = (unsigned char)(size >> 8);
        frame[at++] = (unsigned char)size;
    }
    b->mask = b->mask * 1664525 + 1013904223;
    unsigned char mask[4];
    memcpy(mask, &b->mask, sizeof mask);
    memcpy(frame + at, mask, sizeof mask);
    at += sizeof mask;
    for (size_t i = 0; i < size; i++)
        frame[at++] = (unsigned char)data[i] ^ mask[i % 4];
    conn_write(b, c, frame, at);
}

/* One source address has ports for so many connections to one server. */
static int bind_source(int fd, unsigned index)
{
    if (index < PORTS_PER_ADDRESS)
        return 0;
    uint32_t host = INADDR_LOOPBACK + index / PORTS_PER_ADDRESS;
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(host) };
    int on = 1;
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    return bind(fd, (const struct sockaddr *)&a, sizeof a);
}

void conn_open(struct bench *b, struct conn *c)
{
    const struct server *s = &b->opt->servers[c->index % b->opt->server_count];
    int on = 1;
    c->fd = socket(s->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        bench_fault(b, &b->counts.refused, 1, "socket: %s", strerror(errno));
        return;
    }
    c->state = CONN_CONNECTING;
    b->connecting++;
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind_source(c->fd, c->index) ||
        (connect(c->fd, (const struct sockaddr *)&s->address, s->address_size) &&
         errno != EINPROGRESS)) {
        conn_fail(b, c, strerror(errno));
        return;
    }
    conn_watch(b, c, EPOLL_CTL_ADD, true);
}

static void send_request(struct bench *b, struct conn *c)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) || error) {
        conn_fail(b, c, strerror(error));
        return;
    }
    char user[BENCH_NAME], query[160] = "", request[REQUEST_MAX];
    conn_user(user, c->index);
    if (b->opt->mode != MODE_PRIVATE && !c->resuming)
        (void)snprintf(query, sizeof query, "?username=%s&session=%s&room=%s", user, user,
                       c->stream->name);
    int n = snprintf(request, sizeof request,
                     "GET /ws%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\n"
                     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Protocol: confab.v1\r\n\r\n",
                     query, b->opt->servers[c->index % b->opt->server_count].host);
    c->state = CONN_HANDSHAKE;
    conn_watch(b, c, EPOLL_CTL_MOD, false);
    conn_write(b, c, request, (size_t)n);
}

/* Without a user name in the address, hello comes first. */
static void send_hello(struct bench *b, struct conn *c)
{
    char user[BENCH_NAME], text[REQUEST_MAX], resume[160] = "";
    conn_user(user, c->index);
    if (c->resuming)
        (void)snprintf(resume, sizeof resume, ",\"resume\":{\"%s\":{\"epoch\":\"%s\",\"seq\":%ju}}",
                       c->stream->name, c->epoch, (uintmax_t)c->last_seq);
    int n =
        snprintf(text, sizeof text, "{\"type\":\"hello\",\"username\":\"%s\",\"session\":\"%s\"%s}",
                 user, user, resume);
    conn_send(b, c, 1, text, (size_t)n);
}

/* Returns how many bytes the answer to the request took; 0 while it is not all there. */
static size_t take_answer(struct bench *b, struct conn *c, const unsigned char *data, size_t size)
{
    const unsigned char *end = memmem(data, size, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - data) + 4;
    if (head < 12 || memcmp(data, "HTTP/1.1 101", 12) != 0 ||
        !memmem(data, head, ACCEPT, sizeof ACCEPT - 1)) {
        char why[64];
        (void)snprintf(why, sizeof why, "no WebSocket: %.*s",
                       (int)strcspn((const char *)data, "\r"), (const char *)data);
        conn_fail(b, c, why);
        return 0;
    }
    c->state = CONN_GREETING;
    if (b->opt->mode == MODE_PRIVATE || c->resuming)
        send_hello(b, c);
    return head;
}

static void keep_rest(struct conn *c, const unsigned char *data, size_t size)
{
    if (size > c->rest_capacity) {
        c->rest_capacity = size;
        c->rest = xrealloc(c->rest, size);
    }
    if (size)
        memcpy(c->rest, data, size);
    c->rest_size = size;
}

static void conn_read(struct bench *b, struct conn *c)
{
    unsigned char *data = b->buffer;
    size_t size = c->rest_size;
    if (size + BENCH_READ > BENCH_BUFFER) {
        conn_fail(b, c, "frame too big");
        return;
    }
    if (size)
        memcpy(data, c->rest, size);
    ssize_t n = recv(c->fd, data + size, BENCH_READ, 0);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            conn_fail(b, c, n ? strerror(errno) : "closed by the server");
        return;
    }
    b->now_us = bench_now(b);
    b->counts.reads++;
    size += (size_t)n;
    data[size] = '\0';
    size_t used = 0;
    if (c->state == CONN_HANDSHAKE)
        used = take_answer(b, c, data, size);
    if (c->state >= CONN_GREETING)
        used += receive_frames(b, c, data + used, size - used);
    if (c->fd >= 0)
        keep_rest(c, data + used, size - used);
}

void conn_event(struct bench *b, struct conn *c, uint32_t events)
{
    if (c->fd >= 0 && c->state == CONN_CONNECTING) {
        send_request(b, c);
        return;
    }
    if (c->fd >= 0 && (events & EPOLLOUT) && c->out.size)
        conn_flush(b, c);
    if (c->fd >= 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        conn_read(b, c);
}

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
    SEND_MAX = 5120,
    PORTS_PER_ADDRESS = 25000, /* fewer than the kernel has to give by default */
};

void conn_user(const struct bench *b, char out[BENCH_NAME], uint32_t index)
{
    (void)snprintf(out, BENCH_NAME, "bench-%s-%u", b->run, index);
}

void conn_watch(struct bench *b, struct conn *c, int how, bool writing)
{
    /* A slow client reads when it is its turn; that it was cut off is seen at once. */
    uint32_t events = c->slow && c->state == CONN_READY && !b->slow_over ? EPOLLRDHUP : EPOLLIN;
    if (!c->slow) /* reads all there is: to be told twice would cost a tenth of this program */
        events |= (uint32_t)EPOLLET;
    struct epoll_event e = { .events = events | (writing ? (uint32_t)EPOLLOUT : 0), .data.ptr = c };
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
    if (c->slow && greeted)
        b->counts.slow_closed++;
    else
        bench_fault(b, greeted ? &b->counts.closed : &b->counts.refused, 1, "client %u: %s",
                    c->index, why);
    conn_close(b, c);
}

static void conn_write(struct bench *b, struct conn *c, const void *data, size_t size)
{
    ssize_t n = 0;
    if (b->corked == c) {
        str_add(&b->cork, data, size);
        return;
    }
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
    if (c->slow)
        slow_open(c->fd);
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

static struct seat seat_of(const struct bench *b, const struct conn *c, char user[BENCH_NAME])
{
    conn_user(b, user, c->index);
    return (struct seat){ .user = user,
                          .room = b->private ? NULL : c->stream->name,
                          .resuming = c->resuming,
                          .epoch = c->epoch,
                          .seq = c->last_seq };
}

static void send_request(struct bench *b, struct conn *c)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) || error) {
        conn_fail(b, c, strerror(error));
        return;
    }
    char user[BENCH_NAME];
    const struct seat seat = seat_of(b, c, user);
    str_reset(&b->text);
    str_addz(&b->text, "GET ");
    b->dialect->path(&seat, &b->text);
    str_addf(&b->text,
             " HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY "\r\n%s\r\n",
             b->opt->servers[c->index % b->opt->server_count].host, b->dialect->headers);
    c->state = CONN_HANDSHAKE;
    conn_watch(b, c, EPOLL_CTL_MOD, false);
    conn_write(b, c, b->text.data, b->text.size);
}

void conn_hello(struct bench *b, struct conn *c)
{
    char user[BENCH_NAME];
    const struct seat seat = seat_of(b, c, user);
    str_reset(&b->text);
    b->dialect->hello(&seat, &b->text);
    if (b->text.size)
        conn_send(b, c, 1, b->text.data, b->text.size);
}

void conn_ready(struct bench *b, struct conn *c)
{
    bool new = c->state == CONN_GREETING;
    c->state = CONN_READY;
    c->resuming = false;
    if (!new)
        return;
    if (c->slow)
        conn_watch(b, c, EPOLL_CTL_MOD, c->out.size);
    b->connecting--;
    b->ready++;
    if (b->ready + BENCH_TAIL == b->conn_count && !b->marks[MARK_TAIL].at_us)
        bench_mark(b, MARK_TAIL);
    if (b->connect_next < b->connect_end)
        conn_open(b, &b->conns[b->connect_next++]);
}

/* The server has accepted. Who only echoes has nothing to say; a client that resumes is ready
 * when it has what it missed. */
static void greeting(struct bench *b, struct conn *c)
{
    c->state = CONN_GREETING;
    if (!b->dialect->waits_for_open)
        conn_hello(b, c);
    if (b->dialect->frame == FRAME_ECHO && c->last_seq == c->stream->top)
        conn_ready(b, c);
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
    greeting(b, c);
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

bool conn_read(struct bench *b, struct conn *c, size_t most)
{
    unsigned char *data = b->buffer;
    size_t size = c->rest_size;
    if (size + BENCH_READ > BENCH_BUFFER) {
        conn_fail(b, c, "frame too big");
        return false;
    }
    if (size)
        memcpy(data, c->rest, size);
    ssize_t n = recv(c->fd, data + size, most, 0);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            conn_fail(b, c, n ? strerror(errno) : "closed by the server");
        return false;
    }
    b->now_us = bench_now(b);
    b->counts.reads++;
    size += (size_t)n;
    data[size] = '\0';
    size_t used = 0;
    b->corked = c;
    if (c->state == CONN_HANDSHAKE)
        used = take_answer(b, c, data, size);
    if (c->state >= CONN_GREETING)
        used += receive_frames(b, c, data + used, size - used);
    b->corked = NULL;
    if (c->fd >= 0 && b->cork.size)
        conn_write(b, c, b->cork.data, b->cork.size);
    str_reset(&b->cork);
    if (c->fd >= 0)
        keep_rest(c, data + used, size - used);
    return c->fd >= 0 && (size_t)n == most;
}

void conn_event(struct bench *b, struct conn *c, uint32_t events)
{
    if (c->fd >= 0 && c->state == CONN_CONNECTING) {
        send_request(b, c);
        return;
    }
    if (c->fd >= 0 && (events & EPOLLOUT) && c->out.size)
        conn_flush(b, c);
    if (c->fd >= 0 && (events & EPOLLRDHUP))
        conn_fail(b, c, "cut off");
    if (c->fd >= 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        while (conn_read(b, c, BENCH_READ) && !c->slow)
            ;
}

/* From the socket to the inbox. */
#include "io.h"

#include "session.h"
#include "tls.h"
#include "websocket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
    READ_BYTES = 16 * 1024,
    FRAME_MAX = 14 + RULE_FRAME_BYTES, /* header and payload */
    INPUT_BYTES = FRAME_MAX + READ_BYTES,
};

void io_watch(struct session *s)
{
    uint32_t events = (s->reading ? EPOLLIN : 0U) | (s->blocked ? EPOLLOUT : 0U);
    if (s->crossed) /* not both: what is there already would wake the thread again and again */
        events = s->crossed == TLS_READ_WAITS_FOR_ROOM ? EPOLLOUT : EPOLLIN;
    struct epoll_event e = { .events = events, .data.ptr = s };
    BUG_ON(epoll_ctl(s->thread->epoll, EPOLL_CTL_MOD, s->fd, &e) != 0);
}

void input_watch(struct session *s, bool on)
{
    if (s->reading == on || s->state == SESSION_DEAD)
        return;
    s->reading = on;
    io_watch(s);
}

static void add_piece(struct session *s, const struct ws_frame *f)
{
    s->message = xrealloc(s->message, s->message_size + f->payload_size + 1);
    memcpy(s->message + s->message_size, f->payload, f->payload_size);
    s->message_size += (uint32_t)f->payload_size;
}

static void receive(struct session *s, const void *bytes, size_t size) REQUIRES(on_net)
{
    stat_add(s->thread->net->stats, frames_in, 1);
    if (client_receive(s->client, text_new(bytes, size)))
        return;
    s->stuffed = true;
    input_watch(s, false);
}

static void data_frame(struct session *s, const struct ws_frame *f) REQUIRES(on_net)
{
    const bool begins = f->opcode != WS_CONTINUATION;
    if (f->opcode == WS_BINARY) {
        session_close(s, CLOSE_BINARY, "text frames only", -1);
    } else if (begins == (s->message != NULL)) {
        session_close(s, CLOSE_PROTOCOL, "wrong continuation", -1);
    } else if (f->fin && begins) {
        receive(s, f->payload, f->payload_size);
    } else {
        add_piece(s, f);
        if (!f->fin)
            return;
        receive(s, s->message, s->message_size);
        free(s->message);
        s->message = NULL;
        s->message_size = 0;
    }
}

static void control_frame(struct session *s, const struct ws_frame *f) REQUIRES(on_net)
{
    unsigned char pong[2 + WS_CONTROL_MAX];
    if (f->opcode == WS_CLOSE) {
        session_close_answer(s, ws_close_code(f->payload, f->payload_size));
    } else if (f->opcode == WS_PING && !s->pong) { /* one at a time: section 5.5.3 */
        const size_t size = ws_control_frame(pong, WS_PONG, f->payload, f->payload_size);
        s->pong = true;
        output_queue(s, batch_of_bytes(pong, size));
    }
}

/* Returns how many bytes of data are done with. */
static size_t take_frames(struct session *s, unsigned char *data, size_t size) REQUIRES(on_net)
{
    size_t at = 0;
    while (s->state == SESSION_OPEN && s->reading) {
        struct ws_frame f;
        const int r = ws_frame_read(data + at, size - at, RULE_FRAME_BYTES - s->message_size, &f);
        if (r == 0)
            break;
        if (r < 0) {
            session_close(s, -r, r == -CLOSE_TOO_BIG ? "frame too big" : "protocol error", -1);
            break;
        }
        at += f.size;
        if (f.opcode & 0x8)
            control_frame(s, &f);
        else
            data_frame(s, &f);
    }
    return at;
}

/* Of a closing session only the peer's close frame counts, which may stand behind others. Returns
 * how many bytes are done with. */
static size_t await_close(struct session *s, unsigned char *data, size_t size) REQUIRES(on_net)
{
    struct ws_frame f;
    size_t at = 0;
    int r;
    while ((r = ws_frame_read(data + at, size - at, RULE_FRAME_BYTES, &f)) > 0) {
        at += f.size;
        if (f.opcode == WS_CLOSE) {
            s->peer_closed = true;
            output_dirty(s);
        }
    }
    return r < 0 ? size : at;
}

static void keep_rest(struct session *s, const unsigned char *data, size_t size)
{
    if (size == 0) {
        free(s->partial);
        s->partial = NULL;
    } else {
        if (size > s->partial_size || !s->partial)
            s->partial = xrealloc(s->partial, size);
        memcpy(s->partial, data, size);
    }
    s->partial_size = (uint32_t)size;
}

static void take(struct session *s, unsigned char *data, size_t size) REQUIRES(on_net)
{
    while (s->state == SESSION_OPEN) {
        const size_t done = take_frames(s, data, size);
        data += done;
        size -= done;
        if (s->state != SESSION_OPEN)
            break;
        if (s->client->pumps) {
            pumps_received(s->client);
            break;
        }
        if (reader_step(s->client) != READER_IDLE || s->reading)
            break;
        s->stuffed = false; /* the step has emptied the inbox */
        if (s->gated)
            break;
        input_watch(s, true);
    }
    if (s->state == SESSION_CLOSING) {
        const size_t done = await_close(s, data, size);
        data += done;
        size -= done;
    }
    if (s->state != SESSION_DEAD)
        keep_rest(s, data, size);
}

/* One read. False when there was nothing. */
static bool read_some(struct session *s) REQUIRES(on_net)
{
    unsigned char *data = s->thread->input;
    if (s->partial_size)
        memcpy(data, s->partial, s->partial_size);
    unsigned char *end = data + s->partial_size;
    const ssize_t n = s->ssl ? tls_recv(s, end, READ_BYTES) : recv(s->fd, end, READ_BYTES, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (s->crossed)
            io_watch(s);
        return false;
    }
    if (n <= 0) {
        session_kill(s);
        return false;
    }
    s->heard_ms = s->thread->now_ms;
    stat_add(s->thread->net->stats, bytes_in, (uint64_t)n);
    take(s, data, s->partial_size + (size_t)n);
    return true;
}

void input_ready(struct session *s, uint32_t events)
{
    if (s->state != SESSION_OPEN && s->state != SESSION_CLOSING) {
        if (s->state == SESSION_NEW)
            session_first_byte(s);
        return;
    }
    if (!s->reading && (events & (EPOLLHUP | EPOLLERR))) {
        session_kill(s);
        return;
    }
    if (!s->reading)
        return;
    /* A read takes a whole record of TLS (16 KiB at most), so nothing should be left of it; but
     * what is would not be told by the epoll set. */
    while (read_some(s) && s->ssl && s->reading && s->state != SESSION_DEAD && tls_has_input(s))
        ;
}

void io_uncross(struct session *s, uint32_t events)
{
    s->crossed = TLS_STRAIGHT;
    io_watch(s);
    input_ready(s, events | EPOLLIN);
    output_ready(s);
}

void input_resume(struct session *s)
{
    s->stuffed = false;
    input_go(s);
}

void input_go(struct session *s)
{
    if (s->state != SESSION_OPEN || s->reading || s->stuffed || s->gated || s->parting)
        return;
    input_watch(s, true);
    if (!s->partial_size)
        return;
    memcpy(s->thread->input, s->partial, s->partial_size);
    take(s, s->thread->input, s->partial_size);
}

void input_fini(struct session *s)
{
    free(s->partial);
    free(s->message);
    s->partial = s->message = NULL;
    s->partial_size = s->message_size = 0;
}

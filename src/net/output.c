/* From the outbox to the socket. One send() of prepared frames per client and flush, past
 * libwebsockets: see docs/RATIONALE.md. */
#include "io.h"

#include "fanout.h"
#include "session.h"
#include "tls.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

void output_dirty(struct session *s)
{
    if (s->dirty || s->state == SESSION_DEAD)
        return;
    s->dirty = true;
    TAILQ_INSERT_TAIL(&s->thread->dirty, s, dirty_link);
    s->thread->dirty_count++;
}

void output_clean(struct session *s)
{
    if (!s->dirty)
        return;
    s->dirty = false;
    TAILQ_REMOVE(&s->thread->dirty, s, dirty_link);
    s->thread->dirty_count--;
}

static bool fits(struct session *s, const struct batch *b) REQUIRES(on_net)
{
    if (b->answers)
        return !lag_refuses_answer(s);
    if (lag_level(s, b->size) == LAG_HARD && !s->lagging && s->seat_count)
        lag_start(s);
    return lag_level(s, b->size) != LAG_HARD;
}

void output_queue(struct session *s, struct batch *b)
{
    if (s->state == SESSION_OPEN && !fits(s, b)) {
        stat_add(s->thread->net->stats, clients_closed_slow, 1);
        session_kill(s);
    }
    if (s->state != SESSION_OPEN) {
        batch_unref(b);
        return;
    }
    output_count(s->thread, b->size);
    client_queue(s->client, b);
    output_dirty(s);
    lag_gate(s);
}

void output_frame(struct session *s, struct frame *f)
{
    if (f->class == FRAME_EVENT && lag_level(s, f->size) != LAG_NONE)
        stat_add(s->thread->net->stats, events_dropped, 1);
    else
        output_queue(s, batch_of_frame(f, BATCH_NO_ROOM));
}

/* The send under way has left. */
static void wire_done(struct session *s) REQUIRES(on_net)
{
    struct batch *b = s->wire;
    s->thread->out.deliveries += b->frames;
    output_count(s->thread, -(int64_t)b->size);
    client_written(s->client, b);
    s->wire = NULL;
    batch_unref(b);
    if (s->client->pumps)
        pumps_written(s->client);
}

/* Until the socket takes more. */
static void block(struct session *s) REQUIRES(on_net)
{
    s->blocked = true;
    s->blocked_ms = s->thread->now_ms;
    io_watch(s);
    session_watch(s);
}

static void write_some(struct session *s) REQUIRES(on_net)
{
    struct net_thread *t = s->thread;
    struct batch *b = s->wire;
    const size_t left = b->size - s->wire_at;
    const void *data = b->data + s->wire_at;
    const ssize_t n =
        s->ssl ? tls_send(s, data, left) : send(s->fd, data, left, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        session_kill(s);
        return;
    }
    t->out.sends++;
    if (n > 0) {
        t->out.bytes += (uint64_t)n;
        s->wire_at += (uint32_t)n;
    }
    if (s->wire_at == b->size)
        wire_done(s);
    else if (!s->ssl || n < 0) /* TLS takes one record at a time: there may be room for more */
        block(s);
}

static void all_written(struct session *s) REQUIRES(on_net)
{
    s->pong = false;
    if (s->lagging)
        lag_end(s);
    if (s->state == SESSION_CLOSING && s->close_queued && s->peer_closed)
        session_kill(s);
}

void output_write(struct session *s)
{
    while ((s->state == SESSION_OPEN || s->state == SESSION_CLOSING) && !s->blocked) {
        if (!s->wire && !s->client->pumps) {
            s->wire = writer_step(s->client, &s->thread->join);
            s->wire_at = 0;
        }
        if (s->wire) {
            write_some(s);
            if (s->gated || s->answered)
                lag_gate(s);
        } else {
            if (!s->client->queued && !s->client->answers)
                all_written(s);
            return;
        }
    }
}

void output_ready(struct session *s)
{
    if (!s->blocked || s->state == SESSION_DEAD)
        return;
    s->blocked = false;
    io_watch(s);
    output_write(s);
    join_cache_clear(&s->thread->join);
}

void output_hand_over(struct session *s, struct batch *b)
{
    s->wire = b;
    s->wire_at = 0;
    output_write(s);
}

void output_fini(struct session *s)
{
    struct client *c = s->client;
    output_count(s->thread, -(int64_t)c->queued - c->answers);
    client_clear(c);
    batch_unref(s->wire);
    s->wire = NULL;
}

#include "confab/pump/client.h"

#include "confab/pump/executor.h"
#include "pumps.h"

#include <stdlib.h>
#include <string.h>

static _Atomic uint32_t last_number;

struct text *text_new(const void *bytes, size_t size)
{
    struct text *t = xmalloc(sizeof(*t) + size);
    t->received_mono_us = clock_mono_us();
    t->size = (uint32_t)size;
    memcpy(t->bytes, bytes, size);
    return t;
}

static struct text *pop_text(struct client *c)
{
    struct text *t = c->inbox.slots ? ring_pop(&c->inbox) : NULL;
    if (t)
        c->inbox_bytes -= t->size;
    return t;
}

static void client_release(struct peer *p)
{
    struct client *c = client_of(p);
    BUG_ON(c->pumps);
    client_clear_inbox(c);
    if (c->inbox.slots)
        ring_fini(&c->inbox);
    outbox_fini(&c->outbox);
    command_free(c->stalled);
    free(c);
}

struct client *client_new(struct pump_env *env, unsigned net)
{
    struct client *c = xcalloc(1, sizeof(*c));
    c->env = env;
    c->number = atomic_fetch_add(&last_number, 1) + 1;
    c->peer.refs = 1;
    c->peer.release = client_release;
    c->peer.net = (uint16_t)net;
    return c;
}

void client_lock(struct client *c) NO_THREAD_SAFETY
{
    if (c->pumps)
        lock_acquire(&c->pumps->lock);
}

void client_unlock(struct client *c) NO_THREAD_SAFETY
{
    if (c->pumps)
        lock_release(&c->pumps->lock);
}

bool client_receive(struct client *c, struct text *t)
{
    client_lock(c);
    if (!c->inbox.slots)
        ring_init(&c->inbox, INBOX_FRAMES);
    BUG_ON(!ring_push(&c->inbox, t)); /* the caller stopped when it was told to */
    c->inbox_bytes += t->size;
    bool full = ring_size(&c->inbox) >= INBOX_FRAMES || c->inbox_bytes >= INBOX_BYTES;
    if (c->pumps)
        c->pumps->paused = full;
    client_unlock(c);
    return !full;
}

bool client_inbox_empty(struct client *c)
{
    client_lock(c);
    bool empty = !c->inbox.slots || ring_size(&c->inbox) == 0;
    client_unlock(c);
    return empty;
}

bool client_idle(struct client *c)
{
    client_lock(c);
    const struct pumps *p = c->pumps;
    const bool reading = p ? p->stepping || p->stalled : c->stalled != NULL;
    const bool waiting = c->inbox.slots && ring_size(&c->inbox) > 0;
    client_unlock(c);
    return !reading && !waiting && !atomic_load(&c->peer.queued) &&
           !atomic_load(&c->peer.in_flight);
}

void client_clear_inbox(struct client *c)
{
    struct text *t;
    client_lock(c);
    while ((t = pop_text(c)) != NULL)
        free(t);
    client_unlock(c);
}

void client_queue(struct client *c, struct batch *b)
{
    c->answers += b->answers;
    c->queued += b->size - b->answers;
    client_lock(c);
    outbox_push(&c->outbox, b);
    const bool wake = c->pumps && !c->pumps->handed_over;
    client_unlock(c);
    if (wake)
        pthread_cond_signal(&c->pumps->write);
}

void client_written(struct client *c, const struct batch *b)
{
    c->answers -= b->answers;
    c->queued -= b->size - b->answers;
}

uint32_t client_drop_rooms(struct client *c)
{
    client_lock(c);
    const uint32_t bytes = outbox_drop_rooms(&c->outbox);
    client_unlock(c);
    c->queued -= bytes;
    return bytes;
}

void client_clear(struct client *c)
{
    client_lock(c);
    outbox_fini(&c->outbox);
    client_unlock(c);
    c->queued = c->answers = 0;
}

void client_answered(struct client *c)
{
    atomic_store(&c->asked, false);
    if (c->pumps)
        pumps_received(c);
}

uint64_t client_first_seq(struct client *c, uint32_t room)
{
    client_lock(c);
    const uint64_t seq = outbox_first_seq(&c->outbox, room);
    client_unlock(c);
    return seq;
}

struct text *client_next_text(struct client *c)
{
    client_lock(c);
    struct text *t = pop_text(c);
    client_unlock(c);
    return t;
}

#define _GNU_SOURCE /* pipe2 */
#include "confab/base/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* The ring starts small and doubles up to the bound: a bound is for the worst day. */
enum { FIRST_CAPACITY = 64 };

int queue_init(struct queue *q, uint32_t bound)
{
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
        return -errno;
    *q = (struct queue){ .bound = bound, .pipe_read = ends[0], .pipe_write = ends[1] };
    lock_init(&q->lock);
    ring_init(&q->ring, bound < FIRST_CAPACITY ? bound : FIRST_CAPACITY);
    return 0;
}

void queue_fini(struct queue *q)
{
    close(q->pipe_read);
    close(q->pipe_write);
    ring_fini(&q->ring);
    lock_fini(&q->lock);
}

/* EAGAIN: the pipe is full of signals nobody has read yet, so the consumer will come. */
static void signal_consumer(struct queue *q)
{
    atomic_fetch_add_explicit(&q->wakeups, 1, memory_order_relaxed);
    ssize_t written;
    do {
        written = write(q->pipe_write, "", 1);
    } while (written < 0 && errno == EINTR);
    BUG_ON(written < 0 && errno != EAGAIN);
}

/* What the calling thread has to signal when it stops holding back. */
enum { HELD_MOST = 4 };
static _Thread_local struct {
    bool on;
    unsigned count;
    struct queue *queues[HELD_MOST];
} held;

static bool hold_back(struct queue *q)
{
    if (!held.on)
        return false;
    for (unsigned i = 0; i < held.count; i++)
        if (held.queues[i] == q)
            return true;
    if (held.count == HELD_MOST)
        return false;
    held.queues[held.count++] = q;
    return true;
}

void queue_hold(void)
{
    held.on = true;
}

void queue_release(void)
{
    for (unsigned i = 0; i < held.count; i++)
        signal_consumer(held.queues[i]);
    held.count = 0;
    held.on = false;
}

static void set_depth(struct queue *q, uint32_t depth)
{
    atomic_store_explicit(&q->depth, depth, memory_order_relaxed);
    if (depth > atomic_load_explicit(&q->depth_max, memory_order_relaxed))
        atomic_store_explicit(&q->depth_max, depth, memory_order_relaxed);
}

int queue_push(struct queue *q, void *item)
{
    lock_acquire(&q->lock);
    const uint32_t before = ring_size(&q->ring);
    if (before >= q->bound) {
        lock_release(&q->lock);
        atomic_fetch_add_explicit(&q->refused, 1, memory_order_relaxed);
        return -EAGAIN;
    }
    if (before == q->ring.capacity)
        ring_grow(&q->ring);
    BUG_ON(!ring_push(&q->ring, item));
    set_depth(q, before + 1);
    lock_release(&q->lock);

    atomic_fetch_add_explicit(&q->pushed, 1, memory_order_relaxed);
    if (before == 0 && !hold_back(q))
        signal_consumer(q);
    return 0;
}

void queue_clear_signal(struct queue *q)
{
    char bytes[64];
    ssize_t got;
    do {
        got = read(q->pipe_read, bytes, sizeof(bytes));
    } while (got == (ssize_t)sizeof(bytes) || (got < 0 && errno == EINTR));
    BUG_ON(got < 0 && errno != EAGAIN);
}

uint32_t queue_take(struct queue *q, void **out, uint32_t most)
{
    lock_acquire(&q->lock);
    uint32_t taken = 0;
    for (uint32_t size = ring_size(&q->ring); taken < most && taken < size; taken++)
        out[taken] = ring_pop(&q->ring);
    const uint32_t left = ring_size(&q->ring);
    set_depth(q, left);
    lock_release(&q->lock);

    if (left > 0)
        signal_consumer(q);
    return taken;
}

#include "post.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { FIRST_CAPACITY = 64 };

int post_queue_init(struct post_queue *q)
{
    *q = (struct post_queue){ 0 };
    q->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (q->event < 0)
        return -errno;
    lock_init(&q->lock);
    return 0;
}

void post_queue_fini(struct post_queue *q)
{
    free(q->in);
    free(q->out);
    close(q->event);
    lock_fini(&q->lock);
}

void post_push(struct post_queue *q, struct post p)
{
    lock_acquire(&q->lock);
    if (q->in_count == q->in_capacity) {
        q->in_capacity = q->in_capacity ? q->in_capacity * 2 : FIRST_CAPACITY;
        q->in = xrealloc(q->in, q->in_capacity * sizeof(*q->in));
    }
    q->in[q->in_count++] = p;
    const uint32_t depth = atomic_fetch_add_explicit(&q->depth, 1, memory_order_relaxed) + 1;
    if (depth > atomic_load_explicit(&q->depth_max, memory_order_relaxed))
        atomic_store_explicit(&q->depth_max, depth, memory_order_relaxed);
    lock_release(&q->lock);
}

void post_wake(struct post_queue *q)
{
    if (atomic_exchange(&q->signalled, true))
        return;
    const uint64_t one = 1;
    const ssize_t n = write(q->event, &one, sizeof(one));
    BUG_ON(n != sizeof(one) && errno != EAGAIN);
}

uint32_t post_depth(const struct post_queue *q)
{
    return atomic_load_explicit(&q->depth, memory_order_relaxed);
}

void post_clear_signal(struct post_queue *q)
{
    uint64_t count;
    const ssize_t n = read(q->event, &count, sizeof(count));
    BUG_ON(n != sizeof(count) && errno != EAGAIN);
    atomic_store(&q->signalled, false);
}

struct post *post_take(struct post_queue *q, uint32_t *count)
{
    lock_acquire(&q->lock);
    struct post *in = q->in;
    const uint32_t capacity = q->in_capacity;
    *count = q->in_count;
    q->in = q->out;
    q->in_capacity = q->out_capacity;
    q->in_count = 0;
    q->out = in;
    q->out_capacity = capacity;
    lock_release(&q->lock);
    return *count ? in : NULL;
}

void post_done(struct post_queue *q, uint32_t count)
{
    atomic_fetch_sub_explicit(&q->depth, count, memory_order_relaxed);
}

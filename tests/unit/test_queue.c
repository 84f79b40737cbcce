#include "support/test.h"

#include "confab/base/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

static int items[256];

static bool signalled(const struct queue *q)
{
    return test_wait_readable(q->pipe_read, 0);
}

static void first_item_signals_and_the_next_do_not(void **state)
{
    (void)state;
    struct queue q;
    assert_int_equal(queue_init(&q, 8), 0);
    assert_false(signalled(&q));
    for (int i = 0; i < 5; i++)
        assert_int_equal(queue_push(&q, &items[i]), 0);
    assert_true(signalled(&q));
    assert_int_equal(q.wakeups, 1);
    queue_clear_signal(&q);
    assert_false(signalled(&q));

    void *out[8];
    assert_int_equal(queue_take(&q, out, 8), 5);
    for (int i = 0; i < 5; i++)
        assert_ptr_equal(out[i], &items[i]);
    assert_false(signalled(&q));
    assert_int_equal(queue_take(&q, out, 8), 0);
    queue_fini(&q);
}

static void push_after_the_queue_was_emptied_signals_again(void **state)
{
    (void)state;
    struct queue q;
    void *out[4];
    assert_int_equal(queue_init(&q, 4), 0);
    for (unsigned turn = 1; turn <= 3; turn++) {
        assert_int_equal(queue_push(&q, &items[0]), 0);
        assert_true(signalled(&q));
        assert_int_equal(q.wakeups, turn);
        queue_clear_signal(&q);
        assert_int_equal(queue_take(&q, out, 4), 1);
    }
    queue_fini(&q);
}

static void taking_a_part_signals_for_the_rest(void **state)
{
    (void)state;
    struct queue q;
    void *out[2];
    assert_int_equal(queue_init(&q, 8), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(queue_push(&q, &items[i]), 0);
    queue_clear_signal(&q);
    assert_int_equal(queue_take(&q, out, 2), 2);
    assert_ptr_equal(out[1], &items[1]);
    assert_true(signalled(&q));
    queue_clear_signal(&q);
    assert_int_equal(queue_take(&q, out, 2), 1);
    assert_ptr_equal(out[0], &items[2]);
    assert_false(signalled(&q));
    queue_fini(&q);
}

/* Two queues, of which one is emptied meanwhile by another producer's signal. */
static void held_signals_are_one_for_each_queue(void **state)
{
    (void)state;
    struct queue q, other;
    void *out[8];
    assert_int_equal(queue_init(&q, 8), 0);
    assert_int_equal(queue_init(&other, 8), 0);
    queue_hold();
    assert_int_equal(queue_push(&q, &items[0]), 0);
    assert_int_equal(queue_push(&other, &items[1]), 0);
    assert_int_equal(queue_take(&q, out, 8), 1);
    assert_int_equal(queue_push(&q, &items[2]), 0);
    assert_false(signalled(&q));
    assert_false(signalled(&other));
    queue_release();
    assert_true(signalled(&q));
    assert_true(signalled(&other));
    assert_int_equal(q.wakeups, 1);
    assert_int_equal(other.wakeups, 1);

    queue_clear_signal(&q);
    assert_int_equal(queue_take(&q, out, 8), 1);
    queue_release(); /* nothing is held any more */
    assert_false(signalled(&q));
    assert_int_equal(queue_push(&q, &items[3]), 0);
    assert_true(signalled(&q));
    assert_int_equal(queue_take(&q, out, 8), 1);
    assert_int_equal(queue_take(&other, out, 8), 1);
    queue_fini(&q);
    queue_fini(&other);
}

static void full_queue_refuses_and_counts(void **state)
{
    (void)state;
    struct queue q;
    void *out[8];
    assert_int_equal(queue_init(&q, 3), 0); /* not a power of two: the bound is exact */
    for (int i = 0; i < 3; i++)
        assert_int_equal(queue_push(&q, &items[i]), 0);
    assert_int_equal(queue_push(&q, &items[3]), -EAGAIN);
    assert_int_equal(q.refused, 1);
    assert_int_equal(q.pushed, 3);
    assert_int_equal(queue_take(&q, out, 1), 1);
    assert_int_equal(queue_push(&q, &items[4]), 0);
    assert_int_equal(queue_take(&q, out, 8), 3);
    assert_ptr_equal(out[2], &items[4]);
    queue_fini(&q);
}

static void depth_follows_the_ring_and_remembers_its_maximum(void **state)
{
    (void)state;
    struct queue q;
    void *out[256];
    assert_int_equal(queue_init(&q, 256), 0); /* more than the ring starts with */
    for (int i = 0; i < 200; i++)
        assert_int_equal(queue_push(&q, &items[i]), 0);
    assert_int_equal(q.depth, 200);
    assert_int_equal(queue_take(&q, out, 150), 150);
    assert_int_equal(q.depth, 50);
    assert_int_equal(q.depth_max, 200);
    assert_int_equal(queue_take(&q, out, 256), 50);
    for (int i = 0; i < 50; i++)
        assert_ptr_equal(out[i], &items[150 + i]);
    queue_fini(&q);
}

static void a_pipe_full_of_signals_is_no_failure(void **state)
{
    (void)state;
    struct queue q;
    void *out[2];
    assert_int_equal(queue_init(&q, 2), 0);
    const int pipe_bytes = fcntl(q.pipe_write, F_GETPIPE_SZ);
    for (int i = 0; i <= pipe_bytes; i++) {
        assert_int_equal(queue_push(&q, &items[0]), 0);
        assert_int_equal(queue_take(&q, out, 2), 1);
    }
    queue_clear_signal(&q);
    assert_false(signalled(&q));
    queue_fini(&q);
}

static void descriptors_are_closed_on_exec_and_do_not_block(void **state)
{
    (void)state;
    struct queue q;
    assert_int_equal(queue_init(&q, 2), 0);
    const int ends[] = { q.pipe_read, q.pipe_write };
    for (int i = 0; i < 2; i++) {
        assert_true((fcntl(ends[i], F_GETFD) & FD_CLOEXEC) != 0);
        assert_true((fcntl(ends[i], F_GETFL) & O_NONBLOCK) != 0);
    }
    queue_clear_signal(&q); /* returns at once */
    queue_fini(&q);
}

/* --- many producers ------------------------------------------------------------------------- */

enum { PRODUCERS = 4, PER_PRODUCER = 20000, BATCH = 32 };

struct numbered {
    unsigned producer, number;
};

struct producer {
    struct queue *q;
    struct numbered *items;
    unsigned pause; /* gives the processor away after so many; 0 never does */
    pthread_t thread;
};

static void *produce(void *arg)
{
    struct producer *p = arg;
    for (unsigned i = 0; i < PER_PRODUCER; i++) {
        while (queue_push(p->q, &p->items[i]) != 0)
            sched_yield();
        if (p->pause != 0 && i % p->pause == 0)
            sched_yield();
    }
    return NULL;
}

/* Consumes as an event loop does: sleeps in poll() until the pipe is readable, clears it, takes
 * one batch, sleeps again. A lost wake-up is a sleep that ends at the deadline. Returns how many
 * came, each producer's in its order. */
static unsigned consume(struct queue *q)
{
    unsigned next[PRODUCERS] = { 0 }, total = 0;
    while (total < PRODUCERS * PER_PRODUCER) {
        if (!test_wait_readable(q->pipe_read, TEST_DEADLINE_MS))
            return total;
        queue_clear_signal(q);
        void *out[BATCH];
        const uint32_t taken = queue_take(q, out, BATCH);
        for (uint32_t i = 0; i < taken; i++) {
            const struct numbered *item = out[i];
            if (item->number != next[item->producer]++)
                return total;
            total++;
        }
    }
    return total;
}

static void race(uint32_t bound, unsigned pause)
{
    struct queue q;
    struct producer producers[PRODUCERS];
    assert_int_equal(queue_init(&q, bound), 0);
    for (unsigned p = 0; p < PRODUCERS; p++) {
        producers[p] = (struct producer){ .q = &q, .pause = pause };
        producers[p].items = xcalloc(PER_PRODUCER, sizeof(struct numbered));
        for (unsigned i = 0; i < PER_PRODUCER; i++)
            producers[p].items[i] = (struct numbered){ p, i };
        assert_int_equal(thread_start(&producers[p].thread, "producer", 0, produce, &producers[p]),
                         0);
    }
    const unsigned total = consume(&q);
    assert_int_equal(total, PRODUCERS * PER_PRODUCER);
    for (unsigned p = 0; p < PRODUCERS; p++) {
        thread_join(producers[p].thread);
        free(producers[p].items);
    }
    assert_int_equal(q.pushed, total);
    assert_int_equal(q.depth, 0);
    queue_fini(&q);
}

static void nothing_is_lost_between_many_threads(void **state)
{
    (void)state;
    race(1024, 0);
}

static void no_wake_up_is_lost_when_the_queue_is_mostly_empty(void **state)
{
    (void)state;
    race(1024, 1);
}

static void no_wake_up_is_lost_when_the_queue_is_mostly_full(void **state)
{
    (void)state;
    race(BATCH / 2, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_item_signals_and_the_next_do_not),
        cmocka_unit_test(push_after_the_queue_was_emptied_signals_again),
        cmocka_unit_test(taking_a_part_signals_for_the_rest),
        cmocka_unit_test(held_signals_are_one_for_each_queue),
        cmocka_unit_test(full_queue_refuses_and_counts),
        cmocka_unit_test(depth_follows_the_ring_and_remembers_its_maximum),
        cmocka_unit_test(a_pipe_full_of_signals_is_no_failure),
        cmocka_unit_test(descriptors_are_closed_on_exec_and_do_not_block),
        cmocka_unit_test(nothing_is_lost_between_many_threads),
        cmocka_unit_test(no_wake_up_is_lost_when_the_queue_is_mostly_empty),
        cmocka_unit_test(no_wake_up_is_lost_when_the_queue_is_mostly_full),
    };
    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}

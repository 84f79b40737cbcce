#include "support/test.h"

#include "confab/wire/frame.h"

#include <string.h>

static void header_has_the_shortest_form(void **state)
{
    (void)state;
    static const struct {
        uint64_t payload_size;
        size_t header_size;
        unsigned char header[FRAME_HEADER_MAX];
    } cases[] = {
        { 0, 2, { 0x81, 0 } },
        { 125, 2, { 0x81, 125 } },
        { 126, 4, { 0x81, 126, 0, 126 } },
        { 0x1234, 4, { 0x81, 126, 0x12, 0x34 } },
        { 65535, 4, { 0x81, 126, 0xff, 0xff } },
        { 65536, 10, { 0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0 } },
        { 0x0123456789abcdef, 10, { 0x81, 127, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef } },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char out[FRAME_HEADER_MAX] = { 0 };
        assert_int_equal(frame_header(out, cases[i].payload_size), cases[i].header_size);
        assert_memory_equal(out, cases[i].header, FRAME_HEADER_MAX);
    }
}

static void frame_joins_its_parts(void **state)
{
    (void)state;
    const struct frame_part parts[] = { { "{\"a\":", 5 }, { NULL, 0 }, { "1", 1 }, { "}", 1 } };
    struct frame *f = frame_new(FRAME_MESSAGE, 42, parts, 4);

    assert_int_equal(f->size, 2 + 7);
    assert_int_equal(f->header_size, 2);
    assert_int_equal(f->class, FRAME_MESSAGE);
    assert_int_equal(f->seq, 42);
    assert_int_equal(f->http_status, 200);
    assert_memory_equal(f->bytes, "\x81\x07{\"a\":1}", 9);
    assert_int_equal(frame_payload_size(f), 7);
    assert_memory_equal(frame_payload(f), "{\"a\":1}", 7);
    frame_unref(f);
}

static void large_frame_has_a_large_header(void **state)
{
    (void)state;
    static char payload[70000];
    memset(payload, 'x', sizeof payload);
    const struct frame_part part = { payload, sizeof payload };
    struct frame *f = frame_new(FRAME_CONTROL, 0, &part, 1);

    assert_int_equal(f->header_size, 10);
    assert_int_equal(f->size, 10 + sizeof payload);
    assert_int_equal(frame_payload_size(f), sizeof payload);
    assert_memory_equal(frame_payload(f), payload, sizeof payload);
    frame_unref(f);
}

static void frame_without_parts_is_empty(void **state)
{
    (void)state;
    struct frame *f = frame_new(FRAME_EVENT, 0, NULL, 0);

    assert_int_equal(f->size, 2);
    assert_int_equal(frame_payload_size(f), 0);
    frame_unref(f);
}

/* The sanitizers see what is freed too early or never. */
static void frame_lives_until_the_last_reference(void **state)
{
    (void)state;
    const struct frame_part part = { "hi", 2 };
    struct frame *f = frame_new(FRAME_EVENT, 0, &part, 1);

    assert_ptr_equal(frame_ref(f), f);
    assert_int_equal(f->refs, 2);
    frame_unref(f);
    assert_int_equal(f->refs, 1);
    assert_memory_equal(frame_payload(f), "hi", 2);
    frame_unref(f);
    frame_unref(NULL);
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *take_and_drop(void *frame)
{
    for (int i = 0; i < ROUNDS; i++)
        frame_unref(frame_ref(frame));
    frame_unref(frame); /* the reference that the thread was given */
    return NULL;
}

static void references_are_counted_across_threads(void **state)
{
    (void)state;
    const struct frame_part part = { "hi", 2 };
    struct frame *f = frame_new(FRAME_EVENT, 0, &part, 1);
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(thread_start(&threads[i], "test", 0, take_and_drop, frame_ref(f)), 0);
    for (int i = 0; i < THREADS; i++)
        thread_join(threads[i]);
    assert_int_equal(f->refs, 1);
    frame_unref(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_has_the_shortest_form),
        cmocka_unit_test(frame_joins_its_parts),
        cmocka_unit_test(large_frame_has_a_large_header),
        cmocka_unit_test(frame_without_parts_is_empty),
        cmocka_unit_test(frame_lives_until_the_last_reference),
        cmocka_unit_test(references_are_counted_across_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

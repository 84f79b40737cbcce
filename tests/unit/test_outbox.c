#include "support/test.h"

#include "confab/pump/outbox.h"

#include <string.h>

static struct frame *frame(enum frame_class class, uint64_t seq, const char *text)
{
    const struct frame_part part = { text, strlen(text) };
    return frame_new(class, seq, &part, 1);
}

static struct batch *batch(enum frame_class class, uint32_t room, uint64_t seq, const char *text)
{
    struct frame *f = frame(class, seq, text);
    struct batch *b = batch_of_frame(f, room);
    frame_unref(f);
    return b;
}

static void a_single_frame_is_not_copied(void **state)
{
    (void)state;
    struct frame *f = frame(FRAME_MESSAGE, 7, "hello");
    struct batch *b = batch_of_frames(&f, 1, 3);
    assert_ptr_equal(b->data, f->bytes);
    assert_int_equal(b->size, f->size);
    assert_int_equal(b->frames, 1);
    assert_int_equal(b->first_seq, 7);
    assert_int_equal(b->last_seq, 7);
    assert_int_equal(b->answers, 0);
    batch_unref(b);
    assert_int_equal(f->refs, 1);
    frame_unref(f);
}

static void a_run_is_one_piece_in_order(void **state)
{
    (void)state;
    struct frame *run[] = { frame(FRAME_EVENT, 0, "typing"), frame(FRAME_MESSAGE, 4, "four"),
                            frame(FRAME_MESSAGE, 5, "five") };
    struct batch *b = batch_of_frames(run, 3, 1);
    const unsigned char *at = b->data;
    for (int i = 0; i < 3; i++) {
        assert_memory_equal(at, run[i]->bytes, run[i]->size);
        at += run[i]->size;
        frame_unref(run[i]);
    }
    assert_ptr_equal(at, b->data + b->size);
    assert_int_equal(b->first_seq, 4);
    assert_int_equal(b->last_seq, 5);
    batch_unref(b);
}

static void answers_are_counted_apart(void **state)
{
    (void)state;
    struct batch *items[] = { batch(FRAME_CONTROL, BATCH_NO_ROOM, 0, "ack"),
                              batch(FRAME_MESSAGE, BATCH_NO_ROOM, 0, "private"),
                              batch(FRAME_MESSAGE, 1, 1, "message") };
    assert_int_equal(items[0]->answers, items[0]->size);
    assert_int_equal(items[1]->answers, 0);
    struct batch *joined = batch_join(items, 3);
    assert_int_equal(joined->answers, items[0]->size);
    assert_int_equal(joined->frames, 3);
    assert_int_equal(joined->size, items[0]->size + items[1]->size + items[2]->size);
    for (int i = 0; i < 3; i++)
        batch_unref(items[i]);
    batch_unref(joined);
}

static void first_in_is_first_out_over_growth(void **state)
{
    (void)state;
    struct outbox o = { 0 };
    struct batch *b[200];
    uint32_t bytes = 0;
    for (int i = 0; i < 200; i++) {
        b[i] = batch(FRAME_MESSAGE, 1, (uint64_t)i + 1, "x");
        bytes += b[i]->size;
        outbox_push(&o, b[i]);
        if (i % 3 == 0) { /* the head moves, so growing has to unroll the ring */
            struct batch *first = outbox_pop(&o);
            assert_ptr_equal(first, b[i / 3]);
            bytes -= first->size;
            batch_unref(first);
        }
        assert_int_equal(o.bytes, bytes);
    }
    outbox_fini(&o);
    assert_null(outbox_pop(&o));
    assert_int_equal(o.bytes, 0);
}

static void take_stops_at_the_bytes_but_takes_one(void **state)
{
    (void)state;
    struct outbox o = { 0 };
    struct batch *out[8];
    for (int i = 0; i < 5; i++)
        outbox_push(&o, batch(FRAME_MESSAGE, 1, 1, "0123456789")); /* 12 bytes each */
    assert_int_equal(outbox_take(&o, out, 8, 1), 1);
    batch_unref(out[0]);
    assert_int_equal(outbox_take(&o, out, 8, 24), 2);
    batch_unref(out[0]);
    batch_unref(out[1]);
    assert_int_equal(outbox_take(&o, out, 1, 1000), 1);
    batch_unref(out[0]);
    assert_int_equal(outbox_take(&o, out, 8, 1000), 1);
    batch_unref(out[0]);
    assert_int_equal(outbox_take(&o, out, 8, 1000), 0);
    outbox_fini(&o);
}

static void dropping_rooms_keeps_what_is_for_one_client(void **state)
{
    (void)state;
    struct outbox o = { 0 };
    struct batch *ack = batch(FRAME_CONTROL, BATCH_NO_ROOM, 0, "ack");
    struct batch *private = batch(FRAME_MESSAGE, BATCH_NO_ROOM, 0, "private");
    outbox_push(&o, batch(FRAME_MESSAGE, 1, 5, "five"));
    outbox_push(&o, ack);
    outbox_push(&o, batch(FRAME_MESSAGE, 2, 9, "nine"));
    outbox_push(&o, private);
    assert_int_equal(outbox_first_seq(&o, 2), 9);
    assert_int_equal(outbox_drop_rooms(&o), 2 * 6);
    assert_int_equal(outbox_first_seq(&o, 2), 0);
    assert_int_equal(o.bytes, ack->size + private->size);
    struct batch *first = outbox_pop(&o), *second = outbox_pop(&o);
    assert_ptr_equal(first, ack);
    assert_ptr_equal(second, private);
    assert_null(outbox_pop(&o));
    batch_unref(first);
    batch_unref(second);
    outbox_fini(&o);
}

static void first_number_is_the_rooms_own(void **state)
{
    (void)state;
    struct outbox o = { 0 };
    outbox_push(&o, batch(FRAME_EVENT, 1, 0, "typing"));
    outbox_push(&o, batch(FRAME_MESSAGE, 2, 3, "other room"));
    outbox_push(&o, batch(FRAME_MESSAGE, 1, 8, "eight"));
    outbox_push(&o, batch(FRAME_MESSAGE, 1, 9, "nine"));
    assert_int_equal(outbox_first_seq(&o, 1), 8);
    assert_int_equal(outbox_first_seq(&o, 4), 0);
    outbox_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_frame_is_not_copied),
        cmocka_unit_test(a_run_is_one_piece_in_order),
        cmocka_unit_test(answers_are_counted_apart),
        cmocka_unit_test(first_in_is_first_out_over_growth),
        cmocka_unit_test(take_stops_at_the_bytes_but_takes_one),
        cmocka_unit_test(dropping_rooms_keeps_what_is_for_one_client),
        cmocka_unit_test(first_number_is_the_rooms_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

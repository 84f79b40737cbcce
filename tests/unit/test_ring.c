#include "support/test.h"

#include "confab/base/ring.h"

static int items[64];

static void fill(struct ring *r, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        assert_true(ring_push(r, &items[i]));
}

static void expect(struct ring *r, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        assert_ptr_equal(ring_pop(r), &items[i]);
}

static void capacity_is_a_power_of_two_and_at_least_two(void **state)
{
    (void)state;
    static const uint32_t cases[][2] = { { 0, 2 }, { 1, 2 }, { 2, 2 }, { 3, 4 }, { 1000, 1024 } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ring r;
        ring_init(&r, cases[i][0]);
        assert_int_equal(r.capacity, cases[i][1]);
        ring_fini(&r);
    }
}

static void first_in_is_first_out(void **state)
{
    (void)state;
    struct ring r;
    ring_init(&r, 8);
    fill(&r, 0, 5);
    assert_int_equal(ring_size(&r), 5);
    assert_ptr_equal(ring_peek(&r), &items[0]);
    expect(&r, 0, 5);
    assert_int_equal(ring_size(&r), 0);
    ring_fini(&r);
}

static void empty_ring_has_nothing(void **state)
{
    (void)state;
    struct ring r;
    ring_init(&r, 4);
    assert_null(ring_pop(&r));
    assert_null(ring_peek(&r));
    fill(&r, 0, 1);
    expect(&r, 0, 1);
    assert_null(ring_pop(&r));
    ring_fini(&r);
}

static void full_ring_refuses_and_keeps_what_it_has(void **state)
{
    (void)state;
    struct ring r;
    ring_init(&r, 4);
    fill(&r, 0, 4);
    assert_false(ring_push(&r, &items[4]));
    expect(&r, 0, 4);
    ring_fini(&r);
}

static void order_survives_the_wrap_of_the_slots(void **state)
{
    (void)state;
    struct ring r;
    ring_init(&r, 4);
    fill(&r, 0, 3);
    for (unsigned i = 0; i < 40; i++) {
        fill(&r, i + 3, i + 4);
        expect(&r, i, i + 1);
    }
    assert_int_equal(ring_size(&r), 3);
    ring_fini(&r);
}

static void order_survives_the_wrap_of_the_indices(void **state)
{
    (void)state;
    struct ring r;
    ring_init(&r, 4);
    r.head = r.tail = UINT32_MAX - 1;
    fill(&r, 0, 4);
    assert_int_equal(ring_size(&r), 4);
    assert_false(ring_push(&r, &items[4]));
    expect(&r, 0, 4);
    assert_null(ring_pop(&r));
    ring_fini(&r);
}

static void growing_keeps_the_order_of_a_wrapped_ring(void **state)
{
    (void)state;
    struct ring r;
    ring_init(&r, 4);
    fill(&r, 0, 4);
    expect(&r, 0, 2);
    fill(&r, 4, 6);
    ring_grow(&r);
    assert_int_equal(r.capacity, 8);
    assert_int_equal(ring_size(&r), 4);
    fill(&r, 6, 10);
    assert_false(ring_push(&r, &items[10]));
    expect(&r, 2, 10);
    ring_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capacity_is_a_power_of_two_and_at_least_two),
        cmocka_unit_test(first_in_is_first_out),
        cmocka_unit_test(empty_ring_has_nothing),
        cmocka_unit_test(full_ring_refuses_and_keeps_what_it_has),
        cmocka_unit_test(order_survives_the_wrap_of_the_slots),
        cmocka_unit_test(order_survives_the_wrap_of_the_indices),
        cmocka_unit_test(growing_keeps_the_order_of_a_wrapped_ring),
    };
    return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}

/* The checker of confab-soak: each kind of fault is found, under its name and no other. */
#include "support/ledger/story.h"

static void repeated_in_the_live_stream(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    send_range(l, 1, 3);
    show_range(l, 0, 1, 3);
    assert_int_equal(live(l, 0, message(0, 2, 2)), LEDGER_IGNORED);
    assert_int_equal(live(l, 0, message(0, 3, 3)), LEDGER_IGNORED);
    end(l, "duplicated", 2);
}

static void stored_twice(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    send_range(l, 1, 1);
    show_range(l, 0, 1, 1);
    (void)live(l, 0, message(0, 1, 2));
    end(l, "duplicated", 1);
}

static void an_old_message_once_more(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    for (uint32_t n = 1; n <= 300; n++) {
        send_range(l, n, n);
        show_range(l, 0, n, n);
    }
    (void)live(l, 0, message(0, 1, 301));
    end(l, "duplicated", 1);
}

static void acknowledged_under_two_numbers(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    send_range(l, 1, 1);
    show_range(l, 0, 1, 1);
    ack(l, 0, 1, 2);
    end(l, "duplicated", 1);
}

static void swapped_in_the_live_stream(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    send_range(l, 1, 3);
    show_range(l, 0, 1, 1);
    assert_int_equal(live(l, 0, message(0, 3, 3)), LEDGER_HOLE);
    assert_int_equal(live(l, 0, message(0, 2, 2)), LEDGER_IGNORED);
    resume(l, 0, 2, 3);
    end(l, "reordered", 1);
}

static void stored_in_another_order_than_sent(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    say(l, 1);
    say(l, 1);
    ack(l, 1, 1, 2);
    ack(l, 1, 2, 1);
    (void)live(l, 0, message(1, 2, 1));
    (void)live(l, 0, message(1, 1, 2));
    end(l, "reordered", 1);
}

static void history_with_a_hole(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    const char *epoch;
    uint64_t seq;
    join(l, 0);
    join(l, 1);
    send_range(l, 1, 3);
    show_range(l, 1, 1, 3);
    assert_true(ledger_ask(l, 0, ROOM, &epoch, &seq));
    const struct ledger_message got[] = { message(0, 1, 1), message(0, 3, 3) };
    answer(l, 0, "e", 3, true, 2, got, 2);
    end(l, "skipped", 1);
}

static void history_that_starts_too_late(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    join(l, 1);
    send_range(l, 1, 3);
    show_range(l, 1, 1, 3);
    resume(l, 0, 2, 3);
    end(l, "skipped", 1);
}

static void history_shorter_than_told(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    answer(l, 0, "e", 0, true, 2, NULL, 0);
    end(l, "skipped", 1);
}

static void gap_of_another_size_than_told(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    const char *epoch;
    uint64_t seq;
    join(l, 0);
    join(l, 1);
    send_range(l, 1, 150);
    show_range(l, 1, 1, 150);
    struct ledger_message got[WINDOW];
    for (uint32_t i = 0; i < WINDOW; i++)
        got[i] = message(0, 51 + i, 51 + i);
    assert_true(ledger_ask(l, 0, ROOM, &epoch, &seq));
    answer(l, 0, "e", 150, false, 49, got, WINDOW);
    end(l, "skipped", 50);
}

static void gap_within_the_window(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    const char *epoch;
    uint64_t seq;
    join(l, 0);
    join(l, 1);
    send_range(l, 1, 5);
    show_range(l, 1, 1, 5);
    assert_true(ledger_ask(l, 0, ROOM, &epoch, &seq));
    const struct ledger_message got[] = { message(0, 4, 4), message(0, 5, 5) };
    answer(l, 0, "e", 5, false, 3, got, 2);
    assert_true(ledger_holds(l, true));
    end(l, "gaps_in_window", 1);
}

static void new_epoch_that_hides_messages(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    join(l, 1);
    send_range(l, 1, 5);
    show_range(l, 0, 1, 5);
    show_range(l, 1, 1, 2);
    answer(l, 0, "f", 0, false, 0, NULL, 0);
    expect(l, NULL, 0); /* it had them all */
    answer(l, 1, "f", 0, false, 0, NULL, 0);
    assert_int_equal(l->counts.messages_declared, 3);
    assert_true(ledger_holds(l, true));
    end(l, "gaps_in_window", 1);
}

static void numbers_taken_back(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    const char *epoch;
    uint64_t seq;
    join(l, 0);
    send_range(l, 1, 5);
    show_range(l, 0, 1, 5);
    assert_true(ledger_ask(l, 0, ROOM, &epoch, &seq));
    const struct ledger_message got[] = { message(0, 3, 3) };
    answer(l, 0, "e", 3, false, 0, got, 1);
    assert_int_equal(l->counts.lost, 2);
    assert_false(ledger_holds(l, false));
    ledger_free(l);
}

static void two_see_different_messages(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    join(l, 1);
    send_range(l, 1, 1);
    show_range(l, 0, 1, 1);
    struct ledger_message other = message(0, 1, 1);
    other.whole++;
    (void)live(l, 1, other);
    end(l, "diverged", 1);
}

static void not_as_it_was_sent(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    send_range(l, 1, 1);
    struct ledger_message altered = message(0, 1, 1);
    altered.text++;
    (void)live(l, 0, altered);
    end(l, "diverged", 1);
}

static void a_message_that_nobody_sent(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    (void)live(l, 0, message(1, 1, 1));
    (void)live(l, 0, message(LEDGER_NOBODY, 0, 2));
    end(l, "diverged", 2);
}

static void shown_at_another_number_than_acknowledged(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    say(l, 0);
    ack(l, 0, 1, 7);
    show_range(l, 0, 1, 1);
    end(l, "diverged", 1);
}

static void one_never_gets_it(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    join(l, 1);
    send_range(l, 1, 3);
    show_range(l, 0, 1, 3);
    show_range(l, 1, 1, 1);
    assert_int_equal(ledger_behind(l), 1);
    end(l, "lost", 2);
}

static void acknowledged_and_shown_to_nobody(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    send_range(l, 1, 1);
    assert_int_equal(l->unseen, 1);
    ledger_finish(l);
    assert_true(ledger_holds(l, true));
    expect(l, "lost", 1);
    ledger_free(l);
}

static void one_never_learns_of_the_new_epoch(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    join(l, 1);
    answer(l, 0, "f", 0, false, 0, NULL, 0);
    end(l, "lost", 1);
}

static void never_acknowledged(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    say(l, 0);
    show_range(l, 0, 1, 1);
    assert_int_equal(l->unanswered, 1);
    end(l, "unacked", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeated_in_the_live_stream),
        cmocka_unit_test(stored_twice),
        cmocka_unit_test(an_old_message_once_more),
        cmocka_unit_test(acknowledged_under_two_numbers),
        cmocka_unit_test(swapped_in_the_live_stream),
        cmocka_unit_test(stored_in_another_order_than_sent),
        cmocka_unit_test(history_with_a_hole),
        cmocka_unit_test(history_that_starts_too_late),
        cmocka_unit_test(history_shorter_than_told),
        cmocka_unit_test(gap_of_another_size_than_told),
        cmocka_unit_test(gap_within_the_window),
        cmocka_unit_test(new_epoch_that_hides_messages),
        cmocka_unit_test(numbers_taken_back),
        cmocka_unit_test(two_see_different_messages),
        cmocka_unit_test(not_as_it_was_sent),
        cmocka_unit_test(a_message_that_nobody_sent),
        cmocka_unit_test(shown_at_another_number_than_acknowledged),
        cmocka_unit_test(one_never_gets_it),
        cmocka_unit_test(acknowledged_and_shown_to_nobody),
        cmocka_unit_test(one_never_learns_of_the_new_epoch),
        cmocka_unit_test(never_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

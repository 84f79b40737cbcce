/* The checker of confab-soak: nothing legal is called a fault. */
#include "support/ledger/story.h"

static void all_see_all(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join_all(l);
    send_range(l, 1, 5000); /* more than is kept */
    for (uint64_t seq = 1; seq <= 5000; seq++)
        for (unsigned c = 0; c < CLIENTS; c++)
            show_range(l, c, seq, seq);
    assert_int_equal(l->counts.deliveries, 4 * 5000);
    assert_int_equal(l->unanswered + l->unseen + ledger_behind(l), 0);
    end(l, NULL, 0);
}

static void ack_may_come_before_or_behind_the_message(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    say(l, 0);
    ack(l, 0, 1, 1);
    assert_int_equal(l->unseen, 1);
    show_range(l, 0, 1, 1);
    say(l, 0);
    show_range(l, 0, 2, 2);
    assert_int_equal(l->unanswered, 1);
    ack(l, 0, 2, 2);
    ledger_acked(l, 0, ROOM, 2, 2, message(0, 2, 0).id, true); /* of a repetition */
    assert_int_equal(l->counts.acked, 2);
    assert_int_equal(l->counts.acked_duplicate, 1);
    assert_int_equal(l->unanswered + l->unseen, 0);
    end(l, NULL, 0);
}

static void a_hole_may_be_filled(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join_all(l);
    send_range(l, 1, 6);
    show_range(l, 0, 1, 6);
    show_range(l, 1, 1, 2);
    assert_int_equal(live(l, 1, message(0, 5, 5)), LEDGER_HOLE);
    assert_int_equal(live(l, 1, message(0, 6, 6)), LEDGER_HOLE);
    resume(l, 1, 3, 6);
    assert_int_equal(ledger_position(l, 1, ROOM), 6);
    assert_int_equal(l->counts.recovered_messages, 4);
    assert_int_equal(ledger_behind(l), 2);
    resume(l, 2, 1, 6);
    resume(l, 3, 1, 6);
    end(l, NULL, 0);
}

static void resume_may_overlap(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    send_range(l, 1, 8);
    show_range(l, 0, 1, 3);
    const char *epoch;
    uint64_t seq;
    assert_true(ledger_ask(l, 0, ROOM, &epoch, &seq));
    assert_string_equal(epoch, "e");
    assert_int_equal(seq, 3);
    show_range(l, 0, 4, 5); /* before the server took the join */
    struct ledger_message got[5];
    for (unsigned i = 0; i < 5; i++)
        got[i] = message(0, 4 + i, 4 + i);
    answer(l, 0, "e", 8, true, 5, got, 5);
    assert_int_equal(l->counts.deliveries, 8);
    assert_int_equal(l->counts.recovered_messages, 3);
    end(l, NULL, 0);
}

static void gap_of_more_than_the_window_may_be_declared(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    struct ledger_message got[WINDOW];
    const char *epoch;
    uint64_t seq;
    join(l, 0);
    join(l, 1);
    send_range(l, 1, 150);
    show_range(l, 0, 1, 150);
    show_range(l, 1, 1, 10);
    ledger_offline(l, 1);
    assert_true(ledger_ask(l, 1, ROOM, &epoch, &seq));
    for (uint32_t i = 0; i < WINDOW; i++)
        got[i] = message(0, 51 + i, 51 + i);
    answer(l, 1, "e", 150, false, 40, got, WINDOW);
    assert_int_equal(l->counts.gaps_declared, 1);
    assert_int_equal(l->counts.messages_declared, 40);
    end(l, NULL, 0);
}

static void new_epoch_may_keep_the_messages(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    struct ledger_message got[WINDOW];
    join(l, 0);
    join(l, 1);
    send_range(l, 1, 200); /* of most of them the ledger has forgotten who sent them */
    show_range(l, 0, 1, 200);
    show_range(l, 1, 1, 195);
    for (uint32_t i = 0; i < WINDOW; i++)
        got[i] = message(0, 101 + i, 101 + i);
    for (unsigned c = 0; c < 3; c++) /* one of them joins anew */
        answer(l, c, "f", 200, false, 0, got, WINDOW);
    assert_int_equal(l->counts.epochs, 1);
    assert_int_equal(l->counts.gaps_declared, 2);
    say(l, 0);
    ack(l, 0, 201, 201);
    for (unsigned c = 0; c < 3; c++)
        show_range(l, c, 201, 201);
    end(l, NULL, 0);
}

/* Redis lost a message before its sender was told: the repetition has the same id. */
static void lost_and_repeated_in_a_new_epoch(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    join(l, 1);
    say(l, 0);
    show_range(l, 0, 1, 1);
    show_range(l, 1, 1, 1);
    answer(l, 0, "f", 0, false, 0, NULL, 0);
    answer(l, 1, "f", 0, false, 0, NULL, 0);
    ack(l, 0, 1, 1);
    show_range(l, 0, 1, 1);
    show_range(l, 1, 1, 1);
    end(l, NULL, 0);
}

static void leaving_ends_every_claim(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    const char *epoch;
    uint64_t seq;
    join(l, 0);
    join(l, 1);
    send_range(l, 1, 10);
    show_range(l, 0, 1, 10);
    show_range(l, 1, 1, 2);
    ledger_left(l, 1, ROOM);
    assert_int_equal(live(l, 1, message(0, 3, 3)), LEDGER_IGNORED);
    assert_int_equal(ledger_behind(l), 0);
    assert_false(ledger_ask(l, 1, ROOM, &epoch, &seq));
    const struct ledger_message got[] = { message(0, 9, 9), message(0, 10, 10) };
    answer(l, 1, "e", 10, false, 0, got, 2);
    assert_int_equal(l->counts.gaps_declared, 0);
    end(l, NULL, 0);
}

static void refused_promises_nothing(void **state)
{
    (void)state;
    struct ledger *l = new_ledger();
    join(l, 0);
    say(l, 0);
    ledger_refused(l, 0, ROOM, 1);
    assert_int_equal(l->unanswered, 0);
    assert_int_equal(ledger_next(l, 0, ROOM), 2);
    assert_int_equal(l->counts.refused, 1);
    end(l, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_see_all),
        cmocka_unit_test(ack_may_come_before_or_behind_the_message),
        cmocka_unit_test(a_hole_may_be_filled),
        cmocka_unit_test(resume_may_overlap),
        cmocka_unit_test(gap_of_more_than_the_window_may_be_declared),
        cmocka_unit_test(new_epoch_may_keep_the_messages),
        cmocka_unit_test(lost_and_repeated_in_a_new_epoch),
        cmocka_unit_test(leaving_ends_every_claim),
        cmocka_unit_test(refused_promises_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

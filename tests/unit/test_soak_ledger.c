/* The checker of confab-soak: each kind of fault is found, and nothing legal is called one. */
#include "support/test.h"

#include "soak/ledger.h"

#include <string.h>

enum { CLIENTS = 4, ROOM = 0, ROOMS = 2, WINDOW = 100 };
#define ALL UINT64_MAX

/* The message that client `sender` sent as its n-th, at a number. */
static struct ledger_message message(unsigned sender, uint32_t n, uint64_t seq)
{
    return (struct ledger_message){ .seq = seq,
                                    .sender = sender,
                                    .n = n,
                                    .id = 1000 * sender + n,
                                    .text = 7000 * sender + n,
                                    .whole = 1000000 * (sender + 1) + n };
}

static struct ledger *new_ledger(void)
{
    return ledger_new(CLIENTS, ROOMS, WINDOW);
}

static void answer(struct ledger *l, unsigned client, const char *epoch, uint64_t top,
                   bool recovered, uint64_t missed, const struct ledger_message *messages,
                   size_t count)
{
    const struct ledger_answer a = { epoch, top, recovered, missed, messages, count };
    ledger_answer(l, client, ROOM, &a);
}

static void join(struct ledger *l, unsigned client)
{
    answer(l, client, "e", 0, false, 0, NULL, 0);
}

static void join_all(struct ledger *l)
{
    for (unsigned c = 0; c < CLIENTS; c++)
        join(l, c);
}

/* The client comes back and gets messages 0/n at the numbers from … to. */
static void resume(struct ledger *l, unsigned client, uint64_t from, uint64_t to)
{
    struct ledger_message got[WINDOW];
    size_t count = 0;
    const char *epoch;
    uint64_t seq;
    assert_true(ledger_ask(l, client, ROOM, &epoch, &seq));
    for (uint64_t at = from; at <= to; at++)
        got[count++] = message(0, (uint32_t)at, at);
    answer(l, client, "e", to, true, count, got, count);
}

static enum ledger_live live(struct ledger *l, unsigned client, struct ledger_message m)
{
    int64_t sent_us;
    return ledger_live(l, client, ROOM, &m, &sent_us);
}

static void say(struct ledger *l, unsigned sender)
{
    uint32_t n = ledger_next(l, sender, ROOM);
    ledger_sent(l, sender, ROOM, message(sender, n, 0).text, 10 * n);
}

static void ack(struct ledger *l, unsigned sender, uint32_t n, uint64_t seq)
{
    ledger_acked(l, sender, ROOM, n, seq, message(sender, n, 0).id, false);
}

/* Client 0 sends its messages from … to, which get the same numbers, and is acknowledged. */
static void send_range(struct ledger *l, uint32_t from, uint32_t to)
{
    for (uint32_t n = from; n <= to; n++) {
        say(l, 0);
        ack(l, 0, n, n);
    }
}

static void show_range(struct ledger *l, unsigned client, uint64_t from, uint64_t to)
{
    for (uint64_t seq = from; seq <= to; seq++)
        assert_int_equal(live(l, client, message(0, (uint32_t)seq, seq)), LEDGER_SHOWN);
}

/* `only` faults of that kind, and no others; NULL: none at all. */
static void expect(struct ledger *l, const char *only, uint64_t n)
{
    uint64_t sum = 0, of_kind = 0;
#define X(name, loss, label)                                                                       \
    sum += l->counts.name;                                                                         \
    of_kind += only && !strcmp(only, #name) ? l->counts.name : 0;
    LEDGER_FAULTS(X)
#undef X
    if (l->reason_count && (!only || sum != of_kind))
        print_message("%s\n", l->reasons[0]);
    assert_int_equal(sum, of_kind);
    if (!only) {
        assert_int_equal(l->reason_count, 0);
        assert_true(ledger_holds(l, false));
        return;
    }
    if (n == ALL)
        assert_true(of_kind > 0);
    else
        assert_int_equal(of_kind, n);
    assert_true(l->reason_count > 0);
    assert_false(ledger_holds(l, false));
}

static void end(struct ledger *l, const char *only, uint64_t n)
{
    ledger_finish(l);
    expect(l, only, n);
    ledger_free(l);
}

/* ---- legal */

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

/* ---- broken */

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
        cmocka_unit_test(all_see_all),
        cmocka_unit_test(ack_may_come_before_or_behind_the_message),
        cmocka_unit_test(a_hole_may_be_filled),
        cmocka_unit_test(resume_may_overlap),
        cmocka_unit_test(gap_of_more_than_the_window_may_be_declared),
        cmocka_unit_test(new_epoch_may_keep_the_messages),
        cmocka_unit_test(lost_and_repeated_in_a_new_epoch),
        cmocka_unit_test(leaving_ends_every_claim),
        cmocka_unit_test(refused_promises_nothing),
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

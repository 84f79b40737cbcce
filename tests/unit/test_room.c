/* Rooms: joining, holes, epochs, resuming, who is there. */
#include "support/room/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void nothing_is_read_before_the_channel_is_there(void **state)
{
    (void)state;
    struct peer *alice = somebody("alice");
    room_join(hub, alice, "tea", NULL, 0);
    assert_string_equal(store.subscribed, "tea");
    assert_int_equal(store.loads, 0);
    room_subscribed(hub, "tea");
    assert_int_equal(store.loads, 1);
    says("");
    list(STORE_OK, "e1", 1, 2);
    says(""); /* who is there is not known yet */
    roster("bob", 1);
    says("alice:joined(fresh,0) alice:history(1,2) +alice@2 ");
    gone(alice);
    assert_int_equal(store.unsubscribed, 1);
}

static void messages_during_a_load_come_once_and_in_order(void **state)
{
    (void)state;
    struct peer *alice = somebody("alice");
    room_join(hub, alice, "tea", NULL, 0);
    room_subscribed(hub, "tea");
    roster("", 0);
    live("e1", 2);
    live("e1", 3);
    live("e1", 4);
    list(STORE_OK, "e1", 1, 3); /* the list has 2 and 3 as well */
    says("alice:joined(fresh,0) alice:history(1,2,3,4) +alice@4 ");
    live("e1", 5);
    says("*:message(5) ");
    live("e1", 5);
    live("e1", 4);
    says("");
    gone(alice);
}

static void a_hole_is_filled_from_the_list(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(3);
    live("e1", 6); /* 4 and 5 were missed */
    live("e1", 7);
    says("");
    list(STORE_OK, "e1", 1, 6);
    says("*:message(4) *:message(5) *:message(6) *:message(7) ");
    gone(alice);
}

static void a_hole_that_the_list_cannot_fill_stays_visible(void **state)
{
    (void)state;
    uint64_t lost = stats.gaps_lost;
    struct peer *alice = alice_in_tea(3);
    live("e1", 110);
    list(STORE_OK, "e1", 11, 110);
    assert_int_equal(stats.gaps_lost - lost, 7); /* 4 … 10 */
    assert_non_null(strstr(wire.data, "*:message(11) "));
    assert_null(strstr(wire.data, "*:message(10) "));
    gone(alice);
}

/* Numbers outlive the list where there is an archive. */
static void an_empty_list_loses_what_was_missed_and_goes_on(void **state)
{
    (void)state;
    uint64_t lost = stats.gaps_lost;
    struct peer *alice = alice_in_tea(3);
    int loads = store.loads;
    live("e1", 8);
    list(STORE_OK, "e1", 8, 7); /* nothing, and 7 is the last number */
    assert_int_equal(stats.gaps_lost - lost, 4);
    says("*:message(8) ");
    assert_int_equal(store.loads, loads + 1);
    struct peer *bob = somebody("bob");
    room_join(hub, bob, "tea", "e1", 7);
    says("bob:joined(recovered,1) bob:history(8) +bob@8 ");
    gone(alice);
    gone(bob);
}

static void list_of_other_texts(int last)
{
    char text[8][64];
    struct frame_part parts[8];
    for (int n = 1; n <= last; n++) {
        snprintf(text[n], sizeof text[n], "{\"type\":\"message\",\"n\":%d,\"deleted\":true}", n);
        parts[n] = (struct frame_part){ text[n], strlen(text[n]) };
    }
    struct store_messages r = { .status = STORE_OK,
                                .epoch = "e1",
                                .seq = (uint64_t)last,
                                .fence = "run",
                                .messages = parts + 1,
                                .count = (size_t)last,
                                .first_seq = 1,
                                .epoch_first = 1 };
    store_messages_fn *done = store.load_done;
    assert_non_null(done);
    store.load_done = NULL;
    done(store.load_arg, &r);
}

static void texts_that_were_changed_are_loaded_again_and_sent_to_nobody(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(3);
    struct room *tea = room_find(hub, "tea");
    int loads = store.loads;
    stream_changed(tea);
    live("e1", 4);       /* meanwhile */
    stream_changed(tea); /* another one, which the load may have come before */
    list_of_other_texts(4);
    assert_int_equal(store.loads, loads + 2);
    list_of_other_texts(4);
    says("*:message(4) ");
    assert_int_equal(tea->state, ROOM_LIVE);
    assert_int_equal(tea->cached, 4);
    for (int n = 1; n <= 4; n++)
        assert_non_null(
            memmem(frame_payload(tea->cache[n]), frame_payload_size(tea->cache[n]), "deleted", 7));
    live("e1", 5);
    says("*:message(5) ");
    gone(alice);
}

static void a_new_epoch_starts_everybody_again(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(9);
    live("e2", 2);
    says("");
    list(STORE_OK, "e2", 1, 2);
    says("-alice alice:joined(fresh,0) alice:history(1,2) +alice@2 ");
    live("e2", 3);
    says("*:message(3) ");
    gone(alice);
}

static void resume_is_all_or_nothing(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(0), *bob = somebody("bob"), *carol = somebody("carol");
    for (int n = 1; n <= 150; n++)
        live("e1", n);
    str_reset(&wire);
    room_join(hub, bob, "tea", "e1", 148);
    says("bob:joined(recovered,2) bob:history(149,150) +bob@150 ");
    room_join(hub, carol, "tea", "e1", 50); /* 51 is the oldest that is kept */
    assert_non_null(strstr(wire.data, "carol:joined(recovered,100) carol:history(51,52,"));
    room_leave(hub, carol->rooms, false);
    str_reset(&wire);
    room_join(hub, carol, "tea", "e1", 49);
    assert_non_null(strstr(wire.data, "carol:joined(fresh,1) carol:history(51,"));
    room_leave(hub, carol->rooms, false);
    str_reset(&wire);
    room_join(hub, carol, "tea", "other", 149);
    assert_non_null(strstr(wire.data, "carol:joined(fresh,0) carol:history(51,"));
    gone(alice);
    gone(bob);
    gone(carol);
}

static void who_stands_ahead_of_this_instance_waits_for_redis(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(3), *bob = somebody("bob");
    room_join(hub, bob, "tea", "e1", 5); /* bob saw 4 and 5 elsewhere */
    says("");
    list(STORE_OK, "e1", 1, 6);
    says("*:message(4) *:message(5) *:message(6) bob:joined(recovered,1) bob:history(6) +bob@6 ");
    room_leave(hub, bob->rooms, false);
    str_reset(&wire);
    room_join(hub, bob, "tea", "e1", 9); /* and nobody ever gave out 9 */
    list(STORE_OK, "e1", 1, 6);
    says("bob:joined(fresh,0) bob:history(1,2,3,4,5,6) +bob@6 ");
    gone(alice);
    gone(bob);
}

static void who_lagged_is_out_of_the_stream_until_served(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(3);
    room_join(hub, alice, "tea", "e1", 1);
    says("-alice alice:joined(recovered,2) alice:history(2,3) +alice@3 ");
    gone(alice);
}

static void after_the_bus_was_cut_what_was_missed_is_filled_in(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(3);
    room_resubscribe(room_find(hub, "tea"));
    live("e1", 6);
    says("");
    room_subscribed(hub, "tea");
    roster("alice", 1);
    list(STORE_OK, "e1", 1, 5);
    says("*:message(4) *:message(5) *:message(6) ");
    gone(alice);
}

/* Redis dies between the answer to the sender and the delivery: if it comes back without the
 * message, this instance is the only witness. */
static void what_was_acknowledged_and_never_arrived_is_remembered(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(3);
    stored(alice, "e1", "run", 4);
    stored(alice, "e0", "run", 9);   /* of another epoch */
    stored(alice, "e1", "run-2", 9); /* … another Redis: the room will be loaded from that */
    room_resubscribe(room_find(hub, "tea"));
    room_subscribed(hub, "tea");
    assert_int_equal(store.load_known, 4);
    roster("alice", 1);
    list(STORE_OK, "e2", 1, 3);
    room_resubscribe(room_find(hub, "tea"));
    room_subscribed(hub, "tea");
    assert_int_equal(store.load_known, 3); /* numbers of the new epoch */
    roster("alice", 1);
    list(STORE_OK, "e2", 1, 3);
    gone(alice);
}

static void a_roster_alone_does_not_make_a_room_live(void **state)
{
    (void)state;
    struct peer *alice = somebody("alice");
    room_join(hub, alice, "tea", NULL, 0);
    room_subscribed(hub, "tea");
    list(STORE_UNAVAILABLE, "", 1, 0); /* others may vouch first */
    roster("alice", 1);
    says("");
    assert_int_equal(room_find(hub, "tea")->state, ROOM_LOADING);
    assert_true(event_pending(room_find(hub, "tea")->retry, EV_TIMEOUT, NULL));
    stream_load(room_find(hub, "tea"));
    list(STORE_OK, "e1", 1, 2);
    says("alice:joined(fresh,0) alice:history(1,2) +alice@2 ");
    gone(alice);
}

static void a_room_that_redis_refuses_tells_those_who_wait(void **state)
{
    (void)state;
    struct peer *alice = somebody("alice");
    room_join(hub, alice, "tea", NULL, 0);
    room_subscribed(hub, "tea");
    roster("", 0);
    list(STORE_REFUSED, "", 1, 0);
    says("alice:error ");
    assert_null(alice->rooms);
    gone(alice);
}

static void rooms_of_a_client_and_of_an_instance_are_bounded(void **state)
{
    (void)state;
    struct peer *alice = somebody("alice");
    room_join(hub, alice, "a", NULL, 0);
    room_join(hub, alice, "b", NULL, 0);
    room_join(hub, alice, "c", NULL, 0);
    says("");
    room_join(hub, alice, "d", NULL, 0); /* MAX_ROOMS is 3 here */
    says("alice:error ");
    alice->room_count = RULE_ROOMS_PER_CLIENT;
    struct peer *bob = somebody("bob");
    room_join(hub, bob, "a", NULL, 0);
    room_join(hub, alice, "e", NULL, 0);
    says("alice:error ");
    alice->room_count = 3;
    gone(alice);
    gone(bob);
}

static void a_leave_is_announced_when_the_last_connection_of_the_user_leaves(void **state)
{
    (void)state;
    struct peer *phone = alice_in_tea(0), *laptop = somebody("alice");
    room_join(hub, laptop, "tea", NULL, 0);
    room_leave(hub, phone->rooms, true);
    assert_string_equal(store.left, "");
    room_leave(hub, laptop->rooms, true);
    assert_string_equal(store.left, "tea/alice");
    gone(phone);
    gone(laptop);
}

static void who_merely_disconnects_is_left_to_the_lease(void **state)
{
    (void)state;
    gone(alice_in_tea(0));
    assert_string_equal(store.left, "");
}

static void joins_are_gathered(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(0), *bob = somebody("bob"), *carol = somebody("carol");
    assert_string_equal(store.refreshed, "alice"); /* the first one at once */
    room_join(hub, bob, "tea", NULL, 0);
    room_join(hub, carol, "tea", NULL, 0);
    assert_string_equal(store.refreshed, "alice");
    room_find(hub, "tea")->announced_ms -= PRESENCE_MOST_MS;
    roster_gathered(hub);
    assert_string_equal(store.refreshed, "bob\ncarol");
    gone(alice);
    gone(bob);
    gone(carol);
}

static void the_roster_follows_the_channel_and_counts_large_rooms(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(0);
    struct room *tea = room_find(hub, "tea");
    roster_presence(hub, "tea", "bob\ncarol", NULL, 3);
    says("*:presence ");
    assert_int_equal(tea->roster_count, 3);
    roster_presence(hub, "tea", NULL, "bob", 2);
    assert_string_equal(roster_text(tea), "alice\ncarol");
    str_reset(&wire);
    roster_presence(hub, "tea", NULL, NULL, 201);
    says(""); /* counts of large rooms wait for their timer */
    assert_null(roster_text(tea));
    roster_counts(hub);
    says("*:presence ");
    roster_counts(hub);
    says("");
    gone(alice);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(nothing_is_read_before_the_channel_is_there),
        T(messages_during_a_load_come_once_and_in_order),
        T(a_hole_is_filled_from_the_list),
        T(a_hole_that_the_list_cannot_fill_stays_visible),
        T(an_empty_list_loses_what_was_missed_and_goes_on),
        T(texts_that_were_changed_are_loaded_again_and_sent_to_nobody),
        T(a_new_epoch_starts_everybody_again),
        T(resume_is_all_or_nothing),
        T(who_stands_ahead_of_this_instance_waits_for_redis),
        T(who_lagged_is_out_of_the_stream_until_served),
        T(after_the_bus_was_cut_what_was_missed_is_filled_in),
        T(what_was_acknowledged_and_never_arrived_is_remembered),
        T(a_roster_alone_does_not_make_a_room_live),
        T(a_room_that_redis_refuses_tells_those_who_wait),
        T(rooms_of_a_client_and_of_an_instance_are_bounded),
        T(a_leave_is_announced_when_the_last_connection_of_the_user_leaves),
        T(who_merely_disconnects_is_left_to_the_lease),
        T(joins_are_gathered),
        T(the_roster_follows_the_channel_and_counts_large_rooms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

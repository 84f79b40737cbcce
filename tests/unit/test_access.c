/* Rooms with a guard: who is let in, held out, taken out. */
#include "support/room/story.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Alice is in tea, which has a guard; numbers 1 … top are out. */
static struct peer *alice_in_guarded_tea(int top)
{
    store.guard = "p 0";
    store.version = 1;
    struct peer *alice = somebody("alice");
    room_join(hub, alice, "tea", NULL, 0);
    room_subscribed(hub, "tea");
    roster("", 0);
    list(STORE_OK, "e1", 1, top);
    may("alice", "1");
    str_reset(&wire);
    return alice;
}

static struct peer *joining(const char *name)
{
    struct peer *p = somebody(name);
    room_join(hub, p, "tea", NULL, 0);
    return p;
}

static void an_ordinary_room_asks_nobody(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(2), *bob = joining("bob");
    assert_int_equal(store.access_count, 0);
    says("bob:joined(fresh,0) bob:history(1,2) +bob@2 ");
    gone(alice);
    gone(bob);
}

static void who_joins_is_let_in_by_redis_and_told_of_only_then(void **state)
{
    (void)state;
    struct peer *alice = alice_in_guarded_tea(2);
    store.refreshed[0] = '\0';
    struct peer *bob = joining("bob");
    says("");
    roster_gathered(hub);
    roster_heartbeat(hub);
    assert_null(strstr(store.refreshed, "bob"));
    may("bob", "1");
    says("bob:joined(fresh,0)[told] bob:history(1,2) +bob@2 ");
    roster_heartbeat(hub);
    assert_non_null(strstr(store.refreshed, "bob"));
    gone(alice);
    gone(bob);
}

static void an_answer_about_a_membership_that_is_no_more_is_nothing(void **state)
{
    (void)state;
    struct peer *alice = alice_in_guarded_tea(0), *bob = joining("bob");
    room_leave(hub, bob->rooms, false);
    room_join(hub, bob, "tea", NULL, 0);
    may("bob", "p"); /* of the first */
    says("");
    may("bob", "1");
    says("bob:joined(fresh,0)[told] bob:history() +bob@0 ");
    gone(alice);
    gone(bob);
}

static void who_may_not_read_gets_an_error_and_leaves_no_trace(void **state)
{
    (void)state;
    struct peer *alice = alice_in_guarded_tea(2);
    store.refreshed[0] = store.left[0] = '\0';
    struct peer *bob = joining("bob"), *carol = joining("carol");
    may("bob", "p");
    assert_non_null(strstr(sent.data, "'code':'private_room'"));
    may("carol", "b");
    assert_non_null(strstr(sent.data, "'code':'banned'"));
    assert_non_null(strstr(sent.data, "'retry_after_ms':5000"));
    says("bob:error carol:error ");
    assert_null(bob->rooms);
    live("e1", 3);
    says("*:message(3) ");
    roster_heartbeat(hub);
    assert_string_equal(store.refreshed, "alice");
    assert_string_equal(store.left, "");
    gone(alice);
    gone(bob);
    gone(carol);
}

static void those_who_wait_for_the_load_are_asked_about_behind_it(void **state)
{
    (void)state;
    store.guard = "p 0";
    struct peer *alice = joining("alice"), *bob = joining("bob");
    room_subscribed(hub, "tea");
    roster("", 0);
    assert_int_equal(store.access_count, 0);
    list(STORE_OK, "e1", 1, 1);
    says("");
    may("alice", "p");
    may("bob", "1");
    says("alice:error bob:joined(fresh,0)[told] bob:history(1) +bob@1 ");
    gone(alice);
    gone(bob);
}

static void a_room_that_becomes_private_keeps_its_members_and_tells_others_nothing_more(
    void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(2), *bob = joining("bob");
    str_reset(&wire);
    act("e1", 3, 1, "p 0", "?*");
    says("*:message(3) -alice -bob "); /* the act itself reaches all */
    live("e1", 4);
    says("");
    may("alice bob", "1p");
    says("alice:joined(recovered,1)[known] alice:history(4) +alice@4 bob:left ");
    assert_non_null(strstr(sent.data, "'reason':'private'"));
    live("e1", 5);
    says("*:message(5) ");
    gone(alice);
    gone(bob);
}

static void who_is_taken_out_sees_why_on_all_connections(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(2), *bob = joining("bob"), *bob2 = joining("bob");
    str_reset(&wire);
    act("e1", 3, 1, "x 0", "-bob banned 123");
    says("*:message(3) -bob bob:left -bob bob:left ");
    assert_string_equal(sent.data, "{'type':'left','room':'tea','reason':'banned','until':123}");
    assert_string_equal(store.left, "tea/bob");
    assert_int_equal(store.access_count, 0);
    live("e1", 4);
    says("*:message(4) ");
    gone(alice);
    gone(bob);
    gone(bob2);
}

static void one_person_is_asked_about_alone(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(2), *bob = joining("bob");
    str_reset(&wire);
    act("e1", 3, 1, "- 0", "?bob");
    says("*:message(3) -bob ");
    live("e1", 4);
    says("*:message(4) ");
    may("bob", "1");
    says("bob:joined(recovered,1)[known] bob:history(4) +bob@4 ");
    gone(alice);
    gone(bob);
}

static void an_act_that_was_missed_is_made_good_before_what_follows_it_is_delivered(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(2), *bob = joining("bob");
    str_reset(&wire);
    live("e1", 4); /* 3 was the act */
    store.guard = "p 0";
    store.version = 1;
    list(STORE_OK, "e1", 1, 4);
    says("-alice -bob "); /* 3 and 4 to nobody: all are out */
    may("alice bob", "1p");
    says("alice:joined(recovered,2)[known] alice:history(3,4) +alice@4 bob:left ");
    gone(alice);
    gone(bob);
}

static void an_act_behind_a_hole_holds_all_out(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(2), *bob = joining("bob"), *carol = joining("carol");
    str_reset(&wire);
    act("e1", 4, 2, "px 0", "-bob kicked 9");
    says("-bob bob:left -alice -carol ");
    list(STORE_OK, "e1", 1, 4);
    assert_int_equal(store.access_count, 1);
    may("alice carol", "1p");
    gone(alice);
    gone(bob);
    gone(carol);
}

static void an_act_during_a_load_is_followed_by_another_load(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(2);
    live("e1", 4);
    const int loads = store.loads;
    str_reset(&wire);
    act("e1", 5, 1, "p 0", "?*");
    says("-alice ");
    store.guard = "";
    store.version = 0; /* the load was before the act */
    list(STORE_OK, "e1", 1, 4);
    assert_int_equal(store.loads, loads + 1);
    assert_int_equal(room_find(hub, "tea")->on_net[0], 0);
    store.guard = "p 0";
    store.version = 1;
    list(STORE_OK, "e1", 1, 5);
    may("alice", "1");
    assert_non_null(
        strstr(wire.data, "alice:joined(recovered,3)[known] alice:history(3,4,5) +alice@5 "));
    gone(alice);
}

static void a_load_that_brings_the_act_makes_the_act_old(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(2);
    stream_changed(room_find(hub, "tea"));
    store.guard = "- 0";
    store.version = 1;
    list(STORE_OK, "e1", 1, 3);
    may("alice", "1");
    str_reset(&wire);
    act("e1", 3, 1, "- 0", "-alice kicked 9"); /* Redis has answered since */
    says("");
    gone(alice);
}

static void what_becomes_doubtful_while_it_is_asked_is_asked_again(void **state)
{
    (void)state;
    struct peer *alice = alice_in_guarded_tea(2), *bob = joining("bob");
    act("e1", 3, 2, "p 0", "?bob");
    str_reset(&wire);
    may("bob", "1"); /* from before the act */
    says("");
    may("bob", "p");
    says("bob:error ");
    gone(alice);
    gone(bob);
}

static void while_redis_is_away_nobody_comes_in_and_members_are_asked_about_again(void **state)
{
    (void)state;
    struct peer *alice = alice_in_guarded_tea(2), *bob = joining("bob");
    may_unanswered("bob", STORE_UNAVAILABLE);
    assert_non_null(strstr(sent.data, "'code':'unavailable'"));
    assert_null(bob->rooms);
    str_reset(&wire);
    act("e1", 3, 2, "p 0", "?*");
    may_unanswered("alice", STORE_UNAVAILABLE);
    says("*:message(3) -alice ");
    struct room *tea = room_find(hub, "tea");
    assert_true(event_pending(tea->ask_again, EV_TIMEOUT, NULL));
    store.access_error = -ENOTCONN;
    room_join(hub, bob, "tea", NULL, 0);
    says("bob:error ");
    assert_int_equal(store.access_count, 0); /* alice in her time */
    store.access_error = 0;
    event_del(tea->ask_again);
    event_active(tea->ask_again, EV_TIMEOUT, 0);
    event_base_loop(hub->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    may("alice", "1");
    says("alice:joined(recovered,0)[known] alice:history() +alice@3 ");
    gone(alice);
    gone(bob);
}

static void many_are_asked_about_in_lots(void **state)
{
    (void)state;
    enum { MEMBERS = 1100 };
    static struct peer *members[MEMBERS];
    struct peer *alice = alice_in_tea(1);
    for (int i = 0; i < MEMBERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        members[i] = joining(name);
    }
    act("e1", 2, 1, "p 0", "?*");
    assert_int_equal(store.access_count, 3);
    while (store.access_count) {
        char names[8192], letters[STORE_ACCESS_MOST + 1];
        snprintf(names, sizeof names, "%s", store.accesses[0].names.data);
        size_t count = 1;
        for (const char *at = names; *at; at++)
            count += *at == ' ';
        assert_in_range(count, 1, STORE_ACCESS_MOST);
        memset(letters, '1', count);
        letters[count] = '\0';
        may(names, letters);
    }
    assert_int_equal(room_find(hub, "tea")->on_net[0], MEMBERS + 1);
    for (int i = 0; i < MEMBERS; i++)
        gone(members[i]);
    gone(alice);
}

static void a_room_that_ended_is_empty_and_ordinary(void **state)
{
    (void)state;
    struct peer *alice = alice_in_guarded_tea(2), *bob = joining("bob");
    str_reset(&wire);
    act("e1", 3, 2, "", "-* destroyed 0");
    says("*:message(3) -alice alice:left bob:joined(fresh,0) bob:history(1,2) +bob@3 ");
    may("bob", "p"); /* from before */
    assert_non_null(bob->rooms);
    assert_null(alice->rooms);
    gone(alice);
    gone(bob);
}

static struct command *parsed(const char *text)
{
    struct command *c;
    struct command_error error;
    assert_int_equal(command_parse(text, strlen(text), &c, &error), 0);
    return c;
}

static void who_is_not_in_yet_reads_nothing(void **state)
{
    (void)state;
    struct peer *alice = alice_in_guarded_tea(2), *bob = joining("bob");
    past_run(hub, bob, parsed("{\"type\":\"history\",\"room\":\"tea\"}"));
    says("");
    may("bob", "p"); /* of the join */
    may("bob", "p"); /* of the page */
    says("bob:error bob:error ");
    past_run(hub, alice, parsed("{\"type\":\"history\",\"room\":\"tea\"}"));
    says("alice:history(1,2) ");
    gone(alice);
    gone(bob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define A(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        A(an_ordinary_room_asks_nobody),
        A(who_joins_is_let_in_by_redis_and_told_of_only_then),
        A(an_answer_about_a_membership_that_is_no_more_is_nothing),
        A(who_may_not_read_gets_an_error_and_leaves_no_trace),
        A(those_who_wait_for_the_load_are_asked_about_behind_it),
        A(a_room_that_becomes_private_keeps_its_members_and_tells_others_nothing_more),
        A(who_is_taken_out_sees_why_on_all_connections),
        A(one_person_is_asked_about_alone),
        A(an_act_that_was_missed_is_made_good_before_what_follows_it_is_delivered),
        A(an_act_behind_a_hole_holds_all_out),
        A(an_act_during_a_load_is_followed_by_another_load),
        A(a_load_that_brings_the_act_makes_the_act_old),
        A(what_becomes_doubtful_while_it_is_asked_is_asked_again),
        A(while_redis_is_away_nobody_comes_in_and_members_are_asked_about_again),
        A(many_are_asked_about_in_lots),
        A(a_room_that_ended_is_empty_and_ordinary),
        A(who_is_not_in_yet_reads_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

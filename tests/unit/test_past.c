/* Pages: which come from the list, which from an archive. */
#include "support/room/past.h"

#include "confab/wire/event.h"

#include <errno.h>
#include <string.h>

/* --- the list alone -------------------------------------------------------------------------------- */

static void without_an_archive_the_list_is_all(void **state)
{
    (void)state;
    struct peer *alice = alice_late_in_tea();
    peer_says(alice, "{'type':'history','room':'tea','before':103}");
    says("alice:history(101,102) ");
    answered("{'type':'history','room':'tea','epoch':'e1','more':false,"
             "'newer':{'epoch':'e1','after':102}}");
    peer_says(alice, "{'type':'history','room':'tea','before':101,'cid':'c'}");
    says("alice:history() ");
    answered("{'type':'history','room':'tea','epoch':'e1','more':false,'cid':'c'}");
    peer_says(alice, "{'type':'history','room':'tea','before':0}");
    says("alice:history() ");
    peer_says(alice, "{'type':'history','room':'tea','limit':2}");
    says("alice:history(199,200) ");
    answered("{'type':'history','room':'tea','epoch':'e1','more':true,"
             "'older':{'epoch':'e1','before':199}}");
    gone(alice);
}

static void what_was_acknowledged_is_in_the_page(void **state)
{
    (void)state;
    struct peer *alice = alice_late_in_tea();
    store.takes_pages = true;
    stored(alice, "e1", "run", 201); /* pub/sub has not brought it yet */
    str_reset(&wire);
    peer_says(alice, "{'type':'history','room':'tea','limit':2}");
    says("");
    answer_list(store.page_done, store.page_arg, STORE_OK, "e1", 1, 200, 201);
    says("alice:history(200,201) ");
    gone(alice);
}

static void the_list_goes_forward_too(void **state)
{
    (void)state;
    struct peer *alice = alice_late_in_tea();
    peer_says(alice, "{'type':'history','room':'tea','after':100,'limit':2}");
    says("alice:history(101,102) ");
    answered("{'type':'history','room':'tea','epoch':'e1','more':false,"
             "'newer':{'epoch':'e1','after':102}}");
    peer_says(alice, "{'type':'history','room':'tea','after':198,'epoch':'e1'}");
    says("alice:history(199,200) ");
    answered("{'type':'history','room':'tea','epoch':'e1','more':true,"
             "'older':{'epoch':'e1','before':199}}");
    peer_says(alice, "{'type':'history','room':'tea','after':9999}");
    says("alice:history() ");
    peer_says(alice, "{'type':'history','room':'tea','after':90,'limit':1}");
    says("alice:history(101) ");
    answered("{'type':'history','room':'tea','epoch':'e1','more':false,"
             "'newer':{'epoch':'e1','after':101},'missing':10}");
    gone(alice);
}

static void the_list_is_looked_up_by_date(void **state)
{
    (void)state;
    struct peer *alice = alice_late_in_tea();
    peer_says(alice, "{'type':'history','room':'tea','at':150001,'limit':2}");
    says("alice:history(151,152) ");
    peer_says(alice, "{'type':'history','room':'tea','at':200000,'limit':2}");
    says("alice:history(200) ");
    peer_says(alice, "{'type':'history','room':'tea','at':200001}");
    says("alice:history() ");
    peer_says(alice, "{'type':'history','room':'tea','at':1,'limit':1}");
    says("alice:history(101) ");
    gone(alice);
}

static void a_cursor_of_another_room_is_refused(void **state)
{
    (void)state;
    struct peer *alice = alice_late_in_tea();
    peer_says(alice, "{'type':'history','room':'tea','before':150,'epoch':'e0'}");
    refused_with("bad_cursor");
    gone(alice);
}

static void a_room_is_read_by_those_who_may_be_in_it(void **state)
{
    (void)state;
    static const char *const asks[] = { "{'type':'history','room':'tea'}",
                                        "{'type':'search','room':'tea','q':'milk'}" };
    struct peer *alice = alice_late_in_tea();
    act("e1", 201, 1, "p 0", "");
    struct peer *web = xcalloc(1, sizeof *web);
    *web = (struct peer){ .refs = 1, .http = true };
    for (int i = 0; i < 2; i++) {
        peer_says(web, asks[i]);
        may("", "p");
        refused_with("private_room");
        peer_says(web, asks[i]);
        may("", "b");
        refused_with("banned");
        peer_says(web, asks[i]);
        may_unanswered("", STORE_UNAVAILABLE);
        refused_with("unavailable");
        store.access_error = -EBUSY;
        peer_says(web, asks[i]);
        refused_with("busy");
        store.access_error = 0;
        peer_says(web, asks[i]);
        store.version = 0; /* from before the act */
        may("", "1");
        store.version = 1;
        may("", "p");
        refused_with("private_room");
    }
    assert_null(store.archive_ask);
    assert_int_equal(web->in_flight, 0);
    free(web);
    gone(alice);
}

static void who_is_taken_out_while_the_archive_looks_gets_nothing(void **state)
{
    (void)state;
    struct peer *alice = alice_late_in_tea(), *bob = somebody("bob");
    room_join(hub, bob, "tea", NULL, 0);
    peer_says(bob, "{'type':'search','room':'tea','q':'milk'}");
    act("e1", 201, 1, "x 0", "-bob kicked 9");
    archive_says("{\"type\":\"search\"}", 0, false);
    refused_with("not_joined");
    gone(alice);
    gone(bob);
}

static void a_room_that_is_not_here_is_read_from_redis(void **state)
{
    (void)state;
    struct peer *web = xcalloc(1, sizeof *web);
    *web = (struct peer){ .refs = 1, .http = true };
    store.takes_pages = true;
    peer_says(web, "{'type':'history','room':'den','before':50,'limit':10}");
    may("", "1");
    assert_int_equal(store.page_before, 50);
    assert_int_equal(store.page_limit, 10);
    assert_int_equal(web->in_flight, 1);
    answer_list(store.page_done, store.page_arg, STORE_OK, "e1", 1, 40, 49);
    says("http:history(40,41,42,43,44,45,46,47,48,49) ");
    assert_int_equal(web->in_flight, 0);
    peer_says(web, "{'type':'history','room':'den','after':47,'limit':10}");
    may("", "1");
    assert_true(store.page_before == UINT64_MAX); /* all of it */
    answer_list(store.page_done, store.page_arg, STORE_OK, "e1", 1, 40, 49);
    says("http:history(48,49) ");
    peer_says(web, "{'type':'history','to':'bob'}");
    refused_with("login_required");
    assert_int_equal(web->refs, 1);
    free(web);
}

/* --- the archive here --------------------------------------------------------------------------------- */

static void the_archive_is_asked_only_for_what_the_list_lacks(void **state)
{
    (void)state;
    struct peer *alice = alice_late_in_tea();
    peer_says(alice, "{'type':'history','room':'tea','before':103}");
    says("alice:history(101,102) "); /* short: never joined of two sources */
    answered("{'type':'history','room':'tea','epoch':'e1','more':true,"
             "'older':{'epoch':'e1','before':101},'newer':{'epoch':'e1','after':102}}");
    assert_int_equal(store.asks, 0);
    peer_says(alice, "{'type':'history','room':'tea','before':101,'limit':7,'cid':'c'}");
    says("");
    const struct ask *a = asked_here();
    assert_string_equal(a->page.stream, "r:tea");
    assert_string_equal(a->page.epoch, "e1");
    assert_int_equal(a->page.way, PAGE_BEFORE);
    assert_int_equal(a->page.seq, 101);
    assert_int_equal(a->page.limit, 7);
    assert_string_equal(a->as, "tea");
    assert_string_equal(a->cid, "c");
    assert_string_equal(a->now_epoch, "e1");
    assert_int_equal(a->now_first, 1);
    assert_int_equal(a->now_top, 200);
    assert_int_equal(alice->in_flight, 1);
    archive_says("{\"type\":\"history\"}", 100, false);
    answered("{'type':'history'}");
    assert_int_equal(alice->in_flight, 0);
    assert_null(hub->asks);
    gone(alice);
}

static void dates_and_epochs_before_the_list_are_the_archives(void **state)
{
    (void)state;
    struct peer *alice = alice_late_in_tea();
    peer_says(alice, "{'type':'history','room':'tea','at':5}");
    assert_int_equal(asked_here()->page.way, PAGE_AT);
    assert_int_equal(asked_here()->page.at_ms, 5);
    archive_says("{\"type\":\"history\"}", 7, false);
    peer_says(alice, "{'type':'history','room':'tea','after':5}");
    assert_int_equal(asked_here()->page.way, PAGE_AFTER);
    archive_says("{\"type\":\"history\"}", 7, false);
    peer_says(alice, "{'type':'history','room':'tea','before':150,'epoch':'e0'}");
    assert_string_equal(asked_here()->page.epoch, "e0");
    assert_int_equal(asked_here()->page.seq, 150);
    archive_says("{\"type\":\"error\",\"code\":\"bad_cursor\"}", 0, false);
    refused_with("bad_cursor");
    assert_int_equal(store.asks, 3);
    gone(alice);
}

static void an_archive_that_is_behind_is_asked_again(void **state)
{
    (void)state;
    struct peer *alice = alice_late_in_tea();
    peer_says(alice, "{'type':'history','room':'tea','before':101}");
    archive_says("{\"type\":\"history\",\"n\":1}", 60, true);
    says("");
    run_timers_until_asked(2);
    archive_says("{\"type\":\"history\",\"n\":2}", 100, false);
    answered("{'type':'history','n':2}");
    gone(alice);
}

static void what_was_never_archived_is_missing(void **state)
{
    (void)state;
    struct peer *alice = alice_late_in_tea();
    peer_says(alice, "{'type':'history','room':'tea','after':70,'epoch':'e1','limit':2}");
    archive_says("{\"type\":\"history\",\"messages\":[]}", 0, false);
    says("alice:history(101,102) ");
    answered("{'type':'history','room':'tea','epoch':'e1','more':true,"
             "'older':{'epoch':'e1','before':101},'newer':{'epoch':'e1','after':102},"
             "'missing':30}");
    peer_says(alice, "{'type':'history','room':'tea','after':70,'epoch':'e0'}");
    archive_says("{\"type\":\"history\",\"messages\":[]}", 0, false);
    answered("{'type':'history',"); /* the end of another epoch is nothing of the list's */
    gone(alice);
}

static void without_an_answer_there_is_an_error_in_time(void **state)
{
    (void)state;
    struct settings quick = *hub->settings;
    const struct settings *usual = hub->settings;
    quick.archive_deadline_ms = 100;
    hub->settings = &quick;
    struct peer *alice = alice_late_in_tea();
    peer_says(alice, "{'type':'history','room':'tea','before':101,'cid':'c7'}");
    while (!sent.size)
        event_base_loop(hub->base, EVLOOP_ONCE);
    assert_non_null(strstr(sent.data, "'cid':'c7'"));
    refused_with("archive_unavailable");
    archive_says("{\"type\":\"history\"}", 100, false); /* too late */
    answered("");
    assert_int_equal(alice->in_flight, 0);
    hub->settings = usual;
    gone(alice);
}

static void a_full_queue_is_busy(void **state)
{
    (void)state;
    struct peer *alice = alice_late_in_tea();
    store.archive_full = true;
    peer_says(alice, "{'type':'history','room':'tea','before':101}");
    refused_with("busy");
    store.archive_full = false;
    for (int i = 0; i < 16; i++)
        peer_says(alice, "{'type':'history','room':'tea','before':101}");
    assert_int_equal(store.asks, 16);
    peer_says(alice, "{'type':'history','room':'tea','before':101}");
    refused_with("busy");
    asks_end(hub);
    assert_int_equal(alice->asks, 0);
    assert_int_equal(alice->in_flight, 0);
    gone(alice);
}

static void numbers_of_the_epoch_before_are_left_to_the_archive(void **state)
{
    (void)state;
    struct peer *alice = somebody("alice");
    room_join(hub, alice, "tea", NULL, 0);
    room_subscribed(hub, "tea");
    roster("", 0);
    store_messages_fn *done = store.load_done;
    store.load_done = NULL;
    answer_list(done, store.load_arg, STORE_OK, "e2", 8, 1, 9); /* 1 … 7 are of e1 */
    says("alice:joined(fresh,0) alice:history(8,9) +alice@9 ");
    answered("{'type':'history','room':'tea','epoch':'e2','more':true,"
             "'older':{'epoch':'e2','before':8}}");
    peer_says(alice, "{'type':'history','room':'tea','before':9}");
    says("alice:history(8) ");
    peer_says(alice, "{'type':'history','room':'tea','before':8}");
    assert_int_equal(asked_here()->now_first, 8);
    archive_says("{\"type\":\"history\"}", 7, false);
    gone(alice);
}

static void conversations_go_on_in_the_archive(void **state)
{
    (void)state;
    struct peer *bob = somebody("bob");
    store.takes_pages = true;
    peer_says(bob, "{'type':'history','to':'alice','before':6}");
    answer_list(store.page_done, store.page_arg, STORE_OK, "e1", 1, 6, 5);
    assert_string_equal(asked_here()->page.stream, "d:alice|bob");
    assert_string_equal(asked_here()->as, "@alice");
    archive_says("{\"type\":\"history\"}", 5, false);
    answered("{'type':'history'}");
    store.takes_pages = false; /* Redis is away: the archive here is not */
    peer_says(bob, "{'type':'history','to':'alice'}");
    assert_null(asked_here()->now_epoch);
    archive_says("{\"type\":\"history\"}", 5, false);
    answered("{'type':'history'}");
    gone(bob);
}

static void who_leaves_meanwhile_needs_no_answer(void **state)
{
    (void)state;
    struct peer *alice = alice_late_in_tea();
    peer_says(alice, "{'type':'history','room':'tea','before':101}");
    peer_gone(hub, alice);
    assert_int_equal(alice->refs, 2);
    asks_end(hub);
    assert_int_equal(alice->refs, 1);
    free(alice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(without_an_archive_the_list_is_all),
        T(what_was_acknowledged_is_in_the_page),
        T(the_list_goes_forward_too),
        T(the_list_is_looked_up_by_date),
        T(a_cursor_of_another_room_is_refused),
        A(a_room_is_read_by_those_who_may_be_in_it),
        A(who_is_taken_out_while_the_archive_looks_gets_nothing),
        T(a_room_that_is_not_here_is_read_from_redis),
        A(the_archive_is_asked_only_for_what_the_list_lacks),
        A(dates_and_epochs_before_the_list_are_the_archives),
        A(an_archive_that_is_behind_is_asked_again),
        A(what_was_never_archived_is_missing),
        A(without_an_answer_there_is_an_error_in_time),
        A(a_full_queue_is_busy),
        A(numbers_of_the_epoch_before_are_left_to_the_archive),
        A(conversations_go_on_in_the_archive),
        A(who_leaves_meanwhile_needs_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

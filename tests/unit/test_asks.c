/* What is asked of archives, here or elsewhere: one message, searches; and what others ask. */
#include "support/room/past.h"

#include "confab/store/act.h"
#include "confab/wire/event.h"

#include <errno.h>
#include <string.h>

/* --- one message ------------------------------------------------------------------------------------------ */

static struct {
    enum error_code code;
    char id[64], user[64];
    int64_t timestamp_ms;
    bool deleted;
} seen;

static void on_found(void *arg, enum error_code code, const struct act_target *r)
{
    (void)arg;
    seen.code = code;
    assert_int_equal(code == ERROR_NONE, r != NULL);
    text_copy(seen.id, sizeof seen.id, r ? r->id : "");
    text_copy(seen.user, sizeof seen.user, r ? r->user : "");
    seen.timestamp_ms = r ? r->timestamp_ms : 0;
    seen.deleted = r && r->deleted;
}

static void an_old_message_is_found_for_an_event(void **state)
{
    (void)state;
    assert_int_equal(asks_find(hub, "r:tea", 7, on_found, NULL), 0);
    assert_int_equal(asked_here()->kind, ASK_FIND);
    assert_string_equal(asked_here()->page.stream, "r:tea");
    assert_int_equal(asked_here()->page.seq, 7);
    archive_says("{\"type\":\"message\",\"room\":\"tea\",\"seq\":7,\"id\":\"i7\",\"user\":\"bob\","
                 "\"content\":\",\\\"id\\\":\\\"no\\\"\",\"timestamp\":55}",
                 0, false);
    assert_int_equal(seen.code, ERROR_NONE);
    assert_string_equal(seen.id, "i7");
    assert_string_equal(seen.user, "bob");
    assert_int_equal(seen.timestamp_ms, 55);
    assert_false(seen.deleted);
    assert_int_equal(asks_find(hub, "r:tea", 7, on_found, NULL), 0);
    archive_says("{\"type\":\"message\",\"seq\":7,\"id\":\"i7\",\"user\":\"bob\",\"content\":\"\","
                 "\"timestamp\":55,\"deleted\":9}",
                 0, false);
    assert_true(seen.deleted);
    assert_int_equal(asks_find(hub, "r:tea", 8, on_found, NULL), 0);
    archive_says("{\"type\":\"error\",\"code\":\"not_found\"}", 0, false);
    assert_int_equal(seen.code, ERROR_NOT_FOUND);
    assert_int_equal(asks_find(hub, "r:tea", 8, on_found, NULL), 0);
    asks_end(hub);
    assert_int_equal(seen.code, ERROR_ARCHIVE_UNAVAILABLE);
}

/* --- searches ------------------------------------------------------------------------------------------- */

static void a_search_sees_what_its_asker_may_read(void **state)
{
    (void)state;
    struct peer *alice = alice_late_in_tea();
    peer_says(alice, "{'type':'search','q':'milk','user':'bob','since':5,'until':9,'limit':3,"
                     "'cursor':'ab','cid':'c'}");
    const struct ask *a = asked_here();
    assert_int_equal(a->kind, ASK_SEARCH);
    assert_string_equal(a->find.q, "milk");
    assert_int_equal(a->find.stream_count, 2);
    assert_string_equal(a->find.streams[0], "r:tea");
    assert_string_equal(a->find.streams[1], "d:alice");
    assert_string_equal(a->find.user, "bob");
    assert_int_equal(a->find.since_ms, 5);
    assert_int_equal(a->find.until_ms, 9);
    assert_int_equal(a->find.limit, 3);
    assert_string_equal(a->find.cursor, "ab");
    assert_string_equal(a->cid, "c");
    assert_string_equal(a->viewer, "alice");
    archive_says("{\"type\":\"search\"}", 0, false);
    answered("{'type':'search'}");
    peer_says(alice, "{'type':'search','q':'milk','to':'zoe'}");
    assert_int_equal(asked_here()->find.stream_count, 1);
    assert_string_equal(asked_here()->find.streams[0], "d:alice|zoe");
    archive_says("{\"type\":\"search\"}", 0, false);
    peer_says(alice, "{'type':'search','q':'milk','room':'den'}");
    refused_with("not_joined");
    assert_int_equal(store.asks, 2);
    gone(alice);
}

static void nobody_in_particular_searches_one_room(void **state)
{
    (void)state;
    struct peer *web = xcalloc(1, sizeof *web);
    *web = (struct peer){ .refs = 1, .http = true };
    peer_says(web, "{'type':'search','q':'milk'}");
    refused_with("bad_field");
    peer_says(web, "{'type':'search','q':'milk','room':'den'}");
    may("", "1");
    assert_string_equal(asked_here()->find.streams[0], "r:den");
    assert_null(asked_here()->viewer);
    archive_says("{\"type\":\"search\"}", 0, false);
    free(web);
}

/* --- the archive of another instance ----------------------------------------------------------------------- */

static void an_archive_elsewhere_is_asked_through_redis(void **state)
{
    (void)state;
    struct peer *alice = alice_late_in_tea();
    asks_serve(hub); /* looks for one, once Redis is there */
    assert_int_equal(store.asks, 0);
    hub->ready = true;
    asks_serve(hub);
    assert_int_equal(store.asked.size, 0);
    store.ask_done(store.ask_arg, STORE_OK);
    peer_says(alice, "{'type':'history','room':'tea','before':101}");
    store.ask_done(store.ask_arg, STORE_OK);
    struct ask *a = ask_parse(store.asked.data, store.asked.size);
    assert_non_null(a);
    assert_string_equal(a->page.stream, "r:tea");
    ask_free(a);
    static const char text[] = "{\"type\":\"history\",\"n\":100}";
    asks_replied(hub, store.ask_id, 100, text, strlen(text));
    answered("{'type':'history','n':100}");
    asks_replied(hub, store.ask_id, 100, text, strlen(text)); /* twice */
    answered("");
    gone(alice);
}

static void an_error_from_elsewhere_keeps_its_http_status(void **state)
{
    (void)state;
    struct peer *alice = alice_late_in_tea();
    peer_says(alice, "{'type':'search','q':'a'}");
    store.ask_done(store.ask_arg, STORE_OK);
    static const char text[] = "{\"type\":\"error\",\"code\":\"bad_query\",\"message\":\"\"}";
    asks_replied(hub, store.ask_id, 0, text, strlen(text));
    assert_int_equal(sent_status, 400);
    refused_with("bad_query");
    gone(alice);
}

static void nobody_serves_an_archive(void **state)
{
    (void)state;
    struct peer *alice = alice_late_in_tea();
    peer_says(alice, "{'type':'search','q':'a'}");
    store.ask_done(store.ask_arg, STORE_NOBODY);
    refused_with("archive_off");
    peer_says(alice, "{'type':'search','q':'a'}");
    store.ask_done(store.ask_arg, STORE_OK);
    asks_end(hub);
    peer_says(alice, "{'type':'search','q':'a'}"); /* there was one: it may come back */
    store.ask_done(store.ask_arg, STORE_NOBODY);
    refused_with("archive_unavailable");
    peer_says(alice, "{'type':'search','q':'a'}");
    store.ask_done(store.ask_arg, STORE_UNAVAILABLE);
    refused_with("archive_unavailable");
    store.ask_error = -ENOTCONN;
    peer_says(alice, "{'type':'search','q':'a'}");
    refused_with("unavailable");
    gone(alice);
}

static void an_ask_that_ends_before_it_is_handed_over_is_gone(void **state)
{
    (void)state;
    struct peer *alice = alice_late_in_tea();
    peer_says(alice, "{'type':'search','q':'a'}");
    asks_end(hub);
    refused_with("archive_unavailable");
    store.ask_done(store.ask_arg, STORE_UNAVAILABLE);
    answered("");
    gone(alice);
}

/* --- for other instances -------------------------------------------------------------------------------------- */

static const char their_ask[] = "{\"v\":1,\"search\":0,\"stream\":\"r:tea\",\"as\":\"tea\","
                                "\"way\":0,\"limit\":5}";

static void others_are_answered(void **state)
{
    (void)state;
    hub->ready = true;
    asks_serve(hub);
    assert_int_equal(store.served, 1);
    asks_asked(hub, "0123456789abcdef", 77, 1000, their_ask, strlen(their_ask));
    assert_string_equal(asked_here()->page.stream, "r:tea");
    archive_says("{\"type\":\"history\"}", 9, true); /* they have time */
    says("");
    run_timers_until_asked(2);
    archive_says("{\"type\":\"history\"}", 10, false);
    says("0123456789abcdef/77:reply(10,history) ");
    assert_null(hub->asks);
}

static void others_are_told_what_cannot_be_done(void **state)
{
    (void)state;
    store.archive_full = true;
    asks_asked(hub, "b", 1, 1000, their_ask, strlen(their_ask));
    says("b/1:reply(0,error) ");
    asks_asked(hub, "b", 2, 1000, "{\"v\":2}", 7); /* a later version */
    says("b/2:reply(0,error) ");
    asks_asked(hub, "b", 3, 0, their_ask, strlen(their_ask)); /* no time left */
    asks_asked(hub, "0123456789abcdef0", 4, 1000, their_ask, strlen(their_ask));
    says("");
    hub->archive = NULL;
    asks_asked(hub, "b", 5, 1000, their_ask, strlen(their_ask));
    says("");
    assert_null(hub->asks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        A(an_old_message_is_found_for_an_event),
        A(a_search_sees_what_its_asker_may_read),
        A(nobody_in_particular_searches_one_room),
        T(an_archive_elsewhere_is_asked_through_redis),
        T(an_error_from_elsewhere_keeps_its_http_status),
        T(nobody_serves_an_archive),
        T(an_ask_that_ends_before_it_is_handed_over_is_gone),
        A(others_are_answered),
        A(others_are_told_what_cannot_be_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Pages and searches: which come from the list, which from an archive, here or elsewhere. */
#include "support/room/story.h"

#include "confab/store/act.h"
#include "confab/wire/event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- words of these stories ---------------------------------------------------------------------- */

static int setup_archive(void **state)
{
    setup(state);
    assert_int_equal(queue_init(&store.answers, 4), 0);
    hub->archive = (struct archive *)&store; /* never looked into: its functions are stand-ins */
    return 0;
}

static int teardown_archive(void **state)
{
    queue_fini(&store.answers);
    return teardown(state);
}

/* text with ' for " */
static void peer_says(struct peer *p, const char *text)
{
    struct command *c = NULL;
    struct command_error error;
    char *json = xstrdup(text);
    for (char *at = json; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    assert_int_equal(command_parse(json, strlen(json), &c, &error), 0);
    free(json);
    str_reset(&sent);
    command_run(hub, p, c);
}

/* Everything of the frame that was sent but the messages. */
static void answered(const char *expected)
{
    char *text = sent.size ? xmemdupz(sent.data, sent.size) : xstrdup("");
    char *from = strstr(text, "'messages':["), *to = from ? strchr(from, ']') : NULL;
    if (from)
        memmove(from, to + 2, strlen(to + 2) + 1);
    assert_string_equal(text, expected);
    free(text);
    str_reset(&sent);
}

static void refused_with(const char *code)
{
    char expected[64];
    snprintf(expected, sizeof expected, "{'type':'error','code':'%s'", code);
    assert_non_null(strstr(sent.size ? sent.data : "", expected));
    str_reset(&sent);
}

/* Alice is in tea, 101 … 200 are in the list. */
static struct peer *alice_late_in_tea(void)
{
    struct peer *alice = somebody("alice");
    room_join(hub, alice, "tea", NULL, 0);
    room_subscribed(hub, "tea");
    roster("", 0);
    list(STORE_OK, "e1", 101, 200);
    str_reset(&wire);
    return alice;
}

static const struct ask *asked_here(void)
{
    assert_non_null(store.archive_ask);
    return store.archive_ask->ask;
}

static struct frame *frame_of(const char *text)
{
    return event_passed(text, strlen(text));
}

/* The archive here answers the last ask. */
static void archive_says(const char *text, uint64_t newest, bool behind)
{
    struct archive_answer *a = xcalloc(1, sizeof *a);
    a->id = store.archive_ask->id;
    a->frame = frame_of(text);
    a->newest = newest;
    a->behind = behind;
    assert_int_equal(queue_push(&store.answers, a), 0);
    asks_answered(hub);
}

static void run_timers_until_asked(int asks)
{
    while (store.asks < asks)
        event_base_loop(hub->base, EVLOOP_ONCE);
}

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

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define A(name) cmocka_unit_test_setup_teardown(name, setup_archive, teardown_archive)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(without_an_archive_the_list_is_all),
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

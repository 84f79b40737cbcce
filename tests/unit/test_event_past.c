/* Answers to history and search; and asks between instances. */
#include "support/test.h"

#include "confab/wire/ask.h"
#include "confab/wire/event.h"

#include <stdlib.h>
#include <string.h>

/* Frames and asks are compared with ' for ", so that they can be read. */
static void check_text(const char *text, size_t size, const char *expected)
{
    char *copy = xmemdupz(text, size);

    for (char *c = copy; *c != '\0'; c++)
        *c = *c == '"' ? '\'' : *c;
    assert_string_equal(copy, expected);
    free(copy);
}

static void check_frame(struct frame *f, const char *expected)
{
    check_text(frame_payload(f), frame_payload_size(f), expected);
    assert_int_equal(f->class, FRAME_CONTROL);
    assert_int_equal(f->http_status, 200);
    frame_unref(f);
}

static const struct frame_part messages[] = { { "{\"seq\":7}", 9 }, { "{\"seq\":9}", 9 } };

static void history_joins_the_messages(void **state)
{
    (void)state;
    check_frame(event_history(&(struct page){
                    .stream = "general", .epoch = "e1", .messages = messages, .count = 2 }),
                "{'type':'history','room':'general','epoch':'e1',"
                "'messages':[{'seq':7},{'seq':9}],'more':false}");
    check_frame(event_history(&(struct page){ .stream = "@bob", .epoch = "" }),
                "{'type':'history','to':'bob','epoch':'','messages':[],'more':false}");
}

static void history_says_where_it_goes_on(void **state)
{
    (void)state;
    check_frame(event_history(&(struct page){ .stream = "general",
                                              .epoch = "e2",
                                              .messages = messages,
                                              .count = 2,
                                              .older = { "e1", 101 },
                                              .newer = { "e2", 9 },
                                              .missing = 1,
                                              .cid = "c" }),
                "{'type':'history','room':'general','epoch':'e2','messages':[{'seq':7},{'seq':9}],"
                "'more':true,'older':{'epoch':'e1','before':101},"
                "'newer':{'epoch':'e2','after':9},'missing':1,'cid':'c'}");
}

static void search_names_the_stream_of_each_result(void **state)
{
    (void)state;
    const struct found found[] = {
        { "general", "e1", messages[0], "[\"a \",\"tea\"]", 1.23456 },
        { "@bob", "e2", messages[1], "[\"\",\"tea\"]", 0 },
    };

    check_frame(event_search(&(struct finding){ .q = "a\"tea\n",
                                                .cid = "c",
                                                .results = found,
                                                .count = 2,
                                                .cursor = "ab",
                                                .partial = true,
                                                .behind = 3,
                                                .took_ms = 4 }),
                "{'type':'search','q':'a\\'tea\\n','cid':'c','results':["
                "{'score':1.235,'room':'general','epoch':'e1','parts':['a ','tea'],"
                "'message':{'seq':7}},"
                "{'score':0.000,'to':'bob','epoch':'e2','parts':['','tea'],'message':{'seq':9}}],"
                "'cursor':'ab','partial':true,'behind':3,'took_ms':4}");
}

static void search_without_results_is_an_answer_too(void **state)
{
    (void)state;
    check_frame(event_search(&(struct finding){ .q = "tea", .cursor = "" }),
                "{'type':'search','q':'tea','results':[],'partial':false,'behind':0,'took_ms':0}");
}

/* --- asks --- */

static struct ask *there_and_back(const struct ask *ask)
{
    struct str json = STR_INIT;

    ask_json(&json, ask);
    struct ask *copy = ask_parse(json.data, json.size);
    str_fini(&json);
    assert_non_null(copy);
    return copy;
}

static void a_page_is_asked_for_as_it_was_meant(void **state)
{
    (void)state;
    const struct ask ask = { .page = { .stream = "d:ann|bob",
                                       .epoch = "e1",
                                       .way = PAGE_AFTER,
                                       .seq = 1ULL << 40,
                                       .limit = 100 },
                             .as = "@bob",
                             .cid = "c",
                             .now_epoch = "e2",
                             .now_first = 5,
                             .now_top = 77 };
    struct ask *copy = there_and_back(&ask);

    assert_int_equal(copy->kind, ASK_PAGE);
    assert_string_equal(copy->page.stream, "d:ann|bob");
    assert_string_equal(copy->page.epoch, "e1");
    assert_int_equal(copy->page.way, PAGE_AFTER);
    assert_true(copy->page.seq == 1ULL << 40);
    assert_int_equal(copy->page.limit, 100);
    assert_string_equal(copy->as, "@bob");
    assert_string_equal(copy->cid, "c");
    assert_string_equal(copy->now_epoch, "e2");
    assert_int_equal(copy->now_first, 5);
    assert_int_equal(copy->now_top, 77);
    ask_free(copy);
}

static void a_message_is_asked_for_by_stream_and_number(void **state)
{
    (void)state;
    const struct ask ask = { .kind = ASK_FIND, .page = { .stream = "d:ann|bob", .seq = 7 } };
    struct ask *copy = there_and_back(&ask);

    assert_int_equal(copy->kind, ASK_FIND);
    assert_string_equal(copy->page.stream, "d:ann|bob");
    assert_int_equal(copy->page.seq, 7);
    ask_free(copy);
}

static void the_end_of_a_stream_and_a_date_come_through(void **state)
{
    (void)state;
    struct ask ask = {
        .page = { .stream = "r:x", .way = PAGE_BEFORE, .seq = UINT64_MAX, .limit = 1 }, .as = "x"
    };
    struct ask *copy = there_and_back(&ask);
    assert_true(copy->page.seq == UINT64_MAX);
    assert_null(copy->page.epoch);
    assert_null(copy->cid);
    ask_free(copy);

    ask.page.way = PAGE_AT;
    ask.page.at_ms = 1763762400000;
    copy = there_and_back(&ask);
    assert_int_equal(copy->page.way, PAGE_AT);
    assert_int_equal(copy->page.at_ms, 1763762400000);
    ask_free(copy);
}

static void a_search_is_asked_for_with_its_streams(void **state)
{
    (void)state;
    static const char *const streams[] = { "r:tea", "r:кофе", "d:ann" };
    const struct ask ask = { .kind = ASK_SEARCH,
                             .find = { .q = "\"a\" \\ b",
                                       .streams = streams,
                                       .stream_count = 3,
                                       .user = "bob",
                                       .since_ms = 1,
                                       .until_ms = 2,
                                       .limit = 50,
                                       .cursor = "ab" },
                             .viewer = "ann" };
    struct ask *copy = there_and_back(&ask);

    assert_int_equal(copy->kind, ASK_SEARCH);
    assert_string_equal(copy->find.q, "\"a\" \\ b");
    assert_int_equal(copy->find.stream_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(copy->find.streams[i], streams[i]);
    assert_string_equal(copy->find.user, "bob");
    assert_int_equal(copy->find.since_ms, 1);
    assert_int_equal(copy->find.until_ms, 2);
    assert_int_equal(copy->find.limit, 50);
    assert_string_equal(copy->find.cursor, "ab");
    assert_string_equal(copy->viewer, "ann");
    ask_free(copy);
}

static void what_is_no_ask_is_none(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"v\":2,\"search\":0,\"stream\":\"r:x\",\"as\":\"x\",\"limit\":1}",
        "{\"v\":1,\"search\":0,\"as\":\"x\",\"limit\":1}",
        "{\"v\":1,\"search\":0,\"stream\":\"r:x\",\"limit\":1}",
        "{\"v\":1,\"search\":0,\"stream\":\"r:x\",\"as\":\"x\",\"limit\":0}",
        "{\"v\":1,\"search\":0,\"stream\":\"r:x\",\"as\":\"x\",\"limit\":101}",
        "{\"v\":1,\"search\":0,\"stream\":\"r:x\",\"as\":\"x\",\"limit\":\"1\"}",
        "{\"v\":1,\"search\":0,\"stream\":\"r:x\",\"as\":\"x\",\"limit\":1,\"way\":3}",
        "{\"v\":1,\"search\":0,\"stream\":\"r:x\",\"as\":\"x\",\"limit\":1,\"seq\":-1}",
        "{\"v\":1,\"search\":1,\"streams\":[],\"limit\":1}",
        "{\"v\":1,\"search\":1,\"q\":\"a\",\"streams\":[7],\"limit\":1}",
        "{\"v\":1,\"search\":1,\"q\":\"a\",\"streams\":[],\"limit\":51}",
        "{\"v\":1,\"search\":2,\"q\":\"a\",\"streams\":[],\"limit\":1}",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (ask_parse(bad[i], strlen(bad[i])) != NULL)
            fail_msg("taken: %s", bad[i]);
    ask_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(history_joins_the_messages),
        cmocka_unit_test(history_says_where_it_goes_on),
        cmocka_unit_test(search_names_the_stream_of_each_result),
        cmocka_unit_test(search_without_results_is_an_answer_too),
        cmocka_unit_test(a_page_is_asked_for_as_it_was_meant),
        cmocka_unit_test(a_message_is_asked_for_by_stream_and_number),
        cmocka_unit_test(the_end_of_a_stream_and_a_date_come_through),
        cmocka_unit_test(a_search_is_asked_for_with_its_streams),
        cmocka_unit_test(what_is_no_ask_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

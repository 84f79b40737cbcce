/* Requests for what was said before, in frames and in URLs. */
#include "support/command.h"

#include "confab/wire/date.h"

#include <stdlib.h>
#include <string.h>

static void history_is_the_latest_page_unless_it_says_otherwise(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'history','room':'x'}");
    assert_int_equal(c->way, PAGE_BEFORE);
    assert_true(c->seq == UINT64_MAX);
    assert_int_equal(c->limit, RULE_HISTORY_MESSAGES);
    assert_null(c->epoch);
    assert_null(c->cid);
    command_free(c);

    c = accepted("{'type':'history','room':'x','before':0,'limit':1,'epoch':'e1','cid':'c7'}");
    assert_int_equal(c->way, PAGE_BEFORE);
    assert_int_equal(c->seq, 0);
    assert_int_equal(c->limit, 1);
    assert_string_equal(c->epoch, "e1");
    assert_string_equal(c->cid, "c7");
    command_free(c);
}

static void history_goes_both_ways_and_to_a_date(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'history','to':'bob','after':7,'epoch':''}");
    assert_int_equal(c->way, PAGE_AFTER);
    assert_int_equal(c->seq, 7);
    assert_string_equal(c->to, "bob");
    assert_null(c->epoch); /* what the server calls the epoch of a conversation without messages */
    command_free(c);

    c = accepted("{'type':'history','room':'x','at':1763762400000}");
    assert_int_equal(c->way, PAGE_AT);
    assert_int_equal(c->at_ms, 1763762400000);
    command_free(c);
}

static void history_has_one_beginning(void **state)
{
    (void)state;
    refused("{'type':'history','room':'x','before':1,'after':1}", ERROR_BAD_FIELD, "after");
    refused("{'type':'history','room':'x','before':1,'at':1}", ERROR_BAD_FIELD, "at");
    refused("{'type':'history','room':'x','at':1,'after':1}", ERROR_BAD_FIELD, "at");
    refused("{'type':'history','room':'x','at':1,'epoch':'e'}", ERROR_BAD_FIELD, "epoch");
    refused("{'type':'history','room':'x','after':'1'}", ERROR_BAD_FIELD, "after");
    refused("{'type':'history','room':'x','before':-1}", ERROR_BAD_FIELD, "before");
    refused("{'type':'history','room':'x','before':null}", ERROR_BAD_FIELD, "before");
    refused("{'type':'history','room':'x','at':253402300800000}", ERROR_BAD_FIELD, "at");
    refused("{'type':'history','room':'x','epoch':'a b'}", ERROR_BAD_FIELD, "epoch");
    refused("{'type':'history','room':'x','epoch':7}", ERROR_BAD_FIELD, "epoch");
    refused("{'type':'history','room':'x','to':'bob'}", ERROR_BAD_FIELD, "to");
    refused("{'type':'history','room':'x','cid':''}", ERROR_BAD_FIELD, "cid");
    refused_with_cid("{'type':'history','room':'x','limit':0,'cid':'c'}", ERROR_BAD_FIELD, "limit",
                     "c");
}

static void history_has_a_limit_of_1_to_100(void **state)
{
    (void)state;
    command_free(accepted("{'type':'history','room':'x','limit':100}"));
    refused("{'type':'history','room':'x','limit':0}", ERROR_BAD_FIELD, "limit");
    refused("{'type':'history','room':'x','limit':101}", ERROR_BAD_FIELD, "limit");
    refused("{'type':'history','room':'x','limit':-1}", ERROR_BAD_FIELD, "limit");
    refused("{'type':'history','room':'x','limit':4294967297}", ERROR_BAD_FIELD, "limit");
    refused("{'type':'history','room':'x','limit':'5'}", ERROR_BAD_FIELD, "limit");
    refused("{'type':'history','room':'x','limit':1e2}", ERROR_BAD_FIELD, "limit");
}

static void search_needs_only_words(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'search','q':'tea'}");
    assert_int_equal(c->type, COMMAND_SEARCH);
    assert_string_equal(c->query, "tea");
    assert_int_equal(c->limit, 20);
    assert_null(c->room);
    assert_null(c->to);
    assert_null(c->author);
    assert_null(c->cursor);
    assert_int_equal(c->since_ms, 0);
    assert_int_equal(c->until_ms, 0);
    command_free(c);
}

static void search_takes_all_its_fields(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'search','q':'\\\"green tea\\\" or','to':'bob',"
                                 "'user':'ann','since':5,'until':6,'limit':50,'cursor':'ab12',"
                                 "'cid':'c'}");
    assert_string_equal(c->query, "\"green tea\" or"); /* words, not syntax: all the same here */
    assert_string_equal(c->to, "bob");
    assert_string_equal(c->author, "ann");
    assert_int_equal(c->since_ms, 5);
    assert_int_equal(c->until_ms, 6);
    assert_int_equal(c->limit, 50);
    assert_string_equal(c->cursor, "ab12");
    assert_string_equal(c->cid, "c");
    command_free(c);
}

static void search_for_nothing_or_too_much_is_a_bad_query(void **state)
{
    (void)state;
    char text[400] = "{'type':'search','q':'";
    const size_t start = strlen(text);

    memset(text + start, 'x', 256);
    memcpy(text + start + 256, "'}", 3);
    command_free(accepted(text));
    memcpy(text + start + 256, "x'}", 4);
    refused(text, ERROR_BAD_QUERY, "q");
    refused("{'type':'search','q':''}", ERROR_BAD_QUERY, "q");
    refused("{'type':'search','q':' \\t'}", ERROR_BAD_QUERY, "q");
    refused("{'type':'search','q':'a\\u0000b'}", ERROR_BAD_QUERY, "q");
    refused("{'type':'search','q':['a']}", ERROR_BAD_FIELD, "q");
    refused("{'type':'search'}", ERROR_BAD_FIELD, "q");
}

static void search_with_a_wrong_field_is_refused(void **state)
{
    (void)state;
    refused("{'type':'search','q':'a','room':'a/b'}", ERROR_BAD_ROOM, "room");
    refused("{'type':'search','q':'a','to':''}", ERROR_BAD_NAME, "to");
    refused("{'type':'search','q':'a','room':'x','to':'bob'}", ERROR_BAD_FIELD, "to");
    refused("{'type':'search','q':'a','user':'a b'}", ERROR_BAD_NAME, "user");
    refused("{'type':'search','q':'a','since':'x'}", ERROR_BAD_FIELD, "since");
    refused("{'type':'search','q':'a','until':253402300800000}", ERROR_BAD_FIELD, "until");
    refused("{'type':'search','q':'a','limit':51}", ERROR_BAD_FIELD, "limit");
    refused("{'type':'search','q':'a','limit':0}", ERROR_BAD_FIELD, "limit");
    refused("{'type':'search','q':'a','cursor':7}", ERROR_BAD_FIELD, "cursor");
    refused("{'type':'search','q':'a','cursor':'a b'}", ERROR_BAD_CURSOR, "cursor");
    refused("{'type':'search','q':'a','cursor':''}", ERROR_BAD_CURSOR, "cursor");
}

/* In a URL */

static void url_ok(const struct history_url *url, struct command **out)
{
    struct command_error error;

    assert_int_equal(command_history(url, out, &error), 0);
}

static void url_bad(const struct history_url *url, enum error_code code, const char *field)
{
    struct command *c = NULL;
    struct command_error error;
    int rc = command_history(url, &c, &error);

    check_refused(rc, &error, code, field, "");
}

static void history_in_a_url_takes_decimal_numbers(void **state)
{
    (void)state;
    struct command *c;

    url_ok(&(struct history_url){ .room = "x" }, &c);
    assert_int_equal(c->type, COMMAND_HISTORY);
    assert_string_equal(c->room, "x");
    assert_int_equal(c->limit, RULE_HISTORY_MESSAGES);
    assert_true(c->seq == UINT64_MAX);
    command_free(c);

    url_ok(&(struct history_url){ .room = "x", .limit = "20", .before = "9223372036854775807" },
           &c);
    assert_int_equal(c->limit, 20);
    assert_true(c->seq == INT64_MAX);
    command_free(c);

    url_ok(&(struct history_url){ .room = "x", .after = "8", .epoch = "e1" }, &c);
    assert_int_equal(c->way, PAGE_AFTER);
    assert_int_equal(c->seq, 8);
    assert_string_equal(c->epoch, "e1");
    command_free(c);
}

static void history_in_a_url_takes_dates(void **state)
{
    (void)state;
    static const char *const same[] = { "2025-11-21T22:00:00Z", "1763762400000",
                                        "2025-11-21T23:00:00+01:00" };

    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        struct command *c;
        url_ok(&(struct history_url){ .room = "x", .at = same[i] }, &c);
        assert_int_equal(c->way, PAGE_AT);
        assert_int_equal(c->at_ms, 1763762400000);
        command_free(c);
    }
    url_bad(&(struct history_url){ .room = "x", .at = "yesterday" }, ERROR_BAD_FIELD, "at");
    url_bad(&(struct history_url){ .room = "x", .at = "" }, ERROR_BAD_FIELD, "at");
}

static void history_in_a_url_is_checked_like_the_frame(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       "-1",
                                       "+1",
                                       " 1",
                                       "1 ",
                                       "1.0",
                                       "0x1",
                                       "x",
                                       "9223372036854775808",
                                       "99999999999999999999999" };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        url_bad(&(struct history_url){ "x", .limit = bad[i] }, ERROR_BAD_FIELD, "limit");
        url_bad(&(struct history_url){ "x", .before = bad[i] }, ERROR_BAD_FIELD, "before");
        url_bad(&(struct history_url){ "x", .after = bad[i] }, ERROR_BAD_FIELD, "after");
    }
    url_bad(&(struct history_url){ "x", .limit = "0" }, ERROR_BAD_FIELD, "limit");
    url_bad(&(struct history_url){ "x", .limit = "101" }, ERROR_BAD_FIELD, "limit");
    url_bad(&(struct history_url){ "x", .after = "1", .at = "1" }, ERROR_BAD_FIELD, "at");
    url_bad(&(struct history_url){ .room = NULL }, ERROR_BAD_FIELD, "room");
    url_bad(&(struct history_url){ .room = "a/b" }, ERROR_BAD_ROOM, "room");
}

static void search_in_a_url_names_its_own_fields(void **state)
{
    (void)state;
    struct command *c = NULL;
    struct command_error error;
    struct search_url url = { .q = "tea", .room = "x", .from = "1970-01-02", .to = "1970-01-03" };

    assert_int_equal(command_search(&url, &c, &error), 0);
    assert_int_equal(c->type, COMMAND_SEARCH);
    assert_int_equal(c->since_ms, 86400000);
    assert_int_equal(c->until_ms, 2 * 86400000);
    command_free(c);

    url.from = "1970-02-30";
    check_refused(command_search(&url, &c, &error), &error, ERROR_BAD_FIELD, "from", "");
    url.from = NULL;
    url.to = "tomorrow";
    check_refused(command_search(&url, &c, &error), &error, ERROR_BAD_FIELD, "to", "");
    url.to = NULL;
    url.q = "\xff";
    check_refused(command_search(&url, &c, &error), &error, ERROR_BAD_QUERY, "q", "");
}

static void dates_are_read_by_rfc_3339(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = { { "0", 0 },
                 { "1970-01-01", 0 },
                 { "2024-02-29", 1709164800000 },
                 { "2026-11-21T22:00:00.5Z", 1795298400500 },
                 { "2026-11-21T22:00:00.123456z", 1795298400123 },
                 { "2026-11-21T22:00:00-02:30", 1795307400000 },
                 { "2026-11-21t22:00:00 02:00", 1795291200000 }, /* a '+' that was not escaped */
                 { "2016-12-31T23:59:60Z", 1483228800000 },
                 { "9999-12-31T23:59:59.999Z", DATE_MS_MAX } };
    static const char *const bad[] = { "",
                                       "-1",
                                       "1.5",
                                       "253402300800000",
                                       "2026-1-1",
                                       "2026-13-01",
                                       "2026-00-01",
                                       "2025-02-29",
                                       "2026-04-31",
                                       "2026-11-00",
                                       "2026-11-21T",
                                       "2026-11-21T22:00",
                                       "2026-11-21T22:00:00",
                                       "2026-11-21T24:00:00Z",
                                       "2026-11-21T22:60:00Z",
                                       "2026-11-21T22:00:61Z",
                                       "2026-11-21T22:00:00.Z",
                                       "2026-11-21T22:00:00+1:00",
                                       "2026-11-21T22:00:00+01:60",
                                       "2026-11-21T22:00:00Z ",
                                       "1969-12-31T23:59:59Z",
                                       "1970-01-01T00:00:00+00:01",
                                       "2026-11-21Z" };
    int64_t ms;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!date_ms(good[i].text, &ms))
            fail_msg("%s is no date", good[i].text);
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (date_ms(bad[i], &ms))
            fail_msg("%s is a date", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(history_is_the_latest_page_unless_it_says_otherwise),
        cmocka_unit_test(history_goes_both_ways_and_to_a_date),
        cmocka_unit_test(history_has_one_beginning),
        cmocka_unit_test(history_has_a_limit_of_1_to_100),
        cmocka_unit_test(search_needs_only_words),
        cmocka_unit_test(search_takes_all_its_fields),
        cmocka_unit_test(search_for_nothing_or_too_much_is_a_bad_query),
        cmocka_unit_test(search_with_a_wrong_field_is_refused),
        cmocka_unit_test(history_in_a_url_takes_decimal_numbers),
        cmocka_unit_test(history_in_a_url_takes_dates),
        cmocka_unit_test(history_in_a_url_is_checked_like_the_frame),
        cmocka_unit_test(search_in_a_url_names_its_own_fields),
        cmocka_unit_test(dates_are_read_by_rfc_3339),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

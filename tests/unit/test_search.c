#include "support/search.h"
#include "support/test.h"

#include "archive/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *parts(struct search_world *w, const char *q)
{
    search_found(w, q);
    assert_int_equal(w->result.count, 1);
    return w->result.hits[0].parts;
}

/* ---- */

static void a_hit_is_the_message_and_where_it_is(void **state)
{
    struct search_world *w = *state;

    search_say(w, "The quick brown fox");
    search_keep_up(w);
    assert_string_equal(search_found(w, "quick"), "The quick brown fox");
    assert_string_equal(w->result.hits[0].stream, "r:general");
    assert_string_equal(w->result.hits[0].epoch, "E");
    assert_string_equal(w->result.hits[0].parts, "[\"The \",\"quick\",\" brown fox\"]");
    assert_int_equal(w->result.hits[0].json_size, strlen(w->result.hits[0].json));
    assert_true(w->result.hits[0].score > 0);
    assert_string_equal(w->result.cursor, "");
    assert_false(w->result.partial);
}

static void every_word_must_be_there(void **state)
{
    struct search_world *w = *state;

    search_say(w, "one two three");
    search_say(w, "one three");
    search_keep_up(w);
    assert_string_equal(search_found(w, "three one"), "one three|one two three");
    assert_string_equal(search_found(w, "  TWO\t\u3000one "), "one two three");
    assert_string_equal(search_found(w, "one four"), "");
    assert_string_equal(search_found(w, "\"one three\""), "one three");
    assert_string_equal(search_found(w, "\"three one\""), "");
    assert_string_equal(search_found(w, "\"one two\" three"), "one two three");
    assert_string_equal(search_found(w, "\"one two"),
                        "one two three"); /* an open phrase ends there */
}

/* What an expression of FTS5 or SQL would be is text. */
static void syntax_is_text(void **state)
{
    static const struct {
        const char *q, *found;
    } table[] = {
        { "OR", "near or not and (col : x*) ^y" },
        { "one OR two", "" },
        { "one AND NOT two", "" },
        { "NEAR(one two, 5)", "" },
        { "NEAR OR NOT AND", "near or not and (col : x*) ^y" },
        { "content:one", "" },
        { "author:alice", "" },
        { "col : x", "near or not and (col : x*) ^y" },
        { "on*", "" },
        { "one*", "one" },
        { "^one", "one" },
        { "+one", "one" },
        { "-one", "one" },
        { "{one}", "one" },
        { "(one", "one" },
        { "one)", "one" },
        { "'one'", "one" },
        { "one;", "one" },
        { "one -- two", "" },
        { "one \" \"", "one" },
        { "one\\", "one" },
        { "one'); DROP TABLE message; --", "" },
        { "\"one\"\"\"", "one" },
        { "\"\"one\"\"", "one" },
        { "?1", "" },
        { "%s%n", "" },
    };
    struct search_world *w = *state;

    search_say(w, "one");
    search_say(w, "near or not and (col : x*) ^y");
    search_keep_up(w);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const char *got = search_found(w, table[i].q);
        if (strcmp(got, table[i].found) != 0)
            fail_msg("%s: found %s", table[i].q, got);
    }
    assert_string_equal(search_found(w, "one"), "one"); /* it is all still there */
}

static void what_has_no_word_is_refused(void **state)
{
    static const char *const bad[] = {
        "", " ", "...", "\"", "\"\"", "\" \" - \"!\"", "*", "\u200b"
    };
    struct search_world *w = *state;
    char text[1000];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_string_equal(search_found(w, bad[i]), "refused");
        assert_int_equal(w->result.refused, ERROR_BAD_QUERY);
    }
    memset(text, 'x', sizeof text);
    text[RULE_SEARCH_BYTES] = '\0';
    assert_string_equal(search_found(w, text), "");
    text[RULE_SEARCH_BYTES] = 'x';
    text[RULE_SEARCH_BYTES + 1] = '\0';
    assert_string_equal(search_found(w, text), "refused");
    assert_string_equal(search_found(w, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"), "");
    assert_string_equal(search_found(w, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17"), "refused");
    assert_string_equal(search_found(w, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 ."), "");
}

static void parts_take_turns(void **state)
{
    struct search_world *w = *state;

    search_say(w, "say \\\"hi\\\" \\\\ <b> \\u0002 &amp; \\u0003 caf\\u00e9 \\u0001");
    search_say(w, "\\u0003 turn \\u0002");
    search_say(w, "\\\\u0002 escaped");
    search_keep_up(w);
    assert_string_equal(parts(w, "hi"),
                        "[\"say \\\"\",\"hi\",\"\\\" \\\\ <b> \",\" &amp; \",\" café "
                        "\\u0001\"]");
    assert_string_equal(parts(w, "turn"), "[\" \",\"turn\",\" \",\"\"]");
    assert_string_equal(parts(w, "escaped"), "[\"\\\\u0002 \",\"escaped\",\"\"]");
}

static void a_long_text_is_cut_around_the_hit(void **state)
{
    struct search_world *w = *state;
    struct str text = STR_INIT;

    for (unsigned i = 0; i < 400; i++)
        str_addf(&text, "%s ", i == 300 ? "needle" : "straw");
    search_say(w, text.data);
    str_fini(&text);
    search_keep_up(w);
    const char *got = parts(w, "needle");
    assert_true(strlen(got) < 250);
    assert_memory_equal(got, "[\"…straw", 10);
    assert_non_null(strstr(got, "\",\"needle\",\""));
}

static void only_what_was_asked_for(void **state)
{
    struct search_world *w = *state;

    search_write(w, "r:general", "E", "alice", SEARCH_NOW_MS - 2 * SEARCH_DAY_MS, "word a");
    search_write(w, "r:general", "F", "bob", SEARCH_NOW_MS - SEARCH_DAY_MS, "word b");
    search_write(w, "r:secret", "E", "bob", SEARCH_NOW_MS, "word c");
    search_write(w, "d:alice|bob", "E", "bob", SEARCH_NOW_MS, "word d");
    search_keep_up(w);
    assert_string_equal(search_found(w, "word"), "word b|word a");
    w->query.streams = search_both;
    w->query.stream_count = 2;
    assert_string_equal(search_found(w, "word"), "word d|word b|word a");
    assert_string_equal(w->result.hits[0].stream, "d:alice|bob");
    assert_string_equal(w->result.hits[0].epoch, "E");
    assert_string_equal(w->result.hits[1].stream, "r:general");
    assert_string_equal(w->result.hits[1].epoch, "F");
    w->query.user = "bob";
    assert_string_equal(search_found(w, "word"), "word d|word b");
    w->query.user = "nobody";
    assert_string_equal(search_found(w, "word"), "");
    w->query.user = "b\" OR content : \"word";
    assert_string_equal(search_found(w, "word"), "");
    w->query.user = NULL;
    w->query.since_ms = SEARCH_NOW_MS - SEARCH_DAY_MS;
    assert_string_equal(search_found(w, "word"), "word d|word b");
    w->query.since_ms++;
    assert_string_equal(search_found(w, "word"), "word d");
    w->query.since_ms = 0;
    w->query.until_ms = SEARCH_NOW_MS - SEARCH_DAY_MS;
    assert_string_equal(search_found(w, "word"), "word a");
    w->query.until_ms++;
    assert_string_equal(search_found(w, "word"), "word b|word a");
    w->query.since_ms = w->query.until_ms;
    assert_string_equal(search_found(w, "word"), "");
    w->query.since_ms = INT64_MAX;
    w->query.until_ms = INT64_MIN;
    assert_string_equal(search_found(w, "word"), "");
    w->query = (struct search_query){ .limit = 50 };
    assert_string_equal(search_found(w, "word"), ""); /* of no room */
}

static void all_conversations_of_a_person(void **state)
{
    static const char *const of_bob[] = { "d:bob" }, *const of_bo[] = { "d:bo" };
    struct search_world *w = *state;

    search_write(w, "d:alice|bob", "E", "bob", SEARCH_NOW_MS, "word a");
    search_write(w, "d:bob|carol", "E", "bob", SEARCH_NOW_MS + 1, "word b");
    search_write(w, "d:bob|bob", "E", "bob", SEARCH_NOW_MS + 2, "word c");
    search_write(w, "d:alice|carol", "E", "alice", SEARCH_NOW_MS + 3, "word d");
    search_write(w, "d:bobby|carol", "E", "bobby", SEARCH_NOW_MS + 4, "word e");
    search_write(w, "d:alice|jim-bob", "E", "alice", SEARCH_NOW_MS + 5, "word f");
    search_write(w, "r:bob", "E", "bob", SEARCH_NOW_MS + 6, "word g");
    search_keep_up(w);
    w->query.streams = of_bob;
    assert_string_equal(search_found(w, "word"), "word c|word b|word a");
    assert_string_equal(w->result.hits[1].stream, "d:bob|carol");
    w->query.streams = of_bo;
    assert_string_equal(search_found(w, "word"), "");
}

static void more_of_it_and_newer_is_better(void **state)
{
    struct search_world *w = *state;

    search_write(w, "r:general", "E", "alice", SEARCH_NOW_MS - 400 * SEARCH_DAY_MS, "tea");
    search_write(w, "r:general", "E", "alice", SEARCH_NOW_MS - 300 * SEARCH_DAY_MS,
                 "tea tea tea tea tea");
    search_write(w, "r:general", "E", "alice", SEARCH_NOW_MS - 60 * SEARCH_DAY_MS, "tea again");
    search_write(w, "r:general", "E", "alice", SEARCH_NOW_MS, "no coffee but tea");
    search_keep_up(w);
    assert_string_equal(search_found(w, "tea"),
                        "no coffee but tea|tea tea tea tea tea|tea again|tea");
}

static void new_messages_are_searchable_after_upkeep(void **state)
{
    struct search_world *w = *state;
    struct file *f = w->sink;
    bool more;

    search_say(w, "early");
    search_keep_up(w);
    search_say(w, "late");
    assert_string_equal(search_found(w, "late"), "");
    assert_int_equal(w->result.behind, 1);
    f->index_mono_ms = INT64_MAX;
    search_must(sink_sqlite.upkeep(f, 1000000, &more), w);
    assert_false(more);
    assert_int_equal((search_found(w, "early"), w->result.behind), 1); /* one is not worth it yet */
    search_keep_up(w);
    assert_string_equal(search_found(w, "late"), "late");
    assert_int_equal(w->result.behind, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, search_setup, search_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_hit_is_the_message_and_where_it_is),
        TEST(every_word_must_be_there),
        TEST(syntax_is_text),
        TEST(what_has_no_word_is_refused),
        TEST(parts_take_turns),
        TEST(a_long_text_is_cut_around_the_hit),
        TEST(only_what_was_asked_for),
        TEST(all_conversations_of_a_person),
        TEST(more_of_it_and_newer_is_better),
        TEST(new_messages_are_searchable_after_upkeep),
    };

    return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}

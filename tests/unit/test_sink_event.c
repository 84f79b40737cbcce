/* Events about messages in an archive: whatever the order, once. */
#include "support/archive.h"
#include "support/test.h"

#include "archive/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one message ---- */

static struct find_result find(struct test_archive *t, const char *stream, uint64_t seq)
{
    struct find_result r;

    assert_int_equal(sink_sqlite.find(t->reader, stream, seq, &r), SINK_OK);
    return r;
}

static bool has(const struct find_result *r, const char *text)
{
    return r->json != NULL && memmem(r->json, r->size, text, strlen(text)) != NULL;
}

static void a_message_is_found_in_the_newest_epoch_that_has_it(void **state)
{
    struct test_archive *t = *state;
    struct find_result r;

    archive_say_all(t, "E", 1, 10);
    archive_say(t, "F", 8, 20000, "new");
    r = find(t, "r:hall", 7);
    assert_true(has(&r, "\"id\":\"E-7\""));
    r = find(t, "r:hall", 8);
    assert_true(has(&r, "\"id\":\"new\""));
    r = find(t, "r:hall", 9);
    assert_true(has(&r, "\"id\":\"E-9\""));
}

static void what_is_not_there_yet_is_behind(void **state)
{
    struct test_archive *t = *state;
    struct find_result r;

    archive_say_all(t, "E", 3, 5);
    r = find(t, "r:hall", 6);
    assert_true(r.json == NULL && r.behind);
    r = find(t, "r:hall", 2);
    assert_true(r.json == NULL && !r.behind);
    r = find(t, "r:hall", UINT64_MAX);
    assert_true(r.json == NULL && r.behind);
    r = find(t, "r:nowhere", 1);
    assert_true(r.json == NULL && !r.behind);
}

static void what_lost_its_number_is_not_found_by_it(void **state)
{
    struct test_archive *t = *state;
    struct find_result r;

    archive_say(t, "E", 1, 1000, "lost");
    archive_say(t, "E", 1, 2000, "other"); /* "lost" goes to E~1 */
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM message"), 2);
    r = find(t, "r:hall", 1);
    assert_true(has(&r, "\"id\":\"other\""));
}

/* ---- edits and deletions ---- */

/* The event EPOCH-SEQ of ann about message `target` with this id. rest: what it says, in JSON. */
static void event(struct test_archive *t, const char *epoch, uint64_t seq, const char *kind,
                  uint64_t target, const char *target_id, const char *rest)
{
    char json[512];
    struct sink_written written;

    snprintf(json, sizeof json,
             "{\"type\":\"message\",\"room\":\"hall\",\"seq\":%u,\"id\":\"%s-%u\",\"user\":\"ann\","
             "\"kind\":\"%s\",\"target\":%u,\"target_id\":\"%s\",%s,\"timestamp\":%u}",
             (unsigned)seq, epoch, (unsigned)seq, kind, (unsigned)target, target_id, rest,
             (unsigned)seq * 1000);
    archive_write(t, "r:hall", epoch, seq, json, &written);
    assert_int_equal(written.rejected, 0);
}

static void edit(struct test_archive *t, uint64_t seq, const char *text)
{
    char rest[64];

    snprintf(rest, sizeof rest, "\"content\":\"%s\"", text);
    event(t, "E", seq, "edit", 1, "E-1", rest);
}

static void erase(struct test_archive *t, uint64_t seq)
{
    event(t, "E", seq, "delete", 1, "E-1", "\"content\":\"(deleted a message)\"");
}

/* Message `seq` of an epoch as a page has it. */
static const char *row_of(struct test_archive *t, const char *epoch, uint64_t seq)
{
    static char text[4096];
    const struct page_result *p = archive_before(t, epoch, seq + 1, 1);

    assert_int_equal(p->first_seq, seq);
    snprintf(text, sizeof text, "%.*s", (int)p->messages[0].size,
             (const char *)p->messages[0].data);
    return text;
}

static void assert_row(struct test_archive *t, uint64_t seq, const char *text)
{
    const char *row = row_of(t, "E", seq);

    if (strstr(row, text) == NULL)
        fail_msg("%s is not in %s", text, row);
}

static unsigned hits(struct test_archive *t, const char *q)
{
    static const char *const streams[] = { "r:hall" };
    const struct search_query query = {
        .q = q, .streams = streams, .stream_count = 1, .limit = 50
    };
    struct search_result r;

    archive_upkeep(t);
    assert_int_equal(archive_search(t, &query, &r), SINK_OK);
    assert_int_equal(r.refused, ERROR_NONE);
    return (unsigned)r.count;
}

static void assert_well(struct test_archive *t)
{
    archive_upkeep(t);
    assert_int_equal(archive_sql(t, "INSERT INTO search (search, rank)"
                                    " VALUES ('integrity-check', 1)"),
                     0);
}

static void an_edit_rewrites_its_target(void **state)
{
    struct test_archive *t = *state;

    archive_say_all(t, "E", 1, 3);
    edit(t, 4, "tea");
    assert_row(t, 1, "\"content\":\"tea\",\"timestamp\":1000,\"cid\":\"cE-1\",\"edited\":4}");
    assert_row(t, 4, "\"kind\":\"edit\",\"target\":1,\"target_id\":\"E-1\",\"content\":\"tea\"");
    edit(t, 5, "milk");
    assert_row(t, 1, "\"content\":\"milk\"");
    assert_row(t, 1, "\"edited\":5}");
    assert_row(t, 4, "\"content\":\"\",\"timestamp\":4000,\"deleted\":5}"); /* said nowhere */
    edit(t, 4, "tea");                                                      /* a repeat */
    assert_row(t, 1, "\"content\":\"milk\"");
    assert_row(t, 4, "\"content\":\"\"");
    erase(t, 6);
    assert_row(t, 1, "\"content\":\"\",\"timestamp\":1000,\"cid\":\"cE-1\",\"deleted\":6}");
    assert_row(t, 5, "\"content\":\"\"");
    edit(t, 7, "late");
    assert_row(t, 1, "\"deleted\":6}");
    assert_row(t, 2, "\"content\":\"text E-2\"");
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM message WHERE instr(json, 'milk')"
                                    " OR instr(json, 'tea')"),
                     0);
    assert_int_equal(archive_about(t).messages, 7);
    assert_well(t);
}

static void events_count_in_any_order(void **state)
{
    static const uint64_t orders[][4] = { { 1, 4, 5, 6 }, { 6, 5, 4, 1 }, { 5, 6, 1, 4 },
                                          { 4, 1, 6, 5 }, { 5, 1, 4, 6 }, { 6, 4, 1, 5 } };

    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        archive_teardown(state);
        archive_setup(state);
        struct test_archive *t = *state;
        for (size_t j = 0; j < 4; j++) {
            const uint64_t seq = orders[i][j];
            if (seq == 1)
                archive_say_all(t, "E", 1, 1);
            else if (seq == 6)
                erase(t, 6);
            else
                edit(t, seq, seq == 4 ? "tea" : "milk");
        }
        assert_row(t, 1, "\"content\":\"\"");
        assert_row(t, 1, "\"deleted\":6}");
        assert_row(t, 4, "\"content\":\"\"");
        assert_row(t, 5, "\"content\":\"\"");
        assert_int_equal(archive_sql(t, "SELECT count(*) FROM waiting"), 0);
        assert_int_equal(hits(t, "text"), 0);
        assert_well(t);
    }
}

static void an_edited_text_is_found_by_its_new_words(void **state)
{
    struct test_archive *t = *state;

    archive_say_all(t, "E", 1, 3);
    assert_int_equal(hits(t, "text"), 3); /* in the index before the event */
    edit(t, 4, "darjeeling");
    assert_int_equal(hits(t, "text"), 2);
    assert_int_equal(hits(t, "darjeeling"), 1); /* the message, not the event */
    edit(t, 5, "assam");
    edit(t, 6, "ceylon"); /* before the index knew of the one before */
    assert_int_equal(hits(t, "darjeeling") + hits(t, "assam"), 0);
    assert_int_equal(hits(t, "ceylon"), 1);
    erase(t, 7);
    assert_int_equal(hits(t, "ceylon"), 0);
    assert_well(t);
}

static void a_target_may_be_in_an_epoch_before(void **state)
{
    struct test_archive *t = *state;

    archive_say_all(t, "E", 1, 9);
    archive_say_all(t, "F", 10, 11);
    event(t, "F", 12, "edit", 1, "E-1", "\"content\":\"tea\"");
    assert_row(t, 1, "\"content\":\"tea\"");
    assert_row(t, 1, "\"edited\":12}");
    event(t, "F", 13, "edit", 11, "E-11", "\"content\":\"no\""); /* another message has 11 */
    assert_non_null(strstr(row_of(t, "F", 11), "\"content\":\"text F-11\""));
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM waiting"), 1);
}

static void numbers_that_were_lost_do_not_hold_back_an_event(void **state)
{
    struct test_archive *t = *state;

    archive_say_all(t, "E", 1, 8);
    edit(t, 9, "tea"); /* Redis loses 6 … 9, and goes on in F */
    archive_say_all(t, "F", 6, 6);
    event(t, "F", 7, "edit", 1, "E-1", "\"content\":\"milk\"");
    assert_row(t, 1, "\"content\":\"milk\"");
    assert_row(t, 1, "\"edited\":7}");
    assert_row(t, 9, "\"content\":\"\"");
    edit(t, 9, "tea");
    assert_row(t, 1, "\"content\":\"milk\"");
}

static void what_came_rewritten_stays_so(void **state)
{
    struct test_archive *t = *state;
    struct sink_written written;

    archive_write(
        t, "r:hall", "E", 1,
        "{\"type\":\"message\",\"room\":\"hall\",\"seq\":1,\"id\":\"E-1\",\"user\":\"ann\","
        "\"content\":\"milk\",\"timestamp\":1,\"edited\":5}",
        &written);
    edit(t, 4, "tea");
    assert_row(t, 1, "\"content\":\"milk\",\"timestamp\":1,\"edited\":5}");
    assert_row(t, 4, "\"content\":\"\"");
    edit(t, 5, "milk");
    assert_row(t, 5, "\"content\":\"milk\"");
    edit(t, 6, "rum");
    assert_row(t, 5, "\"content\":\"\"");
    assert_row(t, 1, "\"content\":\"rum\",\"timestamp\":1,\"edited\":6}");
}

/* ---- reactions ---- */

static void react(struct test_archive *t, uint64_t seq, const char *emoji, bool remove)
{
    char rest[128];

    snprintf(rest, sizeof rest, "\"emoji\":\"%s\",%s\"content\":\"%s\"", emoji,
             remove ? "\"remove\":true," : "", emoji);
    event(t, "E", seq, "react", 1, "E-1", rest);
}

static void assert_no_reactions(struct test_archive *t)
{
    assert_null(strstr(row_of(t, "E", 1), "reactions"));
}

static void reactions_stand_in_a_page(void **state)
{
    struct test_archive *t = *state;

    archive_say_all(t, "E", 1, 1);
    react(t, 2, "👍", false);
    assert_row(t, 1, "\"cid\":\"cE-1\",\"reactions\":{\"👍\":[\"ann\"]}}");
    react(t, 3, "\\\"", false);
    react(t, 5, "👍", true);
    react(t, 2, "👍", false); /* a repeat */
    assert_row(t, 1, "\"reactions\":{\"\\\"\":[\"ann\"]}}");
    react(t, 6, "👍", false);
    assert_row(t, 1, "\"reactions\":{\"👍\":[\"ann\"],\"\\\"\":[\"ann\"]}}");
    edit(t, 7, "tea");
    assert_row(t, 1, "\"edited\":7,\"reactions\":{");
    erase(t, 8);
    assert_no_reactions(t);
}

static void names_of_an_emoji_stand_together(void **state)
{
    static const char *const names[] = { "ann", "bob", "cid" };
    struct test_archive *t = *state;
    struct sink_written written;
    char json[512];

    archive_say_all(t, "E", 1, 1);
    for (unsigned i = 0; i < 6; i++) {
        snprintf(
            json, sizeof json,
            "{\"type\":\"message\",\"room\":\"hall\",\"seq\":%u,\"id\":\"x%u\",\"user\":\"%s\","
            "\"kind\":\"react\",\"target\":1,\"target_id\":\"E-1\",\"emoji\":\"%s\","
            "\"content\":\"\",\"timestamp\":1}",
            i + 2, i, names[i % 3], i % 2 == 0 ? "A" : "B");
        archive_write(t, "r:hall", "E", i + 2, json, &written);
    }
    assert_row(t, 1,
               "\"reactions\":{\"A\":[\"ann\",\"cid\",\"bob\"],\"B\":[\"bob\",\"ann\",\"cid\"]}}");
}

static void a_reaction_taken_back_before_it_came_stays_away(void **state)
{
    struct test_archive *t = *state;

    archive_say_all(t, "E", 1, 1);
    react(t, 3, "👍", true);
    react(t, 2, "👍", false);
    assert_no_reactions(t);
    react(t, 4, "👍", false);
    assert_row(t, 1, "\"reactions\":{\"👍\":[\"ann\"]}}");
}

static void reactions_wait_for_their_message(void **state)
{
    struct test_archive *t = *state;

    react(t, 2, "👍", false);
    react(t, 3, "🎉", false);
    react(t, 4, "👍", true);
    archive_say_all(t, "E", 1, 1);
    assert_row(t, 1, "\"reactions\":{\"🎉\":[\"ann\"]}}");
}

static void no_more_reactions_than_a_page_can_carry(void **state)
{
    struct test_archive *t = *state;
    char emoji[16];
    unsigned i;

    archive_say_all(t, "E", 1, 1);
    for (i = 0; i < RULE_REACTIONS + 5; i++) {
        snprintf(emoji, sizeof emoji, "e%u.", i);
        react(t, i + 2, emoji, false);
    }
    snprintf(emoji, sizeof emoji, "\"e%u.\"", RULE_REACTIONS - 1);
    assert_row(t, 1, emoji);
    snprintf(emoji, sizeof emoji, "\"e%u.\"", RULE_REACTIONS);
    assert_null(strstr(row_of(t, "E", 1), emoji));
    react(t, i + 2, "e7.", true); /* makes room */
    react(t, i + 3, "new", false);
    assert_row(t, 1, "\"new\":[\"ann\"]}}");
    assert_null(strstr(row_of(t, "E", 1), "\"e7.\""));
}

/* ---- a person is forgotten ---- */

static void say_to(struct test_archive *t, uint64_t seq, const char *user, const char *rest)
{
    struct sink_written written;
    char json[512];

    snprintf(json, sizeof json,
             "{\"type\":\"message\",\"room\":\"hall\",\"seq\":%u,\"id\":\"x%u\",\"user\":\"%s\",%s,"
             "\"timestamp\":1,\"mentions\":[\"bob\",\"carol\"]}",
             (unsigned)seq, (unsigned)seq, user, rest);
    archive_write(t, "r:hall", "E", seq, json, &written);
    assert_int_equal(written.added, 1);
}

static void forgetting_takes_reactions_edits_and_mentions(void **state)
{
    static const char about[] = "\"target\":1,\"target_id\":\"E-1\"";
    const struct sink_record order = { "forget", "carol", 100000, "", 0 };
    struct test_archive *t = *state;
    struct sink_written written;
    char rest[256];

    archive_say_all(t, "E", 1, 1);
    react(t, 2, "👍", false);
    snprintf(rest, sizeof rest, "\"kind\":\"react\",%s,\"emoji\":\"👍\",\"content\":\"👍\"", about);
    say_to(t, 3, "carol", rest);
    say_to(t, 4, "carol", "\"content\":\"first\"");
    say_to(t, 5, "carol",
           "\"kind\":\"edit\",\"target\":4,\"target_id\":\"x4\",\"content\":\"second\"");
    say_to(t, 6, "bob", "\"content\":\"hello @carol\"");
    assert_row(t, 1, "\"reactions\":{\"👍\":[\"ann\",\"carol\"]}");
    assert_row(t, 4, "second");
    const struct sink_batch batch = { .records = &order, .record_count = 1 };
    assert_int_equal(sink_sqlite.write(t->sink, &batch, &written), SINK_OK);
    archive_upkeep(t);
    assert_row(t, 1, "\"reactions\":{\"👍\":[\"ann\"]}");
    assert_row(t, 6, "\"content\":\"hello @carol\",\"timestamp\":1,\"mentions\":[\"bob\"]}");
    for (uint64_t seq = 3; seq <= 5; seq++)
        assert_row(t, seq, "\"content\":\"\",\"timestamp\":1,\"deleted\":true}");
    assert_null(strstr(row_of(t, "E", 3), "👍"));
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM message WHERE kind = 6"), 3);
    assert_well(t);
}

/* ---- what is too old ---- */

static void an_event_goes_after_its_message(void **state)
{
    struct test_archive *t = *state;

    archive_close(t);
    t->settings.archive_room_messages = 2;
    archive_open(t);
    event(t, "E", 1, "edit", 9, "gone", "\"content\":\"tea\"");
    archive_say_all(t, "E", 2, 2);
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM waiting"), 1);
    archive_say_all(t, "E", 3, 3);
    archive_upkeep(t);
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM message"), 2);
    assert_int_equal(archive_sql(t, "SELECT count(*) FROM waiting"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, archive_setup, archive_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_is_found_in_the_newest_epoch_that_has_it),
        TEST(what_is_not_there_yet_is_behind),
        TEST(what_lost_its_number_is_not_found_by_it),
        TEST(an_edit_rewrites_its_target),
        TEST(events_count_in_any_order),
        TEST(an_edited_text_is_found_by_its_new_words),
        TEST(a_target_may_be_in_an_epoch_before),
        TEST(numbers_that_were_lost_do_not_hold_back_an_event),
        TEST(what_came_rewritten_stays_so),
        TEST(reactions_stand_in_a_page),
        TEST(names_of_an_emoji_stand_together),
        TEST(a_reaction_taken_back_before_it_came_stays_away),
        TEST(reactions_wait_for_their_message),
        TEST(no_more_reactions_than_a_page_can_carry),
        TEST(forgetting_takes_reactions_edits_and_mentions),
        TEST(an_event_goes_after_its_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

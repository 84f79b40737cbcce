/* Events about messages in an archive: whatever the order, once. */
#include "support/archive.h"
#include "support/test.h"

#include "archive/state.h"

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, archive_setup, archive_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_is_found_in_the_newest_epoch_that_has_it),
        TEST(what_is_not_there_yet_is_behind),
        TEST(what_lost_its_number_is_not_found_by_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

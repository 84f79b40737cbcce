/* Versions of an archive's file, and that docs/DATA.md shows the tables as they are. */
#include "support/archive.h"
#include "support/test.h"

#include "archive/state.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum sink_status try_open(struct test_archive *t, enum sink_mode mode)
{
    char why[SINK_WHY_BYTES + 1] = "";
    const enum sink_status status = sink_sqlite.open(&t->settings, mode, &t->sink, why);

    if (status != SINK_OK) {
        t->sink = NULL;
        assert_true(strlen(why) > 10);
    }
    return status;
}

static void a_newer_file_is_left_alone(void **state)
{
    struct test_archive *t = *state;

    archive_say_all(t, "E", 1, 3);
    archive_sql(t, "PRAGMA user_version = 1000");
    archive_close(t);
    assert_int_equal(try_open(t, SINK_WRITE), SINK_NEWER);
    assert_int_equal(try_open(t, SINK_READ), SINK_NEWER);
    assert_int_equal(try_open(t, SINK_ADD), SINK_NEWER);
}

static void a_database_of_somebody_else_is_left_alone(void **state)
{
    struct test_archive *t = *state;
    char path[256];
    sqlite3 *db;

    archive_close(t);
    assert_true(archive_shell(t, "rm archive.db*"));
    snprintf(path, sizeof path, "%s/archive.db", t->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE theirs (x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(try_open(t, SINK_READ), SINK_IO);
    assert_int_equal(try_open(t, SINK_WRITE), SINK_IO);
    assert_true(archive_file_has(t, "archive.db", "theirs"));
}

static void a_file_without_tables_is_the_writers(void **state)
{
    struct test_archive *t = *state;

    archive_close(t);
    assert_true(archive_shell(t, "rm archive.db* && touch archive.db"));
    assert_int_equal(try_open(t, SINK_READ), SINK_IO);
    assert_int_equal(try_open(t, SINK_WRITE), SINK_OK);
}

/* Words with one space between them. */
static char *squeezed(const char *text)
{
    struct str out = STR_INIT;

    for (; *text != '\0'; text++) {
        const char c = (char)(isspace((unsigned char)*text) ? ' ' : *text);
        if (c != ' ' || (out.size > 0 && out.data[out.size - 1] != ' '))
            str_addc(&out, c);
    }
    return str_detach(&out);
}

static char *data_md(void)
{
    struct str text = STR_INIT;
    char buffer[4096];
    FILE *file = fopen(CONFAB_SOURCE_DIR "/docs/DATA.md", "r");

    assert_non_null(file);
    for (size_t size; (size = fread(buffer, 1, sizeof buffer, file)) > 0;)
        str_add(&text, buffer, size);
    fclose(file);
    char *result = squeezed(text.data != NULL ? text.data : "");
    str_fini(&text);
    return result;
}

static void the_page_shows_the_tables_as_they_are(void **state)
{
    struct test_archive *t = *state;
    char *page = data_md();
    unsigned count = 0;
    sqlite3_stmt *s;

    assert_int_equal(
        sqlite3_prepare_v2(((struct file *)t->sink)->db,
                           "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL"
                           " AND name NOT IN ('search_data', 'search_idx', 'search_content',"
                           " 'search_docsize', 'search_config')",
                           -1, &s, NULL),
        SQLITE_OK);
    for (; sqlite3_step(s) == SQLITE_ROW; count++) {
        char *sql = squeezed((const char *)sqlite3_column_text(s, 0));
        if (strstr(page, sql) == NULL)
            fail_msg("docs/DATA.md has not: %s", sql);
        free(sql);
    }
    sqlite3_finalize(s);
    assert_true(count >= 10);
    free(page);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, archive_setup, archive_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_newer_file_is_left_alone),
        TEST(a_database_of_somebody_else_is_left_alone),
        TEST(a_file_without_tables_is_the_writers),
        TEST(the_page_shows_the_tables_as_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

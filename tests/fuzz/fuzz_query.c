/* libFuzzer target: whatever is searched for is refused, or is an expression that FTS5 takes; and
 * the tokenizer reads any bytes.
 *
 *   fuzz_query -max_total_time=60 -max_len=300 SCRATCH_FOLDER
 */
#include "archive/query.h"
#include "archive/token.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static sqlite3 *db;
static sqlite3_stmt *add, *match, *plain;
static struct query query;

static void set_up(void)
{
    BUG_ON(sqlite3_open(":memory:", &db) != SQLITE_OK || token_register(db) != SQLITE_OK ||
           query_register(db) != SQLITE_OK || query_init(&query, db) != SQLITE_OK);
    BUG_ON(sqlite3_exec(db,
                        "CREATE VIRTUAL TABLE t USING fts5 (content, author, mark,"
                        " tokenize = 'confab');"
                        "INSERT INTO t (rowid, mark) VALUES (2, 'x')",
                        NULL, NULL, NULL) != SQLITE_OK);
    BUG_ON(sqlite3_prepare_v2(db, "REPLACE INTO t (rowid, content, author) VALUES (1, ?1, ?2)", -1,
                              &add, NULL) != SQLITE_OK);
    BUG_ON(sqlite3_prepare_v2(db, "SELECT rowid, confab_score(t, ?2) FROM t WHERE t MATCH ?1", -1,
                              &match, NULL) != SQLITE_OK);
    BUG_ON(sqlite3_prepare_v2(db, "SELECT rowid FROM t WHERE t MATCH ?1 AND rowid = 1", -1, &plain,
                              NULL) != SQLITE_OK);
}

/* Is the first row found, and with a score? */
static bool finds(sqlite3_stmt *s, const struct str *expression)
{
    bool found = false;
    int rc;

    sqlite3_bind_text(s, 1, expression->data, (int)expression->size, SQLITE_STATIC);
    sqlite3_bind_pointer(s, 2, &query, QUERY_POINTER, NULL);
    while ((rc = sqlite3_step(s)) == SQLITE_ROW)
        found |= sqlite3_column_int64(s, 0) == 1 &&
                 (sqlite3_column_count(s) == 1 || sqlite3_column_type(s, 1) != SQLITE_NULL);
    BUG_ON(rc != SQLITE_DONE);
    sqlite3_reset(s);
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = xmemdupz(data, size);

    if (db == NULL)
        set_up();
    sqlite3_bind_text(add, 1, text, (int)size, SQLITE_STATIC); /* any bytes */
    sqlite3_step(add);
    BUG_ON(sqlite3_reset(add) != SQLITE_OK);
    /* What is in a text is found in it, by our phrases as by those of FTS5. */
    if (rules_utf8(text, strlen(text)) && query_read(&query, text, NULL) == ERROR_NONE)
        BUG_ON(finds(match, &query.match) != finds(plain, &query.plain));
    free(text);
    return 0;
}

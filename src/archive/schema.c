/* The tables, and how a file of an earlier version is brought up to date. */
#include "state.h"

#include <stdio.h>
#include <string.h>

enum {
    APPLICATION_ID = 1668179554, /* "cnfb", for file(1) and for us */
};

/* The index is one of "external content": it has no copy of the texts, but gets them from
 * `searchable` by column name (https://www.sqlite.org/fts5.html section 4.4.3). The author is one
 * word of hex digits, which no tokenizer takes apart. Every few thousandth message has a mark, by
 * which a search can stop on its way (query.h). */
#define INDEX                                                                                      \
    "CREATE VIRTUAL TABLE search USING fts5 (content, author, mark, content = 'searchable',"       \
    " content_rowid = 'id', columnsize = 0, tokenize = 'confab');"                                 \
    "INSERT INTO search (search, rank) VALUES ('hashsize', 16777216);"                             \
    "INSERT INTO search (search, rank) VALUES ('automerge', 8);"

/* Each is one transaction. None may rewrite all of `message`: an archive has many millions. */
static const struct {
    int to; /* user_version */
    const char *sql;
} steps[] = {
    { 1, "CREATE TABLE facts (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;"
         "CREATE TABLE stream (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
         /* the conversations of the second one of "d:A|B" */
         "CREATE INDEX stream_second ON stream (substr(name, instr(name, '|') + 1))"
         " WHERE name GLOB 'd:*';"
         "CREATE TABLE epoch (id INTEGER PRIMARY KEY CHECK (id < 2147483648),"
         " stream INTEGER NOT NULL REFERENCES stream (id), name TEXT NOT NULL,"
         " UNIQUE (stream, name));"
         "CREATE TABLE message (id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL,"
         " kind INTEGER NOT NULL, event INTEGER, json TEXT NOT NULL, state TEXT);"
         "CREATE TABLE waiting (event INTEGER PRIMARY KEY, stream INTEGER NOT NULL,"
         " number INTEGER NOT NULL);"
         "CREATE INDEX waiting_target ON waiting (stream, number);"
         "CREATE TABLE unindexed (id INTEGER PRIMARY KEY);"
         "CREATE TABLE record (kind TEXT, name TEXT, version INTEGER NOT NULL,"
         " json TEXT NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;"
         "CREATE TABLE rejected (id INTEGER PRIMARY KEY, entry TEXT, why TEXT NOT NULL,"
         " body BLOB NOT NULL);"
         "CREATE VIEW span (id, stream, name, began_ms) AS"
         " SELECT id, stream, name, (SELECT time_ms FROM message WHERE message.id >= epoch.id << 32"
         " AND message.id <= epoch.id << 32 | 4294967295 ORDER BY message.id LIMIT 1) FROM epoch;"
         "CREATE VIEW searchable (id, content, author, mark) AS"
         " SELECT id, json_extract(json, '$.content'), hex(json_extract(json, '$.user')),"
         " CASE WHEN id % 8191 = 0 THEN 'x' END"
         " FROM message WHERE kind <= 1;" INDEX },
};

enum { STEPS = sizeof steps / sizeof steps[0] };

/* Of a statement that is used once, before the others are prepared; -1 after a failure. */
static int64_t number(struct file *f, const char *sql)
{
    sqlite3_stmt *s = NULL;

    if (f->status != SINK_OK)
        return -1;
    const int rc = sqlite3_prepare_v2(f->db, sql, -1, &s, NULL);
    if (rc != SQLITE_OK)
        file_failed(f, rc);
    const int64_t n = file_number(f, s, -1);
    sqlite3_finalize(s);
    return n;
}

static void undo(struct file *f)
{
    if (!sqlite3_get_autocommit(f->db))
        sqlite3_exec(f->db, "ROLLBACK", NULL, NULL, NULL);
}

static void upgrade(struct file *f, int64_t from)
{
    char version[64];

    for (int i = 0; i < STEPS && f->status == SINK_OK; i++) {
        if (steps[i].to <= from)
            continue;
        snprintf(version, sizeof version, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                 APPLICATION_ID, steps[i].to);
        file_exec(f, "BEGIN IMMEDIATE");
        file_exec(f, steps[i].sql);
        file_exec(f, version);
        file_exec(f, "COMMIT");
        undo(f);
    }
}

static void begin_file(struct file *f)
{
    sqlite3_stmt *s = NULL;

    if (f->status != SINK_OK ||
        sqlite3_prepare_v2(f->db, "PRAGMA journal_mode = WAL", -1, &s, NULL) != SQLITE_OK)
        return;
    if (file_row(f, s) && strcmp((const char *)sqlite3_column_text(s, 0), "wal") != 0)
        file_fail(f, SINK_IO, "ARCHIVE_DIR: no write-ahead log is possible there");
    sqlite3_finalize(s);
}

void schema_upgrade(struct file *f)
{
    const int64_t application = number(f, "PRAGMA application_id");
    const int64_t version = number(f, "PRAGMA user_version");

    if (version > steps[STEPS - 1].to)
        file_fail(f, SINK_NEWER, "archive.db was made by a newer version of confab");
    else if (f->status == SINK_OK && application != APPLICATION_ID &&
             number(f, "SELECT count(*) FROM sqlite_schema") != 0)
        file_fail(f, SINK_IO, "archive.db is not an archive of confab");
    else if (version < steps[STEPS - 1].to && f->mode != SINK_WRITE)
        file_fail(f, SINK_IO, "archive.db is not ready yet: its writer makes it so");
    if (f->status != SINK_OK || f->mode != SINK_WRITE)
        return;
    if (!file_lock(f))
        return;
    begin_file(f);
    upgrade(f, version);
    file_unlock(f);
}

void schema_reset_index(struct file *f, bool indexes)
{
    file_run(f, file_statement(f, STATEMENT_INDEX_CLEAR));
    file_run(f, file_statement(f, STATEMENT_UNINDEXED_CLEAR));
    if (indexes)
        file_run(f, file_statement(f, STATEMENT_UNINDEXED_ALL));
    fact_set_number(f, "indexes", indexes);
    f->indexes = indexes;
}

void schema_remake_index(struct file *f)
{
    file_exec(f, "BEGIN IMMEDIATE; DROP TABLE search;" INDEX "DELETE FROM unindexed;"
                 "INSERT INTO unindexed SELECT id FROM message"
                 " WHERE (SELECT value FROM facts WHERE name = 'indexes'); COMMIT");
    undo(f);
}

#include "parts.h"

#include "token.h"

#include <stdlib.h>

struct parts {
    sqlite3 *db;
    sqlite3_stmt *clear, *add, *find;
    int rc; /* of the first one that failed */
};

static int prepare(struct parts *p, const char *sql, sqlite3_stmt **out)
{
    return sqlite3_prepare_v3(p->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
}

struct parts *parts_new(void)
{
    struct parts *p = xcalloc(1, sizeof *p);

    if (sqlite3_open_v2(":memory:", &p->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
            SQLITE_OK &&
        token_register(p->db) == SQLITE_OK &&
        sqlite3_exec(p->db, "CREATE VIRTUAL TABLE t USING fts5 (text, tokenize = 'confab')", NULL,
                     NULL, NULL) == SQLITE_OK &&
        prepare(p, "DELETE FROM t", &p->clear) == SQLITE_OK &&
        prepare(p, "INSERT INTO t (rowid, text) VALUES (?1, ?2)", &p->add) == SQLITE_OK &&
        prepare(p,
                "SELECT rowid, json_quote(snippet(t, 0, char(2), char(3), '…', 24)) FROM t"
                " WHERE t MATCH ?1",
                &p->find) == SQLITE_OK)
        return p;
    parts_free(p);
    return NULL;
}

void parts_free(struct parts *p)
{
    if (p == NULL)
        return;
    sqlite3_finalize(p->clear);
    sqlite3_finalize(p->add);
    sqlite3_finalize(p->find);
    sqlite3_close(p->db);
    free(p);
}

static void run(struct parts *p, sqlite3_stmt *s)
{
    const int rc = sqlite3_step(s);

    sqlite3_reset(s);
    if (rc != SQLITE_DONE && p->rc == SQLITE_OK)
        p->rc = rc;
}

void parts_clear(struct parts *p)
{
    p->rc = SQLITE_OK;
    run(p, p->clear);
}

void parts_add(struct parts *p, size_t id, const char *text, size_t size)
{
    sqlite3_bind_int64(p->add, 1, (sqlite3_int64)id);
    sqlite3_bind_text(p->add, 2, text, (int)size, SQLITE_STATIC);
    run(p, p->add);
}

/* Appends what snippet() gave, quoted by SQLite, as an array: U+0002 and U+0003 stand before and
 * behind what was found. A text may have them too: what does not come in turn is left out. */
static void add_array(struct str *out, const char *quoted)
{
    bool is_hit = false;

    str_addc(out, '[');
    for (const char *s = quoted; *s != '\0'; s++) {
        if (strncmp(s, "\\u0002", 6) == 0 || strncmp(s, "\\u0003", 6) == 0) {
            if (is_hit == (s[5] == '3')) {
                str_addz(out, "\",\"");
                is_hit = !is_hit;
            }
            s += 5;
        } else {
            str_addc(out, *s);
            if (*s == '\\')
                str_addc(out, *++s);
        }
    }
    str_addc(out, ']');
}

int parts_find(struct parts *p, const struct str *plain, struct str *outs)
{
    int rc;

    sqlite3_bind_text(p->find, 1, plain->data, (int)plain->size, SQLITE_STATIC);
    while ((rc = sqlite3_step(p->find)) == SQLITE_ROW)
        add_array(&outs[sqlite3_column_int64(p->find, 0)],
                  (const char *)sqlite3_column_text(p->find, 1));
    sqlite3_reset(p->find);
    return p->rc == SQLITE_OK && rc != SQLITE_DONE ? rc : p->rc;
}

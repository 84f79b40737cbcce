/* A damaged file: found anywhere, repaired by whoever opens it to write. Damage in the index alone
 * costs only the index; otherwise a new file takes its place and what is readable of the old one
 * is carried over. The mark is a file, so that it outlives whoever set it. */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "archive.damage"
#define ASIDE "archive.damaged.db"

void damage_mark(struct file *f)
{
    char path[FILE_PATH_BYTES];
    const int fd = open(file_path(f, MARK, path), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (fd >= 0)
        close(fd);
}

bool damage_is_marked(const struct file *f)
{
    char path[FILE_PATH_BYTES];

    return access(file_path(f, MARK, path), F_OK) == 0;
}

void damage_unmark(struct file *f)
{
    char path[FILE_PATH_BYTES];

    unlink(file_path(f, MARK, path));
}

static bool table_is_well(struct file *f, const char *table)
{
    char sql[64];
    sqlite3_stmt *s;

    snprintf(sql, sizeof sql, "PRAGMA quick_check('%s')", table);
    if (sqlite3_prepare_v2(f->db, sql, -1, &s, NULL) != SQLITE_OK)
        return false;
    const bool well =
        sqlite3_step(s) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;
    sqlite3_finalize(s);
    return well;
}

static bool rows_are_well(struct file *f)
{
    static const char *const tables[] = { "facts",   "stream",    "epoch",  "message",
                                          "waiting", "unindexed", "record", "rejected" };

    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (!table_is_well(f, tables[i]))
            return false;
    return true;
}

bool damage_mend(struct file *f)
{
    f->status = SINK_OK;
    if (f->db == NULL || !rows_are_well(f) || !file_lock(f))
        return false;
    schema_remake_index(f);
    file_unlock(f);
    return f->status == SINK_OK;
}

static void move(struct file *f, const char *from, const char *to)
{
    char old[FILE_PATH_BYTES], new[FILE_PATH_BYTES];

    if (rename(file_path(f, from, old), file_path(f, to, new)) != 0 && errno != ENOENT)
        file_fail(f, SINK_IO, "archive.db is damaged and cannot be renamed");
}

/* The log first: one that stayed behind would be taken for the new file's. */
void damage_put_aside(struct file *f)
{
    char path[FILE_PATH_BYTES];

    unlink(file_path(f, ASIDE "-wal", path)); /* of damage before, given up now */
    unlink(file_path(f, ASIDE "-shm", path));
    unlink(file_path(f, "archive.db-shm", path));
    move(f, "archive.db-wal", ASIDE "-wal");
    move(f, "archive.db", ASIDE);
    log_error("archive_damaged", "folder=%s put_aside=" ASIDE, f->folder);
}

bool salvage_is_due(const struct file *f)
{
    char path[FILE_PATH_BYTES];

    return access(file_path(f, ASIDE, path), F_OK) == 0;
}

/* ---- the rows of the damaged file ---- */

enum {
    ROWS_MOST = 500, /* per step */
    SKIP_FIRST =
        16, /* ids that are left out where reading fails: about a page, then twice as many */
};

struct salvage {
    sqlite3 *db;
    sqlite3_stmt *rows, *records;
    int64_t next, skip;
    uint64_t saved, failures;
    struct str texts;
    struct sink_message messages[ROWS_MOST];
    int kinds[ROWS_MOST];
};

static const char rows_sql[] =
    "SELECT message.id, kind, json, epoch.name, stream.name FROM message"
    " CROSS JOIN epoch ON epoch.id = message.id >> 32 CROSS JOIN stream ON stream.id = stream"
    " WHERE message.id >= ?1 ORDER BY message.id LIMIT 500";
static const char records_sql[] = "SELECT kind, name, version, json FROM record";

void salvage_free(struct salvage *s)
{
    if (s == NULL)
        return;
    sqlite3_finalize(s->rows);
    sqlite3_finalize(s->records);
    sqlite3_close(s->db);
    str_fini(&s->texts);
    free(s);
}

static struct salvage *begin_salvage(struct file *f)
{
    char path[FILE_PATH_BYTES];
    struct salvage *s = xcalloc(1, sizeof *s);

    s->skip = SKIP_FIRST;
    s->next = fact_number(f, "salvage", 0);
    if (sqlite3_open_v2(file_path(f, ASIDE, path), &s->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK) {
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        sqlite3_prepare_v2(s->db, rows_sql, -1, &s->rows, NULL);
        sqlite3_prepare_v2(s->db, records_sql, -1, &s->records, NULL);
    }
    return s;
}

static void save_records(struct file *f, struct salvage *s)
{
    struct sink_written ignored = { 0 };

    while (s->records != NULL && sqlite3_step(s->records) == SQLITE_ROW) {
        const struct sink_record record = {
            .kind = (const char *)sqlite3_column_text(s->records, 0),
            .name = (const char *)sqlite3_column_text(s->records, 1),
            .version = sqlite3_column_int64(s->records, 2),
            .json = (const char *)sqlite3_column_text(s->records, 3),
            .size = (size_t)sqlite3_column_bytes(s->records, 3),
        };
        write_batch(f, &(struct sink_batch){ .records = &record, .record_count = 1 }, &ignored);
    }
    sqlite3_reset(s->records);
}

static const char *next_text(const char **at)
{
    const char *text = *at;

    *at += strlen(text) + 1;
    return text;
}

/* False: damage that SQLite did not see. */
static bool take_texts(struct salvage *s)
{
    const char *texts[3];

    for (int i = 0; i < 3; i++) {
        texts[i] = (const char *)sqlite3_column_text(s->rows, i + 2);
        if (texts[i] == NULL)
            return false;
    }
    for (int i = 0; i < 3; i++)
        str_add(&s->texts, texts[i], strlen(texts[i]) + 1);
    return true;
}

/* Reads up to ROWS_MOST rows. false: the end was reached. */
static bool read_rows(struct salvage *s, size_t *count)
{
    int rc = SQLITE_DONE, rows = 0;

    *count = 0;
    str_reset(&s->texts);
    if (s->rows == NULL)
        return false;
    bind_number(s->rows, 1, s->next);
    while ((rc = sqlite3_step(s->rows)) == SQLITE_ROW) {
        s->next = sqlite3_column_int64(s->rows, 0) + 1;
        s->messages[*count].seq = number_of(s->next - 1);
        s->kinds[*count] = sqlite3_column_int(s->rows, 1);
        *count += take_texts(s);
        rows++;
    }
    sqlite3_reset(s->rows);
    const char *at = s->texts.data;
    for (size_t i = 0; i < *count; i++) {
        struct sink_message *m = &s->messages[i];
        m->json = next_text(&at);
        m->size = strlen(m->json);
        m->epoch = next_text(&at);
        m->stream = next_text(&at);
        m->entry = "salvage";
    }
    if (*count > 0)
        s->skip = SKIP_FIRST;
    if (rc == SQLITE_DONE)
        return rows == ROWS_MOST;
    s->failures++;
    s->next += s->skip;
    s->skip *= 2;
    return s->next < INT64_MAX / 4;
}

static void save_rows(struct file *f, struct salvage *s, size_t count)
{
    struct sink_written written = { 0 };

    write_batch(f, &(struct sink_batch){ .messages = s->messages, .message_count = count },
                &written);
    for (size_t i = 0; i < count; i++)
        if (s->kinds[i] == KIND_FORGOTTEN || s->kinds[i] == KIND_AGAIN)
            message_kind(f, message_id(f, &s->messages[i]), (enum message_kind)s->kinds[i]);
    s->saved += written.added;
}

/* The damaged file stays, under a name of its own, for a person to look at. */
static void end_salvage(struct file *f)
{
    char name[64], log[72];
    const struct salvage *s = f->salvage;

    log_warn("archive_salvaged", "folder=%s messages=%llu unreadable_places=%llu", f->folder,
             (unsigned long long)s->saved, (unsigned long long)s->failures);
    salvage_free(f->salvage);
    f->salvage = NULL;
    snprintf(name, sizeof name, "archive.damaged-%lld.db", (long long)clock_wall_ms());
    snprintf(log, sizeof log, "%s-wal", name);
    move(f, ASIDE "-wal", log);
    move(f, ASIDE, name);
}

enum sink_status salvage_step(struct file *f, bool *more)
{
    size_t count;

    if (!salvage_is_due(f))
        return SINK_OK;
    if (!file_begin(f, true))
        return f->status;
    if (f->salvage == NULL)
        f->salvage = begin_salvage(f);
    if (f->salvage->next == 0)
        save_records(f, f->salvage);
    const bool left = read_rows(f->salvage, &count);
    save_rows(f, f->salvage, count);
    fact_set_number(f, "salvage", f->salvage->next);
    if (!left)
        fact_drop(f, "salvage");
    const enum sink_status status = file_end(f);
    if (status != SINK_OK) {
        salvage_free(f->salvage); /* the next step begins where the file says */
        f->salvage = NULL;
    } else if (!left) {
        end_salvage(f);
    }
    *more = status == SINK_OK;
    return status;
}

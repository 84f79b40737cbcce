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
    static const char *const tables[] = { "facts",     "stream", "epoch",   "message",
                                          "unindexed", "record", "rejected" };

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

void salvage_free(struct salvage *s)
{
    (void)s;
}

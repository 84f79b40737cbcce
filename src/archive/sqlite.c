/* A connection to an archive's file: open and close, locks, transactions, errors. */
#include "state.h"
#include "query.h"
#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

const char *file_path(const struct file *f, const char *name, char out[FILE_PATH_BYTES])
{
    snprintf(out, FILE_PATH_BYTES, "%s/%s", f->folder, name);
    return out;
}

/* ---- failures ---- */

void file_fail(struct file *f, enum sink_status status, const char *why)
{
    if (f->status != SINK_OK)
        return;
    f->status = status;
    text_copy(f->why, sizeof f->why, why);
}

static enum sink_status status_of(struct file *f, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return SINK_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return SINK_LOCKED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        damage_mark(f);
        return SINK_CORRUPT;
    default:
        return f->db != NULL && sqlite3_system_errno(f->db) == ENOSPC ? SINK_FULL : SINK_IO;
    }
}

void file_failed(struct file *f, int rc)
{
    char why[SINK_WHY_BYTES + 1];
    const int extended = f->db != NULL ? sqlite3_extended_errcode(f->db) : rc;

    snprintf(why, sizeof why, "%.120s/archive.db: %s (%d)", f->folder,
             f->db != NULL ? sqlite3_errmsg(f->db) : sqlite3_errstr(rc), extended);
    file_fail(f, status_of(f, rc), why);
}

static void fail_errno(struct file *f, const char *path)
{
    char why[SINK_WHY_BYTES + 1];
    const enum sink_status status = errno == ENOSPC ? SINK_FULL : SINK_IO;

    snprintf(why, sizeof why, "%.120s: %s", path, strerror(errno));
    file_fail(f, status, why);
}

/* ---- statements ---- */

sqlite3_stmt *file_statement(struct file *f, enum statement which)
{
    sqlite3_stmt *s = f->statements[which];

    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return s;
}

bool file_row(struct file *f, sqlite3_stmt *s)
{
    if (f->status != SINK_OK)
        return false;
    const int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE)
        file_failed(f, rc);
    sqlite3_reset(s);
    return false;
}

int64_t file_run(struct file *f, sqlite3_stmt *s)
{
    while (file_row(f, s))
        ;
    return f->status == SINK_OK ? sqlite3_changes64(f->db) : 0;
}

int64_t file_number(struct file *f, sqlite3_stmt *s, int64_t none)
{
    const int64_t n = file_row(f, s) ? sqlite3_column_int64(s, 0) : none;

    sqlite3_reset(s);
    return n;
}

void file_exec(struct file *f, const char *sql)
{
    if (f->status != SINK_OK)
        return;
    const int rc = sqlite3_exec(f->db, sql, NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        file_failed(f, rc);
}

int64_t fact_number(struct file *f, const char *name, int64_t none)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_FACT);

    bind_textz(s, 1, name);
    return file_number(f, s, none);
}

void fact_set_text(struct file *f, const char *name, const char *value)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_FACT_SET);

    bind_textz(s, 1, name);
    bind_textz(s, 2, value);
    file_run(f, s);
}

void fact_set_number(struct file *f, const char *name, int64_t value)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_FACT_SET);

    bind_textz(s, 1, name);
    bind_number(s, 2, value);
    file_run(f, s);
}

void fact_drop(struct file *f, const char *name)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_FACT_DROP);

    bind_textz(s, 1, name);
    file_run(f, s);
}

static void fact_text(struct file *f, const char *name, char *out, size_t size)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_FACT);

    bind_textz(s, 1, name);
    const bool found = file_row(f, s) && sqlite3_column_text(s, 0) != NULL;
    text_copy(out, size, found ? (const char *)sqlite3_column_text(s, 0) : "");
    sqlite3_reset(s);
}

/* ---- transactions ---- */

static void run(struct file *f, enum statement which)
{
    file_run(f, file_statement(f, which));
}

bool file_lock(struct file *f)
{
    /* flock(2) has no deadline */
    for (int waited = 0; flock(f->write_fd, LOCK_EX | LOCK_NB) != 0; waited += 10) {
        if (waited >= FILE_WAIT_MS) {
            file_fail(f, SINK_LOCKED, "archive.write is held by another program");
            return false;
        }
        poll(NULL, 0, 10);
    }
    return true;
}

void file_unlock(struct file *f)
{
    flock(f->write_fd, LOCK_UN);
}

/* Another file may stand there, or none: a person put a backup back. */
static bool is_replaced(const struct file *f)
{
    char path[FILE_PATH_BYTES];
    struct stat now;

    return stat(file_path(f, "archive.db", path), &now) != 0 || now.st_dev != f->device ||
           now.st_ino != f->inode;
}

bool file_begin(struct file *f, bool writes)
{
    f->status = SINK_OK;
    if (is_replaced(f))
        file_fail(f, SINK_IO, "archive.db was replaced");
    else if (writes && f->mode == SINK_WRITE && damage_is_marked(f))
        file_fail(f, SINK_CORRUPT, "archive.db was found damaged");
    if (f->status != SINK_OK || (writes && !file_lock(f)))
        return false;
    run(f, writes ? STATEMENT_BEGIN : STATEMENT_BEGIN_READ);
    if (f->status != SINK_OK && writes)
        file_unlock(f);
    return f->status == SINK_OK;
}

enum sink_status file_end(struct file *f)
{
    run(f, STATEMENT_COMMIT);
    if (!sqlite3_get_autocommit(f->db)) { /* something failed, the commit perhaps */
        for (int i = 0; i < STATEMENT_COUNT; i++)
            sqlite3_reset(f->statements[i]); /* one that is under way would forbid it */
        sqlite3_exec(f->db, "ROLLBACK", NULL, NULL, NULL);
    }
    if (f->status != SINK_OK)
        f->epoch = 0; /* it may have been made in what was rolled back */
    if (f->mode != SINK_READ)
        file_unlock(f);
    return f->status;
}

/* ---- open and close ---- */

static void close_db(struct file *f)
{
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(f->statements[i]);
        f->statements[i] = NULL;
    }
    if (f->db == NULL)
        return;
    /* The last connection to close copies the log back, like a checkpoint. */
    const bool locked = f->mode == SINK_WRITE && flock(f->write_fd, LOCK_EX | LOCK_NB) == 0;
    if (!locked)
        sqlite3_db_config(f->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(f->db);
    f->db = NULL;
    if (locked)
        file_unlock(f);
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void sqlite_close(void *sink)
{
    struct file *f = sink;

    if (f == NULL)
        return;
    salvage_free(f->salvage);
    search_free(f->search);
    close_db(f);
    close_fd(f->write_fd);
    close_fd(f->writer_fd); /* last: from now on another may write */
    str_fini(&f->texts);
    free(f->parts);
    free(f->records);
    free(f->order);
    free(f);
}

static int open_own(struct file *f, const char *name)
{
    char path[FILE_PATH_BYTES];
    const int fd = open(file_path(f, name, path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        fail_errno(f, path);
    return fd;
}

/* The write-ahead log and flock need one kernel. */
static void refuse_network(struct file *f)
{
    struct statfs at;

    if (statfs(f->folder, &at) != 0) {
        fail_errno(f, f->folder);
        return;
    }
    const uint32_t type = (uint32_t)at.f_type;
    if (type == NFS_SUPER_MAGIC || type == SMB_SUPER_MAGIC || type == CIFS_SUPER_MAGIC ||
        type == SMB2_SUPER_MAGIC)
        file_fail(f, SINK_IO, "ARCHIVE_DIR is on a network file system: choose a local folder");
}

static void take_locks(struct file *f)
{
    if (f->mode == SINK_READ)
        return;
    f->write_fd = open_own(f, "archive.write");
    if (f->mode != SINK_WRITE || f->status != SINK_OK)
        return;
    f->writer_fd = open_own(f, "archive.lock");
    if (f->writer_fd >= 0 && flock(f->writer_fd, LOCK_EX | LOCK_NB) != 0)
        file_fail(f, SINK_TAKEN, "another process writes this archive");
}

/* The file holds hashes of passwords; its log gets the same mode (SQLite: findCreateFileMode). */
static void create(struct file *f)
{
    char path[FILE_PATH_BYTES];

    if (f->mode != SINK_WRITE)
        return;
    const int fd =
        open(file_path(f, "archive.db", path), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd); /* drops fcntl locks on it, which nobody has yet on a new file */
    else if (errno != EEXIST)
        fail_errno(f, path);
}

static void open_db(struct file *f)
{
    char path[FILE_PATH_BYTES];
    struct stat st;

    create(f);
    if (f->status != SINK_OK)
        return;
    if (stat(file_path(f, "archive.db", path), &st) != 0) {
        fail_errno(f, path);
        return;
    }
    f->device = st.st_dev;
    f->inode = st.st_ino;
    int rc = sqlite3_open_v2(path, &f->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = token_register(f->db);
    if (rc == SQLITE_OK)
        rc = query_register(f->db);
    if (rc != SQLITE_OK)
        file_failed(f, rc);
    /* mmap_size stays 0: a file that is cut short would end the server with SIGBUS.
     * secure_delete: what is deleted is overwritten.
     * wal_autocheckpoint: upkeep does it, under archive.write (state.h says why). */
    file_exec(f, "PRAGMA busy_timeout = 2000; PRAGMA synchronous = FULL;"
                 "PRAGMA wal_autocheckpoint = 0; PRAGMA cell_size_check = ON;"
                 "PRAGMA temp_store = MEMORY;"
                 "PRAGMA secure_delete = ON; PRAGMA cache_size = -16384;"
                 "CREATE TEMP TABLE again (id TEXT PRIMARY KEY, row INTEGER) WITHOUT ROWID");
    log_watch(f);
    schema_upgrade(f);
    if (f->mode == SINK_READ)
        file_exec(f, "PRAGMA query_only = ON");
}

static void prepare_all(struct file *f)
{
    static const char *const sql[STATEMENT_COUNT] = {
#define X(name, text) text,
        STATEMENTS(X)
#undef X
    };

    for (int i = 0; i < STATEMENT_COUNT && f->status == SINK_OK; i++) {
        const int rc = sqlite3_prepare_v3(f->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                          &f->statements[i], NULL);
        if (rc != SQLITE_OK)
            file_failed(f, rc);
    }
}

/* archive.lock remembers the archive's identity: a file that is made anew is the same archive for
 * its group in Redis, which then brings what the stream still has. */
static void choose_identity(struct file *f)
{
    char id[SINK_ID_BYTES + 1] = "";

    const ssize_t size = pread(f->writer_fd, id, SINK_ID_BYTES, 0);
    if (size != SINK_ID_BYTES || strspn(id, "0123456789abcdef") != SINK_ID_BYTES)
        hex_random(id, SINK_ID_BYTES / 2);
    memcpy(f->archive, id, sizeof id);
    fact_set_text(f, "archive", id);
    fact_set_number(f, "messages", 0);
    fact_set_number(f, "indexes", f->settings->archive_index);
}

static void remember_identity(struct file *f)
{
    if (pwrite(f->writer_fd, f->archive, SINK_ID_BYTES, 0) != SINK_ID_BYTES)
        fail_errno(f, "archive.lock");
}

static void begin_to_write(struct file *f)
{
    if (f->mode != SINK_WRITE || f->status != SINK_OK || !file_begin(f, true))
        return;
    if (f->archive[0] == '\0')
        choose_identity(f);
    f->indexes = fact_number(f, "indexes", 1) != 0;
    if (f->indexes != f->settings->archive_index)
        schema_reset_index(f, f->settings->archive_index);
    write_resume(f);
    if (file_end(f) == SINK_OK)
        remember_identity(f);
}

static void open_file(struct file *f)
{
    open_db(f);
    prepare_all(f);
    if (f->status == SINK_OK) {
        fact_text(f, "archive", f->archive, sizeof f->archive);
        f->indexes = fact_number(f, "indexes", 1) != 0;
    }
}

static void repair(struct file *f)
{
    const bool mended = damage_mend(f);

    close_db(f);
    f->status = SINK_OK;
    f->archive[0] = '\0';
    if (!mended)
        damage_put_aside(f);
    damage_unmark(f);
    open_file(f);
}

static enum sink_status sqlite_open(const struct settings *settings, enum sink_mode mode,
                                    void **out, char why[SINK_WHY_BYTES + 1])
{
    struct file *f = xcalloc(1, sizeof *f);
    const char *folder = settings->archive_dir[0] ? settings->archive_dir : settings->data_dir;

    *f = (struct file){ .settings = settings, .mode = mode, .writer_fd = -1, .write_fd = -1 };
    text_copy(f->folder, sizeof f->folder, folder);
    if (mode == SINK_WRITE && mkdir(f->folder, 0700) != 0 && errno != EEXIST)
        fail_errno(f, f->folder);
    refuse_network(f);
    if (f->status == SINK_OK)
        take_locks(f);
    if (f->status == SINK_OK)
        open_file(f);
    if (mode == SINK_WRITE && (f->status == SINK_OK || f->status == SINK_CORRUPT) &&
        damage_is_marked(f))
        repair(f);
    begin_to_write(f);
    if (f->status == SINK_OK) {
        *out = f;
        return SINK_OK;
    }
    const enum sink_status status = f->status;
    memcpy(why, f->why, sizeof f->why);
    sqlite_close(f);
    return status;
}

static const char *sqlite_why(const void *sink)
{
    return ((const struct file *)sink)->why;
}

static enum sink_status sqlite_about(void *sink, struct sink_about *out)
{
    struct file *f = sink;

    if (!file_begin(f, false))
        return f->status;
    *out = (struct sink_about){ .repairing = salvage_is_due(f) };
    memcpy(out->archive, f->archive, sizeof out->archive);
    fact_text(f, "entry", out->entry, sizeof out->entry);
    out->messages = (uint64_t)fact_number(f, "messages", 0);
    sqlite3_stmt *s = file_statement(f, STATEMENT_ABOUT);
    if (file_row(f, s)) {
        out->rejected = (uint64_t)sqlite3_column_int64(s, 0);
        out->unindexed = (uint64_t)sqlite3_column_int64(s, 1);
        out->oldest_ms = sqlite3_column_int64(s, 2);
    }
    sqlite3_reset(s);
    return file_end(f);
}

const struct archive_sink sink_sqlite = {
    .name = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .why = sqlite_why,
    .about = sqlite_about,
    .write = sqlite_write,
    .page = sqlite_page,
    .find = sqlite_find,
    .search = sqlite_search,
    .records = sqlite_records,
    .upkeep = sqlite_upkeep,
};

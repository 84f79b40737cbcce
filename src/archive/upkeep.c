/* What an archive does when there is time: make new messages searchable, obey orders to forget,
 * take out what is too old, copy the log back into the file. */
#include "state.h"

enum {
    INDEX_ENOUGH = 2000,     /* messages that wait: the index takes many at once for less */
    INDEX_WAIT_MS = 1000,    /* fewer wait no longer than that */
    INDEX_LOOK = 32,         /* messages between two looks at the clock */
    IDLE_US = 100000,        /* a budget that means that there is nothing else to do */
    MERGE_PAGES = 256,       /* written by one step */
    MERGE_LEAST = 20000,     /* messages */
    LOG_COPY_PAGES = 4096,   /* of 4 KB: copied back since it grew by so much */
    LOG_START_PAGES = 16384, /* readers are waited for, so that it starts anew */
    LOG_START_WAIT_MS = 200,
};

/* ---- the index ---- */

static bool index_is_due(struct file *f)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_UNINDEXED_AT);

    bind_number(s, 1, clock_mono_ms() < f->index_mono_ms ? INDEX_ENOUGH - 1 : 0);
    return file_number(f, s, -1) != -1;
}

/* Messages become searchable in the order of their ids: FTS5 writes out what it has gathered when
 * one is not greater than the one before (sqlite3Fts5IndexBeginWrite(), ext/fts5/fts5_index.c).
 * It also does so at each savepoint, and INSERT … SELECT is one: hence VALUES. */
static void index_some(struct file *f, int64_t deadline_us)
{
    sqlite3_stmt *next = file_statement(f, STATEMENT_UNINDEXED_NEXT);
    sqlite3_stmt *add = file_statement(f, STATEMENT_INDEX_ADD);
    int64_t last = INT64_MIN;

    for (unsigned i = 1; file_row(f, next); i++) {
        last = sqlite3_column_int64(next, 0);
        if (sqlite3_column_type(next, 2) != SQLITE_NULL) { /* it is searchable, and is there */
            bind_number(add, 1, last);
            sqlite3_bind_value(add, 2, sqlite3_column_value(next, 1));
            sqlite3_bind_value(add, 3, sqlite3_column_value(next, 2));
            file_run(f, add);
        }
        if (i % INDEX_LOOK == 0 && clock_mono_us() >= deadline_us)
            break;
    }
    sqlite3_reset(next);
    sqlite3_stmt *drop = file_statement(f, STATEMENT_UNINDEXED_DROP_TO);
    bind_number(drop, 1, last);
    file_run(f, drop);
}

void index_all(struct file *f)
{
    index_some(f, INT64_MAX);
}

static enum sink_status index_step(struct file *f, int64_t deadline_us, bool *more)
{
    if (!f->indexes)
        return SINK_OK;
    if (!file_begin(f, false))
        return f->status;
    const bool is_due = index_is_due(f);
    enum sink_status status = file_end(f);
    if (!is_due || status != SINK_OK)
        return status;
    if (!file_begin(f, true))
        return f->status;
    index_some(f, deadline_us);
    f->index_mono_ms = clock_mono_ms() + INDEX_WAIT_MS;
    *more |= index_is_due(f);
    return file_end(f);
}

/* ---- its parts ---- */

/* The index grows by a part with each transaction that adds to it, and every search looks into all
 * parts. FTS5 merges some of them as they come; what it leaves is merged when there is nothing else
 * to do, each time the archive has grown by a quarter. */
static void merge_some(struct file *f)
{
    const int64_t before = sqlite3_total_changes64(f->db);
    sqlite3_stmt *s = file_statement(f, STATEMENT_INDEX_MERGE);

    /* https://www.sqlite.org/fts5.html section 6.8: a negative number begins with all parts, a
     * positive one goes on; fewer than 2 changes mean that it is done */
    bind_number(s, 1, f->is_merging ? MERGE_PAGES : -MERGE_PAGES);
    file_run(f, s);
    f->is_merging = sqlite3_total_changes64(f->db) - before >= 2;
    if (!f->is_merging)
        fact_set_number(f, "merged", fact_number(f, "messages", 0));
}

static enum sink_status merge_step(struct file *f, bool *more)
{
    if (!f->indexes)
        return SINK_OK;
    if (!file_begin(f, false))
        return f->status;
    const int64_t merged = fact_number(f, "merged", 0);
    const int64_t grown = fact_number(f, "messages", 0) - merged;
    const enum sink_status status = file_end(f);
    if (status != SINK_OK || (!f->is_merging && grown < merged / 4 + MERGE_LEAST))
        return status;
    if (!file_begin(f, true))
        return f->status;
    merge_some(f);
    *more |= f->is_merging;
    return file_end(f);
}

/* ---- the write-ahead log ---- */

static int on_commit(void *arg, sqlite3 *db, const char *schema, int pages)
{
    struct file *f = arg;

    (void)db, (void)schema;
    f->log_pages = pages;
    if (f->log_copied > pages) /* it began anew */
        f->log_copied = 0;
    return SQLITE_OK;
}

void log_watch(struct file *f)
{
    sqlite3_wal_hook(f->db, on_commit, f);
}

/* Under archive.write: in versions before 3.51.3 a checkpoint that races with a commit of another
 * connection may damage the file (https://sqlite.org/wal.html#walresetbug). */
static enum sink_status log_copy(struct file *f)
{
    const bool start = f->log_pages >= LOG_START_PAGES;
    int pages = 0, copied = 0;

    if (f->log_pages - f->log_copied < LOG_COPY_PAGES || !file_lock(f))
        return f->status;
    sqlite3_busy_timeout(f->db, LOG_START_WAIT_MS);
    const int rc = sqlite3_wal_checkpoint_v2(
        f->db, NULL, start ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE, &pages,
        &copied);
    sqlite3_busy_timeout(f->db, FILE_WAIT_MS);
    file_unlock(f);
    f->log_copied = f->log_pages;
    if (rc != SQLITE_OK && rc != SQLITE_BUSY) /* busy: somebody reads; later, then */
        file_failed(f, rc);
    return f->status;
}

/* ---- all of it ---- */

/* A step at least, and more while there is time. */
static enum sink_status repeat(struct file *f, enum sink_status (*step)(struct file *, bool *),
                               int64_t deadline_us, bool *more)
{
    enum sink_status status;
    bool again;

    do {
        again = false;
        status = step(f, &again);
    } while (again && status == SINK_OK && clock_mono_us() < deadline_us);
    *more |= again;
    return status;
}

enum sink_status sqlite_upkeep(void *sink, int64_t budget_us, bool *more)
{
    struct file *f = sink;
    const int64_t deadline_us = clock_mono_us() + budget_us;
    enum sink_status status = SINK_OK;

    *more = false;
    f->status = SINK_OK;
    if (f->mode == SINK_WRITE) {
        status = repeat(f, forget_step, deadline_us, more);
        if (status == SINK_OK)
            status = index_step(f, deadline_us, more);
        if (status == SINK_OK)
            status = repeat(f, retain_step, deadline_us, more);
        if (status == SINK_OK)
            status = repeat(f, salvage_step, deadline_us, more);
        if (status == SINK_OK && !*more && budget_us >= IDLE_US)
            status = repeat(f, merge_step, deadline_us, more);
    }
    return status == SINK_OK ? log_copy(f) : status;
}

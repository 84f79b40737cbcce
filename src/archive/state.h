/* One connection to an archive's file, and what the modules share. docs/DATA.md has the schema. */
#ifndef ARCHIVE_STATE_H
#define ARCHIVE_STATE_H

#include "statements.h"

#include "confab/archive/sink.h"
#include "confab/base/str.h"

#include <sqlite3.h>
#include <sys/types.h>

/* message.kind. docs/DATA.md */
enum message_kind {
    KIND_MESSAGE = 0,
    KIND_PRIVATE = 1, /* up to here they are searchable */
    KIND_EDIT = 2,
    KIND_DELETE = 3,
    KIND_REACT = 4,
    KIND_ROOM = 5,      /* an act on a room */
    KIND_FORGOTTEN = 6, /* without text and author, in its place */
    KIND_AGAIN = 7,     /* has been sent again in a later epoch, which shows it */
    KIND_UNKNOWN = 255, /* a type that this version does not know: stored and paged as it is */
};

enum {
    FILE_FOLDER_BYTES = 3840,
    FILE_PATH_BYTES = 4096,
    FILE_WAIT_MS = 2000, /* for locks of others */
};

struct search; /* of search.c */

/* An operation goes on past a failure, without effect: the first one is kept and is the answer of
 * file_end(). */
struct file {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    const struct settings *settings;
    enum sink_mode mode;
    char folder[FILE_FOLDER_BYTES];
    dev_t device; /* which file was opened: somebody may put another one in its place */
    ino_t inode;
    int writer_fd; /* archive.lock: this is the writer; or -1 */
    int write_fd;  /* archive.write: held in a transaction, and while the log is copied back */
    enum sink_status status; /* of the operation under way */
    char why[SINK_WHY_BYTES + 1];
    char archive[SINK_ID_BYTES + 1];
    bool indexes; /* new messages are to become searchable */

    /* write.c: the epoch of the message before, since they come sorted */
    char stream_name[SINK_STREAM_BYTES + 1], epoch_name[RULE_EPOCH_BYTES + 1];
    int64_t epoch, stream;             /* epoch 0: none */
    bool waits;                        /* there are events whose target is not there */
    bool again;                        /* the table `again` has rows */
    int64_t again_mono_ms;             /* when it got the last ones */
    const struct sink_message **order; /* of a batch */
    size_t order_room;

    /* page.c, records: texts of a result */
    struct str texts;
    struct frame_part *parts;
    struct sink_record *records;

    struct search *search; /* search.c: its own; NULL until first used */

    /* upkeep */
    int64_t index_mono_ms;  /* until then a few messages wait */
    bool is_merging;        /* all parts of the index are being made one */
    int log_pages;          /* in the write-ahead log, at the last commit */
    int log_copied;         /* that were there when it was copied back */
    int64_t retain_mono_ms; /* when to look again for what is too old */
    int64_t retain_stream;  /* the last one that was looked at */
    struct salvage *salvage;
};

/* ---- sqlite.c ---- */

/* Starts an operation. READ: a snapshot. Otherwise the lock archive.write and a transaction.
 * Check: false means that file_end() has the answer already, and must not be called. */
bool file_begin(struct file *f, bool writes);
/* Commits, or rolls back when something failed; a read just ends. */
enum sink_status file_end(struct file *f);
/* The lock archive.write alone, for what cannot be in a transaction: whoever writes or copies the
 * log back holds it, over all processes. SQLite before 3.51.3 can damage a file when another
 * connection commits while the log is copied back (https://sqlite.org/wal.html#walresetbug). */
bool file_lock(struct file *f);
void file_unlock(struct file *f);
/* Keeps the first failure: of SQLite, or our own. */
void file_failed(struct file *f, int rc);
void file_fail(struct file *f, enum sink_status status, const char *why);

/* A prepared statement, with nothing bound. */
sqlite3_stmt *file_statement(struct file *f, enum statement which);
/* True: there is a row; then sqlite3_column_… and again, or sqlite3_reset() to stop. */
bool file_row(struct file *f, sqlite3_stmt *s);
/* Runs a statement without rows. How many rows it changed; 0 after a failure. */
int64_t file_run(struct file *f, sqlite3_stmt *s);
/* SQL that is not worth preparing; several statements are fine. */
void file_exec(struct file *f, const char *sql);
/* The first column of the only row, or `none`. Resets. */
int64_t file_number(struct file *f, sqlite3_stmt *s, int64_t none);

/* ARCHIVE_DIR/NAME. Returns out. */
const char *file_path(const struct file *f, const char *name, char out[FILE_PATH_BYTES]);

int64_t fact_number(struct file *f, const char *name, int64_t none);
void fact_set_text(struct file *f, const char *name, const char *value);
void fact_set_number(struct file *f, const char *name, int64_t value);
void fact_drop(struct file *f, const char *name);

static inline void bind_number(sqlite3_stmt *s, int at, int64_t n)
{
    sqlite3_bind_int64(s, at, n);
}
/* The text is borrowed until the statement is used again. */
static inline void bind_text(sqlite3_stmt *s, int at, const char *text, size_t size)
{
    sqlite3_bind_text(s, at, text, (int)size, SQLITE_STATIC);
}
static inline void bind_textz(sqlite3_stmt *s, int at, const char *text)
{
    sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

/* ---- schema.c: with nothing else under way ---- */

void schema_upgrade(struct file *f); /* makes or brings up to date; SINK_NEWER */
/* Everything searchable is to be indexed anew, or nothing more. In a transaction. */
void schema_reset_index(struct file *f, bool indexes);
/* Makes the table of the index anew, for when it is damaged. Needs no prepared statement. */
void schema_remake_index(struct file *f);

/* ---- ids ---- */

static inline int64_t epoch_low(int64_t epoch)
{
    return epoch << 32;
}
static inline int64_t epoch_high(int64_t epoch)
{
    return epoch << 32 | UINT32_MAX;
}
static inline uint64_t number_of(int64_t id)
{
    return (uint64_t)id & UINT32_MAX;
}
static inline int64_t epoch_of(int64_t id)
{
    return id >> 32;
}
int64_t stream_find(struct file *f, const char *name); /* 0: there is none */
/* The id of the first message in low … high that is not older than time_ms, by binary search;
 * high + 1 when all are. A clock that stepped back gives a neighbour. */
int64_t message_at(struct file *f, int64_t low, int64_t high, int64_t time_ms);

/* ---- write.c ---- */

enum sink_status sqlite_write(void *sink, const struct sink_batch *batch, struct sink_written *out);
enum sink_status sqlite_records(void *sink, const char *kind, const char *after,
                                struct sink_records *out);
/* sqlite_write() within a transaction. */
void write_batch(struct file *f, const struct sink_batch *batch, struct sink_written *out);
int64_t message_id(struct file *f, const struct sink_message *m); /* of one that is there */
void write_resume(struct file *f); /* once after opening to write, in a transaction */
/* Before the row of a message goes or its text changes. In a transaction. */
void message_unindex(struct file *f, int64_t id);
void message_index(struct file *f, int64_t id); /* in upkeep */
/* Takes it out of the index, too. In a transaction. */
void message_kind(struct file *f, int64_t id, enum message_kind kind);

/* ---- page.c, search.c, upkeep.c ---- */

enum sink_status sqlite_page(void *sink, const struct page_query *query, struct page_result *out);
enum sink_status sqlite_find(void *sink, const char *stream, uint64_t seq, struct find_result *out);
enum sink_status sqlite_search(void *sink, const struct search_query *query,
                               struct search_result *out);
void search_free(struct search *s); /* NULL is fine */
void index_all(struct file *f);     /* what is in `unindexed`. In a transaction. */
void log_watch(struct file *f);     /* once, after wal_autocheckpoint was set */
enum sink_status sqlite_upkeep(void *sink, int64_t budget_us, bool *more);

/* Parts of upkeep that are in other files. Each does a few milliseconds of work in a transaction of
 * its own, and sets *more when it did some: it may have more to do. */
enum sink_status retain_step(struct file *f, bool *more);  /* what is too old or too much */
enum sink_status forget_step(struct file *f, bool *more);  /* orders to forget somebody */
enum sink_status salvage_step(struct file *f, bool *more); /* rows out of a damaged file */

/* ---- salvage.c: a damaged file ---- */

/* Leaves word that the file is damaged: whoever opens it to write repairs it. */
void damage_mark(struct file *f);
bool damage_is_marked(const struct file *f);
void damage_unmark(struct file *f);
/* After the file was opened, or could not be, with the mark there: mends damage in the index. False:
 * there is other damage; close it, put it aside and open a new one. Then, or when it was true, take
 * the mark away and open again. */
bool damage_mend(struct file *f);
void damage_put_aside(struct file *f);
bool salvage_is_due(const struct file *f); /* a file was put aside and its rows are not all here */
void salvage_free(struct salvage *s);      /* NULL is fine */

#endif

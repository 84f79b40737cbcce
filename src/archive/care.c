#include "confab/archive/care.h"

#include "state.h"
#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ROWS_MOST = 10000, /* looked at in one snapshot */
    LINE_BYTES = 512,
};

/* ---- rows ---- */

struct walk {
    struct file *file;
    const struct care_filter *filter;
    int64_t *after;
    unsigned left; /* rows of this snapshot */
    care_row_fn *fn;
    void *arg;
};

static bool has_stream(const struct care_filter *filter, const char *stream)
{
    for (size_t i = 0; i < filter->stream_count; i++) {
        if (strcmp(filter->streams[i], stream) == 0)
            return true;
    }
    return filter->streams == NULL;
}

/* "d:A|B" */
static bool is_conversation_of(const char *stream, const char *person)
{
    const size_t size = strlen(person);

    if (strncmp(stream, "d:", 2) != 0)
        return false;
    const char *bar = strchr(stream, '|');
    return bar != NULL && (strcmp(bar + 1, person) == 0 || ((size_t)(bar - stream) == size + 2 &&
                                                            memcmp(stream + 2, person, size) == 0));
}

/* The rows of one epoch. */
static void walk_epoch(struct walk *w, int64_t id, const char *stream, const char *epoch)
{
    const struct care_filter *filter = w->filter;
    struct file *f = w->file;
    int64_t low = *w->after >= epoch_low(id) ? *w->after + 1 : epoch_low(id);
    if (filter->since_ms > 0)
        low = message_at(f, low, epoch_high(id), filter->since_ms);
    sqlite3_stmt *s = file_statement(f, STATEMENT_CARE_ROWS);

    bind_number(s, 1, low);
    bind_number(s, 2, epoch_high(id));
    if (filter->person != NULL && !is_conversation_of(stream, filter->person))
        bind_textz(s, 3, filter->person);
    *w->after = epoch_high(id);
    while (file_row(f, s)) {
        const struct care_row row = { .id = sqlite3_column_int64(s, 0),
                                      .stream = stream,
                                      .epoch = epoch,
                                      .time_ms = sqlite3_column_int64(s, 1),
                                      .kind = sqlite3_column_int(s, 2),
                                      .json = (const char *)sqlite3_column_text(s, 3),
                                      .json_size = (size_t)sqlite3_column_bytes(s, 3) };
        const bool is_wanted = sqlite3_column_int(s, 4) != 0 &&
                               (filter->until_ms == 0 || row.time_ms < filter->until_ms);
        if (is_wanted)
            w->fn(w->arg, &row);
        if (--w->left == 0) {
            *w->after = row.id;
            break;
        }
    }
    sqlite3_reset(s);
}

/* False: there is no epoch left. */
static bool walk_next(struct walk *w)
{
    struct file *f = w->file;
    char stream[SINK_STREAM_BYTES + 1], epoch[RULE_EPOCH_BYTES + 1];
    sqlite3_stmt *s = file_statement(f, STATEMENT_CARE_EPOCH);

    bind_number(s, 1, epoch_of(*w->after + 1));
    const bool found = file_row(f, s);
    const int64_t id = found ? sqlite3_column_int64(s, 0) : 0;
    if (found) {
        text_copy(epoch, sizeof epoch, (const char *)sqlite3_column_text(s, 1));
        text_copy(stream, sizeof stream, (const char *)sqlite3_column_text(s, 2));
    }
    sqlite3_reset(s);
    if (found && has_stream(w->filter, stream))
        walk_epoch(w, id, stream, epoch);
    else if (found)
        *w->after = epoch_high(id);
    return found;
}

enum sink_status care_rows(void *sink, const struct care_filter *filter, int64_t *after,
                           care_row_fn *fn, void *arg, bool *more)
{
    struct walk w = { sink, filter, after, ROWS_MOST, fn, arg };

    if (!file_begin(w.file, false))
        return w.file->status;
    do {
        *more = walk_next(&w);
    } while (*more && w.left > 0);
    return file_end(w.file);
}

enum sink_status care_find(void *sink, const struct sink_message *message, int64_t *id)
{
    struct file *f = sink;

    if (!file_begin(f, false))
        return f->status;
    sqlite3_stmt *s = file_statement(f, STATEMENT_EPOCH_FIND);
    bind_number(s, 1, stream_find(f, message->stream));
    bind_textz(s, 2, message->epoch);
    const int64_t epoch = file_number(f, s, 0);
    *id = epoch == 0 ? 0 : epoch_low(epoch) | (int64_t)message->seq;
    return file_end(f);
}

/* Messages of one epoch; the sink would sort others, and number the epochs anew. */
static void add_run(struct file *f, const struct sink_message *messages, size_t count,
                    struct sink_written *out)
{
    const struct sink_batch batch = { .messages = messages, .message_count = count };

    write_batch(f, &batch, out);
}

enum sink_status care_write(void *sink, const struct sink_message *messages, const int *kinds,
                            size_t count, struct sink_written *out)
{
    struct file *f = sink;
    struct sink_written all = { 0 };

    if (!file_begin(f, true))
        return f->status;
    for (size_t i = 0, run; i < count; i += run) {
        const bool is_special = kinds[i] == KIND_FORGOTTEN || kinds[i] == KIND_AGAIN;
        struct sink_written written = { 0 };
        for (run = 1; !is_special && i + run < count && kinds[i + run] == kinds[i] &&
                      strcmp(messages[i].stream, messages[i + run].stream) == 0 &&
                      strcmp(messages[i].epoch, messages[i + run].epoch) == 0;)
            run++;
        add_run(f, messages + i, run, &written);
        if (is_special && written.added > 0 && f->status == SINK_OK)
            message_kind(f, message_id(f, &messages[i]), (enum message_kind)kinds[i]);
        all.added += written.added;
        all.repeated += written.repeated;
        all.rejected += written.rejected;
    }
    const enum sink_status status = file_end(f);
    if (status == SINK_OK)
        *out = all;
    return status;
}

/* ---- backup ---- */

static void fail_errno(struct file *f, const char *path)
{
    char why[SINK_WHY_BYTES + 1];

    snprintf(why, sizeof why, "%s: %s", path, strerror(errno));
    file_fail(f, errno == ENOSPC ? SINK_FULL : SINK_IO, why);
}

static void sync_path(struct file *f, const char *path, int flags)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | flags);

    if (fd < 0 || fsync(fd) != 0)
        fail_errno(f, path);
    if (fd >= 0)
        close(fd);
}

/* Is the copy what it should be? On a connection of its own. */
static void check_copy(struct file *f, const char *path)
{
    char why[SINK_WHY_BYTES + 1] = "it cannot be read";
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    bool is_well = false;

    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
        token_register(db) == SQLITE_OK &&
        sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW) {
        const char *line = (const char *)sqlite3_column_text(s, 0);
        is_well = strcmp(line, "ok") == 0;
        text_copy(why, sizeof why, line);
    }
    sqlite3_finalize(s);
    sqlite3_close(db);
    if (!is_well)
        file_fail(f, SINK_CORRUPT, why);
}

static void copy_into(struct file *f, const char *part)
{
    sqlite3_stmt *s = NULL;

    file_exec(f, "PRAGMA query_only = OFF"); /* it means the other file, too */
    const int rc = sqlite3_prepare_v2(f->db, "VACUUM INTO ?1", -1, &s, NULL);
    if (rc != SQLITE_OK) {
        file_failed(f, rc);
        return;
    }
    bind_textz(s, 1, part);
    file_run(f, s);
    sqlite3_finalize(s);
    file_exec(f, "PRAGMA query_only = ON");
    if (f->status == SINK_OK)
        check_copy(f, part);
    if (f->status == SINK_OK)
        sync_path(f, part, 0);
}

static void sync_folder(struct file *f, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? xstrdup(".") : xmemdupz(path, (size_t)(slash - path) + 1);

    sync_path(f, folder, O_DIRECTORY);
    free(folder);
}

enum sink_status care_backup(void *sink, const char *path)
{
    struct file *f = sink;
    struct str part = STR_INIT;

    f->status = SINK_OK;
    if (access(path, F_OK) == 0) {
        errno = EEXIST;
        fail_errno(f, path);
        return f->status;
    }
    str_addf(&part, "%s.part", path);
    /* Mine alone: what is in it is no one else's to read. */
    const int fd = open(part.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        fail_errno(f, part.data);
        str_fini(&part);
        return f->status;
    }
    close(fd);
    copy_into(f, part.data);
    if (f->status == SINK_OK &&
        renameat2(AT_FDCWD, part.data, AT_FDCWD, path, RENAME_NOREPLACE) != 0)
        fail_errno(f, path);
    if (f->status == SINK_OK)
        sync_folder(f, path);
    else
        unlink(part.data);
    str_fini(&part);
    return f->status;
}

/* ---- check ---- */

static bool check_pages(struct file *f, care_finding_fn *fn, void *arg)
{
    sqlite3_stmt *s = NULL;
    bool is_well = true;

    if (sqlite3_prepare_v2(f->db, "PRAGMA integrity_check", -1, &s, NULL) != SQLITE_OK)
        return false;
    while (file_row(f, s)) {
        const char *line = (const char *)sqlite3_column_text(s, 0);
        if (strcmp(line, "ok") == 0)
            continue;
        fn(arg, line);
        is_well = false;
    }
    sqlite3_finalize(s);
    return is_well;
}

/* An epoch may be empty: its messages were too old. */
static void check_numbers(struct file *f, care_finding_fn *fn, void *arg)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_CARE_NUMBERS);
    char line[LINE_BYTES];

    while (file_row(f, s)) {
        const int64_t count = sqlite3_column_int64(s, 2), first = sqlite3_column_int64(s, 3),
                      last = sqlite3_column_int64(s, 4), missing = last - first + 1 - count;
        if (count == 0 || missing == 0)
            continue;
        snprintf(line, sizeof line,
                 "%s, epoch %s: %" PRId64 " of the numbers %" PRId64 " to %" PRId64 " are missing",
                 (const char *)sqlite3_column_text(s, 0), (const char *)sqlite3_column_text(s, 1),
                 missing, first, last);
        fn(arg, line);
    }
}

enum sink_status care_check(void *sink, care_finding_fn *fn, void *arg)
{
    struct file *f = sink;

    if (!file_begin(f, false))
        return f->status;
    const bool is_well = check_pages(f, fn, arg);
    if (is_well)
        check_numbers(f, fn, arg);
    enum sink_status status = file_end(f);
    if (status == SINK_OK && !is_well) {
        file_failed(f, SQLITE_CORRUPT);
        status = f->status;
    }
    if (status != SINK_OK || !f->indexes || !file_begin(f, true))
        return status != SINK_OK ? status : f->status;
    index_all(f);
    file_exec(f, "INSERT INTO search (search, rank) VALUES ('integrity-check', 1)");
    return file_end(f);
}

enum sink_status care_rebuild_search(void *sink)
{
    struct file *f = sink;

    if (!file_begin(f, true))
        return f->status;
    schema_reset_index(f, f->settings->archive_index);
    return file_end(f);
}

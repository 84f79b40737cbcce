/* Batches: what a message becomes on disk. docs/DATA.md, "Life of a row". */
#include "event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    AGAIN_MS = 600000, /* senders repeat what was not acknowledged for five minutes at most */
};

/* ---- names ---- */

int64_t stream_find(struct file *f, const char *name)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_STREAM_FIND);

    bind_textz(s, 1, name);
    return file_number(f, s, 0);
}

static int64_t stream_make(struct file *f, const char *name)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_STREAM_MAKE);

    bind_textz(s, 1, name);
    file_run(f, s);
    return stream_find(f, name);
}

/* Redis lost the end of the epoch before, and gives its numbers out again. What senders repeat has
 * the same `id`, and belongs to the new epoch alone. */
static void look_for_repeats(struct file *f, int64_t before, uint64_t first)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_AGAIN_LOAD);

    bind_number(s, 1, epoch_low(before) | (int64_t)first);
    bind_number(s, 2, epoch_high(before));
    f->again |= file_run(f, s) > 0;
    f->again_mono_ms = clock_mono_ms();
}

static int64_t newest_epoch(struct file *f, int64_t stream)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_SPAN_BELOW);

    bind_number(s, 1, stream);
    bind_number(s, 2, INT64_MAX);
    bind_number(s, 3, INT64_MAX);
    return file_number(f, s, 0);
}

static int64_t epoch_make(struct file *f, int64_t stream, const char *name)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_EPOCH_MAKE);

    bind_number(s, 1, stream);
    bind_textz(s, 2, name);
    file_run(f, s);
    return sqlite3_last_insert_rowid(f->db);
}

/* The table is one of this connection alone: after a restart it is filled again. */
void write_resume(struct file *f)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_SPAN_SINCE);

    bind_number(s, 1, clock_wall_ms() - AGAIN_MS);
    while (file_row(f, s)) {
        const int64_t epoch = sqlite3_column_int64(s, 0);
        sqlite3_stmt *below = file_statement(f, STATEMENT_SPAN_BELOW);
        bind_number(below, 1, sqlite3_column_int64(s, 1));
        bind_number(below, 2, sqlite3_column_int64(s, 2));
        bind_number(below, 3, epoch);
        const int64_t before = file_number(f, below, 0);
        sqlite3_stmt *first = file_statement(f, STATEMENT_FIRST);
        bind_number(first, 1, epoch_low(epoch));
        bind_number(first, 2, epoch_high(epoch));
        if (before != 0)
            look_for_repeats(f, before, number_of(file_number(f, first, 0)));
    }
}

static int64_t epoch_find(struct file *f, int64_t stream, const char *name)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_EPOCH_FIND);

    bind_number(s, 1, stream);
    bind_textz(s, 2, name);
    return file_number(f, s, 0);
}

/* Sets f->epoch. Messages come sorted, so it mostly is what it was. */
static void find_epoch(struct file *f, const struct sink_message *m)
{
    if (f->epoch != 0 && strcmp(f->stream_name, m->stream) == 0 &&
        strcmp(f->epoch_name, m->epoch) == 0)
        return;
    const int64_t stream = f->stream = stream_make(f, m->stream);
    f->epoch = epoch_find(f, stream, m->epoch);
    if (f->epoch == 0) {
        const int64_t before = newest_epoch(f, stream);
        f->epoch = epoch_make(f, stream, m->epoch);
        if (before != 0)
            look_for_repeats(f, before, m->seq);
    }
    text_copy(f->stream_name, sizeof f->stream_name, m->stream);
    text_copy(f->epoch_name, sizeof f->epoch_name, m->epoch);
}

/* ---- messages ---- */

static void reject(struct file *f, const struct sink_reject *r, struct sink_written *out)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_REJECT);

    bind_textz(s, 1, r->entry);
    bind_textz(s, 2, r->why);
    sqlite3_bind_blob(s, 3, r->body, (int)r->size, SQLITE_STATIC);
    file_run(f, s);
    out->rejected++;
}

static void reject_message(struct file *f, const struct sink_message *m, const char *why,
                           struct sink_written *out)
{
    reject(f, &(struct sink_reject){ m->entry, why, m->json, m->size }, out);
}

void message_unindex(struct file *f, int64_t id)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_UNINDEXED_DROP);

    bind_number(s, 1, id);
    if (!f->indexes || file_run(f, s) != 0)
        return;
    s = file_statement(f, STATEMENT_SEARCHABLE);
    bind_number(s, 1, id);
    if (file_row(f, s)) { /* the very values that were put in */
        sqlite3_stmt *drop = file_statement(f, STATEMENT_INDEX_DROP);
        bind_number(drop, 1, id);
        sqlite3_bind_value(drop, 2, sqlite3_column_value(s, 0));
        sqlite3_bind_value(drop, 3, sqlite3_column_value(s, 1));
        file_run(f, drop);
    }
    sqlite3_reset(s);
}

void message_kind(struct file *f, int64_t id, enum message_kind kind)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_KIND_SET);

    message_unindex(f, id);
    bind_number(s, 1, id);
    bind_number(s, 2, kind);
    file_run(f, s);
}

/* A message that an epoch before has as well: the older one no longer shows. */
static void hide_repeated(struct file *f, const struct sink_message *m)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_AGAIN_FIND);

    bind_text(s, 1, m->json, m->size);
    const int64_t older = file_number(f, s, 0);
    if (older == 0 || epoch_of(older) == f->epoch)
        return;
    message_kind(f, older, KIND_AGAIN);
    s = file_statement(f, STATEMENT_AGAIN_EMPTY); /* events are about the newer one */
    bind_number(s, 1, older);
    file_run(f, s);
    s = file_statement(f, STATEMENT_AGAIN_DROP);
    bind_number(s, 1, older);
    file_run(f, s);
}

static bool has_other(struct file *f, int64_t id, const struct sink_message *m)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_OTHER);

    bind_number(s, 1, id);
    bind_text(s, 2, m->json, m->size);
    return file_number(f, s, 0) != 0;
}

static bool move(struct file *f, int64_t id, int64_t to)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_MESSAGE_MOVE);

    bind_number(s, 1, id);
    bind_number(s, 2, to);
    return file_run(f, s) != 0;
}

void message_index(struct file *f, int64_t id)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_UNINDEXED_ADD);

    bind_number(s, 1, id);
    if (f->indexes)
        file_run(f, s);
}

/* Redis lost the end of an epoch, and somebody who had not seen it either vouched for the rest
 * (docs/REDIS.md): the epoch goes on, with other messages under the lost numbers. They count. What
 * Redis lost goes to an epoch of its own, EPOCH~1, or ~2 when that happens again. */
static void move_aside(struct file *f, int64_t id, const struct sink_message *m)
{
    const int64_t stream = stream_find(f, m->stream);
    int64_t to = id;
    char name[RULE_EPOCH_BYTES + 1];

    message_unindex(f, id);
    for (unsigned n = 1; f->status == SINK_OK && (to == id || !move(f, id, to)); n++) {
        snprintf(name, sizeof name, "%.*s~%u", RULE_EPOCH_BYTES - 11, m->epoch, n);
        int64_t epoch = epoch_find(f, stream, name);
        if (epoch == 0)
            epoch = epoch_make(f, stream, name);
        to = epoch_low(epoch) | (int64_t)m->seq;
    }
    message_index(f, to);
    sqlite3_stmt *s = file_statement(f, STATEMENT_AGAIN_LOAD); /* its sender may repeat it */
    bind_number(s, 1, to);
    bind_number(s, 2, to);
    f->again |= file_run(f, s) > 0;
    f->again_mono_ms = clock_mono_ms();
}

/* Whether it was not there yet; -1: it cannot be stored. */
static int64_t insert(struct file *f, int64_t id, const struct sink_message *m,
                      struct sink_written *out)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_MESSAGE_ADD);

    bind_number(s, 1, id);
    bind_text(s, 2, m->json, m->size);
    const int rc = sqlite3_step(s);
    const int64_t added = rc == SQLITE_DONE ? sqlite3_changes64(f->db) : -1;
    sqlite3_reset(s);
    if ((rc & 0xff) == SQLITE_CONSTRAINT || (rc & 0xff) == SQLITE_ERROR)
        reject_message(f, m, "not a message with this number, an author and a time", out);
    else if (rc != SQLITE_DONE)
        file_failed(f, rc);
    return added;
}

static void add(struct file *f, const struct sink_message *m, struct sink_written *out)
{
    const int64_t id = epoch_low(f->epoch) | (int64_t)m->seq;
    int64_t added = insert(f, id, m, out);

    if (added == 0 && has_other(f, id, m)) {
        move_aside(f, id, m);
        added = insert(f, id, m, out);
    }
    out->added += (uint64_t)(added > 0);
    out->repeated += (uint64_t)(added == 0);
    if (added <= 0)
        return;
    if (f->again)
        hide_repeated(f, m);
    if (event_added(f, id, &(struct frame_part){ m->json, m->size }))
        return;
    message_index(f, id);
    if (f->waits)
        event_catch_up(f, id);
}

static void add_message(struct file *f, const struct sink_message *m, struct sink_written *out)
{
    if (m->seq == 0 || m->seq > UINT32_MAX) {
        reject_message(f, m, "a number outside of 1 to 2^32 - 1", out);
        return;
    }
    find_epoch(f, m);
    if (f->status == SINK_OK)
        add(f, m, out);
}

static int compare(const void *left, const void *right)
{
    const struct sink_message *a = *(const struct sink_message *const *)left;
    const struct sink_message *b = *(const struct sink_message *const *)right;
    int order = a->stream == b->stream ? 0 : strcmp(a->stream, b->stream);

    if (order == 0)
        order = a->epoch == b->epoch ? 0 : strcmp(a->epoch, b->epoch);
    return order ? order : (a->seq > b->seq) - (a->seq < b->seq);
}

static void set_record(struct file *f, const struct sink_record *r)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_RECORD_SET);

    bind_textz(s, 1, r->kind);
    bind_textz(s, 2, r->name);
    bind_number(s, 3, r->version);
    bind_text(s, 4, r->size > 0 ? r->json : "", r->size);
    file_run(f, s);
}

void write_batch(struct file *f, const struct sink_batch *batch, struct sink_written *out)
{
    if (batch->message_count > f->order_room) {
        f->order_room = batch->message_count;
        f->order = xrealloc(f->order, f->order_room * sizeof(*f->order));
    }
    for (size_t i = 0; i < batch->message_count; i++)
        f->order[i] = &batch->messages[i];
    if (batch->message_count > 1)
        qsort(f->order, batch->message_count, sizeof(*f->order), compare);
    f->waits =
        batch->message_count > 0 && file_number(f, file_statement(f, STATEMENT_WAITS), 0) != 0;
    for (size_t i = 0; i < batch->message_count && f->status == SINK_OK; i++)
        add_message(f, f->order[i], out);
    for (size_t i = 0; i < batch->record_count; i++)
        set_record(f, &batch->records[i]);
    for (size_t i = 0; i < batch->reject_count; i++)
        reject(f, &batch->rejects[i], out);
    if (out->added > 0) {
        sqlite3_stmt *s = file_statement(f, STATEMENT_FACT_ADD);
        bind_textz(s, 1, "messages");
        bind_number(s, 2, (int64_t)out->added);
        file_run(f, s);
    }
    if (batch->entry != NULL && batch->entry[0] != '\0')
        fact_set_text(f, "entry", batch->entry);
}

int64_t message_id(struct file *f, const struct sink_message *m)
{
    find_epoch(f, m);
    return epoch_low(f->epoch) | (int64_t)m->seq;
}

static void forget_repeats(struct file *f)
{
    if (!f->again || clock_mono_ms() - f->again_mono_ms < AGAIN_MS)
        return;
    file_run(f, file_statement(f, STATEMENT_AGAIN_CLEAR));
    f->again = false;
}

enum sink_status sqlite_write(void *sink, const struct sink_batch *batch, struct sink_written *out)
{
    struct file *f = sink;
    struct sink_written written = { 0 };

    if (!file_begin(f, true))
        return f->status;
    forget_repeats(f);
    write_batch(f, batch, &written);
    const enum sink_status status = file_end(f);
    if (status == SINK_OK)
        *out = written;
    return status;
}

/* ---- records ---- */

enum sink_status sqlite_records(void *sink, const char *kind, const char *after,
                                struct sink_records *out)
{
    struct file *f = sink;
    size_t count = 0;

    if (!file_begin(f, false))
        return f->status;
    if (f->records == NULL)
        f->records = xcalloc(SINK_RECORDS_MOST, sizeof(*f->records));
    str_reset(&f->texts);
    sqlite3_stmt *s = file_statement(f, STATEMENT_RECORDS);
    bind_textz(s, 1, kind);
    bind_textz(s, 2, after);
    while (file_row(f, s)) {
        struct sink_record *r = &f->records[count++];
        r->kind = kind;
        r->version = sqlite3_column_int64(s, 1);
        r->size = (size_t)sqlite3_column_bytes(s, 2);
        str_add(&f->texts, sqlite3_column_text(s, 0), (size_t)sqlite3_column_bytes(s, 0) + 1);
        str_add(&f->texts, sqlite3_column_text(s, 2), r->size + 1);
    }
    const char *at = f->texts.data; /* which has stopped moving */
    for (size_t i = 0; i < count; i++) {
        f->records[i].name = at;
        at += strlen(at) + 1;
        f->records[i].json = at;
        at += f->records[i].size + 1;
    }
    *out = (struct sink_records){ f->records, count };
    return file_end(f);
}

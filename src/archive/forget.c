/* Orders to forget somebody: records of the kind `forget`, each with how far it has come. The
 * author is in no table, so all messages are looked at, some thousands per step. */
#include "event.h"

#include <string.h>

enum {
    LOOK_MOST = 4000,  /* rows per step */
    MERGE_PAGES = 500, /* of the index per step */
    NEXT_IS_MERGE = -1,
};

struct order {
    char name[NAME_MAX_BYTES + 1], as[NAME_MAX_BYTES + 1];
    int64_t until_ms, next;
};

static bool find_order(struct file *f, struct order *o)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_FORGET_ORDER);
    const bool found = file_row(f, s);

    if (found) {
        text_copy(o->name, sizeof o->name, (const char *)sqlite3_column_text(s, 0));
        o->until_ms = sqlite3_column_int64(s, 1);
        const unsigned char *as = sqlite3_column_text(s, 2);
        text_copy(o->as, sizeof o->as, as != NULL ? (const char *)as : "(deleted)"); /* no name */
        o->next = sqlite3_column_int64(s, 3);
    }
    sqlite3_reset(s);
    return found;
}

static void set_next(struct file *f, const struct order *o, int64_t next)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_FORGET_NEXT);

    bind_textz(s, 1, o->name);
    bind_number(s, 2, next);
    file_run(f, s);
}

static void forget_message(struct file *f, const struct order *o, int64_t id)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_FORGET);

    event_forget(f, id);
    message_unindex(f, id);
    bind_number(s, 1, id);
    bind_textz(s, 2, o->as);
    file_run(f, s);
}

/* In what somebody else wrote the name stays text, but mentions nobody any more. */
static void forget_mention(struct file *f, const struct order *o, int64_t id)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_FORGET_MENTION);

    bind_number(s, 1, id);
    bind_textz(s, 2, o->name);
    file_run(f, s);
}

static void look_through(struct file *f, const struct order *o)
{
    int64_t ids[LOOK_MOST];
    bool wrote[LOOK_MOST];
    size_t count = 0;
    sqlite3_stmt *s = file_statement(f, STATEMENT_MESSAGE_AFTER_MANY);

    bind_number(s, 1, o->next);
    bind_number(s, 2, LOOK_MOST - 1);
    const int64_t end = file_number(f, s, INT64_MAX);
    s = file_statement(f, STATEMENT_FORGET_FIND);
    bind_number(s, 1, o->next);
    bind_number(s, 2, end);
    bind_number(s, 3, o->until_ms);
    bind_textz(s, 4, o->name);
    for (; count < LOOK_MOST && file_row(f, s); count++) {
        ids[count] = sqlite3_column_int64(s, 0);
        wrote[count] = sqlite3_column_int(s, 1) != 0;
    }
    sqlite3_reset(s);
    for (size_t i = 0; i < count; i++)
        (wrote[i] ? forget_message : forget_mention)(f, o, ids[i]);
    set_next(f, o, end == INT64_MAX ? NEXT_IS_MERGE : end + 1);
}

/* What was taken out of the index stays in its older parts until they are merged with newer ones.
 * https://www.sqlite.org/fts5.html section 6.8: fewer than 2 changes mean that all are merged. */
static bool merge(struct file *f)
{
    const int64_t before = sqlite3_total_changes64(f->db);
    sqlite3_stmt *s = file_statement(f, STATEMENT_INDEX_MERGE);

    bind_number(s, 1, -MERGE_PAGES);
    file_run(f, s);
    return sqlite3_total_changes64(f->db) - before >= 2;
}

static void finish(struct file *f, const struct order *o)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_REJECTED_DROP);

    bind_textz(s, 1, o->name);
    file_run(f, s);
    s = file_statement(f, STATEMENT_RECORD_DROP);
    bind_textz(s, 1, "forget");
    bind_textz(s, 2, o->name);
    file_run(f, s);
}

/* So that the log keeps no text either. Readers may prevent it: then later writes do it. */
static enum sink_status empty_log(struct file *f)
{
    if (!file_lock(f))
        return f->status;
    sqlite3_wal_checkpoint_v2(f->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    file_unlock(f);
    return SINK_OK;
}

enum sink_status forget_step(struct file *f, bool *more)
{
    struct order o;
    bool done = false;

    if (!file_begin(f, false))
        return f->status;
    const bool found = find_order(f, &o);
    enum sink_status status = file_end(f);
    if (!found || status != SINK_OK)
        return status;
    if (!file_begin(f, true))
        return f->status;
    if (o.next != NEXT_IS_MERGE)
        look_through(f, &o);
    else
        done = !merge(f);
    if (done)
        finish(f, &o);
    status = file_end(f);
    *more = status == SINK_OK;
    if (!done || status != SINK_OK)
        return status;
    log_info("archive_forgot", "until_ms=%lld", (long long)o.until_ms);
    return empty_log(f);
}

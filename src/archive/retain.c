/* What is too old (ARCHIVE_DAYS) or too much (ARCHIVE_ROOM_MESSAGES) goes, stream by stream. */
#include "state.h"

enum {
    LOOK_MS = 3600000,     /* between two looks at all streams */
    TAKE_MOST = 500,       /* messages per transaction */
    DAY_MS = 24 * 3600000, /* fits an int */
};

/* ids low … cut are to go; 0: none */
struct cut {
    int64_t epoch, low, cut;
};

static int64_t end_of(struct file *f, enum statement which, int64_t epoch)
{
    sqlite3_stmt *s = file_statement(f, which);

    bind_number(s, 1, epoch_low(epoch));
    bind_number(s, 2, epoch_high(epoch));
    return file_number(f, s, 0);
}

/* Newest epoch first, since the newest messages of all epochs together count. */
static struct cut find_cut(struct file *f, int64_t stream, bool is_room)
{
    const int64_t days = f->settings->archive_days, most = f->settings->archive_room_messages;
    const int64_t oldest_ms = clock_wall_ms() - days * DAY_MS;
    sqlite3_stmt *epochs = file_statement(f, STATEMENT_SPAN_BELOW);
    struct cut cut = { 0 };
    int64_t kept = 0;

    bind_number(epochs, 1, stream);
    bind_number(epochs, 2, INT64_MAX);
    bind_number(epochs, 3, INT64_MAX);
    while (cut.cut == 0 && file_row(f, epochs)) {
        const int64_t epoch = sqlite3_column_int64(epochs, 0);
        const int64_t first = end_of(f, STATEMENT_FIRST, epoch);
        const int64_t last = end_of(f, STATEMENT_LAST, epoch);
        int64_t keep_from = first;
        if (is_room && most > 0 && last - (most - kept) >= first)
            keep_from = last - (most - kept) + 1;
        if (days > 0 && message_at(f, first, last, oldest_ms) > keep_from)
            keep_from = message_at(f, first, last, oldest_ms);
        kept += last - keep_from + 1;
        if (keep_from > first)
            cut = (struct cut){ epoch, first, keep_from - 1 };
    }
    sqlite3_reset(epochs);
    return cut;
}

static void take(struct file *f, const struct cut *cut)
{
    int64_t ids[TAKE_MOST];
    size_t count = 0;
    sqlite3_stmt *s = file_statement(f, STATEMENT_PAGE_UP);

    bind_number(s, 1, cut->low);
    bind_number(s, 2, cut->cut);
    while (count < TAKE_MOST && file_row(f, s))
        ids[count++] = sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    for (size_t i = 0; i < count; i++) {
        message_unindex(f, ids[i]);
        s = file_statement(f, STATEMENT_MESSAGE_DROP);
        bind_number(s, 1, ids[i]);
        file_run(f, s);
        s = file_statement(f, STATEMENT_WAITING_DROP);
        bind_number(s, 1, ids[i]);
        file_run(f, s);
    }
    s = file_statement(f, STATEMENT_FACT_ADD);
    bind_textz(s, 1, "messages");
    bind_number(s, 2, -(int64_t)count);
    file_run(f, s);
    s = file_statement(f, STATEMENT_EPOCH_DROP_EMPTY);
    bind_number(s, 1, cut->epoch);
    if (file_run(f, s) > 0)
        f->epoch = 0; /* the writer's memory of it */
}

enum sink_status retain_step(struct file *f, bool *more)
{
    if ((f->settings->archive_days == 0 && f->settings->archive_room_messages == 0) ||
        clock_mono_ms() < f->retain_mono_ms)
        return SINK_OK;
    if (!file_begin(f, true))
        return f->status;
    sqlite3_stmt *s = file_statement(f, STATEMENT_STREAM_NEXT);
    bind_number(s, 1, f->retain_stream);
    const bool found = file_row(f, s);
    const int64_t stream = found ? sqlite3_column_int64(s, 0) : 0;
    const bool is_room = found && sqlite3_column_text(s, 1)[0] == 'r';
    sqlite3_reset(s);
    const struct cut cut = found ? find_cut(f, stream, is_room) : (struct cut){ 0 };
    if (cut.cut != 0)
        take(f, &cut);
    else
        f->retain_stream = stream;
    if (!found)
        f->retain_mono_ms = clock_mono_ms() + LOOK_MS;
    *more = found;
    return file_end(f);
}

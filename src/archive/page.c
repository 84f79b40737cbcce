/* A page of one epoch, and the cursors that lead on, into other epochs too. */
#include "reaction.h"
#include "state.h"

#include <stdlib.h>
#include <string.h>

/* Where a page is cut out. */
struct place {
    int64_t stream, epoch;
    int64_t first, last; /* ids that the epoch has; 0: none. has_ends false: not known yet */
    bool has_ends;
    int64_t own_ms; /* of the query */
    bool is_cut;    /* what the epoch has before `first` is not the asker's */
    int64_t began_ms;
    bool up;
    uint64_t seq; /* the cursor: the page is above it, or below; at most 2^32 */
    /* of what was read, shown or not */
    uint64_t rows, lowest, highest;
};

int64_t message_at(struct file *f, int64_t low, int64_t high, int64_t time_ms)
{
    int64_t end = high + 1;

    while (low < end && f->status == SINK_OK) {
        const int64_t middle = low + (end - low) / 2;
        sqlite3_stmt *s = file_statement(f, STATEMENT_FIRST);
        bind_number(s, 1, middle);
        bind_number(s, 2, high);
        if (file_row(f, s) && sqlite3_column_int64(s, 1) < time_ms)
            low = sqlite3_column_int64(s, 0) + 1;
        else
            end = middle;
        sqlite3_reset(s);
    }
    return low;
}

/* ---- epochs ---- */

static int64_t end_of_epoch(struct file *f, enum statement which, int64_t epoch, int64_t *time_ms)
{
    sqlite3_stmt *s = file_statement(f, which);
    int64_t id = 0;

    bind_number(s, 1, epoch_low(epoch));
    bind_number(s, 2, epoch_high(epoch));
    if (file_row(f, s)) {
        id = sqlite3_column_int64(s, 0);
        *time_ms = sqlite3_column_int64(s, 1);
    }
    sqlite3_reset(s);
    return id;
}

/* The nearest epoch of the stream that began before, or after. 0: there is none. */
static int64_t neighbour(struct file *f, enum statement which, const struct place *p,
                         char name[RULE_EPOCH_BYTES + 1])
{
    sqlite3_stmt *s = file_statement(f, which);
    int64_t epoch = 0;

    bind_number(s, 1, p->stream);
    bind_number(s, 2, p->began_ms);
    bind_number(s, 3, p->epoch);
    if (file_row(f, s)) {
        epoch = sqlite3_column_int64(s, 0);
        text_copy(name, RULE_EPOCH_BYTES + 1, (const char *)sqlite3_column_text(s, 1));
    }
    sqlite3_reset(s);
    return epoch;
}

static void enter(struct file *f, struct place *p, int64_t epoch)
{
    int64_t unused;

    p->epoch = epoch;
    p->has_ends = true;
    p->began_ms = INT64_MAX;
    p->first = end_of_epoch(f, STATEMENT_FIRST, epoch, &p->began_ms);
    p->last = end_of_epoch(f, STATEMENT_LAST, epoch, &unused);
    p->is_cut = p->first != 0 && p->began_ms < p->own_ms;
    if (p->is_cut)
        p->first = message_at(f, p->first, p->last, p->own_ms);
}

static void find_named(struct file *f, const struct page_query *q, struct place *p,
                       struct page_result *out)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_EPOCH_FIND);

    bind_number(s, 1, p->stream);
    bind_textz(s, 2, q->epoch);
    const int64_t epoch = file_number(f, s, 0);
    if (epoch == 0)
        return;
    text_copy(out->epoch, sizeof out->epoch, q->epoch);
    p->epoch = epoch;
    if (p->own_ms > 0)
        enter(f, p, epoch);
}

/* The newest epoch that began at began_ms or before. */
static bool find_newest(struct file *f, struct place *p, int64_t began_ms, struct page_result *out)
{
    p->began_ms = began_ms;
    p->epoch = INT64_MAX;
    const int64_t epoch = neighbour(f, STATEMENT_SPAN_BELOW, p, out->epoch);
    p->epoch = 0;
    if (epoch != 0)
        enter(f, p, epoch);
    return epoch != 0;
}

/* The message at a time is in the last epoch that began by then, or it is the first of the next
 * one. */
static void find_time(struct file *f, int64_t at_ms, struct place *p, struct page_result *out)
{
    int64_t id = 0;

    if (find_newest(f, p, at_ms, out))
        id = message_at(f, p->first, p->last, at_ms);
    else
        p->began_ms = INT64_MIN;
    if (p->epoch == 0 || id > p->last) {
        const int64_t next = neighbour(f, STATEMENT_SPAN_ABOVE, p, out->epoch);
        if (next != 0)
            enter(f, p, next);
        id = next != 0 ? p->first : p->last + 1;
    }
    p->seq = number_of(id - 1);
}

static void find_place(struct file *f, const struct page_query *q, struct place *p,
                       struct page_result *out)
{
    const bool named = q->epoch != NULL && q->epoch[0] != '\0' && q->way != PAGE_AT;

    p->up = q->way != PAGE_BEFORE;
    p->own_ms = q->own_ms;
    p->seq = q->seq > UINT32_MAX ? (uint64_t)UINT32_MAX + 1 : q->seq;
    p->stream = stream_find(f, q->stream);
    if (p->stream != 0 && named)
        find_named(f, q, p, out);
    else if (p->stream != 0 && q->way == PAGE_AT)
        find_time(f, q->at_ms > q->own_ms ? q->at_ms : q->own_ms, p, out);
    else if (p->stream != 0)
        find_newest(f, p, INT64_MAX, out);
    out->known = p->epoch != 0 || !named;
}

/* ---- messages ---- */

static void take_row(struct file *f, sqlite3_stmt *s, struct place *p, size_t *count)
{
    const uint64_t seq = number_of(sqlite3_column_int64(s, 0));

    if (p->rows++ == 0)
        p->lowest = p->highest = seq;
    p->lowest = seq < p->lowest ? seq : p->lowest;
    p->highest = seq > p->highest ? seq : p->highest;
    if (sqlite3_column_int(s, 1) == KIND_AGAIN)
        return;
    const size_t before = f->texts.size;
    str_add(&f->texts, sqlite3_column_text(s, 2), (size_t)sqlite3_column_bytes(s, 2));
    if (sqlite3_column_type(s, 3) != SQLITE_NULL)
        reactions_add(&f->texts, (const char *)sqlite3_column_text(s, 3),
                      (size_t)sqlite3_column_bytes(s, 3));
    f->parts[(*count)++].size = f->texts.size - before;
}

/* The texts stand in the order in which they were read. */
static void point_to_texts(struct file *f, size_t count, bool reversed)
{
    const char *at = f->texts.data;

    for (size_t i = 0; i < count; i++) {
        f->parts[i].data = at;
        at += f->parts[i].size;
    }
    for (size_t i = 0; reversed && i < count / 2; i++) {
        const struct frame_part part = f->parts[i];
        f->parts[i] = f->parts[count - 1 - i];
        f->parts[count - 1 - i] = part;
    }
}

static size_t read_rows(struct file *f, struct place *p, unsigned limit, struct page_result *out)
{
    sqlite3_stmt *s = file_statement(f, p->up ? STATEMENT_PAGE_UP : STATEMENT_PAGE_DOWN);
    const int64_t cursor = epoch_low(p->epoch) + (int64_t)p->seq;
    size_t count = 0;
    uint64_t end = 0; /* number of the last row that is shown */

    bind_number(s, 1, !p->up ? cursor - 1 : cursor < p->first ? p->first : cursor + 1);
    bind_number(s, 2, p->up ? epoch_high(p->epoch) : p->is_cut ? p->first : epoch_low(p->epoch));
    while (count < limit && file_row(f, s)) {
        const size_t before = count;
        take_row(f, s, p, &count);
        if (count == before)
            continue;
        end = number_of(sqlite3_column_int64(s, 0));
        if (before == 0)
            out->first_seq = out->last_seq = end;
    }
    sqlite3_reset(s);
    *(p->up ? &out->last_seq : &out->first_seq) = end;
    point_to_texts(f, count, !p->up);
    return count;
}

/* Numbers below the epoch's first row are no hole: retention took them, or they never were.
 * has_older: it has rows below the page. */
static uint64_t missing(const struct place *p, bool has_older)
{
    if (p->rows == 0)
        return 0;
    uint64_t from = p->lowest, end = p->highest + 1;
    if (p->up && has_older)
        from = p->seq + 1;
    else if (!p->up && p->seq <= UINT32_MAX)
        end = p->seq;
    return end - from - p->rows;
}

/* ---- cursors ---- */

/* Is there a row from low to high? Beside the page, so it is near: the ends of the epoch are far from
 * a page in its middle, and four reads of a disk that sleeps. */
static bool has_row(struct file *f, enum statement end, int64_t low, int64_t high)
{
    sqlite3_stmt *s = file_statement(f, end);

    bind_number(s, 1, low);
    bind_number(s, 2, high);
    const bool found = file_row(f, s);
    sqlite3_reset(s);
    return found;
}

static bool find_older(struct file *f, struct place *p, struct page_result *out)
{
    const uint64_t low = p->rows != 0 ? p->lowest : p->up ? p->seq + 1 : p->seq;
    const int64_t from = p->is_cut ? p->first : epoch_low(p->epoch);

    if (low > 0 &&
        has_row(f, STATEMENT_LAST, from,
                low > UINT32_MAX ? epoch_high(p->epoch) : epoch_low(p->epoch) + (int64_t)low - 1)) {
        memcpy(out->older.epoch, out->epoch, sizeof out->epoch);
        out->older.seq = low;
        out->older.valid = true;
        return true;
    }
    if (!p->has_ends)
        enter(f, p, p->epoch);
    const int64_t epoch = p->is_cut ? 0 : neighbour(f, STATEMENT_SPAN_BELOW, p, out->older.epoch);
    int64_t unused;
    out->older.seq = epoch ? number_of(end_of_epoch(f, STATEMENT_LAST, epoch, &unused)) + 1 : 0;
    out->older.valid = epoch != 0;
    return false;
}

static void find_newer(struct file *f, struct place *p, struct page_result *out)
{
    const uint64_t high = p->rows != 0 ? p->highest : p->up || p->seq == 0 ? p->seq : p->seq - 1;

    if (high < UINT32_MAX && has_row(f, STATEMENT_FIRST, epoch_low(p->epoch) + (int64_t)high + 1,
                                     epoch_high(p->epoch))) {
        memcpy(out->newer.epoch, out->epoch, sizeof out->epoch);
        out->newer.seq = high;
        out->newer.valid = true;
        return;
    }
    if (!p->has_ends)
        enter(f, p, p->epoch);
    const int64_t epoch = neighbour(f, STATEMENT_SPAN_ABOVE, p, out->newer.epoch);
    int64_t unused;
    out->newer.seq = epoch ? number_of(end_of_epoch(f, STATEMENT_FIRST, epoch, &unused)) - 1 : 0;
    out->newer.valid = epoch != 0;
}

enum sink_status sqlite_page(void *sink, const struct page_query *query, struct page_result *out)
{
    struct file *f = sink;
    struct place p = { 0 };

    if (!file_begin(f, false))
        return f->status;
    *out = (struct page_result){ 0 };
    if (f->parts == NULL)
        f->parts = xcalloc(SINK_PAGE_MOST, sizeof(*f->parts));
    str_reset(&f->texts);
    find_place(f, query, &p, out);
    if (p.epoch != 0) {
        out->count =
            read_rows(f, &p, query->limit < SINK_PAGE_MOST ? query->limit : SINK_PAGE_MOST, out);
        out->messages = f->parts;
        out->missing = missing(&p, find_older(f, &p, out));
        find_newer(f, &p, out);
    }
    return file_end(f);
}

/* ---- one message ---- */

static bool is_behind(struct file *f, int64_t stream, uint64_t seq)
{
    struct place p = { .stream = stream };
    struct page_result ignored;

    return stream != 0 && find_newest(f, &p, INT64_MAX, &ignored) && number_of(p.last) < seq;
}

enum sink_status sqlite_find(void *sink, const char *stream, uint64_t seq, struct find_result *out)
{
    struct file *f = sink;

    *out = (struct find_result){ 0 };
    if (!file_begin(f, false))
        return f->status;
    str_reset(&f->texts);
    const int64_t id = stream_find(f, stream);
    sqlite3_stmt *s = file_statement(f, STATEMENT_FIND);
    bind_number(s, 1, id);
    bind_number(s, 2, seq <= UINT32_MAX ? (int64_t)seq : 0);
    if (file_row(f, s)) {
        str_add(&f->texts, sqlite3_column_text(s, 0), (size_t)sqlite3_column_bytes(s, 0));
        out->json = f->texts.data;
        out->size = f->texts.size;
    }
    sqlite3_reset(s);
    out->behind = out->json == NULL && is_behind(f, id, seq);
    return file_end(f);
}

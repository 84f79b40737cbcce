/* A search looks at the newest messages first, until it has enough or its time is up. Neither
 * bm25() nor ORDER BY rank: both visit every message that matches (fts5Bm25GetData(),
 * ext/fts5/fts5_aux.c), and a common word in a large archive has millions of them. */
#include "search.h"

#include "cursor.h"
#include "parts.h"
#include "query.h"

#include <stdlib.h>

enum {
    STEP_US = 5000, /* in one epoch, before the next newest one gets its turn */
    STEP_HITS_LEAST = 8,
    STEP_HITS_OVER = 8,                 /* times as many as were expected are too many */
    ENOUGH = SEARCH_CANDIDATES * 3 / 4, /* newer than all that was not looked at */
    RARE = SEARCH_CANDIDATES / 2,       /* fewer matches in all scans */
    GRID = 64,
};

static const int64_t MONTH_MS = INT64_C(30) * 24 * 3600 * 1000;

/* An epoch that is looked through from its newest message down. */
struct scan {
    int64_t low, high; /* ids that are left; high < low: none */
    int64_t time_ms; /* of the newest message in them; when none is left, of the oldest there was */
    int64_t oldest;  /* id of the epoch's first message */
    int64_t newest;  /* of its last one before the window ends */
    int64_t times_ms[GRID + 2]; /* of messages evenly between them; 0: not known yet */
};

struct candidate {
    int64_t id;
    double score, time_ms; /* the time is about right */
    size_t scan;
};

struct limits {
    int64_t deadline_us, last_us; /* the second one for a window that was begun on another page */
    int64_t step_us;              /* in one scan, before the next newest one gets its turn */
    size_t step_hits;             /* that a step is to find, about */
};

struct search {
    struct query query;
    struct parts *parts;
    struct scan *scans;
    size_t scan_count, scan_room;
    bool is_cut;             /* there are more */
    size_t steps;            /* of scans, in this search */
    int64_t looked, matched; /* messages that were looked at, about, and hits among them */
    struct candidate *candidates;
    size_t candidate_count, candidate_room;
    struct search_hit hits[RULE_SEARCH_RESULTS];
    struct str json[RULE_SEARCH_RESULTS], found[RULE_SEARCH_RESULTS];
    struct str names; /* of streams and epochs, those of a hit behind each other */
};

/* ---- what is looked through ---- */

static bool find(struct file *f, enum statement which, int64_t low, int64_t high, int64_t *id,
                 int64_t *time_ms)
{
    sqlite3_stmt *s = file_statement(f, which);

    bind_number(s, 1, low);
    bind_number(s, 2, high);
    const bool found = file_row(f, s);
    if (found) {
        *id = sqlite3_column_int64(s, 0);
        *time_ms = sqlite3_column_int64(s, 1);
    }
    sqlite3_reset(s);
    return found;
}

/* Cuts a scan to the window; false when nothing is left. */
static bool scan_cut(struct file *f, struct scan *scan, const struct cursor *c, int64_t own_ms)
{
    const int64_t since_ms = c->since_ms > own_ms ? c->since_ms : own_ms;
    int64_t began_ms;

    if (!find(f, STATEMENT_LAST, scan->low, scan->high, &scan->high, &scan->time_ms) ||
        scan->time_ms < since_ms ||
        !find(f, STATEMENT_FIRST, scan->low, scan->high, &scan->oldest, &began_ms))
        return false;
    scan->low = scan->oldest;
    if (since_ms > 0)
        scan->low = message_at(f, scan->low, scan->high, since_ms);
    if (scan->time_ms >= c->until_ms) {
        scan->high = message_at(f, scan->low, scan->high, c->until_ms) - 1;
        if (!find(f, STATEMENT_LAST, scan->low, scan->high, &scan->high, &scan->time_ms))
            return false;
    }
    scan->newest = scan->high;
    return scan->low <= scan->high;
}

/* "d:NAME" is all conversations of NAME. Epochs that were made last come first. */
static void scan_add_epochs(struct file *f, const char *stream, const struct cursor *c,
                            int64_t own_ms)
{
    struct search *s = f->search;
    const bool is_person = strncmp(stream, "d:", 2) == 0 && strchr(stream, '|') == NULL;
    sqlite3_stmt *epochs =
        file_statement(f, is_person ? STATEMENT_SEARCH_CONVERSATIONS : STATEMENT_SEARCH_EPOCHS);

    bind_textz(epochs, 1, is_person ? stream + 2 : stream);
    while (file_row(f, epochs)) {
        const int64_t epoch = sqlite3_column_int64(epochs, 0);
        struct scan scan = { .low = epoch_low(epoch), .high = epoch_high(epoch) };
        if (!scan_cut(f, &scan, c, stream[0] == 'd' ? own_ms : 0))
            continue;
        if (s->scan_count == SEARCH_EPOCHS_MOST) {
            s->is_cut = true;
            break;
        }
        if (s->scan_count == s->scan_room) {
            s->scan_room = s->scan_room == 0 ? 16 : 2 * s->scan_room;
            s->scans = xrealloc(s->scans, s->scan_room * sizeof *s->scans);
        }
        s->scans[s->scan_count++] = scan;
    }
    sqlite3_reset(epochs);
}

/* The one with the newest message that was not looked at; NULL: nothing is left. */
static struct scan *scan_next(const struct search *s)
{
    struct scan *next = NULL;

    for (size_t i = 0; i < s->scan_count; i++) {
        struct scan *scan = &s->scans[i];
        if (scan->low <= scan->high && (next == NULL || scan->time_ms > next->time_ms))
            next = scan;
    }
    return next;
}

static void candidate_add(struct search *s, const struct candidate *c)
{
    if (s->candidate_count == s->candidate_room) {
        s->candidate_room = s->candidate_room == 0 ? 256 : 2 * s->candidate_room;
        s->candidates = xrealloc(s->candidates, s->candidate_room * sizeof *s->candidates);
    }
    s->candidates[s->candidate_count++] = *c;
}

/* When a message was sent, about. Between the times of 64 messages of the epoch it is by the rule of
 * three, which spares reading each candidate; the same on every page of a window. */
static double time_about(struct file *f, struct scan *scan, int64_t id)
{
    const int64_t block = (scan->newest - scan->oldest) / GRID + 1;
    const int64_t i = (id - scan->oldest) / block, begin = scan->oldest + i * block;
    const int64_t size = scan->newest - begin < block ? scan->newest - begin : block;

    for (int64_t j = i; j <= i + 1; j++) {
        const int64_t from = scan->oldest + j * block;
        int64_t at;
        if (scan->times_ms[j] == 0 &&
            !find(f, STATEMENT_FIRST, from, scan->newest, &at, &scan->times_ms[j]))
            find(f, STATEMENT_LAST, scan->oldest, scan->newest, &at, &scan->times_ms[j]);
    }
    const double part = size > 0 ? (double)(id - begin) / (double)size : 0;
    return (double)scan->times_ms[i] * (1 - part) + (double)scan->times_ms[i + 1] * part;
}

/* Newer is better: half a point for now, a quarter for a month ago. */
static double freshness(double age_ms)
{
    return 0.5 / (1 + (age_ms > 0 ? age_ms : 0) / (double)MONTH_MS);
}

/* The one that has this id; NULL: nothing that may be looked at has it. */
static struct scan *scan_of(const struct search *s, int64_t id)
{
    size_t low = 0, high = s->scan_count; /* they are in the order of ids */

    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (id > s->scans[middle].high)
            low = middle + 1;
        else if (id < s->scans[middle].low)
            high = middle;
        else
            return &s->scans[middle];
    }
    return NULL;
}

/* Candidates of low … high. Downwards: the newest `most` of them as far as time goes; returns the
 * lowest id that was looked at. Upwards: all of them; when they are `most` or time is over none, and
 * high + 1. */
static int64_t match(struct file *f, enum statement which, int64_t low, int64_t high, size_t most,
                     int64_t deadline_us)
{
    struct search *s = f->search;
    const size_t begin = s->candidate_count;
    sqlite3_stmt *matches = file_statement(f, which);

    bind_text(matches, 1, s->query.match.data, s->query.match.size);
    bind_number(matches, 2, low);
    bind_number(matches, 3, high);
    sqlite3_bind_pointer(matches, 4, &s->query, QUERY_POINTER, NULL);
    while (file_row(f, matches)) {
        const int64_t id = sqlite3_column_int64(matches, 0);
        const bool is_hit = sqlite3_column_type(matches, 1) != SQLITE_NULL;
        struct scan *scan = is_hit ? scan_of(s, id) : NULL;
        if (scan != NULL) {
            const struct candidate c = { .id = id,
                                         .score = sqlite3_column_double(matches, 1),
                                         .time_ms = time_about(f, scan, id),
                                         .scan = (size_t)(scan - s->scans) };
            candidate_add(s, &c);
        }
        if (s->candidate_count - begin < most && clock_mono_us() < deadline_us)
            continue;
        low = id;
        if (which == STATEMENT_SEARCH_MATCH_UP) {
            s->candidate_count = begin;
            low = high + 1;
        }
        break;
    }
    sqlite3_reset(matches);
    return low;
}

/* Looks at the next messages of a scan, and moves it on. To begin in the middle of the index costs
 * FTS5 several times as much downwards as it does upwards (fts5SegIterReverseInitPage()), and here
 * that is most of what a step costs: so where it is known how many messages have some hits, those
 * are looked at upwards. */
static void scan_step(struct file *f, struct scan *scan, const struct limits *limits)
{
    struct search *s = f->search;
    const int64_t high = scan->high, wanted = (int64_t)limits->step_hits;
    const int64_t before = (int64_t)s->candidate_count;
    const int64_t size = s->looked > 0 ? wanted * s->looked / (s->matched + 1) + 1 : 0;
    int64_t low = high + 1, id;

    if (size > 0)
        low = match(f, STATEMENT_SEARCH_MATCH_UP, high - scan->low < size ? scan->low : high - size,
                    high, STEP_HITS_OVER * limits->step_hits, clock_mono_us() + limits->step_us);
    if (low > high)
        low = match(f, STATEMENT_SEARCH_MATCH, scan->low, high, limits->step_hits,
                    clock_mono_us() + limits->step_us);
    s->looked += high - low + 1;
    s->matched += (int64_t)s->candidate_count - before;
    scan->high = low - 1;
    if (find(f, STATEMENT_LAST, scan->low, scan->high, &scan->high, &scan->time_ms))
        return;
    scan->low = low;
    scan->high = low - 1;
    find(f, STATEMENT_FIRST, low, high, &id, &scan->time_ms);
}

/* Takes out what is older than since_ms. */
static void drop_older(struct file *f, int64_t since_ms)
{
    struct search *s = f->search;
    int64_t *from = xcalloc(s->scan_count, sizeof *from); /* 0: not known yet */
    size_t kept = 0;

    for (size_t i = 0; i < s->candidate_count; i++) {
        const struct candidate c = s->candidates[i];
        const struct scan *scan = &s->scans[c.scan];
        if (from[c.scan] == 0)
            from[c.scan] = scan->time_ms >= since_ms
                               ? scan->high + 1
                               : message_at(f, scan->high + 1, scan->newest, since_ms);
        if (c.id >= from[c.scan])
            s->candidates[kept++] = c;
    }
    s->candidate_count = kept;
    free(from);
}

/* Are there enough candidates that are newer than all that was not looked at? */
static bool is_filled(const struct search *s, const struct scan *next)
{
    size_t newer = 0;

    if (s->candidate_count < ENOUGH)
        return false;
    for (size_t i = 0; i < s->candidate_count; i++)
        newer += s->candidates[i].time_ms > (double)next->time_ms;
    return newer >= ENOUGH;
}

/* Whoever turns a page sees the window that the first page had; a window has something of each
 * scan; and what is at one millisecond belongs to one window, where there is time. */
static bool is_enough(const struct search *s, const struct scan *next, const struct cursor *c,
                      const struct limits *limits)
{
    const int64_t now_us = clock_mono_us();

    if (now_us >= limits->last_us)
        return true;
    if (c->next > 0)
        return false;
    return is_filled(s, next) || (now_us >= limits->deadline_us && s->steps >= s->scan_count &&
                                  next->time_ms + 1 < c->until_ms);
}

/* Until time is up or there are enough candidates; then the window ends at the time that it came
 * to: everything in it was looked at, whichever scan it is in. */
static void look_by_time(struct file *f, struct cursor *c, const struct limits *limits)
{
    struct search *s = f->search;
    struct scan *scan;

    while ((scan = scan_next(s)) != NULL && !is_enough(s, scan, c, limits) &&
           f->status == SINK_OK) {
        scan_step(f, scan, limits);
        s->steps++;
    }
    if (scan == NULL)
        return;
    /* At least a millisecond on, or the next window would be the same one. */
    c->since_ms = scan->time_ms + 1 < c->until_ms ? scan->time_ms + 1 : c->until_ms - 1;
    drop_older(f, c->since_ms);
}

/* Looks through all scans at once, and what lies between them, since each statement has to find its
 * place in every part of the index anew. Where matches are rare, that is all that is needed: the
 * window ends at the id that it came to. False: they are not; newest ones first, then. */
static bool look_by_id(struct file *f, struct cursor *c, const struct limits *limits)
{
    struct search *s = f->search;
    const int64_t low = s->scans[0].low, high = s->scans[s->scan_count - 1].high;

    if (c->goes_on && c->high == 0)
        return false;
    if (c->high == 0 || c->high > high)
        c->high = high;
    if (c->next > 0) {
        match(f, STATEMENT_SEARCH_MATCH, c->low, c->high, SIZE_MAX, limits->last_us);
        return true;
    }
    const size_t most = c->goes_on ? SEARCH_CANDIDATES : RARE;
    c->low = match(f, STATEMENT_SEARCH_MATCH, low, c->high, most, limits->deadline_us);
    if (s->candidate_count < most || c->goes_on)
        return true;
    for (size_t i = 0; i < s->scan_count; i++) {
        const struct scan *scan = &s->scans[i];
        if (scan->high >= c->low)
            s->looked += scan->high - (scan->low > c->low ? scan->low : c->low) + 1;
    }
    s->matched = (int64_t)s->candidate_count;
    s->candidate_count = 0;
    c->low = c->high = 0;
    return false;
}

static void look_through(struct file *f, struct cursor *c, int64_t budget_us, int64_t late_us)
{
    struct search *s = f->search;
    const size_t scans = s->scan_count > 0 ? s->scan_count : 1; /* no division by 0 */
    const size_t share = SEARCH_CANDIDATES / scans;
    const int64_t now_us = clock_mono_us(), share_us = budget_us / (int64_t)scans;
    const struct limits limits = {
        .deadline_us = now_us + budget_us,
        .last_us = now_us + budget_us + late_us,
        .step_us = scans == 1 || share_us > STEP_US ? share_us : STEP_US,
        .step_hits = share > STEP_HITS_LEAST ? share : STEP_HITS_LEAST,
    };

    s->looked = s->matched = 0;
    s->steps = 0;
    if (s->scan_count == 0)
        return;
    const bool has_many = s->scan_count > 1 || c->high != 0;
    if (!has_many || !look_by_id(f, c, &limits))
        look_by_time(f, c, &limits);
}

static int best_first(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;

    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->id > b->id ? -1 : a->id < b->id;
}

/* ---- what is shown ---- */

static bool add_names(struct file *f, int64_t epoch)
{
    struct str *names = &f->search->names;
    sqlite3_stmt *s = file_statement(f, STATEMENT_EPOCH_NAME);

    bind_number(s, 1, epoch);
    const bool found = file_row(f, s);
    for (int i = 0; i < 2 && found; i++) {
        const char *name = (const char *)sqlite3_column_text(s, i);
        str_add(names, name, strlen(name) + 1);
    }
    sqlite3_reset(s);
    return found;
}

/* False: it is not shown. */
static bool add_hit(struct file *f, const struct candidate *c, size_t i)
{
    struct search *s = f->search;
    sqlite3_stmt *row = file_statement(f, STATEMENT_SEARCH_HIT);

    bind_number(row, 1, c->id);
    const bool found = file_row(f, row);
    if (found) {
        str_reset(&s->json[i]);
        str_reset(&s->found[i]);
        str_add(&s->json[i], sqlite3_column_text(row, 0), (size_t)sqlite3_column_bytes(row, 0));
        parts_add(s->parts, i, (const char *)sqlite3_column_text(row, 1),
                  (size_t)sqlite3_column_bytes(row, 1));
        s->hits[i] = (struct search_hit){ .score = c->score };
    }
    sqlite3_reset(row);
    return found && add_names(f, epoch_of(c->id));
}

static void set_texts(struct search *s, size_t count)
{
    const char *at = s->names.data; /* which has stopped moving */

    for (size_t i = 0; i < count; i++) {
        s->hits[i].epoch = at;
        at += strlen(at) + 1;
        s->hits[i].stream = at;
        at += strlen(at) + 1;
        s->hits[i].json = s->json[i].data;
        s->hits[i].json_size = s->json[i].size;
        s->hits[i].parts = s->found[i].data != NULL ? s->found[i].data : "[\"\"]";
    }
}

static void show(struct file *f, struct cursor *c, unsigned limit, struct search_result *out)
{
    struct search *s = f->search;

    for (size_t i = 0; i < s->candidate_count; i++) {
        struct candidate *candidate = &s->candidates[i];
        candidate->score += freshness((double)c->until_ms - candidate->time_ms);
    }
    if (s->candidate_count > 1)
        qsort(s->candidates, s->candidate_count, sizeof *s->candidates, best_first);
    parts_clear(s->parts);
    str_reset(&s->names);
    for (; c->next < s->candidate_count && out->count < limit; c->next++)
        out->count += add_hit(f, &s->candidates[c->next], out->count);
    const int rc = parts_find(s->parts, &s->query.plain, s->found);
    if (rc != SQLITE_OK)
        file_fail(f, SINK_IO, sqlite3_errstr(rc));
    set_texts(s, out->count);
    out->hits = s->hits;
}

/* ---- a search ---- */

static struct search *search_of(struct file *f)
{
    if (f->search != NULL)
        return f->search;
    f->search = xcalloc(1, sizeof(*f->search));
    f->search->parts = parts_new();
    if (query_init(&f->search->query, f->db) == SQLITE_OK && f->search->parts != NULL)
        return f->search;
    search_free(f->search);
    f->search = NULL;
    file_fail(f, SINK_IO, "SQLite has no FTS5 with the tokenizer confab");
    return NULL;
}

void search_free(struct search *s)
{
    if (s == NULL)
        return;
    query_fini(&s->query);
    parts_free(s->parts);
    free(s->scans);
    free(s->candidates);
    for (size_t i = 0; i < RULE_SEARCH_RESULTS; i++) {
        str_fini(&s->json[i]);
        str_fini(&s->found[i]);
    }
    str_fini(&s->names);
    free(s);
}

static int by_id(const void *left, const void *right)
{
    const struct scan *a = left, *b = right;

    return a->low < b->low ? -1 : a->low > b->low;
}

static void set_scans(struct file *f, const struct search_query *q, struct cursor *c)
{
    struct search *s = f->search;
    int64_t newest_ms = 0;

    s->scan_count = s->candidate_count = 0;
    s->is_cut = false;
    for (size_t i = 0; i < q->stream_count; i++)
        scan_add_epochs(f, q->streams[i], c, q->own_ms);
    for (size_t i = 0; i < s->scan_count; i++) {
        if (s->scans[i].time_ms > newest_ms)
            newest_ms = s->scans[i].time_ms;
    }
    if (s->scan_count > 1)
        qsort(s->scans, s->scan_count, sizeof *s->scans, by_id);
    /* What comes from now on does not move the pages that follow. */
    if (newest_ms < c->until_ms)
        c->until_ms = newest_ms + 1;
}

/* What is next: more of this window, or the window behind it. */
static void set_cursor(const struct search *s, const struct search_query *q, struct cursor *c,
                       struct search_result *out)
{
    const bool has_ids = c->high != 0;
    const bool is_shown = c->next >= s->candidate_count;
    const int64_t since_ms = q->since_ms > 0 ? q->since_ms : 0;
    const bool is_end =
        s->scan_count == 0 || (has_ids ? c->low <= s->scans[0].low : c->since_ms <= since_ms);

    out->partial = !is_end || s->is_cut;
    if (is_shown && is_end)
        return;
    if (is_shown && has_ids)
        *c = (struct cursor){ .search = c->search, .until_ms = c->until_ms, .high = c->low - 1 };
    else if (is_shown)
        *c = (struct cursor){ .search = c->search, .until_ms = c->since_ms };
    cursor_write(c, out->cursor);
}

static uint64_t behind(struct file *f)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_SEARCH_BEHIND);

    bind_number(s, 1, SEARCH_BEHIND_MOST);
    return (uint64_t)file_number(f, s, 0);
}

enum sink_status search_within(struct file *f, const struct search_query *q, int64_t budget_us,
                               int64_t late_us, struct search_result *out)
{
    struct cursor c;

    *out = (struct search_result){ .refused = ERROR_BAD_CURSOR };
    if (!cursor_init(&c, q))
        return SINK_OK;
    if (!file_begin(f, false))
        return f->status;
    struct search *s = search_of(f);
    if (fact_number(f, "indexes", 1) == 0) /* the writer says it, perhaps while this one reads */
        out->refused = ERROR_SEARCH_OFF;
    else if (s != NULL)
        out->refused = query_read(&s->query, q->q, q->user);
    if (s != NULL && out->refused == ERROR_NONE) {
        out->behind = behind(f);
        set_scans(f, q, &c);
        look_through(f, &c, budget_us, late_us);
        show(f, &c, q->limit, out);
        set_cursor(s, q, &c, out);
    }
    return file_end(f);
}

enum sink_status sqlite_search(void *sink, const struct search_query *q, struct search_result *out)
{
    return search_within(sink, q, SEARCH_BUDGET_US, SEARCH_LATE_US, out);
}

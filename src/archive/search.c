/* A search looks at the newest messages first, slice by slice, until it has enough or its time is
 * up. Neither bm25() nor ORDER BY rank: both visit every message that matches (fts5Bm25GetData(),
 * ext/fts5/fts5_aux.c), and a common word in a large archive has millions of them. */
#include "search.h"

#include "query.h"
#include "token.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SLICE_FIRST = 8192, /* message numbers that the first statement looks at */
    SLICE_LEAST = 1024,
    SLICE_FAST_US = 1500, /* it was quicker: the next one is four times as large */
    SLICE_SLOW_US = 6000, /* it was slower: a quarter */
    SLICE_HITS_LEAST = 16,
    LATE_US = 200000,
    GRID = 64,
    CURSOR_TIME_DIGITS = 12,
    CURSOR_DIGITS = 16 + 2 * CURSOR_TIME_DIGITS + 4,
};

static const int64_t MONTH_MS = INT64_C(30) * 24 * 3600 * 1000;
static const int64_t TIME_MOST_MS = (INT64_C(1) << 4 * CURSOR_TIME_DIGITS) - 1;

/* An epoch that is looked through from its newest message down. */
struct scan {
    int64_t low, high; /* ids that are left; high < low: none */
    int64_t time_ms; /* of the newest message in them; when none is left, of the oldest there was */
    const char *stream;
    char epoch[RULE_EPOCH_BYTES + 1];
    int64_t oldest;             /* id of the epoch's first message; 0: not known yet */
    int64_t newest;             /* of its last one before the window ends */
    int64_t times_ms[GRID + 2]; /* of messages evenly between them; 0: not known yet */
};

struct candidate {
    int64_t id;
    double score;
    size_t scan;
};

/* The window of time that an answer is from, and how many of its candidates were shown. */
struct cursor {
    uint64_t search;            /* hash of what is searched for */
    int64_t since_ms, until_ms; /* since ≤ time < until */
    uint64_t next;
};

struct search {
    struct query query;
    struct str match; /* the expression */
    struct scan *scans;
    size_t scan_count, scan_room;
    struct candidate *candidates;
    size_t candidate_count, candidate_room;
    int64_t slice; /* numbers that the next statement looks at */
    struct search_hit hits[RULE_SEARCH_RESULTS];
    struct str texts[RULE_SEARCH_RESULTS]; /* of each hit, with a NUL behind each text */
};

/* ---- the ranking ---- */

/* Sum over the words and phrases of tf / (tf + 1.2), where tf says how often one stands in the
 * content: the form of Okapi BM25 without its weights of rare words, which all hits share, since
 * each has all words. */
static void score(const Fts5ExtensionApi *fts5, Fts5Context *row, sqlite3_context *out, int count,
                  sqlite3_value **values)
{
    double sum = 0;

    (void)count, (void)values;
    for (int phrase = 0; phrase < fts5->xPhraseCount(row); phrase++) {
        Fts5PhraseIter at;
        int column, offset;
        unsigned times = 0;
        const int rc = fts5->xPhraseFirst(row, phrase, &at, &column, &offset);
        if (rc != SQLITE_OK) {
            sqlite3_result_error_code(out, rc);
            return;
        }
        for (; column == 0; fts5->xPhraseNext(row, &at, &column, &offset))
            times++;
        sum += times / (times + 1.2);
    }
    sqlite3_result_double(out, sum);
}

int search_register(sqlite3 *db)
{
    fts5_api *fts5 = token_fts5(db);

    return fts5 == NULL ? SQLITE_ERROR
                        : fts5->xCreateFunction(fts5, "confab_score", NULL, score, NULL);
}

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
static bool scan_cut(struct file *f, struct scan *scan, const struct cursor *c)
{
    if (!find(f, STATEMENT_LAST, scan->low, scan->high, &scan->high, &scan->time_ms) ||
        scan->time_ms < c->since_ms)
        return false;
    if (c->since_ms > 0)
        scan->low = message_at(f, scan->low, scan->high, c->since_ms);
    if (scan->time_ms >= c->until_ms) {
        scan->high = message_at(f, scan->low, scan->high, c->until_ms) - 1;
        if (!find(f, STATEMENT_LAST, scan->low, scan->high, &scan->high, &scan->time_ms))
            return false;
    }
    scan->newest = scan->high;
    return scan->low <= scan->high;
}

static void scan_add_epochs(struct file *f, const char *stream, const struct cursor *c)
{
    struct search *s = f->search;
    const int64_t id = stream_find(f, stream);
    sqlite3_stmt *epochs = file_statement(f, STATEMENT_SEARCH_EPOCHS);

    bind_number(epochs, 1, id);
    while (file_row(f, epochs)) {
        const int64_t epoch = sqlite3_column_int64(epochs, 0);
        struct scan scan = { .low = epoch_low(epoch), .high = epoch_high(epoch), .stream = stream };
        if (!scan_cut(f, &scan, c))
            continue;
        text_copy(scan.epoch, sizeof scan.epoch, (const char *)sqlite3_column_text(epochs, 1));
        if (s->scan_count == s->scan_room) {
            s->scan_room = s->scan_room == 0 ? 16 : 2 * s->scan_room;
            s->scans = xrealloc(s->scans, s->scan_room * sizeof *s->scans);
        }
        s->scans[s->scan_count++] = scan;
    }
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
    int64_t ignored;

    if (scan->oldest == 0)
        find(f, STATEMENT_FIRST, epoch_low(epoch_of(id)), id, &scan->oldest, &ignored);
    const int64_t block = (scan->newest - scan->oldest) / GRID + 1;
    const int64_t i = (id - scan->oldest) / block;

    for (int64_t j = i; j <= i + 1; j++) {
        const int64_t from = scan->oldest + j * block;
        int64_t at;
        if (scan->times_ms[j] == 0 &&
            !find(f, STATEMENT_FIRST, from, scan->newest, &at, &scan->times_ms[j]))
            find(f, STATEMENT_LAST, scan->oldest, scan->newest, &at, &scan->times_ms[j]);
    }
    const double part = (double)(id - scan->oldest - i * block) / (double)block;
    return (double)scan->times_ms[i] * (1 - part) + (double)scan->times_ms[i + 1] * part;
}

/* Newer is better: half a point for now, a quarter for a month ago. */
static double freshness(double age_ms)
{
    return 0.5 / (1 + (age_ms > 0 ? age_ms : 0) / (double)MONTH_MS);
}

/* Candidates of low … high, the newest `most` of them. Returns the lowest id that was looked at. */
static int64_t match(struct file *f, size_t scan, int64_t low, int64_t high, size_t most)
{
    struct search *s = f->search;
    sqlite3_stmt *matches = file_statement(f, STATEMENT_SEARCH_MATCH);
    size_t found = 0;

    bind_text(matches, 1, s->match.data, s->match.size);
    bind_number(matches, 2, low);
    bind_number(matches, 3, high);
    while (found < most && file_row(f, matches)) {
        const struct candidate c = { .id = sqlite3_column_int64(matches, 0),
                                     .score = sqlite3_column_double(matches, 1),
                                     .scan = scan };
        candidate_add(s, &c);
        if (++found == most)
            low = c.id;
    }
    sqlite3_reset(matches);
    return low;
}

/* Looks at the next numbers of a scan, and moves it on. */
static void scan_slice(struct file *f, struct scan *scan, size_t most)
{
    struct search *s = f->search;
    const int64_t began_us = clock_mono_us();
    const int64_t high = scan->high;
    int64_t low = high - scan->low >= s->slice ? high - s->slice + 1 : scan->low, id;

    low = match(f, (size_t)(scan - s->scans), low, high, most);
    scan->high = low - 1;
    if (!find(f, STATEMENT_LAST, scan->low, scan->high, &scan->high, &scan->time_ms)) {
        scan->low = low;
        scan->high = low - 1;
        find(f, STATEMENT_FIRST, low, high, &id, &scan->time_ms);
    }

    const int64_t took_us = clock_mono_us() - began_us;
    if (took_us < SLICE_FAST_US && s->slice < UINT32_MAX)
        s->slice *= 4;
    else if (took_us > SLICE_SLOW_US && s->slice > SLICE_LEAST)
        s->slice /= 4;
}

/* Takes out what is older than since_ms. */
static void drop_older(struct file *f, int64_t since_ms)
{
    struct search *s = f->search;
    int64_t *from = xcalloc(s->scan_count, sizeof *from); /* 0: not known yet */
    size_t kept = 0;

    for (size_t i = 0; i < s->candidate_count; i++) { /* of one scan the newest comes first */
        const struct candidate c = s->candidates[i];
        const struct scan *scan = &s->scans[c.scan];
        if (from[c.scan] == 0)
            from[c.scan] = scan->time_ms >= since_ms
                               ? scan->high + 1
                               : message_at(f, scan->high + 1, c.id, since_ms);
        if (c.id >= from[c.scan])
            s->candidates[kept++] = c;
    }
    s->candidate_count = kept;
    free(from);
}

/* Whoever turns a page sees the window that the first page had, and what is at one millisecond
 * belongs to one window, where that takes no more than LATE_US. */
static bool is_enough(const struct search *s, const struct scan *next, const struct cursor *c,
                      size_t enough, int64_t deadline_us)
{
    const int64_t now_us = clock_mono_us();

    if (now_us >= deadline_us + LATE_US)
        return true;
    if (c->next > 0) /* the next page of a window, which had its time */
        return false;
    if (s->candidate_count >= enough)
        return true;
    return now_us >= deadline_us && next->time_ms + 1 < c->until_ms;
}

/* Looks through the window until its time is up or there are enough candidates; then the window
 * ends where it came to: everything in it was looked at, whichever stream it is in. */
static void look_through(struct file *f, struct cursor *c, int64_t deadline_us)
{
    struct search *s = f->search;
    struct scan *scan;
    /* Of streams with much the next slice may be far older than that of others. What is cut off
     * for that is the last slice of each but one. */
    const size_t streams = s->scan_count > 0 ? s->scan_count : 1;
    size_t most = SEARCH_CANDIDATES / streams;
    if (most < SLICE_HITS_LEAST)
        most = SLICE_HITS_LEAST;
    const size_t enough = SEARCH_CANDIDATES + (streams - 1) * most;

    s->slice = SLICE_FIRST;
    while ((scan = scan_next(s)) != NULL && !is_enough(s, scan, c, enough, deadline_us) &&
           f->status == SINK_OK)
        scan_slice(f, scan, most);
    if (scan == NULL)
        return;
    /* At least a millisecond on, or the next window would be the same one. */
    c->since_ms = scan->time_ms + 1 < c->until_ms ? scan->time_ms + 1 : c->until_ms - 1;
    drop_older(f, c->since_ms);
}

static int best_first(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;

    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->id > b->id ? -1 : a->id < b->id;
}

/* ---- what is shown ---- */

/* Appends what snippet() gave, quoted by SQLite, as an array: U+0002 and U+0003 stand before and
 * behind what was found. A content may have them too: what does not come in turn is left out. */
static void add_parts(struct str *out, const char *quoted)
{
    bool is_hit = false;

    str_addc(out, '[');
    for (const char *s = quoted; *s != '\0'; s++) {
        const bool is_mark = strncmp(s, "\\u0002", 6) == 0 || strncmp(s, "\\u0003", 6) == 0;
        if (is_mark) {
            if (is_hit == (s[5] == '3')) {
                str_addz(out, "\",\"");
                is_hit = !is_hit;
            }
            s += 5;
        } else {
            str_addc(out, *s);
            if (*s == '\\')
                str_addc(out, *++s);
        }
    }
    str_addc(out, ']');
}

/* False: it is not shown. */
static bool add_hit(struct file *f, const struct candidate *c, struct search_hit *hit,
                    struct str *texts)
{
    const struct scan *scan = &f->search->scans[c->scan];
    sqlite3_stmt *s = file_statement(f, STATEMENT_SEARCH_HIT);

    bind_number(s, 1, c->id);
    const bool found = file_row(f, s);
    if (found) {
        hit->json_size = (size_t)sqlite3_column_bytes(s, 0);
        str_reset(texts);
        str_add(texts, sqlite3_column_text(s, 0), hit->json_size);
        str_addc(texts, '\0');
    }
    sqlite3_reset(s);
    if (!found)
        return false;
    const size_t stream = texts->size;
    str_add(texts, scan->stream, strlen(scan->stream) + 1);
    const size_t epoch = texts->size;
    str_add(texts, scan->epoch, strlen(scan->epoch) + 1);
    const size_t parts = texts->size;
    s = file_statement(f, STATEMENT_SEARCH_PARTS);
    bind_text(s, 1, f->search->match.data, f->search->match.size);
    bind_number(s, 2, c->id);
    if (file_row(f, s))
        add_parts(texts, (const char *)sqlite3_column_text(s, 0));
    sqlite3_reset(s);
    hit->json = texts->data;
    hit->stream = texts->data + stream;
    hit->epoch = texts->data + epoch;
    hit->parts = texts->data + parts;
    hit->score = c->score;
    return f->status == SINK_OK;
}

static void show(struct file *f, struct cursor *c, unsigned limit, struct search_result *out)
{
    struct search *s = f->search;

    for (size_t i = 0; i < s->candidate_count; i++) {
        struct candidate *candidate = &s->candidates[i];
        const double time_ms = time_about(f, &s->scans[candidate->scan], candidate->id);
        candidate->score += freshness((double)c->until_ms - time_ms);
    }
    qsort(s->candidates, s->candidate_count, sizeof *s->candidates, best_first);
    for (; c->next < s->candidate_count && out->count < limit; c->next++) {
        if (add_hit(f, &s->candidates[c->next], &s->hits[out->count], &s->texts[out->count]))
            out->count++;
    }
    out->hits = s->hits;
}

/* ---- cursors ---- */

static uint64_t hash_add(uint64_t hash, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) /* FNV-1a, RFC 9923 section 2 */
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Of what the asker chose. One stream is a choice; many are what may be read, which changes. */
static uint64_t hash_of(const struct search_query *q)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    hash = hash_add(hash, q->q, strlen(q->q) + 1);
    if (q->user != NULL)
        hash = hash_add(hash, q->user, strlen(q->user));
    hash = hash_add(hash, &q->since_ms, sizeof q->since_ms);
    hash = hash_add(hash, &q->until_ms, sizeof q->until_ms);
    if (q->stream_count == 1)
        hash = hash_add(hash, q->streams[0], strlen(q->streams[0]));
    return hash;
}

static void cursor_write(char *out, const struct cursor *c)
{
    snprintf(out, SINK_CURSOR_BYTES + 1, "%016" PRIx64 "%0*" PRIx64 "%0*" PRIx64 "%04" PRIx64,
             c->search, CURSOR_TIME_DIGITS, (uint64_t)c->since_ms, CURSOR_TIME_DIGITS,
             (uint64_t)c->until_ms, c->next);
}

static uint64_t digits(const char **text, int count)
{
    char part[17];
    const char *begin = *text;

    snprintf(part, sizeof part, "%.*s", count, begin);
    *text = begin + count;
    return strtoull(part, NULL, 16);
}

/* False: it is not of this search. What is in it can only make the window smaller. */
static bool cursor_read(const char *text, struct cursor *out)
{
    if (strlen(text) != CURSOR_DIGITS || strspn(text, "0123456789abcdef") != CURSOR_DIGITS)
        return false;
    const uint64_t search = digits(&text, 16);
    const int64_t since_ms = (int64_t)digits(&text, CURSOR_TIME_DIGITS);
    const int64_t until_ms = (int64_t)digits(&text, CURSOR_TIME_DIGITS);
    out->next = digits(&text, 4);
    if (since_ms > out->since_ms)
        out->since_ms = since_ms;
    if (until_ms < out->until_ms)
        out->until_ms = until_ms;
    return search == out->search;
}

/* What is shown next: more of this window, or the window before it. */
static void set_cursor(const struct search *s, const struct search_query *q, struct cursor *c,
                       struct search_result *out)
{
    const bool is_shown = c->next >= s->candidate_count;

    out->partial = c->since_ms > q->since_ms;
    if (is_shown && !out->partial)
        return;
    if (is_shown)
        *c = (struct cursor){ .search = c->search, .until_ms = c->since_ms };
    cursor_write(out->cursor, c);
}

/* ---- a search ---- */

static struct search *search_of(struct file *f)
{
    if (f->search == NULL) {
        f->search = xcalloc(1, sizeof(*f->search));
        const int rc = query_init(&f->search->query, f->db);
        if (rc != SQLITE_OK)
            file_failed(f, rc);
    }
    return f->search;
}

void search_free(struct search *s)
{
    if (s == NULL)
        return;
    query_fini(&s->query);
    str_fini(&s->match);
    free(s->scans);
    free(s->candidates);
    for (size_t i = 0; i < RULE_SEARCH_RESULTS; i++)
        str_fini(&s->texts[i]);
    free(s);
}

/* ERROR_NONE, or ERROR_BAD_QUERY. */
static enum error_code set_match(struct search *s, const struct search_query *q)
{
    str_reset(&s->match);
    const enum error_code refused = query_build(&s->query, q->q, &s->match);
    if (refused == ERROR_NONE && q->user != NULL && *q->user != '\0') {
        str_addz(&s->match, " AND author : \"");
        for (const char *c = q->user; *c != '\0'; c++) /* as the view `searchable` has it */
            str_addf(&s->match, "%02x", (unsigned char)*c);
        str_addc(&s->match, '"');
    }
    return refused;
}

static void set_scans(struct file *f, const struct search_query *q, struct cursor *c)
{
    struct search *s = f->search;
    int64_t newest_ms = 0;

    s->scan_count = s->candidate_count = 0;
    for (size_t i = 0; i < q->stream_count; i++)
        scan_add_epochs(f, q->streams[i], c);
    for (size_t i = 0; i < s->scan_count; i++) {
        if (s->scans[i].time_ms > newest_ms)
            newest_ms = s->scans[i].time_ms;
    }
    /* What comes from now on does not move the pages that follow. */
    if (newest_ms < c->until_ms)
        c->until_ms = newest_ms + 1;
}

enum sink_status search_within(struct file *f, const struct search_query *q, int64_t budget_us,
                               struct search_result *out)
{
    const int64_t deadline_us = clock_mono_us() + budget_us;
    struct cursor c = { .search = hash_of(q),
                        .since_ms = q->since_ms,
                        .until_ms = q->until_ms > 0 && q->until_ms < TIME_MOST_MS ? q->until_ms
                                                                                  : TIME_MOST_MS };

    *out = (struct search_result){ 0 };
    if (q->cursor != NULL && *q->cursor != '\0' && !cursor_read(q->cursor, &c)) {
        out->refused = ERROR_BAD_CURSOR;
        return SINK_OK;
    }
    if (!file_begin(f, false))
        return f->status;
    struct search *s = search_of(f);
    if (f->status == SINK_OK)
        out->refused = set_match(s, q);
    if (f->status == SINK_OK && out->refused == ERROR_NONE) {
        sqlite3_stmt *behind = file_statement(f, STATEMENT_SEARCH_BEHIND);
        bind_number(behind, 1, SEARCH_BEHIND_MOST);
        out->behind = (uint64_t)file_number(f, behind, 0);
        set_scans(f, q, &c);
        look_through(f, &c, deadline_us);
        show(f, &c, q->limit, out);
        set_cursor(s, q, &c, out);
    }
    return file_end(f);
}

enum sink_status sqlite_search(void *sink, const struct search_query *q, struct search_result *out)
{
    return search_within(sink, q, SEARCH_BUDGET_US, out);
}

#include "answer.h"

#include "confab/wire/event.h"

#include <stdlib.h>
#include <string.h>

enum { RETRY_MS = 1000 };

void archive_answer_free(struct archive_answer *answer)
{
    if (!answer)
        return;
    frame_unref(answer->frame);
    free(answer);
}

static struct archive_answer *answer_new(const struct archive_ask *ask)
{
    struct archive_answer *a = xcalloc(1, sizeof *a);
    a->id = ask->id;
    memcpy(a->asker, ask->asker, sizeof a->asker);
    return a;
}

static struct frame *error_frame(const struct archive_ask *ask, enum error_code code)
{
    return event_error(code, ask->ask->cid, NULL,
                       code == ERROR_ARCHIVE_UNAVAILABLE ? RETRY_MS : -1);
}

struct archive_answer *answer_unavailable(const struct archive_ask *ask)
{
    struct archive_answer *a = answer_new(ask);
    a->frame = error_frame(ask, ERROR_ARCHIVE_UNAVAILABLE);
    return a;
}

/* --- pages --- */

static bool is_now(const struct ask *ask, const char *epoch)
{
    return ask->now_epoch && ask->now_epoch[0] && epoch && strcmp(ask->now_epoch, epoch) == 0;
}

/* The last number of the present epoch that a full page would end with. */
static uint64_t wanted_last(const struct ask *ask)
{
    const struct page_query *q = &ask->page;
    return q->way == PAGE_BEFORE && q->seq <= ask->now_top ? q->seq - (q->seq > 0) : ask->now_top;
}

/* Does the page lack its newest messages because they have not been archived yet? A hole that has
 * messages behind it stays one: they are archived in their order. */
static enum sink_status look_behind(const struct archive_sink *kind, void *sink,
                                    const struct ask *ask, const struct page_result *r, bool *out)
{
    const uint64_t wanted = wanted_last(ask);
    const uint64_t last = is_now(ask, r->epoch) ? r->last_seq : 0;
    if (!is_now(ask, ask->page.epoch) && ask->page.way != PAGE_AT)
        return SINK_OK;
    if (wanted < ask->now_first || last >= wanted || (ask->page.way != PAGE_BEFORE && r->count))
        return SINK_OK;
    const struct page_query next = { .stream = ask->page.stream,
                                     .epoch = ask->now_epoch,
                                     .way = PAGE_AFTER,
                                     .seq = wanted - (wanted > 0),
                                     .limit = 1 };
    struct page_result more;
    enum sink_status status = kind->page(sink, &next, &more);
    *out = status == SINK_OK && (!more.known || !more.count);
    return status;
}

/* Where the archive ends, the asker may know more. */
static struct page_end newer_of(const struct ask *ask, const struct page_result *r)
{
    const bool now = is_now(ask, r->epoch);
    const uint64_t last = r->count ? r->last_seq : ask->page.seq;
    if (r->newer.valid)
        return (struct page_end){ r->newer.epoch, r->newer.seq };
    if (!ask->now_epoch || !ask->now_epoch[0] || (!r->count && ask->page.way != PAGE_AFTER))
        return (struct page_end){ NULL, 0 };
    if (now && last >= ask->now_top)
        return (struct page_end){ NULL, 0 };
    return (struct page_end){ ask->now_epoch, now ? last : ask->now_first - (ask->now_first > 0) };
}

static struct frame *page_frame(const struct ask *ask, const struct page_result *r)
{
    const char *present = ask->now_epoch ? ask->now_epoch : "";
    struct page page = { .stream = ask->as,
                         .epoch = r->epoch[0] ? r->epoch : present,
                         .messages = r->messages,
                         .count = r->count,
                         .newer = newer_of(ask, r),
                         .missing = r->missing,
                         .cid = ask->cid };
    if (r->older.valid)
        page.older = (struct page_end){ r->older.epoch, r->older.seq };
    return event_history(&page);
}

/* The archive has nothing of the present epoch yet. Before it comes the end of the epoch that the
 * archive has; unless there should be something of the present one, which is missing. */
static enum sink_status before_present(const struct archive_sink *kind, void *sink,
                                       const struct ask *ask, struct page_result *r)
{
    const uint64_t wanted = wanted_last(ask);
    struct page_query query = ask->page;
    query.epoch = NULL;
    query.seq = UINT64_MAX;
    enum sink_status status = kind->page(sink, &query, r);
    if (status != SINK_OK || wanted < ask->now_first)
        return status;
    struct page_result empty = { .missing = wanted - ask->now_first + 1 };
    text_copy(empty.epoch, sizeof empty.epoch, ask->now_epoch);
    memcpy(empty.older.epoch, r->epoch, sizeof r->epoch);
    empty.older.seq = r->last_seq + 1;
    empty.older.valid = r->count > 0;
    *r = empty;
    return SINK_OK;
}

static enum sink_status read_page(const struct archive_sink *kind, void *sink,
                                  const struct ask *ask, struct page_result *r)
{
    enum sink_status status = kind->page(sink, &ask->page, r);
    if (status != SINK_OK || r->known || !is_now(ask, ask->page.epoch))
        return status;
    if (ask->page.way == PAGE_BEFORE)
        status = before_present(kind, sink, ask, r);
    r->known = true; /* if only by the asker */
    return status;
}

static enum sink_status answer_page(const struct archive_sink *kind, void *sink,
                                    const struct archive_ask *ask, struct archive_answer *a)
{
    struct page_result r;
    enum sink_status status = read_page(kind, sink, ask->ask, &r);
    if (status != SINK_OK)
        return status;
    if (!r.known && ask->ask->page.epoch && ask->ask->page.epoch[0]) {
        a->frame = error_frame(ask, ERROR_BAD_CURSOR);
        return SINK_OK;
    }
    a->newest = r.last_seq;
    a->frame = page_frame(ask->ask, &r); /* now: the next look at the sink ends the texts' life */
    return look_behind(kind, sink, ask->ask, &r, &a->behind);
}

/* --- searches --- */

/* "r:ROOM" is ROOM, "d:A|B" is "@" and who is not the viewer. */
static void name_stream(struct str *out, const char *stream, const char *viewer)
{
    const char *names = stream + 2;
    if (stream[0] == 'r') {
        str_addz(out, names);
        return;
    }
    const char *bar = strchr(names, '|');
    const size_t size = bar ? (size_t)(bar - names) : strlen(names);
    str_addc(out, '@');
    if (bar && viewer && strlen(viewer) == size && memcmp(names, viewer, size) == 0)
        str_addz(out, bar + 1);
    else
        str_add(out, names, size);
}

static struct frame *find_frame(const struct ask *ask, const struct search_result *r,
                                int64_t took_ms)
{
    struct found found[RULE_SEARCH_RESULTS];
    struct str names[RULE_SEARCH_RESULTS] = { 0 };
    BUG_ON(r->count > RULE_SEARCH_RESULTS);
    for (size_t i = 0; i < r->count; i++) {
        const struct search_hit *hit = &r->hits[i];
        name_stream(&names[i], hit->stream, ask->viewer);
        found[i] = (struct found){ .stream = names[i].data,
                                   .epoch = hit->epoch,
                                   .message = { hit->json, hit->json_size },
                                   .parts = hit->parts,
                                   .score = hit->score };
    }
    struct frame *f = event_search(&(struct finding){ .q = ask->find.q,
                                                      .cid = ask->cid,
                                                      .results = found,
                                                      .count = r->count,
                                                      .cursor = r->cursor,
                                                      .partial = r->partial,
                                                      .behind = r->behind,
                                                      .took_ms = took_ms });
    for (size_t i = 0; i < r->count; i++)
        str_fini(&names[i]);
    return f;
}

static enum sink_status answer_find(const struct archive_sink *kind, void *sink,
                                    const struct archive_ask *ask, struct archive_answer *a)
{
    struct search_result r;
    const int64_t start = clock_mono_ms();
    enum sink_status status = kind->search(sink, &ask->ask->find, &r);
    if (status != SINK_OK)
        return status;
    if (r.refused != ERROR_NONE)
        a->frame = error_frame(ask, r.refused);
    else
        a->frame = find_frame(ask->ask, &r, clock_mono_ms() - start);
    return SINK_OK;
}

/* --- one message --- */

static enum sink_status answer_message(const struct archive_sink *kind, void *sink,
                                       const struct archive_ask *ask, struct archive_answer *a)
{
    struct find_result r;
    enum sink_status status = kind->find(sink, ask->ask->page.stream, ask->ask->page.seq, &r);
    if (status != SINK_OK)
        return status;
    a->behind = r.behind; /* who has no time left is told to come again */
    if (r.json != NULL)
        a->frame = frame_new(FRAME_CONTROL, 0, &(struct frame_part){ r.json, r.size }, 1);
    else
        a->frame = error_frame(ask, r.behind ? ERROR_ARCHIVE_UNAVAILABLE : ERROR_NOT_FOUND);
    return SINK_OK;
}

static enum sink_status answer_kind(const struct archive_sink *kind, void *sink,
                                    const struct archive_ask *ask, struct archive_answer *a)
{
    switch (ask->ask->kind) {
    case ASK_PAGE:
        break;
    case ASK_SEARCH:
        return answer_find(kind, sink, ask, a);
    case ASK_FIND:
        return answer_message(kind, sink, ask, a);
    }
    return answer_page(kind, sink, ask, a);
}

enum sink_status answer(const struct archive_sink *kind, void *sink, const struct archive_ask *ask,
                        struct archive_answer **out)
{
    struct archive_answer *a = answer_new(ask);
    enum sink_status status = answer_kind(kind, sink, ask, a);
    if (status != SINK_OK) {
        frame_unref(a->frame);
        a->frame = error_frame(ask, ERROR_ARCHIVE_UNAVAILABLE);
    }
    *out = a;
    return status;
}

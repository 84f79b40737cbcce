/* Answers to history and search. */
#include "confab/wire/event.h"
#include "fields.h"

#include <stdlib.h>

static bool is_given(const char *text)
{
    return text != NULL && *text != '\0';
}

static void field_end(struct str *s, const char *name, const char *bound,
                      const struct page_end *end)
{
    if (end->epoch == NULL)
        return;
    key(s, name);
    str_addz(s, "{\"epoch\":");
    quote_add(s, end->epoch, strlen(end->epoch));
    field_number(s, bound, end->seq);
    str_addc(s, '}');
}

static void add_tail(struct str *tail, const struct page *p)
{
    str_addc(tail, ']');
    field_bool(tail, "more", p->older.epoch != NULL);
    field_end(tail, "older", "before", &p->older);
    field_end(tail, "newer", "after", &p->newer);
    if (p->missing > 0)
        field_number(tail, "missing", p->missing);
    if (p->away)
        field_bool(tail, "away", true);
    if (p->missed > 0)
        field_number(tail, "missed", p->missed);
    if (is_given(p->cid))
        field_plain(tail, "cid", p->cid);
    str_addc(tail, '}');
}

struct frame *event_history(const struct page *page)
{
    struct str head = STR_INIT, tail = STR_INIT;
    struct frame_part *parts = xcalloc(2 * page->count + 2, sizeof *parts); /* separators between */
    size_t n = 0;

    begin(&head, "history");
    if (strcmp(page->stream, STREAM_MENTIONS) == 0)
        field_bool(&head, "mentions", true);
    else
        field_stream(&head, page->stream);
    field_text(&head, "epoch", page->epoch);
    key(&head, "messages");
    str_addc(&head, '[');
    add_tail(&tail, page);

    parts[n++] = (struct frame_part){ head.data, head.size };
    for (size_t i = 0; i < page->count; i++) {
        if (i > 0)
            parts[n++] = (struct frame_part){ ",", 1 };
        parts[n++] = page->messages[i];
    }
    parts[n++] = (struct frame_part){ tail.data, tail.size };

    struct frame *f = frame_new(FRAME_CONTROL, 0, parts, n);
    free(parts);
    str_fini(&head);
    str_fini(&tail);
    return f;
}

/* The score in thousandths, and the same text in every locale. */
static void add_found(struct str *s, const struct found *f)
{
    const uint64_t score = f->score > 0 ? (uint64_t)(f->score * 1000 + 0.5) : 0;

    str_addf(s, "{\"score\":%llu.%03llu", (unsigned long long)score / 1000,
             (unsigned long long)score % 1000);
    field_stream(s, f->stream);
    field_text(s, "epoch", f->epoch);
    key(s, "parts");
    str_addz(s, f->parts);
    key(s, "message");
    str_add(s, f->message.data, f->message.size);
    str_addc(s, '}');
}

struct frame *event_search(const struct finding *finding)
{
    struct str s = STR_INIT;

    begin(&s, "search");
    field_text(&s, "q", finding->q);
    if (is_given(finding->cid))
        field_plain(&s, "cid", finding->cid);
    key(&s, "results");
    str_addc(&s, '[');
    for (size_t i = 0; i < finding->count; i++) {
        if (i > 0)
            str_addc(&s, ',');
        add_found(&s, &finding->results[i]);
    }
    str_addc(&s, ']');
    if (is_given(finding->cursor))
        field_plain(&s, "cursor", finding->cursor);
    field_bool(&s, "partial", finding->partial);
    field_number(&s, "behind", finding->behind);
    field_number(&s, "took_ms", (uint64_t)finding->took_ms);
    return finish(&s, FRAME_CONTROL);
}

#include "support/stand_in.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct stand_in stand_in;

void stand_in_init(void)
{
    lock_init(&stand_in.lock);
}

void stand_in_reset(void)
{
    struct stand_in *s = &stand_in;

    str_reset(&s->rows);
    str_addz(&s->rows, "");
    s->entry[0] = '\0';
    s->open_status = s->write_status = s->page_status = SINK_OK;
    s->opened = s->open_now = s->batches = s->accounts = 0;
    s->batch_most = 0;
    s->page_waits = false;
}

void stand_in_fini(void)
{
    str_fini(&stand_in.rows);
    lock_fini(&stand_in.lock);
}

static enum sink_status told(const enum sink_status *status)
{
    lock_acquire(&stand_in.lock);
    const enum sink_status now = *status;
    lock_release(&stand_in.lock);
    return now;
}

void stand_in_tell(enum sink_status *status, enum sink_status value)
{
    lock_acquire(&stand_in.lock);
    *status = value;
    lock_release(&stand_in.lock);
}

static enum sink_status file_open(const struct settings *s, enum sink_mode mode, void **out,
                                  char why[SINK_WHY_BYTES + 1])
{
    (void)s, (void)mode;
    const enum sink_status status = told(&stand_in.open_status);
    text_copy(why, SINK_WHY_BYTES, "as told");
    if (status != SINK_OK)
        return status;
    lock_acquire(&stand_in.lock);
    stand_in.opened++;
    stand_in.open_now++;
    lock_release(&stand_in.lock);
    *out = &stand_in;
    return SINK_OK;
}

static void file_close(void *sink)
{
    if (!sink)
        return;
    lock_acquire(&stand_in.lock);
    stand_in.open_now--;
    lock_release(&stand_in.lock);
}

static const char *file_why(const void *sink)
{
    (void)sink;
    return "as told";
}

static enum sink_status file_about(void *sink, struct sink_about *out)
{
    (void)sink;
    *out = (struct sink_about){ .archive = STAND_IN_ID };
    text_copy(out->entry, sizeof(out->entry), stand_in.entry);
    return SINK_OK;
}

static enum sink_status file_write(void *sink, const struct sink_batch *b, struct sink_written *out)
{
    (void)sink;
    const enum sink_status status = told(&stand_in.write_status);
    if (status != SINK_OK)
        return status;
    lock_acquire(&stand_in.lock);
    for (size_t i = 0; i < b->message_count; i++) {
        const struct sink_message *m = &b->messages[i];
        str_addf(&stand_in.rows, "%s %s %llu %.*s;", m->stream, m->epoch,
                 (unsigned long long)m->seq, (int)m->size, m->json);
    }
    for (size_t i = 0; i < b->record_count; i++)
        str_addf(&stand_in.rows, "!%s %s %lld %.*s;", b->records[i].kind, b->records[i].name,
                 (long long)b->records[i].version, (int)b->records[i].size, b->records[i].json);
    for (size_t i = 0; i < b->reject_count; i++)
        str_addf(&stand_in.rows, "?%s;", b->rejects[i].why);
    if (b->entry && *b->entry)
        text_copy(stand_in.entry, sizeof(stand_in.entry), b->entry);
    stand_in.batches++;
    if (b->message_count > stand_in.batch_most)
        stand_in.batch_most = b->message_count;
    lock_release(&stand_in.lock);
    out->added = b->message_count;
    return SINK_OK;
}

static enum sink_status file_page(void *sink, const struct page_query *q, struct page_result *out)
{
    (void)sink;
    bool waits;
    do {
        usleep(1000);
        lock_acquire(&stand_in.lock);
        waits = stand_in.page_waits;
        lock_release(&stand_in.lock);
    } while (waits);
    *out = (struct page_result){ .known = true };
    text_copy(out->epoch, sizeof(out->epoch), q->epoch ? q->epoch : "E");
    return told(&stand_in.page_status);
}

static enum sink_status file_search(void *sink, const struct search_query *q,
                                    struct search_result *out)
{
    (void)sink, (void)q;
    *out = (struct search_result){ 0 };
    return SINK_OK;
}

static enum sink_status file_records(void *sink, const char *kind, const char *after,
                                     struct sink_records *out)
{
    static struct sink_record records[SINK_RECORDS_MOST];
    static char names[SINK_RECORDS_MOST][16], texts[SINK_RECORDS_MOST][80];
    (void)sink;
    const unsigned most = strcmp(kind, "account") == 0 ? stand_in.accounts : 0;
    assert_true(most == stand_in.accounts || strcmp(kind, "room") == 0);
    size_t count = 0;
    for (unsigned i = *after ? (unsigned)atoi(after + 1) + 1 : 0;
         i < most && count < SINK_RECORDS_MOST; i++, count++) {
        snprintf(names[count], sizeof(names[count]), "u%04u", i);
        int size = snprintf(texts[count], sizeof(texts[count]),
                            "{\"version\":\"7\",\"fold1\":\"%s\",\"fold2\":\"%s\"}", names[count],
                            names[count]);
        records[count] = (struct sink_record){ kind, names[count], 7, texts[count], (size_t)size };
    }
    *out = (struct sink_records){ records, count };
    return told(&stand_in.page_status);
}

static enum sink_status file_upkeep(void *sink, int64_t budget_us, bool *more)
{
    (void)sink, (void)budget_us;
    *more = false;
    return SINK_OK;
}

const struct archive_sink stand_in_sink = {
    .name = "stand-in",
    .open = file_open,
    .close = file_close,
    .why = file_why,
    .about = file_about,
    .write = file_write,
    .page = file_page,
    .search = file_search,
    .records = file_records,
    .upkeep = file_upkeep,
};

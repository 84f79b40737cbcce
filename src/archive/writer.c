#include "writer.h"

#include "batch.h"
#include "confab/base/str.h"
#include "confab/store/refill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    TAKEN_MS = 500,        /* between two tries for a file that another process writes */
    LOCKED_MS = 1000,      /* for one that another program holds */
    REDIS_MS = 500,        /* for a Redis that is away */
    RETRY_FIRST_MS = 1000, /* for other trouble, growing */
    RETRY_MOST_MS = 30000,
    BUSY_MS = 100, /* between two reads while messages come */
    IDLE_MS = 500, /* when none came for IDLE_AFTER_MS */
    IDLE_AFTER_MS = 5000,
    LOOK_MS = 1000,       /* between two looks at the backlog */
    QUIET_LOOK_MS = 5000, /* on standby, or when nothing came and nothing waits */
    BEHIND_MS = 5000,     /* an entry that waits longer is told */
    UPKEEP_US = 20000,    /* beside messages */
    UPKEEP_IDLE_US = 200000,
    UPKEEP_EVERY_MS = 1000, /* however many messages wait: a log must be cut */
    REJECTED_LOG_MS = 60000,
};

enum writer_phase { OPENING, JOINING, SEEDING, TAKING_OVER, READING };

struct writer {
    const struct settings *settings;
    struct stats *stats;
    const struct archive_sink *sink;
    void *file; /* NULL: OPENING */
    struct feed *feed;
    const char *redis_addr; /* borrowed */
    struct batch batch;
    struct store_record records[STORE_RESTORE_MOST]; /* of refill() */
    enum writer_phase phase;
    char archive[SINK_ID_BYTES + 1];
    char committed[SINK_ENTRY_BYTES + 1]; /* the last entry in the file; "": none */

    enum archive_state trouble; /* ARCHIVE_OK: none */
    enum archive_state state;   /* what is shown: trouble, or what the backlog says */
    bool repairing;
    struct feed_backlog backlog;
    enum sink_status sink_failed; /* within feed_seed() and refill(): what ended it */
    int64_t retry_ms;             /* after the next failure */
    int64_t retry_at, look_at, upkeep_at, idle_at, rejected_log_at; /* monotone ms */
    bool full_read; /* the last one left more behind */
    bool upkeep_left;
};

struct writer *writer_new(const struct settings *settings, struct stats *stats,
                          const struct archive_sink *sink, const char *redis_addr)
{
    struct writer *w = xcalloc(1, sizeof *w);
    *w = (struct writer){ .settings = settings,
                          .stats = stats,
                          .sink = sink,
                          .feed = feed_new(redis_addr, settings),
                          .redis_addr = redis_addr,
                          .trouble = ARCHIVE_OK,
                          .state = ARCHIVE_STARTING,
                          .retry_ms = RETRY_FIRST_MS };
    batch_init(&w->batch, settings->redis_prefix);
    stat_set(stats, archive_state, ARCHIVE_STARTING);
    return w;
}

void writer_free(struct writer *w)
{
    w->sink->close(w->file);
    feed_free(w->feed);
    batch_fini(&w->batch);
    free(w);
}

/* ---- what it says of itself ---- */

static enum archive_state state_now(const struct writer *w)
{
    const struct feed_backlog *b = &w->backlog;
    if (w->trouble != ARCHIVE_NO_REDIS && b->entries >= (uint64_t)w->settings->archive_backlog)
        return ARCHIVE_LOSING;
    const bool waits = b->oldest_ms != 0 && b->now_ms - b->oldest_ms > BEHIND_MS;
    if (w->trouble == ARCHIVE_STANDBY && waits)
        return ARCHIVE_BEHIND; /* who writes seems to be stuck */
    if (w->trouble != ARCHIVE_OK)
        return w->trouble;
    if (w->phase != READING)
        return w->state; /* it has not got there yet */
    if (waits)
        return ARCHIVE_BEHIND;
    return w->repairing ? ARCHIVE_REPAIRING : ARCHIVE_OK;
}

/* One line of log for each change. why: "" when there is nothing to add. */
static void show(struct writer *w, const char *why)
{
    const enum archive_state state = state_now(w);
    stat_set(w->stats, archive_waiting, (int64_t)w->backlog.entries);
    stat_set(w->stats, archive_waiting_since_ms, w->backlog.oldest_ms);
    stat_set(w->stats, archive_groups, w->backlog.archives);
    stat_set(w->stats, archive_silent_since_ms, w->backlog.silent_since_ms);
    if (state == w->state)
        return;
    char quoted[SINK_WHY_BYTES + 64];
    const bool well = state == ARCHIVE_OK || state == ARCHIVE_STANDBY;
    log_line(well ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "archive",
             "state=%s was=%s waiting=%llu why=%s", archive_state_name(state),
             archive_state_name(w->state), (unsigned long long)w->backlog.entries,
             log_quote(quoted, sizeof quoted, why));
    w->state = state;
    stat_set(w->stats, archive_state, (int64_t)state);
}

static void look_at_backlog(struct writer *w) REQUIRES(on_archive)
{
    const int64_t now = clock_mono_ms();
    if (now < w->look_at)
        return;
    const bool reader = w->phase > JOINING;
    int error = reader ? feed_trim(w->feed, archive_state_name(w->state), &w->backlog)
                       : feed_look(w->feed, &w->backlog);
    const bool quiet = w->trouble == ARCHIVE_STANDBY ||
                       (now >= w->idle_at && w->backlog.entries == 0 && w->state == ARCHIVE_OK);
    w->look_at = now + (quiet ? QUIET_LOOK_MS : LOOK_MS);
    struct sink_about about;
    if (w->file != NULL && w->sink->about(w->file, &about) == SINK_OK) {
        w->repairing = about.repairing;
        stat_set(w->stats, archive_unindexed, (int64_t)about.unindexed);
        stat_set(w->stats, archive_messages, (int64_t)about.messages);
    }
    show(w, error != 0 ? feed_error(w->feed) : "");
}

/* ---- trouble ---- */

static int64_t later(struct writer *w, int64_t ms)
{
    w->retry_at = clock_mono_ms() + ms;
    return ms;
}

static int64_t next_retry_ms(struct writer *w)
{
    const int64_t ms = w->retry_ms;
    w->retry_ms = ms * 2 < RETRY_MOST_MS ? ms * 2 : RETRY_MOST_MS;
    return ms;
}

static void well_again(struct writer *w)
{
    w->trouble = ARCHIVE_OK;
    w->retry_ms = RETRY_FIRST_MS;
}

static enum archive_state state_of(enum sink_status status)
{
    switch (status) {
    case SINK_OK:
        break;
    case SINK_TAKEN:
        return ARCHIVE_STANDBY;
    case SINK_FULL:
        return ARCHIVE_FULL;
    case SINK_LOCKED:
        return ARCHIVE_LOCKED;
    case SINK_CORRUPT:
        return ARCHIVE_REPAIRING;
    case SINK_NEWER:
        return ARCHIVE_NEWER;
    case SINK_IO:
        return ARCHIVE_FAILING;
    }
    return ARCHIVE_OK;
}

/* why is said before the file is closed, which it may belong to. */
static int64_t sink_trouble(struct writer *w, enum sink_status status, const char *why)
    REQUIRES(on_archive)
{
    const bool keeps = w->file != NULL && (status == SINK_FULL || status == SINK_LOCKED);
    w->trouble = state_of(status);
    show(w, why);
    batch_reset(&w->batch);
    if (!keeps) {
        w->sink->close(w->file);
        w->file = NULL;
    }
    w->phase = keeps ? JOINING : OPENING;
    if (status == SINK_TAKEN)
        return later(w, TAKEN_MS);
    return later(w, status == SINK_LOCKED ? LOCKED_MS : next_retry_ms(w));
}

static int64_t feed_trouble(struct writer *w, int error) REQUIRES(on_archive)
{
    batch_reset(&w->batch);
    w->phase = JOINING;
    if (error == -ESTALE)
        return 0; /* Redis was wiped: a new group */
    w->trouble = error == -EPROTO ? ARCHIVE_FAILING : ARCHIVE_NO_REDIS;
    show(w, feed_error(w->feed));
    return later(w, error == -EPROTO ? next_retry_ms(w) : REDIS_MS);
}

/* ---- batches ---- */

static void log_rejected(struct writer *w, uint64_t count)
{
    const int64_t now = clock_mono_ms();
    stat_add(w->stats, archive_rejected, count);
    if (count == 0 || now < w->rejected_log_at)
        return;
    w->rejected_log_at = now + REJECTED_LOG_MS;
    log_warn("archive_rejected", "count=%llu", (unsigned long long)count);
}

/* Stream ids are fixed in neither width nor zeros: "1-5" < "12-0". */
static bool is_behind(const char *id, const char *other)
{
    const size_t size = strcspn(id, "-"), other_size = strcspn(other, "-");
    if (size != other_size)
        return size > other_size;
    const int difference = strncmp(id, other, size);
    if (difference != 0)
        return difference > 0;
    id += size, other += other_size;
    return strlen(id) != strlen(other) ? strlen(id) > strlen(other) : strcmp(id, other) > 0;
}

static enum sink_status commit(struct writer *w) REQUIRES(on_archive)
{
    struct batch *b = &w->batch;
    const char *last = b->id_count > 0 ? b->ids[b->id_count - 1] : "";
    if (!is_behind(last, w->committed))
        last = ""; /* pending from before: the file must not forget how far it is */
    const struct sink_batch batch = { b->messages, b->message_count, b->records, b->record_count,
                                      b->rejects,  b->reject_count,  last };
    struct sink_written written = { 0 };
    enum sink_status status = w->sink->write(w->file, &batch, &written);
    if (status != SINK_OK)
        return status;
    if (*last != '\0')
        text_copy(w->committed, sizeof w->committed, last);
    stat_add(w->stats, archive_batches, 1);
    stat_add(w->stats, archive_added, written.added);
    stat_add(w->stats, archive_repeats, written.repeated);
    log_rejected(w, written.rejected);
    well_again(w);
    return SINK_OK;
}

/* Commits what was gathered, then acknowledges it. False with *wait when something failed. */
static bool put_away(struct writer *w, int64_t *wait) REQUIRES(on_archive)
{
    if (batch_is_empty(&w->batch))
        return true;
    enum sink_status status = commit(w);
    if (status != SINK_OK) {
        *wait = sink_trouble(w, status, w->sink->why(w->file));
        return false;
    }
    int error = feed_ack(w->feed, w->batch.ids, w->batch.id_count);
    batch_reset(&w->batch);
    if (error != 0)
        *wait = feed_trouble(w, error);
    return error == 0;
}

static void on_entry(void *arg, const struct feed_entry *entry)
{
    role_assume(&on_archive);
    struct writer *w = arg;
    batch_add(&w->batch, entry);
}

/* ---- phases ---- */

static int64_t open_file(struct writer *w) REQUIRES(on_archive)
{
    char why[SINK_WHY_BYTES + 1] = "";
    struct sink_about about;
    enum sink_status status = w->sink->open(w->settings, SINK_WRITE, &w->file, why);
    if (status != SINK_OK) {
        w->file = NULL;
        return sink_trouble(w, status, why);
    }
    status = w->sink->about(w->file, &about);
    if (status != SINK_OK)
        return sink_trouble(w, status, w->sink->why(w->file));
    text_copy(w->archive, sizeof w->archive, about.archive);
    text_copy(w->committed, sizeof w->committed, about.entry);
    log_info("archive_open", "sink=%s archive=%s entry=%s messages=%llu", w->sink->name, w->archive,
             w->committed, (unsigned long long)about.messages);
    w->phase = JOINING;
    return 0;
}

static int on_page(void *arg, const char *kind, const char *after, const struct store_record **out,
                   size_t *count)
{
    role_assume(&on_archive);
    struct writer *w = arg;
    struct sink_records found;
    w->sink_failed = w->sink->records(w->file, kind, after, &found);
    if (w->sink_failed != SINK_OK)
        return -EIO;
    for (size_t i = 0; i < found.count && i < STORE_RESTORE_MOST; i++)
        w->records[i] = (struct store_record){ found.records[i].name, found.records[i].json,
                                               found.records[i].size };
    *out = w->records;
    *count = found.count;
    return 0;
}

/* Before anything else: names wait for it (hub/refill.c). */
static int64_t refill_redis(struct writer *w, bool lacks) REQUIRES(on_archive)
{
    const struct refill what = { w->redis_addr, w->settings, on_page, w, lacks };
    char why[SINK_WHY_BYTES + 1];
    struct refilled sent;
    w->sink_failed = SINK_OK;
    if (refill(&what, &sent, why, sizeof why) != 0) {
        if (w->sink_failed != SINK_OK)
            return sink_trouble(w, w->sink_failed, w->sink->why(w->file));
        w->trouble = ARCHIVE_NO_REDIS;
        show(w, why);
        return later(w, REDIS_MS);
    }
    if (sent.accounts > 0)
        log_info("accounts_restored", "count=%llu", (unsigned long long)sent.accounts);
    if (sent.rooms > 0)
        log_info("rooms_restored", "count=%llu", (unsigned long long)sent.rooms);
    w->phase = lacks ? SEEDING : TAKING_OVER;
    return 0;
}

static int64_t join(struct writer *w) REQUIRES(on_archive)
{
    bool seed;
    int error = feed_join(w->feed, w->archive, w->committed, &seed);
    return error != 0 ? feed_trouble(w, error) : refill_redis(w, seed);
}

/* Within feed_seed(), which goes on whatever happens here. */
static void on_list(void *arg, const struct feed_entry *entry)
{
    role_assume(&on_archive);
    struct writer *w = arg;
    if (w->sink_failed != SINK_OK)
        return;
    batch_add(&w->batch, entry);
    if (!batch_is_full(&w->batch))
        return;
    w->sink_failed = commit(w);
    batch_reset(&w->batch);
}

static int64_t seed(struct writer *w) REQUIRES(on_archive)
{
    int64_t wait = 0;
    w->sink_failed = SINK_OK;
    int error = feed_seed(w->feed, on_list, w);
    if (w->sink_failed != SINK_OK)
        return sink_trouble(w, w->sink_failed, w->sink->why(w->file));
    if (error != 0)
        return feed_trouble(w, error);
    if (put_away(w, &wait))
        w->phase = TAKING_OVER;
    return wait;
}

static int64_t take_over(struct writer *w) REQUIRES(on_archive)
{
    int64_t wait = 0;
    bool more = true;
    int error = 0;
    while (error == 0 && more && !batch_is_full(&w->batch))
        error = feed_take_over(w->feed, on_entry, w, &more);
    if (error != 0)
        return feed_trouble(w, error);
    if (!put_away(w, &wait) || more)
        return wait;
    error = feed_settle(w->feed);
    if (error != 0)
        return feed_trouble(w, error);
    well_again(w);
    w->phase = READING;
    w->look_at = 0; /* tell that it is well */
    return 0;
}

static int gather(struct writer *w) REQUIRES(on_archive)
{
    const int64_t until = clock_mono_ms() + BATCH_MS;
    size_t count;
    int error;
    do {
        error = feed_read(w->feed, on_entry, w, &count);
        w->full_read = error == 0 && count == FEED_READ_MOST;
    } while (w->full_read && !batch_is_full(&w->batch) && clock_mono_ms() < until);
    return error;
}

static int64_t upkeep(struct writer *w, bool idle) REQUIRES(on_archive)
{
    const int64_t now = clock_mono_ms();
    if (w->full_read && now < w->upkeep_at)
        return 0;
    w->upkeep_at = now + UPKEEP_EVERY_MS;
    enum sink_status status =
        w->sink->upkeep(w->file, idle ? UPKEEP_IDLE_US : UPKEEP_US, &w->upkeep_left);
    return status == SINK_OK ? 0 : sink_trouble(w, status, w->sink->why(w->file));
}

static int64_t read_on(struct writer *w) REQUIRES(on_archive)
{
    int64_t wait = 0;
    int error = gather(w);
    if (error != 0)
        return feed_trouble(w, error);
    const bool idle = batch_is_empty(&w->batch);
    if (!put_away(w, &wait))
        return wait;
    wait = upkeep(w, idle);
    if (w->phase != READING)
        return wait;
    const int64_t now = clock_mono_ms();
    if (!idle) {
        w->idle_at = now + IDLE_AFTER_MS;
        if (w->look_at > now + LOOK_MS)
            w->look_at = now + LOOK_MS;
    }
    if (w->full_read || w->upkeep_left)
        return 0;
    return now < w->idle_at ? BUSY_MS : IDLE_MS;
}

int64_t writer_turn(struct writer *w)
{
    int64_t wait = w->retry_at - clock_mono_ms();
    if (wait <= 0) {
        switch (w->phase) {
        case OPENING:
            wait = open_file(w);
            break;
        case JOINING:
            wait = join(w);
            break;
        case SEEDING:
            wait = seed(w);
            break;
        case TAKING_OVER:
            wait = take_over(w);
            break;
        case READING:
            wait = read_on(w);
            break;
        }
    }
    look_at_backlog(w);
    return wait < LOOK_MS ? wait : LOOK_MS;
}

void writer_finish(struct writer *w, int64_t deadline_mono_ms)
{
    bool left = w->phase == READING;
    while (left && clock_mono_ms() < deadline_mono_ms) {
        int64_t wait;
        left = gather(w) == 0 && put_away(w, &wait) && w->full_read;
    }
    if (w->phase == READING && feed_trim(w->feed, "stopped", &w->backlog) == 0)
        show(w, "");
    w->sink->close(w->file);
    w->file = NULL;
    w->phase = OPENING;
}

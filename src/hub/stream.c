/* The tail of a room's stream: the instance's own copy of the last 100 messages, how it is
 * loaded, how holes are found and filled, and the history frames that are made of it.
 *
 * Invariant while LIVE: the cache holds the numbers top-cached+1 … top, all of one epoch. */
#include "state.h"

#include "confab/wire/rewrite.h"

#include <stdlib.h>
#include <string.h>

uint64_t stream_first(const struct room *r)
{
    return r->top - r->cached + 1;
}

static struct frame **slot(struct room *r, uint64_t seq) REQUIRES(on_hub)
{
    return &r->cache[seq % RULE_HISTORY_MESSAGES];
}

static void forget_memo(struct history_memo *memo)
{
    frame_unref(memo->frame);
    memo->frame = NULL;
}

static void clear_cache(struct room *r) REQUIRES(on_hub)
{
    for (uint64_t seq = stream_first(r); r->cached; seq++, r->cached--)
        frame_unref(*slot(r, seq));
    forget_memo(&r->fresh);
    forget_memo(&r->resumed);
}

static void clear_held(struct room *r) REQUIRES(on_hub)
{
    for (uint32_t i = 0; i < r->held_count; i++)
        frame_unref(r->held[i].frame);
    free(r->held);
    r->held = NULL;
    r->held_count = 0;
    r->held_overflow = false;
}

void stream_clear(struct room *r)
{
    clear_cache(r);
    clear_held(r);
}

/* The next number: into the cache and out to the members. Takes f. */
static void deliver(struct room *r, uint64_t seq, struct frame *f) REQUIRES(on_hub)
{
    if (r->cached == RULE_HISTORY_MESSAGES)
        frame_unref(*slot(r, seq)); /* the oldest: its place is the new one's */
    else
        r->cached++;
    *slot(r, seq) = f;
    r->top = seq;
    forget_memo(&r->fresh);
    forget_memo(&r->resumed);
    room_send(r, f);
}

/* What the cache has of other messages, after an event about one of them was delivered. */
static void rewrite_cached(struct room *r, const struct frame *event) REQUIRES(on_hub)
{
    const struct frame_part about = { frame_payload(event), frame_payload_size(event) };
    struct str text = STR_INIT;
    for (uint64_t seq = stream_first(r); seq < r->top; seq++) {
        struct frame **place = slot(r, seq);
        str_reset(&text);
        if (!message_rewrite(
                &text, &(struct frame_part){ frame_payload(*place), frame_payload_size(*place) },
                &about))
            continue;
        frame_unref(*place);
        *place = event_message(seq, text.data, text.size);
    }
    str_fini(&text);
}

/* Too many: the load that is under way will not be enough, so all of them come from another. */
static void hold(struct room *r, const char *epoch, struct frame *f, bool about) REQUIRES(on_hub)
{
    if (r->held_overflow || r->held_count == ROOM_HELD_MAX || strlen(epoch) > RULE_EPOCH_BYTES) {
        clear_held(r);
        r->held_overflow = true;
        frame_unref(f);
        return;
    }
    if ((r->held_count & (r->held_count - 1)) == 0) /* 0, 1, 2, 4, 8 …: full */
        r->held = xrealloc(r->held, (r->held_count ? r->held_count * 2 : 1) * sizeof *r->held);
    struct held_message *held = &r->held[r->held_count++];
    held->frame = f;
    held->about = about;
    memcpy(held->epoch, epoch, strlen(epoch) + 1);
}

/* Takes f. about: it is an event about another message. */
static void take_message(struct room *r, const char *epoch, uint64_t seq, struct frame *f,
                         bool about) REQUIRES(on_hub)
{
    if (r->state != ROOM_LIVE) {
        hold(r, epoch, f, about);
        return;
    }
    bool same = strcmp(epoch, r->epoch) == 0;
    if (same && seq <= r->top) {
        frame_unref(f); /* came with a load already */
        return;
    }
    if (same && seq == r->top + 1) {
        deliver(r, seq, f);
        if (about)
            rewrite_cached(r, f);
        return;
    }
    log_info(same ? "gap" : "epoch", "room=%s epoch=%s top=%llu seq=%llu", r->name, epoch,
             (unsigned long long)r->top, (unsigned long long)seq);
    r->state = ROOM_LOADING;
    hold(r, epoch, f, about);
    stream_load(r);
}

void stream_message(struct room *r, const char *epoch, uint64_t seq, struct frame *f)
{
    take_message(r, epoch, seq, f, false);
}

void stream_about(struct room *r, const char *epoch, uint64_t seq, struct frame *f)
{
    take_message(r, epoch, seq, f, true);
}

/* What was held, by number. A hole in it means that even more was missed: load again. */
void stream_release_held(struct room *r)
{
    struct held_message *held = r->held;
    uint32_t count = r->held_count;
    bool overflow = r->held_overflow;
    r->held = NULL;
    r->held_count = 0;
    r->held_overflow = false;
    for (uint32_t i = 0; i < count; i++)
        take_message(r, held[i].epoch, held[i].frame->seq, held[i].frame, held[i].about);
    free(held);
    if (overflow && r->state == ROOM_LIVE) {
        r->state = ROOM_LOADING;
        stream_load(r);
    }
}

/* The numbers of the stream are not the ones that were given out: everybody starts again. */
static void start_epoch(struct room *r, const struct store_messages *got) REQUIRES(on_hub)
{
    clear_cache(r);
    bool first = r->epoch[0] == '\0';
    BUG_ON(strlen(got->epoch) >= sizeof r->epoch);
    memcpy(r->epoch, got->epoch, strlen(got->epoch) + 1);
    r->top = got->seq;
    r->acked = r->compared_top = 0;
    size_t skip = got->count > RULE_HISTORY_MESSAGES ? got->count - RULE_HISTORY_MESSAGES : 0;
    uint64_t seq = got->first_seq + skip;
    for (size_t i = skip; i < got->count; i++, seq++, r->cached++)
        *slot(r, seq) = event_message(seq, got->messages[i].data, got->messages[i].size);
    if (first)
        return;
    log_warn("epoch_started", "room=%s epoch=%s seq=%llu", r->name, r->epoch,
             (unsigned long long)r->top);
    for (struct membership *m = r->members; m; m = m->next) {
        m->resumes = false;
        room_hold(m);
    }
}

/* Same epoch: what is newer than the top, in order. What the list no longer holds is counted;
 * clients see the jump in the numbers. Numbers outlive the list, so it may hold nothing at all. */
static void refill(struct room *r, const struct store_messages *got) REQUIRES(on_hub)
{
    if (got->seq <= r->top)
        return;
    uint64_t seq = got->count ? got->first_seq : got->seq + 1;
    if (seq > r->top + 1) {
        stat_add(r->hub->stats, gaps_lost, seq - r->top - 1);
        log_warn("gap_lost", "room=%s messages=%llu", r->name,
                 (unsigned long long)(seq - r->top - 1));
        clear_cache(r);
        r->top = seq - 1;
    }
    for (size_t i = 0; i < got->count; i++, seq++) {
        if (seq <= r->top)
            continue;
        stat_add(r->hub->stats, gaps_filled, 1);
        deliver(r, seq, event_message(seq, got->messages[i].data, got->messages[i].size));
    }
}

/* Same epoch: what members have already, as it reads now. Events about it may be among what was
 * missed. */
static void recache(struct room *r, const struct store_messages *got) REQUIRES(on_hub)
{
    clear_cache(r);
    if (got->seq < r->top)
        return;
    uint64_t seq = got->first_seq;
    for (size_t i = 0; i < got->count && seq <= r->top; i++, seq++, r->cached++)
        *slot(r, seq) = event_message(seq, got->messages[i].data, got->messages[i].size);
}

static void retry_load(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    struct room *r = arg;
    if (r->closed || r->state != ROOM_LOADING)
        return;
    stream_load(r);
    roster_load(r);
}

static void retry_later(struct room *r) REQUIRES(on_hub)
{
    if (!r->retry)
        r->retry = evtimer_new(r->hub->base, retry_load, r);
    struct timeval tv = { .tv_sec = 0, .tv_usec = ROOM_RETRY_MS * 1000 };
    if (r->retry)
        evtimer_add(r->retry, &tv);
}

static void take_load(struct room *r, const struct store_messages *got) REQUIRES(on_hub)
{
    const bool same = strcmp(got->epoch, r->epoch) == 0;
    access_loaded(r, got);
    if (same) {
        recache(r, got);
        refill(r, got);
    } else {
        start_epoch(r, got);
    }
    BUG_ON(strlen(got->fence) >= sizeof r->fence);
    memcpy(r->fence, got->fence, strlen(got->fence) + 1);
    r->epoch_first = got->epoch_first;
    if (r->changed) { /* since the load began */
        stream_load(r);
        return;
    }
    r->lacks_list = false;
    room_loaded_part(r);
}

static void loaded(void *arg, const struct store_messages *got)
{
    role_assume(&on_hub);
    struct room *r = arg;
    r->loading_list = false;
    access_lost(r, got->lost);
    if (!r->closed && r->state == ROOM_LOADING) {
        if (got->status == STORE_OK)
            take_load(r, got);
        else if (got->status == STORE_REFUSED)
            room_refused(r);
    }
    if (got->status != STORE_OK && !r->closed)
        retry_later(r);
    room_unref(r);
}

/* What the room knows is one epoch under one fence: an answer of another Redis than the one that
 * it was loaded from says nothing about that. */
void stream_acked(struct room *r, const struct store_published *p)
{
    if (p->seq > r->acked && strcmp(p->epoch, r->epoch) == 0 && strcmp(p->fence, r->fence) == 0)
        r->acked = p->seq;
}

struct store_known stream_known(const struct room *r)
{
    return (struct store_known){ .epoch = r->epoch[0] ? r->epoch : NULL,
                                 .seq = r->acked > r->top ? r->acked : r->top,
                                 .fence = r->fence,
                                 .guard = r->guard };
}

void stream_load(struct room *r)
{
    r->lacks_list = true;
    if (r->loading_list)
        return;
    struct store_known known = stream_known(r);
    room_ref(r);
    r->loading_list = true;
    r->changed = false;
    if (store_load(r->hub->store, r->name, &known, loaded, r) == 0)
        return;
    r->loading_list = false;
    retry_later(r);
    room_unref(r);
}

void stream_changed(struct room *r)
{
    r->changed = true;
    if (r->state != ROOM_LIVE)
        return;
    r->state = ROOM_LOADING;
    stream_load(r);
}

/* With an archive, numbers of the epoch before are shown as what they are. */
uint64_t stream_begin(const struct room *r)
{
    uint64_t first = stream_first(r);
    if (!asks_archived(r->hub) || r->epoch_first <= first)
        return first;
    return r->epoch_first <= r->top ? r->epoch_first : r->top + 1;
}

static size_t parts_from(const struct room *r, uint64_t first, struct frame_part *parts)
    REQUIRES(on_hub)
{
    size_t count = 0;
    for (uint64_t seq = first; seq <= r->top; seq++, count++) {
        const struct frame *f = r->cache[seq % RULE_HISTORY_MESSAGES];
        parts[count] = (struct frame_part){ frame_payload(f), frame_payload_size(f) };
    }
    return count;
}

size_t stream_parts(const struct room *r, struct frame_part parts[RULE_HISTORY_MESSAGES])
{
    return parts_from(r, stream_begin(r), parts);
}

static struct frame *history_of(const struct room *r, uint64_t first) REQUIRES(on_hub)
{
    struct frame_part parts[RULE_HISTORY_MESSAGES];
    struct page page = { .stream = r->name, .epoch = r->epoch, .messages = parts };
    page.count = parts_from(r, first, parts);
    if (asks_archived(r->hub) || first > stream_first(r))
        page.older = (struct page_end){ r->epoch, first };
    return event_history(&page);
}

struct frame *stream_history(struct room *r, uint64_t after, struct history_memo *memo)
{
    const bool archived = asks_archived(r->hub);
    if (!memo->frame || memo->after != after || memo->top != r->top || memo->archived != archived) {
        forget_memo(memo);
        memo->frame = history_of(r, after + 1);
        memo->after = after;
        memo->top = r->top;
        memo->archived = archived;
    }
    return memo->frame;
}

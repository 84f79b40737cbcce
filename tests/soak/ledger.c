/* What was sent and acknowledged, and the end. */
#include "ledger_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ledger *ledger_new(unsigned clients, unsigned rooms, unsigned window)
{
    struct ledger *l = xcalloc(1, sizeof *l);
    l->clients = clients;
    l->rooms = rooms;
    l->window = window;
    l->room = xcalloc(rooms, sizeof *l->room);
    l->views = xcalloc((size_t)clients * rooms, sizeof *l->views);
    l->writes = xcalloc((size_t)clients * rooms, sizeof *l->writes);
    return l;
}

void ledger_free(struct ledger *l)
{
    for (unsigned r = 0; r < l->rooms; r++) {
        for (uint32_t e = 0; e < l->room[r].epoch_count; e++)
            free(l->room[r].epochs[e].slots);
        free(l->room[r].epochs);
    }
    for (size_t i = 0; i < (size_t)l->clients * l->rooms; i++)
        free(l->writes[i].sent);
    free(l->room);
    free(l->views);
    free(l->writes);
    free(l);
}

uint64_t ledger_hash(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * UINT64_C(1099511628211);
    return hash;
}

void ledger_fault(struct ledger *l, uint64_t *count, uint64_t n, const char *fmt, ...)
{
    *count += n;
    if (l->reason_count == LEDGER_REASONS)
        return;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(l->reasons[l->reason_count++], LEDGER_REASON_BYTES, fmt, args);
    va_end(args);
}

/* ---- what was sent */

static bool is_settled(const struct sent *s)
{
    return s->refused || (s->acked && s->seen);
}

/* Makes room for one more: forgets the oldest of which all is known, or grows. */
static void written_reserve(struct ledger_written *w)
{
    uint32_t drop = 0;
    if (w->count < w->capacity)
        return;
    while (drop + LEDGER_RECENT < w->count && is_settled(&w->sent[drop]))
        drop++;
    w->count -= drop;
    w->first += drop;
    if (drop)
        memmove(w->sent, w->sent + drop, w->count * sizeof *w->sent);
    if (w->count <= w->capacity / 2 && w->capacity)
        return;
    w->capacity = w->capacity ? w->capacity * 2 : 2 * LEDGER_RECENT;
    w->sent = xrealloc(w->sent, w->capacity * sizeof *w->sent);
}

uint32_t ledger_next(const struct ledger *l, unsigned sender, unsigned room)
{
    const struct ledger_written *w = written_of(l, sender, room);
    return w->capacity ? w->first + w->count : 1;
}

void ledger_sent(struct ledger *l, unsigned sender, unsigned room, uint64_t text, int64_t sent_us)
{
    struct ledger_written *w = written_of(l, sender, room);
    if (!w->capacity)
        w->first = 1;
    written_reserve(w);
    w->sent[w->count++] =
        (struct sent){ .sent_us = sent_us, .text = text, .epochs = l->room[room].epoch_count };
    l->counts.sent++;
    l->unanswered++;
}

/* A message that is sent again has the same id, however often and in whatever epoch. */
void ledger_check_id(struct ledger *l, unsigned sender, unsigned room, uint32_t n, struct sent *s,
                     uint64_t id)
{
    if (s->id && s->id != id)
        ledger_fault(l, &l->counts.duplicated, 1,
                     "room %u: message %u of client %u has two ids: it was stored twice", room, n,
                     sender);
    s->id = id;
}

void ledger_check_acked_seq(struct ledger *l, unsigned sender, unsigned room, uint32_t n,
                            const struct sent *s)
{
    if (!s->acked || !s->seen || s->acked_seq == s->seq)
        return;
    if (s->epochs != l->room[room].epoch_count)
        return; /* the ack does not say of which epoch it is */
    ledger_fault(l, &l->counts.diverged, 1,
                 "room %u: message %u of client %u was acknowledged as %ju and shown as %ju", room,
                 n, sender, (uintmax_t)s->acked_seq, (uintmax_t)s->seq);
}

void ledger_acked(struct ledger *l, unsigned sender, unsigned room, uint32_t n, uint64_t seq,
                  uint64_t id, bool duplicate)
{
    struct sent *s = sent_find(l, sender, room, n);
    if (duplicate)
        l->counts.acked_duplicate++;
    if (!s)
        return;
    ledger_check_id(l, sender, room, n, s, id);
    if (s->acked) {
        if (s->acked_seq != seq && s->epochs == l->room[room].epoch_count)
            ledger_fault(l, &l->counts.duplicated, 1,
                         "room %u: message %u of client %u was acknowledged as %ju and as %ju",
                         room, n, sender, (uintmax_t)s->acked_seq, (uintmax_t)seq);
        return;
    }
    s->acked = true;
    s->acked_seq = seq;
    l->counts.acked++;
    l->unanswered -= !s->refused;
    l->unseen += !s->seen;
    ledger_check_acked_seq(l, sender, room, n, s);
}

void ledger_refused(struct ledger *l, unsigned sender, unsigned room, uint32_t n)
{
    struct sent *s = sent_find(l, sender, room, n);
    if (!s || s->acked || s->refused)
        return;
    s->refused = true;
    l->counts.refused++;
    l->unanswered--;
}

/* ---- the end */

static bool is_behind(const struct ledger *l, const struct ledger_view *v, unsigned room)
{
    const struct ledger_room *r = &l->room[room];
    return v->in && (v->epoch != r->epoch_count - 1 || v->pos != r->epochs[r->epoch_count - 1].top);
}

unsigned ledger_behind(const struct ledger *l)
{
    unsigned behind = 0;
    for (unsigned c = 0; c < l->clients; c++) {
        for (unsigned r = 0; r < l->rooms; r++)
            behind += is_behind(l, view_of(l, c, r), r);
    }
    return behind;
}

static void finish_view(struct ledger *l, unsigned client, unsigned room)
{
    const struct ledger_view *v = view_of(l, client, room);
    const struct ledger_room *r = &l->room[room];
    if (!is_behind(l, v, room))
        return;
    const struct epoch *e = &r->epochs[r->epoch_count - 1];
    if (v->epoch != r->epoch_count - 1)
        ledger_fault(l, &l->counts.lost, 1, "room %u: client %u never learned of epoch %s", room,
                     client, e->text);
    else
        ledger_fault(l, &l->counts.lost, e->top - v->pos,
                     "room %u: client %u stands at %ju and never got up to %ju", room, client,
                     (uintmax_t)v->pos, (uintmax_t)e->top);
}

static void finish_sender(struct ledger *l, unsigned sender, unsigned room)
{
    const struct ledger_written *w = written_of(l, sender, room);
    for (uint32_t i = 0; i < w->count; i++) {
        const struct sent *s = &w->sent[i];
        if (s->acked && !s->seen)
            ledger_fault(l, &l->counts.lost, 1,
                         "room %u: message %u of client %u was acknowledged as %ju and shown to "
                         "nobody",
                         room, w->first + i, sender, (uintmax_t)s->acked_seq);
        else if (!s->acked && !s->refused)
            ledger_fault(l, &l->counts.unacked, 1,
                         "room %u: message %u of client %u was never acknowledged", room,
                         w->first + i, sender);
    }
}

void ledger_finish(struct ledger *l)
{
    for (unsigned c = 0; c < l->clients; c++) {
        for (unsigned r = 0; r < l->rooms; r++) {
            finish_view(l, c, r);
            finish_sender(l, c, r);
        }
    }
}

bool ledger_holds(const struct ledger *l, bool allow_loss)
{
    uint64_t broken = 0;
#define X(name, loss, label) broken += (loss) && allow_loss ? 0 : l->counts.name;
    LEDGER_FAULTS(X)
#undef X
    return !broken;
}

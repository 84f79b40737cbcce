/* The canonical stream of a room: what stands at which number of which epoch. */
#include "ledger_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOTS_MIN = 2048,     /* of an epoch, before it is worth forgetting any */
    SLOTS_BEHIND = 256,   /* kept behind everybody: who joins sees up to `window` old ones */
    SLOTS_JUMP = 1 << 20, /* a larger jump of the numbers is not believed */
};

uint32_t ledger_epoch_index(struct ledger *l, unsigned room, const char *text)
{
    struct ledger_room *r = &l->room[room];
    char name[LEDGER_EPOCH_BYTES];
    (void)snprintf(name, sizeof name, "%s", text);
    for (uint32_t e = r->epoch_count; e-- > 0;) {
        if (!strcmp(r->epochs[e].text, name))
            return e;
    }
    l->counts.epochs += r->epoch_count > 0;
    r->epochs = xrealloc(r->epochs, (r->epoch_count + 1) * sizeof *r->epochs);
    r->epochs[r->epoch_count] = (struct epoch){ .forget_at = SLOTS_MIN };
    memcpy(r->epochs[r->epoch_count].text, name, sizeof name);
    return r->epoch_count++;
}

/* Numbers that every client in this epoch has passed are of no use any more, apart from those
 * that somebody who joins may still be shown. */
static void epoch_forget(struct ledger *l, unsigned room, uint32_t index)
{
    struct epoch *e = &l->room[room].epochs[index];
    uint64_t keep = e->top > SLOTS_BEHIND ? e->top - SLOTS_BEHIND : 0;
    for (unsigned c = 0; c < l->clients; c++) {
        const struct ledger_view *v = view_of(l, c, room);
        if (v->in && v->epoch == index && v->pos < keep)
            keep = v->pos;
    }
    if (keep > e->base) {
        size_t drop = keep - e->base;
        e->count -= drop;
        memmove(e->slots, e->slots + drop, e->count * sizeof *e->slots);
        e->base = keep;
    }
    e->forget_at = e->count > SLOTS_MIN / 2 ? e->count * 2 : SLOTS_MIN;
}

/* NULL: so old that it was forgotten, or no number to be believed. */
static struct slot *slot_of(struct ledger *l, unsigned room, uint32_t index, uint64_t seq)
{
    struct epoch *e = &l->room[room].epochs[index];
    if (!e->slots)
        e->base = seq > SLOTS_BEHIND ? seq - SLOTS_BEHIND : 0;
    else if (seq > e->top + SLOTS_JUMP)
        return NULL;
    if (seq < e->base)
        return NULL;
    if (e->count >= e->forget_at)
        epoch_forget(l, room, index);
    size_t at = seq - e->base;
    if (at >= e->capacity) {
        e->capacity = at < SLOTS_MIN / 2 ? SLOTS_MIN : at * 2;
        e->slots = xrealloc(e->slots, e->capacity * sizeof *e->slots);
    }
    if (at >= e->count) {
        memset(e->slots + e->count, 0, (at + 1 - e->count) * sizeof *e->slots);
        e->count = at + 1;
    }
    if (seq > e->top)
        e->top = seq;
    return &e->slots[at];
}

/* What the same sender wrote before stands before it, what it wrote later behind it. */
static void check_sender_order(struct ledger *l, unsigned sender, unsigned room, uint32_t n,
                               const struct sent *s)
{
    const struct ledger_written *w = written_of(l, sender, room);
    const struct sent *end = w->sent + w->count;
    for (const struct sent *o = s < w->sent + LEDGER_RECENT ? w->sent : s - LEDGER_RECENT;
         o < end && o <= s + LEDGER_RECENT; o++) {
        if (o == s || !o->seen || o->epoch != s->epoch || (o < s) == (o->seq < s->seq))
            continue;
        uint32_t other = w->first + (uint32_t)(o - w->sent);
        ledger_fault(l, &l->counts.reordered, 1,
                     "room %u: messages %u and %u of client %u stand at numbers %ju and %ju", room,
                     n, other, sender, (uintmax_t)s->seq, (uintmax_t)o->seq);
        return;
    }
}

/* An epoch that begins keeps the old messages and their numbers, also those of which no more is
 * known than what stood there. */
static bool is_kept(const struct ledger *l, unsigned room, uint32_t epoch,
                    const struct ledger_message *m)
{
    const struct ledger_room *r = &l->room[room];
    for (uint32_t e = 0; e < r->epoch_count; e++) {
        const struct epoch *o = &r->epochs[e];
        if (e == epoch || m->seq > o->top)
            continue;
        if (!o->slots) /* forgotten: it may have been there */
            return true;
        if (m->seq - o->base < o->count && o->slots[m->seq - o->base].whole == m->whole)
            return true;
    }
    return false;
}

/* A message was found at a number where nobody had seen anything yet. */
static void found(struct ledger *l, unsigned room, uint32_t epoch, const struct ledger_message *m)
{
    struct sent *s = sent_find(l, m->sender, room, m->n);
    if (!s) {
        bool old = m->sender < l->clients && m->n && m->n < ledger_next(l, m->sender, room);
        if (old && is_kept(l, room, epoch, m))
            return;
        ledger_fault(l, old ? &l->counts.duplicated : &l->counts.diverged, 1,
                     "room %u: number %ju is %s", room, (uintmax_t)m->seq,
                     old ? "an old message once more" : "a message that nobody sent");
        return;
    }
    if (s->text != m->text)
        ledger_fault(l, &l->counts.diverged, 1,
                     "room %u: number %ju is not as client %u sent it (its message %u)", room,
                     (uintmax_t)m->seq, m->sender, m->n);
    if (s->seen && s->epoch == epoch) {
        ledger_fault(l, &l->counts.duplicated, 1,
                     "room %u: message %u of client %u has the numbers %ju and %ju", room, m->n,
                     m->sender, (uintmax_t)s->seq, (uintmax_t)m->seq);
        return;
    }
    ledger_check_id(l, m->sender, room, m->n, s, m->id);
    if (s->acked && !s->seen)
        l->unseen--;
    s->seen = true;
    s->epoch = epoch;
    s->seq = m->seq;
    ledger_check_acked_seq(l, m->sender, room, m->n, s);
    check_sender_order(l, m->sender, room, m->n, s);
}

void ledger_place(struct ledger *l, unsigned client, unsigned room, uint32_t epoch,
                  const struct ledger_message *m)
{
    struct slot *slot = slot_of(l, room, epoch, m->seq);
    if (!slot)
        return;
    if (slot->whole) {
        if (slot->whole != m->whole)
            ledger_fault(l, &l->counts.diverged, 1,
                         "room %u: client %u has another message at number %ju than others", room,
                         client, (uintmax_t)m->seq);
        return;
    }
    *slot = (struct slot){ m->whole, m->sender, m->n };
    found(l, room, epoch, m);
}

void ledger_raise_top(struct ledger *l, unsigned room, uint32_t epoch, uint64_t top)
{
    struct epoch *e = &l->room[room].epochs[epoch];
    if (top > e->top && (!e->slots || top <= e->top + SLOTS_JUMP))
        e->top = top;
}

void ledger_forget_epochs(struct ledger *l, unsigned room)
{
    struct ledger_room *r = &l->room[room];
    for (uint32_t e = 0; e + 1 < r->epoch_count; e++) {
        bool used = !r->epochs[e].slots;
        for (unsigned c = 0; c < l->clients && !used; c++) {
            const struct ledger_view *v = view_of(l, c, room);
            used = v->in && v->epoch == e;
        }
        if (used)
            continue;
        free(r->epochs[e].slots);
        r->epochs[e].slots = NULL;
        r->epochs[e].count = r->epochs[e].capacity = 0;
    }
}

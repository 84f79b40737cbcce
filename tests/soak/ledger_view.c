/* What clients see: one position in each room, which moves without a hole or is told of a gap. */
#include "ledger_state.h"

#include <string.h>

bool ledger_ask(struct ledger *l, unsigned client, unsigned room, const char **epoch, uint64_t *seq)
{
    struct ledger_view *v = view_of(l, client, room);
    if (!v->in)
        return false;
    v->asks++;
    v->asked_seq = v->pos;
    *epoch = l->room[room].epochs[v->epoch].text;
    *seq = v->pos;
    return true;
}

/* Returns when it was sent; 0 when that is not known. */
static int64_t show(struct ledger *l, struct ledger_view *v, unsigned room,
                    const struct ledger_message *m)
{
    const struct sent *s = sent_find(l, m->sender, room, m->n);
    l->counts.deliveries++;
    if (!s)
        return 0;
    if (s->sent_us > v->newest_us)
        v->newest_us = s->sent_us;
    return s->sent_us;
}

enum ledger_live ledger_live(struct ledger *l, unsigned client, unsigned room,
                             const struct ledger_message *m, int64_t *sent_us)
{
    struct ledger_view *v = view_of(l, client, room);
    if (!v->in || !v->live)
        return LEDGER_IGNORED;
    ledger_place(l, client, room, v->epoch, m);
    if (m->seq <= v->wire) {
        bool again = m->seq <= v->pos || m->seq == v->wire;
        ledger_fault(l, again ? &l->counts.duplicated : &l->counts.reordered, 1,
                     "room %u: client %u got number %ju %s %ju", room, client, (uintmax_t)m->seq,
                     again ? "again, behind" : "behind", (uintmax_t)v->wire);
        return LEDGER_IGNORED;
    }
    v->wire = m->seq;
    if (m->seq != v->pos + 1)
        return LEDGER_HOLE;
    v->pos = m->seq;
    *sent_us = show(l, v, room, m);
    return LEDGER_SHOWN;
}

/* A history frame has each number once, in order, up to the top. */
static void check_history(struct ledger *l, unsigned client, unsigned room,
                          const struct ledger_answer *a)
{
    for (size_t i = 0; i < a->count; i++) {
        uint64_t seq = a->messages[i].seq;
        uint64_t next = i + 1 < a->count ? a->messages[i + 1].seq : a->top + 1;
        if (next == seq + 1)
            continue;
        uint64_t *count = next > seq    ? &l->counts.skipped
                          : next == seq ? &l->counts.duplicated
                                        : &l->counts.reordered;
        ledger_fault(l, count, next > seq ? next - seq - 1 : 1,
                     "room %u: client %u got a history with %ju behind %ju", room, client,
                     (uintmax_t)next, (uintmax_t)seq);
    }
}

/* A resume in the same epoch: all that is behind pos is there, or the gap is told exactly. */
static void check_resume(struct ledger *l, unsigned client, unsigned room, struct ledger_view *v,
                         const struct ledger_answer *a)
{
    uint64_t first = a->count ? a->messages[0].seq : a->top + 1;
    uint64_t gap = first > v->pos + 1 ? first - v->pos - 1 : 0;
    if (a->top < v->pos) {
        ledger_fault(l, &l->counts.lost, v->pos - a->top,
                     "room %u: client %u stands at %ju, and the top is %ju in the same epoch", room,
                     client, (uintmax_t)v->pos, (uintmax_t)a->top);
        return;
    }
    if (a->recovered) {
        if (gap || a->missed != a->count)
            ledger_fault(
                l, &l->counts.skipped, gap ? gap : 1,
                "room %u: client %u resumed from %ju, was told of %ju and got %zu up to %ju", room,
                client, (uintmax_t)v->pos, (uintmax_t)a->missed, a->count, (uintmax_t)a->top);
        return;
    }
    if (!gap)
        return;
    uint64_t exact = first - v->asked_seq - 1;
    if (a->missed < gap || (v->asks == 1 && a->missed != exact))
        ledger_fault(l, &l->counts.skipped, gap,
                     "room %u: client %u resumed from %ju, was told of a gap of %ju, and it is %ju",
                     room, client, (uintmax_t)v->pos, (uintmax_t)a->missed, (uintmax_t)gap);
    l->counts.gaps_declared++;
    l->counts.messages_declared += gap;
    if (a->top - v->asked_seq <= l->window)
        ledger_fault(l, &l->counts.gaps_in_window, 1,
                     "room %u: client %u was told of a gap of %ju, %ju behind the top", room,
                     client, (uintmax_t)gap, (uintmax_t)(a->top - v->asked_seq));
}

static bool has_message(const struct ledger_answer *a, const struct slot *slot)
{
    for (size_t i = 0; i < a->count; i++) {
        if (a->messages[i].sender == slot->sender && a->messages[i].n == slot->n)
            return true;
    }
    return false;
}

/* A new epoch is a gap of unknown size, though often of nothing. What it hides, of the messages
 * that were within the history window, was lost to this client. */
static void check_new_epoch(struct ledger *l, unsigned client, unsigned room,
                            const struct ledger_view *v, const struct ledger_answer *a)
{
    const struct epoch *old = &l->room[room].epochs[v->epoch];
    uint64_t hidden = 0;
    uint64_t from = old->top > l->window ? old->top - l->window : 0;
    if (a->recovered)
        ledger_fault(l, &l->counts.skipped, 1,
                     "room %u: client %u recovered across a change of the epoch", room, client);
    if (from < v->pos)
        from = v->pos;
    for (uint64_t seq = from + 1; seq <= old->top; seq++) {
        if (seq < old->base || seq - old->base >= old->count)
            continue;
        const struct slot *slot = &old->slots[seq - old->base];
        hidden += slot->whole && !has_message(a, slot);
    }
    l->counts.gaps_declared++;
    l->counts.messages_declared += a->missed ? a->missed : hidden;
    if (hidden)
        ledger_fault(l, &l->counts.gaps_in_window, 1,
                     "room %u: client %u was told of a new epoch, which hides %ju messages", room,
                     client, (uintmax_t)hidden);
}

void ledger_answer(struct ledger *l, unsigned client, unsigned room, const struct ledger_answer *a)
{
    struct ledger_view *v = view_of(l, client, room);
    uint32_t epoch = ledger_epoch_index(l, room, a->epoch);
    bool moved = v->in && v->epoch != epoch;
    if (!v->asks)
        v->asked_seq = v->pos;
    check_history(l, client, room, a);
    for (size_t i = 0; i < a->count; i++)
        ledger_place(l, client, room, epoch, &a->messages[i]);
    if (moved)
        check_new_epoch(l, client, room, v, a);
    else if (v->in)
        check_resume(l, client, room, v, a);
    for (size_t i = 0; i < a->count; i++) {
        if (v->in && !moved && a->messages[i].seq <= v->pos)
            continue;
        (void)show(l, v, room, &a->messages[i]);
        l->counts.recovered_messages += v->in && a->recovered;
    }
    v->epoch = epoch;
    v->pos = v->wire = a->top;
    v->asks = 0;
    v->in = v->live = true;
    ledger_raise_top(l, room, epoch, a->top);
    if (moved)
        ledger_forget_epochs(l, room);
}

void ledger_left(struct ledger *l, unsigned client, unsigned room)
{
    *view_of(l, client, room) = (struct ledger_view){ 0 };
}

void ledger_offline(struct ledger *l, unsigned client)
{
    for (unsigned r = 0; r < l->rooms; r++) {
        struct ledger_view *v = view_of(l, client, r);
        v->live = false;
        v->asks = 0;
        v->wire = 0;
    }
}

uint64_t ledger_position(const struct ledger *l, unsigned client, unsigned room)
{
    return view_of(l, client, room)->pos;
}

int64_t ledger_newest_us(const struct ledger *l, unsigned client, unsigned room)
{
    return view_of(l, client, room)->newest_us;
}

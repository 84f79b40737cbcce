#include "fanout.h"

#include "io.h"

#include <stdlib.h>

static struct net_room *find(const struct net_thread *t, uint32_t id)
{
    return id < t->room_capacity ? t->rooms[id] : NULL;
}

static struct net_room *find_or_make(struct net_thread *t, uint32_t id)
{
    if (id >= t->room_capacity) {
        uint32_t capacity = t->room_capacity ? t->room_capacity : 16;
        while (capacity <= id)
            capacity *= 2;
        t->rooms = xrealloc(t->rooms, capacity * sizeof(struct net_room *));
        for (uint32_t i = t->room_capacity; i < capacity; i++)
            t->rooms[i] = NULL;
        t->room_capacity = capacity;
    }
    if (!t->rooms[id]) {
        t->rooms[id] = xcalloc(1, sizeof(struct net_room));
        t->rooms[id]->id = id;
    }
    return t->rooms[id];
}

static void clear_run(struct net_room *r)
{
    for (uint32_t i = 0; i < r->run_count; i++)
        frame_unref(r->run[i]);
    r->run_count = r->run_bytes = r->run_events = 0;
    r->run_first = 0;
}

static void room_free(struct net_thread *t, struct net_room *r)
{
    t->rooms[r->id] = NULL;
    clear_run(r);
    free(r->run);
    free(r->members);
    free(r->name);
    free(r);
}

void fanout_send(struct net_thread *t, uint32_t room, struct frame *f)
{
    struct net_room *r = find(t, room);
    if (!r || !r->count) {
        frame_unref(f);
        return;
    }
    if (r->run_count == r->run_capacity) {
        r->run_capacity = r->run_capacity ? r->run_capacity * 2 : 8;
        r->run = xrealloc(r->run, r->run_capacity * sizeof(struct frame *));
    }
    r->run[r->run_count++] = f;
    r->run_bytes += f->size;
    r->run_events += f->class == FRAME_EVENT;
    if (r->run_bytes > t->run_bytes)
        t->run_bytes = r->run_bytes;
    if (f->seq && !r->run_first)
        r->run_first = f->seq;
    if (!r->dirty) {
        r->dirty = true;
        r->next_dirty = t->dirty_rooms;
        t->dirty_rooms = r;
    }
}

/* The run without some of its frames; NULL when nothing is left. */
static struct batch *part_of_run(const struct net_room *r, bool events, uint64_t after)
{
    struct frame **frames = xmalloc(r->run_count * sizeof(struct frame *));
    size_t n = 0;
    for (uint32_t i = 0; i < r->run_count; i++) {
        struct frame *f = r->run[i];
        if ((events || f->class != FRAME_EVENT) && (!f->seq || f->seq > after))
            frames[n++] = f;
    }
    struct batch *b = n ? batch_of_frames(frames, n, r->id) : NULL;
    free(frames);
    return b;
}

/* One run on its way into outboxes. */
struct delivery {
    struct batch *whole;
    struct batch *lean; /* without events; made when the first slow client needs it */
    bool has_lean;
};

static struct batch *lean_of(struct delivery *d, const struct net_room *r)
{
    if (!d->has_lean)
        d->lean = part_of_run(r, false, 0);
    d->has_lean = true;
    return d->lean;
}

static void deliver(struct net_thread *t, struct net_room *r, struct member *m, struct delivery *d)
    REQUIRES(on_net)
{
    struct session *s = m->session;
    struct batch *b = d->whole, *own = NULL;
    const enum lag_level level = lag_level(s, b->size);
    if (level == LAG_HARD) {
        lag_start(s);
        return;
    }
    if (r->run_first && m->served >= r->run_first) {
        b = own = part_of_run(r, level == LAG_NONE, m->served);
    } else if (level == LAG_SOFT && r->run_events) {
        b = lean_of(d, r);
        stat_add(t->net->stats, events_dropped, r->run_events);
    }
    if (b) {
        output_count(t, b->size);
        client_queue(s->client, own ? own : batch_ref(b));
        output_dirty(s);
    }
}

void fanout_close_run(struct net_thread *t, struct net_room *r)
{
    if (!r->run_count)
        return;
    struct delivery d = { .whole = batch_of_frames(r->run, r->run_count, r->id) };
    /* From the end: a member that lags gives its place to the last one. */
    for (uint32_t i = r->count; i-- > 0;)
        deliver(t, r, &r->members[i], &d);
    if (d.whole->last_seq)
        r->sent_seq = d.whole->last_seq;
    batch_unref(d.whole);
    batch_unref(d.lean);
    clear_run(r);
    r->closed_at = t->out.sends;
}

static struct seat *seat_of(const struct session *s, uint32_t room)
{
    for (uint32_t i = 0; i < s->seat_count; i++)
        if (s->seats[i].room->id == room)
            return &s->seats[i];
    return NULL;
}

static void sit(struct session *s, struct net_room *r, uint64_t served)
{
    if (s->seat_count == s->seat_capacity) {
        s->seat_capacity = s->seat_capacity ? s->seat_capacity * 2 : 1;
        s->seats = xrealloc(s->seats, s->seat_capacity * sizeof(*s->seats));
    }
    if (r->count == r->capacity) {
        r->capacity = r->capacity ? r->capacity * 2 : 4;
        r->members = xrealloc(r->members, r->capacity * sizeof(*r->members));
    }
    r->members[r->count] = (struct member){ s, s->seat_count, served };
    s->seats[s->seat_count++] = (struct seat){ r, r->count++ };
}

static void stand_up(struct session *s, struct seat *seat)
{
    struct net_room *r = seat->room;
    const uint32_t index = seat->index, slot = (uint32_t)(seat - s->seats);
    r->members[index] = r->members[--r->count];
    if (index < r->count)
        r->members[index].session->seats[r->members[index].slot].index = index;
    s->seats[slot] = s->seats[--s->seat_count];
    if (slot < s->seat_count)
        s->seats[slot].room->members[s->seats[slot].index].slot = slot;
    if (!r->count && !r->dirty)
        room_free(s->thread, r);
}

void fanout_add(struct session *s, uint32_t room, const char *name, uint64_t served)
{
    struct net_thread *t = s->thread;
    struct net_room *r = find_or_make(t, room);
    struct seat *seat = seat_of(s, room);
    if (seat) { /* what is in the run has come with the history */
        struct member *m = &r->members[seat->index];
        m->served = served > m->served ? served : m->served;
        return;
    }
    fanout_close_run(t, r);
    if (!r->count) {
        free(r->name);
        r->name = xstrdup(name);
        r->sent_seq = served;
    }
    sit(s, r, served);
}

void fanout_remove(struct session *s, uint32_t room)
{
    struct seat *seat = seat_of(s, room);
    if (!seat)
        return;
    fanout_close_run(s->thread, seat->room);
    seat = seat_of(s, room); /* it may have begun to lag */
    if (seat)
        stand_up(s, seat);
}

void fanout_remove_all(struct session *s)
{
    while (s->seat_count)
        stand_up(s, &s->seats[s->seat_count - 1]);
}

void fanout_room_flushed(struct net_thread *t, struct net_room *r)
{
    r->dirty = false;
    if (!r->count)
        room_free(t, r);
}

void fanout_fini(struct net_thread *t)
{
    for (uint32_t i = 0; i < t->room_capacity; i++)
        if (t->rooms[i])
            room_free(t, t->rooms[i]);
    free(t->rooms);
    t->rooms = NULL;
    t->room_capacity = 0;
    t->dirty_rooms = NULL;
}

/* Members of a room, its life, and delivery to the net threads. */
#include "state.h"

#include "confab/store/away.h"
#include "confab/wire/event_room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

void room_ref(struct room *r)
{
    r->refs++;
}

void room_unref(struct room *r)
{
    if (--r->refs)
        return;
    stream_clear(r);
    roster_clear(r);
    marks_free(r);
    str_fini(&r->members_text);
    str_fini(&r->joining);
    if (r->retry)
        event_free(r->retry);
    if (r->ask_again)
        event_free(r->ask_again);
    free(r);
}

struct room *room_find(struct hub *h, const char *name)
{
    struct room *r;
    HASH_FIND_STR(h->rooms, name, r);
    return r;
}

/* Ids are small and used again, so that net threads can keep rooms in an array. An id is free
 * once every member was taken out of it: the port keeps order, so its next use comes later. */
static uint32_t take_id(struct hub *h, struct room *r) REQUIRES(on_hub)
{
    uint32_t id = h->room_id_hint;
    while (id < h->room_id_capacity && h->room_ids[id])
        id++;
    if (id == h->room_id_capacity) {
        uint32_t capacity = id ? id * 2 : 64;
        h->room_ids = xrealloc(h->room_ids, capacity * sizeof *h->room_ids);
        memset(h->room_ids + id, 0, (capacity - id) * sizeof *h->room_ids);
        h->room_id_capacity = capacity;
    }
    h->room_ids[id] = r;
    h->room_id_hint = id + 1;
    return id;
}

static void give_id(struct hub *h, uint32_t id) REQUIRES(on_hub)
{
    h->room_ids[id] = NULL;
    if (id < h->room_id_hint)
        h->room_id_hint = id;
}

static struct room *room_new(struct hub *h, const char *name) REQUIRES(on_hub)
{
    size_t size = strlen(name) + 1;
    struct room *r = xcalloc(1, sizeof *r + size);
    memcpy(r->name, name, size);
    r->hub = h;
    r->refs = 1;
    r->id = take_id(h, r);
    HASH_ADD_KEYPTR(hh, h->rooms, r->name, size - 1, r);
    stat_add(h->stats, rooms, 1);
    store_subscribe(h->store, STORE_CHANNEL_ROOM, r->name);
    return r;
}

static void room_close(struct room *r) REQUIRES(on_hub)
{
    struct hub *h = r->hub;
    store_unsubscribe(h->store, STORE_CHANNEL_ROOM, r->name);
    HASH_DEL(h->rooms, r);
    give_id(h, r->id);
    stat_add(h->stats, rooms, -1);
    r->closed = true;
    access_lost(r, false);
    marks_free(r);
    room_unref(r);
}

struct membership *room_membership(const struct peer *p, const char *name)
{
    struct membership *m;
    DL_FOREACH2(p->rooms, m, peer_next)
    {
        if (strcmp(m->room->name, name) == 0)
            return m;
    }
    return NULL;
}

void room_send(struct room *r, struct frame *f)
{
    struct hub_port *port = &r->hub->port;
    for (unsigned net = 0; net < port->nets; net++)
        if (r->on_net[net])
            port->room_send(port->arg, net, r->id, f);
}

static void send_joined(struct membership *m, bool recovered, uint64_t missed) REQUIRES(on_hub)
{
    struct room *r = m->room;
    struct str guard = STR_INIT;
    if (m->guard_json)
        str_addz(&guard, m->guard_json);
    else if (r->guard[0])
        event_guard_json(&guard, r->guard);
    const struct joined joined = {
        .room = r->name,
        .epoch = r->epoch,
        .seq = r->top,
        .recovered = recovered,
        .missed = missed,
        .members = roster_text(r),
        .count = r->roster_count,
        .guard = guard.size ? guard.data : NULL,
    };
    peer_send_new(r->hub, m->peer, event_joined(&joined));
    str_fini(&guard);
    free(m->guard_json);
    m->guard_json = NULL;
    m->details = false;
}

/* Only who is let in is told of to the others. */
static void enter(struct membership *m) REQUIRES(on_hub)
{
    if (m->entered)
        return;
    m->entered = true;
    roster_join(m->room, m->peer->user->name);
}

/* joined, history, and live from there on. The hub is one thread and calls of the port keep
 * their order, so nothing falls in between and nothing comes twice. */
static void serve(struct membership *m) REQUIRES(on_hub)
{
    struct room *r = m->room;
    struct hub_port *port = &r->hub->port;
    uint64_t first = stream_begin(r);
    bool same = m->resumes && strcmp(m->epoch, r->epoch) == 0 && m->seq <= r->top;
    bool recovered = same && m->seq + 1 >= first;
    uint64_t after = recovered ? m->seq : first - 1;
    uint64_t missed = !same ? 0 : recovered ? r->top - m->seq : first - 1 - m->seq;

    enter(m);
    m->waiting = false;
    r->waiting--;
    r->on_net[m->peer->net]++;
    send_joined(m, recovered, missed);
    port->send(port->arg, m->peer, stream_history(r, after, recovered ? &r->resumed : &r->fresh));
    port->room_add(port->arg, m->peer, r->id, r->name, r->top);
    marks_send(m);
    if (!m->resumes && m->peer->device[0]) /* else it was in before */
        store_joined(r->hub->store, m->peer->user->name, r->name, true);
}

/* A client may stand ahead of this instance: it came from one whose bus was quicker. */
static bool is_ahead(const struct membership *m) REQUIRES(on_hub)
{
    return m->resumes && strcmp(m->epoch, m->room->epoch) == 0 && m->seq > m->room->top;
}

static bool is_let_in(const struct membership *m) REQUIRES(on_hub)
{
    return !m->room->guard[0] || m->cleared;
}

void room_answer(struct membership *m)
{
    struct room *r = m->room;
    if (r->state != ROOM_LIVE)
        return;
    if (!is_let_in(m)) {
        access_ask(r);
    } else if (is_ahead(m)) {
        r->state = ROOM_LOADING;
        stream_load(r);
    } else {
        serve(m);
    }
}

void room_hold(struct membership *m)
{
    struct room *r = m->room;
    if (m->waiting)
        return;
    r->hub->port.room_remove(r->hub->port.arg, m->peer, r->id);
    r->on_net[m->peer->net]--;
    m->waiting = true;
    r->waiting++;
}

void room_join(struct hub *h, struct peer *p, const char *name, const char *epoch, uint64_t seq)
{
    struct membership *m = room_membership(p, name);
    if (!m) {
        if (p->room_count >= RULE_ROOMS_PER_CLIENT) {
            peer_error(h, p, ERROR_TOO_MANY_ROOMS, NULL, "room", -1);
            return;
        }
        struct room *r = room_find(h, name);
        if (!r && HASH_COUNT(h->rooms) >= (size_t)h->settings->max_rooms) {
            peer_error(h, p, ERROR_BUSY, NULL, "room", 5000);
            return;
        }
        if (!r)
            r = room_new(h, name);
        m = xcalloc(1, sizeof *m);
        m->peer = p;
        m->room = r;
        DL_APPEND(r->members, m);
        DL_APPEND2(p->rooms, m, peer_prev, peer_next);
        r->member_count++;
        p->room_count++;
        m->waiting = true;
        r->waiting++;
    } else {
        room_hold(m); /* it resumes after it lagged */
    }
    m->cleared = false;
    m->details = true;
    m->resumes = epoch != NULL;
    m->seq = seq;
    if (epoch) {
        BUG_ON(strlen(epoch) >= sizeof m->epoch);
        memcpy(m->epoch, epoch, strlen(epoch) + 1);
    }
    room_answer(m);
}

void room_leave(struct hub *h, struct membership *m, bool announce)
{
    struct room *r = m->room;
    struct peer *p = m->peer;
    if (m->waiting) {
        r->waiting--;
    } else {
        h->port.room_remove(h->port.arg, p, r->id);
        r->on_net[p->net]--;
    }
    DL_DELETE(r->members, m);
    DL_DELETE2(p->rooms, m, peer_prev, peer_next);
    r->member_count--;
    p->room_count--;
    announce = announce && m->entered;
    free(m->guard_json);
    free(m);

    if (announce) { /* unless another connection of this user is still in */
        struct membership *other;
        DL_FOREACH(r->members, other)
        {
            if (other->entered && other->peer->user == p->user)
                break;
        }
        if (!other)
            roster_leave(r, p->user->name);
    }
    if (!r->members)
        room_close(r);
}

void room_message(struct hub *h, const char *name, const char *epoch, uint64_t seq,
                  const char *json, size_t size)
{
    struct room *r = room_find(h, name);
    if (r)
        stream_message(r, epoch, seq, event_message(seq, json, size));
}

void room_subscribed(struct hub *h, const char *name)
{
    struct room *r = room_find(h, name);
    if (!r || r->state != ROOM_SUBSCRIBING)
        return;
    r->state = ROOM_LOADING;
    roster_load(r);
    stream_load(r);
}

void room_resubscribe(struct room *r)
{
    r->state = ROOM_SUBSCRIBING;
    store_subscribe(r->hub->store, STORE_CHANNEL_ROOM, r->name);
}

/* Redis refuses to read the room (a key of another type, for example): those who wait are told;
 * those who are in stay, and the load is tried again. */
void room_refused(struct room *r)
{
    struct hub *h = r->hub;
    room_ref(r);
    struct membership *m, *next;
    DL_FOREACH_SAFE(r->members, m, next)
    {
        if (!m->waiting)
            continue;
        peer_error(h, m->peer, ERROR_STORE_FAILED, NULL, "room", -1);
        room_leave(h, m, false);
    }
    room_unref(r);
}

void room_answer_all(struct room *r)
{
    struct membership *m, *next;
    DL_FOREACH(r->members, m)
    {
        if (m->waiting && is_let_in(m))
            enter(m); /* each is told of all the others */
    }
    DL_FOREACH_SAFE(r->members, m, next)
    {
        if (m->waiting && is_let_in(m))
            serve(m); /* still ahead after a load: its numbers are not Redis' numbers */
    }
    access_ask(r);
}

void room_loaded_part(struct room *r)
{
    if (r->closed || r->state != ROOM_LOADING || r->lacks_list || r->loading_roster)
        return;
    r->state = ROOM_LIVE;
    stream_release_held(r); /* may find a hole and load again */
    if (r->state == ROOM_LIVE && r->waiting)
        room_answer_all(r);
}

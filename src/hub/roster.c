/* Who is in a room, on all instances. Redis decides (a lease per user and instance); each
 * instance keeps a copy that the room's channel brings up to date. Users are counted, not
 * connections. */
#include "state.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static struct roster_name *find(struct room *r, const char *name, size_t size) REQUIRES(on_hub)
{
    struct roster_name *n;
    HASH_FIND(hh, r->roster, name, size, n);
    return n;
}

static void forget_names(struct room *r) REQUIRES(on_hub)
{
    struct roster_name *n = r->roster, *next;
    HASH_CLEAR(hh, r->roster); /* the table; the names still hang together */
    for (; n; n = next) {
        next = n->hh.next;
        free(n);
    }
    str_reset(&r->members_text);
}

void roster_clear(struct room *r)
{
    forget_names(r);
    r->roster_count = 0;
    r->roster_large = false;
}

static void become_large(struct room *r, uint64_t count) REQUIRES(on_hub)
{
    forget_names(r);
    r->roster_large = true;
    r->roster_count = count;
}

void roster_add(struct room *r, const char *name, size_t size)
{
    if (r->roster_large || find(r, name, size))
        return;
    if (r->roster_count == RULE_MEMBERS_LISTED) {
        become_large(r, RULE_MEMBERS_LISTED + 1);
        return;
    }
    struct roster_name *n = xmalloc(sizeof *n + size + 1);
    memcpy(n->name, name, size);
    n->name[size] = '\0';
    HASH_ADD_KEYPTR(hh, r->roster, n->name, size, n);
    r->roster_count++;
    str_reset(&r->members_text);
}

static void roster_remove(struct room *r, const char *name, size_t size) REQUIRES(on_hub)
{
    struct roster_name *n = find(r, name, size);
    if (!n)
        return;
    HASH_DEL(r->roster, n);
    free(n);
    r->roster_count--;
    str_reset(&r->members_text);
}

/* Calls fn for each of the names joined by '\n'. */
static void each_name(struct room *r, const char *names,
                      void (*fn)(struct room *, const char *, size_t)) REQUIRES(on_hub)
{
    while (names && *names) {
        size_t size = strcspn(names, "\n");
        if (size)
            fn(r, names, size);
        names += size + (names[size] == '\n');
    }
}

const char *roster_text(struct room *r)
{
    if (r->roster_large)
        return NULL;
    if (!r->members_text.size) {
        struct roster_name *n, *next;
        HASH_ITER(hh, r->roster, n, next)
        {
            if (r->members_text.size)
                str_addc(&r->members_text, '\n');
            str_addz(&r->members_text, n->name);
        }
    }
    return r->members_text.size ? r->members_text.data : "";
}

/* Local users are members before Redis says so. */
static void add_local(struct room *r) REQUIRES(on_hub)
{
    struct membership *m;
    DL_FOREACH(r->members, m)
    {
        if (r->roster_large)
            return;
        if (!m->entered)
            continue;
        roster_add(r, m->peer->user->name, strlen(m->peer->user->name));
    }
}

static void loaded(void *arg, const struct store_roster *got)
{
    role_assume(&on_hub);
    struct room *r = arg;
    r->loading_roster = false;
    if (!r->closed && got->status == STORE_OK) {
        roster_clear(r);
        if (got->members)
            each_name(r, got->members, roster_add);
        else
            become_large(r, got->count);
        add_local(r);
        if (got->marks)
            marks_take(r, got->marks);
    }
    room_loaded_part(r); /* also after a failure: the next presence event mends the list */
    room_unref(r);
}

void roster_load(struct room *r)
{
    if (r->loading_roster)
        return;
    room_ref(r);
    r->loading_roster = true;
    if (store_roster(r->hub->store, r->name, loaded, r) == 0)
        return;
    r->loading_roster = false;
    room_unref(r);
}

static void announce_joins(struct room *r) REQUIRES(on_hub)
{
    if (!r->joining.size)
        return;
    store_presence_refresh(r->hub->store, r->name, r->joining.data);
    str_reset(&r->joining);
    r->announced_ms = clock_mono_ms();
}

/* An announcement goes to every member, so the price of joining grows with the room. Waiting in
 * proportion keeps it flat: 100 rooms that fill up to 100 members cost 0.47 ms of CPU per
 * connection with a fixed wait of 50 ms, 0.16 ms with 500 ms. */
static bool may_announce(const struct room *r) REQUIRES(on_hub)
{
    int64_t wait = (int64_t)r->member_count * PRESENCE_PER_MEMBER_MS;
    return clock_mono_ms() - r->announced_ms >= (wait < PRESENCE_MOST_MS ? wait : PRESENCE_MOST_MS);
}

static void gather(struct hub *h) REQUIRES(on_hub)
{
    struct timeval tv = { .tv_sec = 0, .tv_usec = PRESENCE_GATHER_MS * 1000 };
    if (!evtimer_pending(h->gather_timer, NULL))
        evtimer_add(h->gather_timer, &tv);
}

void roster_join(struct room *r, const char *name)
{
    roster_add(r, name, strlen(name));
    if (r->joining.size)
        str_addc(&r->joining, '\n');
    str_addz(&r->joining, name);
    if (may_announce(r))
        announce_joins(r);
    else
        gather(r->hub);
}

void roster_leave(struct room *r, const char *name)
{
    announce_joins(r); /* it may be among them, and whoever saw it come must see it go */
    store_presence_leave(r->hub->store, r->name, name);
}

void roster_gathered(struct hub *h)
{
    struct room *r, *next;
    HASH_ITER(hh, h->rooms, r, next)
    {
        if (may_announce(r))
            announce_joins(r);
        else if (r->joining.size)
            gather(h);
    }
}

void roster_presence(struct hub *h, const char *name, const char *join, const char *leave,
                     uint64_t count)
{
    struct room *r = room_find(h, name);
    if (!r)
        return;
    if (count > RULE_MEMBERS_LISTED) {
        become_large(r, count);
        r->count_changed = true; /* roster_counts() sends it */
        return;
    }
    if (r->roster_large) { /* it has shrunk: the names are in Redis */
        roster_load(r);
    } else {
        each_name(r, join, roster_add);
        each_name(r, leave, roster_remove);
    }
    struct frame *f = event_presence(r->name, join, leave, count);
    room_send(r, f);
    frame_unref(f);
}

void roster_counts(struct hub *h)
{
    struct room *r, *next;
    HASH_ITER(hh, h->rooms, r, next)
    {
        if (!r->count_changed)
            continue;
        r->count_changed = false;
        struct frame *f = event_presence(r->name, NULL, NULL, r->roster_count);
        room_send(r, f);
        frame_unref(f);
    }
}

/* Each user once, though they may have many connections in the room. */
static void refresh_room(struct hub *h, struct room *r) REQUIRES(on_hub)
{
    str_reset(&h->names);
    h->mark++;
    struct membership *m;
    DL_FOREACH(r->members, m)
    {
        struct user *u = m->peer->user;
        if (!m->entered || u->mark == h->mark)
            continue;
        u->mark = h->mark;
        if (h->names.size)
            str_addc(&h->names, '\n');
        str_addz(&h->names, u->name);
    }
    if (h->names.size)
        store_presence_refresh(h->store, r->name, h->names.data);
}

void roster_heartbeat(struct hub *h)
{
    struct room *r, *next_room;
    HASH_ITER(hh, h->rooms, r, next_room)
    {
        refresh_room(h, r);
    }
    str_reset(&h->names);
    struct user *u, *next_user;
    HASH_ITER(hh, h->users, u, next_user)
    {
        bool welcomed = false;
        for (struct peer *p = u->peers; p && !welcomed; p = p->next)
            welcomed = p->state == PEER_WELCOMED;
        if (!welcomed)
            continue;
        if (h->names.size)
            str_addc(&h->names, '\n');
        str_addz(&h->names, u->name);
    }
    store_online(h->store, h->names.size ? h->names.data : "");
}

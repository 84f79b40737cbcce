/* Who may be in a room. An ordinary room has no guard, and nothing here concerns it.
 *
 * A room with a guard lets nobody in whom Redis has not cleared. Acts come by the room's own
 * stream, which has no holes: who is taken out is taken out behind the message of the act, and who
 * may have to go is held out of the stream until Redis has said whether. An act that was missed is
 * seen by the version that the load of the hole brings; then that holds for all. */
#include "state.h"

#include "confab/store/rooms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { RETRY_UNAVAILABLE_MS = 1000, RETRY_BUSY_MS = 500 };

/* One call: members of one room about whom Redis is asked, in order. */
struct asking {
    struct room *room; /* a reference */
    uint64_t number;
    size_t count;
    struct peer *peers[]; /* a reference to each */
};

bool access_is_in(const struct membership *m)
{
    if (!m->waiting || m->cleared)
        return true;
    return m->room->epoch[0] && !m->room->guard[0];
}

/* --- those who may not ----------------------------------------------------------------------- */

/* Takes a member out who was in, or refuses one who is not in yet. why: of `left`. */
static void turn_out(struct membership *m, const char *why, int64_t until_ms) REQUIRES(on_hub)
{
    struct hub *h = m->room->hub;
    struct peer *p = m->peer;
    struct frame *f = event_left(m->room->name, why, until_ms);
    room_leave(h, m, true);
    peer_send_new(h, p, f);
}

static void refuse(struct membership *m, enum error_code code, int64_t retry_ms) REQUIRES(on_hub)
{
    struct hub *h = m->room->hub;
    struct peer *p = m->peer;
    room_leave(h, m, false);
    peer_error(h, p, code, NULL, "room", retry_ms);
}

/* banned_ms: as store_access has it; 0: not known */
static void shut_out(struct membership *m, char may, int64_t banned_ms) REQUIRES(on_hub)
{
    const bool banned = may == 'b';
    if (!m->entered)
        refuse(m, banned ? ERROR_BANNED : ERROR_PRIVATE_ROOM,
               banned && banned_ms > 0 ? banned_ms : -1);
    else
        turn_out(m, banned ? "banned" : "private", banned_ms > 0 ? clock_wall_ms() + banned_ms : 0);
}

/* --- asking ------------------------------------------------------------------------------------ */

static void ask_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    struct room *r = arg;
    if (!r->closed)
        access_ask(r);
}

static void ask_later(struct room *r) REQUIRES(on_hub)
{
    if (!r->ask_again)
        r->ask_again = evtimer_new(r->hub->base, ask_again, r);
    struct timeval tv = { .tv_sec = 0, .tv_usec = ROOM_RETRY_MS * 1000 };
    if (r->ask_again)
        evtimer_add(r->ask_again, &tv);
}

/* Redis did not say. Who was in stays out of the stream meanwhile. */
static void not_told(struct membership *m, enum error_code code, int64_t retry_ms) REQUIRES(on_hub)
{
    if (m->entered)
        ask_later(m->room);
    else
        refuse(m, code, retry_ms);
}

/* The membership that is asked about, if it is still the same one; it is not any more then. */
static struct membership *take_asked(const struct asking *a, size_t i) REQUIRES(on_hub)
{
    struct membership *m = room_membership(a->peers[i], a->room->name);
    if (!m || m->asked != a->number)
        return NULL;
    m->asked = 0;
    return m;
}

static void asking_free(struct asking *a) REQUIRES(on_hub)
{
    for (size_t i = 0; i < a->count; i++) {
        a->peers[i]->in_flight--;
        peer_unref(a->peers[i]);
    }
    room_unref(a->room);
    free(a);
}

static void fail(struct asking *a, enum error_code code, int64_t retry_ms) REQUIRES(on_hub)
{
    for (size_t i = 0; i < a->count; i++) {
        struct membership *m = take_asked(a, i);
        if (m)
            not_told(m, code, retry_ms);
    }
    asking_free(a);
}

static void told(struct membership *m, const struct store_access *r, size_t i) REQUIRES(on_hub)
{
    const bool doubtful = m->again;
    m->again = false;
    if (doubtful || !m->waiting) /* access_ask() follows; or the room has no owner any more */
        return;
    if (r->may[i] != '1') {
        shut_out(m, r->may[i], i == 0 ? r->banned_ms : 0);
        return;
    }
    m->cleared = true;
    free(m->guard_json);
    m->guard_json = NULL;
    if (!r->guard[0]) /* what its owner left of it */
        m->guard_json = xstrdup("");
    else if (m->details && i == 0 && r->detail)
        m->guard_json = xstrdup(r->detail);
    room_answer(m);
}

/* Who waits to be let in is told so. */
static void refuse_all(struct room *r) REQUIRES(on_hub)
{
    struct membership *m, *next;
    DL_FOREACH_SAFE(r->members, m, next)
    {
        if (m->waiting && !m->entered && !m->asked)
            refuse(m, ERROR_UNAVAILABLE, RETRY_UNAVAILABLE_MS);
    }
}

void access_lost(struct room *r, bool lost)
{
    lost = lost && !r->closed;
    if (lost != r->lost) {
        r->lost = lost;
        stat_add(r->hub->stats, rooms_lost, lost ? 1 : -1);
        if (lost || !r->closed)
            log_line(lost ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, lost ? "rules_lost" : "rules_back",
                     "room=%s guard=\"%s\"", r->name, r->guard);
    }
    if (lost)
        refuse_all(r);
}

static void answered(void *arg, const struct store_access *r)
{
    role_assume(&on_hub);
    struct asking *a = arg;
    if (r->lost || r->status == STORE_OK)
        access_lost(a->room, r->lost);
    if (r->status == STORE_REFUSED) {
        fail(a, ERROR_STORE_FAILED, -1);
        return;
    }
    if (r->status != STORE_OK || strlen(r->may) != a->count) {
        fail(a, ERROR_UNAVAILABLE, RETRY_UNAVAILABLE_MS);
        return;
    }
    for (size_t i = 0; i < a->count; i++) {
        struct membership *m = take_asked(a, i);
        if (m)
            told(m, r, i);
    }
    if (!a->room->closed)
        access_ask(a->room);
    asking_free(a);
}

static struct asking *asking_new(struct room *r, size_t most) REQUIRES(on_hub)
{
    struct asking *a = xmalloc(sizeof *a + most * sizeof *a->peers);
    room_ref(r);
    a->room = r;
    a->number = ++r->hub->next_asking;
    a->count = 0;
    return a;
}

static void ask_about(struct asking *a, struct membership *m) REQUIRES(on_hub)
{
    m->asked = a->number;
    m->peer->in_flight++;
    a->peers[a->count++] = peer_ref(m->peer);
}

static void dispatch(struct asking *a) REQUIRES(on_hub)
{
    struct hub *h = a->room->hub;
    str_reset(&h->names);
    for (size_t i = 0; i < a->count; i++) {
        if (i)
            str_addc(&h->names, '\n');
        str_addz(&h->names, a->peers[i]->user->name);
    }
    int error = store_access(h->store, a->room->name, a->room->guard, h->names.data, answered, a);
    if (error == -EBUSY)
        fail(a, ERROR_BUSY, RETRY_BUSY_MS);
    else if (error)
        fail(a, ERROR_UNAVAILABLE, RETRY_UNAVAILABLE_MS);
}

static bool is_to_be_asked(const struct membership *m) REQUIRES(on_hub)
{
    const struct event *later = m->room->ask_again;
    if (!m->waiting || m->cleared || m->asked)
        return false;
    return !m->entered || !later || !evtimer_pending(later, NULL);
}

/* Each by itself: Redis tells details of one. */
static void ask_about_joins(struct room *r) REQUIRES(on_hub)
{
    struct membership *m, *next;
    DL_FOREACH_SAFE(r->members, m, next)
    {
        if (!m->details || !is_to_be_asked(m))
            continue;
        if (!m->entered && m->peer->in_flight >= PEER_IN_FLIGHT_MAX) {
            refuse(m, ERROR_BUSY, RETRY_BUSY_MS);
            continue;
        }
        struct asking *a = asking_new(r, 1);
        ask_about(a, m);
        dispatch(a);
    }
}

static void ask_about_others(struct room *r) REQUIRES(on_hub)
{
    struct asking *a = NULL;
    struct membership *m, *next;
    DL_FOREACH_SAFE(r->members, m, next)
    {
        if (m->details || !is_to_be_asked(m))
            continue;
        a = a ? a : asking_new(r, STORE_ACCESS_MOST);
        ask_about(a, m);
        if (a->count == STORE_ACCESS_MOST) {
            dispatch(a);
            a = NULL;
        }
    }
    if (a)
        dispatch(a);
}

void access_ask(struct room *r)
{
    if (r->state != ROOM_LIVE || !r->guard[0])
        return;
    room_ref(r); /* it may lose its last member */
    ask_about_joins(r);
    if (!r->closed)
        ask_about_others(r);
    room_unref(r);
}

/* --- acts ---------------------------------------------------------------------------------------- */

static void doubt(struct membership *m) REQUIRES(on_hub)
{
    struct room *r = m->room;
    if (!m->waiting) {
        m->resumes = true;
        m->seq = r->top;
        memcpy(m->epoch, r->epoch, sizeof m->epoch);
        room_hold(m);
    }
    m->cleared = false;
    m->again = m->asked != 0;
}

static void doubt_all(struct room *r) REQUIRES(on_hub)
{
    for (struct membership *m = r->members; m; m = m->next)
        doubt(m);
}

static void set_guard(struct room *r, const char *guard, uint64_t version) REQUIRES(on_hub)
{
    text_copy(r->guard, sizeof r->guard, guard);
    r->version = version;
}

void access_loaded(struct room *r, const struct store_messages *got)
{
    const char *guard = got->guard ? got->guard : "";
    const bool other = got->version != r->version || strcmp(guard, r->guard) != 0;
    set_guard(r, guard, got->version);
    if (other && r->epoch[0])
        doubt_all(r);
}

/* Who only waits to be let in is answered by what Redis says of it now. */
static void take_out(struct membership *m, const char *why, int64_t until_ms) REQUIRES(on_hub)
{
    if (m->entered)
        turn_out(m, why, until_ms);
    else
        doubt(m);
}

static void take_out_all(struct room *r, const char *why) REQUIRES(on_hub)
{
    struct membership *m, *next;
    DL_FOREACH_SAFE(r->members, m, next)
    {
        take_out(m, why, 0);
    }
}

/* All connections of one person. fn(NULL, 0): doubt */
static void each_of(struct room *r, const char *name, const char *why, int64_t until_ms)
    REQUIRES(on_hub)
{
    struct user *u = user_find(r->hub, name);
    for (struct peer *p = u ? u->peers : NULL; p; p = p->next) {
        struct membership *m = room_membership(p, r->name);
        if (m && why)
            take_out(m, why, until_ms);
        else if (m)
            doubt(m);
    }
}

/* "-NAME WHY UNTIL", "-* WHY UNTIL", "?NAME" or "?*" */
static void follow_line(struct room *r, char *line) REQUIRES(on_hub)
{
    char *name = line + 1;
    char *why = strchr(name, ' ');
    char *until = why ? strchr(why + 1, ' ') : NULL;
    if (why)
        *why++ = '\0';
    if (until)
        *until++ = '\0';
    const bool all = strcmp(name, "*") == 0;
    if (line[0] == '-' && until && all)
        take_out_all(r, why);
    else if (line[0] == '-' && until)
        each_of(r, name, why, strtoll(until, NULL, 10));
    else if (line[0] == '?' && all)
        doubt_all(r);
    else if (line[0] == '?')
        each_of(r, name, NULL, 0);
}

static void follow(struct room *r, const char *lines) REQUIRES(on_hub)
{
    char *copy = xstrdup(lines);
    for (char *line = copy, *next; *line; line = next) {
        next = line + strcspn(line, "\n");
        if (*next)
            *next++ = '\0';
        follow_line(r, line);
    }
    free(copy);
}

void access_act(struct hub *h, const char *room, const char *epoch, uint64_t seq, uint64_t version,
                const char *guard, const char *json, size_t size, const char *lines)
{
    struct room *r = room_find(h, room);
    if (!r)
        return;
    const bool live = r->state == ROOM_LIVE;
    const bool known = live && strcmp(epoch, r->epoch) == 0 && seq <= r->top;
    stream_message(r, epoch, seq, event_message(seq, json, size));
    if (known) /* a load brought it, and its version */
        return;
    room_ref(r);
    if (r->state == ROOM_LIVE) {
        set_guard(r, guard, version);
        follow(r, lines);
        room_answer_all(r);
    } else {
        /* Nobody is in until a load has come that began after the act. */
        follow(r, lines);
        doubt_all(r);
        r->changed |= !live;
    }
    room_unref(r);
}

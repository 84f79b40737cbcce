/* Who has what of a room: up to which numbers people have received and read. docs/PROTOCOL.md,
 * "Receipts".
 *
 * What members here say is gathered and goes to Redis at most once a second; what Redis says has
 * risen is gathered and told to the members at most once a second. So a room costs two calls and a
 * frame a second however fast it talks, a large one nothing, and publishing nothing at all. */
#include "state.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
    TICK_MS = 100,   /* how soon the first one goes out */
    EVERY_MS = 1000, /* … and the next ones */
};

struct mark {
    UT_hash_handle hh;                 /* marks.table by name */
    uint64_t received, read;           /* as Redis has it */
    uint64_t said_received, said_read; /* by members here, not stored yet; 0: nothing */
    bool news;                         /* the members have not been told */
    char name[];
};

struct marks {
    struct room *room;
    struct marks *prev, *next; /* hub.marking: what the timer looks at */
    bool listed;
    bool says, tells;                 /* something is to be stored, to be told */
    int64_t stored_ms, told_ms;       /* when that was done last, on the monotone clock */
    char epoch[RULE_EPOCH_BYTES + 1]; /* all of it is of this one */
    struct mark *table;
    struct frame *all; /* what marks_send() sends; NULL: to be built */
};

bool marks_are_told(const struct room *r)
{
    return !r->roster_large && r->roster_count <= RULE_RECEIPTS;
}

/* The analyzer does not see that HASH_DEL takes out what is freed then.
 * NOLINTBEGIN(clang-analyzer-unix.Malloc) */

static void forget(struct marks *all, struct mark *m) REQUIRES(on_hub)
{
    HASH_DEL(all->table, m);
    free(m);
}

static void changed(struct marks *all) REQUIRES(on_hub)
{
    frame_unref(all->all); /* NULL: nothing */
    all->all = NULL;
}

/* NULL epoch: it ends. */
static void begin(struct marks *all, const char *epoch) REQUIRES(on_hub)
{
    struct mark *m = all->table, *next;
    HASH_CLEAR(hh, all->table); /* frees the table, not what was in it */
    for (; m; m = next) {
        next = m->hh.next;
        free(m);
    }
    changed(all);
    all->says = all->tells = false;
    text_copy(all->epoch, sizeof all->epoch, epoch ? epoch : "");
}

/* Those who left make room for those who are here. */
static void forget_absent(struct marks *all) REQUIRES(on_hub)
{
    struct mark *m, *next;
    HASH_ITER(hh, all->table, m, next)
    {
        struct roster_name *here;
        HASH_FIND_STR(all->room->roster, m->name, here);
        if (!here)
            forget(all, m);
    }
}

/* NULL: there are too many already. */
static struct mark *mark_of(struct marks *all, const char *name, size_t size) REQUIRES(on_hub)
{
    struct mark *m;
    HASH_FIND(hh, all->table, name, size, m);
    if (m)
        return m;
    if (HASH_COUNT(all->table) >= STORE_MARKS_MOST)
        forget_absent(all);
    if (HASH_COUNT(all->table) >= STORE_MARKS_MOST)
        return NULL;
    m = xcalloc(1, sizeof *m + size + 1);
    memcpy(m->name, name, size);
    HASH_ADD_KEYPTR(hh, all->table, m->name, size, m);
    return m;
}

/* NOLINTEND(clang-analyzer-unix.Malloc) */

/* The room's, of this epoch. */
static struct marks *marks_of(struct room *r, const char *epoch) REQUIRES(on_hub)
{
    if (!r->marks) {
        r->marks = xcalloc(1, sizeof *r->marks);
        r->marks->room = r;
    }
    if (strcmp(r->marks->epoch, epoch) != 0)
        begin(r->marks, epoch);
    return r->marks;
}

/* ---- the timer, which runs while there is something to do ---- */

static void add_mark(struct str *out, const struct mark *m)
{
    str_addz(out, out->size ? ",\"" : "\"");
    str_addz(out, m->name);
    str_addz(out, "\":[");
    str_addu(out, m->received);
    str_addc(out, ',');
    str_addu(out, m->read);
    str_addc(out, ']');
}

static void store(struct marks *all) REQUIRES(on_hub)
{
    struct store_mark list[STORE_MARKS_MOST];
    size_t count = 0;
    for (struct mark *m = all->table; m; m = m->hh.next) {
        if (m->said_received > m->received || m->said_read > m->read)
            list[count++] = (struct store_mark){ .user = m->name,
                                                 .received = m->said_received,
                                                 .read = m->said_read };
        m->said_received = m->said_read = 0;
    }
    all->says = false;
    store_marks(all->room->hub->store, all->room->name, all->epoch, list, count);
}

static void tell(struct marks *all) REQUIRES(on_hub)
{
    struct str text = STR_INIT;
    for (struct mark *m = all->table; m; m = m->hh.next) {
        if (m->news)
            add_mark(&text, m);
        m->news = false;
    }
    all->tells = false;
    if (text.size > 0 && marks_are_told(all->room)) {
        struct frame *f = event_marks(all->room->name, all->epoch, &text);
        room_send(all->room, f);
        frame_unref(f);
    }
    str_fini(&text);
}

static void look(struct marks *all, int64_t now) REQUIRES(on_hub)
{
    if (all->says && now - all->stored_ms >= EVERY_MS) {
        all->stored_ms = now;
        store(all);
    }
    if (all->tells && now - all->told_ms >= EVERY_MS) {
        all->told_ms = now;
        tell(all);
    }
    if (all->says || all->tells)
        return;
    all->listed = false;
    DL_DELETE(all->room->hub->marking, all);
}

static void look_later(struct hub *h) REQUIRES(on_hub);

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    struct hub *h = arg;
    const int64_t now = clock_mono_ms();
    struct marks *all, *next;
    DL_FOREACH_SAFE(h->marking, all, next)
    {
        look(all, now);
    }
    if (h->marking)
        look_later(h);
}

static void look_later(struct hub *h)
{
    if (!h->marks_timer)
        h->marks_timer = evtimer_new(h->base, on_timer, h);
    struct timeval tv = { .tv_sec = 0, .tv_usec = TICK_MS * 1000 };
    if (!h->marks_timer || evtimer_add(h->marks_timer, &tv) != 0)
        BUG("evtimer_new");
}

static void look_at(struct marks *all) REQUIRES(on_hub)
{
    struct hub *h = all->room->hub;
    if (all->listed)
        return;
    if (!h->marking)
        look_later(h);
    all->listed = true;
    DL_APPEND(h->marking, all);
}

/* ---- what comes ---- */

static uint64_t higher(uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

void marks_note(struct room *r, const char *user, uint64_t received, uint64_t read)
{
    if (!marks_are_told(r) || !r->epoch[0])
        return;
    struct marks *all = marks_of(r, r->epoch);
    struct mark *m = mark_of(all, user, strlen(user));
    if (!m || (received <= m->received && read <= m->read))
        return;
    m->said_received = higher(received, m->said_received);
    m->said_read = higher(read, m->said_read);
    all->says = true;
    look_at(all);
}

/* "NAME RECEIVED READ" */
static void take_line(struct marks *all, const char *line) REQUIRES(on_hub)
{
    const size_t size = strcspn(line, " \n");
    struct mark *m = line[size] == ' ' ? mark_of(all, line, size) : NULL;
    if (!m)
        return;
    char *end;
    m->received = strtoull(line + size, &end, 10);
    m->read = strtoull(end, NULL, 10);
    m->news = true;
}

void marks_take(struct room *r, const char *text)
{
    char epoch[RULE_EPOCH_BYTES + 1];
    size_t size = strcspn(text, "\n");
    if (size >= sizeof epoch)
        return;
    memcpy(epoch, text, size);
    epoch[size] = '\0';
    struct marks *all = marks_of(r, epoch);
    for (text += size; *text; text += strcspn(text, "\n")) {
        text++;
        take_line(all, text);
    }
    changed(all);
    all->tells = true;
    look_at(all);
}

void marks_told(void *arg, const char *room, const char *text)
{
    role_assume(&on_hub);
    struct room *r = room_find(arg, room);
    if (r)
        marks_take(r, text);
}

/* ---- who comes, and the end ---- */

void marks_send(struct membership *m)
{
    struct room *r = m->room;
    struct marks *all = r->marks;
    if (!all || !marks_are_told(r) || strcmp(all->epoch, r->epoch) != 0)
        return;
    if (!all->all) {
        struct str text = STR_INIT;
        for (struct mark *one = all->table; one; one = one->hh.next)
            if (one->received > 0 || one->read > 0)
                add_mark(&text, one);
        if (text.size > 0)
            all->all = event_marks(r->name, all->epoch, &text);
        str_fini(&text);
    }
    if (all->all)
        r->hub->port.send(r->hub->port.arg, m->peer, all->all);
}

void marks_free(struct room *r)
{
    struct marks *all = r->marks;
    if (!all)
        return;
    if (all->listed)
        DL_DELETE(r->hub->marking, all);
    begin(all, NULL);
    free(all);
    r->marks = NULL;
}

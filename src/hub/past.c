/* What was said before: pages of history and searches, from the list that Redis keeps or from the
 * archive behind it.
 *
 * A page comes from one source, never joined of two, so it has no seam: while the list has
 * something of it, from the list, though it be short; else from the archive. The cursors in the
 * answer lead on. */
#include "state.h"

#include "confab/store/rooms.h"
#include "confab/wire/event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    RETRY_UNAVAILABLE_MS = 1000,
    RETRY_BUSY_MS = 500,
    PEER_ASKS_MAX = 16, /* requests of one peer that wait */
    ACCESS_ASKS_MAX = 3,
};

/* A request that waits for Redis or an archive. */
struct past {
    struct hub *hub;
    struct peer *peer;
    struct command *command;              /* own */
    char stream[ROOM_MAX_BYTES + 2];      /* room or "@NAME" */
    char now_epoch[RULE_EPOCH_BYTES + 1]; /* the stream's, when the archive was asked */
    bool list_only;                       /* the archive has nothing that could follow */
    unsigned access_asks;                 /* how often Redis was asked who may read */
};

/* The list of a stream, whole or the part that matters. */
struct view {
    const char *epoch;
    uint64_t epoch_first, top;
    uint64_t first; /* number of messages[0]; top + 1 when there are none */
    const struct frame_part *messages;
    size_t count;
    bool more; /* the list has older ones */
};

/* --- who may read what -------------------------------------------------------------------- */

/* Whether that can be told without Redis: ERROR_NONE, or why not; *ask: it has to be asked. */
static enum error_code may_read(struct hub *h, const struct peer *p, const struct command *c,
                                bool *ask) REQUIRES(on_hub)
{
    *ask = false;
    if (!c->room) /* conversations: one's own */
        return p->user ? ERROR_NONE : ERROR_LOGIN_REQUIRED;
    if (p->http) {
        const struct room *r = room_find(h, c->room);
        *ask = !c->admin && (!r || r->state != ROOM_LIVE || r->guard[0]);
        return ERROR_NONE;
    }
    const struct membership *m = room_membership(p, c->room);
    *ask = m && !access_is_in(m);
    return m ? ERROR_NONE : ERROR_NOT_JOINED;
}

/* --- the life of a request ----------------------------------------------------------------- */

static struct past *past_new(struct hub *h, struct peer *p, struct command *c) REQUIRES(on_hub)
{
    struct past *op = xcalloc(1, sizeof *op);
    op->hub = h;
    op->peer = peer_ref(p);
    op->command = c;
    if (c->to)
        op->stream[0] = '@';
    if (c->to || c->room)
        text_copy(op->stream + (c->to != NULL), sizeof op->stream - 1, c->to ? c->to : c->room);
    p->asks++;
    p->in_flight++; /* as long as it waits, the peer is not idle */
    return op;
}

static void past_free(struct past *op) REQUIRES(on_hub)
{
    op->peer->asks--;
    op->peer->in_flight--;
    peer_unref(op->peer);
    command_free(op->command);
    free(op);
}

static void refuse(struct past *op, enum error_code code, const char *field, int64_t retry_ms)
    REQUIRES(on_hub)
{
    peer_error(op->hub, op->peer, code, op->command->cid, field, retry_ms);
    past_free(op);
}

static void refuse_unsent(struct past *op, int error) REQUIRES(on_hub)
{
    if (error == -EBUSY)
        refuse(op, ERROR_BUSY, NULL, RETRY_BUSY_MS);
    else
        refuse(op, ERROR_UNAVAILABLE, NULL, RETRY_UNAVAILABLE_MS);
}

static void send_page(struct past *op, struct page *page) REQUIRES(on_hub)
{
    page->stream = op->stream;
    page->cid = op->command->cid;
    peer_send_new(op->hub, op->peer, event_history(page));
    past_free(op);
}

/* Who asks, for Redis: "" is nobody in particular. */
static const char *reader(const struct past *op) REQUIRES(on_hub)
{
    if (op->peer->user)
        return op->peer->user->name;
    return op->command->claims ? op->command->claims->user : "";
}

/* --- from the list ---------------------------------------------------------------------------- */

/* When it was published, by what stands in it (event_message_pieces()): a quote inside of a text
 * is escaped, so the first match is the field. 0: not there. */
static int64_t time_of(const struct frame_part *message)
{
    static const char field[] = ",\"timestamp\":";
    const char *at = memmem(message->data, message->size, field, sizeof field - 1);
    const char *end = (const char *)message->data + message->size;
    int64_t ms = 0;
    for (at = at ? at + sizeof field - 1 : end; at < end && *at >= '0' && *at <= '9'; at++)
        ms = ms * 10 + (*at - '0');
    return ms;
}

/* The number of the first message at that time or later; top + 1 when there is none. */
static uint64_t number_at(const struct view *v, int64_t ms)
{
    size_t i = 0;
    while (i < v->count && time_of(&v->messages[i]) < ms)
        i++;
    return v->first + i;
}

/* Which numbers of the list are the page: first … end - 1. False when the list does not reach. */
static bool cut_page(const struct view *v, const struct command *c, uint64_t *first, uint64_t *end)
{
    if (c->way == PAGE_BEFORE) {
        *end = c->seq <= v->top ? c->seq : v->top + 1;
        *first = *end > v->first + c->limit ? *end - c->limit : v->first;
        return *end > v->first;
    }
    *first = c->way == PAGE_AT ? number_at(v, c->at_ms) : c->seq < v->top ? c->seq + 1 : v->top + 1;
    *end = *first + c->limit <= v->top ? *first + c->limit : v->top + 1;
    return *first > v->first || (*first == v->first && c->way == PAGE_AFTER);
}

/* The list is all there is. */
static void cut_list(const struct view *v, const struct command *c, uint64_t *first, uint64_t *end,
                     uint64_t *missing)
{
    *missing = 0;
    if (cut_page(v, c, first, end))
        return;
    if (c->way == PAGE_BEFORE) {
        *first = *end;
        return;
    }
    if (c->way == PAGE_AFTER && v->first > *first)
        *missing = v->first - *first;
    *first = v->first;
    *end = v->count > c->limit ? v->first + c->limit : v->top + 1;
}

static struct page page_of(const struct hub *h, const struct view *v, uint64_t first, uint64_t end)
    REQUIRES(on_hub)
{
    const bool older = asks_archived(h) || v->more || first > v->first;
    struct page page = { .epoch = v->epoch, .count = (size_t)(end - first) };
    if (page.count)
        page.messages = v->messages + (first - v->first);
    if (older && (page.count || asks_archived(h)))
        page.older = (struct page_end){ v->epoch, first };
    if (page.count && end <= v->top)
        page.newer = (struct page_end){ v->epoch, end - 1 };
    return page;
}

/* --- from the archive --------------------------------------------------------------------------- */

static void run_history(struct past *op) REQUIRES(on_hub);

/* Nothing behind the cursor, though the stream goes on: those messages were never archived, and
 * what the list has comes next. */
static bool lacks_all(const struct past *op, const struct frame *f, uint64_t newest)
{
    const struct command *c = op->command;
    return c->type == COMMAND_HISTORY && c->way != PAGE_BEFORE && newest == 0 &&
           (!c->epoch || strcmp(c->epoch, op->now_epoch) == 0) && f->http_status == 200;
}

/* While the archive was looking. */
static bool has_left(const struct past *op) REQUIRES(on_hub)
{
    const char *room = op->command->room;
    return room && !op->peer->http && !room_membership(op->peer, room);
}

static void asked(void *arg, struct frame *f, uint64_t newest)
{
    role_assume(&on_hub);
    struct past *op = arg;
    if (lacks_all(op, f, newest)) {
        op->list_only = true;
        run_history(op);
        return;
    }
    if (has_left(op)) {
        refuse(op, ERROR_NOT_JOINED, "room", -1);
        return;
    }
    op->hub->port.send(op->hub->port.arg, op->peer, f);
    past_free(op);
}

/* Takes op. */
static void ask(struct past *op, const struct ask *ask) REQUIRES(on_hub)
{
    int error = asks_start(op->hub, ask, asked, op);
    if (error)
        refuse_unsent(op, error);
}

static void add_stream(struct str *out, const struct past *op) REQUIRES(on_hub)
{
    const struct command *c = op->command;
    asks_stream(out, c->room, c->to ? op->peer->user->name : NULL, c->to);
}

/* now: NULL when it is not known */
static void ask_page(struct past *op, const struct view *now) REQUIRES(on_hub)
{
    const struct command *c = op->command;
    struct str stream = STR_INIT;
    add_stream(&stream, op);
    struct ask a = { .page = { .stream = stream.data,
                               .epoch = c->epoch,
                               .way = c->way,
                               .seq = c->seq,
                               .at_ms = c->at_ms,
                               .limit = c->limit,
                               .own_ms = c->to ? op->peer->user->since_ms : 0 },
                     .as = op->stream,
                     .cid = c->cid };
    if (now && now->epoch[0]) {
        text_copy(op->now_epoch, sizeof op->now_epoch, now->epoch);
        a.now_epoch = now->epoch;
        a.now_first = now->epoch_first;
        a.now_top = now->top;
        if (!c->epoch && c->way != PAGE_AT)
            a.page.epoch = now->epoch;
        if (c->way == PAGE_BEFORE && a.page.epoch && strcmp(a.page.epoch, now->epoch) == 0 &&
            c->seq > now->top)
            a.page.seq = now->top + 1;
    }
    ask(op, &a);
    str_fini(&stream);
}

/* --- history ----------------------------------------------------------------------------------- */

static void answer_view(struct past *op, const struct view *v) REQUIRES(on_hub)
{
    const struct command *c = op->command;
    const bool other = c->epoch && strcmp(c->epoch, v->epoch) != 0;
    const bool archived = asks_archived(op->hub) && !op->list_only;
    uint64_t first, end, missing = 0;
    if (other && !archived) {
        refuse(op, ERROR_BAD_CURSOR, "epoch", -1);
        return;
    }
    if (other || (archived && !cut_page(v, c, &first, &end))) {
        ask_page(op, v);
        return;
    }
    cut_list(v, c, &first, &end, &missing);
    struct page page = page_of(op->hub, v, first, end);
    page.missing = missing;
    send_page(op, &page);
}

/* Numbers below epoch_first belong to the epoch before, where the archive has them. */
static void leave_out_older_epoch(const struct hub *h, struct view *v) REQUIRES(on_hub)
{
    if (!asks_archived(h) || v->first >= v->epoch_first)
        return;
    uint64_t over = v->epoch_first - v->first;
    over = over < v->count ? over : v->count;
    v->first += over;
    v->messages += over;
    v->count -= over;
    v->more = false;
}

static void listed(void *arg, const struct store_messages *r)
{
    role_assume(&on_hub);
    struct past *op = arg;
    if (r->status == STORE_UNAVAILABLE && op->hub->archive) {
        ask_page(op, NULL);
    } else if (r->status == STORE_REFUSED) {
        refuse(op, ERROR_STORE_FAILED, NULL, -1);
    } else if (r->status == STORE_DENIED) {
        refuse(op, r->error, NULL, r->retry_after_ms);
    } else if (r->status != STORE_OK) {
        refuse(op, ERROR_UNAVAILABLE, NULL, RETRY_UNAVAILABLE_MS);
    } else {
        struct view v = { .epoch = r->epoch,
                          .epoch_first = r->epoch_first,
                          .top = r->seq,
                          .first = r->count ? r->first_seq : r->seq + 1,
                          .messages = r->messages,
                          .count = r->count,
                          .more = r->more };
        leave_out_older_epoch(op->hub, &v);
        answer_view(op, &v);
    }
}

/* The messages that come before a number are asked for as such; else the whole list is looked at. */
static void read_list(struct past *op) REQUIRES(on_hub)
{
    const struct command *c = op->command;
    const bool before = c->way == PAGE_BEFORE && !c->epoch;
    int error = store_page(op->hub->store, op->stream, reader(op), before ? c->seq : UINT64_MAX,
                           before ? c->limit : RULE_HISTORY_MESSAGES, listed, op);
    if (error == -ENOTCONN && op->hub->archive)
        ask_page(op, NULL);
    else if (error)
        refuse_unsent(op, error);
}

static void run_history(struct past *op)
{
    const struct command *c = op->command;
    struct room *r = c->room ? room_find(op->hub, c->room) : NULL;
    /* What was acknowledged here is in the list; to the copy it comes a moment later. */
    if (!r || r->state != ROOM_LIVE || r->acked > r->top) {
        read_list(op);
        return;
    }
    struct frame_part parts[RULE_HISTORY_MESSAGES];
    struct view v = { .epoch = r->epoch,
                      .epoch_first = r->epoch_first,
                      .top = r->top,
                      .first = stream_begin(r),
                      .messages = parts,
                      .count = stream_parts(r, parts) };
    answer_view(op, &v);
}

/* --- search ------------------------------------------------------------------------------------ */

struct scope {
    struct str texts;
    size_t starts[RULE_ROOMS_PER_CLIENT + 1];
    const char *streams[RULE_ROOMS_PER_CLIENT + 1];
    size_t count;
};

static void scope_add(struct scope *s, const char *kind, const char *name)
{
    s->starts[s->count++] = s->texts.size;
    str_addz(&s->texts, kind);
    str_add(&s->texts, name, strlen(name) + 1);
}

/* What was asked for, else everything that the peer may read: its conversations and the rooms that
 * it is in; or without a connection those that it may read. */
static void fill_scope(struct scope *s, const struct past *op, const struct store_readable *r)
    REQUIRES(on_hub)
{
    if (op->stream[0]) {
        s->starts[s->count++] = 0;
        add_stream(&s->texts, op);
    } else {
        for (const struct membership *m = op->peer->rooms; m; m = m->peer_next)
            if (access_is_in(m))
                scope_add(s, "r:", m->room->name);
        for (size_t i = 0; r && i < r->count; i++)
            scope_add(s, "r:", r->rooms[i]);
        scope_add(s, "d:", reader(op));
    }
    for (size_t i = 0; i < s->count; i++)
        s->streams[i] = s->texts.data + s->starts[i];
}

/* r: NULL for a connection, and where a room was named */
static void run_search(struct past *op, const struct store_readable *r) REQUIRES(on_hub)
{
    const struct command *c = op->command;
    struct scope s = { .count = 0 };
    fill_scope(&s, op, r);
    struct ask a = { .kind = ASK_SEARCH,
                     .find = { .q = c->query,
                               .streams = s.streams,
                               .stream_count = s.count,
                               .user = c->author,
                               .since_ms = c->since_ms,
                               .until_ms = c->until_ms,
                               .own_ms = op->peer->user ? op->peer->user->since_ms
                                         : r            ? r->since_ms
                                                        : 0,
                               .limit = c->limit,
                               .cursor = c->cursor },
                     .cid = c->cid,
                     .viewer = *reader(op) ? reader(op) : NULL };
    ask(op, &a);
    str_fini(&s.texts);
}

static void readable_told(void *arg, const struct store_readable *r)
{
    role_assume(&on_hub);
    struct past *op = arg;
    if (r->status == STORE_OK)
        run_search(op, r);
    else if (r->status == STORE_DENIED)
        refuse(op, r->error, NULL, -1);
    else if (r->status == STORE_REFUSED)
        refuse(op, ERROR_STORE_FAILED, NULL, -1);
    else
        refuse(op, ERROR_UNAVAILABLE, NULL, RETRY_UNAVAILABLE_MS);
}

/* An account that shows its token is in no room here: Redis knows which are its own. */
static void ask_readable(struct past *op) REQUIRES(on_hub)
{
    const struct token_claims *claims = op->command->claims;
    int error = store_readable(op->hub->store, claims->user, claims->device, readable_told, op);
    if (error)
        refuse_unsent(op, error);
}

/* --- both ---------------------------------------------------------------------------------------- */

static void run(struct past *op) REQUIRES(on_hub)
{
    if (op->command->type != COMMAND_SEARCH)
        run_history(op);
    else if (op->stream[0] || op->peer->user)
        run_search(op, NULL);
    else
        ask_readable(op);
}

static void ask_access(struct past *op) REQUIRES(on_hub);

/* What this instance has of the room is newer than the answer. A room whose owner has ended it has
 * no version in Redis any more, so that is not asked for ever. */
static bool is_outdated(const struct past *op, const struct store_access *r) REQUIRES(on_hub)
{
    const struct room *room = room_find(op->hub, op->command->room);
    return room && room->state == ROOM_LIVE && room->version > r->version &&
           op->access_asks < ACCESS_ASKS_MAX;
}

static void access_told(void *arg, const struct store_access *r)
{
    role_assume(&on_hub);
    struct past *op = arg;
    if (r->status == STORE_REFUSED)
        refuse(op, ERROR_STORE_FAILED, NULL, -1);
    else if (r->status != STORE_OK)
        refuse(op, ERROR_UNAVAILABLE, NULL, RETRY_UNAVAILABLE_MS);
    else if (is_outdated(op, r))
        ask_access(op);
    else if (r->may[0] == 'b')
        refuse(op, ERROR_BANNED, "room", r->banned_ms > 0 ? r->banned_ms : -1);
    else if (r->may[0] != '1')
        refuse(op, ERROR_PRIVATE_ROOM, "room", -1);
    else
        run(op);
}

static void ask_access(struct past *op)
{
    const char *name = op->command->room;
    const struct room *room = room_find(op->hub, name);
    op->access_asks++;
    const int error =
        store_access(op->hub->store, name, room ? room->guard : "", reader(op), access_told, op);
    if (error)
        refuse_unsent(op, error);
}

static enum error_code check_reach(const struct past *op, const char **field, bool *ask)
    REQUIRES(on_hub)
{
    const struct command *c = op->command;
    *field = c->to ? "to" : "room";
    *ask = false;
    if (c->room || c->to)
        return may_read(op->hub, op->peer, c, ask);
    return *reader(op) ? ERROR_NONE : ERROR_BAD_FIELD; /* nobody in particular is in no room */
}

void past_run(struct hub *h, struct peer *p, struct command *c)
{
    struct past *op = past_new(h, p, c);
    const char *field = NULL;
    bool ask;
    enum error_code code = check_reach(op, &field, &ask);
    if (code != ERROR_NONE)
        refuse(op, code, field, -1);
    else if (p->asks > PEER_ASKS_MAX)
        refuse(op, ERROR_BUSY, NULL, RETRY_BUSY_MS);
    else if (ask)
        ask_access(op);
    else
        run(op);
}

/* --- a private conversation goes on --------------------------------------------------------------- */

struct resumed {
    struct hub *hub;
    struct peer *peer;
    uint64_t after;
    char epoch[RULE_EPOCH_BYTES + 1];
    char stream[NAME_MAX_BYTES + 2];
};

static void resumed_free(struct resumed *op) REQUIRES(on_hub)
{
    op->peer->in_flight--;
    peer_unref(op->peer);
    free(op);
}

/* What is missing, when the list still has all of it, else the latest. */
static void resumed(void *arg, const struct store_messages *r)
{
    role_assume(&on_hub);
    struct resumed *op = arg;
    struct hub *h = op->hub;
    if (r->status == STORE_REFUSED) {
        peer_error(h, op->peer, ERROR_STORE_FAILED, NULL, NULL, -1);
    } else if (r->status != STORE_OK) {
        peer_error(h, op->peer, ERROR_UNAVAILABLE, NULL, NULL, RETRY_UNAVAILABLE_MS);
    } else {
        struct view v = { .epoch = r->epoch,
                          .epoch_first = r->epoch_first,
                          .top = r->seq,
                          .first = r->count ? r->first_seq : r->seq + 1,
                          .messages = r->messages,
                          .count = r->count };
        leave_out_older_epoch(h, &v);
        bool met = op->after && strcmp(op->epoch, v.epoch) == 0 && op->after <= v.top &&
                   op->after + 1 >= v.first;
        struct page page = page_of(h, &v, met ? op->after + 1 : v.first, v.top + 1);
        page.stream = op->stream;
        peer_send_new(h, op->peer, event_history(&page));
    }
    resumed_free(op);
}

void past_private_resume(struct hub *h, struct peer *p, const struct resume_point *point)
{
    struct resumed *op = xcalloc(1, sizeof *op);
    op->hub = h;
    op->peer = peer_ref(p);
    op->after = point->seq;
    text_copy(op->stream, sizeof op->stream, point->stream);
    text_copy(op->epoch, sizeof op->epoch, point->epoch);
    p->in_flight++;
    int error = store_page(h->store, op->stream, p->user->name, UINT64_MAX, RULE_HISTORY_MESSAGES,
                           resumed, op);
    if (!error)
        return;
    if (error == -EBUSY)
        peer_error(h, p, ERROR_BUSY, NULL, NULL, RETRY_BUSY_MS);
    else
        peer_error(h, p, ERROR_UNAVAILABLE, NULL, NULL, RETRY_UNAVAILABLE_MS);
    resumed_free(op);
}

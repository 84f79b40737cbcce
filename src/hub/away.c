/* What came while a device was away: its conversations, then page by page what follows its
 * cursors. docs/PROTOCOL.md, "Away".
 *
 * A page is followed by the next when the client says `received` of its last number, or after
 * RECEIVED_MS. While pages of a conversation are to come, what is live in it is held back from this
 * connection: nothing needs to be kept for that, since Redis has it, and the pages go on until
 * nothing came since the last one was asked for. So numbers rise for every connection, and what is
 * lost with an instance is only where it stood. */
#include "state.h"

#include "confab/store/away.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
    TICK_MS = 250,    /* how often is looked at all that goes on here */
    PLACES_MOST = 64, /* pages under way: bounds what returning devices take of Redis and memory */
    PLACE_MS = 2000,  /* for so long a page holds its place when no `received` comes */
    RECEIVED_MS = 30000, /* … and after so long comes the next one all the same */
    LINGER_MS = 5000,    /* what a page had may come live so much later: the bus lags */
    STREAMS_MOST = RULE_CONVERSATIONS + 1,
};

/* A conversation, or the mentions. */
struct away_stream {
    char name[NAME_MAX_BYTES + 2]; /* "@NAME" or STREAM_MENTIONS */
    char epoch[RULE_EPOCH_BYTES + 1];
    uint64_t served; /* up to here it has been sent */
    bool pending;    /* pages are to come: what is live is held back */
    bool live;       /* … and something was, since the last page was asked for */
};

enum away_state {
    AWAY_IDLE,   /* nothing is delivered */
    AWAY_ASKS,   /* the conversations are to be asked for */
    AWAY_ASKING, /* … and are */
    AWAY_PAGES,
    AWAY_LINGERS, /* all pages are out */
};

struct away {
    struct hub *hub;
    struct peer *peer; /* which it belongs to */
    enum away_state state;
    uint64_t turn;            /* of this delivery: an answer to one before it means nothing */
    struct away *prev, *next; /* hub.aways: what the timer looks at */
    bool listed;              /* in it */

    struct away_stream *streams;
    size_t count, at;          /* at: the one whose pages are under way */
    struct away_stream *given; /* where the client says that it stands */
    size_t given_count;
    bool asking;      /* a page */
    uint64_t awaited; /* the last number of the page that is out; 0: none is */
    int64_t since_ms; /* it is, or all pages are */
    bool has_place;
    bool in_line; /* for one: hub.away_line */
    struct away *line_prev, *line_next;

    struct received *received; /* gathered, own */
    size_t received_count;
};

/* What a device has, on its way to Redis. */
struct received {
    char with[NAME_MAX_BYTES + 1]; /* "": the mentions */
    char epoch[RULE_EPOCH_BYTES + 1];
    uint64_t seq;
};

/* A question to Redis. */
struct asked {
    struct hub *hub;
    struct peer *peer; /* counted */
    uint64_t turn;
};

static struct asked *asked_new(struct away *a) REQUIRES(on_hub)
{
    struct asked *op = xmalloc(sizeof *op);
    *op = (struct asked){ .hub = a->hub, .peer = peer_ref(a->peer), .turn = a->turn };
    return op;
}

/* Frees op. NULL: nobody waits for the answer any more. */
static struct away *asked_end(struct asked *op)
{
    struct away *a = op->peer->away;
    a = a && a->turn == op->turn ? a : NULL;
    peer_unref(op->peer);
    free(op);
    return a;
}

static void go_on(struct away *a) REQUIRES(on_hub);
static void ask(struct away *a) REQUIRES(on_hub);

/* ---- the timer, which runs while there is something to look at ---- */

static void on_timer(evutil_socket_t fd, short what, void *arg);

static void look_later(struct hub *h) REQUIRES(on_hub)
{
    if (!h->away_timer)
        h->away_timer = evtimer_new(h->base, on_timer, h);
    struct timeval tv = { .tv_sec = 0, .tv_usec = TICK_MS * 1000 };
    if (!h->away_timer || evtimer_add(h->away_timer, &tv) != 0)
        BUG("evtimer_new");
}

static void look_at(struct away *a) REQUIRES(on_hub)
{
    struct hub *h = a->hub;
    if (a->listed)
        return;
    if (!h->aways)
        look_later(h);
    a->listed = true;
    DL_APPEND(h->aways, a);
}

static void look_away(struct away *a) REQUIRES(on_hub)
{
    if (!a->listed)
        return;
    DL_DELETE(a->hub->aways, a);
    a->listed = false;
}

/* ---- places ---- */

static void leave_line(struct away *a) REQUIRES(on_hub)
{
    if (!a->in_line)
        return;
    DL_DELETE2(a->hub->away_line, a, line_prev, line_next);
    a->in_line = false;
}

/* To who waits for one longest. */
static void give_place(struct away *a) REQUIRES(on_hub)
{
    struct hub *h = a->hub;
    if (!a->has_place)
        return;
    a->has_place = false;
    h->away_places--;
    if (h->away_line)
        go_on(h->away_line);
}

static bool take_place(struct away *a) REQUIRES(on_hub)
{
    struct hub *h = a->hub;
    if (a->has_place)
        return true;
    if (h->away_places < PLACES_MOST) {
        leave_line(a);
        a->has_place = true;
        h->away_places++;
    } else if (!a->in_line) {
        a->in_line = true;
        DL_APPEND2(h->away_line, a, line_prev, line_next);
    }
    return a->has_place;
}

/* Nothing is under way any more; what was said to be received stays. */
static void away_clear(struct away *a) REQUIRES(on_hub)
{
    leave_line(a);
    a->state = AWAY_IDLE;
    a->turn = ++a->hub->away_turns;
    free(a->streams);
    free(a->given);
    a->streams = NULL;
    a->given = NULL;
    a->count = a->at = a->given_count = 0;
    a->asking = false;
    a->awaited = 0;
    give_place(a);
}

/* ---- pages ---- */

/* Older ones are found by history: with an archive all, else those that were out before. */
static struct page_end older_end(const struct away *a, const char *epoch, uint64_t first,
                                 uint64_t missed) REQUIRES(on_hub)
{
    const bool older = first > 1 && (missed == 0 || asks_archived(a->hub));
    return (struct page_end){ older ? epoch : NULL, first };
}

static void send_page(struct away *a, struct away_stream *s, const struct store_messages *r)
    REQUIRES(on_hub)
{
    const uint64_t first = r->count ? r->first_seq : r->seq + 1;
    const size_t skip = s->served >= first ? (size_t)(s->served - first + 1) : 0;
    const uint64_t missed = first > s->served + 1 ? first - s->served - 1 : 0;
    const size_t count = r->count > skip ? r->count - skip : 0;
    if (count == 0 && missed == 0)
        return;
    const struct page page = { .stream = s->name,
                               .epoch = s->epoch,
                               .messages = r->messages + skip,
                               .count = count,
                               .older = older_end(a, s->epoch, first + skip, missed),
                               .away = true,
                               .missed = missed };
    peer_send_new(a->hub, a->peer, event_history(&page));
    stat_add(a->hub->stats, away_messages, count);
    s->served = first + skip + count - 1;
    if (count > 0) {
        a->awaited = s->served;
        a->since_ms = clock_mono_ms();
    }
}

/* Numbers go on over epochs: those below the first one of this epoch are what they were. */
static void take_page(struct away *a, struct away_stream *s, const struct store_messages *r)
    REQUIRES(on_hub)
{
    if (strcmp(s->epoch, r->epoch) != 0) {
        text_copy(s->epoch, sizeof s->epoch, r->epoch);
        if (r->epoch_first == 0 || s->served >= r->epoch_first)
            s->served = r->epoch_first ? r->epoch_first - 1 : 0;
    }
    send_page(a, s, r);
    s->pending = s->live || s->served < r->seq;
}

static void on_page(void *arg, const struct store_messages *r)
{
    role_assume(&on_hub);
    struct away *a = asked_end(arg);
    if (!a)
        return;
    struct away_stream *s = &a->streams[a->at];
    a->asking = false;
    if (r->status == STORE_OK) {
        take_page(a, s, r);
    } else if (r->status == STORE_REFUSED) {
        peer_error(a->hub, a->peer, ERROR_STORE_FAILED, NULL, "to", -1);
        s->pending = false;
    } else {
        give_place(a); /* the timer asks again */
        return;
    }
    if (!a->awaited)
        go_on(a);
}

static void go_on(struct away *a)
{
    if (a->state != AWAY_PAGES || a->asking || a->awaited)
        return;
    while (a->at < a->count && !a->streams[a->at].pending)
        a->at++;
    if (a->at == a->count) {
        a->state = AWAY_LINGERS;
        a->since_ms = clock_mono_ms();
        give_place(a);
        return;
    }
    if (!take_place(a))
        return;
    struct away_stream *s = &a->streams[a->at];
    struct asked *op = asked_new(a);
    a->asking = true;
    s->live = false;
    if (store_page_after(a->hub->store, s->name, a->peer->user->name, s->served, RULE_AWAY_PAGE,
                         on_page, op) == 0)
        return;
    asked_end(op);
    a->asking = false;
    give_place(a);
}

/* ---- what is live meanwhile ---- */

static struct away_stream *find_stream(const struct away *a, const char *name)
{
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->streams[i].name, name) == 0)
            return &a->streams[i];
    return NULL;
}

static struct away_stream *add_stream(struct away *a, const char *name, const char *epoch,
                                      uint64_t served)
{
    if (a->count == STREAMS_MOST)
        return NULL;
    if (!a->streams)
        a->streams = xcalloc(STREAMS_MOST, sizeof *a->streams);
    struct away_stream *s = &a->streams[a->count++];
    text_copy(s->name, sizeof s->name, name);
    text_copy(s->epoch, sizeof s->epoch, epoch);
    s->served = served;
    return s;
}

bool away_takes(struct peer *p, const char *stream, const char *epoch, uint64_t seq)
{
    struct away *a = p->away;
    if (!a || a->state == AWAY_IDLE || !p->device[0] || strlen(epoch) > RULE_EPOCH_BYTES)
        return true;
    struct away_stream *s = find_stream(a, stream);
    if (!s && (a->state == AWAY_ASKS || a->state == AWAY_ASKING)) {
        s = add_stream(a, stream, epoch, seq - 1); /* unless the answer knows better */
        if (s)
            s->pending = true;
    }
    if (!s)
        return true;
    if (s->pending) {
        s->live = true;
        return false;
    }
    if (strcmp(s->epoch, epoch) == 0 && seq <= s->served)
        return false; /* a page had it */
    text_copy(s->epoch, sizeof s->epoch, epoch);
    s->served = seq;
    return true;
}

/* ---- where the device stands ---- */

static void add_known(struct away *a, const char *name, const struct conversation *c)
    REQUIRES(on_hub)
{
    uint64_t served = c->received;
    for (size_t i = 0; i < a->given_count; i++) {
        const struct away_stream *point = &a->given[i];
        if (strcmp(point->name, name) == 0 && strcmp(point->epoch, c->epoch) == 0 &&
            point->served <= c->top)
            served = point->served;
    }
    struct away_stream *s = add_stream(a, name, c->epoch, served);
    if (s)
        s->pending = served < c->top;
}

/* The streams that were met live while the answer was on its way stand behind it. */
static void take_streams(struct away *a, const struct conversations *c) REQUIRES(on_hub)
{
    struct away_stream *met = a->streams;
    const size_t met_count = a->count;
    char name[NAME_MAX_BYTES + 2] = "@";
    a->streams = NULL;
    a->count = a->at = 0;
    for (size_t i = 0; i < c->count; i++) {
        text_copy(name + 1, sizeof name - 1, c->list[i].with);
        add_known(a, name, &c->list[i]);
    }
    if (c->mentions.top > 0)
        add_known(a, STREAM_MENTIONS, &c->mentions);
    for (size_t i = 0; i < met_count; i++) {
        struct away_stream *s = find_stream(a, met[i].name);
        if (!s)
            s = add_stream(a, met[i].name, met[i].epoch, met[i].served);
        if (s) /* else there are more than anybody has */
            s->pending = s->live = true;
    }
    free(met);
}

static void on_conversations(void *arg, const struct store_away *r)
{
    role_assume(&on_hub);
    struct away *a = asked_end(arg);
    if (!a)
        return;
    if (r->status != STORE_OK && r->status != STORE_REFUSED) {
        a->state = AWAY_ASKS; /* the timer asks again */
        return;
    }
    if (r->status == STORE_REFUSED)
        peer_error(a->hub, a->peer, ERROR_STORE_FAILED, NULL, NULL, -1);
    else
        peer_send_new(a->hub, a->peer, event_conversations(&r->conversations));
    if (!a->peer->device[0]) { /* a guest */
        away_clear(a);
        return;
    }
    take_streams(a, &r->conversations);
    a->state = AWAY_PAGES;
    go_on(a);
}

static void ask(struct away *a)
{
    struct asked *op = asked_new(a);
    a->state = AWAY_ASKING;
    if (store_away(a->hub->store, a->peer->user->name, a->peer->device, on_conversations, op) == 0)
        return;
    asked_end(op);
    a->state = AWAY_ASKS;
}

static struct away *away_of(struct hub *h, struct peer *p) REQUIRES(on_hub)
{
    if (!p->away) {
        p->away = xcalloc(1, sizeof *p->away);
        p->away->hub = h;
        p->away->peer = p;
    }
    return p->away;
}

static bool is_private(const struct resume_point *point)
{
    return point->stream[0] == '@' || strcmp(point->stream, STREAM_MENTIONS) == 0;
}

static void keep_given(struct away *a, const struct command *hello) REQUIRES(on_hub)
{
    a->given = xcalloc(hello->resume_count + 1, sizeof *a->given);
    for (size_t i = 0; i < hello->resume_count; i++) {
        const struct resume_point *point = &hello->resume[i];
        if (!is_private(point))
            continue;
        struct away_stream *copy = &a->given[a->given_count++];
        text_copy(copy->name, sizeof copy->name, point->stream);
        text_copy(copy->epoch, sizeof copy->epoch, point->epoch);
        copy->served = point->seq;
    }
}

void away_start(struct hub *h, struct peer *p, const struct command *hello)
{
    struct away *a = away_of(h, p);
    away_clear(a);
    if (hello && hello->resume_count > 0)
        keep_given(a, hello);
    look_at(a);
    ask(a);
}

/* ---- received ---- */

static void flush(struct away *a) REQUIRES(on_hub)
{
    struct store_received list[STORE_RECEIVED_MOST];
    for (size_t i = 0; i < a->received_count; i++)
        list[i] = (struct store_received){ .with = a->received[i].with,
                                           .epoch = a->received[i].epoch,
                                           .seq = a->received[i].seq };
    store_received(a->hub->store, a->peer->user->name, a->peer->device, list, a->received_count);
    a->received_count = 0;
    free(a->received);
    a->received = NULL;
}

static void gather(struct away *a, const char *with, const char *epoch, uint64_t seq)
    REQUIRES(on_hub)
{
    struct received *one = NULL;
    for (size_t i = 0; i < a->received_count && !one; i++)
        if (strcmp(a->received[i].with, with) == 0)
            one = &a->received[i];
    if (one && strcmp(one->epoch, epoch) == 0) {
        one->seq = seq > one->seq ? seq : one->seq;
        return;
    }
    if (a->received_count == STORE_RECEIVED_MOST)
        flush(a);
    if (!one || a->received_count == 0) {
        if (!a->received)
            a->received = xmalloc(STORE_RECEIVED_MOST * sizeof *a->received);
        one = &a->received[a->received_count++];
    }
    text_copy(one->with, sizeof one->with, with);
    text_copy(one->epoch, sizeof one->epoch, epoch);
    one->seq = seq;
    look_at(a);
}

void away_received(struct hub *h, struct peer *p, const struct command *c)
{
    struct away *a = away_of(h, p);
    char name[NAME_MAX_BYTES + 2] = "@";
    uint64_t seq = c->seq;
    text_copy(name + 1, sizeof name - 1, c->mentions ? "" : c->to);
    const char *stream = c->mentions ? STREAM_MENTIONS : name;
    struct away_stream *s = find_stream(a, stream);
    if (s && s->pending && strcmp(s->epoch, c->epoch) == 0 && seq > s->served)
        seq = s->served; /* nobody has what was never sent */
    if (seq > 0 && strlen(c->epoch) <= RULE_EPOCH_BYTES)
        gather(a, name + 1, c->epoch, seq);
    if (!a->awaited || s != &a->streams[a->at] || strcmp(s->epoch, c->epoch) != 0 ||
        seq < a->awaited)
        return;
    a->awaited = 0;
    give_place(a); /* to who is in line; this one goes to its end */
    go_on(a);
}

/* ---- life ---- */

static void look(struct away *a, int64_t now) REQUIRES(on_hub)
{
    const int64_t ms = now - a->since_ms;
    away_flush(a->peer);
    if (a->state == AWAY_ASKS) {
        ask(a);
    } else if (a->state == AWAY_PAGES) {
        if (a->awaited && ms >= RECEIVED_MS)
            a->awaited = 0;
        if (a->awaited && ms >= PLACE_MS)
            give_place(a);
        go_on(a);
    } else if (a->state == AWAY_LINGERS && ms >= LINGER_MS) {
        away_clear(a);
    }
    if (a->state == AWAY_IDLE)
        look_away(a);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    struct hub *h = arg;
    struct away *a, *next;
    const int64_t now = clock_mono_ms();
    DL_FOREACH_SAFE(h->aways, a, next)
    {
        look(a, now);
    }
    if (h->aways)
        look_later(h);
}

void away_flush(struct peer *p)
{
    if (p->away && p->away->received_count > 0)
        flush(p->away);
}

void away_end(struct peer *p)
{
    struct away *a = p->away;
    if (!a)
        return;
    away_flush(p);
    away_clear(a);
    look_away(a);
    p->away = NULL;
    free(a);
}

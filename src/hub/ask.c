/* Asks of an archive, its own or another instance's, that wait for their answer; and what other
 * instances ask of the archive here.
 *
 * An answer may be behind: messages that the asker knows of have not been archived yet, which
 * takes half a second. Then the archive is asked again until there is no time left. */
#include "state.h"

#include "confab/store/act.h"
#include "confab/wire/event.h"
#include "confab/wire/rewrite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    ASKS_MOST = 1024,  /* open ones, of peers here and of other instances */
    AGAIN_MS = 100,    /* until an archive that is behind is asked again */
    WAY_BACK_MS = 200, /* kept of another instance's time for the answer's way */
    RETRY_UNAVAILABLE_MS = 1000,
};

struct open_ask {
    UT_hash_handle hh; /* hub.asks by id */
    struct hub *hub;
    uint64_t id;
    struct str json; /* what is asked */
    char cid[RULE_CID_BYTES + 1];
    struct event *timer; /* ask again, or give up */
    int64_t deadline_ms; /* on the monotone clock */
    bool again;          /* the timer is to ask again */
    asked_fn *done;      /* of a peer here, else NULL */
    void *arg;
    char asker[17]; /* the other instance, and what it calls the ask */
    uint64_t asker_id;
};

static struct open_ask *find(struct hub *h, uint64_t id) REQUIRES(on_hub)
{
    struct open_ask *o;
    HASH_FIND(hh, h->asks, &id, sizeof id, o);
    return o;
}

static void set_timer(struct open_ask *o, int64_t ms) REQUIRES(on_hub)
{
    ms = ms > 0 ? ms : 0;
    struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
    evtimer_add(o->timer, &tv);
}

/* The end of it. Borrows f; newest as of struct archive_answer. */
static void finish(struct open_ask *o, struct frame *f, uint64_t newest) REQUIRES(on_hub)
{
    struct hub *h = o->hub;
    HASH_DEL(h->asks, o);
    if (o->done)
        o->done(o->arg, f, newest);
    else
        store_reply(h->store, o->asker, o->asker_id, newest, f);
    event_free(o->timer);
    str_fini(&o->json);
    free(o);
}

static void fail(struct open_ask *o, enum error_code code, int64_t retry_ms) REQUIRES(on_hub)
{
    struct frame *f = event_error(code, o->cid, NULL, retry_ms);
    finish(o, f, 0);
    frame_unref(f);
}

static void unavailable(struct open_ask *o) REQUIRES(on_hub)
{
    fail(o, ERROR_ARCHIVE_UNAVAILABLE, RETRY_UNAVAILABLE_MS);
}

bool asks_archived(const struct hub *h)
{
    return h->archive || h->archive_seen;
}

void asks_stream(struct str *out, const char *room, const char *one, const char *other)
{
    const bool swap = !room && strcmp(one, other) > 0;
    str_addz(out, room ? "r:" : "d:");
    str_addz(out, room ? room : swap ? other : one);
    if (room)
        return;
    str_addc(out, '|');
    str_addz(out, swap ? one : other);
}

/* An ask that is on its way to another instance. Its open_ask may end before. */
struct handed {
    struct hub *hub;
    uint64_t id;
};

static void handed_over(void *arg, enum store_status status)
{
    role_assume(&on_hub);
    struct handed *handed = arg;
    struct hub *h = handed->hub;
    struct open_ask *o = find(h, handed->id);
    free(handed);
    h->archive_seen = h->archive_seen || status == STORE_OK;
    if (!o || status == STORE_OK)
        return;
    if (status == STORE_NOBODY && !h->archive_seen)
        fail(o, ERROR_ARCHIVE_OFF, -1);
    else
        unavailable(o);
}

static int hand_over(struct open_ask *o) REQUIRES(on_hub)
{
    struct hub *h = o->hub;
    struct handed *handed = xmalloc(sizeof *handed);
    *handed = (struct handed){ h, o->id };
    int error = store_ask(h->store, o->id, o->json.data, o->json.size,
                          o->deadline_ms - clock_mono_ms(), handed_over, handed);
    if (error)
        free(handed);
    else
        stat_add(h->stats, archive_asks, 1);
    return error;
}

/* 0, -EINVAL: another version's; or -EAGAIN */
static int ask_here(struct open_ask *o) REQUIRES(on_hub)
{
    struct ask *ask = ask_parse(o->json.data, o->json.size);
    if (!ask)
        return -EINVAL;
    if (ask->cid)
        text_copy(o->cid, sizeof o->cid, ask->cid);
    struct archive_ask *a = archive_ask_new(o->id, ask, o->deadline_ms);
    int error = archive_ask(o->hub->archive, a);
    if (error)
        archive_ask_free(a);
    return error;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    struct open_ask *o = arg;
    if (o->again && ask_here(o) == 0) {
        o->again = false;
        set_timer(o, o->deadline_ms - clock_mono_ms());
        return;
    }
    stat_add(o->hub->stats, archive_asks_lost, 1);
    unavailable(o);
}

static struct open_ask *open_ask(struct hub *h, int64_t ms) REQUIRES(on_hub)
{
    struct open_ask *o = xcalloc(1, sizeof *o);
    o->hub = h;
    o->id = ++h->next_ask;
    o->deadline_ms = clock_mono_ms() + ms;
    o->timer = evtimer_new(h->base, on_timer, o);
    if (!o->timer)
        BUG("evtimer_new");
    HASH_ADD(hh, h->asks, id, sizeof o->id, o);
    set_timer(o, ms);
    return o;
}

int asks_start(struct hub *h, const struct ask *ask, asked_fn *done, void *arg)
{
    if (HASH_COUNT(h->asks) >= ASKS_MOST)
        return -EBUSY;
    struct open_ask *o = open_ask(h, h->settings->archive_deadline_ms);
    ask_json(&o->json, ask);
    if (ask->cid)
        text_copy(o->cid, sizeof o->cid, ask->cid);
    int error = h->archive ? ask_here(o) : hand_over(o);
    if (error) {
        HASH_DEL(h->asks, o);
        event_free(o->timer);
        str_fini(&o->json);
        free(o);
        return error == -ENOTCONN ? error : -EBUSY;
    }
    o->done = done;
    o->arg = arg;
    return 0;
}

static void take_answer(struct hub *h, const struct archive_answer *a) REQUIRES(on_hub)
{
    struct open_ask *o = find(h, a->id);
    if (!o) /* too late */
        return;
    if (a->behind && clock_mono_ms() + AGAIN_MS + WAY_BACK_MS < o->deadline_ms) {
        o->again = true;
        set_timer(o, AGAIN_MS);
        return;
    }
    finish(o, a->frame, a->newest);
}

void asks_answered(struct hub *h)
{
    void *items[HUB_TAKE_PER_TURN];
    struct queue *answers = archive_answers(h->archive);
    queue_clear_signal(answers);
    uint32_t count = queue_take(answers, items, HUB_TAKE_PER_TURN);
    for (uint32_t i = 0; i < count; i++) {
        take_answer(h, items[i]);
        archive_answer_free(items[i]);
    }
}

/* Instances trust each other: all have the password of Redis. What may be read was decided where
 * the peer is. */
void asks_asked(struct hub *h, const char *asker, uint64_t id, int64_t ms, const char *json,
                size_t size)
{
    if (!h->archive || strlen(asker) > 16 || ms <= 0)
        return;
    struct open_ask *o = open_ask(h, ms);
    text_copy(o->asker, sizeof o->asker, asker);
    o->asker_id = id;
    str_add(&o->json, json, size);
    int error = HASH_COUNT(h->asks) > ASKS_MOST ? -EAGAIN : ask_here(o);
    if (error == -EAGAIN)
        fail(o, ERROR_BUSY, RETRY_UNAVAILABLE_MS);
    else if (error)
        unavailable(o);
}

/* ERROR_NONE: it is no error. */
static enum error_code error_of(const char *json, size_t size)
{
    static const char begin[] = "{\"type\":\"error\",\"code\":\"";
    if (size < sizeof begin || memcmp(json, begin, sizeof begin - 1) != 0)
        return ERROR_NONE;
    const char *code = json + sizeof begin - 1;
    const char *end = memchr(code, '"', size - (sizeof begin - 1));
    const enum error_code known = end ? error_by_text(code, (size_t)(end - code)) : ERROR_NONE;
    return known != ERROR_NONE ? known : ERROR_ARCHIVE_UNAVAILABLE; /* another version's */
}

/* Only the text has travelled. */
static struct frame *frame_of(const char *json, size_t size)
{
    struct frame *f = frame_new(FRAME_CONTROL, 0, &(struct frame_part){ json, size }, 1);
    const enum error_code code = error_of(json, size);
    if (code != ERROR_NONE)
        f->http_status = (int16_t)error_info(code)->http_status;
    return f;
}

void asks_replied(struct hub *h, uint64_t id, uint64_t newest, const char *json, size_t size)
{
    struct open_ask *o = find(h, id);
    if (!o || !o->done) /* too late, or not meant for this one */
        return;
    struct frame *f = frame_of(json, size);
    finish(o, f, newest);
    frame_unref(f);
}

/* --- one message ------------------------------------------------------------------------------- */

struct seek {
    asks_found_fn *done;
    void *arg;
};

/* A text of a message without its quotes: names and ids need no escapes. */
static const char *text_of(struct str *out, const struct frame_part *message, const char *name)
{
    struct frame_part value;
    str_reset(out);
    if (message_field(message, name, &value) && value.size >= 2)
        str_add(out, (const char *)value.data + 1, value.size - 2);
    return out->data ? out->data : "";
}

static void sought(void *arg, struct frame *f, uint64_t newest)
{
    (void)newest;
    struct seek seek = *(struct seek *)arg;
    free(arg);
    const struct frame_part message = { frame_payload(f), frame_payload_size(f) };
    const enum error_code code = error_of(message.data, message.size);
    struct str id = STR_INIT, user = STR_INIT;
    const struct act_target found = { .id = text_of(&id, &message, "id"),
                                      .user = text_of(&user, &message, "user"),
                                      .timestamp_ms =
                                          (int64_t)message_number(&message, "timestamp"),
                                      .deleted = message_number(&message, "deleted") > 0,
                                      .json = message };
    seek.done(seek.arg, code, code == ERROR_NONE ? &found : NULL);
    str_fini(&id);
    str_fini(&user);
}

int asks_find(struct hub *h, const char *stream, uint64_t seq, asks_found_fn *done, void *arg)
{
    const struct ask ask = { .kind = ASK_FIND, .page = { .stream = stream, .seq = seq } };
    struct seek *seek = xmalloc(sizeof *seek);
    *seek = (struct seek){ done, arg };
    int error = asks_start(h, &ask, sought, seek);
    if (error)
        free(seek);
    return error;
}

static void looked(void *arg, enum store_status status)
{
    role_assume(&on_hub);
    struct hub *h = arg;
    h->archive_seen = h->archive_seen || status == STORE_OK;
}

void asks_serve(struct hub *h)
{
    if (h->archive)
        store_serve(h->store);
    else if (h->ready && !h->archive_seen && store_ask(h->store, 0, "", 0, 0, looked, h) != 0)
        log_debug("archive", "error=\"cannot look for one now\"");
}

void asks_end(struct hub *h)
{
    struct open_ask *o, *next;
    HASH_ITER(hh, h->asks, o, next)
    {
        unavailable(o);
    }
}

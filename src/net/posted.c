/* What the hub, the pumps and the acceptor have posted, done on the net thread; and the functions
 * by which they post it. */
#include "thread.h"

#include "drain.h"
#include "fanout.h"
#include "filer.h"
#include "http.h"
#include "io.h"
#include "port.h"
#include "session.h"
#include "tls.h"
#include "transfer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    DEPTH_HIGH = 16384, /* posts: the hub stops taking things in */
    DEPTH_LOW = DEPTH_HIGH / 2,
};

/* ---- net thread ---- */

/* What a request for history or a search is answered with. `type` stands first
 * (docs/PROTOCOL.md). */
static bool is_past_or_error(const struct frame *f)
{
    static const char *const types[] = { "history\"", "search\"", "error\"" };
    static const char begin[] = "{\"type\":\"";
    const char *at = frame_payload(f) + sizeof(begin) - 1;
    const size_t size = frame_payload_size(f);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (size > sizeof(begin) + strlen(types[i]) && !memcmp(at, types[i], strlen(types[i])))
            return true;
    return false;
}

static void do_send(struct session *s, struct frame *f) REQUIRES(on_net)
{
    if (s && s->state == SESSION_HTTP) {
        http_answer_later(s, f);
    } else if (s && s->state == SESSION_OPEN) {
        if (atomic_load(&s->client->asked) && is_past_or_error(f))
            s->answered = true;
        output_frame(s, f);
    }
    frame_unref(f);
}

static void do_close(struct session *s, const struct post *p) REQUIRES(on_net)
{
    if (s)
        session_close(s, (int)p->number, p->what, p->seq ? (int64_t)p->seq - 1 : -1);
    free(p->what);
}

static void do_hand_over(struct session *s, struct batch *b) REQUIRES(on_net)
{
    if (s && s->state != SESSION_DEAD)
        output_hand_over(s, b);
    else
        batch_unref(b);
}

static void do_room(struct session *s, const struct post *p) REQUIRES(on_net)
{
    if (s && s->state == SESSION_OPEN && p->kind == POST_ROOM_ADD)
        fanout_add(s, p->number, p->what, p->seq);
    else if (s && s->state == SESSION_OPEN)
        fanout_remove(s, p->number);
    free(p->what);
}

static void do_adopt(struct net_thread *t, const struct post *p) REQUIRES(on_net)
{
    if (!t->stopping) {
        session_adopt(t, (int)p->number, p->what);
        return;
    }
    close((int)p->number);
    if (p->what)
        address_leave(t->net->addresses, p->what);
    atomic_fetch_sub(&t->connections, 1);
}

static void do_client(struct post *p) REQUIRES(on_net)
{
    struct session *s = p->client->session;
    switch (p->kind) {
    case POST_SEND:
        do_send(s, p->what);
        break;
    case POST_ROOM_ADD:
    case POST_ROOM_REMOVE:
        do_room(s, p);
        break;
    case POST_CLOSE:
        do_close(s, p);
        break;
    case POST_RESUME:
        if (s)
            input_resume(s);
        break;
    case POST_HAND_OVER:
        do_hand_over(s, p->what);
        break;
    case POST_ENDED:
        session_pump_ended(p->client);
        break;
    default:
        BUG("not a client's post");
    }
    client_unref(p->client);
}

static void do_post(struct net_thread *t, struct post *p) REQUIRES(on_net)
{
    switch (p->kind) {
    case POST_ROOM_SEND:
        fanout_send(t, p->number, p->what);
        flush_if_large(t);
        break;
    case POST_ADOPT:
        do_adopt(t, p);
        break;
    case POST_FLOW:
        sessions_flow(t);
        break;
    case POST_PUMPS:
        sessions_change_pumps(t);
        break;
    case POST_ASK:
        atomic_store(&t->round_answered, p->number);
        break;
    case POST_FILE:
        transfer_worked(t->net, p->what);
        break;
    case POST_DRAIN:
        drain_start(t);
        break;
    case POST_CERTIFICATE:
        tls_exchange(t, p->what);
        break;
    case POST_STOP:
        t->stopping = true;
        sessions_stop(t);
        break;
    default:
        do_client(p);
    }
}

void thread_run_posts(struct net_thread *t)
{
    struct net *n = t->net;
    struct post *posts;
    uint32_t count;
    t->in_posts = true;
    while ((posts = post_take(&t->posts, &count)) != NULL) {
        for (uint32_t i = 0; i < count; i++)
            do_post(t, &posts[i]);
        post_done(&t->posts, count);
    }
    t->in_posts = false;
    if (atomic_load(&n->relief_wanted) && post_depth(&t->posts) < DEPTH_LOW &&
        atomic_exchange(&n->relief_wanted, false))
        hub_port_relieved(n->hub);
}

/* ---- from the hub ---- */

static struct net_thread *thread_of(struct net *n, const struct peer *p)
{
    return &n->threads[p->net];
}

static void port_send(void *arg, struct peer *peer, struct frame *frame)
{
    post_push(&thread_of(arg, peer)->posts, (struct post){ .kind = POST_SEND,
                                                           .client = client_ref(client_of(peer)),
                                                           .what = frame_ref(frame) });
}

static void port_room_send(void *arg, unsigned net, uint32_t room, struct frame *frame)
{
    struct net *n = arg;
    post_push(&n->threads[net].posts,
              (struct post){ .kind = POST_ROOM_SEND, .number = room, .what = frame_ref(frame) });
}

static void port_room_add(void *arg, struct peer *peer, uint32_t room, const char *name,
                          uint64_t seq)
{
    post_push(&thread_of(arg, peer)->posts, (struct post){ .kind = POST_ROOM_ADD,
                                                           .number = room,
                                                           .client = client_ref(client_of(peer)),
                                                           .what = xstrdup(name),
                                                           .seq = seq });
}

static void port_room_remove(void *arg, struct peer *peer, uint32_t room)
{
    post_push(&thread_of(arg, peer)->posts, (struct post){ .kind = POST_ROOM_REMOVE,
                                                           .number = room,
                                                           .client = client_ref(client_of(peer)) });
}

static void port_close(void *arg, struct peer *peer, int code, const char *reason, int64_t retry_ms)
{
    post_push(&thread_of(arg, peer)->posts,
              (struct post){ .kind = POST_CLOSE,
                             .number = (uint32_t)code,
                             .client = client_ref(client_of(peer)),
                             .what = xstrdup(reason),
                             .seq = retry_ms < 0 ? 0 : (uint64_t)retry_ms + 1 });
}

static void port_file_drop(void *arg, const char *id, const char *owner)
{
    struct net *n = arg;
    filer_drop(n->filer, id, owner);
}

static void port_turn_done(void *arg)
{
    struct net *n = arg;
    for (unsigned i = 0; i < n->count; i++)
        if (post_depth(&n->threads[i].posts))
            post_wake(&n->threads[i].posts);
}

static bool any_deep(const struct net *n)
{
    for (unsigned i = 0; i < n->count; i++)
        if (post_depth(&n->threads[i].posts) >= DEPTH_HIGH)
            return true;
    return false;
}

static bool port_congested(void *arg)
{
    struct net *n = arg;
    if (!any_deep(n))
        return false;
    /* Wanted first, then a second look: a thread that catches up in between sees the wish. */
    atomic_store(&n->relief_wanted, true);
    return any_deep(n);
}

static void port_commands_flow(void *arg)
{
    struct net *n = arg;
    atomic_fetch_add(&n->env.flow, 1);
    for (unsigned i = 0; i < n->count; i++)
        post_push(&n->threads[i].posts, (struct post){ .kind = POST_FLOW });
}

struct hub_port net_hub_port(struct net *n)
{
    return (struct hub_port){
        .arg = n,
        .nets = n->count,
        .send = port_send,
        .room_send = port_room_send,
        .room_add = port_room_add,
        .room_remove = port_room_remove,
        .close = port_close,
        .file_drop = port_file_drop,
        .turn_done = port_turn_done,
        .congested = port_congested,
        .commands_flow = port_commands_flow,
    };
}

/* ---- from the pumps ---- */

static struct net_thread *owner_of(const struct client *c)
{
    struct net *n = (struct net *)((char *)c->env - offsetof(struct net, env));
    return &n->threads[c->peer.net];
}

static void post_client(struct client *c, struct post p)
{
    struct net_thread *t = owner_of(c);
    p.client = client_ref(c);
    post_push(&t->posts, p);
    thread_wake(t);
}

static void pump_send(struct client *c, struct frame *f)
{
    post_client(c, (struct post){ .kind = POST_SEND, .what = frame_ref(f) });
}

static void pump_close(struct client *c, int code, const char *reason)
{
    post_client(
        c, (struct post){ .kind = POST_CLOSE, .number = (uint32_t)code, .what = xstrdup(reason) });
}

static void pump_resume(struct client *c)
{
    post_client(c, (struct post){ .kind = POST_RESUME });
}

static void pump_hand_over(struct client *c, struct batch *b)
{
    post_client(c, (struct post){ .kind = POST_HAND_OVER, .what = b });
}

static void pump_ended(struct client *c)
{
    post_client(c, (struct post){ .kind = POST_ENDED });
}

struct pump_port net_pump_port(void)
{
    return (struct pump_port){
        .send = pump_send,
        .close = pump_close,
        .resume = pump_resume,
        .hand_over = pump_hand_over,
        .ended = pump_ended,
    };
}

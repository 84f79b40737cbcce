#include "session.h"

#include "body.h"
#include "confab/wire/event.h"
#include "drain.h"
#include "fanout.h"
#include "io.h"
#include "refusal.h"
#include "thread.h"
#include "tls.h"
#include "transfer.h"
#include "websocket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CLOSE_PATIENCE_MS = 5000, /* for what is queued and for the peer's close frame */
    CROWDED_MS = 1000,        /* for a request while many others are waited for */
    DRAIN_TICK_MS = 10,
    TICK_MIN_MS = 10,
    TICK_MAX_MS = 250,
    TLS_HANDSHAKE = 22, /* the first byte of a ClientHello's record: RFC 8446 section 5.1 */
};

/* False: the descriptor is closed, and the session gone. */
static bool give_to_libwebsockets(struct session *s, struct lws_vhost *vhost) REQUIRES(on_net)
{
    s->wsi = lws_adopt_socket_vhost(vhost, s->fd);
    if (!s->wsi) {
        session_free(s);
        return false;
    }
    lws_set_opaque_user_data(s->wsi, s);
    return true;
}

void session_adopt(struct net_thread *t, int fd, struct address *address)
{
    struct session *s = xcalloc(1, sizeof(*s));
    s->thread = t;
    s->address = address;
    s->fd = fd;
    s->heard_ms = t->now_ms;
    t->handshakes++;
    if (t->tls_vhost) {
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = s };
        s->state = SESSION_NEW;
        BUG_ON(epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &e) != 0);
    } else if (!give_to_libwebsockets(s, t->vhost)) {
        return;
    }
    session_expect(s, t->net->settings->handshake_timeout_s * 1000);
}

void session_first_byte(struct session *s)
{
    struct net_thread *t = s->thread;
    unsigned char byte;
    const ssize_t n = recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        session_kill(s);
        return;
    }
    epoll_ctl(t->epoll, EPOLL_CTL_DEL, s->fd, NULL);
    s->state = SESSION_HTTP;
    s->tls = byte == TLS_HANDSHAKE;
    give_to_libwebsockets(s, s->tls ? t->tls_vhost : t->vhost);
}

void session_expect(struct session *s, int64_t ms)
{
    s->opened_ms = clock_mono_ms();
    s->close_ms = s->opened_ms + ms;
    session_watch(s);
    thread_rearm(s->thread);
}

/* ---- the client behind it ---- */

static bool start_pumps(struct client *c) REQUIRES(on_net)
{
    struct net_thread *t = net_current;
    struct net *n = t->net;
    if (pump_mode_is_shared(&n->pump_mode) || c->leaving || c->pumps)
        return false;
    if (!pump_mode_may_start(&n->pump_mode, clock_mono_ms())) {
        t->lacking = true;
        return false;
    }
    const struct session *s = c->session;
    const int error = pumps_start(c, s->wire != NULL);
    if (c->pumps) {
        stat_add(n->stats, clients_dedicated, 1);
        t->dedicated++;
    }
    if (error) {
        t->lacking = true;
        stat_add(n->stats, pump_threads_refused, 1);
        if (pump_mode_refused(&n->pump_mode, clock_mono_ms()))
            log_warn("pump_threads", "error=\"%s\" effect=\"clients share the net threads\"",
                     strerror(-error));
    }
    return error == 0;
}

static void pumps_changed(struct net *n)
{
    stat_set(n->stats, pumps_shared, pump_mode_is_shared(&n->pump_mode));
    for (unsigned i = 0; i < n->count; i++) {
        post_push(&n->threads[i].posts, (struct post){ .kind = POST_PUMPS });
        thread_wake(&n->threads[i]);
    }
}

/* Its last commands go to the hub, then the unregister. */
static void leave_finish(struct net_thread *t, struct client *c) REQUIRES(on_net)
{
    enum reader_result result;
    do {
        atomic_store(&c->asked, false); /* nobody waits for that history any more */
        result = reader_step(c);
    } while (result == READER_ASKED);
    if (result == READER_STALLED && !t->stopping) {
        c->next_leaving = t->leaving;
        t->leaving = c;
        return;
    }
    if (c->known)
        hub_unregister(t->net->hub, peer_ref(&c->peer));
    client_unref(c);
}

static void client_leave(struct net_thread *t, struct client *c) REQUIRES(on_net)
{
    if (c->leaving)
        return;
    c->leaving = true;
    client_ref(c); /* until leave_finish() */
    if (c->pumps)
        pumps_end(c);
    else
        leave_finish(t, c);
}

void session_pump_ended(struct client *c)
{
    if (!pumps_reap(c))
        return;
    struct net_thread *t = net_current;
    stat_add(t->net->stats, clients_dedicated, -1);
    t->dedicated--;
    if (c->leaving)
        leave_finish(t, c);
    else if (c->session && start_pumps(c)) /* the way changed back meanwhile */
        return;
    else
        session_run_reader(c);
    if (c->session)
        output_dirty(c->session);
}

void session_run_reader(struct client *c)
{
    if (c->pumps || c->leaving || reader_step(c) != READER_IDLE || !c->session)
        return;
    input_resume(c->session);
}

void sessions_change_pumps(struct net_thread *t)
{
    struct session *s;
    const bool shared = pump_mode_is_shared(&t->net->pump_mode);
    t->lacking = false;
    TAILQ_FOREACH(s, &t->all, all_link)
    {
        if (!shared)
            start_pumps(s->client);
        else if (s->client->pumps)
            pumps_end(s->client);
    }
}

static void flow(struct session_list *list) REQUIRES(on_net)
{
    struct session *s;
    TAILQ_FOREACH(s, list, all_link)
    {
        if (s->client->pumps)
            pumps_flow(s->client);
        else if (s->client->stalled)
            session_run_reader(s->client);
    }
}

void sessions_flow(struct net_thread *t)
{
    struct client *c = t->leaving, *next;
    t->leaving = NULL;
    for (; c; c = next) {
        next = c->next_leaving;
        leave_finish(t, c);
    }
    flow(&t->all);
    flow(&t->parting);
}

/* ---- open and close ---- */

void session_open(struct session *s)
{
    struct net_thread *t = s->thread;
    struct net *n = t->net;
    lws_rx_flow_control(s->wsi, 0); /* for good: input.c reads */
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = s };
    BUG_ON(epoll_ctl(t->epoll, EPOLL_CTL_ADD, s->fd, &e) != 0);
    s->state = SESSION_OPEN;
    tls_session_open(s);
    t->handshakes--;
    s->reading = true;
    s->opened_ms = s->heard_ms = clock_mono_ms();
    s->beat_ms = s->opened_ms + n->settings->heartbeat_ms / 2;
    TAILQ_INSERT_TAIL(&t->all, s, all_link);
    session_watch(s);
    s->client = client_new(&n->env, t->index);
    s->client->session = s;
    thread_rearm(t);
}

void session_start_pumps(struct session *s)
{
    struct net *n = s->thread->net;
    if (pump_mode_update(&n->pump_mode, (uint32_t)stat_get(n->stats, clients)))
        pumps_changed(n);
    if (s->state == SESSION_OPEN)
        start_pumps(s->client);
}

void session_watch(struct session *s)
{
    if (s->timed || s->state == SESSION_DEAD)
        return;
    s->timed = true;
    TAILQ_INSERT_TAIL(&s->thread->timed, s, timed_link);
}

/* Out of the list of open ones. */
static void unlist(struct session *s) REQUIRES(on_net)
{
    struct net_thread *t = s->thread;
    if (s->parting)
        TAILQ_REMOVE(&t->parting, s, all_link);
    else
        TAILQ_REMOVE(&t->all, s, all_link);
}

/* From open to closing: no more rooms, no more commands. */
static void begin_close(struct session *s) REQUIRES(on_net)
{
    struct net_thread *t = s->thread;
    s->state = SESSION_CLOSING;
    s->close_ms = t->now_ms + CLOSE_PATIENCE_MS;
    unlist(s);
    session_watch(s);
    fanout_remove_all(s);
    lag_fini(s);
    input_watch(s, true); /* for the peer's close frame */
    client_leave(t, s->client);
}

static void queue_close(struct session *s, int code, const char *reason) REQUIRES(on_net)
{
    unsigned char payload[WS_CONTROL_MAX], out[2 + WS_CONTROL_MAX];
    const size_t size = strnlen(reason, sizeof(payload) - 2);
    payload[0] = (unsigned char)(code >> 8);
    payload[1] = (unsigned char)code;
    memcpy(payload + 2, reason, size);
    struct batch *b = batch_of_bytes(out, ws_control_frame(out, WS_CLOSE, payload, size + 2));
    output_count(s->thread, b->size);
    client_queue(s->client, b);
    s->close_queued = true;
    output_dirty(s);
}

void session_close(struct session *s, int code, const char *reason, int64_t retry_ms)
{
    if (s->state != SESSION_OPEN)
        return;
    if (code >= CLOSE_BAD_CLIENT || retry_ms >= 0) { /* browsers hide the reason of 1xxx anyway */
        struct frame *bye = event_bye(code, reason, retry_ms);
        output_frame(s, bye);
        frame_unref(bye);
    }
    session_end(s, code, reason);
}

void session_end(struct session *s, int code, const char *reason)
{
    if (s->state != SESSION_OPEN) /* there was no place for the bye */
        return;
    begin_close(s);
    queue_close(s, code, reason);
}

void session_close_answer(struct session *s, int code)
{
    if (s->state != SESSION_OPEN)
        return;
    s->peer_closed = true;
    begin_close(s);
    queue_close(s, code, "");
}

void session_kill(struct session *s)
{
    if (s->state == SESSION_DEAD)
        return;
    if (s->state == SESSION_NEW) { /* libwebsockets does not know it */
        const int fd = s->fd;
        session_free(s);
        close(fd);
        return;
    }
    tls_session_end(s);
    session_gone(s);
    /* Asynchronously, because libwebsockets may be in the middle of this connection; and
     * without a shutdown handshake, which is what it does after a timeout. */
    lws_set_timeout(s->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

static void forget_client(struct session *s) REQUIRES(on_net)
{
    struct client *c = s->client;
    output_fini(s);
    s->client = NULL;
    c->session = NULL;
    client_leave(s->thread, c);
    client_unref(c);
}

struct client *session_ask(struct session *s)
{
    s->client = client_new(&s->thread->net->env, s->thread->index);
    s->client->peer.http = true;
    s->client->session = s;
    return s->client;
}

void session_asked(struct session *s)
{
    if (s->client)
        forget_client(s);
}

void session_gone(struct session *s)
{
    struct net_thread *t = s->thread;
    struct net *n = t->net;
    if (s->state == SESSION_DEAD)
        return;
    if (s->state != SESSION_HTTP)
        epoll_ctl(t->epoll, EPOLL_CTL_DEL, s->fd, NULL);
    if (s->state == SESSION_HTTP || s->state == SESSION_NEW)
        t->handshakes--;
    if (s->state == SESSION_OPEN)
        unlist(s);
    s->state = SESSION_DEAD;
    fanout_remove_all(s);
    lag_fini(s);
    input_fini(s);
    transfer_gone(s);
    if (s->client)
        forget_client(s);
    if (s->timed)
        TAILQ_REMOVE(&t->timed, s, timed_link);
    output_clean(s);
    s->timed = false;
    if (!s->counted)
        return;
    s->counted = false;
    const int64_t clients = stat_add(n->stats, clients, -1) - 1;
    if (!t->stopping && !t->draining && pump_mode_update(&n->pump_mode, (uint32_t)clients))
        pumps_changed(n);
    if (clients == 0 && atomic_load(&n->draining))
        net_signal_gone(n);
}

void session_free(struct session *s)
{
    struct net_thread *t = s->thread;
    session_gone(s);
    frame_unref(s->http_answer);
    body_fini(s);
    free(s->seats);
    if (s->address)
        address_leave(t->net->addresses, s->address);
    atomic_fetch_sub(&t->connections, 1);
    free(s);
}

/* ---- time ---- */

static void send_heartbeat(struct session *s) REQUIRES(on_net)
{
    struct stream_top tops[RULE_ROOMS_PER_CLIENT] = { 0 };
    struct net_thread *t = s->thread;
    const bool shareable = s->seat_count == 1;
    if (shareable && t->beat_batch && t->beat_room == s->seats[0].room) {
        output_queue(s, batch_ref(t->beat_batch));
        return;
    }
    size_t n = 0;
    for (; n < s->seat_count && n < RULE_ROOMS_PER_CLIENT; n++) {
        const struct net_room *r = s->seats[n].room;
        tops[n] = (struct stream_top){ r->name, r->sent_seq };
    }
    struct frame *f = event_heartbeat(tops, n);
    struct batch *b = batch_of_frame(f, BATCH_NO_ROOM);
    frame_unref(f);
    if (shareable) {
        batch_unref(t->beat_batch);
        t->beat_batch = batch_ref(b);
        t->beat_room = s->seats[0].room;
    }
    output_queue(s, b);
}

static void beat(struct session *s) REQUIRES(on_net)
{
    struct net_thread *t = s->thread;
    const int64_t period = t->net->settings->heartbeat_ms;
    if (t->now_ms - s->heard_ms > period * 5 / 2) {
        stat_add(t->net->stats, clients_closed_silent, 1);
        session_close(s, CLOSE_SILENT, "silent", -1);
        return;
    }
    s->beat_odd = !s->beat_odd;
    if (!s->beat_odd && !s->lagging && atomic_load(&s->client->greeted))
        send_heartbeat(s);
}

static void run_beats(struct net_thread *t) REQUIRES(on_net)
{
    struct session *s;
    while ((s = TAILQ_FIRST(&t->all)) != NULL && s->beat_ms <= t->now_ms) {
        TAILQ_REMOVE(&t->all, s, all_link);
        TAILQ_INSERT_TAIL(&t->all, s, all_link);
        s->beat_ms = t->now_ms + t->net->settings->heartbeat_ms / 2;
        beat(s);
    }
    batch_unref(t->beat_batch);
    t->beat_batch = NULL;
}

/* Many who have not made a request: the slow ones must not keep the others out. */
static bool is_crowded(const struct net_thread *t)
{
    const struct net *n = t->net;
    return t->handshakes > (n->connections_max - n->clients_max) / 2 / n->count;
}

/* Not when it is this server that is slow: an answer is under way, or a request is not read. */
static bool is_too_slow(const struct session *s)
{
    int unread = 0;
    if (s->thread->now_ms - s->opened_ms <= CROWDED_MS || !is_crowded(s->thread))
        return false;
    if (s->client || s->http_answer || s->transfer || (s->wsi && lws_partial_buffered(s->wsi)))
        return false;
    return ioctl(s->fd, FIONREAD, &unread) == 0 && unread == 0;
}

static void look_at_http(struct session *s) REQUIRES(on_net)
{
    const bool over = s->thread->now_ms > s->close_ms;
    if (!over && !is_too_slow(s))
        return;
    if (!over)
        stat_add(s->thread->net->stats, handshakes_cut, 1);
    if (!s->asked && !s->tls)
        refusal_send(s->fd, "408 Request Timeout", "too_slow");
    session_kill(s);
}

/* True when there is nothing left to wait for. */
static bool look_at(struct session *s) REQUIRES(on_net)
{
    const struct settings *settings = s->thread->net->settings;
    const int64_t now = s->thread->now_ms;
    if (s->blocked && now - s->blocked_ms > settings->lag_close_s * 1000) {
        stat_add(s->thread->net->stats, clients_closed_slow, 1);
        session_kill(s); /* a close frame (4101) would stand behind what is stuck */
        return false;
    }
    if (s->state == SESSION_HTTP || s->state == SESSION_NEW) {
        look_at_http(s);
        return false;
    }
    if (s->state != SESSION_OPEN) {
        if (now > s->close_ms)
            session_kill(s);
        return false;
    }
    const bool greeted = atomic_load(&s->client->greeted);
    if (!greeted && now - s->opened_ms > settings->handshake_timeout_s * 1000) {
        session_close(s, CLOSE_BAD_CLIENT, "say hello first", -1);
        return false;
    }
    return greeted && !s->blocked;
}

int64_t sessions_tick_ms(const struct net_thread *t)
{
    if (TAILQ_EMPTY(&t->all) && TAILQ_EMPTY(&t->parting) && TAILQ_EMPTY(&t->timed))
        return 0;
    if (t->draining)
        return DRAIN_TICK_MS;
    const int64_t ms = t->net->settings->heartbeat_ms / 20;
    return ms < TICK_MIN_MS ? TICK_MIN_MS : ms > TICK_MAX_MS ? TICK_MAX_MS : ms;
}

void sessions_tick(struct net_thread *t)
{
    struct session *s, *next;
    run_beats(t);
    for (s = TAILQ_FIRST(&t->timed); s; s = next) {
        next = TAILQ_NEXT(s, timed_link);
        if (look_at(s)) {
            TAILQ_REMOVE(&t->timed, s, timed_link);
            s->timed = false;
        }
    }
    if (t->draining)
        drain_tick(t);
    if (t->lacking && pump_mode_may_start(&t->net->pump_mode, t->now_ms))
        sessions_change_pumps(t);
}

void sessions_stop(struct net_thread *t)
{
    struct session *s;
    /* The analyzer does not see that a session that is freed leaves its list.
     * NOLINTBEGIN(clang-analyzer-unix.Malloc) */
    while ((s = TAILQ_FIRST(&t->all)) != NULL)
        session_kill(s);
    while ((s = TAILQ_FIRST(&t->parting)) != NULL)
        session_kill(s);
    while ((s = TAILQ_FIRST(&t->timed)) != NULL)
        session_kill(s);
    /* NOLINTEND(clang-analyzer-unix.Malloc) */
    sessions_flow(t); /* those whose last commands wait: the hub is gone */
}

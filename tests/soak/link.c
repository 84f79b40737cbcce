/* Sockets, TLS and WebSocket framing: the client of libwebsockets, which is none of confab's own
 * code. A connection that a client has ended keeps no pointer to it. */
#include "soak.h"

#include <ev.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    RX_BYTES = 8192,
    SERVICE_BYTES = 65536,
    FRAME_MAX = 8 << 20,
    SLOW_BUFFER = 4096, /* of the kernel, for a client that is to be slow */
    CLOSE_S = 3,
};

struct out_frame {
    struct out_frame *next;
    size_t size;
    unsigned char data[]; /* LWS_PRE bytes that libwebsockets writes its header to, and the text */
};

void link_forget(struct client *c)
{
    while (c->out_head) {
        struct out_frame *f = c->out_head;
        c->out_head = f->next;
        free(f);
    }
    c->out_tail = &c->out_head;
    str_reset(&c->rx);
}

void link_send(struct client *c, const char *text, size_t size)
{
    struct out_frame *f = xmalloc(sizeof *f + LWS_PRE + size);
    f->next = NULL;
    f->size = size;
    memcpy(f->data + LWS_PRE, text, size);
    *c->out_tail = f;
    c->out_tail = &f->next;
    (void)lws_callback_on_writable(c->wsi);
}

/* -1 when the connection is lost. After a partial write nothing more may follow at once. */
static int flush(struct client *c)
{
    while (c->out_head) {
        struct out_frame *f = c->out_head;
        int n = lws_write(c->wsi, f->data + LWS_PRE, f->size, LWS_WRITE_TEXT);
        c->out_head = f->next;
        if (!c->out_head)
            c->out_tail = &c->out_head;
        free(f);
        if (n < 0)
            return -1;
        if (lws_send_pipe_choked(c->wsi))
            break;
    }
    if (c->out_head)
        (void)lws_callback_on_writable(c->wsi);
    return 0;
}

static void received(struct client *c, const char *data, size_t size)
{
    bool whole = lws_is_final_fragment(c->wsi);
    if (whole && !c->rx.size) {
        frames_received(c, data, size);
        return;
    }
    if (c->rx.size + size > FRAME_MAX) {
        log_warn("frame", "client=%u error=\"too large\"", c->index);
        link_end(c, LINK_CLOSE);
        client_closed(c);
        return;
    }
    str_add(&c->rx, data, size);
    if (!whole)
        return;
    struct str text = c->rx; /* what follows may end the connection */
    c->rx = (struct str)STR_INIT;
    frames_received(c, text.data, text.size);
    str_fini(&text);
}

static void established(struct client *c)
{
    int size = SLOW_BUFFER;
    if (c->slow)
        (void)setsockopt(lws_get_socket_fd(c->wsi), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    client_opened(c);
}

static void peer_closes(struct client *c, const unsigned char *in, size_t size)
{
    if (size >= 2)
        c->close_code = (unsigned)in[0] << 8 | in[1];
}

/* What libwebsockets says of it, and the HTTP status when there was one. */
static void failed(struct client *c, struct lws *wsi, const char *why)
{
    char text[128];
    unsigned status = lws_http_client_http_response(wsi);
    why = why ? why : "no connection";
    if (status)
        (void)snprintf(text, sizeof text, "%s (HTTP status %u)", why, status);
    client_refused(c, status ? text : why);
}

static int on_client(struct client *c, struct lws *wsi, enum lws_callback_reasons reason, void *in,
                     size_t size)
{
    c->soak->now_us = clock_mono_us();
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        c->wsi = wsi;
        established(c);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        received(c, in, size);
        return 0;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return flush(c);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        peer_closes(c, in, size);
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        failed(c, wsi, in);
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        client_closed(c);
        return 0;
    default:
        return 0;
    }
}

/* What happens to a connection that was ended from here. -1 closes it with the close frame that
 * is prepared. Only WRITEABLE may say so: after a -1 from RECEIVE libwebsockets 4.1 goes on to
 * read with its state in the middle of a frame, and writes past its buffer. */
static int on_ended(enum lws_callback_reasons reason)
{
    return reason == LWS_CALLBACK_CLIENT_WRITEABLE ? -1 : 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t size)
{
    (void)user;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
    case LWS_CALLBACK_CLIENT_RECEIVE:
    case LWS_CALLBACK_CLIENT_WRITEABLE:
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_CLIENT_CLOSED: {
        struct client *c = lws_get_opaque_user_data(wsi);
        return c ? on_client(c, wsi, reason, in, size) : on_ended(reason);
    }
    default:
        return 0;
    }
}

static const lws_retry_bo_t no_pings; /* all 0: confab's heartbeats decide who is alive */

void link_open(struct client *c)
{
    const struct options *opt = c->soak->opt;
    const struct url *u = &opt->urls[c->url];
    struct lws_client_connect_info info = {
        .context = c->soak->context,
        .address = u->host,
        .port = u->port,
        .path = u->path,
        .host = u->authority,
        .protocol = "confab.v1",
        .local_protocol_name = "confab.v1",
        .alpn = "http/1.1",
        .pwsi = &c->wsi,
        .opaque_user_data = c,
        .retry_and_idle_policy = &no_pings,
    };
    if (u->tls)
        info.ssl_connection = LCCSCF_USE_SSL;
    if (u->tls && opt->insecure)
        info.ssl_connection |= LCCSCF_ALLOW_SELFSIGNED | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK |
                               LCCSCF_ALLOW_EXPIRED | LCCSCF_ALLOW_INSECURE;
    if (!lws_client_connect_via_info(&info) && c->state == CLIENT_CONNECTING)
        client_refused(c, "no connection"); /* it has not said so by a callback */
}

/* Connecting a TCP socket to "no address" disconnects it with a reset. */
static void reset(int fd)
{
    const struct sockaddr none = { .sa_family = AF_UNSPEC };
    (void)connect(fd, &none, sizeof none);
}

void link_end(struct client *c, enum link_end how)
{
    struct lws *wsi = c->wsi;
    if (!wsi)
        return;
    bool open = c->state >= CLIENT_GREETING;
    if (c->paused)
        link_read(c, true);
    c->wsi = NULL;
    lws_set_opaque_user_data(wsi, NULL);
    if (open && how == LINK_CLOSE) {
        lws_close_reason(wsi, LWS_CLOSE_STATUS_GOINGAWAY, NULL, 0);
        (void)lws_callback_on_writable(wsi);
        lws_set_timeout(wsi, PENDING_TIMEOUT_CLOSE_SEND, CLOSE_S);
        return;
    }
    if (open && how == LINK_RESET)
        reset(lws_get_socket_fd(wsi));
    else if (open)
        (void)shutdown(lws_get_socket_fd(wsi), SHUT_RDWR);
    lws_set_timeout(wsi, PENDING_TIMEOUT_CLOSE_ACK, LWS_TO_KILL_ASYNC);
}

void link_read(struct client *c, bool on)
{
    if (c->wsi)
        (void)lws_rx_flow_control(c->wsi, on);
}

static void tick(lws_sorted_usec_list_t *sul)
{
    struct soak *s = lws_container_of(sul, struct soak, tick);
    soak_tick(s);
    if (s->phase != PHASE_DONE)
        lws_sul_schedule(s->context, 0, sul, tick, TICK_US);
}

static bool create(struct soak *s, bool with_ev)
{
    static struct lws_protocols protocols[] = {
        { .name = "confab.v1", .callback = callback, .rx_buffer_size = RX_BYTES },
        { 0 },
    };
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .pt_serv_buf_size = SERVICE_BYTES,
        .retry_and_idle_policy = &no_pings,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
    };
    void *loops[1];
    for (unsigned i = 0; i < s->opt->url_count; i++) {
        if (s->opt->urls[i].tls)
            info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    }
    if (with_ev) {
        s->loop = ev_loop_new(EVFLAG_NOENV);
        if (!s->loop)
            return false;
        loops[0] = s->loop;
        info.foreign_loops = loops;
        info.options |= LWS_SERVER_OPTION_LIBEV;
    }
    s->context = lws_create_context(&info);
    if (!s->context && s->loop) {
        ev_loop_destroy(s->loop);
        s->loop = NULL;
    }
    return s->context != NULL;
}

bool link_start(struct soak *s)
{
    lws_set_log_level(0, NULL); /* connections that fail are what this is about */
    if (!create(s, true) && !create(s, false))
        return false;
    lws_sul_schedule(s->context, 0, &s->tick, tick, 1);
    return true;
}

void link_run(struct soak *s)
{
    if (s->loop) {
        ev_run(s->loop, 0);
        return;
    }
    while (s->phase != PHASE_DONE && lws_service(s->context, 0) >= 0)
        ;
}

void link_break(struct soak *s)
{
    if (s->loop)
        ev_break(s->loop, EVBREAK_ALL);
    else
        lws_cancel_service(s->context);
}

void link_stop(struct soak *s)
{
    lws_context_destroy(s->context);
    if (s->loop)
        ev_loop_destroy(s->loop);
}

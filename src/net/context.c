/* The libwebsockets side of a net thread: its context, its loop and its one callback. */
#include "thread.h"

#include "body.h"
#include "handshake.h"
#include "http.h"
#include "io.h"
#include "session.h"
#include "tls.h"
#include "transfer.h"
#include "upgrade.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <string.h>

enum {
    SERVICE_BYTES = 32768,
    RX_BYTES = 128,     /* per connection; libwebsockets reads no WebSocket here */
    TX_BYTES = 1 << 20, /* larger than any write, or the rest is copied and sent in drips */
    KEEPALIVE_S = 60,
};

static struct session *session_of(struct lws *wsi)
{
    return lws_get_opaque_user_data(wsi);
}

/* What happens to a connection that has a session. */
static int on_session(struct session *s, enum lws_callback_reasons reason, void *in, size_t len)
    REQUIRES(on_net)
{
    /* Killed, and libwebsockets has not got to it yet: its request may still come. */
    if (s->state == SESSION_DEAD && reason != LWS_CALLBACK_WSI_DESTROY)
        return -1;
    switch (reason) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return upgrade_check(s, in);
    case LWS_CALLBACK_ESTABLISHED:
        /* Our answer did not fit into the socket, and what we send would overtake the rest. */
        if (lws_partial_buffered(s->wsi))
            return -1;
        upgrade_done(s);
        return 0;
    case LWS_CALLBACK_RECEIVE: /* sent before our answer to the handshake (RFC 6455, 4.1) */
        return -1;
    case LWS_CALLBACK_HTTP:
        return s->shakes_hands ? handshake_answer(s) : http_request(s, in);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return http_writeable(s);
    case LWS_CALLBACK_HTTP_BODY:
        return s->transfer ? upload_take(s, in, len) : body_take(s, in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return s->transfer ? upload_completed(s) : body_done(s);
    case LWS_CALLBACK_RAW_ADOPT: /* CONNECT: nobody's proxy */
        return -1;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_RAW_CLOSE:
        session_gone(s);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        session_free(s);
        return 0;
    default:
        return 0;
    }
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    role_assume(&on_net);
    switch (reason) {
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS: { /* in: the vhost */
        struct net_thread *t = lws_context_user(lws_get_context(wsi));
        t->tls_context = user; /* the TLS vhost is the last one that is made */
        return 0;
    }
    case LWS_CALLBACK_RAW_RX_FILE: /* our epoll set: the only file that is adopted */
        thread_turn(lws_context_user(lws_get_context(wsi)));
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_HTTP:
    case LWS_CALLBACK_HTTP_WRITEABLE:
    case LWS_CALLBACK_HTTP_BODY:
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
    case LWS_CALLBACK_RAW_ADOPT:
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_RAW_CLOSE:
    case LWS_CALLBACK_WSI_DESTROY: {
        struct session *s = session_of(wsi);
        return s ? on_session(s, reason, in, len) : 0;
    }
    default: /* also EVENT_WAIT_CANCELLED, which must be 0 or wake-ups end for good */
        return 0;
    }
}

static void log_emit(int level, const char *line)
{
    char text[512], quoted[600];
    size_t n = strcspn(line, "\n");
    if (n >= sizeof(text))
        n = sizeof(text) - 1;
    memcpy(text, line, n);
    text[n] = '\0';
    log_line(level == LLL_ERR ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "libwebsockets", "text=%s",
             log_quote(quoted, sizeof(quoted), text));
}

void context_log_init(void)
{
    lws_set_log_level(LLL_ERR | LLL_WARN, log_emit);
}

void context_log_end(void)
{
    lws_set_log_level(0, NULL);
}

/* Filled in anew for each attempt: libwebsockets keeps pointers to the static parts only. */
static void describe(struct net_thread *t, struct lws_context_creation_info *info,
                     struct lws_protocols protocols[3])
{
    static const lws_retry_bo_t no_pings; /* all 0: confab's heartbeats decide who is alive */
    protocols[0] = (struct lws_protocols){ .name = "confab.v1",
                                           .callback = callback,
                                           .rx_buffer_size = RX_BYTES,
                                           .tx_packet_size = TX_BYTES };
    protocols[1] = protocols[0];
    protocols[1].name = t->offered; /* see upgrade.c */
    protocols[2] = (struct lws_protocols){ 0 };
    *info = (struct lws_context_creation_info){
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .user = t,
        .timeout_secs = (unsigned)t->net->settings->handshake_timeout_s,
        .keepalive_timeout = KEEPALIVE_S,
        .max_http_header_data = HTTP_HEADER_BYTES,
        .pt_serv_buf_size = SERVICE_BYTES,
        .alpn = "http/1.1",
        .server_string = "confab",
        .retry_and_idle_policy = &no_pings,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
    };
    if (t->net->certificate) {
        info->options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        /* There are no clients in it; but its own context for them it would lose at the end, and
         * fill with all the authorities of this machine. */
        info->provided_client_ssl_ctx = t->tls_client;
    }
}

static bool create(struct net_thread *t, bool with_ev)
{
    struct lws_context_creation_info info;
    void *loops[1];
    describe(t, &info, t->protocols);
    if (with_ev) {
        t->loop = ev_loop_new(EVFLAG_NOENV);
        if (!t->loop)
            return false;
        loops[0] = t->loop;
        info.foreign_loops = loops;
        info.options |= LWS_SERVER_OPTION_LIBEV;
    }
    t->context = lws_create_context(&info);
    if (!t->context && t->loop) {
        ev_loop_destroy(t->loop);
        t->loop = NULL;
    }
    return t->context != NULL;
}

/* The vhost of connections that begin with a ClientHello. */
static bool create_tls(struct net_thread *t)
{
    role_assume(&on_net); /* before it runs */
    struct lws_context_creation_info info;
    describe(t, &info, t->protocols);
    info.port = CONTEXT_PORT_NO_LISTEN_SERVER; /* with NO_LISTEN there would be no TLS */
    info.vhost_name = "tls";
    info.options |= LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX;
    t->tls_context = NULL;
    t->tls_vhost = lws_create_vhost(t->context, &info);
    if (!t->tls_vhost || !t->tls_context)
        return false;
    tls_context_init(t->tls_context);
    tls_exchange(t, certificate_ref(t->net->certificate));
    return t->certificate != NULL;
}

int context_init(struct net_thread *t)
{
    if (t->net->certificate)
        t->tls_client = tls_client_context();
    if (!create(t, true)) {
        if (t->index == 0)
            log_warn("event_loop", "missing=libwebsockets-evlib-ev effect=\"poll: slow with "
                                   "thousands of connections\"");
        if (!create(t, false)) {
            log_error("net_thread", "error=\"libwebsockets cannot start\"");
            return -ENOMEM;
        }
    }
    t->vhost = lws_get_vhost_by_name(t->context, "default");
    const lws_sock_file_fd_type fd = { .filefd = t->epoll };
    if (!t->vhost || !lws_adopt_descriptor_vhost(t->vhost, LWS_ADOPT_RAW_FILE_DESC, fd,
                                                 t->protocols[0].name, NULL))
        return -ENOMEM;
    if (t->net->certificate && !create_tls(t)) {
        log_error("net_thread", "error=\"libwebsockets cannot do TLS\"");
        return -ENOMEM;
    }
    return 0;
}

void context_run(struct net_thread *t)
{
    if (t->loop) {
        ev_run(t->loop, 0);
        return;
    }
    while (!t->finished && lws_service(t->context, 0) >= 0)
        ;
}

void context_break(struct net_thread *t)
{
    t->finished = true;
    if (t->loop)
        ev_break(t->loop, EVBREAK_ALL);
}

void context_fini(struct net_thread *t)
{
    role_assume(&on_net);
    lws_context_destroy(t->context);
    tls_client_context_free(t->tls_client);
    t->tls_client = NULL;
    if (t->loop)
        ev_loop_destroy(t->loop);
}

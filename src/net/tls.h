/* TLS of a net thread. Settings: Mozilla, Server Side TLS, guidelines 6.0, "intermediate"
 * (https://ssl-config.mozilla.org/guidelines/6.0.json, https://wiki.mozilla.org/Security/
 * Server_Side_TLS). libwebsockets shakes hands and does HTTP; a WebSocket's socket is read and
 * written here. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "confab/net/certificate.h"
#include "state.h"

#include <sys/types.h>

/* What a session waits for beside its own reading and writing: TLS may have to write in order to
 * read, and the other way round (a key update, RFC 8446 section 4.6.3). */
enum tls_crossed {
    TLS_STRAIGHT,
    TLS_READ_WAITS_FOR_ROOM,
    TLS_WRITE_WAITS_FOR_INPUT,
};

/* Sets up a context that libwebsockets has made. */
void tls_context_init(struct ssl_ctx_st *context);
/* An OpenSSL context that nothing uses. */
struct ssl_ctx_st *tls_client_context(void);
void tls_client_context_free(struct ssl_ctx_st *context); /* NULL is fine */
/* Takes c. From the next handshake on; those who are connected keep what they have. */
void tls_exchange(struct net_thread *t, struct certificate *c) REQUIRES(on_net);

/* The session is a WebSocket from now on. */
void tls_session_open(struct session *s) REQUIRES(on_net);
/* As recv() and send(). They may set s->crossed; then errno is EAGAIN. */
ssize_t tls_recv(struct session *s, void *out, size_t size) REQUIRES(on_net);
ssize_t tls_send(struct session *s, const void *data, size_t size) REQUIRES(on_net);
/* Something has come that is not in the socket any more. */
bool tls_has_input(const struct session *s) REQUIRES(on_net);
/* Tells the peer that nothing more will come, if that is possible now. */
void tls_session_end(struct session *s) REQUIRES(on_net);

#endif

#include "tls.h"

#include "certificate.h"
#include "session.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

enum { TICKET_S = 24 * 3600 };

static const char ciphers_1_2[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                  "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                  "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char ciphers_1_3[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
/* The first of the list, X25519MLKEM768, is known from OpenSSL 3.5 on. */
static const char groups[] = "X25519:prime256v1:secp384r1";
static const char groups_3_5[] = "X25519MLKEM768:X25519:prime256v1:secp384r1";

void tls_context_init(SSL_CTX *context)
{
    BUG_ON(!SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION));
    BUG_ON(!SSL_CTX_set_cipher_list(context, ciphers_1_2));
    BUG_ON(!SSL_CTX_set_ciphersuites(context, ciphers_1_3));
    if (!SSL_CTX_set1_groups_list(context, groups_3_5))
        BUG_ON(!SSL_CTX_set1_groups_list(context, groups));
    /* The client knows which cipher is fast for it: a phone without AES in hardware. */
    SSL_CTX_clear_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets do it */
    SSL_CTX_set_timeout(context, TICKET_S);
    /* libwebsockets would look for another vhost by the name that the client says. */
    SSL_CTX_set_tlsext_servername_callback(context, NULL);
    ERR_clear_error();
}

SSL_CTX *tls_client_context(void)
{
    return SSL_CTX_new(TLS_client_method());
}

void tls_client_context_free(SSL_CTX *context)
{
    SSL_CTX_free(context);
}

void tls_exchange(struct net_thread *t, struct certificate *c)
{
    struct certificate *old = t->certificate;
    if (!t->context) { /* the thread has ended */
        certificate_unref(c);
        return;
    }
    if (SSL_CTX_use_cert_and_key(t->tls_context, c->leaf, c->key, c->chain, 1) == 1) {
        SSL_CTX_set_tlsext_ticket_keys(t->tls_context, c->ticket_keys, sizeof(c->ticket_keys));
        t->certificate = c;
        certificate_unref(old);
    } else {
        log_error("tls_certificate", "thread=net-%u error=\"OpenSSL refuses it\"", t->index);
        certificate_unref(c);
    }
    ERR_clear_error();
}

void tls_session_open(struct session *s)
{
    s->ssl = s->tls ? lws_get_ssl(s->wsi) : NULL;
    BUG_ON(s->tls && !s->ssl);
}

static void cross(struct session *s, enum tls_crossed how)
{
    s->crossed = (uint8_t)how;
    errno = EAGAIN;
}

ssize_t tls_recv(struct session *s, void *out, size_t size)
{
    ERR_clear_error(); /* SSL_get_error() looks at what this thread's queue has */
    const int n = SSL_read(s->ssl, out, (int)size);
    if (n > 0)
        return n;
    errno = EAGAIN;
    switch (SSL_get_error(s->ssl, n)) {
    case SSL_ERROR_WANT_READ:
        return -1;
    case SSL_ERROR_WANT_WRITE:
        cross(s, TLS_READ_WAITS_FOR_ROOM);
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        errno = EPROTO;
        return -1;
    }
}

ssize_t tls_send(struct session *s, const void *data, size_t size)
{
    ERR_clear_error();
    const int n = SSL_write(s->ssl, data, (int)size);
    if (n > 0)
        return n;
    errno = EAGAIN;
    switch (SSL_get_error(s->ssl, n)) {
    case SSL_ERROR_WANT_WRITE:
        return -1;
    case SSL_ERROR_WANT_READ:
        cross(s, TLS_WRITE_WAITS_FOR_INPUT);
        return -1;
    default:
        errno = EPROTO;
        return -1;
    }
}

bool tls_has_input(const struct session *s)
{
    return SSL_pending(s->ssl) > 0;
}

void tls_session_end(struct session *s)
{
    /* In the middle of a record it would be taken for the rest of that. */
    if (!s->ssl || s->wire || s->crossed)
        return;
    ERR_clear_error();
    SSL_shutdown(s->ssl);
}

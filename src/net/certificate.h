/* What a certificate is, for tls.c. */
#ifndef NET_CERTIFICATE_H
#define NET_CERTIFICATE_H

#include "confab/base/str.h"
#include "confab/net/certificate.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

enum { TICKET_KEY_BYTES = 80 }; /* SSL_CTX_set_tlsext_ticket_keys() wants just so many */

struct certificate {
    _Atomic uint32_t refs;
    X509 *leaf;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
    char *ca; /* the authority's certificate in PEM, for people to install; NULL: another's */
    size_t ca_size;
    struct str profile; /* the same for devices of Apple; empty: none */
    /* Of session tickets: one for all net threads, as a client comes back on any of them. */
    unsigned char ticket_keys[TICKET_KEY_BYTES];
};

#endif

/* Keys and certificates, in memory and in files. main only. */
#ifndef APP_TLS_X509_H
#define APP_TLS_X509_H

#include "confab/base/str.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

struct x509_plan {
    const char *subject; /* common name, cut to 64 bytes */
    int days;
    EVP_PKEY *key;
    X509 *issuer; /* NULL: signs itself, as an authority */
    EVP_PKEY *issuer_key;
    const char *names; /* OpenSSL's notation: subjectAltName, or nameConstraints of an authority */
};

EVP_PKEY *x509_key(void);                         /* P-256; NULL: OpenSSL failed */
X509 *x509_certificate(const struct x509_plan *); /* NULL: OpenSSL failed */

/* NULL: there is none that can be read. */
X509 *x509_read(const char *path);
EVP_PKEY *x509_read_key(const char *path);

/* Writes the PEM to a temporary file with mode 0600, which takes the place of path when it is
 * whole and on disk, and gets an owner as below. 0 or a negative errno. */
int x509_write(const X509 *certificate, const char *path);
int x509_write_key(const EVP_PKEY *key, const char *path);
/* As root: path gets the owner of its folder, who is the one that the server runs as. */
void x509_give_to_owner(const char *path);

#endif

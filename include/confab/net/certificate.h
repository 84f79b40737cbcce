/* A server's certificate with the chain below its root and its private key, out of files in PEM.
 * Immutable and reference counted: net threads and main share one. */
#ifndef CONFAB_NET_CERTIFICATE_H
#define CONFAB_NET_CERTIFICATE_H

#include "confab/base/base.h"

struct certificate;

enum { CERTIFICATE_WHY_BYTES = 1024 };

struct certificate_files {
    const char *cert, *key;
    const char *ca; /* of confab's own authority, which people have to install; else NULL */
};

/* Reads the files and checks that the key is the certificate's and that today is within its
 * life. NULL: why says in one line what is wrong and what to do. */
struct certificate *certificate_read(const struct certificate_files *files,
                                     char why[CERTIFICATE_WHY_BYTES]) MUST_USE;
struct certificate *certificate_ref(struct certificate *c);
void certificate_unref(struct certificate *c); /* NULL is fine */

/* Whole days until it ends. */
int certificate_days(const struct certificate *c);

#endif

/* confab's own certificate authority for a local network: P-256, and bound by name constraints
 * (RFC 5280 section 4.2.1.10) to private addresses, .local and the names of this machine, so that
 * who trusts it trusts it for nothing else. main only. */
#ifndef APP_TLS_AUTHORITY_H
#define APP_TLS_AUTHORITY_H

#include "confab/app/tls.h"

enum {
    AUTHORITY_DAYS = 3650,
    LEAF_DAYS = 365,   /* guidelines 6.0 of Mozilla: 366 at most; Apple: 825 */
    RENEWAL_DAYS = 30, /* before its end */
    NAMES_MOST = 16,
    NAME_BYTES = 254,
};

/* Is it a host name that a certificate can have? */
bool authority_is_name(const char *name);
/* Makes the authority and a first certificate; what was there is replaced when all is made. names: more of them
 * that the server has, each a host name. 0, or -1 with why. */
int authority_create(const struct tls_paths *p, const char *const *names, size_t count,
                     char why[CERTIFICATE_WHY_BYTES]) REQUIRES(on_main);
/* A new certificate for the same key, with all private addresses and names that this machine has
 * now and those that the authority was made for. 0, or -1 with why: the old one stays. */
int authority_renew(const struct tls_paths *p, char why[CERTIFICATE_WHY_BYTES]) REQUIRES(on_main);
/* Is it time? It ends within RENEWAL_DAYS, cannot be read, or lacks an address or name. */
bool authority_is_due(const struct tls_paths *p) REQUIRES(on_main);

#endif

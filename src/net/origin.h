/* Which Host and Origin headers are let in. A page of another site can make a browser connect
 * here (cross-site WebSocket hijacking), and a name that resolves to this machine can make it a
 * foreign site's (DNS rebinding): both are refused unless the operator names them. */
#ifndef NET_ORIGIN_H
#define NET_ORIGIN_H

#include <stdbool.h>

struct origin_rules {
    const char *allowed_hosts; /* comma-separated, "*" for any; may be "" */
    const char *allowed_origins;
    const char *mdns_name; /* without .local */
    char hostname[256];    /* of this machine */
};

void origin_rules_init(struct origin_rules *r, const char *allowed_hosts,
                       const char *allowed_origins, const char *mdns_name);

/* host: the header's value. IP addresses, localhost, this machine's name, with and without
 * .local, that of mDNS, also with a number (confab-2.local), and the allowed ones, each with any
 * port. */
bool origin_host_allowed(const struct origin_rules *r, const char *host);

/* origin: the header's value, NULL when there was none (not a browser: fine). Same host and port
 * as the Host header, where a missing port is the default of the origin's scheme; or allowed. */
bool origin_allowed(const struct origin_rules *r, const char *origin, const char *host);

#endif

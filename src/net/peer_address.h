/* Whose request it is, as limits count: an IPv4 address, or the /64 of an IPv6 address, which one
 * customer owns (RFC 6177). Behind a trusted proxy the address that it names. */
#ifndef NET_PEER_ADDRESS_H
#define NET_PEER_ADDRESS_H

#include "confab/base/network.h"

#include <netinet/in.h>

enum {
    PROXIES_MOST = 16,
    PEER_ADDRESS_BYTES = INET6_ADDRSTRLEN + 4, /* "2001:db8:1:2::/64" */
};

struct proxy_rules {
    struct network trusted[PROXIES_MOST];
    unsigned count;
};

/* proxies: TRUSTED_PROXIES, which app/config has checked. */
void proxy_rules_init(struct proxy_rules *r, const char *proxies);

/* peer: who has connected. forwarded: the value of X-Forwarded-For, "" for none: each proxy has
 * appended whom it got the request from, so the last address that is not a trusted proxy's is the
 * client's; what stands before it anybody can have written. */
void peer_address(const struct proxy_rules *r, const unsigned char peer[16], const char *forwarded,
                  char out[PEER_ADDRESS_BYTES]);

/* Of the request that the session is answering. Net thread. */
struct session;
void peer_address_of(struct session *s, char out[PEER_ADDRESS_BYTES]);

#endif

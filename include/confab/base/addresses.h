/* Under which addresses people reach this server. Any thread. */
#ifndef CONFAB_BASE_ADDRESSES_H
#define CONFAB_BASE_ADDRESSES_H

#include "confab/base/str.h"

#include <netinet/in.h>

enum { ADDRESSES_MAX = 8 };

struct lan_address {
    char text[INET6_ADDRSTRLEN];
    bool ipv6;
    unsigned interface; /* its index; 0: no interface of this machine has that address */
};

/* The addresses at which other devices reach who listens on `bind`, an IP address: bind itself,
 * or for 0.0.0.0 and :: those of this machine in its networks (:: both IPv4 and IPv6). The
 * interface of the default route first, IPv4 before IPv6; no loopback, link-local, container,
 * virtual machine or tunnel interfaces. Returns how many; 0 for a loopback address. */
size_t addresses_of(const char *bind, struct lan_address out[ADDRESSES_MAX]);

/* Is a network interface of this name one that other people's devices are on? */
bool addresses_is_lan_interface(const char *name);

/* Does it lead to this machine only? */
bool addresses_is_loopback(const char *address);

/* What a URL of this server is made of, besides the host. */
struct reach {
    const char *scheme, *bind;
    int port;
};

/* Appends "http://192.168.1.5:8080/": without the port where the scheme implies it. An IPv6
 * address gets its brackets. */
void reach_add_url(struct str *out, const struct reach *r, const char *host);

/* Appends the name that is announced by mDNS, "confab.local", or "confab-2.local" for 2, when
 * others have the first ones. */
void reach_add_name(struct str *out, const char *mdns_name, int64_t number);

#endif

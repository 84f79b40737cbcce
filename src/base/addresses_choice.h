/* How addresses.c chooses, without asking the machine. Any thread. */
#ifndef BASE_ADDRESSES_CHOICE_H
#define BASE_ADDRESSES_CHOICE_H

#include "confab/base/addresses.h"

#include <ifaddrs.h>

/* Files with the routes of IPv4 and IPv6: /proc/net/route, /proc/net/ipv6_route. */
struct route_tables {
    const char *ipv4, *ipv6;
};

/* addresses_of() "::", or "0.0.0.0" without ipv6, of interfaces as getifaddrs(3) tells them. */
size_t addresses_choose(const struct ifaddrs *all, bool ipv6, const struct route_tables *tables,
                        struct lan_address out[ADDRESSES_MAX]);

#endif

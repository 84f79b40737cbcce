/* Under which addresses people reach this server. main only. */
#ifndef CONFAB_APP_ADDRESSES_H
#define CONFAB_APP_ADDRESSES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

enum { ADDRESSES_MAX = 8 };

struct lan_address {
    char text[INET6_ADDRSTRLEN];
    bool ipv6;
};

/* The addresses of this machine in its networks: the interface of the default route first; no
 * loopback, link-local, container, virtual machine or tunnel interfaces; IPv6 ones only when
 * asked for. Returns how many. */
size_t addresses_lan(struct lan_address out[ADDRESSES_MAX], bool ipv6);

/* Is a network interface of this name one that other people's devices are on? */
bool addresses_is_lan_interface(const char *name);

/* Says on stdout, in one write, where the page is. */
void addresses_print(const char *bind, int port);

#endif

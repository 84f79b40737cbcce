/* IP addresses and networks of them. An IPv4 address stands in 16 bytes as ::ffff:a.b.c.d (RFC
 * 4291 section 2.5.5.2). Any thread. */
#ifndef CONFAB_BASE_NETWORK_H
#define CONFAB_BASE_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

struct network {
    unsigned char address[16];
    unsigned bits; /* of the 128 that count */
};

/* "192.0.2.1" or "2001:db8::1", `size` bytes, nothing around it. */
bool address_parse(const char *text, size_t size, unsigned char out[16]);
/* The same, or a network of them: "10.0.0.0/8". */
bool network_parse(const char *text, size_t size, struct network *out);
bool network_has(const struct network *n, const unsigned char address[16]);

#endif

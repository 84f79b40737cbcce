#include "confab/base/network.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { V4_BITS = 96 }; /* of ::ffff:0:0/96 */

bool address_parse(const char *text, size_t size, unsigned char out[16])
{
    static const unsigned char mapped[12] = { [10] = 0xFF, [11] = 0xFF };
    char copy[INET6_ADDRSTRLEN];
    if (size >= sizeof(copy))
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    if (inet_pton(AF_INET6, copy, out) == 1)
        return true;
    memcpy(out, mapped, sizeof(mapped));
    return inet_pton(AF_INET, copy, out + sizeof(mapped)) == 1;
}

bool network_parse(const char *text, size_t size, struct network *out)
{
    const char *slash = memchr(text, '/', size);
    const size_t address = slash ? (size_t)(slash - text) : size;
    const size_t digits = slash ? size - address - 1 : 0;
    out->bits = 128;
    if (!address_parse(text, address, out->address))
        return false;
    if (!slash)
        return true;
    const bool is_v4 = memchr(text, ':', address) == NULL;
    if (!digits || digits > 3 || strspn(slash + 1, "0123456789") < digits)
        return false;
    out->bits = (unsigned)strtoul(slash + 1, NULL, 10) + (is_v4 ? V4_BITS : 0);
    return out->bits <= 128;
}

bool network_has(const struct network *n, const unsigned char address[16])
{
    const unsigned bytes = n->bits / 8, rest = n->bits % 8;
    if (memcmp(n->address, address, bytes) != 0)
        return false;
    return !rest || !((n->address[bytes] ^ address[bytes]) >> (8 - rest));
}

#include "peer_address.h"

#include "http.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const struct network v4 = { { [10] = 0xFF, [11] = 0xFF }, 96 };

void proxy_rules_init(struct proxy_rules *r, const char *proxies)
{
    r->count = 0;
    for (const char *s = proxies; *s && r->count < PROXIES_MOST;) {
        s += strspn(s, ", ");
        const size_t size = strcspn(s, ", ");
        if (network_parse(s, size, &r->trusted[r->count]))
            r->count++;
        s += size;
    }
}

static bool is_trusted(const struct proxy_rules *r, const unsigned char address[16])
{
    for (unsigned i = 0; i < r->count; i++)
        if (network_has(&r->trusted[i], address))
            return true;
    return false;
}

/* Proxies write "192.0.2.1", "192.0.2.1:4711", "2001:db8::1" or "[2001:db8::1]:4711". */
static bool read_entry(const char *s, size_t size, unsigned char out[16])
{
    while (size && (s[0] == ' ' || s[0] == '\t'))
        s++, size--;
    while (size && (s[size - 1] == ' ' || s[size - 1] == '\t'))
        size--;
    const char *end = s;
    if (size && s[0] == '[') {
        end = memchr(s, ']', size);
        return end && address_parse(s + 1, (size_t)(end - s) - 1, out);
    }
    end = memchr(s, ':', size);
    if (end && !memchr(end + 1, ':', size - (size_t)(end - s) - 1))
        size = (size_t)(end - s);
    return address_parse(s, size, out);
}

static void write_address(const unsigned char address[16], char out[PEER_ADDRESS_BYTES])
{
    unsigned char net[16] = { 0 };
    if (network_has(&v4, address)) {
        inet_ntop(AF_INET, address + 12, out, PEER_ADDRESS_BYTES);
        return;
    }
    memcpy(net, address, 8);
    inet_ntop(AF_INET6, net, out, PEER_ADDRESS_BYTES);
    snprintf(out + strlen(out), PEER_ADDRESS_BYTES - strlen(out), "/64");
}

void peer_address(const struct proxy_rules *r, const unsigned char peer[16], const char *forwarded,
                  char out[PEER_ADDRESS_BYTES])
{
    unsigned char address[16], entry[16];
    size_t size = strlen(forwarded);
    memcpy(address, peer, sizeof(address));
    while (size && is_trusted(r, address)) {
        size_t start = size;
        while (start && forwarded[start - 1] != ',')
            start--;
        if (!read_entry(forwarded + start, size - start, entry))
            break; /* a proxy that names nobody: the limits are its own */
        memcpy(address, entry, sizeof(address));
        size = start ? start - 1 : 0;
    }
    write_address(address, out);
}

/* Who has connected; all zeros when the socket cannot tell any more. */
static void read_peer(int fd, unsigned char out[16])
{
    struct sockaddr_storage from = { 0 };
    socklen_t size = sizeof(from);
    memset(out, 0, 16);
    if (getpeername(fd, (struct sockaddr *)&from, &size) != 0)
        return;
    if (from.ss_family == AF_INET6) {
        memcpy(out, &((const struct sockaddr_in6 *)&from)->sin6_addr, 16);
    } else if (from.ss_family == AF_INET) {
        memcpy(out, v4.address, 12);
        memcpy(out + 12, &((const struct sockaddr_in *)&from)->sin_addr, 4);
    }
}

void peer_address_of(struct session *s, char out[PEER_ADDRESS_BYTES])
{
    unsigned char peer[16];
    char forwarded[HTTP_HEADER_BYTES];
    read_peer(s->fd, peer);
    if (!http_header(s, WSI_TOKEN_X_FORWARDED_FOR, forwarded, sizeof(forwarded)))
        forwarded[0] = '\0';
    peer_address(&s->thread->net->proxies, peer, forwarded, out);
}

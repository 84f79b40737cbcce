#include "addresses_choice.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUTE_FIELDS = 10, ROUTE_REJECTS = 0x0200 /* RTF_REJECT */ };

bool addresses_is_lan_interface(const char *name)
{
    static const char *const others[] = {
        "br-",  "docker",  "veth", "virbr", "vmnet", "vnet",      "lxc", "lxdbr", "podman", "cni",
        "cali", "flannel", "tun",  "tap",   "wg",    "tailscale", "zt",  "ppp",   "dummy",  "ifb",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strncmp(name, others[i], strlen(others[i])) == 0)
            return false;
    }
    return true;
}

bool addresses_is_loopback(const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, address, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* One line of a table of routes: is it a default route, by which interface, how far? */
typedef bool route_fn(char *field[ROUTE_FIELDS], size_t count, const char **interface,
                      unsigned long *metric);

/* /proc/net/route (proc(5)): Iface Destination Gateway Flags RefCnt Use Metric Mask */
static bool is_default4(char *field[ROUTE_FIELDS], size_t count, const char **interface,
                        unsigned long *metric)
{
    if (count < 8 || strcmp(field[1], "00000000") != 0 || strcmp(field[7], "00000000") != 0)
        return false;
    *interface = field[0];
    *metric = strtoul(field[6], NULL, 10);
    return true;
}

/* /proc/net/ipv6_route: destination, its bits, source, its bits, next hop, metric, references,
 * uses, flags, interface; numbers in hexadecimal (kernel, net/ipv6/route.c, rt6_info_route()). */
static bool is_default6(char *field[ROUTE_FIELDS], size_t count, const char **interface,
                        unsigned long *metric)
{
    if (count < 10 || field[0][strspn(field[0], "0")] != '\0' || strcmp(field[1], "00") != 0 ||
        strtoul(field[8], NULL, 16) & ROUTE_REJECTS)
        return false;
    *interface = field[9];
    *metric = strtoul(field[5], NULL, 16);
    return true;
}

/* Interface of the default route with the lowest metric, "" when there is none. */
static void default_interface(const char *table, route_fn *is_default, char out[IF_NAMESIZE])
{
    out[0] = '\0';
    FILE *routes = fopen(table, "re");
    if (routes == NULL)
        return;
    char line[512];
    unsigned long best = 0, metric;
    const char *interface;
    while (fgets(line, sizeof line, routes) != NULL) {
        char *field[ROUTE_FIELDS];
        const size_t count = text_words(line, field, ROUTE_FIELDS);
        if (!is_default(field, count, &interface, &metric) ||
            !addresses_is_lan_interface(interface) || (out[0] != '\0' && metric >= best))
            continue;
        best = metric;
        text_copy(out, IF_NAMESIZE, interface);
    }
    fclose(routes);
}

static const void *address_in(const struct sockaddr *sa)
{
    return sa->sa_family == AF_INET6
               ? (const void *)&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr
               : (const void *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr;
}

static bool is_ip(const struct ifaddrs *i)
{
    return i->ifa_addr != NULL &&
           (i->ifa_addr->sa_family == AF_INET || i->ifa_addr->sa_family == AF_INET6);
}

static bool is_usable(const struct ifaddrs *i, bool ipv6)
{
    if (!is_ip(i) || (i->ifa_flags & (IFF_UP | IFF_LOOPBACK)) != IFF_UP ||
        !addresses_is_lan_interface(i->ifa_name))
        return false;
    return i->ifa_addr->sa_family == AF_INET ||
           (ipv6 && !IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)address_in(i->ifa_addr)));
}

/* Best first. */
enum { RANKS = 4 };
static int rank_of(const struct ifaddrs *i, char first[2][IF_NAMESIZE])
{
    const bool ipv6 = i->ifa_addr->sa_family == AF_INET6;
    return (strcmp(i->ifa_name, first[ipv6]) == 0 ? 0 : 2) + ipv6;
}

static void describe(struct lan_address *out, const struct ifaddrs *i)
{
    out->ipv6 = i->ifa_addr->sa_family == AF_INET6;
    out->interface = if_nametoindex(i->ifa_name);
    inet_ntop(i->ifa_addr->sa_family, address_in(i->ifa_addr), out->text, sizeof out->text);
}

size_t addresses_choose(const struct ifaddrs *all, bool ipv6, const struct route_tables *tables,
                        struct lan_address out[ADDRESSES_MAX])
{
    char first[2][IF_NAMESIZE];
    default_interface(tables->ipv4, is_default4, first[0]);
    default_interface(tables->ipv6, is_default6, first[1]);
    size_t count = 0;
    for (int rank = 0; rank < RANKS; rank++) {
        for (const struct ifaddrs *i = all; i != NULL && count < ADDRESSES_MAX; i = i->ifa_next) {
            if (is_usable(i, ipv6) && rank_of(i, first) == rank)
                describe(&out[count++], i);
        }
    }
    return count;
}

/* `bind` as it was written, and where it is. */
static void one_of(const struct ifaddrs *all, const char *bind, struct lan_address *out)
{
    *out = (struct lan_address){ .ipv6 = strchr(bind, ':') != NULL };
    for (const struct ifaddrs *i = all; i != NULL && out->interface == 0; i = i->ifa_next) {
        struct lan_address found;
        if (!is_ip(i))
            continue;
        describe(&found, i);
        if (strcmp(found.text, bind) == 0)
            *out = found;
    }
    text_copy(out->text, sizeof out->text, bind);
}

size_t addresses_of(const char *bind, struct lan_address out[ADDRESSES_MAX])
{
    static const struct route_tables tables = { "/proc/net/route", "/proc/net/ipv6_route" };
    struct ifaddrs *all;
    if (addresses_is_loopback(bind) || getifaddrs(&all) < 0)
        return 0;
    size_t count = 1;
    const bool any6 = strcmp(bind, "::") == 0;
    if (any6 || strcmp(bind, "0.0.0.0") == 0)
        count = addresses_choose(all, any6, &tables, out);
    else
        one_of(all, bind, out);
    freeifaddrs(all);
    return count;
}

void reach_add_url(struct str *out, const struct reach *r, const char *host)
{
    const bool ipv6 = strchr(host, ':') != NULL;
    const int implied = strcmp(r->scheme, "https") == 0 ? 443 : 80;
    str_addf(out, ipv6 ? "%s://[%s]" : "%s://%s", r->scheme, host);
    if (r->port != implied)
        str_addf(out, ":%d", r->port);
    str_addc(out, '/');
}

void reach_add_name(struct str *out, const char *mdns_name, int64_t number)
{
    str_addz(out, mdns_name);
    if (number > 1)
        str_addf(out, "-%" PRId64, number);
    str_addz(out, ".local");
}

#include "confab/app/addresses.h"

#include "confab/base/str.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Interface of the IPv4 default route with the lowest metric, "" when there is none: the line
 * of /proc/net/route with destination and mask 0 (proc(5)). */
static void default_interface(char out[IF_NAMESIZE])
{
    out[0] = '\0';
    FILE *routes = fopen("/proc/net/route", "re");
    if (routes == NULL)
        return;
    char line[512];
    unsigned long best = 0;
    while (fgets(line, sizeof line, routes) != NULL) {
        char *rest = line;
        char *field[8]; /* Iface Destination Gateway Flags RefCnt Use Metric Mask */
        size_t n = 0;
        while (n < 8 && (field[n] = strsep(&rest, "\t")) != NULL)
            n++;
        if (n < 8 || strcmp(field[1], "00000000") != 0 || strcmp(field[7], "00000000") != 0)
            continue;
        unsigned long metric = strtoul(field[6], NULL, 10);
        if (out[0] == '\0' || metric < best) {
            best = metric;
            snprintf(out, IF_NAMESIZE, "%s", field[0]);
        }
    }
    fclose(routes);
}

static bool is_usable(const struct ifaddrs *i, bool ipv6)
{
    if (i->ifa_addr == NULL || (i->ifa_flags & (IFF_UP | IFF_LOOPBACK)) != IFF_UP ||
        !addresses_is_lan_interface(i->ifa_name))
        return false;
    if (i->ifa_addr->sa_family == AF_INET)
        return true;
    return ipv6 && i->ifa_addr->sa_family == AF_INET6 &&
           !IN6_IS_ADDR_LINKLOCAL(&((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr);
}

static size_t add(struct lan_address *out, size_t count, const struct ifaddrs *i)
{
    if (count == ADDRESSES_MAX)
        return count;
    out[count].ipv6 = i->ifa_addr->sa_family == AF_INET6;
    const void *address = out[count].ipv6
                              ? (const void *)&((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr
                              : (const void *)&((struct sockaddr_in *)i->ifa_addr)->sin_addr;
    inet_ntop(i->ifa_addr->sa_family, address, out[count].text, sizeof out[count].text);
    return count + 1;
}

size_t addresses_lan(struct lan_address out[ADDRESSES_MAX], bool ipv6)
{
    char first[IF_NAMESIZE];
    default_interface(first);
    struct ifaddrs *all;
    if (getifaddrs(&all) < 0)
        return 0;
    size_t count = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
            if (is_usable(i, ipv6) && (strcmp(i->ifa_name, first) == 0) == (pass == 0))
                count = add(out, count, i);
        }
    }
    freeifaddrs(all);
    return count;
}

static void add_url(struct str *text, const char *where, const char *host, bool ipv6, int port)
{
    str_addf(text, "  %-16s http://%s%s%s:%d\n", where, ipv6 ? "[" : "", host, ipv6 ? "]" : "",
             port);
}

void addresses_print(const char *bind, int port)
{
    struct str text = STR_INIT;
    struct lan_address lan[ADDRESSES_MAX];
    bool any4 = strcmp(bind, "0.0.0.0") == 0, any6 = strcmp(bind, "::") == 0;
    bool own = strcmp(bind, "127.0.0.1") == 0 || strcmp(bind, "::1") == 0;

    str_addf(&text, "confab on port %d\n", port);
    if (any4 || any6 || own)
        add_url(&text, "this machine", "localhost", false, port);
    else
        add_url(&text, "address", bind, strchr(bind, ':') != NULL, port);
    if (any4 || any6) {
        size_t count = addresses_lan(lan, any6);
        for (size_t i = 0; i < count; i++)
            add_url(&text, "on the network", lan[i].text, lan[i].ipv6, port);
    }
    /* nobody may be reading stdout: that is no reason to stop */
    ssize_t ignored = write(STDOUT_FILENO, text.data, text.size);
    (void)ignored;
    str_fini(&text);
}

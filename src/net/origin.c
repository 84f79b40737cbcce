#include "origin.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* "name:port" in two; a name in brackets is an IPv6 address. */
struct authority {
    char name[256];
    char port[8]; /* "" when there is none */
    bool is_v6;
};

static bool copy(char *out, size_t out_size, const char *from, size_t size)
{
    if (size >= out_size)
        return false;
    memcpy(out, from, size);
    out[size] = '\0';
    return true;
}

static bool is_port(const char *s)
{
    return strlen(s) <= 5 && strspn(s, "0123456789") == strlen(s);
}

static bool authority_parse(const char *s, struct authority *a)
{
    *a = (struct authority){ 0 };
    const char *end;
    a->is_v6 = *s == '[';
    if (a->is_v6) {
        end = strchr(++s, ']');
        if (!end || !copy(a->name, sizeof(a->name), s, (size_t)(end - s)))
            return false;
        end++;
    } else {
        end = s + strcspn(s, ":");
        size_t size = (size_t)(end - s);
        if (size && s[size - 1] == '.') /* a name may end with the root's dot */
            size--;
        if (!copy(a->name, sizeof(a->name), s, size))
            return false;
    }
    if (*end == ':' && is_port(end + 1))
        return copy(a->port, sizeof(a->port), end + 1, strlen(end + 1)) && a->name[0];
    return *end == '\0' && a->name[0];
}

/* Calls it for each element of a comma-separated list until it says true. */
static bool list_has(const char *list, const char *wanted)
{
    const size_t size = strlen(wanted);
    for (const char *s = list; *s; s += strcspn(s, ","), s += *s == ',') {
        s += strspn(s, " \t");
        size_t n = strcspn(s, ",");
        while (n && strchr(" \t/", s[n - 1])) /* an origin pasted with its final slash */
            n--;
        if ((n == 1 && *s == '*') || (n == size && strncasecmp(s, wanted, n) == 0))
            return true;
    }
    return false;
}

void origin_rules_init(struct origin_rules *r, const char *allowed_hosts,
                       const char *allowed_origins, const char *mdns_name)
{
    *r = (struct origin_rules){ .allowed_hosts = allowed_hosts,
                                .allowed_origins = allowed_origins,
                                .mdns_name = mdns_name };
    if (gethostname(r->hostname, sizeof(r->hostname) - 1) != 0)
        r->hostname[0] = '\0';
}

/* Nobody outside the local network can make such a name resolve (RFC 6762 section 3). */
static bool is_mdns_name(const char *name, const char *ours)
{
    const size_t size = strlen(ours);
    if (!size || strncasecmp(name, ours, size) != 0)
        return false;
    name += size;
    if (*name == '-')
        name += 1 + strspn(name + 1, "0123456789");
    return strcasecmp(name, ".local") == 0;
}

static bool is_own_name(const struct origin_rules *r, const char *name)
{
    char local[sizeof(r->hostname) + 8];
    snprintf(local, sizeof(local), "%s.local", r->hostname);
    return strcasecmp(name, "localhost") == 0 || is_mdns_name(name, r->mdns_name) ||
           (r->hostname[0] && (strcasecmp(name, r->hostname) == 0 || strcasecmp(name, local) == 0));
}

bool origin_host_allowed(const struct origin_rules *r, const char *host)
{
    struct authority a;
    unsigned char address[16];
    if (!authority_parse(host, &a))
        return false;
    if (inet_pton(a.is_v6 ? AF_INET6 : AF_INET, a.name, address) == 1)
        return true;
    return !a.is_v6 && (is_own_name(r, a.name) || list_has(r->allowed_hosts, a.name) ||
                        list_has(r->allowed_hosts, host));
}

static const char *port_or(const struct authority *a, const char *fallback)
{
    return a->port[0] ? a->port : fallback;
}

bool origin_allowed(const struct origin_rules *r, const char *origin, const char *host)
{
    struct authority from, here;
    const char *rest, *port;
    if (!origin || list_has(r->allowed_origins, origin))
        return true;
    if (strncasecmp(origin, "http://", 7) == 0) {
        rest = origin + 7;
        port = "80";
    } else if (strncasecmp(origin, "https://", 8) == 0) {
        rest = origin + 8;
        port = "443";
    } else {
        return false;
    }
    return authority_parse(rest, &from) && authority_parse(host, &here) &&
           strcasecmp(from.name, here.name) == 0 &&
           strcmp(port_or(&from, port), port_or(&here, port)) == 0;
}

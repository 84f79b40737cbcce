#include "config_check.h"

#include "confab/base/network.h"
#include "confab/base/settings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

enum {
    SENTINELS_MOST = 16, /* each may take SENTINEL_ANSWER_MS when none answers */
    MASTER_NAME_BYTES = 64,
    PROXIES_MOST = 16,
    LABEL_BYTES = 40,
};

static bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool config_parse_number(const char *value, int64_t *out)
{
    const char *digits = *value == '-' ? value + 1 : value;
    if (*digits == '\0' || digits[strspn(digits, DIGITS)] != '\0')
        return false;
    errno = 0;
    long long n = strtoll(value, NULL, 10);
    if (errno != 0)
        return false;
    *out = n;
    return true;
}

static bool is_address(int family, const char *value)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(family, value, address) == 1;
}

static bool is_bind(const char *value)
{
    return is_address(AF_INET, value) || is_address(AF_INET6, value);
}

static bool is_port(const char *value)
{
    int64_t port;
    return config_parse_number(value, &port) && port >= 1 && port <= 65535;
}

static bool is_redis_addr(const char *value)
{
    if (*value == '\0')
        return true;
    if (starts_with(value, "unix:"))
        return value[5] == '/' && strlen(value + 5) < sizeof((struct sockaddr_un *)NULL)->sun_path;
    const char *colon = strrchr(value, ':');
    if (colon == NULL || colon == value || !is_port(colon + 1))
        return false;
    char host[256];
    size_t size = (size_t)(colon - value);
    if (size >= sizeof host)
        return false;
    memcpy(host, value, size);
    host[size] = '\0';
    if (*host == '[' && host[size - 1] == ']') {
        host[size - 1] = '\0';
        return is_address(AF_INET6, host + 1);
    }
    return host[strspn(host, LETTERS DIGITS "._-")] == '\0';
}

static bool is_prefix(const char *value)
{
    size_t size = strlen(value);
    return size >= 1 && size <= 64 && value[strspn(value, LETTERS DIGITS "_.:-")] == '\0';
}

static bool is_folder_name(const char *value)
{
    return *value != '\0';
}

static bool is_folder(const char *value)
{
    struct stat st;
    return *value == '\0' || (stat(value, &st) == 0 && S_ISDIR(st.st_mode));
}

/* Calls is_item for each element of a comma-separated list. */
static bool each_item(const char *value, bool (*is_item)(const char *))
{
    char item[512];
    for (const char *s = value; *s != '\0';) {
        s += strspn(s, ", ");
        size_t size = strcspn(s, ", ");
        if (size >= sizeof item)
            return false;
        memcpy(item, s, size);
        item[size] = '\0';
        if (size > 0 && strcmp(item, "*") != 0 && !is_item(item))
            return false;
        s += size;
    }
    return true;
}

static bool is_origin(const char *item)
{
    const char *host = strstr(item, "://");
    if (host == NULL || !(starts_with(item, "http://") || starts_with(item, "https://")))
        return false;
    return host[3] != '\0' && strpbrk(host + 3, "/?#@") == NULL;
}

static bool is_host(const char *item)
{
    return strpbrk(item, "/?#@*") == NULL;
}

static bool is_origins(const char *value)
{
    return each_item(value, is_origin);
}

static bool is_hosts(const char *value)
{
    return each_item(value, is_host);
}

static bool is_network(const char *item)
{
    struct network n;
    return network_parse(item, strlen(item), &n);
}

static bool is_sentinel(const char *item)
{
    return !starts_with(item, "unix:") && is_redis_addr(item);
}

static size_t count_items(const char *value)
{
    size_t count = 0;
    while (*(value += strspn(value, ", ")) != '\0') {
        value += strcspn(value, ", ");
        count++;
    }
    return count;
}

static bool is_networks(const char *value)
{
    return count_items(value) <= PROXIES_MOST && strchr(value, '*') == NULL &&
           each_item(value, is_network);
}

static bool is_sentinels(const char *value)
{
    size_t count = count_items(value);
    if (count == 0)
        return *value == '\0';
    return count <= SENTINELS_MOST && strchr(value, '*') == NULL && each_item(value, is_sentinel);
}

/* What Redis lets a name consist of: "A-z 0-9 and the three characters .-_" (sentinel.conf). */
static bool is_master_name(const char *value)
{
    size_t size = strlen(value);
    return size >= 1 && size <= MASTER_NAME_BYTES &&
           value[strspn(value, LETTERS DIGITS "._-")] == '\0';
}

static bool is_fsync(const char *value)
{
    return strcmp(value, "everysec") == 0 || strcmp(value, "always") == 0;
}

int config_parse_cpus(const char *value, uint16_t *out, unsigned most)
{
    cpu_set_t usable;
    if (sched_getaffinity(0, sizeof usable, &usable) != 0)
        return -1;
    unsigned count = 0;
    while (*value != '\0') {
        char *end;
        const unsigned long cpu = strtoul(value, &end, 10);
        const bool is_number = strspn(value, DIGITS) > 0;
        if (!is_number || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &usable) || count == most)
            return -1;
        out[count++] = (uint16_t)cpu;
        if (*end != '\0' && (*end != ',' || end[1] == '\0'))
            return -1;
        value = *end == ',' ? end + 1 : end;
    }
    return (int)count;
}

static bool is_cpus(const char *value)
{
    uint16_t cpus[CONFIG_CPUS_MOST];
    return config_parse_cpus(value, cpus, CONFIG_CPUS_MOST) >= 0;
}

static bool is_pumps(const char *value)
{
    return strcmp(value, "auto") == 0 || strcmp(value, "threads") == 0 ||
           strcmp(value, "shared") == 0;
}

static bool is_archive(const char *value)
{
    return strcmp(value, "auto") == 0 || strcmp(value, "sqlite") == 0 || strcmp(value, "off") == 0;
}

static bool is_accounts(const char *value)
{
    return strcmp(value, "off") == 0 || strcmp(value, "optional") == 0 ||
           strcmp(value, "required") == 0;
}

/* It goes into a header, and its form tells it from an access token, which has two dots. */
static bool is_admin_token(const char *value)
{
    size_t size = strlen(value);
    if (size == 0)
        return true;
    for (const char *c = value; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~' || *c == '.')
            return false;
    return size >= ADMIN_TOKEN_LEAST && size <= ADMIN_TOKEN_MOST;
}

static bool is_switch(const char *value)
{
    return strcmp(value, "on") == 0 || strcmp(value, "off") == 0;
}

static bool is_mdns(const char *value)
{
    return strcmp(value, "auto") == 0 || strcmp(value, "off") == 0;
}

/* A label of a host name (RFC 1123 section 2.1), with room for a number behind it. */
static bool is_label(const char *value)
{
    size_t size = strlen(value);
    return size >= 1 && size <= LABEL_BYTES && value[strspn(value, LETTERS DIGITS "-")] == '\0' &&
           value[0] != '-' && value[size - 1] != '-';
}

static bool is_qr(const char *value)
{
    return strcmp(value, "auto") == 0 || is_switch(value);
}

static bool is_log_level(const char *value)
{
    return strcmp(value, "debug") == 0 || strcmp(value, "info") == 0 ||
           strcmp(value, "warn") == 0 || strcmp(value, "error") == 0;
}

static bool is_tls(const char *value)
{
    return strcmp(value, "auto") == 0 || is_switch(value);
}

static const struct check {
    const char *env;
    bool (*is_right)(const char *value);
    const char *must_be;
} checks[] = {
    { "BIND", is_bind, "an IP address such as 0.0.0.0, 127.0.0.1 or ::" },
    { "REDIS_ADDR", is_redis_addr,
      "host:port, [IPv6 address]:port or unix:/path (a path of at most 107 bytes)" },
    { "REDIS_SENTINELS", is_sentinels,
      "a list of at most 16 of host:port or [IPv6 address]:port, separated by commas" },
    { "REDIS_MASTER_NAME", is_master_name, "1 to 64 letters, digits, '.', '_' or '-'" },
    { "REDIS_PREFIX", is_prefix, "1 to 64 letters, digits, '_', '.', ':' or '-'" },
    { "REDIS_FSYNC", is_fsync, "everysec or always" },
    { "DATA_DIR", is_folder_name, "the path of a folder" },
    { "NET_CPUS", is_cpus,
      "at most 16 numbers of processors that this process may use, separated by commas" },
    { "ARCHIVE", is_archive, "auto, sqlite or off" },
    { "ARCHIVE_SEARCH", is_switch, "on or off" },
    { "TLS", is_tls, "auto, on or off" },
    { "ACCOUNTS", is_accounts, "off, optional or required" },
    { "ADMIN_TOKEN", is_admin_token,
      "empty, or 24 to 256 printable ASCII characters without space and '.'" },
    { "TRUSTED_PROXIES", is_networks,
      "at most 16 IP addresses or networks such as 10.0.0.0/8, separated by commas" },
    { "PUMPS", is_pumps, "auto, threads or shared" },
    { "LOG_LEVEL", is_log_level, "debug, info, warn or error" },
    { "ALLOWED_ORIGINS", is_origins,
      "a list of origins like https://chat.example.org, separated by commas, or *" },
    { "ALLOWED_HOSTS", is_hosts, "a list of host names, separated by commas, or *" },
    { "MDNS", is_mdns, "auto or off" },
    { "MDNS_NAME", is_label, "1 to 40 letters, digits or '-', without '-' at an end" },
    { "QR", is_qr, "auto, on or off" },
    { "PUBLIC_DIR", is_folder, "a folder that exists, or empty" },
};

const char *config_check_text(const char *env, const char *value)
{
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        if (strcmp(checks[i].env, env) == 0)
            return checks[i].is_right(value) ? NULL : checks[i].must_be;
    }
    return NULL;
}

#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const mode_names[] = {
    [MODE_CLOSED] = "closed",   [MODE_OPEN] = "open",     [MODE_IDLE] = "idle",
    [MODE_PRIVATE] = "private", [MODE_RESUME] = "resume", [MODE_CEILING] = "ceiling",
};
enum { MODES = sizeof mode_names / sizeof mode_names[0] };

struct number {
    const char *name;
    size_t offset;
    unsigned value, low, high;
    const char *help;
};

static const struct number numbers[] = {
#define X(member, value, low, high, help)                                                          \
    { #member, offsetof(struct options, member), (value), (low), (high), (help) },
    OPTION_NUMBERS(X)
#undef X
};
enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

static const char usage[] =
    "Usage: confab-bench [options]\n"
    "\n"
    "Drives confab, or a server that it is compared with, with many WebSocket clients from one\n"
    "thread, counts and checks every delivery at every receiver, and reports rates, latency, CPU\n"
    "and memory. Start confab with RATE_LIMIT_MESSAGES=0. Give confab-bench a core of its own\n"
    "(taskset): it says when it was itself the bottleneck, and `--mode ceiling` measures what it\n"
    "can take.\n"
    "\n"
    "  --mode MODE      closed   each sender sends again when its own message comes back\n"
    "                   open     messages at a fixed rate; latency counts from the time at which\n"
    "                            a message was due, so a stalled server cannot hide\n"
    "                   idle     connect and hold: memory, CPU per connection\n"
    "                   private  as closed, between pairs of users on different servers\n"
    "                   resume   all drop, miss messages, come back and must get exactly those\n"
    "                   ceiling  no server: how fast this program receives (default: closed)\n"
    "  --dialect NAME   confab   docs/PROTOCOL.md (default)\n"
    "                   lines    the same, several documents in a frame, one on each line\n"
    "                   socketio the same in events of Socket.IO 5, WebSocket alone; over several\n"
    "                            servers all must arrive once, in whichever order\n"
    "                   nchan    /ws/ROOM, /resume/ROOM: what a client sends is delivered as it\n"
    "                            is, without number: all must arrive once, in whichever order;\n"
    "                            a pair of users has a room of its own\n"
    "  --url URL        ws://host:port, may be repeated (default: ws://127.0.0.1:8080)\n"
    "  --pid PID        a server's process, for CPU and memory; may be repeated, all are summed\n"
    "  --redis-pid PID  Redis, likewise\n"
    "  --cid            give each message an id, so that it is deduplicated and acknowledged\n"
    "  --json           print JSON, one value per line\n"
    "  --remote         allow addresses other than this machine's loopback\n"
    "  --help           print this\n";

const char *options_mode_name(enum bench_mode mode)
{
    return mode_names[mode];
}

static void NORETURN fail(const char *what, const char *value)
{
    (void)fprintf(stderr, "confab-bench: %s: '%s' (see --help)\n", what, value);
    exit(2);
}

static void flag_name(char *out, size_t size, const char *member)
{
    (void)snprintf(out, size, "--%s", member);
    for (char *p = out; *p; p++) {
        if (*p == '_')
            *p = '-';
    }
}

static void NORETURN help(void)
{
    (void)fputs(usage, stdout);
    for (unsigned i = 0; i < NUMBERS; i++) {
        char flag[32];
        flag_name(flag, sizeof flag, numbers[i].name);
        printf("  %-11s N    %s (%u)\n", flag, numbers[i].help, numbers[i].value);
    }
    puts(
        "\nSlow clients (closed, open, private) are spread evenly over rooms and servers. What "
        "they\n"
        "miss is no fault, their deliveries are in no rate and no latency, and one that is cut "
        "off\n"
        "stays away. In the end they read what is left: total_slow_closed and total_slow_resyncs\n"
        "say how often the server ended one or told it to resume.\n"
        "\nExit status: 0 all deliveries arrived once and in order; 1 some did not, or the server\n"
        "refused something; 2 wrong use, or no server.\n"
        "\n"
        "Its own ceiling, 1,000 clients, one core of an AMD EPYC (Zen 3): 0.15 million\n"
        "deliveries/s when a read finds one message, 1.2 with 8, 7.7 with 64, 19 with 512.");
    exit(0);
}

static unsigned number_of(const char *flag, const char *text, unsigned low, unsigned high)
{
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || n < low || n > high) {
        (void)fprintf(stderr, "confab-bench: %s takes %u to %u, not '%s'\n", flag, low, high, text);
        exit(2);
    }
    return (unsigned)n;
}

static bool is_loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == 127;
    return a->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

/* ws://host:port; the host may be an IPv6 address in brackets. */
static void add_server(struct options *o, const char *url)
{
    if (o->server_count == OPTION_SERVERS)
        fail("too many servers", url);
    struct server *s = &o->servers[o->server_count++];
    if (strncmp(url, "ws://", 5) != 0 || strlen(url + 5) >= sizeof s->host)
        fail("not a ws:// address", url);
    (void)snprintf(s->host, sizeof s->host, "%s", url + 5);
    s->host[strcspn(s->host, "/")] = '\0';

    char name[sizeof s->host];
    (void)snprintf(name, sizeof name, "%s", s->host);
    char *port = strrchr(name, ':');
    if (!port || strchr(port, ']'))
        fail("no port in", url);
    *port++ = '\0';
    char *host = name;
    if (*host == '[') {
        host++;
        host[strcspn(host, "]")] = '\0';
    }
    struct addrinfo *found, hints = { .ai_socktype = SOCK_STREAM };
    if (getaddrinfo(host, port, &hints, &found))
        fail("no such address", url);
    memcpy(&s->address, found->ai_addr, found->ai_addrlen);
    s->address_size = found->ai_addrlen;
    freeaddrinfo(found);
}

static void add_pid(pid_t *pids, unsigned *count, const char *flag, const char *text)
{
    if (*count == OPTION_PIDS)
        fail("too many processes", text);
    pids[(*count)++] = (pid_t)number_of(flag, text, 1, INT32_MAX);
}

static enum bench_mode mode_of(const char *text)
{
    for (unsigned i = 0; i < MODES; i++) {
        if (!strcmp(text, mode_names[i]))
            return (enum bench_mode)i;
    }
    fail("no such mode", text);
}

static const struct dialect *dialect_of(const char *name)
{
    const struct dialect *d = dialect_find(name);
    if (!d)
        fail("no such dialect", name);
    return d;
}

static bool read_switch(struct options *o, const char *flag)
{
    if (!strcmp(flag, "--help") || !strcmp(flag, "-h"))
        help();
    bool *on = !strcmp(flag, "--cid")      ? &o->cid
               : !strcmp(flag, "--json")   ? &o->json
               : !strcmp(flag, "--remote") ? &o->remote
                                           : NULL;
    if (on)
        *on = true;
    return on;
}

static void read_number(struct options *o, const char *flag, const char *text)
{
    for (unsigned i = 0; i < NUMBERS; i++) {
        char name[32];
        flag_name(name, sizeof name, numbers[i].name);
        if (strcmp(name, flag) != 0)
            continue;
        unsigned value = number_of(flag, text, numbers[i].low, numbers[i].high);
        memcpy((char *)o + numbers[i].offset, &value, sizeof value);
        return;
    }
    fail("no such option", flag);
}

static void read_value(struct options *o, const char *flag, const char *value)
{
    if (!strcmp(flag, "--mode"))
        o->mode = mode_of(value);
    else if (!strcmp(flag, "--dialect"))
        o->dialect = dialect_of(value);
    else if (!strcmp(flag, "--url"))
        add_server(o, value);
    else if (!strcmp(flag, "--pid"))
        add_pid(o->pids, &o->pid_count, flag, value);
    else if (!strcmp(flag, "--redis-pid"))
        add_pid(o->redis_pids, &o->redis_count, flag, value);
    else
        read_number(o, flag, value);
}

static void check(struct options *o)
{
    for (unsigned i = 0; i < o->server_count; i++) {
        if (!o->remote && !is_loopback((const struct sockaddr *)&o->servers[i].address))
            fail("not on this machine; a load test of others needs --remote", o->servers[i].host);
    }
    if (o->mode == MODE_CEILING && o->dialect != dialect_find("confab"))
        fail("the ceiling is known for confab's dialect alone", o->dialect->name);
    if (o->slow && (o->mode == MODE_IDLE || o->mode == MODE_RESUME || o->mode == MODE_CEILING))
        fail("--slow is not for this mode", mode_names[o->mode]);
    if (o->mode == MODE_PRIVATE) {
        o->clients += o->clients % 2;
        o->rooms = o->clients / 2;
    }
    if (o->rooms > o->clients)
        o->rooms = o->clients;
    if (!o->senders || o->senders > o->clients)
        o->senders = o->clients;
}

void options_read(struct options *o, int argc, char **argv)
{
    *o = (struct options){ .mode = MODE_CLOSED, .dialect = dialect_find("confab") };
#define X(member, value, low, high, help) o->member = (value);
    OPTION_NUMBERS(X)
#undef X
    for (int i = 1; i < argc; i++) {
        if (read_switch(o, argv[i]))
            continue;
        if (i + 1 == argc)
            fail("no value behind", argv[i]);
        read_value(o, argv[i], argv[i + 1]);
        i++;
    }
    if (!o->server_count)
        add_server(o, "ws://127.0.0.1:8080");
    check(o);
}

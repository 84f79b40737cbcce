#include "options.h"
#include "confab/wire/rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
enum {
    NUMBERS = sizeof numbers / sizeof numbers[0],
    PAIRS_MAX = 1000000,  /* the ledger has an entry for each */
    ACCOUNTS_MAX = 30000, /* as many clients and rooms as there can be */
};

static const char usage[] =
    "Usage: confab-soak [options] URL…\n"
    "\n"
    "Proves a live confab deployment: a message that was acknowledged is shown exactly once, in\n"
    "the same order, to everyone who is or comes back in the room within the history window; what\n"
    "cannot be recovered is shown as a gap with its size; nothing is lost, repeated or reordered\n"
    "silently. Clients chat in rooms of their own while connections are cut, rooms are changed\n"
    "and, with --slow, sockets are not read; each message that each client is shown is checked.\n"
    "\n"
    "URL: ws://, wss://, http:// or https://, host[:port][/path]; without a path it is /ws. "
    "Several\n"
    "are the instances of one deployment; a client that comes back picks any of them.\n"
    "\n"
    "The proxy in the environment variable http_proxy is used, unless all URLs are on this "
    "machine.\n"
    "\n"
    "The limit of messages per user counts here too (RATE_LIMIT_MESSAGES): with the default of "
    "the\n"
    "server a rate above one message per second and client makes messages wait.\n"
    "\n";

static const char usage_end[] =
    "  --seed N        the same choices again (random, and printed)\n"
    "  --pids A,B,…    processes on this machine: their memory, threads and descriptors at the\n"
    "                  start, after the first minute and at the end\n"
    "  --acks FILE     a line \"ID NUMBER TIMESTAMP ROOM\" for each acknowledged message\n"
    "  --accounts FILE\n"
    "                  a line \"NAME TOKEN\" for each client: they are accounts, not guests. The\n"
    "                  access tokens must last as long as the run\n"
    "  --json          print one JSON object instead of the table\n"
    "  --allow-loss    acknowledged messages that are lost, and gaps that clients are told of, "
    "are\n"
    "                  counted but do not fail the run: for failover to an asynchronous replica\n"
    "  --insecure      accept any certificate\n"
    "  --help          print this\n"
    "\n"
    "Lines on stdin: `begin NAME` and `end NAME` mark a fault as it starts and as it is over, and\n"
    "the time to recover from it is measured; `stop` ends the load early.\n"
    "stderr says `event=running` when all clients are in their rooms and messages arrive.\n"
    "\n"
    "Exit status: 0 all promises held; 1 one was broken; 2 wrong use, or it could not run.\n";

/* value: what is wrong, or NULL. */
static void NORETURN fail(const char *what, const char *value)
{
    if (value)
        (void)fprintf(stderr, "confab-soak: %s: '%s' (see --help)\n", what, value);
    else
        (void)fprintf(stderr, "confab-soak: %s (see --help)\n", what);
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
        printf("  %-11s N   %s (%u)\n", flag, numbers[i].help, numbers[i].value);
    }
    (void)fputs(usage_end, stdout);
    exit(0);
}

static uint64_t number_of(const char *flag, const char *text, uint64_t low, uint64_t high)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || n < low || n > high) {
        (void)fprintf(stderr, "confab-soak: %s takes %ju to %ju, not '%s'\n", flag, (uintmax_t)low,
                      (uintmax_t)high, text);
        exit(2);
    }
    return n;
}

/* The port behind the host, which may be an IPv6 address in brackets; cut off. */
static int take_port(char *authority, bool tls, const char *url)
{
    char *port = strrchr(authority, ':');
    if (!port || strchr(port, ']'))
        return tls ? 443 : 80;
    *port = '\0';
    int n = (int)number_of("a port", port + 1, 1, 65535);
    if (!*authority)
        fail("no host in", url);
    return n;
}

static void add_url(struct options *o, const char *text)
{
    static const struct {
        const char *scheme;
        bool tls;
    } schemes[] = {
        { "ws://", false }, { "wss://", true }, { "http://", false }, { "https://", true }
    };
    if (o->url_count == OPTION_URLS)
        fail("too many URLs", text);
    struct url *u = &o->urls[o->url_count++];
    const char *rest = NULL;
    for (unsigned i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t size = strlen(schemes[i].scheme);
        if (strncmp(text, schemes[i].scheme, size) != 0)
            continue;
        rest = text + size;
        u->tls = schemes[i].tls;
    }
    if (!rest)
        fail("no such option, and not a ws://, wss://, http:// or https:// address", text);
    size_t host = strcspn(rest, "/?#");
    const char *path = rest[host] && strcmp(rest + host, "/") != 0 ? rest + host : "/ws";
    if (!host || host >= sizeof u->host || strlen(path) >= sizeof u->path || *path != '/')
        fail("not an address", text);
    u->text = text;
    (void)snprintf(u->authority, sizeof u->authority, "%.*s", (int)host, rest);
    (void)snprintf(u->path, sizeof u->path, "%s", path);
    char name[sizeof u->host];
    (void)snprintf(name, sizeof name, "%s", u->authority);
    u->port = take_port(name, u->tls, text);
    size_t bracket = name[0] == '[';
    (void)snprintf(u->host, sizeof u->host, "%s", name + bracket);
    u->host[strcspn(u->host, "]")] = '\0';
}

static void add_pids(struct options *o, const char *text)
{
    while (*text) {
        char one[16];
        size_t size = strcspn(text, ",");
        (void)snprintf(one, sizeof one, "%.*s", (int)(size < 15 ? size : 15), text);
        if (o->pid_count == OPTION_PIDS)
            fail("too many processes", text);
        o->pids[o->pid_count++] = (pid_t)number_of("--pids", one, 1, INT32_MAX);
        text += size + (text[size] == ',');
    }
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct account *)left)->name, ((const struct account *)right)->name);
}

const struct account *options_account(const struct options *o, const char *name)
{
    const struct account wanted = { .name = name };
    return bsearch(&wanted, o->by_name, o->account_count, sizeof wanted, by_name);
}

static void add_account(struct options *o, char *line, const char *path)
{
    char *token = line + strcspn(line, " \n");
    if (*token)
        *token++ = '\0';
    token[strcspn(token, "\n")] = '\0';
    if (!rules_token(token, strlen(token), RULE_TOKEN_BYTES) || o->account_count == ACCOUNTS_MAX)
        fail("not a file of names and access tokens, one account on each line", path);
    o->accounts = xrealloc(o->accounts, (o->account_count + 1) * sizeof *o->accounts);
    o->accounts[o->account_count] =
        (struct account){ xstrdup(line), xstrdup(token), o->account_count };
    o->account_count++;
}

static void read_accounts(struct options *o, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        fail("cannot be read", path);
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, file) > 0)
        add_account(o, line, path);
    free(line);
    if (ferror(file) | fclose(file) || !o->accounts)
        fail("cannot be read, or has no accounts", path);
    o->by_name = xmalloc(o->account_count * sizeof *o->by_name);
    memcpy(o->by_name, o->accounts, o->account_count * sizeof *o->by_name);
    qsort(o->by_name, o->account_count, sizeof *o->by_name, by_name);
}

static bool read_switch(struct options *o, const char *flag)
{
    if (!strcmp(flag, "--help") || !strcmp(flag, "-h"))
        help();
    bool *on = !strcmp(flag, "--json")         ? &o->json
               : !strcmp(flag, "--allow-loss") ? &o->allow_loss
               : !strcmp(flag, "--insecure")   ? &o->insecure
                                               : NULL;
    if (on)
        *on = true;
    return on;
}

static void read_value(struct options *o, const char *flag, const char *text)
{
    if (!text)
        fail("no value behind", flag);
    if (!strcmp(flag, "--seed")) {
        o->seed = number_of(flag, text, 0, INT64_MAX);
        return;
    }
    if (!strcmp(flag, "--pids")) {
        add_pids(o, text);
        return;
    }
    if (!strcmp(flag, "--acks")) {
        o->acks = fopen(text, "w");
        if (!o->acks)
            fail("cannot be written", text);
        return;
    }
    if (!strcmp(flag, "--accounts")) {
        read_accounts(o, text);
        return;
    }
    for (unsigned i = 0; i < NUMBERS; i++) {
        char name[32];
        flag_name(name, sizeof name, numbers[i].name);
        if (strcmp(name, flag) != 0)
            continue;
        unsigned value = (unsigned)number_of(flag, text, numbers[i].low, numbers[i].high);
        memcpy((char *)o + numbers[i].offset, &value, sizeof value);
        return;
    }
    fail("no such option", flag);
}

static bool is_here(const struct url *u)
{
    return !strcmp(u->host, "localhost") || !strncmp(u->host, "127.", 4) || !strcmp(u->host, "::1");
}

/* libwebsockets would send connections to this machine through it, too. */
static void check_proxy(const struct options *o)
{
    for (unsigned i = 0; i < o->url_count; i++) {
        if (!is_here(&o->urls[i]))
            return;
    }
    (void)unsetenv("http_proxy");
}

void options_read(struct options *o, int argc, char **argv)
{
    *o = (struct options){ 0 };
#define X(member, value, low, high, help) o->member = (value);
    OPTION_NUMBERS(X)
#undef X
    uint32_t seed;
    random_bytes(&seed, sizeof seed); /* short enough to be typed again */
    o->seed = seed;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-')
            add_url(o, argv[i]);
        else if (!read_switch(o, argv[i])) {
            read_value(o, argv[i], argv[i + 1]);
            i++;
        }
    }
    if (!o->url_count)
        fail("no URL", NULL);
    if ((uint64_t)o->clients * o->rooms > PAIRS_MAX)
        fail("too many: clients times rooms is a million at most", NULL);
    if (o->accounts && o->account_count < o->clients + (o->missed ? o->rooms : 0))
        fail("--accounts has too few: one for each client, with --missed for each room, too", NULL);
    check_proxy(o);
    if (o->joined > o->rooms)
        o->joined = o->rooms;
    if (o->slow > o->clients)
        o->slow = o->clients;
}

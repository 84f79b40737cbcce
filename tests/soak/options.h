/* What confab-soak is asked to do. */
#ifndef CONFAB_SOAK_OPTIONS_H
#define CONFAB_SOAK_OPTIONS_H

#include "confab/base/base.h"

#include <stdio.h>
#include <sys/types.h>

/* X(member, default, lowest, highest, "help") */
#define OPTION_NUMBERS(X)                                                                          \
    X(clients, 30, 1, 20000, "clients, spread over the URLs")                                      \
    X(rooms, 3, 1, 10000, "rooms of this run; their names are new in each")                        \
    X(joined, 2, 1, 100, "rooms that each client is in")                                           \
    X(rate, 25, 1, 100000, "messages per second in total; what cannot go out waits")               \
    X(seconds, 20, 1, 86400, "time of load; then everybody comes back and all must settle")        \
    X(settle, 30, 1, 3600, "most seconds for that")                                                \
    X(drop, 1, 0, 10000, "connections cut per second, over all clients")                           \
    X(sleep_ms, 2000, 0, 600000, "a cut client stays away for a random time up to this")           \
    X(moves, 1, 0, 10000, "changes of a room per second, over all clients")                        \
    X(slow, 0, 0, 20000, "of the clients: so many stop reading, up to sleep-ms at a time")         \
    X(missed, 0, 0, 100, "measure resuming after so many missed messages; no other load")

enum { OPTION_URLS = 64, OPTION_PIDS = 64 };

struct url {
    const char *text; /* as it was given */
    char host[256];
    char authority[272]; /* host and port, for the Host header */
    char path[512];
    int port;
    bool tls;
};

struct account {
    const char *name, *token;
    unsigned index;
};

struct options {
#define X(member, value, low, high, help) unsigned member;
    OPTION_NUMBERS(X)
#undef X
    uint64_t seed;
    bool json, allow_loss, insecure;
    struct url urls[OPTION_URLS];
    unsigned url_count;
    pid_t pids[OPTION_PIDS];
    unsigned pid_count;
    FILE *acks;               /* gets a line for each acknowledgement; NULL: none */
    struct account *accounts; /* of each client; NULL: they are guests */
    struct account *by_name;  /* the same, sorted */
    unsigned account_count;
};

/* Reads the command line. Ends the process itself: with 0 after --help, with 2 and one line
 * on stderr when something is wrong. */
void options_read(struct options *o, int argc, char **argv);

/* Whose name it is; NULL: nobody's of --accounts. */
const struct account *options_account(const struct options *o, const char *name);

#endif

/* What confab-bench is asked to do. */
#ifndef CONFAB_BENCH_OPTIONS_H
#define CONFAB_BENCH_OPTIONS_H

#include "dialect.h"

#include <sys/socket.h>
#include <sys/types.h>

enum bench_mode {
    MODE_CLOSED,
    MODE_OPEN,
    MODE_IDLE,
    MODE_PRIVATE,
    MODE_RESUME,
    MODE_CEILING,
};

enum { OPTION_SERVERS = 16, OPTION_PIDS = 16, OPTION_CONTENT = 4096 };

/* X(member, default, lowest, highest, "help") */
#define OPTION_NUMBERS(X)                                                                          \
    X(clients, 100, 1, 200000, "connections, spread over the servers in turn")                     \
    X(rooms, 1, 1, 100000, "rooms, with the same number of connections each")                      \
    X(senders, 0, 0, 200000, "connections that send; 0 is all of them")                            \
    X(window, 1, 1, 1000, "messages that a sender keeps under way (closed, private)")              \
    X(rate, 100, 1, 1000000, "messages per second in total (open)")                                \
    X(content, 16, 16, OPTION_CONTENT,                                                             \
      "bytes of a message's content; the first 16 carry time and sender")                          \
    X(slow, 0, 0, 90, "percent of the clients that read 1 KiB/s and send nothing")                 \
    X(missed, 20, 1, 100, "messages that each room gets while all are away (resume)")              \
    X(in_flight, 256, 1, 10000, "connections being made at a time")                                \
    X(warm_up, 2, 0, 600, "seconds before the measurement")                                        \
    X(seconds, 5, 1, 1800, "seconds of measurement")                                               \
    X(deadline, 60, 1, 600, "seconds that connecting, and the last deliveries, may take")

struct server {
    struct sockaddr_storage address;
    socklen_t address_size;
    char host[80]; /* as the Host header has it */
};

struct options {
    enum bench_mode mode;
    const struct dialect *dialect;
#define X(member, value, low, high, help) unsigned member;
    OPTION_NUMBERS(X)
#undef X
    bool cid;    /* messages carry a client id, so each is acknowledged */
    bool json;   /* print JSON instead of a table */
    bool remote; /* servers off this machine are allowed */
    struct server servers[OPTION_SERVERS];
    unsigned server_count;
    pid_t pids[OPTION_PIDS];
    unsigned pid_count;
    pid_t redis_pids[OPTION_PIDS];
    unsigned redis_count;
};

/* Reads the command line. Ends the process itself: with 0 after --help, with 2 and one line
 * on stderr when something is wrong. */
void options_read(struct options *o, int argc, char **argv);

const char *options_mode_name(enum bench_mode mode);

#endif

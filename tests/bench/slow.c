/* Clients that cannot keep up, as behind a bad line: what they do to the others is measured. */
#include "bench.h"

#include <sys/epoll.h>
#include <sys/socket.h>

enum {
    /* Less than seven messages of the shortest content a second, so that they fall behind under
     * any load worth measuring. Each reads once a second, all of them evenly spread over it. */
    SLOW_BYTES_PER_S = 1024,
    SLOW_TURNS = 1000000 / BENCH_TICK_US,
    /* The kernel doubles it and takes its own needs off: some KiB wait here, the rest must wait at
     * the server. */
    SLOW_BUFFER = 4096,
    /* In the end: when nothing has come for so long, nothing is left. */
    SLOW_QUIET_US = 500000,
};

/* Where a client stands when they are sorted by room, then by server: an even share of this order
 * is an even share of each room and of each server. */
static unsigned rank(const struct options *opt, unsigned index)
{
    if (opt->mode == MODE_PRIVATE)
        return index;
    unsigned blocks = opt->rooms * opt->server_count;
    unsigned per_block = (opt->clients + blocks - 1) / blocks;
    unsigned server = index % opt->server_count, room = index / opt->server_count % opt->rooms;
    unsigned turned = (server + room) % opt->server_count; /* else one server might get them all */
    return (room * opt->server_count + turned) * per_block + index / blocks;
}

void slow_choose(struct bench *b)
{
    unsigned percent = b->opt->slow;
    for (unsigned i = 0; i < b->opt->clients; i++) {
        unsigned at = rank(b->opt, i);
        b->conns[i].slow = (at + 1) * percent / 100 != at * percent / 100;
        b->slow_count += b->conns[i].slow;
    }
}

void slow_open(int fd)
{
    int size = SLOW_BUFFER;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

void slow_read(struct bench *b)
{
    if (!b->slow_count || b->slow_over)
        return;
    unsigned seen = 0;
    b->slow_turn = (b->slow_turn + 1) % SLOW_TURNS;
    for (unsigned i = 0; i < b->opt->clients; i++) {
        struct conn *c = &b->conns[i];
        if (c->slow && seen++ % SLOW_TURNS == b->slow_turn && c->state == CONN_READY)
            conn_read(b, c, SLOW_BYTES_PER_S);
    }
}

static bool is_quiet(struct bench *b)
{
    if (b->counts.reads != b->reads_seen) {
        b->reads_seen = b->counts.reads;
        b->quiet_us = b->now_us;
    }
    return b->now_us - b->quiet_us >= SLOW_QUIET_US;
}

void slow_finish(struct bench *b)
{
    if (!b->slow_count)
        return;
    b->slow_over = true;
    b->quiet_us = bench_now(b);
    for (unsigned i = 0; i < b->opt->clients; i++) {
        struct conn *c = &b->conns[i];
        if (c->slow && c->state == CONN_READY)
            conn_watch(b, c, EPOLL_CTL_MOD, c->out.size);
    }
    (void)bench_loop(b, bench_now(b) + (int64_t)b->opt->deadline * 1000000, is_quiet);
}

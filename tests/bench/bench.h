/* One run of the load generator: connections, the streams they follow, what was counted.
 * One thread owns it all. Times are microseconds since the run began. */
#ifndef CONFAB_BENCH_BENCH_H
#define CONFAB_BENCH_BENCH_H

#include "confab/base/base.h"
#include "confab/base/str.h"
#include "dialect.h"
#include "hist.h"
#include "options.h"
#include "process.h"

enum {
    BENCH_READ = 256 * 1024,        /* most bytes taken from a socket at a time: stays in cache */
    BENCH_BUFFER = 4 * 1024 * 1024, /* the largest frame and one read */
    BENCH_STAMP = 16,               /* first bytes of a content: 8 hex digits of µs, 8 of sender */
    BENCH_TAIL = 1000,              /* the last connections, whose cost is told apart */
    BENCH_NAME = 32,
    BENCH_TICK_US = 50000, /* how often what has no event of its own is looked after */
};

/* What the first receiver of a message found in it; the others compare and need not parse. */
struct stamp {
    uint64_t seq;
    int64_t sent_us;
    uint32_t sender;
    uint32_t size; /* of the whole JSON */
    uint32_t at;   /* where the content begins */
    char text[BENCH_STAMP];
};

/* A room, or the private conversation of two users. */
struct stream {
    char name[BENCH_NAME];
    char prefix[128]; /* how each of its live messages begins: dialect_prefix() */
    size_t prefix_size;
    uint64_t top;    /* the highest number that anybody has seen; without numbers: how many sent */
    uint64_t digest; /* what a client that has them all must have in its own */
    struct stamp *stamps;
    uint64_t stamp_mask;
};

enum conn_state {
    CONN_CLOSED,
    CONN_CONNECTING, /* TCP */
    CONN_HANDSHAKE,  /* request sent */
    CONN_GREETING,   /* until welcome, joined and history are there */
    CONN_READY,
    CONN_RESYNC, /* was too slow, has asked to resume */
};

struct conn {
    int fd;
    uint32_t index;
    enum conn_state state;
    bool slow;     /* reads little and sends nothing; what it gets is not looked at */
    bool resuming; /* the next history has what was missed, and must have all of it */
    bool recovered;
    uint32_t outstanding; /* own messages that have not come back */
    struct stream *stream;
    uint64_t last_seq;
    uint64_t joined_seq;
    uint64_t owed;       /* without order: numbers leapt over that have not come yet */
    uint64_t digest;     /* 0 or, of messages without numbers, the sum of stamp_digest() */
    unsigned char *rest; /* the beginning of a frame whose end has not arrived */
    size_t rest_size, rest_capacity;
    struct str out; /* what the socket did not take */
    char epoch[40];
};

/* X(name, "label"): plain counts. */
#define BENCH_COUNTS(X)                                                                            \
    X(sent, "messages sent")                                                                       \
    X(returned, "messages that came back to their sender")                                         \
    X(deliveries, "deliveries")                                                                    \
    X(bytes, "bytes of JSON in them")                                                              \
    X(reads, "reads of sockets")                                                                   \
    X(acks, "acknowledgements")                                                                    \
    X(heartbeats, "heartbeats")                                                                    \
    X(others, "other frames")                                                                      \
    X(recovered, "messages recovered by resuming")                                                 \
    X(resyncs, "times that a client was too slow")                                                 \
    X(slow_resyncs, "times that a slow reader was told to resume")                                 \
    X(slow_closed, "slow readers cut off")                                                         \
    X(busy, "messages refused because the server was busy")

/* X(name, "label"): each one makes the run fail. */
#define BENCH_FAULTS(X)                                                                            \
    X(gaps, "gaps in a sequence")                                                                  \
    X(lost, "deliveries missing in gaps or at the end")                                            \
    X(duplicates, "deliveries repeated or out of order")                                           \
    X(altered, "deliveries that differ between receivers")                                         \
    X(unseen, "messages that never came back to their sender")                                     \
    X(malformed, "frames not understood")                                                          \
    X(errors, "error frames")                                                                      \
    X(closed, "connections closed by the server")                                                  \
    X(refused, "connections refused")                                                              \
    X(unsent, "messages that no sender could send")

struct counts {
#define X(name, label) uint64_t name;
    BENCH_COUNTS(X)
    BENCH_FAULTS(X)
#undef X
};

enum mark {
    MARK_START,
    MARK_TAIL, /* all but the last BENCH_TAIL are connected */
    MARK_CONNECTED,
    MARK_FROM,  /* the measurement; in resume mode: from dropping … */
    MARK_UNTIL, /* … to the last one having resumed */
    MARK_COUNT,
};

struct snapshot {
    int64_t at_us;
    double own_cpu_s, machine_cpu_s;
    struct process_use server, redis;
    struct counts counts;
};

struct bench {
    const struct options *opt;
    const struct dialect *dialect;
    bool ordered; /* the numbers that a client gets must rise by one */
    bool private; /* messages go to users, not to rooms */
    char run[8];  /* part of all names, so that nothing is left of another run */
    int epoll, timer;
    int64_t start_mono_us;
    int64_t now_us; /* as of the last wait or read */
    struct conn *conns;
    unsigned conn_count; /* clients; in resume mode, then one publisher per room */
    struct stream *streams;
    unsigned char *buffer;
    struct str text;     /* what is about to be sent */
    struct conn *corked; /* what it sends while a read of it is looked at … */
    struct str cork;     /* … leaves in one send */
    uint32_t mask;       /* of the next frame; RFC 6455 section 5.3 */

    unsigned connect_next, connect_end; /* connections still to be made */
    unsigned connecting, ready;
    unsigned slow_count;
    unsigned slow_turn; /* whose turn it is to read */
    bool slow_over;     /* the measurement is: they read like the others */
    uint64_t reads_seen;
    int64_t quiet_us;   /* since when counts.reads is reads_seen */
    int64_t dropped_us; /* resume: when all were cut off */

    bool sending;
    int64_t rate_from_us; /* open: message k is due at rate_from_us + k / rate */
    uint64_t due;         /* k of the next one */
    int64_t armed_us;     /* what the timer is set to */
    uint64_t outstanding; /* messages that their sender has not seen */

    int64_t from_us, until_us; /* messages sent in between count for the latency */
    struct hist latency;
    struct hist late; /* open: how long after its time this program sent a message */
    struct counts counts;
    char reason[200]; /* the first fault, in words */
    struct snapshot marks[MARK_COUNT];
};

/* bench.c: the run */
void bench_init(struct bench *b, const struct options *opt);
void bench_fini(struct bench *b);
int64_t bench_now(const struct bench *b);
/* Serves events until the time, or until done() says so (may be NULL). True when it did. */
bool bench_loop(struct bench *b, int64_t until_us, bool (*done)(struct bench *));
/* Opens connections first … end-1; false when not all were ready within the deadline. */
bool bench_connect(struct bench *b, unsigned first, unsigned end);
/* Waits until all receivers have all messages; counts what is missing at the deadline. */
void bench_drain(struct bench *b);
void bench_mark(struct bench *b, enum mark mark);
/* Counts a fault, and keeps the words of the first one. */
void bench_fault(struct bench *b, uint64_t *count, uint64_t n, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
uint64_t bench_fault_count(const struct bench *b);

/* conn.c: sockets and frames */
void conn_open(struct bench *b, struct conn *c);
void conn_close(struct bench *b, struct conn *c); /* on purpose: no fault */
void conn_event(struct bench *b, struct conn *c, uint32_t events);
/* Up to BENCH_READ bytes. True when there may be more. */
bool conn_read(struct bench *b, struct conn *c, size_t most);
void conn_send(struct bench *b, struct conn *c, unsigned opcode, const char *data, size_t size);
void conn_fail(struct bench *b, struct conn *c, const char *why);
void conn_watch(struct bench *b, struct conn *c, int how, bool writing);
void conn_ready(struct bench *b, struct conn *c); /* has been greeted, or has what it missed */
void conn_hello(struct bench *b, struct conn *c);
void conn_user(const struct bench *b, char out[BENCH_NAME], uint32_t index);

/* slow.c: clients that cannot keep up */
void slow_choose(struct bench *b);
void slow_open(int fd);          /* before it connects */
void slow_read(struct bench *b); /* every BENCH_TICK_US: those whose turn it is */
/* After the measurement: reads what is left, since what the server told a client that was too
 * slow stands behind all that waits for it. */
void slow_finish(struct bench *b);

/* receive.c: frames and live messages. Returns how many bytes were whole frames. */
size_t receive_frames(struct bench *b, struct conn *c, const unsigned char *data, size_t size);
void receive_seq(struct conn *c, uint64_t seq);
/* False when this program did not write the message. */
bool stamp_find(struct stamp *t, uint64_t seq, const char *json, size_t size);
static inline uint64_t stamp_digest(int64_t sent_us, uint32_t sender)
{
    return (uint64_t)sender << 32 | (uint32_t)sent_us;
}

/* documents.c: whatever else a server says */
void document_take(struct bench *b, struct conn *c, const char *frame, size_t size);

/* load.c: who sends what, when */
void load_start(struct bench *b);
void load_stop(struct bench *b);
void load_send(struct bench *b, struct conn *c, int64_t stamp_us);
void load_came_back(struct bench *b, struct conn *c); /* an own message */
void load_refused(struct bench *b, struct conn *c);
void load_due(struct bench *b);    /* open: sends what is due */
void load_top_up(struct bench *b); /* closed: fills the windows */

/* The modes. False when it could not even connect. */
bool run_load(struct bench *b);
bool run_resume(struct bench *b);
int run_ceiling(struct options *opt); /* an exit status */

/* report.c */
void report_print(const struct bench *b);

#endif

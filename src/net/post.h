/* What other threads tell a net thread: a growing queue under a lock and an eventfd in the
 * thread's epoll set. Growing, because the hub must not lose a frame in the middle of a turn; it
 * asks post_depth() before it takes in more (hub_port.congested). */
#ifndef NET_POST_H
#define NET_POST_H

#include "confab/pump/client.h"

struct address;

enum post_kind {
    POST_ADOPT,       /* number: descriptor, what: struct address or NULL */
    POST_SEND,        /* client, what: frame */
    POST_ROOM_SEND,   /* number: room, what: frame */
    POST_ROOM_ADD,    /* client, number: room, what: its name, seq */
    POST_ROOM_REMOVE, /* client, number: room */
    POST_CLOSE,       /* client, number: code, seq: retry_ms + 1 or 0, what: reason */
    POST_FLOW,        /* the hub takes commands again */
    POST_RESUME,      /* client: its inbox has room */
    POST_HAND_OVER,   /* client, what: batch */
    POST_ENDED,       /* client: one of its pump threads has ended */
    POST_PUMPS,       /* the way new clients run has changed */
    POST_FILE,        /* what: transfer whose job is done */
    POST_ASK,         /* number: round; a sign of life is asked for */
    POST_DRAIN,
    POST_CERTIFICATE, /* what: counted */
    POST_STOP,
};

/* client is a counted reference, what is owned. */
struct post {
    enum post_kind kind;
    uint32_t number;
    struct client *client;
    void *what;
    uint64_t seq;
};

struct post_queue {
    struct lock lock;
    struct post *in; /* under lock */
    uint32_t in_count, in_capacity;
    struct post *out; /* the consumer's: exchanged with `in` */
    uint32_t out_capacity;
    int event;              /* eventfd, in the consumer's epoll set */
    _Atomic bool signalled; /* it has been written and not been read since */
    _Atomic uint32_t depth, depth_max;
};

int post_queue_init(struct post_queue *q) MUST_USE; /* 0 or a negative errno */
void post_queue_fini(struct post_queue *q);         /* empty */

/* Appends; the consumer may sleep on. Any thread. */
void post_push(struct post_queue *q, struct post p);
/* Wakes the consumer, once however often it is called before it has run. Any thread. */
void post_wake(struct post_queue *q);
uint32_t post_depth(const struct post_queue *q);

/* Consumer: before post_take(), or a wake-up is lost. */
void post_clear_signal(struct post_queue *q);
/* Consumer: all that waits, as an array that lives until the next call; NULL when empty. */
struct post *post_take(struct post_queue *q, uint32_t *count);
/* Consumer: that many are done. */
void post_done(struct post_queue *q, uint32_t count);

#endif

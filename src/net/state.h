/* The data of the net layer. Read these structs first. */
#ifndef NET_STATE_H
#define NET_STATE_H

#include "confab/net/net.h"
#include "confab/pump/executor.h"

#include <libwebsockets.h>
#include <sys/queue.h>

#include "address.h"
#include "origin.h"
#include "peer_address.h"
#include "post.h"

struct ev_loop;
struct ssl_st;
struct ssl_ctx_st;
struct certificate;
struct acceptor;
struct assets;
struct filer;
struct transfer;

enum {
    CLOSE_NORMAL = 1000,
    CLOSE_GOING_AWAY = 1001,
    CLOSE_PROTOCOL = 1002,
    CLOSE_BINARY = 1003,
    CLOSE_TOO_BIG = 1009,
    CLOSE_BAD_CLIENT = 4001,
    CLOSE_SILENT = 4102,
    CLOSE_DRAINING = 4201,
};

enum session_state {
    SESSION_HTTP,    /* libwebsockets reads requests */
    SESSION_OPEN,    /* a WebSocket; confab reads the socket (input.c) */
    SESSION_CLOSING, /* the close frame is queued or sent; input is thrown away */
    SESSION_DEAD,    /* libwebsockets was asked to end it */
    SESSION_NEW,     /* its first byte will say whether it speaks TLS; libwebsockets comes then */
};

/* A place in a room. */
struct member {
    struct session *session;
    uint32_t slot;   /* of session->seats */
    uint64_t served; /* room messages up to this number came with history: not again */
};
struct seat {
    struct net_room *room;
    uint32_t index; /* of room->members */
};

/* The members of one room on one net thread, and the frames for them since the last flush. */
struct net_room {
    char *name;
    struct member *members;
    uint32_t count, capacity;
    struct frame **run;
    uint32_t run_count, run_capacity, run_bytes;
    uint32_t id;
    uint64_t sent_seq;   /* of the last message that went into outboxes */
    uint64_t run_first;  /* first message number in the run, 0: none */
    uint32_t run_events; /* frames of the run that a slow client goes without */
    bool dirty;          /* stands in net_thread.dirty_rooms */
    uint64_t closed_at;  /* net_thread.out.sends when the last run was closed */
    struct net_room *next_dirty;
};

/* Where a lagging client has to go on, once its socket has drained. */
struct lag_point {
    char *room;
    uint64_t seq;
};

/* One accepted connection. Owned by its net thread, like everything in it. */
struct session {
    struct net_thread *thread;
    struct lws *wsi;         /* NULL: SESSION_NEW */
    struct ssl_st *ssl;      /* of a WebSocket behind TLS, else NULL; libwebsockets owns it */
    struct client *client;   /* of a WebSocket, or of a request that the hub answers; else NULL */
    struct address *address; /* NULL when addresses are not counted */
    int fd;
    uint8_t state;     /* enum session_state */
    bool reading;      /* the socket is watched for input */
    bool stuffed;      /* not, because its inbox is full */
    bool gated;        /* not, because it does not read its answers */
    bool answered;     /* the history it asked for is in the outbox or has left */
    bool blocked;      /* the socket did not take all: it is watched for output */
    bool counted;      /* in stats.clients */
    bool dirty;        /* stands in net_thread.dirty */
    bool timed;        /* stands in net_thread.timed */
    bool close_queued; /* our close frame is in the outbox or has left */
    bool peer_closed;  /* the peer's close frame has come */
    bool beat_odd;     /* every second half period carries a heartbeat */
    bool asked;        /* a request of it was complete: it gets no 408 any more */
    bool parting;      /* it got its bye: stands in net_thread.parting instead of all */
    bool served;       /* a request of it was answered before the one at hand */
    bool shakes_hands; /* its handshake is answered by handshake.c */
    bool idle;         /* parting: nothing it said was under way at the last tick */
    bool tls;
    uint8_t crossed; /* enum tls_crossed */
    bool lagging;
    uint8_t pong;       /* a pong waits in the outbox */
    int64_t opened_ms;  /* the handshake was done; before: since when a request is awaited */
    int64_t heard_ms;   /* last bytes from the peer */
    int64_t beat_ms;    /* next look at it */
    int64_t blocked_ms; /* since when */
    int64_t close_ms;   /* end of patience: for a request, or while closing */

    struct batch *wire; /* the send under way */
    uint32_t wire_at;

    unsigned char *partial; /* bytes of a frame that is not complete */
    uint32_t partial_size;
    uint32_t message_size;
    unsigned char *message; /* pieces of a fragmented message */

    struct seat *seats;
    uint32_t seat_count, seat_capacity;
    uint32_t lag_count;
    struct lag_point *lag; /* rooms to resync */

    struct body *body; /* of a request; NULL when none is awaited */
    struct frame *http_answer;
    struct transfer *transfer;     /* a file that goes in or out, or NULL */
    TAILQ_ENTRY(session) all_link; /* open ones: all, in the order of beat_ms, or parting */
    TAILQ_ENTRY(session) dirty_link;
    TAILQ_ENTRY(session) timed_link;
};
TAILQ_HEAD(session_list, session);

/* What keeps a thread busy, as flush.c wants to know it. */
struct load {
    int64_t busy_from_us;    /* in a turn: what was before is in busy_us */
    int64_t busy_us;         /* in turns since the last flush */
    int64_t flushed_us;      /* end of the last flush */
    uint64_t frames, sends;  /* until then */
    int64_t first_us;        /* pump threads: what comes first waits so long for more */
    int64_t demand_permille; /* busy share × frames per send, smoothed */
};

/* What has left through sockets. */
struct output_counts {
    uint64_t sends, deliveries, bytes;
};

/* One thread, one lws_context. The fields are the thread's alone unless they say otherwise. */
struct net_thread {
    struct net *net;
    unsigned index;
    pthread_t thread;
    bool running;
    bool stopping;
    struct lws_context *context;
    struct lws_vhost *vhost, *tls_vhost; /* tls_vhost NULL: no TLS */
    struct ssl_ctx_st *tls_context;      /* of tls_vhost */
    struct ssl_ctx_st *tls_client;       /* see context.c */
    struct certificate *certificate;     /* in use there, counted */
    struct ev_loop *loop;                /* NULL: the poll loop of libwebsockets */
    struct lws_protocols protocols[3];
    char offered[64]; /* see upgrade.c, subprotocols */
    bool finished;    /* ends the loop */

    /* One epoll set for all that confab itself waits for; libwebsockets watches the set. */
    int epoll, timer;
    int64_t timer_us;                /* what the timer is set to, 0: off */
    struct post_queue posts;         /* any thread */
    _Atomic uint32_t connections;    /* any thread reads; the acceptor adds, the owner subtracts */
    _Atomic uint32_t round_answered; /* of net_ask(); main reads */
    bool in_turn;
    uint32_t dedicated; /* clients with pump threads, also those that are ending */

    struct session_list all, parting, timed, dirty;
    uint32_t dirty_count;    /* of these */
    uint32_t handshakes;     /* sessions that are no WebSocket (yet) */
    bool lacking;            /* some client has no threads because the machine had none */
    struct client *leaving;  /* their last commands wait for the hub's queue */
    struct net_room **rooms; /* by id */
    uint32_t room_capacity;
    struct net_room *dirty_rooms;
    int64_t now_ms;
    int64_t tick_ms; /* next look at timed sessions and heartbeats */

    uint32_t run_bytes;    /* of the longest run since the last flush */
    int64_t flush_next_us; /* see flush.c */
    bool gathering, flushing;
    struct lan_address lan[ADDRESSES_MAX]; /* as of lan_ms */
    size_t lan_count;
    int64_t lan_ms; /* 0: not looked yet */
    bool in_posts;  /* in thread_run_posts() */
    struct load load;
    int pressure;          /* all outboxes together: 1 past half, 2 past all of their bound */
    int64_t queued_change; /* of stats.queue_bytes, not yet published */
    struct output_counts out, told; /* since the start; of these: in the statistics */
    struct join_cache join;

    const struct net_room *beat_room; /* the heartbeat of this tick is made once per room */
    struct batch *beat_batch;

    bool draining;
    uint64_t drain_total, drain_done; /* clients there were; of these got their bye */
    unsigned char *input;             /* one read */
};

/* How a stop sends clients away (drain.h). Times count from drain_begin_ms. */
struct drain_plan {
    int64_t notice_ms; /* until the first bye */
    int64_t window_ms; /* from the first bye to the last */
    int64_t limit_ms;  /* clients that are still there are cut off */
    uint32_t retry_ms; /* in bye: chosen below that */
};

struct net {
    const struct settings *settings;
    struct stats *stats;
    struct hub *hub;
    struct pump_env env;
    struct pump_mode_switch pump_mode;
    struct net_thread *threads;
    unsigned count;
    int listen_fd;
    struct reach reach; /* from net_listen() on */
    struct acceptor *acceptor;
    int init_error;           /* of net_new(), reported by net_listen() */
    uint32_t connections_max; /* what MAX_CLIENTS needs with plain HTTP, and descriptors allow */
    uint32_t clients_max;     /* WebSockets: MAX_CLIENTS, or fewer */
    struct address_table *addresses;
    struct filer *filer;
    struct assets *assets;
    struct certificate *certificate; /* main's, the newest; NULL: no TLS */
    struct origin_rules origins;
    struct proxy_rules proxies;
    struct drain_plan drain; /* set before draining, like drain_begin_ms */
    int64_t drain_begin_ms;

    _Atomic bool draining;
    _Atomic bool relief_wanted; /* the hub waits for a net thread to catch up */

    pthread_mutex_t gone_mutex; /* net_drain() waits for the last client */
    pthread_cond_t gone;
};

/* The thread that runs this code, NULL on others. */
extern _Thread_local struct net_thread *net_current;

#endif

/* Counters of one instance: relaxed atomics, written by whoever does the thing, read by
 * GET /api/v1/stats on any thread. One cache line is not worth more here: every counter
 * counts events that cost a thousand times an atomic add. */
#ifndef CONFAB_BASE_STATS_H
#define CONFAB_BASE_STATS_H

#include <stdatomic.h>
#include <stdint.h>

/* X(name): monotone counters. */
#define STATS_COUNTERS(X)                                                                          \
    X(connections_accepted)                                                                        \
    X(connections_refused)                                                                         \
    X(accept_pauses)        /* newcomers had to wait because of ACCEPT_RATE */                     \
    X(accept_failures)      /* the machine had no descriptor for a newcomer */                     \
    X(handshakes_cut)       /* connections that took too long while many were waiting */           \
    X(pump_threads_refused) /* clients that got no threads of their own: the machine had none */   \
    X(frames_in)                                                                                   \
    X(bytes_in)                                                                                    \
    X(frames_malformed)                                                                            \
    X(messages_in)        /* message and private commands that passed the rules */                 \
    X(messages_published) /* stored by Redis */                                                    \
    X(messages_duplicate)                                                                          \
    X(messages_limited)                                                                            \
    X(messages_failed)   /* answered with an error of Redis */                                     \
    X(messages_received) /* arrived from Redis pub/sub */                                          \
    X(away_messages)     /* sent in pages of what came while a device was away */                  \
    X(gaps_filled)       /* messages fetched from the history list after a hole */                 \
    X(gaps_lost)         /* messages that the list no longer held */                               \
    X(rooms_behind)      /* comparisons with Redis that found what the bus had not brought */      \
    X(deliveries)        /* frames handed to sockets, counted per receiver */                      \
    X(sends)             /* lws_write calls */                                                     \
    X(bytes_out)                                                                                   \
    X(flushes)                                                                                     \
    X(flushes_gathered) /* of these: delayed to gather more */                                     \
    X(net_wakeups)                                                                                 \
    X(hub_turns)                                                                                   \
    X(events_dropped) /* typing and presence left out for a slow client */                         \
    X(clients_lagged)                                                                              \
    X(clients_closed_slow)                                                                         \
    X(clients_closed_silent)                                                                       \
    X(backpressure_stalls) /* a client's socket was not read because a queue was full */           \
    X(redis_commands)                                                                              \
    X(publish_calls) /* of these: for messages, one or more in each */                             \
    X(redis_reconnects)                                                                            \
    X(passwords_refused) /* PASSWORD_QUEUE of them waited */                                       \
    X(logins)            /* with the right password */                                             \
    X(logins_failed)     /* with a wrong one, or a name that nobody has */                         \
    X(logins_limited)    /* refused unread: too many attempts */                                   \
    X(registrations)                                                                               \
    X(tokens_refused) /* access tokens that were not valid */                                      \
    X(tokens_refreshed)                                                                            \
    X(devices_revoked)  /* connections closed because their device was revoked */                  \
    X(archive_added)    /* messages that the archive took */                                       \
    X(archive_repeats)  /* that it had already */                                                  \
    X(archive_rejected) /* that it could not take as messages */                                   \
    X(archive_batches)  /* transactions */                                                         \
    X(archive_pages)    /* answered from the archive */                                            \
    X(archive_searches)                                                                            \
    X(archive_asks)      /* of these two: asked from another instance */                           \
    X(archive_asks_lost) /* that nobody answered in time */                                        \
    X(files_stored)                                                                                \
    X(files_refused) /* uploads and removals that were answered with an error */                   \
    X(files_busy)    /* uploads, downloads and removals: too many at once */                       \
    X(files_served)  /* downloads that were answered with the content */                           \
    X(files_removed) /* by their owner or with their message */                                    \
    X(files_expired)                                                                               \
    X(files_undropped) /* of deleted messages, when too many waited: they expire */

/* X(name): values that go up and down. */
#define STATS_GAUGES(X)                                                                            \
    X(clients)           /* WebSocket connections */                                               \
    X(clients_dedicated) /* of these: with pump threads */                                         \
    X(threads_reader)                                                                              \
    X(threads_writer)                                                                              \
    X(threads_archive)                                                                             \
    X(users)                    /* distinct names with a connection here */                        \
    X(rooms)                    /* rooms with members here */                                      \
    X(rooms_lost)               /* of these: Redis has lost the rules of their owners */           \
    X(queue_bytes)              /* waiting in outboxes */                                          \
    X(redis_in_flight)          /* commands without a reply */                                     \
    X(store_state)              /* enum store_state */                                             \
    X(redis_durable)            /* enum store_durable */                                           \
    X(probe_lag_us)             /* last round trip through Redis pub/sub */                        \
    X(pumps_shared)             /* 1: new clients run on shared steps */                           \
    X(passwords_waiting)        /* for a thread that hashes */                                     \
    X(archive_state)            /* enum archive_state */                                           \
    X(archive_waiting)          /* entries of the stream that some archive has not acknowledged */ \
    X(archive_waiting_since_ms) /* time of the oldest of them, 0: there is none */                 \
    X(archive_groups)           /* archives for which Redis keeps messages, if this one reads */   \
    X(archive_silent_since_ms)  /* when the one that is silent for longest was last there */       \
    X(archive_messages)         /* in the file */                                                  \
    X(archive_unindexed)        /* of these: not searchable yet */                                 \
    X(mdns_number)              /* 1: confab.local is ours, 2: confab-2.local; 0: no name */       \
    X(files_count)              /* in the folder, as of the last look */                           \
    X(files_bytes)              /* disk space of these */                                          \
    X(files_uploads)            /* under way */                                                    \
    X(files_downloads)          /* likewise */                                                     \
    X(files_failing)            /* 1: the folder could not be used last time */                    \
    X(draining)                 /* 1: stopping */

/* Times of one kind: bucket i counts those below 2^i µs. */
enum { STATS_LAG_BUCKETS = 26 };
enum stats_lag {
    STATS_LAG_REDIS,  /* round trips of commands */
    STATS_LAG_PAGE,   /* the archive's answers */
    STATS_LAG_SEARCH, /* likewise */
    STATS_LAG_COUNT,
};

struct stats {
#define X(name) _Atomic uint64_t name;
    STATS_COUNTERS(X)
#undef X
#define X(name) _Atomic int64_t name;
    STATS_GAUGES(X)
#undef X
    _Atomic uint64_t lags[STATS_LAG_COUNT][STATS_LAG_BUCKETS];
    int64_t started_mono_ms; /* set before threads run */
};

#define stat_add(s, name, n) atomic_fetch_add_explicit(&(s)->name, (n), memory_order_relaxed)
#define stat_set(s, name, n) atomic_store_explicit(&(s)->name, (n), memory_order_relaxed)
#define stat_get(s, name) atomic_load_explicit(&(s)->name, memory_order_relaxed)

void stats_lag_add(struct stats *s, enum stats_lag lag, int64_t us); /* any thread */
/* upper edge of quantile q (0 … 1); 0: nothing was counted */
int64_t stats_lag_us(const struct stats *s, enum stats_lag lag, double q);

#endif

/* The net threads and the acceptor: sockets, HTTP, WebSocket. libwebsockets stays in here.
 * Start: net_new → net_listen → hub_new(net_hub_port) → hub_start → net_start.
 * Stop:  net_drain → hub_stop → net_stop → hub_free → net_free. */
#ifndef CONFAB_NET_NET_H
#define CONFAB_NET_NET_H

#include "confab/base/addresses.h"
#include "confab/hub/hub.h"
#include "confab/net/certificate.h"

struct net;

/* How many descriptors MAX_CLIENTS takes. */
uint64_t net_descriptors(const struct settings *settings);
/* Raises RLIMIT_NOFILE to what MAX_CLIENTS needs (a warning when it cannot). Never NULL. */
struct net *net_new(const struct settings *settings, struct stats *stats, struct keyring *keyring)
    REQUIRES(on_main) MUST_USE;
/* Connections may speak TLS from now on, and plain ones are led there; takes c. Before
 * net_start(); later only to exchange the certificate, for those who connect from then on. */
void net_use_certificate(struct net *n, struct certificate *c) REQUIRES(on_main);
/* Binds, or takes fd, a TCP socket that listens already (-1: none). Returns the port, or a negative
 * errno with one clear line in error: what is wrong and what to do. Nothing is accepted before
 * net_start(). */
int net_listen(struct net *n, int fd, char *error, size_t error_size) REQUIRES(on_main) MUST_USE;
/* How it is reached, once net_listen() was well. Borrowed. */
const struct reach *net_reach(const struct net *n);
struct hub_port net_hub_port(struct net *n);
/* Starts the threads net-0 … net-K and accept. 0 or a negative errno. */
int net_start(struct net *n, struct hub *hub) REQUIRES(on_main) MUST_USE;
/* Asks every net thread and the acceptor for a sign of life, and says whether all have given that
 * of this round; if not, name is a silent one's. Round 0 counts as answered. After net_start(). */
void net_ask(struct net *n, uint32_t round) REQUIRES(on_main);
bool net_answers(const struct net *n, uint32_t round, char name[static 16]) REQUIRES(on_main);
/* Newcomers are refused and health says 503, for a moment before anybody is sent away; then every
 * client gets `bye` with 4201 and a spread retry_ms, over a while. Returns when all are gone, or
 * after three quarters of drain_ms. */
void net_drain(struct net *n, int64_t drain_ms) REQUIRES(on_main);
/* Ends all threads, closes what is left; every session is unregistered from the hub. */
void net_stop(struct net *n) REQUIRES(on_main);
void net_free(struct net *n) REQUIRES(on_main);

#endif

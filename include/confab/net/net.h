/* The net threads and the acceptor: sockets, HTTP, WebSocket. libwebsockets stays in here.
 * Start: net_new → net_listen → hub_new(net_hub_port) → hub_start → net_start.
 * Stop:  net_drain → hub_stop → net_stop → hub_free → net_free. */
#ifndef CONFAB_NET_NET_H
#define CONFAB_NET_NET_H

#include "confab/hub/hub.h"

struct net;

/* Raises RLIMIT_NOFILE to what MAX_CLIENTS needs (a warning when it cannot). Never NULL. */
struct net *net_new(const struct settings *settings, struct stats *stats, struct keyring *keyring)
    REQUIRES(on_main) MUST_USE;
/* Binds. Returns the port, or a negative errno with one clear line in error: what is wrong and
 * what to do. Nothing is accepted before net_start(). */
int net_listen(struct net *n, char *error, size_t error_size) REQUIRES(on_main) MUST_USE;
struct hub_port net_hub_port(struct net *n);
/* Starts the threads net-0 … net-K and accept. 0 or a negative errno. */
int net_start(struct net *n, struct hub *hub) REQUIRES(on_main) MUST_USE;
/* Newcomers are refused and health says 503, for a moment before anybody is sent away; then every
 * client gets `bye` with 4201 and a spread retry_ms, over a while. Returns when all are gone, or
 * after three quarters of drain_ms. */
void net_drain(struct net *n, int64_t drain_ms) REQUIRES(on_main);
/* Ends all threads, closes what is left; every session is unregistered from the hub. */
void net_stop(struct net *n) REQUIRES(on_main);
void net_free(struct net *n) REQUIRES(on_main);

#endif

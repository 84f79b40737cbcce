/* What a service manager gives to this process and wants to hear from it: a socket, when it is
 * ready, that its threads live. systemd's protocols (sd_listen_fds(3), sd_notify(3),
 * sd_watchdog_enabled(3)); started by hand there is no manager, and all of this does nothing.
 * main only. */
#ifndef CONFAB_APP_SERVICE_H
#define CONFAB_APP_SERVICE_H

#include "confab/base/base.h"
#include "confab/base/roles.h"

struct hub;
struct net;

struct service {
    int64_t watchdog_ms; /* without a sign for so long the manager ends and restarts us; 0: never */
    int64_t next_ms;     /* the next look at the threads, on the monotone clock */
    int64_t asked_ms;    /* when they were asked last */
    uint32_t round;      /* of asking them */
    bool complained;     /* in this round */
};

/* Takes what the manager has passed; children do not inherit it. *fd: the listening socket, or -1
 * when there is none. 0, or a negative errno with one line in error: it must be one TCP socket
 * that listens. */
int service_begin(struct service *s, int *fd, char *error, size_t error_size) REQUIRES(on_main)
    MUST_USE;
/* Connections are accepted from now on. Also after service_reloads(). */
void service_ready(int port) REQUIRES(on_main);
void service_reloads(void) REQUIRES(on_main);
void service_stops(void) REQUIRES(on_main);
/* A service manager waits for what the functions above say. */
bool service_is_managed(void) REQUIRES(on_main);

/* How long main may wait until service_tick() is due. */
int64_t service_tick_ms(const struct service *s) REQUIRES(on_main);
/* Asks the hub, the net threads and the acceptor for a sign of life. The manager hears from us
 * only when all of them have given one: a thread that hangs ends the process, and the manager
 * starts it again. Each answers from its own loop, so the answer proves that the loop turns. */
void service_tick(struct service *s, struct hub *hub, struct net *net) REQUIRES(on_main);

#endif

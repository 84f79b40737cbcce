/* The thread `accept`: takes connections, counts them, hands them to the net thread that has the
 * fewest.
 *
 * What limits newcomers, in this order: the kernel's backlog, in which they wait while ACCEPT_RATE
 * is used up; the descriptors of the process and MAX_CLIENTS with what plain HTTP needs (503);
 * MAX_CLIENTS_PER_ADDRESS (429). */
#ifndef NET_ACCEPTOR_H
#define NET_ACCEPTOR_H

#include "state.h"

/* Binds and listens; the descriptor, or a negative errno with one line in error. */
int acceptor_listen(const struct settings *s, char *error, size_t error_size);
/* Makes a listening socket of a service manager like one of ours. Returns it. */
int acceptor_take(int fd);
/* The port of that descriptor. */
int acceptor_port(int fd);

/* Takes listen_fd. NULL when the machine has no descriptors or threads left. */
struct acceptor *acceptor_start(struct net *n, int listen_fd) REQUIRES(on_main) MUST_USE;
void acceptor_stop(struct acceptor *a) REQUIRES(on_main); /* NULL is fine */
/* net_ask(), net_answers() */
void acceptor_ask(struct acceptor *a, uint32_t round) REQUIRES(on_main);
bool acceptor_answers(const struct acceptor *a, uint32_t round) REQUIRES(on_main);

#endif

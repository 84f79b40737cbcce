/* What libwebsockets itself has to do: requests, and ends of connections. A file of its own,
 * because libev and libevent both have an EV_READ. */
#ifndef BUDGET_SERVICE_H
#define BUDGET_SERVICE_H

#include "net/state.h"

void service_turn(struct net_thread *t) REQUIRES(on_net);

#endif

/* Sending everybody away before a stop.
 *
 *   notice    health says 503 and newcomers are refused, so that what stands in front sends them
 *             elsewhere; whoever is connected is served as before
 *   window    client after client gets `bye` with a retry_ms of its own. It is read no more; what
 *             it has said goes to Redis and is answered; then comes the close frame
 *   limit     the end for clients: whoever did not take their close frame is cut off. The rest of
 *             DRAIN_SECONDS belongs to publishes that still wait for Redis
 *
 * Those who have left come back in the order of their byes: the window is as long as other
 * instances need to take them in, and retry_ms spreads those who do not fit. */
#ifndef NET_DRAIN_H
#define NET_DRAIN_H

#include "state.h"

/* For so many clients and DRAIN_SECONDS. */
struct drain_plan drain_plan(int64_t clients, int64_t drain_ms);

/* POST_DRAIN, on each net thread. */
void drain_start(struct net_thread *t) REQUIRES(on_net);
/* A tick while draining. */
void drain_tick(struct net_thread *t) REQUIRES(on_net);

#endif

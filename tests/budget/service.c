#include "service.h"

#include <ev.h>

void service_turn(struct net_thread *t)
{
    if (t->loop)
        ev_run(t->loop, EVRUN_NOWAIT);
    else
        lws_service(t->context, -1);
}

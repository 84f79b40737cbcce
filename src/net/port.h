/* How pumps reach the net threads (posted.c). net_hub_port() is the hub's way. */
#ifndef NET_PORT_H
#define NET_PORT_H

#include "state.h"

struct pump_port net_pump_port(void);

#endif

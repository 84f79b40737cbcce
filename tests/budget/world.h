/* An instance of confab with one net thread, its clients and a Redis that answers at once, all on
 * the thread of this program: nothing runs unless it is called, so every step of a message can be
 * counted alone. Nothing of confab is replaced but thread_start(); clients are socket pairs. */
#ifndef BUDGET_WORLD_H
#define BUDGET_WORLD_H

#include "hub/state.h"
#include "net/state.h"

enum { WORLD_CLIENTS_MAX = 1024 };

/* Runs `story` on the hub thread, in an instance that is ready. Returns when all has ended. */
void world_run(void (*story)(void));

/* Users u0000 … of the room, connected in that order; returns when all are members. */
struct crowd {
    unsigned count;
    int sockets[WORLD_CLIENTS_MAX]; /* the clients' ends */
};
void world_join(struct crowd *c, const char *room, const char *prefix, unsigned count);

/* A client says it: a masked text frame into its socket. */
void world_say(int socket, const char *text);
/* Reads what all of them got, and forgets it. Returns how many got something. */
unsigned world_hear(struct crowd *c);

void world_net_turn(void) REQUIRES(on_net);
void world_hub_turn(void) REQUIRES(on_hub);
/* Until nobody has anything to do. */
void world_settle(void);

struct hub *world_hub(void);

#endif

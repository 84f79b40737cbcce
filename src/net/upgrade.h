/* Who may become a WebSocket. Net thread. */
#ifndef NET_UPGRADE_H
#define NET_UPGRADE_H

#include "state.h"

/* In HTTP_CONFIRM_UPGRADE: 0 lets it pass, 1 after an answer with a status, -1 hangs up. */
int upgrade_check(struct session *s) REQUIRES(on_net);
/* In ESTABLISHED: opens the session and says hello for a URL with a username. */
void upgrade_done(struct session *s) REQUIRES(on_net);

#endif

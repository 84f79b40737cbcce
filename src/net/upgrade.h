/* Who may become a WebSocket. Net thread. */
#ifndef NET_UPGRADE_H
#define NET_UPGRADE_H

#include "state.h"

/* In HTTP_CONFIRM_UPGRADE: 0 lets it pass, -1 hangs up, after an answer.
 * upgrade: the header's value where libwebsockets keeps it. */
int upgrade_check(struct session *s, char *upgrade) REQUIRES(on_net);
/* The handshake is done: opens the session and says hello for a request that says who it is. */
void upgrade_done(struct session *s) REQUIRES(on_net);

#endif

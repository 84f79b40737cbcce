/* The opening handshake (RFC 6455 section 4.2.2) by confab itself, for clients that offer a token
 * as subprotocol. libwebsockets copies the offers into 128 bytes, and hangs up when they are more.
 *
 * So it must not see a handshake at all: LWS_CALLBACK_HTTP_CONFIRM_UPGRADE gets the value of the
 * Upgrade header where libwebsockets keeps it, and looks at it again when the callback has allowed
 * the upgrade. With another value there the request goes on as plain HTTP, and LWS_CALLBACK_HTTP
 * answers it with 101. From then on confab reads and writes the socket, as with any WebSocket;
 * libwebsockets is left with a request that is never completed. Net thread. */
#ifndef NET_HANDSHAKE_H
#define NET_HANDSHAKE_H

#include "state.h"

/* In HTTP_CONFIRM_UPGRADE. upgrade: its `in`. */
void handshake_claim(char *upgrade);
/* In HTTP of such a session. The result of the callback. */
int handshake_answer(struct session *s) REQUIRES(on_net);

#endif

/* Where a server speaks TLS, a plain connection is led there. Net thread. */
#ifndef NET_LEAD_H
#define NET_LEAD_H

#include "http.h"

/* Has the request at hand come in plain text to a server that speaks TLS? */
bool lead_is_due(const struct session *s) REQUIRES(on_net);
/* Of those: is it answered as it is? The page about the certificate and what belongs to it are,
 * and health. */
bool lead_spares(const char *path);
/* Answers with the way to the same place behind TLS; head was checked (origin_host_allowed()).
 * A browser that opens the page of a server with an authority of its own gets the page about the
 * certificate, which goes on by itself where that is trusted. path: percent-decoded; scheme:
 * https or wss. The result of libwebsockets' callback. */
int lead_to_tls(struct session *s, const char *scheme, const struct http_head *head,
                const char *path) REQUIRES(on_net);

#endif

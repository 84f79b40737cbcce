/* Where a request carries its access token (RFC 6750 section 2.1). Net thread. */
#ifndef NET_BEARER_H
#define NET_BEARER_H

#include "http.h"

enum { BEARER_BYTES = HTTP_HEADER_BYTES };

/* The token of the Authorization header; NULL when there is none, or one of another scheme, which
 * a proxy may want. */
const char *bearer_of_header(struct session *s, char buffer[BEARER_BYTES]);

/* Whether a bearer's token claims to be ADMIN_TOKEN: an access token has dots, that one has none.
 * *right: it is, found out in a time that does not tell how much of it. NULL claims nothing. */
bool bearer_claims_admin(const struct settings *settings, const char *token, bool *right);

/* Browsers cannot set headers of a WebSocket, but name subprotocols: "confab.v1,
 * confab.token.TOKEN". Copies TOKEN to out, what follows the prefix "confab.token."; "" when there
 * is none. offers: the header's value; out: as large. */
void bearer_of_offers(const char *offers, const char *prefix, char *out);

#endif

/* The server's name in the local network: MDNS_NAME.local (RFC 6762) and a service of type _http
 * or _https (RFC 6763), announced by Avahi. Where Avahi or D-Bus does not run, nothing happens;
 * the thread `mdns` looks for them and for new addresses every few seconds. main only. */
#ifndef CONFAB_APP_MDNS_H
#define CONFAB_APP_MDNS_H

#include "confab/base/addresses.h"
#include "confab/base/roles.h"
#include "confab/base/settings.h"
#include "confab/base/stats.h"

struct mdns;

/* Borrows all of them. NULL with MDNS=off, when no other device could connect, and when there is
 * no thread for it, which is no reason not to serve. stats.mdns_number says which name is ours. */
struct mdns *mdns_start(const struct settings *settings, struct stats *stats,
                        const struct reach *reach) REQUIRES(on_main);
/* Takes the name back and ends the thread. NULL is fine. */
void mdns_stop(struct mdns *m) REQUIRES(on_main);

#endif

/* `confab --check-health`: for containers, which have no curl. */
#ifndef CONFAB_APP_HEALTH_CHECK_H
#define CONFAB_APP_HEALTH_CHECK_H

#include "confab/base/settings.h"

#include <stddef.h>

/* Asks the instance that listens with these settings (GET /api/v1/health) and prints its answer.
 * The exit status: 0 when it is well, 1 when it is not or does not answer within 5 s. */
int health_check(const struct settings *settings);

/* Where to ask an instance on this machine: 0.0.0.0 and :: are addresses to listen on, not to
 * connect to. */
const char *health_host(const char *bind);
/* GET /api/v1/health of who listens there, an address, for at most 5 s. Returns the HTTP status
 * with the body in answer; 0: no HTTP; a negative errno: no connection. */
int health_ask(const char *host, int port, char *answer, size_t size);

#endif

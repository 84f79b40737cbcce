/* `confab --check-health`: for containers, which have no curl. */
#ifndef CONFAB_APP_HEALTH_CHECK_H
#define CONFAB_APP_HEALTH_CHECK_H

#include "confab/base/settings.h"

/* Asks the instance that listens with these settings (GET /api/v1/health) and prints its answer.
 * The exit status: 0 when it is well, 1 when it is not or does not answer within 5 s. */
int health_check(const struct settings *settings);

#endif

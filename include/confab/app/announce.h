/* Says on stdout where the page is. */
#ifndef CONFAB_APP_ANNOUNCE_H
#define CONFAB_APP_ANNOUNCE_H

#include "confab/base/addresses.h"
#include "confab/base/settings.h"

/* The addresses, the best one also as QR code (QR), in one write. main only. */
void announce_addresses(const struct reach *reach, const struct settings *settings);
/* The name, once other devices can resolve it. Any thread. */
void announce_name(const struct reach *reach, const char *name);

#endif

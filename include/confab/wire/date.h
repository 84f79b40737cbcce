/* Dates as people write them, for requests and tools. */
#ifndef CONFAB_WIRE_DATE_H
#define CONFAB_WIRE_DATE_H

#include "confab/base/base.h"

#define DATE_MS_MAX INT64_C(253402300799999) /* the last one of the year 9999 */

/* A decimal number without a sign that fits. Any thread. */
bool number_text(const char *text, int64_t *out);

/* Milliseconds since 1970 of `2026-11-21`, `2026-11-21T22:00:00Z`, `2026-11-21T22:00:00.5+01:00`
 * (RFC 3339 section 5.6; a date alone is its first moment in UTC), or of the number itself.
 * False: none of them, or not within 1970 … 9999. Any thread. */
bool date_ms(const char *text, int64_t *out);

#endif

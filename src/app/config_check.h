/* What the text settings may contain. */
#ifndef CONFAB_SRC_APP_CONFIG_CHECK_H
#define CONFAB_SRC_APP_CONFIG_CHECK_H

#include <stdbool.h>
#include <stdint.h>

/* NULL when this setting may have this value, else what it must be ("it must be …"). */
const char *config_check_text(const char *env, const char *value);
/* A whole decimal number, nothing before or behind it. */
bool config_parse_number(const char *value, int64_t *out);
/* Numbers of processors, separated by commas. How many there are; -1 when the text is another one,
 * or names a processor that this process may not use (sched_getaffinity(2)). */
enum { CONFIG_CPUS_MOST = 16 };
int config_parse_cpus(const char *value, uint16_t *out, unsigned most);

#endif

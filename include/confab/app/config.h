/* From defaults, the .env file, the environment and the command line to struct settings.
 * main only. */
#ifndef CONFAB_APP_CONFIG_H
#define CONFAB_APP_CONFIG_H

#include "confab/base/base.h"
#include "confab/base/settings.h"

#include <stdio.h>

enum config_action {
    CONFIG_HELP,    /* --help */
    CONFIG_VERSION, /* --version */
    CONFIG_RUN,
    CONFIG_CHECK_HEALTH, /* --check-health: ask the instance that runs with these settings */
    CONFIG_ADDRESSES,    /* --addresses: say where people reach it, and end */
    CONFIG_WRONG,        /* a wrong option or value: error says which and what is allowed */
};

/* Reads no global state but the file that ENV_FILE names. argv and envp end with NULL; names in
 * the environment and the file that are not confab's are ignored, since both are shared with
 * others. On CONFIG_HELP, CONFIG_VERSION and CONFIG_WRONG *out is untouched; otherwise it
 * is filled in and owns its strings (config_free). */
enum config_action config_load(char *const *argv, char *const *envp, struct settings *out,
                               char *error, size_t error_size) MUST_USE;
void config_free(struct settings *s);

/* Every option with its environment name, default and range. */
void config_print_help(FILE *out);

#endif

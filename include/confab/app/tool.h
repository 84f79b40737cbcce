/* `confab COMMAND …`: what a person does with an archive. The settings are the server's, and a
 * server may run meanwhile. Exit status 0: done; 1: it failed, or something was found; 2: wrong
 * use. main only. */
#ifndef CONFAB_APP_TOOL_H
#define CONFAB_APP_TOOL_H

#include "confab/base/base.h"
#include "confab/base/roles.h"

#include <stdio.h>

bool tool_is_command(const char *word);
/* argv[0] is the command. The exit status. */
int tool_run(char **argv, char *const *environment) REQUIRES(on_main);
void tool_print_list(FILE *out); /* a line for each command, for confab --help */

#endif

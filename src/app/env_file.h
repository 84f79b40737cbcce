/* Lines `NAME=value` as docker compose writes and reads them. */
#ifndef CONFAB_SRC_APP_ENV_FILE_H
#define CONFAB_SRC_APP_ENV_FILE_H

#include "confab/base/base.h"

/* Returns new: the text of the file; NULL with *error 0 when there is none, with a negative
 * errno when it cannot be read. */
char *env_file_read(const char *path, int *error);

/* Splits the next assignment off *text, in place: `export` before it, quotes around the value
 * and comments are taken away. False at the end. A line without '=' has value NULL. */
bool env_file_next(char **text, char **name, char **value, unsigned *line);

#endif

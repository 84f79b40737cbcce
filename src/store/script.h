/* Lua scripts, for who calls them without the hub's connection. */
#ifndef CONFAB_STORE_SCRIPT_H
#define CONFAB_STORE_SCRIPT_H

#include "confab/base/settings.h"
#include "confab/base/str.h"

/* Appends the text of a script: the limits as locals, then the parts ("/clock.lua", "/trim.lua",
 * NULL at the end), all of src/store/scripts. Any thread. */
void script_text(struct str *out, const struct settings *settings, const char *const *parts);

#endif

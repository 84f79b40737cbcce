/* Frames for the tests of commands, written with ' for ", so that they can be read. */
#ifndef TESTS_SUPPORT_COMMAND_H
#define TESTS_SUPPORT_COMMAND_H

#include "confab/wire/command.h"
#include "support/test.h"

struct command *accepted(const char *text); /* returns new */
void refused(const char *text, enum error_code code, const char *field);
void refused_with_cid(const char *text, enum error_code code, const char *field, const char *cid);
/* What command_parse() and its kin answered is this refusal. */
void check_refused(int rc, const struct command_error *error, enum error_code code,
                   const char *field, const char *cid);

#endif

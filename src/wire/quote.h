/* JSON strings. */
#ifndef CONFAB_WIRE_QUOTE_H
#define CONFAB_WIRE_QUOTE_H

#include "confab/base/str.h"

/* Appends text as a JSON string, quotes included. Only what RFC 8259 section 7 demands is
 * escaped: '"', '\\' and characters below U+0020. text is valid UTF-8. */
void quote_add(struct str *out, const char *text, size_t size);

#endif

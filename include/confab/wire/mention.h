/* Who is mentioned in a text. docs/PROTOCOL.md, "Away". */
#ifndef CONFAB_WIRE_MENTION_H
#define CONFAB_WIRE_MENTION_H

#include "confab/base/str.h"

/* Finds names behind an '@' that stands at the start, behind white space (Unicode property
 * White_Space) or behind one of ( [ { , ; and ends at the first character that no name has; full
 * stops at the end are the sentence's. Appends the distinct ones in NFC to out, joined by '\n', at
 * most RULE_MENTIONS, and returns how many. content: valid UTF-8. Whether there are such people is
 * not known here. Without an '@' it costs one memchr(). Any thread. */
unsigned mention_names(const char *content, size_t size, struct str *out);

#endif

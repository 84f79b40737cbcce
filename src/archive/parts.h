/* Where in a text the words of a search are: an index of its own, in memory, of the few texts that
 * are shown. The archive's index would look for each of them among all messages. */
#ifndef ARCHIVE_PARTS_H
#define ARCHIVE_PARTS_H

#include "confab/base/str.h"

#include <sqlite3.h>

struct parts;

/* Returns new; NULL: no memory. */
struct parts *parts_new(void) MUST_USE;
void parts_free(struct parts *p); /* NULL is fine */

void parts_clear(struct parts *p);
void parts_add(struct parts *p, size_t id, const char *text, size_t size);
/* Appends to outs[ID], for each text with a match, a JSON array of what is around it: plain and
 * found in turn, the first one plain. plain: of struct query. SQLITE_OK or the first error since
 * parts_clear(). */
int parts_find(struct parts *p, const struct str *plain, struct str *outs) MUST_USE;

#endif

/* What confab adds to FTS5: its tokenizer. https://www.sqlite.org/fts5.html section 7. */
#ifndef ARCHIVE_TOKEN_H
#define ARCHIVE_TOKEN_H

#include "confab/base/base.h"

#include <sqlite3.h>

/* Makes the tokenizer `confab` known to a connection: words as those of unicode61 without
 * diacritics; characters of scripts that put no spaces between words, and emoji, one by one, so
 * that a phrase finds any part of a text. Before the first statement that names a table with
 * this tokenizer. SQLITE_OK or the error. */
int token_register(sqlite3 *db) MUST_USE;

/* The functions by which a connection's FTS5 is extended; NULL when it has none. */
fts5_api *token_fts5(sqlite3 *db);

#endif

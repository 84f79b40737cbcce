/* What people search for, as an expression of FTS5. */
#ifndef ARCHIVE_QUERY_H
#define ARCHIVE_QUERY_H

#include "confab/base/str.h"
#include "confab/wire/rules.h"

#include <sqlite3.h>

struct query {
    fts5_tokenizer methods;
    Fts5Tokenizer *tokenizer; /* NULL: not there */
};

/* SQLITE_OK or the error; after token_register(). query_fini() comes before sqlite3_close(). */
int query_init(struct query *query, sqlite3 *db) MUST_USE;
void query_fini(struct query *query);

/* Appends what finds the messages whose content has each word of q, and each phrase that stands
 * in "…" with its words side by side. Nothing in q is syntax but that quote and white space; a
 * word without letters, digits or signs is left out. ERROR_NONE, or ERROR_BAD_QUERY: q is longer
 * than RULE_SEARCH_BYTES, has no word, or more words and phrases than RULE_SEARCH_WORDS. */
enum error_code query_build(const struct query *query, const char *q, struct str *out) MUST_USE;

#endif

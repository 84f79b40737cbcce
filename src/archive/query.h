/* What people search for, as expressions of FTS5, and how well a message answers it. */
#ifndef ARCHIVE_QUERY_H
#define ARCHIVE_QUERY_H

#include "confab/base/str.h"
#include "confab/wire/rules.h"

#include <sqlite3.h>

/* Words and phrases; a phrase has its words side by side, and a word may be one of several tokens
 * as well ("well-known", or anything in Chinese). */
struct query {
    fts5_tokenizer methods;
    Fts5Tokenizer *tokenizer;

    /* ("token" or the mark) and …, and the author or the mark. FTS5 goes from one match to the next
     * without a pause, through millions of messages where two common words rarely meet: the marked
     * messages, one in some thousands, are where it can be stopped. It is also why phrases are
     * taken apart: FTS5 would not pause on its way to where their words meet. */
    struct str match;
    struct str plain; /* the words and phrases as they are, for snippet() */
    size_t count;
    uint16_t tokens[RULE_SEARCH_WORDS]; /* of each */
    bool has_author;
};

/* SQLITE_OK or the error; after token_register(). query_fini() comes before sqlite3_close(). */
int query_init(struct query *query, sqlite3 *db) MUST_USE;
void query_fini(struct query *query);

/* Reads q: words, and phrases in "…". Nothing in it is syntax but that quote and white space; what
 * has no letter, digit or sign is left out. user: the author, NULL or "" for any. ERROR_NONE, or
 * ERROR_BAD_QUERY: q is longer than RULE_SEARCH_BYTES, has no word, or more words and phrases than
 * RULE_SEARCH_WORDS. */
enum error_code query_read(struct query *query, const char *q, const char *user) MUST_USE;

/* Makes the function confab_score(search, POINTER) known to a connection, before the first
 * statement that names it; the pointer is a query under QUERY_POINTER. NULL: the row is there for
 * its mark. SQLITE_OK or the error. */
#define QUERY_POINTER "confab query"
int query_register(sqlite3 *db) MUST_USE;

#endif

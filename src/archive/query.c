#include "query.h"

#include "token.h"

int query_init(struct query *query, sqlite3 *db)
{
    fts5_api *fts5 = token_fts5(db);
    void *context;

    query->tokenizer = NULL;
    if (fts5 == NULL)
        return SQLITE_ERROR;
    const int rc = fts5->xFindTokenizer(fts5, "confab", &context, &query->methods);
    return rc == SQLITE_OK ? query->methods.xCreate(context, NULL, 0, &query->tokenizer) : rc;
}

void query_fini(struct query *query)
{
    if (query->tokenizer != NULL)
        query->methods.xDelete(query->tokenizer);
    query->tokenizer = NULL;
}

static int stop(void *arg, int flags, const char *token, int size, int start, int end)
{
    (void)arg, (void)flags, (void)token, (void)size, (void)start, (void)end;
    return SQLITE_DONE;
}

/* A phrase without a token would match nothing, and with it the whole expression. */
static bool has_token(const struct query *query, const char *text, size_t size)
{
    return query->methods.xTokenize(query->tokenizer, NULL, FTS5_TOKENIZE_QUERY, text, (int)size,
                                    stop) == SQLITE_DONE;
}

/* Bytes of the white space that text begins with: ASCII, or U+3000 between words in Chinese and
 * Japanese. What other spaces there are, the tokenizer knows. */
static size_t space(const char *text)
{
    if (*text != '\0' && strchr(" \t\n\v\f\r", *text) != NULL)
        return 1;
    return strncmp(text, "\u3000", 3) == 0 ? 3 : 0;
}

/* The next word or phrase, which has no '"' in it. False: there is none. */
static bool next(const char **text, const char **word, size_t *size)
{
    const char *s = *text;
    size_t bytes;

    while ((bytes = space(s)) > 0)
        s += bytes;
    if (*s == '\0')
        return false;
    const bool is_phrase = *s == '"';
    s += is_phrase;
    *word = s;
    while (*s != '\0' && *s != '"' && (is_phrase || space(s) == 0))
        s++;
    *size = (size_t)(s - *word);
    *text = is_phrase && *s == '"' ? s + 1 : s;
    return true;
}

enum error_code query_build(const struct query *query, const char *q, struct str *out)
{
    const char *word;
    size_t size;
    unsigned count = 0;

    if (strlen(q) > RULE_SEARCH_BYTES)
        return ERROR_BAD_QUERY;
    while (next(&q, &word, &size)) {
        if (!has_token(query, word, size))
            continue;
        str_addz(out, count == 0 ? "content : (\"" : " AND \"");
        str_add(out, word, size);
        str_addc(out, '"');
        if (++count > RULE_SEARCH_WORDS)
            return ERROR_BAD_QUERY;
    }
    if (count == 0)
        return ERROR_BAD_QUERY;
    str_addc(out, ')');
    return ERROR_NONE;
}

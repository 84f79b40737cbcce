#include "query.h"

#include "token.h"

enum { TOKENS_MOST = RULE_SEARCH_BYTES };

#define MARK " OR mark : x)"

int query_init(struct query *query, sqlite3 *db)
{
    fts5_api *fts5 = token_fts5(db);
    void *context;

    *query = (struct query){ .tokenizer = NULL };
    if (fts5 == NULL)
        return SQLITE_ERROR;
    const int rc = fts5->xFindTokenizer(fts5, "confab", &context, &query->methods);
    return rc == SQLITE_OK ? query->methods.xCreate(context, NULL, 0, &query->tokenizer) : rc;
}

void query_fini(struct query *query)
{
    if (query->tokenizer != NULL)
        query->methods.xDelete(query->tokenizer);
    str_fini(&query->match);
    str_fini(&query->plain);
}

/* ---- reading ---- */

struct unit {
    struct query *query;
    const char *text;
    uint16_t tokens;
};

/* What stands between tokens has no '"' in it, and a token is text as it was written: read again
 * it is the same token. */
static int add_token(void *arg, int flags, const char *token, int size, int start, int end)
{
    struct unit *unit = arg;
    struct str *match = &unit->query->match;

    (void)flags, (void)token, (void)size;
    str_addz(match, match->size > 0 ? " AND (content : \"" : "(content : \"");
    str_add(match, unit->text + start, (size_t)(end - start));
    str_addz(match, "\"" MARK);
    unit->tokens++;
    return SQLITE_OK;
}

/* A word or phrase. False: there are too many. */
static bool add_unit(struct query *query, const char *text, size_t size)
{
    struct unit unit = { .query = query, .text = text };

    query->methods.xTokenize(query->tokenizer, &unit, FTS5_TOKENIZE_QUERY, text, (int)size,
                             add_token);
    if (unit.tokens == 0)
        return true;
    if (query->count == RULE_SEARCH_WORDS)
        return false;
    str_addz(&query->plain, query->count > 0 ? " AND \"" : "\"");
    str_add(&query->plain, text, size);
    str_addc(&query->plain, '"');
    query->tokens[query->count++] = unit.tokens;
    return true;
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
static bool next(const char **text, const char **unit, size_t *size)
{
    const char *s = *text;
    size_t bytes;

    while ((bytes = space(s)) > 0)
        s += bytes;
    if (*s == '\0')
        return false;
    const bool is_phrase = *s == '"';
    s += is_phrase;
    *unit = s;
    while (*s != '\0' && *s != '"' && (is_phrase || space(s) == 0))
        s++;
    *size = (size_t)(s - *unit);
    *text = is_phrase && *s == '"' ? s + 1 : s;
    return true;
}

enum error_code query_read(struct query *query, const char *q, const char *user)
{
    const char *unit;
    size_t size;

    str_reset(&query->match);
    str_reset(&query->plain);
    query->count = 0;
    if (strlen(q) > RULE_SEARCH_BYTES)
        return ERROR_BAD_QUERY;
    while (next(&q, &unit, &size)) {
        if (!add_unit(query, unit, size))
            return ERROR_BAD_QUERY;
    }
    if (query->count == 0)
        return ERROR_BAD_QUERY;
    query->has_author = user != NULL && *user != '\0';
    if (query->has_author) {
        str_addz(&query->match, " AND (author : \"");
        for (const char *c = user; *c != '\0'; c++) /* as the view `searchable` has it */
            str_addf(&query->match, "%02x", (unsigned char)*c);
        str_addz(&query->match, "\"" MARK);
    }
    return ERROR_NONE;
}

/* ---- the score ---- */

/* A token in the content of a row. FTS5 knows it as a phrase, and the mark behind it as the next. */
struct place {
    Fts5PhraseIter at;
    int column, offset; /* column -1: there are no more */
};

static int place_first(const Fts5ExtensionApi *fts5, Fts5Context *row, size_t token,
                       struct place *p)
{
    return fts5->xPhraseFirst(row, (int)(2 * token), &p->at, &p->column, &p->offset);
}

static void place_next(const Fts5ExtensionApi *fts5, Fts5Context *row, struct place *p)
{
    fts5->xPhraseNext(row, &p->at, &p->column, &p->offset);
}

/* How often the tokens stand side by side. */
static unsigned times(const Fts5ExtensionApi *fts5, Fts5Context *row, struct place *places,
                      size_t count)
{
    unsigned times = 0;

    for (; places[0].column >= 0; place_next(fts5, row, &places[0])) {
        bool together = true;
        for (size_t i = 1; i < count && together; i++) {
            const int wanted = places[0].offset + (int)i;
            while (places[i].column >= 0 && places[i].offset < wanted)
                place_next(fts5, row, &places[i]);
            if (places[i].column < 0)
                return times;
            together = places[i].offset == wanted;
        }
        times += together;
    }
    return times;
}

/* Sum over the words and phrases of tf / (tf + 1.2), where tf says how often one is there: the form
 * of Okapi BM25 without its weights of rare words, which all hits share, since each has all words.
 * 0: one of them is not there. rc: of FTS5. */
static double sum(const Fts5ExtensionApi *fts5, Fts5Context *row, const struct query *query,
                  int *rc)
{
    struct place places[TOKENS_MOST];
    size_t token = 0;
    double sum = 0;

    places[0].column = -1;
    for (size_t unit = 0; unit < query->count; unit++) {
        for (size_t i = 0; i < query->tokens[unit]; i++) {
            *rc = place_first(fts5, row, token++, &places[i]);
            if (*rc != SQLITE_OK || places[i].column < 0)
                return 0;
        }
        const unsigned tf = times(fts5, row, places, query->tokens[unit]);
        if (tf == 0)
            return 0;
        sum += tf / (tf + 1.2);
    }
    if (query->has_author) {
        *rc = place_first(fts5, row, token, &places[0]);
        if (places[0].column < 0)
            return 0;
    }
    return sum;
}

static void score(const Fts5ExtensionApi *fts5, Fts5Context *row, sqlite3_context *out, int count,
                  sqlite3_value **values)
{
    const struct query *query = count == 1 ? sqlite3_value_pointer(values[0], QUERY_POINTER) : NULL;
    int rc = query == NULL ? SQLITE_MISUSE : SQLITE_OK;
    const double score = query == NULL ? 0 : sum(fts5, row, query, &rc);

    if (rc != SQLITE_OK)
        sqlite3_result_error_code(out, rc);
    else if (score > 0)
        sqlite3_result_double(out, score);
}

int query_register(sqlite3 *db)
{
    fts5_api *fts5 = token_fts5(db);

    return fts5 == NULL ? SQLITE_ERROR
                        : fts5->xCreateFunction(fts5, "confab_score", NULL, score, NULL);
}

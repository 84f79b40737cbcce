#include "token.h"

#include <stdlib.h>

/* What stands alone in a text. Sorted by `first`. */
enum kind {
    WORD, /* part of a word: unicode61 decides */
    SIGN, /* a token of its own */
    NONE, /* ends a word and is none */
};
static const struct range {
    uint32_t first, last;
    enum kind kind;
} ranges[] = {
    { 0x0e01, 0x0e3a, SIGN },   /* Thai, without digits and punctuation, as everywhere below */
    { 0x0e40, 0x0e4e, SIGN },   /* */
    { 0x0e81, 0x0ece, SIGN },   /* Lao */
    { 0x0edc, 0x0edf, SIGN },   /* */
    { 0x1000, 0x103f, SIGN },   /* Myanmar */
    { 0x1050, 0x108f, SIGN },   /* */
    { 0x1100, 0x11ff, SIGN },   /* Hangul, parts of syllables */
    { 0x1780, 0x17d3, SIGN },   /* Khmer */
    { 0x17d7, 0x17d7, SIGN },   /* */
    { 0x17dc, 0x17dd, SIGN },   /* */
    { 0x2300, 0x23ff, SIGN },   /* emoji: clocks, … */
    { 0x2600, 0x27bf, SIGN },   /* emoji: sun, hearts, … */
    { 0x2b00, 0x2bff, SIGN },   /* emoji: star, … */
    { 0x3005, 0x3007, SIGN },   /* Han: repetition, zero */
    { 0x3021, 0x3029, SIGN },   /* Han: numerals */
    { 0x3041, 0x309f, SIGN },   /* Hiragana */
    { 0x30a1, 0x30fa, SIGN },   /* Katakana */
    { 0x30fc, 0x318e, SIGN },   /* Katakana, Bopomofo, Hangul */
    { 0x31a0, 0x31bf, SIGN },   /* Bopomofo */
    { 0x31f0, 0x31ff, SIGN },   /* Katakana */
    { 0x3400, 0x4dbf, SIGN },   /* Han */
    { 0x4e00, 0x9fff, SIGN },   /* Han */
    { 0xa960, 0xa97c, SIGN },   /* Hangul */
    { 0xa9e0, 0xa9ef, SIGN },   /* Myanmar */
    { 0xa9fa, 0xa9fe, SIGN },   /* Myanmar */
    { 0xaa60, 0xaa7f, SIGN },   /* Myanmar */
    { 0xac00, 0xd7fb, SIGN },   /* Hangul */
    { 0xf900, 0xfaff, SIGN },   /* Han */
    { 0xfe00, 0xfe0f, NONE },   /* variation selectors, which say how an emoji looks */
    { 0xff66, 0xff9f, SIGN },   /* Katakana */
    { 0xffa0, 0xffdc, SIGN },   /* Hangul */
    { 0x1aff0, 0x1b16f, SIGN }, /* Kana */
    { 0x1f000, 0x1f3fa, SIGN }, /* emoji */
    { 0x1f3fb, 0x1f3ff, NONE }, /* colours of skin */
    { 0x1f400, 0x1faff, SIGN }, /* emoji */
    { 0x20000, 0x3ffff, SIGN }, /* Han */
    { 0xe0100, 0xe01ef, NONE }, /* variation selectors */
};

struct token {
    fts5_tokenizer words; /* unicode61 */
    Fts5Tokenizer *inner;
};

typedef int token_fn(void *ctx, int flags, const char *token, int size, int start, int end);

/* A call of unicode61 for a part of a text. */
struct part {
    token_fn *token;
    void *ctx;
    int offset; /* of the part in the text */
    int result; /* of the last call of `token`: unicode61 makes SQLITE_OK of SQLITE_DONE */
};

static enum kind kind_of(uint32_t c)
{
    size_t low = 0, high = sizeof ranges / sizeof ranges[0];

    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (c > ranges[middle].last)
            low = middle + 1;
        else if (c < ranges[middle].first)
            high = middle;
        else
            return ranges[middle].kind;
    }
    return WORD;
}

/* The character of three or four bytes at s, and how many; a shorter or a broken one is 0, of one
 * byte: all that is in `ranges` is longer (RFC 3629 section 3). */
static uint32_t decode(const unsigned char *s, int left, int *bytes)
{
    const int size = s[0] < 0xf0 ? 3 : 4;
    uint32_t c = s[0] & (size == 3 ? 0x0f : 0x07);

    *bytes = 1;
    if (s[0] < 0xe0 || s[0] > 0xf4 || left < size)
        return 0;
    for (int i = 1; i < size; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    *bytes = size;
    return c;
}

static int on_word(void *arg, int flags, const char *token, int size, int start, int end)
{
    struct part *part = arg;

    part->result =
        part->token(part->ctx, flags, token, size, start + part->offset, end + part->offset);
    return part->result;
}

static int words(const struct token *t, struct part *part, int flags, const char *text, int end)
{
    const int size = end - part->offset;

    if (size <= 0)
        return SQLITE_OK;
    const int rc = t->words.xTokenize(t->inner, part, flags, text + part->offset, size, on_word);
    return part->result != SQLITE_OK ? part->result : rc;
}

static int tokenize(Fts5Tokenizer *tokenizer, void *ctx, int flags, const char *text, int size,
                    token_fn *token)
{
    const struct token *t = (const struct token *)tokenizer;
    struct part part = { .token = token, .ctx = ctx };
    int rc = SQLITE_OK, bytes;

    for (int at = 0; at < size && rc == SQLITE_OK; at += bytes) {
        bytes = 1;
        if ((unsigned char)text[at] < 0xe0) /* below U+0800 nothing is in `ranges` */
            continue;
        const enum kind kind = kind_of(decode((const unsigned char *)text + at, size - at, &bytes));
        if (kind == WORD)
            continue;
        rc = words(t, &part, flags, text, at);
        if (rc == SQLITE_OK && kind == SIGN)
            rc = token(ctx, 0, text + at, bytes, at, at + bytes);
        part.offset = at + bytes;
    }
    return rc == SQLITE_OK ? words(t, &part, flags, text, size) : rc;
}

static void delete (Fts5Tokenizer *tokenizer)
{
    struct token *t = (struct token *)tokenizer;

    if (t->inner != NULL)
        t->words.xDelete(t->inner);
    free(t);
}

static int create(void *arg, const char **args, int count, Fts5Tokenizer **out)
{
    /* Vowel signs are marks (M) in the scripts of India: without them each word would be torn. */
    const char *options[] = { "remove_diacritics", "2", "categories", "L* N* Co M*" };
    fts5_api *fts5 = arg;
    void *context;

    (void)args;
    if (count != 0)
        return SQLITE_ERROR;
    struct token *t = xcalloc(1, sizeof *t);
    int rc = fts5->xFindTokenizer(fts5, "unicode61", &context, &t->words);
    if (rc == SQLITE_OK)
        rc = t->words.xCreate(context, options, sizeof options / sizeof options[0], &t->inner);
    if (rc != SQLITE_OK) {
        t->inner = NULL;
        delete ((Fts5Tokenizer *)t);
        return rc;
    }
    *out = (Fts5Tokenizer *)t;
    return SQLITE_OK;
}

fts5_api *token_fts5(sqlite3 *db)
{
    fts5_api *fts5 = NULL;
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &statement, NULL) != SQLITE_OK)
        return NULL;
    sqlite3_bind_pointer(statement, 1, (void *)&fts5, "fts5_api_ptr", NULL);
    sqlite3_step(statement);
    sqlite3_finalize(statement);
    return fts5;
}

int token_register(sqlite3 *db)
{
    fts5_tokenizer methods = { create, delete, tokenize };
    fts5_api *fts5 = token_fts5(db);

    if (fts5 == NULL)
        return SQLITE_ERROR;
    return fts5->xCreateTokenizer(fts5, "confab", fts5, &methods, NULL);
}

#include "confab/wire/fold.h"

#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unicode/uspoof.h>
#include <unicode/uvernum.h>
#include <uninorm.h>

/* One code point of a name becomes at most 18 of NFKC (U+FDFA), each of at most 4 bytes, and its
 * skeleton is no longer than that; test_fold.c tries them all. */
enum { LONGEST = RULE_NAME_CHARS * 18 * 4 };

struct text {
    char data[LONGEST + 1];
    size_t size;
};

static void take(struct text *out, uint8_t *result, size_t size)
{
    BUG_ON(result == NULL || size > LONGEST); /* NULL: only without memory */
    if (result != (uint8_t *)out->data) {
        memcpy(out->data, result, size);
        free(result);
    }
    out->size = size;
}

static void compose(const char *in, size_t size, struct text *out)
{
    size_t got = LONGEST;
    uint8_t *result =
        u8_normalize(UNINORM_NFKC, (const uint8_t *)in, size, (uint8_t *)out->data, &got);

    take(out, result, got);
}

static void fold_case(const struct text *in, struct text *out)
{
    size_t got = LONGEST;
    uint8_t *result = u8_casefold((const uint8_t *)in->data, in->size, NULL, UNINORM_NFKC,
                                  (uint8_t *)out->data, &got);

    take(out, result, got);
}

static void skeleton(const USpoofChecker *checker, const struct text *in, struct text *out)
{
    UErrorCode status = U_ZERO_ERROR;
    const int32_t got = uspoof_getSkeletonUTF8(checker, 0, in->data, (int32_t)in->size, out->data,
                                               LONGEST + 1, &status);

    BUG_ON(U_FAILURE(status) || got < 0 || got > LONGEST);
    out->size = (size_t)got;
}

static void keep(const struct text *from, char out[FOLD_BYTES + 1])
{
    const size_t size = from->size < FOLD_BYTES ? from->size : FOLD_BYTES;

    memcpy(out, from->data, size);
    out[size] = '\0';
}

void fold_name(const char *name, struct fold *out)
{
    UErrorCode status = U_ZERO_ERROR;
    USpoofChecker *checker = uspoof_open(&status); /* cheap: its tables are loaded once */
    struct text composed, a, b;

    BUG_ON(U_FAILURE(status));
    compose(name, strlen(name), &composed);
    fold_case(&composed, &a);
    skeleton(checker, &a, &b);
    keep(&b, out->one);
    skeleton(checker, &composed, &a);
    fold_case(&a, &b);
    keep(&b, out->two);
    uspoof_close(checker);
}

const char *fold_version(void)
{
    return U_ICU_VERSION;
}

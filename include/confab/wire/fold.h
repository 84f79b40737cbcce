/* Names that look alike. A name is turned into two keys, and two names clash when they share
 * one: so nobody can pass for somebody by case, width or the letters of another script.
 *
 *   one   skeleton(casefold(NFKC(name)))   Alice, ALICE, full width, a Cyrillic "а"
 *   two   casefold(skeleton(NFKC(name)))   Iarry and larry: the capital is like the small letter
 *                                          only before its case is folded
 *
 * Skeletons: Unicode Technical Standard 39, section 4. NFKC and case: Unicode Standard Annex 15
 * and The Unicode Standard, section 3.13. */
#ifndef CONFAB_WIRE_FOLD_H
#define CONFAB_WIRE_FOLD_H

#include "confab/wire/rules.h"

/* Longer ones are cut: such names clash a little more often. Those are names of ligatures that
 * stand for whole phrases. */
enum { FOLD_BYTES = 255 };

struct fold {
    char one[FOLD_BYTES + 1], two[FOLD_BYTES + 1]; /* never empty; may be equal */
};

/* name has passed rules_name(). Any thread; needs 20 KiB of stack. */
void fold_name(const char *name, struct fold *out);

/* Whose tables made the folds ("72.1"): another version may fold otherwise. */
const char *fold_version(void);

#endif

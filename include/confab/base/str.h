/* A growing byte string for building text. One thread at a time. */
#ifndef CONFAB_BASE_STR_H
#define CONFAB_BASE_STR_H

#include "confab/base/base.h"

struct str {
    char *data; /* always NUL-terminated once something was added; NULL when empty */
    size_t size, capacity;
};

#define STR_INIT                                                                                   \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }

void str_fini(struct str *s);
void str_reset(struct str *s); /* empties, keeps the memory */
void str_add(struct str *s, const void *bytes, size_t size);
void str_addz(struct str *s, const char *text);
void str_addc(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void str_addu(struct str *s, uint64_t n); /* decimal */
char *str_detach(struct str *s);          /* returns new: the caller frees; s is empty again */

#endif

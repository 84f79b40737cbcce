/* A growing byte string for building text. One thread at a time. */
#ifndef CONFAB_BASE_STR_H
#define CONFAB_BASE_STR_H

#include "confab/base/base.h"

#include <string.h>

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
void str_addf(struct str *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void str_addu(struct str *s, uint64_t n);  /* decimal */
char *str_detach(struct str *s);           /* returns new: the caller frees; s is empty again */
void str_grow(struct str *s, size_t more); /* str_reserve() when there is no room */

/* Cuts a line of a table into its words, where it gets NULs. Returns how many, `most` at most. */
size_t text_words(char *line, char *words[], size_t most);

/* Copies text, cut to fit, with its NUL. */
static inline void text_copy(char *out, size_t size, const char *text)
{
    size_t length = strlen(text);
    if (length >= size)
        length = size - 1;
    memcpy(out, text, length);
    out[length] = '\0';
}

/* Room for `more` bytes and a NUL behind what is there. */
static inline void str_reserve(struct str *s, size_t more)
{
    if (more >= s->capacity - s->size)
        str_grow(s, more);
}

/* Inline, since most additions are a few bytes for which there is room, and of a size that the
 * compiler knows. */
static inline void str_add(struct str *s, const void *bytes, size_t size)
{
    str_reserve(s, size);
    if (size != 0) /* nothing may be NULL, which memcpy must not see */
        memcpy(s->data + s->size, bytes, size);
    s->size += size;
    s->data[s->size] = '\0';
}

static inline void str_addz(struct str *s, const char *text)
{
    str_add(s, text, strlen(text));
}

static inline void str_addc(struct str *s, char c)
{
    str_add(s, &c, 1);
}

#endif

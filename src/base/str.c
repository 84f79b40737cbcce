#include "confab/base/str.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    FIRST_CAPACITY = 64,
    MOST_DIGITS = 20, /* of 2^64 - 1 */
};

void str_grow(struct str *s, size_t more)
{
    BUG_ON(more >= SIZE_MAX / 2 - s->size);
    const size_t needed = s->size + more + 1;
    size_t capacity = s->capacity != 0 ? s->capacity : FIRST_CAPACITY;
    while (capacity < needed)
        capacity *= 2;
    s->data = xrealloc(s->data, capacity);
    s->capacity = capacity;
}

void str_fini(struct str *s)
{
    free(s->data);
    *s = (struct str)STR_INIT;
}

void str_reset(struct str *s)
{
    s->size = 0;
    if (s->data != NULL)
        s->data[0] = '\0';
}

void str_addf(struct str *s, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int size = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    BUG_ON(size < 0);
    str_reserve(s, (size_t)size);
    vsnprintf(s->data + s->size, (size_t)size + 1, fmt, again);
    va_end(again);
    s->size += (size_t)size;
}

void str_addu(struct str *s, uint64_t n)
{
    size_t digits = 1;
    for (uint64_t limit = 10; n >= limit && digits < MOST_DIGITS; limit *= 10)
        digits++;
    str_reserve(s, digits);
    s->size += digits;
    char *at = s->data + s->size;
    *at = '\0';
    do {
        *--at = (char)('0' + n % 10);
        n /= 10;
    } while (n != 0);
}

char *str_detach(struct str *s)
{
    str_reserve(s, 0);
    char *data = s->data;
    data[s->size] = '\0';
    *s = (struct str)STR_INIT;
    return data;
}

size_t text_words(char *line, char *words[], size_t most)
{
    char *word;
    size_t count = 0;
    while (count < most && (word = strsep(&line, " \t\n")) != NULL) {
        if (*word != '\0')
            words[count++] = word;
    }
    return count;
}

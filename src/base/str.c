#include "confab/base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

/* Room for `more` bytes and a NUL behind what is there. */
static void reserve(struct str *s, size_t more)
{
    BUG_ON(more >= SIZE_MAX / 2 - s->size);
    const size_t needed = s->size + more + 1;
    if (needed <= s->capacity)
        return;
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

void str_add(struct str *s, const void *bytes, size_t size)
{
    reserve(s, size);
    if (size != 0)
        memcpy(s->data + s->size, bytes, size);
    s->size += size;
    s->data[s->size] = '\0';
}

void str_addz(struct str *s, const char *text)
{
    str_add(s, text, strlen(text));
}

void str_addc(struct str *s, char c)
{
    str_add(s, &c, 1);
}

void str_addf(struct str *s, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int size = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    BUG_ON(size < 0);
    reserve(s, (size_t)size);
    vsnprintf(s->data + s->size, (size_t)size + 1, fmt, again);
    va_end(again);
    s->size += (size_t)size;
}

void str_addu(struct str *s, uint64_t n)
{
    char digits[20]; /* of 2^64 - 1 */
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n != 0);
    str_add(s, digits + at, sizeof(digits) - at);
}

char *str_detach(struct str *s)
{
    reserve(s, 0);
    char *data = s->data;
    data[s->size] = '\0';
    *s = (struct str)STR_INIT;
    return data;
}

#include "confab/base/base.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* No allocation on the way out: log_line() needs none. */
static NORETURN void out_of_memory(size_t size)
{
    log_error("out_of_memory", "bytes=%zu", size);
    _exit(EXIT_FAILURE);
}

/* malloc(0) may answer NULL, which is not a failure: ask for one byte instead. */
static size_t at_least_one(size_t size)
{
    return size == 0 ? 1 : size;
}

void *xmalloc(size_t size)
{
    void *p = malloc(at_least_one(size));
    if (p == NULL)
        out_of_memory(size);
    return p;
}

void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(at_least_one(n), at_least_one(size));
    if (p == NULL)
        out_of_memory(size); /* n * size may not fit in a number */
    return p;
}

void *xrealloc(void *p, size_t size)
{
    void *grown = realloc(p, at_least_one(size));
    if (grown == NULL)
        out_of_memory(size);
    return grown;
}

char *xstrdup(const char *s)
{
    return xmemdupz(s, strlen(s));
}

char *xmemdupz(const void *p, size_t size)
{
    char *copy = xmalloc(size + 1);
    if (size != 0)
        memcpy(copy, p, size);
    copy[size] = '\0';
    return copy;
}

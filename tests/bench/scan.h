/* Looks things up in JSON that a server wrote, without parsing it: the keys are known, and no
 * client of this program puts one of them into its content. */
#ifndef CONFAB_BENCH_SCAN_H
#define CONFAB_BENCH_SCAN_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text behind `key`, or NULL. */
static inline const char *scan(const char *json, size_t size, const char *key)
{
    const char *at = memmem(json, size, key, strlen(key));
    return at ? at + strlen(key) : NULL;
}

/* 0 when there is none. A byte that is no digit must follow the JSON, as with the next one. */
static inline uint64_t scan_number(const char *json, size_t size, const char *key)
{
    const char *at = scan(json, size, key);
    return at ? strtoull(at, NULL, 10) : 0;
}

/* Up to the next quote; empty when there is no such key. */
static inline void scan_text(const char *json, size_t size, const char *key, char *out,
                             size_t out_size)
{
    const char *at = scan(json, size, key);
    size_t left = at ? size - (size_t)(at - json) : 0;
    const char *end = left ? memchr(at, '"', left) : NULL;
    (void)snprintf(out, out_size, "%.*s", end ? (int)(end - at) : 0, end ? at : "");
}

#endif

/* Eight bytes at a time. */
#ifndef WIRE_WORD_H
#define WIRE_WORD_H

#include <stdint.h>
#include <string.h>

enum { WORD = sizeof(uint64_t) };

static inline uint64_t word_load(const char *text)
{
    uint64_t word;

    memcpy(&word, text, sizeof word);
    return word;
}

/* c in every byte */
static inline uint64_t word_of(unsigned char c)
{
    return UINT64_MAX / 255 * c;
}

/* The highest bit of each byte that is less than n (1 … 0x80); 0 when none is. With one there may
 * be some too many. Sean Anderson, Bit Twiddling Hacks, "Determine if a word has a byte less
 * than n". */
static inline uint64_t word_less(uint64_t word, unsigned char n)
{
    return (word - word_of(n)) & ~word & word_of(0x80);
}

/* As word_less(), of each byte that is c. */
static inline uint64_t word_equal(uint64_t word, unsigned char c)
{
    return word_less(word ^ word_of(c), 1);
}

#endif

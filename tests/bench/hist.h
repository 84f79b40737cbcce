/* A latency histogram with logarithmic buckets, after HdrHistogram: 64 buckets for each power
 * of two, so a value is known to 1.6 % from a microsecond to more than an hour. */
#ifndef CONFAB_BENCH_HIST_H
#define CONFAB_BENCH_HIST_H

#include <stdint.h>

enum {
    HIST_SUB_BITS = 6,
    HIST_SUB = 1 << HIST_SUB_BITS,
    HIST_BITS = 32, /* larger values count as the largest */
    HIST_BUCKETS = (HIST_BITS - HIST_SUB_BITS + 1) * HIST_SUB,
};

struct hist {
    uint64_t count, max;
    uint64_t buckets[HIST_BUCKETS];
};

static inline unsigned hist_bucket(uint64_t v)
{
    if (v < HIST_SUB)
        return (unsigned)v;
    if (v >> HIST_BITS)
        return HIST_BUCKETS - 1;
    unsigned shift = 63u - (unsigned)__builtin_clzll(v) - HIST_SUB_BITS;
    return (shift + 1) * HIST_SUB + (unsigned)(v >> shift) - HIST_SUB;
}

/* A negative value counts as 0. */
static inline void hist_add(struct hist *h, int64_t value)
{
    uint64_t v = value < 0 ? 0 : (uint64_t)value;
    h->buckets[hist_bucket(v)]++;
    h->count++;
    if (v > h->max)
        h->max = v;
}

/* The upper edge of the bucket that holds quantile q (0 … 1), never above the maximum;
 * 0 when nothing was added. */
uint64_t hist_quantile(const struct hist *h, double q);

#endif

#include "confab/base/stats.h"

#include "confab/base/base.h"

/* Bits that `us` needs: 0 → 0, 1 → 1, 2 … 3 → 2; the last bucket holds all that is longer. */
static unsigned bucket_of(int64_t us)
{
    if (us <= 0)
        return 0;
    const unsigned bits = 64 - (unsigned)__builtin_clzll((unsigned long long)us);
    return bits < STATS_LAG_BUCKETS ? bits : STATS_LAG_BUCKETS - 1;
}

void stats_lag_add(struct stats *s, enum stats_lag lag, int64_t us)
{
    atomic_fetch_add_explicit(&s->lags[lag][bucket_of(us)], 1, memory_order_relaxed);
}

int64_t stats_lag_us(const struct stats *s, enum stats_lag lag, double q)
{
    uint64_t counts[STATS_LAG_BUCKETS], total = 0;
    for (unsigned i = 0; i < STATS_LAG_BUCKETS; i++) {
        counts[i] = atomic_load_explicit(&s->lags[lag][i], memory_order_relaxed);
        total += counts[i];
    }
    uint64_t seen = 0;
    for (unsigned i = 0; i < STATS_LAG_BUCKETS; i++) {
        seen += counts[i];
        if (seen > 0 && (double)seen >= q * (double)total)
            return INT64_C(1) << i;
    }
    return 0;
}

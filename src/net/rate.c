#include "rate.h"

enum { SECOND_NS = 1000000000 };

void rate_init(struct rate *r, int64_t per_s)
{
    *r = (struct rate){ .token_ns = per_s ? SECOND_NS / per_s : 0 };
}

/* What is missing in the bucket is kept as time: the moment at which it is full again. */
int64_t rate_take(struct rate *r, int64_t now_us)
{
    const int64_t now_ns = now_us * 1000;
    r->full_ns = (r->full_ns > now_ns ? r->full_ns : now_ns) + r->token_ns;
    const int64_t wait_ns = r->full_ns + r->token_ns - now_ns - SECOND_NS;
    return wait_ns > 0 ? (wait_ns + 999) / 1000 : 0;
}

/* A token bucket: a number of tokens per second, and at most those of one second. Whoever uses it
 * brings the clock. One thread. */
#ifndef NET_RATE_H
#define NET_RATE_H

#include <stdint.h>

struct rate {
    int64_t token_ns; /* between two tokens; 0: no limit */
    int64_t full_ns;  /* when the bucket is, or was, full */
};

/* Full at the start. per_s: 0 turns the limit off. */
void rate_init(struct rate *r, int64_t per_s);
/* Takes a token, which has to be there: at the start, and then once the time that the last call
 * returned has passed. Returns how long until the next one, in microseconds; 0: it is there. */
int64_t rate_take(struct rate *r, int64_t now_us);

#endif

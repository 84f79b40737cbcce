#include "confab/base/base.h"

#include <errno.h>
#include <sys/random.h>

void random_bytes(void *out, size_t size)
{
    unsigned char *at = out;
    while (size > 0) {
        const ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        BUG_ON(got <= 0);
        at += got;
        size -= (size_t)got;
    }
}

static const char digits[] = "0123456789abcdef";

void hex_u64(char out[17], uint64_t n)
{
    for (int i = 16; i-- > 0; n >>= 4)
        out[i] = digits[n & 15];
    out[16] = '\0';
}

void hex_random(char *out, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        unsigned char chunk[32];
        const size_t size = bytes - done < sizeof(chunk) ? bytes - done : sizeof(chunk);
        random_bytes(chunk, size);
        for (size_t i = 0; i < size; i++, done++) {
            out[done * 2] = digits[chunk[i] >> 4];
            out[done * 2 + 1] = digits[chunk[i] & 15];
        }
    }
    out[bytes * 2] = '\0';
}

uint32_t random_below(uint32_t limit)
{
    if (limit == 0)
        return 0;
    /* 2^32 mod limit: numbers below it would make the first results more likely. */
    const uint32_t uneven = -limit % limit;
    uint32_t n;
    do {
        random_bytes(&n, sizeof(n));
    } while (n < uneven);
    return n % limit;
}

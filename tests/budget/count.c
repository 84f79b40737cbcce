#include "count.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

bool count_is_on;

void count_init(void)
{
    json_object_seed(1); /* jansson's hash tables: a random seed lets names collide or not */
}

void count_begin(void)
{
    heap_allocations = 0;
    CALLGRIND_ZERO_STATS;
}

void count_end(const char *name, uint64_t operations)
{
    CALLGRIND_DUMP_STATS_AT(name);
    printf("%s %" PRIu64 " %" PRIu64 "\n", name, operations, heap_allocations);
}

/* ---- what is found here before libc's own, as in heap.c ---- */

static int64_t now_ms = 1000000; /* of all clocks: any time but 0, which means "never" */

int clock_gettime(clockid_t clock_id, struct timespec *tp)
{
    (void)clock_id;
    *tp = (struct timespec){ .tv_sec = now_ms / 1000, .tv_nsec = now_ms % 1000 * 1000000 };
    return 0;
}

void clock_forward(int64_t ms)
{
    now_ms += ms;
}

ssize_t getrandom(void *buffer, size_t length, unsigned flags)
{
    static unsigned char next;
    (void)flags;
    for (size_t i = 0; i < length; i++)
        ((unsigned char *)buffer)[i] = next += 7;
    return (ssize_t)length;
}

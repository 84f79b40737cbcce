#include "cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HASH_DIGITS = 16,
    TIME_DIGITS = 12,
    NEXT_DIGITS = 4,
    DIGITS = HASH_DIGITS + 2 * TIME_DIGITS + NEXT_DIGITS,
};

static const int64_t TIME_MOST_MS = (INT64_C(1) << 4 * TIME_DIGITS) - 1;

static uint64_t hash_add(uint64_t hash, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) /* FNV-1a, RFC 9923 section 2 */
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Of what the asker chose. One stream is a choice; many are what may be read, which changes. */
static uint64_t hash_of(const struct search_query *q)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    hash = hash_add(hash, q->q, strlen(q->q) + 1);
    if (q->user != NULL)
        hash = hash_add(hash, q->user, strlen(q->user));
    hash = hash_add(hash, &q->since_ms, sizeof q->since_ms);
    hash = hash_add(hash, &q->until_ms, sizeof q->until_ms);
    if (q->stream_count == 1)
        hash = hash_add(hash, q->streams[0], strlen(q->streams[0]));
    return hash;
}

static uint64_t digits(const char **text, int count)
{
    char part[HASH_DIGITS + 1];

    snprintf(part, sizeof part, "%.*s", count, *text);
    *text += count;
    return strtoull(part, NULL, 16);
}

static bool go_on(struct cursor *c, const char *text)
{
    if (strlen(text) != DIGITS || strspn(text, "0123456789abcdef") != DIGITS)
        return false;
    const uint64_t search = digits(&text, HASH_DIGITS);
    const int64_t since_ms = (int64_t)digits(&text, TIME_DIGITS);
    const int64_t until_ms = (int64_t)digits(&text, TIME_DIGITS);
    c->next = digits(&text, NEXT_DIGITS);
    if (since_ms > c->since_ms)
        c->since_ms = since_ms;
    if (until_ms < c->until_ms)
        c->until_ms = until_ms;
    return search == c->search;
}

bool cursor_init(struct cursor *c, const struct search_query *q)
{
    *c = (struct cursor){ .search = hash_of(q),
                          .since_ms = q->since_ms > 0 ? q->since_ms : 0,
                          .until_ms = TIME_MOST_MS };
    if (q->until_ms > 0 && q->until_ms < TIME_MOST_MS)
        c->until_ms = q->until_ms;
    return q->cursor == NULL || *q->cursor == '\0' || go_on(c, q->cursor);
}

void cursor_write(const struct cursor *c, char out[SINK_CURSOR_BYTES + 1])
{
    snprintf(out, SINK_CURSOR_BYTES + 1, "%0*" PRIx64 "%0*" PRIx64 "%0*" PRIx64 "%0*" PRIx64,
             HASH_DIGITS, c->search, TIME_DIGITS, (uint64_t)c->since_ms, TIME_DIGITS,
             (uint64_t)c->until_ms, NEXT_DIGITS, c->next);
}

#include "cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HASH_DIGITS = 12,
    TIME_DIGITS = 12,
    ID_DIGITS = 16,
    NEXT_DIGITS = 4,
    DIGITS_MOST = 16, /* of a number */
    TIME_CURSOR = 1 + HASH_DIGITS + 2 * TIME_DIGITS + NEXT_DIGITS,
    ID_CURSOR = 1 + HASH_DIGITS + TIME_DIGITS + 2 * ID_DIGITS + NEXT_DIGITS,
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
    return hash >> (64 - 4 * HASH_DIGITS);
}

static uint64_t digits(const char **text, int count)
{
    char part[DIGITS_MOST + 1];

    snprintf(part, sizeof part, "%.*s", count, *text);
    *text += count;
    return strtoull(part, NULL, 16);
}

/* "t": a window of time, "i": one of ids. */
static bool go_on(struct cursor *c, const char *text)
{
    const size_t size = strlen(text);
    const bool has_ids = *text == 'i';

    if (size == 0 || strspn(text + 1, "0123456789abcdef") != size - 1)
        return false;
    if (!(has_ids && size == ID_CURSOR) && !(*text == 't' && size == TIME_CURSOR))
        return false;
    text++;
    const uint64_t search = digits(&text, HASH_DIGITS);
    const int64_t until_ms = (int64_t)digits(&text, TIME_DIGITS);
    const int64_t since_ms = has_ids ? 0 : (int64_t)digits(&text, TIME_DIGITS);
    c->low = has_ids ? (int64_t)digits(&text, ID_DIGITS) : 0;
    c->high = has_ids ? (int64_t)digits(&text, ID_DIGITS) : 0;
    c->next = digits(&text, NEXT_DIGITS);
    if (since_ms > c->since_ms)
        c->since_ms = since_ms;
    if (until_ms < c->until_ms)
        c->until_ms = until_ms;
    c->goes_on = true;
    return search == c->search && c->low >= 0 && c->high >= 0;
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
    const bool has_ids = c->high != 0;

    int size =
        snprintf(out, SINK_CURSOR_BYTES + 1, "%c%0*" PRIx64 "%0*" PRIx64, has_ids ? 'i' : 't',
                 HASH_DIGITS, c->search, TIME_DIGITS, (uint64_t)c->until_ms);
    if (has_ids)
        size +=
            snprintf(out + size, SINK_CURSOR_BYTES + 1 - (size_t)size, "%0*" PRIx64 "%0*" PRIx64,
                     ID_DIGITS, (uint64_t)c->low, ID_DIGITS, (uint64_t)c->high);
    else
        size += snprintf(out + size, SINK_CURSOR_BYTES + 1 - (size_t)size, "%0*" PRIx64,
                         TIME_DIGITS, (uint64_t)c->since_ms);
    snprintf(out + size, SINK_CURSOR_BYTES + 1 - (size_t)size, "%0*" PRIx64, NEXT_DIGITS, c->next);
}

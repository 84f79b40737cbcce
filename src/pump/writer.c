/* The writer pump: what waits for a client becomes one piece for one send. A send costs 5 to
 * 8 µs on loopback whatever it carries, so nothing else about a delivery matters as much. */
#include "confab/pump/client.h"

#include "pumps.h"

#include <string.h>

void join_cache_clear(struct join_cache *cache)
{
    if (!cache->joined)
        return;
    for (size_t i = 0; i < cache->count; i++)
        batch_unref(cache->items[i]);
    batch_unref(cache->joined);
    cache->joined = NULL;
}

/* Takes the items' references. */
static struct batch *join(struct batch **items, size_t count, struct join_cache *cache)
{
    struct batch *joined;
    const bool hit = cache && cache->joined && cache->count == count &&
                     memcmp(cache->items, items, count * sizeof(struct batch *)) == 0;
    if (hit) {
        joined = batch_ref(cache->joined);
    } else {
        joined = batch_join(items, count);
        if (cache) { /* keeps the items, so that their addresses are not used again */
            join_cache_clear(cache);
            memcpy(cache->items, items, count * sizeof(struct batch *));
            cache->count = count;
            cache->joined = batch_ref(joined);
            return joined;
        }
    }
    for (size_t i = 0; i < count; i++)
        batch_unref(items[i]);
    return joined;
}

struct batch *writer_step(struct client *c, struct join_cache *cache)
{
    struct batch *items[WRITE_ITEMS];
    client_lock(c);
    const size_t n = outbox_take(&c->outbox, items, WRITE_ITEMS, WRITE_BYTES);
    client_unlock(c);
    if (n <= 1)
        return n ? items[0] : NULL;
    return join(items, n, cache);
}

/* The last line against silence. A hole in a room's numbers shows itself with the next message;
 * when the bus loses the last message of a conversation there is no next one. So every room is
 * compared with Redis, every COMPARE_MS.
 *
 * The reply comes by one connection, messages by another, so in a busy room Redis is always a
 * little ahead. A room is behind only when the bus has not brought within a whole period what
 * Redis had at the last comparison. */
#include "state.h"

#include <stdlib.h>
#include <string.h>

/* The rooms of one call. */
struct comparison {
    struct hub *hub;
    size_t count;
    struct room *rooms[STORE_TOPS_MOST]; /* a reference to each */
};

static void comparison_free(struct comparison *c) REQUIRES(on_hub)
{
    c->hub->comparisons--;
    for (size_t i = 0; i < c->count; i++)
        room_unref(c->rooms[i]);
    free(c);
}

static bool is_behind(struct room *r, const struct store_top *redis) REQUIRES(on_hub)
{
    bool other = strcmp(redis->epoch, r->epoch) != 0;
    bool behind = other ? r->compared_other : r->top < r->compared_top;
    r->compared_other = other && !behind;
    r->compared_top = other || behind ? 0 : (uint64_t)redis->seq;
    return behind;
}

static void compared(void *arg, enum store_status status, const struct store_top *tops)
{
    role_assume(&on_hub);
    struct comparison *c = arg;
    for (size_t i = 0; status == STORE_OK && i < c->count; i++) {
        struct room *r = c->rooms[i];
        if (r->closed || r->state != ROOM_LIVE || tops[i].seq < 0 || !is_behind(r, &tops[i]))
            continue;
        stat_add(c->hub->stats, rooms_behind, 1);
        log_warn("behind", "room=%s epoch=%s top=%llu", r->name, r->epoch,
                 (unsigned long long)r->top);
        r->state = ROOM_LOADING;
        stream_load(r);
    }
    comparison_free(c);
}

static void ask(struct comparison *c) REQUIRES(on_hub)
{
    const char *names[STORE_TOPS_MOST];
    for (size_t i = 0; i < c->count; i++)
        names[i] = c->rooms[i]->name;
    c->hub->comparisons++;
    if (store_tops(c->hub->store, names, c->count, compared, c) != 0)
        comparison_free(c); /* Redis is away: the rooms will be loaded when it is back */
}

static struct comparison *comparison_new(struct hub *h) REQUIRES(on_hub)
{
    struct comparison *c = xmalloc(sizeof *c);
    c->hub = h;
    c->count = 0;
    return c;
}

void compare_rooms(struct hub *h)
{
    if (h->comparisons || h->paused) /* Redis is slow; or the bus is not read on purpose */
        return;
    struct comparison *c = NULL;
    struct room *r, *next;
    HASH_ITER(hh, h->rooms, r, next)
    {
        if (r->state != ROOM_LIVE)
            continue;
        if (!c)
            c = comparison_new(h);
        room_ref(r);
        c->rooms[c->count++] = r;
        if (c->count == STORE_TOPS_MOST) {
            ask(c);
            c = NULL;
        }
    }
    if (c)
        ask(c);
}

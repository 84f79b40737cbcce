/* Where the store's Redis is: at a fixed address, or where the sentinels say that the master is.
 * Both links go to the same one: they share the answer, and a new answer ends both. */
#include "sentinel.h"
#include "state.h"

#include <stdlib.h>

static void leave(struct store *s, const char *why) REQUIRES(on_hub);
static void leave(struct store *s, const char *why)
{
    struct link *const links[] = { &s->link, &s->bus };
    for (int i = 0; i < 2; i++)
        if (links[i]->phase != LINK_LOCATING)
            link_drop(links[i], why);
}

static void log_master(const struct address *master)
{
    char where[280], quoted[300];
    address_text(master, where, sizeof(where));
    log_info("redis_master", "addr=%s", log_quote(quoted, sizeof(quoted), where));
}

static void on_found(void *arg)
{
    role_assume(&on_hub);
    struct store *s = arg;
    const struct address *master = &s->sentinel->master;
    s->unwatched = false;
    if (!address_equal(master, &s->address)) {
        leave(s, "the master has moved");
        address_fini(&s->address);
        address_init_host(&s->address, master->host, master->port);
        log_master(master);
    }
    struct link *const links[] = { &s->link, &s->bus };
    for (int i = 0; i < 2; i++)
        if (links[i]->phase == LINK_LOCATING)
            link_connect(links[i], &s->address, true);
}

static void on_failed(void *arg)
{
    role_assume(&on_hub);
    struct store *s = arg;
    struct link *const links[] = { &s->link, &s->bus };
    for (int i = 0; i < 2; i++)
        if (links[i]->phase == LINK_LOCATING)
            link_drop(links[i], s->sentinel->error);
    if (!link_is_up(&s->link) || s->unwatched)
        return; /* else the links say it */
    s->unwatched = true;
    char why[256];
    log_warn("redis_unwatched", "error=%s hint=\"Redis works; its next failover is seen late\"",
             log_quote(why, sizeof(why), s->sentinel->error));
}

void place_init(struct store *s, const char *addr)
{
    if (*s->settings->redis_sentinels == '\0') {
        address_init(&s->address, addr);
        return;
    }
    struct sentinel_owner self = { s, on_found, on_failed };
    s->sentinel = xmalloc(sizeof(*s->sentinel));
    sentinel_init(s->sentinel, s->base, s->settings, &self);
}

void place_fini(struct store *s)
{
    if (s->sentinel)
        sentinel_fini(s->sentinel);
    free(s->sentinel);
    address_fini(&s->address);
}

void place_locate(struct store *s, struct link *l)
{
    if (s->sentinel)
        sentinel_ask(s->sentinel);
    else
        link_connect(l, &s->address, false);
}

const char *place_text(const struct store *s, char *out, size_t size)
{
    if (s->address.host || s->address.path)
        return address_text(&s->address, out, size);
    snprintf(out, size, "%s", s->settings->redis_master_name); /* not known yet */
    return out;
}

enum store_state place_state(const struct store *s)
{
    if (!s->sentinel || s->sentinel->trouble == SENTINEL_FINE)
        return STORE_STATE_CONNECTING;
    return s->sentinel->trouble == SENTINEL_NO_MASTER ? STORE_STATE_NO_MASTER
                                                      : STORE_STATE_NO_SENTINEL;
}

bool place_demoted(struct store *s, const char *error)
{
    if (!s->sentinel || !error_is_replica(error))
        return false;
    leave(s, "it is a replica now");
    return true;
}

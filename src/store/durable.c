/* Would this Redis keep what it is given? One without a file on disk forgets everything when it
 * restarts, and one that makes room by throwing keys away may forget accounts and the rules of
 * rooms at any time. Both work, so this is said and not refused: in the log when it changes, in
 * health and in stats. Looked at with each connection and once a minute. */
#include "info.h"
#include "state.h"

#include <stdlib.h>
#include <string.h>

enum { EVERY_TICKS = 60 };

static const char *const texts[] = {
    [STORE_DURABLE_UNKNOWN] = "Redis does not tell whether it keeps its data on disk",
    [STORE_DURABLE_YES] = "Redis keeps its data",
    [STORE_DURABLE_VOLATILE] = "Redis keeps nothing on disk: set appendonly yes",
    [STORE_DURABLE_EVICTS] =
        "Redis drops keys when its memory is full: set maxmemory-policy noeviction",
};

const char *store_durable_text(enum store_durable durable)
{
    return texts[durable];
}

static void judge(struct store *s, enum store_durable now) REQUIRES(on_hub);
static void judge(struct store *s, enum store_durable now)
{
    const enum store_durable was = s->durable;
    s->durable = now;
    stat_set(s->stats, redis_durable, now);
    if (now == was)
        return;
    if (now == STORE_DURABLE_VOLATILE || now == STORE_DURABLE_EVICTS)
        log_warn("redis_not_durable", "reason=\"%s\"", texts[now]);
    else if (was != STORE_DURABLE_UNKNOWN)
        log_info("redis_durable", "reason=\"%s\"", texts[now]);
}

static void on_memory(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    role_assume(&on_hub);
    struct store *s = arg;
    const redisReply *r = reply;
    char most[32], policy[32];
    if (!r || r->type != REDIS_REPLY_STRING)
        return;
    info_value(r->str, "maxmemory", most, sizeof(most));
    info_value(r->str, "maxmemory_policy", policy, sizeof(policy));
    s->evicts = strtoull(most, NULL, 10) > 0 && policy[0] && strcmp(policy, "noeviction") != 0;
}

static void on_persistence(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    role_assume(&on_hub);
    struct store *s = arg;
    const redisReply *r = reply;
    char value[8];
    if (!r || r->type != REDIS_REPLY_STRING)
        return;
    info_value(r->str, "aof_enabled", value, sizeof(value));
    s->appends = value[0] == '1';
}

/* The last of the three answers. An access list may forbid CONFIG, as those who rent Redis out
 * do: then only the append-only file is known of. */
static void on_save(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    role_assume(&on_hub);
    struct store *s = arg;
    const redisReply *r = reply;
    if (!r)
        return;
    const bool told = r->type == REDIS_REPLY_ARRAY && r->elements == 2 &&
                      r->element[1]->type == REDIS_REPLY_STRING;
    const bool saves = told && r->element[1]->len > 0;
    judge(s, s->evicts             ? STORE_DURABLE_EVICTS
             : s->appends || saves ? STORE_DURABLE_YES
             : told                ? STORE_DURABLE_VOLATILE
                                   : STORE_DURABLE_UNKNOWN);
}

void durable_look(struct store *s)
{
    static const char *const memory[] = { "INFO", "memory", NULL };
    static const char *const persistence[] = { "INFO", "persistence", NULL };
    static const char *const save[] = { "CONFIG", "GET", "save", NULL };
    if (link_command(&s->link, on_memory, s, memory) != 0 ||
        link_command(&s->link, on_persistence, s, persistence) != 0 ||
        link_command(&s->link, on_save, s, save) != 0)
        return; /* the connection is gone; the next one looks again */
}

void durable_tick(struct store *s)
{
    if (s->tick % EVERY_TICKS == 0 && link_is_up(&s->link))
        durable_look(s);
}

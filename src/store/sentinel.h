/* Who is the master? Redis Sentinel knows: https://redis.io/docs/reference/sentinel-clients.
 *
 *   IDLE ─sentinel_ask()→ ASKING one after the other ─an address→ WATCHING
 *    ↑                      ↑ │ none has one: failed()                │ │
 *    └─────────── a while ──┼─┴──────────────── lost ─────────────────┘ │
 *                           └───────── event, sentinel_ask(), time to renew
 *
 * One connection: it asks for the address and subscribes in one go, so that no move falls between
 * the two, and stays until the next question. An event only makes it ask: events may be missed,
 * answers not. +promoted-slave comes from the one Sentinel that leads a failover, at the moment
 * when its answer becomes the new address; +switch-master from each of them, when it is all over,
 * and until then the old master takes writes that will be lost. Hub thread only. */
#ifndef CONFAB_STORE_SENTINEL_H
#define CONFAB_STORE_SENTINEL_H

#include "confab/base/settings.h"
#include "connection.h"

enum {
    SENTINEL_ANSWER_MS = 500,  /* most time for one sentinel, from its name to its answer */
    SENTINEL_RETRY_MS = 1000,  /* until it asks by itself again when nobody has an answer */
    SENTINEL_RENEW_MS = 10000, /* a watch can be dead while TCP looks alive */
};

/* Why there is no address; of several sentinels' reasons the greatest is told. */
enum sentinel_trouble {
    SENTINEL_FINE,
    SENTINEL_SILENT,    /* none answers */
    SENTINEL_DENIES,    /* REDIS_SENTINEL_PASSWORD is missing or wrong */
    SENTINEL_NO_MASTER, /* none knows REDIS_MASTER_NAME */
};

enum sentinel_phase { SENTINEL_IDLE, SENTINEL_ASKING, SENTINEL_WATCHING };

struct sentinel_owner {
    void *arg;
    void (*found)(void *arg);  /* `master` holds, perhaps what it was before */
    void (*failed)(void *arg); /* see trouble and error */
};

struct sentinel {
    const struct settings *settings;
    struct sentinel_owner owner;
    struct address *list;
    size_t count;
    size_t first;  /* in list: who answered last is asked first */
    size_t tried;  /* of this question */
    unsigned turn; /* of their names' addresses: another one after each failed question */
    enum sentinel_phase phase;
    struct connection connection;
    struct event *timer;
    struct address master;         /* no host: not known yet */
    enum sentinel_trouble trouble; /* of the last question that came to an end */
    char error[400];
    enum sentinel_trouble worst; /* of this question so far */
    char worst_error[400];
};

void sentinel_init(struct sentinel *s, struct event_base *base, const struct settings *settings,
                   const struct sentinel_owner *owner) REQUIRES(on_hub);
void sentinel_fini(struct sentinel *s) REQUIRES(on_hub); /* the owner's functions are not called */
/* found() or failed() follows, not from within. While a question is under way its answer is
 * this one's too. */
void sentinel_ask(struct sentinel *s) REQUIRES(on_hub);

/* What SENTINEL get-master-addr-by-name answered. 0 with *out to be given to address_fini();
 * -ENOENT: it does not know this master; -EACCES: it wants a password; -EPROTO: anything else.
 * Any thread. */
int sentinel_read(const redisReply *reply, struct address *out);

#endif

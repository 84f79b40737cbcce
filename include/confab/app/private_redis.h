/* confab's own redis-server, for when there is no REDIS_ADDR: one per DATA_DIR, shared by all
 * instances that run with that folder, whoever started it. main only.
 *
 * Two locks (flock(2)) in DATA_DIR carry the whole protocol; the kernel lets go of them when a
 * process dies, however it dies.
 *
 *   redis.lock      held by the redis-server itself: it inherits the locked descriptor of
 *                   whoever starts it. Who can take it knows that no server runs, and may start
 *                   one with it; so there are never two servers on one folder, and every
 *                   instance supervises.
 *   instances.lock  shared by the instances. A leaver that can take it exclusively was the last
 *                   one and stops the server; who comes meanwhile waits for the shared lock. */
#ifndef CONFAB_APP_PRIVATE_REDIS_H
#define CONFAB_APP_PRIVATE_REDIS_H

#include "confab/base/base.h"
#include "confab/base/roles.h"
#include "confab/base/settings.h"

#include <limits.h>
#include <sys/types.h>

enum { PRIVATE_REDIS_TICK_MS = 250 };

struct private_redis {
    char addr[sizeof "unix:" + 108]; /* as REDIS_ADDR */
    char dir[PATH_MAX];              /* DATA_DIR, absolute */
    const char *fsync;               /* borrowed from settings */
    int dir_fd;
    int instances_fd;           /* instances.lock, shared */
    pid_t child;                /* the server, if this instance started it; else 0 */
    int64_t started_mono_ms;    /* last start by this instance; 0: none */
    int64_t next_start_mono_ms; /* no start before that */
    int64_t delay_ms;           /* between two starts, grows while servers die early */
};

/* Makes DATA_DIR when there is none, joins the server that runs there or starts one, and waits
 * until it answers; fills in settings.redis_life. 0; -EINTR when a stop signal came; else a negative errno with one line in
 * error: what is wrong and what to do. On failure nothing is left behind. */
int private_redis_start(struct private_redis *r, struct settings *settings, char *error,
                        size_t error_size) REQUIRES(on_main) MUST_USE;
/* Starts the server again when it died. Call every PRIVATE_REDIS_TICK_MS. */
void private_redis_tick(struct private_redis *r) REQUIRES(on_main);
/* Leaves; the last instance stops the server and waits for its end. */
void private_redis_stop(struct private_redis *r) REQUIRES(on_main);

#endif

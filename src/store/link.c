#include "link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- what went wrong ---- */

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Redis 6.2 wraps what a command within a script answered: "ERR Error running script (call to
 * f_SHA): @user_script: 12: -READONLY You can't write …" (luaPushError() in its scripting.c).
 * Since 7.0 the script's answer is the command's. */
static const char *unwrapped(const char *error)
{
    const char *inner = has_prefix(error, "ERR Error running script") ? strstr(error, ": -") : NULL;
    return inner ? inner + 3 : error;
}

bool error_is_replica(const char *error)
{
    return has_prefix(unwrapped(error), "READONLY ");
}

bool error_is_temporary(const char *error)
{
    static const char *const prefixes[] = {
        "LOADING ",     "OOM ",  "READONLY ",   "MISCONF ",  "MASTERDOWN ",
        "CLUSTERDOWN ", "BUSY ", "NOREPLICAS ", "TRYAGAIN ", "ERR max number of clients",
    };
    error = unwrapped(error);
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (has_prefix(error, prefixes[i]))
            return true;
    return false;
}

bool error_is_denial(const char *error)
{
    return has_prefix(error, "NOAUTH") || has_prefix(error, "WRONGPASS") ||
           has_prefix(error, "NOPERM") || has_prefix(error, "DENIED ") ||
           has_prefix(error, "ERR AUTH ") || has_prefix(error, "ERR invalid password") ||
           has_prefix(error, "ERR DB index");
}

/* ---- going and coming back ---- */

static void arm(struct link *l, int64_t ms)
{
    struct timeval tv = { ms / 1000, (ms % 1000) * 1000 };
    event_add(l->timer, &tv);
}

static int64_t next_delay_ms(struct link *l)
{
    unsigned doublings = l->attempts < 4 ? l->attempts : 4;
    int64_t ms = (int64_t)LINK_DELAY_MIN_MS << doublings;
    l->attempts++;
    if (ms > LINK_DELAY_MAX_MS)
        ms = LINK_DELAY_MAX_MS;
    if (l->denied)
        ms = LINK_DELAY_DENIED_MS;
    return ms / 2 + random_below((uint32_t)(ms / 2) + 1);
}

/* The connection is not there (any more). */
static void on_ended(void *arg, const char *error)
{
    role_assume(&on_hub);
    struct link *l = arg;
    l->phase = LINK_DOWN;
    l->denied = error_is_denial(error);
    snprintf(l->error, sizeof(l->error), "%s", error);
    arm(l, next_delay_ms(l));
    l->owner.changed(l->owner.arg);
}

void link_drop(struct link *l, const char *error)
{
    if (l->phase == LINK_DOWN)
        return;
    l->phase = LINK_DOWN; /* from here on link_send() refuses */
    connection_close(&l->connection);
    on_ended(l, error);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    struct link *l = arg;
    if (l->phase != LINK_DOWN) {
        link_drop(l, "no answer while connecting");
        return;
    }
    l->phase = LINK_LOCATING;
    l->owner.locate(l->owner.arg);
}

void link_connect(struct link *l, const struct address *address, bool master_only)
{
    BUG_ON(l->phase != LINK_LOCATING);
    l->phase = LINK_CONNECTING;
    l->master_only = master_only;
    arm(l, LINK_CONNECT_MS);
    connection_open(&l->connection, address, l->attempts);
}

/* ---- greeting ---- */

/* True when it is a reply to go on with. */
static bool is_accepted(struct link *l, const redisReply *r) REQUIRES(on_hub);
static bool is_accepted(struct link *l, const redisReply *r)
{
    if (!r || l->phase != LINK_GREETING)
        return false;
    if (r->type == REDIS_REPLY_ERROR)
        link_drop(l, r->str);
    return r->type != REDIS_REPLY_ERROR;
}

static void on_password(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    role_assume(&on_hub);
    is_accepted(arg, reply);
}

static void on_role(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    role_assume(&on_hub);
    struct link *l = arg;
    const redisReply *r = reply;
    if (!is_accepted(l, r))
        return;
    const redisReply *role = r->type == REDIS_REPLY_ARRAY && r->elements ? r->element[0] : r;
    if (role->type != REDIS_REPLY_STRING || strcmp(role->str, "master") != 0)
        link_drop(l, "it is not a master");
}

/* The last of the greeting. */
static void on_selected(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    role_assume(&on_hub);
    struct link *l = arg;
    if (is_accepted(l, reply))
        l->owner.greet(l->owner.arg);
}

static void ignore(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac, (void)reply, (void)arg;
}

static void on_opened(void *arg)
{
    role_assume(&on_hub);
    struct link *l = arg;
    char name[64], db[24];
    snprintf(name, sizeof(name), "confab-%s-%s", l->settings->instance, l->name);
    snprintf(db, sizeof(db), "%lld", (long long)l->settings->redis_db);
    l->phase = LINK_GREETING;
    int error = 0;
    if (l->settings->redis_password[0])
        error = link_command(l, on_password, l,
                             (const char *[]){ "AUTH", l->settings->redis_password, NULL });
    /* What CLIENT LIST shows; an ACL may forbid it, no matter. */
    if (!error)
        error = link_command(l, ignore, NULL, (const char *[]){ "CLIENT", "SETNAME", name, NULL });
    if (!error && l->master_only)
        error = link_command(l, on_role, l, (const char *[]){ "ROLE", NULL });
    /* Database 0 too: it asks whether a password is missing. */
    if (!error)
        error = link_command(l, on_selected, l, (const char *[]){ "SELECT", db, NULL });
    BUG_ON(error); /* a fresh connection takes commands */
}

void link_ready(struct link *l)
{
    BUG_ON(l->phase != LINK_GREETING);
    event_del(l->timer);
    l->phase = LINK_UP;
    l->attempts = 0;
    l->denied = false;
    if (l->was_up)
        stat_add(l->stats, redis_reconnects, 1);
    l->was_up = true;
    if (l->paused)
        connection_pause(&l->connection, true);
    l->owner.changed(l->owner.arg);
}

/* ---- life and use ---- */

void link_init(struct link *l, const char *name, struct event_base *base,
               const struct settings *settings, struct stats *stats, const struct link_owner *owner)
{
    *l = (struct link){ .name = name, .settings = settings, .stats = stats, .owner = *owner };
    struct connection_owner self = { l, on_opened, on_ended };
    connection_init(&l->connection, base, &self);
    l->timer = event_new(base, -1, 0, on_timer, l);
    BUG_ON(!l->timer);
    arm(l, 0);
}

static void owner_gone(void *arg)
{
    (void)arg;
}

void link_fini(struct link *l)
{
    l->owner = (struct link_owner){ NULL, owner_gone, owner_gone, owner_gone };
    link_drop(l, "closed");
    event_free(l->timer);
    l->timer = NULL;
}

int link_send(struct link *l, redisCallbackFn *answer, void *arg, const char *bytes, size_t size)
{
    return connection_send(&l->connection, answer, arg, bytes, size);
}

int link_command(struct link *l, redisCallbackFn *answer, void *arg, const char *const *words)
{
    return connection_command(&l->connection, answer, arg, words);
}

void link_pause(struct link *l, bool paused)
{
    l->paused = paused;
    if (l->phase == LINK_UP)
        connection_pause(&l->connection, paused);
}

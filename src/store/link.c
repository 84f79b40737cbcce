#include "link.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* ---- hiredis on libevent ----
 *
 * The adapter that comes with hiredis adds its read event again after every read and waits for
 * epoll to say that a socket is writable before it writes. Here reading is one persistent event,
 * and the first write after a command is run by event_active(), at the end of the same turn of
 * the loop: what a turn produced leaves in one send(), and epoll is asked only when the socket
 * is full. */

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    struct link *l = arg;
    if (l->context)
        redisAsyncHandleRead(l->context);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    struct link *l = arg;
    l->write_waits = false;
    if (!l->context)
        return;
    l->flushing = true;
    redisAsyncHandleWrite(l->context);
    l->flushing = false;
}

static void add_read(void *arg)
{
    struct link *l = arg;
    bool hold = l->paused && l->phase == LINK_UP;
    if (l->read && !hold && !event_pending(l->read, EV_READ, NULL))
        event_add(l->read, NULL);
}

static void del_read(void *arg)
{
    struct link *l = arg;
    if (l->read)
        event_del(l->read);
}

static void add_write(void *arg)
{
    struct link *l = arg;
    if (!l->write || l->write_waits)
        return;
    l->write_waits = true;
    if (l->phase == LINK_CONNECTING || l->flushing)
        event_add(l->write, NULL);
    else
        event_active(l->write, EV_WRITE, 0);
}

static void del_write(void *arg)
{
    struct link *l = arg;
    l->write_waits = false;
    if (l->write)
        event_del(l->write);
}

static void detach(void *arg)
{
    struct link *l = arg;
    if (l->read)
        event_free(l->read);
    if (l->write)
        event_free(l->write);
    l->read = l->write = NULL;
    l->write_waits = false;
}

static void attach(struct link *l)
{
    redisAsyncContext *ac = l->context;
    l->read = event_new(l->base, ac->c.fd, EV_READ | EV_PERSIST, on_readable, l);
    l->write = event_new(l->base, ac->c.fd, EV_WRITE, on_writable, l);
    BUG_ON(!l->read || !l->write);
    ac->ev.data = l;
    ac->ev.addRead = add_read;
    ac->ev.delRead = del_read;
    ac->ev.addWrite = add_write;
    ac->ev.delWrite = del_write;
    ac->ev.cleanup = detach;
}

/* ---- what went wrong ---- */

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool error_is_temporary(const char *error)
{
    static const char *const prefixes[] = {
        "LOADING ",     "OOM ",  "READONLY ",   "MISCONF ",  "MASTERDOWN ",
        "CLUSTERDOWN ", "BUSY ", "NOREPLICAS ", "TRYAGAIN ", "ERR max number of clients",
    };
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (has_prefix(error, prefixes[i]))
            return true;
    return false;
}

static bool is_denial(const char *error)
{
    return has_prefix(error, "NOAUTH") || has_prefix(error, "WRONGPASS") ||
           has_prefix(error, "NOPERM") || has_prefix(error, "DENIED ") ||
           has_prefix(error, "ERR AUTH ") || has_prefix(error, "ERR invalid password") ||
           has_prefix(error, "ERR DB index");
}

static void arm(struct link *l, int64_t ms)
{
    struct timeval tv = { ms / 1000, (ms % 1000) * 1000 };
    event_add(l->timer, &tv);
}

static int64_t next_delay_ms(struct link *l)
{
    unsigned doublings = l->attempts < 6 ? l->attempts : 6;
    int64_t ms = (int64_t)LINK_DELAY_MIN_MS << doublings;
    l->attempts++;
    if (ms > LINK_DELAY_MAX_MS || l->denied)
        ms = LINK_DELAY_MAX_MS;
    return ms / 2 + random_below((uint32_t)(ms / 2) + 1);
}

/* The connection is not there (any more). */
static void lost(struct link *l, const char *error) REQUIRES(on_hub);
static void lost(struct link *l, const char *error)
{
    l->phase = LINK_DOWN;
    l->context = NULL;
    l->denied = is_denial(error);
    snprintf(l->error, sizeof(l->error), "%s", error);
    arm(l, next_delay_ms(l));
    l->owner.changed(l->owner.arg);
}

void link_drop(struct link *l, const char *error)
{
    if (l->phase == LINK_DOWN)
        return;
    l->phase = LINK_DOWN; /* from here on link_send() refuses */
    resolve_stop(l->resolve);
    l->resolve = NULL;
    redisAsyncContext *ac = l->context;
    l->context = NULL;
    if (ac)
        redisAsyncFree(ac); /* within a callback of hiredis: as soon as that returns */
    lost(l, error);
}

/* ---- connecting ---- */

static void on_greeting(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    role_assume(&on_hub);
    struct link *l = arg;
    redisReply *r = reply;
    if (!r || l->phase != LINK_GREETING)
        return;
    if (r->type == REDIS_REPLY_ERROR)
        link_drop(l, r->str);
}

/* The last of the greeting. */
static void on_selected(redisAsyncContext *ac, void *reply, void *arg)
{
    on_greeting(ac, reply, arg);
    role_assume(&on_hub);
    struct link *l = arg;
    if (reply && l->phase == LINK_GREETING)
        l->owner.greet(l->owner.arg);
}

static void ignore(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac, (void)reply, (void)arg;
}

static void send_greeting(struct link *l) REQUIRES(on_hub);
static void send_greeting(struct link *l)
{
    char name[64], db[24];
    snprintf(name, sizeof(name), "confab-%s-%s", l->settings->instance, l->name);
    snprintf(db, sizeof(db), "%lld", (long long)l->settings->redis_db);
    int error = 0;
    if (l->settings->redis_password[0])
        error = link_command(l, on_greeting, l,
                             (const char *[]){ "AUTH", l->settings->redis_password, NULL });
    /* What CLIENT LIST shows; an ACL may forbid it, no matter. */
    if (!error)
        error = link_command(l, ignore, NULL, (const char *[]){ "CLIENT", "SETNAME", name, NULL });
    /* Database 0 too: it asks whether a password is missing. */
    if (!error)
        error = link_command(l, on_selected, l, (const char *[]){ "SELECT", db, NULL });
    BUG_ON(error); /* a fresh connection takes commands */
}

static void on_connect(const redisAsyncContext *ac, int status)
{
    role_assume(&on_hub);
    struct link *l = ac->data;
    if (l->context != ac)
        return;
    if (status != REDIS_OK) {
        lost(l, ac->errstr[0] ? ac->errstr : "cannot connect"); /* hiredis frees the context */
        return;
    }
    if (!l->address->path) {
        int on = 1;
        setsockopt(ac->c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        setsockopt(ac->c.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
    l->phase = LINK_GREETING;
    send_greeting(l);
}

static void on_disconnect(const redisAsyncContext *ac, int status)
{
    (void)status;
    role_assume(&on_hub);
    struct link *l = ac->data;
    if (l->context == ac)
        lost(l, ac->errstr && ac->errstr[0] ? ac->errstr : "connection closed");
}

static void connect_to(struct link *l, const char *number) REQUIRES(on_hub);
static void connect_to(struct link *l, const char *number)
{
    redisAsyncContext *ac = l->address->path ? redisAsyncConnectUnix(l->address->path)
                                             : redisAsyncConnect(number, l->address->port);
    BUG_ON(!ac);
    if (ac->err) {
        char error[160];
        snprintf(error, sizeof(error), "%s", ac->errstr);
        redisAsyncFree(ac);
        lost(l, error);
        return;
    }
    l->phase = LINK_CONNECTING;
    l->context = ac;
    ac->data = l;
    ac->c.reader->maxbuf = 0; /* keep the buffer: it is as large as one busy turn needs */
    attach(l);
    /* The first call also asks for the write event that ends the connecting. */
    redisAsyncSetConnectCallback(ac, on_connect);
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
}

static void on_resolved(void *arg, const char *number, const char *error)
{
    role_assume(&on_hub);
    struct link *l = arg;
    l->resolve = NULL;
    if (number)
        connect_to(l, number);
    else
        lost(l, error);
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
    arm(l, LINK_CONNECT_MS);
    if (l->address->path || l->address->numeric) {
        connect_to(l, l->address->host);
        return;
    }
    l->phase = LINK_RESOLVING;
    l->resolve = resolve_start(l->base, l->address->host, l->attempts, on_resolved, l);
    if (!l->resolve)
        lost(l, "cannot start the resolver thread");
}

void link_init(struct link *l, const char *name, struct event_base *base,
               const struct address *address, const struct settings *settings, struct stats *stats,
               const struct link_owner *owner)
{
    *l = (struct link){ .name = name,
                        .base = base,
                        .address = address,
                        .settings = settings,
                        .stats = stats,
                        .owner = *owner };
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
    l->owner = (struct link_owner){ .greet = owner_gone, .changed = owner_gone };
    link_drop(l, "closed");
    event_free(l->timer);
    l->timer = NULL;
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
        del_read(l);
    l->owner.changed(l->owner.arg);
}

int link_send(struct link *l, redisCallbackFn *answer, void *arg, const char *bytes, size_t size)
{
    if (l->phase < LINK_GREETING)
        return -ENOTCONN;
    /* refuses too while hiredis takes the connection down */
    int ok = redisAsyncFormattedCommand(l->context, answer, arg, bytes, size) == REDIS_OK;
    return ok ? 0 : -ENOTCONN;
}

int link_command(struct link *l, redisCallbackFn *answer, void *arg, const char *const *words)
{
    if (l->phase < LINK_GREETING)
        return -ENOTCONN;
    int count = 0;
    while (words[count])
        count++;
    int ok = redisAsyncCommandArgv(l->context, answer, arg, count, (const char **)(uintptr_t)words,
                                   NULL) == REDIS_OK;
    return ok ? 0 : -ENOTCONN;
}

void link_pause(struct link *l, bool paused)
{
    l->paused = paused;
    if (l->phase != LINK_UP)
        return;
    if (paused)
        del_read(l);
    else
        add_read(l);
}

#include "connection.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
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
    struct connection *c = arg;
    if (c->context)
        redisAsyncHandleRead(c->context);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    struct connection *c = arg;
    c->write_waits = false;
    if (!c->context)
        return;
    c->flushing = true;
    redisAsyncHandleWrite(c->context);
    c->flushing = false;
}

static void add_read(void *arg)
{
    struct connection *c = arg;
    if (c->read && !c->paused && !event_pending(c->read, EV_READ, NULL))
        event_add(c->read, NULL);
}

static void del_read(void *arg)
{
    struct connection *c = arg;
    if (c->read)
        event_del(c->read);
}

static void add_write(void *arg)
{
    struct connection *c = arg;
    if (!c->write || c->write_waits)
        return;
    c->write_waits = true;
    if (c->phase == CONNECTION_CONNECTING || c->flushing)
        event_add(c->write, NULL);
    else
        event_active(c->write, EV_WRITE, 0);
}

static void del_write(void *arg)
{
    struct connection *c = arg;
    c->write_waits = false;
    if (c->write)
        event_del(c->write);
}

static void detach(void *arg)
{
    struct connection *c = arg;
    if (c->read)
        event_free(c->read);
    if (c->write)
        event_free(c->write);
    c->read = c->write = NULL;
    c->write_waits = false;
}

static void attach(struct connection *c)
{
    redisAsyncContext *ac = c->context;
    BUG_ON(c->read || c->write); /* of a context that hiredis has not freed yet */
    c->read = event_new(c->base, ac->c.fd, EV_READ | EV_PERSIST, on_readable, c);
    c->write = event_new(c->base, ac->c.fd, EV_WRITE, on_writable, c);
    BUG_ON(!c->read || !c->write);
    ac->ev.data = c;
    ac->ev.addRead = add_read;
    ac->ev.delRead = del_read;
    ac->ev.addWrite = add_write;
    ac->ev.delWrite = del_write;
    ac->ev.cleanup = detach;
}

/* ---- life ---- */

static void ended(struct connection *c, const char *error) REQUIRES(on_hub);
static void ended(struct connection *c, const char *error)
{
    c->phase = CONNECTION_CLOSED;
    c->context = NULL;
    c->owner.ended(c->owner.arg, error);
}

static void on_connect(const redisAsyncContext *ac, int status)
{
    role_assume(&on_hub);
    struct connection *c = ac->data;
    if (c->context != ac)
        return;
    if (status != REDIS_OK) {
        ended(c, ac->errstr[0] ? ac->errstr : "cannot connect"); /* hiredis frees the context */
        return;
    }
    if (ac->c.connection_type == REDIS_CONN_TCP) {
        int on = 1;
        setsockopt(ac->c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        setsockopt(ac->c.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
    c->phase = CONNECTION_OPEN;
    c->owner.opened(c->owner.arg);
}

static void on_disconnect(const redisAsyncContext *ac, int status)
{
    (void)status;
    role_assume(&on_hub);
    struct connection *c = ac->data;
    if (c->context == ac)
        ended(c, ac->errstr && ac->errstr[0] ? ac->errstr : "connection closed");
}

/* Takes the context, which is new. */
static void connecting(struct connection *c, redisAsyncContext *ac) REQUIRES(on_hub);
static void connecting(struct connection *c, redisAsyncContext *ac)
{
    BUG_ON(!ac);
    if (ac->err) {
        char error[160];
        snprintf(error, sizeof(error), "%s", ac->errstr);
        redisAsyncFree(ac);
        ended(c, error);
        return;
    }
    c->phase = CONNECTION_CONNECTING;
    c->context = ac;
    ac->data = c;
    ac->c.reader->maxbuf = 0; /* keep the buffer: it is as large as one busy turn needs */
    attach(c);
    /* The first call also asks for the write event that ends the connecting. */
    redisAsyncSetConnectCallback(ac, on_connect);
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
}

static void on_resolved(void *arg, const char *number, const char *error)
{
    role_assume(&on_hub);
    struct connection *c = arg;
    c->resolve = NULL;
    if (number)
        connecting(c, redisAsyncConnect(number, c->port));
    else
        ended(c, error);
}

void connection_open(struct connection *c, const struct address *address, unsigned turn)
{
    BUG_ON(c->phase != CONNECTION_CLOSED);
    c->paused = false;
    if (address->path) {
        connecting(c, redisAsyncConnectUnix(address->path));
        return;
    }
    if (address->numeric) {
        connecting(c, redisAsyncConnect(address->host, address->port));
        return;
    }
    c->phase = CONNECTION_RESOLVING;
    c->port = address->port;
    c->resolve = resolve_start(c->base, address->host, turn, on_resolved, c);
    if (!c->resolve)
        ended(c, "cannot start the resolver thread");
}

void connection_close(struct connection *c)
{
    redisAsyncContext *ac = c->context;
    resolve_stop(c->resolve);
    c->resolve = NULL;
    c->context = NULL;
    c->phase = CONNECTION_CLOSED;
    if (ac)
        redisAsyncFree(ac);
}

void connection_init(struct connection *c, struct event_base *base,
                     const struct connection_owner *owner)
{
    *c = (struct connection){ .base = base, .owner = *owner };
}

/* ---- commands ---- */

int connection_send(struct connection *c, redisCallbackFn *answer, void *arg, const char *bytes,
                    size_t size)
{
    if (c->phase != CONNECTION_OPEN)
        return -ENOTCONN;
    /* refuses too while hiredis takes the connection down */
    int ok = redisAsyncFormattedCommand(c->context, answer, arg, bytes, size) == REDIS_OK;
    return ok ? 0 : -ENOTCONN;
}

int connection_command(struct connection *c, redisCallbackFn *answer, void *arg,
                       const char *const *words)
{
    if (c->phase != CONNECTION_OPEN)
        return -ENOTCONN;
    int count = 0;
    while (words[count])
        count++;
    int ok = redisAsyncCommandArgv(c->context, answer, arg, count, (const char **)(uintptr_t)words,
                                   NULL) == REDIS_OK;
    return ok ? 0 : -ENOTCONN;
}

void connection_pause(struct connection *c, bool paused)
{
    c->paused = paused;
    if (c->phase != CONNECTION_OPEN)
        return;
    if (paused)
        del_read(c);
    else
        add_read(c);
}

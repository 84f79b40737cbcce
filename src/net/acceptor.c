#include "acceptor.h"

#include "rate.h"
#include "refusal.h"
#include "thread.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,
    REST_MIN_US = 5000,      /* of the listener: newcomers are let in together */
    FAILED_REST_US = 100000, /* after the machine has run out of descriptors */
    FAILED_ANSWERS = 64,     /* … and so many have been told */
    FAILED_LOG_EVERY_S = 10,
    SPARES = 4,
};

struct acceptor {
    struct net *net;
    pthread_t thread;
    struct event_base *base;
    struct evconnlistener *listener;
    struct event *control, *resume;
    int control_fd; /* eventfd: look at the atomics below */
    _Atomic bool stopping;
    _Atomic uint32_t round_asked, round_answered; /* signs of life */
    /* Given up for a moment, one at a time, to answer when there is no descriptor left. Another
     * thread may take one's place, hence several. */
    int spare_fds[SPARES];
    int spares;
    struct rate rate;
    int64_t logged_ms; /* when the log last said that accepting fails; 0: never */
};

/* ---- main thread ---- */

static void explain_bind(const struct settings *s, int error, char *out, size_t size)
{
    const int port = (int)s->server_port;
    if (error == EADDRINUSE)
        snprintf(out, size,
                 "port %d is taken by another program: stop it or set SERVER_PORT to another one.",
                 port);
    else if (error == EACCES)
        snprintf(out, size, "this user may not use port %d: set SERVER_PORT to 1024 or more.",
                 port);
    else if (error == EADDRNOTAVAIL)
        snprintf(out, size,
                 "this machine has no address %s: set BIND to one of its own, or to 0.0.0.0.",
                 s->bind);
    else
        snprintf(out, size, "cannot listen on %s port %d: %s.", s->bind, port, strerror(error));
}

static int open_listener(const struct addrinfo *ai)
{
    const int on = 1, off = 0;
    const int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (ai->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    const int error = errno;
    close(fd);
    return -error;
}

int acceptor_listen(const struct settings *s, char *error, size_t error_size)
{
    char port[8];
    struct addrinfo *ai,
        hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    snprintf(port, sizeof(port), "%d", (int)s->server_port);
    if (getaddrinfo(s->bind, port, &hints, &ai) != 0) {
        snprintf(error, error_size, "BIND=%s is not an address of this machine.", s->bind);
        return -EINVAL;
    }
    const int fd = open_listener(ai);
    freeaddrinfo(ai);
    if (fd < 0)
        explain_bind(s, -fd, error, error_size);
    return fd;
}

int acceptor_take(int fd)
{
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

int acceptor_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } sa = { .v6 = { 0 } };
    socklen_t size = sizeof(sa);
    if (getsockname(fd, &sa.any, &size) != 0)
        return -errno;
    return ntohs(sa.any.sa_family == AF_INET6 ? sa.v6.sin6_port : sa.v4.sin_port);
}

/* ---- accept thread ---- */

static struct net_thread *emptiest(struct net *n)
{
    struct net_thread *best = &n->threads[0];
    for (unsigned i = 1; i < n->count; i++)
        if (atomic_load(&n->threads[i].connections) < atomic_load(&best->connections))
            best = &n->threads[i];
    return best;
}

static uint32_t connections(const struct net *n)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < n->count; i++)
        sum += atomic_load(&n->threads[i].connections);
    return sum;
}

static void refuse(struct net *n, int fd, const char *status, const char *code)
{
    stat_add(n->stats, connections_refused, 1);
    refusal_send(fd, status, code);
    close(fd);
}

/* Nobody is accepted for a while: the kernel's backlog keeps those who come. */
static void rest(struct acceptor *a, int64_t us)
{
    const struct timeval pause = { .tv_sec = us / 1000000, .tv_usec = us % 1000000 };
    evconnlistener_disable(a->listener);
    event_add(a->resume, &pause);
}

static void hand_over(struct net *n, int fd, struct address *address)
{
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    stat_add(n->stats, connections_accepted, 1);
    struct net_thread *t = emptiest(n);
    atomic_fetch_add(&t->connections, 1);
    post_push(&t->posts,
              (struct post){ .kind = POST_ADOPT, .number = (uint32_t)fd, .what = address });
    post_wake(&t->posts);
}

/* Who is refused takes no token of ACCEPT_RATE: it costs little, and one who is over his cap must
 * not make others wait. */
static void accepted(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int size,
                     void *arg)
{
    role_assume(&on_accept);
    (void)l;
    (void)size;
    struct acceptor *a = arg;
    struct net *n = a->net;
    const struct settings *s = n->settings;
    struct address *address = NULL;
    if (connections(n) >= n->connections_max) {
        refuse(n, fd, "503 Service Unavailable", "full");
        return;
    }
    if (s->max_clients_per_address) {
        address = address_enter(n->addresses, sa, (uint32_t)s->max_clients_per_address);
        if (!address) {
            refuse(n, fd, "429 Too Many Requests", "too_many_connections");
            return;
        }
    }
    hand_over(n, fd, address);
    const int64_t wait_us = rate_take(&a->rate, clock_mono_us());
    if (!wait_us)
        return;
    stat_add(n->stats, accept_pauses, 1);
    rest(a, wait_us > REST_MIN_US ? wait_us : REST_MIN_US);
}

static void fill_spares(struct acceptor *a)
{
    for (int fd; a->spares < SPARES; a->spare_fds[a->spares++] = fd) {
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return;
    }
}

/* A spare descriptor is enough to answer one after the other. */
static void answer_without_descriptors(struct acceptor *a, int listen_fd)
{
    for (int i = 0; i < FAILED_ANSWERS && a->spares > 0; i++) {
        close(a->spare_fds[--a->spares]);
        const int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            refuse(a->net, fd, "503 Service Unavailable", "full");
        fill_spares(a);
        if (fd < 0)
            return;
    }
}

static void log_failure(struct acceptor *a, int error)
{
    const int64_t now = clock_mono_ms();
    if (a->logged_ms && now - a->logged_ms < FAILED_LOG_EVERY_S * 1000)
        return;
    a->logged_ms = now;
    log_warn("accept", "error=\"%s\" effect=\"newcomers get 503\"", strerror(error));
}

static void accept_failed(struct evconnlistener *l, void *arg)
{
    role_assume(&on_accept);
    struct acceptor *a = arg;
    const int error = errno;
    stat_add(a->net->stats, accept_failures, 1);
    log_failure(a, error);
    fill_spares(a);
    if (error == EMFILE || error == ENFILE)
        answer_without_descriptors(a, evconnlistener_get_fd(l));
    rest(a, FAILED_REST_US);
}

static void resume(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    evconnlistener_enable(((struct acceptor *)arg)->listener);
}

static void on_control(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct acceptor *a = arg;
    uint64_t count;
    BUG_ON(read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN);
    atomic_store(&a->round_answered, atomic_load(&a->round_asked));
    if (atomic_load(&a->stopping))
        event_base_loopbreak(a->base);
}

static void *run(void *arg)
{
    role_assume(&on_accept);
    event_base_dispatch(((struct acceptor *)arg)->base);
    return NULL;
}

/* ---- main thread ---- */

static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static bool prepare(struct acceptor *a, int listen_fd)
{
    a->base = new_base();
    if (!a->base)
        return false;
    a->listener = evconnlistener_new(a->base, accepted, a,
                                     LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, listen_fd);
    a->control = event_new(a->base, a->control_fd, EV_READ | EV_PERSIST, on_control, a);
    a->resume = evtimer_new(a->base, resume, a);
    if (!a->listener || !a->control || !a->resume || a->control_fd < 0)
        return false;
    evconnlistener_set_error_cb(a->listener, accept_failed);
    return event_add(a->control, NULL) == 0;
}

static void acceptor_free(struct acceptor *a)
{
    if (a->listener)
        evconnlistener_free(a->listener);
    if (a->control)
        event_free(a->control);
    if (a->resume)
        event_free(a->resume);
    if (a->base)
        event_base_free(a->base);
    while (a->spares > 0)
        close(a->spare_fds[--a->spares]);
    if (a->control_fd >= 0)
        close(a->control_fd);
    free(a);
}

struct acceptor *acceptor_start(struct net *n, int listen_fd)
{
    struct acceptor *a = xcalloc(1, sizeof(*a));
    a->net = n;
    fill_spares(a);
    rate_init(&a->rate, n->settings->accept_rate);
    a->control_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!prepare(a, listen_fd) || thread_start(&a->thread, "accept", 0, run, a) != 0) {
        if (!a->listener)
            close(listen_fd);
        acceptor_free(a);
        return NULL;
    }
    return a;
}

static void poke(struct acceptor *a)
{
    const uint64_t one = 1;
    BUG_ON(write(a->control_fd, &one, sizeof(one)) != sizeof(one));
}

void acceptor_ask(struct acceptor *a, uint32_t round)
{
    atomic_store(&a->round_asked, round);
    poke(a);
}

bool acceptor_answers(const struct acceptor *a, uint32_t round)
{
    return atomic_load(&a->round_answered) == round;
}

void acceptor_stop(struct acceptor *a)
{
    if (!a)
        return;
    atomic_store(&a->stopping, true);
    poke(a);
    thread_join(a->thread);
    acceptor_free(a);
}

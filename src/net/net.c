/* Start and stop of the net threads and the acceptor. Main thread. */
#include "confab/net/net.h"

#include "acceptor.h"
#include "certificate.h"
#include "drain.h"
#include "filer.h"
#include "http.h"
#include "port.h"
#include "thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    HTTP_CONNECTIONS = 2048,   /* besides the WebSockets, and an eighth of MAX_CLIENTS: pages,
                                  probes, handshakes that are not done */
    OWN_DESCRIPTORS = 64,      /* Redis, queues, private Redis, its log, slack */
    THREAD_DESCRIPTORS = 16,   /* of a net thread, with its libraries */
    DESCRIPTORS_MAX = 1000000, /* libwebsockets makes a table of that many */
};

static void raise_descriptor_limit(rlim_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    const rlim_t had = limit.rlim_cur;
    if (limit.rlim_cur < wanted) {
        if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted)
            limit.rlim_max = wanted; /* root may */
        limit.rlim_cur = wanted;
    }
    if (limit.rlim_cur > DESCRIPTORS_MAX)
        limit.rlim_cur = DESCRIPTORS_MAX;
    if (limit.rlim_cur == had || setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
    log_warn("descriptors",
             "have=%llu wanted=%llu effect=\"fewer than MAX_CLIENTS clients: "
             "raise ulimit -n\"",
             (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
}

static uint64_t own_descriptors(const struct settings *s)
{
    return OWN_DESCRIPTORS + THREAD_DESCRIPTORS * (uint64_t)s->net_thread_count;
}

static uint64_t other_connections(const struct settings *s)
{
    return (uint64_t)s->max_clients / 8 + HTTP_CONNECTIONS;
}

uint64_t net_descriptors(const struct settings *s)
{
    return (uint64_t)s->max_clients + other_connections(s) + own_descriptors(s);
}

/* Descriptors are kept back for what the process cannot do without: a Redis that was lost while
 * clients had taken the last one could never be reached again. */
static void limit_connections(struct net *n)
{
    struct rlimit limit;
    const uint64_t clients = (uint64_t)n->settings->max_clients;
    const uint64_t own = own_descriptors(n->settings);
    uint64_t others = other_connections(n->settings), connections = clients + others;
    raise_descriptor_limit((rlim_t)net_descriptors(n->settings));
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < connections + own)
        connections = limit.rlim_cur > own ? limit.rlim_cur - own : 1;
    if (others > connections / 4) /* a probe has to get through when all is taken */
        others = connections / 4;
    n->connections_max = (uint32_t)connections;
    n->clients_max = (uint32_t)(connections - others < clients ? connections - others : clients);
}

static void init_gone(struct net *n)
{
    pthread_condattr_t attr;
    pthread_mutex_init(&n->gone_mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&n->gone, &attr);
    pthread_condattr_destroy(&attr);
}

struct net *net_new(const struct settings *settings, struct stats *stats, struct keyring *keyring)
{
    struct net *n = xcalloc(1, sizeof(*n));
    n->settings = settings;
    n->stats = stats;
    n->listen_fd = -1;
    n->count = settings->net_thread_count;
    n->env = (struct pump_env){
        .settings = settings, .stats = stats, .keyring = keyring, .port = net_pump_port()
    };
    pump_mode_init(&n->pump_mode, settings);
    stat_set(stats, pumps_shared, pump_mode_is_shared(&n->pump_mode));
    origin_rules_init(&n->origins, settings->allowed_hosts, settings->allowed_origins,
                      settings->mdns_name);
    proxy_rules_init(&n->proxies, settings->trusted_proxies);
    n->addresses = address_table_new();
    n->assets = assets_new(settings->public_dir);
    n->filer = filer_new(settings, stats);
    init_gone(n);
    limit_connections(n);
    context_log_init();
    n->threads = xcalloc(n->count, sizeof(*n->threads));
    for (unsigned i = 0; i < n->count && !n->init_error; i++)
        n->init_error = thread_init(&n->threads[i], n, i);
    return n;
}

void net_use_certificate(struct net *n, struct certificate *c)
{
    certificate_unref(n->certificate);
    n->certificate = c;
    if (!n->hub) /* the net threads are still to come */
        return;
    for (unsigned i = 0; i < n->count; i++) {
        post_push(&n->threads[i].posts,
                  (struct post){ .kind = POST_CERTIFICATE, .what = certificate_ref(c) });
        post_wake(&n->threads[i].posts);
    }
}

int net_listen(struct net *n, int fd, char *error, size_t error_size)
{
    if (n->init_error) {
        snprintf(error, error_size, "cannot make its queues: %s. Raise the limits (ulimit -n).",
                 strerror(-n->init_error));
        return n->init_error;
    }
    n->listen_fd = fd < 0 ? acceptor_listen(n->settings, error, error_size) : acceptor_take(fd);
    const int port = n->listen_fd < 0 ? n->listen_fd : acceptor_port(n->listen_fd);
    n->reach = (struct reach){ .scheme = n->certificate && !n->certificate->ca ? "https" : "http",
                               .bind = n->settings->bind,
                               .port = port };
    return port;
}

const struct reach *net_reach(const struct net *n)
{
    return &n->reach;
}

static void stop_threads(struct net *n) REQUIRES(on_main)
{
    acceptor_stop(n->acceptor);
    n->acceptor = NULL;
    for (unsigned i = 0; i < n->count; i++)
        thread_stop(&n->threads[i]);
    filer_stop(n->filer);
    for (unsigned i = 0; i < n->count; i++)
        thread_close(&n->threads[i]);
}

int net_start(struct net *n, struct hub *hub)
{
    int error = 0;
    n->hub = n->env.hub = hub;
    for (unsigned i = 0; i < n->count && !error; i++)
        error = context_init(&n->threads[i]);
    context_log_end();
    if (!error)
        error = filer_start(n->filer);
    for (unsigned i = 0; i < n->count && !error; i++)
        error = thread_launch(&n->threads[i]);
    if (!error) {
        n->acceptor = acceptor_start(n, n->listen_fd);
        n->listen_fd = -1;
        error = n->acceptor ? 0 : -EAGAIN;
    }
    if (error)
        stop_threads(n);
    return error;
}

void net_ask(struct net *n, uint32_t round)
{
    for (unsigned i = 0; i < n->count; i++) {
        post_push(&n->threads[i].posts, (struct post){ .kind = POST_ASK, .number = round });
        post_wake(&n->threads[i].posts);
    }
    acceptor_ask(n->acceptor, round);
}

bool net_answers(const struct net *n, uint32_t round, char name[static 16])
{
    for (unsigned i = 0; i < n->count; i++) {
        if (atomic_load(&n->threads[i].round_answered) == round)
            continue;
        snprintf(name, 16, "net-%u", i);
        return false;
    }
    snprintf(name, 16, "accept");
    return acceptor_answers(n->acceptor, round);
}

void net_signal_gone(struct net *n)
{
    pthread_mutex_lock(&n->gone_mutex);
    pthread_cond_signal(&n->gone);
    pthread_mutex_unlock(&n->gone_mutex);
}

static void wait_gone(struct net *n, int64_t at)
{
    const struct timespec when = { .tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000 };
    int error = 0;
    pthread_mutex_lock(&n->gone_mutex);
    while (!error && stat_get(n->stats, clients) > 0)
        error = pthread_cond_timedwait(&n->gone, &n->gone_mutex, &when);
    pthread_mutex_unlock(&n->gone_mutex);
}

void net_drain(struct net *n, int64_t drain_ms)
{
    const int64_t clients = stat_get(n->stats, clients);
    n->drain = drain_plan(clients, drain_ms);
    n->drain_begin_ms = clock_mono_ms();
    stat_set(n->stats, draining, 1);
    atomic_store(&n->draining, true);
    for (unsigned i = 0; i < n->count; i++) {
        post_push(&n->threads[i].posts, (struct post){ .kind = POST_DRAIN });
        post_wake(&n->threads[i].posts);
    }
    wait_gone(n, n->drain_begin_ms + n->drain.limit_ms);
    log_info("drained", "clients=%lld left=%lld", (long long)clients,
             (long long)stat_get(n->stats, clients));
}

void net_stop(struct net *n)
{
    stop_threads(n);
}

void net_free(struct net *n)
{
    for (unsigned i = 0; i < n->count; i++)
        thread_fini(&n->threads[i]);
    free(n->threads);
    if (n->listen_fd >= 0)
        close(n->listen_fd);
    filer_free(n->filer);
    assets_free(n->assets);
    certificate_unref(n->certificate);
    address_table_free(n->addresses);
    pthread_cond_destroy(&n->gone);
    pthread_mutex_destroy(&n->gone_mutex);
    free(n);
}

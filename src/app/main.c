/* confab: the start order, the same order backwards, and the signals in between. */
#include "confab/app/announce.h"
#include "confab/app/config.h"
#include "confab/app/health_check.h"
#include "confab/app/mdns.h"
#include "confab/app/private_redis.h"
#include "confab/app/service.h"
#include "confab/app/signals.h"
#include "confab/app/tls.h"
#include "confab/app/tool.h"
#include "confab/archive/archive.h"
#include "confab/base/secret.h"
#include "confab/hub/hub.h"
#include "confab/net/net.h"
#include "confab/store/check.h"
#include "confab/wire/token.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ARCHIVE_STOP_MS = 2000, /* for what the last second has brought; Redis keeps the rest */
    STOP_LIMIT_S = 30,      /* beyond DRAIN_SECONDS a stop is stuck; a Redis may take 12 of them */
};

struct app {
    struct settings settings;
    struct service service;
    struct stats stats;
    struct keyring *keyring;
    struct net *net;
    struct tls tls;
    int port;
    bool has_private_redis;
    struct private_redis redis;
    struct archive *archive; /* NULL: none is kept here */
    struct hub *hub;
    struct mdns *mdns; /* NULL: no name in the local network */
    bool hub_runs, net_runs;
};

static int fail_start(const char *line)
{
    fprintf(stderr, "%sconfab: %s\n", log_priority(LOG_LEVEL_ERROR), line);
    return -1;
}

static enum log_level log_level_of(const char *name)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    for (int i = 0; i < 4; i++) {
        if (strcmp(name, names[i]) == 0)
            return (enum log_level)i;
    }
    BUG("a log level that the configuration let through");
}

static int start_redis(struct app *a, char *line, size_t size) REQUIRES(on_main)
{
    if (*a->settings.redis_addr == '\0' && *a->settings.redis_sentinels == '\0') {
        int error = private_redis_start(&a->redis, &a->settings, line, size);
        if (error < 0)
            return error;
        a->has_private_redis = true;
    }
    return 0;
}

static const char *redis_addr(const struct app *a)
{
    return a->has_private_redis ? a->redis.addr : a->settings.redis_addr;
}

static int start_threads(struct app *a) REQUIRES(on_main)
{
    a->archive = archive_new(&a->settings, &a->stats, redis_addr(a));
    int error = a->archive != NULL ? archive_start(a->archive) : 0;
    if (error < 0)
        return error;
    struct hub_options options = {
        .settings = &a->settings,
        .stats = &a->stats,
        .redis_addr = redis_addr(a),
        .archive = a->archive,
        .keyring = a->keyring,
        .archives = a->archive != NULL,
        .port = net_hub_port(a->net),
    };
    a->hub = hub_new(&options);
    if (a->hub == NULL)
        return -EMFILE;
    error = hub_start(a->hub);
    if (error < 0)
        return error;
    a->hub_runs = true;
    error = net_start(a->net, a->hub);
    a->net_runs = error == 0;
    return error;
}

/* 0 when it runs, 1 when a signal came first, else -1 after one line that says what to do. */
static int start(struct app *a) REQUIRES(on_main)
{
    char line[1024];
    int fd;
    secret_init();
    a->keyring = keyring_new();
    a->net = net_new(&a->settings, &a->stats, a->keyring);
    if (tls_start(&a->tls, &a->settings, a->net, line, sizeof line) < 0)
        return fail_start(line);
    if (service_begin(&a->service, &fd, line, sizeof line) < 0)
        return fail_start(line);
    a->port = net_listen(a->net, fd, line, sizeof line);
    if (a->port < 0)
        return fail_start(line);
    int error = start_redis(a, line, sizeof line);
    if (error == -EINTR)
        return 1;
    if (error < 0 || store_check(redis_addr(a), &a->settings, line, sizeof line) < 0)
        return fail_start(line);
    error = start_threads(a);
    if (error < 0) {
        snprintf(line, sizeof line,
                 "cannot start its threads: %s. Raise the limits of this user (ulimit -u, -n).",
                 strerror(-error));
        return fail_start(line);
    }
    log_info("listening", "port=%d address=%s instance=%s tls=%s version=" CONFAB_VERSION, a->port,
             a->settings.bind, a->settings.instance, tls_is_on(&a->tls) ? "on" : "off");
    announce_addresses(net_reach(a->net), &a->settings);
    a->mdns = mdns_start(&a->settings, &a->stats, net_reach(a->net));
    service_ready(a->port);
    return 0;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* How long main may wait for a signal; -1: for ever. */
static int64_t tick_ms(const struct app *a) REQUIRES(on_main)
{
    const int64_t tick = a->has_private_redis ? PRIVATE_REDIS_TICK_MS
                         : tls_is_on(&a->tls) ? TLS_TICK_MS
                                              : -1;
    return sooner(tick, service_tick_ms(&a->service));
}

/* SIGHUP asks to read again what may have changed: where a service manager sends it, or there is
 * something to read. From a terminal that goes away it is a reason to end. */
static bool asks_to_reload(const struct app *a, int number) REQUIRES(on_main)
{
    return number == SIGHUP &&
           (service_is_managed() || (tls_is_on(&a->tls) && !signals_terminal_is_gone()));
}

static void reload(struct app *a) REQUIRES(on_main)
{
    service_reloads();
    if (tls_is_on(&a->tls))
        tls_reload(&a->tls, "SIGHUP");
    service_ready(a->port);
}

/* Until a signal asks to stop. */
static void run(struct app *a) REQUIRES(on_main)
{
    int number;
    for (;;) {
        number = signals_wait(tick_ms(a));
        if (asks_to_reload(a, number))
            reload(a);
        else if (number != 0)
            break;
        if (a->has_private_redis)
            private_redis_tick(&a->redis);
        tls_tick(&a->tls);
        service_tick(&a->service, a->hub, a->net);
    }
    service_stops();
    log_info("stopping", "signal=%s drain_s=%d", sigabbrev_np(number),
             (int)a->settings.drain_seconds);
}

/* What start() did, as far as it came, backwards. */
static void stop(struct app *a) REQUIRES(on_main)
{
    const int64_t deadline = clock_mono_ms() + a->settings.drain_seconds * 1000;
    signals_end_at_once((unsigned)a->settings.drain_seconds + STOP_LIMIT_S);
    mdns_stop(a->mdns);
    if (a->net_runs)
        net_drain(a->net, a->settings.drain_seconds * 1000);
    if (a->hub_runs) {
        const int64_t left = deadline - clock_mono_ms();
        hub_stop(a->hub, left > 0 ? left : 0);
    }
    if (a->net_runs)
        net_stop(a->net);
    if (a->archive != NULL)
        archive_stop(a->archive, ARCHIVE_STOP_MS); /* what the hub published last, too */
    if (a->hub != NULL)
        hub_free(a->hub);
    archive_free(a->archive);
    if (a->has_private_redis)
        private_redis_stop(&a->redis);
    net_free(a->net);
    keyring_free(a->keyring);
}

static int serve(struct app *a)
{
    role_assume(&on_main);
    log_set_level(log_level_of(a->settings.log_level));
    signals_block();
    a->stats.started_mono_ms = clock_mono_ms();
    int result = start(a);
    if (result == 0)
        run(a);
    stop(a);
    if (result == 0)
        log_info("stopped", "instance=%s", a->settings.instance);
    return result < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    log_look_for_journal();
    if (argc > 1 && tool_is_command(argv[1])) {
        role_assume(&on_main);
        return tool_run(argv + 1, environ);
    }
    static struct app app;
    char error[1024];
    int status = 0;
    switch (config_load(argv, environ, &app.settings, error, sizeof error)) {
    case CONFIG_HELP:
        config_print_help(stdout);
        return 0;
    case CONFIG_VERSION:
        puts("confab " CONFAB_VERSION);
        return 0;
    case CONFIG_WRONG:
        fprintf(stderr, "%sconfab: %s\n", log_priority(LOG_LEVEL_ERROR), error);
        return 2;
    case CONFIG_CHECK_HEALTH:
        status = health_check(&app.settings);
        break;
    case CONFIG_ADDRESSES:
        announce_addresses(&(struct reach){ .scheme = tls_scheme(&app.settings),
                                            .bind = app.settings.bind,
                                            .port = (int)app.settings.server_port },
                           &app.settings);
        break;
    case CONFIG_RUN:
        status = serve(&app);
        break;
    }
    config_free(&app.settings);
    return status;
}

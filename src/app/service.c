#include "confab/app/service.h"

#include "confab/hub/hub.h"
#include "confab/net/net.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

enum {
    LOOKS = 4, /* at the threads, in the time that the manager waits */
    TICK_MIN_MS = 50,
};

static bool is_tcp_listener(int fd)
{
    return sd_is_socket_inet(fd, AF_INET, SOCK_STREAM, 1, 0) > 0 ||
           sd_is_socket_inet(fd, AF_INET6, SOCK_STREAM, 1, 0) > 0;
}

static int take_socket(int *fd, char *error, size_t size)
{
    const int count = sd_listen_fds(true);
    *fd = -1;
    if (count == 0)
        return 0;
    if (count != 1) {
        snprintf(error, size,
                 "the service manager passes %d sockets and confab listens on one: leave one "
                 "ListenStream= in confab.socket; one of port alone takes IPv4 and IPv6.",
                 count);
        return -EINVAL;
    }
    if (!is_tcp_listener(SD_LISTEN_FDS_START)) {
        snprintf(error, size,
                 "what the service manager passes is no listening TCP socket: confab.socket needs "
                 "ListenStream= with a port, and Accept=no.");
        return -ENOTSOCK;
    }
    *fd = SD_LISTEN_FDS_START;
    return 0;
}

int service_begin(struct service *s, int *fd, char *error, size_t error_size)
{
    uint64_t us = 0;
    *s = (struct service){ 0 };
    if (sd_watchdog_enabled(0, &us) > 0)
        s->watchdog_ms = (int64_t)(us / 1000);
    return take_socket(fd, error, error_size);
}

void service_ready(int port)
{
    sd_notifyf(0, "READY=1\nSTATUS=Listening on port %d.", port);
}

void service_reloads(void)
{
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono_us());
}

void service_stops(void)
{
    sd_notify(0, "STOPPING=1\nSTATUS=Sending clients away.");
}

bool service_is_managed(void)
{
    return getenv("NOTIFY_SOCKET") != NULL;
}

int64_t service_tick_ms(const struct service *s)
{
    if (!s->watchdog_ms)
        return -1;
    const int64_t tick = s->watchdog_ms / LOOKS;
    return tick > TICK_MIN_MS ? tick : TICK_MIN_MS;
}

/* NULL when all have answered. */
static const char *silent_thread(const struct service *s, struct hub *hub, struct net *net,
                                 char name[static 16]) REQUIRES(on_main)
{
    if (!hub_answers(hub, s->round))
        return "hub";
    return net_answers(net, s->round, name) ? NULL : name;
}

void service_tick(struct service *s, struct hub *hub, struct net *net)
{
    const int64_t now = clock_mono_ms();
    if (!s->watchdog_ms || now < s->next_ms)
        return;
    s->next_ms = now + service_tick_ms(s);
    char name[16];
    const char *silent = silent_thread(s, hub, net, name);
    if (silent) {
        if (!s->complained && now - s->asked_ms >= s->watchdog_ms / 2)
            log_error("thread_hangs", "thread=%s silent_ms=%" PRId64 " limit_ms=%" PRId64, silent,
                      now - s->asked_ms, s->watchdog_ms);
        s->complained = s->complained || now - s->asked_ms >= s->watchdog_ms / 2;
        return;
    }
    sd_notify(0, "WATCHDOG=1");
    s->complained = false;
    s->asked_ms = now;
    s->round++;
    hub_ask(hub, s->round);
    net_ask(net, s->round);
}

#include "world.h"

#include "count.h"
#include "net/session.h"
#include "net/thread.h"
#include "redis.h"
#include "service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    JOIN_TOGETHER = 50, /* clients that connect at a time */
    SETTLE_TURNS = 6,   /* the longest chain: hello, channel, claim, room, list, live */
    SETTLE_MS = 10,
};

static struct settings settings = {
#define X(member, env, value, low, high, help) .member = (value),
    SETTINGS_NUMBERS(X)
#undef X
#define X(member, env, value, help) .member = (value),
        SETTINGS_TEXTS(X)
#undef X
            .pump_mode = PUMPS_SHARED,
    .net_thread_count = 1,
    .instance = "0123456789abcdef",
};
static struct stats stats;
static struct net *net;
static struct net_thread *net_thread;
static struct hub *hub;
static void (*the_story)(void);
static void (*net_turn_done)(void *arg);

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "confab-budget: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* ---- threads ----
 *
 * These two stand in for src/base/thread.c. The hub's thread is the only one that is started, and
 * it runs in place: hub_start() returns when the hub has stopped. What happens in between is up
 * to turn_done(), which the hub calls after each turn. */

int thread_start(pthread_t *out, const char *name, size_t stack_bytes, void *(*run)(void *),
                 void *arg)
{
    (void)name, (void)stack_bytes;
    *out = pthread_self();
    run(arg);
    return 0;
}

void thread_join(pthread_t thread)
{
    (void)thread;
}

void thread_want_short_slices(void)
{
}

/* The first turns find Redis; once it is ready the story is told, and the hub stops. */
static void turn_done(void *arg)
{
    net_turn_done(arg);
    if (!the_story)
        return;
    clock_forward(SETTLE_MS);
    redis_take();
    redis_answer();
    redis_publish();
    if (!hub->ready)
        return;
    void (*story)(void) = the_story;
    the_story = NULL;
    story();
    atomic_store(&hub->stopping, true);
}

void world_run(void (*story)(void))
{
    role_assume(&on_main);
    log_set_level(LOG_LEVEL_WARN);
    redis_open();
    the_story = story;
    struct keyring *keyring = keyring_new();
    net = net_new(&settings, &stats, keyring);
    check(!net->init_error, "net_new");
    net_thread = net_current = &net->threads[0];
    check(context_init(net_thread) == 0, "context_init");
    struct hub_options options = { .settings = &settings,
                                   .stats = &stats,
                                   .redis_addr = redis_address(),
                                   .keyring = keyring,
                                   .port = net_hub_port(net) };
    net_turn_done = options.port.turn_done;
    options.port.turn_done = turn_done;
    hub = net->hub = net->env.hub = hub_new(&options);
    check(hub != NULL, "hub_new");
    check(hub_start(hub) == 0, "hub_start");
    thread_close(net_thread);
    hub_free(hub);
    net_free(net);
    keyring_free(keyring);
    redis_close();
}

struct hub *world_hub(void)
{
    return hub;
}

/* ---- turns ---- */

void world_net_turn(void)
{
    thread_turn(net_thread);
}

void world_hub_turn(void)
{
    event_base_loop(hub->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    net_turn_done(net);
}

void world_settle(void)
{
    for (int i = 0; i < SETTLE_TURNS; i++) {
        clock_forward(SETTLE_MS);
        service_turn(net_thread);
        world_net_turn();
        world_hub_turn();
        redis_take();
        redis_answer();
        redis_publish();
        world_hub_turn();
    }
    world_net_turn();
}

/* ---- clients ---- */

static void connect_client(int *socket, const char *user, const char *room)
{
    int ends[2];
    char request[512];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0,
          "socketpair");
    atomic_fetch_add(&net_thread->connections, 1); /* as the acceptor does */
    session_adopt(net_thread, ends[0], NULL);
    const int size = snprintf(request, sizeof(request),
                              "GET /ws?username=%s&session=s-%s&room=%s HTTP/1.1\r\n"
                              "Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: confab.v1\r\n"
                              "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
                              user, user, room);
    check(send(ends[1], request, (size_t)size, 0) == size, "send");
    *socket = ends[1];
}

void world_join(struct crowd *c, const char *room, const char *prefix, unsigned count)
{
    check(count <= WORLD_CLIENTS_MAX, "too large a crowd");
    for (c->count = 0; c->count < count;) {
        for (unsigned i = 0; i < JOIN_TOGETHER && c->count < count; i++, c->count++) {
            char user[16];
            snprintf(user, sizeof(user), "%s%04u", prefix, c->count);
            connect_client(&c->sockets[c->count], user, room);
        }
        world_settle();
        world_hear(c);
    }
    clock_forward(PRESENCE_MOST_MS); /* who came last is announced */
    world_settle();
    world_hear(c);
    const struct room *r = room_find(hub, room);
    check(r && r->on_net[0] == count, "not all of them became members");
}

void world_say(int socket, const char *text)
{
    static const unsigned char key[4] = { 0x37, 0xfa, 0x21, 0x3d };
    unsigned char frame[512];
    const size_t length = strlen(text);
    size_t at = 0;
    check(length < sizeof(frame) - 8, "too long a text");
    frame[at++] = 0x81;
    frame[at++] = (unsigned char)(0x80 | (length < 126 ? length : 126));
    if (length >= 126) {
        frame[at++] = (unsigned char)(length >> 8);
        frame[at++] = (unsigned char)length;
    }
    memcpy(frame + at, key, sizeof(key));
    at += sizeof(key);
    for (size_t i = 0; i < length; i++)
        frame[at++] = (unsigned char)text[i] ^ key[i % 4];
    check(send(socket, frame, at, 0) == (ssize_t)at, "send");
}

unsigned world_hear(struct crowd *c)
{
    char chunk[65536];
    unsigned heard = 0;
    for (unsigned i = 0; i < c->count; i++) {
        ssize_t n = recv(c->sockets[i], chunk, sizeof(chunk), 0);
        heard += n > 0;
        while (n > 0)
            n = recv(c->sockets[i], chunk, sizeof(chunk), 0);
        check(n < 0 && errno == EAGAIN, "a client was cut off");
    }
    return heard;
}

/* The store when Redis hangs, dies, comes back, refuses, or forgets. */
#include "store/state.h"
#include "support/store.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct test_redis redis;
static struct event_base *base;
static struct test_store a;

static int set_up(void **state)
{
    (void)state;
    base = event_base_new();
    test_redis_init(&redis);
    test_store_init(&a, base, 'a');
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    role_assume(&on_hub);
    if (redis.pid)
        test_redis_signal(&redis, SIGCONT);
    test_store_fini(&a);
    test_redis_fini(&redis);
    event_base_free(base);
    return 0;
}

static void start(void) REQUIRES(on_hub);
static void start(void)
{
    test_store_start(&a, &redis);
    test_store_ready(&a);
}

static void ready_comes_after_the_first_echo(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_start(&a, &redis);
    assert_int_equal(store_state_of(a.store), STORE_STATE_CONNECTING);
    struct test_published out;
    assert_int_equal(test_store_publish_start(&a, "al", "r", NULL, NULL, "x", NULL, &out),
                     -ENOTCONN);
    test_store_ready(&a);
    assert_string_equal(a.states, "R");
    assert_int_equal(a.bus_ups, 1);
    assert_int_equal(stat_get(&a.stats, store_state), STORE_STATE_READY);
    assert_true(stat_get(&a.stats, probe_lag_us) > 0);
    assert_non_null(strstr(test_redis(&redis, "CLIENT LIST"), "confab-aaaaaaaaaaaaaaaa-bus"));
}

static void every_request_is_answered_once_when_redis_dies(void **state)
{
    (void)state;
    role_assume(&on_hub);
    start();
    struct test_messages before = test_store_load(&a, "r", NULL);
    test_redis_signal(&redis, SIGSTOP);
    enum { COUNT = 300 };
    static struct test_published out[COUNT];
    struct test_messages page = { 0 };
    struct test_claimed claim = { 0 };
    const struct store_claim name = { .user = "al", .session = "s" };
    struct test_roster roster = { 0 };
    memset(out, 0, sizeof(out));
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(test_store_publish_start(&a, "al", "r", NULL, NULL, "x", NULL, &out[i]),
                         0);
    assert_int_equal(store_page(a.store, "r", "al", 9, 9, test_messages, &page), 0);
    assert_int_equal(store_claim(a.store, &name, test_claimed, &claim), 0);
    assert_int_equal(store_roster(a.store, "r", test_roster, &roster), 0);
    event_base_loop(base, EVLOOP_NONBLOCK);
    test_redis_kill(&redis);
    WAIT_UNTIL(base, store_state_of(a.store) == STORE_STATE_CONNECTING);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(out[i].count, 1);
        assert_int_equal(out[i].status, STORE_UNAVAILABLE);
    }
    assert_int_equal(page.status, STORE_UNAVAILABLE);
    assert_int_equal(claim.status, STORE_UNAVAILABLE);
    assert_int_equal(roster.status, STORE_UNAVAILABLE);
    assert_int_equal(stat_get(&a.stats, redis_in_flight), 0);
    assert_int_equal(store_page(a.store, "r", "al", 9, 9, test_messages, &page), -ENOTCONN);

    test_redis_start(&redis); /* empty */
    test_store_ready(&a);
    assert_int_equal(page.count, 1);
    assert_int_equal(out[0].count, 1);
    assert_int_equal(a.bus_ups, 2);
    assert_string_equal(a.states, "RCR");
    assert_int_equal(stat_get(&a.stats, redis_reconnects), 2);
    struct store_known known = { before.epoch, before.seq, before.fence, "" };
    struct test_messages after = test_store_load(&a, "r", &known);
    assert_string_not_equal(after.epoch, before.epoch);
    assert_string_not_equal(after.fence, before.fence);
}

static void requests_under_way_are_answered_when_the_store_ends(void **state)
{
    (void)state;
    role_assume(&on_hub);
    start();
    struct test_published out = { 0 };
    assert_int_equal(test_store_publish_start(&a, "al", "r", NULL, NULL, "x", NULL, &out), 0);
    store_free(a.store);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.status, STORE_UNAVAILABLE);
    test_store_start(&a, &redis); /* for tear_down; freed while it connects */
}

static void publish_some(unsigned count) REQUIRES(on_hub);
static void publish_some(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL);
}

static void restart_with_all_data_keeps_the_epoch(void **state)
{
    (void)state;
    role_assume(&on_hub);
    start();
    publish_some(3);
    struct test_messages before = test_store_load(&a, "r", NULL);
    struct store_known known = { before.epoch, before.seq, before.fence, "" };
    test_redis(&redis, "SAVE");
    test_redis_kill(&redis);
    test_redis_start(&redis);
    WAIT_UNTIL(base, a.bus_ups == 2);
    test_store_ready(&a);
    struct test_messages after = test_store_load(&a, "r", &known);
    assert_string_equal(after.epoch, before.epoch);
    assert_string_not_equal(after.fence, before.fence);
    assert_int_equal(after.messages, 3);
}

static void restart_without_the_last_writes_starts_an_epoch(void **state)
{
    (void)state;
    role_assume(&on_hub);
    start();
    publish_some(3);
    test_redis(&redis, "SAVE");
    publish_some(2); /* 4 and 5: given out, then lost */
    struct test_messages before = test_store_load(&a, "r", NULL);
    struct store_known known = { before.epoch, before.seq, before.fence, "" };
    test_redis_kill(&redis);
    test_redis_start(&redis);
    WAIT_UNTIL(base, a.bus_ups == 2);
    test_store_ready(&a);
    struct test_published out = test_store_publish(&a, "al", "r", NULL, NULL, "x", &known);
    assert_int_equal(out.seq, 4); /* the number again, but not the epoch */
    assert_string_not_equal(out.epoch, before.epoch);
}

static void hung_redis_is_noticed_and_comes_back(void **state)
{
    (void)state;
    role_assume(&on_hub);
    start();
    test_redis_signal(&redis, SIGSTOP);
    struct test_published out = { 0 };
    assert_int_equal(test_store_publish_start(&a, "al", "r", NULL, NULL, "x", NULL, &out), 0);
    int64_t begun = clock_mono_ms();
    WAIT_UNTIL(base, store_state_of(a.store) == STORE_STATE_DEAF);
    assert_true(clock_mono_ms() - begun >= 1900);
    assert_int_equal(out.count, 0); /* it may only be busy */
    WAIT_UNTIL(base, out.count);
    assert_int_equal(out.status, STORE_UNAVAILABLE);
    assert_true(clock_mono_ms() - begun >= 4900);
    test_redis_signal(&redis, SIGCONT);
    test_store_ready(&a);
    assert_int_equal(out.count, 1);
    assert_int_equal(test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL).status, STORE_OK);
}

static void deaf_subscriber_is_replaced(void **state)
{
    (void)state;
    role_assume(&on_hub);
    start();
    event_del(a.store->bus.connection.read); /* connected, but nothing arrives any more */
    WAIT_UNTIL(base, store_state_of(a.store) == STORE_STATE_DEAF);
    assert_int_equal(a.bus_ups, 1);
    test_store_ready(&a);
    assert_int_equal(a.bus_ups, 2);
    assert_string_equal(a.states, "RdR"); /* the commands never stopped */
    test_store_subscribe(&a, STORE_CHANNEL_ROOM, "r");
    publish_some(1);
    WAIT_UNTIL(base, test_store_saw(&a, "room r m "));
}

static void paused_bus_is_not_taken_for_deaf(void **state)
{
    (void)state;
    role_assume(&on_hub);
    start();
    test_store_subscribe(&a, STORE_CHANNEL_ROOM, "r");
    store_pause_bus(a.store, true);
    publish_some(1);
    for (unsigned i = 0; i < PROBE_SILENT_TICKS + 2; i++) {
        event_active(a.store->ticker, EV_TIMEOUT, 0); /* time is counted in ticks */
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    assert_false(test_store_saw(&a, "room r m "));
    store_pause_bus(a.store, false);
    WAIT_UNTIL(base, test_store_saw(&a, "room r m "));
    assert_string_equal(a.states, "R");
}

static void cut_bus_subscribes_again_by_itself(void **state)
{
    (void)state;
    role_assume(&on_hub);
    start();
    test_redis(&redis, "CLIENT KILL TYPE pubsub");
    WAIT_UNTIL(base, a.bus_ups == 2);
    test_store_ready(&a);
    assert_string_equal(a.states, "RCR");
    test_store_subscribe(&a, STORE_CHANNEL_ROOM, "r");
}

/* Redis answers, pub/sub too, and yet nothing can be stored. */
static void redis_that_takes_no_writes_is_not_ready(void **state)
{
    (void)state;
    role_assume(&on_hub);
    static const char *const ills[][2] = {
        { "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0" },
        { "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE" },
    };
    start();
    for (size_t i = 0; i < sizeof(ills) / sizeof(ills[0]); i++) {
        test_redis(&redis, ills[i][0]);
        struct test_published out = test_store_publish(&a, "al", "r", NULL, "c", "x", NULL);
        assert_int_equal(out.status, STORE_UNAVAILABLE);
        assert_int_equal(store_state_of(a.store), STORE_STATE_REFUSING);
        unsigned tick = a.store->tick;
        WAIT_UNTIL(base, a.store->tick == tick + 2); /* it has asked again: no better */
        assert_int_equal(store_state_of(a.store), STORE_STATE_REFUSING);
        test_redis(&redis, ills[i][1]);
        test_store_ready(&a);
    }
    assert_string_equal(a.states, "RwRwR");
    assert_int_equal(a.bus_ups, 1);
}

static void refused_password_is_told_and_mended_later(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "CONFIG SET requirepass secret");
    a.settings.redis_password = "wrong";
    test_capture_start();
    test_store_start(&a, &redis);
    WAIT_UNTIL(base, store_state_of(a.store) == STORE_STATE_DENIED);
    WAIT_UNTIL(base, a.store->link.denied && a.store->bus.denied);
    char *log = test_capture_end();
    assert_non_null(strstr(log, "event=redis_denied"));
    assert_non_null(strstr(log, "REDIS_PASSWORD"));
    assert_null(strstr(log, "wrong\""));
    free(log);
    test_redis(&redis, "CONFIG SET requirepass wrong");
    event_active(a.store->link.timer, EV_TIMEOUT, 0); /* no need to wait for some seconds */
    event_active(a.store->bus.timer, EV_TIMEOUT, 0);
    test_store_ready(&a);
    assert_string_equal(a.states, "DR");
}

static void missing_password_and_database_are_told(void **state)
{
    (void)state;
    role_assume(&on_hub);
    log_set_level(LOG_LEVEL_ERROR + 1);
    test_redis(&redis, "CONFIG SET requirepass secret");
    test_store_start(&a, &redis);
    WAIT_UNTIL(base, store_state_of(a.store) == STORE_STATE_DENIED);
    assert_int_equal(a.bus_ups, 0);
    store_free(a.store);
    a.settings.redis_password = "secret";
    a.settings.redis_db = 4711;
    a.states[0] = '\0';
    test_store_start(&a, &redis);
    WAIT_UNTIL(base, store_state_of(a.store) == STORE_STATE_DENIED);
    log_set_level(LOG_LEVEL_ERROR);
}

static void another_database_has_other_keys(void **state)
{
    (void)state;
    role_assume(&on_hub);
    a.settings.redis_db = 3;
    start();
    publish_some(1);
    assert_string_equal(test_redis(&redis, "DBSIZE"), "0");
    test_redis(&redis, "SELECT 3");
    assert_string_equal(test_redis(&redis, "DBSIZE"), "2");
}

static void unreachable_is_said_once(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis_kill(&redis);
    log_set_level(LOG_LEVEL_INFO);
    test_capture_start();
    test_store_start(&a, &redis);
    WAIT_UNTIL(base, a.store->link.attempts >= 4 && a.store->bus.attempts >= 4);
    char *log = test_capture_end();
    assert_non_null(strstr(log, "event=redis_lost connection=commands"));
    assert_ptr_equal(strchr(log, '\n') + 1, log + strlen(log)); /* one line */
    free(log);
    test_capture_start();
    test_redis_start(&redis);
    test_store_ready(&a);
    log = test_capture_end();
    assert_non_null(strstr(log, "event=store state=ready"));
    free(log);
    log_set_level(LOG_LEVEL_ERROR);
}

/* TCP in front of the private Redis. */
static unsigned relayed;

static void forward(struct bufferevent *from, void *to)
{
    bufferevent_write_buffer(to, bufferevent_get_input(from));
}

static void hang_up(struct bufferevent *one, short what, void *other)
{
    if (what & BEV_EVENT_CONNECTED)
        return;
    relayed--;
    bufferevent_free(other);
    bufferevent_free(one);
}

static void accept_one(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
                       int size, void *arg)
{
    (void)listener, (void)from, (void)size, (void)arg;
    relayed++;
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    snprintf(to.sun_path, sizeof(to.sun_path), "%s", redis.address + strlen("unix:"));
    struct bufferevent *in = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    struct bufferevent *out = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(in, forward, NULL, hang_up, out);
    bufferevent_setcb(out, forward, NULL, hang_up, in);
    assert_int_equal(bufferevent_socket_connect(out, (struct sockaddr *)&to, sizeof(to)), 0);
    bufferevent_enable(in, EV_READ | EV_WRITE);
    bufferevent_enable(out, EV_READ | EV_WRITE);
}

static void a_host_name_leads_to_redis_over_tcp(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct evconnlistener *listener = evconnlistener_new_bind(
        base, accept_one, NULL, LEV_OPT_CLOSE_ON_FREE, -1, (struct sockaddr *)&at, sizeof(at));
    assert_non_null(listener);
    socklen_t size = sizeof(at);
    assert_int_equal(getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&at, &size),
                     0);
    struct test_redis remote = redis;
    /* localhost may be ::1 as well, where nobody listens: then the next try takes 127.0.0.1 */
    snprintf(remote.address, sizeof(remote.address), "localhost:%d", ntohs(at.sin_port));
    test_store_start(&a, &remote);
    test_store_ready(&a);
    publish_some(1);
    store_free(a.store);
    assert_int_equal(relayed, 2);
    WAIT_UNTIL(base, relayed == 0);
    evconnlistener_free(listener);
    test_store_start(&a, &redis); /* for tear_down */
}

struct resolved {
    unsigned count;
    char number[64], error[64];
};

static void on_resolved(void *arg, const char *number, const char *error)
{
    struct resolved *r = arg;
    r->count++;
    snprintf(r->number, sizeof(r->number), "%s", number ? number : "");
    snprintf(r->error, sizeof(r->error), "%s", error ? error : "");
}

static void names_are_looked_up_in_the_background(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct event_base *loop = event_base_new();
    struct resolved found = { 0 }, nowhere = { 0 }, never = { 0 };
    assert_non_null(resolve_start(loop, "localhost", 0, on_resolved, &found));
    assert_non_null(resolve_start(loop, "no such host", 0, on_resolved, &nowhere));
    resolve_stop(resolve_start(loop, "localhost", 1, on_resolved, &never));
    assert_int_equal(found.count, 0);
    WAIT_UNTIL(loop, found.count && nowhere.count);
    assert_true(strcmp(found.number, "127.0.0.1") == 0 || strcmp(found.number, "::1") == 0);
    assert_string_not_equal(nowhere.error, "");
    assert_int_equal(never.count, 0);
    event_base_free(loop);
}

static void addresses_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *path, *host;
        int port;
        bool numeric;
    } cases[] = {
        { "unix:/run/redis.sock", "/run/redis.sock", NULL, 6379, false },
        { "/run/redis.sock", "/run/redis.sock", NULL, 6379, false },
        { "redis:7000", NULL, "redis", 7000, false },
        { "redis", NULL, "redis", 6379, false },
        { "127.0.0.1:1", NULL, "127.0.0.1", 1, true },
        { "[::1]:7001", NULL, "::1", 7001, true },
        { "[::1]", NULL, "::1", 6379, true },
        { "::1", NULL, "::1", 6379, true },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address got;
        address_init(&got, cases[i].text);
        if (cases[i].path)
            assert_string_equal(got.path, cases[i].path);
        else
            assert_string_equal(got.host, cases[i].host);
        assert_int_equal(got.port, cases[i].port);
        assert_int_equal(got.numeric, cases[i].numeric);
        address_fini(&got);
    }
}

#define TROUBLE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TROUBLE(ready_comes_after_the_first_echo),
        TROUBLE(every_request_is_answered_once_when_redis_dies),
        TROUBLE(requests_under_way_are_answered_when_the_store_ends),
        TROUBLE(restart_with_all_data_keeps_the_epoch),
        TROUBLE(restart_without_the_last_writes_starts_an_epoch),
        TROUBLE(hung_redis_is_noticed_and_comes_back),
        TROUBLE(deaf_subscriber_is_replaced),
        TROUBLE(paused_bus_is_not_taken_for_deaf),
        TROUBLE(cut_bus_subscribes_again_by_itself),
        TROUBLE(redis_that_takes_no_writes_is_not_ready),
        TROUBLE(refused_password_is_told_and_mended_later),
        TROUBLE(missing_password_and_database_are_told),
        TROUBLE(another_database_has_other_keys),
        TROUBLE(unreachable_is_said_once),
        TROUBLE(a_host_name_leads_to_redis_over_tcp),
        cmocka_unit_test(names_are_looked_up_in_the_background),
        cmocka_unit_test(addresses_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

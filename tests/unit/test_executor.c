/* Pump threads. What they do is noted under a lock and asserted by the test's own thread. */
#include "support/test.h"

#include "confab/pump/executor.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum { DEADLINE_S = 20 };

static struct stats stats;
static struct settings settings;

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t change;
    bool full;
    unsigned submitted, refused, ended, resumed, handed_over;
    struct batch *last; /* owned */
} seen = { .mutex = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER };

static void note(unsigned *count)
{
    pthread_mutex_lock(&seen.mutex);
    (*count)++;
    pthread_cond_broadcast(&seen.change);
    pthread_mutex_unlock(&seen.mutex);
}

static unsigned count_of(const unsigned *count)
{
    pthread_mutex_lock(&seen.mutex);
    const unsigned n = *count;
    pthread_mutex_unlock(&seen.mutex);
    return n;
}

static void set_full(bool full)
{
    pthread_mutex_lock(&seen.mutex);
    seen.full = full;
    pthread_mutex_unlock(&seen.mutex);
}

static void expect_count(const unsigned *count, unsigned wanted)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DEADLINE_S;
    int error = 0;
    pthread_mutex_lock(&seen.mutex);
    while (*count < wanted && !error)
        error = pthread_cond_timedwait(&seen.change, &seen.mutex, &until);
    const unsigned got = *count;
    pthread_mutex_unlock(&seen.mutex);
    assert_int_equal(got, wanted);
}

struct peer *peer_ref(struct peer *p)
{
    atomic_fetch_add(&p->refs, 1);
    return p;
}

void peer_unref(struct peer *p)
{
    if (atomic_fetch_sub(&p->refs, 1) == 1)
        p->release(p);
}

int hub_register(struct hub *h, struct peer *peer, struct command *hello)
{
    (void)h;
    (void)peer;
    (void)hello;
    return -EAGAIN;
}

int hub_submit(struct hub *h, struct peer *peer, struct command *c)
{
    (void)h;
    pthread_mutex_lock(&seen.mutex);
    const bool full = seen.full;
    pthread_mutex_unlock(&seen.mutex);
    if (full) {
        note(&seen.refused);
        return -EAGAIN;
    }
    command_free(c);
    peer_unref(peer);
    note(&seen.submitted);
    return 0;
}

static void on_send(struct client *c, struct frame *f)
{
    (void)c;
    (void)f;
}

static void on_close(struct client *c, int code, const char *reason)
{
    (void)c;
    (void)code;
    (void)reason;
}

static void on_resume(struct client *c)
{
    (void)c;
    note(&seen.resumed);
}

static void on_hand_over(struct client *c, struct batch *b)
{
    (void)c;
    pthread_mutex_lock(&seen.mutex);
    batch_unref(seen.last);
    seen.last = b;
    pthread_mutex_unlock(&seen.mutex);
    note(&seen.handed_over);
}

static void on_ended(struct client *c)
{
    (void)c;
    note(&seen.ended);
}

static struct pump_env env = { .settings = &settings,
                               .stats = &stats,
                               .port = { .send = on_send,
                                         .close = on_close,
                                         .resume = on_resume,
                                         .hand_over = on_hand_over,
                                         .ended = on_ended } };

static int set_up(void **state)
{
    seen.full = false;
    seen.submitted = seen.refused = seen.ended = seen.resumed = seen.handed_over = 0;
    struct client *c = client_new(&env, 0);
    *state = c;
    return pumps_start(c, false);
}

static void end(struct client *c)
{
    pumps_end(c);
    assert_true(pumps_ending(c));
    expect_count(&seen.ended, 2);
    assert_false(pumps_reap(c));
    assert_true(pumps_reap(c));
    assert_null(c->pumps);
    assert_int_equal(stat_get(&stats, threads_reader), 0);
    assert_int_equal(stat_get(&stats, threads_writer), 0);
}

static int tear_down(void **state)
{
    struct client *c = *state;
    if (c->pumps)
        end(c);
    client_unref(c);
    batch_unref(seen.last);
    seen.last = NULL;
    return 0;
}

static void say(struct client *c, const char *text)
{
    client_receive(c, text_new(text, strlen(text)));
    if (c->pumps)
        pumps_received(c);
}

static struct batch *batch_of(const char *text)
{
    const struct frame_part part = { text, strlen(text) };
    struct frame *f = frame_new(FRAME_MESSAGE, 1, &part, 1);
    struct batch *b = batch_of_frame(f, 1);
    frame_unref(f);
    return b;
}

static void the_reader_reads(void **state)
{
    struct client *c = *state;
    for (unsigned i = 1; i <= 100; i++) {
        say(c, "{\"type\":\"join\",\"room\":\"a\"}");
        expect_count(&seen.submitted, i);
    }
}

static void a_full_inbox_says_when_it_has_room(void **state)
{
    struct client *c = *state;
    set_full(true);
    say(c, "{\"type\":\"join\",\"room\":\"a\"}");
    expect_count(&seen.refused, 1); /* the reader has taken it */
    unsigned sent = 1;
    while (client_receive(c, text_new("{\"type\":\"leave\",\"room\":\"a\"}", 27)))
        sent++;
    sent++;
    pumps_received(c);
    assert_int_equal(count_of(&seen.resumed), 0);
    set_full(false);
    atomic_fetch_add(&env.flow, 1);
    pumps_flow(c);
    expect_count(&seen.resumed, 1);
    expect_count(&seen.submitted, sent);
}

static void a_full_inbox_that_ends_with_a_request_is_read_on(void **state)
{
    struct client *c = *state;
    set_full(true);
    say(c, "{\"type\":\"join\",\"room\":\"a\"}");
    expect_count(&seen.refused, 1);
    for (unsigned i = 1; i < INBOX_FRAMES; i++)
        say(c, "{\"type\":\"leave\",\"room\":\"a\"}");
    static const char history[] = "{\"type\":\"history\",\"room\":\"a\"}";
    assert_false(client_receive(c, text_new(history, sizeof history - 1)));
    set_full(false);
    atomic_fetch_add(&env.flow, 1);
    pumps_flow(c);
    expect_count(&seen.submitted, 1 + INBOX_FRAMES);
    expect_count(&seen.resumed, 1); /* though the answer is not out yet */
}

static void the_writer_hands_over_one_batch_at_a_time(void **state)
{
    struct client *c = *state;
    client_queue(c, batch_of("a"));
    expect_count(&seen.handed_over, 1);
    client_queue(c, batch_of("b"));
    client_queue(c, batch_of("c"));
    assert_int_equal(count_of(&seen.handed_over), 1);
    pumps_written(c);
    expect_count(&seen.handed_over, 2);
    assert_int_equal(seen.last->frames, 2);
    pumps_written(c);
}

static void what_is_left_stays_in_the_boxes(void **state)
{
    struct client *c = *state;
    client_queue(c, batch_of("a"));
    expect_count(&seen.handed_over, 1);
    client_queue(c, batch_of("b"));
    end(c);
    struct batch *left = writer_step(c, NULL);
    assert_non_null(left);
    batch_unref(left);
    say(c, "{\"type\":\"join\",\"room\":\"a\"}");
    assert_int_equal(reader_step(c), READER_IDLE);
    assert_int_equal(count_of(&seen.submitted), 1);
}

static void threads_come_and_go(void **state)
{
    struct client *c = *state;
    for (int i = 0; i < 20; i++) {
        say(c, "{\"type\":\"join\",\"room\":\"a\"}");
        end(c);
        assert_int_equal(reader_step(c), READER_IDLE); /* what it did not get to */
        assert_int_equal(count_of(&seen.submitted), (unsigned)i + 1);
        seen.ended = 0;
        assert_int_equal(pumps_start(c, false), 0);
    }
}

static void auto_crosses_the_limit_with_hysteresis(void **state)
{
    (void)state;
    const struct settings s = { .pump_mode = PUMPS_AUTO, .pump_thread_clients = 8 };
    struct pump_mode_switch m;
    pump_mode_init(&m, &s);
    assert_false(pump_mode_is_shared(&m));
    assert_false(pump_mode_update(&m, 8));
    assert_true(pump_mode_update(&m, 9));
    assert_true(pump_mode_is_shared(&m));
    assert_false(pump_mode_update(&m, 10));
    assert_false(pump_mode_update(&m, 6));
    assert_true(pump_mode_update(&m, 5));
    assert_false(pump_mode_is_shared(&m));
}

static void forced_modes_stay(void **state)
{
    (void)state;
    struct pump_mode_switch m;
    const struct settings threads = { .pump_mode = PUMPS_THREADS, .pump_thread_clients = 1 };
    pump_mode_init(&m, &threads);
    assert_false(pump_mode_update(&m, 1000));
    assert_false(pump_mode_is_shared(&m));
    const struct settings shared = { .pump_mode = PUMPS_SHARED, .pump_thread_clients = 100 };
    pump_mode_init(&m, &shared);
    assert_false(pump_mode_update(&m, 0));
    assert_true(pump_mode_is_shared(&m));
}

static void refused_threads_are_asked_for_again_later(void **state)
{
    (void)state;
    struct pump_mode_switch m = { .mode = PUMPS_THREADS };
    const int64_t now = 1000000;
    assert_true(pump_mode_may_start(&m, now));
    assert_true(pump_mode_refused(&m, now)); /* the log hears of it once */
    assert_false(pump_mode_may_start(&m, now + PUMP_RETRY_MS - 1));
    assert_true(pump_mode_may_start(&m, now + PUMP_RETRY_MS));
    assert_false(pump_mode_refused(&m, now + PUMP_RETRY_MS));
    assert_false(pump_mode_may_start(&m, now + PUMP_RETRY_MS));
    assert_true(pump_mode_refused(&m, now + 100 * PUMP_RETRY_MS));
}

static void a_client_is_idle_when_all_is_done(void **state)
{
    struct client *c = *state;
    assert_true(client_idle(c));
    set_full(true);
    say(c, "{\"type\":\"join\",\"room\":\"a\"}");
    assert_false(client_idle(c));
    expect_count(&seen.refused, 1);
    assert_false(client_idle(c));
    end(c);
    assert_false(client_idle(c));
    set_full(false);
    assert_int_equal(reader_step(c), READER_IDLE);
    assert_true(client_idle(c));
    c->peer.in_flight = 1;
    assert_false(client_idle(c));
    c->peer.in_flight = 0;
    c->peer.queued = 1;
    assert_false(client_idle(c));
    c->peer.queued = 0;
    assert_true(client_idle(c));
}

#define PUMP_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PUMP_TEST(the_reader_reads),
        PUMP_TEST(a_full_inbox_says_when_it_has_room),
        PUMP_TEST(a_full_inbox_that_ends_with_a_request_is_read_on),
        PUMP_TEST(the_writer_hands_over_one_batch_at_a_time),
        PUMP_TEST(what_is_left_stays_in_the_boxes),
        PUMP_TEST(threads_come_and_go),
        cmocka_unit_test(auto_crosses_the_limit_with_hysteresis),
        cmocka_unit_test(forced_modes_stay),
        cmocka_unit_test(refused_threads_are_asked_for_again_later),
        PUMP_TEST(a_client_is_idle_when_all_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

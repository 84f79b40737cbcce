/* Instances that ask each other's archives, through Redis. */
#include "support/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct test_redis redis;
static struct event_base *base;
static struct test_store a, b, c;

static int set_up(void **state)
{
    (void)state;
    role_assume(&on_hub);
    base = event_base_new();
    test_redis_init(&redis);
    struct test_store *const all[] = { &a, &b, &c };
    for (int i = 0; i < 3; i++) {
        test_store_init(all[i], base, (char)('a' + i));
        test_store_start(all[i], &redis);
        test_store_ready(all[i]);
        /* subscriptions are confirmed in their order: the mailbox came before */
        test_store_subscribe(all[i], STORE_CHANNEL_ROOM, "r");
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_fini(&a);
    test_store_fini(&b);
    test_store_fini(&c);
    test_redis_fini(&redis);
    event_base_free(base);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "FLUSHALL");
    str_reset(&a.log);
    str_reset(&b.log);
    str_reset(&c.log);
    return 0;
}

struct answer {
    unsigned count;
    enum store_status status;
};

static void on_answer(void *arg, enum store_status status)
{
    struct answer *out = arg;
    out->count++;
    out->status = status;
}

static enum store_status ask(struct test_store *t, uint64_t id, const char *json) REQUIRES(on_hub);
static enum store_status ask(struct test_store *t, uint64_t id, const char *json)
{
    struct answer out = { 0 };
    assert_int_equal(store_ask(t->store, id, json, strlen(json), 2000, on_answer, &out), 0);
    assert_int_equal(out.count, 0); /* never from within the call */
    WAIT_UNTIL(base, out.count > 0);
    assert_int_equal(out.count, 1);
    return out.status;
}

static void serve(struct test_store *t, const char *score) REQUIRES(on_hub);
static void serve(struct test_store *t, const char *score)
{
    store_serve(t->store);
    const char *instance = t->settings.instance;
    WAIT_UNTIL(base, strcmp(test_redis(&redis, "ZSCORE t:archives %s", instance), "nil") != 0);
    if (score)
        test_redis(&redis, "ZADD t:archives %s %s", score, instance);
}

static void a_question_reaches_who_serves_and_its_answer_the_asker(void **state)
{
    (void)state;
    role_assume(&on_hub);
    serve(&b, NULL);
    assert_int_equal(ask(&a, 7, "{\"q\":\"a b\\n\"}"), STORE_OK);
    WAIT_UNTIL(base, test_store_saw(&b, "asked aaaaaaaaaaaaaaaa 7 2000 {\"q\":\"a b\\n\"}\n"));
    assert_false(test_store_saw(&c, "asked"));
    const struct frame_part part = { "{\"type\":\"history\"}", 18 };
    struct frame *f = frame_new(FRAME_CONTROL, 0, &part, 1);
    store_reply(b.store, "aaaaaaaaaaaaaaaa", 7, 41, f);
    frame_unref(f);
    WAIT_UNTIL(base, test_store_saw(&a, "replied 7 41 {\"type\":\"history\"}\n"));
    assert_false(test_store_saw(&c, "replied"));
}

static void nobody_serves(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_int_equal(ask(&a, 1, "{}"), STORE_NOBODY);
    serve(&a, NULL); /* itself: it would have answered without asking */
    assert_int_equal(ask(&a, 2, "{}"), STORE_NOBODY);
    serve(&b, "1000"); /* its lease ended long ago */
    assert_int_equal(ask(&a, 3, "{}"), STORE_NOBODY);
    assert_string_equal(test_redis(&redis, "ZRANGE t:archives 0 -1"), "aaaaaaaaaaaaaaaa");
    assert_false(test_store_saw(&b, "asked"));
}

static void who_died_is_passed_over_and_forgotten(void **state)
{
    (void)state;
    role_assume(&on_hub);
    serve(&b, NULL);
    for (int i = 0; i < 20; i++)
        test_redis(&redis, "ZADD t:archives 9999999999999 dead-%d", i);
    unsigned asked = 0;
    do { /* the one that is asked first changes with the clock */
        assert_int_equal(ask(&a, ++asked, "{}"), STORE_OK);
        assert_true(asked < 10000);
    } while (strcmp(test_redis(&redis, "ZCARD t:archives"), "1") != 0);
    WAIT_UNTIL(base, test_store_saw_times(&b, "asked ") == asked); /* each reached it */
}

static void a_lease_ends(void **state)
{
    (void)state;
    role_assume(&on_hub);
    serve(&b, NULL);
    const double until = strtod(test_redis(&redis, "ZSCORE t:archives bbbbbbbbbbbbbbbb"), NULL);
    const double left = until - (double)clock_wall_ms();
    assert_true(left > STORE_SERVES_MS - 5000 && left <= STORE_SERVES_MS);
}

/* Anybody who has the password may write into a mailbox. */
static void what_is_no_letter_is_ignored(void **state)
{
    (void)state;
    role_assume(&on_hub);
    static const char *const letters[] = {
        "",
        "a",
        "a ",
        "a 1",
        "a 1 x",
        "a 1 x\n{}",
        "a 1 x y\n{}",
        "a x y 1\n{}",
        "a -1 x 1\n{}",
        "a 1 aaaaaaaaaaaaaaaaa 1\n{}",
        "a 1 x 99999999999\n{}",
        "r 1\n{}",
        "r 1 \n{}",
        "r 1 -1\n{}",
        "r x 1\n{}",
        "x 1 x 1\n{}",
        "a  1 x 1\n{}",
        "r 1 2",
    };
    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
        test_redis(&redis, "PUBLISH t:mail:aaaaaaaaaaaaaaaa %s", letters[i]);
    test_redis(&redis, "PUBLISH t:mail:aaaaaaaaaaaaaaaa %s", "r 5 6\n{}");
    WAIT_UNTIL(base, test_store_saw(&a, "replied 5 6 {}\n"));
    assert_string_equal(a.log.data, "replied 5 6 {}\n");
}

static void without_redis_nothing_is_asked(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct test_store d;
    struct answer out = { 0 };
    test_store_init(&d, base, 'd');
    test_store_start(&d, &redis);
    assert_int_equal(store_ask(d.store, 1, "{}", 2, 1, on_answer, &out), -ENOTCONN);
    test_store_ready(&d);
    assert_int_equal(store_ask(d.store, 1, "{}", 2, 1, on_answer, &out), 0);
    test_store_fini(&d);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.status, STORE_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_question_reaches_who_serves_and_its_answer_the_asker, empty),
        cmocka_unit_test_setup(nobody_serves, empty),
        cmocka_unit_test_setup(who_died_is_passed_over_and_forgotten, empty),
        cmocka_unit_test_setup(a_lease_ends, empty),
        cmocka_unit_test_setup(what_is_no_letter_is_ignored, empty),
        cmocka_unit_test_setup(without_redis_nothing_is_asked, empty),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* Asking Sentinels: what their answers mean, and who is asked when. The stand-ins here only say
 * one thing each; tests/integration/test_sentinel.py has real Sentinels. */
#include "store/link.h"
#include "store/sentinel.h"
#include "support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void addresses_are_read_and_written(void **state)
{
    (void)state;
    static const char *const texts[] = { "unix:/r", "a.b:1", "127.0.0.1:26379", "[fd00::2]:65535" };
    for (size_t i = 0; i < 4; i++) {
        struct address a, again;
        char text[64];
        address_init(&a, texts[i]);
        assert_string_equal(address_text(&a, text, sizeof(text)), texts[i]);
        if (a.host) {
            address_init_host(&again, a.host, a.port);
            assert_true(address_equal(&a, &again));
            assert_int_equal(again.numeric, i >= 2);
            again.port = 2;
            assert_false(address_equal(&a, &again));
            address_fini(&again);
        }
        address_fini(&a);
    }
}

static void lists_have_commas_and_blanks(void **state)
{
    (void)state;
    struct address *list;
    assert_int_equal(address_list(&list, " a:1,b:2, [::1]:3 ,"), 3);
    assert_string_equal(list[1].host, "b");
    assert_string_equal(list[2].host, "::1");
    assert_int_equal(list[2].port, 3);
    for (size_t i = 0; i < 3; i++)
        address_fini(&list[i]);
    free(list);
    assert_int_equal(address_list(&list, ""), 0);
    assert_null(list);
}

/* Of one whole reply in RESP2. */
static int read_answer(const char *bytes, struct address *out)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    assert_int_equal(redisReaderFeed(reader, bytes, strlen(bytes)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    int result = sentinel_read(reply, out);
    freeReplyObject(reply);
    redisReaderFree(reader);
    return result;
}

static void answers_are_understood(void **state)
{
    (void)state;
    struct address a;
    assert_int_equal(read_answer("*2\r\n$7\r\nfd00::2\r\n$4\r\n6379\r\n", &a), 0);
    assert_string_equal(a.host, "fd00::2");
    assert_int_equal(a.port, 6379);
    assert_true(a.numeric);
    address_fini(&a);
    assert_int_equal(read_answer("*2\r\n$7\r\nredis-1\r\n$1\r\n1\r\n", &a), 0);
    assert_false(a.numeric);
    address_fini(&a);
    assert_int_equal(read_answer("*-1\r\n", &a), -ENOENT);
    assert_int_equal(read_answer("$-1\r\n", &a), -ENOENT);
    assert_int_equal(read_answer("-NOAUTH Authentication required.\r\n", &a), -EACCES);
    static const char *const odd[] = {
        "-ERR unknown command\r\n",
        "+OK\r\n",
        "*0\r\n",
        "*1\r\n$1\r\na\r\n",
        "*2\r\n$0\r\n\r\n$1\r\n1\r\n",
        "*2\r\n$1\r\na\r\n$1\r\n0\r\n",
        "*2\r\n$1\r\na\r\n$5\r\n65536\r\n",
        "*2\r\n$1\r\na\r\n$0\r\n\r\n",
        "*2\r\n$1\r\na\r\n$2\r\n1x\r\n",
        "*2\r\n$1\r\na\r\n:6379\r\n",
        "*2\r\n*0\r\n$1\r\n1\r\n",
    };
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        assert_int_equal(read_answer(odd[i], &a), -EPROTO);
}

static void errors_of_scripts_are_unwrapped(void **state)
{
    (void)state;
    const char *old = "ERR Error running script (call to f_0123456789abcdef0123456789abcdef01234567"
                      "): @user_script:12: @user_script: 12: -READONLY You can't write against a "
                      "read only replica. ";
    const char *new = "READONLY You can't write against a read only replica. script: 01, on @x:1.";
    const char *other = "ERR Error running script (call to f_01): @user_script:1: @user_script: 1: "
                        "-WRONGTYPE Operation against a key holding the wrong kind of value ";
    assert_true(error_is_replica(old) && error_is_temporary(old));
    assert_true(error_is_replica(new) && error_is_temporary(new));
    assert_false(error_is_replica(other) || error_is_temporary(other));
    assert_false(error_is_temporary("ERR Error running script"));
    assert_false(error_is_replica("OOM command not allowed"));
}

/* ---- who is asked when ---- */

#define NOBODY "*-1\r\n"
#define MASTER(port) "*2\r\n$9\r\n127.0.0.1\r\n$4\r\n" port "\r\n"
#define EVENT "*3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n$1\r\nx\r\n"

/* Accepts connections; to the first bytes that come it says its sentence. */
struct stand_in {
    struct evconnlistener *listener;
    const char *says;         /* NULL: nothing */
    bool hangs_up;            /* after that */
    unsigned asked;           /* connections so far */
    struct bufferevent *last; /* that connection, while it is there */
    bool said;                /* on it */
    char heard[256];
};

static struct event_base *base;
static struct stand_in stands[2];
static struct settings settings;
static char list[64];
static struct sentinel sentinel;
static unsigned found, failed;

static void on_close(struct bufferevent *b, short what, void *arg)
{
    struct stand_in *s = arg;
    if (what & BEV_EVENT_CONNECTED)
        return;
    if (s->last == b)
        s->last = NULL;
    bufferevent_free(b);
}

static void on_bytes(struct bufferevent *b, void *arg)
{
    struct stand_in *s = arg;
    size_t size = strlen(s->heard);
    size += bufferevent_read(b, s->heard + size, sizeof(s->heard) - 1 - size);
    s->heard[size] = '\0';
    if (s->says && !s->said)
        bufferevent_write(b, s->says, strlen(s->says));
    s->said = true;
}

static void on_written(struct bufferevent *b, void *arg)
{
    struct stand_in *s = arg;
    if (s->hangs_up && s->said)
        on_close(b, BEV_EVENT_EOF, s);
}

static void accept_one(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
                       int size, void *arg)
{
    (void)listener, (void)from, (void)size;
    struct stand_in *s = arg;
    s->asked++;
    s->said = false;
    s->heard[0] = '\0';
    s->last = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(s->last, on_bytes, on_written, on_close, s);
    bufferevent_enable(s->last, EV_READ | EV_WRITE);
}

static void on_found(void *arg)
{
    (void)arg;
    found++;
}

static void on_failed(void *arg)
{
    (void)arg;
    failed++;
}

static int port_of(const struct stand_in *s)
{
    struct sockaddr_in at = { 0 };
    socklen_t size = sizeof(at);
    assert_int_equal(getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&at, &size),
                     0);
    return ntohs(at.sin_port);
}

static int set_up(void **state)
{
    (void)state;
    role_assume(&on_hub);
    base = event_base_new();
    for (int i = 0; i < 2; i++) {
        struct sockaddr_in at = { .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        stands[i] = (struct stand_in){ 0 };
        stands[i].listener =
            evconnlistener_new_bind(base, accept_one, &stands[i], LEV_OPT_CLOSE_ON_FREE, -1,
                                    (struct sockaddr *)&at, sizeof(at));
        assert_non_null(stands[i].listener);
    }
    snprintf(list, sizeof(list), "127.0.0.1:%d,127.0.0.1:%d", port_of(&stands[0]),
             port_of(&stands[1]));
    settings = (struct settings){ .redis_sentinels = list,
                                  .redis_master_name = "chat",
                                  .redis_sentinel_password = "" };
    struct sentinel_owner owner = { NULL, on_found, on_failed };
    found = failed = 0;
    sentinel_init(&sentinel, base, &settings, &owner);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    role_assume(&on_hub);
    sentinel_fini(&sentinel);
    for (int i = 0; i < 2; i++) {
        evconnlistener_free(stands[i].listener);
        if (stands[i].last)
            bufferevent_free(stands[i].last);
    }
    event_base_free(base);
    return 0;
}

#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        const int64_t deadline_ = clock_mono_ms() + TEST_DEADLINE_MS;                              \
        while (!(condition)) {                                                                     \
            assert_true(clock_mono_ms() < deadline_);                                              \
            event_base_loop(base, EVLOOP_ONCE);                                                    \
        }                                                                                          \
    } while (0)

static void the_one_that_answers_is_asked_first_next_time(void **state)
{
    (void)state;
    role_assume(&on_hub);
    stands[0].says = NULL;
    stands[1].says = MASTER("6379");
    const int64_t start = clock_mono_ms();
    sentinel_ask(&sentinel);
    sentinel_ask(&sentinel); /* the same question */
    assert_int_equal(found, 0);
    UNTIL(found == 1);
    assert_true(clock_mono_ms() - start >= SENTINEL_ANSWER_MS / 2);
    assert_string_equal(sentinel.master.host, "127.0.0.1");
    assert_int_equal(sentinel.master.port, 6379);
    assert_non_null(strstr(stands[1].heard, "get-master-addr-by-name\r\n$4\r\nchat\r\n"));
    assert_non_null(strstr(stands[1].heard, "+switch-master"));
    sentinel_ask(&sentinel);
    UNTIL(found == 2);
    assert_int_equal(stands[0].asked, 1);
    assert_int_equal(stands[1].asked, 2);
    assert_int_equal(failed, 0);
}

static void the_most_telling_reason_is_given(void **state)
{
    (void)state;
    role_assume(&on_hub);
    stands[0].says = NOBODY;
    stands[1].says = "+";
    stands[1].hangs_up = true;
    sentinel_ask(&sentinel);
    UNTIL(failed == 1);
    assert_int_equal(sentinel.trouble, SENTINEL_NO_MASTER);
    assert_string_equal(sentinel.error, "no sentinel knows a master named chat");
    stands[0].says = "-NOAUTH Authentication required.\r\n";
    sentinel_ask(&sentinel);
    UNTIL(failed == 2);
    assert_int_equal(sentinel.trouble, SENTINEL_DENIES);
    assert_non_null(strstr(sentinel.error, " refuses: NOAUTH Authentication required."));
    assert_false(error_is_denial(sentinel.error)); /* it is not Redis that denies */
    stands[0].says = "+OK\r\n";
    sentinel_ask(&sentinel);
    UNTIL(failed == 3);
    assert_int_equal(sentinel.trouble, SENTINEL_SILENT);
    assert_memory_equal(sentinel.error, "no sentinel answers: ", 21);
    assert_int_equal(found, 0);
    stands[0].says = MASTER("6380"); /* nobody asks: it does so by itself */
    UNTIL(found == 1);
    assert_int_equal(sentinel.trouble, SENTINEL_FINE);
}

static void an_event_makes_it_ask(void **state)
{
    (void)state;
    role_assume(&on_hub);
    stands[0].says = MASTER("6379");
    sentinel_ask(&sentinel);
    UNTIL(found == 1);
    stands[0].says = MASTER("6380");
    bufferevent_write(stands[0].last, EVENT, strlen(EVENT));
    UNTIL(found == 2);
    assert_int_equal(sentinel.master.port, 6380);
    assert_int_equal(stands[0].asked, 2);
}

static void one_that_hangs_up_is_not_asked_in_a_circle(void **state)
{
    (void)state;
    role_assume(&on_hub);
    stands[0].says = MASTER("6379");
    stands[0].hangs_up = true;
    sentinel_ask(&sentinel);
    UNTIL(found == 1);
    const int64_t start = clock_mono_ms();
    UNTIL(found == 3);
    assert_true(clock_mono_ms() - start >= SENTINEL_RETRY_MS);
    assert_int_equal(failed, 0);
}

static void it_can_end_in_the_middle_of_a_question(void **state)
{
    (void)state;
    role_assume(&on_hub);
    sentinel_ask(&sentinel);
    UNTIL(stands[0].heard[0]);
    assert_int_equal(sentinel.phase, SENTINEL_ASKING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_written),
        cmocka_unit_test(lists_have_commas_and_blanks),
        cmocka_unit_test(answers_are_understood),
        cmocka_unit_test(errors_of_scripts_are_unwrapped),
#define WITH_STAND_INS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        WITH_STAND_INS(the_one_that_answers_is_asked_first_next_time),
        WITH_STAND_INS(the_most_telling_reason_is_given),
        WITH_STAND_INS(an_event_makes_it_ask),
        WITH_STAND_INS(one_that_hangs_up_is_not_asked_in_a_circle),
        WITH_STAND_INS(it_can_end_in_the_middle_of_a_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

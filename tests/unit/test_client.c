/* The steps of the pumps, with a hub that only notes what it gets. These functions stand in for
 * those of src/hub, so nothing of it is linked. */
#include "support/test.h"

#include "confab/pump/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct stats stats;
static struct settings settings;

static struct {
    bool full;
    unsigned registered, submitted, closed, errors;
    enum command_type last;
    int code;
    char error[64];
} seen;

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

static int take(struct peer *p, struct command *c, unsigned *count)
{
    if (seen.full)
        return -EAGAIN;
    (*count)++;
    seen.last = c->type;
    command_free(c);
    peer_unref(p);
    return 0;
}

int hub_register(struct hub *h, struct peer *peer, struct command *hello)
{
    (void)h;
    return take(peer, hello, &seen.registered);
}

int hub_submit(struct hub *h, struct peer *peer, struct command *c)
{
    (void)h;
    return take(peer, c, &seen.submitted);
}

static void on_send(struct client *c, struct frame *f)
{
    (void)c;
    seen.errors++;
    char *text = xmemdupz(frame_payload(f), frame_payload_size(f));
    const char *code = strstr(text, "\"code\":\"");
    snprintf(seen.error, sizeof(seen.error), "%.*s", code ? (int)strcspn(code + 8, "\"") : 0,
             code ? code + 8 : "");
    free(text);
}

static void on_close(struct client *c, int code, const char *reason)
{
    (void)c;
    (void)reason;
    seen.closed++;
    seen.code = code;
}

static struct pump_env env = { .settings = &settings,
                               .stats = &stats,
                               .port = { .send = on_send, .close = on_close } };

static int set_up(void **state)
{
    memset(&seen, 0, sizeof(seen));
    *state = client_new(&env, 0);
    return 0;
}

static int tear_down(void **state)
{
    client_unref(*state);
    return 0;
}

static bool say(struct client *c, const char *text)
{
    return client_receive(c, text_new(text, strlen(text)));
}

static void commands_reach_the_hub(void **state)
{
    struct client *c = *state;
    say(c, "{\"type\":\"hello\",\"username\":\"ann\"}");
    say(c, "{\"type\":\"message\",\"content\":\"hi\"}");
    assert_false(c->greeted);
    assert_int_equal(reader_step(c), READER_IDLE);
    assert_int_equal(seen.registered, 1);
    assert_int_equal(seen.submitted, 1);
    assert_true(c->greeted);
    assert_true(c->known);
    assert_int_equal(c->peer.refs, 1);
}

static void a_heartbeat_ends_here(void **state)
{
    struct client *c = *state;
    say(c, "{\"type\":\"heartbeat\"}");
    assert_int_equal(reader_step(c), READER_IDLE);
    assert_int_equal(seen.submitted, 0);
    assert_false(c->known);
}

static void a_bad_frame_gets_an_error_and_the_client_lives(void **state)
{
    struct client *c = *state;
    say(c, "nonsense");
    say(c, "{\"type\":\"typing\",\"room\":\"a\"}");
    assert_int_equal(reader_step(c), READER_IDLE);
    assert_string_equal(seen.error, "bad_json");
    assert_int_equal(seen.submitted, 1);
    assert_int_equal(seen.closed, 0);
}

static void too_many_bad_frames_close_once(void **state)
{
    struct client *c = *state;
    for (int i = 0; i < RULE_MALFORMED_FRAMES + 10; i++) {
        say(c, "[]");
        reader_step(c);
        assert_int_equal(seen.closed, i >= RULE_MALFORMED_FRAMES);
    }
    assert_int_equal(seen.code, 4001);
    assert_int_equal(seen.errors, RULE_MALFORMED_FRAMES + 1);
}

static void invalid_utf8_closes(void **state)
{
    struct client *c = *state;
    say(c, "{\"type\":\"message\",\"content\":\"\xC3\x28\"}");
    say(c, "{\"type\":\"heartbeat\"}");
    assert_int_equal(reader_step(c), READER_IDLE);
    assert_int_equal(seen.code, 1007);
    assert_true(client_inbox_empty(c));
}

static void a_full_hub_stalls_and_nothing_is_lost(void **state)
{
    struct client *c = *state;
    seen.full = true;
    say(c, "{\"type\":\"hello\",\"username\":\"ann\"}");
    say(c, "{\"type\":\"join\",\"room\":\"a\"}");
    assert_int_equal(reader_step(c), READER_STALLED);
    assert_int_equal(reader_step(c), READER_STALLED);
    assert_false(c->greeted);
    assert_false(client_inbox_empty(c));
    seen.full = false;
    assert_int_equal(reader_step(c), READER_IDLE);
    assert_int_equal(seen.registered, 1);
    assert_int_equal(seen.submitted, 1);
    assert_true(client_inbox_empty(c));
}

static void history_is_answered_before_the_next_command(void **state)
{
    struct client *c = *state;
    say(c, "{\"type\":\"history\",\"room\":\"a\"}");
    say(c, "{\"type\":\"history\",\"room\":\"a\"}");
    assert_int_equal(reader_step(c), READER_ASKED);
    assert_int_equal(reader_step(c), READER_ASKED);
    assert_int_equal(seen.submitted, 1);
    client_answered(c);
    assert_int_equal(reader_step(c), READER_ASKED);
    assert_int_equal(seen.submitted, 2);
    client_answered(c);
    assert_int_equal(reader_step(c), READER_IDLE);
}

static void the_inbox_says_when_it_is_full(void **state)
{
    struct client *c = *state;
    seen.full = true;
    for (int i = 1; i <= INBOX_FRAMES; i++)
        assert_int_equal(say(c, "{\"type\":\"heartbeat\"}"), i < INBOX_FRAMES);
    client_clear_inbox(c);
    char *large = xcalloc(1, RULE_FRAME_BYTES);
    assert_true(client_receive(c, text_new(large, RULE_FRAME_BYTES)));
    assert_false(client_receive(c, text_new(large, RULE_FRAME_BYTES)));
    free(large);
}

static struct batch *batch_of(const char *text, uint32_t room)
{
    const struct frame_part part = { text, strlen(text) };
    struct frame *f = frame_new(FRAME_MESSAGE, 1, &part, 1);
    struct batch *b = batch_of_frame(f, room);
    frame_unref(f);
    return b;
}

static void one_item_is_sent_as_it_is(void **state)
{
    struct client *c = *state;
    struct batch *b = batch_of("a", 1);
    client_queue(c, b);
    struct batch *sent = writer_step(c, NULL);
    assert_ptr_equal(sent, b);
    assert_int_equal(c->queued, b->size);
    client_written(c, sent);
    assert_int_equal(c->queued, 0);
    batch_unref(sent);
    assert_null(writer_step(c, NULL));
}

static void the_same_items_are_joined_once(void **state)
{
    struct client *c = *state, *other = client_new(&env, 0), *third = client_new(&env, 0);
    struct join_cache cache = { .joined = NULL };
    struct batch *a = batch_of("a", 1), *b = batch_of("b", 2);
    struct client *const all[] = { c, other, third };
    for (int i = 0; i < 3; i++) {
        client_queue(all[i], batch_ref(a));
        client_queue(all[i], batch_ref(b));
    }
    client_queue(third, batch_of("only the third", BATCH_NO_ROOM));
    struct batch *first = writer_step(c, &cache), *second = writer_step(other, &cache),
                 *own = writer_step(third, &cache);
    assert_ptr_equal(first, second);
    assert_ptr_not_equal(first, own);
    assert_int_equal(first->frames, 2);
    assert_int_equal(own->frames, 3);
    assert_memory_equal(own->data, first->data, first->size);
    batch_unref(first);
    batch_unref(second);
    batch_unref(own);
    join_cache_clear(&cache);
    assert_int_equal(a->refs, 1);
    batch_unref(a);
    batch_unref(b);
    client_unref(other);
    client_unref(third);
}

static void dropping_rooms_is_counted(void **state)
{
    struct client *c = *state;
    struct batch *private = batch_of("private", BATCH_NO_ROOM);
    client_queue(c, batch_of("a", 1));
    client_queue(c, private);
    assert_int_equal(client_first_seq(c, 1), 1);
    assert_int_equal(client_drop_rooms(c), 3);
    assert_int_equal(c->queued, private->size);
    client_clear(c);
    assert_int_equal(c->queued, 0);
}

#define CLIENT_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLIENT_TEST(commands_reach_the_hub),
        CLIENT_TEST(a_heartbeat_ends_here),
        CLIENT_TEST(a_bad_frame_gets_an_error_and_the_client_lives),
        CLIENT_TEST(too_many_bad_frames_close_once),
        CLIENT_TEST(invalid_utf8_closes),
        CLIENT_TEST(a_full_hub_stalls_and_nothing_is_lost),
        CLIENT_TEST(history_is_answered_before_the_next_command),
        CLIENT_TEST(the_inbox_says_when_it_is_full),
        CLIENT_TEST(one_item_is_sent_as_it_is),
        CLIENT_TEST(the_same_items_are_joined_once),
        CLIENT_TEST(dropping_rooms_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The store: what reaches those who were away; against a real Redis. */
#include "confab/store/away.h"
#include "support/accounts/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICE_A "00000000000000aa"
#define DEVICE_B "00000000000000bb"
#define CURSOR_A "t:{user:al}:cursor:" DEVICE_A

static struct test_redis redis;
static struct event_base *base;
static struct test_store a, b;

static int set_up(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_stores_init(&redis, &base, &a, &b);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_stores_fini(&redis, base, &a, &b);
    return 0;
}

/* Each test begins with the account al and its device A; b hears what al and bo are told. */
static int begin(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "FLUSHALL");
    str_reset(&b.log);
    a.settings.away_days = 30;
    test_accounts(&a, STORE_ACCOUNTS_OPEN);
    assert_int_equal(test_register(&a, "al", DEVICE_A).status, STORE_OK);
    test_store_subscribe(&b, STORE_CHANNEL_USER, "al");
    test_store_subscribe(&b, STORE_CHANNEL_USER, "bo");
    return 0;
}

static int end(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "CONFIG SET maxmemory 0");
    store_unsubscribe(b.store, STORE_CHANNEL_USER, "al");
    store_unsubscribe(b.store, STORE_CHANNEL_USER, "bo");
    return 0;
}

/* ---- answers ---- */

struct away {
    unsigned count;
    enum store_status status;
    char text[2048];
};

static void add_stream(char *text, size_t size, const struct conversation *c)
{
    const size_t used = strlen(text);
    snprintf(text + used, size - used,
             "%s top %llu received %llu read %llu seen %llu "
             "delivered %llu unread %llu; ",
             c->with ? c->with : "mentions", (unsigned long long)c->top,
             (unsigned long long)c->received, (unsigned long long)c->read,
             (unsigned long long)c->seen, (unsigned long long)c->delivered,
             (unsigned long long)c->unread);
}

static void on_away(void *arg, const struct store_away *r)
{
    struct away *out = arg;
    const struct conversations *c = &r->conversations;
    out->count++;
    out->status = r->status;
    for (size_t i = 0; i < c->count; i++)
        add_stream(out->text, sizeof(out->text), &c->list[i]);
    if (c->mentions.top > 0)
        add_stream(out->text, sizeof(out->text), &c->mentions);
    for (size_t i = 0; i < c->room_count; i++) {
        const size_t used = strlen(out->text);
        snprintf(out->text + used, sizeof(out->text) - used, "room %s read %llu; ",
                 c->rooms[i].stream, (unsigned long long)c->rooms[i].seq);
    }
}

/* What al's device has, as text; the answer lives until the next call. */
static const char *away_of(const char *user, const char *device) REQUIRES(on_hub)
{
    static struct away out;
    out = (struct away){ 0 };
    assert_int_equal(store_away(a.store, user, device, on_away, &out), 0);
    WAIT_UNTIL(base, out.count);
    assert_int_equal(out.status, STORE_OK);
    return out.text;
}

static enum store_status away_status(const char *device) REQUIRES(on_hub)
{
    struct away out = { 0 };
    assert_int_equal(store_away(a.store, "al", device, on_away, &out), 0);
    WAIT_UNTIL(base, out.count);
    return out.status;
}

static void on_page(void *arg, const struct store_messages *r)
{
    (void)r;
    ++*(unsigned *)arg;
}

static void on_revoked(void *arg, const struct store_revoked *r)
{
    assert_int_equal(r->count, 1);
    ++*(unsigned *)arg;
}

/* All that was fired before has been done, and b has heard of it. */
static void settle(void) REQUIRES(on_hub);
static void settle(void)
{
    unsigned done = 0;
    assert_int_equal(store_page(a.store, "x", NULL, 1, 1, on_page, &done), 0);
    WAIT_UNTIL(base, done);
    const unsigned before = test_store_saw_times(&b, "settled");
    test_redis(&redis, "PUBLISH t:user:al %b", "e settled", (size_t)9);
    WAIT_UNTIL(base, test_store_saw_times(&b, "settled") > before);
}

static void received(const char *user, const char *device, const char *with, const char *epoch,
                     uint64_t seq) REQUIRES(on_hub)
{
    const struct store_received one = { .with = with, .epoch = epoch, .seq = seq };
    store_received(a.store, user, device, &one, 1);
    settle();
}

static void marker(const char *user, const char *to, uint64_t seq) REQUIRES(on_hub)
{
    store_read(a.store, NULL, user, to, seq, true, "{\"read\":1}", 10);
    settle();
}

/* bo writes that many to al; answers the epoch. */
static const char *bo_writes(int count) REQUIRES(on_hub)
{
    static struct test_published out;
    for (int i = 0; i < count; i++)
        out = test_store_publish(&a, "bo", NULL, "al", NULL, "x", NULL);
    assert_int_equal(out.status, STORE_OK);
    return out.epoch;
}

/* ---- what a device has ---- */

static void new_device_starts_behind_the_read_marker(void **state)
{
    (void)state;
    role_assume(&on_hub);
    bo_writes(5);
    marker("al", "bo", 3);
    assert_string_equal(away_of("al", DEVICE_A),
                        "bo top 5 received 3 read 3 seen 0 delivered 0 unread 0; ");
    assert_string_equal(away_of("al", ""),
                        "bo top 5 received 0 read 3 seen 0 delivered 0 unread 0; ");
    marker("al", "bo", 4); /* elsewhere: this device does not have it for that */
    assert_string_equal(away_of("al", DEVICE_A),
                        "bo top 5 received 3 read 4 seen 0 delivered 0 unread 0; ");
}

static void conversation_that_began_later_starts_at_its_first_message(void **state)
{
    (void)state;
    role_assume(&on_hub);
    away_of("al", DEVICE_A);
    bo_writes(5);
    marker("al", "bo", 5);
    assert_string_equal(away_of("al", DEVICE_A),
                        "bo top 5 received 0 read 5 seen 0 delivered 0 unread 0; ");
}

static void device_that_was_away_for_too_long_is_new(void **state)
{
    (void)state;
    role_assume(&on_hub);
    away_of("al", DEVICE_A);
    assert_in_range(atoll(test_redis(&redis, "TTL " CURSOR_A)), 30 * 86400 - 10, 30 * 86400);
    bo_writes(2);
    marker("al", "bo", 1);
    test_redis(&redis, "DEL " CURSOR_A);
    assert_string_equal(away_of("al", DEVICE_A),
                        "bo top 2 received 1 read 1 seen 0 delivered 0 unread 0; ");
}

static void cursor_of_another_epoch_keeps_what_was_before(void **state)
{
    (void)state;
    role_assume(&on_hub);
    away_of("al", DEVICE_A);
    received("al", DEVICE_A, "bo", bo_writes(5), 4);
    test_redis(&redis, "HSET t:{dm:al|bo}:meta epoch e2 first 4 seq 6");
    assert_string_equal(away_of("al", DEVICE_A),
                        "bo top 6 received 3 read 0 seen 0 delivered 0 unread 5; ");
    test_redis(&redis, "HSET t:{dm:al|bo}:meta epoch e2 first 6 seq 6");
    assert_string_equal(away_of("al", DEVICE_A),
                        "bo top 6 received 4 read 0 seen 0 delivered 0 unread 5; ");
    test_redis(&redis, "HSET t:{dm:al|bo}:meta epoch e3 first 1 seq 2"); /* anew */
    assert_string_equal(away_of("al", DEVICE_A),
                        "bo top 2 received 0 read 0 seen 0 delivered 0 unread 2; ");
}

static void conversations_come_the_latest_first_and_bad_ones_not_at_all(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "ZADD t:{user:al}:conversations 5 Bo 7 al 6 zo 4 gone 3 bad 2 \xc3\xa4");
    test_redis(&redis, "HSET t:{dm:Bo|al}:meta epoch e seq 1");
    test_redis(&redis, "HSET t:{dm:al|al}:meta epoch e seq 2");
    test_redis(&redis, "HSET t:{dm:al|zo}:meta epoch e seq 3");
    test_redis(&redis, "HSET t:{dm:al|\xc3\xa4}:meta epoch e seq 4");
    test_redis(&redis, "SET t:{dm:al|bad}:meta x");
    test_redis(&redis, "SET t:{dm:al|zo}:read x");
    test_redis(&redis, "HSET t:{user:al}:unread zo 9");
    assert_string_equal(away_of("al", DEVICE_A),
                        "al top 2 received 0 read 0 seen 0 delivered 0 unread 0; "
                        "zo top 3 received 0 read 0 seen 0 delivered 0 unread 3; "
                        "Bo top 1 received 0 read 0 seen 0 delivered 0 unread 0; "
                        "\xc3\xa4 top 4 received 0 read 0 seen 0 delivered 0 unread 0; ");
}

static void mentions_and_rooms_are_an_accounts(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "HSET t:{user:al}:box epoch m seq 7 first 1");
    test_redis(&redis, "HSET t:{room:tea}:meta epoch r seq 9");
    test_redis(&redis, "HSET t:{room:tea}:read al 8");
    store_joined(a.store, "al", "tea", true);
    store_joined(a.store, "al", "gin", true);
    store_joined(a.store, "al", "gin", false);
    away_of("al", DEVICE_A);
    store_read_mentions(a.store, "al", 5, "{}", 2);
    store_read_mentions(a.store, "al", 4, "{}", 2);
    store_read_mentions(a.store, "al", 8, "{}", 2);
    received("al", DEVICE_A, "", "m", 6);
    received("al", DEVICE_A, "", "other", 7);
    assert_string_equal(away_of("al", DEVICE_A),
                        "mentions top 7 received 6 read 5 seen 0 delivered 0 unread 2; "
                        "room tea read 8; ");
    assert_int_equal(test_store_saw_times(&b, "user al e {}"), 1);
    assert_string_equal(away_of("al", ""), "");
}

static void rooms_that_are_noted_are_limited(void **state)
{
    (void)state;
    role_assume(&on_hub);
    char name[16];
    for (int i = 0; i <= RULE_ROOMS_PER_CLIENT; i++) {
        snprintf(name, sizeof(name), "r%d", i);
        store_joined(a.store, "al", name, true);
    }
    settle();
    assert_int_equal(atoi(test_redis(&redis, "HLEN t:{user:al}:joined")), RULE_ROOMS_PER_CLIENT);
}

/* ---- received ---- */

static void cursors_only_rise(void **state)
{
    (void)state;
    role_assume(&on_hub);
    const char *epoch = bo_writes(9);
    away_of("al", DEVICE_A);
    received("al", DEVICE_A, "bo", epoch, 5);
    received("al", DEVICE_A, "bo", epoch, 3);
    received("al", DEVICE_A, "bo", epoch, 10);
    received("al", DEVICE_A, "bo", "other", 8);
    received("al", DEVICE_A, "nobody", epoch, 8);
    assert_string_equal(away_of("al", DEVICE_A),
                        "bo top 9 received 5 read 0 seen 0 delivered 0 unread 9; ");
    received("al", DEVICE_A, "bo", epoch, 9);
    assert_string_equal(away_of("al", DEVICE_A),
                        "bo top 9 received 9 read 0 seen 0 delivered 0 unread 9; ");
}

static void delivered_is_told_to_both_and_only_rises(void **state)
{
    (void)state;
    role_assume(&on_hub);
    const char *epoch = bo_writes(9);
    received("al", DEVICE_A, "bo", epoch, 5);
    received("al", DEVICE_B, "bo", epoch, 4); /* another device, behind; not even signed in */
    received("al", DEVICE_A, "bo", epoch, 10);
    assert_int_equal(test_store_saw_times(&b, "{\"type\":\"delivered\""), 2);
    assert_true(test_store_saw(
        &b, "user al e {\"type\":\"delivered\",\"to\":\"bo\",\"user\":\"al\",\"seq\":5}"));
    assert_true(test_store_saw(
        &b, "user bo e {\"type\":\"delivered\",\"to\":\"bo\",\"user\":\"al\",\"seq\":5}"));
    assert_string_equal(away_of("bo", ""),
                        "al top 9 received 0 read 0 seen 0 delivered 5 unread 0; ");
    marker("al", "bo", 7); /* who has read it, has it */
    assert_string_equal(away_of("bo", ""),
                        "al top 9 received 0 read 0 seen 7 delivered 7 unread 0; ");
    assert_true(atoll(test_redis(&redis, "PTTL t:{dm:al|bo}:delivered")) >=
                atoll(test_redis(&redis, "PTTL t:{dm:al|bo}:meta")));
}

static void one_bad_stream_does_not_hold_up_the_others(void **state)
{
    (void)state;
    role_assume(&on_hub);
    const char *epoch = bo_writes(2);
    test_redis(&redis, "HSET t:{dm:al|cy}:meta epoch c seq 3");
    test_redis(&redis, "SET t:{dm:al|cy}:delivered x");
    test_redis(&redis, "SET t:{dm:al|di}:meta x");
    const struct store_received all[] = {
        { "cy", "c", 3 }, { "di", "d", 1 }, { "", "m", 1 }, { "bo", epoch, 2 }
    };
    away_of("al", DEVICE_A);
    store_received(a.store, "al", DEVICE_A, all, 4);
    settle();
    assert_string_equal(test_redis(&redis, "HGET " CURSOR_A " cy"), "c 3");
    assert_string_equal(test_redis(&redis, "HGET t:{dm:al|bo}:delivered al"), "2");
    assert_string_equal(test_redis(&redis, "HLEN " CURSOR_A), "3"); /* bo, cy, !since */
}

static void guest_has_no_cursors_but_tells_the_writer(void **state)
{
    (void)state;
    role_assume(&on_hub);
    received("bo", "", "al", bo_writes(2), 2);
    assert_string_equal(test_redis(&redis, "HGET t:{dm:al|bo}:delivered bo"), "2");
    assert_string_equal(test_redis(&redis, "KEYS t:{user:bo}:cursor:*"), "");
}

static void device_that_was_signed_out_has_no_cursors(void **state)
{
    (void)state;
    role_assume(&on_hub);
    const char *epoch = bo_writes(2);
    test_sign_in(&a, "al", NULL, DEVICE_B);
    away_of("al", DEVICE_A);
    away_of("al", DEVICE_B);
    unsigned done = 0;
    const struct store_revoke what = { .user = "al", .device = DEVICE_A, .asker = DEVICE_B };
    assert_int_equal(store_revoke(a.store, &what, on_revoked, &done), 0);
    WAIT_UNTIL(base, done);
    received("al", DEVICE_A, "bo", epoch, 2); /* what its connection had gathered */
    assert_string_equal(test_redis(&redis, "EXISTS " CURSOR_A), "0");
    assert_string_equal(test_redis(&redis, "EXISTS t:{user:al}:cursor:" DEVICE_B), "1");
}

static void account_that_ends_leaves_nothing(void **state)
{
    (void)state;
    role_assume(&on_hub);
    bo_writes(1);
    away_of("al", DEVICE_A);
    store_joined(a.store, "al", "tea", true);
    test_redis(&redis, "HSET t:{user:al}:unread bo 1");
    test_redis(&redis, "HSET t:{user:al}:box epoch m seq 1");
    test_redis(&redis, "LPUSH t:{user:al}:mentions x");
    settle();
    const struct test_account al = test_login(&a, "al", TEST_ADDRESS);
    assert_int_equal(test_unregister(&a, "al", al.version, DEVICE_A), STORE_OK);
    assert_string_equal(test_redis(&redis, "KEYS t:{user:al}*"),
                        "t:{user:al}:held"); /* until when */
}

/* ---- unread ---- */

static void put(const char *json)
{
    test_redis(&redis, "LPUSH t:{dm:al|bo}:history %s", json);
}

static void reading_counts_what_is_behind_the_marker(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "HSET t:{dm:al|bo}:meta epoch e seq 6");
    put("{\"type\":\"private\",\"seq\":1,\"user\":\"bo\",\"to\":\"al\",\"content\":\"a\","
        "\"timestamp\":1}");
    put("{\"type\":\"private\",\"seq\":2,\"user\":\"bo\",\"to\":\"al\",\"content\":\"\\\","
        "\\\"kind\\\":\",\"timestamp\":1}");
    put("{\"type\":\"private\",\"seq\":3,\"user\":\"al\",\"to\":\"bo\",\"content\":\"c\","
        "\"timestamp\":1}");
    put("{\"type\":\"private\",\"seq\":4,\"user\":\"bo\",\"to\":\"al\",\"kind\":\"edit\","
        "\"content\":\"c\",\"timestamp\":1}");
    put("{\"type\":\"private\",\"seq\":5,\"user\":\"bo\",\"to\":\"al\",\"content\":\"\","
        "\"timestamp\":1,\"deleted\":9}");
    put("{\"type\":\"private\",\"seq\":6,\"user\":\"bo\",\"to\":\"al\",\"content\":\"f\","
        "\"timestamp\":1,\"edited\":9}");
    test_redis(&redis, "HSET t:{user:al}:unread bo 5 cy 1");
    marker("al", "bo", 1);
    assert_string_equal(test_redis(&redis, "HGET t:{user:al}:unread bo"), "2"); /* 2 and 6 */
    marker("al", "bo", 7);                                                      /* above the top */
    assert_string_equal(test_redis(&redis, "HGET t:{user:al}:unread bo"), "2");
    marker("al", "bo", 2);
    assert_string_equal(test_redis(&redis, "HGET t:{user:al}:unread bo"), "1");
    marker("al", "bo", 6);
    assert_string_equal(test_redis(&redis, "HEXISTS t:{user:al}:unread bo"), "0");
    assert_string_equal(test_redis(&redis, "HGET t:{user:al}:unread cy"), "1");
}

static void far_behind_the_counter_is_believed(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "HSET t:{dm:al|bo}:meta epoch e seq 500");
    test_redis(&redis, "HSET t:{user:al}:unread bo 450");
    marker("al", "bo", 10);
    assert_string_equal(test_redis(&redis, "HGET t:{user:al}:unread bo"), "450");
    marker("al", "bo", 100);
    assert_string_equal(test_redis(&redis, "HGET t:{user:al}:unread bo"), "400");
}

static void marker_with_a_bad_key_beside_it_stays(void **state)
{
    (void)state;
    role_assume(&on_hub);
    bo_writes(3);
    test_redis(&redis, "SET t:{user:al}:unread x");
    marker("al", "bo", 2);
    assert_string_equal(test_redis(&redis, "EXISTS t:{dm:al|bo}:read"), "0");
    test_redis(&redis, "DEL t:{user:al}:unread");
    marker("al", "bo", 2);
    assert_string_equal(test_redis(&redis, "HGET t:{dm:al|bo}:read al"), "2");
}

static void marker_lives_as_long_as_the_conversation(void **state)
{
    (void)state;
    role_assume(&on_hub);
    bo_writes(1);
    test_redis(&redis, "EXPIRE t:{dm:al|bo}:meta 1000000");
    marker("al", "bo", 1);
    assert_in_range(atoll(test_redis(&redis, "TTL t:{dm:al|bo}:read")), 999000, 1000000);
}

/* ---- trouble ---- */

static void full_redis_leaves_nothing_half_done(void **state)
{
    (void)state;
    role_assume(&on_hub);
    const char *epoch = bo_writes(3);
    test_redis(&redis, "CONFIG SET maxmemory 1");
    assert_int_equal(away_status(DEVICE_A), STORE_UNAVAILABLE);
    const struct store_received one = { .with = "bo", .epoch = epoch, .seq = 3 };
    store_received(a.store, "al", DEVICE_A, &one, 1);
    store_read(a.store, NULL, "al", "bo", 3, true, "{}", 2);
    store_joined(a.store, "al", "tea", true);
    settle();
    test_redis(&redis, "CONFIG SET maxmemory 0");
    test_store_ready(&a);
    assert_string_equal(test_redis(&redis, "EXISTS " CURSOR_A " t:{dm:al|bo}:delivered "
                                           "t:{dm:al|bo}:read t:{user:al}:joined"),
                        "0");
    assert_string_equal(away_of("al", DEVICE_A),
                        "bo top 3 received 0 read 0 seen 0 delivered 0 unread 3; ");
}

static void keys_of_another_type_are_refused(void **state)
{
    (void)state;
    role_assume(&on_hub);
    bo_writes(1);
    test_redis(&redis, "SET " CURSOR_A " x");
    assert_int_equal(away_status(DEVICE_A), STORE_REFUSED);
    test_redis(&redis, "DEL " CURSOR_A);
    test_redis(&redis, "SET t:{user:al}:unread x");
    test_redis(&redis, "SET t:{user:al}:box x");
    test_redis(&redis, "SET t:{user:al}:joined x");
    assert_string_equal(away_of("al", DEVICE_A), /* each concerns itself alone */
                        "bo top 1 received 0 read 0 seen 0 delivered 0 unread 0; ");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(new_device_starts_behind_the_read_marker),
        TEST(conversation_that_began_later_starts_at_its_first_message),
        TEST(device_that_was_away_for_too_long_is_new),
        TEST(cursor_of_another_epoch_keeps_what_was_before),
        TEST(conversations_come_the_latest_first_and_bad_ones_not_at_all),
        TEST(mentions_and_rooms_are_an_accounts),
        TEST(rooms_that_are_noted_are_limited),
        TEST(cursors_only_rise),
        TEST(delivered_is_told_to_both_and_only_rises),
        TEST(one_bad_stream_does_not_hold_up_the_others),
        TEST(guest_has_no_cursors_but_tells_the_writer),
        TEST(device_that_was_signed_out_has_no_cursors),
        TEST(account_that_ends_leaves_nothing),
        TEST(reading_counts_what_is_behind_the_marker),
        TEST(far_behind_the_counter_is_believed),
        TEST(marker_with_a_bad_key_beside_it_stays),
        TEST(marker_lives_as_long_as_the_conversation),
        TEST(full_redis_leaves_nothing_half_done),
        TEST(keys_of_another_type_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

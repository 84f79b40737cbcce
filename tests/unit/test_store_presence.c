/* The store: names, leases, rosters, events; two instances on one Redis. */
#include "support/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct test_redis redis;
static struct event_base *base;
static struct test_store a, b;

static int set_up(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_stores_init(&redis, &base, &a, &b);
    test_store_subscribe(&a, STORE_CHANNEL_ROOM, "r");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_stores_fini(&redis, base, &a, &b);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    test_redis(&redis, "FLUSHALL");
    str_reset(&a.log);
    str_reset(&b.log);
    a.settings.presence_ttl_s = b.settings.presence_ttl_s = 30;
    return 0;
}

/* Commands of one store are answered in order: when this one is, those before it are done, and
 * what they published is on its way on the bus before `mark`. */
static void settle(struct test_store *t) REQUIRES(on_hub);
static void settle(struct test_store *t)
{
    static unsigned marks;
    char json[32], line[64];
    snprintf(json, sizeof(json), "\"mark%u\"", ++marks);
    snprintf(line, sizeof(line), "room r e %s\n", json);
    store_event(t->store, "r", "nobody", NULL, json, strlen(json));
    WAIT_UNTIL(base, test_store_saw(&a, line));
}

/* Puts the end of all leases of an instance into the past, as time would. */
static void expire(const char *member)
{
    test_redis(&redis, "ZADD t:{room:r}:members XX 1 %s", member);
}

static void join_is_announced_once(void **state)
{
    (void)state;
    role_assume(&on_hub);
    store_presence_refresh(a.store, "r", "al\nbo");
    settle(&a);
    assert_int_equal(test_store_saw_times(&a, "room r p 2 +"), 1);
    assert_true(test_store_saw(&a, "+al,bo -(none)\n") || test_store_saw(&a, "+bo,al -(none)\n"));
    store_presence_refresh(a.store, "r", "al\nbo"); /* the heartbeat says nothing new */
    store_presence_refresh(b.store, "r", "al");     /* nor does a second place */
    settle(&a);
    settle(&b);
    assert_int_equal(test_store_saw_times(&a, " p "), 1);
    assert_string_equal(test_redis(&redis, "HGET t:{room:r}:users al"), "2");
    int64_t ttl = atoll(test_redis(&redis, "PTTL t:{room:r}:members"));
    assert_true(ttl > 30000 && ttl <= 60000);

    struct test_roster who = test_store_roster(&b, "r");
    assert_int_equal(who.users, 2);
    assert_true(strcmp(who.members, "al\nbo") == 0 || strcmp(who.members, "bo\nal") == 0);
}

static void leave_is_announced_with_the_last_instance(void **state)
{
    (void)state;
    role_assume(&on_hub);
    store_presence_refresh(a.store, "r", "al");
    settle(&a);
    store_presence_refresh(b.store, "r", "al");
    settle(&b);
    str_reset(&a.log);
    store_presence_leave(a.store, "r", "al");
    store_presence_leave(a.store, "r", "al"); /* twice, and one who was never there */
    store_presence_leave(a.store, "r", "zoe");
    settle(&a);
    assert_false(test_store_saw(&a, " p "));
    store_presence_leave(b.store, "r", "al");
    settle(&b);
    assert_int_equal(test_store_saw_times(&a, "room r p 0 +(none) -al\n"), 1);
    struct test_roster who = test_store_roster(&a, "r");
    assert_int_equal(who.users, 0);
    assert_true(who.listed);
    assert_string_equal(who.members, "");
}

static void expired_lease_is_swept_and_announced_once(void **state)
{
    (void)state;
    role_assume(&on_hub);
    store_presence_refresh(a.store, "r", "al");
    settle(&a);
    store_presence_refresh(b.store, "r", "al\nbo");
    settle(&b);
    str_reset(&a.log);
    expire("al|bbbbbbbbbbbbbbbb"); /* al has another lease, bo has none */
    expire("bo|bbbbbbbbbbbbbbbb");
    store_presence_refresh(a.store, "r", "al\ncy");
    store_presence_refresh(b.store, "r", "dee");
    struct test_roster who = test_store_roster(&a, "r");
    settle(&a);
    settle(&b);
    assert_int_equal(test_store_saw_times(&a, "-bo"), 1);
    assert_false(test_store_saw(&a, "-al"));
    assert_int_equal(test_store_saw_times(&a, "cy"), 1);
    assert_true(who.users >= 2);
}

static void a_roster_sweeps_too(void **state)
{
    (void)state;
    role_assume(&on_hub);
    store_presence_refresh(b.store, "r", "bo");
    settle(&b);
    expire("bo|bbbbbbbbbbbbbbbb");
    assert_int_equal(test_store_roster(&a, "r").users, 0);
    settle(&a);
    assert_int_equal(test_store_saw_times(&a, "room r p 0 +(none) -bo\n"), 1);
}

static void a_late_heartbeat_is_no_coming_and_going(void **state)
{
    (void)state;
    role_assume(&on_hub);
    store_presence_refresh(a.store, "r", "al");
    settle(&a);
    str_reset(&a.log);
    expire("al|aaaaaaaaaaaaaaaa");
    store_presence_refresh(a.store, "r", "al");
    settle(&a);
    assert_false(test_store_saw(&a, " p "));
    assert_string_equal(test_redis(&redis, "HGET t:{room:r}:users al"), "1");
}

static void leases_end_by_the_clock_of_redis(void **state)
{
    (void)state;
    role_assume(&on_hub);
    b.settings.presence_ttl_s = 1;
    store_presence_refresh(a.store, "r", "al");
    store_presence_refresh(b.store, "r", "bo");
    settle(&a);
    settle(&b);
    /* the shorter lease does not shorten the keys' lives */
    assert_true(atoll(test_redis(&redis, "PTTL t:{room:r}:members")) > 30000);
    WAIT_UNTIL(base, test_store_roster(&a, "r").users == 1);
    settle(&a);
    assert_int_equal(test_store_saw_times(&a, "room r p 1 +(none) -bo\n"), 1);
}

static void add_users(struct str *out, const char *stem, int count)
{
    for (int i = 0; i < count; i++)
        str_addf(out, "%s%s%d", i ? "\n" : "", stem, i);
}

static void large_room_is_counted_not_listed(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct str users = STR_INIT;
    add_users(&users, "u", 200);
    store_presence_refresh(a.store, "r", users.data);
    struct test_roster who = test_store_roster(&a, "r");
    assert_int_equal(who.users, 200);
    assert_true(who.listed);
    str_reset(&a.log);
    store_presence_refresh(a.store, "r", "last");
    settle(&a);
    assert_true(test_store_saw(&a, "room r p 201 +(none) -(none)\n"));
    who = test_store_roster(&a, "r");
    assert_int_equal(who.users, 201);
    assert_false(who.listed);
    str_fini(&users);
}

static void many_users_go_in_several_calls(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct str users = STR_INIT;
    add_users(&users, "u", 1201);
    uint64_t before = stat_get(&a.stats, redis_commands);
    store_presence_refresh(a.store, "r", users.data);
    store_online(a.store, users.data);
    assert_int_equal(stat_get(&a.stats, redis_commands) - before, 3 + 5);
    settle(&a);
    assert_int_equal(test_store_roster(&a, "r").users, 1201);
    assert_true(atoll(test_redis(&redis, "PTTL t:presence:u1200")) > 29000);
    assert_string_equal(test_redis(&redis, "EXISTS t:presence:u0 t:presence:u249 t:presence:u250"),
                        "3");
    str_fini(&users);
}

static void keys_of_a_room_live_and_die_together(void **state)
{
    (void)state;
    role_assume(&on_hub);
    store_presence_refresh(a.store, "r", "al");
    settle(&a);
    test_redis(&redis, "DEL t:{room:r}:users"); /* evicted */
    store_presence_refresh(a.store, "r", "al");
    settle(&a);
    assert_int_equal(test_store_roster(&a, "r").users, 1);
}

static void name_belongs_to_its_session(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_int_equal(test_store_claim(&a, "al", "s1").status, STORE_OK);
    assert_int_equal(test_store_claim(&b, "al", "s2").status, STORE_TAKEN);
    assert_int_equal(test_store_claim(&b, "al", "s1").status, STORE_OK);
    assert_true(atoll(test_redis(&redis, "TTL t:name:al")) > 590);
    assert_true(atoll(test_redis(&redis, "PTTL t:presence:al")) > 29000);

    store_release(a.store, "al", "s1"); /* a client knows it: somebody may come back */
    settle(&a);
    assert_int_equal(test_store_claim(&b, "al", "s2").status, STORE_TAKEN);
}

static enum store_status claim_made_up(struct test_store *t, const char *user, const char *session)
{
    struct test_claimed out = { 0 };
    const struct store_claim what = { .user = user, .session = session, .made_up = true };
    role_assume(&on_hub);
    assert_int_equal(store_claim(t->store, &what, test_claimed, &out), 0);
    WAIT_UNTIL(t->base, out.count > 0);
    return out.status;
}

static void name_of_a_made_up_session_is_let_go_until_a_client_presents_it(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_int_equal(claim_made_up(&a, "bo", "s1"), STORE_OK);
    store_release(b.store, "bo", "s2"); /* not the holder */
    settle(&b);
    assert_int_equal(test_store_claim(&b, "bo", "s2").status, STORE_TAKEN);
    store_release(a.store, "bo", "s1");
    settle(&a);
    assert_int_equal(claim_made_up(&a, "bo", "s3"), STORE_OK);
    assert_int_equal(test_store_claim(&b, "bo", "s3").status, STORE_OK);
    assert_int_equal(claim_made_up(&a, "bo", "s3"), STORE_OK); /* asked again by the first one */
    store_release(a.store, "bo", "s3");
    settle(&a);
    assert_int_equal(test_store_claim(&b, "bo", "s2").status, STORE_TAKEN);
}

static void online_says_where_users_are_and_keeps_their_names(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_claim(&a, "al", "s");
    test_redis(&redis, "PEXPIRE t:name:al 1000");
    store_online(a.store, "al\nbo");
    store_online(b.store, "al");
    settle(&a);
    settle(&b);
    const char *where = test_redis(&redis, "GET t:presence:al");
    assert_non_null(strstr(where, "\"aaaaaaaaaaaaaaaa\":1"));
    assert_non_null(strstr(where, "\"bbbbbbbbbbbbbbbb\":1"));
    assert_null(strstr(where, "e+")); /* a whole number */
    assert_true(atoll(test_redis(&redis, "TTL t:name:al")) > 590);
    assert_string_equal(test_redis(&redis, "EXISTS t:name:bo"), "0");
    assert_non_null(strstr(test_redis(&redis, "GET t:instance:aaaaaaaaaaaaaaaa"), "\"pid\":"));
    assert_true(atoll(test_redis(&redis, "PTTL t:instance:aaaaaaaaaaaaaaaa")) > 29000);

    /* nonsense in the key is replaced, a place that is gone is forgotten */
    test_redis(&redis, "SET t:presence:al nonsense");
    test_redis(&redis, "SET t:presence:bo {\"gone\":1}");
    test_redis(&redis, "DEL t:presence:cy");
    test_redis(&redis, "SADD t:presence:cy x");
    store_online(a.store, "al\nbo\ncy");
    store_online(a.store, "");
    settle(&a);
    for (const char *user = "al\0bo\0cy\0"; *user; user += 3) {
        where = test_redis(&redis, "GET t:presence:%s", user);
        assert_int_equal(strncmp(where, "{\"aaaaaaaaaaaaaaaa\":", 20), 0);
        assert_null(strstr(where, "gone"));
    }
}

static void events_reach_a_room_and_both_users(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_subscribe(&a, STORE_CHANNEL_USER, "al");
    test_store_subscribe(&a, STORE_CHANNEL_USER, "bo");
    store_event(b.store, NULL, "al", "bo", "{\"t\":1}", 7);
    store_event(b.store, NULL, "al", "al", "{\"t\":2}", 7);
    store_event(b.store, "r", "al", NULL, "{\"t\":3}", 7);
    settle(&b);
    assert_int_equal(test_store_saw_times(&a, "user al e {\"t\":1}\n"), 1);
    assert_int_equal(test_store_saw_times(&a, "user bo e {\"t\":1}\n"), 1);
    assert_int_equal(test_store_saw_times(&a, "{\"t\":2}"), 1);
    assert_int_equal(test_store_saw_times(&a, "room r e {\"t\":3}\n"), 1);

    store_unsubscribe(a.store, STORE_CHANNEL_USER, "bo");
    store_unsubscribe(a.store, STORE_CHANNEL_USER, "bo");     /* no longer there */
    store_unsubscribe(a.store, STORE_CHANNEL_ROOM, "nobody"); /* never was */
    settle(&a);
    WAIT_UNTIL(base, strcmp(test_redis(&redis, "PUBSUB NUMSUB t:user:bo"), "t:user:bo 0") == 0);
    store_unsubscribe(a.store, STORE_CHANNEL_USER, "al");
}

static void confirmation_counts_only_for_the_last_subscription(void **state)
{
    (void)state;
    role_assume(&on_hub);
    store_subscribe(a.store, STORE_CHANNEL_ROOM, "q");
    store_unsubscribe(a.store, STORE_CHANNEL_ROOM, "q");
    store_subscribe(a.store, STORE_CHANNEL_ROOM, "q");
    store_unsubscribe(a.store, STORE_CHANNEL_ROOM, "q");
    store_subscribe(a.store, STORE_CHANNEL_ROOM, "q");
    WAIT_UNTIL(base, test_store_saw(&a, "subscribed room q\n"));
    assert_string_equal(test_redis(&redis, "PUBSUB NUMSUB t:{room:q}"), "t:{room:q} 1");
    settle(&a);
    assert_int_equal(test_store_saw_times(&a, "subscribed room q\n"), 1);
    store_unsubscribe(a.store, STORE_CHANNEL_ROOM, "q");
}

static void what_others_publish_is_ignored(void **state)
{
    (void)state;
    role_assume(&on_hub);
    static const char *const odd[] = {
        "", "m", "m ", "m x", "m x y", "m \n", "x y", "p", "e", "mm"
    };
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        test_redis(&redis, "PUBLISH t:{room:r} %s", odd[i]);
    settle(&a);
    assert_false(test_store_saw(&a, " m "));
    test_redis(&redis, "PUBLISH t:{room:r} %s", "p 3\n+x\n+yy\n-zzz");
    test_redis(&redis, "PUBLISH t:{room:r} %s", "p 4\n-x\n-y");
    settle(&a);
    assert_true(test_store_saw(&a, "room r p 3 +x,yy -zzz\n"));
    assert_true(test_store_saw(&a, "room r p 4 +(none) -x,y\n"));
}

static void read_markers_only_rise(void **state)
{
    (void)state;
    role_assume(&on_hub);
    for (int i = 0; i < 5; i++)
        test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL);
    static const uint64_t sent[] = { 3, 2, 3, 5, 6, 4 };
    for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
        char json[32];
        snprintf(json, sizeof(json), "{\"read\":%d}", (int)sent[i]);
        store_read(a.store, "r", "al", NULL, sent[i], true, json, strlen(json));
    }
    settle(&a);
    assert_int_equal(test_store_saw_times(&a, "{\"read\":"), 2); /* 3 and 5; 6 was never written */
    assert_true(test_store_saw(&a, "{\"read\":5}"));
    assert_string_equal(test_redis(&redis, "HGET t:{room:r}:read al"), "5");

    /* numbers that started again take the marker along */
    test_redis(&redis, "DEL t:{room:r}:meta");
    test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL);
    store_read(a.store, "r", "al", NULL, 1, true, "{\"read\":1}", 10);
    settle(&a);
    assert_string_equal(test_redis(&redis, "HGET t:{room:r}:read al"), "1");

    test_store_subscribe(&a, STORE_CHANNEL_USER, "al");
    test_store_subscribe(&a, STORE_CHANNEL_USER, "bo");
    test_store_publish(&a, "al", NULL, "bo", NULL, "x", NULL);
    store_read(a.store, NULL, "bo", "al", 1, true, "{\"dm\":1}", 8);
    settle(&a);
    assert_int_equal(test_store_saw_times(&a, " e {\"dm\":1}"), 2);
    assert_string_equal(test_redis(&redis, "HGET t:{dm:al|bo}:read bo"), "1");
    store_unsubscribe(a.store, STORE_CHANNEL_USER, "al");
    store_unsubscribe(a.store, STORE_CHANNEL_USER, "bo");
}

static void marks_only_rise_and_are_told(void **state)
{
    (void)state;
    role_assume(&on_hub);
    char epoch[RULE_EPOCH_BYTES + 1];
    for (int i = 0; i < 5; i++)
        test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL);
    text_copy(epoch, sizeof epoch, test_redis(&redis, "HGET t:{room:r}:meta epoch"));
    store_marks(a.store, "r", epoch, (struct store_mark[]){ { "al", 3, 0 }, { "bo", 5, 5 } }, 2);
    settle(&a);
    assert_int_equal(test_store_saw_times(&a, "room r k al 3 0,bo 5 5\n"), 1);
    str_reset(&a.log);
    store_marks(a.store, "r", epoch, (struct store_mark[]){ { "al", 2, 1 }, { "bo", 4, 9 } }, 2);
    store_marks(a.store, "r", epoch, &(struct store_mark){ "bo", 6, 6 }, 1); /* never written */
    store_marks(a.store, "r", "other", &(struct store_mark){ "bo", 5, 5 }, 1);
    settle(&a);
    assert_int_equal(test_store_saw_times(&a, " k "), 1);
    assert_int_equal(test_store_saw_times(&a, "room r k al 3 1\n"), 1);
    assert_true(atoi(test_redis(&redis, "TTL t:{room:r}:marks")) > RULE_HISTORY_SECONDS - 60);

    /* of numbers that started again nobody has anything */
    test_redis(&redis, "DEL t:{room:r}:meta");
    test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL);
    text_copy(epoch, sizeof epoch, test_redis(&redis, "HGET t:{room:r}:meta epoch"));
    str_reset(&a.log);
    store_marks(a.store, "r", epoch, &(struct store_mark){ "al", 1, 0 }, 1);
    settle(&a);
    assert_int_equal(test_store_saw_times(&a, "room r k al 1 0\n"), 1);
    assert_string_equal(test_redis(&redis, "HLEN t:{room:r}:marks"), "2"); /* and the epoch */
}

static void marks_of_people_who_are_gone_make_room(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_publish(&a, "al", "r", NULL, NULL, "x", NULL);
    char epoch[RULE_EPOCH_BYTES + 1], field[32];
    text_copy(epoch, sizeof epoch, test_redis(&redis, "HGET t:{room:r}:meta epoch"));
    store_presence_refresh(a.store, "r", "n3");
    for (int i = 0; i < STORE_MARKS_MOST; i++) {
        snprintf(field, sizeof field, "n%d", i);
        store_marks(a.store, "r", epoch, &(struct store_mark){ field, 1, 0 }, 1);
    }
    settle(&a);
    assert_string_equal(test_redis(&redis, "HLEN t:{room:r}:marks"), "2"); /* n3, the epoch */
    assert_string_equal(test_redis(&redis, "HGET t:{room:r}:marks n3"), "1 0");
}

struct seen_answer {
    bool done;
    enum store_status status;
    int64_t at[3];
};

static void take_seen(void *arg, enum store_status status, const int64_t *at)
{
    struct seen_answer *answer = arg;
    answer->status = status;
    if (at)
        memcpy(answer->at, at, sizeof answer->at);
    answer->done = true;
}

static void people_were_seen(void **state)
{
    (void)state;
    role_assume(&on_hub);
    store_online(a.store, "al\nbo");
    settle(&a);
    test_redis(&redis, "DEL t:presence:bo"); /* as time would */
    struct seen_answer answer = { .done = false };
    assert_int_equal(store_seen(b.store, "al\nbo\nzoe", take_seen, &answer), 0);
    WAIT_UNTIL(base, answer.done);
    assert_int_equal(answer.status, STORE_OK);
    assert_int_equal(answer.at[0], 0);
    assert_in_range(clock_wall_ms() - answer.at[1], 0, 60000);
    assert_true(answer.at[2] < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(join_is_announced_once, empty),
        cmocka_unit_test_setup(leave_is_announced_with_the_last_instance, empty),
        cmocka_unit_test_setup(expired_lease_is_swept_and_announced_once, empty),
        cmocka_unit_test_setup(a_roster_sweeps_too, empty),
        cmocka_unit_test_setup(a_late_heartbeat_is_no_coming_and_going, empty),
        cmocka_unit_test_setup(leases_end_by_the_clock_of_redis, empty),
        cmocka_unit_test_setup(large_room_is_counted_not_listed, empty),
        cmocka_unit_test_setup(many_users_go_in_several_calls, empty),
        cmocka_unit_test_setup(keys_of_a_room_live_and_die_together, empty),
        cmocka_unit_test_setup(name_belongs_to_its_session, empty),
        cmocka_unit_test_setup(name_of_a_made_up_session_is_let_go_until_a_client_presents_it,
                               empty),
        cmocka_unit_test_setup(online_says_where_users_are_and_keeps_their_names, empty),
        cmocka_unit_test_setup(events_reach_a_room_and_both_users, empty),
        cmocka_unit_test_setup(confirmation_counts_only_for_the_last_subscription, empty),
        cmocka_unit_test_setup(what_others_publish_is_ignored, empty),
        cmocka_unit_test_setup(read_markers_only_rise, empty),
        cmocka_unit_test_setup(marks_only_rise_and_are_told, empty),
        cmocka_unit_test_setup(marks_of_people_who_are_gone_make_room, empty),
        cmocka_unit_test_setup(people_were_seen, empty),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* Events about messages in a real Redis: who may, what becomes of the list, and what an error
 * leaves. */
#include "confab/store/act.h"
#include "confab/wire/rewrite.h"
#include "support/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct test_redis redis;
static struct event_base *base;
static struct test_store a;

static int set_up(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_alone_init(&redis, &base, &a);
    a.settings.edit_s = 3600;
    test_store_start(&a, &redis);
    test_store_ready(&a);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_alone_fini(&redis, base, &a);
    return 0;
}

/* As publish.lua writes it: number 1 of al, number 2 of bo. */
static void write_list(const char *prefix, const char *to)
{
    const char *const texts[] = { "one", "two" }, *const users[] = { "al", "bo" };
    for (int i = 0; i < 2; i++)
        test_redis(&redis,
                   "LPUSH t:%s:history {\"type\":\"message\",\"seq\":%d,\"id\":\"m%d\","
                   "\"user\":\"%s\"%s,\"content\":\"%s\",\"timestamp\":%lld,\"cid\":\"c\"}",
                   prefix, i + 1, i + 1, users[i], to, texts[i], (long long)clock_wall_ms() - 1000);
}

static int empty(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "CONFIG SET maxmemory 0");
    test_redis(&redis, "FLUSHALL");
    test_store_limit(&a, &redis, 0);
    test_store_subscribe(&a, STORE_CHANNEL_ROOM, "r");
    str_reset(&a.log);
    log_set_level(LOG_LEVEL_ERROR + 1);
    struct test_messages loaded = test_store_load(&a, "r", NULL); /* makes the epoch */
    assert_int_equal(loaded.status, STORE_OK);
    write_list("{room:r}", "");
    test_redis(&redis, "HSET t:{room:r}:meta seq 2");
    return 0;
}

struct answer {
    unsigned count;
    struct store_published r;
    char id[STORE_ID_BYTES + 1];
};

static void answered(void *arg, const struct store_published *r)
{
    struct answer *out = arg;
    out->count++;
    out->r = *r;
    text_copy(out->id, sizeof out->id, r->id ? r->id : "");
}

static struct store_act about(enum act_kind kind, const char *user, uint64_t target)
{
    return (struct store_act){ .kind = kind,
                               .user = user,
                               .room = "r",
                               .id = "e",
                               .target = target,
                               .content_json = "\"new\"",
                               .content_json_size = 5 };
}

static struct answer act(struct store_act what) REQUIRES(on_hub);
static struct answer act(struct store_act what)
{
    static const char *const kinds[] = { "edit", "delete", "react" };
    struct str head = STR_INIT, mid = STR_INIT, content = STR_INIT, tail = STR_INIT;
    struct answer out = { .count = 0 };
    str_addz(&head, "{\"type\":\"message\",\"seq\":");
    str_addf(&mid, ",\"id\":\"e\",\"user\":\"%s\",\"kind\":\"%s\",\"target\":%llu", what.user,
             kinds[what.kind], (unsigned long long)what.target);
    str_addz(&content, ",\"content\":\"new\",\"timestamp\":");
    str_addz(&tail, "}");
    what.head = &head, what.mid = &mid, what.content = &content, what.tail = &tail;
    assert_int_equal(store_act(a.store, &what, answered, &out), 0);
    WAIT_UNTIL(base, out.count > 0);
    str_fini(&head);
    str_fini(&mid);
    str_fini(&content);
    str_fini(&tail);
    return out;
}

static void assert_denied(struct answer out, enum error_code code)
{
    assert_int_equal(out.r.status, STORE_DENIED);
    assert_int_equal(out.r.error, code);
    assert_string_equal(test_redis(&redis, "LLEN t:{room:r}:history"), "2");
    assert_string_equal(test_redis(&redis, "HGET t:{room:r}:meta seq"), "2");
}

/* Entry i of the list, newest first. */
static const char *entry(int i)
{
    return test_redis(&redis, "LINDEX t:{room:r}:history %d", i);
}

static void the_event_is_stored_and_the_message_rewritten(void **state)
{
    (void)state;
    role_assume(&on_hub);
    char *before = xstrdup(entry(1));
    struct answer out = act(about(ACT_EDIT, "al", 1));
    assert_int_equal(out.r.status, STORE_OK);
    assert_int_equal(out.r.seq, 3);
    assert_string_equal(out.id, "e");
    char *event = xstrdup(entry(0));
    struct str expected = STR_INIT; /* byte for byte what the hub makes of it */
    assert_true(message_rewrite(&expected, &(struct frame_part){ before, strlen(before) },
                                &(struct frame_part){ event, strlen(event) }));
    assert_string_equal(entry(2), expected.data);
    char line[64];
    snprintf(line, sizeof line, "room r a %s 3 1 {",
             test_redis(&redis, "HGET t:{room:r}:meta epoch"));
    WAIT_UNTIL(base, test_store_saw(&a, line));
    str_fini(&expected);
    free(event);
    free(before);
}

static void what_was_replaced_is_gone(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_int_equal(act(about(ACT_EDIT, "al", 1)).r.seq, 3);
    assert_int_equal(act(about(ACT_REACT, "bo", 1)).r.seq, 4);
    assert_int_equal(act(about(ACT_DELETE, "al", 1)).r.seq, 5);
    assert_non_null(strstr(entry(2), "\"content\":\"\"")); /* the edit */
    assert_non_null(strstr(entry(2), "\"deleted\":5}"));
    assert_non_null(strstr(entry(1), "\"content\":\"new\"")); /* the reaction */
    assert_non_null(strstr(entry(4), "\"content\":\"\""));    /* the message */
    assert_non_null(strstr(entry(4), "\"deleted\":5}"));
    assert_null(strstr(entry(4), "edited"));
}

static void others_may_not(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_denied(act(about(ACT_EDIT, "bo", 1)), ERROR_NOT_ALLOWED);
    assert_denied(act(about(ACT_DELETE, "bo", 1)), ERROR_NOT_ALLOWED);
    struct store_act admin = about(ACT_EDIT, "*", 1);
    admin.role = ACT_ADMIN;
    assert_denied(act(admin), ERROR_NOT_ALLOWED);
    assert_denied(act(about(ACT_REACT, "bo", 9)), ERROR_NOT_FOUND);
    struct store_act other = about(ACT_DELETE, "al", 1);
    other.target_id = "m2";
    assert_denied(act(other), ERROR_NOT_FOUND);
    admin.kind = ACT_DELETE;
    assert_int_equal(act(admin).r.status, STORE_OK);
}

static void moderators_delete_what_is_not_of_their_like(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "HSET t:{room:r}:meta guard %s", "- 0");
    test_redis(&redis, "HSET t:{room:r}:acl mo m bo o");
    assert_denied(act(about(ACT_DELETE, "mo", 2)), ERROR_NOT_ALLOWED);
    assert_denied(act(about(ACT_EDIT, "mo", 1)), ERROR_NOT_ALLOWED);
    assert_int_equal(act(about(ACT_DELETE, "mo", 1)).r.status, STORE_OK);
}

static void a_guard_holds_back_edits_but_not_deletions(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "HSET t:{room:r}:meta guard %s", "rx 0");
    test_redis(&redis, "HSET t:{room:r}:acl bo o");
    assert_denied(act(about(ACT_EDIT, "al", 1)), ERROR_READ_ONLY);
    assert_int_equal(act(about(ACT_DELETE, "al", 1)).r.status, STORE_OK);
    test_redis(&redis, "HSET t:{room:r}:sanctions b:al %s", "0 bo ban");
    struct answer out = act(about(ACT_REACT, "al", 2));
    assert_int_equal(out.r.status, STORE_DENIED);
    assert_int_equal(out.r.error, ERROR_BANNED);
}

static void old_messages_are_elsewhere(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "LTRIM t:{room:r}:history 0 0"); /* number 1 is gone */
    assert_int_equal(act(about(ACT_EDIT, "al", 1)).r.status, STORE_NONE);
    struct act_target old = { .id = "m1", .user = "al", .timestamp_ms = clock_wall_ms() };
    struct store_act what = about(ACT_EDIT, "bo", 1);
    what.old = &old;
    assert_int_equal(act(what).r.error, ERROR_NOT_ALLOWED);
    what.user = "al";
    assert_int_equal(act(what).r.seq, 3);
    assert_non_null(strstr(entry(0), "\"target_id\":\"m1\""));
    assert_int_equal(act(what).r.seq, 4);
    assert_non_null(strstr(entry(1), "\"deleted\":4}")); /* the edit before */
    old.deleted = true;
    assert_int_equal(act(what).r.error, ERROR_NOT_FOUND);
    old.deleted = false;
    old.timestamp_ms -= 3600 * 1000 + 1;
    assert_int_equal(act(what).r.error, ERROR_TOO_OLD);
}

static void a_guest_changes_what_is_their_own(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct store_act what = about(ACT_DELETE, "al", 1);
    what.role = ACT_GUEST;
    test_redis(&redis, "SET t:{user:al}:since %lld", (long long)clock_wall_ms());
    assert_denied(act(what), ERROR_NOT_ALLOWED);
    test_redis(&redis, "SET t:{user:al}:since 1");
    assert_int_equal(act(what).r.status, STORE_OK);
}

static void a_cid_counts_once(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct store_act what = about(ACT_EDIT, "al", 1);
    what.cid = "c1";
    struct answer first = act(what), again = act(what);
    assert_int_equal(first.r.status, STORE_OK);
    assert_int_equal(again.r.status, STORE_DUPLICATE);
    assert_int_equal(again.r.seq, 3);
    assert_int_equal(again.r.timestamp_ms, first.r.timestamp_ms);
    assert_string_equal(test_redis(&redis, "LLEN t:{room:r}:history"), "3");
}

static void events_count_in_the_limit(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_limit(&a, &redis, 1);
    assert_int_equal(act(about(ACT_REACT, "al", 1)).r.status, STORE_OK);
    struct answer out = act(about(ACT_REACT, "al", 1));
    assert_int_equal(out.r.status, STORE_LIMITED);
    assert_true(out.r.retry_after_ms > 0);
}

static void a_deleted_message_is_unread_no_longer(void **state)
{
    (void)state;
    role_assume(&on_hub);
    write_list("{dm:al|bo}", ",\"to\":\"bo\"");
    struct store_act what = about(ACT_DELETE, "al", 1);
    what.room = NULL;
    what.to = "bo";
    struct test_published p = test_store_publish(&a, "al", NULL, "bo", NULL, "x", NULL);
    assert_int_equal(p.seq, 1); /* makes the epoch, and drops a list that had none */
    write_list("{dm:al|bo}", ",\"to\":\"bo\"");
    test_redis(&redis, "HSET t:{dm:al|bo}:meta seq 3");
    test_redis(&redis, "HSET t:{user:bo}:unread al 2");
    what.target = 2; /* of al: the entries are 1 x, 2 al, 3 bo */
    assert_int_equal(act(what).r.status, STORE_OK);
    assert_string_equal(test_redis(&redis, "HGET t:{user:bo}:unread al"), "1");
    test_redis(&redis, "HSET t:{dm:al|bo}:read bo 3");
    test_redis(&redis, "HSET t:{user:bo}:unread al 2");
    test_redis(&redis, "LSET t:{dm:al|bo}:history 2 %s",
               "{\"type\":\"private\",\"seq\":2,\"id\":\"m1\",\"user\":\"al\","
               "\"content\":\"x\",\"timestamp\":1}");
    assert_int_equal(act(what).r.status, STORE_OK); /* it was read */
    assert_string_equal(test_redis(&redis, "HGET t:{user:bo}:unread al"), "2");
}

static void keys_of_another_type_leave_nothing_half_done(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "SADD t:{room:r}:dedupe:al:c1 x");
    struct store_act what = about(ACT_EDIT, "al", 1);
    what.cid = "c1";
    assert_int_equal(act(what).r.status, STORE_REFUSED);
    test_redis(&redis, "HSET t:{room:r}:meta guard %s", "rx 0");
    test_redis(&redis, "SADD t:{room:r}:acl x");
    assert_int_equal(act(about(ACT_EDIT, "al", 1)).r.status, STORE_REFUSED);
    test_redis(&redis, "HDEL t:{room:r}:meta guard");
    test_store_limit(&a, &redis, 5);
    test_redis(&redis, "SADD t:rate:al x");
    assert_int_equal(act(about(ACT_EDIT, "al", 1)).r.status, STORE_REFUSED);
    assert_string_equal(test_redis(&redis, "LLEN t:{room:r}:history"), "2");
    assert_non_null(strstr(entry(1), "\"content\":\"one\""));
    assert_string_equal(test_redis(&redis, "HGET t:{room:r}:meta seq"), "2");
}

/* Who was told before is not told again, nor who may not read the room. */
static void an_edit_tells_whom_it_mentions_first(void **state)
{
    (void)state;
    role_assume(&on_hub);
    static const char *const names[] = { "al", "bo", "eve" };
    for (size_t i = 0; i < 3; i++)
        test_redis(&redis, "HSET t:account:%s version 1", names[i]);
    struct store_act what = about(ACT_EDIT, "al", 1);
    what.mentions = "al\nbo\nguest";
    assert_int_equal(act(what).r.seq, 3);
    const char *told = test_redis(&redis, "LRANGE t:{user:bo}:mentions 0 -1");
    assert_non_null(strstr(told, "\"room\":\"r\",\"message\":1,\"message_epoch\":\""));
    assert_non_null(strstr(told, "\",\"id\":\"m1\",\"user\":\"al\",\"timestamp\":"));
    WAIT_UNTIL(base, test_store_saw(&a, "room r a "));
    what.mentions = "eve\nbo";
    assert_int_equal(act(what).r.seq, 4);
    assert_string_equal(test_redis(&redis, "LLEN t:{user:bo}:mentions"), "1");
    assert_string_equal(test_redis(&redis, "LLEN t:{user:eve}:mentions"), "1");
    what = about(ACT_EDIT, "bo", 2);
    what.mentions = "eve";
    assert_int_equal(act(what).r.seq, 5);
    assert_string_equal(test_redis(&redis, "LLEN t:{user:eve}:mentions"), "2");
    test_redis(&redis, "HSET t:{room:r}:meta guard %s", "p 0");
    test_redis(&redis, "HSET t:{room:r}:acl bo w");
    what.mentions = "al";
    assert_int_equal(act(what).r.seq, 6);
    assert_string_equal(test_redis(&redis, "KEYS t:{user:al}:*"), "");
    test_redis(&redis, "SET t:{user:eve}:mentions x");
    test_redis(&redis, "HSET t:{room:r}:acl eve w");
    what.mentions = "eve";
    assert_int_equal(act(what).r.status, STORE_OK);
}

static void without_memory_nothing_happens(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "CONFIG SET maxmemory 1");
    assert_int_equal(act(about(ACT_EDIT, "al", 1)).r.status, STORE_UNAVAILABLE);
    assert_string_equal(test_redis(&redis, "LLEN t:{room:r}:history"), "2");
    assert_non_null(strstr(entry(1), "\"content\":\"one\""));
    test_redis(&redis, "CONFIG SET maxmemory 0");
    assert_int_equal(act(about(ACT_EDIT, "al", 1)).r.status, STORE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_event_is_stored_and_the_message_rewritten, empty),
        cmocka_unit_test_setup(what_was_replaced_is_gone, empty),
        cmocka_unit_test_setup(others_may_not, empty),
        cmocka_unit_test_setup(moderators_delete_what_is_not_of_their_like, empty),
        cmocka_unit_test_setup(a_guard_holds_back_edits_but_not_deletions, empty),
        cmocka_unit_test_setup(old_messages_are_elsewhere, empty),
        cmocka_unit_test_setup(a_guest_changes_what_is_their_own, empty),
        cmocka_unit_test_setup(a_cid_counts_once, empty),
        cmocka_unit_test_setup(events_count_in_the_limit, empty),
        cmocka_unit_test_setup(a_deleted_message_is_unread_no_longer, empty),
        cmocka_unit_test_setup(keys_of_another_type_leave_nothing_half_done, empty),
        cmocka_unit_test_setup(an_edit_tells_whom_it_mentions_first, empty),
        cmocka_unit_test_setup(without_memory_nothing_happens, empty),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

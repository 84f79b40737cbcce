/* The store: limits and lists of rooms with an owner, accounts that end, rooms out of an archive,
 * rules that are lost, and keys that hold something else; against a real Redis. */
#include "confab/store/refill.h"
#include "store/state.h"
#include "support/accounts/story.h"
#include "support/rooms/story.h"

#include <stdio.h>
#include <string.h>

#define DEVICE "00000000000000aa"

static struct test_redis redis;
static struct event_base *base;
static struct test_store a, b;

static int set_up(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_stores_init(&redis, &base, &a, &b);
    for (int i = 0; i < 2; i++) { /* scripts have the settings as constants */
        struct test_store *t = i == 0 ? &a : &b;
        t->settings.rooms_per_account = 3;
        t->settings.max_owned_rooms = 5;
        t->settings.audit_keep = t->settings.archive_backlog = 1000;
        t->settings.kick_s = 60;
        test_store_limit(t, &redis, 1);
        test_store_limit(t, &redis, 0);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_stores_fini(&redis, base, &a, &b);
    return 0;
}

static void have_account(const char *name)
{
    test_redis(&redis, "HSET t:account:%s version 1", name);
}

static const char *create(const char *who, const char *room, const char *access) REQUIRES(on_hub);
static const char *create(const char *who, const char *room, const char *access)
{
    return test_room_act(&a, who, "create", room, access, "", "", "", NULL).error;
}

/* A public room `r` of olga; ada and eva have accounts. */
static int begin(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "CONFIG SET maxmemory 0");
    test_redis(&redis, "FLUSHALL");
    have_account("olga");
    have_account("ada");
    have_account("eva");
    assert_string_equal(create("olga", "r", "public"), "");
    return 0;
}

static const char *try_act(const char *act, const char *one, const char *two) REQUIRES(on_hub);
static const char *try_act(const char *act, const char *one, const char *two)
{
    return test_room_act(&a, "olga", act, "r", one, two, "", NULL).error;
}

/* ---- limits ---- */

/* Fields NAME1 … NAMEcount. */
static void fill(const char *key, const char *name, int count, const char *value)
{
    for (int i = 1; i <= count; i++)
        test_redis(&redis, "HSET %s %s%d %s", key, name, i, value);
}

static void lists_of_a_room_are_finite(void **state)
{
    (void)state;
    role_assume(&on_hub);
    fill("t:{room:r}:acl", "x", RULE_ROOM_MEMBERS - 1, "w");
    assert_string_equal(try_act("role", "ada", "member"), "full");
    assert_string_equal(try_act("role", "x1", "none"), "");
    assert_string_equal(try_act("role", "ada", "member"), "");
    struct test_act invited = test_room_act(&a, "olga", "invite", "r", "-1", "60", NULL);
    assert_string_equal(test_invite_use(&a, test_act_text(&invited, "code"), "r", "eva").error,
                        "full");

    fill("t:{room:r}:sanctions", "b:y", RULE_ROOM_SANCTIONS, "0");
    assert_string_equal(try_act("ban", "gus", "0"), "full");
    assert_string_equal(try_act("kick", "gus", ""), "full");
    assert_string_equal(try_act("mute", "gus", "0"), "full");
    assert_string_equal(try_act("ban", "y1", "60"), "");
    assert_string_equal(try_act("unban", "y2", ""), "");
    assert_string_equal(try_act("ban", "gus", "0"), "");
}

static void invitations_of_a_room_are_finite(void **state)
{
    (void)state;
    role_assume(&on_hub);
    for (int i = 0; i < RULE_ROOM_INVITATIONS; i++)
        assert_string_equal(try_act("invite", "1", "60"), "");
    assert_string_equal(try_act("invite", "1", "60"), "full");
    char code[64];
    snprintf(code, sizeof(code), "%s", test_redis(&redis, "SRANDMEMBER t:{room:r}:invites"));
    test_redis(&redis, "DEL t:invite:%s", code); /* its time is over */
    assert_string_equal(try_act("invite", "1", "60"), "");
    assert_string_equal(test_redis(&redis, "SISMEMBER t:{room:r}:invites %s", code), "0");
}

static void rooms_of_an_account_and_of_all_are_finite(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_string_equal(create("olga", "r2", ""), "");
    assert_string_equal(create("olga", "r3", ""), "");
    assert_string_equal(create("olga", "r4", ""), "full");
    assert_string_equal(create("ada", "s1", ""), "");
    assert_string_equal(test_room_act(&a, "ada", "role", "s1", "olga", "owner", NULL).error,
                        "full");
    assert_string_equal(test_room_act(&a, "ada", "role", "s1", "olga", "member", NULL).error, "");
    assert_string_equal(create("ada", "s2", ""), "");
    assert_string_equal(create("ada", "s3", ""), "full"); /* MAX_OWNED_ROOMS */
    assert_string_equal(test_room_act(&a, "ada", "destroy", "s2", NULL).error, "");
    assert_string_equal(create("ada", "s3", ""), "");
    fill("t:{user:eva}:rooms", "z", RULE_MEMBERSHIPS, "w");
    assert_string_equal(try_act("role", "eva", "member"), "full");
}

/* ---- lists ---- */

static void rooms_are_listed_to_who_may_see_them(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_string_equal(create("olga", "a", "private"), "");
    assert_string_equal(create("ada", "z", "private"), "");
    struct store_list_query q = { .viewer = "olga", .after = "", .limit = 2 };
    struct test_act page = test_list(&a, store_rooms_list, &q);
    assert_non_null(strstr(page.json, "[{\"room\":\"a\",\"access\":\"private\""));
    assert_non_null(strstr(page.json, "{\"room\":\"r\",\"access\":\"public\""));
    assert_null(strstr(page.json, "\"z\""));
    assert_string_equal(page.next, "r");
    q.after = page.next;
    page = test_list(&a, store_rooms_list, &q);
    assert_string_equal(page.json, "[]");
    assert_string_equal(page.next, "");
    q = (struct store_list_query){ .viewer = "", .after = "", .limit = 100 };
    page = test_list(&a, store_rooms_list, &q);
    assert_null(strstr(page.json, "private"));
    assert_non_null(strstr(page.json, "\"members\":1,\"count\":0}]"));
    q.admin = true;
    page = test_list(&a, store_rooms_list, &q);
    assert_non_null(strstr(page.json, "{\"room\":\"z\""));
}

static void members_are_listed_by_name(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_string_equal(try_act("role", "eva", "moderator"), "");
    assert_string_equal(try_act("role", "ada", "member"), "");
    struct store_list_query q = { .room = "r", .viewer = "gus", .after = "", .limit = 2 };
    struct test_act page = test_list(&a, store_members, &q);
    assert_string_equal(page.json, "{\"ada\":\"member\",\"eva\":\"moderator\"}");
    assert_string_equal(page.next, "eva");
    q.after = "eva";
    page = test_list(&a, store_members, &q);
    assert_string_equal(page.json, "{\"olga\":\"owner\"}");
    assert_string_equal(page.next, "");
    assert_string_equal(try_act("access", "private", ""), "");
    assert_string_equal(test_list(&a, store_members, &q).error, "not_found");
    q.viewer = "ada";
    assert_string_equal(test_list(&a, store_members, &q).error, "");
    q.room = "none";
    assert_string_equal(test_list(&a, store_members, &q).error, "not_found");
}

static void audit_log_is_read_by_those_it_concerns(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_string_equal(create("ada", "s", ""), "");
    assert_string_equal(try_act("topic", "\"t\"", ""), "");
    assert_string_equal(test_room_act(&a, "*", "mute", "r", "gus", "60", "spam", NULL).error, "");
    struct store_list_query q = { .room = "r", .viewer = "olga", .after = "", .limit = 1 };
    struct test_act page = test_list(&a, store_audit, &q);
    assert_string_equal(test_act_text(&page, "act"), "mute");
    assert_string_equal(test_act_text(&page, "actor"), "*");
    assert_string_equal(test_act_text(&page, "who"), "gus");
    assert_string_equal(test_act_text(&page, "detail"), "60 spam");
    assert_string_equal(test_act_text(&page, "id"), page.next);
    const struct test_act first = page;
    q.after = first.next;
    q.limit = 9;
    page = test_list(&a, store_audit, &q);
    assert_string_equal(test_act_text(&page, "act"), "topic");
    assert_non_null(strstr(page.json, "\"act\":\"create\",\"room\":\"r\""));
    assert_null(strstr(page.json, "\"s\""));
    assert_string_equal(page.next, "");
    q.viewer = "gus";
    assert_string_equal(test_list(&a, store_audit, &q).error, "not_allowed");
    q = (struct store_list_query){ .viewer = "olga", .after = "", .limit = 9 };
    assert_string_equal(test_list(&a, store_audit, &q).error, "not_found");
    q.admin = true;
    q.actor = "ada";
    assert_non_null(strstr(test_list(&a, store_audit, &q).json, "\"room\":\"s\""));
    static const char *const bad[] = { "x", "1", "1-2-3", "99999999999999999999999999-1" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        q.after = bad[i];
        assert_string_equal(test_list(&a, store_audit, &q).error, "bad_cursor");
    }
}

/* ---- accounts that end ---- */

static void room_of_an_account_that_ends_goes_to_its_first_moderator(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "XGROUP CREATE t:archive a $ MKSTREAM");
    test_accounts(&a, STORE_ACCOUNTS_OPEN);
    test_redis(&redis, "DEL t:account:olga");
    struct test_account olga = test_register(&a, "olga", DEVICE);
    assert_int_equal(olga.status, STORE_OK);
    assert_string_equal(create("olga", "alone", "private"), "");
    assert_string_equal(try_act("role", "eva", "moderator"), "");
    assert_string_equal(try_act("role", "ada", "moderator"), "");
    test_redis(&redis, "HSET t:{user:olga}:unread eva 1");
    test_redis(&redis, "HSET t:{user:olga}:cursor:" DEVICE " eva x");
    struct test_account login = test_login(&a, "olga", TEST_ADDRESS);
    assert_int_equal(test_unregister(&a, "olga", login.version, DEVICE), STORE_OK);
    assert_string_equal(test_redis(&redis, "HMGET t:{room:r}:config owner"), "ada");
    assert_string_equal(test_redis(&redis, "HMGET t:{room:r}:acl olga ada eva"), "nil o m");
    assert_string_equal(test_redis(&redis, "HGET t:{user:ada}:rooms r"), "o");
    assert_string_equal(test_redis(&redis, "KEYS t:{user:olga}:*"), "t:{user:olga}:held");
    assert_string_equal(test_redis(&redis, "HGET t:{room:alone}:config owner"), "");
    assert_string_equal(test_access(&a, "alone", "", "olga").may, "p");
    assert_non_null(strstr(test_redis(&redis, "XREVRANGE t:archive + - COUNT 3"), "!room r "));
    /* nobody owns it: the administrator gives it away */
    assert_string_equal(test_room_act(&a, "*", "role", "alone", "eva", "owner", NULL).error, "");
    assert_string_equal(test_room_act(&a, "eva", "topic", "alone", "t", NULL).error, "");
}

/* ---- out of an archive ---- */

struct records {
    char json[1024];
    struct store_record record;
    bool told;
};

static int page(void *arg, const char *kind, const char *after, const struct store_record **out,
                size_t *count)
{
    struct records *r = arg;
    *out = &r->record;
    *count = strcmp(kind, "room") == 0 && *after == '\0' ? 1 : 0;
    r->told = r->told || *count;
    return 0;
}

static void refill_with(struct records *r) REQUIRES(on_archive, on_hub);
static void refill_with(struct records *r)
{
    char error[256];
    struct refilled sent;
    const struct refill what = { redis.address, &a.settings, page, r, false };
    if (refill(&what, &sent, error, sizeof(error)) != 0)
        fail_msg("%s", error);
}

/* What the archive was told of the room last. */
static void take_record(struct records *r)
{
    const char *entry = test_redis(&redis, "XREVRANGE t:archive + - COUNT 1");
    const char *at = strstr(entry, "!room r "), *json = at ? strchr(at, '\n') : NULL;
    BUG_ON(!json);
    const char *end = strstr(json, " !audit ");
    snprintf(r->json, sizeof(r->json), "%.*s",
             (int)(end ? (size_t)(end - json - 1) : strlen(json + 1)), json + 1);
    r->record = (struct store_record){ "r", r->json, strlen(r->json) };
}

static void rooms_come_back_out_of_an_archive(void **state)
{
    (void)state;
    role_assume(&on_hub);
    role_assume(&on_archive);
    struct records r = { .told = false };
    test_redis(&redis, "XGROUP CREATE t:archive a $ MKSTREAM");
    assert_string_equal(try_act("role", "ada", "moderator"), "");
    assert_string_equal(try_act("topic", "a \"topic\" ä", ""), "");
    assert_string_equal(try_act("ban", "gus", "0"), "");
    assert_string_equal(try_act("access", "private", ""), "");
    take_record(&r);
    char version[32];
    snprintf(version, sizeof(version), "%s", test_redis(&redis, "HGET t:{room:r}:config version"));
    test_redis(&redis, "FLUSHALL");
    test_redis(&redis, "XGROUP CREATE t:archive a $ MKSTREAM");
    refill_with(&r);
    assert_true(r.told);
    assert_string_equal(test_redis(&redis, "HMGET t:{room:r}:meta guard version"),
                        test_redis(&redis, "HMGET t:{room:r}:config guard version"));
    assert_string_equal(test_redis(&redis, "HGET t:{room:r}:config version"), version);
    assert_string_equal(test_redis(&redis, "HGET t:{room:r}:config topic"), "a \"topic\" ä");
    assert_string_equal(test_access(&a, "r", "px 0", "ada\ngus\neva").may, "1bp");
    assert_string_equal(test_redis(&redis, "HGET t:{user:ada}:rooms r"), "m");
    assert_string_equal(test_redis(&redis, "ZRANGE t:rooms 0 -1"), "r");
    assert_string_equal(test_redis(&redis, "TTL t:{room:r}:meta"), "-1");
    /* and is told to archives once more, since this one may not be the only one */
    assert_non_null(strstr(test_redis(&redis, "XRANGE t:archive - +"), "!room r "));
    assert_string_equal(test_redis(&redis, "HGET t:accounts:ready by"), "restored");
    /* numbers begin anew, the rules hold */
    const struct test_messages fresh = test_store_load(&a, "r", NULL);
    assert_int_equal(fresh.seq, 0);
    assert_string_equal(test_redis(&redis, "TTL t:{room:r}:meta"), "-1");
    assert_string_equal(test_redis(&redis, "HGET t:{room:r}:meta guard"), "px 0");
}

static void older_and_broken_records_change_nothing(void **state)
{
    (void)state;
    role_assume(&on_hub);
    role_assume(&on_archive);
    struct records r = { .told = false };
    test_redis(&redis, "XGROUP CREATE t:archive a $ MKSTREAM");
    assert_string_equal(try_act("topic", "old", ""), "");
    take_record(&r);
    assert_string_equal(try_act("topic", "new", ""), "");
    refill_with(&r);
    assert_string_equal(test_redis(&redis, "HGET t:{room:r}:config topic"), "new");
    test_redis(&redis, "DEL t:accounts:ready");
    assert_string_equal(try_act("destroy", NULL, NULL), ""); /* is not undone */
    refill_with(&r);
    assert_string_equal(test_redis(&redis, "EXISTS t:{room:r}:config"), "0");
    static const char *const broken[] = {
        "", "{}", "[1]", "x", "{\"config\":1}", "{\"config\":{\"version\":\"9999999999999\"}}"
    };
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        test_redis(&redis, "FLUSHALL");
        r.record = (struct store_record){ "r", broken[i], strlen(broken[i]) };
        refill_with(&r);
        assert_string_equal(test_redis(&redis, "KEYS t:*"), "t:accounts:ready");
    }
}

/* ---- rules that are lost ---- */

static void lost_rules_close_the_room_until_the_administrator_makes_new_ones(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_string_equal(try_act("access", "private", ""), "");
    struct test_messages before = test_store_load(&a, "r", NULL);
    test_redis(&redis, "FLUSHALL");
    have_account("olga");
    const struct store_known known = { before.epoch, before.seq, before.fence, "p 0" };
    assert_int_equal(test_access(&a, "r", "p 0", "olga").status, STORE_UNAVAILABLE);
    assert_int_equal(test_store_publish(&a, "olga", "r", NULL, NULL, "x", &known).status,
                     STORE_UNAVAILABLE);
    const char *const words[] = { "private", "", "", "olga", NULL };
    assert_int_equal(test_room_act_as(&a, "olga", "create", "r", NULL, &known, words).status,
                     STORE_UNAVAILABLE);
    assert_int_equal(test_room_act_as(&a, "*", "create", "r", NULL, &known, words).status,
                     STORE_OK);
    assert_int_equal(test_access(&a, "r", "p 0", "olga").status, STORE_OK);
    /* the config alone: numbers still say that there was one */
    test_redis(&redis, "DEL t:{room:r}:config");
    assert_int_equal(test_access(&b, "r", "", "gus").status, STORE_UNAVAILABLE);
}

/* ---- keys that hold something else, and no memory ---- */

static void key_of_another_type_leaves_nothing_half_done(void **state)
{
    (void)state;
    role_assume(&on_hub);
    log_set_level(LOG_LEVEL_ERROR + 1);
    static const char *const keys[] = {
        "t:{room:r}:config", "t:{room:r}:acl",     "t:{room:r}:sanctions",
        "t:{room:r}:meta",   "t:{room:r}:history", "t:{room:r}:invites",
        "t:rooms",           "t:{user:ada}:rooms",
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        begin(state);
        test_redis(&redis, "RENAME %s saved", keys[i]);
        test_redis(&redis, "SET %s x", keys[i]);
        struct test_act out = test_room_act(&a, "olga", "role", "r", "ada", "member", NULL);
        assert_int_equal(out.status, STORE_REFUSED);
        assert_string_equal(test_redis(&redis, "XLEN t:audit"), "1");
        test_redis(&redis, "DEL %s", keys[i]);
        test_redis(&redis, "RENAME saved %s", keys[i]);
        out = test_room_act(&a, "olga", "role", "r", "ada", "member", NULL);
        assert_int_equal(out.status, STORE_OK);
        assert_int_equal(out.seq, 2);
    }
    begin(state); /* these are written last: the act has happened */
    test_redis(&redis, "DEL t:audit");
    test_redis(&redis, "SET t:audit x");
    test_redis(&redis, "SET t:archive x");
    assert_string_equal(try_act("topic", "t", ""), "");
    log_set_level(LOG_LEVEL_ERROR);
}

static void without_memory_nothing_is_half_done(void **state)
{
    (void)state;
    role_assume(&on_hub);
    static const char *const acts[][3] = {
        { "topic", "t", "" },      { "ban", "gus", "0" },       { "invite", "1", "60" },
        { "destroy", NULL, NULL }, { "role", "ada", "member" },
    };
    struct test_act invited = test_room_act(&a, "olga", "invite", "r", "1", "60", NULL);
    char code[64], before[4096];
    snprintf(code, sizeof(code), "%s", test_act_text(&invited, "code"));
    snprintf(before, sizeof(before), "%s", test_redis(&redis, "HGETALL t:{room:r}:config"));
    test_redis(&redis, "CONFIG SET maxmemory 1");
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
        assert_int_equal(
            test_room_act(&a, "olga", acts[i][0], "r", acts[i][1], acts[i][2], "", NULL).status,
            STORE_UNAVAILABLE);
    assert_int_equal(test_invite_use(&a, code, "r", "ada").status, STORE_UNAVAILABLE);
    assert_int_equal(test_access(&a, "r", "", "ada").status, STORE_OK);
    test_redis(&redis, "CONFIG SET maxmemory 0");
    test_store_ready(&a);
    assert_string_equal(test_redis(&redis, "HGETALL t:{room:r}:config"), before);
    assert_string_equal(test_redis(&redis, "HGETALL t:{room:r}:acl"), "olga o");
    assert_string_equal(test_redis(&redis, "LLEN t:{room:r}:history"), "1");
    assert_string_equal(test_redis(&redis, "HGET t:invite:%s uses", code), "1");
    assert_string_equal(test_redis(&redis, "XLEN t:audit"), "2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(lists_of_a_room_are_finite, begin),
        cmocka_unit_test_setup(invitations_of_a_room_are_finite, begin),
        cmocka_unit_test_setup(rooms_of_an_account_and_of_all_are_finite, begin),
        cmocka_unit_test_setup(rooms_are_listed_to_who_may_see_them, begin),
        cmocka_unit_test_setup(members_are_listed_by_name, begin),
        cmocka_unit_test_setup(audit_log_is_read_by_those_it_concerns, begin),
        cmocka_unit_test_setup(room_of_an_account_that_ends_goes_to_its_first_moderator, begin),
        cmocka_unit_test_setup(rooms_come_back_out_of_an_archive, begin),
        cmocka_unit_test_setup(older_and_broken_records_change_nothing, begin),
        cmocka_unit_test_setup(lost_rules_close_the_room_until_the_administrator_makes_new_ones,
                               begin),
        cmocka_unit_test_setup(key_of_another_type_leaves_nothing_half_done, begin),
        cmocka_unit_test_setup(without_memory_nothing_is_half_done, begin),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

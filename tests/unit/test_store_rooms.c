/* The store: rooms that have an owner. Who may do what, what becomes of it, and every limit;
 * against a real Redis. */
#include "store/state.h"
#include "support/rooms/story.h"

#include <stdio.h>
#include <string.h>

static struct test_redis redis;
static struct event_base *base;
static struct test_store a, b;

static int set_up(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_stores_init(&redis, &base, &a, &b);
    a.settings.rooms_per_account = a.settings.max_owned_rooms = 5;
    a.settings.audit_keep = a.settings.archive_backlog = 1000;
    a.settings.kick_s = 60;
    test_store_limit(&a, &redis, 1); /* scripts have the settings as constants */
    test_store_limit(&a, &redis, 0);
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

/* A public room `r` of olga, with moderators mo and moe, and members wim and win; gus is a guest. */
static int begin(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "FLUSHALL");
    str_reset(&a.log);
    str_reset(&b.log);
    static const char *const names[] = { "olga", "mo", "moe", "wim", "win", "ada" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        have_account(names[i]);
    assert_string_equal(test_room_act(&a, "olga", "create", "r", "", "", "", "", NULL).error, "");
    static const char *const roles[][2] = {
        { "mo", "moderator" }, { "moe", "moderator" }, { "wim", "member" }, { "win", "member" }
    };
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        assert_string_equal(
            test_room_act(&a, "olga", "role", "r", roles[i][0], roles[i][1], NULL).error, "");
    return 0;
}

static void created_room_is_told_to_all_and_kept(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_subscribe(&b, STORE_CHANNEL_ROOM, "tea");
    struct test_act out =
        test_room_act(&a, "olga", "create", "tea", "private", "1", "a \"topic\" / ä\n", "", NULL);
    assert_int_equal(out.status, STORE_OK);
    assert_int_equal(out.seq, 1);
    assert_non_null(strstr(out.json, "\"topic\":\"a \\\"topic\\\" \\/ ä\\n\""));
    assert_string_equal(test_act_text(&out, "owner"), "olga");
    assert_string_equal(test_act_text(&out, "access"), "private");
    WAIT_UNTIL(base, test_store_saw(&b, "room tea c 1 \"pr 0\" {\"seq\":1,\"act\":\"create\""));
    assert_true(test_store_saw(&b, "} ?*"));
    assert_string_equal(test_redis(&redis, "HGET t:{room:tea}:config guard"), "pr 0");
    assert_string_equal(test_redis(&redis, "HGET t:{room:tea}:meta guard"), "pr 0");
    assert_string_equal(test_redis(&redis, "TTL t:{room:tea}:meta"), "-1");
    assert_string_equal(test_redis(&redis, "HGET t:{user:olga}:rooms tea"), "o");
    assert_string_equal(test_redis(&redis, "XLEN t:audit"), "6");
}

static const char *try_act(const char *actor, const char *act, const char *one, const char *two)
    REQUIRES(on_hub);
static const char *try_act(const char *actor, const char *act, const char *one, const char *two)
{
    return test_room_act(&a, actor, act, "r", one, two, "", NULL).error;
}

/* Who may do what: "" yes, else the error. Each act begins with the same room. */
static void roles_decide_who_may_do_what(void **state)
{
    (void)state;
    role_assume(&on_hub);
    static const char *const actors[] = { "*", "olga", "mo", "wim", "ada", "gus" };
    static const char no[] = "not_allowed", nf[] = "not_found", last[] = "last_owner";
    static const char exists[] = "room_exists", acc[] = "account_needed";
    static const struct {
        const char *act, *one, *two;
        const char *errors[6]; /* by actor */
    } cases[] = {
        { "info", "", "", { "", "", "", "", "", "" } },
        { "create", "", "", { exists, exists, exists, exists, exists, exists } },
        { "topic", "t", "", { "", "", "", no, no, no } },
        { "slow", "5", "", { "", "", "", no, no, no } },
        { "invite", "1", "60", { "", "", "", no, no, no } },
        { "access", "private", "", { "", "", no, no, no, no } },
        { "read_only", "1", "", { "", "", no, no, no, no } },
        { "destroy", NULL, NULL, { "", "", no, no, no, no } },
        /* roles: by the owner; anybody leaves; the owner stays */
        { "role", "ada", "member", { "", "", no, no, no, no } },
        { "role", "ada", "owner", { "", "", no, no, no, no } },
        { "role", "gus", "member", { acc, acc, no, no, no, no } },
        { "role", "win", "none", { "", "", no, no, no, no } },
        { "role", "wim", "none", { "", "", no, "", no, no } },
        { "role", "mo", "none", { "", "", "", no, no, no } },
        { "role", "gus", "none", { nf, nf, no, no, no, no } },
        { "role", "olga", "none", { last, last, no, no, no, no } },
        { "role", "olga", "member", { last, last, no, no, no, no } },
        { "role", "olga", "owner", { "", "", no, no, no, no } },
        /* sanctions: downwards, and not against oneself */
        { "mute", "gus", "60", { "", "", "", no, no, no } },
        { "mute", "wim", "60", { "", "", "", no, no, no } },
        { "mute", "moe", "60", { "", "", no, no, no, no } },
        { "mute", "mo", "60", { "", "", no, no, no, no } },
        { "mute", "olga", "60", { last, no, no, no, no, no } },
        { "ban", "nobody", "0", { "", "", "", no, no, no } },
        { "ban", "moe", "0", { "", "", no, no, no, no } },
        { "ban", "olga", "0", { last, no, no, no, no, no } },
        { "kick", "win", "", { "", "", "", no, no, no } },
        { "kick", "moe", "", { "", "", no, no, no, no } },
        { "kick", "olga", "", { last, no, no, no, no, no } },
        { "unmute", "gus", "", { nf, nf, nf, no, no, no } },
        { "unban", "gus", "", { nf, nf, nf, no, no, no } },
        { "uninvite", "00", "", { nf, nf, nf, no, no, no } },
        { "fly", "", "", { no, no, no, no, no, no } },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t who = 0; who < 6; who++) {
            begin(state);
            const char *error = try_act(actors[who], cases[i].act, cases[i].one, cases[i].two);
            if (strcmp(error, cases[i].errors[who]) != 0)
                fail_msg("%s %s %s by %s: \"%s\"", cases[i].act, cases[i].one, cases[i].two,
                         actors[who], error);
        }
    }
}

static void what_is_no_room_is_not_found(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_string_equal(test_room_act(&a, "olga", "info", "none", NULL).error, "not_found");
    assert_string_equal(test_room_act(&a, "*", "topic", "none", "t", NULL).error, "not_found");
    assert_string_equal(test_room_act(&a, "gus", "create", "none", "", "", "", "", NULL).error,
                        "account_needed");
    assert_string_equal(test_room_act(&a, "*", "create", "none", "", "", "", "", NULL).error,
                        "account_needed");
    assert_string_equal(test_room_act(&a, "*", "create", "none", "", "", "", "ada", NULL).error,
                        "");
    assert_string_equal(test_redis(&redis, "HGET t:{room:none}:acl ada"), "o");
}

/* ---- what acts do ---- */

static const char *guard(const char *room)
{
    static char text[2][64];
    snprintf(text[0], sizeof(text[0]), "%s",
             test_redis(&redis, "HGET t:{room:%s}:meta guard", room));
    snprintf(text[1], sizeof(text[1]), "%s",
             test_redis(&redis, "HGET t:{room:%s}:config guard", room));
    assert_string_equal(text[0], text[1]);
    return text[0];
}

static void guard_follows_what_is_set(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_string_equal(guard("r"), "- 0");
    assert_string_equal(try_act("olga", "access", "private", NULL), "");
    assert_string_equal(guard("r"), "p 0");
    assert_string_equal(try_act("olga", "read_only", "1", NULL), "");
    assert_string_equal(try_act("olga", "slow", "5", NULL), "");
    assert_string_equal(guard("r"), "pr 5000");
    assert_string_equal(try_act("olga", "ban", "gus", "1000"), "");
    assert_string_equal(guard("r"), "prx 5000");
    assert_string_equal(try_act("olga", "access", "public", NULL), "");
    assert_string_equal(try_act("olga", "read_only", "0", NULL), "");
    assert_string_equal(try_act("olga", "slow", "0", NULL), "");
    assert_string_equal(guard("r"), "x 0");
    assert_string_equal(try_act("olga", "unban", "gus", NULL), "");
    assert_string_equal(guard("r"), "- 0");
}

static void acts_are_told_with_version_guard_and_whom_they_concern(void **state)
{
    (void)state;
    role_assume(&on_hub);
    static const struct {
        const char *act, *one, *two, *guard, *line;
    } cases[] = {
        { "topic", "t", "", "- 0", "" },
        { "access", "private", "", "p 0", "\n?*" },
        { "role", "wim", "none", "p 0", "\n?wim" },
        { "role", "ada", "member", "p 0", "" },
        { "mute", "gus", "0", "px 0", "" },
        { "destroy", NULL, NULL, "", "\n-* destroyed 0" },
    };
    test_redis(&redis, "XGROUP CREATE t:archive a $ MKSTREAM");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *actor = strcmp(cases[i].act, "destroy") == 0 ? "*" : "olga";
        struct test_act out =
            test_room_act(&a, actor, cases[i].act, "r", cases[i].one, cases[i].two, "", NULL);
        assert_string_equal(out.error, "");
        char want[256], version[32];
        const char *entry = test_redis(&redis, "XREVRANGE t:archive + - COUNT 1");
        const char *ends = strcmp(cases[i].act, "mute") == 0 ? ",\"until\":0" : "";
        const char *at = strstr(entry, "t:{room:r} c ");
        assert_non_null(at);
        assert_int_equal(sscanf(at, "t:{room:r} c %*s %*s %31s", version), 1);
        snprintf(want, sizeof(want),
                 " %llu %s %s\n{\"seq\":%llu,\"act\":\"%s\",\"ts\":", (unsigned long long)out.seq,
                 version, cases[i].guard, (unsigned long long)out.seq, cases[i].act);
        assert_non_null(strstr(entry, want));
        snprintf(want, sizeof(want), "%s}%s !room r %s\n", ends, cases[i].line, version);
        assert_non_null(strstr(entry, want));
        assert_non_null(strstr(entry, "!audit "));
    }
}

static void same_cid_happens_once(void **state)
{
    (void)state;
    role_assume(&on_hub);
    const char *const words[] = { "one", NULL }, *const other[] = { "two", NULL };
    struct test_act first = test_room_act_as(&a, "olga", "topic", "r", "c1", NULL, words);
    struct test_act again = test_room_act_as(&b, "olga", "topic", "r", "c1", NULL, other);
    assert_int_equal(first.status, STORE_OK);
    assert_int_equal(again.status, STORE_DUPLICATE);
    assert_int_equal(again.seq, first.seq);
    assert_string_equal(again.id, "id1");
    assert_string_equal(test_act_text(&again, "topic"), "one");
}

static void acts_count_as_messages(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_limit(&a, &redis, 2);
    assert_string_equal(try_act("olga", "topic", "1", NULL), "");
    assert_string_equal(try_act("olga", "topic", "2", NULL), "");
    struct test_act out = test_room_act(&a, "olga", "topic", "r", "3", NULL);
    assert_int_equal(out.status, STORE_LIMITED);
    assert_true(out.retry_after_ms > 0);
    assert_int_equal(test_room_act(&a, "olga", "info", "r", NULL).status, STORE_OK);
    assert_int_equal(test_room_act(&a, "*", "topic", "r", "4", NULL).status, STORE_OK);
    assert_string_equal(test_redis(&redis, "HGET t:{room:r}:config topic"), "4");
    test_store_limit(&a, &redis, 0);
}

/* ---- who may read ---- */

static void access_tells_members_strangers_and_the_banned_apart(void **state)
{
    (void)state;
    role_assume(&on_hub);
    static const char names[] = "olga\nmo\nwim\nada\ngus\n";
    assert_string_equal(test_access(&a, "r", "", names).may, "111111");
    assert_string_equal(test_access(&a, "no-room", "", names).may, "111111");
    assert_string_equal(try_act("olga", "access", "private", NULL), "");
    struct test_act out = test_access(&b, "r", "p 0", names);
    assert_string_equal(out.may, "111ppp");
    assert_string_equal(out.guard, "p 0");
    assert_string_equal(out.room, "r");
    assert_true(out.version > 0);
    assert_string_equal(test_act_text(&out, "role"), "owner");
    assert_string_equal(try_act("olga", "ban", "ada", "0"), "");
    assert_string_equal(try_act("olga", "kick", "wim", ""), "");
    assert_string_equal(try_act("olga", "mute", "win", "60"), "");
    assert_string_equal(test_access(&a, "r", "", names).may, "11bbpp");
    out = test_access(&a, "r", "", "ada");
    assert_int_equal(out.retry_after_ms, -1);
    out = test_access(&a, "r", "", "wim");
    assert_in_range(out.retry_after_ms, 1, 60000);
    assert_non_null(strstr(test_access(&a, "r", "", "win").json, "\"muted_until\":1"));
}

/* Kicked: out for KICK_S, off the list; a ban is not made shorter by it. */
static void sanctions_end_by_themselves_and_are_swept(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "HSET t:{room:r}:sanctions b:gus 1 m:gus 1");
    assert_string_equal(test_access(&a, "r", "", "gus").may, "1");
    struct test_act kicked = test_room_act(&a, "mo", "kick", "r", "wim", "", NULL);
    assert_true(kicked.until_ms > 0);
    assert_string_equal(test_redis(&redis, "HKEYS t:{room:r}:sanctions"), "b:wim");
    assert_string_equal(test_redis(&redis, "HEXISTS t:{room:r}:acl wim"), "0");
    assert_string_equal(test_redis(&redis, "HEXISTS t:{user:wim}:rooms r"), "0");
    assert_int_equal(test_room_act(&a, "mo", "ban", "r", "wim", "0", "", NULL).until_ms, 0);
    assert_int_equal(test_room_act(&a, "mo", "kick", "r", "wim", "", NULL).until_ms, 0);
    assert_string_equal(try_act("mo", "unban", "wim", NULL), "");
    assert_string_equal(guard("r"), "- 0");
    assert_string_equal(test_redis(&redis, "EXISTS t:{room:r}:sanctions"), "0");
}

/* Else each of their devices would join when it comes, and be refused. */
static void who_is_taken_out_has_not_joined(void **state)
{
    (void)state;
    role_assume(&on_hub);
    static const char *const names[] = { "wim", "win", "ada", "moe", "mo", "olga" };
    for (size_t i = 0; i < 6; i++)
        test_redis(&redis, "HSET t:{user:%s}:joined r 1 tea 1", names[i]);
    assert_string_equal(try_act("mo", "kick", "wim", ""), "");
    assert_string_equal(test_room_act(&a, "mo", "ban", "r", "ada", "0", "", NULL).error, "");
    assert_string_equal(try_act("mo", "mute", "win", "60"), "");
    assert_string_equal(try_act("olga", "role", "moe", ""), "");
    for (size_t i = 0; i < 6; i++) /* off the list of a public room one is still in it */
        assert_string_equal(test_redis(&redis, "HKEYS t:{user:%s}:joined", names[i]),
                            i == 0 || i == 2 ? "tea" : "r tea");
    assert_string_equal(try_act("olga", "access", "private", NULL), "");
    assert_string_equal(try_act("olga", "role", "win", ""), "");
    assert_string_equal(test_redis(&redis, "HKEYS t:{user:win}:joined"), "tea");
    assert_string_equal(test_redis(&redis, "HKEYS t:{user:mo}:joined"), "r tea");
    assert_string_equal(try_act("olga", "destroy", NULL, NULL), "");
    assert_string_equal(test_redis(&redis, "HKEYS t:{user:mo}:joined"), "tea");
    assert_string_equal(test_redis(&redis, "HKEYS t:{user:olga}:joined"), "tea");
}

static void muted_moderator_becomes_a_member(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_string_equal(try_act("olga", "mute", "mo", "60"), "");
    assert_string_equal(test_redis(&redis, "HGET t:{room:r}:acl mo"), "w");
    assert_string_equal(test_redis(&redis, "HGET t:{user:mo}:rooms r"), "w");
}

static void room_is_handed_over(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_string_equal(try_act("olga", "role", "wim", "owner"), "");
    assert_string_equal(test_redis(&redis, "HMGET t:{room:r}:acl olga wim"), "m o");
    assert_string_equal(test_redis(&redis, "HGET t:{room:r}:config owner"), "wim");
    assert_string_equal(test_redis(&redis, "HGET t:{user:olga}:rooms r"), "m");
    assert_string_equal(try_act("olga", "destroy", NULL, NULL), "not_allowed");
}

static void destroyed_room_is_an_ordinary_one_in_a_new_epoch(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct test_act invited = test_room_act(&a, "mo", "invite", "r", "-1", "60", NULL);
    assert_string_equal(try_act("olga", "access", "private", NULL), "");
    struct test_act out = test_room_act(&a, "olga", "destroy", "r", NULL);
    assert_int_equal(out.status, STORE_OK);
    assert_string_equal(out.json, "");
    struct test_messages after = test_store_load(&b, "r", NULL);
    assert_string_not_equal(after.epoch, out.epoch);
    assert_int_equal(after.seq, out.seq);
    assert_int_equal(after.messages, 0);
    assert_string_equal(test_access(&a, "r", "p 0", "gus").may, "1");
    assert_string_equal(test_access(&a, "r", "p 0", "gus").guard, "");
    assert_string_equal(
        test_redis(&redis,
                   "EXISTS t:{room:r}:config t:{room:r}:acl t:{room:r}:invites t:{user:mo}:rooms"),
        "0");
    assert_string_equal(test_invite_use(&a, test_act_text(&invited, "code"), NULL, "ada").error,
                        "bad_invitation");
    assert_string_not_equal(test_redis(&redis, "TTL t:{room:r}:meta"), "-1");
    const struct store_known old = { out.epoch, out.seq, "f", "p 0" };
    assert_int_equal(test_store_publish(&a, "gus", "r", NULL, NULL, "x", &old).status, STORE_OK);
}

/* What an archive has of it must not be everybody's who takes the name. */
static void name_of_a_private_room_stays_taken_beside_an_archive(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "XGROUP CREATE t:archive a $ MKSTREAM");
    assert_string_equal(try_act("olga", "access", "private", NULL), "");
    assert_string_equal(try_act("olga", "destroy", NULL, NULL), "");
    assert_string_equal(try_act("olga", "info", NULL, NULL), "not_found");
    assert_string_equal(test_access(&a, "r", "", "gus\nwim").may, "pp");
    assert_string_equal(try_act("ada", "create", "", ""), "private_room");
    assert_string_equal(test_room_act(&a, "olga", "create", "r", "", "", "", "", NULL).error, "");
    assert_string_equal(guard("r"), "- 0");
    assert_string_equal(test_redis(&redis, "HGETALL t:{room:r}:acl"), "olga o");
    assert_string_equal(try_act("olga", "access", "private", NULL), "");
    assert_string_equal(try_act("olga", "destroy", NULL, NULL), "");
    assert_string_equal(try_act("*", "destroy", NULL, NULL), "");
    assert_string_equal(test_room_act(&a, "ada", "create", "r", "", "", "", "", NULL).error, "");
}

/* ---- invitations ---- */

static void invitation_makes_members_until_it_is_used_up(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_string_equal(try_act("olga", "access", "private", NULL), "");
    struct test_act out = test_room_act(&a, "mo", "invite", "r", "1", "60", NULL);
    assert_int_equal(out.status, STORE_OK);
    assert_true(out.until_ms > 0);
    char code[64];
    snprintf(code, sizeof(code), "%s", test_act_text(&out, "code"));
    assert_int_equal(strlen(code), 32);
    assert_string_equal(test_invite_use(&b, code, NULL, "gus").error, "account_needed");
    assert_string_equal(test_invite_use(&b, code, "other", "ada").error, "bad_invitation");
    assert_string_equal(test_invite_use(&b, "00", "r", "ada").error, "bad_invitation");
    assert_string_equal(test_invite_use(&b, code, "r", "wim").error, ""); /* uses nothing up */
    struct test_act used = test_invite_use(&b, code, NULL, "ada");
    assert_int_equal(used.status, STORE_OK);
    assert_string_equal(used.room, "r");
    assert_string_equal(test_act_text(&used, "role"), "member");
    assert_string_equal(test_access(&a, "r", "", "ada").may, "1");
    have_account("eva");
    assert_string_equal(test_invite_use(&b, code, "r", "eva").error, "bad_invitation");
    assert_string_equal(test_invite_use(&b, code, "r", "ada").error, "");
    assert_string_equal(test_redis(&redis, "EXISTS t:invite:%s t:{room:r}:invites", code), "0");
}

static void invitation_does_not_lift_a_ban_and_can_be_ended(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct test_act out = test_room_act(&a, "olga", "invite", "r", "-1", "60", NULL);
    char code[64];
    snprintf(code, sizeof(code), "%s", test_act_text(&out, "code"));
    assert_string_equal(try_act("olga", "ban", "ada", "60"), "");
    out = test_invite_use(&a, code, "r", "ada");
    assert_string_equal(out.error, "banned");
    assert_in_range(out.retry_after_ms, 1, 60000);
    assert_string_equal(test_room_act(&a, "mo", "uninvite", "r", code, NULL).error, "");
    assert_string_equal(try_act("olga", "unban", "ada", NULL), "");
    assert_string_equal(test_invite_use(&a, code, "r", "ada").error, "bad_invitation");
}

static void one_use_for_twenty_at_once_makes_one_member(void **state)
{
    (void)state;
    role_assume(&on_hub);
    enum { MANY = 20 };
    struct test_act out = test_room_act(&a, "olga", "invite", "r", "1", "60", NULL), used[MANY];
    char code[64], name[MANY][16];
    snprintf(code, sizeof(code), "%s", test_act_text(&out, "code"));
    memset(used, 0, sizeof(used));
    for (int i = 0; i < MANY; i++) {
        snprintf(name[i], sizeof(name[i]), "u%d", i);
        have_account(name[i]);
    }
    for (int i = 0; i < MANY; i++)
        assert_int_equal(test_invite_use_start(i % 2 ? &a : &b, code, "r", name[i], &used[i]), 0);
    int members = 0;
    for (int i = 0; i < MANY; i++) {
        WAIT_UNTIL(base, used[i].count == 1);
        members += used[i].status == STORE_OK;
    }
    assert_int_equal(members, 1);
    assert_string_equal(test_redis(&redis, "HLEN t:{room:r}:acl"), "6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(created_room_is_told_to_all_and_kept, begin),
        cmocka_unit_test_setup(roles_decide_who_may_do_what, begin),
        cmocka_unit_test_setup(what_is_no_room_is_not_found, begin),
        cmocka_unit_test_setup(guard_follows_what_is_set, begin),
        cmocka_unit_test_setup(acts_are_told_with_version_guard_and_whom_they_concern, begin),
        cmocka_unit_test_setup(same_cid_happens_once, begin),
        cmocka_unit_test_setup(acts_count_as_messages, begin),
        cmocka_unit_test_setup(access_tells_members_strangers_and_the_banned_apart, begin),
        cmocka_unit_test_setup(sanctions_end_by_themselves_and_are_swept, begin),
        cmocka_unit_test_setup(who_is_taken_out_has_not_joined, begin),
        cmocka_unit_test_setup(muted_moderator_becomes_a_member, begin),
        cmocka_unit_test_setup(room_is_handed_over, begin),
        cmocka_unit_test_setup(destroyed_room_is_an_ordinary_one_in_a_new_epoch, begin),
        cmocka_unit_test_setup(name_of_a_private_room_stays_taken_beside_an_archive, begin),
        cmocka_unit_test_setup(invitation_makes_members_until_it_is_used_up, begin),
        cmocka_unit_test_setup(invitation_does_not_lift_a_ban_and_can_be_ended, begin),
        cmocka_unit_test_setup(one_use_for_twenty_at_once_makes_one_member, begin),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

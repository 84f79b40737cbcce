/* Requests about rooms over HTTP become the commands that frames become. */
#include "support/test.h"

#include "confab/base/str.h"
#include "confab/wire/rest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char *quoted(const char *text) /* ' for " */
{
    char *copy = xstrdup(text);

    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    return copy;
}

static int parse(struct rest_request r, struct command **out, struct command_error *error)
{
    char *body = r.body ? quoted(r.body) : NULL;

    r.body = body;
    r.size = body ? strlen(body) : 0;
    const int rc = rest_parse(&r, out, error);
    free(body);
    return rc;
}

static struct command *good(struct rest_request r)
{
    struct command *c = NULL;
    struct command_error error = { 0 };

    if (parse(r, &c, &error) != 0)
        fail_msg("%s %s", error_info(error.code)->code, error.field);
    assert_int_equal(c->type, r.type);
    return c;
}

static void refused(struct rest_request r, enum error_code code, const char *field)
{
    struct command *c = NULL;
    struct command_error error;

    assert_int_equal(parse(r, &c, &error), -EINVAL);
    assert_null(c);
    assert_string_equal(error_info(error.code)->code, error_info(code)->code);
    assert_string_equal(error.field, field);
}

#define R(kind, ...)                                                                               \
    (struct rest_request)                                                                          \
    {                                                                                              \
        .type = COMMAND_##kind, __VA_ARGS__                                                        \
    }
#define ACT(what, ...) R(ROOM, .act = ROOM_ACT_##what, .token = "a.b.c", __VA_ARGS__)
#define ROOM_TEA .names = { "room" }, .values = { "tea" }
#define TEA_AND(field, value) .names = { "room", field }, .values = { "tea", value }

static void acts_are_those_of_frames(void **state)
{
    (void)state;
    struct command *c = good(
        ACT(CREATE, .body = "{'room':'tea','access':'private','topic':'t'}", .address = "::1"));
    assert_int_equal(c->act, ROOM_ACT_CREATE);
    assert_string_equal(c->room, "tea");
    assert_string_equal(c->access, "private");
    assert_string_equal(c->topic, "t");
    assert_string_equal(c->token, "a.b.c");
    assert_string_equal(c->address, "::1");
    assert_true(c->secret_size > 0);
    assert_false(c->admin || c->not_admin);
    command_free(c);

    c = good(ACT(BAN, .body = "{'seconds':60,'reason':'spam'}", TEA_AND("user", "Zoe\xcc\x88")));
    assert_int_equal(c->act, ROOM_ACT_BAN);
    assert_string_equal(c->who, "Zo\xc3\xab");
    assert_int_equal(c->seconds, 60);
    assert_string_equal(c->reason, "spam");
    command_free(c);

    c = good(ACT(ROLE, .body = "{'role':'moderator'}", TEA_AND("user", "bob")));
    assert_string_equal(c->role, "moderator");
    command_free(c);
    c = good(ACT(ROLE, TEA_AND("user", "bob"))); /* DELETE */
    assert_string_equal(c->role, "none");
    command_free(c);
    c = good(ACT(UNINVITE, TEA_AND("code", "abc")));
    assert_string_equal(c->invite, "abc");
    command_free(c);
}

/* What the path says is not for the body to say, and the rest of a frame is not for it at all. */
static void the_path_wins(void **state)
{
    (void)state;
    struct command *c = good(ACT(
        KICK, .body = "{'type':'leave','act':'ban','room':'x','user':'y','token':'z','cid':' '}",
        TEA_AND("user", "bob")));
    assert_int_equal(c->act, ROOM_ACT_KICK);
    assert_string_equal(c->room, "tea");
    assert_string_equal(c->who, "bob");
    assert_string_equal(c->token, "a.b.c");
    assert_null(c->cid);
    command_free(c);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    refused(ACT(CREATE, .body = "{"), ERROR_BAD_JSON, "");
    refused(ACT(CREATE, .body = "[]"), ERROR_NOT_OBJECT, "");
    refused(ACT(CREATE, .body = "{}"), ERROR_BAD_FIELD, "room");
    refused(ACT(CREATE, .body = "{'room':'a b'}"), ERROR_BAD_ROOM, "room");
    refused(ACT(CREATE, .body = "{'room':'tea','owner':'al'}"), ERROR_NOT_ALLOWED, "owner");
    refused(ACT(INFO, .names = { "room" }, .values = { "\xff" }), ERROR_BAD_ROOM, "room");
    refused(ACT(KICK, .body = "{}", TEA_AND("user", "a b")), ERROR_BAD_NAME, "user");
    refused(ACT(BAN, .body = "{'seconds':-1}", TEA_AND("user", "bob")), ERROR_BAD_FIELD, "seconds");
    refused(ACT(ROLE, .body = "{}", TEA_AND("user", "bob")), ERROR_BAD_FIELD, "role");
    refused(ACT(UNINVITE, TEA_AND("code", "a b")), ERROR_BAD_FIELD, "code");
    refused(R(ROOMS, .limit = "101"), ERROR_BAD_FIELD, "limit");
    refused(R(ROOMS, .limit = "x"), ERROR_BAD_FIELD, "limit");
    refused(R(ROOMS, .after = ""), ERROR_BAD_ROOM, "after");
    refused(R(MEMBERS, .after = "a b", ROOM_TEA), ERROR_BAD_NAME, "after");
    refused(R(AUDIT, .token = "a", .room = "a b"), ERROR_BAD_ROOM, "room");
    refused(R(AUDIT, .token = "a", .actor = "**"), ERROR_BAD_NAME, "actor");
    static const char *const entries[] = { "",      "1",   "1-", "-1",
                                           "1-1-1", "1-x", "+",  "12345678901234567890-1" };
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++)
        refused(R(AUDIT, .token = "a", .before = entries[i]), ERROR_BAD_CURSOR, "before");
    refused(R(JOIN, .token = "a", .body = "{}"), ERROR_BAD_FIELD, "code");
    refused(R(JOIN, .token = "a", .body = "{'code':'a b'}"), ERROR_BAD_FIELD, "code");
    char long_token[RULE_TOKEN_BYTES + 2];
    memset(long_token, 'x', sizeof long_token - 1);
    long_token[sizeof long_token - 1] = '\0';
    refused(R(AUDIT, .token = long_token), ERROR_BAD_TOKEN, "");
}

static void one_request_may_have_several_changes(void **state)
{
    (void)state;
    struct command *c = good(
        ACT(INFO, .body = "{'slow_s':5,'read_only':true,'access':'public','topic':''}", ROOM_TEA));
    static const enum room_act acts[] = { ROOM_ACT_TOPIC, ROOM_ACT_ACCESS, ROOM_ACT_READ_ONLY,
                                          ROOM_ACT_SLOW };
    struct command *at = c;
    for (size_t i = 0; i < 4; i++, at = at->then) {
        assert_non_null(at);
        assert_int_equal(at->act, acts[i]);
        assert_string_equal(at->room, "tea");
        assert_string_equal(at->token, "a.b.c");
    }
    assert_null(at);
    assert_string_equal(c->topic, "");
    assert_string_equal(c->then->access, "public");
    assert_int_equal(c->then->then->read_only, 1);
    assert_int_equal(c->then->then->then->seconds, 5);
    command_free(c);

    refused(ACT(INFO, .body = "{}", ROOM_TEA), ERROR_BAD_FIELD, "topic");
    refused(ACT(INFO, .body = "{'topic':'t','slow_s':3601}", ROOM_TEA), ERROR_BAD_FIELD, "slow_s");
    refused(ACT(INFO, .body = "{'topic':'t','read_only':1}", ROOM_TEA), ERROR_BAD_FIELD,
            "read_only");
}

static void lists_have_a_beginning_and_a_length(void **state)
{
    (void)state;
    struct command *c = good(R(ROOMS, .after = "tea", .limit = "5"));
    assert_string_equal(c->name, "tea");
    assert_int_equal(c->limit, 5);
    command_free(c);
    c = good(R(ROOMS, .room = "x", .actor = "y")); /* of others: not looked at */
    assert_null(c->name);
    assert_null(c->room);
    assert_int_equal(c->limit, REST_LIST_MOST);
    command_free(c);
    c = good(R(MEMBERS, .after = "Zoe\xcc\x88", ROOM_TEA));
    assert_string_equal(c->room, "tea");
    assert_string_equal(c->name, "Zo\xc3\xab");
    command_free(c);
    c = good(R(AUDIT, .token = "a", .room = "tea", .actor = "*", .before = "17-0"));
    assert_string_equal(c->room, "tea");
    assert_string_equal(c->author, "*");
    assert_string_equal(c->cursor, "17-0");
    command_free(c);
}

static void who_must_show_a_token(void **state)
{
    (void)state;
    struct command *c = good(R(ROOM, .act = ROOM_ACT_INFO, ROOM_TEA));
    assert_null(c->token);
    command_free(c);
    refused(R(ROOM, .act = ROOM_ACT_CREATE, .body = "{'room':'tea'}"), ERROR_LOGIN_REQUIRED, "");
    refused(R(ROOM, .act = ROOM_ACT_INFO, .body = "{'topic':''}", ROOM_TEA), ERROR_LOGIN_REQUIRED,
            "");
    refused(R(AUDIT), ERROR_LOGIN_REQUIRED, "");
    refused(R(CONVERSATIONS), ERROR_LOGIN_REQUIRED, "");
    refused(R(JOIN, .body = "{'code':'x'}"), ERROR_LOGIN_REQUIRED, "");
}

static void the_administrator_is_no_account(void **state)
{
    (void)state;
    struct command *c = good(R(ROOM, .act = ROOM_ACT_CREATE, .body = "{'room':'tea','owner':'al'}",
                               .claims_admin = true, .admin = true));
    assert_true(c->admin && !c->not_admin);
    assert_string_equal(c->who, "al");
    assert_null(c->token);
    command_free(c);
    c = good(R(AUDIT, .claims_admin = true));
    assert_true(!c->admin && c->not_admin);
    command_free(c);
    refused(R(CONVERSATIONS, .claims_admin = true, .admin = true), ERROR_ACCOUNT_NEEDED, "");
    refused(R(JOIN, .claims_admin = true, .admin = true, .body = "{'code':'x'}"),
            ERROR_ACCOUNT_NEEDED, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acts_are_those_of_frames),
        cmocka_unit_test(the_path_wins),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(one_request_may_have_several_changes),
        cmocka_unit_test(lists_have_a_beginning_and_a_length),
        cmocka_unit_test(who_must_show_a_token),
        cmocka_unit_test(the_administrator_is_no_account),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

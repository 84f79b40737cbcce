#include "support/test.h"

#include "confab/base/str.h"
#include "confab/wire/account.h"
#include "confab/wire/event.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define DEVICE "00112233445566aa"
#define REFRESH DEVICE ".7.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static char *quoted(const char *text) /* ' for " */
{
    char *copy = xstrdup(text);

    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    return copy;
}

static int parse(struct account_request r, struct command **out, struct command_error *error)
{
    char *body = r.body ? quoted(r.body) : NULL;

    r.body = body;
    r.size = body ? strlen(body) : 0;
    const int rc = account_parse(&r, out, error);
    free(body);
    return rc;
}

static struct command *good(struct account_request r)
{
    struct command *c = NULL;
    struct command_error error;

    assert_int_equal(parse(r, &c, &error), 0);
    assert_int_equal(c->type, r.type);
    return c;
}

static void refused(struct account_request r, enum error_code code, const char *field)
{
    struct command *c = NULL;
    struct command_error error;

    assert_int_equal(parse(r, &c, &error), -EINVAL);
    assert_null(c);
    assert_string_equal(error_info(error.code)->code, error_info(code)->code);
    assert_string_equal(error.field, field);
}

#define R(kind, ...)                                                                               \
    (struct account_request)                                                                       \
    {                                                                                              \
        .type = COMMAND_##kind, __VA_ARGS__                                                        \
    }

static void registration_has_name_and_password(void **state)
{
    (void)state;
    struct command *c =
        good(R(REGISTER, .body = "{'name':'Zoe\xcc\x88','password':'12345678'}", .address = "::1"));

    assert_string_equal(c->username, "Zo\xc3\xab");
    assert_string_equal(c->password, "12345678");
    assert_string_equal(c->label, "");
    assert_string_equal(c->address, "::1");
    assert_null(c->session);
    assert_null(c->device);
    assert_true(c->secret_size > 8);
    command_free(c);

    c = good(R(REGISTER,
               .body = "{'name':'ann','password':'12345678','session':'s1','label':'Élan 3 📱'}"));
    assert_string_equal(c->session, "s1");
    assert_string_equal(c->label, "Élan 3 📱");
    command_free(c);
}

static void what_is_wrong_with_a_registration_is_named(void **state)
{
    (void)state;
    refused(R(REGISTER, .body = "{}"), ERROR_BAD_FIELD, "name");
    refused(R(REGISTER), ERROR_BAD_FIELD, "name");
    refused(R(REGISTER, .body = "{'name':1,'password':'12345678'}"), ERROR_BAD_FIELD, "name");
    refused(R(REGISTER, .body = "{'name':'a b','password':'12345678'}"), ERROR_BAD_NAME, "name");
    refused(R(REGISTER, .body = "{'name':'a'}"), ERROR_BAD_FIELD, "password");
    refused(R(REGISTER, .body = "{'name':'a','password':12345678}"), ERROR_BAD_FIELD, "password");
    refused(R(REGISTER, .body = "{'name':'a','password':'1234567'}"), ERROR_BAD_PASSWORD,
            "password");
    refused(R(REGISTER, .body = "{'name':'a','password':'1234567\\u0000'}"), ERROR_BAD_PASSWORD,
            "password");
    refused(R(REGISTER, .body = "{'name':'a','password':'12345678','label':1}"), ERROR_BAD_FIELD,
            "label");
    refused(R(REGISTER, .body = "{'name':'a','password':'12345678','label':'a\\nb'}"),
            ERROR_BAD_FIELD, "label");
    refused(R(REGISTER, .body = "{'name':'a','password':'12345678','label':'a\\u202eb'}"),
            ERROR_BAD_FIELD, "label");
    refused(R(REGISTER, .body = "{'name':'a','password':'12345678','label':'a\\u0000'}"),
            ERROR_BAD_FIELD, "label");
    refused(R(REGISTER, .body = "{'name':'a','password':'12345678','session':'a b'}"),
            ERROR_BAD_FIELD, "session");
}

static void bodies_are_one_json_object(void **state)
{
    (void)state;
    refused(R(LOGIN, .body = ""), ERROR_BAD_JSON, "");
    refused(R(LOGIN, .body = "name=a&password=b"), ERROR_BAD_JSON, "");
    refused(R(LOGIN, .body = "{'name':'a','name':'b'}"), ERROR_BAD_JSON, "");
    refused(R(LOGIN, .body = "[]"), ERROR_NOT_OBJECT, "");
    refused(R(LOGIN, .body = "'a'"), ERROR_NOT_OBJECT, "");
    refused(R(LOGIN, .body = "{'a':[[[[[[[[1]]]]]]]]}"), ERROR_TOO_DEEP, "");
    refused(R(LOGIN, .body = "{'name':'a\xff'}"), ERROR_BAD_JSON, "");
}

/* The password is what counts, not how a keyboard writes it. */
static void passwords_are_normalized(void **state)
{
    (void)state;
    struct command *c =
        good(R(LOGIN, .body = "{'name':'a','password':'Zoe\xcc\x88\\u00a0\\u3000 x'}"));

    assert_string_equal(c->password, "Zo\xc3\xab   x");
    command_free(c);
}

static void passwords_have_1024_bytes_at_most(void **state)
{
    (void)state;
    struct str body = STR_INIT;
    char *password = xmalloc(RULE_PASSWORD_BYTES + 1);

    memset(password, 'p', RULE_PASSWORD_BYTES);
    password[RULE_PASSWORD_BYTES] = '\0';
    str_addf(&body, "{'name':'a','password':'%s'}", password);
    struct command *c = good(R(LOGIN, .body = body.data));
    assert_string_equal(c->password, password);
    command_free(c);
    str_reset(&body);
    str_addf(&body, "{'name':'a','password':'%sp'}", password);
    refused(R(LOGIN, .body = body.data), ERROR_BAD_PASSWORD, "password");
    str_fini(&body);
    free(password);
}

/* The longest growth there is: U+1D160 becomes three characters (composition exclusions). */
static void a_password_may_grow(void **state)
{
    (void)state;
    struct str in = STR_INIT;
    char out[PASSWORD_MAX_BYTES + 1];

    while (in.size + 4 <= RULE_PASSWORD_BYTES)
        str_addz(&in, "\xf0\x9d\x85\xa0");
    assert_int_equal(rules_password(in.data, in.size, out), ERROR_NONE);
    assert_int_equal(strlen(out), in.size * 3);
    str_fini(&in);
}

static void labels_have_64_characters_at_most(void **state)
{
    (void)state;
    struct str label = STR_INIT;

    assert_true(rules_label("", 0));
    for (int i = 0; i < RULE_LABEL_CHARS; i++)
        str_addz(&label, "📱");
    assert_true(rules_label(label.data, label.size));
    str_addc(&label, 'x');
    assert_false(rules_label(label.data, label.size));
    assert_false(rules_label("\xff", 1));
    str_fini(&label);
}

static void login_may_name_the_device_it_had(void **state)
{
    (void)state;
    struct command *c =
        good(R(LOGIN, .body = "{'name':'ann','password':'12345678','device':'" DEVICE "'}"));

    assert_string_equal(c->device, DEVICE);
    command_free(c);
    refused(R(LOGIN, .body = "{'name':'ann','password':'12345678','device':'x'}"), ERROR_BAD_FIELD,
            "device");
    refused(R(LOGIN, .body = "{'name':'ann','password':'12345678','device':7}"), ERROR_BAD_FIELD,
            "device");
}

static void a_refresh_token_has_its_form(void **state)
{
    (void)state;
    struct command *c = good(R(TOKEN, .body = "{'refresh_token':'" REFRESH "'}"));

    assert_string_equal(c->refresh_token, REFRESH);
    assert_true(c->secret_size > 0);
    command_free(c);
    refused(R(TOKEN, .body = "{}"), ERROR_BAD_FIELD, "refresh_token");
    refused(R(TOKEN, .body = "{'refresh_token':1}"), ERROR_BAD_FIELD, "refresh_token");
    refused(R(TOKEN, .body = "{'refresh_token':''}"), ERROR_BAD_TOKEN, "refresh_token");
    refused(R(TOKEN, .body = "{'refresh_token':'" REFRESH "A'}"), ERROR_BAD_TOKEN, "refresh_token");
    refused(R(TOKEN, .body = "{'refresh_token':'" REFRESH "\\u0000'}"), ERROR_BAD_TOKEN,
            "refresh_token");
}

static void logout_takes_either_token(void **state)
{
    (void)state;
    struct command *c = good(R(LOGOUT, .body = "{'refresh_token':'" REFRESH "'}"));

    assert_false(c->all);
    command_free(c);
    c = good(R(LOGOUT, .body = "{'all':true}", .token = "x.y.z"));
    assert_true(c->all);
    assert_string_equal(c->token, "x.y.z");
    command_free(c);
    refused(R(LOGOUT, .body = "{}"), ERROR_LOGIN_REQUIRED, "");
    refused(R(LOGOUT, .body = "{'all':1}", .token = "x"), ERROR_BAD_FIELD, "all");
}

static void what_needs_a_bearer_says_so(void **state)
{
    (void)state;
    refused(R(DEVICES), ERROR_LOGIN_REQUIRED, "");
    refused(R(REVOKE, .device = DEVICE), ERROR_LOGIN_REQUIRED, "");
    refused(R(PASSWORD, .name = "ann", .body = "{}"), ERROR_LOGIN_REQUIRED, "");
    refused(R(UNREGISTER, .name = "ann", .body = "{}"), ERROR_LOGIN_REQUIRED, "");

    struct command *c = good(R(DEVICES, .token = "t"));
    assert_string_equal(c->token, "t");
    command_free(c);
    c = good(R(REVOKE, .token = "t", .device = DEVICE));
    assert_string_equal(c->device, DEVICE);
    command_free(c);
    refused(R(REVOKE, .token = "t", .device = "x"), ERROR_NOT_FOUND, "");
    refused(R(REVOKE, .token = "t"), ERROR_NOT_FOUND, "");
}

static void a_bearer_of_more_than_the_limit_is_bad(void **state)
{
    (void)state;
    char *token = xcalloc(1, RULE_TOKEN_BYTES + 2);

    memset(token, 't', RULE_TOKEN_BYTES + 1);
    refused(R(DEVICES, .token = token), ERROR_BAD_TOKEN, "");
    token[RULE_TOKEN_BYTES] = '\0';
    command_free(good(R(DEVICES, .token = token)));
    free(token);
}

static void a_password_is_changed_by_who_knows_it(void **state)
{
    (void)state;
    struct command *c = good(
        R(PASSWORD, .token = "t", .name = "ann", .body = "{'old':'12345678','new':'abcdefgh'}"));

    assert_string_equal(c->username, "ann");
    assert_string_equal(c->password, "12345678");
    assert_string_equal(c->new_password, "abcdefgh");
    command_free(c);
    refused(R(PASSWORD, .token = "t", .name = "a b", .body = "{}"), ERROR_BAD_NAME, "name");
    refused(R(PASSWORD, .token = "t", .name = "ann", .body = "{'old':'12345678'}"), ERROR_BAD_FIELD,
            "new");
    refused(R(PASSWORD, .token = "t", .name = "ann", .body = "{'old':'12345678','new':'x'}"),
            ERROR_BAD_PASSWORD, "new");

    c = good(R(UNREGISTER, .token = "t", .name = "ann", .body = "{'password':'12345678'}"));
    assert_string_equal(c->password, "12345678");
    command_free(c);
}

/* Answers */

static json_t *parsed(struct frame *f, int http_status)
{
    json_t *json = json_loadb(frame_payload(f), frame_payload_size(f), 0, NULL);

    assert_non_null(json);
    assert_int_equal(f->http_status, http_status);
    assert_int_equal(f->class, FRAME_CONTROL);
    frame_unref(f);
    return json;
}

static void assert_json(struct frame *f, int http_status, const char *expected)
{
    json_t *got = parsed(f, http_status);
    char *text = quoted(expected);
    json_t *want = json_loads(text, 0, NULL);

    assert_non_null(want);
    if (!json_equal(got, want))
        fail_msg("%s", json_dumps(got, JSON_COMPACT));
    free(text);
    json_decref(want);
    json_decref(got);
}

static void answers_say_what_they_say(void **state)
{
    (void)state;
    const struct token_claims claims = {
        .user = "ann", .device = DEVICE, .issued_s = 100, .expires_s = 1000
    };
    const struct device_info devices[] = {
        { .id = DEVICE, .label = "a \"phone\"", .created_ms = 1, .seen_ms = 2, .online = true },
        { .id = "ffffffffffffffff", .label = "", .created_ms = 3, .seen_ms = 4 },
    };

    assert_json(event_tokens(&claims, "a.b.c", REFRESH, 86400, 201), 201,
                "{'type':'tokens','name':'ann','device':'" DEVICE "','access_token':'a.b.c',"
                "'token_type':'Bearer','expires_in_s':900,'refresh_token':'" REFRESH "',"
                "'refresh_expires_in_s':86400}");
    assert_json(event_devices(devices, 2, DEVICE), 200,
                "{'type':'devices','devices':[{'id':'" DEVICE "','label':'a \\'phone\\'',"
                "'created':1,'seen':2,'current':true,'online':true},{'id':'ffffffffffffffff',"
                "'label':'','created':3,'seen':4,'current':false,'online':false}]}");
    assert_json(event_devices(NULL, 0, DEVICE), 200, "{'type':'devices','devices':[]}");
    assert_json(event_done(), 204, "{'type':'done'}");
    assert_json(event_auth(DEVICE, 900, NULL, NULL), 200,
                "{'type':'auth','device':'" DEVICE "','expires_in_s':900}");
    assert_json(event_auth(DEVICE, 900, "a.b.c", REFRESH), 200,
                "{'type':'auth','device':'" DEVICE "','expires_in_s':900,'access_token':'a.b.c',"
                "'refresh_token':'" REFRESH "'}");
    assert_json(event_auth_expiring(60), 200,
                "{'type':'auth','state':'expiring','expires_in_s':60}");
}

static void the_server_says_whether_it_has_accounts(void **state)
{
    (void)state;
    struct settings settings = { .accounts_mode = ACCOUNTS_REQUIRED, .rate_limit_messages = 10 };
    json_t *json = parsed(event_server(&settings), 200);
    json_t *limits = json_object_get(json, "limits");

    assert_string_equal(json_string_value(json_object_get(json, "accounts")), "required");
    assert_int_equal(json_integer_value(json_object_get(limits, "messages")), 10);
    assert_int_equal(json_integer_value(json_object_get(limits, "password_bytes_min")), 8);
    assert_int_equal(json_integer_value(json_object_get(limits, "password_bytes")), 1024);
    json_decref(json);
}

static void welcome_names_the_device_of_an_account(void **state)
{
    (void)state;
    const struct settings settings = { .instance = "i" };
    const struct welcome_account account = { .device = DEVICE, .expires_in_s = 17 };
    json_t *json = parsed(event_welcome("ann", DEVICE, &settings, false, NULL, 0, &account), 200);
    json_t *told = json_object_get(json, "account");

    assert_string_equal(json_string_value(json_object_get(told, "device")), DEVICE);
    assert_int_equal(json_integer_value(json_object_get(told, "expires_in_s")), 17);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registration_has_name_and_password),
        cmocka_unit_test(what_is_wrong_with_a_registration_is_named),
        cmocka_unit_test(bodies_are_one_json_object),
        cmocka_unit_test(passwords_are_normalized),
        cmocka_unit_test(passwords_have_1024_bytes_at_most),
        cmocka_unit_test(a_password_may_grow),
        cmocka_unit_test(labels_have_64_characters_at_most),
        cmocka_unit_test(login_may_name_the_device_it_had),
        cmocka_unit_test(a_refresh_token_has_its_form),
        cmocka_unit_test(logout_takes_either_token),
        cmocka_unit_test(what_needs_a_bearer_says_so),
        cmocka_unit_test(a_bearer_of_more_than_the_limit_is_bad),
        cmocka_unit_test(a_password_is_changed_by_who_knows_it),
        cmocka_unit_test(answers_say_what_they_say),
        cmocka_unit_test(the_server_says_whether_it_has_accounts),
        cmocka_unit_test(welcome_names_the_device_of_an_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

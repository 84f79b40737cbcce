/* hello, and requests in a URL. */
#include "support/command.h"

#include "confab/base/str.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* hello */

static void hello_needs_a_username_alone(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'hello','username':'Zoe\xcc\x88'}");

    assert_int_equal(c->type, COMMAND_HELLO);
    assert_string_equal(c->username, "Zo\xc3\xab");
    assert_null(c->room);
    assert_null(c->session);
    assert_null(c->token);
    assert_null(c->resume);
    assert_int_equal(c->resume_count, 0);
    command_free(c);
}

static void hello_takes_all_its_fields(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'hello','username':'ann','session':'s-1','token':'to k',"
                                 "'room':'lobby','resume':{'lobby':{'epoch':'e1','seq':7},"
                                 "'@bob':{'epoch':'','seq':0}}}");

    assert_string_equal(c->username, "ann");
    assert_string_equal(c->session, "s-1");
    assert_string_equal(c->token, "to k");
    assert_string_equal(c->room, "lobby");
    assert_int_equal(c->resume_count, 2);
    assert_string_equal(c->resume[0].stream, "lobby");
    assert_string_equal(c->resume[0].epoch, "e1");
    assert_int_equal(c->resume[0].seq, 7);
    assert_string_equal(c->resume[1].stream, "@bob");
    assert_string_equal(c->resume[1].epoch, "");
    assert_int_equal(c->resume[1].seq, 0);
    command_free(c);
}

static void hello_with_a_wrong_field_is_refused(void **state)
{
    (void)state;
    refused("{'type':'hello'}", ERROR_BAD_FIELD, "username");
    refused("{'type':'hello','username':7}", ERROR_BAD_FIELD, "username");
    refused("{'type':'hello','username':''}", ERROR_BAD_NAME, "username");
    refused("{'type':'hello','username':'a b'}", ERROR_BAD_NAME, "username");
    refused("{'type':'hello','username':'a\\u0007'}", ERROR_BAD_NAME, "username");
    refused("{'type':'hello','username':'a','room':'#x'}", ERROR_BAD_ROOM, "room");
    refused("{'type':'hello','username':'a','room':null}", ERROR_BAD_FIELD, "room");
    refused("{'type':'hello','username':'a','session':''}", ERROR_BAD_FIELD, "session");
    refused("{'type':'hello','username':'a','session':'a b'}", ERROR_BAD_FIELD, "session");
    refused("{'type':'hello','username':'a','session':{}}", ERROR_BAD_FIELD, "session");
    refused("{'type':'hello','username':'a','token':1}", ERROR_BAD_FIELD, "token");
}

static void token_has_at_most_its_limit(void **state)
{
    (void)state;
    char *token = xmalloc(RULE_TOKEN_BYTES + 2);
    struct command *c = NULL;
    struct command_error error;

    memset(token, 't', RULE_TOKEN_BYTES + 1);
    token[RULE_TOKEN_BYTES + 1] = '\0';
    check_refused(command_hello("ann", NULL, NULL, token, &c, &error), &error, ERROR_BAD_FIELD,
                  "token", "");
    token[RULE_TOKEN_BYTES] = '\0';
    assert_int_equal(command_hello("ann", NULL, NULL, token, &c, &error), 0);
    assert_string_equal(c->token, token);
    command_free(c);
    free(token);
}

static void a_wrong_resume_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "null",
        "[]",
        "'a'",
        "{'a':7}",
        "{'a':{}}",
        "{'a':{'epoch':'e'}}",
        "{'a':{'seq':1}}",
        "{'a':{'epoch':'e','seq':-1}}",
        "{'a':{'epoch':'e','seq':1.0}}",
        "{'a':{'epoch':'e e','seq':1}}",
        "{'a':{'epoch':1,'seq':1}}",
        "{'a':{'epoch':'e23456789-123456789-123456789-123','seq':1}}",
        "{'':{'epoch':'e','seq':1}}",
        "{'@':{'epoch':'e','seq':1}}",
        "{'@@a':{'epoch':'e','seq':1}}",
        "{'a b':{'epoch':'e','seq':1}}",
        "{'ok':{'epoch':'e','seq':1},'a':7}",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct str frame = STR_INIT;
        str_addf(&frame, "{'type':'hello','username':'ann','resume':%s}", bad[i]);
        refused(frame.data, ERROR_BAD_FIELD, "resume");
        str_fini(&frame);
    }
}

static char *hello_with_streams(unsigned count)
{
    struct str frame = STR_INIT;

    str_addz(&frame, "{'type':'hello','username':'ann','resume':{");
    for (unsigned i = 0; i < count; i++)
        str_addf(&frame, "%s'%s%u':{'epoch':'e','seq':%u}", i > 0 ? "," : "", i % 2 ? "@u" : "r", i,
                 i);
    str_addz(&frame, "}}");
    return str_detach(&frame);
}

static void resume_names_at_most_twice_the_rooms(void **state)
{
    (void)state;
    char *fits = hello_with_streams(2 * RULE_ROOMS_PER_CLIENT);
    char *over = hello_with_streams(2 * RULE_ROOMS_PER_CLIENT + 1);
    struct command *c = accepted(fits);

    assert_int_equal(c->resume_count, 2 * RULE_ROOMS_PER_CLIENT);
    assert_string_equal(c->resume[199].stream, "@u199");
    assert_int_equal(c->resume[199].seq, 199);
    command_free(c);
    refused(over, ERROR_BAD_FIELD, "resume");
    free(fits);
    free(over);
}

/* Requests in a URL */

static void hello_in_a_url_joins_general_unless_it_says_otherwise(void **state)
{
    (void)state;
    struct command *c = NULL;
    struct command_error error;

    assert_int_equal(command_hello("ann", NULL, NULL, NULL, &c, &error), 0);
    assert_int_equal(c->type, COMMAND_HELLO);
    assert_string_equal(c->username, "ann");
    assert_string_equal(c->room, "general");
    assert_null(c->session);
    assert_null(c->token);
    command_free(c);

    assert_int_equal(command_hello("Zoe\xcc\x88", "x", "s1", "", &c, &error), 0);
    assert_string_equal(c->username, "Zo\xc3\xab");
    assert_string_equal(c->room, "x");
    assert_string_equal(c->session, "s1");
    assert_null(c->token); /* none was given */
    command_free(c);
}

static void hello_in_a_url_is_checked_like_the_frame(void **state)
{
    (void)state;
    struct command *c = NULL;
    struct command_error error;

    check_refused(command_hello(NULL, NULL, NULL, NULL, &c, &error), &error, ERROR_BAD_FIELD,
                  "username", "");
    check_refused(command_hello("a b", NULL, NULL, NULL, &c, &error), &error, ERROR_BAD_NAME,
                  "username", "");
    check_refused(command_hello("\xff", NULL, NULL, NULL, &c, &error), &error, ERROR_BAD_NAME,
                  "username", "");
    check_refused(command_hello("ann", "", NULL, NULL, &c, &error), &error, ERROR_BAD_ROOM, "room",
                  "");
    check_refused(command_hello("ann", NULL, "a\"b", NULL, &c, &error), &error, ERROR_BAD_FIELD,
                  "session", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_needs_a_username_alone),
        cmocka_unit_test(hello_takes_all_its_fields),
        cmocka_unit_test(hello_with_a_wrong_field_is_refused),
        cmocka_unit_test(token_has_at_most_its_limit),
        cmocka_unit_test(a_wrong_resume_is_refused),
        cmocka_unit_test(resume_names_at_most_twice_the_rooms),
        cmocka_unit_test(hello_in_a_url_joins_general_unless_it_says_otherwise),
        cmocka_unit_test(hello_in_a_url_is_checked_like_the_frame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

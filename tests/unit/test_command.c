/* Commands in frames: everything but hello. */
#include "support/command.h"

#include "confab/base/str.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* "[[[…]]]" as the value of a field that nobody reads */
static char *nested(size_t levels)
{
    struct str s = STR_INIT;

    str_addz(&s, "{'type':'heartbeat','x':");
    for (size_t i = 0; i < levels; i++)
        str_addc(&s, '[');
    for (size_t i = 0; i < levels; i++)
        str_addc(&s, ']');
    str_addc(&s, '}');
    return str_detach(&s);
}

/* The frame as a whole */

static void text_that_is_not_json_is_bad_json(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "hi",
        "{",
        "{'type':}",
        "{'type':'heartbeat'",
        "{'type':'heartbeat'}}",
        "{'type':'heartbeat'} {'type':'heartbeat'}",
        "{type:'heartbeat'}",
        "{'type':'heartbeat',}",
        "]]]]",
        "{'type':'a\nb'}",
        "{'type':'\\q'}",
        "{'type':'\\ud800'}",
        "{'type':'\xff'}",
        "\xef\xbb\xbf{'type':'heartbeat'}",
        "NaN",
        "{'type':'heartbeat','x':01}",
        "{'type':'heartbeat','x':1e999}",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refused(bad[i], ERROR_BAD_JSON, "");
}

static void a_field_that_stands_twice_is_bad_json(void **state)
{
    (void)state;
    refused("{'type':'leave','room':'a','room':'b'}", ERROR_BAD_JSON, "");
}

static void escaped_nul_is_wrong_in_every_field(void **state)
{
    (void)state;
    refused("{'type':'message\\u0000','content':'a'}", ERROR_UNKNOWN_TYPE, "");
    refused("{'type':'message','content':'a\\u0000b'}", ERROR_BAD_CONTENT, "content");
    refused("{'type':'message','content':'a','cid':'a\\u0000'}", ERROR_BAD_FIELD, "cid");
    refused("{'type':'join','room':'a\\u0000b'}", ERROR_BAD_ROOM, "room");
    refused("{'type':'join','room':'a','epoch':'\\u0000','seq':1}", ERROR_BAD_FIELD, "epoch");
    refused("{'type':'hello','username':'a\\u0000'}", ERROR_BAD_NAME, "username");
    refused("{'type':'hello','username':'a','session':'s\\u0000'}", ERROR_BAD_FIELD, "session");
    refused("{'type':'hello','username':'a','token':'\\u0000'}", ERROR_BAD_FIELD, "token");
    refused("{'type':'hello','username':'a','resume':{'a':{'epoch':'e\\u0000','seq':1}}}",
            ERROR_BAD_FIELD, "resume");
    refused("{'type':'heartbeat','a\\u0000':1}", ERROR_BAD_JSON, ""); /* a field's name */
}

static void other_json_is_not_object(void **state)
{
    (void)state;
    static const char *const others[] = {
        "[]", "[{'type':'heartbeat'}]", "'hi'", "42", "-1.5", "true", "null"
    };

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        refused(others[i], ERROR_NOT_OBJECT, "");
}

static void nesting_is_limited(void **state)
{
    (void)state;
    char *fits = nested(RULE_JSON_DEPTH - 1), *over = nested(RULE_JSON_DEPTH);

    command_free(accepted(fits));
    refused(over, ERROR_TOO_DEEP, "");
    refused("[[[[[[[[[", ERROR_TOO_DEEP, "");
    free(fits);
    free(over);
}

static void a_frame_of_brackets_is_too_deep(void **state)
{
    (void)state;
    char *brackets = xmalloc(RULE_FRAME_BYTES);
    struct command *c;
    struct command_error error;

    memset(brackets, '[', RULE_FRAME_BYTES);
    check_refused(command_parse(brackets, RULE_FRAME_BYTES, &c, &error), &error, ERROR_TOO_DEEP, "",
                  "");
    free(brackets);
}

static void brackets_in_strings_are_no_nesting(void **state)
{
    (void)state;
    command_free(accepted("{'type':'message','content':'[[[[[[[[[[{{{{'}"));
    command_free(accepted("{'type':'message','content':'\\\"[[[[[[[[[['}"));
    refused("{'type':'message','content':'\\\\','x':[[[[[[[[]]]]]]]]}", ERROR_TOO_DEEP, "");
}

static void brackets_beside_each_other_are_no_nesting(void **state)
{
    (void)state;
    command_free(accepted("{'type':'heartbeat','x':[[],[],[],{},{},[],[],[],[],[{}]]}"));
    command_free(accepted("{'type':'heartbeat','x':'kkkkkkkk{[{[{[{['}"));
}

static void type_must_be_a_string(void **state)
{
    (void)state;
    refused("{}", ERROR_NO_TYPE, "");
    refused("{'content':'hi'}", ERROR_NO_TYPE, "");
    refused("{'type':null}", ERROR_NO_TYPE, "");
    refused("{'type':1}", ERROR_NO_TYPE, "");
    refused("{'type':['message']}", ERROR_NO_TYPE, "");
}

static void type_must_be_known(void **state)
{
    (void)state;
    refused("{'type':''}", ERROR_UNKNOWN_TYPE, "");
    refused("{'type':'Message'}", ERROR_UNKNOWN_TYPE, "");
    refused("{'type':'welcome'}", ERROR_UNKNOWN_TYPE, "");
}

static void unknown_fields_are_ignored(void **state)
{
    (void)state;
    command_free(accepted("{'type':'heartbeat','x':{'y':[1,2.5,null]},'room':7}"));
    command_free(accepted("{'x':99999999999999999999,'type':'heartbeat'}"));
}

static void errors_carry_the_cid_of_the_frame(void **state)
{
    (void)state;
    refused_with_cid("{'cid':'c1'}", ERROR_NO_TYPE, "", "c1");
    refused_with_cid("{'type':'x','cid':'c1'}", ERROR_UNKNOWN_TYPE, "", "c1");
    refused_with_cid("{'type':'message','cid':'c1'}", ERROR_BAD_FIELD, "content", "c1");
    refused_with_cid("{'type':'message','cid':'c1','content':' '}", ERROR_BAD_CONTENT, "content",
                     "c1");
    refused_with_cid("{'type':'message','cid':'c1','room':'','content':'x'}", ERROR_BAD_ROOM,
                     "room", "c1");
    refused_with_cid("{'type':'private','cid':'c1','to':'','content':'x'}", ERROR_BAD_NAME, "to",
                     "c1");
}

static void a_bad_cid_is_not_repeated(void **state)
{
    (void)state;
    refused("{'type':'message','content':'x','cid':''}", ERROR_BAD_FIELD, "cid");
    refused("{'type':'message','content':'x','cid':'a b'}", ERROR_BAD_FIELD, "cid");
    refused("{'type':'message','content':'x','cid':'\xc3\xa9'}", ERROR_BAD_FIELD, "cid");
    refused("{'type':'message','content':'x','cid':7}", ERROR_BAD_FIELD, "cid");
    refused("{'type':'private','to':'ann','content':'x','cid':null}", ERROR_BAD_FIELD, "cid");
}

static void cid_has_at_most_its_limit(void **state)
{
    (void)state;
    struct str frame = STR_INIT;
    char cid[RULE_CID_BYTES + 2];

    memset(cid, 'c', sizeof cid);
    cid[RULE_CID_BYTES] = '\0';
    str_addf(&frame, "{'type':'message','content':'x','cid':'%s'}", cid);
    struct command *c = accepted(frame.data);
    assert_string_equal(c->cid, cid);
    command_free(c);

    str_reset(&frame);
    str_addf(&frame, "{'type':'message','content':'x','cid':'%sc'}", cid);
    refused(frame.data, ERROR_BAD_FIELD, "cid");
    str_fini(&frame);
}

/* join, leave */

static void join_and_leave_take_a_room(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'join','room':'caf\\u00e9'}");
    assert_int_equal(c->type, COMMAND_JOIN);
    assert_string_equal(c->room, "caf\xc3\xa9");
    assert_null(c->epoch);
    assert_int_equal(c->seq, 0);
    command_free(c);

    c = accepted("{'type':'leave','room':'x'}");
    assert_int_equal(c->type, COMMAND_LEAVE);
    assert_string_equal(c->room, "x");
    command_free(c);

    refused("{'type':'join'}", ERROR_BAD_FIELD, "room");
    refused("{'type':'join','room':7}", ERROR_BAD_FIELD, "room");
    refused("{'type':'join','room':'@ann'}", ERROR_BAD_ROOM, "room");
    refused("{'type':'leave'}", ERROR_BAD_FIELD, "room");
    refused("{'type':'leave','room':''}", ERROR_BAD_ROOM, "room");
}

static void join_resumes_with_epoch_and_seq(void **state)
{
    (void)state;
    struct command *c =
        accepted("{'type':'join','room':'x','epoch':'e1','seq':9223372036854775807}");
    assert_string_equal(c->epoch, "e1");
    assert_true(c->seq == INT64_MAX);
    command_free(c);

    refused("{'type':'join','room':'x','epoch':'e1'}", ERROR_BAD_FIELD, "seq");
    refused("{'type':'join','room':'x','seq':1}", ERROR_BAD_FIELD, "epoch");
    refused("{'type':'join','room':'x','epoch':'a b','seq':1}", ERROR_BAD_FIELD, "epoch");
    refused("{'type':'join','room':'x','epoch':7,'seq':1}", ERROR_BAD_FIELD, "epoch");
}

static void numbers_are_integers_from_0_to_63_bits(void **state)
{
    (void)state;
    static const char *const bad[] = { "-1",
                                       "1.0",
                                       "1e3",
                                       "'1'",
                                       "null",
                                       "true",
                                       "[1]",
                                       "9223372036854775808",
                                       "99999999999999999999999" };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct str frame = STR_INIT;
        str_addf(&frame, "{'type':'join','room':'x','epoch':'e','seq':%s}", bad[i]);
        refused(frame.data, ERROR_BAD_FIELD, "seq");
        str_reset(&frame);
        str_addf(&frame, "{'type':'read','room':'x','seq':%s}", bad[i]);
        refused(frame.data, ERROR_BAD_FIELD, "seq");
        str_reset(&frame);
        str_addf(&frame, "{'type':'history','room':'x','before':%s}", bad[i]);
        refused(frame.data, ERROR_BAD_FIELD, "before");
        str_fini(&frame);
    }
}

/* message, private */

static void message_goes_to_general_unless_it_says_otherwise(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'message','content':'hi'}");
    assert_int_equal(c->type, COMMAND_MESSAGE);
    assert_string_equal(c->room, "general");
    assert_null(c->to);
    assert_null(c->cid);
    assert_string_equal(c->content_json, "\"hi\"");
    assert_int_equal(c->content_json_size, 4);
    command_free(c);

    c = accepted("{'type':'message','content':'hi','room':'x','cid':'c1'}");
    assert_string_equal(c->room, "x");
    assert_string_equal(c->cid, "c1");
    command_free(c);

    refused("{'type':'message','content':'hi','room':'a b'}", ERROR_BAD_ROOM, "room");
    refused("{'type':'message','content':'hi','room':null}", ERROR_BAD_FIELD, "room");
}

static void message_mentions_and_private_does_not(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'message','content':'@bob and @Zoe\xcc\x88'}");
    assert_string_equal(c->mentioned, "bob\nZo\xc3\xab");
    command_free(c);
    c = accepted("{'type':'message','content':'a@bob'}");
    assert_null(c->mentioned);
    command_free(c);
    c = accepted("{'type':'private','to':'eve','content':'@bob'}");
    assert_null(c->mentioned);
    command_free(c);
}

static void private_goes_to_a_name(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'private','to':'Zoe\xcc\x88','content':'hi','cid':'c1'}");
    assert_int_equal(c->type, COMMAND_PRIVATE);
    assert_string_equal(c->to, "Zo\xc3\xab");
    assert_null(c->room);
    assert_string_equal(c->cid, "c1");
    assert_string_equal(c->content_json, "\"hi\"");
    command_free(c);

    refused("{'type':'private','content':'hi'}", ERROR_BAD_FIELD, "to");
    refused("{'type':'private','to':1,'content':'hi'}", ERROR_BAD_FIELD, "to");
    refused("{'type':'private','to':'@ann','content':'hi'}", ERROR_BAD_NAME, "to");
    refused("{'type':'private','to':'ann'}", ERROR_BAD_FIELD, "content");
}

static void content_is_checked(void **state)
{
    (void)state;
    refused("{'type':'message'}", ERROR_BAD_FIELD, "content");
    refused("{'type':'message','content':7}", ERROR_BAD_FIELD, "content");
    refused("{'type':'message','content':null}", ERROR_BAD_FIELD, "content");
    refused("{'type':'message','content':''}", ERROR_BAD_CONTENT, "content");
    refused("{'type':'message','content':'\\n\\u200b'}", ERROR_BAD_CONTENT, "content");
}

/* The content as it was meant, whatever its escapes. */
static void assert_content(const char *escaped, const char *json)
{
    struct str frame = STR_INIT;

    str_addf(&frame, "{\"type\":\"message\",\"content\":\"%s\"}", escaped);
    struct command *c = NULL;
    struct command_error error;
    assert_int_equal(command_parse(frame.data, frame.size, &c, &error), 0);
    assert_string_equal(c->content_json, json);
    assert_int_equal(c->content_json_size, strlen(json));
    command_free(c);
    str_fini(&frame);
}

static void content_is_escaped_as_little_as_possible(void **state)
{
    (void)state;
    assert_content("caf\\u00e9 \\ud83d\\ude00 \\/", "\"caf\xc3\xa9 \xf0\x9f\x98\x80 /\"");
    assert_content("\\\"q\\\" \\\\", "\"\\\"q\\\" \\\\\"");
    assert_content("\\n\\t\\r\\b\\f.", "\"\\n\\t\\r\\b\\f.\"");
    assert_content("\\u000a\\u0001\\u001f.", "\"\\n\\u0001\\u001f.\"");
    assert_content("<b>\x7f'", "\"<b>\x7f'\"");
}

static void every_character_of_content_survives(void **state)
{
    (void)state;
    for (unsigned c = 1; c < 0x80; c++) {
        const char content[] = { 'a', (char)c, 'z', (char)c, '\0' };
        json_t *frame = json_pack("{s:s,s:s}", "type", "message", "content", content);
        char *text = json_dumps(frame, 0);
        struct command *command = NULL;
        struct command_error error;

        assert_int_equal(command_parse(text, strlen(text), &command, &error), 0);
        json_t *back = json_loads(command->content_json, JSON_DECODE_ANY, NULL);
        assert_string_equal(json_string_value(back), content);
        json_decref(back);
        command_free(command);
        free(text);
        json_decref(frame);
    }
}

static void the_longest_content_is_accepted(void **state)
{
    (void)state;
    struct str frame = STR_INIT;

    str_addz(&frame, "{'type':'message','content':'");
    for (int i = 0; i < RULE_MESSAGE_BYTES; i++)
        str_addz(&frame, "\\u0041");
    struct str over = STR_INIT;
    str_addf(&over, "%sA'}", frame.data);
    str_addz(&frame, "'}");

    struct command *c = accepted(frame.data);
    assert_int_equal(c->content_json_size, RULE_MESSAGE_BYTES + 2);
    command_free(c);
    refused(over.data, ERROR_BAD_CONTENT, "content");
    str_fini(&frame);
    str_fini(&over);
}

/* typing, read, history, heartbeat */

static void typing_read_and_history_take_a_room_or_a_name(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        enum command_type code;
    } types[] = { { "typing", COMMAND_TYPING },
                  { "read", COMMAND_READ },
                  { "history", COMMAND_HISTORY } };

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct str frame = STR_INIT;
        str_addf(&frame, "{'type':'%s','seq':1,'room':'x'}", types[i].type);
        struct command *c = accepted(frame.data);
        assert_int_equal(c->type, types[i].code);
        assert_string_equal(c->room, "x");
        assert_null(c->to);
        command_free(c);

        str_reset(&frame);
        str_addf(&frame, "{'type':'%s','seq':1,'to':'ann'}", types[i].type);
        c = accepted(frame.data);
        assert_string_equal(c->to, "ann");
        assert_null(c->room);
        command_free(c);

        str_reset(&frame);
        str_addf(&frame, "{'type':'%s','seq':1}", types[i].type);
        refused(frame.data, ERROR_BAD_FIELD, "room");
        str_reset(&frame);
        str_addf(&frame, "{'type':'%s','seq':1,'room':'x','to':'ann'}", types[i].type);
        refused(frame.data, ERROR_BAD_FIELD, "to");
        str_reset(&frame);
        str_addf(&frame, "{'type':'%s','seq':1,'room':'x/y'}", types[i].type);
        refused(frame.data, ERROR_BAD_ROOM, "room");
        str_reset(&frame);
        str_addf(&frame, "{'type':'%s','seq':1,'to':'x/y'}", types[i].type);
        refused(frame.data, ERROR_BAD_NAME, "to");
        str_fini(&frame);
    }
}

static void read_needs_a_number(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'read','room':'x','seq':12}");

    assert_int_equal(c->seq, 12);
    command_free(c);
    refused("{'type':'read','room':'x'}", ERROR_BAD_FIELD, "seq");
}

static void heartbeat_has_no_fields(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'heartbeat'}");

    assert_int_equal(c->type, COMMAND_HEARTBEAT);
    command_free(c);
    command_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_that_is_not_json_is_bad_json),
        cmocka_unit_test(a_field_that_stands_twice_is_bad_json),
        cmocka_unit_test(escaped_nul_is_wrong_in_every_field),
        cmocka_unit_test(other_json_is_not_object),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(a_frame_of_brackets_is_too_deep),
        cmocka_unit_test(brackets_in_strings_are_no_nesting),
        cmocka_unit_test(brackets_beside_each_other_are_no_nesting),
        cmocka_unit_test(type_must_be_a_string),
        cmocka_unit_test(type_must_be_known),
        cmocka_unit_test(unknown_fields_are_ignored),
        cmocka_unit_test(errors_carry_the_cid_of_the_frame),
        cmocka_unit_test(a_bad_cid_is_not_repeated),
        cmocka_unit_test(cid_has_at_most_its_limit),
        cmocka_unit_test(join_and_leave_take_a_room),
        cmocka_unit_test(join_resumes_with_epoch_and_seq),
        cmocka_unit_test(numbers_are_integers_from_0_to_63_bits),
        cmocka_unit_test(message_goes_to_general_unless_it_says_otherwise),
        cmocka_unit_test(message_mentions_and_private_does_not),
        cmocka_unit_test(private_goes_to_a_name),
        cmocka_unit_test(content_is_checked),
        cmocka_unit_test(content_is_escaped_as_little_as_possible),
        cmocka_unit_test(every_character_of_content_survives),
        cmocka_unit_test(the_longest_content_is_accepted),
        cmocka_unit_test(typing_read_and_history_take_a_room_or_a_name),
        cmocka_unit_test(read_needs_a_number),
        cmocka_unit_test(heartbeat_has_no_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

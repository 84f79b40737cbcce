#include "support/test.h"

#include "confab/wire/transfer.h"

#include <stdlib.h>
#include <string.h>

#define ROOM "{\"room\":\"general\",\"epoch\":\"E\",\"kind\":0,\"message\":"
#define MESSAGE                                                                                    \
    "{\"type\":\"message\",\"room\":\"general\",\"seq\":7,\"id\":\"i\",\"user\":\"alice\","        \
    "\"content\":\"hi \\u00e9\",\"timestamp\":1700000000000}"

static struct transfer_message message;

/* In memory of its own size, with a NUL, as a reader of lines has it. */
static enum transfer_line read_line(const char *line, const char **why)
{
    char *copy = xmemdupz(line, strlen(line));
    const enum transfer_line kind = transfer_read(copy, strlen(line), &message, why);
    static char json[256];

    if (kind == TRANSFER_MESSAGE) {
        text_copy(json, sizeof json, message.json);
        json[message.json_size] = '\0';
        message.json = json;
    }
    free(copy);
    return kind;
}

static void broken(const char *line, const char *wanted)
{
    const char *why = "";

    if (read_line(line, &why) != TRANSFER_BROKEN)
        fail_msg("it is fine: %s", line);
    assert_string_equal(why, wanted);
}

static void fine(const char *line)
{
    const char *why = "";

    if (read_line(line, &why) != TRANSFER_MESSAGE)
        fail_msg("%s: %s", why, line);
}

static void what_is_written_is_read(void **state)
{
    struct str line = STR_INIT;
    const char *why;

    (void)state;
    transfer_add_message(&line, "r:general", "E", 0, MESSAGE, strlen(MESSAGE));
    assert_string_equal(line.data, ROOM MESSAGE "}\n");
    line.data[line.size - 1] = '\0';
    fine(line.data);
    assert_string_equal(message.stream, "r:general");
    assert_string_equal(message.epoch, "E");
    assert_int_equal(message.seq, 7);
    assert_int_equal(message.kind, 0);
    assert_string_equal(message.json, MESSAGE); /* to the byte */

    str_reset(&line);
    transfer_add_head(&line, "0123456789abcdef", 5);
    line.data[line.size - 1] = '\0';
    assert_int_equal(read_line(line.data, &why), TRANSFER_HEAD);
    assert_int_equal(read_line("{\"person\":\"al\",\"account\":null}", &why), TRANSFER_PERSON);
    str_reset(&line);
    transfer_add_end(&line, 3);
    line.data[line.size - 1] = '\0';
    assert_int_equal(read_line(line.data, &why), TRANSFER_END);
    str_fini(&line);
}

static void a_conversation_has_two_names(void **state)
{
    static const char json[] = "{\"type\":\"private\",\"seq\":1,\"user\":\"bob\",\"to\":\"alice\","
                               "\"content\":\"x\",\"timestamp\":0}";
    struct str line = STR_INIT;

    (void)state;
    transfer_add_message(&line, "d:alice|bob", "E", 1, json, strlen(json));
    line.data[line.size - 1] = '\0';
    fine(line.data);
    assert_string_equal(message.stream, "d:alice|bob");
    assert_string_equal(message.json, json);
    str_fini(&line);
}

static void white_space_and_order_do_not_matter(void **state)
{
    (void)state;
    fine("  { \"message\" : " MESSAGE
         " , \"kind\" : 0 , \"epoch\":\"E\", \"room\":\"general\" }  ");
    assert_string_equal(message.json, MESSAGE);
}

static void each_fault_is_named(void **state)
{
    (void)state;
    broken("", "not JSON");
    broken("{", "not JSON");
    broken("{}x", "not JSON");
    broken("[]", "not an object");
    broken("7", "not JSON");
    broken("{\"room\":\"a\",\"room\":\"a\"}", "not JSON"); /* twice */
    broken("{\"confab\":\"export\",\"v\":2}", "an export of another version");
    broken("{\"confab\":1}", "an export of another version");
    broken("{}", "it needs room or between");
    broken("{\"room\":\"a\",\"between\":[\"a\",\"b\"]}", "it needs room or between");
    broken("{\"room\":\"a b\"}", "room is not a name of a room");
    broken("{\"room\":7}", "room is not a name of a room");
    broken("{\"room\":\"e\\u0301\"}", "room is not a name of a room"); /* not in NFC */
    broken("{\"between\":[\"b\",\"a\"]}", "between is not two names, in order");
    broken("{\"between\":[\"a\"]}", "between is not two names, in order");
    broken("{\"between\":[\"a\",\"b|c\"]}", "between is not two names, in order");
    broken("{\"room\":\"a\"}", "epoch is not 1 to 32 printable characters");
    broken("{\"room\":\"a\",\"epoch\":\"\"}", "epoch is not 1 to 32 printable characters");
    broken("{\"room\":\"a\",\"epoch\":\"E\"}", "kind is not a number from 0 to 255");
    broken("{\"room\":\"a\",\"epoch\":\"E\",\"kind\":256}", "kind is not a number from 0 to 255");
    broken("{\"room\":\"general\",\"epoch\":\"E\",\"kind\":0}", "message is not an object");
    broken(ROOM "7}", "message is not an object");
    broken(ROOM "{}}", "message has no type");
    broken(ROOM "{\"type\":\"message\"}}", "user is not a name");
    broken(ROOM "{\"type\":\"message\",\"user\":\"a|b\"}}", "user is not a name");
}

static void each_fault_of_a_message_is_named(void **state)
{
#define BEGIN ROOM "{\"type\":\"message\",\"user\":\"a\""
    (void)state;
    broken(BEGIN "}}", "seq is not a number from 1 to 4294967295");
    broken(BEGIN ",\"seq\":0}}", "seq is not a number from 1 to 4294967295");
    broken(BEGIN ",\"seq\":4294967296}}", "seq is not a number from 1 to 4294967295");
    broken(BEGIN ",\"seq\":1.0}}", "seq is not a number from 1 to 4294967295");
    broken(BEGIN ",\"seq\":1}}", "timestamp is not a time in milliseconds");
    broken(BEGIN ",\"seq\":1,\"timestamp\":-1}}", "timestamp is not a time in milliseconds");
    broken(BEGIN ",\"seq\":1,\"timestamp\":1,\"room\":\"b\"}}", "the message is of another room");
    broken(BEGIN ",\"seq\":1,\"timestamp\":1}}", "content is not 1 to 4096 bytes of text");
    broken(BEGIN ",\"seq\":1,\"timestamp\":1,\"content\":\" \"}}",
           "content is not 1 to 4096 bytes of text");
    broken(BEGIN ",\"seq\":1,\"timestamp\":1,\"content\":\"\\u0000\"}}", "not JSON");
    fine(BEGIN ",\"seq\":4294967295,\"timestamp\":0,\"content\":\"x\"}}");
    broken("{\"x\":"
           "{\"message\":{}},"
           "\"room\":\"general\",\"epoch\":\"E\",\"kind\":0,"
           "\"message\":" MESSAGE "}",
           "something with a message stands before its message");
#undef BEGIN
}

static void what_was_forgotten_has_no_text(void **state)
{
    (void)state;
    fine("{\"room\":\"general\",\"epoch\":\"E\",\"kind\":6,\"message\":{\"type\":\"message\","
         "\"user\":\"(deleted)\",\"seq\":1,\"content\":\"\",\"timestamp\":1,\"deleted\":true}}");
}

static void events_and_what_they_left_are_read(void **state)
{
    (void)state;
    fine("{\"room\":\"general\",\"epoch\":\"E\",\"kind\":0,\"message\":{\"type\":\"message\","
         "\"seq\":1,"
         "\"user\":\"al\",\"content\":\"\",\"timestamp\":1,\"deleted\":9}}");
    broken("{\"room\":\"general\",\"epoch\":\"E\",\"kind\":0,\"message\":{\"type\":\"message\","
           "\"seq\":1,"
           "\"user\":\"al\",\"content\":\"\",\"timestamp\":1}}",
           "content is not 1 to 4096 bytes of text");
    fine("{\"room\":\"general\",\"epoch\":\"E\",\"kind\":3,\"message\":{\"type\":\"message\","
         "\"seq\":9,"
         "\"user\":\"*\",\"kind\":\"delete\",\"target\":1,\"target_id\":\"i\",\"content\":\"x\","
         "\"timestamp\":1}}"); /* the administrator */
    broken("{\"room\":\"general\",\"epoch\":\"E\",\"kind\":0,\"message\":{\"type\":\"message\","
           "\"seq\":9,"
           "\"user\":\"*\",\"content\":\"x\",\"timestamp\":1}}",
           "user is not a name");
}

static void nul_is_not_json(void **state)
{
    static const char line[] = ROOM "{\"type\":\"message\",\"user\":\"a\",\"seq\":1,"
                                    "\"content\":\"x\",\"timestamp\":1\0}}";
    const char *why = "";

    (void)state;
    assert_int_equal(transfer_read(line, sizeof line - 1, &message, &why), TRANSFER_BROKEN);
    assert_string_equal(why, "not JSON");
}

static void a_line_has_a_limit(void **state)
{
    struct str line = STR_INIT;
    const char *why = "";

    (void)state;
    str_addz(&line, ROOM MESSAGE);
    while (line.size < TRANSFER_LINE_MOST - 1)
        str_addc(&line, ' ');
    str_addc(&line, '}');
    assert_int_equal(transfer_read(line.data, line.size, &message, &why), TRANSFER_MESSAGE);
    str_addc(&line, ' ');
    assert_int_equal(transfer_read(line.data, line.size, &message, &why), TRANSFER_BROKEN);
    assert_string_equal(why, "longer than 64 KiB");
    str_fini(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_conversation_has_two_names),
        cmocka_unit_test(white_space_and_order_do_not_matter),
        cmocka_unit_test(each_fault_is_named),
        cmocka_unit_test(each_fault_of_a_message_is_named),
        cmocka_unit_test(what_was_forgotten_has_no_text),
        cmocka_unit_test(events_and_what_they_left_are_read),
        cmocka_unit_test(nul_is_not_json),
        cmocka_unit_test(a_line_has_a_limit),
    };

    return cmocka_run_group_tests_name("transfer", tests, NULL, NULL);
}

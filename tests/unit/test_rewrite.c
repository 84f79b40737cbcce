#include "support/test.h"

#include "confab/wire/rewrite.h"

#include <jansson.h>
#include <stdlib.h>

static struct frame_part part(const char *text)
{
    return (struct frame_part){ text, strlen(text) };
}

/* expected NULL: the event changes nothing */
static void check(const char *message, const char *event, const char *expected)
{
    struct str out = STR_INIT;
    const struct frame_part parts[] = { part(message), part(event) };

    str_addz(&out, ">");
    assert_int_equal(message_rewrite(&out, &parts[0], &parts[1]), expected != NULL);
    assert_string_equal(out.data + 1, expected ? expected : "");
    str_fini(&out);
}

#define HEAD "{\"type\":\"message\",\"room\":\"r\",\"seq\":"
#define MESSAGE(content) MARKED(content, "")
#define MARKED(content, marks)                                                                     \
    HEAD "4,\"id\":\"a1\",\"user\":\"bob\",\"content\":" content                                   \
         ",\"timestamp\":17,\"cid\":\"c\"" marks "}"
#define EVENT(seq, kind, content)                                                                  \
    HEAD #seq ",\"id\":\"e" #seq "\",\"user\":\"bob\",\"kind\":\"" kind                            \
              "\",\"target\":4,\"target_id\":\"a1\",\"content\":" content ",\"timestamp\":18}"

static void an_edit_replaces_the_text(void **state)
{
    (void)state;
    check(MESSAGE("\"old\""), EVENT(9, "edit", "\"new\""), MARKED("\"new\"", ",\"edited\":9"));
    check(MARKED("\"old\"", ",\"edited\":9"), EVENT(12, "edit", "\"newer\""),
          MARKED("\"newer\"", ",\"edited\":12"));
}

static void a_deletion_takes_the_text_away(void **state)
{
    (void)state;
    check(MESSAGE("\"old\""), EVENT(9, "delete", "\"(deleted a message)\""),
          MARKED("\"\"", ",\"deleted\":9"));
    check(MARKED("\"old\"", ",\"edited\":7"), EVENT(9, "delete", "\"x\""),
          MARKED("\"\"", ",\"deleted\":9"));
}

/* They stand between time and cid, and behind it in what was written before. */
static void names_in_a_deleted_text_go_with_it(void **state)
{
    (void)state;
    check("{\"type\":\"message\",\"seq\":4,\"id\":\"a1\",\"content\":\"@ann @bo\",\"timestamp\":17,"
          "\"mentions\":[\"ann\",\"bo\"],\"cid\":\"c\",\"edited\":6}",
          EVENT(9, "delete", "\"\""),
          "{\"type\":\"message\",\"seq\":4,\"id\":\"a1\",\"content\":\"\",\"timestamp\":17,"
          "\"cid\":\"c\",\"deleted\":9}");
    check("{\"type\":\"message\",\"seq\":4,\"id\":\"a1\",\"content\":\"@ann\",\"timestamp\":17,"
          "\"cid\":\"c\",\"edited\":6,\"mentions\":[\"ann\"]}",
          EVENT(9, "edit", "\"hi\""),
          "{\"type\":\"message\",\"seq\":4,\"id\":\"a1\",\"content\":\"hi\",\"timestamp\":17,"
          "\"cid\":\"c\",\"mentions\":[\"ann\"],\"edited\":9}");
}

static void older_events_change_nothing(void **state)
{
    (void)state;
    check(MARKED("\"x\"", ",\"edited\":9"), EVENT(9, "edit", "\"new\""), NULL);
    check(MARKED("\"x\"", ",\"edited\":9"), EVENT(8, "edit", "\"new\""), NULL);
    check(MARKED("\"x\"", ",\"edited\":9"), EVENT(8, "delete", "\"\""), NULL);
    check(MARKED("\"\"", ",\"deleted\":9"), EVENT(12, "edit", "\"new\""), NULL);
    check(MARKED("\"\"", ",\"deleted\":9"), EVENT(12, "delete", "\"\""), NULL);
    check(MARKED("\"\"", ",\"deleted\":true"), EVENT(12, "edit", "\"new\""), NULL);
}

static void other_events_change_nothing(void **state)
{
    (void)state;
    check(MESSAGE("\"x\""), EVENT(9, "react", "\"+\""), NULL);
    check(MESSAGE("\"x\""), EVENT(9, "room", "\"bob muted ann\""), NULL);
    check(MESSAGE("\"x\""), MESSAGE("\"y\""), NULL);
    check(HEAD "4,\"id\":\"a2\",\"content\":\"x\",\"timestamp\":17}", EVENT(9, "edit", "\"y\""),
          NULL);
    check("{\"type\":\"message\"}", EVENT(9, "edit", "\"y\""), NULL);
    check("", EVENT(9, "edit", "\"y\""), NULL);
    check(MESSAGE("\"x\""), "", NULL);
}

static void an_edit_that_was_replaced_loses_its_text(void **state)
{
    static const char gone[] =
        HEAD "9,\"id\":\"e9\",\"user\":\"bob\",\"kind\":\"edit\",\"target\":4,\"target_id\":\"a1\","
             "\"content\":\"\",\"timestamp\":18,\"deleted\":12}";

    (void)state;
    check(EVENT(9, "edit", "\"secret\""), EVENT(12, "edit", "\"new\""), gone);
    check(EVENT(9, "edit", "\"secret\""), EVENT(12, "delete", "\"\""), gone);
    check(EVENT(9, "edit", "\"new\""), EVENT(9, "edit", "\"new\""), NULL);
    check(EVENT(9, "edit", "\"new\""), EVENT(8, "edit", "\"old\""), NULL);
    check(EVENT(9, "react", "\"+\""), EVENT(12, "delete", "\"\""), NULL);
    check(gone, EVENT(13, "delete", "\"\""), NULL);
}

/* What people write may look like the fields around it. */
static void texts_are_no_fields(void **state)
{
    static const char *const texts[] = {
        "",
        "\"",
        "\\",
        "\\\"",
        "\",\"timestamp\":1",
        "\",\"timestamp\":",
        ",\"deleted\":5",
        "\",\"deleted\":5,\"",
        "\",\"edited\":99,\"mentions\":[\"",
        "\"content\":\"",
        ",\"content\":\"x",
        "\",\"kind\":\"delete",
        "}{[]\"\\\\\"",
        "\x01\n\t",
        "Küche \xf0\x9f\xa7\x80",
    };
    struct str out = STR_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
            json_t *message = json_pack("{ss ss si ss ss ss si ss}", "type", "message", "room", "r",
                                        "seq", 4, "id", "a1", "user", "bob", "content", texts[i],
                                        "timestamp", 17, "cid", "c");
            json_t *event =
                json_pack("{ss ss si ss ss ss si ss ss si}", "type", "message", "room", "r", "seq",
                          9, "id", "e9", "user", "bob", "kind", "edit", "target", 4, "target_id",
                          "a1", "content", texts[k], "timestamp", 18);
            char *before = json_dumps(message, JSON_COMPACT);
            char *about = json_dumps(event, JSON_COMPACT);
            const struct frame_part parts[] = { part(before), part(about) };

            str_reset(&out);
            assert_true(message_rewrite(&out, &parts[0], &parts[1]));
            json_object_set_new(message, "content", json_string(texts[k]));
            json_object_set_new(message, "edited", json_integer(9));
            char *expected = json_dumps(message, JSON_COMPACT);
            assert_string_equal(out.data, expected);
            free(expected);
            free(about);
            free(before);
            json_decref(event);
            json_decref(message);
        }
    }
    str_fini(&out);
}

static void fields_are_found(void **state)
{
    (void)state;
    const struct frame_part message = part(MARKED("\"a\\\"b\"", ",\"mentions\":[\"x\",\"y\"]"));
    struct frame_part value;

    assert_true(message_field(&message, "content", &value));
    assert_int_equal(value.size, strlen("\"a\\\"b\""));
    assert_memory_equal(value.data, "\"a\\\"b\"", value.size);
    assert_true(message_field(&message, "mentions", &value));
    assert_memory_equal(value.data, "[\"x\",\"y\"]", value.size);
    assert_false(message_field(&message, "kind", &value));
    assert_int_equal(message_number(&message, "timestamp"), 17);
    assert_int_equal(message_number(&message, "kind"), 0);
    assert_int_equal(message_number(&message, "content"), 0);
}

static void cut_off_messages_have_no_fields(void **state)
{
    static const char whole[] = MARKED("\"x\"", ",\"mentions\":[\"ann\"],\"edited\":7");
    struct str out = STR_INIT;

    (void)state;
    for (size_t size = 0; size < sizeof whole - 1; size++) {
        char *cut = malloc(size + 1); /* exactly as long, so that a sanitizer sees what is beyond */
        assert_non_null(cut);
        memcpy(cut, whole, size);
        const struct frame_part message = { cut, size }, event = part(EVENT(9, "edit", "\"y\""));
        (void)message_rewrite(&out, &message, &event);
        (void)message_rewrite(&out, &event, &message);
        free(cut);
    }
    str_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edit_replaces_the_text),
        cmocka_unit_test(a_deletion_takes_the_text_away),
        cmocka_unit_test(names_in_a_deleted_text_go_with_it),
        cmocka_unit_test(older_events_change_nothing),
        cmocka_unit_test(other_events_change_nothing),
        cmocka_unit_test(an_edit_that_was_replaced_loses_its_text),
        cmocka_unit_test(texts_are_no_fields),
        cmocka_unit_test(fields_are_found),
        cmocka_unit_test(cut_off_messages_have_no_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

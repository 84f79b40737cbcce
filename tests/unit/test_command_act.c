/* Events about messages: what clients say, and what becomes of it. */
#include "support/command.h"

#include "confab/wire/event.h"

#include <stdio.h>
#include <string.h>

static void an_edit_names_a_message_and_a_text(void **state)
{
    (void)state;
    struct command *c =
        accepted("{'type':'edit','room':'r','seq':7,'id':'a-1','content':'a \\\\ b','cid':'c1'}");
    assert_int_equal(c->type, COMMAND_EDIT);
    assert_string_equal(c->room, "r");
    assert_int_equal(c->target, 7);
    assert_string_equal(c->target_id, "a-1");
    assert_string_equal(c->content_json, "\"a \\\\ b\"");
    assert_string_equal(c->cid, "c1");
    assert_null(c->mentioned);
    command_free(c);
    c = accepted("{'type':'edit','room':'r','seq':7,'content':'@bob, @eve'}");
    assert_string_equal(c->mentioned, "bob\neve");
    command_free(c);
    c = accepted("{'type':'edit','to':'bob','seq':7,'content':'@bob'}");
    assert_null(c->mentioned);
    command_free(c);
}

static void a_deletion_needs_no_more_than_a_number(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'delete','to':'bob','seq':7}");
    assert_int_equal(c->type, COMMAND_DELETE);
    assert_string_equal(c->to, "bob");
    assert_null(c->room);
    assert_null(c->target_id);
    assert_null(c->cid);
    command_free(c);
}

static void a_reaction_is_a_visible_sign(void **state)
{
    (void)state;
    struct command *c =
        accepted("{'type':'react','room':'r','seq':7,'emoji':'❤️','remove':true}");
    assert_int_equal(c->type, COMMAND_REACT);
    assert_string_equal(c->emoji, "❤️");
    assert_true(c->remove);
    command_free(c);
    c = accepted(
        "{'type':'react','room':'r','seq':7,'emoji':'👩‍👩‍👧'}"); /* with joiners */
    assert_false(c->remove);
    command_free(c);
    static const char *const wrong[] = {
        "''", "' '", "'a b'", "'\\n'", "'\\u0000'", "'\\u200b'", "'\\u202e+'", "'\\u2028'", "7",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "{'type':'react','room':'r','seq':7,'emoji':%s}", wrong[i]);
        refused(text, ERROR_BAD_FIELD, "emoji");
    }
    refused("{'type':'react','room':'r','seq':7}", ERROR_BAD_FIELD, "emoji");
    refused("{'type':'react','room':'r','seq':7,'emoji':'+','remove':1}", ERROR_BAD_FIELD,
            "remove");
}

static void emoji_have_a_limit(void **state)
{
    (void)state;
    char longest[RULE_EMOJI_BYTES + 2];
    memset(longest, 'x', sizeof longest);
    assert_true(rules_emoji(longest, RULE_EMOJI_BYTES));
    assert_false(rules_emoji(longest, RULE_EMOJI_BYTES + 1));
    assert_false(rules_emoji("", 0));
    assert_false(rules_emoji("\xff", 1));
}

static void wrong_targets_are_refused(void **state)
{
    (void)state;
    static const char *const seqs[] = { "0", "-1", "'7'", "null", "1.5", "99999999999999999999" };
    for (size_t i = 0; i < sizeof seqs / sizeof seqs[0]; i++) {
        char text[96];
        snprintf(text, sizeof text, "{'type':'delete','room':'r','seq':%s}", seqs[i]);
        refused(text, ERROR_BAD_FIELD, "seq");
    }
    refused("{'type':'delete','room':'r'}", ERROR_BAD_FIELD, "seq");
    refused("{'type':'delete','seq':7}", ERROR_BAD_FIELD, "room");
    refused("{'type':'delete','room':'r','to':'bob','seq':7}", ERROR_BAD_FIELD, "to");
    refused("{'type':'delete','room':'r','seq':7,'id':'a b'}", ERROR_BAD_FIELD, "id");
    refused("{'type':'delete','room':'r','seq':7,'id':7}", ERROR_BAD_FIELD, "id");
    refused_with_cid("{'type':'edit','room':'r','seq':7,'content':'  ','cid':'c'}",
                     ERROR_BAD_CONTENT, "content", "c");
    refused("{'type':'edit','room':'r','seq':7}", ERROR_BAD_FIELD, "content");
}

/* The event, as act.lua puts it together. */
static void check_event(const char *text, const char *expected)
{
    struct command *c = accepted(text);
    struct str head = STR_INIT, mid = STR_INIT, content = STR_INIT, tail = STR_INIT;

    event_about_pieces(c, "al", "e1", &head, &mid, &content, &tail);
    str_addz(&head, "9");
    str_add(&head, mid.data, mid.size);
    str_addz(&head, ",\"target_id\":\"a1\"");
    str_add(&head, content.data, content.size);
    str_addz(&head, "17");
    str_add(&head, tail.data, tail.size);
    assert_string_equal(head.data, expected);
    str_fini(&head);
    str_fini(&mid);
    str_fini(&content);
    str_fini(&tail);
    command_free(c);
}

static void events_have_their_kind_before_their_content(void **state)
{
    (void)state;
    check_event("{'type':'edit','room':'r','seq':7,'content':'x','cid':'c'}",
                "{\"type\":\"message\",\"room\":\"r\",\"seq\":9,\"id\":\"e1\",\"user\":\"al\","
                "\"kind\":\"edit\",\"target\":7,\"target_id\":\"a1\",\"content\":\"x\","
                "\"timestamp\":17,\"cid\":\"c\"}");
    check_event("{'type':'delete','to':'bo','seq':7}",
                "{\"type\":\"private\",\"seq\":9,\"id\":\"e1\",\"user\":\"al\",\"to\":\"bo\","
                "\"kind\":\"delete\",\"target\":7,\"target_id\":\"a1\","
                "\"content\":\"(deleted a message)\",\"timestamp\":17}");
    check_event("{'type':'react','room':'r','seq':7,'emoji':'+','remove':true}",
                "{\"type\":\"message\",\"room\":\"r\",\"seq\":9,\"id\":\"e1\",\"user\":\"al\","
                "\"kind\":\"react\",\"target\":7,\"target_id\":\"a1\",\"emoji\":\"+\","
                "\"remove\":true,\"content\":\"+\",\"timestamp\":17}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edit_names_a_message_and_a_text),
        cmocka_unit_test(a_deletion_needs_no_more_than_a_number),
        cmocka_unit_test(a_reaction_is_a_visible_sign),
        cmocka_unit_test(emoji_have_a_limit),
        cmocka_unit_test(wrong_targets_are_refused),
        cmocka_unit_test(events_have_their_kind_before_their_content),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

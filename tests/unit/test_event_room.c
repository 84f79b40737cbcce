/* Frames about rooms with an owner. */
#include "support/command.h"

#include "confab/wire/event_room.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* An act as Redis stores it, with ' for ". Returns new. */
static char *stored(const char *act, const char *user)
{
    struct str head = STR_INIT, mid = STR_INIT, tail = STR_INIT;
    struct command *c = accepted(act);
    event_room_pieces(c, user, 60, "id-1", &head, &mid, &tail);
    str_addz(&head, "7");
    str_add(&head, mid.data, mid.size);
    str_addz(&head, "2");
    str_add(&head, tail.data, tail.size);
    json_t *json = json_loads(head.data, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    json_decref(json);
    char *text = xstrdup(head.data);
    for (char *at = text; *at != '\0'; at++)
        *at = *at == '"' ? '\'' : *at;
    command_free(c);
    str_fini(&head);
    str_fini(&mid);
    str_fini(&tail);
    return text;
}

static void an_act_is_a_message_with_its_kind_before_the_content(void **state)
{
    (void)state;
    char *text = stored("{'type':'room','room':'tea','act':'mute','user':'bob','seconds':600,"
                        "'reason':'no','cid':'c1'}",
                        "ann");
    assert_string_equal(
        text, "{'type':'message','room':'tea','seq':7,'id':'id-1','user':'ann','kind':'room',"
              "'act':'mute','who':'bob','reason':'no',"
              "'content':'ann muted bob for 10 minutes: no','timestamp':2,'cid':'c1'}");
    free(text);
}

static void says(const char *rest, const char *user, const char *sentence)
{
    char frame[256];
    snprintf(frame, sizeof frame, "{'type':'room','room':'tea',%s}", rest);
    char *text = stored(frame, user);
    const char *content = strstr(text, "'content':'") + strlen("'content':'");
    char *end = strstr(text, "','timestamp'");
    assert_non_null(end);
    *end = '\0';
    assert_string_equal(content, sentence);
    free(text);
}

static void content_is_a_sentence(void **state)
{
    (void)state;
    says("'act':'create'", "ann", "ann owns this room now.");
    says("'act':'create','owner':'bob'", "*", "The administrator gave this room to bob.");
    says("'act':'destroy'", "ann", "ann ended this room.");
    says("'act':'topic','topic':'tea'", "ann", "ann set the topic: tea");
    says("'act':'topic','topic':''", "ann", "ann removed the topic.");
    says("'act':'access','access':'private'", "ann", "ann made this room private.");
    says("'act':'read_only','on':true", "ann", "ann made this room read-only.");
    says("'act':'read_only','on':false", "ann", "ann let everybody write again.");
    says("'act':'slow','seconds':90", "ann", "ann set slow mode to 90 seconds.");
    says("'act':'slow','seconds':0", "ann", "ann ended slow mode.");
    says("'act':'role','user':'bob','role':'owner'", "ann", "ann gave this room to bob.");
    says("'act':'role','user':'bob','role':'member'", "ann", "ann made bob a member.");
    says("'act':'role','user':'bob','role':'none'", "ann", "ann took bob off the list.");
    says("'act':'mute','user':'bob','seconds':0", "ann", "ann muted bob.");
    says("'act':'unmute','user':'bob'", "ann", "ann let bob write again.");
    says("'act':'kick','user':'bob'", "ann", "ann removed bob for 1 minute.");
    says("'act':'ban','user':'bob','seconds':86400", "ann", "ann banned bob for 1 day.");
    says("'act':'ban','user':'bob','seconds':7200", "ann", "ann banned bob for 2 hours.");
    says("'act':'unban','user':'bob'", "ann", "ann lifted the ban of bob.");
}

static void details_stand_in_the_fields_of_the_act(void **state)
{
    (void)state;
    char *text = stored("{'type':'room','room':'tea','act':'create','access':'private',"
                        "'read_only':true,'topic':'t'}",
                        "ann");
    assert_non_null(strstr(text, ",'act':'create','access':'private','read_only':true,'topic':'t',"
                                 "'content':"));
    free(text);
    text = stored("{'type':'room','room':'tea','act':'slow','seconds':5}", "ann");
    assert_non_null(strstr(text, ",'act':'slow','seconds':5,'content':"));
    free(text);
    text = stored("{'type':'room','room':'tea','act':'read_only','on':false}", "ann");
    assert_non_null(strstr(text, ",'act':'read_only','on':false,'content':"));
    free(text);
}

static void answers(const char *json, const char *cid, const char *expected)
{
    struct frame *f = event_room(json, strlen(json), cid);
    char *text = xmemdupz(frame_payload(f), frame_payload_size(f));
    assert_string_equal(text, expected);
    assert_int_equal(f->class, FRAME_CONTROL);
    free(text);
    frame_unref(f);
}

static void an_answer_carries_the_cid(void **state)
{
    (void)state;
    answers("{\"type\":\"room\"}", "c1", "{\"type\":\"room\",\"cid\":\"c1\"}");
    answers("{\"type\":\"room\"}", "", "{\"type\":\"room\"}");
    answers("{\"type\":\"room\"}", NULL, "{\"type\":\"room\"}");
}

static void guard_is(const char *guard, const char *expected)
{
    struct str s = STR_INIT;
    event_guard_json(&s, guard);
    assert_string_equal(s.data, expected);
    str_fini(&s);
}

static void a_guard_says_what_it_restricts(void **state)
{
    (void)state;
    guard_is("- 0", "{\"access\":\"public\",\"read_only\":false,\"slow_ms\":0}");
    guard_is("prx 5000", "{\"access\":\"private\",\"read_only\":true,\"slow_ms\":5000}");
    guard_is("rx 0", "{\"access\":\"public\",\"read_only\":true,\"slow_ms\":0}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_act_is_a_message_with_its_kind_before_the_content),
        cmocka_unit_test(content_is_a_sentence),
        cmocka_unit_test(details_stand_in_the_fields_of_the_act),
        cmocka_unit_test(an_answer_carries_the_cid),
        cmocka_unit_test(a_guard_says_what_it_restricts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

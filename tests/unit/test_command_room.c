/* Acts on rooms, and joins by invitation. */
#include "support/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS_50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LETTERS_250 LETTERS_50 LETTERS_50 LETTERS_50 LETTERS_50 LETTERS_50

static void every_act_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < ROOM_ACT_COUNT; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(room_act_name((enum room_act)i),
                                    room_act_name((enum room_act)j));
    assert_string_equal(room_act_name(ROOM_ACT_READ_ONLY), "read_only");
}

static void what_a_room_is_made_of_may_be_left_out(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'room','room':'tea','act':'create','cid':'c1'}");
    assert_int_equal(c->type, COMMAND_ROOM);
    assert_int_equal(c->act, ROOM_ACT_CREATE);
    assert_string_equal(c->room, "tea");
    assert_string_equal(c->cid, "c1");
    assert_null(c->access);
    assert_null(c->topic);
    assert_null(c->who);
    assert_int_equal(c->read_only, -1);
    command_free(c);

    c = accepted("{'type':'room','room':'tea','act':'create','access':'private','read_only':true,"
                 "'topic':'t\xc3\xa9','owner':'Ann'}");
    assert_string_equal(c->access, "private");
    assert_string_equal(c->topic, "t\xc3\xa9");
    assert_string_equal(c->who, "Ann");
    assert_int_equal(c->read_only, 1);
    command_free(c);
}

static void acts_take_what_they_need(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'room','room':'tea','act':'topic','topic':''}");
    assert_string_equal(c->topic, "");
    command_free(c);
    c = accepted("{'type':'room','room':'tea','act':'access','access':'public'}");
    assert_string_equal(c->access, "public");
    command_free(c);
    c = accepted("{'type':'room','room':'tea','act':'read_only','on':false}");
    assert_int_equal(c->read_only, 0);
    command_free(c);
    c = accepted("{'type':'room','room':'tea','act':'slow','seconds':3600}");
    assert_int_equal(c->seconds, 3600);
    command_free(c);
    c = accepted("{'type':'room','room':'tea','act':'role','user':'bob','role':'none'}");
    assert_string_equal(c->who, "bob");
    assert_string_equal(c->role, "none");
    command_free(c);
    c = accepted("{'type':'room','room':'tea','act':'ban','user':'bob','seconds':0,'reason':'x'}");
    assert_int_equal(c->act, ROOM_ACT_BAN);
    assert_int_equal(c->seconds, 0);
    assert_string_equal(c->reason, "x");
    command_free(c);
    c = accepted("{'type':'room','room':'tea','act':'kick','user':'bob','reason':''}");
    assert_null(c->reason);
    command_free(c);
    c = accepted("{'type':'room','room':'tea','act':'uninvite','code':'abc'}");
    assert_string_equal(c->invite, "abc");
    command_free(c);
}

static void an_invitation_is_for_one_day_and_one_use(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'room','room':'tea','act':'invite'}");
    assert_int_equal(c->uses, 1);
    assert_int_equal(c->seconds, 86400);
    command_free(c);
    c = accepted("{'type':'room','room':'tea','act':'invite','uses':-1,'seconds':60}");
    assert_int_equal(c->uses, -1);
    assert_int_equal(c->seconds, 60);
    command_free(c);
    command_free(accepted("{'type':'room','room':'tea','act':'invite','uses':10000,"
                          "'seconds':2592000}"));
}

static void refused_act(const char *rest, const char *field)
{
    char text[512];
    snprintf(text, sizeof text, "{'type':'room','room':'tea','cid':'c1',%s}", rest);
    refused_with_cid(text, ERROR_BAD_FIELD, field, "c1");
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    refused_act("'act':'dance'", "act");
    refused_act("'act':'info\\u0000'", "act");
    refused_act("'act':7", "act");
    refused_act("'x':1", "act");
    refused_act("'act':'create','access':'secret'", "access");
    refused_act("'act':'create','access':1", "access");
    refused_act("'act':'create','read_only':'yes'", "read_only");
    refused_act("'act':'create','topic':'a\\nb'", "topic");
    refused_act("'act':'topic'", "topic");
    refused_act("'act':'topic','topic':'\\u202e'", "topic");
    refused_act("'act':'topic','topic':'" LETTERS_250 "a'", "topic");
    refused_act("'act':'access'", "access");
    refused_act("'act':'read_only'", "on");
    refused_act("'act':'read_only','on':1", "on");
    refused_act("'act':'slow'", "seconds");
    refused_act("'act':'slow','seconds':3601", "seconds");
    refused_act("'act':'slow','seconds':-1", "seconds");
    refused_act("'act':'slow','seconds':'5'", "seconds");
    refused_act("'act':'role','user':'bob'", "role");
    refused_act("'act':'role','user':'bob','role':'king'", "role");
    refused_act("'act':'role','user':'bob','role':'owner\\u0000'", "role");
    refused_act("'act':'mute','user':'bob'", "seconds");
    refused_act("'act':'mute','user':'bob','seconds':31536001", "seconds");
    refused_act("'act':'ban','user':'bob','seconds':1000000000", "seconds");
    refused_act("'act':'ban','user':'bob','seconds':1.5", "seconds");
    refused_act("'act':'ban','user':'bob','seconds':1,'reason':'a\\u0007'", "reason");
    refused_act("'act':'kick'", "user");
    refused_act("'act':'invite','uses':0", "uses");
    refused_act("'act':'invite','uses':10001", "uses");
    refused_act("'act':'invite','uses':-2", "uses");
    refused_act("'act':'invite','uses':'1'", "uses");
    refused_act("'act':'invite','uses':null", "uses");
    refused_act("'act':'invite','seconds':59", "seconds");
    refused_act("'act':'invite','seconds':2592001", "seconds");
    refused_act("'act':'uninvite'", "code");
    refused_act("'act':'uninvite','code':''", "code");
    refused_act("'act':'uninvite','code':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'", "code");
}

static void names_and_rooms_keep_their_rules(void **state)
{
    (void)state;
    refused("{'type':'room','act':'info'}", ERROR_BAD_FIELD, "room");
    refused("{'type':'room','room':'a b','act':'info'}", ERROR_BAD_ROOM, "room");
    refused("{'type':'room','room':'x','act':'ban','user':'*','seconds':1}", ERROR_BAD_NAME,
            "user");
    refused("{'type':'room','room':'x','act':'create','owner':''}", ERROR_BAD_NAME, "owner");
    refused("{'type':'room','room':'x','act':'info','cid':' '}", ERROR_BAD_FIELD, "cid");
}

static void a_long_topic_fits_in_its_characters(void **state)
{
    (void)state;
    struct command *c =
        accepted("{'type':'room','room':'tea','act':'topic','topic':'" LETTERS_250 "'}");
    assert_int_equal(strlen(c->topic), 250);
    command_free(c);
}

static void a_join_may_bring_an_invitation(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'join','room':'tea','invite':'abc','epoch':'e','seq':1}");
    assert_string_equal(c->invite, "abc");
    assert_string_equal(c->epoch, "e");
    command_free(c);
    c = accepted("{'type':'join','room':'tea'}");
    assert_null(c->invite);
    command_free(c);
    refused("{'type':'join','room':'tea','invite':''}", ERROR_BAD_FIELD, "invite");
    refused("{'type':'join','room':'tea','invite':'a b'}", ERROR_BAD_FIELD, "invite");
    refused("{'type':'join','room':'tea','invite':7}", ERROR_BAD_FIELD, "invite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_act_has_a_name_of_its_own),
        cmocka_unit_test(what_a_room_is_made_of_may_be_left_out),
        cmocka_unit_test(acts_take_what_they_need),
        cmocka_unit_test(an_invitation_is_for_one_day_and_one_use),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(names_and_rooms_keep_their_rules),
        cmocka_unit_test(a_long_topic_fits_in_its_characters),
        cmocka_unit_test(a_join_may_bring_an_invitation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

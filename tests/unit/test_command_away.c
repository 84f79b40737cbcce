/* received, caps, and what is said of mentions. */
#include "support/command.h"

static void received_is_of_a_room_a_conversation_or_of_mentions(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'received','to':'bob','epoch':'e1','seq':7}");
    assert_int_equal(c->type, COMMAND_RECEIVED);
    assert_string_equal(c->to, "bob");
    assert_string_equal(c->epoch, "e1");
    assert_int_equal(c->seq, 7);
    assert_false(c->mentions);
    command_free(c);

    c = accepted("{'type':'received','room':'tea','epoch':'e1','seq':7}");
    assert_string_equal(c->room, "tea");
    assert_null(c->to);
    command_free(c);

    c = accepted("{'type':'received','mentions':true,'epoch':'e1','seq':7}");
    assert_true(c->mentions);
    assert_null(c->to);
    assert_null(c->room);
    command_free(c);
}

static void received_with_a_wrong_field_is_refused(void **state)
{
    (void)state;
    refused("{'type':'received','epoch':'e','seq':1}", ERROR_BAD_FIELD, "room");
    refused("{'type':'received','to':'a b','epoch':'e','seq':1}", ERROR_BAD_NAME, "to");
    refused("{'type':'received','to':'bob','seq':1}", ERROR_BAD_FIELD, "epoch");
    refused("{'type':'received','to':'bob','epoch':'a b','seq':1}", ERROR_BAD_FIELD, "epoch");
    refused("{'type':'received','to':'bob','epoch':7,'seq':1}", ERROR_BAD_FIELD, "epoch");
    refused("{'type':'received','to':'bob','epoch':'e'}", ERROR_BAD_FIELD, "seq");
    refused("{'type':'received','to':'bob','epoch':'e','seq':-1}", ERROR_BAD_FIELD, "seq");
    refused("{'type':'received','to':'bob','epoch':'e','seq':1.5}", ERROR_BAD_FIELD, "seq");
    refused("{'type':'received','mentions':1,'epoch':'e','seq':1}", ERROR_BAD_FIELD, "mentions");
    refused("{'type':'received','mentions':true,'to':'bob','epoch':'e','seq':1}", ERROR_BAD_FIELD,
            "mentions");
    refused("{'type':'received','mentions':false,'epoch':'e','seq':1}", ERROR_BAD_FIELD, "room");
}

static void seen_asks_about_some_names(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'seen','names':['ann','Bo'],'cid':'c1'}");
    assert_int_equal(c->type, COMMAND_SEEN);
    assert_string_equal(c->mentioned, "ann\nBo");
    assert_string_equal(c->cid, "c1");
    command_free(c);
    refused("{'type':'seen'}", ERROR_BAD_FIELD, "names");
    refused("{'type':'seen','names':'ann'}", ERROR_BAD_FIELD, "names");
    refused("{'type':'seen','names':[]}", ERROR_BAD_FIELD, "names");
    refused("{'type':'seen','names':[7]}", ERROR_BAD_FIELD, "names");
    refused("{'type':'seen','names':['a b']}", ERROR_BAD_NAME, "names");
    struct str many = STR_INIT;
    str_addz(&many, "{'type':'seen','names':['a'");
    for (int i = 0; i < RULE_SEEN; i++)
        str_addz(&many, ",'a'");
    str_addz(&many, "]}");
    refused(many.data, ERROR_BAD_FIELD, "names");
    str_fini(&many);
}

static void a_hello_says_what_it_takes(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'hello','username':'ann'}");
    assert_false(c->away);
    command_free(c);
    c = accepted("{'type':'hello','username':'ann','caps':['later','away']}");
    assert_true(c->away);
    command_free(c);
    c = accepted("{'type':'hello','username':'ann','caps':[]}");
    assert_false(c->away);
    command_free(c);
    refused("{'type':'hello','username':'ann','caps':'away'}", ERROR_BAD_FIELD, "caps");
    refused("{'type':'hello','username':'ann','caps':[true]}", ERROR_BAD_FIELD, "caps");
    refused("{'type':'hello','username':'ann','caps':['','','','','','','','','','','','','','','',"
            "'','']}",
            ERROR_BAD_FIELD, "caps");
}

static void mentions_are_read_and_paged(void **state)
{
    (void)state;
    struct command *c = accepted("{'type':'read','mentions':true,'seq':9}");
    assert_true(c->mentions);
    assert_null(c->room);
    assert_int_equal(c->seq, 9);
    command_free(c);
    c = accepted("{'type':'history','mentions':true,'after':9,'limit':5}");
    assert_true(c->mentions);
    assert_int_equal(c->way, PAGE_AFTER);
    assert_int_equal(c->seq, 9);
    assert_int_equal(c->limit, 5);
    command_free(c);
    refused("{'type':'read','mentions':true,'room':'tea','seq':9}", ERROR_BAD_FIELD, "mentions");
    refused("{'type':'history','mentions':true,'to':'bob'}", ERROR_BAD_FIELD, "mentions");
    refused("{'type':'history','mentions':true,'at':5}", ERROR_BAD_FIELD, "at");
    refused("{'type':'history','mentions':true,'before':5,'epoch':'e'}", ERROR_BAD_FIELD, "epoch");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(received_is_of_a_room_a_conversation_or_of_mentions),
        cmocka_unit_test(received_with_a_wrong_field_is_refused),
        cmocka_unit_test(seen_asks_about_some_names),
        cmocka_unit_test(a_hello_says_what_it_takes),
        cmocka_unit_test(mentions_are_read_and_paged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "support/test.h"

#include "confab/wire/event.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* The frame's payload is exactly this JSON, written with ' for ". Takes the frame. */
static void assert_payload(struct frame *f, enum frame_class class, const char *expected)
{
    char *payload = xmemdupz(frame_payload(f), frame_payload_size(f));
    json_t *json = json_loads(payload, JSON_REJECT_DUPLICATES, NULL);
    char *wanted = xstrdup(expected);

    for (char *c = wanted; *c != '\0'; c++) {
        if (*c == '\'')
            *c = '"';
    }
    assert_string_equal(payload, wanted);
    assert_non_null(json);
    assert_int_equal(f->class, class);
    json_decref(json);
    free(wanted);
    free(payload);
    frame_unref(f);
}

static json_t *parsed(struct frame *f) /* takes the frame */
{
    json_t *json =
        json_loadb(frame_payload(f), frame_payload_size(f), JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(json);
    frame_unref(f);
    return json;
}

static void assert_now(const json_t *ms)
{
    assert_true(json_integer_value(ms) > clock_wall_ms() - 60000);
    assert_true(json_integer_value(ms) <= clock_wall_ms());
}

static void welcome_has_every_field_and_limit(void **state)
{
    (void)state;
    const struct settings settings = {
        .rate_limit_messages = 12,
        .rate_limit_window_s = 34,
        .heartbeat_ms = 25000,
        .instance = "0123456789abcdef",
    };
    const struct stream_top tops[] = { { "@bob", 7 }, { "@Мария", 12345678901 } };
    json_t *welcome = parsed(event_welcome("ann", "s-1", &settings, true, tops, 2, NULL));
    json_t *time = json_object_get(welcome, "server_time");

    assert_now(time);
    json_t *expected = json_pack(
        "{s:s, s:i, s:s, s:s, s:s, s:O, s:i, s:{s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i},"
        " s:b, s:{s:I,s:I}}",
        "type", "welcome", "v", 1, "user", "ann", "session", "s-1", "instance", "0123456789abcdef",
        "server_time", time, "heartbeat_ms", 25000, "limits", "message_bytes", 4096, "messages", 12,
        "window_s", 34, "history", 100, "rooms", 100, "name_chars", 32, "room_chars", 64,
        "cid_bytes", 64, "frame_bytes", 32768, "search_bytes", 256, "receipts", 32, "archive", 1,
        "private", "@bob", (json_int_t)7, "@Мария", (json_int_t)12345678901);
    assert_non_null(expected);
    assert_true(json_equal(welcome, expected));
    json_decref(expected);
    json_decref(welcome);
}

static void welcome_without_conversations_has_an_empty_list(void **state)
{
    (void)state;
    const struct settings settings = { .instance = "i" };
    json_t *welcome = parsed(event_welcome("ann", "s", &settings, false, NULL, 0, NULL));
    const json_t *private = json_object_get(welcome, "private");

    assert_true(json_is_object(private));
    assert_int_equal(json_object_size(private), 0);
    json_decref(welcome);
}

static struct frame *joined(uint64_t seq, const char *members, uint64_t count, const char *guard)
{
    const struct joined j = { .room = "x",
                              .epoch = "e1",
                              .seq = seq,
                              .recovered = seq > 1,
                              .missed = seq > 1 ? 3 : 0,
                              .members = members,
                              .count = count,
                              .guard = guard };
    return event_joined(&j);
}

static void joined_lists_the_members(void **state)
{
    (void)state;
    assert_payload(joined(42, "ann\nbob", 2, NULL), FRAME_CONTROL,
                   "{'type':'joined','room':'x','epoch':'e1','seq':42,'recovered':true,"
                   "'missed':3,'members':['ann','bob'],'count':2}");
    assert_payload(joined(0, "", 0, NULL), FRAME_CONTROL,
                   "{'type':'joined','room':'x','epoch':'e1','seq':0,'recovered':false,"
                   "'missed':0,'members':[],'count':0}");
}

static void joined_to_a_large_room_only_counts(void **state)
{
    (void)state;
    assert_payload(joined(1, NULL, 201, NULL), FRAME_CONTROL,
                   "{'type':'joined','room':'x','epoch':'e1','seq':1,'recovered':false,"
                   "'missed':0,'count':201}");
}

static void joined_says_what_restricts_the_room(void **state)
{
    (void)state;
    assert_payload(joined(0, "", 0, "{\"access\":\"private\"}"), FRAME_CONTROL,
                   "{'type':'joined','room':'x','epoch':'e1','seq':0,'recovered':false,"
                   "'missed':0,'members':[],'count':0,'guard':{'access':'private'}}");
}

static struct command *parsed_command(const char *text)
{
    struct command *c = NULL;
    struct command_error error;

    assert_int_equal(command_parse(text, strlen(text), &c, &error), 0);
    return c;
}

/* What Redis makes of the pieces. */
static struct frame *stored_message(const char *command, const char *seq, const char *timestamp)
{
    struct str head = STR_INIT, mid = STR_INIT, tail = STR_INIT;
    struct command *c = parsed_command(command);

    event_message_pieces(c, "ann", "id-1", &head, &mid, &tail);
    str_addz(&head, seq);
    str_add(&head, mid.data, mid.size);
    str_addz(&head, timestamp);
    str_add(&head, tail.data, tail.size);
    struct frame *f = event_message(7, head.data, head.size);
    command_free(c);
    str_fini(&head);
    str_fini(&mid);
    str_fini(&tail);
    return f;
}

static void message_is_complete_with_number_and_time_between_its_pieces(void **state)
{
    (void)state;
    assert_payload(stored_message("{\"type\":\"message\",\"content\":\"a \\\"b\\\" \\u00e9\\n\","
                                  "\"cid\":\"c1\"}",
                                  "7", "1700000000000"),
                   FRAME_MESSAGE,
                   "{'type':'message','room':'general','seq':7,'id':'id-1','user':'ann',"
                   "'content':'a \\'b\\' \xc3\xa9\\n','timestamp':1700000000000,'cid':'c1'}");
}

static void message_without_cid_has_none(void **state)
{
    (void)state;
    assert_payload(
        stored_message("{\"type\":\"message\",\"room\":\"x\",\"content\":\"hi\"}", "1", "2"),
        FRAME_MESSAGE,
        "{'type':'message','room':'x','seq':1,'id':'id-1','user':'ann',"
        "'content':'hi','timestamp':2}");
}

static void message_says_whom_it_mentions(void **state)
{
    (void)state;
    assert_payload(stored_message("{\"type\":\"message\",\"content\":\"@bob, @eve\","
                                  "\"cid\":\"c1\"}",
                                  "1", "2"),
                   FRAME_MESSAGE,
                   "{'type':'message','room':'general','seq':1,'id':'id-1','user':'ann',"
                   "'content':'@bob, @eve','timestamp':2,'mentions':['bob','eve'],'cid':'c1'}");
}

static void private_message_says_to_whom(void **state)
{
    (void)state;
    assert_payload(stored_message("{\"type\":\"private\",\"to\":\"bob\",\"content\":\"hi\","
                                  "\"cid\":\"c1\"}",
                                  "1", "2"),
                   FRAME_MESSAGE,
                   "{'type':'private','seq':1,'id':'id-1','user':'ann','to':'bob',"
                   "'content':'hi','timestamp':2,'cid':'c1'}");
}

static void message_frame_knows_its_number(void **state)
{
    (void)state;
    struct frame *f = event_message(UINT64_MAX, "{}", 2);

    assert_true(f->seq == UINT64_MAX);
    frame_unref(f);
}

static void ack_names_the_stream(void **state)
{
    (void)state;
    assert_payload(event_ack("c1", "general", 42, "id-1", 1700000000000, false), FRAME_CONTROL,
                   "{'type':'ack','cid':'c1','room':'general','seq':42,'id':'id-1',"
                   "'timestamp':1700000000000}");
    assert_payload(event_ack("c1", "@bob", 1, "id-1", 0, true), FRAME_CONTROL,
                   "{'type':'ack','cid':'c1','to':'bob','seq':1,'id':'id-1','timestamp':0,"
                   "'duplicate':true}");
}

static void presence_lists_who_came_and_went(void **state)
{
    (void)state;
    assert_payload(event_presence("x", "ann\nbob\ncid", "dan", 9), FRAME_EVENT,
                   "{'type':'presence','room':'x','join':['ann','bob','cid'],'leave':['dan'],"
                   "'count':9}");
    assert_payload(event_presence("x", NULL, NULL, 201), FRAME_EVENT,
                   "{'type':'presence','room':'x','join':[],'leave':[],'count':201}");
}

static void typing_and_read_name_a_room_or_a_user(void **state)
{
    (void)state;
    struct str s = STR_INIT;

    event_typing_json(&s, "x", NULL, "ann");
    assert_payload(event_passed(s.data, s.size), FRAME_EVENT,
                   "{'type':'typing','room':'x','user':'ann'}");
    str_reset(&s);
    event_typing_json(&s, NULL, "bob", "ann");
    assert_payload(event_passed(s.data, s.size), FRAME_EVENT,
                   "{'type':'typing','to':'bob','user':'ann'}");
    str_reset(&s);
    event_read_json(&s, "x", NULL, "ann", 5);
    assert_payload(event_passed(s.data, s.size), FRAME_EVENT,
                   "{'type':'read','room':'x','user':'ann','seq':5}");
    str_reset(&s);
    event_read_json(&s, NULL, "bob", "ann", 5);
    assert_payload(event_passed(s.data, s.size), FRAME_EVENT,
                   "{'type':'read','to':'bob','user':'ann','seq':5}");
    str_fini(&s);
}

static void marks_and_who_was_seen(void **state)
{
    (void)state;
    struct str marks = STR_INIT;
    str_addz(&marks, "\"ann\":[7,5]");
    assert_payload(event_marks("tea", "e1", &marks), FRAME_EVENT,
                   "{'type':'marks','room':'tea','epoch':'e1','marks':{'ann':[7,5]}}");
    str_fini(&marks);
    const int64_t at[] = { -1, 0, 1790, -1 };
    assert_payload(event_seen("c1", "zoe\nann\nbob\ncy", at), FRAME_CONTROL,
                   "{'type':'seen','cid':'c1','people':{'ann':0,'bob':1790}}");
    assert_payload(event_seen(NULL, "zoe", at), FRAME_CONTROL, "{'type':'seen','people':{}}");
    json_t *echo = parsed(event_echo("c9"));
    assert_string_equal(json_string_value(json_object_get(echo, "cid")), "c9");
    assert_string_equal(json_string_value(json_object_get(echo, "type")), "heartbeat");
    json_decref(echo);
}

static void heartbeat_shows_the_top_of_each_stream(void **state)
{
    (void)state;
    const struct stream_top tops[] = { { "general", 42 }, { "@bob", 7 } };
    json_t *heartbeat = parsed(event_heartbeat(tops, 2));
    json_t *time = json_object_get(heartbeat, "server_time");
    json_t *expected = json_pack("{s:s,s:O,s:{s:i,s:i}}", "type", "heartbeat", "server_time", time,
                                 "top", "general", 42, "@bob", 7);

    assert_now(time);
    assert_true(json_equal(heartbeat, expected));
    json_decref(expected);
    json_decref(heartbeat);
}

static void status_escapes_its_reason(void **state)
{
    (void)state;
    assert_payload(event_status(true, "ready"), FRAME_CONTROL,
                   "{'type':'status','state':'ok','reason':'ready'}");
    json_t *status = parsed(event_status(false, "Redis says \"no\"\\\n\x01"));
    assert_string_equal(json_string_value(json_object_get(status, "state")), "degraded");
    assert_string_equal(json_string_value(json_object_get(status, "reason")),
                        "Redis says \"no\"\\\n\x01");
    json_decref(status);
}

static void resync_and_left_name_the_stream(void **state)
{
    (void)state;
    assert_payload(event_resync("x", 9), FRAME_CONTROL, "{'type':'resync','room':'x','seq':9}");
    assert_payload(event_resync("@bob", 9), FRAME_CONTROL, "{'type':'resync','to':'bob','seq':9}");
    assert_payload(event_left("x", NULL, 0), FRAME_CONTROL, "{'type':'left','room':'x'}");
    assert_payload(event_left("x", "banned", 9), FRAME_CONTROL,
                   "{'type':'left','room':'x','reason':'banned','until':9}");
    assert_payload(event_left("x", "banned", 0), FRAME_CONTROL,
                   "{'type':'left','room':'x','reason':'banned'}");
}

static void error_says_what_to_do(void **state)
{
    (void)state;
    assert_payload(event_error(ERROR_NOT_JOINED, "c1", "room", -1), FRAME_CONTROL,
                   "{'type':'error','code':'not_joined','message':'Join the room first.',"
                   "'temporary':false,'cid':'c1','field':'room'}");
    assert_payload(event_error(ERROR_RATE_LIMITED, NULL, NULL, 0), FRAME_CONTROL,
                   "{'type':'error','code':'rate_limited',"
                   "'message':'Too many messages: try again after retry_after_ms.',"
                   "'temporary':true,'retry_after_ms':0}");
}

static void error_leaves_out_what_is_empty(void **state)
{
    (void)state;
    assert_payload(event_error(ERROR_NOT_JOINED, "", "", -1), FRAME_CONTROL,
                   "{'type':'error','code':'not_joined','message':'Join the room first.',"
                   "'temporary':false}");
}

static void every_error_is_json_with_its_http_status(void **state)
{
    (void)state;
    for (int code = ERROR_NONE + 1; code < ERROR_COUNT; code++) {
        const struct error_info *info = error_info((enum error_code)code);
        struct frame *f = event_error((enum error_code)code, NULL, NULL, -1);

        assert_int_equal(f->http_status, info->http_status);
        json_t *error = parsed(f);
        assert_string_equal(json_string_value(json_object_get(error, "code")), info->code);
        assert_string_equal(json_string_value(json_object_get(error, "message")), info->message);
        json_decref(error);
    }
}

static void other_frames_have_http_status_200(void **state)
{
    (void)state;
    struct frame *f = event_status(true, "");

    assert_int_equal(f->http_status, 200);
    frame_unref(f);
}

static void bye_may_say_when_to_come_back(void **state)
{
    (void)state;
    assert_payload(event_bye(4201, "draining", 1500), FRAME_CONTROL,
                   "{'type':'bye','code':4201,'reason':'draining','retry_ms':1500}");
    assert_payload(event_bye(4001, "too many bad frames", -1), FRAME_CONTROL,
                   "{'type':'bye','code':4001,'reason':'too many bad frames'}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(welcome_has_every_field_and_limit),
        cmocka_unit_test(welcome_without_conversations_has_an_empty_list),
        cmocka_unit_test(joined_lists_the_members),
        cmocka_unit_test(joined_to_a_large_room_only_counts),
        cmocka_unit_test(joined_says_what_restricts_the_room),
        cmocka_unit_test(message_is_complete_with_number_and_time_between_its_pieces),
        cmocka_unit_test(message_without_cid_has_none),
        cmocka_unit_test(message_says_whom_it_mentions),
        cmocka_unit_test(private_message_says_to_whom),
        cmocka_unit_test(message_frame_knows_its_number),
        cmocka_unit_test(ack_names_the_stream),
        cmocka_unit_test(presence_lists_who_came_and_went),
        cmocka_unit_test(typing_and_read_name_a_room_or_a_user),
        cmocka_unit_test(marks_and_who_was_seen),
        cmocka_unit_test(heartbeat_shows_the_top_of_each_stream),
        cmocka_unit_test(status_escapes_its_reason),
        cmocka_unit_test(resync_and_left_name_the_stream),
        cmocka_unit_test(error_says_what_to_do),
        cmocka_unit_test(error_leaves_out_what_is_empty),
        cmocka_unit_test(every_error_is_json_with_its_http_status),
        cmocka_unit_test(other_frames_have_http_status_200),
        cmocka_unit_test(bye_may_say_when_to_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

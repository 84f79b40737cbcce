/* How confab-bench speaks to a server, and takes apart what it answers. */
#include "support/test.h"

/* The load generator is no library, and this part of it needs nothing else of it. */
#include "bench/dialect.c" /* NOLINT(bugprone-suspicious-include) */

static const struct seat in_room = { .user = "u", .room = "r", .epoch = "" };
static const struct seat alone = { .user = "u", .epoch = "" };
static const struct seat coming_back = {
    .user = "u", .room = "r", .resuming = true, .epoch = "e", .seq = 7
};

static void assert_text(struct str *s, const char *want)
{
    assert_string_equal(s->size ? s->data : "", want);
    str_fini(s);
}

static void assert_path(const char *dialect, const struct seat *seat, const char *want)
{
    struct str s = STR_INIT;
    dialect_find(dialect)->path(seat, &s);
    assert_text(&s, want);
}

static void assert_hello(const char *dialect, const struct seat *seat, const char *want)
{
    struct str s = STR_INIT;
    dialect_find(dialect)->hello(seat, &s);
    assert_text(&s, want);
}

static void there_are_four_dialects(void **state)
{
    (void)state;
    assert_string_equal(dialect_find("confab")->name, "confab");
    assert_int_equal(dialect_find("lines")->frame, FRAME_LINES);
    assert_true(dialect_find("socketio")->waits_for_open);
    assert_int_equal(dialect_find("nchan")->frame, FRAME_ECHO);
    assert_null(dialect_find("conf"));
}

static void who_connects_stands_in_the_address_or_in_the_first_frame(void **state)
{
    (void)state;
    assert_path("confab", &in_room, "/ws?username=u&session=u&room=r");
    assert_hello("confab", &in_room, "");
    assert_path("confab", &alone, "/ws");
    assert_hello("confab", &alone, "{\"type\":\"hello\",\"username\":\"u\",\"session\":\"u\"}");
    assert_path("lines", &coming_back, "/ws");
    assert_hello("lines", &coming_back,
                 "{\"type\":\"hello\",\"username\":\"u\",\"session\":\"u\","
                 "\"resume\":{\"r\":{\"epoch\":\"e\",\"seq\":7}}}");
    assert_path("socketio", &in_room, "/socket.io/?EIO=4&transport=websocket");
    assert_hello("socketio", &in_room, "40{\"username\":\"u\",\"session\":\"u\",\"room\":\"r\"}");
    assert_hello("socketio", &alone, "40{\"username\":\"u\",\"session\":\"u\"}");
    assert_hello("socketio", &coming_back,
                 "40{\"username\":\"u\",\"session\":\"u\","
                 "\"resume\":{\"r\":{\"epoch\":\"e\",\"seq\":7}}}");
    assert_path("nchan", &in_room, "/ws/r");
    assert_path("nchan", &coming_back, "/resume/r");
    assert_hello("nchan", &in_room, "");
}

static void a_message_is_wrapped_as_its_server_wants(void **state)
{
    (void)state;
    struct str s = STR_INIT;
    dialect_message(dialect_find("confab"), "r", NULL, "c", "5", &s);
    assert_text(&s, "{\"type\":\"message\",\"room\":\"r\",\"content\":\"c\",\"cid\":\"5\"}");
    dialect_message(dialect_find("socketio"), NULL, "v", "c", NULL, &s);
    assert_text(&s, "42[\"private\",{\"type\":\"private\",\"to\":\"v\",\"content\":\"c\"}]");
}

static void a_live_message_is_known_by_how_it_begins(void **state)
{
    (void)state;
    struct str s = STR_INIT;
    dialect_prefix(dialect_find("lines"), "r", &s);
    assert_text(&s, "{\"type\":\"message\",\"room\":\"r\",\"seq\":");
    dialect_prefix(dialect_find("socketio"), NULL, &s);
    assert_text(&s, "42[\"private\",{\"type\":\"private\",\"seq\":");
    dialect_prefix(dialect_find("nchan"), "r", &s);
    assert_text(&s, "{\"type\":\"message\",\"room\":\"r\",\"content\":\"");
}

static void assert_unwrapped(const char *dialect, const char *frame, const char *type,
                             const char *json)
{
    struct document d = { .json = frame, .size = strlen(frame) };
    dialect_find(dialect)->unwrap(&d);
    assert_string_equal(d.type, type);
    if (!json)
        return;
    assert_int_equal(d.size, strlen(json));
    assert_memory_equal(d.json, json, d.size);
}

static void a_document_is_found_in_its_envelope(void **state)
{
    (void)state;
    assert_unwrapped("confab", "{\"type\":\"welcome\",\"v\":1}", "welcome",
                     "{\"type\":\"welcome\",\"v\":1}");
    assert_unwrapped("socketio", "42[\"joined\",{\"seq\":3}]", "joined", "{\"seq\":3}");
    assert_unwrapped("socketio", "0{\"sid\":\"x\"}", "open", NULL);
    assert_unwrapped("socketio", "40{\"sid\":\"x\"}", "connected", NULL);
    assert_unwrapped("socketio", "2", "heartbeat", NULL);
    assert_unwrapped("socketio", "41", "bye", NULL);
    assert_unwrapped("socketio", "44{\"message\":\"no\"}", "error", NULL);
}

static void what_is_not_understood_has_no_type(void **state)
{
    (void)state;
    static const char *const frames[] = {
        "", "4", "42", "42[", "42[\"", "42[\"joined\"]", "42[\"joined\",{\"seq\":3}", "x",
    };
    for (unsigned i = 0; i < sizeof frames / sizeof frames[0]; i++)
        assert_unwrapped("socketio", frames[i], "", NULL);
    assert_unwrapped("confab", "{\"kind\":1}", "", NULL);
    assert_unwrapped("confab", "{\"type\":\"open", "", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_are_four_dialects),
        cmocka_unit_test(who_connects_stands_in_the_address_or_in_the_first_frame),
        cmocka_unit_test(a_message_is_wrapped_as_its_server_wants),
        cmocka_unit_test(a_live_message_is_known_by_how_it_begins),
        cmocka_unit_test(a_document_is_found_in_its_envelope),
        cmocka_unit_test(what_is_not_understood_has_no_type),
    };
    return cmocka_run_group_tests_name("dialect", tests, NULL, NULL);
}

/* Frames about what came while one was away. */
#include "support/test.h"

#include "confab/wire/event_away.h"

#include <stdlib.h>
#include <string.h>

/* Frames are compared with ' for ", so that they can be read. */
static void check_text(const char *text, size_t size, const char *expected)
{
    char *copy = xmemdupz(text, size);

    for (char *c = copy; *c != '\0'; c++)
        *c = *c == '"' ? '\'' : *c;
    assert_string_equal(copy, expected);
    free(copy);
}

static void check_frame(struct frame *f, const char *expected)
{
    check_text(frame_payload(f), frame_payload_size(f), expected);
    assert_int_equal(f->class, FRAME_CONTROL);
    frame_unref(f);
}

static void conversations_name_everything(void **state)
{
    (void)state;
    const struct conversation list[] = {
        { .with = "bob",
          .epoch = "e1",
          .top = 9,
          .received = 8,
          .read = 7,
          .seen = 6,
          .delivered = 5,
          .unread = 2 },
        { .with = "cy", .epoch = "e2", .top = 1 },
    };
    const struct stream_top rooms[] = { { "tea", 41 }, { "general", 0 } };
    check_frame(event_conversations(&(struct conversations){
                    .list = list,
                    .count = 2,
                    .mentions = { .epoch = "m", .top = 4, .received = 3, .read = 1, .unread = 3 },
                    .rooms = rooms,
                    .room_count = 2 }),
                "{'type':'conversations','list':["
                "{'with':'bob','epoch':'e1','seq':9,'received':8,'read':7,'seen':6,'delivered':5,"
                "'unread':2},"
                "{'with':'cy','epoch':'e2','seq':1,'received':0,'read':0,'seen':0,'delivered':0,"
                "'unread':0}],"
                "'mentions':{'unread':3,'epoch':'m','seq':4,'received':3,'read':1},"
                "'rooms':{'tea':41,'general':0}}");
    check_frame(event_conversations(&(struct conversations){ .mentions = { .epoch = "" } }),
                "{'type':'conversations','list':[],"
                "'mentions':{'unread':0,'epoch':'','seq':0,'received':0,'read':0},'rooms':{}}");
}

static void what_is_passed_on_is_an_object(void **state)
{
    (void)state;
    struct str s = STR_INIT;
    event_delivered_json(&s, "ann", "bob", 12);
    check_text(s.data, s.size, "{'type':'delivered','to':'ann','user':'bob','seq':12}");
    str_reset(&s);
    event_read_mentions_json(&s, "bob", 3);
    check_text(s.data, s.size, "{'type':'read','mentions':true,'user':'bob','seq':3}");
    str_fini(&s);
}

static void live_messages_say_their_epoch(void **state)
{
    (void)state;
    struct frame *f = event_live("e1", 7, "{\"type\":\"private\"}", 18);
    check_text(frame_payload(f), frame_payload_size(f), "{'type':'private','epoch':'e1'}");
    assert_int_equal(f->class, FRAME_MESSAGE);
    assert_int_equal(f->seq, 7);
    frame_unref(f);
}

static void an_away_page_says_so(void **state)
{
    (void)state;
    const struct frame_part message = { "{\"seq\":7}", 9 };
    check_frame(event_history(&(struct page){ .stream = "@bob",
                                              .epoch = "e1",
                                              .messages = &message,
                                              .count = 1,
                                              .older = { "e1", 7 },
                                              .away = true,
                                              .missed = 3 }),
                "{'type':'history','to':'bob','epoch':'e1','messages':[{'seq':7}],'more':true,"
                "'older':{'epoch':'e1','before':7},'away':true,'missed':3}");
    check_frame(
        event_history(&(struct page){
            .stream = STREAM_MENTIONS, .epoch = "m", .messages = &message, .count = 1 }),
        "{'type':'history','mentions':true,'epoch':'m','messages':[{'seq':7}],'more':false}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversations_name_everything),
        cmocka_unit_test(what_is_passed_on_is_an_object),
        cmocka_unit_test(live_messages_say_their_epoch),
        cmocka_unit_test(an_away_page_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

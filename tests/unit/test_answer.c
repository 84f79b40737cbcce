/* From what a store says to the frame that the asker gets, when it knows more than the archive. */
#include "archive/answer.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

/* A store that has numbers first … last of one epoch, in room tea. */
struct shelf {
    enum sink_status status;
    const char *epoch; /* NULL: nothing */
    uint64_t first, last;
    uint64_t missing;
};

static enum sink_status shelf_page(void *sink, const struct page_query *q, struct page_result *out)
{
    static struct frame_part parts[SINK_PAGE_MOST];
    const struct shelf *s = sink;
    const bool named = q->epoch && q->epoch[0];
    *out = (struct page_result){ .missing = s->missing, .messages = parts };
    out->known = s->epoch ? !named || strcmp(q->epoch, s->epoch) == 0 : !named;
    if (!s->epoch || !out->known)
        return s->status;
    text_copy(out->epoch, sizeof out->epoch, s->epoch);
    const uint64_t end = q->way == PAGE_BEFORE && q->seq <= s->last ? q->seq : s->last + 1;
    uint64_t from = q->way == PAGE_AFTER && q->seq >= s->first ? q->seq + 1 : s->first;
    if (q->way == PAGE_BEFORE && end > from + q->limit)
        from = end - q->limit;
    for (uint64_t seq = from; seq < end && out->count < q->limit; seq++) {
        parts[out->count++] = (struct frame_part){ "{}", 2 };
        out->last_seq = seq;
    }
    out->first_seq = out->count ? from : 0;
    if (out->count && from > s->first) {
        text_copy(out->older.epoch, sizeof out->older.epoch, s->epoch);
        out->older.seq = from;
        out->older.valid = true;
    }
    return s->status;
}

static enum sink_status shelf_search(void *sink, const struct search_query *q,
                                     struct search_result *out)
{
    static const struct search_hit hits[] = {
        { .stream = "r:tea", .epoch = "e1", .json = "{}", .json_size = 2, .parts = "[]" },
        { .stream = "d:ann|bob", .epoch = "e1", .json = "{}", .json_size = 2, .parts = "[]" },
        { .stream = "d:bo|bob", .epoch = "e1", .json = "{}", .json_size = 2, .parts = "[]" },
    };
    const struct shelf *s = sink;
    *out = (struct search_result){ .hits = hits, .count = 3 };
    if (strcmp(q->q, "*") == 0)
        *out = (struct search_result){ .refused = ERROR_BAD_QUERY };
    return s->status;
}

static const struct archive_sink shelf_sink = { .page = shelf_page, .search = shelf_search };

/* The answer to a page of tea, asked by one who knows epoch e1 from 1 to 500 (or as said). */
static struct ask page_ask(enum page_way way, uint64_t seq)
{
    return (struct ask){ .page = { "r:tea", "e1", way, seq, 0, 50, 0 },
                         .as = "tea",
                         .cid = "c",
                         .now_epoch = "e1",
                         .now_first = 1,
                         .now_top = 500 };
}

static void check(struct shelf *s, const struct ask *ask, bool behind, uint64_t newest,
                  const char *tail)
{
    struct ask copy = *ask;
    struct archive_answer *a;
    assert_int_equal(answer(&shelf_sink, s, &(struct archive_ask){ .id = 7, .ask = &copy }, &a),
                     s->status);
    assert_int_equal(a->id, 7);
    assert_int_equal(a->behind, behind);
    assert_int_equal(a->newest, newest);
    char *text = xmemdupz(frame_payload(a->frame), frame_payload_size(a->frame));
    for (char *c = text; *c; c++)
        *c = *c == '"' ? '\'' : *c;
    if (!strstr(text, tail))
        fail_msg("%s\nlacks %s", text, tail);
    free(text);
    archive_answer_free(a);
}

static void an_archive_that_has_it_all_is_passed_on(void **state)
{
    (void)state;
    struct shelf s = { SINK_OK, "e1", 1, 500, 0 };
    struct ask ask = page_ask(PAGE_BEFORE, 401);
    check(&s, &ask, false, 400,
          "'more':true,'older':{'epoch':'e1','before':351},'newer':{'epoch':'e1','after':400},"
          "'cid':'c'}");
    ask = page_ask(PAGE_AFTER, 480);
    check(&s, &ask, false, 500, "'more':true,'older':{'epoch':'e1','before':481},'cid':'c'}");
}

static void what_is_not_archived_yet_is_behind(void **state)
{
    (void)state;
    struct shelf s = { SINK_OK, "e1", 1, 390, 10 };
    struct ask ask = page_ask(PAGE_BEFORE, 401);
    check(&s, &ask, true, 390, "'missing':10");
    ask = page_ask(PAGE_BEFORE, 391);
    s.missing = 0;
    check(&s, &ask, false, 390, "'newer':{'epoch':'e1','after':390}");
    ask = page_ask(PAGE_AFTER, 395);
    check(&s, &ask, true, 0, "'messages':[],'more':false,'newer':{'epoch':'e1','after':395}");
    ask = page_ask(PAGE_AFTER, 385); /* short, and goes on */
    check(&s, &ask, false, 390, "'newer':{'epoch':'e1','after':390}");
}

static void a_hole_with_messages_behind_it_stays_one(void **state)
{
    (void)state;
    struct shelf s = { SINK_OK, "e1", 450, 500, 0 };
    struct ask ask = page_ask(PAGE_BEFORE, 401);
    check(&s, &ask, false, 0, "'messages':[],'more':false,'cid':'c'}");
}

static void the_present_epoch_may_be_new_to_the_archive(void **state)
{
    (void)state;
    struct shelf s = { SINK_OK, "e0", 1, 90, 0 };
    struct ask ask = page_ask(PAGE_BEFORE, 1);
    check(&s, &ask, false, 90, "'epoch':'e0','messages':[{}"); /* what comes before it */
    ask = page_ask(PAGE_BEFORE, 401);
    check(&s, &ask, true, 0,
          "'epoch':'e1','messages':[],'more':true,'older':{'epoch':'e0','before':91},"
          "'missing':400");
    ask = page_ask(PAGE_AFTER, 0);
    check(&s, &ask, true, 0, "'epoch':'e1','messages':[],'more':false,'newer':{'epoch':'e1'");
    ask = page_ask(PAGE_AFTER, 80);
    ask.page.epoch = "e0"; /* an earlier one leads to the present */
    check(&s, &ask, false, 90, "'newer':{'epoch':'e1','after':0}");
    s.epoch = NULL;
    ask = page_ask(PAGE_BEFORE, 1);
    check(&s, &ask, false, 0, "'epoch':'e1','messages':[],'more':false,'cid':'c'}");
}

static void an_epoch_that_never_was_is_a_bad_cursor(void **state)
{
    (void)state;
    struct shelf s = { SINK_OK, "e0", 1, 90, 0 };
    struct ask ask = page_ask(PAGE_BEFORE, 50);
    ask.page.epoch = "e7";
    check(&s, &ask, false, 0, "'code':'bad_cursor'");
}

static void trouble_is_an_error_with_a_time(void **state)
{
    (void)state;
    struct shelf s = { SINK_IO, "e1", 1, 500, 0 };
    struct ask ask = page_ask(PAGE_BEFORE, 50);
    check(&s, &ask, false, 0, "'code':'archive_unavailable'");
    check(&s, &ask, false, 0, "'cid':'c','retry_after_ms':1000");
}

static void hits_name_the_other_one_of_a_conversation(void **state)
{
    (void)state;
    struct shelf s = { SINK_OK, NULL, 0, 0, 0 };
    struct ask ask = { .kind = ASK_SEARCH, .find = { .q = "milk", .limit = 20 }, .viewer = "bob" };
    check(&s, &ask, false, 0, "'room':'tea'");
    check(&s, &ask, false, 0, "'to':'ann'");
    check(&s, &ask, false, 0, "'to':'bo'");
    ask.find.q = "*";
    check(&s, &ask, false, 0, "'code':'bad_query'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_archive_that_has_it_all_is_passed_on),
        cmocka_unit_test(what_is_not_archived_yet_is_behind),
        cmocka_unit_test(a_hole_with_messages_behind_it_stays_one),
        cmocka_unit_test(the_present_epoch_may_be_new_to_the_archive),
        cmocka_unit_test(an_epoch_that_never_was_is_a_bad_cursor),
        cmocka_unit_test(trouble_is_an_error_with_a_time),
        cmocka_unit_test(hits_name_the_other_one_of_a_conversation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

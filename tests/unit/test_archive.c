/* The archive's threads: batches, what each trouble leads to, bounds; with a stand-in for the
 * file and a real Redis. */
#include "archive/batch.h"
#include "archive/threads.h"

#include "confab/base/str.h"
#include "support/redis.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARCHIVE "00000000000000aa"

/* ---- a file that fails when it is told to ---- */

static struct {
    struct lock lock;
    struct str rows; /* "STREAM EPOCH SEQ JSON;" */
    char entry[SINK_ENTRY_BYTES + 1];
    enum sink_status open_status, write_status, page_status;
    unsigned opened, open_now, batches;
    size_t batch_most;
    unsigned accounts; /* u0000, u0001 … */
    bool page_waits;   /* a page is not answered until this is false */
} file;

static enum sink_status told(const enum sink_status *status)
{
    lock_acquire(&file.lock);
    const enum sink_status now = *status;
    lock_release(&file.lock);
    return now;
}

static void tell(enum sink_status *status, enum sink_status value)
{
    lock_acquire(&file.lock);
    *status = value;
    lock_release(&file.lock);
}

static enum sink_status file_open(const struct settings *s, enum sink_mode mode, void **out,
                                  char why[SINK_WHY_BYTES + 1])
{
    (void)s, (void)mode;
    const enum sink_status status = told(&file.open_status);
    text_copy(why, SINK_WHY_BYTES, "as told");
    if (status != SINK_OK)
        return status;
    lock_acquire(&file.lock);
    file.opened++;
    file.open_now++;
    lock_release(&file.lock);
    *out = &file;
    return SINK_OK;
}

static void file_close(void *sink)
{
    if (!sink)
        return;
    lock_acquire(&file.lock);
    file.open_now--;
    lock_release(&file.lock);
}

static const char *file_why(const void *sink)
{
    (void)sink;
    return "as told";
}

static enum sink_status file_about(void *sink, struct sink_about *out)
{
    (void)sink;
    *out = (struct sink_about){ .archive = ARCHIVE };
    text_copy(out->entry, sizeof(out->entry), file.entry);
    return SINK_OK;
}

static enum sink_status file_write(void *sink, const struct sink_batch *b, struct sink_written *out)
{
    (void)sink;
    const enum sink_status status = told(&file.write_status);
    if (status != SINK_OK)
        return status;
    lock_acquire(&file.lock);
    for (size_t i = 0; i < b->message_count; i++) {
        const struct sink_message *m = &b->messages[i];
        str_addf(&file.rows, "%s %s %llu %.*s;", m->stream, m->epoch, (unsigned long long)m->seq,
                 (int)m->size, m->json);
    }
    for (size_t i = 0; i < b->record_count; i++)
        str_addf(&file.rows, "!%s %s %lld %.*s;", b->records[i].kind, b->records[i].name,
                 (long long)b->records[i].version, (int)b->records[i].size, b->records[i].json);
    for (size_t i = 0; i < b->reject_count; i++)
        str_addf(&file.rows, "?%s;", b->rejects[i].why);
    if (b->entry && *b->entry)
        text_copy(file.entry, sizeof(file.entry), b->entry);
    file.batches++;
    if (b->message_count > file.batch_most)
        file.batch_most = b->message_count;
    lock_release(&file.lock);
    out->added = b->message_count;
    return SINK_OK;
}

static enum sink_status file_page(void *sink, const struct page_query *q, struct page_result *out)
{
    (void)sink;
    bool waits;
    do {
        usleep(1000);
        lock_acquire(&file.lock);
        waits = file.page_waits;
        lock_release(&file.lock);
    } while (waits);
    *out = (struct page_result){ .known = true };
    text_copy(out->epoch, sizeof(out->epoch), q->epoch ? q->epoch : "E");
    return told(&file.page_status);
}

static enum sink_status file_search(void *sink, const struct search_query *q,
                                    struct search_result *out)
{
    (void)sink, (void)q;
    *out = (struct search_result){ 0 };
    return SINK_OK;
}

static enum sink_status file_records(void *sink, const char *kind, const char *after,
                                     struct sink_records *out)
{
    static struct sink_record records[SINK_RECORDS_MOST];
    static char names[SINK_RECORDS_MOST][16], texts[SINK_RECORDS_MOST][80];
    (void)sink;
    const unsigned most = strcmp(kind, "account") == 0 ? file.accounts : 0;
    assert_true(most == file.accounts || strcmp(kind, "room") == 0);
    size_t count = 0;
    for (unsigned i = *after ? (unsigned)atoi(after + 1) + 1 : 0;
         i < most && count < SINK_RECORDS_MOST; i++, count++) {
        snprintf(names[count], sizeof(names[count]), "u%04u", i);
        int size = snprintf(texts[count], sizeof(texts[count]),
                            "{\"version\":\"7\",\"fold1\":\"%s\",\"fold2\":\"%s\"}", names[count],
                            names[count]);
        records[count] = (struct sink_record){ kind, names[count], 7, texts[count], (size_t)size };
    }
    *out = (struct sink_records){ records, count };
    return told(&file.page_status);
}

static enum sink_status file_upkeep(void *sink, int64_t budget_us, bool *more)
{
    (void)sink, (void)budget_us;
    *more = false;
    return SINK_OK;
}

static const struct archive_sink stand_in = {
    .name = "stand-in",
    .open = file_open,
    .close = file_close,
    .why = file_why,
    .about = file_about,
    .write = file_write,
    .page = file_page,
    .search = file_search,
    .records = file_records,
    .upkeep = file_upkeep,
};

/* ---- the world of a test ---- */

static struct test_redis redis;
static struct settings settings;
static struct stats stats;
static struct writer *w;

static int set_up(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN); /* the server's threads have all signals blocked */
    role_assume(&on_archive);
    log_set_level(LOG_LEVEL_ERROR);
    lock_init(&file.lock);
    test_redis_init(&redis);
    settings = (struct settings){ .redis_prefix = "confab:",
                                  .redis_addr = "",
                                  .redis_password = "",
                                  .redis_sentinels = "",
                                  .redis_sentinel_password = "",
                                  .redis_master_name = "mymaster",
                                  .archive_backlog = 1000000,
                                  .instance = "instance-a" };
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_redis_fini(&redis);
    str_fini(&file.rows);
    lock_fini(&file.lock);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    test_redis(&redis, "FLUSHALL");
    stats = (struct stats){ 0 };
    str_reset(&file.rows);
    str_addz(&file.rows, "");
    file.entry[0] = '\0';
    file.open_status = file.write_status = file.page_status = SINK_OK;
    file.opened = file.open_now = file.batches = 0;
    file.batch_most = 0;
    file.accounts = 0;
    file.page_waits = false;
    w = writer_new(&settings, &stats, &stand_in, redis.address);
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (w)
        writer_free(w);
    w = NULL;
    assert_int_equal(file.open_now, 0);
    return 0;
}

static enum archive_state state_of_it(void)
{
    return (enum archive_state)stat_get(&stats, archive_state);
}

/* Turns the writer until the condition holds, sleeping as it says. */
#define TURN_UNTIL(condition)                                                                      \
    do {                                                                                           \
        const int64_t deadline_ = clock_mono_ms() + TEST_DEADLINE_MS;                              \
        while (!(condition)) {                                                                     \
            if (clock_mono_ms() > deadline_)                                                       \
                fail_msg("%s:%d: never: %s", __FILE__, __LINE__, #condition);                      \
            const int64_t wait_ = writer_turn(w);                                                  \
            assert_true(wait_ <= 1000);                                                            \
            if (wait_ > 0 && !(condition))                                                         \
                usleep((useconds_t)wait_ * 1000);                                                  \
        }                                                                                          \
    } while (0)

static void add(const char *seq)
{
    char text[64];
    snprintf(text, sizeof(text), "m E %s\n{\"seq\":%s}", seq, seq);
    test_redis(&redis, "XADD confab:archive * confab:{room:a} %s", text);
}

static const char *pending(void)
{
    return test_redis(&redis, "XPENDING confab:archive a:" ARCHIVE);
}

static bool has(const char *row)
{
    return strstr(file.rows.data, row) != NULL;
}

/* ---- entries ---- */

static void an_entry_becomes_messages_and_records(void **state)
{
    (void)state;
    struct batch b;
    const struct feed_part parts[] = {
        { "confab:{room:a}", "m E 5\n{\"a\"}\n{\"b\"}", 15, 17 },
        { "confab:{dm:A|B}", "m F 1\n{}", 15, 8 },
        { "!account", "bob 3\n{\"x\":1}", 8, 13 },
        { "!forget", "99 bob", 7, 6 },
    };
    batch_init(&b, "confab:");
    batch_add(&b, &(struct feed_entry){ "1-0", parts, 4 });
    assert_int_equal(b.message_count, 3);
    assert_string_equal(b.messages[0].stream, "r:a");
    assert_string_equal(b.messages[0].epoch, "E");
    assert_string_equal(b.messages[1].json, "{\"b\"}");
    assert_int_equal(b.messages[1].size, 5);
    assert_int_equal(b.messages[1].seq, 6);
    assert_string_equal(b.messages[1].entry, "1-0");
    assert_string_equal(b.messages[2].stream, "d:A|B");
    assert_int_equal(b.record_count, 2);
    assert_string_equal(b.records[0].kind, "account");
    assert_string_equal(b.records[0].name, "bob");
    assert_int_equal(b.records[0].version, 3);
    assert_string_equal(b.records[0].json, "{\"x\":1}");
    assert_string_equal(b.records[1].kind, "forget");
    assert_string_equal(b.records[1].name, "bob");
    assert_int_equal(b.records[1].version, 99);
    assert_int_equal(b.reject_count, 0);
    assert_int_equal(b.id_count, 1);
    batch_fini(&b);
}

static void an_event_becomes_a_message(void **state)
{
    (void)state;
    struct batch b;
    const struct feed_part parts[] = {
        { "confab:{room:a}", "a E 5 3\n{\"e\"}", 15, 13 },
        { "confab:{room:a}", "c E 6 2 p 0\n{\"c\"}\n-bob\n?*", 15, 25 },
        { "!audit", "17-0 17\n{\"act\":\"ban\"}", 6, 21 },
        { "!room", "a 2\n{}", 5, 6 },
    };
    batch_init(&b, "confab:");
    batch_add(&b, &(struct feed_entry){ "1-0", parts, 4 });
    assert_int_equal(b.reject_count, 0);
    assert_int_equal(b.message_count, 2);
    assert_string_equal(b.messages[0].epoch, "E");
    assert_int_equal(b.messages[0].seq, 5);
    assert_string_equal(b.messages[0].json, "{\"e\"}");
    assert_int_equal(b.messages[0].size, 5);
    assert_int_equal(b.messages[1].seq, 6);
    assert_string_equal(b.messages[1].json, "{\"c\"}");
    assert_int_equal(b.messages[1].size, 5);
    assert_int_equal(b.record_count, 2);
    assert_string_equal(b.records[0].name, "17-0");
    assert_int_equal(b.records[0].version, 17);
    assert_string_equal(b.records[0].json, "{\"act\":\"ban\"}");
    assert_string_equal(b.records[1].kind, "room");
    batch_fini(&b);
}

static void what_cannot_be_read_is_rejected_whole(void **state)
{
    (void)state;
    static const struct {
        const char *key, *text;
    } cases[] = {
        { "confab:{room:a}", "" },
        { "confab:{room:a}", "m" },
        { "confab:{room:a}", "m E" },
        { "confab:{room:a}", "m E 1" },
        { "confab:{room:a}", "m E x\n{}" },
        { "confab:{room:a}", "m  1\n{}" },
        { "confab:{room:a}", "m E 1234567890123456789\n{}" },
        { "confab:{room:a}", "m 123456789012345678901234567890123 1\n{}" },
        { "confab:{room:a}", "p 1\n+x" },
        { "confab:{room:a}", "a E 1\n{}" },
        { "confab:{room:a}", "a E x 1\n{}" },
        { "confab:{room:a}", "a E 1 1" },
        { "confab:{room:a}", "c 1 p\n{}" },
        { "confab:{room:}", "m E 1\n{}" },
        { "confab:{room:a", "m E 1\n{}" },
        { "other:{room:a}", "m E 1\n{}" },
        { "confab:{house:a}", "m E 1\n{}" },
        { "confab:}", "m E 1\n{}" },
        { "", "m E 1\n{}" },
        { "!", "bob 1\n{}" },
        { "!account", "bob" },
        { "!account", "bob x\n{}" },
        { "!account", " 1\n{}" },
        { "!forget", "bob 1" },
        { "!forget", "1 " },
    };
    struct batch b;
    batch_init(&b, "confab:");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct feed_part part = { cases[i].key, cases[i].text, strlen(cases[i].key),
                                        strlen(cases[i].text) };
        batch_add(&b, &(struct feed_entry){ "1-0", &part, 1 });
        if (b.reject_count != i + 1 || b.message_count || b.record_count)
            fail_msg("%s %s", cases[i].key, cases[i].text);
        assert_string_equal(b.rejects[i].body, cases[i].text);
        assert_int_equal(b.rejects[i].size, strlen(cases[i].text));
    }
    batch_reset(&b);
    assert_true(batch_is_empty(&b));
    batch_fini(&b);
}

/* ---- the writer ---- */

static void messages_go_into_the_file_and_are_acknowledged(void **state)
{
    (void)state;
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    add("1");
    add("2");
    TURN_UNTIL(file.batches > 0);
    assert_string_equal(file.rows.data, "r:a E 1 {\"seq\":1};r:a E 2 {\"seq\":2};");
    assert_string_equal(pending(), "0 nil nil nil");
    TURN_UNTIL(strcmp(test_redis(&redis, "XLEN confab:archive"), "0") == 0);
    assert_int_equal(stat_get(&stats, archive_added), 2);
}

static void a_batch_has_a_bound(void **state)
{
    (void)state;
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    struct str text = STR_INIT;
    str_addz(&text, "m E 1");
    for (int i = 0; i < 32; i++)
        str_addz(&text, "\n{}");
    for (int i = 0; i < 200; i++)
        test_redis(&redis, "XADD confab:archive * confab:{room:a} %s", text.data);
    str_fini(&text);
    TURN_UNTIL(stat_get(&stats, archive_added) == 6400);
    assert_true(file.batch_most >= 64 * 32);
    assert_true(file.batch_most < BATCH_MESSAGES + 64 * 32);
}

static void nothing_is_acknowledged_before_its_commit(void **state)
{
    (void)state;
    static const struct {
        enum sink_status status;
        enum archive_state state;
        bool stays_open;
    } cases[] = {
        { SINK_FULL, ARCHIVE_FULL, true },          { SINK_LOCKED, ARCHIVE_LOCKED, true },
        { SINK_CORRUPT, ARCHIVE_REPAIRING, false }, { SINK_IO, ARCHIVE_FAILING, false },
        { SINK_NEWER, ARCHIVE_NEWER, false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char seq[24];
        snprintf(seq, sizeof(seq), "%zu", i + 1);
        TURN_UNTIL(state_of_it() == ARCHIVE_OK);
        const unsigned opened = file.opened;
        file.write_status = cases[i].status;
        add(seq);
        TURN_UNTIL(state_of_it() == cases[i].state);
        assert_int_equal(pending()[0], '1');
        assert_int_equal(file.open_now, cases[i].stays_open ? 1 : 0);
        file.write_status = SINK_OK;
        TURN_UNTIL(state_of_it() == ARCHIVE_OK);
        assert_string_equal(pending(), "0 nil nil nil");
        assert_int_equal(file.opened - opened, cases[i].stays_open ? 0 : 1);
    }
    assert_string_equal(file.rows.data,
                        "r:a E 1 {\"seq\":1};r:a E 2 {\"seq\":2};r:a E 3 {\"seq\":3};"
                        "r:a E 4 {\"seq\":4};r:a E 5 {\"seq\":5};");
}

static void a_file_that_cannot_be_opened_is_tried_again(void **state)
{
    (void)state;
    file.open_status = SINK_IO;
    TURN_UNTIL(state_of_it() == ARCHIVE_FAILING);
    assert_true(writer_turn(w) > 0);
    file.open_status = SINK_TAKEN;
    TURN_UNTIL(state_of_it() == ARCHIVE_STANDBY);
    file.open_status = SINK_OK;
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
}

static void on_standby_it_tells_when_nobody_writes(void **state)
{
    (void)state;
    file.open_status = SINK_TAKEN;
    test_redis(&redis, "XADD confab:archive 1000-0 confab:{room:a} x");
    TURN_UNTIL(state_of_it() == ARCHIVE_BEHIND);
    assert_int_equal(stat_get(&stats, archive_waiting), 1);
    assert_int_equal(stat_get(&stats, archive_waiting_since_ms), 1000);
}

static void what_another_archive_holds_back_is_told(void **state)
{
    (void)state;
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    test_redis(&redis, "XGROUP CREATE confab:archive a:other 0");
    test_redis(&redis, "XADD confab:archive 1000-0 confab:{room:a} %s", "m E 1\n{}");
    TURN_UNTIL(state_of_it() == ARCHIVE_BEHIND);
    assert_true(has("r:a E 1 {}"));
    settings.archive_backlog = 1;
    TURN_UNTIL(state_of_it() == ARCHIVE_LOSING);
    settings.archive_backlog = 1000000;
    test_redis(&redis, "XGROUP DESTROY confab:archive a:other");
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
}

static void a_new_group_starts_with_the_lists(void **state)
{
    (void)state;
    test_redis(&redis, "HSET confab:{room:a}:meta epoch E seq 2 fence f");
    test_redis(&redis, "LPUSH confab:{room:a}:history {1} {2}");
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    assert_string_equal(file.rows.data, "r:a E 1 {1};r:a E 2 {2};");
}

static void a_seed_that_the_file_does_not_take_is_repeated(void **state)
{
    (void)state;
    test_redis(&redis, "HSET confab:{room:a}:meta epoch E seq 1 fence f");
    test_redis(&redis, "LPUSH confab:{room:a}:history {1}");
    file.write_status = SINK_FULL;
    TURN_UNTIL(state_of_it() == ARCHIVE_FULL);
    file.write_status = SINK_OK;
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    assert_true(has("r:a E 1 {1}"));
}

static void redis_may_go_and_come_back_empty(void **state)
{
    (void)state;
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    test_redis_kill(&redis);
    TURN_UNTIL(state_of_it() == ARCHIVE_NO_REDIS);
    test_redis_start(&redis);
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    add("1");
    TURN_UNTIL(has("r:a E 1"));
    test_redis(&redis, "FLUSHALL");
    TURN_UNTIL(strcmp(test_redis(&redis, "TYPE confab:archive"), "stream") == 0);
    add("2");
    TURN_UNTIL(has("r:a E 2"));
}

static void redis_gets_the_accounts_that_it_lacks(void **state)
{
    (void)state;
    file.accounts = 2 * SINK_RECORDS_MOST + 50;
    test_redis(&redis, "HSET confab:account:zoe version 3 hash x");
    for (int i = 0; i < 2; i++) { /* also when Redis has lost them under it */
        TURN_UNTIL(state_of_it() == ARCHIVE_OK);
        TURN_UNTIL(strcmp(test_redis(&redis, "HGET confab:accounts:ready by"), "restored") == 0);
        assert_string_equal(test_redis(&redis, "HGET confab:account:u0000 version"), "7");
        assert_string_equal(test_redis(&redis, "HGET confab:account:u0449 version"), "7");
        assert_string_equal(test_redis(&redis, "GET confab:registered:u0200"), "u0200");
        TURN_UNTIL(has("!account u0449 7"));
        if (i == 0)
            TURN_UNTIL(has("!account zoe 3")); /* which the file lacked */
        test_redis(&redis, "FLUSHALL");
        str_reset(&file.rows);
        str_addz(&file.rows, "");
    }
}

static void accounts_that_cannot_be_read_are_trouble_of_the_file(void **state)
{
    (void)state;
    file.page_status = SINK_IO;
    TURN_UNTIL(state_of_it() == ARCHIVE_FAILING);
    assert_string_equal(test_redis(&redis, "EXISTS confab:accounts:ready"), "0");
    file.page_status = SINK_OK;
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    assert_string_equal(test_redis(&redis, "HGET confab:accounts:ready by"), "restored");
}

static void a_key_of_another_type_is_in_the_way_until_it_goes(void **state)
{
    (void)state;
    test_redis(&redis, "SET confab:archive x");
    TURN_UNTIL(state_of_it() == ARCHIVE_FAILING);
    test_redis(&redis, "DEL confab:archive");
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
}

static void the_position_never_goes_back(void **state)
{
    (void)state;
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    test_redis(&redis, "XADD confab:archive 5-0 confab:{room:a} %s", "m E 1\n{}");
    test_redis(&redis, "XADD confab:archive 20-0 confab:{room:a} %s", "m E 2\n{}");
    /* another reader has the first one, and dies later than this one reads the second */
    test_redis(&redis, "XREADGROUP GROUP a:" ARCHIVE " dead COUNT 1 STREAMS confab:archive >");
    TURN_UNTIL(has("r:a E 2"));
    assert_string_equal(file.entry, "20-0");
    file.write_status = SINK_LOCKED; /* makes it join anew */
    add("3");
    TURN_UNTIL(state_of_it() == ARCHIVE_LOCKED);
    text_copy(file.entry, sizeof(file.entry), "20-0");
    file.write_status = SINK_OK;
    TURN_UNTIL(has("r:a E 1"));
    assert_true(strcmp(file.entry, "5-0") != 0);
}

static void the_last_batch_is_written_at_the_end(void **state)
{
    (void)state;
    TURN_UNTIL(state_of_it() == ARCHIVE_OK);
    for (int i = 1; i <= 200; i++) {
        char seq[16];
        snprintf(seq, sizeof(seq), "%d", i);
        add(seq);
    }
    writer_finish(w, clock_mono_ms() + TEST_DEADLINE_MS);
    assert_true(has("r:a E 200 "));
    assert_string_equal(test_redis(&redis, "XLEN confab:archive"), "0");
    assert_int_equal(file.open_now, 0);
}

/* ---- threads ---- */

static struct archive_ask *ask_for(uint64_t id, bool search, int64_t deadline_mono_ms)
{
    static const char *const streams[] = { "r:a" };
    struct ask text = { .kind = search ? ASK_SEARCH : ASK_PAGE,
                        .page = { .stream = "r:a", .epoch = "E", .seq = 9, .limit = 10 },
                        .find = { .q = "x", .streams = streams, .stream_count = 1, .limit = 1 },
                        .as = "a" };
    struct str json = STR_INIT;
    ask_json(&json, &text);
    struct ask *parsed = ask_parse(json.data, json.size);
    str_fini(&json);
    assert_non_null(parsed);
    return archive_ask_new(id, parsed, deadline_mono_ms);
}

static bool says(const struct archive_answer *answer, const char *text)
{
    const struct frame *f = answer->frame;
    return memmem(frame_payload(f), frame_payload_size(f), text, strlen(text)) != NULL;
}

static struct archive_answer *answer_of(struct archive *a)
{
    void *item = NULL;
    while (item == NULL) {
        assert_true(test_wait_readable(archive_answers(a)->pipe_read, TEST_DEADLINE_MS));
        queue_clear_signal(archive_answers(a));
        queue_take(archive_answers(a), &item, 1);
    }
    return item;
}

static void asks_are_answered_by_number(void **state)
{
    (void)state;
    struct archive *a = archive_new_with(&settings, &stats, redis.address, &stand_in);
    assert_int_equal(archive_start(a), 0);
    assert_int_equal(archive_ask(a, ask_for(7, false, INT64_MAX)), 0);
    struct archive_answer *answer = answer_of(a);
    assert_int_equal(answer->id, 7);
    assert_true(says(answer, "\"type\":\"history\""));
    archive_answer_free(answer);
    assert_int_equal(archive_ask(a, ask_for(8, true, INT64_MAX)), 0);
    answer = answer_of(a);
    assert_int_equal(answer->id, 8);
    assert_true(says(answer, "\"type\":\"search\""));
    archive_answer_free(answer);
    /* who no longer waits gets nothing */
    assert_int_equal(archive_ask(a, ask_for(9, false, 0)), 0);
    assert_int_equal(archive_ask(a, ask_for(10, false, INT64_MAX)), 0);
    answer = answer_of(a);
    assert_int_equal(answer->id, 10);
    archive_answer_free(answer);
    archive_stop(a, 0);
    archive_free(a);
    assert_int_equal(stat_get(&stats, archive_pages), 2);
    assert_int_equal(stat_get(&stats, archive_searches), 1);
}

static void a_file_that_cannot_be_read_is_an_error_for_the_asker(void **state)
{
    (void)state;
    struct archive *a = archive_new_with(&settings, &stats, redis.address, &stand_in);
    assert_int_equal(archive_start(a), 0);
    tell(&file.page_status, SINK_CORRUPT);
    assert_int_equal(archive_ask(a, ask_for(1, false, INT64_MAX)), 0);
    struct archive_answer *answer = answer_of(a);
    assert_true(says(answer, "\"archive_unavailable\""));
    archive_answer_free(answer);
    tell(&file.page_status, SINK_OK);
    assert_int_equal(archive_ask(a, ask_for(2, false, INT64_MAX)), 0);
    answer = answer_of(a);
    assert_true(says(answer, "\"type\":\"history\""));
    archive_answer_free(answer);
    archive_stop(a, 0);
    archive_free(a);
}

static void asks_past_the_bound_are_refused_and_the_rest_is_dropped_at_the_end(void **state)
{
    (void)state;
    struct archive *a = archive_new_with(&settings, &stats, redis.address, &stand_in);
    assert_int_equal(archive_start(a), 0);
    lock_acquire(&file.lock);
    file.page_waits = true;
    lock_release(&file.lock);
    unsigned taken = 0;
    int error = 0;
    while (error == 0) {
        struct archive_ask *ask = ask_for(taken, false, INT64_MAX);
        error = archive_ask(a, ask);
        if (error == 0)
            taken++;
        else
            archive_ask_free(ask);
        assert_true(taken <= ARCHIVE_PAGES_MOST + 1);
    }
    assert_int_equal(error, -EAGAIN);
    assert_true(taken >= ARCHIVE_PAGES_MOST);
    /* a search does not wait for them */
    assert_int_equal(archive_ask(a, ask_for(5000, true, INT64_MAX)), 0);
    struct archive_answer *answer = answer_of(a);
    assert_int_equal(answer->id, 5000);
    archive_answer_free(answer);
    lock_acquire(&file.lock);
    file.page_waits = false;
    lock_release(&file.lock);
    archive_stop(a, 0);
    archive_free(a);
}

static void the_writer_runs_until_it_is_stopped(void **state)
{
    (void)state;
    struct archive *a = archive_new_with(&settings, &stats, redis.address, &stand_in);
    assert_int_equal(archive_start(a), 0);
    const int64_t deadline = clock_mono_ms() + TEST_DEADLINE_MS;
    while (state_of_it() != ARCHIVE_OK && clock_mono_ms() < deadline)
        usleep(1000);
    add("1");
    archive_stop(a, TEST_DEADLINE_MS);
    assert_true(has("r:a E 1 "));
    archive_free(a);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(an_entry_becomes_messages_and_records),
        TEST(an_event_becomes_a_message),
        TEST(what_cannot_be_read_is_rejected_whole),
        TEST(messages_go_into_the_file_and_are_acknowledged),
        TEST(a_batch_has_a_bound),
        TEST(nothing_is_acknowledged_before_its_commit),
        TEST(a_file_that_cannot_be_opened_is_tried_again),
        TEST(on_standby_it_tells_when_nobody_writes),
        TEST(what_another_archive_holds_back_is_told),
        TEST(a_new_group_starts_with_the_lists),
        TEST(a_seed_that_the_file_does_not_take_is_repeated),
        TEST(redis_may_go_and_come_back_empty),
        TEST(redis_gets_the_accounts_that_it_lacks),
        TEST(accounts_that_cannot_be_read_are_trouble_of_the_file),
        TEST(a_key_of_another_type_is_in_the_way_until_it_goes),
        TEST(the_position_never_goes_back),
        TEST(the_last_batch_is_written_at_the_end),
        TEST(asks_are_answered_by_number),
        TEST(a_file_that_cannot_be_read_is_an_error_for_the_asker),
        TEST(asks_past_the_bound_are_refused_and_the_rest_is_dropped_at_the_end),
        TEST(the_writer_runs_until_it_is_stopped),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

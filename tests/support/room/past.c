#include "support/room/past.h"

#include "confab/wire/event.h"

#include <stdlib.h>
#include <string.h>

int setup_archive(void **state)
{
    setup(state);
    assert_int_equal(queue_init(&store.answers, 4), 0);
    hub->archive = (struct archive *)&store; /* never looked into: its functions are stand-ins */
    return 0;
}

int teardown_archive(void **state)
{
    queue_fini(&store.answers);
    return teardown(state);
}

void peer_says(struct peer *p, const char *text)
{
    struct command *c = NULL;
    struct command_error error;
    char *json = xstrdup(text);
    for (char *at = json; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    assert_int_equal(command_parse(json, strlen(json), &c, &error), 0);
    free(json);
    str_reset(&sent);
    command_run(hub, p, c);
}

void answered(const char *expected)
{
    char *text = sent.size ? xmemdupz(sent.data, sent.size) : xstrdup("");
    char *from = strstr(text, "'messages':["), *to = from ? strchr(from, ']') : NULL;
    if (from)
        memmove(from, to + 2, strlen(to + 2) + 1);
    assert_string_equal(text, expected);
    free(text);
    str_reset(&sent);
}

void refused_with(const char *code)
{
    char expected[64];
    snprintf(expected, sizeof expected, "{'type':'error','code':'%s'", code);
    assert_non_null(strstr(sent.size ? sent.data : "", expected));
    str_reset(&sent);
}

struct peer *alice_late_in_tea(void)
{
    struct peer *alice = somebody("alice");
    room_join(hub, alice, "tea", NULL, 0);
    room_subscribed(hub, "tea");
    roster("", 0);
    list(STORE_OK, "e1", 101, 200);
    str_reset(&wire);
    return alice;
}

const struct ask *asked_here(void)
{
    assert_non_null(store.archive_ask);
    return store.archive_ask->ask;
}

struct frame *frame_of(const char *text)
{
    return event_passed(text, strlen(text));
}

void archive_says(const char *text, uint64_t newest, bool behind)
{
    struct archive_answer *a = xcalloc(1, sizeof *a);
    a->id = store.archive_ask->id;
    a->frame = frame_of(text);
    a->newest = newest;
    a->behind = behind;
    assert_int_equal(queue_push(&store.answers, a), 0);
    asks_answered(hub);
}

void run_timers_until_asked(int asks)
{
    while (store.asks < asks)
        event_base_loop(hub->base, EVLOOP_ONCE);
}

/* What Redis says of who may be in a room, acts in it, and what a member stores there. */
#include "support/room/story.h"

#include <string.h>

static void answer_access(const char *names, struct store_access *r)
{
    assert_int_not_equal(store.access_count, 0);
    struct told_access t = store.accesses[0];
    assert_string_equal(t.names.size ? t.names.data : "", names);
    store.access_count--;
    memmove(store.accesses, store.accesses + 1, sizeof t * (size_t)store.access_count);
    t.done(t.arg, r);
    str_fini(&t.names);
}

void may(const char *names, const char *letters)
{
    struct store_access r = { .status = STORE_OK,
                              .room = "tea",
                              .guard = store.guard ? store.guard : "",
                              .version = store.version,
                              .may = letters,
                              .banned_ms = letters[0] == 'b' ? 5000 : 0,
                              .detail = "{\"role\":\"member\"}" };
    answer_access(names, &r);
}

void may_unanswered(const char *names, enum store_status status)
{
    struct store_access r = { .status = status };
    answer_access(names, &r);
}

void act(const char *epoch, int seq, int version, const char *guard, const char *lines)
{
    static const char json[] = "{\"type\":\"message\",\"kind\":\"room\"}";
    store.guard = guard;
    store.version = (uint64_t)version;
    access_act(hub, "tea", epoch, (uint64_t)seq, (uint64_t)version, guard, json, strlen(json),
               lines);
}

/* Alice is in room tea, numbers 1 … top are out. */
void stored(struct peer *p, const char *epoch, const char *fence, int seq)
{
    static const char text[] = "{\"type\":\"message\",\"room\":\"tea\",\"content\":\"x\"}";
    struct command *c;
    struct command_error error;
    assert_int_equal(command_parse(text, strlen(text), &c, &error), 0);
    c->peer = p;
    command_run(hub, p, c);
    struct store_published r = {
        .status = STORE_OK, .epoch = epoch, .fence = fence, .seq = (uint64_t)seq, .id = ""
    };
    store.published_done(store.published_arg, &r);
}

struct peer *alice_in_tea(int top)
{
    struct peer *alice = somebody("alice");
    room_join(hub, alice, "tea", NULL, 0);
    room_subscribed(hub, "tea");
    roster("", 0);
    list(STORE_OK, "e1", 1, top);
    str_reset(&wire);
    return alice;
}

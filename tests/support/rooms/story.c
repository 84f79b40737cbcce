#include "support/rooms/story.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text ? text : "");
}

static const char *error_text(enum error_code code)
{
    return code == ERROR_NONE ? "" : error_info(code)->code;
}

static void on_act(void *arg, const struct store_room_answer *r)
{
    struct test_act *out = arg;
    out->count++;
    out->status = r->published.status;
    out->error = error_text(r->published.error);
    out->seq = r->published.seq;
    out->retry_after_ms = r->published.retry_after_ms;
    out->until_ms = r->until_ms;
    copy(out->epoch, sizeof(out->epoch), r->published.epoch);
    copy(out->id, sizeof(out->id), r->published.id);
    copy(out->json, sizeof(out->json), r->json);
}

int test_room_act_start(struct test_store *t, const char *actor, const char *act, const char *room,
                        const char *cid, const struct store_known *known, const char *const *words,
                        struct test_act *out)
{
    struct str mid = STR_INIT;
    char head[] = "{\"seq\":", tail[] = "}";
    str_addf(&mid, ",\"act\":\"%s\",\"ts\":", act);
    const struct str head_str = { head, strlen(head), 0 }, tail_str = { tail, strlen(tail), 0 };
    const bool admin = strcmp(actor, "*") == 0;
    struct store_room_act a = {
        .room = room,
        .actor = admin ? "" : actor,
        .act = act,
        .admin = admin,
        .words = words,
        .cid = cid,
        .id = "id1",
        .head = &head_str,
        .mid = &mid,
        .tail = &tail_str,
    };
    if (known)
        a.known = *known;
    int error = store_room_act(t->store, &a, on_act, out);
    str_fini(&mid);
    return error;
}

struct test_act test_room_act_as(struct test_store *t, const char *actor, const char *act,
                                 const char *room, const char *cid, const struct store_known *known,
                                 const char *const *words)
{
    struct test_act out = { 0 };
    assert_int_equal(test_room_act_start(t, actor, act, room, cid, known, words, &out), 0);
    WAIT_UNTIL(t->base, out.count > 0);
    return out;
}

struct test_act test_room_act(struct test_store *t, const char *actor, const char *act,
                              const char *room, ...)
{
    const char *words[8] = { NULL };
    va_list list;
    va_start(list, room);
    for (size_t i = 0; i < 7; i++)
        if (!(words[i] = va_arg(list, const char *)))
            break;
    va_end(list);
    return test_room_act_as(t, actor, act, room, NULL, NULL, words);
}

static void on_access(void *arg, const struct store_access *r)
{
    struct test_act *out = arg;
    out->count++;
    out->status = r->status;
    out->error = error_text(r->error);
    out->version = r->version;
    out->retry_after_ms = r->banned_ms;
    copy(out->guard, sizeof(out->guard), r->guard);
    copy(out->may, sizeof(out->may), r->may);
    copy(out->room, sizeof(out->room), r->room);
    copy(out->json, sizeof(out->json), r->detail);
}

struct test_act test_access(struct test_store *t, const char *room, const char *known_guard,
                            const char *names)
{
    struct test_act out = { 0 };
    assert_int_equal(store_access(t->store, room, known_guard, names, on_access, &out), 0);
    WAIT_UNTIL(t->base, out.count > 0);
    return out;
}

int test_invite_use_start(struct test_store *t, const char *code, const char *room,
                          const char *user, struct test_act *out)
{
    return store_invite_use(t->store, code, room, user, on_access, out);
}

struct test_act test_invite_use(struct test_store *t, const char *code, const char *room,
                                const char *user)
{
    struct test_act out = { 0 };
    assert_int_equal(test_invite_use_start(t, code, room, user, &out), 0);
    WAIT_UNTIL(t->base, out.count > 0);
    return out;
}

static void on_list(void *arg, const struct store_list *r)
{
    struct test_act *out = arg;
    out->count++;
    out->status = r->status;
    out->error = error_text(r->error);
    copy(out->json, sizeof(out->json), r->json);
    copy(out->next, sizeof(out->next), r->next);
}

struct test_act test_list(struct test_store *t, test_list_fn *list,
                          const struct store_list_query *q)
{
    struct test_act out = { 0 };
    assert_int_equal(list(t->store, q, on_list, &out), 0);
    WAIT_UNTIL(t->base, out.count > 0);
    return out;
}

const char *test_act_text(const struct test_act *a, const char *name)
{
    static char text[600];
    char key[64];
    snprintf(key, sizeof(key), "\"%s\":\"", name);
    const char *at = strstr(a->json, key);
    text[0] = '\0';
    if (at) {
        at += strlen(key);
        snprintf(text, sizeof(text), "%.*s", (int)strcspn(at, "\""), at);
    }
    return text;
}

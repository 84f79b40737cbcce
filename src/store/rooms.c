/* Rooms that have an owner: acts, who may read, invitations, lists. */
#include "state.h"

#include "confab/wire/rules.h"

#include <stdlib.h>
#include <string.h>

/* Texts and numbers of an array, by place. */
static bool is_array(const redisReply *reply, const char *types)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != strlen(types))
        return false;
    for (size_t i = 0; i < reply->elements; i++)
        if (reply->element[i]->type != (types[i] == 's' ? REDIS_REPLY_STRING : REDIS_REPLY_INTEGER))
            return false;
    return true;
}

/* {'denied', CODE, MS} or {'wait'}; what it is of neither is STORE_REFUSED. */
static enum store_status why_not(const redisReply *reply, enum error_code *error, int64_t *ms)
{
    if (is_array(reply, "s") && strcmp(reply->element[0]->str, "wait") == 0)
        return STORE_UNAVAILABLE;
    if (!is_array(reply, "ssi") || strcmp(reply->element[0]->str, "denied") != 0)
        return STORE_REFUSED;
    *error = error_by_text(reply->element[1]->str, reply->element[1]->len);
    *ms = reply->element[2]->integer;
    return *error == ERROR_NONE ? STORE_REFUSED : STORE_DENIED;
}

/* ---- acts ---- */

static void on_room(struct request *r, enum store_status status, const redisReply *reply)
{
    role_assume(&on_hub);
    struct store_room_answer result = { .published = { .status = status } };
    if (status == STORE_OK && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
                               reply->element[1]->type != REDIS_REPLY_INTEGER ||
                               reply->element[2]->type != REDIS_REPLY_STRING)) {
        result.published.status = STORE_REFUSED;
    } else if (status == STORE_OK) {
        result.published = publish_answer(r, reply->element[0]);
        result.until_ms = reply->element[1]->integer;
        if (reply->element[2]->len > 0) {
            result.json = reply->element[2]->str;
            result.json_size = reply->element[2]->len;
        }
    }
    r->done.room(r->arg, &result);
}

static void add_piece(struct request *r, const struct str *piece)
{
    if (piece)
        request_add(r, piece->data, piece->size);
    else
        request_addz(r, "");
}

int store_room_act(struct store *s, const struct store_room_act *a, store_room_fn *done, void *arg)
{
    enum { BEFORE_WORDS = 19, CODE_BYTES = RULE_INVITATION_BYTES };
    char code[CODE_BYTES + 1];
    struct request *r;
    int error = request_begin(s, &r);
    if (error)
        return error;
    r->done.room = done;
    r->arg = arg;
    size_t words = 0;
    while (a->words && a->words[words])
        words++;
    hex_random(code, CODE_BYTES / 2);
    request_script(r, SCRIPT_ROOM, 0, BEFORE_WORDS + words);
    request_addz(r, s->settings->redis_prefix);
    request_addz(r, a->room);
    argument_fence(&r->bytes, s);
    argument_known(&r->bytes, &a->known);
    request_addz(r, a->act);
    request_addz(r, a->admin ? "*" : a->actor);
    request_addz(r, a->admin ? "1" : "");
    request_addz(r, a->id ? a->id : "");
    request_addz(r, a->cid ? a->cid : "");
    add_piece(r, a->head);
    add_piece(r, a->mid);
    add_piece(r, a->tail);
    request_addz(r, code);
    request_addz(r, s->settings->instance);
    for (size_t i = 0; i < words; i++)
        request_addz(r, a->words[i]);
    return request_send(r, on_room);
}

/* ---- who may read ---- */

/* As room_access() of owned.lua answers. */
static void on_access(struct request *r, enum store_status status, const redisReply *reply)
{
    struct store_access result = { .status = status, .guard = "", .may = "" };
    if (status == STORE_OK && is_array(reply, "sssiss")) {
        result.guard = reply->element[0]->str;
        result.version = strtoull(reply->element[1]->str, NULL, 10);
        result.may = reply->element[2]->str;
        result.banned_ms = reply->element[3]->integer;
        result.detail = reply->element[4]->len > 0 ? reply->element[4]->str : NULL;
        result.room = reply->element[5]->str;
    } else if (status == STORE_OK) {
        result.status = why_not(reply, &result.error, &result.banned_ms);
        result.lost = result.status == STORE_UNAVAILABLE;
    }
    r->done.access(r->arg, &result);
}

int store_access(struct store *s, const char *room, const char *known_guard, const char *names,
                 store_access_fn *done, void *arg)
{
    struct request *r;
    int error = request_begin(s, &r);
    if (error)
        return error;
    r->done.access = done;
    r->arg = arg;
    request_script(r, SCRIPT_ACCESS, 0, 4);
    request_addz(r, s->settings->redis_prefix);
    request_addz(r, room);
    request_addz(r, known_guard);
    request_addz(r, names);
    return request_send(r, on_access);
}

/* {names}, else as why_not() has it */
static void take_names(const redisReply *names, struct store_readable *out)
{
    for (size_t i = 0; i < names->elements && i < RULE_ROOMS_PER_CLIENT; i++)
        if (names->element[i]->type == REDIS_REPLY_STRING)
            out->rooms[out->count++] = names->element[i]->str;
}

static void on_readable(struct request *r, enum store_status status, const redisReply *reply)
{
    struct store_readable result = { .status = status };
    int64_t ignored;
    if (status == STORE_OK && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        reply->element[0]->type == REDIS_REPLY_ARRAY &&
        reply->element[1]->type == REDIS_REPLY_STRING) {
        take_names(reply->element[0], &result);
        result.since_ms = strtoll(reply->element[1]->str, NULL, 10);
    } else if (status == STORE_OK)
        result.status = why_not(reply, &result.error, &ignored);
    r->done.readable(r->arg, &result);
}

int store_readable(struct store *s, const char *user, const char *device, store_readable_fn *done,
                   void *arg)
{
    struct request *r;
    int error = request_begin(s, &r);
    if (error)
        return error;
    r->done.readable = done;
    r->arg = arg;
    request_script(r, SCRIPT_READABLE, 0, 4);
    request_addz(r, s->settings->redis_prefix);
    request_addz(r, user);
    request_addz(r, device);
    request_addu(r, RULE_ROOMS_PER_CLIENT);
    return request_send(r, on_readable);
}

int store_invite_use(struct store *s, const char *code, const char *room, const char *user,
                     store_access_fn *done, void *arg)
{
    struct request *r;
    int error = request_begin(s, &r);
    if (error)
        return error;
    r->done.access = done;
    r->arg = arg;
    request_script(r, SCRIPT_INVITE, 0, 5);
    request_addz(r, s->settings->redis_prefix);
    request_addz(r, room ? room : "");
    request_addz(r, code);
    request_addz(r, user);
    request_addz(r, s->settings->instance);
    return request_send(r, on_access);
}

/* ---- lists ---- */

static void on_list(struct request *r, enum store_status status, const redisReply *reply)
{
    struct store_list result = { .status = status };
    if (status == STORE_OK && is_array(reply, "sss")) {
        result.json = reply->element[1]->str;
        result.json_size = reply->element[1]->len;
        result.next = reply->element[2]->str;
    } else if (status == STORE_OK) {
        int64_t ms;
        result.status = why_not(reply, &result.error, &ms);
    }
    r->done.list(r->arg, &result);
}

/* words: between the prefix and the limit. */
static int list(struct store *s, enum script_id script, const char *const *words,
                const struct store_list_query *q, store_list_fn *done, void *arg) REQUIRES(on_hub);
static int list(struct store *s, enum script_id script, const char *const *words,
                const struct store_list_query *q, store_list_fn *done, void *arg)
{
    BUG_ON(q->limit < 1 || q->limit > STORE_LIST_MOST);
    struct request *r;
    int error = request_begin(s, &r);
    if (error)
        return error;
    r->done.list = done;
    r->arg = arg;
    size_t count = 0;
    while (words[count])
        count++;
    request_script(r, script, 0, count + 2);
    request_addz(r, s->settings->redis_prefix);
    for (size_t i = 0; i < count; i++)
        request_addz(r, words[i]);
    request_addu(r, q->limit);
    return request_send(r, on_list);
}

int store_rooms_list(struct store *s, const struct store_list_query *q, store_list_fn *done,
                     void *arg)
{
    const char *const words[] = { q->viewer, q->admin ? "1" : "", q->after, NULL };
    return list(s, SCRIPT_ROOMS, words, q, done, arg);
}

int store_members(struct store *s, const struct store_list_query *q, store_list_fn *done, void *arg)
{
    const char *const words[] = { q->room, q->viewer, q->admin ? "1" : "", q->after, NULL };
    return list(s, SCRIPT_MEMBERS, words, q, done, arg);
}

int store_audit(struct store *s, const struct store_list_query *q, store_list_fn *done, void *arg)
{
    const char *const words[] = { q->room ? q->room : "",   q->viewer,
                                  q->admin ? "1" : "",      q->after,
                                  q->actor ? q->actor : "", NULL };
    return list(s, SCRIPT_AUDIT, words, q, done, arg);
}

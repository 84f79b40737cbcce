/* Events about messages. */
#include "confab/store/act.h"

#include "state.h"

#include <string.h>

/* A second line is the deleted message. */
static struct store_published take(struct request *r, const redisReply *reply) REQUIRES(on_hub)
{
    char *old = reply->type == REDIS_REPLY_STRING ? strchr(reply->str, '\n') : NULL;
    if (old)
        *old++ = '\0';
    struct store_published result = publish_answer(r, reply);
    result.old = old;
    return result;
}

static void on_answer(struct request *r, enum store_status status, const redisReply *reply)
{
    role_assume(&on_hub);
    struct store_published result = { .status = status };
    if (status == STORE_OK && reply->type == REDIS_REPLY_STRING &&
        strcmp(reply->str, "elsewhere") == 0)
        result.status = STORE_NONE;
    else if (status == STORE_OK)
        result = take(r, reply);
    if (result.status == STORE_OK)
        result.id = r->id;
    r->done.published(r->arg, &result);
}

static void add_target(struct request *r, const struct store_act *a)
{
    const struct act_target *old = a->old;
    request_addu(r, a->target);
    request_addz(r, old ? old->id : a->target_id ? a->target_id : "");
    request_addz(r, old ? old->user : "");
    request_addu(r, old ? (uint64_t)old->timestamp_ms : 0);
    request_addz(r, old && old->deleted ? "1" : "");
}

int store_act(struct store *s, const struct store_act *a, store_published_fn *done, void *arg)
{
    static const char *const kinds[] = { "edit", "delete", "react" };
    static const char *const roles[] = { "", "guest", "admin" };
    struct request *r;
    int error = request_begin(s, &r);
    if (error)
        return error;
    r->done.published = done;
    r->arg = arg;
    text_copy(r->id, sizeof(r->id), a->id);
    request_script(r, SCRIPT_ACT, 0, 28);
    argument_fence(&r->bytes, s);
    argument_known(&r->bytes, &a->known);
    request_addz(r, s->settings->redis_prefix);
    request_addz(r, stream_prefix(s, a->room, a->user, a->to));
    request_addz(r, kinds[a->kind]);
    request_addz(r, a->user);
    request_addz(r, a->to ? a->to : "");
    request_addz(r, roles[a->role]);
    request_addz(r, a->cid ? a->cid : "");
    request_addz(r, a->id);
    add_target(r, a);
    request_addu(r, (uint64_t)s->settings->edit_s * 1000);
    request_add(r, a->content_json ? a->content_json : "", a->content_json_size);
    const struct str *const pieces[] = { a->head, a->mid, a->content, a->tail };
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
        request_add(r, pieces[i]->data, pieces[i]->size);
    request_addz(r, s->settings->instance);
    request_addz(r, a->mentions ? a->mentions : "");
    return request_send(r, on_answer);
}

/* Names: who has them, and where their users are. */
#include "state.h"

#include "confab/wire/fold.h"

#include <stdlib.h>

/* {1, since, "@PEER", top, "@PEER", top, …} */
static bool take_tops(const redisReply *reply, struct stream_top tops[CONVERSATIONS_KEPT],
                      size_t *count)
{
    size_t n = 0;
    for (size_t i = 2; i + 1 < reply->elements && n < CONVERSATIONS_KEPT; i += 2) {
        const redisReply *stream = reply->element[i], *top = reply->element[i + 1];
        if (stream->type != REDIS_REPLY_STRING || top->type != REDIS_REPLY_STRING)
            return false;
        tops[n++] = (struct stream_top){ stream->str, strtoull(top->str, NULL, 10) };
    }
    *count = n;
    return true;
}

static enum store_status refusal(long long answer)
{
    return answer == 0 ? STORE_TAKEN : answer == 2 ? STORE_REVOKED : STORE_WAIT;
}

static void on_claimed(struct request *r, enum store_status status, const redisReply *reply)
{
    struct stream_top tops[CONVERSATIONS_KEPT];
    struct store_claimed result = { .status = status, .private_tops = tops };
    if (status == STORE_OK) {
        bool sound = reply->type == REDIS_REPLY_ARRAY && reply->elements >= 1 &&
                     reply->element[0]->type == REDIS_REPLY_INTEGER &&
                     take_tops(reply, tops, &result.count);
        const bool taken = sound && reply->element[0]->integer == 1;
        if (taken && (reply->elements < 2 || reply->element[1]->type != REDIS_REPLY_STRING))
            sound = false;
        if (!sound)
            result.status = STORE_REFUSED;
        else if (!taken)
            result.status = refusal(reply->element[0]->integer);
        else
            result.since_ms = strtoll(reply->element[1]->str, NULL, 10);
    }
    r->done.claimed(r->arg, &result);
}

int store_claim(struct store *s, const struct store_claim *in, store_claimed_fn *done, void *arg)
{
    struct request *r;
    int error = request_begin(s, &r);
    if (error)
        return error;
    r->done.claimed = done;
    r->arg = arg;
    const char *prefix = s->settings->redis_prefix;
    const bool guest = in->fold && !in->device;
    const bool waits = !in->device && !guest && in->restores;
    request_script(r, SCRIPT_CLAIM, in->device || waits ? 4 : guest ? 7 : 3, 9);
    request_addj(r, prefix, "name:", in->user);
    request_addj(r, prefix, "presence:", in->user);
    request_addj(r, prefix, "{user:", in->user, "}:conversations");
    if (in->device) {
        request_addj(r, prefix, "device:", in->device);
    } else if (guest) {
        request_addj(r, prefix, "accounts:ready");
        request_addj(r, prefix, "account:", in->user);
        request_addj(r, prefix, "registered:", in->fold->one);
        request_addj(r, prefix, "registered:", in->fold->two);
    } else if (waits) {
        request_addj(r, prefix, "accounts:ready");
    }
    request_addz(r, in->session);
    request_addu(r, (uint64_t)s->settings->name_hold_s * 1000);
    request_addz(r, s->settings->instance);
    request_addu(r, (uint64_t)s->settings->presence_ttl_s * 1000);
    request_addu(r, in->made_up);
    request_addz(r, prefix);
    request_addz(r, in->user);
    request_addz(r, in->device ? "account" : guest ? "guest" : "off");
    request_addz(r, waits ? "1" : "");
    return request_send(r, on_claimed);
}

void store_release(struct store *s, const char *user, const char *session)
{
    struct request *r;
    if (request_begin(s, &r) != 0)
        return;
    request_script(r, SCRIPT_RELEASE, 2, 1);
    request_addj(r, s->settings->redis_prefix, "name:", user);
    request_addj(r, s->settings->redis_prefix, "{user:", user, "}:held");
    request_addz(r, session);
    request_fire(r);
}

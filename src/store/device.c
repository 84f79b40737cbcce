/* Devices, their refresh tokens, and the keys that sign access tokens. */
#include "state.h"

#include <stdlib.h>
#include <string.h>

enum {
    DEVICES_TAKEN = 64,    /* of one answer: RULE_DEVICES, and then some */
    KEY_SPARE_MS = 120000, /* an old key outlives the last token that it may have signed */
    KEYS_PER_LIFE = 64,    /* at most so many new keys while a token lives: KEYRING_MOST */
};

static bool is_texts(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i < reply->elements; i++)
        if (reply->element[i]->type != REDIS_REPLY_STRING)
            return false;
    return true;
}

/* ---- refresh tokens ---- */

static void on_seed(struct request *r, enum store_status status, const redisReply *reply)
{
    struct store_seed result = { .status = status };
    if (status == STORE_OK) {
        bool sound = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;
        result.status = sound ? STORE_NONE : STORE_REFUSED;
        if (sound && reply->element[0]->str && reply->element[1]->str)
            result =
                (struct store_seed){ STORE_OK, reply->element[0]->str, reply->element[1]->str };
    }
    r->done.seed(r->arg, &result);
}

int store_seed(struct store *s, const char *device, store_seed_fn *done, void *arg)
{
    struct request *r;
    int error = request_open(s, (union request_done){ .seed = done }, arg, &r);
    if (error)
        return error;
    request_command(r, 4);
    request_addz(r, "HMGET");
    request_addj(r, s->settings->redis_prefix, "device:", device);
    request_addz(r, "user");
    request_addz(r, "seed");
    return request_send(r, on_seed);
}

static void on_rotated(struct request *r, enum store_status status, const redisReply *reply)
{
    struct store_rotated result = { .status = answer_status(status, reply, 2) };
    if (result.status == STORE_OK) {
        result.n = strtoull(reply->element[1]->str, NULL, 10);
        result.now_ms = strtoll(reply->element[2]->str, NULL, 10);
    }
    r->done.rotated(r->arg, &result);
}

int store_rotate(struct store *s, const char *user, const char *device, const char *seed,
                 uint64_t n, store_rotated_fn *done, void *arg)
{
    struct request *r;
    int error = request_open(s, (union request_done){ .rotated = done }, arg, &r);
    if (error)
        return error;
    request_script(r, SCRIPT_TOKEN, 0, 7);
    request_addz(r, s->settings->redis_prefix);
    request_addz(r, user);
    request_addz(r, device);
    request_addz(r, seed);
    request_addu(r, n);
    request_addu(r, (uint64_t)s->settings->refresh_grace_s * 1000);
    request_addu(r, (uint64_t)s->settings->refresh_token_days * 86400);
    return request_send(r, on_rotated);
}

/* ---- lists ---- */

static void on_devices(struct request *r, enum store_status status, const redisReply *reply)
{
    struct device_info devices[DEVICES_TAKEN];
    struct store_devices result = { answer_status(status, reply, 0), devices, 0 };
    if (result.status == STORE_OK && (!is_texts(reply) || reply->elements % 4 != 1))
        result.status = STORE_REFUSED;
    for (size_t i = 1; result.status == STORE_OK && i < reply->elements; i += 4) {
        if (result.count == DEVICES_TAKEN)
            break;
        redisReply **e = &reply->element[i];
        devices[result.count++] = (struct device_info){
            .id = e[0]->str,
            .label = e[1]->str,
            .created_ms = strtoll(e[2]->str, NULL, 10),
            .seen_ms = strtoll(e[3]->str, NULL, 10),
        };
    }
    r->done.devices(r->arg, &result);
}

int store_devices(struct store *s, const char *user, const char *device, store_devices_fn *done,
                  void *arg)
{
    struct request *r;
    int error = request_open(s, (union request_done){ .devices = done }, arg, &r);
    if (error)
        return error;
    request_script(r, SCRIPT_DEVICES, 0, 3);
    request_addz(r, s->settings->redis_prefix);
    request_addz(r, user);
    request_addz(r, device);
    return request_send(r, on_devices);
}

static void on_revoked(struct request *r, enum store_status status, const redisReply *reply)
{
    struct store_revoked result = { .status = answer_status(status, reply, 1) };
    if (result.status == STORE_OK)
        result.count = strtoull(reply->element[1]->str, NULL, 10);
    r->done.revoked(r->arg, &result);
}

int store_revoke(struct store *s, const struct store_revoke *in, store_revoked_fn *done, void *arg)
{
    struct request *r;
    int error = request_open(s, (union request_done){ .revoked = done }, arg, &r);
    if (error)
        return error;
    request_script(r, SCRIPT_REVOKE, 0, 4);
    request_addz(r, s->settings->redis_prefix);
    request_addz(r, in->user);
    request_addz(r, in->device ? in->device : "");
    request_addz(r, in->asker);
    return request_send(r, on_revoked);
}

static void on_alive(struct request *r, enum store_status status, const redisReply *reply)
{
    const char *gone[STORE_ALIVE_MOST];
    struct store_alive result = { .status = status, .gone = gone };
    if (status == STORE_OK && (!is_texts(reply) || reply->elements > STORE_ALIVE_MOST))
        result.status = STORE_REFUSED;
    for (size_t i = 0; result.status == STORE_OK && i < reply->elements; i++)
        gone[result.count++] = reply->element[i]->str;
    r->done.alive(r->arg, &result);
}

int store_alive(struct store *s, const char *const *devices, size_t count, store_alive_fn *done,
                void *arg)
{
    BUG_ON(count > STORE_ALIVE_MOST);
    struct request *r;
    int error = request_open(s, (union request_done){ .alive = done }, arg, &r);
    if (error)
        return error;
    request_script(r, SCRIPT_ALIVE, 0, 1 + count);
    request_addz(r, s->settings->redis_prefix);
    for (size_t i = 0; i < count; i++)
        request_addz(r, devices[i]);
    return request_send(r, on_alive);
}

/* ---- signing keys ---- */

/* False when it is none: somebody wrote into the hash. */
static bool take_key(redisReply *const *e, struct token_key *out)
{
    if (!token_is_device(e[0]->str, e[0]->len) || !secret_read(out->key, e[2]->str))
        return false;
    memcpy(out->kid, e[0]->str, e[0]->len + 1);
    out->created_ms = strtoll(e[1]->str, NULL, 10);
    return true;
}

static void on_keys(struct request *r, enum store_status status, const redisReply *reply)
{
    struct token_key keys[KEYRING_MOST];
    struct store_keys result = { .status = status, .keys = keys };
    size_t first = 1;
    if (status == STORE_OK && (!is_texts(reply) || reply->elements % 3 != 1))
        result.status = STORE_REFUSED;
    if (result.status == STORE_OK) {
        result.now_ms = strtoll(reply->element[0]->str, NULL, 10);
        if (reply->elements > 1 + 3 * KEYRING_MOST)
            first = reply->elements - 3 * KEYRING_MOST;
        for (size_t i = first; i < reply->elements; i += 3)
            result.count += take_key(&reply->element[i], &keys[result.count]);
    }
    r->done.keys(r->arg, &result);
    secret_wipe(keys, sizeof(keys));
}

int store_keys(struct store *s, const struct token_key *candidate, store_keys_fn *done, void *arg)
{
    struct request *r;
    int error = request_open(s, (union request_done){ .keys = done }, arg, &r);
    if (error)
        return error;
    char text[SECRET_CHARS + 1];
    secret_write(text, candidate->key);
    const int64_t life = s->settings->access_token_s * 1000 + KEYRING_LEAD_MS + KEY_SPARE_MS;
    int64_t rotate = s->settings->token_key_s * 1000;
    if (rotate < life / KEYS_PER_LIFE)
        rotate = life / KEYS_PER_LIFE;
    request_script(r, SCRIPT_KEYS, 1, 4);
    request_addj(r, s->settings->redis_prefix, "accounts:keys");
    request_addz(r, candidate->kid);
    request_addz(r, text);
    request_addu(r, (uint64_t)rotate);
    request_addu(r, (uint64_t)life);
    secret_wipe(text, sizeof(text));
    return request_send(r, on_keys);
}

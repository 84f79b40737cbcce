/* Accounts: passwords, registration, and a Redis that came back without them. */
#include "state.h"

#include <stdlib.h>
#include <string.h>

enum { REGISTER_WINDOW_MS = 3600 * 1000 };

enum store_status answer_status(enum store_status status, const redisReply *reply, size_t texts)
{
    static const struct {
        const char *word;
        enum store_status status;
    } words[] = {
        { "none", STORE_NONE },     { "limited", STORE_LIMITED }, { "taken", STORE_TAKEN },
        { "reuse", STORE_REVOKED }, { "revoked", STORE_REVOKED }, { "wait", STORE_WAIT },
    };
    if (status != STORE_OK)
        return status;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 ||
        reply->element[0]->type != REDIS_REPLY_STRING)
        return STORE_REFUSED;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(reply->element[0]->str, words[i].word) == 0)
            return words[i].status;
    for (size_t i = 0; i <= texts; i++)
        if (i >= reply->elements || reply->element[i]->type != REDIS_REPLY_STRING)
            return STORE_REFUSED;
    return STORE_OK;
}

int64_t answer_wait_ms(enum store_status status, const redisReply *reply)
{
    bool told = status == STORE_LIMITED && reply->elements > 1 &&
                reply->element[1]->type == REDIS_REPLY_INTEGER;
    return told ? reply->element[1]->integer : 0;
}

static uint64_t number(const redisReply *reply, size_t i)
{
    return strtoull(reply->element[i]->str, NULL, 10);
}

static void on_status(struct request *r, enum store_status status, const redisReply *reply)
{
    r->done.status(r->arg, answer_status(status, reply, 0));
}

/* ---- login ---- */

static void on_login(struct request *r, enum store_status status, const redisReply *reply)
{
    struct store_login_found result = { .status = answer_status(status, reply, 3) };
    result.retry_after_ms = answer_wait_ms(result.status, reply);
    if (result.status == STORE_OK) {
        result.user = reply->element[1]->str;
        result.phc = reply->element[2]->str;
        result.version = number(reply, 3);
    }
    r->done.login(r->arg, &result);
}

/* Three arguments: the counters of an attempt. */
static void add_counters(struct request *r, const struct store_login *l) REQUIRES(on_hub);
static void add_counters(struct request *r, const struct store_login *l)
{
    const char *prefix = r->store->settings->redis_prefix;
    request_addj(r, prefix, "login:pair:", l->address, "|", l->fold->one);
    request_addj(r, prefix, "login:addr:", l->address);
    request_addj(r, prefix, "login:name:", l->fold->one);
}

int store_login(struct store *s, const struct store_login *l, store_login_fn *done, void *arg)
{
    struct request *r;
    int error = request_open(s, (union request_done){ .login = done }, arg, &r);
    if (error)
        return error;
    const char *prefix = s->settings->redis_prefix;
    request_script(r, SCRIPT_LOGIN, 6, 6);
    request_addj(r, prefix, "account:", l->name);
    request_addj(r, prefix, "registered:", l->fold->one);
    request_addj(r, prefix, "accounts:ready");
    add_counters(r, l);
    request_addz(r, prefix);
    request_addz(r, l->fold->one);
    request_addu(r, (uint64_t)s->settings->login_window_s * 1000);
    request_addu(r, (uint64_t)s->settings->login_limit);
    request_addu(r, (uint64_t)s->settings->login_limit_address);
    request_addu(r, (uint64_t)s->settings->login_limit_name);
    return request_send(r, on_login);
}

static void on_admin(struct request *r, enum store_status status, const redisReply *reply)
{
    status = answer_status(status, reply, 0);
    r->done.admin(r->arg, status, answer_wait_ms(status, reply));
}

int store_admin(struct store *s, const char *address, bool wrong, store_admin_fn *done, void *arg)
{
    struct request *r;
    int error = request_open(s, (union request_done){ .admin = done }, arg, &r);
    if (error)
        return error;
    request_script(r, SCRIPT_ADMIN, 1, 3);
    request_addj(r, s->settings->redis_prefix, "login:addr:", address);
    request_addz(r, wrong ? "1" : "");
    request_addu(r, (uint64_t)s->settings->login_window_s * 1000);
    request_addu(r, (uint64_t)s->settings->login_limit_address);
    return request_send(r, on_admin);
}

static uint64_t device_life_s(const struct store *s)
{
    return (uint64_t)s->settings->refresh_token_days * 86400;
}

static void on_signed_in(struct request *r, enum store_status status, const redisReply *reply)
{
    struct store_signed_in result = { .status = answer_status(status, reply, 2) };
    if (result.status == STORE_OK) {
        result.device = reply->element[1]->str;
        result.now_ms = (int64_t)number(reply, 2);
    }
    r->done.signed_in(r->arg, &result);
}

int store_sign_in(struct store *s, const struct store_sign_in *in, store_signed_in_fn *done,
                  void *arg)
{
    struct request *r;
    int error = request_open(s, (union request_done){ .signed_in = done }, arg, &r);
    if (error)
        return error;
    request_script(r, SCRIPT_DEVICE, 3, 9);
    add_counters(r, in->login);
    request_addz(r, s->settings->redis_prefix);
    request_addz(r, in->user);
    request_addu(r, in->version);
    request_addz(r, in->old_device ? in->old_device : "");
    request_addz(r, in->device.id);
    request_addz(r, in->device.label);
    request_addz(r, in->device.seed);
    request_addu(r, device_life_s(s));
    request_addz(r, in->phc ? in->phc : "");
    return request_send(r, on_signed_in);
}

/* ---- accounts ---- */

static void on_registered(struct request *r, enum store_status status, const redisReply *reply)
{
    struct store_registered result = { .status = answer_status(status, reply, 1) };
    result.retry_after_ms = answer_wait_ms(result.status, reply);
    if (result.status == STORE_OK)
        result.now_ms = (int64_t)number(reply, 1);
    r->done.registered(r->arg, &result);
}

int store_register(struct store *s, const struct store_register *in, store_registered_fn *done,
                   void *arg)
{
    struct request *r;
    int error = request_open(s, (union request_done){ .registered = done }, arg, &r);
    if (error)
        return error;
    const char *prefix = s->settings->redis_prefix;
    request_script(r, SCRIPT_REGISTER, 5, 12);
    request_addj(r, prefix, "registered:", in->fold->one);
    request_addj(r, prefix, "registered:", in->fold->two);
    request_addj(r, prefix, "name:", in->user);
    request_addj(r, prefix, "accounts:ready");
    request_addj(r, prefix, "register:addr:", in->address);
    request_addz(r, prefix);
    request_addz(r, in->user);
    request_addz(r, in->fold->one);
    request_addz(r, in->fold->two);
    request_addz(r, in->session ? in->session : "");
    request_addu(r, (uint64_t)s->settings->register_limit_address);
    request_addu(r, REGISTER_WINDOW_MS);
    request_addz(r, in->phc ? in->phc : "");
    request_addz(r, in->device.id);
    request_addz(r, in->device.label);
    request_addz(r, in->device.seed);
    request_addu(r, device_life_s(s));
    return request_send(r, on_registered);
}

int store_password(struct store *s, const char *user, uint64_t version, const char *phc,
                   const char *device, store_status_fn *done, void *arg)
{
    struct request *r;
    int error = request_open(s, (union request_done){ .status = done }, arg, &r);
    if (error)
        return error;
    request_script(r, SCRIPT_PASSWORD, 0, 5);
    request_addz(r, s->settings->redis_prefix);
    request_addz(r, user);
    request_addu(r, version);
    request_addz(r, phc);
    request_addz(r, device);
    return request_send(r, on_status);
}

int store_unregister(struct store *s, const char *user, uint64_t version, const char *device,
                     store_status_fn *done, void *arg)
{
    struct request *r;
    int error = request_open(s, (union request_done){ .status = done }, arg, &r);
    if (error)
        return error;
    request_script(r, SCRIPT_UNREGISTER, 0, 4);
    request_addz(r, s->settings->redis_prefix);
    request_addz(r, user);
    request_addu(r, version);
    request_addz(r, device);
    return request_send(r, on_status);
}

/* ---- a Redis that came back without accounts ---- */

static const char *const known_by[] = {
    [STORE_ACCOUNTS_UNKNOWN] = "",
    [STORE_ACCOUNTS_OPEN] = "open",
    [STORE_ACCOUNTS_RESTORED] = "restored",
};

static void on_accounts(struct request *r, enum store_status status, const redisReply *reply)
{
    struct store_accounts_state result = { .status = status };
    if (status == STORE_OK) {
        bool sound = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                     reply->element[0]->type == REDIS_REPLY_STRING &&
                     reply->element[1]->type == REDIS_REPLY_INTEGER;
        if (!sound)
            result.status = STORE_REFUSED;
        for (int i = STORE_ACCOUNTS_UNKNOWN; sound && i <= STORE_ACCOUNTS_RESTORED; i++)
            if (strcmp(reply->element[0]->str, known_by[i]) == 0)
                result.state = (enum store_accounts)i;
        result.used = sound && reply->element[1]->integer == 1;
    }
    r->done.accounts(r->arg, &result);
}

int store_accounts(struct store *s, enum store_accounts state, store_accounts_fn *done, void *arg)
{
    struct request *r;
    int error = request_open(s, (union request_done){ .accounts = done }, arg, &r);
    if (error)
        return error;
    request_script(r, SCRIPT_READY, 1, 1);
    request_addj(r, s->settings->redis_prefix, "accounts:ready");
    request_addz(r, known_by[state]);
    return request_send(r, on_accounts);
}

static void on_restored(struct request *r, enum store_status status, const redisReply *reply)
{
    if (status == STORE_OK && reply->type != REDIS_REPLY_INTEGER)
        status = STORE_REFUSED;
    r->done.status(r->arg, status);
}

int store_restore(struct store *s, const struct store_record *records, size_t count,
                  store_status_fn *done, void *arg)
{
    BUG_ON(count > STORE_RESTORE_MOST);
    struct request *r;
    int error = request_open(s, (union request_done){ .status = done }, arg, &r);
    if (error)
        return error;
    request_script(r, SCRIPT_RESTORE, 1, 1 + 2 * count);
    request_addj(r, s->settings->redis_prefix, "accounts:ready");
    request_addz(r, s->settings->redis_prefix);
    for (size_t i = 0; i < count; i++) {
        request_addz(r, records[i].name);
        request_add(r, records[i].json, records[i].json_size);
    }
    return request_send(r, on_restored);
}

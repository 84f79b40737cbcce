/* What takes a password: making an account, logging in, changing the password, ending the account.
 * Each waits for Redis, then for a thread that hashes, then for Redis again; at most PASSWORD_QUEUE
 * of them at a time, so that the queue of those threads is never full.
 *
 * Whether there is such an account must not show: a login with a name that nobody has asks Redis
 * the same, and hashes the same. */
#include "state.h"

#include "confab/store/accounts.h"

#include <stdlib.h>
#include <string.h>

enum { RETRY_BUSY_MS = 1000, RETRY_UNAVAILABLE_MS = 1000, DAY_S = 86400 };

struct sign_in {
    struct hub *hub;
    struct peer *peer; /* counted */
    struct command *c; /* own */
    struct fold fold;  /* of c->username */
    uint64_t version;  /* of the account that was found */
    unsigned char seed[SECRET_BYTES];
    char seed_text[SECRET_CHARS + 1];
    char device[DEVICE_CHARS + 1];
    char user[NAME_MAX_BYTES + 1]; /* as it is registered */
    char phc[PHC_BYTES];           /* of a password hashed here; "": none was */
};

static void sign_in_free(struct sign_in *op) REQUIRES(on_hub)
{
    op->hub->sign_ins--;
    op->peer->in_flight--;
    peer_unref(op->peer);
    command_free(op->c);
    secret_wipe(op, sizeof *op);
    free(op);
}

static void end(struct sign_in *op, struct frame *answer) REQUIRES(on_hub)
{
    peer_send_new(op->hub, op->peer, answer);
    sign_in_free(op);
}

static void fail(struct sign_in *op, enum error_code code, int64_t retry_after_ms) REQUIRES(on_hub)
{
    if (code == ERROR_BAD_LOGIN)
        stat_add(op->hub->stats, logins_failed, 1);
    if (code == ERROR_LOGIN_LIMITED)
        stat_add(op->hub->stats, logins_limited, 1);
    end(op, event_error(code, NULL, code == ERROR_NAME_TAKEN ? "name" : NULL, retry_after_ms));
}

static void fail_store(struct sign_in *op, enum store_status status, int64_t wait_ms)
    REQUIRES(on_hub)
{
    if (status == STORE_WAIT)
        accounts_missing(op->hub);
    if (status == STORE_LIMITED)
        fail(op, ERROR_LOGIN_LIMITED, wait_ms);
    else if (status == STORE_TAKEN)
        fail(op, ERROR_NAME_TAKEN, -1);
    else if (status == STORE_NONE) /* the account changed meanwhile */
        fail(op, ERROR_BUSY, RETRY_BUSY_MS);
    else if (status == STORE_REVOKED) /* the device that asks */
        fail(op, ERROR_BAD_TOKEN, -1);
    else if (status == STORE_REFUSED)
        fail(op, ERROR_STORE_FAILED, -1);
    else
        fail(op, ERROR_UNAVAILABLE, RETRY_UNAVAILABLE_MS);
}

/* 0 from an operation of the store: it goes on. Else it ends here. */
static void unless_sent(struct sign_in *op, int error) REQUIRES(on_hub)
{
    if (error == -EBUSY)
        fail(op, ERROR_BUSY, RETRY_BUSY_MS);
    else if (error)
        fail_store(op, STORE_UNAVAILABLE, 0);
}

/* ---- passwords ---- */

/* phc NULL: makes a hash; else compares. */
static void hash(struct sign_in *op, const char *password, const char *phc) REQUIRES(on_hub)
{
    struct password_job *job = password_job_new(password, phc, op);
    if (passwords_push(op->hub->passwords, job) == 0)
        return;
    password_job_free(job); /* the hub is stopping */
    fail(op, ERROR_BUSY, RETRY_BUSY_MS);
}

/* ---- tokens ---- */

static void new_device(struct sign_in *op)
{
    random_bytes(op->seed, sizeof op->seed);
    secret_write(op->seed_text, op->seed);
    hex_random(op->device, DEVICE_CHARS / 2);
}

static struct store_device device_of(const struct sign_in *op)
{
    return (struct store_device){ op->device, op->c->label, op->seed_text };
}

static void answer_tokens(struct sign_in *op, const char *device, int http_status) REQUIRES(on_hub)
{
    struct hub *h = op->hub;
    struct token_claims claims;
    struct str access = STR_INIT;
    char refresh[RULE_REFRESH_BYTES + 1];
    h->accounts_used = true;
    if (keys_sign(h, op->user, device, &claims, &access) != 0) {
        fail_store(op, STORE_UNAVAILABLE, 0);
        return;
    }
    refresh_token_write(refresh, device, 0, op->seed);
    end(op, event_tokens(&claims, access.data, refresh, h->settings->refresh_token_days * DAY_S,
                         http_status));
    secret_wipe(refresh, sizeof refresh);
    str_fini(&access);
}

static void signed_in(void *arg, const struct store_signed_in *r)
{
    role_assume(&on_hub);
    struct sign_in *op = arg;
    if (r->status != STORE_OK) {
        fail_store(op, r->status, 0);
        return;
    }
    stat_add(op->hub->stats, logins, 1);
    answer_tokens(op, r->device, 200);
}

static struct store_login login_of(const struct sign_in *op)
{
    const char *address = op->c->address ? op->c->address : "";
    return (struct store_login){ op->c->username, &op->fold, address };
}

static void sign_in(struct sign_in *op) REQUIRES(on_hub)
{
    new_device(op);
    const struct store_login login = login_of(op);
    const struct store_sign_in what = {
        .user = op->user,
        .version = op->version,
        .login = &login,
        .old_device = op->c->device,
        .device = device_of(op),
        .phc = op->phc[0] ? op->phc : NULL,
    };
    unless_sent(op, store_sign_in(op->hub->store, &what, signed_in, op));
}

/* ---- register ---- */

static void registered(void *arg, const struct store_registered *r);

static void ask_register(struct sign_in *op, const char *phc) REQUIRES(on_hub)
{
    const struct store_register what = {
        .user = op->user,
        .fold = &op->fold,
        .session = op->c->session,
        .address = login_of(op).address,
        .phc = phc,
        .device = device_of(op),
    };
    unless_sent(op, store_register(op->hub->store, &what, registered, op));
}

/* First without a hash: who cannot have the name costs no 20 ms. */
static void registered(void *arg, const struct store_registered *r)
{
    role_assume(&on_hub);
    struct sign_in *op = arg;
    if (r->status != STORE_OK) {
        fail_store(op, r->status, r->retry_after_ms);
    } else if (!op->phc[0]) {
        hash(op, op->c->password, NULL);
    } else {
        stat_add(op->hub->stats, registrations, 1);
        answer_tokens(op, op->device, 201);
    }
}

/* ---- login, and what wants the password again ---- */

static void found(void *arg, const struct store_login_found *r)
{
    role_assume(&on_hub);
    struct sign_in *op = arg;
    if (r->status == STORE_OK) {
        op->version = r->version;
        text_copy(op->user, sizeof op->user, r->user);
        hash(op, op->c->password, r->phc);
    } else if (r->status == STORE_NONE) {
        hash(op, op->c->password, "");
    } else {
        fail_store(op, r->status, r->retry_after_ms);
    }
}

static void changed(void *arg, enum store_status status)
{
    role_assume(&on_hub);
    struct sign_in *op = arg;
    if (status == STORE_OK)
        end(op, event_done());
    else
        fail_store(op, status, 0);
}

static void verified(struct sign_in *op, bool outdated) REQUIRES(on_hub)
{
    if (op->c->type == COMMAND_PASSWORD)
        hash(op, op->c->new_password, NULL);
    else if (op->c->type == COMMAND_UNREGISTER)
        unless_sent(op, store_unregister(op->hub->store, op->user, op->version,
                                         op->c->claims->device, changed, op));
    else if (outdated)
        hash(op, op->c->password, NULL);
    else
        sign_in(op);
}

static void hashed(struct sign_in *op) REQUIRES(on_hub)
{
    if (op->c->type == COMMAND_REGISTER)
        ask_register(op, op->phc);
    else if (op->c->type == COMMAND_PASSWORD)
        unless_sent(op, store_password(op->hub->store, op->user, op->version, op->phc,
                                       op->c->claims->device, changed, op));
    else
        sign_in(op);
}

void account_hashed(struct hub *h, struct password_job *job)
{
    (void)h;
    struct sign_in *op = job->arg;
    if (job->error || op->peer->state == PEER_GONE) {
        fail(op, ERROR_BUSY, RETRY_BUSY_MS);
    } else if (job->kind == PASSWORD_HASH) {
        memcpy(op->phc, job->phc, sizeof op->phc);
        hashed(op);
    } else if (job->good) {
        verified(op, job->outdated);
    } else {
        fail(op, ERROR_BAD_LOGIN, -1);
    }
    password_job_free(job);
}

/* ---- begin ---- */

static struct sign_in *sign_in_new(struct hub *h, struct peer *p, struct command *c)
    REQUIRES(on_hub)
{
    struct sign_in *op = xcalloc(1, sizeof *op);
    op->hub = h;
    op->peer = peer_ref(p);
    op->c = c;
    fold_name(c->username, &op->fold);
    text_copy(op->user, sizeof op->user, c->username);
    p->in_flight++;
    h->sign_ins++;
    return op;
}

void account_run(struct hub *h, struct peer *p, struct command *c)
{
    enum error_code refusal = ERROR_NONE;
    if (c->claims && strcmp(c->claims->user, c->username) != 0) {
        refusal = ERROR_WRONG_USER;
    } else if (h->sign_ins >= (uint32_t)h->settings->password_queue) {
        stat_add(h->stats, passwords_refused, 1);
        refusal = ERROR_BUSY;
    }
    if (refusal != ERROR_NONE) {
        peer_error(h, p, refusal, NULL, NULL, refusal == ERROR_BUSY ? RETRY_BUSY_MS : -1);
        command_free(c);
        return;
    }
    struct sign_in *op = sign_in_new(h, p, c);
    if (c->type == COMMAND_REGISTER) {
        new_device(op);
        ask_register(op, NULL);
        return;
    }
    const struct store_login login = login_of(op);
    unless_sent(op, store_login(h->store, &login, found, op));
}

#include "support/accounts/story.h"

#include <stdio.h>
#include <string.h>

#define WAIT_FOR(t, out) WAIT_UNTIL((t)->base, (out).count > 0)

/* ---- answers ---- */

static void on_status(void *arg, enum store_status status)
{
    struct test_account *out = arg;
    out->count++;
    out->status = status;
}

static void on_login(void *arg, const struct store_login_found *r)
{
    struct test_account *out = arg;
    on_status(out, r->status);
    out->retry_after_ms = r->retry_after_ms;
    out->version = r->version;
    snprintf(out->user, sizeof(out->user), "%s", r->user ? r->user : "");
    snprintf(out->phc, sizeof(out->phc), "%s", r->phc ? r->phc : "");
}

static void on_signed_in(void *arg, const struct store_signed_in *r)
{
    struct test_account *out = arg;
    on_status(out, r->status);
    out->now_ms = r->now_ms;
    snprintf(out->device, sizeof(out->device), "%s", r->device ? r->device : "");
}

static void on_registered(void *arg, const struct store_registered *r)
{
    struct test_account *out = arg;
    on_status(out, r->status);
    out->now_ms = r->now_ms;
    out->retry_after_ms = r->retry_after_ms;
}

static void on_rotated(void *arg, const struct store_rotated *r)
{
    struct test_account *out = arg;
    on_status(out, r->status);
    out->now_ms = r->now_ms;
    out->n = r->n;
}

/* ---- calls ---- */

struct test_account test_register_as(struct test_store *t, const char *user, const char *session,
                                     const char *address, const char *phc, const char *device)
{
    struct test_account out = { 0 };
    struct fold fold;
    fold_name(user, &fold);
    const struct store_register what = {
        .user = user,
        .fold = &fold,
        .session = session,
        .address = address,
        .phc = phc,
        .device = { .id = device, .label = "first", .seed = TEST_SEED },
    };
    assert_int_equal(store_register(t->store, &what, on_registered, &out), 0);
    WAIT_FOR(t, out);
    return out;
}

struct test_account test_register(struct test_store *t, const char *user, const char *device)
{
    char phc[160];
    snprintf(phc, sizeof(phc), "HASH-%s", user);
    return test_register_as(t, user, NULL, TEST_ADDRESS, phc, device);
}

struct test_account test_login(struct test_store *t, const char *name, const char *address)
{
    struct test_account out = { 0 };
    struct fold fold;
    fold_name(name, &fold);
    const struct store_login what = { .name = name, .fold = &fold, .address = address };
    assert_int_equal(store_login(t->store, &what, on_login, &out), 0);
    WAIT_FOR(t, out);
    return out;
}

struct test_account test_sign_in_at(struct test_store *t, const char *user, uint64_t version,
                                    const char *old, const char *device, const char *phc)
{
    struct test_account out = { 0 };
    struct fold fold;
    fold_name(user, &fold);
    const struct store_login login = { .name = user, .fold = &fold, .address = TEST_ADDRESS };
    const struct store_sign_in what = {
        .user = user,
        .version = version,
        .login = &login,
        .old_device = old,
        .device = { .id = device, .label = "", .seed = TEST_SEED },
        .phc = phc,
    };
    assert_int_equal(store_sign_in(t->store, &what, on_signed_in, &out), 0);
    WAIT_FOR(t, out);
    return out;
}

struct test_account test_sign_in(struct test_store *t, const char *name, const char *old,
                                 const char *device)
{
    struct test_account found = test_login(t, name, TEST_ADDRESS);
    assert_int_equal(found.status, STORE_OK);
    return test_sign_in_at(t, found.user, found.version, old, device, NULL);
}

struct test_account test_rotate(struct test_store *t, const char *user, const char *device,
                                const char *seed, uint64_t n)
{
    struct test_account out = { 0 };
    assert_int_equal(store_rotate(t->store, user, device, seed, n, on_rotated, &out), 0);
    WAIT_FOR(t, out);
    return out;
}

enum store_status test_password(struct test_store *t, const char *user, uint64_t version,
                                const char *phc, const char *device)
{
    struct test_account out = { 0 };
    assert_int_equal(store_password(t->store, user, version, phc, device, on_status, &out), 0);
    WAIT_FOR(t, out);
    return out.status;
}

enum store_status test_unregister(struct test_store *t, const char *user, uint64_t version,
                                  const char *device)
{
    struct test_account out = { 0 };
    assert_int_equal(store_unregister(t->store, user, version, device, on_status, &out), 0);
    WAIT_FOR(t, out);
    return out.status;
}

struct told {
    unsigned count;
    char text[16];
};

static void on_accounts(void *arg, const struct store_accounts_state *r)
{
    static const char *const names[] = { "unknown", "open", "restored" };
    struct told *out = arg;
    out->count++;
    assert_int_equal(r->status, STORE_OK);
    snprintf(out->text, sizeof(out->text), "%s%s", names[r->state], r->used ? "!" : "");
}

const char *test_accounts(struct test_store *t, enum store_accounts state)
{
    static struct told out;
    out.count = 0;
    assert_int_equal(store_accounts(t->store, state, on_accounts, &out), 0);
    WAIT_FOR(t, out);
    return out.text;
}

enum store_status test_restore(struct test_store *t, const char *name, const char *json)
{
    struct test_account out = { 0 };
    const struct store_record record = { .name = name, .json = json, .json_size = strlen(json) };
    assert_int_equal(store_restore(t->store, &record, 1, on_status, &out), 0);
    WAIT_FOR(t, out);
    return out.status;
}

static enum store_status claim(struct test_store *t, const struct store_claim *what)
    REQUIRES(on_hub)
{
    struct test_claimed out = { 0 };
    assert_int_equal(store_claim(t->store, what, test_claimed, &out), 0);
    WAIT_FOR(t, out);
    return out.status;
}

enum store_status test_claim_guest(struct test_store *t, const char *user, const char *session)
{
    struct fold fold;
    fold_name(user, &fold);
    return claim(t, &(struct store_claim){ .user = user, .session = session, .fold = &fold });
}

enum store_status test_claim_account(struct test_store *t, const char *user, const char *device)
{
    return claim(t, &(struct store_claim){ .user = user, .session = device, .device = device });
}

/* The store: devices, refresh tokens, signing keys; against a real Redis. */
#include "store/state.h"
#include "support/accounts/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICE_A "00000000000000aa"
#define DEVICE_B "00000000000000bb"
#define DEVICE_C "00000000000000cc"

static struct test_redis redis;
static struct event_base *base;
static struct test_store a, b;

static int set_up(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_stores_init(&redis, &base, &a, &b);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_stores_fini(&redis, base, &a, &b);
    return 0;
}

/* Each test begins with one account, al, and its device A; b hears of what becomes of them. */
static int begin(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "FLUSHALL");
    str_reset(&b.log);
    a.settings.refresh_grace_s = 30;
    a.settings.token_key_s = 604800;
    a.settings.access_token_s = 900;
    test_accounts(&a, STORE_ACCOUNTS_OPEN);
    assert_int_equal(test_register(&a, "al", DEVICE_A).status, STORE_OK);
    test_store_subscribe(&b, STORE_CHANNEL_USER, "al");
    return 0;
}

static int end(void **state)
{
    (void)state;
    role_assume(&on_hub);
    store_unsubscribe(b.store, STORE_CHANNEL_USER, "al");
    return 0;
}

/* ---- answers ---- */

struct listed {
    unsigned count;
    enum store_status status;
    char ids[1024]; /* each with a space behind it */
    struct device_info first;
    char label[64];
    uint64_t revoked;
};

static void add_word(char *list, size_t size, const char *word)
{
    const size_t used = strlen(list);
    snprintf(list + used, size - used, "%s ", word);
}

static void on_devices(void *arg, const struct store_devices *r)
{
    struct listed *out = arg;
    out->count++;
    out->status = r->status;
    for (size_t i = 0; i < r->count; i++) {
        add_word(out->ids, sizeof(out->ids), r->devices[i].id);
    }
    if (r->count > 0) {
        out->first = r->devices[0];
        snprintf(out->label, sizeof(out->label), "%s", r->devices[0].label);
    }
}

static struct listed list(const char *user, const char *asker) REQUIRES(on_hub)
{
    struct listed out = { 0 };
    assert_int_equal(store_devices(a.store, user, asker, on_devices, &out), 0);
    WAIT_UNTIL(base, out.count);
    return out;
}

static void on_revoked(void *arg, const struct store_revoked *r)
{
    struct listed *out = arg;
    out->count++;
    out->status = r->status;
    out->revoked = r->count;
}

static uint64_t revoke(const char *user, const char *device, const char *asker) REQUIRES(on_hub)
{
    struct listed out = { 0 };
    const struct store_revoke what = { .user = user, .device = device, .asker = asker };
    assert_int_equal(store_revoke(a.store, &what, on_revoked, &out), 0);
    WAIT_UNTIL(base, out.count);
    assert_int_equal(out.status, STORE_OK);
    return out.revoked;
}

static void on_alive(void *arg, const struct store_alive *r)
{
    struct listed *out = arg;
    out->count++;
    out->status = r->status;
    for (size_t i = 0; i < r->count; i++) {
        add_word(out->ids, sizeof(out->ids), r->gone[i]);
    }
}

static void on_seed(void *arg, const struct store_seed *r)
{
    struct listed *out = arg;
    out->count++;
    out->status = r->status;
    if (r->status == STORE_OK)
        snprintf(out->ids, sizeof(out->ids), "%s %s", r->user, r->seed);
}

static struct listed seed_of(const char *device) REQUIRES(on_hub)
{
    struct listed out = { 0 };
    assert_int_equal(store_seed(a.store, device, on_seed, &out), 0);
    WAIT_UNTIL(base, out.count);
    return out;
}

/* ---- devices ---- */

static void devices_are_listed_the_one_seen_last_first(void **state)
{
    (void)state;
    role_assume(&on_hub);
    const int64_t now = clock_wall_ms();
    test_sign_in(&a, "al", NULL, DEVICE_B);
    test_redis(&redis, "ZADD t:{user:al}:devices 1000 " DEVICE_B);
    struct listed devices = list("al", DEVICE_A);
    assert_int_equal(devices.status, STORE_OK);
    assert_string_equal(devices.ids, DEVICE_A " " DEVICE_B " ");
    assert_string_equal(devices.label, "first");
    assert_true(llabs(devices.first.created_ms - now) < 5000);
    assert_true(llabs(devices.first.seen_ms - now) < 5000);
    assert_int_equal(list("nobody", DEVICE_A).status, STORE_REVOKED);
    assert_int_equal(list("al", DEVICE_C).status, STORE_REVOKED);
    /* one whose life has ended is not there, and is forgotten */
    test_redis(&redis, "DEL t:device:" DEVICE_A);
    assert_string_equal(list("al", DEVICE_B).ids, DEVICE_B " ");
    assert_string_equal(test_redis(&redis, "ZCARD t:{user:al}:devices"), "1");
}

static void device_that_signs_in_again_keeps_its_id_and_loses_its_tokens(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_int_equal(test_rotate(&a, "al", DEVICE_A, TEST_SEED, 0).n, 1);
    test_redis(&redis, "HSET t:device:" DEVICE_A " seed old");
    assert_string_equal(test_sign_in(&a, "al", DEVICE_A, DEVICE_B).device, DEVICE_A);
    assert_string_equal(list("al", DEVICE_A).ids, DEVICE_A " ");
    assert_string_equal(list("al", DEVICE_A).label, "first");
    assert_string_equal(test_redis(&redis, "HMGET t:device:" DEVICE_A " seed n"), TEST_SEED " 0");
    /* an id that is none of this user's devices gets nobody anything */
    test_register(&a, "bo", DEVICE_B);
    assert_string_equal(test_sign_in(&a, "al", DEVICE_B, DEVICE_C).device, DEVICE_C);
    assert_string_equal(test_redis(&redis, "HGET t:device:" DEVICE_B " user"), "bo");
}

static void one_device_too_many_ends_the_one_unseen_for_longest(void **state)
{
    (void)state;
    role_assume(&on_hub);
    char id[DEVICE_CHARS + 1];
    test_redis(&redis, "ZADD t:{user:al}:devices 1000 " DEVICE_A);
    for (unsigned i = 1; i < RULE_DEVICES; i++) {
        hex_u64(id, i);
        test_sign_in(&a, "al", NULL, id);
    }
    assert_int_equal(test_claim_account(&a, "al", DEVICE_A), STORE_OK);
    assert_false(test_store_saw(&b, "user al d"));
    test_sign_in(&a, "al", NULL, DEVICE_B);
    WAIT_UNTIL(base, test_store_saw(&b, "user al d " DEVICE_A "\n"));
    assert_int_equal(test_claim_account(&a, "al", DEVICE_A), STORE_REVOKED);
    assert_int_equal(atoi(test_redis(&redis, "ZCARD t:{user:al}:devices")), RULE_DEVICES);
    assert_int_equal(test_claim_account(&a, "al", DEVICE_B), STORE_OK);
}

static void revoking_ends_this_users_devices_alone(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_register(&a, "bo", DEVICE_B);
    test_sign_in(&a, "al", NULL, DEVICE_C);
    assert_int_equal(revoke("al", DEVICE_B, DEVICE_A), 0); /* bo's */
    assert_int_equal(revoke("al", "0000000000000000", DEVICE_A), 0);
    assert_string_equal(list("bo", DEVICE_B).ids, DEVICE_B " ");
    assert_int_equal(revoke("al", DEVICE_A, DEVICE_C), 1);
    WAIT_UNTIL(base, test_store_saw(&b, "user al d " DEVICE_A "\n"));
    assert_string_equal(list("al", DEVICE_C).ids, DEVICE_C " ");
    assert_int_equal(revoke("al", DEVICE_A, DEVICE_C), 0);
    test_sign_in(&a, "al", NULL, DEVICE_A);
    assert_int_equal(revoke("al", NULL, DEVICE_C), 2);
    WAIT_UNTIL(base, test_store_saw(&b, "user al d *\n"));
    assert_int_equal(test_claim_account(&a, "al", DEVICE_C), STORE_REVOKED);
    assert_string_equal(test_redis(&redis, "KEYS t:device:*"), "t:device:" DEVICE_B);
}

static void alive_tells_which_are_gone_and_sees_the_others(void **state)
{
    (void)state;
    role_assume(&on_hub);
    const char *ids[] = { DEVICE_A, DEVICE_B, DEVICE_C };
    struct listed out = { 0 };
    test_sign_in(&a, "al", NULL, DEVICE_C);
    test_redis(&redis, "ZADD t:{user:al}:devices 1000 " DEVICE_A);
    const char *score = test_redis(&redis, "ZSCORE t:{user:al}:devices " DEVICE_C);
    char before[32];
    snprintf(before, sizeof(before), "%s", score);
    assert_int_equal(store_alive(b.store, ids, 3, on_alive, &out), 0);
    WAIT_UNTIL(base, out.count);
    assert_string_equal(out.ids, DEVICE_B " ");
    const int64_t seen = atoll(test_redis(&redis, "ZSCORE t:{user:al}:devices " DEVICE_A));
    assert_true(llabs(seen - clock_wall_ms()) < 5000);
    assert_string_equal(test_redis(&redis, "ZSCORE t:{user:al}:devices " DEVICE_C), before);
}

/* ---- refresh tokens ---- */

static void each_refresh_token_is_followed_by_the_next(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "EXPIRE t:device:" DEVICE_A " 10");
    for (unsigned n = 0; n < 5; n++) {
        struct test_account next = test_rotate(&a, "al", DEVICE_A, TEST_SEED, n);
        assert_int_equal(next.status, STORE_OK);
        assert_int_equal(next.n, n + 1);
        assert_true(llabs(next.now_ms - clock_wall_ms()) < 5000);
    }
    assert_true(atoll(test_redis(&redis, "TTL t:device:" DEVICE_A)) > 29 * 86400);
    assert_string_equal(seed_of(DEVICE_A).ids, "al " TEST_SEED);
    assert_int_equal(seed_of(DEVICE_B).status, STORE_NONE);
}

static void the_same_token_within_the_grace_has_the_same_successor(void **state)
{
    (void)state;
    role_assume(&on_hub);
    for (int i = 0; i < 3; i++) {
        struct test_account next = test_rotate(&a, "al", DEVICE_A, TEST_SEED, 0);
        assert_int_equal(next.status, STORE_OK);
        assert_int_equal(next.n, 1);
    }
    assert_int_equal(test_rotate(&a, "al", DEVICE_A, TEST_SEED, 1).n, 2);
    assert_int_equal(test_rotate(&b, "al", DEVICE_A, TEST_SEED, 1).n, 2);
}

static void reuse_ends_the_device(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_rotate(&a, "al", DEVICE_A, TEST_SEED, 0);
    test_rotate(&a, "al", DEVICE_A, TEST_SEED, 1);
    assert_int_equal(test_rotate(&a, "al", DEVICE_A, TEST_SEED, 0).status, STORE_REVOKED);
    WAIT_UNTIL(base, test_store_saw(&b, "user al d " DEVICE_A "\n"));
    assert_int_equal(test_rotate(&a, "al", DEVICE_A, TEST_SEED, 2).status, STORE_NONE);
    assert_int_equal(test_claim_account(&a, "al", DEVICE_A), STORE_REVOKED);
}

static void reuse_after_the_grace_ends_the_device(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_rotate(&a, "al", DEVICE_A, TEST_SEED, 0);
    /* it was used 31 s ago */
    const int64_t rotated = atoll(test_redis(&redis, "HGET t:device:" DEVICE_A " rotated"));
    test_redis(&redis, "HSET t:device:" DEVICE_A " rotated %lld", (long long)rotated - 31000);
    assert_int_equal(test_rotate(&a, "al", DEVICE_A, TEST_SEED, 0).status, STORE_REVOKED);
}

static void token_of_another_seed_or_user_changes_nothing(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_int_equal(test_rotate(&a, "al", DEVICE_A, "other", 0).status, STORE_NONE);
    assert_int_equal(test_rotate(&a, "bo", DEVICE_A, TEST_SEED, 0).status, STORE_NONE);
    assert_int_equal(test_rotate(&a, "al", DEVICE_B, TEST_SEED, 0).status, STORE_NONE);
    assert_int_equal(test_rotate(&a, "al", DEVICE_A, TEST_SEED, 0).n, 1);
}

/* A Redis that lost its last second knows less than the client. */
static void token_ahead_of_redis_is_taken(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_int_equal(test_rotate(&a, "al", DEVICE_A, TEST_SEED, 7).n, 8);
    assert_int_equal(test_rotate(&a, "al", DEVICE_A, TEST_SEED, 8).n, 9);
}

/* ---- signing keys ---- */

struct ring {
    unsigned count;
    enum store_status status;
    size_t size;
    char kids[512];
    struct token_key first, last;
    int64_t now_ms;
};

static void on_keys(void *arg, const struct store_keys *r)
{
    struct ring *out = arg;
    out->count++;
    out->status = r->status;
    out->size = r->count;
    out->now_ms = r->now_ms;
    for (size_t i = 0; i < r->count && i < 20; i++) {
        add_word(out->kids, sizeof(out->kids), r->keys[i].kid);
    }
    if (r->count > 0) {
        out->first = r->keys[0];
        out->last = r->keys[r->count - 1];
    }
}

static struct ring keys(struct test_store *t, const char *kid) REQUIRES(on_hub)
{
    struct ring out = { 0 };
    struct token_key candidate = { 0 };
    memcpy(candidate.kid, kid, KID_CHARS + 1);
    memset(candidate.key, kid[KID_CHARS - 1], sizeof(candidate.key));
    assert_int_equal(store_keys(t->store, &candidate, on_keys, &out), 0);
    WAIT_UNTIL(base, out.count);
    return out;
}

static void made_before(const char *kid, int64_t ms)
{
    char text[SECRET_CHARS + 1];
    unsigned char key[SECRET_BYTES];
    memset(key, kid[KID_CHARS - 1], sizeof(key));
    secret_write(text, key);
    char value[80]; /* one argument, a space in it */
    snprintf(value, sizeof(value), "%lld %s", (long long)(clock_wall_ms() - ms), text);
    test_redis(&redis, "HSET t:accounts:keys %s %s", kid, value);
}

static void first_key_is_everybodys(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct ring one = keys(&a, DEVICE_A), two = keys(&b, DEVICE_B);
    assert_int_equal(one.status, STORE_OK);
    assert_string_equal(one.kids, DEVICE_A " ");
    assert_string_equal(two.kids, DEVICE_A " ");
    assert_memory_equal(one.first.key, two.first.key, SECRET_BYTES);
    assert_true(llabs(one.now_ms - clock_wall_ms()) < 5000);
    assert_int_equal(one.first.created_ms, two.first.created_ms);
}

static void key_joins_when_the_newest_is_old(void **state)
{
    (void)state;
    role_assume(&on_hub);
    a.settings.token_key_s = 100;
    keys(&a, DEVICE_A);
    made_before(DEVICE_A, 99000);
    assert_string_equal(keys(&a, DEVICE_B).kids, DEVICE_A " ");
    made_before(DEVICE_A, 101000);
    assert_string_equal(keys(&a, DEVICE_B).kids, DEVICE_A " " DEVICE_B " ");
    assert_string_equal(keys(&a, DEVICE_C).kids, DEVICE_A " " DEVICE_B " ");
}

static void key_goes_when_nothing_that_it_signed_can_live(void **state)
{
    (void)state;
    role_assume(&on_hub);
    made_before(DEVICE_A, 9000000);
    made_before(DEVICE_B, 1000000); /* less than access_token_s and what comes on top */
    assert_string_equal(keys(&a, DEVICE_C).kids, DEVICE_A " " DEVICE_B " ");
    made_before(DEVICE_B, 1100000);
    keys(&a, DEVICE_C);
    assert_string_equal(keys(&a, DEVICE_C).kids, DEVICE_B " ");
}

/* A token outlives many keys when these are made very often: then they are made less often. */
static void keys_never_outgrow_the_keyring(void **state)
{
    (void)state;
    role_assume(&on_hub);
    a.settings.token_key_s = 10;
    a.settings.access_token_s = 86400;
    keys(&a, DEVICE_A);
    made_before(DEVICE_A, 86400000 / KEYRING_MOST);
    assert_string_equal(keys(&a, DEVICE_B).kids, DEVICE_A " ");
}

static void what_is_no_key_is_left_out(void **state)
{
    (void)state;
    role_assume(&on_hub);
    keys(&a, DEVICE_A);
    test_redis(&redis, "HSET t:accounts:keys short x " DEVICE_B " nonsense " DEVICE_C " 17");
    test_redis(&redis, "HSET t:accounts:keys kid %s", "99 " TEST_SEED);
    assert_string_equal(keys(&a, DEVICE_B).kids, DEVICE_A " ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define X(test) cmocka_unit_test_setup_teardown(test, begin, end)
        X(devices_are_listed_the_one_seen_last_first),
        X(device_that_signs_in_again_keeps_its_id_and_loses_its_tokens),
        X(one_device_too_many_ends_the_one_unseen_for_longest),
        X(revoking_ends_this_users_devices_alone),
        X(alive_tells_which_are_gone_and_sees_the_others),
        X(each_refresh_token_is_followed_by_the_next),
        X(the_same_token_within_the_grace_has_the_same_successor),
        X(reuse_ends_the_device),
        X(reuse_after_the_grace_ends_the_device),
        X(token_of_another_seed_or_user_changes_nothing),
        X(token_ahead_of_redis_is_taken),
        X(first_key_is_everybodys),
        X(key_joins_when_the_newest_is_old),
        X(key_goes_when_nothing_that_it_signed_can_live),
        X(keys_never_outgrow_the_keyring),
        X(what_is_no_key_is_left_out),
#undef X
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

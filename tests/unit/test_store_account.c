/* The store: accounts. Who may have a name, how often one may try a password, what an archive is
 * told and gives back; against a real Redis. */
#include "confab/store/accounts.h"
#include "store/state.h"
#include "support/accounts/story.h"

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

/* Each test begins with a Redis that may be believed: it has no accounts. */
static int begin(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "FLUSHALL");
    str_reset(&a.log);
    str_reset(&b.log);
    a.settings.login_limit = a.settings.login_limit_address = a.settings.login_limit_name = 0;
    a.settings.register_limit_address = 0;
    assert_string_equal(test_accounts(&a, STORE_ACCOUNTS_OPEN), "open");
    return 0;
}

/* ---- names ---- */

static void guest_cannot_take_a_registered_name_nor_one_like_it(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_int_equal(test_register(&a, "larry", DEVICE_A).status, STORE_OK);
    /* itself, case, width, a Cyrillic "а", and a capital that looks like the small letter */
    const char *const taken[] = { "larry", "LARRY", "ｌａｒｒｙ", "lаrry", "Iarry", "1arry" };
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        assert_int_equal(test_claim_guest(&b, taken[i], "s"), STORE_TAKEN);
        assert_int_equal(test_register(&b, taken[i], DEVICE_B).status, STORE_TAKEN);
    }
    assert_int_equal(test_claim_guest(&b, "barry", "s"), STORE_OK);
    assert_int_equal(test_claim_account(&b, "larry", DEVICE_A), STORE_OK);
    assert_int_equal(test_claim_guest(&b, "larry", "s"), STORE_TAKEN);
    /* who does not ask for accounts sees the names of guests alone */
    assert_int_equal(test_store_claim(&b, "larry", "s").status, STORE_OK);
}

static void name_that_a_guest_holds_is_registered_by_that_guest_alone(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_store_subscribe(&b, STORE_CHANNEL_USER, "al");
    assert_int_equal(test_claim_guest(&b, "al", "s1"), STORE_OK);
    assert_int_equal(test_register(&a, "al", DEVICE_A).status, STORE_TAKEN);
    assert_int_equal(test_register_as(&a, "al", "s2", TEST_ADDRESS, "HASH", DEVICE_A).status,
                     STORE_TAKEN);
    assert_string_equal(test_redis(&redis, "EXISTS t:account:al"), "0");
    assert_int_equal(test_register_as(&a, "al", "s1", TEST_ADDRESS, "HASH", DEVICE_A).status,
                     STORE_OK);
    WAIT_UNTIL(base, test_store_saw(&b, "user al g\n"));
    assert_int_equal(test_claim_guest(&b, "al", "s1"), STORE_TAKEN);
    store_unsubscribe(b.store, STORE_CHANNEL_USER, "al");
}

static void account_sends_away_who_held_its_name_without_one(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_register(&a, "al", DEVICE_A);
    test_store_subscribe(&b, STORE_CHANNEL_USER, "al");
    assert_int_equal(test_store_claim(&b, "al", "s").status, STORE_OK); /* ACCOUNTS=off */
    assert_int_equal(test_claim_account(&a, "al", DEVICE_A), STORE_OK);
    WAIT_UNTIL(base, test_store_saw(&b, "user al g\n"));
    assert_string_equal(test_redis(&redis, "EXISTS t:name:al"), "0");
    store_unsubscribe(b.store, STORE_CHANNEL_USER, "al");
}

static void claim_wants_a_device_of_this_user(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_register(&a, "al", DEVICE_A);
    test_register(&a, "bo", DEVICE_B);
    assert_int_equal(test_claim_account(&a, "al", DEVICE_A), STORE_OK);
    assert_int_equal(test_claim_account(&a, "al", DEVICE_B), STORE_REVOKED);
    assert_int_equal(test_claim_account(&a, "al", DEVICE_C), STORE_REVOKED);
    assert_int_equal(test_claim_account(&a, "cy", DEVICE_A), STORE_REVOKED);
}

struct racer {
    unsigned count;
    enum store_status status;
};

static void on_raced(void *arg, const struct store_registered *r)
{
    struct racer *out = arg;
    out->count++;
    out->status = r->status;
}

static void of_two_that_register_at_once_one_wins(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct test_store *stores[2] = { &a, &b };
    const char *const names[2] = { "alice", "ALICE" };
    struct racer out[2] = { 0 };
    struct fold folds[2];
    for (int i = 0; i < 2; i++) {
        fold_name(names[i], &folds[i]);
        struct store_register what = {
            .user = names[i],
            .fold = &folds[i],
            .address = TEST_ADDRESS,
            .phc = "HASH",
            .device = { i ? DEVICE_A : DEVICE_B, "", TEST_SEED },
        };
        assert_int_equal(store_register(stores[i]->store, &what, on_raced, &out[i]), 0);
    }
    WAIT_UNTIL(base, out[0].count && out[1].count);
    assert_true((out[0].status == STORE_OK) != (out[1].status == STORE_OK));
    assert_true((out[0].status == STORE_TAKEN) != (out[1].status == STORE_TAKEN));
    const int accounts = atoi(test_redis(&redis, "EXISTS t:account:alice t:account:ALICE"));
    assert_int_equal(accounts, 1);
}

static void registering_without_a_hash_only_asks(void **state)
{
    (void)state;
    role_assume(&on_hub);
    a.settings.register_limit_address = 1;
    for (int i = 0; i < 3; i++)
        assert_int_equal(test_register_as(&a, "al", NULL, TEST_ADDRESS, NULL, DEVICE_A).status,
                         STORE_OK);
    assert_string_equal(test_redis(&redis, "KEYS *"), "t:accounts:ready");
    assert_int_equal(test_register(&a, "al", DEVICE_A).status, STORE_OK);
    assert_int_equal(test_register_as(&a, "al", NULL, "192.0.2.9", NULL, DEVICE_A).status,
                     STORE_TAKEN);
}

static void an_address_makes_so_many_accounts_in_an_hour(void **state)
{
    (void)state;
    role_assume(&on_hub);
    a.settings.register_limit_address = 2;
    assert_int_equal(test_register(&a, "u1", DEVICE_A).status, STORE_OK);
    assert_int_equal(test_register(&a, "u1", DEVICE_B).status, STORE_TAKEN); /* does not count */
    assert_int_equal(test_register(&a, "u2", DEVICE_B).status, STORE_OK);
    struct test_account third = test_register(&a, "u3", DEVICE_C);
    assert_int_equal(third.status, STORE_LIMITED);
    assert_true(third.retry_after_ms > 3590000 && third.retry_after_ms <= 3600000);
    assert_int_equal(test_register_as(&a, "u3", NULL, "192.0.2.2", "HASH", DEVICE_C).status,
                     STORE_OK);
}

/* ---- passwords ---- */

static void login_finds_the_account_by_name_or_by_fold(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct test_account made = test_register(&a, "Larry", DEVICE_A);
    const char *const names[] = { "Larry", "larry", "LARRY", "ｌａｒｒｙ" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct test_account found = test_login(&b, names[i], TEST_ADDRESS);
        assert_int_equal(found.status, STORE_OK);
        assert_string_equal(found.user, "Larry");
        assert_string_equal(found.phc, "HASH-Larry");
        assert_int_equal(found.version, made.now_ms);
    }
    assert_int_equal(test_login(&b, "bob", TEST_ADDRESS).status, STORE_NONE);
}

/* Otherwise each look-alike would have attempts of its own. */
static void login_does_not_find_what_only_looks_alike(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_register(&a, "larry", DEVICE_A);
    struct fold real, alike;
    fold_name("larry", &real);
    fold_name("Iarry", &alike);
    assert_string_not_equal(real.one, alike.one);
    assert_int_equal(test_login(&b, "Iarry", TEST_ADDRESS).status, STORE_NONE);
}

static void limits_count_attempts_and_say_how_long(void **state)
{
    (void)state;
    role_assume(&on_hub);
    a.settings.login_limit = 2;
    test_register(&a, "al", DEVICE_A);
    const char *const names[] = { "al", "nobody" }; /* there is no difference */
    for (size_t i = 0; i < 2; i++) {
        enum store_status found = i == 0 ? STORE_OK : STORE_NONE;
        assert_int_equal(test_login(&a, names[i], "192.0.2.1").status, found);
        assert_int_equal(test_login(&a, names[i], "192.0.2.1").status, found);
        struct test_account third = test_login(&a, names[i], "192.0.2.1");
        assert_int_equal(third.status, STORE_LIMITED);
        assert_true(third.retry_after_ms > 290000 && third.retry_after_ms <= 300000);
        assert_int_equal(test_login(&a, names[i], "192.0.2.2").status, found);
    }
    /* refused attempts are not counted, and do not lengthen the window */
    test_redis(&redis, "PEXPIRE t:login:pair:192.0.2.1|al 5000");
    assert_true(test_login(&a, "al", "192.0.2.1").retry_after_ms <= 5000);
    assert_string_equal(test_redis(&redis, "GET t:login:pair:192.0.2.1|al"), "2");
    /* a counter without an end gets one: no ban for life */
    test_redis(&redis, "PERSIST t:login:pair:192.0.2.1|al");
    assert_int_equal(test_login(&a, "al", "192.0.2.1").status, STORE_LIMITED);
    assert_true(atoll(test_redis(&redis, "PTTL t:login:pair:192.0.2.1|al")) > 290000);
}

struct admin_answer {
    unsigned count;
    enum store_status status;
    int64_t retry_after_ms;
};

static void on_shown(void *arg, enum store_status status, int64_t retry_after_ms)
{
    struct admin_answer *out = arg;
    *out = (struct admin_answer){ out->count + 1, status, retry_after_ms };
}

static enum store_status show_admin_token(const char *address, bool wrong) REQUIRES(on_hub);
static enum store_status show_admin_token(const char *address, bool wrong)
{
    struct admin_answer out = { 0 };
    assert_int_equal(store_admin(a.store, address, wrong, on_shown, &out), 0);
    WAIT_UNTIL(base, out.count > 0);
    if (out.status == STORE_LIMITED)
        assert_true(out.retry_after_ms > 290000 && out.retry_after_ms <= 300000);
    return out.status;
}

/* A guess that is right must not get through either. */
static void wrong_admin_tokens_count_as_failed_logins_of_the_address(void **state)
{
    (void)state;
    role_assume(&on_hub);
    a.settings.login_limit_address = 2;
    for (int i = 0; i < 5; i++)
        assert_int_equal(show_admin_token("192.0.2.1", false), STORE_OK);
    assert_int_equal(test_login(&a, "nobody", "192.0.2.1").status, STORE_NONE);
    assert_int_equal(show_admin_token("192.0.2.1", true), STORE_OK);
    assert_int_equal(show_admin_token("192.0.2.1", true), STORE_LIMITED);
    assert_int_equal(show_admin_token("192.0.2.1", false), STORE_LIMITED);
    assert_int_equal(test_login(&a, "nobody", "192.0.2.1").status, STORE_LIMITED);
    assert_int_equal(show_admin_token("192.0.2.2", false), STORE_OK);
}

static void each_limit_stands_alone(void **state)
{
    (void)state;
    role_assume(&on_hub);
    a.settings.login_limit_address = 2;
    a.settings.login_limit_name = 3;
    assert_int_equal(test_login(&a, "u1", "192.0.2.1").status, STORE_NONE);
    assert_int_equal(test_login(&a, "u2", "192.0.2.1").status, STORE_NONE);
    assert_int_equal(test_login(&a, "u3", "192.0.2.1").status, STORE_LIMITED); /* the address */
    assert_string_equal(test_redis(&redis, "EXISTS t:login:name:u3"), "0");
    assert_int_equal(test_login(&a, "u1", "192.0.2.2").status, STORE_NONE);
    assert_int_equal(test_login(&a, "u1", "192.0.2.3").status, STORE_NONE);
    assert_int_equal(test_login(&a, "u1", "192.0.2.4").status, STORE_LIMITED); /* the name */
    assert_string_equal(test_redis(&redis, "EXISTS t:login:addr:192.0.2.4"), "0");
}

static void good_password_takes_its_attempt_back(void **state)
{
    (void)state;
    role_assume(&on_hub);
    a.settings.login_limit = a.settings.login_limit_address = a.settings.login_limit_name = 2;
    test_register(&a, "al", DEVICE_A);
    for (int i = 0; i < 5; i++)
        assert_int_equal(test_sign_in(&a, "al", DEVICE_A, DEVICE_B).status, STORE_OK);
    test_login(&a, "al", TEST_ADDRESS); /* a wrong one, … */
    assert_int_equal(test_sign_in(&a, "al", DEVICE_A, DEVICE_B).status, STORE_OK);
    assert_string_equal(test_redis(&redis, "GET t:login:addr:" TEST_ADDRESS), "1"); /* … counts */
    assert_string_equal(test_redis(&redis, "EXISTS t:login:pair:" TEST_ADDRESS "|al"), "0");
    /* a counter that ended meanwhile is not made anew */
    struct test_account found = test_login(&a, "al", TEST_ADDRESS);
    test_redis(&redis, "DEL t:login:addr:" TEST_ADDRESS " t:login:name:al");
    test_sign_in_at(&a, "al", found.version, DEVICE_A, DEVICE_B, NULL);
    assert_string_equal(test_redis(&redis, "EXISTS t:login:addr:" TEST_ADDRESS " t:login:name:al"),
                        "0");
}

static void account_that_changed_meanwhile_lets_nobody_in(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct test_account made = test_register(&a, "al", DEVICE_A);
    const uint64_t version = (uint64_t)made.now_ms;
    test_store_subscribe(&b, STORE_CHANNEL_USER, "al");
    assert_int_equal(test_sign_in(&a, "al", NULL, DEVICE_B).status, STORE_OK);
    assert_int_equal(test_password(&a, "al", version + 1, "NEW", DEVICE_A), STORE_NONE);
    assert_int_equal(test_password(&a, "al", version, "NEW", DEVICE_C), STORE_REVOKED);
    assert_int_equal(test_password(&a, "al", version, "NEW", DEVICE_A), STORE_OK);
    assert_string_equal(test_redis(&redis, "HGET t:account:al hash"), "NEW");
    assert_int_equal(test_sign_in_at(&a, "al", version, NULL, DEVICE_C, NULL).status, STORE_NONE);
    /* the device that asked stays, the other one does not */
    WAIT_UNTIL(base, test_store_saw(&b, "user al d * " DEVICE_A "\n"));
    assert_int_equal(test_claim_account(&a, "al", DEVICE_A), STORE_OK);
    assert_int_equal(test_claim_account(&a, "al", DEVICE_B), STORE_REVOKED);
    store_unsubscribe(b.store, STORE_CHANNEL_USER, "al");
}

static void hash_made_anew_is_kept(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct test_account made = test_register(&a, "al", DEVICE_A);
    const uint64_t version = (uint64_t)made.now_ms;
    test_sign_in_at(&a, "al", version, DEVICE_A, DEVICE_B, "BETTER");
    struct test_account found = test_login(&a, "al", TEST_ADDRESS);
    assert_string_equal(found.phc, "BETTER");
    assert_true(found.version > version);
}

/* ---- the end of an account ---- */

static void unregistering_leaves_nothing(void **state)
{
    (void)state;
    role_assume(&on_hub);
    struct test_account made = test_register(&a, "Larry", DEVICE_A);
    test_store_subscribe(&b, STORE_CHANNEL_USER, "Larry");
    assert_int_equal(test_unregister(&a, "Larry", 1, DEVICE_A), STORE_NONE);
    assert_int_equal(test_unregister(&a, "Larry", (uint64_t)made.now_ms, DEVICE_B), STORE_REVOKED);
    assert_int_equal(test_unregister(&a, "Larry", (uint64_t)made.now_ms, DEVICE_A), STORE_OK);
    WAIT_UNTIL(base, test_store_saw(&b, "user Larry d *\n"));
    test_redis(&redis, "DEL t:accounts:ready");
    assert_string_equal(test_redis(&redis, "KEYS *"), "t:{user:Larry}:held"); /* until when */
    assert_string_equal(strchr(test_redis(&redis, "GET t:{user:Larry}:held"), ' '), " *");
    test_accounts(&a, STORE_ACCOUNTS_OPEN);
    assert_int_equal(test_claim_account(&a, "Larry", DEVICE_A), STORE_REVOKED);
    assert_int_equal(test_claim_guest(&b, "larry", "s"), STORE_OK);
    store_unsubscribe(b.store, STORE_CHANNEL_USER, "Larry");
}

/* ---- archives ---- */

/* What the archive was told last. */
static const char *archived(void)
{
    return test_redis(&redis, "XREVRANGE t:archive + - COUNT 1");
}

static void archive_is_told_of_every_change(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "XADD t:archive * x y"); /* the stream is what switches it on */
    struct test_account made = test_register(&a, "al", DEVICE_A);
    char start[64];
    snprintf(start, sizeof(start), "!account al %lld\n{", (long long)made.now_ms);
    const char *entry = archived();
    assert_non_null(strstr(entry, start));
    assert_non_null(strstr(entry, "\"hash\":\"HASH-al\""));
    assert_non_null(strstr(entry, "\"fold1\":\"al\""));

    assert_int_equal(test_password(&a, "al", (uint64_t)made.now_ms, "NEW", DEVICE_A), STORE_OK);
    assert_non_null(strstr(archived(), "\"hash\":\"NEW\""));
    uint64_t version = test_login(&a, "al", TEST_ADDRESS).version;
    test_sign_in_at(&a, "al", version, DEVICE_A, DEVICE_B, "BETTER");
    assert_non_null(strstr(archived(), "\"hash\":\"BETTER\""));
    version = test_login(&a, "al", TEST_ADDRESS).version;
    assert_int_equal(test_unregister(&a, "al", version, DEVICE_A), STORE_OK);
    snprintf(start, sizeof(start), "!account al %llu", (unsigned long long)version);
    assert_null(strstr(archived(), start)); /* a higher version: the tombstone wins */
    assert_null(strstr(archived(), "{"));
    assert_string_equal(test_redis(&redis, "XLEN t:archive"), "5");
}

static void without_an_archive_nothing_is_told(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_int_equal(test_register(&a, "al", DEVICE_A).status, STORE_OK);
    assert_string_equal(test_redis(&redis, "EXISTS t:archive"), "0");
    test_redis(&redis, "SET t:archive something"); /* nor does a wrong one do any harm */
    assert_int_equal(test_register(&a, "bo", DEVICE_B).status, STORE_OK);
}

#define RECORD(version, hash)                                                                      \
    "{\"hash\":\"" hash                                                                            \
    "\",\"fold1\":\"al\",\"fold2\":\"al\",\"created\":\"5\",\"version\":\"" version                \
    "\",\"role\":\"\"}"

static void accounts_come_back_from_an_archive(void **state)
{
    (void)state;
    role_assume(&on_hub);
    test_redis(&redis, "FLUSHALL");
    assert_string_equal(test_accounts(&a, STORE_ACCOUNTS_UNKNOWN), "unknown");
    /* nobody may pass for somebody meanwhile, nor be told that there is no such account */
    assert_int_equal(test_claim_guest(&a, "al", "s"), STORE_WAIT);
    assert_int_equal(test_register(&a, "al", DEVICE_A).status, STORE_WAIT);
    assert_int_equal(test_login(&a, "al", TEST_ADDRESS).status, STORE_WAIT);
    assert_string_equal(test_redis(&redis, "KEYS *"), "");

    assert_int_equal(test_restore(&a, "al", RECORD("7", "SEVEN")), STORE_OK);
    assert_int_equal(test_claim_guest(&a, "bo", "s"), STORE_WAIT); /* there may be more */
    for (int i = 0; i < 2; i++) {                                  /* twice is once */
        assert_int_equal(test_restore(&a, "al", RECORD("7", "SEVEN")), STORE_OK);
        struct test_account found = test_login(&a, "AL", TEST_ADDRESS);
        assert_string_equal(found.phc, "SEVEN");
        assert_int_equal(found.version, 7);
    }
    assert_int_equal(test_restore(&a, "al", RECORD("6", "SIX")), STORE_OK);
    assert_string_equal(test_login(&a, "al", TEST_ADDRESS).phc, "SEVEN");
    assert_int_equal(test_restore(&a, "al", RECORD("8", "EIGHT")), STORE_OK);
    assert_string_equal(test_login(&a, "al", TEST_ADDRESS).phc, "EIGHT");
    assert_string_equal(test_accounts(&a, STORE_ACCOUNTS_RESTORED), "restored!");
    assert_int_equal(test_claim_guest(&a, "AL", "s"), STORE_TAKEN);
    assert_int_equal(test_claim_guest(&a, "bo", "s"), STORE_OK);
    assert_int_equal(test_claim_account(&a, "al", DEVICE_A), STORE_REVOKED); /* log in again */
}

static void late_archive_still_brings_accounts_back(void **state)
{
    (void)state;
    role_assume(&on_hub);
    assert_string_equal(test_accounts(&b, STORE_ACCOUNTS_OPEN), "open");
    test_store_subscribe(&b, STORE_CHANNEL_USER, "al");
    assert_int_equal(test_claim_guest(&b, "al", "s"), STORE_OK);
    assert_int_equal(test_restore(&a, "al", RECORD("7", "SEVEN")), STORE_OK);
    WAIT_UNTIL(base, test_store_saw(&b, "user al g\n"));
    assert_string_equal(test_accounts(&a, STORE_ACCOUNTS_RESTORED), "restored!");
    assert_string_equal(test_accounts(&b, STORE_ACCOUNTS_OPEN), "restored!");
    assert_int_equal(test_claim_guest(&b, "al", "s"), STORE_TAKEN);
    store_unsubscribe(b.store, STORE_CHANNEL_USER, "al");
}

static void broken_records_are_left_out(void **state)
{
    (void)state;
    role_assume(&on_hub);
    const char *const broken[] = { "", "{", "[]", "7", "null", "{\"version\":\"x\"}", "{}" };
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        assert_int_equal(test_restore(&a, "al", broken[i]), STORE_OK);
    assert_string_equal(test_redis(&redis, "EXISTS t:account:al"), "0");
}

/* ---- trouble ---- */

static void key_of_another_type_fails_before_anything_is_written(void **state)
{
    (void)state;
    role_assume(&on_hub);
    const char *const keys[] = { "t:account:al", "t:registered:al", "t:name:al",
                                 "t:{user:al}:devices" };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        begin(state);
        test_redis(&redis, "LPUSH %s x", keys[i]);
        enum store_status status = test_register(&a, "al", DEVICE_A).status;
        assert_true(status == STORE_REFUSED || status == STORE_TAKEN);
        assert_string_equal(test_redis(&redis, "DBSIZE"), "2"); /* it and accounts:ready */
    }
    begin(state);
    test_redis(&redis, "LPUSH t:login:name:al x");
    a.settings.login_limit = a.settings.login_limit_name = 5;
    assert_int_equal(test_login(&a, "al", TEST_ADDRESS).status, STORE_REFUSED);
    assert_string_equal(test_redis(&redis, "DBSIZE"), "2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define X(test) cmocka_unit_test_setup(test, begin)
        X(guest_cannot_take_a_registered_name_nor_one_like_it),
        X(name_that_a_guest_holds_is_registered_by_that_guest_alone),
        X(account_sends_away_who_held_its_name_without_one),
        X(claim_wants_a_device_of_this_user),
        X(of_two_that_register_at_once_one_wins),
        X(registering_without_a_hash_only_asks),
        X(an_address_makes_so_many_accounts_in_an_hour),
        X(login_finds_the_account_by_name_or_by_fold),
        X(login_does_not_find_what_only_looks_alike),
        X(limits_count_attempts_and_say_how_long),
        X(wrong_admin_tokens_count_as_failed_logins_of_the_address),
        X(each_limit_stands_alone),
        X(good_password_takes_its_attempt_back),
        X(account_that_changed_meanwhile_lets_nobody_in),
        X(hash_made_anew_is_kept),
        X(unregistering_leaves_nothing),
        X(archive_is_told_of_every_change),
        X(without_an_archive_nothing_is_told),
        X(accounts_come_back_from_an_archive),
        X(late_archive_still_brings_accounts_back),
        X(broken_records_are_left_out),
        X(key_of_another_type_fails_before_anything_is_written),
#undef X
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

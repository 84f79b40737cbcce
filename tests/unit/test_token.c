#include "support/test.h"

#include "confab/base/str.h"
#include "confab/wire/token.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Tokens are made here by hand, with another library than the one that reads them. */

enum { NOW_S = 1800000000, MONO_MS = 5000 };

static const char kid[] = "0123456789abcdef";

static unsigned char key_bytes[SECRET_BYTES];

static struct token_key key_of(const char *id, unsigned char fill, int64_t created_ms)
{
    struct token_key key = { .created_ms = created_ms };

    text_copy(key.kid, sizeof key.kid, id);
    memset(key.key, fill, sizeof key.key);
    return key;
}

static int set_up(void **state)
{
    struct keyring *k = keyring_new();
    const struct token_key key = key_of(kid, 7, 1);

    secret_init();
    memcpy(key_bytes, key.key, sizeof key_bytes);
    keyring_set(k, &key, 1, (int64_t)NOW_S * 1000, MONO_MS);
    *state = k;
    return 0;
}

static int tear_down(void **state)
{
    keyring_free(*state);
    return 0;
}

static void add_base64(struct str *out, const void *bytes, size_t size)
{
    const size_t room = sodium_base64_ENCODED_LEN(size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *text = xmalloc(room);

    sodium_bin2base64(text, room, bytes, size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    str_addz(out, text);
    free(text);
}

static char *make(const char *header, const char *body, const unsigned char key[SECRET_BYTES])
{
    struct str s = STR_INIT;
    unsigned char mac[crypto_auth_hmacsha256_BYTES];

    add_base64(&s, header, strlen(header));
    str_addc(&s, '.');
    add_base64(&s, body, strlen(body));
    crypto_auth_hmacsha256(mac, (unsigned char *)s.data, s.size, key);
    str_addc(&s, '.');
    add_base64(&s, mac, sizeof mac);
    return str_detach(&s);
}

static const char good_header[] =
    "{\"alg\":\"HS256\",\"kid\":\"0123456789abcdef\",\"typ\":\"JWT\"}";
static const char good_body[] = "{\"dev\":\"00112233445566aa\",\"exp\":1800000900,"
                                "\"iat\":1800000000,\"iss\":\"confab\",\"sub\":\"ann\"}";

static enum token_verdict verdict_at(struct keyring *k, const char *token, int64_t mono_ms)
{
    struct token_claims claims;

    return keyring_verify(k, token, mono_ms, &claims);
}

static enum token_verdict verdict_of(struct keyring *k, char *token)
{
    const enum token_verdict verdict = verdict_at(k, token, MONO_MS);

    free(token);
    return verdict;
}

#define assert_verdict(header, body, verdict)                                                      \
    assert_int_equal(verdict_of(k, make((header), (body), key_bytes)), (verdict))

static void a_token_made_by_hand_is_good(void **state)
{
    struct keyring *k = *state;
    struct token_claims claims;
    char *token = make(good_header, good_body, key_bytes);

    assert_int_equal(keyring_verify(k, token, MONO_MS, &claims), TOKEN_GOOD);
    assert_string_equal(claims.user, "ann");
    assert_string_equal(claims.device, "00112233445566aa");
    assert_int_equal(claims.issued_s, NOW_S);
    assert_int_equal(claims.expires_s, NOW_S + 900);
    free(token);
}

static const struct token_claims some = {
    .user = "Мария", .device = "00112233445566aa", .issued_s = NOW_S, .expires_s = NOW_S + 900
};

static void what_is_signed_is_good_and_the_same(void **state)
{
    struct keyring *k = *state;
    struct token_claims claims;
    struct str token = STR_INIT;

    assert_int_equal(keyring_sign(k, &some, MONO_MS, &token), 0);
    assert_int_equal(keyring_verify(k, token.data, MONO_MS, &claims), TOKEN_GOOD);
    assert_string_equal(claims.user, some.user);
    assert_string_equal(claims.device, some.device);
    assert_int_equal(claims.issued_s, some.issued_s);
    assert_int_equal(claims.expires_s, some.expires_s);
    str_fini(&token);
}

static void the_longest_name_has_a_token(void **state)
{
    struct keyring *k = *state;
    struct token_claims claims = some;
    struct str name = STR_INIT, token = STR_INIT;

    for (size_t i = 0; i < RULE_NAME_CHARS; i++)
        str_addz(&name, "𐐷");
    text_copy(claims.user, sizeof claims.user, name.data);
    assert_int_equal(keyring_sign(k, &claims, MONO_MS, &token), 0);
    assert_int_equal(verdict_at(k, token.data, MONO_MS), TOKEN_GOOD);
    str_fini(&name);
    str_fini(&token);
}

static void only_one_header_is_taken(void **state)
{
    struct keyring *k = *state;
    static const char *const bad[] = {
        "{\"alg\":\"none\",\"kid\":\"0123456789abcdef\",\"typ\":\"JWT\"}",
        "{\"alg\":\"None\",\"typ\":\"JWT\"}",
        "{\"alg\":\"hs256\",\"kid\":\"0123456789abcdef\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS384\",\"kid\":\"0123456789abcdef\",\"typ\":\"JWT\"}",
        "{\"alg\":\"RS256\",\"kid\":\"0123456789abcdef\",\"typ\":\"JWT\"}",
        "{\"alg\":\"ES256\",\"kid\":\"0123456789abcdef\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"kid\":\"0123456789abcdef\",\"typ\":\"jwt\"}",
        "{\"alg\":\"HS256\",\"kid\":\"0123456789abcdef\",\"typ\":\"JWE\"}",
        "{\"alg\":\"HS256\",\"kid\":\"0123456789abcdef\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"kid\":\"../../etc/passwd\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"kid\":\"0123456789ABCDEF\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"kid\":\"0123456789abcdef\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"kid\":\"0123456789abcdef\",\"typ\":\"JWT\",\"alg\":\"none\"}",
        "{\"kid\":\"0123456789abcdef\",\"alg\":\"HS256\",\"typ\":\"JWT\"}",
        " {\"alg\":\"HS256\",\"kid\":\"0123456789abcdef\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"jku\":\"http://a\",\"kid\":\"0123456789abcdef\",\"typ\":\"JWT\"}",
        "[]",
        "{}",
        "",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_verdict(bad[i], good_body, TOKEN_BAD);
}

/* The signature fits, so it is the claims that are refused. */
static void claims_of_another_kind_are_refused(void **state)
{
    struct keyring *k = *state;
#define BODY(dev, exp, iat, iss, sub)                                                              \
    "{\"dev\":" dev ",\"exp\":" exp ",\"iat\":" iat ",\"iss\":" iss ",\"sub\":" sub "}"
#define DEV "\"00112233445566aa\""
    static const char *const bad[] = {
        BODY(DEV, "1800000900", "1800000000", "\"conFab\"", "\"ann\""),
        BODY(DEV, "1800000900", "1800000000", "\"other\"", "\"ann\""),
        BODY(DEV, "1800000900", "1800000000", "1", "\"ann\""),
        BODY(DEV, "1800000900", "1800000000", "\"confab\"", "\"a b\""),
        BODY(DEV, "1800000900", "1800000000", "\"confab\"", "\"\""),
        BODY(DEV, "1800000900", "1800000000", "\"confab\"", "\"Zoe\xcc\x88\""),
        BODY(DEV, "1800000900", "1800000000", "\"confab\"", "7"),
        BODY("\"00112233445566AA\"", "1800000900", "1800000000", "\"confab\"", "\"ann\""),
        BODY("\"0011\"", "1800000900", "1800000000", "\"confab\"", "\"ann\""),
        BODY("null", "1800000900", "1800000000", "\"confab\"", "\"ann\""),
        BODY(DEV, "\"1800000900\"", "1800000000", "\"confab\"", "\"ann\""),
        BODY(DEV, "1800000900.5", "1800000000", "\"confab\"", "\"ann\""),
        BODY(DEV, "1800000900", "\"1800000000\"", "\"confab\"", "\"ann\""),
        BODY(DEV, "1800000900", "-1", "\"confab\"", "\"ann\""),
        BODY(DEV, "-1", "1800000000", "\"confab\"", "\"ann\""),
        BODY(DEV, "1800000000", "1800000000", "\"confab\"", "\"ann\""),
        BODY("[[[[[[[[]]]]]]]]", "1800000900", "1800000000", "\"confab\"", "\"ann\""),
        "{\"dev\":" DEV ",\"exp\":1800000900,\"iss\":\"confab\",\"sub\":\"ann\"}",
        "{\"dev\":" DEV ",\"iat\":1800000000,\"iss\":\"confab\",\"sub\":\"ann\"}",
        "{\"exp\":1800000900,\"iat\":1800000000,\"iss\":\"confab\",\"sub\":\"ann\"}",
        "{\"dev\":" DEV ",\"exp\":1800000900,\"iat\":1800000000,\"sub\":\"ann\"}",
        "{\"a\":{}}",
        "{\"a\":[],\"dev\":" DEV ",\"exp\":1800000900,\"iat\":1800000000,\"iss\":\"confab\","
        "\"sub\":\"ann\"}",
        "{\"a\":{},\"dev\":" DEV ",\"exp\":1800000900,\"iat\":1800000000,\"iss\":\"confab\","
        "\"sub\":\"ann\"}",
        "{",
        "[]",
        "7",
        "",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_verdict(good_header, bad[i], TOKEN_BAD);
}

/* As deep as a token is long: it must not reach a parser that recurses. */
static void deep_claims_are_refused_before_they_are_parsed(void **state)
{
    struct keyring *k = *state;
    struct str body = STR_INIT;

    str_addz(&body, "{\"a\":");
    for (size_t i = 0; i < 600; i++)
        str_addc(&body, '[');
    assert_verdict(good_header, body.data, TOKEN_BAD);
    str_fini(&body);
}

static void it_expires_to_the_second(void **state)
{
    struct keyring *k = *state;
    char *token = make(good_header, good_body, key_bytes);
    const int64_t end = MONO_MS + 900 * 1000;

    assert_int_equal(verdict_at(k, token, end - 1), TOKEN_GOOD);
    assert_int_equal(verdict_at(k, token, end), TOKEN_EXPIRED);
    assert_int_equal(verdict_at(k, token, end + 1000), TOKEN_EXPIRED);
    free(token);
}

/* Whoever has no key learns nothing of when a token would have expired. */
static void a_forged_token_is_bad_not_expired(void **state)
{
    struct keyring *k = *state;
    const unsigned char other[SECRET_BYTES] = { 1 };
    char *token = make(good_header, good_body, other);

    assert_int_equal(verdict_at(k, token, MONO_MS), TOKEN_BAD);
    assert_int_equal(verdict_at(k, token, MONO_MS + 901 * 1000), TOKEN_BAD);
    free(token);
}

static void it_may_be_issued_a_little_ahead(void **state)
{
    struct keyring *k = *state;
    char *token = make(good_header, good_body, key_bytes);

    assert_int_equal(verdict_at(k, token, MONO_MS - TOKEN_SKEW_S * 1000), TOKEN_GOOD);
    assert_int_equal(verdict_at(k, token, MONO_MS - TOKEN_SKEW_S * 1000 - 1), TOKEN_BAD);
    free(token);
}

static void another_key_is_unknown(void **state)
{
    struct keyring *k = *state;

    assert_verdict("{\"alg\":\"HS256\",\"kid\":\"ffffffffffffffff\",\"typ\":\"JWT\"}", good_body,
                   TOKEN_UNKNOWN_KEY);
}

static void without_keys_every_key_is_unknown_and_nothing_is_signed(void **state)
{
    (void)state;
    struct keyring *k = keyring_new();
    struct str token = STR_INIT;

    assert_verdict(good_header, good_body, TOKEN_UNKNOWN_KEY);
    assert_int_equal(keyring_sign(k, &some, MONO_MS, &token), -ENOKEY);
    assert_int_equal(token.size, 0);
    keyring_free(k);
}

static void a_key_that_went_is_unknown(void **state)
{
    struct keyring *k = *state;
    const struct token_key other = key_of("fedcba9876543210", 9, 1);

    keyring_set(k, &other, 1, (int64_t)NOW_S * 1000, MONO_MS);
    assert_verdict(good_header, good_body, TOKEN_UNKNOWN_KEY);
}

static void damaged_tokens_are_bad(void **state)
{
    struct keyring *k = *state;
    char *token = make(good_header, good_body, key_bytes);
    struct str s = STR_INIT;
    const char *const appended[] = { "=", "A", ".", ".x", " ", "\n", "%00" };

    for (size_t i = 0; i < sizeof appended / sizeof appended[0]; i++) {
        str_reset(&s);
        str_addz(&s, token);
        str_addz(&s, appended[i]);
        assert_int_equal(verdict_at(k, s.data, MONO_MS), TOKEN_BAD);
    }
    for (size_t size = strlen(token); size-- > 0;) { /* every beginning of it */
        token[size] = '\0';
        assert_int_equal(verdict_at(k, token, MONO_MS), TOKEN_BAD);
    }
    assert_int_equal(verdict_at(k, "..", MONO_MS), TOKEN_BAD);
    assert_int_equal(verdict_at(k, "...", MONO_MS), TOKEN_BAD);
    free(token);
    str_fini(&s);
}

/* The unsigned form of RFC 7519 section 6. */
static void an_unsecured_token_is_bad(void **state)
{
    struct keyring *k = *state;
    struct str s = STR_INIT;
    const char *const headers[] = { "{\"alg\":\"none\"}", good_header };

    for (size_t i = 0; i < 2; i++) {
        str_reset(&s);
        add_base64(&s, headers[i], strlen(headers[i]));
        str_addc(&s, '.');
        add_base64(&s, good_body, strlen(good_body));
        str_addc(&s, '.');
        assert_int_equal(verdict_at(k, s.data, MONO_MS), TOKEN_BAD);
    }
    str_fini(&s);
}

static void a_long_token_is_bad(void **state)
{
    struct keyring *k = *state;
    struct str s = STR_INIT;

    for (size_t i = 0; i < RULE_TOKEN_BYTES; i++)
        str_addc(&s, 'A');
    assert_int_equal(verdict_at(k, s.data, MONO_MS), TOKEN_BAD);
    s.data[40] = s.data[2000] = '.';
    assert_int_equal(verdict_at(k, s.data, MONO_MS), TOKEN_BAD);
    str_fini(&s);
}

/* The bits of the last character that stand for nothing: another text for the same bytes. */
static void a_signature_has_one_spelling(void **state)
{
    struct keyring *k = *state;
    char *token = make(good_header, good_body, key_bytes);
    char *last = token + strlen(token) - 1;
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned good = 0;

    for (size_t i = 0; i < 64; i++) {
        *last = digits[i];
        good += verdict_at(k, token, MONO_MS) == TOKEN_GOOD;
    }
    assert_int_equal(good, 1);
    free(token);
}

static void random_changes_are_never_good(void **state)
{
    struct keyring *k = *state;
    char *token = make(good_header, good_body, key_bytes);
    const size_t size = strlen(token);

    for (int i = 0; i < 1000; i++) {
        const uint32_t at = random_below((uint32_t)size);
        const char before = token[at];
        do
            token[at] = (char)(1 + random_below(255));
        while (token[at] == before);
        const enum token_verdict verdict = verdict_at(k, token, MONO_MS);
        assert_true(verdict == TOKEN_BAD || verdict == TOKEN_UNKNOWN_KEY);
        token[at] = before;
    }
    assert_int_equal(verdict_at(k, token, MONO_MS), TOKEN_GOOD);
    free(token);
}

/* Which key signed: the one without which the token is not good. */
static bool signs_with(struct keyring *k, const struct token_key *key, int64_t mono_ms)
{
    struct str token = STR_INIT;
    struct keyring *alone = keyring_new();

    assert_int_equal(keyring_sign(k, &some, mono_ms, &token), 0);
    keyring_set(alone, key, 1, (int64_t)NOW_S * 1000, MONO_MS);
    const bool signs = verdict_at(alone, token.data, MONO_MS) == TOKEN_GOOD;
    keyring_free(alone);
    str_fini(&token);
    return signs;
}

static void a_new_key_signs_when_everybody_has_it(void **state)
{
    struct keyring *k = *state;
    const int64_t now_ms = (int64_t)NOW_S * 1000;
    const struct token_key keys[] = { key_of("1111111111111111", 1, now_ms), /* not in order */
                                      key_of("0000000000000000", 0, now_ms - 1000000) };

    keyring_set(k, keys, 2, now_ms, MONO_MS);
    assert_true(signs_with(k, &keys[1], MONO_MS));
    assert_true(signs_with(k, &keys[1], MONO_MS + KEYRING_LEAD_MS - 1));
    assert_true(signs_with(k, &keys[0], MONO_MS + KEYRING_LEAD_MS));
    keyring_set(k, keys, 1, now_ms, MONO_MS);
    assert_true(signs_with(k, &keys[0], MONO_MS)); /* the first one of all need not wait */
}

static void of_too_many_keys_the_newest_stay(void **state)
{
    struct keyring *k = *state;
    struct token_key keys[KEYRING_MOST + 1];

    for (size_t i = 0; i < KEYRING_MOST + 1; i++) {
        char id[KID_CHARS + 1];
        hex_u64(id, i);
        keys[i] = key_of(id, (unsigned char)i, 100 + (int64_t)i);
    }
    keyring_set(k, keys, KEYRING_MOST + 1, (int64_t)NOW_S * 1000, MONO_MS);
    const char *const oldest = "{\"alg\":\"HS256\",\"kid\":\"0000000000000000\",\"typ\":\"JWT\"}";
    const char *const next = "{\"alg\":\"HS256\",\"kid\":\"0000000000000001\",\"typ\":\"JWT\"}";
    assert_int_equal(verdict_of(k, make(oldest, good_body, keys[0].key)), TOKEN_UNKNOWN_KEY);
    assert_int_equal(verdict_of(k, make(next, good_body, keys[1].key)), TOKEN_GOOD);
}

static void the_clock_is_the_one_of_redis(void **state)
{
    struct keyring *k = *state;

    assert_int_equal(keyring_time_ms(k, MONO_MS + 17), (int64_t)NOW_S * 1000 + 17);
    struct keyring *fresh = keyring_new();
    assert_in_range(keyring_time_ms(fresh, 0), clock_wall_ms() - 60000, clock_wall_ms());
    keyring_free(fresh);
}

/* Refresh tokens */

static const unsigned char seed[SECRET_BYTES] = { 3 };

static void refresh_tokens_are_read_as_written(void **state)
{
    (void)state;
    static const uint64_t numbers[] = { 0, 1, 10, UINT64_MAX };
    char text[RULE_REFRESH_BYTES + 1];
    struct refresh_token t;

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        refresh_token_write(text, "00112233445566aa", numbers[i], seed);
        assert_true(refresh_token_read(text, &t));
        assert_string_equal(t.device, "00112233445566aa");
        assert_int_equal(t.n, numbers[i]);
        assert_true(refresh_token_genuine(&t, seed));
    }
}

static void a_refresh_token_of_another_seed_or_number_is_not_genuine(void **state)
{
    (void)state;
    const unsigned char other[SECRET_BYTES] = { 4 };
    char text[RULE_REFRESH_BYTES + 1];
    struct refresh_token t;

    refresh_token_write(text, "00112233445566aa", 5, seed);
    assert_true(refresh_token_read(text, &t));
    assert_false(refresh_token_genuine(&t, other));
    t.n = 6;
    assert_false(refresh_token_genuine(&t, seed));
}

static void other_texts_are_no_refresh_tokens(void **state)
{
    (void)state;
#define S43 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    static const char *const bad[] = {
        "",
        ".",
        "..",
        "00112233445566aa",
        "00112233445566aa.1",
        "00112233445566aa.1.",
        "00112233445566aa.." S43,
        "00112233445566aa.-1." S43,
        "00112233445566aa.01." S43,
        "00112233445566aa.+1." S43,
        "00112233445566aa.1 ." S43,
        "00112233445566aa.18446744073709551616." S43,
        "00112233445566AA.1." S43,
        "00112233445566a.1." S43,
        "00112233445566aa0.1." S43,
        "00112233445566aa.1." S43 "A",
        "00112233445566aa.1." S43 "=",
        "00112233445566aa.1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
        "00112233445566aa.1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+",
        "00112233445566aa.1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    struct refresh_token t;

    assert_true(refresh_token_read("00112233445566aa.1." S43, &t));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(refresh_token_read(bad[i], &t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(a_token_made_by_hand_is_good),
        T(what_is_signed_is_good_and_the_same),
        T(the_longest_name_has_a_token),
        T(only_one_header_is_taken),
        T(claims_of_another_kind_are_refused),
        T(deep_claims_are_refused_before_they_are_parsed),
        T(it_expires_to_the_second),
        T(a_forged_token_is_bad_not_expired),
        T(it_may_be_issued_a_little_ahead),
        T(another_key_is_unknown),
        T(without_keys_every_key_is_unknown_and_nothing_is_signed),
        T(a_key_that_went_is_unknown),
        T(damaged_tokens_are_bad),
        T(an_unsecured_token_is_bad),
        T(a_long_token_is_bad),
        T(a_signature_has_one_spelling),
        T(random_changes_are_never_good),
        T(a_new_key_signs_when_everybody_has_it),
        T(of_too_many_keys_the_newest_stay),
        T(the_clock_is_the_one_of_redis),
        T(refresh_tokens_are_read_as_written),
        T(a_refresh_token_of_another_seed_or_number_is_not_genuine),
        T(other_texts_are_no_refresh_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* libFuzzer target: whatever stands for an access token is refused, or is one that was signed here;
 * whatever stands for a refresh token is refused, or is written as it was read.
 *
 *   fuzz_token -max_total_time=60 -max_len=4096 SCRATCH_FOLDER */
#include "confab/wire/token.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MONO_MS = 1000 };

static const struct token_claims signed_claims = {
    .user = "ann", .device = "00112233445566aa", .issued_s = 1000, .expires_s = 2000
};

static struct keyring *keyring_of_one_key(void)
{
    struct token_key key = { .kid = "0123456789abcdef", .created_ms = 1 };
    struct keyring *k = keyring_new();

    memset(key.key, 7, sizeof key.key);
    keyring_set(k, &key, 1, 1500 * 1000, MONO_MS);
    return k;
}

static void check_access(const char *text)
{
    static struct keyring *k;
    static struct str good;
    struct token_claims claims;

    if (k == NULL) {
        k = keyring_of_one_key();
        BUG_ON(keyring_sign(k, &signed_claims, MONO_MS, &good) != 0);
    }
    const enum token_verdict verdict = keyring_verify(k, text, MONO_MS, &claims);
    BUG_ON(verdict == TOKEN_NONE);
    /* the fuzzer does not guess 256 bits: only this one is good */
    BUG_ON((verdict == TOKEN_GOOD) != (strcmp(text, good.data) == 0));
    BUG_ON(verdict == TOKEN_EXPIRED);
}

static void check_refresh(const char *text)
{
    struct refresh_token t;
    char secret[SECRET_CHARS + 1];
    struct str again = STR_INIT;

    if (!refresh_token_read(text, &t))
        return;
    secret_write(secret, t.secret);
    str_addz(&again, t.device);
    str_addc(&again, '.');
    str_addu(&again, t.n);
    str_addc(&again, '.');
    str_addz(&again, secret);
    BUG_ON(strcmp(again.data, text) != 0); /* one spelling */
    BUG_ON(again.size > RULE_REFRESH_BYTES);
    str_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > RULE_TOKEN_BYTES) /* the command's check does not let it come so far */
        return 0;
    char *text = xmemdupz(data, size);
    check_access(text);
    check_refresh(text);
    free(text);
    return 0;
}

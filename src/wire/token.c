#include "confab/wire/token.h"
#include "confab/base/roles.h"

#include <errno.h>
#include <inttypes.h>
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What libjwt 1.10 does, and what therefore is checked before it sees a token: it takes the
 * algorithm from the header, compares its name without case, parses header and claims with a
 * recursive parser before it looks at the signature, and decodes base64 up to the first odd
 * character. The signature itself it compares in constant time, as text. */

enum {
    TOKEN_MOST = 1024, /* characters; one of ours with the longest name has less */
    BODY_MOST = TOKEN_MOST * 3 / 4,
};

static const char issuer[] = "confab";
static const char header_before[] = "{\"alg\":\"HS256\",\"kid\":\"";
static const char header_after[] = "\",\"typ\":\"JWT\"}";

struct keyring {
    struct lock lock;
    struct token_key keys[KEYRING_MOST]; /* oldest first */
    size_t count;
    int64_t ahead_ms; /* of Redis before the monotone clock */
    bool known;       /* keyring_set() was called */
};

struct keyring *keyring_new(void)
{
    struct keyring *k = xcalloc(1, sizeof *k);

    lock_init(&k->lock);
    return k;
}

void keyring_free(struct keyring *k)
{
    if (k == NULL)
        return;
    lock_fini(&k->lock);
    secret_wipe(k, sizeof *k);
    free(k);
}

static int by_age(const void *a, const void *b)
{
    const struct token_key *one = a, *other = b;

    if (one->created_ms != other->created_ms)
        return one->created_ms < other->created_ms ? -1 : 1;
    return strcmp(one->kid, other->kid); /* every instance signs with the same one of two */
}

void keyring_set(struct keyring *k, const struct token_key *keys, size_t count, int64_t redis_ms,
                 int64_t mono_ms)
{
    const size_t bytes = count * sizeof *keys;
    struct token_key *sorted = xmalloc(bytes);

    if (count > 0)
        memcpy(sorted, keys, bytes);
    qsort(sorted, count, sizeof *sorted, by_age);
    const size_t left_out = count > KEYRING_MOST ? count - KEYRING_MOST : 0;
    lock_acquire(&k->lock);
    k->count = count - left_out;
    memcpy(k->keys, sorted + left_out, k->count * sizeof *sorted);
    k->ahead_ms = redis_ms - mono_ms;
    k->known = true;
    lock_release(&k->lock);
    secret_wipe(sorted, bytes);
    free(sorted);
}

static int64_t time_locked(const struct keyring *k, int64_t mono_ms) REQUIRES(k->lock)
{
    return k->known ? mono_ms + k->ahead_ms : clock_wall_ms();
}

int64_t keyring_time_ms(struct keyring *k, int64_t mono_ms)
{
    lock_acquire(&k->lock);
    const int64_t ms = time_locked(k, mono_ms);
    lock_release(&k->lock);
    return ms;
}

static bool find_key(struct keyring *k, const char *kid, struct token_key *out)
{
    bool found = false;

    lock_acquire(&k->lock);
    for (size_t i = 0; i < k->count && !found; i++) {
        found = strcmp(k->keys[i].kid, kid) == 0;
        if (found)
            *out = k->keys[i];
    }
    lock_release(&k->lock);
    return found;
}

/* The newest that everybody has; when none is old enough, the oldest. */
static bool signing_key(struct keyring *k, int64_t mono_ms, struct token_key *out)
{
    lock_acquire(&k->lock);
    const int64_t most = time_locked(k, mono_ms) - KEYRING_LEAD_MS;
    size_t i = k->count;
    while (i > 1 && k->keys[i - 1].created_ms > most)
        i--;
    const bool found = i > 0;
    if (found)
        *out = k->keys[i - 1];
    lock_release(&k->lock);
    return found;
}

/* Verifying */

static bool is_hex(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
            return false;
    }
    return true;
}

bool token_is_device(const char *text, size_t size)
{
    return size == DEVICE_CHARS && is_hex(text, size);
}

/* The header is byte for byte the one that keyring_sign() makes. */
static bool read_header(const char *text, size_t size, char kid[KID_CHARS + 1])
{
    enum {
        BEFORE = sizeof header_before - 1,
        AFTER = sizeof header_after - 1,
        HEADER = BEFORE + KID_CHARS + AFTER,
    };
    char header[HEADER];

    if (base64url_read(header, sizeof header, text, size) != HEADER ||
        memcmp(header, header_before, BEFORE) != 0 ||
        memcmp(header + BEFORE + KID_CHARS, header_after, AFTER) != 0 ||
        !is_hex(header + BEFORE, KID_CHARS))
        return false;
    memcpy(kid, header + BEFORE, KID_CHARS);
    kid[KID_CHARS] = '\0';
    return true;
}

/* One flat object; the parser of libjwt recurses, and the signature is checked behind it. */
static bool is_flat_body(const char *text, size_t size)
{
    char body[BODY_MOST];
    const ssize_t got = base64url_read(body, sizeof body, text, size);

    if (got < 2 || body[0] != '{')
        return false;
    for (ssize_t i = 1; i < got; i++) {
        if (body[i] == '{' || body[i] == '[' || body[i] == '\0')
            return false;
    }
    return true;
}

static bool is_signature(const char *text)
{
    unsigned char bytes[SECRET_BYTES]; /* SHA-256 has as many */

    return secret_read(bytes, text);
}

/* Everything that can be told without a key. */
static bool has_form(const char *token, char kid[KID_CHARS + 1])
{
    const char *first = strchr(token, '.');
    const char *second = first != NULL ? strchr(first + 1, '.') : NULL;

    if (second == NULL || strnlen(token, TOKEN_MOST + 1) > TOKEN_MOST)
        return false;
    return read_header(token, (size_t)(first - token), kid) &&
           is_flat_body(first + 1, (size_t)(second - first - 1)) && is_signature(second + 1);
}

/* 0 when there is none, or it is no number. */
static int64_t number_of(jwt_t *jwt, const char *claim)
{
    errno = 0;
    const long value = jwt_get_grant_int(jwt, claim);
    return errno != 0 || value < 0 ? 0 : value;
}

static const char *const audiences[] = {
    [TOKEN_FOR_ALL] = NULL,
    [TOKEN_FOR_FILES] = "files",
    [TOKEN_FOR_GUEST_FILES] = "guest-files",
};

/* False: it is for nothing that is known here. */
static bool read_use(jwt_t *jwt, enum token_use *out)
{
    errno = 0;
    const char *aud = jwt_get_grant(jwt, "aud");

    if (aud == NULL) { /* also when it is no text */
        *out = TOKEN_FOR_ALL;
        return errno == ENOENT;
    }
    *out = strcmp(aud, audiences[TOKEN_FOR_FILES]) == 0 ? TOKEN_FOR_FILES : TOKEN_FOR_GUEST_FILES;
    return strcmp(aud, audiences[*out]) == 0;
}

static bool read_claims(jwt_t *jwt, struct token_claims *out)
{
    const char *iss = jwt_get_grant(jwt, "iss");
    const char *sub = jwt_get_grant(jwt, "sub");
    const char *dev = jwt_get_grant(jwt, "dev");
    char name[NAME_MAX_BYTES + 1];

    if (iss == NULL || sub == NULL || dev == NULL || strcmp(iss, issuer) != 0)
        return false;
    if (rules_name(sub, strlen(sub), name) != ERROR_NONE || strcmp(name, sub) != 0 ||
        !token_is_device(dev, strlen(dev)))
        return false;
    *out = (struct token_claims){ .issued_s = number_of(jwt, "iat"),
                                  .expires_s = number_of(jwt, "exp") };
    text_copy(out->user, sizeof out->user, sub);
    text_copy(out->device, sizeof out->device, dev);
    return read_use(jwt, &out->use) && out->issued_s > 0 && out->expires_s > out->issued_s;
}

static enum token_verdict in_time(const struct token_claims *c, int64_t now_ms)
{
    if (c->issued_s > now_ms / 1000 + TOKEN_SKEW_S)
        return TOKEN_BAD;
    /* RFC 7519 section 4.1.4: before the expiration time, not at it */
    return now_ms / 1000 < c->expires_s ? TOKEN_GOOD : TOKEN_EXPIRED;
}

static enum token_verdict verify(struct keyring *k, const char *token, int64_t mono_ms, bool ticket,
                                 struct token_claims *out)
{
    char kid[KID_CHARS + 1];
    struct token_key key;
    struct token_claims claims;
    jwt_t *jwt = NULL;

    if (!has_form(token, kid))
        return TOKEN_BAD;
    if (!find_key(k, kid, &key))
        return TOKEN_UNKNOWN_KEY;
    const int error = jwt_decode(&jwt, token, key.key, sizeof key.key);
    secret_wipe(&key, sizeof key);
    if (error != 0)
        return TOKEN_BAD;
    const bool sound = jwt_get_alg(jwt) == JWT_ALG_HS256 && read_claims(jwt, &claims) &&
                       (claims.use != TOKEN_FOR_ALL) == ticket;
    jwt_free(jwt);
    if (!sound)
        return TOKEN_BAD;
    const enum token_verdict verdict = in_time(&claims, keyring_time_ms(k, mono_ms));
    if (verdict != TOKEN_BAD)
        *out = claims;
    return verdict;
}

enum token_verdict keyring_verify(struct keyring *k, const char *token, int64_t mono_ms,
                                  struct token_claims *out)
{
    return verify(k, token, mono_ms, false, out);
}

enum token_verdict keyring_verify_ticket(struct keyring *k, const char *token, int64_t mono_ms,
                                         struct token_claims *out)
{
    return verify(k, token, mono_ms, true, out);
}

/* Signing */

static bool fill(jwt_t *jwt, const struct token_key *key, const struct token_claims *c)
{
    return jwt_set_alg(jwt, JWT_ALG_HS256, key->key, sizeof key->key) == 0 &&
           jwt_add_header(jwt, "kid", key->kid) == 0 && jwt_add_grant(jwt, "iss", issuer) == 0 &&
           jwt_add_grant(jwt, "sub", c->user) == 0 && jwt_add_grant(jwt, "dev", c->device) == 0 &&
           (c->use == TOKEN_FOR_ALL || jwt_add_grant(jwt, "aud", audiences[c->use]) == 0) &&
           jwt_add_grant_int(jwt, "iat", (long)c->issued_s) == 0 &&
           jwt_add_grant_int(jwt, "exp", (long)c->expires_s) == 0;
}

int keyring_sign(struct keyring *k, const struct token_claims *claims, int64_t mono_ms,
                 struct str *out)
{
    struct token_key key;
    jwt_t *jwt = NULL;

    if (!signing_key(k, mono_ms, &key))
        return -ENOKEY;
    if (jwt_new(&jwt) != 0 || !fill(jwt, &key, claims))
        BUG("libjwt"); /* only without memory */
    secret_wipe(&key, sizeof key);
    char *token = jwt_encode_str(jwt);
    jwt_free(jwt);
    BUG_ON(token == NULL);
    str_addz(out, token);
    free(token);
    return 0;
}

/* Refresh tokens */

static bool read_n(const char *text, const char *end, uint64_t *out)
{
    uint64_t n = 0;

    if (text == end || (*text == '0' && end - text > 1)) /* one way to write a number */
        return false;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
            return false;
    }
    *out = n;
    return true;
}

bool refresh_token_read(const char *text, struct refresh_token *out)
{
    const char *first = strchr(text, '.');
    const char *second = first != NULL ? strchr(first + 1, '.') : NULL;

    if (second == NULL || !token_is_device(text, (size_t)(first - text)) ||
        !read_n(first + 1, second, &out->n) || !secret_read(out->secret, second + 1))
        return false;
    memcpy(out->device, text, DEVICE_CHARS);
    out->device[DEVICE_CHARS] = '\0';
    return true;
}

bool refresh_token_genuine(const struct refresh_token *t, const unsigned char seed[SECRET_BYTES])
{
    unsigned char secret[SECRET_BYTES];

    secret_derive(secret, seed, t->n);
    const bool same = secret_equal(secret, t->secret, sizeof secret);
    secret_wipe(secret, sizeof secret);
    return same;
}

void refresh_token_write(char out[RULE_REFRESH_BYTES + 1], const char *device, uint64_t n,
                         const unsigned char seed[SECRET_BYTES])
{
    unsigned char secret[SECRET_BYTES];
    char text[SECRET_CHARS + 1];

    secret_derive(secret, seed, n);
    secret_write(text, secret);
    snprintf(out, RULE_REFRESH_BYTES + 1, "%s.%" PRIu64 ".%s", device, n, text);
    secret_wipe(secret, sizeof secret);
    secret_wipe(text, sizeof text);
}

/* Access tokens and refresh tokens.
 *
 * An access token is a JSON web token (RFC 7519) signed with HS256 by a key that the instances
 * share and that never leaves them. Its header is exactly {"alg":"HS256","kid":KID,"typ":"JWT"},
 * so there is no algorithm to choose (RFC 8725 section 3.1). Its claims are iss, sub (the name),
 * dev (the device), iat, exp; the times by the clock of Redis. A ticket is one with a claim aud.
 *
 * A refresh token is opaque to clients: DEVICE.N.SECRET, where SECRET is derived from the seed of
 * the device and N (base/secret.h), and N grows with each use. */
#ifndef CONFAB_WIRE_TOKEN_H
#define CONFAB_WIRE_TOKEN_H

#include "confab/base/secret.h"
#include "confab/base/str.h"
#include "confab/wire/rules.h"

enum {
    DEVICE_CHARS = 16,       /* hexadecimal digits of a device's id */
    KID_CHARS = 16,          /* and of a key's */
    KEYRING_MOST = 128,      /* keys; the newest stay */
    KEYRING_LEAD_MS = 60000, /* a new key signs so long after it was made: everybody has it then */
    FILE_TICKET_S = 120,     /* life of a ticket */
    TOKEN_SKEW_S = 5,        /* a token may be issued so far in the future */
};

/* What a token is good for: its claim aud (RFC 7519 section 4.1.3), so that none is taken for
 * another. */
enum token_use {
    TOKEN_FOR_ALL,         /* no aud: an access token */
    TOKEN_FOR_FILES,       /* a ticket of an account: sends and removes files, nothing else */
    TOKEN_FOR_GUEST_FILES, /* likewise of a guest; dev is the digest of the session */
};

struct token_claims {
    enum token_use use;
    char user[NAME_MAX_BYTES + 1];
    char device[DEVICE_CHARS + 1];
    int64_t issued_s, expires_s; /* since 1970, by the clock of Redis */
};

enum token_verdict {
    TOKEN_NONE, /* there was no token */
    TOKEN_GOOD,
    TOKEN_EXPIRED,     /* but genuine */
    TOKEN_BAD,         /* everything else that is wrong */
    TOKEN_UNKNOWN_KEY, /* looks right, but no key here has its kid: another instance may know */
};

struct token_key {
    char kid[KID_CHARS + 1];
    unsigned char key[SECRET_BYTES];
    int64_t created_ms; /* by the clock of Redis */
};

/* The signing keys of all instances, and the clock of Redis. The hub writes, anybody reads: a
 * lock inside, held while a key is copied. */
struct keyring;

struct keyring *keyring_new(void) MUST_USE;
void keyring_free(struct keyring *k); /* wipes; NULL is fine */

/* Replaces all keys; of more than KEYRING_MOST the newest are kept. It was redis_ms by the clock
 * of Redis when it was mono_ms by clock_mono_ms(). Any thread; in confab the hub. */
void keyring_set(struct keyring *k, const struct token_key *keys, size_t count, int64_t redis_ms,
                 int64_t mono_ms);
/* Redis' time at mono_ms, in ms; by this machine's clock before the first keyring_set(). */
int64_t keyring_time_ms(struct keyring *k, int64_t mono_ms);

/* *out is written for TOKEN_GOOD and TOKEN_EXPIRED. Before the first keyring_set() every token
 * that looks right has an unknown key. mono_ms: now. Any thread; needs 16 KiB of stack. */
enum token_verdict keyring_verify(struct keyring *k, const char *token, int64_t mono_ms,
                                  struct token_claims *out) MUST_USE;
/* The same for tickets, and for them alone. */
enum token_verdict keyring_verify_ticket(struct keyring *k, const char *token, int64_t mono_ms,
                                         struct token_claims *out) MUST_USE;
/* Appends the token to out. -ENOKEY before the first keyring_set(). mono_ms: now, which says
 * which key signs; the claims carry their own times. Any thread; in confab the hub. */
int keyring_sign(struct keyring *k, const struct token_claims *claims, int64_t mono_ms,
                 struct str *out) MUST_USE;

struct refresh_token {
    char device[DEVICE_CHARS + 1];
    uint64_t n;
    unsigned char secret[SECRET_BYTES];
};
/* False when text has not that form. Says nothing about the secret. */
bool refresh_token_read(const char *text, struct refresh_token *out) MUST_USE;
/* Whether the secret is the one of this seed and n. */
bool refresh_token_genuine(const struct refresh_token *t, const unsigned char seed[SECRET_BYTES])
    MUST_USE;
void refresh_token_write(char out[RULE_REFRESH_BYTES + 1], const char *device, uint64_t n,
                         const unsigned char seed[SECRET_BYTES]);

/* 16 hexadecimal digits, small. */
bool token_is_device(const char *text, size_t size);

#endif

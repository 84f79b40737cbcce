/* Bytes that nobody must see or guess: keys, seeds, the secret half of a refresh token.
 * libsodium (https://doc.libsodium.org) behind a few names. Any thread. */
#ifndef CONFAB_BASE_SECRET_H
#define CONFAB_BASE_SECRET_H

#include "confab/base/base.h"
#include "confab/base/roles.h"

#include <sys/types.h>

enum {
    SECRET_BYTES = 32,
    SECRET_CHARS = 43, /* of them in base64url without '=' (RFC 4648 section 5) */
};

/* Before anything of this header or of passwords.h is used, and before threads. */
void secret_init(void) REQUIRES(on_main);

void secret_wipe(void *bytes, size_t size); /* NULL with size 0 is fine */
/* In a time that does not tell where they differ. */
bool secret_equal(const void *a, const void *b, size_t size) MUST_USE;

void secret_write(char out[SECRET_CHARS + 1], const unsigned char in[SECRET_BYTES]);
/* False unless text is what secret_write() makes of some bytes: 43 characters, none else. */
bool secret_read(unsigned char out[SECRET_BYTES], const char *text) MUST_USE;

enum { DIGEST_CHARS = 16 };
/* BLAKE2b of a text, cut to 64 bits, in hexadecimal: tells texts apart without telling them. */
void secret_digest(char out[DIGEST_CHARS + 1], const char *text);

/* BLAKE2b (RFC 7693) of n with that key: the n-th secret of a seed. */
void secret_derive(unsigned char out[SECRET_BYTES], const unsigned char key[SECRET_BYTES],
                   uint64_t n);

/* Encodes in base64 with '=' (RFC 4648 section 4); out has room for 4 bytes of every 3, and a NUL.
 * Returns how many characters. */
size_t base64_write(char *out, const void *bytes, size_t size);
/* Decodes base64url without '='; strict: no other character, and the bits that stand for nothing
 * are 0. Returns how many bytes, or -EINVAL, also when they are more than out_size. */
ssize_t base64url_read(void *out, size_t out_size, const char *text, size_t size) MUST_USE;

#endif

#include "confab/base/secret.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

enum { BASE64URL = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

void secret_init(void)
{
    if (sodium_init() < 0)
        BUG("sodium_init");
}

void secret_wipe(void *bytes, size_t size)
{
    sodium_memzero(bytes, size);
}

bool secret_equal(const void *a, const void *b, size_t size)
{
    return sodium_memcmp(a, b, size) == 0;
}

void secret_write(char out[SECRET_CHARS + 1], const unsigned char in[SECRET_BYTES])
{
    sodium_bin2base64(out, SECRET_CHARS + 1, in, SECRET_BYTES, BASE64URL);
}

bool secret_read(unsigned char out[SECRET_BYTES], const char *text)
{
    const size_t size = strnlen(text, SECRET_CHARS + 1);

    return size == SECRET_CHARS &&
           base64url_read(out, SECRET_BYTES, text, size) == (ssize_t)SECRET_BYTES;
}

void secret_derive(unsigned char out[SECRET_BYTES], const unsigned char key[SECRET_BYTES],
                   uint64_t n)
{
    unsigned char bytes[8]; /* the same on every machine */

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(n >> (8 * i));
    if (crypto_generichash(out, SECRET_BYTES, bytes, sizeof bytes, key, SECRET_BYTES) != 0)
        BUG("crypto_generichash");
}

void secret_digest(char out[DIGEST_CHARS + 1], const char *text)
{
    unsigned char bytes[crypto_generichash_BYTES_MIN];

    if (crypto_generichash(bytes, sizeof bytes, (const unsigned char *)text, strlen(text), NULL,
                           0) != 0)
        BUG("crypto_generichash");
    sodium_bin2hex(out, DIGEST_CHARS + 1, bytes, DIGEST_CHARS / 2);
}

static bool is_base64url(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const char c = text[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return true;
}

size_t base64_write(char *out, const void *bytes, size_t size)
{
    const size_t room = sodium_base64_ENCODED_LEN(size, sodium_base64_VARIANT_ORIGINAL);

    sodium_bin2base64(out, room, bytes, size, sodium_base64_VARIANT_ORIGINAL);
    return room - 1;
}

ssize_t base64url_read(void *out, size_t out_size, const char *text, size_t size)
{
    size_t got;

    /* libsodium 1.0.18 takes some bytes over 127 for letters: its char is signed */
    if (!is_base64url(text, size))
        return -EINVAL;
    if (sodium_base642bin(out, out_size, text, size, NULL, &got, NULL, BASE64URL) != 0)
        return -EINVAL;
    return (ssize_t)got;
}

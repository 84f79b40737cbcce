#include "certificate.h"

#include "profile.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHAIN_MOST = 10, CA_BYTES_MOST = 16 * 1024 };

static bool fail(char why[CERTIFICATE_WHY_BYTES], const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool fail(char why[CERTIFICATE_WHY_BYTES], const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, CERTIFICATE_WHY_BYTES, fmt, args);
    va_end(args);
    return false;
}

static FILE *open_file(const char *path, const char *setting, char *why)
{
    FILE *f = fopen(path, "re");
    if (!f)
        fail(why,
             "cannot read %s: %s. Set %s to a file that this user may read, or run: confab tls "
             "init",
             path, strerror(errno), setting);
    return f;
}

/* The first one is the server's; the others lead to the root. */
static bool read_chain(struct certificate *c, const char *path, char *why)
{
    X509 *one;
    FILE *f = open_file(path, "TLS_CERT", why);
    if (!f)
        return false;
    c->leaf = PEM_read_X509(f, NULL, NULL, NULL);
    c->chain = sk_X509_new_null();
    while (c->leaf && c->chain && sk_X509_num(c->chain) < CHAIN_MOST &&
           (one = PEM_read_X509(f, NULL, NULL, NULL)) != NULL)
        if (!sk_X509_push(c->chain, one))
            X509_free(one);
    fclose(f);
    return c->leaf && c->chain ? true : fail(why, "%s holds no certificate in PEM.", path);
}

/* Nobody is there to type a passphrase. */
static int no_passphrase(char *out, int size, int writing, void *arg)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static bool read_key(struct certificate *c, const char *path, char *why)
{
    FILE *f = open_file(path, "TLS_KEY", why);
    if (!f)
        return false;
    c->key = PEM_read_PrivateKey(f, NULL, no_passphrase, NULL);
    fclose(f);
    return c->key ? true
                  : fail(why, "%s holds no private key in PEM, or one with a passphrase.", path);
}

static const char *date_of(const ASN1_TIME *t, char out[32])
{
    struct tm tm;
    if (!ASN1_TIME_to_tm(t, &tm) || !strftime(out, 32, "%Y-%m-%d %H:%M UTC", &tm))
        snprintf(out, 32, "?");
    return out;
}

/* What people install. */
static bool read_ca(struct certificate *c, const char *path, char *why)
{
    if (!path)
        return true;
    FILE *f = open_file(path, "TLS_CERT", why);
    if (!f)
        return false;
    c->ca = xmalloc(CA_BYTES_MOST);
    c->ca_size = fread(c->ca, 1, CA_BYTES_MOST, f);
    fclose(f);
    if (c->ca_size == CA_BYTES_MOST || !profile_add(&c->profile, c->ca, c->ca_size))
        return fail(why, "%s holds no certificate in PEM.", path);
    return true;
}

static bool is_in_time(const struct certificate *c, const char *path, char *why)
{
    char date[32];
    const ASN1_TIME *from = X509_get0_notBefore(c->leaf), *until = X509_get0_notAfter(c->leaf);
    if (X509_cmp_current_time(until) <= 0)
        return fail(why, "the certificate %s expired on %s: renew it (confab tls renew).", path,
                    date_of(until, date));
    if (X509_cmp_current_time(from) > 0)
        return fail(why, "the certificate %s is valid from %s on: is this machine's clock right?",
                    path, date_of(from, date));
    return true;
}

static bool read_all(struct certificate *c, const struct certificate_files *files, char *why)
{
    const char *cert_file = files->cert, *key_file = files->key;
    if (!read_chain(c, cert_file, why) || !read_key(c, key_file, why) ||
        !read_ca(c, files->ca, why))
        return false;
    if (X509_check_private_key(c->leaf, c->key) != 1)
        return fail(why, "the key %s is not the one of the certificate %s.", key_file, cert_file);
    if (!is_in_time(c, cert_file, why))
        return false;
    return RAND_bytes(c->ticket_keys, sizeof(c->ticket_keys)) == 1 ||
           fail(why, "no random numbers for session tickets.");
}

struct certificate *certificate_read(const struct certificate_files *files,
                                     char why[CERTIFICATE_WHY_BYTES])
{
    struct certificate *c = xcalloc(1, sizeof(*c));
    atomic_init(&c->refs, 1);
    const bool good = read_all(c, files, why);
    ERR_clear_error();
    if (good)
        return c;
    certificate_unref(c);
    return NULL;
}

struct certificate *certificate_ref(struct certificate *c)
{
    atomic_fetch_add(&c->refs, 1);
    return c;
}

void certificate_unref(struct certificate *c)
{
    if (!c || atomic_fetch_sub(&c->refs, 1) > 1)
        return;
    X509_free(c->leaf);
    sk_X509_pop_free(c->chain, X509_free);
    EVP_PKEY_free(c->key);
    free(c->ca);
    str_fini(&c->profile);
    OPENSSL_cleanse(c->ticket_keys, sizeof(c->ticket_keys));
    free(c);
}

int certificate_days(const struct certificate *c)
{
    int days = 0, seconds;
    return ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(c->leaf)) ? days : 0;
}

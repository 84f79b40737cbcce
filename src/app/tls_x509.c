#include "tls_x509.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    SERIAL_BYTES = 16,   /* RFC 5280 section 4.1.2.2: 20 at most */
    EARLY_S = 24 * 3600, /* of its life lies behind: the clocks of phones differ */
    NAME_MOST = 64,      /* ub-common-name, RFC 5280 appendix A.1 */
    DAY_S = 24 * 3600,
};

EVP_PKEY *x509_key(void)
{
    return EVP_EC_gen("P-256");
}

static bool add_extension(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
    const bool good = e != NULL && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return good;
}

static bool add_extensions(X509 *x, const struct x509_plan *p)
{
    const bool is_ca = p->issuer == NULL;
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, is_ca ? x : p->issuer, x, NULL, NULL, 0);
    return add_extension(x, &ctx, NID_basic_constraints,
                         is_ca ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE") &&
           add_extension(x, &ctx, NID_key_usage,
                         is_ca ? "critical,keyCertSign" : "critical,digitalSignature") &&
           add_extension(x, &ctx, NID_ext_key_usage, "serverAuth") &&
           add_extension(x, &ctx, NID_subject_key_identifier, "hash") &&
           add_extension(x, &ctx, NID_authority_key_identifier, "keyid:always") &&
           add_extension(x, &ctx, is_ca ? NID_name_constraints : NID_subject_alt_name, p->names);
}

static bool set_serial(X509 *x)
{
    unsigned char bytes[SERIAL_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    bytes[0] &= 0x7f; /* positive */
    BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
    const bool good = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;
    BN_free(n);
    return good;
}

static bool set_subject(X509 *x, const char *subject)
{
    size_t size = strlen(subject);
    if (size > NAME_MOST)
        size = NAME_MOST;
    return X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName, MBSTRING_ASC,
                                      (const unsigned char *)subject, (int)size, -1, 0) == 1;
}

static bool fill_in(X509 *x, const struct x509_plan *p)
{
    return X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
           X509_gmtime_adj(X509_getm_notBefore(x), -EARLY_S) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(x), (long)p->days * DAY_S - EARLY_S) != NULL &&
           set_subject(x, p->subject) && X509_set_pubkey(x, p->key) == 1 &&
           X509_set_issuer_name(x, X509_get_subject_name(p->issuer ? p->issuer : x)) == 1 &&
           add_extensions(x, p) &&
           X509_sign(x, p->issuer ? p->issuer_key : p->key, EVP_sha256()) > 0;
}

X509 *x509_certificate(const struct x509_plan *p)
{
    X509 *x = X509_new();
    if (x != NULL && fill_in(x, p))
        return x;
    X509_free(x);
    return NULL;
}

/* ---- files ---- */

X509 *x509_read(const char *path)
{
    FILE *f = fopen(path, "re");
    X509 *x = f != NULL ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
    if (f != NULL)
        fclose(f);
    ERR_clear_error();
    return x;
}

EVP_PKEY *x509_read_key(const char *path)
{
    static char no_passphrase[] = "";
    FILE *f = fopen(path, "re");
    EVP_PKEY *key = f != NULL ? PEM_read_PrivateKey(f, NULL, NULL, no_passphrase) : NULL;
    if (f != NULL)
        fclose(f);
    ERR_clear_error();
    return key;
}

void x509_give_to_owner(const char *path)
{
    char folder[PATH_MAX];
    struct stat st;
    snprintf(folder, sizeof folder, "%s", path);
    char *end = strrchr(folder, '/');
    if (geteuid() != 0 || end == NULL)
        return;
    *end = '\0';
    if (stat(folder, &st) == 0 && st.st_uid != 0 && lchown(path, st.st_uid, st.st_gid) != 0)
        log_warn("tls_file", "error=\"%s\" effect=\"it belongs to root\"", strerror(errno));
}

static int finish(FILE *f, bool good, const char *temporary, const char *path)
{
    int error = good ? 0 : -EIO;
    if (fflush(f) != 0 || fsync(fileno(f)) != 0)
        error = -errno;
    if (fclose(f) != 0 && error == 0)
        error = -errno;
    if (error == 0 && rename(temporary, path) != 0)
        error = -errno;
    if (error != 0)
        unlink(temporary);
    return error;
}

/* One of the two. */
static int write_pem(const X509 *certificate, const EVP_PKEY *key, const char *path)
{
    char temporary[PATH_MAX];
    if (snprintf(temporary, sizeof temporary, "%s.XXXXXX", path) >= PATH_MAX)
        return -ENAMETOOLONG;
    const int fd = mkostemp(temporary, O_CLOEXEC); /* 0600 */
    if (fd < 0)
        return -errno;
    x509_give_to_owner(temporary);
    FILE *f = fdopen(fd, "w");
    if (f == NULL) {
        close(fd);
        unlink(temporary);
        return -ENOMEM;
    }
    const bool good = key != NULL ? PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1
                                  : PEM_write_X509(f, certificate) == 1;
    return finish(f, good, temporary, path);
}

int x509_write(const X509 *certificate, const char *path)
{
    return write_pem(certificate, NULL, path);
}

int x509_write_key(const EVP_PKEY *key, const char *path)
{
    return write_pem(NULL, key, path);
}

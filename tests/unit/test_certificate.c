#include "support/test.h"

#include "app/tls_x509.h"
#include "net/certificate.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES = 4, CHAIN_MOST = 10 };

static char folder[32], paths[NAMES][64];
static char *const cert = paths[0], *const key = paths[1], *const ca = paths[2];
static char why[CERTIFICATE_WHY_BYTES];
static EVP_PKEY *own_key;

static X509 *made(const char *subject, int days)
{
    X509 *x = x509_certificate(&(struct x509_plan){ .subject = subject,
                                                    .days = days,
                                                    .key = own_key,
                                                    .names = "critical,permitted;DNS:local" });
    assert_non_null(x);
    return x;
}

static void write_certificate(const char *path, const char *subject, int days)
{
    X509 *x = made(subject, days);
    assert_int_equal(x509_write(x, path), 0);
    X509_free(x);
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
    static const char *const names[NAMES] = { "cert", "key", "ca", "other" };
    (void)state;
    text_copy(folder, sizeof folder, "/tmp/confab-certificate-XXXXXX");
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < NAMES; i++)
        snprintf(paths[i], sizeof paths[i], "%s/%s", folder, names[i]);
    own_key = x509_key();
    write_certificate(cert, "confab", 30);
    write_certificate(ca, "confab 1a2b", 3650);
    return x509_write_key(own_key, key);
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < NAMES; i++)
        unlink(paths[i]);
    EVP_PKEY_free(own_key);
    return rmdir(folder);
}

static struct certificate *read_files(void)
{
    why[0] = '\0';
    return certificate_read(&(struct certificate_files){ cert, key, ca }, why);
}

static void assert_refused(const char *part)
{
    assert_null(read_files());
    if (strstr(why, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, why);
    assert_null(strchr(why, '\n'));
}

static void what_is_good_is_read(void **state)
{
    (void)state;
    struct certificate *c = read_files();
    assert_non_null(c);
    assert_in_range(certificate_days(c), 28, 29);
    assert_int_equal(sk_X509_num(c->chain), 0);
    assert_non_null(strstr(c->ca, "-----BEGIN CERTIFICATE-----"));
    assert_ptr_equal(certificate_ref(c), c);
    certificate_unref(c);
    assert_in_range(certificate_days(c), 28, 29); /* one is left */
    certificate_unref(c);
    certificate_unref(NULL);
}

static void without_an_authority_there_is_nothing_to_install(void **state)
{
    (void)state;
    struct certificate *c = certificate_read(&(struct certificate_files){ cert, key, NULL }, why);
    assert_non_null(c);
    assert_null(c->ca);
    assert_int_equal(c->profile.size, 0);
    certificate_unref(c);
}

static void a_chain_is_bounded(void **state)
{
    (void)state;
    X509 *x = made("confab", 30);
    FILE *f = fopen(cert, "w");
    for (int i = 0; i < CHAIN_MOST + 5; i++)
        assert_int_equal(PEM_write_X509(f, x), 1);
    fclose(f);
    X509_free(x);
    struct certificate *c = read_files();
    assert_non_null(c);
    assert_int_equal(sk_X509_num(c->chain), CHAIN_MOST);
    certificate_unref(c);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    unlink(cert);
    assert_refused("cannot read");
    assert_non_null(strstr(why, "TLS_CERT"));
    write_text(cert, "no certificate\n");
    assert_refused("holds no certificate in PEM");
    write_certificate(cert, "confab", 30);

    write_text(key, "");
    assert_refused("holds no private key");
    FILE *f = fopen(key, "w");
    assert_int_equal(PEM_write_PrivateKey(f, own_key, EVP_aes_256_cbc(),
                                          (const unsigned char *)"secret", 6, NULL, NULL),
                     1);
    fclose(f);
    assert_refused("one with a passphrase");
    EVP_PKEY *other = x509_key();
    assert_int_equal(x509_write_key(other, key), 0);
    EVP_PKEY_free(other);
    assert_refused("is not the one of the certificate");
}

static void only_within_its_life(void **state)
{
    (void)state;
    write_certificate(cert, "confab", 0);
    assert_refused("expired on ");
    X509 *x = made("confab", 30);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), 3600));
    assert_int_equal(x509_write(x, cert), 0);
    X509_free(x);
    assert_refused("is this machine's clock right?");
}

static void an_authority_has_to_be_one(void **state)
{
    (void)state;
    write_text(ca, "");
    assert_refused("holds no certificate in PEM");
    FILE *f = fopen(ca, "w");
    for (int i = 0; i < 20000; i++)
        fputc('\n', f);
    fclose(f);
    assert_refused("holds no certificate in PEM");
}

static void a_profile_has_the_authority(void **state)
{
    (void)state;
    write_certificate(ca, "Tom & <Ann>", 3650);
    struct certificate *c = read_files();
    assert_non_null(c);
    assert_int_equal(strlen(c->profile.data), c->profile.size);
    assert_non_null(strstr(c->profile.data, "<string>Tom &amp; &lt;Ann></string>"));
    assert_non_null(strstr(c->profile.data, "<string>com.apple.security.root</string>"));
    /* base64 of the same bytes as in the PEM, whose lines are broken */
    const char *data = strstr(c->profile.data, "<data>") + strlen("<data>");
    const char *pem = strchr(c->ca, '\n') + 1;
    for (; *pem != '-'; pem++) {
        if (*pem != '\n')
            assert_int_equal(*data++, *pem);
    }
    assert_memory_equal(data, "</data>", 7);
    certificate_unref(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(what_is_good_is_read),        TEST(without_an_authority_there_is_nothing_to_install),
        TEST(a_chain_is_bounded),          TEST(what_is_wrong_is_said),
        TEST(only_within_its_life),        TEST(an_authority_has_to_be_one),
        TEST(a_profile_has_the_authority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tls_authority.h"

#include "confab/base/addresses.h"
#include "tls_x509.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* What it may sign, beside names of its own: RFC 1918, 3927, 4193, 6598 (also used by VPNs), 6762,
 * 8375, and `internal`, which ICANN has set aside. */
static const char permitted[] =
    "critical,permitted;DNS:local,permitted;DNS:localhost,permitted;DNS:home.arpa,"
    "permitted;DNS:internal,permitted;IP:127.0.0.0/255.0.0.0,permitted;IP:10.0.0.0/255.0.0.0,"
    "permitted;IP:172.16.0.0/255.240.0.0,permitted;IP:192.168.0.0/255.255.0.0,"
    "permitted;IP:169.254.0.0/255.255.0.0,permitted;IP:100.64.0.0/255.192.0.0,"
    "permitted;IP:::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,permitted;IP:fc00::/fe00::,"
    "permitted;IP:fe80::/ffc0::";

bool authority_is_name(const char *name)
{
    size_t label = 0, size = 0;
    for (const char *c = name; *c; c++, size++) {
        const bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                           (*c >= '0' && *c <= '9') || *c == '-';
        if (!plain && (*c != '.' || label == 0))
            return false;
        label = *c == '.' ? 0 : label + 1;
        if (label > 63)
            return false;
    }
    return label > 0 && size < NAME_BYTES;
}

static void add_name(struct str *out, const char *kind, const char *name)
{
    char entry[NAME_BYTES + 32];
    snprintf(entry, sizeof entry, "%s:%s,", kind, name);
    if (out->size == 0 || strstr(out->data, entry) == NULL)
        str_addz(out, entry);
}

/* "" when it is none that a certificate can have. */
static void machine_name(char out[NAME_BYTES])
{
    if (gethostname(out, NAME_BYTES - 1) != 0 || !authority_is_name(out))
        out[0] = '\0';
    out[NAME_BYTES - 1] = '\0';
}

/* An authority for names that everybody has would be one for the world. */
static bool is_private(const struct lan_address *a)
{
    unsigned char b[16];
    if (inet_pton(a->ipv6 ? AF_INET6 : AF_INET, a->text, b) != 1)
        return false;
    if (a->ipv6)
        return (b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
    return b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) || (b[0] == 192 && b[1] == 168) ||
           (b[0] == 169 && b[1] == 254) || (b[0] == 100 && (b[1] & 0xc0) == 64);
}

static void add_dns(struct str *out, const ASN1_STRING *s)
{
    char name[NAME_BYTES];
    if (ASN1_STRING_length(s) >= NAME_BYTES)
        return;
    snprintf(name, sizeof name, "%.*s", ASN1_STRING_length(s),
             (const char *)ASN1_STRING_get0_data(s));
    if (strcmp(name, "local") != 0 && strcmp(name, "home.arpa") != 0 &&
        strcmp(name, "internal") != 0)
        add_name(out, "DNS", name);
}

/* An address and a mask: RFC 5280 section 4.2.1.10. Only of a single address. */
static void add_ip(struct str *out, const ASN1_STRING *s)
{
    const unsigned char *bytes = ASN1_STRING_get0_data(s);
    const int size = ASN1_STRING_length(s) / 2;
    char text[INET6_ADDRSTRLEN];
    for (int i = 0; i < size; i++) {
        if (bytes[size + i] != 0xff)
            return;
    }
    if (inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, text, sizeof text) != NULL)
        add_name(out, "IP", text);
}

/* What the authority was made for: its constraints that are not those of every one. */
static void add_constrained(struct str *out, X509 *ca)
{
    NAME_CONSTRAINTS *nc = X509_get_ext_d2i(ca, NID_name_constraints, NULL, NULL);
    for (int i = 0; nc != NULL && i < sk_GENERAL_SUBTREE_num(nc->permittedSubtrees); i++) {
        const GENERAL_NAME *n = sk_GENERAL_SUBTREE_value(nc->permittedSubtrees, i)->base;
        if (n->type == GEN_DNS)
            add_dns(out, n->d.dNSName);
        else if (n->type == GEN_IPADD)
            add_ip(out, n->d.iPAddress);
    }
    NAME_CONSTRAINTS_free(nc);
}

/* subjectAltName of a certificate that is made now, in OpenSSL's notation. */
static void leaf_names(struct str *out, const struct tls_paths *p, X509 *ca)
{
    struct lan_address lan[ADDRESSES_MAX];
    char host[NAME_BYTES], local[NAME_BYTES + 8];
    add_constrained(out, ca);
    for (int64_t number = 1; number <= 2; number++) { /* of two instances on one network */
        struct str mdns = STR_INIT;
        reach_add_name(&mdns, p->mdns_name, number);
        add_name(out, "DNS", mdns.data);
        str_fini(&mdns);
    }
    machine_name(host);
    if (*host != '\0' && strchr(host, '.') == NULL) {
        snprintf(local, sizeof local, "%s.local", host);
        add_name(out, "DNS", local);
    }
    add_name(out, "IP", "127.0.0.1");
    add_name(out, "IP", "::1");
    const size_t count = addresses_of("::", lan);
    for (size_t i = 0; i < count; i++) {
        if (is_private(&lan[i]))
            add_name(out, "IP", lan[i].text);
    }
    out->data[--out->size] = '\0'; /* the last comma */
}

static int fail(char why[CERTIFICATE_WHY_BYTES], const char *what, const char *path, int error)
{
    snprintf(why, CERTIFICATE_WHY_BYTES, "%s %.400s: %.100s", what, path, strerror(-error));
    ERR_clear_error();
    return -1;
}

static int make_leaf(const struct tls_paths *p, X509 *ca, EVP_PKEY *ca_key, EVP_PKEY *key,
                     char why[CERTIFICATE_WHY_BYTES])
{
    struct str names = STR_INIT;
    leaf_names(&names, p, ca);
    X509 *leaf = x509_certificate(&(struct x509_plan){ .subject = "confab",
                                                       .days = LEAF_DAYS,
                                                       .key = key,
                                                       .issuer = ca,
                                                       .issuer_key = ca_key,
                                                       .names = names.data });
    str_fini(&names);
    if (leaf == NULL)
        return fail(why, "OpenSSL cannot make", p->cert, -EIO);
    const int error = x509_write(leaf, p->cert);
    X509_free(leaf);
    return error < 0 ? fail(why, "cannot write", p->cert, error) : 0;
}

int authority_renew(const struct tls_paths *p, char why[CERTIFICATE_WHY_BYTES])
{
    int result = -1, error = 0;
    X509 *ca = x509_read(p->ca);
    EVP_PKEY *ca_key = x509_read_key(p->ca_key);
    EVP_PKEY *key = x509_read_key(p->key); /* stays, so that one rename(2) is the whole change */
    if (ca == NULL || ca_key == NULL || X509_check_private_key(ca, ca_key) != 1) {
        fail(why,
             "the authority cannot be used (confab tls init --force makes a new one):", p->ca_key,
             -EINVAL);
    } else {
        if (key == NULL && (key = x509_key()) != NULL)
            error = x509_write_key(key, p->key);
        result = key != NULL && error == 0 ? make_leaf(p, ca, ca_key, key, why)
                                           : fail(why, "cannot write", p->key, error);
    }
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    X509_free(ca);
    return result;
}

/* Has the certificate all that one would have that is made now? */
static bool has_names(X509 *leaf, X509 *ca, const struct tls_paths *p)
{
    struct str wanted = STR_INIT;
    bool good = true;
    char *save = NULL;
    leaf_names(&wanted, p, ca);
    for (char *entry = strtok_r(wanted.data, ",", &save); entry != NULL && good;
         entry = strtok_r(NULL, ",", &save)) {
        char *name = strchr(entry, ':') + 1;
        good = strncmp(entry, "IP:", 3) == 0
                   ? X509_check_ip_asc(leaf, name, 0) == 1
                   : X509_check_host(leaf, name, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
    }
    str_fini(&wanted);
    return good;
}

bool authority_is_due(const struct tls_paths *p)
{
    X509 *ca = x509_read(p->ca), *leaf = x509_read(p->cert);
    EVP_PKEY *key = x509_read_key(p->key);
    int days = 0, seconds = 0;
    const bool fine = ca != NULL && leaf != NULL && key != NULL &&
                      X509_check_private_key(leaf, key) == 1 &&
                      X509_verify(leaf, X509_get0_pubkey(ca)) == 1 &&
                      ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(leaf)) == 1 &&
                      days >= RENEWAL_DAYS && has_names(leaf, ca, p);
    EVP_PKEY_free(key);
    X509_free(leaf);
    X509_free(ca);
    ERR_clear_error();
    return !fine;
}

/* ---- a new authority ---- */

static X509 *make_ca(EVP_PKEY *key, const char *const *names, size_t count)
{
    char host[NAME_BYTES], id[9], subject[NAME_BYTES + 32];
    struct str text = STR_INIT;
    struct lan_address lan[ADDRESSES_MAX];
    const size_t lan_count = addresses_of("::", lan);
    machine_name(host);
    hex_random(id, 4); /* devices keep old ones apart from new ones by the name */
    snprintf(subject, sizeof subject, "confab %s %.40s", id, host);
    str_addz(&text, permitted);
    if (*host != '\0')
        str_addf(&text, ",permitted;DNS:%s", host);
    for (size_t i = 0; i < count; i++)
        str_addf(&text, ",permitted;DNS:%s", names[i]);
    for (size_t i = 0; i < lan_count; i++) {
        if (!is_private(&lan[i])) /* a network with addresses of the internet: this one alone */
            str_addf(&text, ",permitted;IP:%s/%s", lan[i].text,
                     lan[i].ipv6 ? "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" : "255.255.255.255");
    }
    X509 *ca = x509_certificate(&(struct x509_plan){
        .subject = subject, .days = AUTHORITY_DAYS, .key = key, .names = text.data });
    str_fini(&text);
    return ca;
}

static int make_folder(const struct tls_paths *p, char why[CERTIFICATE_WHY_BYTES])
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", p->cert);
    *strrchr(folder, '/') = '\0';
    char *end = strrchr(folder, '/');
    if (end != NULL && end > folder) { /* DATA_DIR, which a server makes at its first start */
        *end = '\0';
        if (mkdir(folder, 0700) != 0 && errno != EEXIST)
            return fail(why, "cannot make", folder, -errno);
        *end = '/';
    }
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return fail(why, "cannot make", folder, -errno);
    x509_give_to_owner(folder);
    return 0;
}

static int create_in(const struct tls_paths *p, const char *const *names, size_t count,
                     char why[CERTIFICATE_WHY_BYTES])
{
    EVP_PKEY *ca_key = x509_key(), *key = x509_key();
    X509 *ca = ca_key != NULL ? make_ca(ca_key, names, count) : NULL;
    int result = -1, error;
    if (ca == NULL || key == NULL)
        fail(why, "OpenSSL cannot make", p->ca, -EIO);
    else if ((error = x509_write_key(ca_key, p->ca_key)) < 0)
        fail(why, "cannot write", p->ca_key, error);
    else if ((error = x509_write(ca, p->ca)) < 0)
        fail(why, "cannot write", p->ca, error);
    else if ((error = x509_write_key(key, p->key)) < 0)
        fail(why, "cannot write", p->key, error);
    else
        result = make_leaf(p, ca, ca_key, key, why);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
    X509_free(ca);
    return result;
}

enum { STAGE_BYTES = PATH_MAX - 16 }; /* a file's name fits behind it */

/* The files of p in a new folder beside them, which out names. */
static int stage(const struct tls_paths *p, struct tls_paths *out, char folder[STAGE_BYTES],
                 char why[CERTIFICATE_WHY_BYTES])
{
    const int size = (int)(strrchr(p->cert, '/') - p->cert);
    *out = *p;
    if (snprintf(folder, STAGE_BYTES, "%.*s/new.XXXXXX", size, p->cert) >= STAGE_BYTES)
        return fail(why, "cannot make", folder, -ENAMETOOLONG);
    if (mkdtemp(folder) == NULL)
        return fail(why, "cannot make", folder, -errno);
    x509_give_to_owner(folder);
    snprintf(out->ca_key, PATH_MAX, "%s/ca.key", folder);
    snprintf(out->ca, PATH_MAX, "%s/ca.crt", folder);
    snprintf(out->key, PATH_MAX, "%s/server.key", folder);
    snprintf(out->cert, PATH_MAX, "%s/server.crt", folder);
    return 0;
}

int authority_create(const struct tls_paths *p, const char *const *names, size_t count,
                     char why[CERTIFICATE_WHY_BYTES])
{
    struct tls_paths made;
    char folder[STAGE_BYTES];
    if (make_folder(p, why) < 0 || stage(p, &made, folder, why) < 0)
        return -1;
    const char *const moves[][2] = {
        { made.ca_key, p->ca_key }, { made.ca, p->ca }, { made.key, p->key }, { made.cert, p->cert }
    };
    int result = create_in(&made, names, count, why);
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        if (result < 0)
            unlink(moves[i][0]);
        else if (rename(moves[i][0], moves[i][1]) != 0)
            result = fail(why, "cannot write", moves[i][1], -errno);
    }
    rmdir(folder);
    return result;
}

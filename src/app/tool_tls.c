#include "tls_authority.h"
#include "tls_x509.h"
#include "tools.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool names_are_good(const struct tool_line *line)
{
    for (size_t i = 0; i < line->name_count; i++) {
        if (!authority_is_name(line->names[i])) {
            tool_misuse("--name must be a host name such as chat.lan: %s", line->names[i]);
            return false;
        }
    }
    return true;
}

static void print_bytes(const char *what, const unsigned char *bytes, size_t size)
{
    printf("%-12s", what);
    for (size_t i = 0; i < size; i++)
        printf(i > 0 ? ":%02X" : "%02X", bytes[i]);
    putchar('\n');
}

static void print_names(X509 *leaf)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    printf("names       ");
    for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
        char text[INET6_ADDRSTRLEN] = "?";
        if (n->type == GEN_DNS) {
            printf(" %.*s", ASN1_STRING_length(n->d.dNSName),
                   (const char *)ASN1_STRING_get0_data(n->d.dNSName));
        } else if (n->type == GEN_IPADD) {
            inet_ntop(ASN1_STRING_length(n->d.iPAddress) == 4 ? AF_INET : AF_INET6,
                      ASN1_STRING_get0_data(n->d.iPAddress), text, sizeof text);
            printf(" %s", text);
        }
    }
    GENERAL_NAMES_free(names);
    putchar('\n');
}

/* What devices show of an authority: people compare it before they trust it. */
static void print_authority(const char *path)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = sizeof hash;
    X509 *ca = x509_read(path);
    char name[256] = "";
    if (ca == NULL)
        return;
    X509_NAME_get_text_by_NID(X509_get_subject_name(ca), NID_commonName, name, sizeof name);
    printf("authority    %s (%s)\n", name, path);
    if (X509_digest(ca, EVP_sha256(), hash, &size) == 1)
        print_bytes("SHA-256", hash, size);
    X509_free(ca);
}

static int show(const struct tls_paths *p)
{
    char why[CERTIFICATE_WHY_BYTES];
    const struct certificate_files files = { p->cert, p->key, NULL };
    X509 *leaf = x509_read(p->cert);
    struct certificate *c = certificate_read(&files, why);
    if (leaf != NULL) {
        printf("certificate  %s\n", p->cert);
        print_names(leaf);
    }
    if (p->own)
        print_authority(p->ca);
    if (c != NULL)
        printf("ends in      %d days\n", certificate_days(c));
    X509_free(leaf);
    certificate_unref(c);
    return c != NULL ? TOOL_DONE : tool_fail("%s", why);
}

static int done(const struct tool_line *line, const struct tls_paths *p)
{
    const int status = show(p);
    if (status == TOOL_DONE)
        printf("\nA server that runs with TLS takes it by itself; another one at its next start.\n"
               "Each device installs the authority once: http://ADDRESS:%d/ca says how.\n",
               (int)line->settings.server_port);
    return status;
}

/* Behind access(2). */
static int absent(const char *what, const char *path)
{
    if (errno == ENOENT || errno == ENOTDIR)
        return tool_fail("there is no %s in %s: confab tls init makes one", what, path);
    return tool_fail("cannot read %s: %s. Run this as the user that confab runs as, or as root",
                     path, strerror(errno));
}

static int init(const struct tool_line *line, const struct tls_paths *p) REQUIRES(on_main)
{
    char why[CERTIFICATE_WHY_BYTES];
    if (!names_are_good(line))
        return TOOL_WRONG_USE;
    if (access(p->ca_key, F_OK) == 0 && !line->force)
        return tool_fail("there is an authority already (%s). `confab tls renew` makes a new "
                         "certificate; --force a new authority, which every device has to install",
                         p->ca);
    return authority_create(p, line->names, line->name_count, why) < 0 ? tool_fail("%s", why)
                                                                       : done(line, p);
}

static int renew(const struct tool_line *line, const struct tls_paths *p) REQUIRES(on_main)
{
    char why[CERTIFICATE_WHY_BYTES];
    if (access(p->ca_key, R_OK) != 0)
        return absent("authority", p->ca_key);
    return authority_renew(p, why) < 0 ? tool_fail("%s", why) : done(line, p);
}

int tool_tls(const struct tool_line *line)
{
    struct tls_paths p;
    const char *what = line->word_count == 1 ? line->words[0] : "";
    const bool there = tls_paths(&line->settings, &p);
    if (strcmp(what, "show") == 0)
        return there && access(p.cert, R_OK) == 0 ? show(&p) : absent("certificate", p.cert);
    if (strcmp(what, "init") != 0 && strcmp(what, "renew") != 0)
        return tool_misuse("confab tls init, renew or show: confab tls --help");
    if (!p.own)
        return tool_fail("TLS_CERT names %s, which is not of confab's own authority: renew it "
                         "where it comes from",
                         p.cert);
    return *what == 'i' ? init(line, &p) : renew(line, &p);
}

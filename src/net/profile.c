#include "profile.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

enum { HASH_BYTES = 32, UUID_BYTES = 16, NAME_BYTES = 256 };

static void add_escaped(struct str *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '<')
            str_addz(out, "&lt;");
        else if (*text == '&')
            str_addz(out, "&amp;");
        else
            str_addc(out, (unsigned char)*text < ' ' ? '?' : *text);
    }
}

static void add_text(struct str *out, const char *key, const char *text)
{
    str_addf(out, "<key>%s</key><string>", key);
    add_escaped(out, text);
    str_addz(out, "</string>\n");
}

/* Version 8 of RFC 9562: bytes of our own choice. */
static void add_uuid(struct str *out, const unsigned char bytes[UUID_BYTES])
{
    str_addz(out, "<key>PayloadUUID</key><string>");
    for (int i = 0; i < UUID_BYTES; i++) {
        const unsigned byte = i == 6   ? (bytes[i] & 0x0fu) | 0x80u
                              : i == 8 ? (bytes[i] & 0x3fu) | 0x80u
                                       : bytes[i];
        str_addf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02X" : "%02X", byte);
    }
    str_addz(out, "</string>\n");
}

static void add_data(struct str *out, const unsigned char *der, int size)
{
    str_addz(out, "<key>PayloadContent</key><data>");
    str_reserve(out, (size_t)size * 4 / 3 + 4);
    out->size += (size_t)EVP_EncodeBlock((unsigned char *)out->data + out->size, der, size);
    str_addz(out, "</data>\n");
}

/* What every part of a profile has. */
static void add_head(struct str *out, const char *type, const char *name,
                     const unsigned char hash[HASH_BYTES], bool inner)
{
    str_addf(out, "<key>PayloadIdentifier</key><string>confab.%02x%02x%02x%02x%s</string>\n",
             hash[0], hash[1], hash[2], hash[3], inner ? ".root" : "");
    add_text(out, "PayloadType", type);
    add_text(out, "PayloadDisplayName", name);
    add_uuid(out, inner ? hash + UUID_BYTES : hash);
    str_addz(out, "<key>PayloadVersion</key><integer>1</integer>\n");
}

static void add_profile(struct str *out, const char *name, const unsigned char hash[HASH_BYTES],
                        const unsigned char *der, int size)
{
    str_addz(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                  "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
                  "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
                  "<plist version=\"1.0\"><dict>\n");
    add_head(out, "Configuration", name, hash, false);
    add_text(out, "PayloadDescription", "Lets this device trust the chat of your local network.");
    str_addz(out, "<key>PayloadContent</key><array><dict>\n");
    add_head(out, "com.apple.security.root", name, hash, true);
    add_text(out, "PayloadCertificateFileName", "ca.crt");
    add_data(out, der, size);
    str_addz(out, "</dict></array>\n</dict></plist>\n");
}

bool profile_add(struct str *out, const char *pem, size_t size)
{
    unsigned char hash[HASH_BYTES], *der = NULL;
    char name[NAME_BYTES] = "confab";
    BIO *bio = BIO_new_mem_buf(pem, (int)size);
    X509 *ca = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    const int der_size = ca != NULL ? i2d_X509(ca, &der) : -1;
    const bool good = der_size > 0 && X509_digest(ca, EVP_sha256(), hash, NULL) == 1;
    if (good) {
        X509_NAME_get_text_by_NID(X509_get_subject_name(ca), NID_commonName, name, sizeof name);
        add_profile(out, name, hash, der, der_size);
    }
    OPENSSL_free(der);
    X509_free(ca);
    BIO_free(bio);
    ERR_clear_error();
    return good;
}

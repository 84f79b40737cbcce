#include "confab/app/tls.h"

#include "tls_authority.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DAY_MS = 24 * 3600 * 1000,
    RENEWAL_MS = 60 * 1000, /* an address may be new */
    DAYS_WARNING = 14,
};

static void own_path(const struct settings *s, const char *name, char out[PATH_MAX])
{
    if (snprintf(out, PATH_MAX, "%s/tls/%s", s->data_dir, name) >= PATH_MAX)
        out[0] = '\0';
}

bool tls_paths(const struct settings *s, struct tls_paths *out)
{
    *out = (struct tls_paths){ .mdns_name = s->mdns_name, .own = *s->tls_cert == '\0' };
    if (!out->own) {
        snprintf(out->cert, sizeof out->cert, "%s", s->tls_cert);
        snprintf(out->key, sizeof out->key, "%s", s->tls_key);
        return true;
    }
    own_path(s, "server.crt", out->cert);
    own_path(s, "server.key", out->key);
    own_path(s, "ca.crt", out->ca);
    own_path(s, "ca.key", out->ca_key);
    return access(out->cert, F_OK) == 0;
}

/* Reads the files and hands them over. */
static int use(struct tls *t, char why[CERTIFICATE_WHY_BYTES]) REQUIRES(on_main)
{
    const struct tls_paths *p = &t->paths;
    const struct certificate_files files = { p->cert, p->key,
                                             p->own && access(p->ca, F_OK) == 0 ? p->ca : NULL };
    struct certificate *c = certificate_read(&files, why);
    if (c == NULL)
        return -1;
    const int days = certificate_days(c);
    log_info("tls_certificate", "days=%d", days);
    if (days < DAYS_WARNING)
        log_warn("tls_certificate", "days=%d do=\"renew it\"", days);
    net_use_certificate(t->net, c);
    t->read_ms = clock_mono_ms();
    return 0;
}

static void look_at_files(struct tls *t, struct timespec out[3])
{
    const char *const files[] = { t->paths.cert, t->paths.key, t->paths.ca };
    for (size_t i = 0; i < 3; i++) {
        struct stat st;
        out[i] = *files[i] && stat(files[i], &st) == 0 ? st.st_ctim : (struct timespec){ 0 };
    }
}

/* A certificate of confab's own authority that is old or lacks an address gets a successor. */
static void renew(struct tls *t) REQUIRES(on_main)
{
    char why[CERTIFICATE_WHY_BYTES];
    t->looked_ms = clock_mono_ms();
    if (!t->paths.own || access(t->paths.ca_key, R_OK) != 0 || !authority_is_due(&t->paths))
        return;
    if (authority_renew(&t->paths, why) == 0)
        log_info("tls_renewed", "file=%s", t->paths.cert);
    else
        log_warn("tls_renewed", "error=\"%s\"", why);
}

int tls_start(struct tls *t, const struct settings *s, struct net *n, char *line, size_t size)
{
    char why[CERTIFICATE_WHY_BYTES];
    *t = (struct tls){ .net = n };
    if (strcmp(s->tls, "off") == 0)
        return 0;
    if (!tls_paths(s, &t->paths)) {
        if (strcmp(s->tls, "on") != 0) {
            if (errno == EACCES)
                log_warn("tls_certificate", "file=\"%s\" error=\"%s\" effect=\"no TLS\"",
                         t->paths.cert, strerror(errno));
            return 0;
        }
        snprintf(line, size,
                 "TLS=on and there is no certificate: run `confab tls init`, or set "
                 "TLS_CERT and TLS_KEY.");
        return -1;
    }
    t->settings = s;
    renew(t);
    look_at_files(t, t->seen);
    if (use(t, why) == 0)
        return 0;
    snprintf(line, size, "%s", why);
    return -1;
}

const char *tls_scheme(const struct settings *s)
{
    return strcmp(s->tls, "off") != 0 && *s->tls_cert != '\0' ? "https" : "http";
}

bool tls_is_on(const struct tls *t)
{
    return t->settings != NULL;
}

void tls_reload(struct tls *t, const char *reason)
{
    char why[CERTIFICATE_WHY_BYTES], quoted[CERTIFICATE_WHY_BYTES + 64];
    look_at_files(t, t->seen);
    if (use(t, why) == 0)
        log_info("tls_reloaded", "reason=%s", reason);
    else
        log_error("tls_reload", "reason=%s error=%s effect=\"the old certificate stays\"", reason,
                  log_quote(quoted, sizeof quoted, why));
}

void tls_tick(struct tls *t)
{
    struct timespec now[3];
    if (!tls_is_on(t))
        return;
    if (clock_mono_ms() - t->looked_ms >= RENEWAL_MS)
        renew(t);
    look_at_files(t, now);
    if (memcmp(now, t->seen, sizeof now) != 0)
        tls_reload(t, "changed");
    else if (clock_mono_ms() - t->read_ms >= DAY_MS)
        tls_reload(t, "day");
}

/* The certificate of a running server: where it is, when it is read again, and that of confab's
 * own authority renewed. main only. */
#ifndef CONFAB_APP_TLS_H
#define CONFAB_APP_TLS_H

#include "confab/base/roles.h"
#include "confab/base/settings.h"
#include "confab/net/net.h"

#include <limits.h>
#include <time.h>

enum { TLS_TICK_MS = 2000 };

/* Which files are used. */
struct tls_paths {
    char cert[PATH_MAX], key[PATH_MAX], ca[PATH_MAX], ca_key[PATH_MAX];
    const char *mdns_name; /* borrowed from the settings */
    bool own; /* of confab's own authority: ca and ca_key are files, and the rest can be renewed */
};

struct tls {
    const struct settings *settings; /* NULL: the server speaks no TLS */
    struct net *net;
    struct tls_paths paths;
    struct timespec seen[3]; /* when cert, key and ca were changed */
    int64_t read_ms, looked_ms;
};

/* The files that the settings name, or those of `confab tls init`. False: there are none. */
bool tls_paths(const struct settings *s, struct tls_paths *out);

/* Before net_start(). A certificate of confab's own authority is renewed first if it is time. 0,
 * or -1 with one clear line. */
int tls_start(struct tls *t, const struct settings *s, struct net *n, char *line, size_t size)
    REQUIRES(on_main);
/* Of the addresses that people are told. With an authority of its own it is http: that leads to
 * the page which says how to trust it, and on to https where that is done. */
const char *tls_scheme(const struct settings *s);
bool tls_is_on(const struct tls *t);
/* Reads the files again. When they are not good, the server keeps what it has and says so. */
void tls_reload(struct tls *t, const char *reason) REQUIRES(on_main);
/* Every TLS_TICK_MS: reloads when a file has changed, and once a day for new keys of session
 * tickets; renews. */
void tls_tick(struct tls *t) REQUIRES(on_main);

#endif

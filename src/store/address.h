/* Where Redis is, and the way from a host name to an address without blocking. */
#ifndef CONFAB_STORE_ADDRESS_H
#define CONFAB_STORE_ADDRESS_H

#include "confab/base/base.h"
#include "confab/base/roles.h"

#include <event2/event.h>
#include <netinet/in.h>

enum { ADDRESS_PORT_DEFAULT = 6379 };

struct address {
    char *path; /* Unix socket, or NULL */
    char *host; /* else a name or a number */
    int port;
    bool numeric;
};

/* "unix:/path", "/path", "host", "host:port", "[::1]:port". */
void address_init(struct address *a, const char *text);
void address_init_host(struct address *a, const char *host, int port);
void address_fini(struct address *a);
bool address_equal(const struct address *a, const struct address *b);
/* The form that address_init() reads. Returns out. */
const char *address_text(const struct address *a, char *out, size_t size);
/* Of a list with commas. *out is a new array with what this returns; the caller calls
 * address_fini() for each and free(). */
size_t address_list(struct address **out, const char *text);

/* A name is looked up by getaddrinfo(3), which may block for many seconds: a short-lived thread
 * does it and answers through a pipe. */
struct resolve;
/* number: an address in text, or NULL with the reason in error. Called once, not from within
 * resolve_start(). */
typedef void resolve_fn(void *arg, const char *number, const char *error);
/* Returns new, NULL when the machine has no descriptor or thread left. turn: a name with
 * several addresses gives another one for each turn. */
struct resolve *resolve_start(struct event_base *base, const char *host, unsigned turn,
                              resolve_fn *done, void *arg) REQUIRES(on_hub);
void resolve_stop(struct resolve *r) REQUIRES(on_hub); /* done is not called; NULL is fine */

#endif

/* What an operator does in Redis: the commands `person` and `archive`. One connection that
 * blocks; every function is 0, or a negative errno with one line in error. Any thread. */
#ifndef CONFAB_STORE_OPERATOR_H
#define CONFAB_STORE_OPERATOR_H

#include "confab/base/base.h"
#include "confab/base/settings.h"
#include "confab/base/str.h"

enum { OPERATOR_ERROR_BYTES = 512 };

struct operator_redis;

/* addr as of store_new(). Returns new in out. */
int operator_open(const char *addr, const struct settings *settings, struct operator_redis **out,
                  char error[OPERATOR_ERROR_BYTES]) MUST_USE;
void operator_close(struct operator_redis *r); /* NULL is fine */

struct operator_forgot {
    bool account;      /* there was one, and it ended */
    bool archived;     /* archives got the order */
    uint64_t messages; /* in lists */
};
/* Ends the account of a name, empties its messages in the lists, removes its read markers, orders
 * the archives to forget it. name has passed rules_name(). A call that failed can be repeated. */
int operator_forget(struct operator_redis *r, const char *name, struct operator_forgot *out,
                    char error[OPERATOR_ERROR_BYTES]) MUST_USE;

/* Appends what Redis has of a person, without secrets and without messages, as lines of JSON
 * (belongings.lua; docs/DATA.md). name has passed rules_name(). */
int operator_belongings(struct operator_redis *r, const char *name, struct str *out,
                        char error[OPERATOR_ERROR_BYTES]) MUST_USE;

struct operator_archive {
    const char *id;
    uint64_t pending; /* entries that it was given and has not acknowledged */
    const char *last; /* the entry that it was given last */
    const char *seen; /* "MS STATE" of the last time it was there; "": never */
};
typedef void operator_archive_fn(void *arg, const struct operator_archive *archive);
/* The archives that the stream waits for. */
int operator_archives(struct operator_redis *r, operator_archive_fn *fn, void *arg,
                      char error[OPERATOR_ERROR_BYTES]) MUST_USE;
/* -ENOENT: there is none of that id. */
int operator_drop(struct operator_redis *r, const char *id, char error[OPERATOR_ERROR_BYTES])
    MUST_USE;

#endif

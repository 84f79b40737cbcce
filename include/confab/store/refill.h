/* Accounts and rooms between an archive and a Redis that lacks them (docs/REDIS.md, "Accounts"). Blocking, on
 * a connection of its own that ends with the call. Thread `archive`. */
#ifndef CONFAB_STORE_REFILL_H
#define CONFAB_STORE_REFILL_H

#include "confab/base/roles.h"
#include "confab/store/accounts.h"

/* The archive's records of a kind ("account", "room") by name, behind `after` ("": from the first
 * one), STORE_RESTORE_MOST at most; *out lives until the next call. 0, or a negative errno that
 * ends it all. */
typedef int refill_page_fn(void *arg, const char *kind, const char *after,
                           const struct store_record **out, size_t *count);

struct refill {
    const char *addr; /* as of store_new() */
    const struct settings *settings;
    refill_page_fn *page;
    void *arg;
    bool lacks; /* the archive may lack what Redis has: it is new, or was put back */
};
struct refilled {
    uint64_t accounts, rooms; /* that were sent */
};
/* Gives Redis the rooms and accounts that it lacks, unless an archive has done so since it was
 * empty. Then, if need be, has all of Redis archived once more. 0; what page() answered; -EAGAIN
 * with a line in error: try again. */
int refill(const struct refill *r, struct refilled *out, char *error, size_t error_size)
    REQUIRES(on_archive) MUST_USE;

#endif

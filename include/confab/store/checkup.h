/* What `confab doctor` wants to know of a Redis. */
#ifndef CONFAB_STORE_CHECKUP_H
#define CONFAB_STORE_CHECKUP_H

#include "confab/base/base.h"
#include "confab/base/settings.h"

struct store_checkup {
    char version[32];
    char policy[32];  /* maxmemory-policy; "": not told */
    bool limited;     /* there is a maxmemory */
    bool appends;     /* to an append-only file */
    bool saves;       /* snapshots; also when it does not tell */
    bool write_fails; /* the last write of that file, or the last snapshot, failed */
    bool is_replica;
    int64_t ping_us;  /* median of some */
    int64_t ahead_ms; /* its clock against ours, as far as half a round trip tells */
};

/* Connects to addr (as store_new()), asks, closes; blocks at most a few seconds. 0; -ENOTCONN:
 * nobody is there; -EACCES with one line in error; -EIO: it stopped answering. Any thread. */
int store_checkup(const char *addr, const struct settings *settings, struct store_checkup *out,
                  char *error, size_t error_size) MUST_USE;
/* The host of "host:port" into out; "" for a socket and for a number. */
void store_host_name(const char *addr, char *out, size_t size);

#endif

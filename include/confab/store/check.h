/* A first look at Redis before anything starts, so that a refused password is told to the person
 * who typed it. */
#ifndef CONFAB_STORE_CHECK_H
#define CONFAB_STORE_CHECK_H

#include "confab/base/base.h"
#include "confab/base/settings.h"

/* Connects to addr (as REDIS_ADDR; with REDIS_SENTINELS it is empty and they are asked first),
 * says AUTH, SELECT and PING, and closes. Blocks, at most a few seconds. 0 when they are accepted,
 * and when somebody cannot be reached, does not know the master or is still loading: the hub keeps
 * trying. -EACCES with one line in error when Redis or a Sentinel refuses. */
int store_check(const char *addr, const struct settings *settings, char *error, size_t error_size)
    MUST_USE;

#endif

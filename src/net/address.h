/* How many connections each address has, for MAX_CLIENTS_PER_ADDRESS. An IPv6 address counts
 * with all of its /64, which one customer owns (RFC 6177). Any thread. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include "confab/base/roles.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct address;
struct address_table;

struct address_table *address_table_new(void);
void address_table_free(struct address_table *t);

/* One more connection. NULL when that would be more than `most`; otherwise address_leave() the
 * result when the connection ends. */
struct address *address_enter(struct address_table *t, const struct sockaddr *sa, uint32_t most);
void address_leave(struct address_table *t, struct address *a);

#endif

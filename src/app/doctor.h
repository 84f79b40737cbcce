/* `confab doctor`: looks at a machine and at the server on it, changes nothing, and names for
 * each trouble the command that mends it. main only. */
#ifndef APP_DOCTOR_H
#define APP_DOCTOR_H

#include "confab/base/base.h"
#include "confab/base/settings.h"

#include <sys/types.h>

enum doctor_state { DOCTOR_OK, DOCTOR_WARNING, DOCTOR_FAILURE, DOCTOR_STATES };

enum { DOCTOR_COMMAND_BYTES = 512 };

struct doctor {
    const struct settings *settings;
    bool json;
    bool serves;   /* confab answers on its port */
    pid_t process; /* that confab's, 0: it does not run, or belongs to somebody else */
    unsigned counts[DOCTOR_STATES];
};

/* One line. check: what was looked at, a word; command: what mends it, NULL when all is well. */
void doctor_tell(struct doctor *d, enum doctor_state state, const char *check, const char *command,
                 const char *fmt, ...) PRINTF_LIKE(5, 6);
/* A command from a format, into out. Returns out. */
const char *doctor_command(char out[DOCTOR_COMMAND_BYTES], const char *fmt, ...) PRINTF_LIKE(2, 3);

void doctor_network(struct doctor *d); /* bind, port, lan, firewall, name, isolation */
void doctor_redis(struct doctor *d);   /* redis, kept, latency, memory, clock */
void doctor_host(struct doctor *d);    /* descriptors, threads, time, disk, archive, tls */

#endif

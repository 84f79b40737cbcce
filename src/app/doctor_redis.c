/* Redis: is it there, does it keep what it is given, is it quick, does it agree about the time? */
#include "confab/base/str.h"
#include "confab/store/checkup.h"
#include "doctor.h"
#include "redis_process.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LEAST_VERSION = 6, /* the scripts need it */
    SLOW_US = 20000,   /* each message waits for one round trip */
    SKEW_WARN_MS = 2000,
    SKEW_FAIL_MS = 30000,
    ADDR_BYTES = PATH_MAX + 16,
};

static bool has_program(const char *name)
{
    static const char *const folders[] = { "/usr/bin", "/usr/local/bin", "/usr/sbin", "/bin" };
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folders[i], name);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

static const char *address_of(const struct settings *s, char out[ADDR_BYTES])
{
    char folder[PATH_MAX];
    if (*s->redis_addr != '\0' || *s->redis_sentinels != '\0')
        return s->redis_addr;
    if (realpath(s->data_dir, folder) == NULL)
        text_copy(folder, sizeof folder, s->data_dir);
    snprintf(out, ADDR_BYTES, "unix:%s/" REDIS_SOCKET, folder);
    return out;
}

/* "redis-cli … COMMAND" for this Redis. */
static const char *cli(char out[DOCTOR_COMMAND_BYTES], const char *addr, const char *command)
{
    const char *colon = strrchr(addr, ':');
    if (strncmp(addr, "unix:", 5) == 0)
        return doctor_command(out, "redis-cli -s %s %s", addr + 5, command);
    if (colon == NULL)
        return doctor_command(out, "redis-cli %s", command);
    return doctor_command(out, "redis-cli -h %.*s -p %s %s", (int)(colon - addr), addr, colon + 1,
                          command);
}

/* Does the name of REDIS_ADDR lead anywhere? */
static bool tell_name(struct doctor *d, const char *addr)
{
    char host[256], command[DOCTOR_COMMAND_BYTES];
    struct addrinfo *found;
    if (*addr != '\0')
        store_host_name(addr, host, sizeof host);
    else
        host[0] = '\0';
    if (host[0] == '\0')
        return true;
    const int error = getaddrinfo(host, NULL, NULL, &found);
    if (error == 0) {
        freeaddrinfo(found);
        return true;
    }
    doctor_tell(d, DOCTOR_FAILURE, "redis",
                doctor_command(command, "echo \"ADDRESS %s\" | sudo tee -a /etc/hosts", host),
                "the name %s of REDIS_ADDR leads nowhere: %s", host, gai_strerror(error));
    return false;
}

static void tell_absent(struct doctor *d, const char *addr)
{
    const struct settings *s = d->settings;
    const char *where = *addr != '\0' ? addr : s->redis_sentinels;
    if (*s->redis_addr != '\0' || *s->redis_sentinels != '\0')
        doctor_tell(d, DOCTOR_FAILURE, "redis", "sudo systemctl start redis-server",
                    "no Redis answers at %s", where);
    else if (!has_program("redis-server"))
        doctor_tell(d, DOCTOR_FAILURE, "redis", "sudo apt-get install redis-server",
                    "redis-server is not installed, and REDIS_ADDR names no other one");
    else if (d->serves)
        doctor_tell(d, DOCTOR_FAILURE, "redis", "confab --data-dir FOLDER doctor",
                    "confab runs, but its own Redis is not in %s", s->data_dir);
    else
        doctor_tell(d, DOCTOR_OK, "redis", NULL, "confab will start its own in %s", s->data_dir);
}

static void tell_kept(struct doctor *d, const struct store_checkup *c, const char *addr)
{
    char command[DOCTOR_COMMAND_BYTES];
    if (c->write_fails)
        doctor_tell(d, DOCTOR_FAILURE, "kept", "df -h",
                    "Redis could not write its file the last time: is its disk full?");
    else if (c->appends)
        doctor_tell(d, DOCTOR_OK, "kept", NULL, "Redis keeps an append-only file");
    else
        doctor_tell(d, c->saves ? DOCTOR_WARNING : DOCTOR_FAILURE, "kept",
                    cli(command, addr, "config set appendonly yes"),
                    c->saves ? "Redis has no append-only file: a crash loses what came after its "
                               "last snapshot"
                             : "Redis keeps nothing on disk: a restart loses everything");
    if (c->limited && c->policy[0] != '\0' && strcmp(c->policy, "noeviction") != 0)
        doctor_tell(d, DOCTOR_FAILURE, "memory",
                    cli(command, addr, "config set maxmemory-policy noeviction"),
                    "Redis drops keys when its memory is full (%s)", c->policy);
    else
        doctor_tell(d, DOCTOR_OK, "memory", NULL, "Redis drops no keys");
}

static void tell_latency(struct doctor *d, const struct store_checkup *c, const char *addr)
{
    char command[DOCTOR_COMMAND_BYTES];
    const bool slow = c->ping_us >= SLOW_US;
    doctor_tell(d, slow ? DOCTOR_WARNING : DOCTOR_OK, "latency",
                slow ? cli(command, addr, "--latency-history") : NULL,
                slow ? "Redis takes %" PRId64 ".%03" PRId64
                       " ms for an answer: every message waits "
                       "so long. Put Redis nearer"
                     : "Redis answers in %" PRId64 ".%03" PRId64 " ms",
                c->ping_us / 1000, c->ping_us % 1000);
}

static void tell_skew(struct doctor *d, const struct store_checkup *c)
{
    const int64_t off = c->ahead_ms < 0 ? -c->ahead_ms : c->ahead_ms;
    if (off < SKEW_WARN_MS)
        doctor_tell(d, DOCTOR_OK, "clock", NULL,
                    "the clocks of this machine and of Redis agree within %" PRId64 " ms", off);
    else
        doctor_tell(d, off < SKEW_FAIL_MS ? DOCTOR_WARNING : DOCTOR_FAILURE, "clock",
                    "sudo timedatectl set-ntp true",
                    "this machine's clock is %" PRId64 ".%" PRId64 " s %s that of Redis",
                    off / 1000, off % 1000 / 100, c->ahead_ms > 0 ? "behind" : "ahead of");
}

void doctor_redis(struct doctor *d)
{
    char buffer[ADDR_BYTES], command[DOCTOR_COMMAND_BYTES], error[512] = "";
    struct store_checkup c;
    const char *addr = address_of(d->settings, buffer);
    if (!tell_name(d, addr))
        return;
    const int result = store_checkup(addr, d->settings, &c, error, sizeof error);
    if (result == -EACCES)
        doctor_tell(d, DOCTOR_FAILURE, "redis", "confab --redis-password PASSWORD doctor", "%s",
                    error);
    else if (result != 0)
        tell_absent(d, addr);
    if (result != 0)
        return;
    if (c.is_replica)
        doctor_tell(d, DOCTOR_FAILURE, "redis", cli(command, addr, "replicaof no one"),
                    "Redis %s is a replica: nothing can be written to it", c.version);
    else if (strtoll(c.version, NULL, 10) < LEAST_VERSION)
        doctor_tell(d, DOCTOR_FAILURE, "redis", "sudo apt-get install redis-server",
                    "Redis %s is too old: confab needs %d or later", c.version, LEAST_VERSION);
    else
        doctor_tell(d, DOCTOR_OK, "redis", NULL, "Redis %s answers", c.version);
    tell_kept(d, &c, addr);
    tell_latency(d, &c, addr);
    tell_skew(d, &c);
}

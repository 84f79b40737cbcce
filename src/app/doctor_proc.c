#include "doctor_proc.h"

#include "confab/base/str.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FIELDS_MOST = 12,
    INODES_MOST = 16,
    LISTENS = 0x0a, /* TCP_LISTEN, linux/net/tcp_states.h */
    COMPLETE = 2,   /* ATF_COM, net/if_arp.h */
    PATH_BYTES = 64,
};

/* The next line of a table, cut into words. False: that was all. */
static bool next_row(FILE *f, char line[512], char *field[FIELDS_MOST], size_t *count)
{
    if (f == NULL || fgets(line, 512, f) == NULL)
        return false;
    *count = text_words(line, field, FIELDS_MOST);
    return true;
}

/* ---- processes ---- */

/* The first line of /proc/PID/NAME. False: there is none that this user may read. */
static bool first_line(pid_t pid, const char *name, char *out, size_t size)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    FILE *f = fopen(path, "re");
    const bool is_there = f != NULL && fgets(out, (int)size, f) != NULL;
    if (f != NULL)
        fclose(f);
    if (is_there)
        out[strcspn(out, "\n")] = '\0';
    return is_there;
}

/* Of the sockets that listen on a port. sl local_address rem_address st queues timer retrnsmt uid
 * timeout inode */
static size_t inodes_of(int port, unsigned long out[INODES_MOST])
{
    static const char *const tables[] = { "/proc/net/tcp", "/proc/net/tcp6" };
    char line[512], *field[FIELDS_MOST];
    size_t fields, count = 0;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        FILE *f = fopen(tables[i], "re");
        while (next_row(f, line, field, &fields)) {
            const char *colon = fields >= 10 ? strrchr(field[1], ':') : NULL;
            if (colon != NULL && strtol(colon + 1, NULL, 16) == port &&
                strtol(field[3], NULL, 16) == LISTENS && count < INODES_MOST)
                out[count++] = strtoul(field[9], NULL, 10);
        }
        if (f != NULL)
            fclose(f);
    }
    return count;
}

static bool holds_one_of(pid_t pid, const unsigned long *inodes, size_t count)
{
    char path[PATH_BYTES], target[PATH_BYTES];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    const struct dirent *entry;
    bool found = false;
    while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
        const ssize_t size = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
        target[size > 0 ? size : 0] = '\0';
        if (strncmp(target, "socket:[", 8) != 0)
            continue;
        const unsigned long inode = strtoul(target + 8, NULL, 10);
        for (size_t i = 0; i < count && !found; i++)
            found = inodes[i] == inode;
    }
    if (dir != NULL)
        closedir(dir);
    return found;
}

bool proc_listener(int port, const char *prefer, struct proc_listener *out)
{
    unsigned long inodes[INODES_MOST];
    const size_t count = inodes_of(port, inodes);
    DIR *dir = count > 0 ? opendir("/proc") : NULL;
    const struct dirent *entry;
    bool found = false, best = false;
    while (dir != NULL && !best && (entry = readdir(dir)) != NULL) {
        struct proc_listener one = { .pid = (pid_t)strtol(entry->d_name, NULL, 10) };
        if (!isdigit((unsigned char)*entry->d_name) || !holds_one_of(one.pid, inodes, count) ||
            !first_line(one.pid, "comm", one.name, sizeof one.name))
            continue;
        best = prefer != NULL && strcmp(one.name, prefer) == 0;
        if (best || !found || out->pid == 1) /* systemd keeps the sockets of its services */
            *out = one;
        found = true;
    }
    if (dir != NULL)
        closedir(dir);
    return found;
}

/* ---- limits ---- */

uint64_t proc_limit(pid_t pid, enum proc_limit limit, bool hard)
{
    static const char *const names[] = {
        [PROC_DESCRIPTORS] = "Max open files", [PROC_PROCESSES] = "Max processes"
    };
    const size_t size = strlen(names[limit]);
    char path[PATH_BYTES], line[256];
    uint64_t result = UINT64_MAX;
    snprintf(path, sizeof path, "/proc/%d/limits", (int)(pid > 0 ? pid : getpid()));
    FILE *f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, names[limit], size) != 0)
            continue;
        char *soft = line + size + strspn(line + size, " ");
        char *end = soft + strcspn(soft, " ");
        const char *value = hard ? end + strspn(end, " ") : soft;
        if (isdigit((unsigned char)*value))
            result = strtoull(value, NULL, 10);
    }
    if (f != NULL)
        fclose(f);
    return result;
}

/* cgroups(7), version 2: "0::/system.slice/confab.service". */
static bool control_group(pid_t pid, char out[PATH_MAX])
{
    char line[PATH_MAX];
    if (!first_line(pid > 0 ? pid : getpid(), "cgroup", line, sizeof line) ||
        strncmp(line, "0::/", 4) != 0)
        return false;
    text_copy(out, PATH_MAX, line + 4);
    return true;
}

uint64_t proc_number(const char *path)
{
    char text[32];
    FILE *f = fopen(path, "re");
    const bool is_there = f != NULL && fgets(text, sizeof text, f) != NULL;
    if (f != NULL)
        fclose(f);
    return is_there && isdigit((unsigned char)*text) ? strtoull(text, NULL, 10) : UINT64_MAX;
}

uint64_t proc_most_tasks(pid_t pid)
{
    char group[PATH_MAX], path[PATH_MAX + 32];
    if (!control_group(pid, group))
        return UINT64_MAX;
    snprintf(path, sizeof path, "/sys/fs/cgroup/%s/pids.max", group);
    return proc_number(path);
}

void proc_unit(pid_t pid, char out[NAME_MAX])
{
    static const char suffix[] = ".service";
    char group[PATH_MAX];
    out[0] = '\0';
    if (!control_group(pid, group))
        return;
    const char *slash = strrchr(group, '/'), *name = slash != NULL ? slash + 1 : group;
    const size_t size = strlen(name);
    if (size > sizeof suffix && size < NAME_MAX &&
        strcmp(name + size - (sizeof suffix - 1), suffix) == 0)
        text_copy(out, NAME_MAX, name);
}

/* ---- neighbours ---- */

/* Iface Destination Gateway Flags RefCnt Use Metric Mask; addresses as the machine has them in
 * memory. */
static void find_router(const char *interface, char out[16])
{
    char line[512], *field[FIELDS_MOST];
    size_t count;
    FILE *f = fopen("/proc/net/route", "re");
    out[0] = '\0';
    while (out[0] == '\0' && next_row(f, line, field, &count)) {
        struct in_addr gateway;
        if (count < 8 || strcmp(field[0], interface) != 0 || strcmp(field[1], "00000000") != 0)
            continue;
        gateway.s_addr = (in_addr_t)strtoul(field[2], NULL, 16);
        if (gateway.s_addr != 0)
            inet_ntop(AF_INET, &gateway, out, 16);
    }
    if (f != NULL)
        fclose(f);
}

/* IP address, HW type, Flags, HW address, Mask, Device */
void proc_neighbours(const char *interface, struct proc_neighbours *out)
{
    char line[512], *field[FIELDS_MOST];
    size_t count;
    FILE *f = fopen("/proc/net/arp", "re");
    *out = (struct proc_neighbours){ .others = 0 };
    find_router(interface, out->router);
    while (next_row(f, line, field, &count)) {
        if (count != 6 || (strtoul(field[2], NULL, 16) & COMPLETE) == 0 ||
            strcmp(field[5], interface) != 0)
            continue;
        if (strcmp(field[0], out->router) == 0)
            out->router_answers = true;
        else
            out->others++;
    }
    if (f != NULL)
        fclose(f);
}

#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Reads a small file of /proc as text; false when it cannot. */
static bool read_text(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t n = fread(out, 1, size - 1, f);
    out[n] = '\0';
    (void)fclose(f);
    return n > 0;
}

static double clock_s(clockid_t clock)
{
    struct timespec t;
    return clock_gettime(clock, &t) ? 0 : (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double process_own_cpu_s(void)
{
    return clock_s(CLOCK_PROCESS_CPUTIME_ID);
}

/* proc(5): user nice system idle iowait irq softirq steal, in ticks. */
double process_machine_cpu_s(void)
{
    char text[4096];
    if (!read_text("/proc/stat", text, sizeof text))
        return 0;
    char *at = text + strcspn(text, " ");
    double ticks = 0;
    for (int i = 0; i < 8; i++) {
        double n = (double)strtoull(at, &at, 10);
        if (i != 3 && i != 4)
            ticks += n;
    }
    return ticks / (double)sysconf(_SC_CLK_TCK);
}

/* proc(5): utime and stime are fields 14 and 15; the name in field 2 may hold spaces. */
static void read_ticks(pid_t pid, struct process_use *out)
{
    char path[64], text[1024];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (!read_text(path, text, sizeof text))
        return;
    const char *at = strrchr(text, ')');
    for (int field = 2; at && field < 14; field++)
        at = strchr(at + 1, ' ');
    if (!at)
        return;
    char *end;
    double tick = (double)sysconf(_SC_CLK_TCK);
    out->user_s += (double)strtoull(at, &end, 10) / tick;
    out->system_s += (double)strtoull(end, NULL, 10) / tick;
}

static uint64_t field_kb(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static void read_memory(pid_t pid, struct process_use *out)
{
    char path[64], text[4096];
    (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    if (!read_text(path, text, sizeof text))
        return;
    out->rss_kb += field_kb(text, "\nRss:");
    out->pss_kb += field_kb(text, "\nPss:");
}

/* Pumps are one group of readers and one of writers, however many there are, and so is the pool
 * of another server ("Bun Pool 3"). A name becomes part of a key. */
static void group_name(char *name)
{
    name[strcspn(name, "\n")] = '\0';
    size_t end = strlen(name);
    while (end && isdigit((unsigned char)name[end - 1]))
        end--;
    if (name[end] && end && strchr("- ", name[end - 1]) && strncmp(name, "net-", 4) != 0)
        name[end - 1] = '\0';
    for (char *p = name; *p; p++) {
        if (!isalnum((unsigned char)*p) && *p != '-')
            *p = '_';
    }
}

static struct thread_use *group_of(struct process_use *use, const char *name)
{
    for (unsigned i = 0; i < use->group_count; i++) {
        if (!strcmp(use->groups[i].name, name))
            return &use->groups[i];
    }
    if (use->group_count == PROCESS_GROUPS)
        return &use->groups[PROCESS_GROUPS - 1];
    struct thread_use *g = &use->groups[use->group_count++];
    (void)snprintf(g->name, sizeof g->name, "%.*s", PROCESS_NAME - 1, name);
    return g;
}

static void read_thread(pid_t pid, const char *tid, struct process_use *out)
{
    char path[300], name[PROCESS_NAME + 1], times[128];
    (void)snprintf(path, sizeof path, "/proc/%d/task/%s/comm", (int)pid, tid);
    if (!read_text(path, name, sizeof name))
        return;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid, tid);
    if (!read_text(path, times, sizeof times))
        return;
    group_name(name);
    struct thread_use *g = group_of(out, name);
    g->cpu_s += (double)strtoull(times, NULL, 10) / 1e9;
    g->threads++;
    out->threads++;
}

static void read_threads(pid_t pid, struct process_use *out)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return;
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (e->d_name[0] != '.')
            read_thread(pid, e->d_name, out);
    }
    (void)closedir(dir);
}

static void count_fds(pid_t pid, struct process_use *out)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return;
    for (struct dirent *e = readdir(dir); e; e = readdir(dir))
        out->fds += e->d_name[0] != '.';
    (void)closedir(dir);
}

int process_read(const pid_t *pids, unsigned count, struct process_use *out)
{
    *out = (struct process_use){ 0 };
    for (unsigned i = 0; i < count; i++) {
        clockid_t clock;
        if (clock_getcpuclockid(pids[i], &clock))
            return -ESRCH;
        out->cpu_s += clock_s(clock);
        read_ticks(pids[i], out);
        read_memory(pids[i], out);
        read_threads(pids[i], out);
        count_fds(pids[i], out);
    }
    return 0;
}

double process_group_cpu(const struct process_use *from, const struct process_use *until,
                         const char *name)
{
    double used = 0;
    for (unsigned i = 0; i < until->group_count; i++) {
        if (!strcmp(until->groups[i].name, name))
            used += until->groups[i].cpu_s;
    }
    for (unsigned i = 0; i < from->group_count; i++) {
        if (!strcmp(from->groups[i].name, name))
            used -= from->groups[i].cpu_s;
    }
    return used > 0 ? used : 0;
}

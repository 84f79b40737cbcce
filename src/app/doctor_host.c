/* The machine: limits, clock, disk; the archive and the certificate on it. */
#include "confab/app/tls.h"
#include "confab/archive/sink.h"
#include "confab/net/net.h"
#include "doctor.h"
#include "doctor_proc.h"
#include "tls_x509.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

enum {
    FEW_DESCRIPTORS = 1024, /* with fewer, a class of pupils may be too many */
    OWN_THREADS = 32,       /* besides the pumps: net, hub, archive, passwords, files … */
    FUTURE_S = 120,         /* how far ahead the time of a file may be */
    DAY_S = 86400,
    RENEW_DAYS = 30,
};
static const uint64_t little_mb = 512, none_mb = 16;

/* ---- limits ---- */

/* Of the server, or of one that would be started here: it raises the limit as far as it may, so
 * this process does the same. */
static uint64_t descriptors_of(const struct doctor *d, uint64_t wanted)
{
    const struct rlimit more = { .rlim_cur = wanted, .rlim_max = wanted };
    if (d->process != 0)
        return proc_limit(d->process, PROC_DESCRIPTORS, false);
    if (proc_limit(0, PROC_DESCRIPTORS, true) < wanted)
        setrlimit(RLIMIT_NOFILE, &more); /* root may */
    return proc_limit(0, PROC_DESCRIPTORS, true);
}

/* "confab", or which of them when it runs. */
static const char *server_of(const struct doctor *d, char out[32])
{
    if (d->process != 0)
        snprintf(out, 32, "confab (process %d)", (int)d->process);
    else
        snprintf(out, 32, "confab");
    return out;
}

static void tell_descriptors(struct doctor *d)
{
    const uint64_t wanted = net_descriptors(d->settings), have = descriptors_of(d, wanted);
    char command[DOCTOR_COMMAND_BYTES], unit[NAME_MAX] = "", who[32];
    server_of(d, who);
    if (have >= wanted) {
        doctor_tell(d, DOCTOR_OK, "descriptors", NULL,
                    "%s may open enough files: MAX_CLIENTS=%" PRId64 " takes %" PRIu64, who,
                    d->settings->max_clients, wanted);
        return;
    }
    if (d->process != 0)
        proc_unit(d->process, unit);
    if (*unit != '\0')
        doctor_command(command, "sudo systemctl edit %s # [Service] LimitNOFILE=%" PRIu64, unit,
                       wanted);
    else
        doctor_command(command, "sudo prlimit --pid $$ --nofile=%" PRIu64, wanted);
    doctor_tell(d, have < FEW_DESCRIPTORS ? DOCTOR_FAILURE : DOCTOR_WARNING, "descriptors", command,
                "%s may open only %" PRIu64 " files, MAX_CLIENTS=%" PRId64 " takes %" PRIu64 "%s",
                who, have, d->settings->max_clients, wanted,
                d->process != 0 ? ". Start it again afterwards" : "");
}

/* Root's processes are not counted (setrlimit(2), RLIMIT_NPROC). */
static bool is_roots(pid_t process)
{
    char path[32];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d", (int)process);
    return process == 0 ? geteuid() == 0 : stat(path, &st) != 0 || st.st_uid == 0;
}

static void tell_threads(struct doctor *d)
{
    const struct settings *s = d->settings;
    const int64_t pumps = s->pump_mode == PUMPS_SHARED    ? 0
                          : s->pump_mode == PUMPS_THREADS ? s->max_clients
                                                          : s->pump_thread_clients;
    const uint64_t wanted = 2 * (uint64_t)pumps + s->net_thread_count + OWN_THREADS;
    uint64_t most = proc_number("/proc/sys/kernel/threads-max");
    const uint64_t group = proc_most_tasks(d->process);
    const uint64_t user =
        is_roots(d->process) ? UINT64_MAX : proc_limit(d->process, PROC_PROCESSES, d->process == 0);
    char who[32];
    if (user < most)
        most = user;
    if (group < most)
        most = group;
    server_of(d, who);
    if (most >= wanted)
        doctor_tell(d, DOCTOR_OK, "threads", NULL, "enough are allowed: %s may start %" PRIu64, who,
                    wanted);
    else
        doctor_tell(d, DOCTOR_WARNING, "threads", "confab --pumps shared",
                    "only %" PRIu64 " threads are allowed, %s may want %" PRIu64, most, who,
                    wanted);
}

/* ---- the clock ---- */

static time_t newest_in(const char *folder)
{
    time_t newest = 0;
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    struct stat st;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && st.st_mtime > newest)
            newest = st.st_mtime;
    }
    if (dir != NULL)
        closedir(dir);
    return newest;
}

/* A clock that was set back, or never set, is behind what was written here. */
static void tell_time(struct doctor *d)
{
    struct stat program;
    struct timex kernel = { .modes = 0 };
    const time_t now = time(NULL), newest = newest_in(d->settings->data_dir);
    const bool set = adjtimex(&kernel) != TIME_ERROR;
    const time_t built = stat("/proc/self/exe", &program) == 0 ? program.st_mtime : 0;
    char day[32] = "";
    struct tm tm;
    if (gmtime_r(&now, &tm) != NULL)
        strftime(day, sizeof day, "%Y-%m-%d %H:%M", &tm);
    if (newest > now + FUTURE_S || built > now + DAY_S)
        doctor_tell(d, DOCTOR_FAILURE, "time", "sudo timedatectl set-ntp true",
                    "it is %s UTC by this machine's clock, but %s is from later", day,
                    built > now + DAY_S ? "confab itself" : "a file of DATA_DIR");
    else
        doctor_tell(d, DOCTOR_OK, "time", NULL, "it is %s UTC, %s", day,
                    set ? "kept by NTP" : "and no NTP server keeps it so");
}

/* ---- the disk ---- */

/* The folder, or the first one above it that is there. */
static void existing(const char *path, char out[PATH_MAX])
{
    text_copy(out, PATH_MAX, path);
    while (access(out, F_OK) != 0) {
        char *slash = strrchr(out, '/');
        if (slash == NULL || slash == out) {
            text_copy(out, PATH_MAX, slash == out ? "/" : ".");
            return;
        }
        *slash = '\0';
    }
}

/* 0 or a negative errno; nothing stays. */
static int try_to_write(const char *folder)
{
    static const char block[65536];
    const int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    const ssize_t wrote = write(fd, block, sizeof block);
    const int error = wrote < 0 ? -errno : wrote < (ssize_t)sizeof block ? -ENOSPC : 0;
    close(fd);
    return error == -EOPNOTSUPP ? 0 : error;
}

static void tell_disk(struct doctor *d)
{
    char folder[PATH_MAX], command[DOCTOR_COMMAND_BYTES];
    struct statvfs fs;
    existing(d->settings->data_dir, folder);
    const int error = try_to_write(folder);
    if (statvfs(folder, &fs) != 0)
        return;
    const uint64_t free_mb = (uint64_t)fs.f_bavail * fs.f_frsize >> 20;
    if (error != 0 && error != -ENOSPC && error != -EDQUOT && error != -EISDIR &&
        error != -EOPNOTSUPP)
        doctor_tell(d, DOCTOR_FAILURE, "disk",
                    doctor_command(command, "sudo chown -R \"$(id -un)\" %s", folder),
                    "this user cannot write to %s: %s", folder, strerror(-error));
    else if (error == -ENOSPC || error == -EDQUOT || free_mb < none_mb)
        doctor_tell(d, DOCTOR_FAILURE, "disk",
                    doctor_command(command, "sudo du -xh %s | sort -h | tail", folder),
                    "the disk of %s is full: %" PRIu64 " MB are left. Remove what is large", folder,
                    free_mb);
    else if (free_mb < little_mb)
        doctor_tell(d, DOCTOR_WARNING, "disk",
                    doctor_command(command, "sudo du -xh %s | sort -h | tail", folder),
                    "only %" PRIu64 " MB are left on the disk of %s", free_mb, folder);
    else
        doctor_tell(d, DOCTOR_OK, "disk", NULL, "%" PRIu64 " MB are left for %s", free_mb, folder);
}

/* ---- the archive ---- */

static void tell_archive(struct doctor *d)
{
    const struct settings *s = d->settings;
    const bool own_redis = *s->redis_addr == '\0' && *s->redis_sentinels == '\0';
    char why[SINK_WHY_BYTES + 1], path[PATH_MAX];
    struct sink_about about;
    void *sink;
    if (s->archive_mode == ARCHIVE_MODE_OFF ||
        (s->archive_mode == ARCHIVE_MODE_AUTO && !own_redis)) {
        doctor_tell(d, DOCTOR_OK, "archive", NULL, "none is kept here (ARCHIVE=%s)", s->archive);
        return;
    }
    snprintf(path, sizeof path, "%s/archive.db",
             *s->archive_dir != '\0' ? s->archive_dir : s->data_dir);
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        doctor_tell(d, DOCTOR_OK, "archive", NULL, "%s will be made", path);
        return;
    }
    if (sink_sqlite.open(s, SINK_READ, &sink, why) != SINK_OK) {
        doctor_tell(d, DOCTOR_FAILURE, "archive", "confab check", "%s", why);
        return;
    }
    if (sink_sqlite.about(sink, &about) != SINK_OK)
        doctor_tell(d, DOCTOR_FAILURE, "archive", "confab check", "%s", sink_sqlite.why(sink));
    else if (about.repairing)
        doctor_tell(d, DOCTOR_WARNING, "archive", "confab check",
                    "%s was damaged; what can be saved is being read", path);
    else
        doctor_tell(d, DOCTOR_OK, "archive", NULL, "%s has %" PRIu64 " messages", path,
                    about.messages);
    sink_sqlite.close(sink);
}

/* ---- the certificate ---- */

/* Days that are left, below 0 when it has expired. */
static int days_left(const X509 *certificate)
{
    int days = -1, seconds = 0;
    ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate));
    return days == 0 && seconds < 0 ? -1 : days;
}

static void tell_certificate(struct doctor *d, const struct tls_paths *p, const char *renew)
{
    const struct certificate_files files = { p->cert, p->key, NULL };
    char why[CERTIFICATE_WHY_BYTES] = "it cannot be read";
    X509 *leaf = x509_read(p->cert);
    const int days = leaf != NULL ? days_left(leaf) : 0;
    struct certificate *c = NULL;
    if (leaf != NULL && days >= 0 && X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0) {
        doctor_tell(d, DOCTOR_FAILURE, "tls", "sudo timedatectl set-ntp true",
                    "%s is not valid yet: is this machine's clock behind?", p->cert);
    } else if (leaf != NULL && days < 0) {
        doctor_tell(d, DOCTOR_FAILURE, "tls", renew, "%s has expired %d days ago", p->cert, -days);
    } else if ((c = certificate_read(&files, why)) == NULL) {
        doctor_tell(d, DOCTOR_FAILURE, "tls", renew, "%s", why);
    } else {
        doctor_tell(d, days < RENEW_DAYS ? DOCTOR_WARNING : DOCTOR_OK, "tls",
                    days < RENEW_DAYS ? renew : NULL, "%s is valid for %d days more", p->cert,
                    days);
    }
    certificate_unref(c);
    X509_free(leaf);
}

static void tell_tls(struct doctor *d)
{
    struct tls_paths paths;
    char command[DOCTOR_COMMAND_BYTES];
    const bool off = strcmp(d->settings->tls, "off") == 0;
    if (!tls_paths(d->settings, &paths) || off)
        doctor_tell(d, DOCTOR_OK, "tls", NULL,
                    off ? "switched off (TLS=off)" : "none: plain HTTP (confab tls init)");
    else if (paths.own)
        tell_certificate(d, &paths, "confab tls renew");
    else
        tell_certificate(d, &paths,
                         doctor_command(command, "openssl x509 -noout -dates -in %s", paths.cert));
}

void doctor_host(struct doctor *d)
{
    tell_descriptors(d);
    tell_threads(d);
    tell_time(d);
    tell_disk(d);
    tell_archive(d);
    tell_tls(d);
}

#include "shelf.h"

#include "picture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DAY_MS = 86400000, SNIFF_BYTES = 65536, NEWS_MS = 60000 };

struct shelf {
    const struct settings *settings;
    struct stats *stats;
    char *dir;
    struct look *look; /* NULL: not needed yet */
    struct shelf_index *index;
    struct shelf_upload *uploads; /* list: what they reserve counts */
    int64_t told_mono_ms;         /* when the log was last told of trouble */
};

struct shelf *shelf_new(const struct settings *settings, struct stats *stats)
{
    struct shelf *s = xcalloc(1, sizeof *s);
    s->settings = settings;
    s->stats = stats;
    s->dir = files_dir(settings);
    s->index = shelf_index_new();
    return s;
}

void shelf_free(struct shelf *s)
{
    look_free(s->look);
    shelf_index_free(s->index);
    free(s->dir);
    free(s);
}

/* ---- trouble ---- */

static bool is_space(int error)
{
    return error == -ENOSPC || error == -EDQUOT || error == -EFBIG;
}

static enum file_result failed(struct shelf *s, int error, const char *what) REQUIRES(on_files)
{
    char quoted[600];
    const int64_t now = clock_mono_ms();
    stat_set(s->stats, files_failing, 1);
    if (s->told_mono_ms == 0 || now - s->told_mono_ms > NEWS_MS) {
        s->told_mono_ms = now;
        log_warn("files", "cannot=%s folder=%s error=\"%s\" effect=\"no uploads\"", what,
                 log_quote(quoted, sizeof quoted, s->dir), strerror(-error));
    }
    return is_space(error) ? FILE_DISK_FULL : FILE_UNAVAILABLE;
}

/* ---- parts: files that are not named yet ---- */

static int make_dirs(const struct shelf *s)
{
    struct stat st;
    if (stat(s->dir, &st) == 0)
        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
    if (*s->settings->files_dir == '\0' && mkdir(s->settings->data_dir, 0700) != 0 &&
        errno != EEXIST)
        return -errno;
    return mkdir(s->dir, 0700) == 0 || errno == EEXIST ? 0 : -errno;
}

static void path_of(const struct shelf *s, const char *name, struct str *out)
{
    str_addf(out, "%s/%s", s->dir, name);
}

static int open_named(const struct shelf *s, char part[48])
{
    char random[33];
    struct str path = STR_INIT;
    hex_random(random, 16);
    snprintf(part, 48, ".part-%s", random);
    path_of(s, part, &path);
    const int fd = open(path.data, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const int error = -errno;
    str_fini(&path);
    if (fd >= 0)
        return fd;
    part[0] = '\0';
    return error;
}

/* Without a name where the file system can: then nothing can be left. */
static int open_part(const struct shelf *s, char part[48])
{
    part[0] = '\0';
    const int fd = open(s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    return errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL ? open_named(s, part) : -errno;
}

static void close_part(const struct shelf *s, int fd, const char *part)
{
    struct str path = STR_INIT;
    close(fd);
    if (part[0] == '\0')
        return;
    path_of(s, part, &path);
    unlink(path.data);
    str_fini(&path);
}

static int name_part(const struct shelf *s, int fd, const char *part, const char *id)
{
    char self[32];
    struct str from = STR_INIT, to = STR_INIT;
    path_of(s, part, &from);
    path_of(s, id, &to);
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    int error = part[0] ? link(from.data, to.data)
                        : linkat(AT_FDCWD, self, AT_FDCWD, to.data, AT_SYMLINK_FOLLOW);
    error = error ? -errno : 0;
    str_fini(&from);
    str_fini(&to);
    return error;
}

static int write_all(int fd, const void *bytes, size_t size, off_t at)
{
    const char *p = bytes;
    while (size > 0) {
        const ssize_t n = pwrite(fd, p, size, at);
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        p += n;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

/* ---- how much there may be ---- */

/* but: is replaced by what it costs, or NULL. */
static enum file_result has_room(struct shelf *s, const struct shelf_upload *but, uint64_t owner,
                                 uint64_t cost) REQUIRES(on_files)
{
    const uint64_t mb = 1024 * 1024;
    uint64_t all = shelf_index_bytes(s->index), mine = shelf_index_bytes_of(s->index, owner);
    int others = 0; /* of that person: they come as slowly as they like */
    for (const struct shelf_upload *u = s->uploads; u; u = u->next) {
        all += u == but ? 0 : u->reserved;
        mine += u == but || u->owner != owner ? 0 : u->reserved;
        others += u != but && u->owner == owner;
    }
    if (!but && others >= SHELF_UPLOADS_EACH)
        return FILE_BUSY;
    if (mine + cost > (uint64_t)s->settings->files_user_mb * mb)
        return FILE_QUOTA;
    return all + cost > (uint64_t)s->settings->files_mb * mb ? FILE_FULL : FILE_OK;
}

static int refresh(struct shelf *s) REQUIRES(on_files)
{
    const int error = make_dirs(s);
    return error ? error : shelf_index_refresh(s->index, s->dir, s->settings->files_days, s->stats);
}

/* ---- an upload ---- */

enum file_result shelf_begin(struct shelf *s, struct shelf_upload *u,
                             const struct file_about *about)
{
    const uint64_t cost = shelf_cost(about->size);
    const int error = refresh(s);
    if (error)
        return failed(s, error, "read");
    u->owner = shelf_owner_key(about->owner.name);
    const enum file_result room = has_room(s, NULL, u->owner, cost);
    if (room != FILE_OK)
        return room;
    u->fd = open_part(s, u->part);
    if (u->fd < 0)
        return failed(s, u->fd, "create");
    u->is_open = true;
    u->reserved = cost;
    u->next = s->uploads;
    s->uploads = u;
    /* A full disk is told before the content comes; not every file system can say. */
    if (fallocate(u->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)(FILE_BLOCK_BYTES + about->size)) != 0 &&
        is_space(-errno))
        return failed(s, -errno, "write");
    return FILE_OK;
}

enum file_result shelf_write(struct shelf *s, struct shelf_upload *u, const void *bytes,
                             size_t size)
{
    const int error = write_all(u->fd, bytes, size, (off_t)(FILE_BLOCK_BYTES + u->written));
    if (error)
        return failed(s, error, "write");
    u->written += size;
    return FILE_OK;
}

static const char *sniff(struct shelf *s, const struct shelf_upload *u) REQUIRES(on_files)
{
    char *bytes = xmalloc(SNIFF_BYTES);
    const ssize_t got = pread(u->fd, bytes, SNIFF_BYTES, FILE_BLOCK_BYTES);
    if (!s->look)
        s->look = look_new();
    const char *type = got < 0 ? "" : look_at_content(s->look, bytes, (size_t)got);
    free(bytes);
    return type;
}

/* A clean copy takes the place of what came. */
static enum file_result clean(struct shelf *s, struct shelf_upload *u, enum picture_format format,
                              struct file_about *about) REQUIRES(on_files)
{
    char part[48];
    struct picture picture;
    const int fd = open_part(s, part);
    if (fd < 0)
        return failed(s, fd, "create");
    const int error =
        picture_clean(format, u->fd, FILE_BLOCK_BYTES, u->written, fd, FILE_BLOCK_BYTES, &picture);
    if (error) {
        close_part(s, fd, part);
        return error == -EBADMSG     ? FILE_BAD_PICTURE
               : error == -EOVERFLOW ? FILE_MANY_PIXELS
                                     : failed(s, error, "write");
    }
    close_part(s, u->fd, u->part);
    u->fd = fd;
    text_copy(u->part, sizeof u->part, part);
    u->written = picture.size;
    about->width = picture.width;
    about->height = picture.height;
    return FILE_OK;
}

/* Instances that share the folder count and name one after the other. */
static int lock_folder(const struct shelf *s)
{
    struct str path = STR_INIT;
    path_of(s, ".lock", &path);
    const int fd = open(path.data, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const int error = -errno;
    str_fini(&path);
    if (fd < 0)
        return error;
    if (flock(fd, LOCK_EX) != 0)
        log_debug("files", "error=\"no locks on this file system\"");
    return fd;
}

static int sync_folder(const struct shelf *s)
{
    const int fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    const int error = fsync(fd) != 0 && errno != EINVAL ? -errno : 0;
    close(fd);
    return error;
}

static int unlink_file(const struct shelf *s, const char *id)
{
    struct str path = STR_INIT;
    path_of(s, id, &path);
    const int error = unlink(path.data) == 0 || errno == ENOENT ? 0 : -errno;
    str_fini(&path);
    return error;
}

static enum file_result store_locked(struct shelf *s, struct shelf_upload *u,
                                     const struct file_about *about) REQUIRES(on_files)
{
    int error = refresh(s);
    if (error)
        return failed(s, error, "read");
    const enum file_result room = has_room(s, u, u->owner, shelf_cost(u->written));
    if (room != FILE_OK)
        return room;
    error = name_part(s, u->fd, u->part, about->id);
    if (!error)
        error = sync_folder(s);
    if (error) {
        unlink_file(s, about->id);
        return failed(s, error, "name");
    }
    shelf_index_add(s->index, about);
    return FILE_OK;
}

static enum file_result store(struct shelf *s, struct shelf_upload *u, struct file_about *about)
    REQUIRES(on_files)
{
    char block[FILE_BLOCK_BYTES];
    hex_random(about->id, FILE_ID_CHARS / 2);
    about->size = u->written;
    about->stored_ms = clock_wall_ms();
    file_block_write(block, about);
    int error = write_all(u->fd, block, sizeof block, 0);
    if (!error && fdatasync(u->fd) != 0)
        error = -errno;
    if (error)
        return failed(s, error, "write");
    const int lock = lock_folder(s);
    if (lock < 0)
        return failed(s, lock, "lock");
    const enum file_result result = store_locked(s, u, about);
    close(lock);
    return result;
}

enum file_result shelf_commit(struct shelf *s, struct shelf_upload *u, const char *said,
                              struct file_about *about)
{
    const char *seen = sniff(s, u);
    if (!seen[0])
        return FILE_UNAVAILABLE;
    const char *type = media_fit(said, seen);
    if (!type)
        return FILE_LIES;
    text_copy(about->type, sizeof about->type, type);
    const enum picture_format format = media_picture(type);
    enum file_result result = format == PICTURE_NONE ? FILE_OK : clean(s, u, format, about);
    if (result == FILE_OK)
        result = store(s, u, about);
    if (result != FILE_OK)
        return result;
    stat_set(s->stats, files_failing, 0);
    stat_set(s->stats, files_count, (int64_t)shelf_index_count(s->index));
    stat_set(s->stats, files_bytes, (int64_t)shelf_index_bytes(s->index));
    stat_add(s->stats, files_stored, 1);
    return FILE_OK;
}

void shelf_end(struct shelf *s, struct shelf_upload *u)
{
    if (!u->is_open)
        return;
    close_part(s, u->fd, u->part);
    u->is_open = false;
    for (struct shelf_upload **at = &s->uploads; *at; at = &(*at)->next) {
        if (*at == u) {
            *at = u->next;
            return;
        }
    }
}

/* ---- files that are there ---- */

enum file_result shelf_open(const char *dir, int64_t days, const char *id, int *fd,
                            struct file_about *about)
{
    char block[FILE_BLOCK_BYTES];
    struct str path = STR_INIT;
    str_addf(&path, "%s/%s", dir, id);
    *fd = open(path.data, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    const int error = errno;
    str_fini(&path);
    if (*fd < 0)
        return error == ENOENT || error == ELOOP || error == ENOTDIR ? FILE_NONE : FILE_UNAVAILABLE;
    const ssize_t got = pread(*fd, block, sizeof block, 0);
    if (got == sizeof block && file_block_read(block, about) && strcmp(about->id, id) == 0 &&
        about->stored_ms > clock_wall_ms() - days * DAY_MS)
        return FILE_OK;
    close(*fd);
    *fd = -1;
    return got < 0 ? FILE_UNAVAILABLE : FILE_NONE;
}

static bool owns(const struct file_owner *who, const struct file_owner *owner)
{
    if (strcmp(who->name, owner->name) != 0)
        return false;
    return strcmp(who->session, "*") == 0 ||
           (who->guest == owner->guest && strcmp(who->session, owner->session) == 0);
}

enum file_result shelf_remove(struct shelf *s, const char *id, const struct file_owner *owner)
{
    int fd;
    struct file_about about;
    const enum file_result result = shelf_open(s->dir, s->settings->files_days, id, &fd, &about);
    if (result != FILE_OK)
        return result;
    close(fd);
    if (!owns(owner, &about.owner))
        return FILE_NOT_YOURS;
    const int error = unlink_file(s, id);
    if (error)
        return failed(s, error, "remove");
    stat_add(s->stats, files_removed, 1);
    return FILE_OK;
}

void shelf_tick(struct shelf *s)
{
    const int error = shelf_index_refresh(s->index, s->dir, s->settings->files_days, s->stats);
    if (error && error != -ENOENT)
        failed(s, error, "read");
}

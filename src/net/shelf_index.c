#include "shelf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

enum {
    SPACE_BLOCK = 4096,
    LOOK_EVERY_MS = 600000, /* also when the folder says that nothing has changed */
    PART_S = 86400,         /* life of what a crash left */
    DAY_MS = 86400000,
    SETTLED_S = 2,
};

struct entry {
    char id[FILE_ID_CHARS + 1];
    uint64_t owner, cost;
    int64_t stored_ms;
    uint32_t look; /* the last one that saw it */
    UT_hash_handle hh;
};

struct shelf_index {
    struct entry *entries;
    uint64_t bytes;
    uint32_t look;
    struct timespec changed; /* of the folder, when it was last looked at */
    int64_t looked_mono_ms;  /* 0: never */
};

/* The analyzer does not see that HASH_DEL takes out what is freed then.
 * NOLINTBEGIN(clang-analyzer-unix.Malloc) */

struct shelf_index *shelf_index_new(void)
{
    return xcalloc(1, sizeof(struct shelf_index));
}

static void drop(struct shelf_index *x, struct entry *e) REQUIRES(on_files)
{
    x->bytes -= e->cost;
    HASH_DEL(x->entries, e);
    free(e);
}

void shelf_index_free(struct shelf_index *x)
{
    struct entry *e, *next;
    HASH_ITER(hh, x->entries, e, next)
    {
        drop(x, e);
    }
    free(x);
}

/* FNV-1a of 64 bits. Who finds two names with one key shares a quota. */
uint64_t shelf_owner_key(const char *name)
{
    uint64_t key = UINT64_C(14695981039346656037);
    for (; *name; name++)
        key = (key ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return key;
}

uint64_t shelf_cost(uint64_t size)
{
    return (size + FILE_BLOCK_BYTES + SPACE_BLOCK - 1) / SPACE_BLOCK * SPACE_BLOCK;
}

static void add(struct shelf_index *x, const char *id, uint64_t owner, uint64_t cost,
                int64_t stored_ms) REQUIRES(on_files)
{
    struct entry *e = xcalloc(1, sizeof *e);
    memcpy(e->id, id, FILE_ID_CHARS);
    e->owner = owner;
    e->cost = cost;
    e->stored_ms = stored_ms;
    e->look = x->look;
    HASH_ADD(hh, x->entries, id, FILE_ID_CHARS, e);
    x->bytes += cost;
}

/* A file that is new here. What is none of ours is counted, and expires. */
static void meet(struct shelf_index *x, int folder, const char *id) REQUIRES(on_files)
{
    char block[FILE_BLOCK_BYTES];
    struct file_about about;
    struct stat st;
    const int fd = openat(folder, id, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return;
    if (pread(fd, block, sizeof block, 0) == sizeof block && file_block_read(block, &about))
        add(x, id, shelf_owner_key(about.owner.name), shelf_cost(about.size), about.stored_ms);
    else if (fstat(fd, &st) == 0)
        add(x, id, 0, shelf_cost((uint64_t)st.st_size), (int64_t)st.st_mtime * 1000);
    close(fd);
}

static void sweep_part(int folder, const char *name)
{
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        clock_wall_ms() / 1000 - (int64_t)st.st_mtime > PART_S)
        unlinkat(folder, name, 0);
}

static void look(struct shelf_index *x, DIR *dir) REQUIRES(on_files)
{
    struct entry *e, *next;
    x->look++;
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        if (strncmp(d->d_name, ".part-", 6) == 0)
            sweep_part(dirfd(dir), d->d_name);
        if (!file_id_is_good(d->d_name, strlen(d->d_name)))
            continue;
        HASH_FIND(hh, x->entries, d->d_name, FILE_ID_CHARS, e);
        if (e)
            e->look = x->look;
        else
            meet(x, dirfd(dir), d->d_name);
    }
    HASH_ITER(hh, x->entries, e, next)
    {
        if (e->look != x->look)
            drop(x, e);
    }
}

static void expire(struct shelf_index *x, int folder, int64_t days, struct stats *stats)
    REQUIRES(on_files)
{
    struct entry *e, *next;
    const int64_t until_ms = clock_wall_ms() - days * DAY_MS;
    HASH_ITER(hh, x->entries, e, next)
    {
        if (e->stored_ms > until_ms)
            continue;
        if (unlinkat(folder, e->id, 0) == 0)
            stat_add(stats, files_expired, 1);
        drop(x, e);
    }
}

static bool is_same(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static void refresh(struct shelf_index *x, DIR *dir, const struct stat *st) REQUIRES(on_files)
{
    const int64_t now = clock_mono_ms();
    if (x->looked_mono_ms != 0 && is_same(&x->changed, &st->st_mtim) &&
        now - x->looked_mono_ms < LOOK_EVERY_MS)
        return;
    look(x, dir);
    /* What changes again in the same tick of its clock does not show. */
    const bool settled = clock_wall_ms() / 1000 - (int64_t)st->st_mtim.tv_sec > SETTLED_S;
    x->changed = settled ? st->st_mtim : (struct timespec){ 0 };
    x->looked_mono_ms = now;
}

int shelf_index_refresh(struct shelf_index *x, const char *dir, int64_t days, struct stats *stats)
{
    struct stat st;
    DIR *d = opendir(dir);
    if (!d)
        return -errno;
    const int error = fstat(dirfd(d), &st) == 0 ? 0 : -errno;
    if (!error) {
        refresh(x, d, &st);
        expire(x, dirfd(d), days, stats);
        stat_set(stats, files_count, (int64_t)shelf_index_count(x));
        stat_set(stats, files_bytes, (int64_t)x->bytes);
    }
    closedir(d);
    return error;
}

void shelf_index_add(struct shelf_index *x, const struct file_about *about)
{
    struct entry *e;
    HASH_FIND(hh, x->entries, about->id, FILE_ID_CHARS, e);
    if (!e)
        add(x, about->id, shelf_owner_key(about->owner.name), shelf_cost(about->size),
            about->stored_ms);
}

uint64_t shelf_index_bytes(const struct shelf_index *x)
{
    return x->bytes;
}

uint64_t shelf_index_count(const struct shelf_index *x)
{
    return HASH_COUNT(x->entries);
}

uint64_t shelf_index_bytes_of(const struct shelf_index *x, uint64_t owner)
{
    uint64_t bytes = 0;
    for (const struct entry *e = x->entries; e; e = e->hh.next)
        if (e->owner == owner)
            bytes += e->cost;
    return bytes;
}

/* NOLINTEND(clang-analyzer-unix.Malloc) */

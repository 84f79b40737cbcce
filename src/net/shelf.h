/* The folder of files, as the thread `files` has it. One file each, called by its id: a block that
 * says what it is (wire/file.h), then the content; it appears whole or not at all. The folder alone
 * is the truth: what this thread remembers of it, it looks up again when the folder has changed, so
 * instances may share it. Space is counted in blocks of 4 KiB. */
#ifndef NET_SHELF_H
#define NET_SHELF_H

#include "confab/base/roles.h"
#include "confab/base/stats.h"
#include "confab/net/files.h"

enum { SHELF_UPLOADS_EACH = 4 };

enum file_result {
    FILE_OK,
    FILE_LIES,        /* the content is not of the type that was said */
    FILE_BAD_PICTURE, /* broken, or not what it begins like */
    FILE_MANY_PIXELS,
    FILE_QUOTA, /* of this person */
    FILE_BUSY,  /* as many of this person's are on their way as may be */
    FILE_FULL,  /* of all */
    FILE_DISK_FULL,
    FILE_UNAVAILABLE, /* the folder cannot be used */
    FILE_NONE,        /* there is no such file (any more) */
    FILE_NOT_YOURS,
};

struct shelf; /* the thread's */
struct shelf *shelf_new(const struct settings *settings, struct stats *stats) REQUIRES(on_files);
void shelf_free(struct shelf *s) REQUIRES(on_files);

/* A file that comes in. Zero is a good start. */
struct shelf_upload {
    int fd;
    bool is_open;
    char part[48];     /* its name where nameless files are unknown, else "" */
    uint64_t reserved; /* counted for its owner */
    uint64_t owner;    /* key */
    uint64_t written;  /* of the content */
    struct shelf_upload *next;
};

/* Room for about->size bytes of about->owner. shelf_end() is due whatever it says. */
enum file_result shelf_begin(struct shelf *s, struct shelf_upload *u,
                             const struct file_about *about) REQUIRES(on_files) MUST_USE;
enum file_result shelf_write(struct shelf *s, struct shelf_upload *u, const void *bytes,
                             size_t size) REQUIRES(on_files) MUST_USE;
/* Looks at the content, cleans pictures, makes it durable and names it. said: Content-Type; about:
 * id, type, size, time, width and height are written. */
enum file_result shelf_commit(struct shelf *s, struct shelf_upload *u, const char *said,
                              struct file_about *about) REQUIRES(on_files) MUST_USE;
/* Gives back what was not named, and what was reserved. */
void shelf_end(struct shelf *s, struct shelf_upload *u) REQUIRES(on_files);

/* owner: whose it must be; the name is enough when owner->session is "*" (its message was
 * deleted). */
enum file_result shelf_remove(struct shelf *s, const char *id, const struct file_owner *owner)
    REQUIRES(on_files) MUST_USE;
/* Removes what has expired, and what a crash left. */
void shelf_tick(struct shelf *s) REQUIRES(on_files);

/* Opens it for reading: *fd. Any thread that may wait for a disk. */
enum file_result shelf_open(const char *dir, int64_t days, const char *id, int *fd,
                            struct file_about *about) MUST_USE;

/* What libmagic says of a content that begins so; "" when it is out of order (look.c). */
struct look;
struct look *look_new(void) REQUIRES(on_files);
void look_free(struct look *l) REQUIRES(on_files); /* NULL is fine */
const char *look_at_content(struct look *l, const void *bytes, size_t size) REQUIRES(on_files);

/* Who has how much in the folder (shelf_index.c). */
struct shelf_index;
struct shelf_index *shelf_index_new(void) REQUIRES(on_files);
void shelf_index_free(struct shelf_index *x) REQUIRES(on_files);
uint64_t shelf_owner_key(const char *name);
uint64_t shelf_cost(uint64_t size); /* of a content of that size */
/* Brings it up to date with the folder, if that has changed, and removes what is older than days. 0
 * or a negative errno. */
int shelf_index_refresh(struct shelf_index *x, const char *dir, int64_t days, struct stats *stats)
    REQUIRES(on_files) MUST_USE;
void shelf_index_add(struct shelf_index *x, const struct file_about *about) REQUIRES(on_files);
uint64_t shelf_index_bytes(const struct shelf_index *x) REQUIRES(on_files);
uint64_t shelf_index_bytes_of(const struct shelf_index *x, uint64_t owner) REQUIRES(on_files);
uint64_t shelf_index_count(const struct shelf_index *x) REQUIRES(on_files);

#endif

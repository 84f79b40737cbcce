/* What operators do with somebody's files. */
#include "shelf.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *files_dir(const struct settings *settings)
{
    struct str dir = STR_INIT;
    if (settings->files_dir[0])
        str_addz(&dir, settings->files_dir);
    else
        str_addf(&dir, "%s/files", settings->data_dir);
    return str_detach(&dir);
}

/* Longer than any file lives: expired ones count until they are removed. */
enum { ALL_DAYS = 1000000 };

int files_of(const char *dir, const char *name, files_fn *fn, void *arg)
{
    DIR *d = opendir(dir);
    int error = 0;
    if (!d)
        return errno == ENOENT ? 0 : -errno;
    for (struct dirent *e; !error && (e = readdir(d)) != NULL;) {
        struct file_about about;
        int fd;
        if (!file_id_is_good(e->d_name, strlen(e->d_name)) ||
            shelf_open(dir, ALL_DAYS, e->d_name, &fd, &about) != FILE_OK)
            continue;
        if (strcmp(about.owner.name, name) == 0) {
            lseek(fd, FILE_BLOCK_BYTES, SEEK_SET);
            error = fn(arg, &about, fd);
        }
        close(fd);
    }
    closedir(d);
    return error;
}

struct forgetting {
    const char *dir;
    int count;
};

static int forget(void *arg, const struct file_about *about, int in)
{
    struct forgetting *f = arg;
    struct str path = STR_INIT;
    (void)in;
    str_addf(&path, "%s/%s", f->dir, about->id);
    const int error = unlink(path.data) == 0 || errno == ENOENT ? 0 : -errno;
    str_fini(&path);
    f->count += error == 0;
    return error;
}

int files_forget(const char *dir, const char *name)
{
    struct forgetting f = { .dir = dir };
    const int error = files_of(dir, name, forget, &f);
    return error ? error : f.count;
}

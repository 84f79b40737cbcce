/* The files of the page, in memory: built in, or read from PUBLIC_DIR at the start. */
#include "http.h"

#include "confab/base/embedded.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILES_MAX = 256,
    FILE_BYTES_MAX = 8 << 20,
    DEPTH_MAX = 6,
};

struct assets {
    struct asset *files;
    size_t count;
    bool read; /* from PUBLIC_DIR: paths, etags and data are ours */
    struct str list;
    char *list_etag;
};

static const char *type_of(const char *path)
{
    static const char *const types[][2] = {
        { ".html", "text/html; charset=utf-8" },
        { ".js", "text/javascript; charset=utf-8" },
        { ".mjs", "text/javascript; charset=utf-8" },
        { ".css", "text/css; charset=utf-8" },
        { ".json", "application/json" },
        { ".webmanifest", "application/manifest+json" },
        { ".svg", "image/svg+xml" },
        { ".png", "image/png" },
        { ".jpg", "image/jpeg" },
        { ".webp", "image/webp" },
        { ".ico", "image/x-icon" },
        { ".woff2", "font/woff2" },
        { ".txt", "text/plain; charset=utf-8" },
    };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(dot, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}

/* The element's content, when it has one of its own; NULL behind the last one. *p moves behind it. */
static const char *inline_content(const char **p, size_t *size)
{
    for (const char *tag; (tag = strchr(*p, '<')) != NULL;) {
        const bool script = strncmp(tag, "<script", 7) == 0;
        const char *open = strchr(tag, '>');
        *p = tag + 1;
        if (!open || (!script && strncmp(tag, "<style", 6) != 0))
            continue;
        const char *close = strstr(open, script ? "</script>" : "</style>");
        if (!close)
            return NULL;
        *p = close;
        *size = (size_t)(close - open - 1);
        if (*size)
            return open + 1;
    }
    return NULL;
}

/* What a Content-Security-Policy needs to know of the scripts and styles in an HTML file, so that
 * no others run. data ends with a NUL. */
static char *inline_hashes(const char *path, const void *data, size_t size)
{
    struct str out = STR_INIT;
    const char *p = data, *content;
    str_addz(&out, "");
    if (strcmp(type_of(path), "text/html; charset=utf-8") != 0)
        return str_detach(&out);
    while ((content = inline_content(&p, &size)) != NULL) {
        unsigned char hash[EVP_MAX_MD_SIZE];
        char base64[64];
        BUG_ON(EVP_Digest(content, size, hash, NULL, EVP_sha256(), NULL) != 1);
        lws_b64_encode_string((const char *)hash, 32, base64, sizeof(base64));
        str_addf(&out, " 'sha256-%s'", base64);
    }
    return str_detach(&out);
}

static struct asset *add(struct assets *a)
{
    a->files = xrealloc(a->files, (a->count + 1) * sizeof(*a->files));
    return &a->files[a->count++];
}

static void add_built_in(struct assets *a)
{
    for (size_t i = 0; i < embedded_public_count; i++) {
        const struct embedded *e = &embedded_public[i];
        *add(a) = (struct asset){ .path = e->path,
                                  .type = type_of(e->path),
                                  .etag = e->etag,
                                  .hashes = inline_hashes(e->path, e->data, e->size),
                                  .data = e->data,
                                  .gzip = e->gzip,
                                  .size = e->size,
                                  .gzip_size = e->gzip_size,
                                  .inlined = e->inlined };
    }
}

/* FNV-1a: tells versions of one file apart, nothing more is asked of it. */
static char *etag_of(const unsigned char *data, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ data[i]) * 0x100000001b3u;
    struct str s = STR_INIT;
    str_addf(&s, "\"%016llx-%zx\"", (unsigned long long)hash, size);
    return str_detach(&s);
}

static void add_file(struct assets *a, int fd, const char *path, size_t size)
{
    unsigned char *data = xmalloc(size + 1);
    size_t got = 0;
    ssize_t n;
    while (got < size && (n = read(fd, data + got, size - got)) > 0)
        got += (size_t)n;
    data[got] = '\0';
    *add(a) = (struct asset){ .path = xstrdup(path),
                              .type = type_of(path),
                              .etag = etag_of(data, got),
                              .hashes = inline_hashes(path, data, got),
                              .data = data,
                              .size = got };
}

static void read_folder(struct assets *a, int folder, const char *prefix, int depth);

static void read_entry(struct assets *a, int folder, const char *name, const char *prefix,
                       int depth)
{
    struct stat st;
    char path[512];
    const int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) != 0 ||
        (size_t)snprintf(path, sizeof(path), "%s/%s", prefix, name) >= sizeof(path)) {
        log_warn("public_file", "skipped=1 reason=unreadable");
    } else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
        read_folder(a, fd, path, depth + 1); /* takes fd */
        return;
    } else if (S_ISREG(st.st_mode) && st.st_size <= FILE_BYTES_MAX && a->count < FILES_MAX) {
        add_file(a, fd, path, (size_t)st.st_size);
    }
    if (fd >= 0)
        close(fd);
}

static void read_folder(struct assets *a, int folder, const char *prefix, int depth)
{
    DIR *d = fdopendir(folder);
    struct dirent *e;
    if (!d) {
        close(folder);
        return;
    }
    while ((e = readdir(d)) != NULL)
        if (e->d_name[0] != '.')
            read_entry(a, folder, e->d_name, prefix, depth);
    closedir(d);
}

/* What belongs to this version of the page, for its service worker. */
static void add_list(struct assets *a)
{
    for (size_t i = 0; i < a->count; i++)
        if (!a->files[i].inlined)
            str_addf(&a->list, "%s %s\n", a->files[i].etag, a->files[i].path);
    a->list_etag = etag_of((const unsigned char *)a->list.data, a->list.size);
    *add(a) = (struct asset){ .path = ASSETS_LIST,
                              .type = type_of(ASSETS_LIST),
                              .etag = a->list_etag,
                              .hashes = xstrdup(""),
                              .data = a->list.data,
                              .size = a->list.size };
}

static void read_public(struct assets *a, const char *public_dir)
{
    a->read = true;
    const int folder = open(public_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0)
        read_folder(a, folder, "", 0);
    if (!a->count)
        log_warn("public_dir", "files=0 effect=\"no page: set PUBLIC_DIR to a folder with "
                               "index.html\"");
}

struct assets *assets_new(const char *public_dir)
{
    struct assets *a = xcalloc(1, sizeof(*a));
    if (public_dir[0] == '\0')
        add_built_in(a);
    else
        read_public(a, public_dir);
    if (a->count)
        add_list(a);
    return a;
}

void assets_free(struct assets *a)
{
    for (size_t i = 0; i < a->count; i++)
        free(a->files[i].hashes);
    for (size_t i = 0; a->read && i + 1 < a->count; i++) { /* the last one is the list */
        free((void *)(uintptr_t)a->files[i].path);
        free((void *)(uintptr_t)a->files[i].etag);
        free((void *)(uintptr_t)a->files[i].data);
    }
    str_fini(&a->list);
    free(a->list_etag);
    free(a->files);
    free(a);
}

const struct asset *assets_find(const struct assets *a, const char *path)
{
    if (strcmp(path, "/") == 0)
        path = "/index.html";
    if (strcmp(path, "/ca") == 0)
        path = "/ca.html";
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->files[i].path, path) == 0)
            return &a->files[i];
    return NULL;
}

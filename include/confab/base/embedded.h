/* Files built into the binary by cmake/Embed.cmake: the page (public/) with gzip copies, and
 * the Lua scripts (src/store/scripts/). Read-only, any thread. */
#ifndef CONFAB_BASE_EMBEDDED_H
#define CONFAB_BASE_EMBEDDED_H

#include <stdbool.h>
#include <stddef.h>

struct embedded {
    const char *path;          /* "/index.html", "/js/app.js"; a script: "/publish.lua" */
    const unsigned char *data; /* a NUL stands behind the last byte, not counted in size */
    size_t size;
    const unsigned char *gzip; /* NULL when it would not be smaller */
    size_t gzip_size;
    const char *etag; /* with its quotes, from the SHA-256 of data */
    bool inlined;     /* index.html has it in it; here for who imports it alone */
};

extern const struct embedded embedded_public[];
extern const size_t embedded_public_count;
extern const struct embedded embedded_scripts[];
extern const size_t embedded_scripts_count;

/* By path; NULL when there is none. */
const struct embedded *embedded_find(const struct embedded *files, size_t count, const char *path);

#endif

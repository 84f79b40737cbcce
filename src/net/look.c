/* libmagic behind one question. */
#include "shelf.h"

#include <magic.h>
#include <stdlib.h>

struct look {
    magic_t magic; /* NULL: out of order */
};

/* Nothing is unpacked, no other file is looked at. */
struct look *look_new(void)
{
    struct look *l = xcalloc(1, sizeof *l);
    l->magic = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ELF |
                          MAGIC_NO_CHECK_TOKENS);
    if (l->magic && magic_load(l->magic, NULL) != 0) {
        log_error("files", "error=\"libmagic has no database\" effect=\"no uploads\"");
        magic_close(l->magic);
        l->magic = NULL;
    }
    return l;
}

void look_free(struct look *l)
{
    if (l && l->magic)
        magic_close(l->magic);
    free(l);
}

const char *look_at_content(struct look *l, const void *bytes, size_t size)
{
    const char *type = l->magic ? magic_buffer(l->magic, bytes, size) : NULL;
    return type ? type : "";
}

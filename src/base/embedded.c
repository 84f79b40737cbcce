#include "confab/base/embedded.h"

#include <string.h>

const struct embedded *embedded_find(const struct embedded *files, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(files[i].path, path) == 0)
            return &files[i];
    }
    return NULL;
}

#include "info.h"

#include <string.h>

void info_value(const char *info, const char *name, char *out, size_t out_size)
{
    const size_t size = strlen(name);
    *out = '\0';
    for (const char *at = info; (at = strstr(at, name)) != NULL; at += size) {
        if ((at != info && at[-1] != '\n') || at[size] != ':')
            continue;
        const char *value = at + size + 1;
        const size_t length = strcspn(value, "\r\n");
        if (length < out_size) {
            memcpy(out, value, length);
            out[length] = '\0';
        }
        return;
    }
}

#include "confab/archive/archive.h"

#include <stdlib.h>

struct archive_ask *archive_ask_new(uint64_t id, struct ask *ask, int64_t deadline_mono_ms)
{
    struct archive_ask *a = xcalloc(1, sizeof *a);
    a->id = id;
    a->ask = ask;
    a->deadline_mono_ms = deadline_mono_ms;
    return a;
}

void archive_ask_free(struct archive_ask *ask)
{
    if (!ask)
        return;
    ask_free(ask->ask);
    free(ask);
}

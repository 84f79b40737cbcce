/* Archives of other instances: nobody is asked yet. */
#include "confab/store/store.h"

#include <errno.h>

int store_ask(struct store *s, uint64_t id, const char *json, size_t size, int64_t ms,
              store_asked_fn *done, void *arg)
{
    (void)s, (void)id, (void)json, (void)size, (void)ms, (void)done, (void)arg;
    return -ENOTCONN;
}

void store_reply(struct store *s, const char *asker, uint64_t id, uint64_t newest,
                 const struct frame *frame)
{
    (void)s, (void)asker, (void)id, (void)newest, (void)frame;
}

void store_serve(struct store *s)
{
    (void)s;
}

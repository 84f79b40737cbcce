#include "confab/base/roles.h"
#include "confab/base/base.h"

struct role on_main, on_accept, on_net, on_hub, on_archive, on_archive_read, on_mdns, on_files,
    on_hash;

void lock_init(struct lock *l)
{
    BUG_ON(pthread_mutex_init(&l->mutex, NULL) != 0);
}

void lock_fini(struct lock *l)
{
    BUG_ON(pthread_mutex_destroy(&l->mutex) != 0);
}

void lock_acquire(struct lock *l) NO_THREAD_SAFETY
{
    BUG_ON(pthread_mutex_lock(&l->mutex) != 0);
}

void lock_release(struct lock *l) NO_THREAD_SAFETY
{
    BUG_ON(pthread_mutex_unlock(&l->mutex) != 0);
}

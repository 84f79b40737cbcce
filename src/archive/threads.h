/* The archive's threads, for its own files and its tests. */
#ifndef CONFAB_ARCHIVE_THREADS_H
#define CONFAB_ARCHIVE_THREADS_H

#include "reader.h"
#include "writer.h"

struct archive {
    struct writer *writer; /* thread `archive` */
    pthread_t thread;
    bool runs;
    struct reader page, find;
    int stop_fd; /* eventfd(2), readable once the threads are to end: nobody reads it */
    _Atomic int64_t stop_deadline_mono_ms;
    struct queue answers;
    bool has_queue;
};

/* archive_new() with a sink of the caller's. */
struct archive *archive_new_with(const struct settings *settings, struct stats *stats,
                                 const char *redis_addr, const struct archive_sink *sink)
    REQUIRES(on_main);

#endif

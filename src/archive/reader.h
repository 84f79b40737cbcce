/* The threads `archive-page` and `archive-find`: each answers the asks of its queue, one after the
 * other, from a reading sink of its own. */
#ifndef CONFAB_ARCHIVE_READER_H
#define CONFAB_ARCHIVE_READER_H

#include "confab/archive/archive.h"

struct reader {
    const struct settings *settings;
    struct stats *stats;
    const struct archive_sink *sink;
    struct queue *answers; /* to the hub */
    int stop_fd;           /* readable: end */
    pthread_t thread;
    struct queue asks;
    bool has_queue, runs;

    /* its thread only */
    void *file;                 /* NULL: not open */
    int64_t open_again_mono_ms; /* not before: the file was not there, or not to be read */
    int64_t failed_log_mono_ms;
};

/* Starts the thread. Fields above `thread` are set. 0 or a negative errno. */
int reader_start(struct reader *r, const char *name, uint32_t bound) REQUIRES(on_main) MUST_USE;
/* Waits for its end; stop_fd is readable. */
void reader_join(struct reader *r) REQUIRES(on_main);
void reader_fini(struct reader *r) REQUIRES(on_main); /* what was not answered is dropped */

#endif

/* An ask and a store become an answer. Threads archive-page and archive-find. */
#ifndef CONFAB_ARCHIVE_ANSWER_H
#define CONFAB_ARCHIVE_ANSWER_H

#include "confab/archive/archive.h"

/* *out is new, whatever the store said: the frame is an error when it could not answer. */
enum sink_status answer(const struct archive_sink *kind, void *sink, const struct archive_ask *ask,
                        struct archive_answer **out) REQUIRES(on_archive_read);
/* The answer of an archive that cannot be read at all: returns new. */
struct archive_answer *answer_unavailable(const struct archive_ask *ask) REQUIRES(on_archive_read)
    MUST_USE;

#endif

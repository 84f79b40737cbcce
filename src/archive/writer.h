/* The thread `archive`: stream → batch → file → acknowledgement.
 *
 *   OPENING ─the file is ours→ JOINING ─┬─nothing is missing──→ TAKING_OVER ─all→ READING
 *      ↑                        ↑   ↑   └─→ SEEDING ─all lists──→    │              │
 *      │                        │   └───── Redis went away ──────────┴──────────────┤
 *      │                        └───────── disk full, file locked ──────────────────┤
 *      └────────────────────────────────── any other trouble of the file ───────────┘
 *
 * Trouble forgets the batch: what was not committed and acknowledged is pending in Redis, and
 * taking over brings it again. What was committed and not acknowledged comes again too; the sink
 * sees that it has it. */
#ifndef CONFAB_ARCHIVE_WRITER_H
#define CONFAB_ARCHIVE_WRITER_H

#include "confab/archive/archive.h"

struct writer;

/* sink: of which it opens one object to write. All are borrowed. */
struct writer *writer_new(const struct settings *settings, struct stats *stats,
                          const struct archive_sink *sink, const char *redis_addr);
void writer_free(struct writer *w);
/* Does a piece of what is due; returns for how many ms nothing will be. */
int64_t writer_turn(struct writer *w) REQUIRES(on_archive) MUST_USE;
/* Archives what is in the stream now, while there is time, and closes the file. */
void writer_finish(struct writer *w, int64_t deadline_mono_ms) REQUIRES(on_archive);

#endif

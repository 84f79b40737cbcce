/* What a person does to an archive's file: the commands export, import, backup and check. The sink
 * is one of sink_sqlite, which says in `why` what went wrong. docs/DATA.md. */
#ifndef CONFAB_ARCHIVE_CARE_H
#define CONFAB_ARCHIVE_CARE_H

#include "confab/archive/sink.h"

/* A message as it lies there. The texts live until the function that got it returns. */
struct care_row {
    int64_t id;
    const char *stream, *epoch;
    int kind; /* docs/DATA.md, message.kind */
    int64_t time_ms;
    const char *json;
    size_t json_size;
};
struct care_filter {
    const char *const *streams; /* NULL: all */
    size_t stream_count;
    const char *person;         /* what this one wrote, what mentions them, and their
                                 * conversations; NULL: all */
    int64_t since_ms, until_ms; /* since ≤ time < until; 0: no bound */
};
typedef void care_row_fn(void *arg, const struct care_row *row);

/* Rows behind `*after` (0 at first), in the order of their ids, of one snapshot that looks at a few
 * thousand of them, so that the log is not kept from being copied back. *after moves on; *more:
 * call again. Rows that come meanwhile into epochs that are done are left out. SINK_READ. */
enum sink_status care_rows(void *sink, const struct care_filter *filter, int64_t *after,
                           care_row_fn *fn, void *arg, bool *more) MUST_USE;

/* The id that a message has, or had; 0: its epoch is not there. SINK_READ. */
enum sink_status care_find(void *sink, const struct sink_message *message, int64_t *id) MUST_USE;

/* As sink->write() of messages, each with its kind as care_row has it; what is there already stays
 * as it is. SINK_ADD. */
enum sink_status care_write(void *sink, const struct sink_message *messages, const int *kinds,
                            size_t count, struct sink_written *out) MUST_USE;

/* A copy as of now, while others write: made beside it as PATH.part and checked, before it gets its
 * name. SINK_IO too when there is something at path. SINK_READ. */
enum sink_status care_backup(void *sink, const char *path) MUST_USE;

/* Says each finding in a line: what PRAGMA integrity_check says, and numbers that are missing. Then
 * what is not searchable yet becomes it, and the index is compared with the messages; that one
 * locks the file meanwhile. SINK_CORRUPT: damage that the archive's writer repairs when it opens
 * the file again. SINK_ADD. */
typedef void care_finding_fn(void *arg, const char *line);
enum sink_status care_check(void *sink, care_finding_fn *fn, void *arg) MUST_USE;

/* Empties the index; upkeep fills it again. SINK_ADD. */
enum sink_status care_rebuild_search(void *sink) MUST_USE;

#endif

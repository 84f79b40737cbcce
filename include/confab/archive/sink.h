/* A store of messages that outlives Redis: all that the server knows of one. docs/DATA.md.
 *
 * An object belongs to one thread at a time. The writing one (SINK_WRITE) is there once per
 * archive over all processes of a host; any number read, each with an object of its own.
 * Texts in a result live until the next call on the same object.
 *
 * A stream is "r:ROOM" or "d:A|B" (A before B, as in the key in Redis). A message is named by
 * stream, epoch and number: what is written again changes nothing. */
#ifndef CONFAB_ARCHIVE_SINK_H
#define CONFAB_ARCHIVE_SINK_H

#include "confab/base/settings.h"
#include "confab/wire/ask.h"
#include "confab/wire/frame.h"
#include "confab/wire/rules.h"

enum {
    SINK_PAGE_MOST = 100,    /* messages in a page */
    SINK_RECORDS_MOST = 200, /* records in a call */
    SINK_ID_BYTES = 16,      /* of an archive's id: hex digits */
    SINK_ENTRY_BYTES = 41,   /* of a stream entry's id */
    SINK_CURSOR_BYTES = 63,  /* of a search's cursor */
    SINK_NAME_BYTES = 255,   /* of a record */
    SINK_WHY_BYTES = 255,
    SINK_STREAM_BYTES =
        2 * NAME_MAX_BYTES + 3 > ROOM_MAX_BYTES + 2 ? 2 * NAME_MAX_BYTES + 3 : ROOM_MAX_BYTES + 2,
};

/* What is not SINK_OK did not happen: nothing of a batch is there. */
enum sink_status {
    SINK_OK,
    SINK_TAKEN,   /* open: another process writes this archive; try again, it may end */
    SINK_FULL,    /* no space on the disk */
    SINK_LOCKED,  /* another program held the file for two seconds */
    SINK_CORRUPT, /* the file is damaged: close and open again; opening to write repairs it */
    SINK_NEWER,   /* open: made by a later version */
    SINK_IO,      /* anything else: no folder, no permission, no file yet, a file replaced. Close
                   * and open again */
};

enum sink_mode {
    SINK_READ,
    SINK_WRITE, /* the one writer, which alone does upkeep */
    SINK_ADD,   /* a tool that writes beside the writer */
};

struct sink_message {
    const char *stream, *epoch;
    uint64_t seq; /* 1 … 2^32 - 1, the same as in the JSON */
    const char *json;
    size_t size;
    const char *entry; /* where it came from, for whoever looks at what was rejected */
};
/* The state of something that has a name: the highest version counts. Kind "forget" is an order:
 * takes what NAME wrote until VERSION (ms) out of the archive, in upkeep; {"as":"…"} is the name
 * that stands in its place. */
struct sink_record {
    const char *kind, *name;
    int64_t version;
    const char *json; /* an object, or size 0 */
    size_t size;
};
/* Something that cannot be stored as what it should be: kept for a person to look at. */
struct sink_reject {
    const char *entry, *why;
    const void *body;
    size_t size;
};
/* Written in one transaction. */
struct sink_batch {
    const struct sink_message *messages; /* in any order; the sink sorts pointers of its own */
    size_t message_count;
    const struct sink_record *records;
    size_t record_count;
    const struct sink_reject *rejects;
    size_t reject_count;
    const char *entry; /* the last stream entry in it; "" or NULL: leave the position as it is */
};
struct sink_written {
    uint64_t added, repeated, rejected;
};

struct page_cursor {
    char epoch[RULE_EPOCH_BYTES + 1];
    uint64_t seq;
    bool valid; /* the archive has more that way */
};
struct page_result {
    bool known; /* false: this stream has no such epoch (bad_cursor), or there is no such stream */
    char epoch[RULE_EPOCH_BYTES + 1];  /* of all messages in it; "" when the stream is unknown */
    const struct frame_part *messages; /* JSON, oldest first whatever the way */
    size_t count;
    uint64_t first_seq, last_seq; /* 0 when there is none */
    uint64_t missing;         /* numbers from the cursor to the far end that the archive lacks */
    struct page_cursor older; /* PAGE_BEFORE */
    struct page_cursor newer; /* PAGE_AFTER */
};

struct find_result {
    const char *json; /* NULL: there is no such message, or not one of a person any more */
    size_t size;
    bool behind; /* its number is above all that are archived */
};

struct search_hit {
    const char *stream, *epoch;
    const char *json; /* the message */
    size_t json_size;
    const char *parts; /* JSON array of texts, plain and found in turn, the first one plain */
    double score;
};
struct search_result {
    enum error_code refused;       /* ERROR_BAD_QUERY, ERROR_BAD_CURSOR or ERROR_NONE */
    const struct search_hit *hits; /* best first */
    size_t count;
    char cursor[SINK_CURSOR_BYTES + 1]; /* "": there are no more */
    bool partial;    /* its time was used up: older messages were not looked at */
    uint64_t behind; /* messages that are not searchable yet */
};

struct sink_records {
    const struct sink_record *records; /* by name, ascending */
    size_t count;                      /* SINK_RECORDS_MOST: there may be more behind the last */
};

struct sink_about {
    char archive[SINK_ID_BYTES + 1];  /* the archive's identity, the file's own */
    char entry[SINK_ENTRY_BYTES + 1]; /* the last one committed; "": none */
    uint64_t messages, rejected;
    uint64_t unindexed; /* messages that are not searchable yet */
    int64_t oldest_ms;  /* time of the oldest message; 0: none */
    bool repairing;     /* rows are still being taken out of a damaged file */
};

struct archive_sink {
    const char *name;
    /* Returns new. why: a sentence for the log when it is not SINK_OK. Does not wait. */
    enum sink_status (*open)(const struct settings *settings, enum sink_mode mode, void **out,
                             char why[SINK_WHY_BYTES + 1]);
    void (*close)(void *sink); /* NULL is fine */
    /* What the last failure was, for the log: no text of a message. */
    const char *(*why)(const void *sink);
    enum sink_status (*about)(void *sink, struct sink_about *out);
    enum sink_status (*write)(void *sink, const struct sink_batch *batch, struct sink_written *out);
    enum sink_status (*page)(void *sink, const struct page_query *query, struct page_result *out);
    /* The message `seq` of a stream, in the newest epoch that has this number. No event. */
    enum sink_status (*find)(void *sink, const char *stream, uint64_t seq, struct find_result *out);
    enum sink_status (*search)(void *sink, const struct search_query *query,
                               struct search_result *out);
    /* after: the last name of the call before, "" at first */
    enum sink_status (*records)(void *sink, const char *kind, const char *after,
                                struct sink_records *out);
    /* Index, retention, orders to forget, salvage, checkpoint: what is due, for about budget_us.
     * *more: there was more to do. */
    enum sink_status (*upkeep)(void *sink, int64_t budget_us, bool *more);
};

/* One file `archive.db` in ARCHIVE_DIR. */
extern const struct archive_sink sink_sqlite;

#endif

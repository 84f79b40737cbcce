/* The threads that wait for the disk, so that nobody else has to.
 *
 *   net thread ─ filer_push ─→ ring ─ files       begin, write, commit, remove  ─ post ─→ net thread
 *                            └→ ring ─ files-read  open, read                    ─ post ─→ net thread
 *
 * A transfer has at most one job under way, and while it is, it belongs to that thread; so the rings
 * are bounded by the transfers that are admitted, and a push never fails. One more transfer than
 * there may be is refused: `busy`. */
#ifndef NET_FILER_H
#define NET_FILER_H

#include "shelf.h"
#include "state.h"

enum {
    UPLOADS_MOST = 32, /* of the process; and removals */
    DOWNLOADS_MOST = 256,
    DROPS_MOST = 1024, /* files of deleted messages that wait; further ones expire */
    FILE_PIECE_BYTES = 65536,
};

enum file_job {
    JOB_BEGIN,
    JOB_WRITE, /* piece */
    JOB_COMMIT,
    JOB_REMOVE, /* about.id, for about.owner */
    JOB_OPEN,   /* about.id */
    JOB_READ,   /* piece, from `at` on, at most to `end` */
    JOB_END,    /* frees it */
};

struct transfer {
    bool upload; /* or a removal: which thread works for it */
    enum file_job job;
    enum file_result result;
    struct file_about about;
    char said[FILE_TYPE_BYTES * 2]; /* Content-Type */
    struct shelf_upload in;
    char *piece;
    size_t piece_size;
    int fd;           /* download; -1: not open */
    uint64_t at, end; /* download: of the content */

    /* net thread, also while a job is under way */
    struct net_thread *thread; /* NULL: nobody waits for the result */
    struct session *session;   /* NULL: it has gone */
    bool working;              /* a job is under way */
    bool expects;              /* upload: 100 Continue, before it sends */
    bool complete;             /* upload: all has come */
    bool headed;               /* download: the head of the answer is out */
    bool head_only, ranged;    /* download */
    enum file_result failure;  /* the first one */
    char *filling;             /* upload: what has come since the last JOB_WRITE */
    size_t filling_size;
    int64_t until_ms; /* upload: end of patience for the whole body */
    char range[64];   /* download: Range */
};

struct filer;
struct filer *filer_new(const struct settings *settings, struct stats *stats) REQUIRES(on_main);
int filer_start(struct filer *f) REQUIRES(on_main) MUST_USE; /* 0 or a negative errno */
/* What is under way is finished. After the net threads have ended; a push then only frees. */
void filer_stop(struct filer *f) REQUIRES(on_main);
void filer_free(struct filer *f) REQUIRES(on_main);

/* Returns new, for s; NULL: too many. */
struct transfer *filer_admit(struct filer *f, struct session *s, bool upload) REQUIRES(on_net)
    MUST_USE;
/* Its result comes as POST_FILE; nothing comes for JOB_END, which takes t. */
void filer_push(struct filer *f, struct transfer *t, enum file_job job) REQUIRES(on_net);
/* The message that led to the file was deleted: removes it if that person sent it. Any thread. */
void filer_drop(struct filer *f, const char *id, const char *owner);

#endif

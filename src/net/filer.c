#include "filer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "confab/base/ring.h"

enum { TICK_S = 60, STACK = 256 * 1024 };

struct lane {
    struct filer *filer;
    pthread_t thread;
    bool running;
    struct lock lock;
    pthread_cond_t more;
    struct ring waiting; /* of struct transfer; under lock, like what follows */
    uint32_t drops;
    bool stopping;
};

struct filer {
    const struct settings *settings;
    struct stats *stats;
    char *dir;
    struct shelf *shelf; /* thread `files` */
    struct lane write, read;
};

static void lane_init(struct lane *l, struct filer *f, uint32_t bound)
{
    pthread_condattr_t attr;
    l->filer = f;
    lock_init(&l->lock);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->more, &attr);
    pthread_condattr_destroy(&attr);
    ring_init(&l->waiting, bound);
}

static void lane_fini(struct lane *l)
{
    ring_fini(&l->waiting);
    pthread_cond_destroy(&l->more);
    lock_fini(&l->lock);
}

struct filer *filer_new(const struct settings *settings, struct stats *stats)
{
    struct filer *f = xcalloc(1, sizeof *f);
    f->settings = settings;
    f->stats = stats;
    f->dir = files_dir(settings);
    lane_init(&f->write, f, UPLOADS_MOST + DROPS_MOST);
    lane_init(&f->read, f, DOWNLOADS_MOST);
    role_assume(&on_files); /* nobody else has it yet */
    f->shelf = shelf_new(settings, stats);
    return f;
}

/* ---- the threads ---- */

static void read_piece(struct transfer *t)
{
    const uint64_t left = t->end - t->at;
    if (!t->piece)
        t->piece = xmalloc(FILE_PIECE_BYTES);
    const ssize_t got =
        pread(t->fd, t->piece, left < FILE_PIECE_BYTES ? (size_t)left : FILE_PIECE_BYTES,
              (off_t)(FILE_BLOCK_BYTES + t->at));
    t->result = got > 0 ? FILE_OK : FILE_UNAVAILABLE;
    t->piece_size = got > 0 ? (size_t)got : 0;
    t->at += t->piece_size;
}

static void transfer_free(struct filer *f, struct transfer *t) REQUIRES(on_files)
{
    if (t->upload)
        shelf_end(f->shelf, &t->in);
    if (t->fd >= 0)
        close(t->fd);
    if (t->thread && t->upload)
        stat_add(f->stats, files_uploads, -1);
    else if (t->thread)
        stat_add(f->stats, files_downloads, -1);
    free(t->piece);
    free(t->filling);
    free(t);
}

static void work(struct filer *f, struct transfer *t) REQUIRES(on_files)
{
    switch (t->job) {
    case JOB_BEGIN:
        t->result = shelf_begin(f->shelf, &t->in, &t->about);
        return;
    case JOB_WRITE:
        t->result = shelf_write(f->shelf, &t->in, t->piece, t->piece_size);
        return;
    case JOB_COMMIT:
        t->result = shelf_commit(f->shelf, &t->in, t->said, &t->about);
        return;
    case JOB_REMOVE:
        t->result = shelf_remove(f->shelf, t->about.id, &t->about.owner);
        return;
    case JOB_OPEN:
        t->result = shelf_open(f->dir, f->settings->files_days, t->about.id, &t->fd, &t->about);
        return;
    case JOB_READ:
        read_piece(t);
        return;
    case JOB_END:
        return;
    }
}

/* The next one, NULL: for a while there was none, or *end. */
static struct transfer *wait_for(struct lane *l, bool *end)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += TICK_S;
    lock_acquire(&l->lock);
    int error = 0;
    while (!l->stopping && !error && ring_size(&l->waiting) == 0)
        error = pthread_cond_timedwait(&l->more, &l->lock.mutex, &at);
    struct transfer *t = ring_pop(&l->waiting);
    l->drops -= t && !t->thread;
    *end = !t && l->stopping;
    lock_release(&l->lock);
    return t;
}

static void *run(void *arg)
{
    role_assume(&on_files); /* the reading one does nothing of the shelf */
    struct lane *l = arg;
    struct filer *f = l->filer;
    bool end = false;
    while (!end) {
        struct transfer *t = wait_for(l, &end);
        if (!t) {
            if (l == &f->write && !end)
                shelf_tick(f->shelf);
            continue;
        }
        work(f, t);
        if (t->job == JOB_END || !t->thread) {
            transfer_free(f, t);
            continue;
        }
        struct net_thread *net = t->thread;
        post_push(&net->posts, (struct post){ .kind = POST_FILE, .what = t });
        post_wake(&net->posts);
    }
    return NULL;
}

static int lane_start(struct lane *l, const char *name)
{
    const int error = thread_start(&l->thread, name, STACK, run, l);
    l->running = error == 0;
    return error;
}

static void lane_stop(struct lane *l)
{
    lock_acquire(&l->lock);
    l->stopping = true;
    pthread_cond_signal(&l->more);
    lock_release(&l->lock);
    if (l->running)
        thread_join(l->thread);
    l->running = false;
}

int filer_start(struct filer *f)
{
    if (f->settings->file_max_kb == 0)
        return 0;
    const int error = lane_start(&f->write, "files");
    return error ? error : lane_start(&f->read, "files-read");
}

void filer_stop(struct filer *f)
{
    lane_stop(&f->write);
    lane_stop(&f->read);
}

void filer_free(struct filer *f)
{
    role_assume(&on_files); /* the threads have ended */
    shelf_free(f->shelf);
    lane_fini(&f->write);
    lane_fini(&f->read);
    free(f->dir);
    free(f);
}

/* ---- for others ---- */

struct transfer *filer_admit(struct filer *f, struct session *s, bool upload)
{
    const int64_t before =
        upload ? stat_add(f->stats, files_uploads, 1) : stat_add(f->stats, files_downloads, 1);
    if (before >= (upload ? UPLOADS_MOST : DOWNLOADS_MOST)) {
        if (upload)
            stat_add(f->stats, files_uploads, -1);
        else
            stat_add(f->stats, files_downloads, -1);
        stat_add(f->stats, files_busy, 1);
        return NULL;
    }
    struct transfer *t = xcalloc(1, sizeof *t);
    t->upload = upload;
    t->fd = -1;
    t->session = s;
    t->thread = s->thread;
    return t;
}

/* False: the lane has ended. */
static bool lane_push(struct lane *l, struct transfer *t)
{
    lock_acquire(&l->lock);
    const bool runs = !l->stopping;
    if (runs && !ring_push(&l->waiting, t))
        BUG("more transfers than were admitted");
    pthread_cond_signal(&l->more);
    lock_release(&l->lock);
    return runs;
}

void filer_push(struct filer *f, struct transfer *t, enum file_job job)
{
    t->job = job;
    t->working = true;
    if (lane_push(t->upload ? &f->write : &f->read, t))
        return;
    role_assume(&on_files); /* the threads have ended: thread_close() */
    if (job == JOB_END)
        transfer_free(f, t);
}

void filer_drop(struct filer *f, const char *id, const char *owner)
{
    struct lane *l = &f->write;
    lock_acquire(&l->lock);
    const bool taken = !l->stopping && l->drops < DROPS_MOST;
    l->drops += taken;
    lock_release(&l->lock);
    if (!taken) {
        stat_add(f->stats, files_undropped, 1);
        return;
    }
    struct transfer *t = xcalloc(1, sizeof *t);
    t->upload = true;
    t->fd = -1;
    t->job = JOB_REMOVE;
    text_copy(t->about.id, sizeof t->about.id, id);
    text_copy(t->about.owner.name, sizeof t->about.owner.name, owner);
    text_copy(t->about.owner.session, sizeof t->about.owner.session, "*");
    if (!lane_push(l, t))
        free(t);
}

/* The archive's life: its threads, and when they end. */
#include "threads.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    /* one for each ask that waits or is being answered; so it never is full */
    ANSWERS_MOST = ARCHIVE_PAGES_MOST + ARCHIVE_FINDS_MOST + 2,
    WRITER_NICE = 5, /* who chats comes first */
};

static const struct {
    const char *name, *text;
} states[ARCHIVE_STATE_COUNT] = {
#define X(state, name, text) { name, text },
    ARCHIVE_STATES(X)
#undef X
};

const char *archive_state_name(enum archive_state state)
{
    return states[state].name;
}

const char *archive_state_text(enum archive_state state)
{
    return states[state].text;
}

/* ---- threads ---- */

/* False when the threads are to end. */
static bool rest(const struct archive *a, int64_t ms)
{
    struct pollfd stop = { a->stop_fd, POLLIN, 0 };
    return poll(&stop, 1, (int)(ms > 0 ? ms : 0)) <= 0;
}

static void *run_writer(void *arg)
{
    role_assume(&on_archive);
    struct archive *a = arg;
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), WRITER_NICE); /* refused: it is as before */
    int64_t wait;
    do {
        wait = writer_turn(a->writer);
    } while (rest(a, wait));
    writer_finish(a->writer, atomic_load(&a->stop_deadline_mono_ms));
    return NULL;
}

/* ---- life ---- */

struct archive *archive_new_with(const struct settings *settings, struct stats *stats,
                                 const char *redis_addr, const struct archive_sink *sink)
{
    struct archive *a = xcalloc(1, sizeof *a);
    a->settings = settings;
    a->stats = stats;
    a->sink = sink;
    a->stop_fd = -1;
    a->writer = writer_new(settings, stats, sink, redis_addr);
    return a;
}

struct archive *archive_new(const struct settings *settings, struct stats *stats,
                            const char *redis_addr)
{
    const bool own_redis = *settings->redis_addr == '\0' && *settings->redis_sentinels == '\0';
    if (settings->archive_mode == ARCHIVE_MODE_OFF ||
        (settings->archive_mode == ARCHIVE_MODE_AUTO && !own_redis))
        return NULL;
    return archive_new_with(settings, stats, redis_addr, &sink_sqlite);
}

int archive_start(struct archive *a)
{
    a->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (a->stop_fd < 0)
        return -errno;
    int error = queue_init(&a->answers, ANSWERS_MOST);
    if (error != 0) {
        close(a->stop_fd);
        a->stop_fd = -1;
        return error;
    }
    error = thread_start(&a->thread, "archive", 0, run_writer, a);
    a->runs = error == 0;
    return error;
}

void archive_stop(struct archive *a, int64_t deadline_ms)
{
    if (!a->runs)
        return;
    atomic_store(&a->stop_deadline_mono_ms, clock_mono_ms() + deadline_ms);
    BUG_ON(eventfd_write(a->stop_fd, 1) != 0);
    thread_join(a->thread);
    a->runs = false;
}

void archive_free(struct archive *a)
{
    if (a == NULL)
        return;
    if (a->stop_fd >= 0) {
        void *answer;
        while (queue_take(&a->answers, &answer, 1) != 0)
            archive_answer_free(answer);
        queue_fini(&a->answers);
        close(a->stop_fd);
    }
    writer_free(a->writer);
    free(a);
}

struct queue *archive_answers(struct archive *a)
{
    return &a->answers;
}

void archive_answer_free(struct archive_answer *answer)
{
    frame_unref(answer->frame);
    free(answer);
}

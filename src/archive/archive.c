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
    ANSWERS_MOST = ARCHIVE_PAGES_MOST + ARCHIVE_FINDS_MOST,
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
    a->stop_fd = -1;
    a->writer = writer_new(settings, stats, sink, redis_addr);
    a->page = a->find = (struct reader){ .settings = settings, .stats = stats, .sink = sink };
    a->page.answers = a->find.answers = &a->answers;
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

static int start_threads(struct archive *a) REQUIRES(on_main)
{
    int error = queue_init(&a->answers, ANSWERS_MOST);
    if (error != 0)
        return error;
    a->has_queue = true;
    error = reader_start(&a->page, "archive-page", ARCHIVE_PAGES_MOST);
    if (error == 0)
        error = reader_start(&a->find, "archive-find", ARCHIVE_FINDS_MOST);
    if (error == 0)
        error = thread_start(&a->thread, "archive", 0, run_writer, a);
    a->runs = error == 0;
    if (a->runs)
        stat_set(a->page.stats, threads_archive, 3);
    return error;
}

int archive_start(struct archive *a)
{
    a->stop_fd = a->page.stop_fd = a->find.stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (a->stop_fd < 0)
        return -errno;
    int error = start_threads(a);
    if (error != 0)
        archive_stop(a, 0);
    return error;
}

void archive_stop(struct archive *a, int64_t deadline_ms)
{
    if (a->stop_fd < 0)
        return;
    atomic_store(&a->stop_deadline_mono_ms, clock_mono_ms() + deadline_ms);
    BUG_ON(eventfd_write(a->stop_fd, 1) != 0);
    if (a->runs)
        thread_join(a->thread);
    a->runs = false;
    reader_join(&a->page);
    reader_join(&a->find);
}

void archive_free(struct archive *a)
{
    if (a == NULL)
        return;
    reader_fini(&a->page);
    reader_fini(&a->find);
    void *answer;
    while (a->has_queue && queue_take(&a->answers, &answer, 1) != 0)
        archive_answer_free(answer);
    if (a->has_queue)
        queue_fini(&a->answers);
    if (a->stop_fd >= 0)
        close(a->stop_fd);
    writer_free(a->writer);
    free(a);
}

/* ---- asks, on the hub's thread ---- */

int archive_ask(struct archive *a, struct archive_ask *ask)
{
    return queue_push(ask->ask->kind == ASK_SEARCH ? &a->find.asks : &a->page.asks, ask);
}

struct queue *archive_answers(struct archive *a)
{
    return &a->answers;
}

#include "reader.h"

#include "answer.h"

#include <errno.h>
#include <poll.h>

enum {
    OPEN_AGAIN_MS = 500, /* a writer that makes the file is not there yet, perhaps */
    FAILED_LOG_MS = 60000,
    ANSWER_AGAIN_MS = 20, /* the hub is behind */
};

static void note(struct reader *r, const char *why) REQUIRES(on_archive_read)
{
    const int64_t now = clock_mono_ms();
    char quoted[SINK_WHY_BYTES + 64];
    if (now < r->failed_log_mono_ms)
        return;
    r->failed_log_mono_ms = now + FAILED_LOG_MS;
    log_warn("archive_read", "why=%s", log_quote(quoted, sizeof quoted, why));
}

static bool is_open(struct reader *r) REQUIRES(on_archive_read)
{
    char why[SINK_WHY_BYTES + 1] = "";
    const int64_t now = clock_mono_ms();
    if (r->file != NULL)
        return true;
    if (now < r->open_again_mono_ms)
        return false;
    if (r->sink->open(r->settings, SINK_READ, &r->file, why) == SINK_OK)
        return true;
    r->file = NULL;
    r->open_again_mono_ms = now + OPEN_AGAIN_MS;
    note(r, why);
    return false;
}

/* Tries once more with the file opened anew: a repaired one has taken the place of the other. */
static struct archive_answer *answer_to(struct reader *r, const struct archive_ask *ask)
    REQUIRES(on_archive_read)
{
    struct archive_answer *out = NULL;
    for (int i = 0; i < 2 && is_open(r); i++) {
        enum sink_status status = answer(r->sink, r->file, ask, &out);
        if (status == SINK_OK)
            return out;
        note(r, r->sink->why(r->file));
        if (status == SINK_LOCKED || status == SINK_FULL)
            return out;
        r->sink->close(r->file);
        r->file = NULL;
        archive_answer_free(out);
    }
    return answer_unavailable(ask);
}

/* While the hub has more answers than it takes, the asks wait here. */
static void give(struct reader *r, struct archive_answer *answer) REQUIRES(on_archive_read)
{
    struct pollfd stop = { r->stop_fd, POLLIN, 0 };
    while (queue_push(r->answers, answer) != 0) {
        if (poll(&stop, 1, ANSWER_AGAIN_MS) > 0) {
            archive_answer_free(answer);
            return;
        }
    }
}

static void serve(struct reader *r, struct archive_ask *ask) REQUIRES(on_archive_read)
{
    const int64_t start = clock_mono_us();
    if (start / 1000 >= ask->deadline_mono_ms) {
        archive_ask_free(ask);
        return;
    }
    struct archive_answer *out = answer_to(r, ask);
    const int64_t took = clock_mono_us() - start;
    if (ask->ask->kind == ASK_SEARCH) {
        stat_add(r->stats, archive_searches, 1);
        stats_lag_add(r->stats, STATS_LAG_SEARCH, took);
    } else {
        stat_add(r->stats, archive_pages, 1);
        stats_lag_add(r->stats, STATS_LAG_PAGE, took);
    }
    archive_ask_free(ask);
    give(r, out);
}

static void *run(void *arg)
{
    role_assume(&on_archive_read);
    struct reader *r = arg;
    struct pollfd fds[2] = { { r->stop_fd, POLLIN, 0 }, { r->asks.pipe_read, POLLIN, 0 } };
    void *ask;
    while (poll(fds, 2, -1) < 0 || !(fds[0].revents & POLLIN)) {
        queue_clear_signal(&r->asks);
        if (queue_take(&r->asks, &ask, 1) != 0) /* signals again when there are more */
            serve(r, ask);
    }
    r->sink->close(r->file);
    r->file = NULL;
    return NULL;
}

int reader_start(struct reader *r, const char *name, uint32_t bound)
{
    int error = queue_init(&r->asks, bound);
    if (error != 0)
        return error;
    r->has_queue = true;
    error = thread_start(&r->thread, name, 0, run, r);
    r->runs = error == 0;
    return error;
}

void reader_join(struct reader *r)
{
    if (r->runs)
        thread_join(r->thread);
    r->runs = false;
}

void reader_fini(struct reader *r)
{
    void *ask;
    if (!r->has_queue)
        return;
    while (queue_take(&r->asks, &ask, 1) != 0)
        archive_ask_free(ask);
    queue_fini(&r->asks);
    r->has_queue = false;
}

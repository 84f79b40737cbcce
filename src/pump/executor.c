#include "confab/pump/executor.h"

#include "pumps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* JSON parsing needs less than 64 KiB; a page that is not touched costs nothing. */
enum { READER_STACK = 128 * 1024, WRITER_STACK = 64 * 1024 };

enum { NEWS_MS = 60000 };

/* Signals come when the lock is free: a thread that is woken under it runs at once, and waits again
 * for the lock. Only the net thread signals, so the pumps live until it is done. */

static bool has_input(const struct client *c)
{
    return c->inbox.slots && ring_size(&c->inbox) > 0;
}

static bool reader_may_go(const struct client *c)
{
    if (atomic_load(&c->asked))
        return false;
    if (c->pumps->stalled)
        return atomic_load(&c->env->flow) != c->stalled_flow;
    return has_input(c);
}

/* Returns with the lock held. False: end. */
static bool wait_to_read(struct client *c)
{
    struct pumps *p = c->pumps;
    while (!p->ending && !reader_may_go(c))
        pthread_cond_wait(&p->read, &p->lock.mutex);
    return !p->ending;
}

static void *reader_run(void *arg) NO_THREAD_SAFETY
{
    struct client *c = arg;
    struct pumps *p = c->pumps;
    stat_add(c->env->stats, threads_reader, 1);
    lock_acquire(&p->lock);
    while (wait_to_read(c)) {
        p->stepping = true;
        lock_release(&p->lock);
        const enum reader_result result = reader_step(c);
        lock_acquire(&p->lock);
        p->stepping = false;
        p->stalled = result == READER_STALLED;
        if (p->paused && !p->stalled && !has_input(c)) {
            p->paused = false;
            lock_release(&p->lock);
            c->env->port.resume(c);
            lock_acquire(&p->lock);
        }
    }
    lock_release(&p->lock);
    stat_add(c->env->stats, threads_reader, -1);
    c->env->port.ended(c);
    return NULL;
}

static bool wait_to_write(struct client *c)
{
    struct pumps *p = c->pumps;
    while (!p->ending && (p->handed_over || !c->outbox.count))
        pthread_cond_wait(&p->write, &p->lock.mutex);
    p->handed_over = !p->ending;
    return !p->ending;
}

static void *writer_run(void *arg) NO_THREAD_SAFETY
{
    struct client *c = arg;
    struct pumps *p = c->pumps;
    stat_add(c->env->stats, threads_writer, 1);
    lock_acquire(&p->lock);
    while (wait_to_write(c)) {
        lock_release(&p->lock);
        struct batch *b = writer_step(c, NULL);
        if (b)
            c->env->port.hand_over(c, b);
        lock_acquire(&p->lock);
        if (!b) /* the net thread cleared the outbox meanwhile */
            p->handed_over = false;
    }
    lock_release(&p->lock);
    stat_add(c->env->stats, threads_writer, -1);
    c->env->port.ended(c);
    return NULL;
}

static int start_thread(struct client *c, pthread_t *thread, const char *what, size_t stack,
                        void *(*run)(void *))
{
    char name[24];
    snprintf(name, sizeof(name), "%s-%u", what, c->number);
    return thread_start(thread, name, stack, run, c);
}

int pumps_start(struct client *c, bool writing)
{
    struct pumps *p = xcalloc(1, sizeof(*p));
    lock_init(&p->lock);
    pthread_cond_init(&p->read, NULL);
    pthread_cond_init(&p->write, NULL);
    p->stalled = c->stalled != NULL;
    p->handed_over = writing;
    c->pumps = p;
    int error = start_thread(c, &p->reader, "reader", READER_STACK, reader_run);
    if (error == 0) {
        p->has_reader = true;
        error = start_thread(c, &p->writer, "writer", WRITER_STACK, writer_run);
        p->has_writer = error == 0;
    }
    if (error && p->has_reader)
        pumps_end(c);
    else if (error)
        pumps_reap(c);
    return error;
}

void pumps_end(struct client *c)
{
    struct pumps *p = c->pumps;
    lock_acquire(&p->lock);
    p->ending = true;
    lock_release(&p->lock);
    pthread_cond_signal(&p->read);
    pthread_cond_signal(&p->write);
}

bool pumps_ending(const struct client *c)
{
    struct pumps *p = c->pumps;
    lock_acquire(&p->lock);
    const bool ending = p->ending;
    lock_release(&p->lock);
    return ending;
}

bool pumps_reap(struct client *c)
{
    struct pumps *p = c->pumps;
    p->ended++;
    if (p->ended < (unsigned)p->has_reader + p->has_writer)
        return false;
    if (p->has_reader)
        thread_join(p->reader);
    if (p->has_writer)
        thread_join(p->writer);
    c->pumps = NULL;
    pthread_cond_destroy(&p->read);
    pthread_cond_destroy(&p->write);
    lock_fini(&p->lock);
    free(p);
    return true;
}

void pumps_received(struct client *c)
{
    struct pumps *p = c->pumps;
    lock_acquire(&p->lock);
    const bool wake = !p->stalled && has_input(c);
    lock_release(&p->lock);
    if (wake)
        pthread_cond_signal(&p->read);
}

void pumps_written(struct client *c)
{
    struct pumps *p = c->pumps;
    lock_acquire(&p->lock);
    p->handed_over = false;
    const bool wake = c->outbox.count > 0;
    lock_release(&p->lock);
    if (wake)
        pthread_cond_signal(&p->write);
}

void pumps_flow(struct client *c)
{
    struct pumps *p = c->pumps;
    lock_acquire(&p->lock);
    const bool wake = p->stalled;
    lock_release(&p->lock);
    if (wake)
        pthread_cond_signal(&p->read);
}

void pump_mode_init(struct pump_mode_switch *m, const struct settings *s)
{
    m->mode = s->pump_mode;
    m->most = (uint32_t)s->pump_thread_clients;
    m->shared = m->mode == PUMPS_SHARED || (m->mode == PUMPS_AUTO && m->most == 0);
}

bool pump_mode_update(struct pump_mode_switch *m, uint32_t clients)
{
    if (m->mode != PUMPS_AUTO || m->most == 0)
        return false;
    bool shared = atomic_load(&m->shared);
    if (!shared && clients > m->most)
        return atomic_compare_exchange_strong(&m->shared, &shared, true);
    if (shared && clients < m->most - m->most / 4)
        return atomic_compare_exchange_strong(&m->shared, &shared, false);
    return false;
}

bool pump_mode_is_shared(const struct pump_mode_switch *m)
{
    return atomic_load_explicit(&m->shared, memory_order_relaxed);
}

bool pump_mode_refused(struct pump_mode_switch *m, int64_t now_ms)
{
    const int64_t before = atomic_exchange(&m->refuse_ms, now_ms);
    return !before || now_ms - before > NEWS_MS;
}

bool pump_mode_may_start(const struct pump_mode_switch *m, int64_t now_ms)
{
    const int64_t refuse_ms = atomic_load_explicit(&m->refuse_ms, memory_order_relaxed);
    return !refuse_ms || now_ms - refuse_ms >= PUMP_RETRY_MS;
}

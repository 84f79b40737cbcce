#define _GNU_SOURCE /* gettid */
#include "confab/base/passwords.h"
#include "confab/base/secret.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

_Static_assert(PHC_BYTES == crypto_pwhash_STRBYTES, "a PHC string of libsodium");

enum {
    STACK = 128 * 1024, /* Argon2 works in memory that it maps */
    NICE = 10,          /* chat first, where there is not a processor for each */
    MOST_THREADS = 16,  /* settings.h: PASSWORD_THREADS */
    NEWS_MS = 60000,
};

struct passwords {
    const struct settings *settings;
    struct stats *stats;
    struct queue *done;
    char dummy[PHC_BYTES]; /* of a password that nobody knows */
    pthread_t threads[MOST_THREADS];
    unsigned started;

    struct lock lock;
    pthread_cond_t more;
    struct ring waiting; /* of struct password_job */
    bool stopping;
    int64_t told_mono_ms; /* when the log was last told that memory lacks */
};

struct password_job *password_job_new(const char *password, const char *phc, void *arg)
{
    struct password_job *job = xcalloc(1, sizeof *job);

    job->kind = phc != NULL ? PASSWORD_VERIFY : PASSWORD_HASH;
    job->password = xstrdup(password);
    if (phc != NULL)
        snprintf(job->phc, sizeof job->phc, "%s", phc);
    job->arg = arg;
    return job;
}

static void forget_password(struct password_job *job)
{
    if (job->password != NULL)
        secret_wipe(job->password, strlen(job->password));
    free(job->password);
    job->password = NULL;
}

void password_job_free(struct password_job *job)
{
    if (job == NULL)
        return;
    forget_password(job);
    secret_wipe(job->phc, sizeof job->phc);
    free(job);
}

static size_t memory_of(const struct settings *s)
{
    return (size_t)s->argon2_memory_kb * 1024; /* libsodium counts bytes */
}

/* 0 or -ENOMEM, the one way it fails. */
static int hash(const struct settings *s, const char *password, char phc[PHC_BYTES])
{
    const int failed =
        crypto_pwhash_str_alg(phc, password, strlen(password), (unsigned long long)s->argon2_passes,
                              memory_of(s), crypto_pwhash_ALG_ARGON2ID13);

    return failed ? -ENOMEM : 0;
}

static bool is_outdated(const struct settings *s, const char *phc)
{
    return crypto_pwhash_str_needs_rehash(phc, (unsigned long long)s->argon2_passes,
                                          memory_of(s)) != 0;
}

/* libsodium 1.0.18 says of a hash for which there was no memory that the password is wrong: its
 * argon2_verify() turns every failure into a mismatch. So after one, is there the memory? */
static bool has_memory_for(const char *phc)
{
    const char *cost = strstr(phc, "$m=");
    const unsigned long kib = cost != NULL ? strtoul(cost + 3, NULL, 10) : 0;
    const size_t size = kib * 1024;

    if (size == 0 || size / 1024 != kib) /* no hash at all */
        return true;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    munmap(memory, size);
    return true;
}

static void verify(const struct passwords *p, struct password_job *job)
{
    const bool real = job->phc[0] != '\0';
    const char *phc = real ? job->phc : p->dummy;

    if (crypto_pwhash_str_verify(phc, job->password, strlen(job->password)) == 0) {
        job->good = real;
        job->outdated = real && is_outdated(p->settings, phc);
    } else if (!has_memory_for(phc)) {
        job->error = -ENOMEM;
    }
}

static void tell_no_memory(struct passwords *p)
{
    const int64_t now = clock_mono_ms();

    lock_acquire(&p->lock);
    const bool tell = p->told_mono_ms == 0 || now - p->told_mono_ms >= NEWS_MS;
    if (tell)
        p->told_mono_ms = now;
    lock_release(&p->lock);
    if (tell)
        log_error("password", "error=\"no memory for a hash\" memory_kb=%d",
                  (int)p->settings->argon2_memory_kb);
}

static void answer(struct passwords *p, struct password_job *job)
{
    forget_password(job);
    if (queue_push(p->done, job) != 0)
        BUG("more finished passwords than could wait");
}

static void work(struct passwords *p, struct password_job *job) REQUIRES(on_hash)
{
    if (job->kind == PASSWORD_HASH)
        job->error = hash(p->settings, job->password, job->phc);
    else
        verify(p, job);
    if (job->error == -ENOMEM)
        tell_no_memory(p);
    answer(p, job);
}

/* The next job, or NULL to end. */
static struct password_job *wait_for_job(struct passwords *p)
{
    lock_acquire(&p->lock);
    while (!p->stopping && ring_size(&p->waiting) == 0)
        pthread_cond_wait(&p->more, &p->lock.mutex);
    struct password_job *job = p->stopping ? NULL : ring_pop(&p->waiting);
    if (job != NULL)
        stat_add(p->stats, passwords_waiting, -1);
    lock_release(&p->lock);
    return job;
}

static void *run(void *arg)
{
    role_assume(&on_hash);
    struct passwords *p = arg;

    setpriority(PRIO_PROCESS, (id_t)gettid(), NICE); /* refused: it runs as it is */
    for (struct password_job *job; (job = wait_for_job(p)) != NULL;)
        work(p, job);
    return NULL;
}

struct passwords *passwords_new(const struct settings *settings, struct stats *stats,
                                struct queue *done)
{
    char secret[33];
    char dummy[PHC_BYTES];

    BUG_ON(settings->password_threads > MOST_THREADS);
    hex_random(secret, 16);
    if (hash(settings, secret, dummy) != 0) {
        log_error("password", "error=\"no memory for a hash\" memory_kb=%d",
                  (int)settings->argon2_memory_kb);
        return NULL;
    }
    struct passwords *p = xcalloc(1, sizeof *p);
    p->settings = settings;
    p->stats = stats;
    p->done = done;
    memcpy(p->dummy, dummy, sizeof dummy);
    lock_init(&p->lock);
    pthread_cond_init(&p->more, NULL);
    ring_init(&p->waiting, (uint32_t)settings->password_queue);
    return p;
}

int passwords_start(struct passwords *p)
{
    for (; p->started < p->settings->password_threads; p->started++) {
        char name[16];
        snprintf(name, sizeof name, "password-%u", p->started);
        const int error = thread_start(&p->threads[p->started], name, STACK, run, p);
        if (error != 0) {
            passwords_stop(p);
            return error;
        }
    }
    return 0;
}

int passwords_push(struct passwords *p, struct password_job *job)
{
    lock_acquire(&p->lock);
    const bool taken = !p->stopping &&
                       ring_size(&p->waiting) < (uint32_t)p->settings->password_queue &&
                       ring_push(&p->waiting, job);
    if (taken) {
        job->pushed_mono_ms = clock_mono_ms();
        stat_add(p->stats, passwords_waiting, 1);
        pthread_cond_signal(&p->more);
    }
    lock_release(&p->lock);
    if (!taken)
        stat_add(p->stats, passwords_refused, 1);
    return taken ? 0 : -EAGAIN;
}

void passwords_stop(struct passwords *p)
{
    lock_acquire(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->more);
    lock_release(&p->lock);
    for (; p->started > 0; p->started--)
        thread_join(p->threads[p->started - 1]);
    for (struct password_job *job; (job = ring_pop(&p->waiting)) != NULL;) {
        stat_add(p->stats, passwords_waiting, -1);
        job->error = -ECANCELED;
        answer(p, job);
    }
}

void passwords_free(struct passwords *p)
{
    if (p == NULL)
        return;
    pthread_cond_destroy(&p->more);
    lock_fini(&p->lock);
    ring_fini(&p->waiting);
    free(p);
}

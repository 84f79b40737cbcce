#include "support/test.h"

#include "confab/base/passwords.h"
#include "confab/base/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { QUEUE = 4 };

/* Weak and therefore quick. */
static const struct settings weak = {
    .password_threads = 2, .password_queue = QUEUE, .argon2_memory_kb = 64, .argon2_passes = 2
};

/* "password" with the salt "somesalt", m = 64 MiB, t = 2: of the reference implementation's tests
 * (github.com/P-H-C/phc-winner-argon2, src/test.c). */
static const char reference[] = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ"
                                "$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

struct fixture {
    struct stats stats;
    struct queue done;
    struct passwords *passwords;
};

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);

    secret_init();
    assert_int_equal(queue_init(&f->done, QUEUE + 2), 0);
    f->passwords = passwords_new(&weak, &f->stats, &f->done);
    assert_non_null(f->passwords);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    void *item;

    passwords_stop(f->passwords);
    passwords_free(f->passwords);
    while (queue_take(&f->done, &item, 1) != 0)
        password_job_free(item);
    queue_fini(&f->done);
    free(f);
    return 0;
}

static struct password_job *next_done(struct fixture *f)
{
    void *item;

    while (queue_take(&f->done, &item, 1) == 0) {
        assert_true(test_wait_readable(f->done.pipe_read, TEST_DEADLINE_MS));
        queue_clear_signal(&f->done);
    }
    return item;
}

static struct password_job *run(struct fixture *f, const char *password, const char *phc)
{
    struct password_job *job = password_job_new(password, phc, f);

    assert_int_equal(passwords_push(f->passwords, job), 0);
    struct password_job *back = next_done(f);
    assert_ptr_equal(back, job);
    assert_ptr_equal(back->arg, f);
    assert_null(back->password); /* gone already */
    return back;
}

static void a_hash_is_of_its_password_alone(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(passwords_start(f->passwords), 0);
    struct password_job *hash = run(f, "correct horse", NULL);
    assert_int_equal(hash->error, 0);
    assert_int_equal(strncmp(hash->phc, "$argon2id$v=19$m=64,t=2,p=1$", 28), 0);

    struct password_job *right = run(f, "correct horse", hash->phc);
    assert_true(right->good);
    assert_false(right->outdated);
    struct password_job *wrong = run(f, "correct horsf", hash->phc);
    assert_false(wrong->good);
    assert_int_equal(wrong->error, 0);
    struct password_job *again = run(f, "correct horse", NULL);
    assert_string_not_equal(again->phc, hash->phc); /* another salt */
    password_job_free(hash);
    password_job_free(right);
    password_job_free(wrong);
    password_job_free(again);
}

static void it_is_argon2id_and_says_when_the_parameters_are_others(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(passwords_start(f->passwords), 0);
    struct password_job *job = run(f, "password", reference);
    assert_true(job->good);
    assert_true(job->outdated);
    password_job_free(job);
}

static void the_dummy_is_never_right(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(passwords_start(f->passwords), 0);
    struct password_job *job = run(f, "password", "");
    assert_false(job->good);
    assert_int_equal(job->error, 0);
    password_job_free(job);
}

static void a_text_that_is_no_hash_is_never_right(void **state)
{
    struct fixture *f = *state;
    static const char *const none[] = { "password", "$argon2id$",
                                        "$argon2i$v=19$m=64,t=2,p=1$a$b" };

    assert_int_equal(passwords_start(f->passwords), 0);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        struct password_job *job = run(f, "password", none[i]);
        assert_false(job->good);
        password_job_free(job);
    }
}

static void a_full_queue_refuses_at_once(void **state)
{
    struct fixture *f = *state; /* nobody works */
    struct password_job *one_more = password_job_new("password", "", NULL);

    for (int i = 0; i < QUEUE; i++)
        assert_int_equal(passwords_push(f->passwords, password_job_new("password", "", NULL)), 0);
    assert_int_equal(passwords_push(f->passwords, one_more), -EAGAIN);
    assert_non_null(one_more->password); /* still the caller's */
    assert_int_equal(stat_get(&f->stats, passwords_waiting), QUEUE);
    assert_int_equal(stat_get(&f->stats, passwords_refused), 1);

    assert_int_equal(passwords_start(f->passwords), 0); /* and what waited is done */
    for (int i = 0; i < QUEUE; i++)
        password_job_free(next_done(f));
    assert_int_equal(stat_get(&f->stats, passwords_waiting), 0);
    assert_int_equal(passwords_push(f->passwords, one_more), 0);
    password_job_free(next_done(f));
}

static void what_waits_at_the_end_comes_back(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < QUEUE; i++)
        assert_int_equal(passwords_push(f->passwords, password_job_new("password", "", NULL)), 0);
    passwords_stop(f->passwords);
    for (int i = 0; i < QUEUE; i++) {
        struct password_job *job = next_done(f);
        assert_int_equal(job->error, -ECANCELED);
        password_job_free(job);
    }
    struct password_job *late = password_job_new("password", "", NULL);
    assert_int_equal(passwords_push(f->passwords, late), -EAGAIN);
    password_job_free(late);
}

static void a_stop_loses_no_job(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(passwords_start(f->passwords), 0);
    for (int i = 0; i < QUEUE; i++)
        assert_int_equal(passwords_push(f->passwords, password_job_new("password", "", NULL)), 0);
    passwords_stop(f->passwords);
    for (int i = 0; i < QUEUE; i++)
        password_job_free(next_done(f));
}

/* Pages that this process has, of statm(5). */
static rlim_t address_space(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%llu", &pages), 1);
    fclose(file);
    return (rlim_t)pages * 4096;
}

static void without_memory_it_says_so(void **state)
{
    struct fixture *f = *state;
    struct rlimit before, tight;
    static const char huge[] = "$argon2id$v=19$m=1048576,t=2,p=1$c29tZXNhbHQ"
                               "$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    struct settings greedy = weak;
    greedy.argon2_memory_kb = 1048576;

    assert_int_equal(passwords_start(f->passwords), 0);
    password_job_free(run(f, "password", "")); /* its thread has what it needs */
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    tight = before;
    tight.rlim_cur = address_space() + 256 * 1024 * 1024;
    assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
    test_capture_start();
    struct password_job *job = run(f, "password", huge);
    struct password_job *again = run(f, "password", huge);
    struct passwords *none = passwords_new(&greedy, &f->stats, &f->done);
    char *log = test_capture_end();
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);

    assert_int_equal(job->error, -ENOMEM);
    assert_false(job->good);
    assert_int_equal(again->error, -ENOMEM);
    assert_null(none);
    const char *line = strstr(log, "event=password");
    assert_non_null(line); /* of the first job, … */
    line = strstr(line + 1, "event=password");
    assert_non_null(line); /* … of the start, and not of the second job */
    assert_null(strstr(line + 1, "event=password"));
    free(log);
    password_job_free(job);
    password_job_free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(a_hash_is_of_its_password_alone),
        T(it_is_argon2id_and_says_when_the_parameters_are_others),
        T(the_dummy_is_never_right),
        T(a_text_that_is_no_hash_is_never_right),
        T(a_full_queue_refuses_at_once),
        T(what_waits_at_the_end_comes_back),
        T(a_stop_loses_no_job),
        T(without_memory_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

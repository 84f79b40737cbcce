/* Memory, clocks, random numbers, threads, embedded files. */
#include "support/test.h"

#include "confab/base/base.h"
#include "confab/base/embedded.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void allocations_of_nothing_are_allocations(void **state)
{
    (void)state;
    void *a = xmalloc(0), *b = xcalloc(0, 8), *c = xrealloc(NULL, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    free(a);
    free(b);
    free(c);
}

static void copies_end_with_nul(void **state)
{
    (void)state;
    char *s = xstrdup("text"), *m = xmemdupz("a\0bc", 3);
    assert_string_equal(s, "text");
    assert_memory_equal(m, "a\0b", 4);
    free(s);
    free(m);
}

/* Runs body in a child whose stderr is returned; *status as waitpid() gives it. */
static char *in_child(void (*body)(void), int *status)
{
    test_capture_start();
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit no_core = { 0, 0 };
        setrlimit(RLIMIT_CORE, &no_core);
        body();
        _exit(0);
    }
    while (waitpid(child, status, 0) < 0 && errno == EINTR)
        ;
    return test_capture_end();
}

static void allocate_too_much(void)
{
    free(xcalloc(SIZE_MAX / 4, 8));
}

static void meet_a_bug(void)
{
    BUG_ON(1 + 1 == 2);
}

static void failed_allocation_ends_the_process_with_one_line(void **state)
{
    (void)state;
    if (setenv("ASAN_OPTIONS", "allocator_may_return_null=1", 0) != 0)
        fail();
    int status = 0;
    char *text = in_child(allocate_too_much, &status);
    assert_true(WIFEXITED(status));
    assert_int_not_equal(WEXITSTATUS(status), 0);
    assert_non_null(strstr(text, "out"));
    free(text);
}

static void bug_says_where_and_aborts(void **state)
{
    (void)state;
    int status = 0;
    char *text = in_child(meet_a_bug, &status);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(text, "level=error event=bug file="));
    assert_non_null(strstr(text, "test_base.c line="));
    assert_non_null(strstr(text, "what=\"1 + 1 == 2\"\n"));
    free(text);
}

static void clocks_agree_and_do_not_run_back(void **state)
{
    (void)state;
    int64_t before = clock_mono_us();
    for (int i = 0; i < 1000; i++) {
        const int64_t now = clock_mono_us();
        assert_true(now >= before);
        before = now;
    }
    const int64_t ms = clock_mono_ms();
    assert_true(ms >= before / 1000 && ms <= clock_mono_us() / 1000);
    assert_true(clock_wall_ms() > INT64_C(1700000000000));
}

static void random_hex_is_hex_and_random(void **state)
{
    (void)state;
    char a[17], b[17], large[201];
    hex_random(a, 8);
    hex_random(b, 8);
    assert_int_equal(strlen(a), 16);
    assert_string_not_equal(a, b);
    hex_random(large, 100);
    assert_int_equal(strspn(large, "0123456789abcdef"), 200);
    assert_int_equal(large[200], '\0');
}

static void numbers_have_sixteen_digits(void **state)
{
    (void)state;
    char out[17];
    hex_u64(out, UINT64_C(0x0123456789abcdef));
    assert_string_equal(out, "0123456789abcdef");
    hex_u64(out, 0);
    assert_string_equal(out, "0000000000000000");
}

static void random_below_stays_below_and_reaches_all(void **state)
{
    (void)state;
    assert_int_equal(random_below(0), 0);
    assert_int_equal(random_below(1), 0);
    unsigned seen = 0;
    for (int i = 0; i < 1000; i++) {
        const uint32_t n = random_below(5);
        assert_in_range(n, 0, 4);
        seen |= 1u << n;
    }
    assert_int_equal(seen, 31);
    assert_true(random_below(UINT32_MAX) < UINT32_MAX);
}

struct seen {
    char name[16];
    size_t stack_bytes;
    bool blocked;
};

static void *look_around(void *arg)
{
    struct seen *seen = arg;
    sigset_t mask;
    pthread_attr_t attr;
    pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    seen->blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGUSR1) == 1;
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstacksize(&attr, &seen->stack_bytes);
    pthread_attr_destroy(&attr);
    return NULL;
}

static void thread_has_its_name_its_stack_and_no_signals(void **state)
{
    (void)state;
    struct seen seen = { 0 };
    pthread_t thread;
    assert_int_equal(thread_start(&thread, "reader-1", 65536, look_around, &seen), 0);
    thread_join(thread);
    assert_string_equal(seen.name, "reader-1");
    assert_true(seen.blocked);
    assert_true(seen.stack_bytes >= 65536 && seen.stack_bytes <= 1048576);

    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_int_equal(sigismember(&mask, SIGTERM), 0);
}

static void thread_name_is_cut_to_what_linux_takes(void **state)
{
    (void)state;
    struct seen seen = { 0 };
    pthread_t thread;
    assert_int_equal(thread_start(&thread, "writer-12345678901", 0, look_around, &seen), 0);
    thread_join(thread);
    assert_string_equal(seen.name, "writer-12345678");
}

static void impossible_stack_is_an_error(void **state)
{
    (void)state;
    pthread_t thread;
    assert_int_equal(thread_start(&thread, "x", 1, look_around, NULL), -EINVAL);
}

static void embedded_files_are_found_by_path(void **state)
{
    (void)state;
    static const unsigned char text[] = "x";
    static const struct embedded files[] = {
        { .path = "/index.html", .data = text, .size = 1 },
        { .path = "/js/app.js", .data = text, .size = 1 },
    };
    assert_ptr_equal(embedded_find(files, 2, "/js/app.js"), &files[1]);
    assert_null(embedded_find(files, 2, "/js"));
    assert_null(embedded_find(files, 2, ""));
    assert_null(embedded_find(files, 0, "/index.html"));
}

static void embedded_scripts_are_what_the_folder_holds(void **state)
{
    (void)state;
    assert_true(embedded_scripts_count > 0);
    for (size_t i = 0; i < embedded_scripts_count; i++) {
        const struct embedded *e = &embedded_scripts[i];
        assert_int_equal(e->path[0], '/');
        assert_int_equal(strlen((const char *)e->data), e->size);
        assert_int_equal(strlen(e->etag), 34);
        assert_int_equal(e->etag[0], '"');
        assert_int_equal(e->etag[33], '"');
        if (e->gzip != NULL) {
            assert_true(e->gzip_size < e->size);
            assert_memory_equal(e->gzip, "\x1f\x8b", 2);
        }
    }
    const struct embedded *publish =
        embedded_find(embedded_scripts, embedded_scripts_count, "/publish.lua");
    assert_non_null(publish);
    assert_non_null(strstr((const char *)publish->data, "KEYS"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_sixteen_digits),
        cmocka_unit_test(allocations_of_nothing_are_allocations),
        cmocka_unit_test(copies_end_with_nul),
        cmocka_unit_test(failed_allocation_ends_the_process_with_one_line),
        cmocka_unit_test(bug_says_where_and_aborts),
        cmocka_unit_test(clocks_agree_and_do_not_run_back),
        cmocka_unit_test(random_hex_is_hex_and_random),
        cmocka_unit_test(random_below_stays_below_and_reaches_all),
        cmocka_unit_test(thread_has_its_name_its_stack_and_no_signals),
        cmocka_unit_test(thread_name_is_cut_to_what_linux_takes),
        cmocka_unit_test(impossible_stack_is_an_error),
        cmocka_unit_test(embedded_files_are_found_by_path),
        cmocka_unit_test(embedded_scripts_are_what_the_folder_holds),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}

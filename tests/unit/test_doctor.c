#include "support/test.h"

#include "app/doctor.h"
#include "app/doctor_proc.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* stdout goes to a file between the two. */
static int kept = -1;

static void say_begin(void)
{
    char path[] = "/tmp/confab-doctor-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    fflush(stdout);
    kept = dup(STDOUT_FILENO);
    dup2(fd, STDOUT_FILENO);
    close(fd);
}

static const char *say_end(void)
{
    static char text[4096];
    fflush(stdout);
    const ssize_t size = pread(STDOUT_FILENO, text, sizeof text - 1, 0);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    assert_true(size >= 0);
    text[size] = '\0';
    return text;
}

static void a_line_for_people(void **state)
{
    (void)state;
    struct doctor d = { .json = false };
    char command[DOCTOR_COMMAND_BYTES];
    say_begin();
    doctor_tell(&d, DOCTOR_OK, "bind", NULL, "%s lets other devices in", "0.0.0.0");
    doctor_tell(&d, DOCTOR_FAILURE, "isolation",
                doctor_command(command, "confab --server-port %d", 8081), "port %d is taken", 8080);
    assert_string_equal(say_end(), "ok       bind         0.0.0.0 lets other devices in\n"
                                   "failure  isolation    port 8080 is taken\n"
                                   "                      $ confab --server-port 8081\n");
    assert_int_equal(d.counts[DOCTOR_OK], 1);
    assert_int_equal(d.counts[DOCTOR_WARNING], 0);
    assert_int_equal(d.counts[DOCTOR_FAILURE], 1);
}

static void an_object_for_programs(void **state)
{
    (void)state;
    struct doctor d = { .json = true };
    say_begin();
    doctor_tell(&d, DOCTOR_OK, "disk", NULL, "fine");
    doctor_tell(&d, DOCTOR_WARNING, "name", "echo \"a b\" | tee c\\d", "caf\xc3\xa9\n\x01 \"x\"");
    assert_string_equal(say_end(),
                        "\n{\"check\":\"disk\",\"state\":\"ok\",\"text\":\"fine\",\"command\":null}"
                        ",\n{\"check\":\"name\",\"state\":\"warning\","
                        "\"text\":\"caf\xc3\xa9\\u000a\\u0001 \\\"x\\\"\","
                        "\"command\":\"echo \\\"a b\\\" | tee c\\\\d\"}");
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    struct doctor d = { .json = false };
    char command[DOCTOR_COMMAND_BYTES], word[2048];
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_int_equal(strlen(doctor_command(command, "%s", word)), DOCTOR_COMMAND_BYTES - 1);
    say_begin();
    doctor_tell(&d, DOCTOR_OK, "x", NULL, "%s", word);
    assert_int_equal(strlen(say_end()), strlen("ok       x            \n") + 511);
}

/* ---- doctor_proc ---- */

static int listen_somewhere(int *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof a;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static void who_has_a_port(void **state)
{
    (void)state;
    struct proc_listener who;
    int port;
    const int fd = listen_somewhere(&port);
    assert_false(proc_listener(port, NULL, &who)); /* it does not listen yet */
    assert_int_equal(listen(fd, 1), 0);
    assert_true(proc_listener(port, NULL, &who));
    assert_int_equal(who.pid, getpid());
    assert_string_equal(who.name, "test_doctor");
    close(fd);
    assert_false(proc_listener(port, NULL, &who));
}

static void limits_of_this_process(void **state)
{
    (void)state;
    struct rlimit had, changed;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &had), 0);
    changed = had;
    changed.rlim_cur = 77;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &changed), 0);
    assert_int_equal(proc_limit(0, PROC_DESCRIPTORS, false), 77);
    assert_int_equal(proc_limit(getpid(), PROC_DESCRIPTORS, true), had.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &had), 0);
    assert_int_equal(getrlimit(RLIMIT_NPROC, &had), 0);
    const uint64_t processes = had.rlim_cur == RLIM_INFINITY ? UINT64_MAX : had.rlim_cur;
    assert_true(proc_limit(0, PROC_PROCESSES, false) == processes);
}

static void a_number_in_a_file(void **state)
{
    (void)state;
    assert_true(proc_number("/proc/sys/kernel/threads-max") > 100);
    assert_true(proc_number("/proc/sys/kernel/threads-max") < UINT64_MAX);
    assert_true(proc_number("/proc/version") == UINT64_MAX);
    assert_true(proc_number("/nowhere") == UINT64_MAX);
}

static void nobody_is_met_where_no_network_is(void **state)
{
    (void)state;
    struct proc_neighbours n;
    proc_neighbours("nothing0", &n);
    assert_string_equal(n.router, "");
    assert_false(n.router_answers);
    assert_int_equal(n.others, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_for_people),
        cmocka_unit_test(an_object_for_programs),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(who_has_a_port),
        cmocka_unit_test(limits_of_this_process),
        cmocka_unit_test(a_number_in_a_file),
        cmocka_unit_test(nobody_is_met_where_no_network_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Settings from defaults, file, environment and flags; every wrong value is named. */
#include "confab/base/addresses.h"
#include "confab/app/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char error[512];
static struct settings settings;

/* A file that is not there: tests see no .env of whoever runs them. */
#define NO_FILE "ENV_FILE=/nonexistent/.env"

#define LIST(...) ((char **)(const char *[]){ __VA_ARGS__, NULL })
#define NO_ENV LIST(NO_FILE)
#define ENV(...) LIST(NO_FILE, __VA_ARGS__)
#define FLAGS(...) LIST("confab", __VA_ARGS__)
#define NOTHING LIST("confab")

static enum config_action load(char **argv, char **envp)
{
    error[0] = '\0';
    config_free(&settings);
    return config_load(argv, envp, &settings, error, sizeof error);
}

static void assert_wrong(char **argv, char **envp, const char *line)
{
    assert_int_equal(load(argv, envp), CONFIG_WRONG);
    assert_string_equal(error, line);
}

static char path[] = "/tmp/confab-test-config-XXXXXX";
static char env_file_setting[64];

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    close(fd);
    snprintf(env_file_setting, sizeof env_file_setting, "ENV_FILE=%s", path);
    return 0;
}

static int remove_file(void **state)
{
    (void)state;
    config_free(&settings);
    return unlink(path);
}

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(load(NOTHING, NO_ENV), CONFIG_RUN);
#define X(member, env, value, low, high, help)                                                     \
    assert_int_equal(settings.member, value);                                                      \
    assert_in_range(settings.member - (low), 0, (high) - (low));
    SETTINGS_NUMBERS(X)
#undef X
    assert_string_equal(settings.bind, "0.0.0.0");
    assert_string_equal(settings.redis_addr, "");
    assert_string_equal(settings.data_dir, "./data");
    assert_int_equal(settings.pump_mode, PUMPS_AUTO);
    assert_in_range(settings.net_thread_count, 1, 4);
    assert_int_equal(strlen(settings.instance), 16);
}

static void test_each_run_has_its_own_instance_id(void **state)
{
    (void)state;
    char first[17];
    assert_int_equal(load(NOTHING, NO_ENV), CONFIG_RUN);
    memcpy(first, settings.instance, sizeof first);
    assert_int_equal(load(NOTHING, NO_ENV), CONFIG_RUN);
    assert_string_not_equal(settings.instance, first);
}

static void test_later_sources_win(void **state)
{
    (void)state;
    write_file("SERVER_PORT=1001\nMAX_ROOMS=1001\nMAX_CLIENTS=1001\n");
    char **envp = LIST(env_file_setting, "SERVER_PORT=1002", "MAX_ROOMS=1002");
    assert_int_equal(load(FLAGS("--server-port", "1003"), envp), CONFIG_RUN);
    assert_int_equal(settings.server_port, 1003);
    assert_int_equal(settings.max_rooms, 1002);
    assert_int_equal(settings.max_clients, 1001);
}

static void test_flags(void **state)
{
    (void)state;
    assert_int_equal(load(FLAGS("--server-port", "0", "--bind=::1", "--redis-addr="), NO_ENV),
                     CONFIG_RUN);
    assert_int_equal(settings.server_port, 0);
    assert_string_equal(settings.bind, "::1");
    assert_string_equal(settings.redis_addr, "");
    /* the last one wins; a value may begin with dashes and hold '=' */
    assert_int_equal(
        load(FLAGS("--redis-addr=r:1", "--redis-addr", "r:2", "--redis-password", "--a=b"), NO_ENV),
        CONFIG_RUN);
    assert_string_equal(settings.redis_addr, "r:2");
    assert_string_equal(settings.redis_password, "--a=b");
}

static void test_file(void **state)
{
    (void)state;
    write_file("# a comment\r\n"
               "\r\n"
               "export MAX_ROOMS = 7 # seven\r\n"
               "COMPOSE_PROJECT_NAME=not ours\n"
               "not ours either\n"
               "REDIS_ADDR=\"r:1\" # the quotes go\n"
               "REDIS_PASSWORD='p # \\\" q'\n"
               "REDIS_PREFIX=\n"
               "REDIS_PREFIX=b:\n"
               "ENV_FILE=/etc/passwd\n"
               "DATA_DIR=\"a \\\"b\\\" \\\\ c\"\n"
               "PUMPS=shared");
    assert_int_equal(load(NOTHING, LIST(env_file_setting)), CONFIG_RUN);
    assert_int_equal(settings.max_rooms, 7);
    assert_string_equal(settings.redis_addr, "r:1");
    assert_string_equal(settings.redis_password, "p # \\\" q");
    assert_string_equal(settings.redis_prefix, "b:");
    assert_string_equal(settings.data_dir, "a \"b\" \\ c");
    assert_string_equal(settings.env_file, path);
    assert_int_equal(settings.pump_mode, PUMPS_SHARED);
}

static void test_file_errors(void **state)
{
    (void)state;
    char line[256];
    write_file("\n# first\nSERVER_PORT=70000\n");
    snprintf(line, sizeof line,
             "SERVER_PORT (line 3 of %s) is \"70000\": it must be a whole number from 0 to 65535",
             path);
    assert_wrong(NOTHING, LIST(env_file_setting), line);
    /* what wins is what counts */
    assert_int_equal(load(FLAGS("--server-port=1"), LIST(env_file_setting)), CONFIG_RUN);
    write_file("BIND 127.0.0.1\nBIND");
    snprintf(line, sizeof line, "line 2 of %s: write BIND=value", path);
    assert_wrong(NOTHING, LIST(env_file_setting), line);
    assert_wrong(NOTHING, LIST("ENV_FILE=/"), "cannot read / (ENV_FILE): Is a directory");
}

static void test_wrong_numbers(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",      " 1", "1 ", "1.0", "+1", "0x10", "-", "--1", "-1", "65536", "99999999999999999999",
        "eighty"
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char variable[64], line[256];
        snprintf(variable, sizeof variable, "SERVER_PORT=%s", wrong[i]);
        snprintf(line, sizeof line,
                 "SERVER_PORT (from the environment) is \"%s\": it must be a whole number from 0 "
                 "to 65535",
                 wrong[i]);
        assert_wrong(NOTHING, ENV(variable), line);
    }
    assert_wrong(FLAGS("--max-clients", "0"), NO_ENV,
                 "MAX_CLIENTS (--max-clients) is \"0\": it must be a whole number from 1 to "
                 "1000000");
    assert_int_equal(load(NOTHING, ENV("SERVER_PORT=00080")), CONFIG_RUN);
    assert_int_equal(settings.server_port, 80);
}

/* right and wrong: values separated by blanks; "-" stands for the empty one. */
static void assert_values(const char *env, const char *right, const char *wrong)
{
    for (int pass = 0; pass < 2; pass++) {
        char *values = xstrdup(pass == 0 ? right : wrong), *rest = values, *value;
        while ((value = strsep(&rest, " ")) != NULL) {
            char variable[512];
            snprintf(variable, sizeof variable, "%s=%s", env, strcmp(value, "-") ? value : "");
            enum config_action action = load(NOTHING, ENV(variable));
            if (action != (pass == 0 ? CONFIG_RUN : CONFIG_WRONG))
                fail_msg("%s is %s: %s", variable, pass == 0 ? "wrong" : "right", error);
            if (pass == 1)
                assert_memory_equal(error, env, strlen(env));
        }
        free(values);
    }
}

static void test_texts(void **state)
{
    (void)state;
    assert_values("BIND", "0.0.0.0 127.0.0.1 :: ::1 fd00::2",
                  "- localhost 1.2.3 1.2.3.4:80 [::1] *");
    assert_values("REDIS_ADDR",
                  "- localhost:6379 10.0.0.1:1 [::1]:65535 my-redis_1.lan:6379 unix:/r",
                  "localhost localhost: :6379 r:0 r:65536 r:x ::1:6379 [r]:1 [::1] unix:r unix: "
                  "/run/redis.sock redis://r:6379 a/b:1");
    assert_values("REDIS_SENTINELS", "- a:1 a:1,b:2 [::1]:26379,10.0.0.1:26379,",
                  "a a:1,b unix:/s * a:1,* , ::1:26379 a:0 a:1;b:2");
    assert_values("REDIS_MASTER_NAME", "mymaster a A.b-c_1", "- a/b a,b * \"");
    assert_values("REDIS_PREFIX", "confab: a A.b-c_1", "- {x} a* a?b \"");
    assert_values("REDIS_FSYNC", "everysec always", "- no ALWAYS");
    char cpu[64]; /* the one that this test runs on may be used */
    snprintf(cpu, sizeof cpu, "- %d %d,%d", sched_getcpu(), sched_getcpu(), sched_getcpu());
    assert_values("NET_CPUS", cpu, "x 1023 99999999999999999999 -1 0x0 , 0, ,0 0,,0 0;0");
    assert_values("ADMIN_TOKEN", "- 0123456789abcdefghijklmn ~!\"#$%&'()*+,-/:;<=>?@[]",
                  "0123456789abcdefghijklm 0123456789abcdefghijklm.n 0123456789abcdefghijklm\tn "
                  "0123456789abcdefghijklm\xc3\xa9 0123456789abcdefghijklm\x7fn");
    assert_values("PUMPS", "auto threads shared", "- both Auto");
    assert_values("LOG_LEVEL", "debug info warn error", "- warning");
    assert_values("DATA_DIR", "x /x/y", "-");
    assert_values("PUBLIC_DIR", "- / .", "/nonexistent /dev/null");
    assert_values("ALLOWED_ORIGINS", "- * https://a.b http://a:1,https://[::1]:2",
                  "a.b https:// ftp://a https://a/ https://a/b https://a,b");
    assert_values("ALLOWED_HOSTS", "- * a a.b,c a:80", "http://a a/b *.a");
    assert_values("TRUSTED_PROXIES", "- 127.0.0.1 ::1,10.0.0.0/8 2001:db8::/32",
                  "* localhost 10.0.0.1:80 10.0.0.0/33 10.0.0 127.0.0.1,x");
}

static void test_longest_socket_path(void **state)
{
    (void)state;
    char variable[200] = "REDIS_ADDR=unix:/";
    size_t start = strlen("REDIS_ADDR=unix:");
    memset(variable + start + 1, 'x', 106);
    assert_int_equal(load(NOTHING, ENV(variable)), CONFIG_RUN);
    variable[start + 107] = 'x';
    assert_int_equal(load(NOTHING, ENV(variable)), CONFIG_WRONG);
}

static void test_the_admin_token_is_not_shown(void **state)
{
    (void)state;
    char variable[400] = "ADMIN_TOKEN=";
    const size_t start = strlen(variable);
    assert_wrong(NOTHING, ENV("ADMIN_TOKEN=too short"),
                 "ADMIN_TOKEN (from the environment) is wrong: it must be empty, or 24 to 256 "
                 "printable ASCII characters without space and '.'");
    memset(variable + start, 'x', 256);
    assert_int_equal(load(NOTHING, ENV(variable)), CONFIG_RUN);
    assert_int_equal(strlen(settings.admin_token), 256);
    variable[start + 256] = 'x';
    assert_int_equal(load(NOTHING, ENV(variable)), CONFIG_WRONG);
}

static void test_sentinels_say_where_redis_is(void **state)
{
    (void)state;
    const char *line = "REDIS_ADDR and REDIS_SENTINELS are both set: the Sentinels say where Redis "
                       "is, so leave one of them empty";
    assert_wrong(FLAGS("--redis-sentinels=s:1"), ENV("REDIS_ADDR=r:1"), line);
    assert_int_equal(load(FLAGS("--redis-sentinels=s:1", "--redis-addr="), ENV("REDIS_ADDR=r:1")),
                     CONFIG_RUN);
    assert_string_equal(settings.redis_sentinels, "s:1");
    assert_string_equal(settings.redis_master_name, "mymaster");
    assert_int_equal(load(NOTHING, ENV("REDIS_PASSWORD=p", "REDIS_SENTINELS=s:1")), CONFIG_RUN);
    assert_string_equal(settings.redis_password, "p");

    char variable[200] = "REDIS_SENTINELS=";
    for (int i = 0; i < 17; i++) {
        assert_int_equal(load(NOTHING, ENV(variable)), CONFIG_RUN);
        size_t size = strlen(variable);
        snprintf(variable + size, sizeof variable - size, "s:%d,", i + 1);
    }
    assert_int_equal(load(NOTHING, ENV(variable)), CONFIG_WRONG);
}

static void test_wrong_arguments(void **state)
{
    (void)state;
    assert_wrong(FLAGS("--port", "1"), NO_ENV,
                 "unknown option \"--port\": confab --help lists all options");
    assert_wrong(FLAGS("--SERVER-PORT=1"), NO_ENV,
                 "unknown option \"--SERVER-PORT\": confab --help lists all options");
    assert_wrong(FLAGS("--=1"), NO_ENV, "unknown option \"--\": confab --help lists all options");
    assert_wrong(FLAGS("8080"), NO_ENV,
                 "unexpected argument \"8080\": confab --help lists all options");
    assert_wrong(FLAGS("--bind"), NO_ENV,
                 "a value is missing after \"--bind\": confab --help lists all options");
}

static void test_unprintable_value_stays_one_line(void **state)
{
    (void)state;
    assert_int_equal(load(NOTHING, ENV("PUMPS=a\nb\033[31m")), CONFIG_WRONG);
    assert_null(strpbrk(error, "\n\033"));
}

/* confab's own Redis has no password: one that docker compose reads from the same .env is not
 * for it. */
static void test_password_belongs_to_an_address(void **state)
{
    (void)state;
    assert_int_equal(load(NOTHING, ENV("REDIS_PASSWORD=p")), CONFIG_RUN);
    assert_string_equal(settings.redis_password, "");
    assert_int_equal(load(NOTHING, ENV("REDIS_PASSWORD=p", "REDIS_ADDR=r:1")), CONFIG_RUN);
    assert_string_equal(settings.redis_password, "p");
}

static void test_net_threads(void **state)
{
    (void)state;
    assert_int_equal(load(FLAGS("--net-threads=16"), NO_ENV), CONFIG_RUN);
    assert_int_equal(settings.net_thread_count, 16);
}

static void test_help_names_every_option(void **state)
{
    (void)state;
    char *help = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&help, &size);
    assert_non_null(out);
    config_print_help(out);
    assert_int_equal(fclose(out), 0);
#define X(member, env, value, low, high, help_text)                                                \
    assert_non_null(strstr(help, " " #env "\n"));                                                  \
    assert_non_null(strstr(help, "default " #value ", " #low " to " #high "\n"));
    SETTINGS_NUMBERS(X)
#undef X
#define X(member, env, value, help_text)                                                           \
    assert_non_null(strstr(help, " " #env "\n"));                                                  \
    assert_non_null(strstr(help, help_text));
    SETTINGS_TEXTS(X)
#undef X
    assert_non_null(strstr(help, "--max-clients-per-address"));
    free(help);
}

static void test_lan_interfaces(void **state)
{
    (void)state;
    static const char *const lan[] = { "eth0", "enp3s0", "wlan0", "wlp2s0", "br0", "bond0" };
    static const char *const others[] = {
        "docker0", "br-0a1b2c3d4e5f", "veth12ab", "tun0", "virbr0", "wg0", "tailscale0", "tap1"
    };
    for (size_t i = 0; i < sizeof lan / sizeof lan[0]; i++)
        assert_true(addresses_is_lan_interface(lan[i]));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(addresses_is_lan_interface(others[i]));
}

static void test_actions(void **state)
{
    (void)state;
    /* help is there for whoever has a wrong value */
    assert_int_equal(load(FLAGS("--help"), ENV("SERVER_PORT=x")), CONFIG_HELP);
    assert_int_equal(load(FLAGS("--server-port", "1", "-h"), NO_ENV), CONFIG_HELP);
    assert_int_equal(load(FLAGS("--version"), NO_ENV), CONFIG_VERSION);
    assert_int_equal(load(FLAGS("--check-health", "--server-port=9"), NO_ENV), CONFIG_CHECK_HEALTH);
    assert_int_equal(settings.server_port, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_each_run_has_its_own_instance_id),
        cmocka_unit_test(test_later_sources_win),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_file_errors),
        cmocka_unit_test(test_wrong_numbers),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_longest_socket_path),
        cmocka_unit_test(test_the_admin_token_is_not_shown),
        cmocka_unit_test(test_sentinels_say_where_redis_is),
        cmocka_unit_test(test_wrong_arguments),
        cmocka_unit_test(test_unprintable_value_stays_one_line),
        cmocka_unit_test(test_password_belongs_to_an_address),
        cmocka_unit_test(test_net_threads),
        cmocka_unit_test(test_actions),
        cmocka_unit_test(test_help_names_every_option),
        cmocka_unit_test(test_lan_interfaces),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}

#include "support/test.h"

#include "confab/base/base.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void assert_matches(const char *text, const char *pattern)
{
    regex_t compiled;
    assert_int_equal(regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB), 0);
    const bool matches = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    if (!matches)
        print_error("%s\ndoes not match %s\n", text, pattern);
    assert_true(matches);
}

static void line_has_time_level_event_and_values(void **state)
{
    (void)state;
    test_capture_start();
    log_info("listening", "port=%d address=%s", 8080, "0.0.0.0");
    char *text = test_capture_end();
    assert_matches(text,
                   "^time=20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
                   "\\.[0-9]{3}Z level=info event=listening port=8080 address=0\\.0\\.0\\.0\n$");
    free(text);
}

static void event_alone_leaves_no_space_behind(void **state)
{
    (void)state;
    test_capture_start();
    log_warn("stopping", "");
    log_line(LOG_LEVEL_ERROR, "gone", "x=%d", 1);
    char *text = test_capture_end();
    assert_matches(text, "level=warn event=stopping\n.*level=error event=gone x=1\n$");
    free(text);
}

static void lines_below_the_level_are_left_out(void **state)
{
    (void)state;
    test_capture_start();
    log_debug("hidden", "n=%d", 1);
    log_set_level(LOG_LEVEL_ERROR);
    log_warn("hidden", "n=%d", 2);
    log_error("shown", "n=%d", 3);
    assert_false(log_enabled(LOG_LEVEL_WARN));
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("shown", "n=%d", 4);
    log_set_level(LOG_LEVEL_INFO);
    char *text = test_capture_end();
    assert_null(strstr(text, "hidden"));
    assert_non_null(strstr(text, "level=error event=shown n=3\n"));
    assert_non_null(strstr(text, "level=debug event=shown n=4\n"));
    free(text);
}

static void one_event_is_one_line(void **state)
{
    (void)state;
    test_capture_start();
    log_info("odd", "value=%s", "a\nlevel=error event=forged\r\x1b[2J");
    char *text = test_capture_end();
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    assert_non_null(strstr(text, "value=a?level=error event=forged??[2J\n"));
    free(text);
}

static void long_line_is_cut_and_still_a_line(void **state)
{
    (void)state;
    char *long_value = xmalloc(10001);
    memset(long_value, 'x', 10000);
    long_value[10000] = '\0';
    test_capture_start();
    log_info("long", "value=%s", long_value);
    log_info("next", "n=%d", 1);
    char *text = test_capture_end();
    char *end = strchr(text, '\n');
    assert_true(end - text < 4096);
    assert_matches(end + 1, "^time=[^ ]+ level=info event=next n=1\n$");
    free(text);
    free(long_value);
}

static void the_journal_gets_priorities_and_no_time(void **state)
{
    (void)state;
    struct stat s;
    char stream[64];
    test_capture_start();
    fstat(STDERR_FILENO, &s);
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)s.st_dev, (uintmax_t)s.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_look_for_journal();
    log_info("listening", "port=%d", 8080);
    log_warn("redis", "state=gone");
    log_error("bug", "");
    assert_string_equal(log_priority(LOG_LEVEL_DEBUG), "<7>");
    setenv("JOURNAL_STREAM", "1:1", 1); /* inherited, and stderr was redirected since */
    log_look_for_journal();
    log_info("listening", "port=%d", 8080);
    unsetenv("JOURNAL_STREAM");
    assert_string_equal(log_priority(LOG_LEVEL_ERROR), "");
    char *text = test_capture_end();
    assert_matches(text, "^<6>level=info event=listening port=8080\n"
                         "<4>level=warn event=redis state=gone\n"
                         "<3>level=error event=bug\n"
                         "time=[^ ]+ level=info event=listening port=8080\n$");
    free(text);
}

static void quotes_what_comes_from_outside(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "", "\"\"" },
        { "plain text", "\"plain text\"" },
        { "say \"hi\"\\", "\"say \\\"hi\\\"\\\\\"" },
        { "a\nb\tc\x7f", "\"a\\x0ab\\x09c\\x7f\"" },
        { "J\xc3\xbcrgen \xe6\x97\xa5 \xf0\x9f\x98\x80",
          "\"J\xc3\xbcrgen \xe6\x97\xa5 \xf0\x9f\x98\x80\"" },
        { "\xc2\x9b"
          "31m",
          "\"\\xc2\\x9b31m\"" }, /* C1: control sequence introducer */
        { "cut \xc3", "\"cut \\xc3\"" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[64];
        assert_ptr_equal(log_quote(out, sizeof(out), cases[i].in), out);
        assert_string_equal(out, cases[i].out);
    }
}

static void quoted_value_is_cut_to_fit(void **state)
{
    (void)state;
    static const char in[] = "ab\n\xc3\xbc\"z";
    static const char *const by_size[] = {
        [3] = "\"\"",
        [4] = "\"a\"",
        [5] = "\"ab\"",
        [8] = "\"ab\"",
        [9] = "\"ab\\x0a\"",
        [10] = "\"ab\\x0a\"",
        [11] = "\"ab\\x0a\xc3\xbc\"",
    };
    for (size_t size = 3; size < sizeof(by_size) / sizeof(by_size[0]); size++) {
        char out[16];
        memset(out, '#', sizeof(out));
        log_quote(out, size, in);
        assert_int_equal(out[size], '#');
        if (by_size[size] != NULL)
            assert_string_equal(out, by_size[size]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_has_time_level_event_and_values),
        cmocka_unit_test(event_alone_leaves_no_space_behind),
        cmocka_unit_test(lines_below_the_level_are_left_out),
        cmocka_unit_test(one_event_is_one_line),
        cmocka_unit_test(long_line_is_cut_and_still_a_line),
        cmocka_unit_test(the_journal_gets_priorities_and_no_time),
        cmocka_unit_test(quotes_what_comes_from_outside),
        cmocka_unit_test(quoted_value_is_cut_to_fit),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}

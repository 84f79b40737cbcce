#include "support/test.h"

#include "confab/base/str.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

bool test_wait_readable(int fd, int timeout_ms)
{
    const int64_t deadline = clock_mono_ms() + timeout_ms;
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
    for (;;) {
        const int64_t left = deadline - clock_mono_ms();
        const int n = poll(&poll_fd, 1, left > 0 ? (int)left : 0);
        if (n > 0)
            return true;
        if (n == 0 && left <= 0)
            return false;
        if (n < 0 && errno != EINTR)
            return false;
    }
}

static FILE *captured;
static int real_stderr = -1;

void test_capture_start(void)
{
    captured = tmpfile();
    real_stderr = dup(STDERR_FILENO);
    if (captured == NULL || real_stderr < 0 || dup2(fileno(captured), STDERR_FILENO) < 0)
        BUG("cannot capture stderr");
}

char *test_capture_end(void)
{
    fflush(stderr);
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    if (fseek(captured, 0, SEEK_SET) != 0)
        BUG("cannot read what was captured");

    struct str text = STR_INIT;
    char chunk[512];
    for (size_t got; (got = fread(chunk, 1, sizeof(chunk), captured)) > 0;)
        str_add(&text, chunk, got);
    fclose(captured);
    return str_detach(&text);
}

#include "confab/app/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { SAME_REQUEST_MS = 1000 };

/* owned by main */
static sigset_t stop_signals;
static bool had_terminal;
static int64_t first_mono_ms; /* when the stop began; fixed before the handler is there */

static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/* A process without a terminal gets ENXIO from the start: proc(5), tty(4). */
static bool has_terminal(void)
{
    const int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

void signals_block(void)
{
    had_terminal = has_terminal();
    static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
    sigemptyset(&stop_signals);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (!is_ignored(numbers[i]))
            sigaddset(&stop_signals, numbers[i]);
    }
    pthread_sigmask(SIG_BLOCK, &stop_signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int signals_wait(int64_t timeout_ms)
{
    const int64_t deadline = clock_mono_ms() + timeout_ms;
    for (;;) {
        int64_t left = deadline - clock_mono_ms();
        if (left < 0)
            left = 0;
        struct timespec wait = { left / 1000, left % 1000 * 1000000 };
        int number = timeout_ms < 0 ? sigwaitinfo(&stop_signals, NULL)
                                    : sigtimedwait(&stop_signals, NULL, &wait);
        if (number > 0)
            return number;
        if (errno != EINTR)
            return 0;
    }
}

bool signals_terminal_is_gone(void)
{
    return had_terminal && !has_terminal();
}

static void end_at_once(int number)
{
    if (number != SIGALRM && clock_mono_ms() - first_mono_ms < SAME_REQUEST_MS)
        return;
    static const char line[] = "confab: stopped at once, before everything was put away\n";
    ssize_t ignored = write(STDERR_FILENO, line, sizeof line - 1);
    (void)ignored;
    _exit(1);
}

void signals_end_at_once(unsigned limit_s)
{
    struct sigaction action = { .sa_handler = end_at_once, .sa_flags = SA_RESTART };
    first_mono_ms = clock_mono_ms();
    sigset_t numbers = stop_signals;
    sigaddset(&numbers, SIGALRM);
    for (int number = 1; number < SIGRTMIN; number++) {
        if (sigismember(&numbers, number) == 1)
            sigaction(number, &action, NULL);
    }
    alarm(limit_s);
    pthread_sigmask(SIG_UNBLOCK, &numbers, NULL);
}

#include "confab/base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Below PIPE_BUF (4096), so that a line written to a pipe is never torn (pipe(7)); far above
 * what time, level and event need. */
enum { LINE_BYTES = 2048 };

static enum log_level lowest = LOG_LEVEL_INFO;

static bool in_journal;

static const char *const level_names[] = {
    [LOG_LEVEL_DEBUG] = "debug",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_ERROR] = "error",
};

void log_set_level(enum log_level level)
{
    lowest = level;
}

void log_look_for_journal(void)
{
    struct stat s;
    char stream[64];
    const char *journal = getenv("JOURNAL_STREAM");
    in_journal = false;
    if (!journal || fstat(STDERR_FILENO, &s) != 0)
        return;
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)s.st_dev, (uintmax_t)s.st_ino);
    in_journal = strcmp(stream, journal) == 0;
}

const char *log_priority(enum log_level level)
{
    static const char *const priorities[] = {
        [LOG_LEVEL_DEBUG] = "<7>",
        [LOG_LEVEL_INFO] = "<6>",
        [LOG_LEVEL_WARN] = "<4>",
        [LOG_LEVEL_ERROR] = "<3>",
    };
    return in_journal ? priorities[level] : "";
}

bool log_enabled(enum log_level level)
{
    return level >= lowest;
}

/* `written` as snprintf(3) reports it: how much of it is in a buffer with `room` bytes left. */
static size_t fitted(int written, size_t room)
{
    if (written < 0)
        return 0;
    return (size_t)written < room ? (size_t)written : room - 1;
}

static size_t put_head(char *line, size_t room, enum log_level level, const char *event)
{
    struct timespec now;
    struct tm utc;
    if (in_journal)
        return fitted(snprintf(line, room, "%slevel=%s event=%s", log_priority(level),
                               level_names[level], event),
                      room);
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);

    const size_t size = strftime(line, room, "time=%Y-%m-%dT%H:%M:%S", &utc);
    const int rest = snprintf(line + size, room - size, ".%03ldZ level=%s event=%s",
                              now.tv_nsec / 1000000, level_names[level], event);
    return size + fitted(rest, room - size);
}

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
    if (!log_enabled(level))
        return;

    char line[LINE_BYTES];
    const size_t room = sizeof(line) - 1; /* the newline always fits */
    size_t size = put_head(line, room, level, event);
    line[size++] = ' ';
    va_list args;
    va_start(args, fmt);
    size += fitted(vsnprintf(line + size, room - size, fmt, args), room - size);
    va_end(args);
    if (line[size - 1] == ' ') /* no values */
        size--;
    /* One event is one line, whatever a value holds that somebody forgot to quote. */
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    }
    line[size++] = '\n';
    /* Nowhere to report that the log cannot be written. */
    ssize_t ignored = write(STDERR_FILENO, line, size);
    (void)ignored;
}

/* Bytes of the UTF-8 sequence that starts with `lead`; 1 for what is not UTF-8. */
static size_t sequence_size(unsigned char lead)
{
    if (lead >= 0xf0)
        return 4;
    if (lead >= 0xe0)
        return 3;
    return lead >= 0xc0 ? 2 : 1;
}

/* C0, DEL and the C1 controls U+0080 … U+009F: terminals obey all of them. */
static bool is_control(const char *s, size_t size)
{
    const unsigned char first = (unsigned char)s[0];
    if (size == 2)
        return first == 0xc2 && (unsigned char)s[1] < 0xa0;
    return size == 1 && (first < ' ' || first >= 0x7f);
}

/* One character of `in`, escaped where needed. Returns its size in `out`. */
static size_t quote_one(char out[16], const char *in, size_t size)
{
    if (in[0] == '"' || in[0] == '\\') {
        out[0] = '\\';
        out[1] = in[0];
        return 2;
    }
    if (!is_control(in, size)) {
        memcpy(out, in, size);
        return size;
    }
    size_t written = 0;
    for (size_t i = 0; i < size; i++)
        written += fitted(snprintf(out + written, 16 - written, "\\x%02x", (unsigned char)in[i]),
                          16 - written);
    return written;
}

const char *log_quote(char *out, size_t out_size, const char *in)
{
    BUG_ON(out_size < 3);
    size_t at = 0;
    out[at++] = '"';
    for (size_t left = strlen(in); left > 0;) {
        size_t size = sequence_size((unsigned char)*in);
        if (size > left)
            size = 1;
        char one[16];
        const size_t written = quote_one(one, in, size);
        if (at + written + 2 > out_size)
            break;
        memcpy(out + at, one, written);
        at += written;
        in += size;
        left -= size;
    }
    out[at++] = '"';
    out[at] = '\0';
    return out;
}

void bug_at(const char *file, int line, const char *what)
{
    char quoted[256];
    log_error("bug", "file=%s line=%d what=%s", file, line,
              log_quote(quoted, sizeof(quoted), what));
    abort();
}

/* What every file of confab may use: attributes, BUG(), log, clock, threads. */
#ifndef CONFAB_BASE_BASE_H
#define CONFAB_BASE_BASE_H

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))

/* The impossible happened: logs file and line, then abort(). Any thread. */
#define BUG(what) bug_at(__FILE__, __LINE__, (what))
#define BUG_ON(cond)                                                                               \
    do {                                                                                           \
        if (__builtin_expect(!!(cond), 0))                                                         \
            BUG(#cond);                                                                            \
    } while (0)
void bug_at(const char *file, int line, const char *what) NORETURN;

/* Memory. Never NULL: a failed allocation ends the process with one clear line,
 * since Linux overcommits and a chat server has no better answer. Any thread. */
void *xmalloc(size_t size) MUST_USE;
void *xcalloc(size_t n, size_t size) MUST_USE;
void *xrealloc(void *p, size_t size) MUST_USE;
char *xstrdup(const char *s) MUST_USE;
char *xmemdupz(const void *p, size_t size) MUST_USE; /* a copy with a NUL behind it */

/* Log: one line `time=… level=… event=… key=value …` on stderr, written with one
 * write(2). `event` is a literal; the rest is a printf format of `key=value` pairs.
 * Never message text, never a secret. Values that come from outside go through
 * log_quote(). Any thread. */
enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
void log_set_level(enum log_level level); /* main, before threads start */
/* When stderr is the journal (JOURNAL_STREAM, systemd.exec(5)), lines begin with `<N>`, which says
 * their priority (sd-daemon(3)), and leave out the time, which the journal has. main, first of
 * all. */
void log_look_for_journal(void);
/* "<N>" for a line of that level that is written by other means; "" outside the journal. */
const char *log_priority(enum log_level level);
bool log_enabled(enum log_level level);
void log_line(enum log_level level, const char *event, const char *fmt, ...) PRINTF_LIKE(3, 4);
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
/* `in` as a double-quoted value with control characters, quotes and backslashes
 * escaped, cut to fit `out`. Returns out. */
const char *log_quote(char *out, size_t out_size, const char *in);

/* Clocks. Monotone for deadlines, wall for what people see. Any thread. */
int64_t clock_mono_us(void);
int64_t clock_mono_ms(void);
int64_t clock_wall_ms(void);

/* Random bytes from getrandom(2); hex_random writes 2*bytes digits and a NUL. Any thread. */
void random_bytes(void *out, size_t size);
void hex_random(char *out, size_t bytes);
void hex_u64(char out[17], uint64_t n); /* 16 digits and a NUL. Any thread. */
uint32_t random_below(uint32_t limit);  /* 0 … limit-1; 0 when limit is 0 */

/* Threads. `name` (≤ 15 bytes) shows in `top -H`. stack_bytes 0 means the default.
 * All signals are blocked in the new thread. Returns 0 or a negative errno
 * (-EAGAIN: the machine has no more threads). Any thread. */
int thread_start(pthread_t *out, const char *name, size_t stack_bytes, void *(*run)(void *),
                 void *arg) MUST_USE;
void thread_join(pthread_t thread);
/* For a thread that does little and is waited for by others: where threads are more than
 * processors, it need not wait until a busier one has used up its slice. Linux 6.12 and later
 * (sched(7), EEVDF: Documentation/scheduler/sched-eevdf.rst); elsewhere without effect. */
void thread_want_short_slices(void);

#endif

/* The commands, and what they share. */
#ifndef APP_TOOLS_H
#define APP_TOOLS_H

#include "confab/archive/care.h"
#include "confab/base/roles.h"
#include "confab/base/settings.h"

enum {
    TOOL_DONE = 0,
    TOOL_FAILED = 1,
    TOOL_WRONG_USE = 2,
    TOOL_WORDS_MOST = 3,
    TOOL_ROOMS_MOST = 100,
    TOOL_NAMES_MOST = 16
};

/* A command line: options of the command itself, and words that are none. */
struct tool_line {
    struct settings settings;
    const char *words[TOOL_WORDS_MOST];
    size_t word_count;
    const char *rooms[TOOL_ROOMS_MOST]; /* --room */
    size_t room_count;
    const char *names[TOOL_NAMES_MOST]; /* --name */
    size_t name_count;
    const char *since, *until, *resume_file; /* NULL: not given */
    bool resume, strict, yes, rebuild_search, force, json;
};

/* Each returns the exit status. */
int tool_export(const struct tool_line *line) REQUIRES(on_main);
int tool_import(const struct tool_line *line) REQUIRES(on_main);
int tool_backup(const struct tool_line *line) REQUIRES(on_main);
int tool_check(const struct tool_line *line) REQUIRES(on_main);
int tool_person(const struct tool_line *line) REQUIRES(on_main);
int tool_archive(const struct tool_line *line) REQUIRES(on_main);
int tool_tls(const struct tool_line *line) REQUIRES(on_main);
int tool_doctor(const struct tool_line *line) REQUIRES(on_main);

/* "confab: …" on stderr. Returns TOOL_FAILED. */
int tool_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* The same, and TOOL_WRONG_USE. */
int tool_misuse(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Returns new, sink_sqlite.close(); NULL: it was told why not. */
void *tool_open(const struct tool_line *line, enum sink_mode mode);
int tool_sink_failed(const void *sink); /* tells why, returns TOOL_FAILED */
/* A date of --since or --until, 0 when it was not given. False: it was told what is wrong. */
bool tool_date(const char *option, const char *text, int64_t *out);

/* Writes an export of what filter lets through to a file, from the beginning or behind `after`. */
struct export_to {
    FILE *file;
    const char *name;
    uint64_t count; /* messages so far */
    int64_t after;
    const char *person; /* lines behind the head, or NULL */
};
int tool_export_rows(void *sink, const struct care_filter *filter, struct export_to *to);

#endif

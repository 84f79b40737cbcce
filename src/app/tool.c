#include "confab/app/tool.h"

#include "confab/app/config.h"
#include "confab/wire/date.h"
#include "tools.h"

#include <stdlib.h>
#include <string.h>

static const struct tool {
    const char *name, *summary;
    int (*run)(const struct tool_line *);
    const char *values, *switches; /* options of its own, each between blanks */
    const char *help;
} tools[] = {
    { "export", "write all messages as JSON lines", tool_export,
      " --room --since --until --resume ", " ",
      "Usage: confab export [--room ROOM]… [--since DATE] [--until DATE] [--resume FILE]\n"
      "\n"
      "Writes the archive's messages, one JSON object per line, to the standard output or to\n"
      "FILE. Where FILE has an export that did not end, it is continued.\n"
      "\n"
      "  --room ROOM     only this room; may be given up to 100 times. Private conversations\n"
      "                  are left out then\n"
      "  --since DATE    from then on: 2026-11-21, 2026-11-21T22:00:00Z, or ms since 1970\n"
      "  --until DATE    before then\n"
      "  --resume FILE   write to FILE, behind what it has\n" },
    { "import", "read messages that export wrote", tool_import, " ", " --strict --resume ",
      "Usage: confab import FILE [--strict] [--resume]\n"
      "\n"
      "Reads an export into the archive; - is the standard input. What is there already stays\n"
      "as it is. A broken line is told as `line N: why` and left out.\n"
      "\n"
      "  --strict   end at the first broken line\n"
      "  --resume   go on where an import of FILE was interrupted (FILE.progress)\n" },
    { "backup", "copy the archive while it is used", tool_backup, " ", " ",
      "Usage: confab backup FILE\n"
      "\n"
      "Copies the archive as it is now to FILE, which must not be there yet, and checks the\n"
      "copy. To restore: end confab, remove archive.db-wal and archive.db-shm, put FILE in the\n"
      "place of archive.db, start.\n" },
    { "check", "look for damage and for missing numbers", tool_check, " ", " --rebuild-search ",
      "Usage: confab check [--rebuild-search]\n"
      "\n"
      "Checks the archive's file, looks for numbers that are missing, and compares the index of\n"
      "searches with the messages; meanwhile new messages wait in Redis.\n"
      "\n"
      "  --rebuild-search   empty the index; it is filled again while the server runs\n" },
    { "person", "export or forget what somebody wrote", tool_person, " ", " --yes ",
      "Usage: confab person export NAME\n"
      "       confab person forget NAME --yes\n"
      "\n"
      "export   what NAME wrote, NAME's private conversations, account, devices, rooms and files,\n"
      "         to the standard output\n"
      "forget   NAME's account ends, and the messages lose their text and author here, in Redis\n"
      "         and in every archive; backups and exports keep them\n" },
    { "archive", "list or drop archives, list acts on rooms", tool_archive, " ", " --yes ",
      "Usage: confab archive list\n"
      "       confab archive drop ID --yes\n"
      "       confab archive audit\n"
      "\n"
      "list   the archives for which Redis keeps messages, and how far they are\n"
      "drop   Redis waits no more for the archive ID, which will never come back\n"
      "audit  all acts on rooms that the archive here knows of, as JSON lines, oldest first\n" },
    { "tls", "make what HTTPS needs in a local network", tool_tls, " --name ", " --force ",
      "Usage: confab tls init [--name NAME]… [--force]\n"
      "       confab tls renew\n"
      "       confab tls show\n"
      "\n"
      "init    makes a certificate authority for this server alone, and a certificate with all\n"
      "        its private addresses and names, in DATA_DIR/tls\n"
      "renew   makes a new certificate; a server does so by itself\n"
      "show    says what the certificate is for, and until when\n"
      "\n"
      "  --name NAME   a name more that the server is reached by, such as chat.lan; up to 16\n"
      "                times. Under names that end with .local, .internal or .home.arpa and the\n"
      "                name of this machine it needs no --name\n"
      "  --force       make a new authority though there is one; every device has to install "
      "it\n" },
    { "doctor", "find out what is wrong, and what mends it", tool_doctor, " ", " --json ",
      "Usage: confab doctor [--json]\n"
      "\n"
      "Looks at address, port, firewall, name, Wi-Fi, Redis, limits, clocks, disk, archive and\n"
      "certificate, and changes nothing. A line each: ok, warning or failure, and the command\n"
      "that mends it. Give it the settings of the server. As root it sees the firewall and the\n"
      "programs of other users, too. Exit status 1 when there is a failure.\n"
      "\n"
      "  --json   the same as one JSON object\n" },
};
enum { TOOLS = sizeof tools / sizeof tools[0] };

static const struct tool *tool_of(const char *name)
{
    for (int i = 0; i < TOOLS; i++) {
        if (strcmp(tools[i].name, name) == 0)
            return &tools[i];
    }
    return NULL;
}

bool tool_is_command(const char *word)
{
    return tool_of(word) != NULL;
}

void tool_print_list(FILE *out)
{
    for (int i = 0; i < TOOLS; i++)
        fprintf(out, "  confab %-10s %s\n", tools[i].name, tools[i].summary);
}

/* ---- what the commands share ---- */

static void tell(const char *fmt, va_list args) PRINTF_LIKE(1, 0);
static void tell(const char *fmt, va_list args)
{
    fputs("confab: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
}

int tool_fail(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    tell(fmt, args);
    va_end(args);
    return TOOL_FAILED;
}

int tool_misuse(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    tell(fmt, args);
    va_end(args);
    return TOOL_WRONG_USE;
}

void *tool_open(const struct tool_line *line, enum sink_mode mode)
{
    char why[SINK_WHY_BYTES + 1];
    void *sink;

    if (sink_sqlite.open(&line->settings, mode, &sink, why) == SINK_OK)
        return sink;
    tool_fail("%s", why);
    return NULL;
}

int tool_sink_failed(const void *sink)
{
    return tool_fail("%s", sink_sqlite.why(sink));
}

bool tool_date(const char *option, const char *text, int64_t *out)
{
    *out = 0;
    if (text == NULL || date_ms(text, out))
        return true;
    tool_misuse("%s must be a date such as 2026-11-21 or 2026-11-21T22:00:00Z", option);
    return false;
}

/* ---- the command line ---- */

/* Is it one of the words of a list in blanks? */
static bool has(const char *list, const char *word, size_t size)
{
    for (const char *at = list; (at = strstr(at, " --")) != NULL; at++) {
        const char *name = at + strlen(" --");
        if (strncmp(name, word, size) == 0 && name[size] == ' ')
            return true;
    }
    return false;
}

static bool is(const char *name, const char *word, size_t size)
{
    return strlen(name) == size && memcmp(name, word, size) == 0;
}

/* False: there is one too many. */
static bool set_value(struct tool_line *line, const char *name, size_t size, const char *value)
{
    if (is("room", name, size)) {
        if (line->room_count == TOOL_ROOMS_MOST)
            return false;
        line->rooms[line->room_count++] = value;
    } else if (is("name", name, size)) {
        if (line->name_count == TOOL_NAMES_MOST)
            return false;
        line->names[line->name_count++] = value;
    } else if (is("since", name, size)) {
        line->since = value;
    } else if (is("until", name, size)) {
        line->until = value;
    } else {
        line->resume_file = value;
    }
    return true;
}

static void set_switch(struct tool_line *line, const char *name, size_t size)
{
    line->resume |= is("resume", name, size);
    line->strict |= is("strict", name, size);
    line->force |= is("force", name, size);
    line->yes |= is("yes", name, size);
    line->json |= is("json", name, size);
    line->rebuild_search |= is("rebuild-search", name, size);
}

/* Sorts out what belongs to the command; the rest, which goes to `settings`, is the server's. 0,
 * or the exit status. */
static int read_line(const struct tool *tool, char **argv, struct tool_line *line, char **settings)
{
    for (argv++; *argv != NULL; argv++) {
        char *arg = *argv;
        const bool is_option = strncmp(arg, "--", 2) == 0;
        const size_t size = is_option ? strcspn(arg + 2, "=") : 0;
        const char *value = is_option && arg[2 + size] == '=' ? arg + 3 + size : NULL;
        if (!is_option && line->word_count == TOOL_WORDS_MOST)
            return tool_misuse("too many words: confab %s --help", tool->name);
        if (!is_option) {
            line->words[line->word_count++] = arg;
            continue;
        }
        if (value == NULL && has(tool->switches, arg + 2, size)) {
            set_switch(line, arg + 2, size);
            continue;
        }
        const bool is_mine = has(tool->values, arg + 2, size);
        if (!is_mine)
            *settings++ = arg;
        if (value == NULL) {
            if (argv[1] == NULL)
                return tool_misuse("a value is missing after %s: confab %s --help", arg,
                                   tool->name);
            value = *++argv;
            if (!is_mine)
                *settings++ = *argv;
        }
        if (is_mine && !set_value(line, arg + 2, size, value))
            return tool_misuse("%s is given too often", arg);
    }
    return 0;
}

static bool asks_for_help(char **argv)
{
    for (; *argv != NULL; argv++) {
        if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0)
            return true;
    }
    return false;
}

int tool_run(char **argv, char *const *environment)
{
    const struct tool *tool = tool_of(argv[0]);
    struct tool_line line = { .word_count = 0 };
    char error[1024] = "that option is for a server: confab --help";
    size_t count = 0;

    if (asks_for_help(argv)) {
        fputs(tool->help, stdout);
        return TOOL_DONE;
    }
    while (argv[count] != NULL)
        count++;
    char **settings = xcalloc(count + 1, sizeof *settings);
    settings[0] = argv[0];
    int status = read_line(tool, argv, &line, settings + 1);
    if (status == 0 &&
        config_load(settings, environment, &line.settings, error, sizeof error) != CONFIG_RUN) {
        status = tool_misuse("%s", error);
    } else if (status == 0) {
        log_set_level(LOG_LEVEL_WARN);
        status = tool->run(&line);
        config_free(&line.settings);
    }
    free(settings);
    return status;
}

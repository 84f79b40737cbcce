/* backup and check. */
#include "tools.h"

#include <string.h>

int tool_backup(const struct tool_line *line)
{
    if (line->word_count != 1)
        return tool_misuse("backup needs one file: confab backup --help");
    void *sink = tool_open(line, SINK_READ);
    if (sink == NULL)
        return TOOL_FAILED;
    const int status =
        care_backup(sink, line->words[0]) == SINK_OK ? TOOL_DONE : tool_sink_failed(sink);
    sink_sqlite.close(sink);
    return status;
}

static void tell_finding(void *arg, const char *text)
{
    unsigned *findings = arg;

    ++*findings;
    puts(text);
}

static int check(void *sink)
{
    struct sink_about about;
    unsigned findings = 0;

    if (care_check(sink, tell_finding, &findings) != SINK_OK ||
        sink_sqlite.about(sink, &about) != SINK_OK)
        return tool_sink_failed(sink);
    printf("%llu messages, %u findings\n", (unsigned long long)about.messages, findings);
    return findings == 0 ? TOOL_DONE : TOOL_FAILED;
}

int tool_check(const struct tool_line *line)
{
    if (line->word_count > 0)
        return tool_misuse("check takes no %s: confab check --help", line->words[0]);
    void *sink = tool_open(line, SINK_ADD);
    if (sink == NULL)
        return TOOL_FAILED;
    int status = TOOL_DONE;
    if (line->rebuild_search && care_rebuild_search(sink) != SINK_OK)
        status = tool_sink_failed(sink);
    else if (!line->rebuild_search)
        status = check(sink);
    sink_sqlite.close(sink);
    return status;
}

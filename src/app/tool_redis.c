/* person and archive: what needs Redis. confab's own is started for it when it does not run. */
#include "confab/app/private_redis.h"
#include "confab/app/signals.h"
#include "confab/base/secret.h"
#include "confab/net/files.h"
#include "confab/store/operator.h"
#include "tools.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct redis {
    struct operator_redis *connection;
    struct private_redis own;
    bool has_own;
    char error[OPERATOR_ERROR_BYTES];
};

/* False: it was told why not. redis_close() all the same. */
static bool redis_open(struct redis *r, struct settings *settings) REQUIRES(on_main)
{
    *r = (struct redis){ .connection = NULL };
    signals_block();
    if (*settings->redis_addr == '\0' && *settings->redis_sentinels == '\0') {
        if (private_redis_start(&r->own, settings, r->error, sizeof r->error) != 0) {
            tool_fail("%s", r->error);
            return false;
        }
        r->has_own = true;
    }
    const char *addr = r->has_own ? r->own.addr : settings->redis_addr;
    if (operator_open(addr, settings, &r->connection, r->error) == 0)
        return true;
    tool_fail("%s", r->error);
    return false;
}

static void redis_close(struct redis *r) REQUIRES(on_main)
{
    operator_close(r->connection);
    if (r->has_own)
        private_redis_stop(&r->own);
}

/* ---- person ---- */

/* What Redis has of them, to `out`. False: it was told why not. */
static bool person_in_redis(const struct tool_line *line, const char *name, struct str *out)
    REQUIRES(on_main)
{
    struct settings settings = line->settings;
    struct redis r;
    bool is_well = redis_open(&r, &settings);

    if (is_well && operator_belongings(r.connection, name, out, r.error) != 0) {
        tool_fail("%s", r.error);
        is_well = false;
    }
    redis_close(&r);
    return is_well;
}

struct file_lines {
    struct str line;
};

/* One line each, with the content in base64 (RFC 4648 section 4). */
static int export_file(void *arg, const struct file_about *about, int in)
{
    struct file_lines *lines = arg;
    unsigned char piece[3 * 1024];
    char text[4 * 1024 + 1];
    uint64_t left = about->size;

    str_reset(&lines->line);
    file_export_begin(&lines->line, about);
    str_addz(&lines->line, ",\"base64\":\"");
    fwrite(lines->line.data, 1, lines->line.size, stdout);
    while (left > 0) {
        const size_t want = left < sizeof piece ? (size_t)left : sizeof piece;
        size_t got = 0;
        for (ssize_t n = 1; got < want && n > 0; got += n > 0 ? (size_t)n : 0)
            n = read(in, piece + got, want - got);
        if (got < want)
            return -EIO;
        fwrite(text, 1, base64_write(text, piece, got), stdout);
        left -= got;
    }
    fputs("\"}}\n", stdout);
    return ferror(stdout) ? -EIO : 0;
}

/* Behind the export's end, so that an import ends before them. */
static int export_files(const struct settings *settings, const char *name)
{
    struct file_lines lines = { .line = STR_INIT };
    char *dir = files_dir(settings);
    const int error = files_of(dir, name, export_file, &lines);

    if (error == 0 && fflush(stdout) == 0) {
        free(dir);
        str_fini(&lines.line);
        return TOOL_DONE;
    }
    const int status = tool_fail("the files in %s cannot be exported: %s", dir, strerror(-error));
    free(dir);
    str_fini(&lines.line);
    return status;
}

static int person_export(const struct tool_line *line, const char *name) REQUIRES(on_main)
{
    const struct care_filter filter = { .person = name };
    struct export_to to = { .file = stdout, .name = "the standard output" };
    struct str belongings = STR_INIT;
    int status = TOOL_FAILED;
    void *sink = tool_open(line, SINK_READ);

    if (sink != NULL && person_in_redis(line, name, &belongings)) {
        to.person = belongings.data;
        status = tool_export_rows(sink, &filter, &to);
    }
    if (status == TOOL_DONE)
        status = export_files(&line->settings, name);
    sink_sqlite.close(sink);
    str_fini(&belongings);
    return status;
}

static int forget_files(const struct settings *settings, const char *name)
{
    char *dir = files_dir(settings);
    const int count = files_forget(dir, name);
    const int status =
        count >= 0 ? TOOL_DONE
                   : tool_fail("the files in %s cannot be removed: %s", dir, strerror(-count));

    if (count >= 0)
        printf("%d files were removed\n", count);
    free(dir);
    return status;
}

static int person_forget(const struct tool_line *line, const char *name) REQUIRES(on_main)
{
    struct settings settings = line->settings;
    struct operator_forgot forgot;
    struct redis r;
    int status = TOOL_FAILED;

    if (redis_open(&r, &settings)) {
        status = operator_forget(r.connection, name, &forgot, r.error) == 0
                     ? TOOL_DONE
                     : tool_fail("%s", r.error);
        if (status == TOOL_DONE)
            printf("%s%" PRIu64 " messages in Redis were emptied; %s\n",
                   forgot.account ? "the account ended; " : "", forgot.messages,
                   forgot.archived ? "every archive has the order"
                                   : "no archive reads from this Redis");
    }
    redis_close(&r);
    if (status == TOOL_DONE)
        status = forget_files(&line->settings, name);
    return status;
}

int tool_person(const struct tool_line *line)
{
    const char *what = line->word_count == 2 ? line->words[0] : "";
    char name[NAME_MAX_BYTES + 1];

    if (strcmp(what, "export") != 0 && strcmp(what, "forget") != 0)
        return tool_misuse("person needs export or forget, and a name: confab person --help");
    if (rules_name(line->words[1], strlen(line->words[1]), name) != ERROR_NONE)
        return tool_misuse("that is not a name: %s", error_info(ERROR_BAD_NAME)->message);
    if (strcmp(what, "export") == 0)
        return person_export(line, name);
    if (!line->yes)
        return tool_misuse("what is forgotten is gone: say --yes");
    return person_forget(line, name);
}

/* ---- archive ---- */

static void tell_archive(void *arg, const struct operator_archive *archive)
{
    (void)arg;
    printf("%s pending=%" PRIu64 " last=%s", archive->id, archive->pending, archive->last);
    const char *state = strchr(archive->seen, ' ');
    if (state == NULL)
        printf(" seen=never\n");
    else
        printf(" seen=%.*s state=%s\n", (int)(state - archive->seen), archive->seen, state + 1);
}

/* Of the archive's file: it has them for ever, Redis the last AUDIT_KEEP. */
static int archive_audit(const struct tool_line *line)
{
    char after[SINK_NAME_BYTES + 1] = "";
    struct sink_records found = { .count = SINK_RECORDS_MOST };
    enum sink_status status = SINK_OK;
    void *sink = tool_open(line, SINK_READ);

    if (sink == NULL)
        return TOOL_FAILED;
    while (status == SINK_OK && found.count == SINK_RECORDS_MOST) {
        status = sink_sqlite.records(sink, "audit", after, &found);
        for (size_t i = 0; status == SINK_OK && i < found.count; i++) {
            printf("%.*s\n", (int)found.records[i].size, found.records[i].json);
            text_copy(after, sizeof after, found.records[i].name);
        }
    }
    int result = status == SINK_OK ? TOOL_DONE : tool_sink_failed(sink);
    if (fflush(stdout) != 0 || ferror(stdout))
        result = tool_fail("the standard output cannot be written: %s", strerror(errno));
    sink_sqlite.close(sink);
    return result;
}

int tool_archive(const struct tool_line *line)
{
    if (line->word_count == 1 && strcmp(line->words[0], "audit") == 0)
        return archive_audit(line);
    const bool list = line->word_count == 1 && strcmp(line->words[0], "list") == 0;
    const bool drop = line->word_count == 2 && strcmp(line->words[0], "drop") == 0;
    struct settings settings = line->settings;
    struct redis r;
    int error = -EIO;

    if (!list && !drop)
        return tool_misuse("archive needs list, audit, or drop and an id: confab archive --help");
    if (drop && !line->yes)
        return tool_misuse("what waits for that archive may go: say --yes");
    if (redis_open(&r, &settings)) {
        error = list ? operator_archives(r.connection, tell_archive, NULL, r.error)
                     : operator_drop(r.connection, line->words[1], r.error);
        if (error != 0)
            tool_fail("%s", r.error);
    }
    redis_close(&r);
    return error == 0 ? TOOL_DONE : TOOL_FAILED;
}

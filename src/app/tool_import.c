#include "confab/wire/transfer.h"
#include "tools.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BATCH_MOST = 2000,
    BATCH_BYTES = 4 * 1024 * 1024,
    LOCK_TRIES = 30, /* of two seconds */
    UPKEEP_US = 200000,
};

struct import {
    const struct tool_line *line;
    void *sink;
    FILE *file;
    const char *name;
    char *progress; /* NULL: the standard input */

    char text[TRANSFER_LINE_MOST + 2];
    struct sink_message messages[BATCH_MOST];
    struct transfer_message *places; /* of the same messages: their texts */
    int kinds[BATCH_MOST];
    size_t count, bytes;

    uint64_t number; /* of the line that was read last */
    off_t offset;    /* behind it */
    uint64_t added, repeated, broken;
    bool has_head, has_end;
};

/* ---- lines ---- */

enum reading { READ_LINE, READ_LONG, READ_CUT, READ_NOTHING };

/* The next line without its end, in text. CUT: the file ends in it. */
static enum reading read_text(struct import *im, size_t *size)
{
    bool is_long = false;
    int c;

    *size = 0;
    while ((c = getc_unlocked(im->file)) != EOF && c != '\n') {
        im->offset++;
        if (*size <= TRANSFER_LINE_MOST)
            im->text[(*size)++] = (char)c;
        else
            is_long = true;
    }
    if (c == EOF && *size == 0)
        return READ_NOTHING;
    im->offset += c == '\n';
    im->number++;
    im->text[*size] = '\0';
    if (is_long || *size > TRANSFER_LINE_MOST)
        return READ_LONG;
    return c == EOF ? READ_CUT : READ_LINE;
}

static void tell_broken(struct import *im, const char *why)
{
    fprintf(stderr, "line %" PRIu64 ": %s\n", im->number, why);
    im->broken++;
}

/* ---- batches ---- */

static int write_progress(const struct import *im)
{
    struct str part = STR_INIT;

    if (im->progress == NULL)
        return TOOL_DONE;
    str_addf(&part, "%s.part", im->progress);
    FILE *file = fopen(part.data, "we");
    bool is_well = file != NULL;
    if (is_well) {
        fprintf(file, "%jd %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %d\n",
                (intmax_t)im->offset, im->number, im->added, im->repeated, im->broken,
                (int)im->has_head);
        is_well = fclose(file) == 0 && rename(part.data, im->progress) == 0;
    }
    str_fini(&part);
    return is_well ? TOOL_DONE
                   : tool_fail("%s cannot be written: %s", im->progress, strerror(errno));
}

/* Another writer holds the file for moments, or for as long as it is checked. */
static enum sink_status write_patiently(struct import *im, struct sink_written *written)
{
    enum sink_status status = SINK_LOCKED;

    for (int i = 0; i < LOCK_TRIES && status == SINK_LOCKED; i++)
        status = care_write(im->sink, im->messages, im->kinds, im->count, written);
    return status;
}

static int flush_batch(struct import *im)
{
    struct sink_written written = { 0 };
    bool more;

    if (im->count > 0 && write_patiently(im, &written) != SINK_OK)
        return tool_sink_failed(im->sink);
    for (size_t i = 0; i < im->count; i++)
        free((char *)im->messages[i].json);
    im->count = im->bytes = 0;
    im->added += written.added;
    im->repeated += written.repeated;
    im->broken += written.rejected;
    if (sink_sqlite.upkeep(im->sink, 0, &more) != SINK_OK)
        return tool_sink_failed(im->sink);
    return write_progress(im);
}

static int add_message(struct import *im, const struct transfer_message *message)
{
    struct transfer_message *place = &im->places[im->count];

    *place = *message;
    im->messages[im->count] =
        (struct sink_message){ .stream = place->stream,
                               .epoch = place->epoch,
                               .seq = place->seq,
                               .json = xmemdupz(message->json, message->json_size),
                               .size = message->json_size,
                               .entry = "import" };
    im->kinds[im->count++] = message->kind;
    im->bytes += message->json_size;
    return im->count == BATCH_MOST || im->bytes >= BATCH_BYTES ? flush_batch(im) : TOOL_DONE;
}

/* ---- a file ---- */

/* 0, or the exit status at which it ends. */
static int take_line(struct import *im, enum reading reading, size_t size)
{
    struct transfer_message message;
    const char *why = "longer than 64 KiB";
    const enum transfer_line kind =
        reading == READ_LONG ? TRANSFER_BROKEN : transfer_read(im->text, size, &message, &why);

    switch (kind) {
    case TRANSFER_HEAD:
        im->has_head = true;
        return TOOL_DONE;
    case TRANSFER_PERSON: /* is Redis' business */
        return TOOL_DONE;
    case TRANSFER_END:
        im->has_end = true;
        return TOOL_DONE;
    case TRANSFER_MESSAGE:
        return add_message(im, &message);
    case TRANSFER_BROKEN:
        break;
    }
    tell_broken(im, reading == READ_CUT ? "the file ends within it" : why);
    return im->line->strict ? TOOL_FAILED : TOOL_DONE;
}

static int read_all(struct import *im)
{
    enum reading reading;
    size_t size;
    int status = TOOL_DONE;

    while (status == TOOL_DONE && (reading = read_text(im, &size)) != READ_NOTHING)
        status = take_line(im, reading, size);
    if (status == TOOL_DONE && ferror(im->file))
        status = tool_fail("%s cannot be read: %s", im->name, strerror(errno));
    const int flushed = flush_batch(im); /* with --strict too: what was read is good */
    return status == TOOL_DONE ? flushed : status;
}

/* Makes what is new searchable, if it is this process that has to. */
static int keep_up(struct import *im)
{
    bool more = true;

    while (more) {
        if (sink_sqlite.upkeep(im->sink, UPKEEP_US, &more) != SINK_OK)
            return tool_sink_failed(im->sink);
    }
    return TOOL_DONE;
}

/* Goes on behind what FILE.progress says. */
static int go_on(struct import *im)
{
    intmax_t offset;
    int has_head;
    FILE *file = fopen(im->progress, "re");

    if (file == NULL && errno == ENOENT)
        return TOOL_DONE; /* from the beginning */
    char text[160] = "";
    const bool is_read = file != NULL && fgets(text, sizeof text, file) != NULL;
    if (file != NULL)
        fclose(file);
    char *at = text;
    offset = strtoimax(at, &at, 10);
    im->number = strtoumax(at, &at, 10);
    im->added = strtoumax(at, &at, 10);
    im->repeated = strtoumax(at, &at, 10);
    im->broken = strtoumax(at, &at, 10);
    has_head = (int)strtoimax(at, &at, 10);
    if (!is_read || *at != '\n' || offset < 0 || fseeko(im->file, (off_t)offset, SEEK_SET) != 0)
        return tool_fail("%s cannot be read: remove it to begin anew", im->progress);
    im->offset = (off_t)offset;
    im->has_head = has_head != 0;
    return TOOL_DONE;
}

static int run(struct import *im)
{
    int status = im->line->resume ? go_on(im) : TOOL_DONE;

    if (status == TOOL_DONE)
        status = read_all(im);
    if (status == TOOL_DONE)
        status = keep_up(im);
    fprintf(stderr, "%" PRIu64 " new, %" PRIu64 " there already, %" PRIu64 " broken\n", im->added,
            im->repeated, im->broken);
    if (status != TOOL_DONE)
        return status;
    if (im->progress != NULL)
        unlink(im->progress);
    if (im->has_head && !im->has_end)
        return tool_fail("%s is not a whole export: its last line is missing", im->name);
    return im->broken == 0 ? TOOL_DONE : TOOL_FAILED;
}

/* As the archive's writer when there is none, else beside it. */
static void *open_sink(const struct tool_line *line)
{
    char why[SINK_WHY_BYTES + 1];
    void *sink;

    if (sink_sqlite.open(&line->settings, SINK_WRITE, &sink, why) == SINK_OK)
        return sink;
    return tool_open(line, SINK_ADD);
}

int tool_import(const struct tool_line *line)
{
    struct str progress = STR_INIT;

    if (line->word_count != 1)
        return tool_misuse("import needs one file: confab import --help");
    const bool is_stdin = strcmp(line->words[0], "-") == 0;
    if (is_stdin && line->resume)
        return tool_misuse("the standard input cannot be resumed");
    struct import *im = xcalloc(1, sizeof *im);
    im->line = line;
    im->name = is_stdin ? "the standard input" : line->words[0];
    im->file = is_stdin ? stdin : fopen(im->name, "re");
    str_addf(&progress, "%s.progress", im->name);
    im->progress = is_stdin ? NULL : progress.data;
    int status = TOOL_FAILED;
    if (im->file == NULL)
        tool_fail("%s cannot be read: %s", im->name, strerror(errno));
    else
        im->sink = open_sink(line);
    if (im->sink != NULL) {
        im->places = xcalloc(BATCH_MOST, sizeof *im->places);
        status = run(im);
    }
    sink_sqlite.close(im->sink);
    if (im->file != NULL && !is_stdin)
        fclose(im->file);
    free(im->places);
    free(im);
    str_fini(&progress);
    return status;
}

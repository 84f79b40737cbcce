#include "confab/wire/transfer.h"
#include "tools.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct writing {
    struct export_to *to;
    struct str line;
};

static void write_row(void *arg, const struct care_row *row)
{
    struct writing *w = arg;

    str_reset(&w->line);
    transfer_add_message(&w->line, row->stream, row->epoch, row->kind, row->json, row->json_size);
    fwrite(w->line.data, 1, w->line.size, w->to->file);
    w->to->count++;
}

static int cannot_write(const struct export_to *to)
{
    return tool_fail("%s cannot be written: %s", to->name, strerror(errno));
}

static bool write_out(struct writing *w, struct str *line)
{
    fwrite(line->data, 1, line->size, w->to->file);
    return fflush(w->to->file) == 0 && ferror(w->to->file) == 0;
}

int tool_export_rows(void *sink, const struct care_filter *filter, struct export_to *to)
{
    struct writing w = { to, STR_INIT };
    struct sink_about about;
    bool more = true, is_well = true;
    enum sink_status status = sink_sqlite.about(sink, &about);

    if (status == SINK_OK && to->after == 0) {
        transfer_add_head(&w.line, about.archive, clock_wall_ms());
        if (to->person != NULL)
            str_addz(&w.line, to->person);
        is_well = write_out(&w, &w.line);
    }
    while (more && is_well && status == SINK_OK) {
        status = care_rows(sink, filter, &to->after, write_row, &w, &more);
        is_well = fflush(to->file) == 0 && ferror(to->file) == 0;
    }
    if (is_well && status == SINK_OK) {
        str_reset(&w.line);
        transfer_add_end(&w.line, to->count);
        is_well = write_out(&w, &w.line);
    }
    str_fini(&w.line);
    if (!is_well)
        return cannot_write(to);
    return status == SINK_OK ? TOOL_DONE : tool_sink_failed(sink);
}

/* ---- a file that is continued ---- */

/* Where what is whole of FILE ends, and its last line. */
struct whole {
    off_t end;
    uint64_t lines;
    char *last; /* NULL: there is none */
    size_t last_size;
};

static int read_whole(FILE *file, struct whole *out)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t size;

    *out = (struct whole){ 0 };
    while ((size = getline(&line, &room, file)) > 0 && line[size - 1] == '\n') {
        out->end += size;
        out->lines++;
        free(out->last);
        out->last_size = (size_t)size - 1;
        out->last = xmemdupz(line, out->last_size);
    }
    free(line);
    return ferror(file) ? -errno : 0;
}

/* Sets where to go on. -1: go on; else the exit status. */
static int go_on_behind(void *sink, const struct whole *whole, struct export_to *to)
{
    struct transfer_message message;
    const char *why;

    if (whole->last == NULL)
        return -1;
    switch (transfer_read(whole->last, whole->last_size, &message, &why)) {
    case TRANSFER_END:
        fprintf(stderr, "confab: %s is complete\n", to->name);
        return TOOL_DONE;
    case TRANSFER_BROKEN:
        return tool_fail("%s, line %llu: %s", to->name, (unsigned long long)whole->lines, why);
    case TRANSFER_HEAD:
    case TRANSFER_PERSON:
        to->after = -1; /* all ids are above, and the head is there */
        return -1;
    case TRANSFER_MESSAGE:
        break;
    }
    const struct sink_message at = { .stream = message.stream,
                                     .epoch = message.epoch,
                                     .seq = message.seq };
    to->count = whole->lines - 1;
    if (care_find(sink, &at, &to->after) != SINK_OK)
        return tool_sink_failed(sink);
    return to->after != 0 ? -1 : tool_fail("%s is not of this archive", to->name);
}

static int open_file(void *sink, struct export_to *to)
{
    struct whole whole;
    const int fd = open(to->name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    to->file = fd < 0 ? NULL : fdopen(fd, "r+");
    if (to->file == NULL)
        return cannot_write(to);
    int status =
        read_whole(to->file, &whole) == 0 ? go_on_behind(sink, &whole, to) : cannot_write(to);
    if (status == -1 &&
        (ftruncate(fd, whole.end) != 0 || fseeko(to->file, whole.end, SEEK_SET) != 0))
        status = cannot_write(to);
    free(whole.last);
    return status;
}

/* ---- the command ---- */

static int run(void *sink, const struct tool_line *line, const struct care_filter *filter)
{
    struct export_to to = { .file = stdout, .name = "the standard output" };
    int status = -1;

    if (line->resume_file != NULL) {
        to.name = line->resume_file;
        status = open_file(sink, &to);
    }
    if (status == -1)
        status = tool_export_rows(sink, filter, &to);
    if (to.file != NULL && to.file != stdout && fclose(to.file) != 0 && status == TOOL_DONE)
        status = cannot_write(&to);
    return status;
}

/* The streams of --room. False: one is none. */
static bool name_streams(const struct tool_line *line, char *streams[TOOL_ROOMS_MOST])
{
    for (size_t i = 0; i < line->room_count; i++) {
        char room[ROOM_MAX_BYTES + 1];
        struct str stream = STR_INIT;
        if (rules_room(line->rooms[i], strlen(line->rooms[i]), room) != ERROR_NONE)
            return false;
        str_addf(&stream, "r:%s", room);
        streams[i] = str_detach(&stream);
    }
    return true;
}

int tool_export(const struct tool_line *line)
{
    struct care_filter filter = { .streams = NULL };
    char *streams[TOOL_ROOMS_MOST] = { NULL };
    int status = TOOL_FAILED;

    if (line->word_count > 0)
        return tool_misuse("export takes no %s: confab export --help", line->words[0]);
    if (!tool_date("--since", line->since, &filter.since_ms) ||
        !tool_date("--until", line->until, &filter.until_ms))
        return TOOL_WRONG_USE;
    const bool is_well = name_streams(line, streams);
    if (line->room_count > 0)
        filter.streams = (const char *const *)streams;
    filter.stream_count = line->room_count;
    void *sink = is_well ? tool_open(line, SINK_READ) : NULL;
    if (!is_well)
        status = tool_misuse("--room must be the name of a room");
    if (sink != NULL)
        status = run(sink, line, &filter);
    sink_sqlite.close(sink);
    for (size_t i = 0; i < line->room_count; i++)
        free(streams[i]);
    return status;
}

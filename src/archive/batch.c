#include "batch.h"

#include <stdlib.h>
#include <string.h>

static const char room_mark[] = "{room:", pair_mark[] = "{dm:";

void batch_init(struct batch *b, const char *prefix)
{
    *b = (struct batch){ .prefix = prefix };
}

void batch_fini(struct batch *b)
{
    for (size_t i = 0; i < b->block_count; i++)
        free(b->blocks[i]);
    free(b->blocks);
    free(b->ids);
    free(b->messages);
    free(b->records);
    free(b->rejects);
    *b = (struct batch){ .prefix = b->prefix };
}

void batch_reset(struct batch *b)
{
    for (size_t i = 0; i < b->block_count; i++)
        free(b->blocks[i]);
    b->block_count = b->id_count = b->bytes = 0;
    b->message_count = b->record_count = b->reject_count = 0;
}

/* Room for one more of `count` elements. */
static void *grown(void *list, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return list;
    *room = *room ? *room * 2 : 64;
    return xrealloc(list, *room * size);
}

/* A copy that lives as long as the batch. */
static char *keep(struct batch *b, const char *text, size_t size)
{
    b->blocks = grown(b->blocks, b->block_count, &b->block_room, sizeof *b->blocks);
    char *copy = xmemdupz(text, size);
    b->blocks[b->block_count++] = copy;
    b->bytes += size;
    return copy;
}

static void reject(struct batch *b, const char *entry, const char *why, const char *text,
                   size_t size)
{
    b->rejects = grown(b->rejects, b->reject_count, &b->reject_room, sizeof *b->rejects);
    b->rejects[b->reject_count++] = (struct sink_reject){ entry, why, text, size };
}

/* A decimal number up to `end`, and what stands behind it; NULL: there is none. */
static char *take_number(char *text, char end, uint64_t *out)
{
    char *behind = text;
    uint64_t n = 0;
    for (; *behind >= '0' && *behind <= '9'; behind++) {
        if (behind - text == 18)
            return NULL;
        n = n * 10 + (uint64_t)(*behind - '0');
    }
    if (behind == text || *behind != end)
        return NULL;
    *out = n;
    return behind + 1;
}

/* PREFIX{room:NAME} → r:NAME, PREFIX{dm:A|B} → d:A|B; NULL: neither. In place. */
static const char *stream_of(const struct batch *b, char *key)
{
    const size_t size = strlen(key), prefix = strlen(b->prefix);
    if (size < prefix || memcmp(key, b->prefix, prefix) != 0 || key[size - 1] != '}')
        return NULL;
    char *name = NULL;
    char kind = 'r';
    if (strncmp(key + prefix, room_mark, strlen(room_mark)) == 0)
        name = key + prefix + strlen(room_mark);
    else if (strncmp(key + prefix, pair_mark, strlen(pair_mark)) == 0)
        name = key + prefix + strlen(pair_mark), kind = 'd';
    if (name == NULL || name == key + size - 1 || size - (size_t)(name - key) > SINK_STREAM_BYTES)
        return NULL;
    key[size - 1] = '\0';
    name[-1] = ':';
    name[-2] = kind;
    return name - 2;
}

/* Where the JSON begins and ends: "m …\nJSON\nJSON…", "a …\nEVENT", "c …\nEVENT\n…", of which what
 * follows the event is not for archives. NULL: it is none of these. behind: the number. */
static char *find_json(const char *text, char *behind, char **end)
{
    if (*text == 'm')
        return behind;
    char *line = strchr(behind, '\n');
    if (line == NULL)
        return NULL;
    char *line_end = memchr(line + 1, '\n', (size_t)(*end - line - 1));
    *end = line_end != NULL ? line_end : *end;
    return line + 1;
}

/* "m EPOCH SEQ\nJSON\nJSON…"; or an event, which is a message too: "a EPOCH SEQ TARGET\nEVENT",
 * "c EPOCH SEQ …\nEVENT\n…". False: it is not; nothing was added. In place. */
static bool add_messages(struct batch *b, const char *entry, const char *stream, char *text,
                         char *end)
{
    char *epoch = text + 2;
    const bool is_one = *text != '\0' && strchr("mac", *text) != NULL && text[1] == ' ';
    char *space = is_one ? strchr(epoch, ' ') : NULL;
    if (space == NULL || space == epoch || space - epoch > RULE_EPOCH_BYTES)
        return false;
    uint64_t seq;
    char *behind = take_number(space + 1, *text == 'm' ? '\n' : ' ', &seq);
    char *json = behind != NULL ? find_json(text, behind, &end) : NULL;
    if (json == NULL)
        return false;
    *space = '\0';
    for (; json != NULL && json <= end; seq++) {
        char *line_end = memchr(json, '\n', (size_t)(end - json));
        const size_t size = (size_t)((line_end != NULL ? line_end : end) - json);
        json[size] = '\0';
        b->messages = grown(b->messages, b->message_count, &b->message_room, sizeof *b->messages);
        b->messages[b->message_count++] =
            (struct sink_message){ stream, epoch, seq, json, size, entry };
        json = line_end != NULL ? line_end + 1 : NULL;
    }
    return true;
}

static void put_record(struct batch *b, const char *kind, const char *name, uint64_t version,
                       const char *json, size_t size)
{
    b->records = grown(b->records, b->record_count, &b->record_room, sizeof *b->records);
    b->records[b->record_count++] =
        (struct sink_record){ kind, name, (int64_t)version, json, size };
}

/* "!KIND": "NAME VERSION\nJSON", but "!forget": "UNTIL_MS NAME". In place. */
static bool add_record(struct batch *b, const char *kind, char *text, char *end)
{
    uint64_t version;
    if (strcmp(kind, "forget") == 0) {
        const char *name = take_number(text, ' ', &version);
        if (name == NULL || *name == '\0')
            return false;
        put_record(b, kind, name, version, "", 0);
        return true;
    }
    char *space = strchr(text, ' ');
    if (*kind == '\0' || space == NULL || space == text)
        return false;
    const char *json = take_number(space + 1, '\n', &version);
    if (json == NULL)
        return false;
    *space = '\0';
    put_record(b, kind, text, version, json, (size_t)(end - json));
    return true;
}

static void add_part(struct batch *b, const char *entry, const struct feed_part *part)
{
    char *key = keep(b, part->key, part->key_size);
    char *text = keep(b, part->text, part->text_size);
    char *end = text + part->text_size;
    if (*key == '!') {
        if (!add_record(b, key + 1, text, end))
            reject(b, entry, "a record of another form", text, part->text_size);
        return;
    }
    const char *stream = stream_of(b, key);
    if (stream == NULL)
        reject(b, entry, "not a stream", text, part->text_size);
    else if (!add_messages(b, entry, stream, text, end))
        reject(b, entry, "messages of another form", text, part->text_size);
}

void batch_add(struct batch *b, const struct feed_entry *entry)
{
    const char *id = keep(b, entry->id, strlen(entry->id));
    if (*id != '\0') {
        b->ids = grown(b->ids, b->id_count, &b->id_room, sizeof *b->ids);
        b->ids[b->id_count++] = id;
    }
    for (size_t i = 0; i < entry->count; i++)
        add_part(b, id, &entry->parts[i]);
}

#include "confab/wire/file.h"
#include "fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char first_line[] = "confab-file 1\n";
static const char link_begin[] = "/files/";

static bool is_hex(const char *text, size_t size)
{
    return strspn(text, "0123456789abcdef") >= size;
}

bool file_id_is_good(const char *id, size_t size)
{
    return size == FILE_ID_CHARS && is_hex(id, size);
}

bool file_name_is_good(const char *name, size_t size)
{
    if (size == 0 || size > FILE_NAME_BYTES || memchr(name, '/', size) != NULL ||
        memchr(name, '\\', size) != NULL || name[0] == ' ' || name[size - 1] == ' ')
        return false;
    if ((size == 1 && name[0] == '.') || (size == 2 && memcmp(name, "..", 2) == 0))
        return false;
    return rules_line(name, size, FILE_NAME_BYTES);
}

/* ---- the block ---- */

void file_block_write(char block[FILE_BLOCK_BYTES], const struct file_about *f)
{
    const int size =
        snprintf(block, FILE_BLOCK_BYTES,
                 "%sid %s\nowner %s\nguest %s\nname %s\ntype %s\nsize %" PRIu64 "\ntime %" PRId64
                 "\nwidth %" PRIu32 "\nheight %" PRIu32 "\n",
                 first_line, f->id, f->owner.name, f->owner.guest ? f->owner.session : "-", f->name,
                 f->type, f->size, f->stored_ms, f->width, f->height);
    BUG_ON(size >= FILE_BLOCK_BYTES);
    memset(block + size, '\n', (size_t)(FILE_BLOCK_BYTES - size));
}

/* The next line `KEY VALUE`: its value into out. */
static bool take(const char **at, const char *key, char *out, size_t size)
{
    const size_t key_size = strlen(key);
    if (strncmp(*at, key, key_size) != 0 || (*at)[key_size] != ' ')
        return false;
    const char *value = *at + key_size + 1;
    const size_t value_size = strcspn(value, "\n");
    if (value_size >= size || value[value_size] == '\0')
        return false;
    memcpy(out, value, value_size);
    out[value_size] = '\0';
    *at = value + value_size + 1;
    return true;
}

static bool take_number(const char **at, const char *key, uint64_t most, uint64_t *out)
{
    char text[24], *end;
    if (!take(at, key, text, sizeof text) || text[0] < '0' || text[0] > '9')
        return false;
    *out = strtoull(text, &end, 10);
    return *end == '\0' && *out <= most;
}

bool file_block_read(const char block[FILE_BLOCK_BYTES], struct file_about *out)
{
    char text[FILE_BLOCK_BYTES + 1];
    uint64_t time, width, height;
    struct file_about f = { .size = 0 };
    const char *at = text + sizeof first_line - 1;

    memcpy(text, block, FILE_BLOCK_BYTES);
    text[FILE_BLOCK_BYTES] = '\0';
    if (strncmp(text, first_line, sizeof first_line - 1) != 0)
        return false;
    const bool is_whole = take(&at, "id", f.id, sizeof f.id) &&
                          take(&at, "owner", f.owner.name, sizeof f.owner.name) &&
                          take(&at, "guest", f.owner.session, sizeof f.owner.session) &&
                          take(&at, "name", f.name, sizeof f.name) &&
                          take(&at, "type", f.type, sizeof f.type) &&
                          take_number(&at, "size", INT64_MAX, &f.size) &&
                          take_number(&at, "time", INT64_MAX, &time) &&
                          take_number(&at, "width", UINT32_MAX, &width) &&
                          take_number(&at, "height", UINT32_MAX, &height);
    if (!is_whole || f.size == 0 || !file_id_is_good(f.id, strlen(f.id)) ||
        !file_name_is_good(f.name, strlen(f.name)))
        return false;
    f.owner.guest = strcmp(f.owner.session, "-") != 0;
    if (!f.owner.guest)
        f.owner.session[0] = '\0';
    f.stored_ms = (int64_t)time;
    f.width = (uint32_t)width;
    f.height = (uint32_t)height;
    *out = f;
    return true;
}

/* ---- frames ---- */

void file_percent(struct str *out, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || strchr("-._~", c) != NULL;
        if (plain) {
            str_addc(out, (char)c);
            continue;
        }
        str_addc(out, '%');
        str_addc(out, digits[c >> 4]);
        str_addc(out, digits[c & 15]);
    }
}

static void add_about(struct str *s, const struct file_about *f)
{
    field_plain(s, "id", f->id);
    field_text(s, "name", f->name);
    field_plain(s, "media_type", f->type);
    field_number(s, "size", f->size);
    if (f->width == 0)
        return;
    field_number(s, "width", f->width);
    field_number(s, "height", f->height);
}

struct frame *event_file(const struct file_about *f, int64_t expires_ms)
{
    struct str s = STR_INIT;

    begin(&s, "file");
    add_about(&s, f);
    key(&s, "url");
    str_addf(&s, "\"%s%s/", link_begin, f->id);
    file_percent(&s, f->name);
    str_addz(&s, "?type=");
    file_percent(&s, f->type);
    str_addf(&s, "&size=%" PRIu64, f->size);
    if (f->width != 0)
        str_addf(&s, "&w=%" PRIu32 "&h=%" PRIu32, f->width, f->height);
    str_addc(&s, '"');
    field_number(&s, "expires", (uint64_t)expires_ms);
    struct frame *frame = finish(&s, FRAME_CONTROL);
    frame->http_status = 201;
    return frame;
}

struct frame *event_ticket(const char *cid, const char *ticket, int64_t expires_in_s)
{
    struct str s = STR_INIT;

    begin(&s, "ticket");
    if (cid != NULL)
        field_plain(&s, "cid", cid);
    field_plain(&s, "ticket", ticket);
    field_number(&s, "expires_in_s", (uint64_t)expires_in_s);
    return finish(&s, FRAME_CONTROL);
}

void file_export_begin(struct str *out, const struct file_about *f)
{
    str_addz(out, "{\"person\":");
    quote_add(out, f->owner.name, strlen(f->owner.name));
    str_addz(out, ",\"file\":{\"time\":");
    str_addu(out, (uint64_t)f->stored_ms);
    add_about(out, f);
}

size_t file_links(const char *text, size_t size, char ids[FILE_LINKS_MOST][FILE_ID_CHARS + 1])
{
    const size_t begin_size = sizeof link_begin - 1;
    const char *end = text + size;
    size_t count = 0;

    while (count < FILE_LINKS_MOST) {
        const char *at = memmem(text, (size_t)(end - text), link_begin, begin_size);
        if (at == NULL || (size_t)(end - at) <= begin_size + FILE_ID_CHARS)
            break;
        text = at + begin_size;
        memcpy(ids[count], text, FILE_ID_CHARS);
        ids[count][FILE_ID_CHARS] = '\0';
        count += is_hex(ids[count], FILE_ID_CHARS) && text[FILE_ID_CHARS] == '/';
    }
    return count;
}

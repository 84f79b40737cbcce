/* A file that somebody sent: what is known of it, as the block at the head of its copy on disk, as
 * the answer to an upload and as a link in a message. docs/PROTOCOL.md, "Files". */
#ifndef CONFAB_WIRE_FILE_H
#define CONFAB_WIRE_FILE_H

#include "confab/base/str.h"
#include "confab/wire/frame.h"
#include "confab/wire/token.h"

enum {
    FILE_ID_CHARS = 32,    /* hexadecimal digits; 128 random bits: who knows it may read the file */
    FILE_NAME_BYTES = 255, /* of a name in UTF-8 */
    FILE_TYPE_BYTES = 63,  /* of a media type */
    FILE_BLOCK_BYTES = 1024, /* of the block; the content stands behind it */
    FILE_LINKS_MOST = 4,     /* links of one message that go with it */
};

/* Who sent it. */
struct file_owner {
    char name[NAME_MAX_BYTES + 1];
    bool guest;
    char session[DEVICE_CHARS + 1]; /* of a guest: digest of the session; of an account: "" */
};

struct file_about {
    char id[FILE_ID_CHARS + 1];
    struct file_owner owner;
    char name[FILE_NAME_BYTES + 1]; /* file_name_is_good() */
    char type[FILE_TYPE_BYTES + 1];
    uint64_t size; /* of the content */
    int64_t stored_ms;
    uint32_t width, height; /* of a picture, as it is shown; else 0 */
};

/* A line of text for people that says nothing of folders: 1 … FILE_NAME_BYTES bytes of UTF-8
 * without '/', '\\', control characters and those that turn the direction of what follows, and
 * without blanks at its ends; not "." or "..". */
bool file_name_is_good(const char *name, size_t size);
bool file_id_is_good(const char *id, size_t size);

/* Lines `KEY VALUE`, padded. */
void file_block_write(char block[FILE_BLOCK_BYTES], const struct file_about *f);
/* False when it is none of ours. */
bool file_block_read(const char block[FILE_BLOCK_BYTES], struct file_about *out) MUST_USE;

/* Answer to an upload; expires_ms: since 1970. */
struct frame *event_file(const struct file_about *f, int64_t expires_ms) MUST_USE;
/* Answer to `ticket`. cid: or NULL. */
struct frame *event_ticket(const char *cid, const char *ticket, int64_t expires_in_s) MUST_USE;
/* The JSON line of it in the export of a person, up to its braces' end. */
void file_export_begin(struct str *out, const struct file_about *f);

/* The ids of links in a text, or in JSON with one: how many, at most FILE_LINKS_MOST. */
size_t file_links(const char *text, size_t size, char ids[FILE_LINKS_MOST][FILE_ID_CHARS + 1]);

/* Appends it percent-encoded: RFC 3986 section 2.3. */
void file_percent(struct str *out, const char *text);

#endif

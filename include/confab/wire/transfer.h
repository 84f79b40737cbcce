/* What `confab export` writes and `confab import` reads: one JSON object per line. docs/DATA.md.
 *
 *   {"confab":"export","v":1,"archive":ID,"at":MS}
 *   {"room":R,"epoch":E,"kind":K,"message":{…}}        or "between":[A,B] in place of "room"
 *   {"person":NAME,…}        several behind the head of `person export`; an import passes over them
 *   {"end":true,"count":N} */
#ifndef CONFAB_WIRE_TRANSFER_H
#define CONFAB_WIRE_TRANSFER_H

#include "confab/base/str.h"
#include "confab/wire/rules.h"

enum {
    TRANSFER_LINE_MOST = 64 * 1024, /* bytes of a line, without the end of line */
    TRANSFER_KIND_MOST = 255,
};

enum transfer_line {
    TRANSFER_BROKEN,
    TRANSFER_HEAD,
    TRANSFER_PERSON,
    TRANSFER_MESSAGE,
    TRANSFER_END,
};

struct transfer_message {
    char stream[2 * NAME_MAX_BYTES + 4]; /* "r:ROOM" or "d:A|B" with A before B */
    char epoch[RULE_EPOCH_BYTES + 1];
    uint64_t seq;
    int kind;
    const char *json; /* the message's own bytes, within the line; not NUL-terminated */
    size_t json_size;
};

/* Each appends a line. */
void transfer_add_head(struct str *out, const char *archive, int64_t now_ms);
void transfer_add_message(struct str *out, const char *stream, const char *epoch, int kind,
                          const char *json, size_t size);
void transfer_add_end(struct str *out, uint64_t count);

/* What a line is, without its end of line. *why: what is wrong with a broken one, in a few words.
 * Names, epoch, number, time and content are checked as those of a message that is sent; what is in
 * the message beyond that is passed on. */
enum transfer_line transfer_read(const char *line, size_t size, struct transfer_message *out,
                                 const char **why) MUST_USE;

#endif

/* A command that is being put together, from a frame, a URL or a request's body. */
#ifndef CONFAB_WIRE_DRAFT_H
#define CONFAB_WIRE_DRAFT_H

#include "confab/base/str.h"
#include "confab/wire/command.h"

#include <jansson.h>

struct resume_entry {
    const char *epoch;
    uint64_t seq;
    char stream[1 + ROOM_MAX_BYTES + 1]; /* 1 for the '@' */
};

/* Its strings stand in the JSON tree, in the buffers below or in the caller's, until draft_pack()
 * moves them into one allocation. Begin with { .frame = …, .error = … }. */
struct draft {
    const json_t *frame; /* an object */
    struct command_error *error;
    struct command c;
    char username[NAME_MAX_BYTES + 1];
    char to[NAME_MAX_BYTES + 1];
    char room[ROOM_MAX_BYTES + 1];
    struct str content;
    struct str mentioned;
    struct resume_entry *resume; /* own */
};

struct text {
    const char *data;
    size_t size;
};

/* The JSON object in text; borrowed depth and size as command_parse(). NULL after error->code is
 * set. */
json_t *draft_load(const char *text, size_t size, struct command_error *error) MUST_USE;
/* What the frame's type and fields say. Other fields of d->c may have been set before. */
int draft_parse(struct draft *d) MUST_USE;
/* The command with everything copied; wiped by command_free() when it holds a secret. */
struct command *draft_pack(struct draft *d) MUST_USE;
void draft_fini(struct draft *d);

/* Every check returns 0, or -EINVAL after it has filled in the draft's error. */
int draft_refuse(struct draft *d, enum error_code code, const char *field);

/* Fields by their kind */
bool draft_has(const struct draft *d, const char *field);
/* out->data stays NULL when the field is absent. */
int draft_get_text(struct draft *d, const char *field, struct text *out) MUST_USE;
int draft_need_text(struct draft *d, const char *field, struct text *out) MUST_USE;
/* The rules refuse a NUL; this is for texts that have none. */
bool draft_has_nul(const struct text *t);
bool draft_is_number(const json_t *value, uint64_t *out) MUST_USE;
int draft_need_number(struct draft *d, const char *field, uint64_t *out) MUST_USE;
/* An absent field leaves *out as it is. */
int draft_get_number(struct draft *d, const char *field, uint64_t *out) MUST_USE;
int draft_get_bool(struct draft *d, const char *field, bool *out) MUST_USE;

/* Fields by their meaning */
int draft_take_room(struct draft *d) MUST_USE;
int draft_take_name(struct draft *d, const char *field, char *buffer, const char **out) MUST_USE;
int draft_take_room_or_to(struct draft *d) MUST_USE;
/* Printable ASCII; *out is NULL when the field is absent. */
int draft_take_token(struct draft *d, const char *field, size_t limit, const char **out) MUST_USE;
/* What error->cid has; NULL when absent. */
int draft_take_cid(struct draft *d) MUST_USE;
/* The text of a message, as JSON into d->content. */
int draft_take_content(struct draft *d) MUST_USE;
/* The server itself gives out the empty one, of a conversation that has no message yet. */
bool draft_is_epoch(const char *text, size_t size) MUST_USE;
/* An access token: whatever it is, it is looked at later. NULL when absent or empty. */
int draft_take_access_token(struct draft *d) MUST_USE;
/* NULL when absent. One that has not the form: ERROR_BAD_TOKEN. */
int draft_take_refresh_token(struct draft *d) MUST_USE;

/* Parts of a URL as fields of a frame, so that there is one set of checks. value NULL: nothing.
 * A number that is none stays a text, and so is refused as a field of the wrong kind. */
void draft_url_text(json_t *frame, const char *field, const char *value);
void draft_url_number(json_t *frame, const char *field, const char *value);
/* Takes frame, an object. shown: or NULL. As command_parse(). */
int draft_url_command(json_t *frame, const struct shown *shown, struct command **out,
                      struct command_error *error) MUST_USE;

/* command_away.c */
int draft_take_caps(struct draft *d) MUST_USE;
/* `mentions: true` instead of a room or somebody */
int draft_take_mentions(struct draft *d) MUST_USE;
int parse_read(struct draft *d) MUST_USE;
int parse_seen(struct draft *d) MUST_USE;
int parse_received(struct draft *d) MUST_USE;

/* command_past.c */
int parse_history(struct draft *d) MUST_USE;
int parse_search(struct draft *d) MUST_USE;

/* command_room.c */
int parse_room(struct draft *d) MUST_USE;

/* command_act.c */
int parse_act_edit(struct draft *d) MUST_USE;
int parse_act_delete(struct draft *d) MUST_USE;
int parse_act_react(struct draft *d) MUST_USE;

#endif

/* Events about messages: edits, deletions and reactions (act.lua). They are messages of the stream
 * themselves, with a number of their own and a kind; the list's entry of an edited or deleted
 * message is rewritten in the same step. docs/PROTOCOL.md, "Events". Hub thread. */
#ifndef CONFAB_STORE_ACT_H
#define CONFAB_STORE_ACT_H

#include "confab/store/store.h"

enum act_kind { ACT_EDIT, ACT_DELETE, ACT_REACT };
enum act_role { ACT_ACCOUNT, ACT_GUEST, ACT_ADMIN };

/* What never changes of a message, and whether it is deleted. */
struct act_target {
    const char *id, *user;
    int64_t timestamp_ms;
    bool deleted;
    struct frame_part json; /* the message */
};

struct store_act {
    enum act_kind kind;
    const char *user;             /* who acts */
    enum act_role role;           /* the administrator may delete whatever stands in a room */
    const char *room, *to;        /* one of them is NULL */
    const char *cid;              /* or NULL: no dedupe */
    const char *id;               /* of the event */
    struct store_known known;     /* of the room */
    uint64_t target;              /* number of the message that it is about */
    const char *target_id;        /* or NULL: whatever it is */
    const struct act_target *old; /* as the archive has it, when the list does not; else NULL */
    const char *content_json;     /* EDIT: quotes included; else NULL */
    size_t content_json_size;
    const char *mentions; /* EDIT of a room's message, or NULL: names in the text, joined by '\n' */
    /* of the event: event_about_pieces() */
    const struct str *head, *mid, *content, *tail;
};
/* Answers as store_publish(), also STORE_DENIED: not_found, not_allowed, too_old (EDIT_S), and what
 * a guard says. STORE_NONE: the list does not hold the message; come again with `old`. */
int store_act(struct store *s, const struct store_act *a, store_published_fn *done, void *arg)
    REQUIRES(on_hub) MUST_USE;

#endif

/* Rooms that have an owner: who may read, write and act in them. docs/REDIS.md has the keys,
 * docs/PROTOCOL.md, "Rooms", what each act means. Hub thread.
 *
 * What restricts a room stands in its guard, a short text of flags and the milliseconds of slow
 * mode, "prx 5000": p private, r read-only, x there are bans or mutes; "- 0": an owner and no
 * restriction; "": an ordinary room, which everybody may use. */
#ifndef CONFAB_STORE_ROOMS_H
#define CONFAB_STORE_ROOMS_H

#include "confab/store/store.h"

/* One act (room.lua). It becomes a numbered message of kind "room" in the room's stream, an entry
 * of the audit log, and the room's next version. */
struct store_room_act {
    const char *room;
    const char *actor; /* account; for the administrator "" */
    const char *act;   /* as on the wire: "create", "topic" … */
    bool admin;
    const char *const
        *words;      /* what the act needs, in the order that room.lua names; NULL ends it */
    const char *cid; /* or NULL */
    const char *id;  /* of the event */
    struct store_known known;
    const struct str *head, *mid, *tail; /* of the event; NULL for info, invite and uninvite */
};
struct store_room_answer {
    struct store_published published; /* status, error, number of the event */
    const char *json;                 /* info, invite: the frame; create …: the room. Or NULL */
    size_t json_size;
};
typedef void store_room_fn(void *arg, const struct store_room_answer *r);
int store_room_act(struct store *s, const struct store_room_act *a, store_room_fn *done, void *arg)
    REQUIRES(on_hub) MUST_USE;

enum { STORE_ACCESS_MOST = 500 }; /* names in one call: bounds how long Redis is held up */
struct store_access {
    enum store_status status; /* OK, or as other operations; invite: DENIED */
    enum error_code error;    /* DENIED: ERROR_BAD_INVITATION, ERROR_FULL … */
    const char *guard;        /* "" when the room has none */
    uint64_t version;
    /* one letter per name, in the order of the call: '1' may read; 'p' may not, it is private;
     * 'b' is banned */
    const char *may;
    int64_t banned_ms;  /* of the first name, when it is banned: how long still; -1: for ever */
    const char *detail; /* of the first name: guard as JSON for its `joined`, or NULL */
};
typedef void store_access_fn(void *arg, const struct store_access *r);
/* Who of these may read the room now (access.lua). names: joined by '\n'. */
int store_access(struct store *s, const char *room, const char *names, store_access_fn *done,
                 void *arg) REQUIRES(on_hub) MUST_USE;
/* Uses an invitation (invite.lua): the user becomes a member. Who is one already uses nothing up. */
int store_invite_use(struct store *s, const char *code, const char *room, const char *user,
                     store_access_fn *done, void *arg) REQUIRES(on_hub) MUST_USE;

#endif

/* Rooms that have an owner: who may read, write and act in them. docs/REDIS.md has the keys,
 * docs/PROTOCOL.md, "Rooms", what each act means. Hub thread; the contract of store.h holds for
 * return values, `done`, `arg` and the life of what a result points to.
 *
 * What restricts a room stands in its guard, a short text of flags and the milliseconds of slow
 * mode, "prx 5000": p private, r read-only, x there are bans or mutes; "- 0": an owner and no
 * restriction; "": an ordinary room, which everybody may use. */
#ifndef CONFAB_STORE_ROOMS_H
#define CONFAB_STORE_ROOMS_H

#include "confab/store/store.h"

/* One act (room.lua). It becomes a numbered message of kind "room" in the room's stream, an entry
 * of the audit log, and the room's next version. words, by act; times are decimal seconds:
 *
 *   create     access ("" or "public", "private"), read_only ("", "0" or "1"), topic (or ""),
 *              owner ("": the actor; the administrator names one)
 *   topic      topic            read_only  "0" or "1"         access   "public" or "private"
 *   slow       seconds          role       name, role as on the wire ("none": off the list)
 *   mute, ban  name, seconds (0: for ever), reason (or "")    kick     name, reason (or "")
 *   unmute, unban  name         uninvite   code               invite   uses (-1: any), seconds
 *   destroy, info  none */
struct store_room_act {
    const char *room;
    const char *actor; /* account or guest; for the administrator "" */
    const char *act;   /* as on the wire: "create", "topic" … */
    bool admin;
    const char *const *words; /* NULL ends them */
    const char *cid;          /* or NULL */
    const char *id;           /* of the event; NULL for info, invite and uninvite */
    struct store_known known;
    /* Of the event: head SEQ mid TIMESTAMP tail. For mute, ban and kick the script puts
     * `,"until":MS` before tail (0: for ever). NULL for info, invite and uninvite. */
    const struct str *head, *mid, *tail;
};
struct store_room_answer {
    struct store_published published; /* status, error, number of the event (0: it makes none) */
    int64_t until_ms; /* mute, ban, kick, invite: when it ends, in Redis time; 0: for ever */
    /* OK: a frame of type room, without cid. invite: the invitation; else the room as the actor
     * may see it; NULL when it is no more (destroy, and a room that was made private for others) */
    const char *json;
    size_t json_size;
};
typedef void store_room_fn(void *arg, const struct store_room_answer *r);
int store_room_act(struct store *s, const struct store_room_act *a, store_room_fn *done, void *arg)
    REQUIRES(on_hub) MUST_USE;

enum { STORE_ACCESS_MOST = 500 }; /* names in one call: bounds how long Redis is held up */
struct store_access {
    /* OK, or as other operations; UNAVAILABLE also when Redis has lost the rules of a room that
     * had some; invite: DENIED */
    enum store_status status;
    enum error_code error; /* DENIED: ERROR_BAD_INVITATION, ERROR_FULL … */
    bool lost;             /* UNAVAILABLE: since the rules are lost */
    const char *room;      /* OK */
    const char *guard;     /* "" when the room has none */
    uint64_t version;
    /* one letter per name, in the order of the call: '1' may read; 'p' may not, it is private;
     * 'b' is banned */
    const char *may;
    int64_t banned_ms;  /* of the first name, when it is banned: how long still; -1: for ever */
    const char *detail; /* of the first name: guard as JSON for its `joined`, or NULL */
};
typedef void store_access_fn(void *arg, const struct store_access *r);
/* Who of these may read the room now (access.lua). known_guard: the one that this instance knows,
 * "": none. names: joined by '\n'; a name "" is nobody in particular. */
int store_access(struct store *s, const char *room, const char *known_guard, const char *names,
                 store_access_fn *done, void *arg) REQUIRES(on_hub) MUST_USE;
struct store_readable {
    enum store_status status;
    enum error_code error; /* DENIED: bad_token, the device has ended */
    const char *rooms[RULE_ROOMS_PER_CLIENT];
    size_t count;
    int64_t since_ms; /* as in struct store_claimed */
};
typedef void store_readable_fn(void *arg, const struct store_readable *r);
/* The rooms that an account has joined, or on whose list it stands, as far as it may read them now
 * (readable.lua). device: of its token. */
int store_readable(struct store *s, const char *user, const char *device, store_readable_fn *done,
                   void *arg) REQUIRES(on_hub) MUST_USE;
/* Uses an invitation (invite.lua): the user becomes a member. Who is one already uses nothing up.
 * room NULL: the one that it is for. */
int store_invite_use(struct store *s, const char *code, const char *room, const char *user,
                     store_access_fn *done, void *arg) REQUIRES(on_hub) MUST_USE;

/* ---- lists ---- */

struct store_list_query {
    const char *room;   /* members; audit: or NULL, then the administrator alone */
    const char *viewer; /* account that asks; "": nobody in particular */
    bool admin;
    const char *after; /* rooms, members: begin behind this name; audit: before this id; "" */
    const char *actor; /* audit: of this one alone ("*": the administrator), or NULL */
    unsigned limit;    /* 1 … STORE_LIST_MOST */
};
enum { STORE_LIST_MOST = 100 };
struct store_list {
    enum store_status status; /* OK, DENIED, or as other operations */
    enum error_code error;    /* DENIED: not_found (or not for the viewer), not_allowed */
    const char *json;         /* OK: see below */
    size_t json_size;
    const char *next; /* OK: `after` of the next page; "": this was the last. A page may hold fewer
                       * than limit, even none, and have a next one */
};
typedef void store_list_fn(void *arg, const struct store_list *r);
/* Rooms that have an owner and that the viewer may see, by name, as an array:
 * [{"room","access","read_only","slow_ms","topic","owner","members":on the list,"count":online}] */
int store_rooms_list(struct store *s, const struct store_list_query *q, store_list_fn *done,
                     void *arg) REQUIRES(on_hub) MUST_USE;
/* Who stands on the room's list, by name: {"alice":"owner","bob":"moderator"} */
int store_members(struct store *s, const struct store_list_query *q, store_list_fn *done, void *arg)
    REQUIRES(on_hub) MUST_USE;
/* What was done, the latest first: [{"id","at","actor","act","room","who","detail","instance"}].
 * The
 * administrator sees all, owner and moderators what was done in their room. */
int store_audit(struct store *s, const struct store_list_query *q, store_list_fn *done, void *arg)
    REQUIRES(on_hub) MUST_USE;

#endif

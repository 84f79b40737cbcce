/* Frames about rooms with an owner. docs/PROTOCOL.md, "Rooms". Any thread. */
#ifndef CONFAB_WIRE_EVENT_ROOM_H
#define CONFAB_WIRE_EVENT_ROOM_H

#include "confab/wire/command.h"
#include "confab/wire/frame.h"

/* An act as message of kind "room", in the pieces of event_message_pieces(). user: who acts, "*"
 * for the administrator. kick_s: how long somebody who is kicked stays out. The store puts `until`
 * before tail where there is one. */
void event_room_pieces(const struct command *c, const char *user, int64_t kick_s, const char *id,
                       struct str *head, struct str *mid, struct str *tail);

/* The answer to info, invite and the like. json: an object of type room without `cid`; cid: NULL
 * or "": none. */
struct frame *event_room(const char *json, size_t size, const char *cid) MUST_USE;

/* Appends what a room's guard (store/rooms.h) says, as the object of `joined`. */
void event_guard_json(struct str *out, const char *guard);

#endif

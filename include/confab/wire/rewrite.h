/* What becomes of a message by an event about it. docs/PROTOCOL.md, "Events".
 *
 * All of this works on JSON as confab itself writes it (event_message_pieces(),
 * event_about_pieces()): no space between the parts, each name once, every '"' in a text escaped.
 * So ,"NAME": is that field wherever it is found. Any thread. */
#ifndef CONFAB_WIRE_REWRITE_H
#define CONFAB_WIRE_REWRITE_H

#include "confab/base/str.h"
#include "confab/wire/frame.h"

/* The value of a field, quotes and brackets included; not of the first one, `type`. False: the
 * message has no such field. Lists must be of names alone. */
bool message_field(const struct frame_part *message, const char *name, struct frame_part *value);
/* The same of a number; 0 when there is none. */
uint64_t message_number(const struct frame_part *message, const char *name);

/* Appends to out what `message` is after `event`, which must be of the same stream. False, and
 * nothing is appended: the event does not concern it.
 *
 * edit      the content is the event's, "edited":SEQ of the event stands at the end
 * delete    the content is "", "mentions" and "edited" go, "deleted":SEQ stands at the end
 * An edit of the same message that came before the event loses its text, as if it were deleted:
 * a text that was replaced or deleted stands nowhere.
 *
 * An event that is older than "edited" says changes nothing, nor does any after "deleted". So
 * events may come twice and in any order. The scripts of Redis do the same (text.lua). */
bool message_rewrite(struct str *out, const struct frame_part *message,
                     const struct frame_part *event);

#endif

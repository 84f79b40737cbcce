/* The reactions to a message, as they lie in its row (message.state): a line for each that there is or
 * was, in the order of the first ones, at most RULE_REACTIONS.
 *
 *   +ID NAME EMOJI      ID: of the row of the last event; name and emoji as in JSON, with quotes
 *   -ID NAME EMOJI      it was taken back */
#ifndef ARCHIVE_REACTION_H
#define ARCHIVE_REACTION_H

#include "confab/base/str.h"
#include "confab/wire/frame.h"

#include <stdint.h>

/* Appends the lines as they are after event `id`. Of those that were taken back the first one makes
 * room for a new one; without any, the new one is not listed. False: nothing changes. */
bool reaction_note(struct str *out, const struct str *state, const struct frame_part *event,
                   int64_t id);
/* Appends the lines without those of the event's author. False: there is none. */
bool reaction_forget(struct str *out, const struct str *state, const struct frame_part *event);
/* Puts ,"reactions":{EMOJI:[NAME…]…} in front of the '}' that out ends with; nothing when there are
 * none. */
void reactions_add(struct str *out, const char *state, size_t size);

#endif

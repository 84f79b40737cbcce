/* Events about messages: what becomes of a row by an edit, a deletion or a reaction. All of it within
 * the transaction of a batch, for the stream that f->stream says. Thread `archive`. */
#ifndef ARCHIVE_EVENT_H
#define ARCHIVE_EVENT_H

#include "state.h"

/* A row was added. False: it is no event. Events about a message count now, or when it comes. */
bool event_added(struct file *f, int64_t id, const struct frame_part *json);
/* A message was added, and f->waits says that there are events which wait for one. */
void event_catch_up(struct file *f, int64_t id);
/* Before the author of this row is forgotten: takes a reaction off the message that it is about. */
void event_forget(struct file *f, int64_t id);

#endif

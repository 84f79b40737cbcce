/* Rooms on one net thread: who is in them and what they get. Net thread.
 *
 * There is no work per delivery until a flush: a frame for a room is appended to the room's run.
 * The flush makes one batch of the run and puts that one pointer into each member's outbox. */
#ifndef NET_FANOUT_H
#define NET_FANOUT_H

#include "state.h"

void fanout_send(struct net_thread *t, uint32_t room, struct frame *f)
    REQUIRES(on_net); /* takes f */
/* Closes the room's run first, so that those who come and go get exactly what is theirs. */
void fanout_add(struct session *s, uint32_t room, const char *name, uint64_t served)
    REQUIRES(on_net);
void fanout_remove(struct session *s, uint32_t room) REQUIRES(on_net);
void fanout_remove_all(struct session *s) REQUIRES(on_net);
/* The run goes into the members' outboxes. */
void fanout_close_run(struct net_thread *t, struct net_room *r) REQUIRES(on_net);
/* It has left the list of dirty rooms; frees it when it is empty. */
void fanout_room_flushed(struct net_thread *t, struct net_room *r) REQUIRES(on_net);
void fanout_fini(struct net_thread *t) REQUIRES(on_net);

/* flush.c measures how busy the thread is. The first one sets now_ms. */
void flush_turn_begins(struct net_thread *t) REQUIRES(on_net);
void flush_turn_ends(struct net_thread *t) REQUIRES(on_net);
/* Writes everything that waits, if it is time to (flush.c has the rule). */
void flush_if_due(struct net_thread *t) REQUIRES(on_net);
bool flush_waits(const struct net_thread *t); /* at flush_next_us it will be */
/* Too much has gathered for one room: do not wait. */
void flush_if_large(struct net_thread *t) REQUIRES(on_net);

/* What to do with one more batch for a client (lag.c). */
enum lag_level {
    LAG_NONE,
    LAG_SOFT, /* leave out typing and presence */
    LAG_HARD, /* it does not fit */
};
enum lag_level lag_level(const struct session *s, uint32_t size) REQUIRES(on_net);
/* Empties the outbox, leaves all rooms, remembers where to go on. */
void lag_start(struct session *s) REQUIRES(on_net);
/* The socket has drained: one resync per room. */
void lag_end(struct session *s) REQUIRES(on_net);
void lag_fini(struct session *s) REQUIRES(on_net);
/* Not even an answer may be queued any more. */
bool lag_refuses_answer(const struct session *s) REQUIRES(on_net);
/* Its answers came or left: stops reading it, or goes on. */
void lag_gate(struct session *s) REQUIRES(on_net);
/* Too many bytes wait for all clients together? Once per turn. */
void lag_update(struct net_thread *t) REQUIRES(on_net);

#endif

/* A WebSocket session's socket: input.c reads it, output.c writes it. Net thread. */
#ifndef NET_IO_H
#define NET_IO_H

#include "state.h"

/* Tells the epoll set what the session waits for: input, room for output. */
void io_watch(struct session *s) REQUIRES(on_net);

/* The epoll set calls for a session whose TLS had to write in order to read, or the other way
 * round: tries both again. */
void io_uncross(struct session *s, uint32_t events) REQUIRES(on_net);

/* The epoll set calls. */
void input_ready(struct session *s, uint32_t events) REQUIRES(on_net);
/* Watches the socket for input, or not. */
void input_watch(struct session *s, bool on) REQUIRES(on_net);
/* The inbox has room again: goes on with what was read before, then with the socket. */
void input_resume(struct session *s) REQUIRES(on_net);
/* The same, when the gate has opened. */
void input_go(struct session *s) REQUIRES(on_net);
void input_fini(struct session *s) REQUIRES(on_net);

/* Queues b (takes it) for this session alone, behind what waits; leaves with the next flush. */
void output_queue(struct session *s, struct batch *b) REQUIRES(on_net);
void output_frame(struct session *s, struct frame *f) REQUIRES(on_net); /* borrows f */
/* The epoll set calls: the socket takes more. */
void output_ready(struct session *s) REQUIRES(on_net);
/* Writes what waits while the socket takes it. */
void output_write(struct session *s) REQUIRES(on_net);
/* A pump's batch, taken. */
void output_hand_over(struct session *s, struct batch *b) REQUIRES(on_net);
/* Stands in the list that the next flush writes. */
void output_dirty(struct session *s) REQUIRES(on_net);
void output_clean(struct session *s) REQUIRES(on_net); /* it does not wait for a flush any more */
void output_fini(struct session *s) REQUIRES(on_net);

/* Counts bytes that wait for clients; negative when they have left. */
static inline void output_count(struct net_thread *t, int64_t bytes)
{
    t->queued_change += bytes;
}

#endif

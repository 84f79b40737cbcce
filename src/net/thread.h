/* A net thread: its loop, its turns, its libwebsockets context. */
#ifndef NET_THREAD_H
#define NET_THREAD_H

#include "state.h"

/* Descriptors and queue: others may post from now on. 0 or a negative errno. */
int thread_init(struct net_thread *t, struct net *n, unsigned index) REQUIRES(on_main) MUST_USE;
/* After context_init(). 0 or a negative errno, then thread_stop() is due. */
int thread_launch(struct net_thread *t) REQUIRES(on_main) MUST_USE;
/* Ends and joins it, if it runs. */
void thread_stop(struct net_thread *t) REQUIRES(on_main);
/* After thread_stop() of all: frees the sessions, unregisters what is left, drops what is posted. */
void thread_close(struct net_thread *t) REQUIRES(on_main);
void thread_fini(struct net_thread *t) REQUIRES(on_main);

/* Wakes it, unless it is this thread in a turn, which looks at its queue anyway. Any thread. */
void thread_wake(struct net_thread *t);

/* What libwebsockets calls when the thread's epoll set has something. */
void thread_turn(struct net_thread *t) REQUIRES(on_net);
/* Reads the sockets that have input; posts and timers wait. For long flushes. */
void thread_take_input(struct net_thread *t) REQUIRES(on_net);
/* Sessions came or went outside a turn: the timer may have to be set. */
void thread_rearm(struct net_thread *t) REQUIRES(on_net);
/* Does what the posts say (posted.c). */
void thread_run_posts(struct net_thread *t) REQUIRES(on_net);

/* The libwebsockets side (context.c). */
int context_init(struct net_thread *t) REQUIRES(on_main) MUST_USE;
void context_run(struct net_thread *t) REQUIRES(on_net); /* until context_break() */
void context_break(struct net_thread *t) REQUIRES(on_net);
void context_fini(struct net_thread *t) REQUIRES(on_main);
/* Routes the library's own messages into the log. Once. */
void context_log_init(void);
/* From here on it says nothing, before the threads run: it formats what it says in one static
 * buffer for all threads (_lws_logv() of 4.1.6), and what it says then clients can make it say. */
void context_log_end(void);

/* The last client has gone: net_drain() may return. */
void net_signal_gone(struct net *n);

#endif

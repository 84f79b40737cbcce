/* One connection, from accept to close. Net thread. */
#ifndef NET_SESSION_H
#define NET_SESSION_H

#include "state.h"

/* Takes the descriptor and the address. */
void session_adopt(struct net_thread *t, int fd, struct address *address) REQUIRES(on_net);

/* The first byte of a SESSION_NEW has come, or it has ended: libwebsockets takes over. */
void session_first_byte(struct session *s) REQUIRES(on_net);

/* The next request has to be complete, and its answer out, within that time. libwebsockets has a
 * timeout of its own, but with libev it is not noticed before something else happens. */
void session_expect(struct session *s, int64_t ms) REQUIRES(on_net);
/* The handshake is done: from now on a WebSocket. */
void session_open(struct session *s) REQUIRES(on_net);
/* What the URL says has been done: pump threads may take over, if it is to have some. */
void session_start_pumps(struct session *s) REQUIRES(on_net);

/* Sends `bye`, then closes with code and reason after what is queued has left. retry_ms < 0:
 * none. Does nothing when the session closes already. */
void session_close(struct session *s, int code, const char *reason, int64_t retry_ms)
    REQUIRES(on_net);
/* The same without a bye. */
void session_end(struct session *s, int code, const char *reason) REQUIRES(on_net);
/* Answers the peer's close frame. */
void session_close_answer(struct session *s, int code) REQUIRES(on_net);
/* A request waits for the hub's answer: gives the session a client. */
struct client *session_ask(struct session *s) REQUIRES(on_net);
/* The answer is out, or will not come. */
void session_asked(struct session *s) REQUIRES(on_net);
/* Ends it now: nothing more is read or written. libwebsockets frees it soon after. */
void session_kill(struct session *s) REQUIRES(on_net);

/* libwebsockets says that it has gone. */
void session_gone(struct session *s) REQUIRES(on_net);
/* The last that is heard of it. */
void session_free(struct session *s) REQUIRES(on_net);

/* What waits for it to be looked at: handshake, close, blocked socket. */
void session_watch(struct session *s) REQUIRES(on_net);
/* Heartbeats, silence and deadlines that are due. */
void sessions_tick(struct net_thread *t) REQUIRES(on_net);
/* Milliseconds between ticks; 0 when there is nothing to look at. */
int64_t sessions_tick_ms(const struct net_thread *t) REQUIRES(on_net);

/* The client's reader can have something to do: stalled, resumed, or left to shared steps. */
void session_run_reader(struct client *c) REQUIRES(on_net);
/* A pump thread of it has ended. */
void session_pump_ended(struct client *c) REQUIRES(on_net);
/* The way new clients run has changed. */
void sessions_change_pumps(struct net_thread *t) REQUIRES(on_net);
/* The hub takes commands again. */
void sessions_flow(struct net_thread *t) REQUIRES(on_net);
/* Ends all, and unregisters their clients. */
void sessions_stop(struct net_thread *t) REQUIRES(on_net);

#endif

/* Dedicated pumps: the threads reader-N and writer-N of one client. The net thread that owns the
 * client starts them, asks them to end and joins them; they end by themselves, never block on
 * anything but their condition, and say so by port.ended, after which only `return` follows. */
#ifndef CONFAB_PUMP_EXECUTOR_H
#define CONFAB_PUMP_EXECUTOR_H

#include "confab/pump/client.h"

enum { PUMP_RETRY_MS = 5000 };

/* Starts both threads; writing: a batch is under way, pumps_written() will follow. 0, or a
 * negative errno when the machine has no thread left; then the client stays with shared steps,
 * but c->pumps may be set: wait for port.ended as after pumps_end(). Net thread. */
int pumps_start(struct client *c, bool writing) MUST_USE;

/* Asks both to finish their step and end. What is left in the boxes stays there. Net thread. */
void pumps_end(struct client *c);
bool pumps_ending(const struct client *c);

/* One port.ended arrived. When it was the last one: joins, frees, sets c->pumps to NULL and
 * returns true; the caller goes on with shared steps. Net thread. */
bool pumps_reap(struct client *c);

/* What one read has brought is in the inbox, or the reader may go on: wakes it. Net thread. */
void pumps_received(struct client *c);
/* The batch that was handed over has left: the writer may make the next one. Net thread. */
void pumps_written(struct client *c);
/* env->flow has changed: a stalled reader may go on. Net thread. */
void pumps_flow(struct client *c);

/* Which way new clients run; process-wide, shared by the net threads. */
struct pump_mode_switch {
    _Atomic bool shared; /* new clients run on shared steps */
    enum pump_mode mode;
    uint32_t most;             /* PUMPS=auto: clients that get threads */
    _Atomic int64_t refuse_ms; /* when the machine last had no thread for one of them, 0: never */
};

void pump_mode_init(struct pump_mode_switch *m, const struct settings *s);
/* The number of clients is now this. True when the way changed: all net threads then go through
 * their clients. Threads come back below three quarters of the limit. Any thread. */
bool pump_mode_update(struct pump_mode_switch *m, uint32_t clients);
bool pump_mode_is_shared(const struct pump_mode_switch *m);
/* The machine had no thread: clients stay with shared steps, and are tried again after
 * PUMP_RETRY_MS. True when this is news: the first time for a minute. Any thread. */
bool pump_mode_refused(struct pump_mode_switch *m, int64_t now_ms);
bool pump_mode_may_start(const struct pump_mode_switch *m, int64_t now_ms);

#endif

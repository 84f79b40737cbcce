/* SIGTERM and SIGINT ask the process to stop, SIGHUP to read files again or to stop (main.c). They
 * are blocked in every thread and taken by main when it waits. One that was ignored when the process began stays ignored
 * (nohup, a background job of a script). main only. */
#ifndef CONFAB_APP_SIGNALS_H
#define CONFAB_APP_SIGNALS_H

#include "confab/base/base.h"
#include "confab/base/roles.h"

/* Before the first thread. SIGPIPE is ignored from here on. */
void signals_block(void) REQUIRES(on_main);
/* Waits for one of them, at most timeout_ms (< 0: for ever). Its number, or 0 on timeout. */
int signals_wait(int64_t timeout_ms) REQUIRES(on_main);
/* SIGHUP comes from a person or a service manager, or because the terminal was closed that the
 * process was started in. */
bool signals_terminal_is_gone(void) REQUIRES(on_main);
/* From here on one more of them ends the process at once with status 1, and so does SIGALRM
 * after limit_s: a stop that hangs must not need a second person. One that comes within a second
 * is the same request again: timeout(1) and service managers signal a process and its group. */
void signals_end_at_once(unsigned limit_s) REQUIRES(on_main);

#endif

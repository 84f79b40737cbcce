/* A Redis that only seems to be one: it speaks the protocol, on a Unix socket of this process, and
 * answers what confab asks as its scripts would (src/store/scripts: it has to follow them), storing
 * nothing. What confab does with it is the real thing, hiredis included. */
#ifndef BUDGET_REDIS_H
#define BUDGET_REDIS_H

void redis_open(void);
void redis_close(void);
const char *redis_address(void); /* as REDIS_ADDR */

/* Reads what came and makes up the answers, which wait for the two calls below. */
void redis_take(void);
void redis_answer(void);  /* sends the answers to commands */
void redis_publish(void); /* sends what subscribers get */

#define REDIS_EPOCH "0123abcd"
enum { REDIS_FIRST_SEQ = 100000 }; /* each stream stands there at the start: 6 digits for good */

#endif

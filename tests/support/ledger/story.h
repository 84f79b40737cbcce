/* The words in which the tests of confab-soak's checker are told: four clients and one room. */
#ifndef TESTS_SUPPORT_LEDGER_STORY_H
#define TESTS_SUPPORT_LEDGER_STORY_H

#include "soak/ledger.h"
#include "support/test.h"

enum { CLIENTS = 4, ROOM = 0, ROOMS = 2, WINDOW = 100 };
#define ALL UINT64_MAX

/* The message that client `sender` sent as its n-th, at a number. */
struct ledger_message message(unsigned sender, uint32_t n, uint64_t seq);
struct ledger *new_ledger(void);
void answer(struct ledger *l, unsigned client, const char *epoch, uint64_t top, bool recovered,
            uint64_t missed, const struct ledger_message *messages, size_t count);
void join(struct ledger *l, unsigned client);
void join_all(struct ledger *l);
/* The client comes back and gets messages 0/n at the numbers from … to. */
void resume(struct ledger *l, unsigned client, uint64_t from, uint64_t to);
enum ledger_live live(struct ledger *l, unsigned client, struct ledger_message m);
void say(struct ledger *l, unsigned sender);
void ack(struct ledger *l, unsigned sender, uint32_t n, uint64_t seq);
/* Client 0 sends its messages from … to, which get the same numbers, and is acknowledged. */
void send_range(struct ledger *l, uint32_t from, uint32_t to);
void show_range(struct ledger *l, unsigned client, uint64_t from, uint64_t to);
/* `only` faults of that kind, and no others; NULL: none at all. */
void expect(struct ledger *l, const char *only, uint64_t n);
/* The run is over: the same, and the ledger is freed. */
void end(struct ledger *l, const char *only, uint64_t n);

#endif

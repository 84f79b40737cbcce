/* The checker of confab-soak. What was sent, acknowledged and shown goes in; which promises were
 * broken comes out. It does no I/O and knows no clock and no protocol frames; one thread.
 *
 * It rests on two things. A room has one canonical stream: whoever learns the message with
 * (epoch, number) first fixes what everybody else must see there. And each client has one
 * position in each of its rooms, which moves without a hole, or by a gap that it was told of. So
 * every event costs a constant time, and what all clients have passed can be forgotten. */
#ifndef CONFAB_SOAK_LEDGER_H
#define CONFAB_SOAK_LEDGER_H

#include "confab/base/base.h"

enum {
    LEDGER_REASONS = 20,
    LEDGER_REASON_BYTES = 200,
    LEDGER_EPOCH_BYTES = 64, /* with the NUL; longer ones are cut */
};
#define LEDGER_NOBODY UINT32_MAX

/* X(name, "label"): plain counts. */
#define LEDGER_COUNTS(X)                                                                           \
    X(sent, "messages sent")                                                                       \
    X(acked, "acknowledged")                                                                       \
    X(acked_duplicate, "acknowledged as a repetition")                                             \
    X(refused, "refused for good")                                                                 \
    X(deliveries, "deliveries")                                                                    \
    X(recovered_messages, "recovered by resuming")                                                 \
    X(gaps_declared, "gaps that clients were told of")                                             \
    X(messages_declared, "messages in them")                                                       \
    X(epochs, "changes of a room's epoch")

/* X(name, is loss, "label"): broken promises. */
#define LEDGER_FAULTS(X)                                                                           \
    X(lost, true, "lost")                                                                          \
    X(gaps_in_window, true, "declared as a gap within the history window")                         \
    X(duplicated, false, "duplicated")                                                             \
    X(reordered, false, "reordered")                                                               \
    X(skipped, false, "skipped: in a hole that nobody declared")                                   \
    X(diverged, false, "different for two clients, or not as sent")                                \
    X(unacked, false, "never acknowledged")                                                        \
    X(unsettled, false, "rooms of clients that did not settle")

struct ledger_counts {
#define X(name, label) uint64_t name;
    LEDGER_COUNTS(X)
#undef X
#define X(name, loss, label) uint64_t name;
    LEDGER_FAULTS(X)
#undef X
};

/* A message as a client got it. Hashes are of ledger_hash(). */
struct ledger_message {
    uint64_t seq;
    uint32_t sender, n; /* the n-th of that sender in this room, from 1; LEDGER_NOBODY: not ours */
    uint64_t id, text;
    uint64_t whole; /* of all its fields; not 0 */
};

/* `joined` and the `history` behind it. */
struct ledger_answer {
    const char *epoch;
    uint64_t top;
    bool recovered;
    uint64_t missed;
    const struct ledger_message *messages; /* oldest first */
    size_t count;
};

enum ledger_live {
    LEDGER_SHOWN,
    LEDGER_HOLE,    /* not shown: the client must ask for what is missing */
    LEDGER_IGNORED, /* not shown: not the next one, or not in that room */
};

struct ledger {
    struct ledger_counts counts;
    char reasons[LEDGER_REASONS][LEDGER_REASON_BYTES];
    unsigned reason_count;
    uint64_t unanswered; /* sent, and neither acknowledged nor refused */
    uint64_t unseen;     /* acknowledged, and not shown to anybody yet */
    unsigned clients, rooms;
    unsigned window; /* most messages that the server keeps for a room */
    struct ledger_room *room;
    struct ledger_view *views;     /* [client * rooms + room] */
    struct ledger_written *writes; /* the same */
};

struct ledger *ledger_new(unsigned clients, unsigned rooms, unsigned window) MUST_USE;
void ledger_free(struct ledger *l);

/* FNV-1a; start with LEDGER_HASH. */
#define LEDGER_HASH UINT64_C(14695981039346656037)
uint64_t ledger_hash(uint64_t hash, const void *bytes, size_t size);

/* The number that the sender's next message in that room will have. */
uint32_t ledger_next(const struct ledger *l, unsigned sender, unsigned room);
/* It goes out for the first time. A repetition is not told. */
void ledger_sent(struct ledger *l, unsigned sender, unsigned room, uint64_t text, int64_t sent_us);
void ledger_acked(struct ledger *l, unsigned sender, unsigned room, uint32_t n, uint64_t seq,
                  uint64_t id, bool duplicate);
void ledger_refused(struct ledger *l, unsigned sender, unsigned room, uint32_t n);

/* The client asks to join. True: to resume from *epoch (valid until the next call) and *seq. */
bool ledger_ask(struct ledger *l, unsigned client, unsigned room, const char **epoch,
                uint64_t *seq);
/* The answer, or what the server says by itself when a new epoch begins. */
void ledger_answer(struct ledger *l, unsigned client, unsigned room,
                   const struct ledger_answer *answer);
/* A message of the live stream. *sent_us is when it was sent, written when SHOWN. */
enum ledger_live ledger_live(struct ledger *l, unsigned client, unsigned room,
                             const struct ledger_message *m, int64_t *sent_us);
/* The client leaves: no claim on anything until it joins again. */
void ledger_left(struct ledger *l, unsigned client, unsigned room);
/* The connection ended: its live streams with it, not the positions. */
void ledger_offline(struct ledger *l, unsigned client);

/* Where the client stands; 0 when it is not in the room. */
uint64_t ledger_position(const struct ledger *l, unsigned client, unsigned room);
/* When the newest message that it was shown there was sent. */
int64_t ledger_newest_us(const struct ledger *l, unsigned client, unsigned room);
/* Views that do not stand at the top of their room. */
unsigned ledger_behind(const struct ledger *l);

/* A fault that the caller has seen; the first few are kept in words. */
void ledger_fault(struct ledger *l, uint64_t *count, uint64_t n, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* After the end: everything that was promised must have been kept. */
void ledger_finish(struct ledger *l);
/* allow_loss: what was lost, or declared as a gap, does not count. */
bool ledger_holds(const struct ledger *l, bool allow_loss);

#endif

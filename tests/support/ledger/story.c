#include "support/ledger/story.h"

#include <string.h>

/* The message that client `sender` sent as its n-th, at a number. */
struct ledger_message message(unsigned sender, uint32_t n, uint64_t seq)
{
    return (struct ledger_message){ .seq = seq,
                                    .sender = sender,
                                    .n = n,
                                    .id = 1000 * sender + n,
                                    .text = 7000 * sender + n,
                                    .whole = 1000000 * (sender + 1) + n };
}

struct ledger *new_ledger(void)
{
    return ledger_new(CLIENTS, ROOMS, WINDOW);
}

void answer(struct ledger *l, unsigned client, const char *epoch, uint64_t top, bool recovered,
            uint64_t missed, const struct ledger_message *messages, size_t count)
{
    const struct ledger_answer a = { epoch, top, recovered, missed, messages, count };
    ledger_answer(l, client, ROOM, &a);
}

void join(struct ledger *l, unsigned client)
{
    answer(l, client, "e", 0, false, 0, NULL, 0);
}

void join_all(struct ledger *l)
{
    for (unsigned c = 0; c < CLIENTS; c++)
        join(l, c);
}

/* The client comes back and gets messages 0/n at the numbers from … to. */
void resume(struct ledger *l, unsigned client, uint64_t from, uint64_t to)
{
    struct ledger_message got[WINDOW];
    size_t count = 0;
    const char *epoch;
    uint64_t seq;
    assert_true(ledger_ask(l, client, ROOM, &epoch, &seq));
    for (uint64_t at = from; at <= to; at++)
        got[count++] = message(0, (uint32_t)at, at);
    answer(l, client, "e", to, true, count, got, count);
}

enum ledger_live live(struct ledger *l, unsigned client, struct ledger_message m)
{
    int64_t sent_us;
    return ledger_live(l, client, ROOM, &m, &sent_us);
}

void say(struct ledger *l, unsigned sender)
{
    uint32_t n = ledger_next(l, sender, ROOM);
    ledger_sent(l, sender, ROOM, message(sender, n, 0).text, 10 * n);
}

void ack(struct ledger *l, unsigned sender, uint32_t n, uint64_t seq)
{
    ledger_acked(l, sender, ROOM, n, seq, message(sender, n, 0).id, false);
}

/* Client 0 sends its messages from … to, which get the same numbers, and is acknowledged. */
void send_range(struct ledger *l, uint32_t from, uint32_t to)
{
    for (uint32_t n = from; n <= to; n++) {
        say(l, 0);
        ack(l, 0, n, n);
    }
}

void show_range(struct ledger *l, unsigned client, uint64_t from, uint64_t to)
{
    for (uint64_t seq = from; seq <= to; seq++)
        assert_int_equal(live(l, client, message(0, (uint32_t)seq, seq)), LEDGER_SHOWN);
}

/* `only` faults of that kind, and no others; NULL: none at all. */
void expect(struct ledger *l, const char *only, uint64_t n)
{
    uint64_t sum = 0, of_kind = 0;
#define X(name, loss, label)                                                                       \
    sum += l->counts.name;                                                                         \
    of_kind += only && !strcmp(only, #name) ? l->counts.name : 0;
    LEDGER_FAULTS(X)
#undef X
    if (l->reason_count && (!only || sum != of_kind))
        print_message("%s\n", l->reasons[0]);
    assert_int_equal(sum, of_kind);
    if (!only) {
        assert_int_equal(l->reason_count, 0);
        assert_true(ledger_holds(l, false));
        return;
    }
    if (n == ALL)
        assert_true(of_kind > 0);
    else
        assert_int_equal(of_kind, n);
    assert_true(l->reason_count > 0);
    assert_false(ledger_holds(l, false));
}

void end(struct ledger *l, const char *only, uint64_t n)
{
    ledger_finish(l);
    expect(l, only, n);
    ledger_free(l);
}

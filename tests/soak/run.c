/* The phases of a run, one tick after the other. */
#include "soak.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SECOND_US = 1000000,
    START_WAIT_US = 15 * SECOND_US, /* to get everybody in, and 10 ms more for each client */
    START_EACH_US = 10000,
    START_FAILURES = 3,        /* of a URL that nobody has reached yet */
    UNSEEN_US = 3 * SECOND_US, /* for what was acknowledged to be seen, when all else is at rest */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

uint32_t soak_random(struct soak *s, uint32_t limit)
{
    /* splitmix64: https://prng.di.unimi.it/splitmix64.c */
    uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(((z ^ (z >> 31)) >> 32) * limit >> 32);
}

void soak_init(struct soak *s, const struct options *opt)
{
    s->opt = opt;
    s->random = opt->seed;
    hex_random(s->run, sizeof s->run / 2);
    s->client_count = opt->clients + (opt->missed ? opt->rooms : 0);
    s->ledger = ledger_new(s->client_count, opt->rooms, SOAK_HISTORY);
    s->clients = xcalloc(s->client_count, sizeof *s->clients);
    s->urls = xcalloc(opt->url_count, sizeof *s->urls);
    s->messages = xcalloc(SOAK_HISTORY, sizeof *s->messages);
    s->stdin_open = true;
    s->start_us = s->phase_us = clock_mono_us();
    for (unsigned i = 0; i < s->client_count; i++)
        client_init(&s->clients[i], s, i);
}

void soak_fini(struct soak *s)
{
    for (unsigned i = 0; i < s->client_count; i++)
        client_fini(&s->clients[i]);
    free(s->clients);
    free(s->urls);
    free(s->messages);
    ledger_free(s->ledger);
}

static void enter(struct soak *s, enum phase phase)
{
    s->phase = phase;
    s->phase_us = s->now_us;
    s->quiet_us = 0;
    if (phase == PHASE_DONE)
        link_break(s);
}

void soak_cannot(struct soak *s, const char *fmt, ...)
{
    va_list args;
    if (s->phase == PHASE_DONE)
        return;
    va_start(args, fmt);
    (void)fputs("confab-soak: ", stderr);
    (void)vfprintf(stderr, fmt, args);
    (void)fputc('\n', stderr);
    va_end(args);
    s->could_not = true;
    enter(s, PHASE_DONE);
}

static void read_usage(struct soak *s, enum usage_when when)
{
    for (unsigned i = 0; i < s->opt->pid_count; i++) {
        struct usage *u = &s->usage[i][when];
        struct process_use use;
        u->known = !process_read(&s->opt->pids[i], 1, &use);
        if (!u->known && when == USAGE_START)
            soak_cannot(s, "process %d is not there", (int)s->opt->pids[i]);
        if (u->known)
            *u = (struct usage){ true, use.rss_kb, use.threads, use.fds };
    }
}

static unsigned settled(const struct soak *s)
{
    unsigned n = 0;
    for (unsigned i = 0; i < s->client_count; i++)
        n += client_is_settled(&s->clients[i]);
    return n;
}

static void start_running(struct soak *s)
{
    s->running_us = s->now_us;
    for (unsigned i = 0; i < s->client_count; i++)
        s->clients[i].shown_us = s->now_us;
    log_info("running", "clients=%u", s->opt->clients);
    read_usage(s, USAGE_START);
}

/* --missed: all but the publishers go, and what they will miss is written. */
static void start_away(struct soak *s)
{
    start_running(s);
    for (unsigned i = 0; i < s->client_count; i++) {
        struct client *c = &s->clients[i];
        if (i < s->opt->clients)
            client_sleep(c, INT64_MAX, soak_random(s, 2) ? LINK_CLOSE : LINK_CUT);
        else
            c->seats[0].due = s->opt->missed;
        seat_send(c, &c->seats[0]);
    }
    enter(s, PHASE_AWAY);
}

static void check_urls(struct soak *s)
{
    for (unsigned i = 0; i < s->opt->url_count; i++) {
        const struct url_state *u = &s->urls[i];
        if (!u->reached && u->failures >= START_FAILURES)
            soak_cannot(s, "cannot reach %s: %s", s->opt->urls[i].text, u->reason);
    }
}

static void step_start(struct soak *s)
{
    unsigned in = settled(s);
    int64_t wait_us = START_WAIT_US + (int64_t)s->client_count * START_EACH_US;
    if (in == s->client_count) {
        if (s->opt->missed) {
            start_away(s);
            return;
        }
        s->clients[0].seats[0].due = 1;
        seat_send(&s->clients[0], &s->clients[0].seats[0]);
        enter(s, PHASE_FIRST);
        return;
    }
    check_urls(s);
    if (interrupted)
        soak_cannot(s, "interrupted");
    else if (s->now_us - s->phase_us > wait_us)
        soak_cannot(s, "only %u of %u clients came into their rooms", in, s->client_count);
}

static void step_load(struct soak *s)
{
    int64_t until_us = s->running_us + (int64_t)s->opt->seconds * SECOND_US;
    bool minute = s->now_us - s->running_us >= (int64_t)60 * SECOND_US;
    if (minute && s->opt->pid_count && !s->usage[0][USAGE_MINUTE].known)
        read_usage(s, USAGE_MINUTE);
    if (s->now_us < until_us && !s->stop_asked && !interrupted) {
        trouble_tick(s);
        return;
    }
    trouble_end(s);
    s->load_end_us = s->now_us;
    enter(s, PHASE_SETTLE);
}

static bool is_late(const struct soak *s)
{
    return s->now_us - s->phase_us > (int64_t)s->opt->settle * SECOND_US;
}

static void step_away(struct soak *s)
{
    if (is_late(s)) {
        soak_cannot(s, "the messages could not be written within %u s", s->opt->settle);
        return;
    }
    for (unsigned i = s->opt->clients; i < s->client_count; i++) {
        if (s->clients[i].seats[0].under_way || s->clients[i].seats[0].due)
            return;
    }
    enter(s, PHASE_RETURN);
    for (unsigned i = 0; i < s->opt->clients; i++)
        client_open(&s->clients[i]);
}

static void step_return(struct soak *s)
{
    struct ledger_counts *counts = &s->ledger->counts;
    uint64_t want = (uint64_t)s->opt->clients * s->opt->joined * s->opt->missed;
    for (unsigned i = 0; i < s->opt->clients; i++) {
        if (!s->clients[i].complete && !is_late(s))
            return;
    }
    s->all_us = s->now_us - s->phase_us;
    if (counts->recovered_messages != want)
        ledger_fault(s->ledger, &counts->skipped, 1, "%ju messages were recovered, not %ju",
                     (uintmax_t)counts->recovered_messages, (uintmax_t)want);
    s->load_end_us = s->now_us;
    enter(s, PHASE_SETTLE);
}

static void finish(struct soak *s)
{
    struct ledger *l = s->ledger;
    for (unsigned i = 0; i < s->client_count; i++) {
        const struct client *c = &s->clients[i];
        for (unsigned k = 0; k < c->seat_count; k++) {
            const struct seat *seat = &c->seats[k];
            if (c->state != CLIENT_ONLINE || !seat->in || seat->asked_us)
                ledger_fault(l, &l->counts.unsettled, 1,
                             "room %u: client %u is not in it at the end, or has no answer",
                             seat->room, i);
        }
    }
    ledger_finish(l);
    if (!l->counts.acked && (l->counts.sent || !s->opt->missed))
        ledger_fault(l, &l->counts.unacked, 1, "no message was acknowledged");
    read_usage(s, USAGE_END);
    enter(s, PHASE_DONE);
}

static void step_first(struct soak *s)
{
    bool all = s->first_seq > 0;
    for (unsigned i = 0; i < s->client_count && all; i++) {
        if (seat_find(&s->clients[i], s->first_room))
            all = ledger_position(s->ledger, i, s->first_room) >= s->first_seq;
    }
    if (all) {
        start_running(s);
        enter(s, s->phase == PHASE_DONE ? PHASE_DONE : PHASE_LOAD);
    } else if (is_late(s)) { /* that is an answer, too */
        log_error("first_message", "error=\"did not reach everybody in its room, or has no ack\"");
        s->running_us = s->load_end_us = s->now_us;
        finish(s);
    }
}

/* Then each client asks for what it does not have: nothing, if all is well; and the server's
 * answer says where the top of the room is, whatever anybody was shown. */
static void roll_call(struct soak *s)
{
    for (unsigned i = 0; i < s->client_count; i++) {
        for (unsigned k = 0; k < s->clients[i].seat_count; k++)
            seat_ask(&s->clients[i], &s->clients[i].seats[k]);
    }
    s->phase = PHASE_ROLL; /* the deadline is that of settling */
}

static void step_settle(struct soak *s)
{
    if (is_late(s)) {
        finish(s);
        return;
    }
    if (s->now_us < s->next_check_us)
        return;
    s->next_check_us = s->now_us + CHECK_US;
    if (settled(s) < s->client_count || ledger_behind(s->ledger)) {
        s->quiet_us = 0;
        return;
    }
    if (s->phase == PHASE_ROLL) {
        finish(s);
        return;
    }
    if (!s->quiet_us)
        s->quiet_us = s->now_us;
    if (!s->ledger->unseen || s->now_us - s->quiet_us > UNSEEN_US)
        roll_call(s);
}

static void step(struct soak *s)
{
    switch (s->phase) {
    case PHASE_START:
        step_start(s);
        return;
    case PHASE_FIRST:
        step_first(s);
        return;
    case PHASE_LOAD:
        step_load(s);
        return;
    case PHASE_AWAY:
        step_away(s);
        return;
    case PHASE_RETURN:
        step_return(s);
        return;
    case PHASE_SETTLE:
    case PHASE_ROLL:
        step_settle(s);
        return;
    case PHASE_DONE:
        return;
    }
}

void soak_tick(struct soak *s)
{
    s->now_us = clock_mono_us();
    marks_tick(s);
    for (unsigned i = 0; i < s->client_count && s->phase != PHASE_DONE; i++)
        client_check(&s->clients[i]);
    step(s);
    for (; s->printed < s->ledger->reason_count; s->printed++)
        log_error("broken", "reason=\"%s\"", s->ledger->reasons[s->printed]);
}

int soak_run(struct soak *s)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (!link_start(s)) {
        (void)fputs("confab-soak: libwebsockets cannot start\n", stderr);
        return 2;
    }
    link_run(s);
    for (unsigned i = 0; i < s->client_count; i++)
        link_end(&s->clients[i], LINK_CUT);
    link_stop(s);
    if (s->could_not)
        return 2;
    bool holds = ledger_holds(s->ledger, s->opt->allow_loss);
    report_print(s, holds);
    return holds ? 0 : 1;
}

/* What a server says besides live messages: greeting, resuming, heartbeats, errors. */
#include "bench.h"
#include "scan.h"

#include <stdlib.h>

enum { OP_TEXT = 1 };

static void take_welcome(struct bench *b, struct conn *c)
{
    if (b->private)
        conn_ready(b, c); /* in no room */
}

static void take_joined(struct bench *b, struct conn *c, const char *json, size_t size)
{
    char epoch[sizeof c->epoch];
    if (c->slow && c->state == CONN_READY)
        return; /* what it missed is its own affair */
    scan_text(json, size, "\"epoch\":\"", epoch, sizeof epoch);
    c->joined_seq = scan_number(json, size, "\"seq\":");
    c->recovered = scan(json, size, "\"recovered\":true");
    if (c->epoch[0] && strcmp(c->epoch, epoch) != 0) {
        bench_fault(b, &b->counts.gaps, 1, "client %u: a new epoch", c->index);
        c->resuming = false;
    }
    memcpy(c->epoch, epoch, sizeof epoch);
    if (c->resuming && !c->recovered) {
        uint64_t missed = c->joined_seq - c->last_seq;
        bench_fault(b, &b->counts.gaps, 1, "client %u: %ju messages could not be recovered",
                    c->index, (uintmax_t)missed);
        b->counts.lost += missed;
    }
    if (!c->resuming || !c->recovered) {
        receive_seq(c, c->joined_seq);
        b->outstanding -= c->outstanding;
        c->outstanding = 0;
    }
}

/* One message of a history: the JSON from its number on. */
static void take_recovered(struct bench *b, struct conn *c, const char *json, size_t size)
{
    struct stamp t;
    uint64_t seq = strtoull(json, NULL, 10);
    if (seq != c->last_seq + 1)
        bench_fault(b, &b->counts.gaps, 1, "client %u: %ju after %ju in its history", c->index,
                    (uintmax_t)seq, (uintmax_t)c->last_seq);
    receive_seq(c, seq);
    b->counts.recovered++;
    if (stamp_find(&t, seq, json, size) && t.sender == c->index)
        load_came_back(b, c);
}

/* After joined. A new client's history is before its time; one that resumes must find in it
 * exactly what it missed. */
static void take_history(struct bench *b, struct conn *c, const char *json, size_t size)
{
    if (c->state == CONN_READY)
        return; /* of a new epoch: counted by take_joined */
    if (c->resuming && c->recovered) {
        const char *end = json + size;
        const char *at = scan(json, size, "\"seq\":");
        while (at) {
            take_recovered(b, c, at, (size_t)(end - at));
            at = scan(at, (size_t)(end - at), "\"seq\":");
        }
        if (c->last_seq != c->joined_seq)
            bench_fault(b, &b->counts.gaps, 1, "client %u: resumed at %ju, not at %ju", c->index,
                        (uintmax_t)c->last_seq, (uintmax_t)c->joined_seq);
    }
    conn_ready(b, c);
}

static void take_resync(struct bench *b, struct conn *c)
{
    if (c->slow) {
        b->counts.slow_resyncs++;
    } else {
        b->counts.resyncs++;
        c->state = CONN_RESYNC;
        c->resuming = true;
    }
    str_reset(&b->text);
    str_addf(&b->text, "{\"type\":\"join\",\"room\":\"%s\",\"epoch\":\"%s\",\"seq\":%ju}",
             c->stream->name, c->epoch, (uintmax_t)c->last_seq);
    conn_send(b, c, OP_TEXT, b->text.data, b->text.size);
}

static void take_error(struct bench *b, struct conn *c, const char *json, size_t size)
{
    if (scan(json, size, "\"code\":\"busy\""))
        b->counts.busy++;
    else
        bench_fault(b, &b->counts.errors, 1, "client %u: %.*s", c->index,
                    (int)(size < 160 ? size : 160), json);
    load_refused(b, c);
}

static void take_bye(struct bench *b, struct conn *c, const char *json, size_t size)
{
    if (!c->slow)
        bench_fault(b, &b->counts.closed, 0, "client %u: %.*s", c->index,
                    (int)(size < 160 ? size : 160), json);
}

void document_take(struct bench *b, struct conn *c, const char *frame, size_t size)
{
    struct document d = { .json = frame, .size = size };
    b->dialect->unwrap(&d);
    b->counts.others++;
    if (!strcmp(d.type, "heartbeat")) {
        b->counts.heartbeats++;
        conn_send(b, c, OP_TEXT, b->dialect->heartbeat, strlen(b->dialect->heartbeat));
    } else if (!strcmp(d.type, "open")) {
        conn_hello(b, c);
    } else if (!strcmp(d.type, "welcome")) {
        take_welcome(b, c);
    } else if (!strcmp(d.type, "joined")) {
        take_joined(b, c, d.json, d.size);
    } else if (!strcmp(d.type, "history")) {
        take_history(b, c, d.json, d.size);
    } else if (!strcmp(d.type, "resync")) {
        take_resync(b, c);
    } else if (!strcmp(d.type, "error")) {
        take_error(b, c, d.json, d.size);
    } else if (!strcmp(d.type, "bye")) {
        take_bye(b, c, d.json, d.size);
    } else if (!strcmp(d.type, "ack")) {
        b->counts.acks++;
    } else if (!strcmp(d.type, "message") || !strcmp(d.type, "private") || !d.type[0]) {
        bench_fault(b, &b->counts.malformed, 1, "client %u cannot read: %.*s", c->index,
                    (int)(size < 120 ? size : 120), frame);
    }
}

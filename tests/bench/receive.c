/* What arrives. A live message must cost next to nothing, since there are millions a second:
 * all receivers of a stream get the same bytes, so the first one parses a message and leaves a
 * stamp; the others read its number and compare the sixteen bytes that tell messages apart. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OP_TEXT = 1, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

/* The text behind `key`, or NULL. */
static const char *find(const char *json, size_t size, const char *key)
{
    const char *at = memmem(json, size, key, strlen(key));
    return at ? at + strlen(key) : NULL;
}

static uint64_t find_number(const char *json, size_t size, const char *key)
{
    const char *at = find(json, size, key);
    return at ? strtoull(at, NULL, 10) : 0;
}

static void find_text(const char *json, size_t size, const char *key, char *out, size_t out_size)
{
    const char *at = find(json, size, key);
    out[0] = '\0';
    if (at)
        (void)snprintf(out, out_size, "%.*s", (int)strcspn(at, "\""), at);
}

/* Reads the time and the sender from a message. False when this program did not write it. */
static bool stamp_read(struct stamp *t, uint64_t seq, const char *json, size_t size)
{
    const char *content = find(json, size, "\"content\":\"");
    if (!content || (size_t)(content - json) + BENCH_STAMP > size)
        return false;
    char sent[9], sender[9];
    memcpy(t->text, content, BENCH_STAMP);
    memcpy(sent, content, 8);
    memcpy(sender, content + 8, 8);
    sent[8] = sender[8] = '\0';
    char *end;
    t->sent_us = (int64_t)strtoul(sent, &end, 16);
    if (*end)
        return false;
    t->sender = (uint32_t)strtoul(sender, &end, 16);
    t->seq = seq;
    t->size = (uint32_t)size;
    t->at = (uint32_t)(content - json);
    return !*end;
}

/* A number that is not the next one. */
static void out_of_order(struct bench *b, struct conn *c, uint64_t seq)
{
    uint64_t want = c->last_seq + 1;
    if (c->state != CONN_READY) {
        bench_fault(b, &b->counts.duplicates, 1, "client %u: message %ju before its history",
                    c->index, (uintmax_t)seq);
    } else if (seq < want) {
        bench_fault(b, &b->counts.duplicates, 1, "client %u: message %ju after %ju", c->index,
                    (uintmax_t)seq, (uintmax_t)c->last_seq);
    } else if (b->opt->mode != MODE_PRIVATE || c->last_seq) {
        bench_fault(b, &b->counts.gaps, 1, "client %u: message %ju after %ju", c->index,
                    (uintmax_t)seq, (uintmax_t)c->last_seq);
        b->counts.lost += seq - want;
    }
}

static void take_seq(struct conn *c, uint64_t seq)
{
    if (seq > c->last_seq)
        c->last_seq = seq;
    if (seq > c->stream->top)
        c->stream->top = seq;
}

/* json begins with the stream's prefix; behind it come the digits of the number. */
static void take_message(struct bench *b, struct conn *c, const char *json, size_t size)
{
    struct stream *s = c->stream;
    uint64_t seq = 0;
    for (const char *at = json + s->prefix_size; (unsigned)(*at - '0') < 10; at++)
        seq = seq * 10 + (uint64_t)(*at - '0');
    if (__builtin_expect(seq != c->last_seq + 1 || c->state != CONN_READY, 0))
        out_of_order(b, c, seq);
    take_seq(c, seq);

    struct stamp *t = &s->stamps[seq & s->stamp_mask], mine;
    if (__builtin_expect(t->seq != seq, 0)) {
        if (!stamp_read(&mine, seq, json, size)) {
            bench_fault(b, &b->counts.malformed, 1, "a stranger's message: %.*s",
                        (int)(size < 120 ? size : 120), json);
            return;
        }
        if (t->seq < seq)
            *t = mine;
        else
            t = &mine; /* this client is so late that the place is taken again */
    } else if (t->size != size || memcmp(json + t->at, t->text, BENCH_STAMP) != 0) {
        bench_fault(b, &b->counts.altered, 1, "message %ju differs", (uintmax_t)seq);
    }
    b->counts.deliveries++;
    b->counts.bytes += size;
    if (t->sent_us >= b->from_us && t->sent_us < b->until_us)
        hist_add(&b->latency, b->now_us - t->sent_us);
    if (t->sender == c->index)
        load_came_back(b, c);
}

static void became_ready(struct bench *b, struct conn *c)
{
    bool new = c->state == CONN_GREETING;
    c->state = CONN_READY;
    c->resuming = false;
    if (!new)
        return;
    b->connecting--;
    b->ready++;
    if (b->ready + BENCH_TAIL == b->conn_count && !b->marks[MARK_TAIL].at_us)
        bench_mark(b, MARK_TAIL);
    if (b->connect_next < b->connect_end)
        conn_open(b, &b->conns[b->connect_next++]);
}

static void take_welcome(struct bench *b, struct conn *c)
{
    if (b->opt->mode == MODE_PRIVATE)
        became_ready(b, c); /* in no room */
}

static void take_joined(struct bench *b, struct conn *c, const char *json, size_t size)
{
    char epoch[sizeof c->epoch];
    find_text(json, size, "\"epoch\":\"", epoch, sizeof epoch);
    c->joined_seq = find_number(json, size, "\"seq\":");
    c->recovered = find(json, size, "\"recovered\":true");
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
        take_seq(c, c->joined_seq);
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
    take_seq(c, seq);
    b->counts.recovered++;
    if (stamp_read(&t, seq, json, size) && t.sender == c->index)
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
        const char *at = find(json, size, "\"seq\":");
        while (at) {
            take_recovered(b, c, at, (size_t)(end - at));
            at = find(at, (size_t)(end - at), "\"seq\":");
        }
        if (c->last_seq != c->joined_seq)
            bench_fault(b, &b->counts.gaps, 1, "client %u: resumed at %ju, not at %ju", c->index,
                        (uintmax_t)c->last_seq, (uintmax_t)c->joined_seq);
    }
    became_ready(b, c);
}

static void take_resync(struct bench *b, struct conn *c)
{
    b->counts.resyncs++;
    c->state = CONN_RESYNC;
    c->resuming = true;
    char text[200];
    int n = snprintf(text, sizeof text,
                     "{\"type\":\"join\",\"room\":\"%s\",\"epoch\":\"%s\",\"seq\":%ju}",
                     c->stream->name, c->epoch, (uintmax_t)c->last_seq);
    conn_send(b, c, OP_TEXT, text, (size_t)n);
}

static void take_error(struct bench *b, struct conn *c, const char *json, size_t size)
{
    if (find(json, size, "\"code\":\"busy\""))
        b->counts.busy++;
    else
        bench_fault(b, &b->counts.errors, 1, "client %u: %.*s", c->index,
                    (int)(size < 160 ? size : 160), json);
    load_came_back(b, c);
}

static void take_bye(struct bench *b, struct conn *c, const char *json, size_t size)
{
    bench_fault(b, &b->counts.closed, 0, "client %u: %.*s", c->index,
                (int)(size < 160 ? size : 160), json);
}

static void take_other(struct bench *b, struct conn *c, const char *json, size_t size)
{
    static const char answer[] = "{\"type\":\"heartbeat\"}";
    char type[16];
    find_text(json, size, "\"type\":\"", type, sizeof type);
    b->counts.others++;
    if (!strcmp(type, "heartbeat")) {
        b->counts.heartbeats++;
        conn_send(b, c, OP_TEXT, answer, sizeof answer - 1);
    } else if (!strcmp(type, "welcome")) {
        take_welcome(b, c);
    } else if (!strcmp(type, "joined")) {
        take_joined(b, c, json, size);
    } else if (!strcmp(type, "history")) {
        take_history(b, c, json, size);
    } else if (!strcmp(type, "resync")) {
        take_resync(b, c);
    } else if (!strcmp(type, "error")) {
        take_error(b, c, json, size);
    } else if (!strcmp(type, "bye")) {
        take_bye(b, c, json, size);
    } else if (!strcmp(type, "ack")) {
        b->counts.acks++;
    } else if (!strcmp(type, "message") || !strcmp(type, "private") || !type[0]) {
        bench_fault(b, &b->counts.malformed, 1, "client %u cannot read: %.*s", c->index,
                    (int)(size < 120 ? size : 120), json);
    }
}

static void take_control(struct bench *b, struct conn *c, unsigned opcode, const char *data,
                         size_t size)
{
    if (opcode == OP_PING) {
        conn_send(b, c, OP_PONG, data, size);
    } else if (opcode == OP_CLOSE) {
        char why[48];
        unsigned code =
            size < 2 ? 1005 : (unsigned)(unsigned char)data[0] << 8 | (unsigned char)data[1];
        (void)snprintf(why, sizeof why, "closed with code %u", code);
        conn_fail(b, c, why);
    } else if (opcode != OP_PONG) {
        bench_fault(b, &b->counts.malformed, 1, "client %u: a frame of kind %u", c->index, opcode);
    }
}

/* RFC 6455 section 5.2: the size of the header and the payload; 0 while it is not all there. */
static size_t frame_head(const unsigned char *at, size_t size, size_t *payload)
{
    if (size < 2)
        return 0;
    *payload = at[1];
    if (*payload < 126)
        return 2;
    size_t head = *payload == 126 ? 4 : 10;
    if (size < head)
        return 0;
    *payload = 0;
    for (size_t i = 2; i < head; i++)
        *payload = *payload << 8 | at[i];
    return head;
}

size_t receive_frames(struct bench *b, struct conn *c, const unsigned char *data, size_t size)
{
    const struct stream *s = c->stream;
    size_t at = 0;
    while (c->fd >= 0) {
        size_t payload, head = frame_head(data + at, size - at, &payload);
        if (!head || payload > size - at - head)
            break;
        const char *json = (const char *)data + at + head;
        unsigned opcode = data[at] & 0xf;
        if (data[at] == (0x80 | OP_TEXT) && payload > s->prefix_size &&
            !memcmp(json, s->prefix, s->prefix_size))
            take_message(b, c, json, payload);
        else if (opcode == OP_TEXT)
            take_other(b, c, json, payload);
        else
            take_control(b, c, opcode, json, payload);
        at += head + payload;
    }
    return at;
}

/* Frames and live messages. A live message must cost next to nothing, since there are millions a
 * second: all receivers of a stream get the same bytes, so the first one parses a message and
 * leaves a stamp; the others read its number and compare the sixteen bytes that tell messages
 * apart. */
#include "bench.h"
#include "scan.h"

/* The compiler cannot know which ones of these functions run a million times a second. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

enum { OP_TEXT = 1, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

/* Eight digits. False when they are none. */
static bool read_hex(const char *text, uint32_t *out)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < 8; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9)
            digit = (unsigned)(text[i] - 'a') < 6 ? (unsigned)(text[i] - 'a') + 10 : 16;
        if (digit > 15)
            return false;
        n = n << 4 | digit;
    }
    *out = n;
    return true;
}

/* Reads the time and the sender from the beginning of a content. */
static bool stamp_read(struct stamp *t, const char *content)
{
    uint32_t sent_us;
    if (!read_hex(content, &sent_us) || !read_hex(content + 8, &t->sender))
        return false;
    t->sent_us = sent_us;
    return true;
}

bool stamp_find(struct stamp *t, uint64_t seq, const char *json, size_t size)
{
    const char *content = scan(json, size, "\"content\":\"");
    if (!content || (size_t)(content - json) + BENCH_STAMP > size || !stamp_read(t, content))
        return false;
    memcpy(t->text, content, BENCH_STAMP);
    t->seq = seq;
    t->size = (uint32_t)size;
    t->at = (uint32_t)(content - json);
    return true;
}

/* Without a promise of order a client owes what its numbers leap over, until it comes. Of what
 * is owed, the digest keeps the sum: only the missing ones make it whole again. */
static void note_leap(struct bench *b, struct conn *c, uint64_t seq)
{
    uint64_t want = c->last_seq + 1;
    if (seq >= want) {
        uint64_t n = seq - want;
        c->owed += n;
        c->digest -= n * want + n * (n - 1) / 2;
    } else if (c->owed) {
        c->owed--;
        c->digest += seq;
    } else {
        bench_fault(b, &b->counts.duplicates, 1, "client %u: message %ju again", c->index,
                    (uintmax_t)seq);
    }
}

/* A number that is not the next one. */
static void out_of_order(struct bench *b, struct conn *c, uint64_t seq)
{
    uint64_t want = c->last_seq + 1;
    if (c->state != CONN_READY) {
        bench_fault(b, &b->counts.duplicates, 1, "client %u: message %ju before its history",
                    c->index, (uintmax_t)seq);
    } else if (!b->ordered) {
        note_leap(b, c, seq);
    } else if (seq < want) {
        bench_fault(b, &b->counts.duplicates, 1, "client %u: message %ju after %ju", c->index,
                    (uintmax_t)seq, (uintmax_t)c->last_seq);
    } else {
        bench_fault(b, &b->counts.gaps, 1, "client %u: message %ju after %ju", c->index,
                    (uintmax_t)seq, (uintmax_t)c->last_seq);
        b->counts.lost += seq - want;
    }
}

void receive_seq(struct conn *c, uint64_t seq)
{
    if (seq > c->last_seq)
        c->last_seq = seq;
    if (seq > c->stream->top)
        c->stream->top = seq;
}

static void stranger(struct bench *b, const char *json, size_t size)
{
    bench_fault(b, &b->counts.malformed, 1, "a stranger's message: %.*s",
                (int)(size < 120 ? size : 120), json);
}

static ALWAYS_INLINE void count_delivery(struct bench *b, const struct stamp *t, size_t size)
{
    b->counts.deliveries++;
    b->counts.bytes += size;
    if (t->sent_us >= b->from_us && t->sent_us < b->until_us)
        hist_add(&b->latency, b->now_us - t->sent_us);
}

static ALWAYS_INLINE uint64_t read_number(const char *at)
{
    uint64_t n = 0;
    for (; (unsigned)(*at - '0') < 10; at++)
        n = n * 10 + (uint64_t)(*at - '0');
    return n;
}

/* json begins with the stream's prefix; behind it come the digits of the number. */
static ALWAYS_INLINE void take_message(struct bench *b, struct conn *c, const char *json,
                                       size_t size)
{
    struct stream *s = c->stream;
    uint64_t seq = read_number(json + s->prefix_size);
    if (__builtin_expect(seq != c->last_seq + 1 || c->state != CONN_READY, 0))
        out_of_order(b, c, seq);
    receive_seq(c, seq);

    struct stamp *t = &s->stamps[seq & s->stamp_mask], mine;
    if (__builtin_expect(t->seq != seq, 0)) {
        if (!stamp_find(&mine, seq, json, size)) {
            stranger(b, json, size);
            return;
        }
        if (t->seq < seq)
            *t = mine;
        else
            t = &mine; /* this client is so late that the place is taken again */
    } else if (t->size != size || memcmp(json + t->at, t->text, BENCH_STAMP) != 0) {
        bench_fault(b, &b->counts.altered, 1, "message %ju differs", (uintmax_t)seq);
    }
    count_delivery(b, t, size);
    if (t->sender == c->index)
        load_came_back(b, c);
}

/* Without numbers: the content follows the prefix. last_seq counts what has come, top what was
 * sent; the digests tell whether it was the same. A client that comes back gets what is kept,
 * also what it had before. */
static ALWAYS_INLINE void take_echo(struct bench *b, struct conn *c, const char *json, size_t size)
{
    const struct stream *s = c->stream;
    struct stamp t;
    if (size < s->prefix_size + BENCH_STAMP || !stamp_read(&t, json + s->prefix_size)) {
        stranger(b, json, size);
        return;
    }
    if (c->state != CONN_READY && t.sent_us < b->dropped_us)
        return;
    c->last_seq++;
    c->digest += stamp_digest(t.sent_us, t.sender);
    if (c->last_seq > s->top) {
        bench_fault(b, &b->counts.duplicates, 1, "client %u: more than the %ju messages sent",
                    c->index, (uintmax_t)s->top);
        c->last_seq = s->top;
    }
    if (c->state == CONN_READY) {
        count_delivery(b, &t, size);
    } else {
        b->counts.recovered++;
        if (c->last_seq == s->top)
            conn_ready(b, c);
    }
    if (t.sender == c->index)
        load_came_back(b, c);
}

/* A slow client remembers only where to resume. */
static void take_slowly(struct bench *b, struct conn *c, const char *json, size_t size)
{
    (void)b;
    (void)size;
    c->last_seq = read_number(json + c->stream->prefix_size);
}

/* What is no whole text. `first` is the first byte of the frame. */
static void take_control(struct bench *b, struct conn *c, unsigned first, const char *data,
                         size_t size)
{
    unsigned opcode = first & 0xf;
    if (opcode == OP_PING) {
        conn_send(b, c, OP_PONG, data, size);
    } else if (opcode == OP_CLOSE) {
        char why[48];
        unsigned code =
            size < 2 ? 1005 : (unsigned)(unsigned char)data[0] << 8 | (unsigned char)data[1];
        (void)snprintf(why, sizeof why, "closed with code %u", code);
        conn_fail(b, c, why);
    } else if (opcode != OP_PONG) {
        bench_fault(b, &b->counts.malformed, 1, "client %u: a frame of kind %02x", c->index, first);
    }
}

/* RFC 6455 section 5.2: the size of the header and the payload; 0 while it is not all there. */
static ALWAYS_INLINE size_t frame_head(const unsigned char *at, size_t size, size_t *payload)
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

typedef void take_live(struct bench *b, struct conn *c, const char *json, size_t size);

/* `live` and `lines` are constants: inlining makes a loop for each dialect. */
static ALWAYS_INLINE void take_text(struct bench *b, struct conn *c, const char *json, size_t size,
                                    take_live *live)
{
    const struct stream *s = c->stream;
    if (size > s->prefix_size && !memcmp(json, s->prefix, s->prefix_size))
        live(b, c, json, size);
    else
        document_take(b, c, json, size);
}

static ALWAYS_INLINE void take_lines(struct bench *b, struct conn *c, const char *text, size_t size,
                                     take_live *live)
{
    const char *end = text + size, *line = text;
    while (c->fd >= 0 && line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop)
            stop = end;
        take_text(b, c, line, (size_t)(stop - line), live);
        line = stop + 1;
    }
}

static ALWAYS_INLINE size_t take_frames(struct bench *b, struct conn *c, const unsigned char *data,
                                        size_t size, bool lines, take_live *live)
{
    size_t at = 0;
    while (c->fd >= 0) {
        size_t payload, head = frame_head(data + at, size - at, &payload);
        if (!head || payload > size - at - head)
            break;
        const char *text = (const char *)data + at + head;
        if (data[at] != (0x80 | OP_TEXT))
            take_control(b, c, data[at], text, payload);
        else if (lines)
            take_lines(b, c, text, payload, live);
        else
            take_text(b, c, text, payload, live);
        at += head + payload;
    }
    return at;
}

size_t receive_frames(struct bench *b, struct conn *c, const unsigned char *data, size_t size)
{
    enum dialect_frame frame = b->dialect->frame;
    if (c->slow && c->state == CONN_READY)
        return take_frames(b, c, data, size, frame == FRAME_LINES, take_slowly);
    if (frame == FRAME_LINES)
        return take_frames(b, c, data, size, true, take_message);
    if (frame == FRAME_ECHO)
        return take_frames(b, c, data, size, false, take_echo);
    return take_frames(b, c, data, size, false, take_message);
}

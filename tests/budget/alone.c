#include "paths.h"

#include "confab/wire/command.h"
#include "confab/wire/event.h"
#include "confab/pump/client.h"
#include "count.h"
#include "net/websocket.h"
#include "wire/quote.h"

#include <stdlib.h>
#include <string.h>

enum { TIMES = 1000 };

#define TEXT_100                                                                                   \
    "Nobody knew how the kettle had come to the roof, and so they all went up to look at it "      \
    "with a lamp."
#define CID "1f9d2c3b4a5e6071"

/* Counts `op`, once it has been done a few times: what is kept for reuse is there. */
static void count_op(const char *name, void (*op)(void))
{
    for (int i = 0; i < 8; i++)
        op();
    count_begin();
    count_on();
    for (int i = 0; i < TIMES; i++)
        op();
    count_off();
    count_end(name, TIMES);
}

/* ---- what a client says ---- */

static void decode(const char *text)
{
    struct command *c = NULL;
    struct command_error error;
    BUG_ON(command_parse(text, strlen(text), &c, &error) != 0);
    command_free(c);
}

static void decode_message(void)
{
    decode("{\"type\":\"message\",\"room\":\"general\",\"content\":\"" TEXT_100 "\",\"cid\":\"" CID
           "\"}");
}

static void decode_unicode(void)
{
    decode("{\"type\":\"message\",\"room\":\"Küche\",\"content\":\"Frühstück für Ünal, "
           "Łukasz und Émile: es gibt Äpfel, Brötchen und \\\"Käse\\\" 🧀\",\"cid\":\"" CID
           "\"}");
}

static void decode_private(void)
{
    decode("{\"type\":\"private\",\"to\":\"alice\",\"content\":\"" TEXT_100 "\",\"cid\":\"" CID
           "\"}");
}

static void decode_typing(void)
{
    decode("{\"type\":\"typing\",\"room\":\"general\"}");
}

static void decode_heartbeat(void)
{
    decode("{\"type\":\"heartbeat\"}");
}

/* Unmasking twice gives what was there before: each call finds a masked or a plain text, and does
 * the same work. */
static void unmask(unsigned char *data, size_t size)
{
    struct ws_frame f;
    BUG_ON(ws_frame_read(data, size, RULE_FRAME_BYTES, &f) != 1);
}

static void frame_read_180(void)
{
    static unsigned char data[8 + 180] = { 0x81, 0x80 | 126, 0, 180, 1, 2, 3, 4 };
    unmask(data, sizeof(data));
}

static void frame_read_4096(void)
{
    static unsigned char data[8 + 4096] = { 0x81, 0x80 | 126, 16, 0, 1, 2, 3, 4 };
    unmask(data, sizeof(data));
}

/* ---- what is said to clients ---- */

static void quote(const char *text)
{
    static struct str out;
    str_reset(&out);
    quote_add(&out, text, strlen(text));
}

static void quote_plain(void)
{
    quote(TEXT_100);
}

static void quote_escapes(void)
{
    quote("\"Nobody knew\", he wrote,\n\"how the kettle\\pot had come\nto the roof\",\tand so on");
}

/* What Redis publishes of a message of 100 bytes. */
static const char message_json[] =
    "{\"type\":\"message\",\"room\":\"general\",\"seq\":100001,\"id\":\"0123456789abcdef\","
    "\"user\":\"u0000\",\"content\":\"" TEXT_100 "\",\"timestamp\":1760000000000,\"cid\":\"" CID
    "\"}";

static void encode_message(void)
{
    frame_unref(event_message(100001, message_json, sizeof(message_json) - 1));
}

static void encode_ack(void)
{
    frame_unref(event_ack(CID, "general", 100001, "0123456789abcdef", 1760000000000, false));
}

static void encode_error(void)
{
    frame_unref(event_error(ERROR_RATE_LIMITED, CID, NULL, 1000));
}

static void encode_history(void)
{
    struct frame_part parts[RULE_HISTORY_MESSAGES];
    for (size_t i = 0; i < RULE_HISTORY_MESSAGES; i++)
        parts[i] = (struct frame_part){ message_json, sizeof(message_json) - 1 };
    frame_unref(event_history(&(struct page){ .stream = "general",
                                              .epoch = "0123abcd",
                                              .messages = parts,
                                              .count = RULE_HISTORY_MESSAGES }));
}

/* ---- batches and outboxes ---- */

enum { FRAMES = 10 };
static struct frame *frames[FRAMES];

static void make_batch(size_t count)
{
    batch_unref(batch_of_frames(frames, count, 1));
}

static void batch_1(void)
{
    make_batch(1);
}

static void batch_10(void)
{
    make_batch(FRAMES);
}

/* Two clients with the same ten batches waiting; the second one gets the first one's join. */
static struct pump_env env;
static struct client *clients[2];
static struct batch *batches[FRAMES];
static struct join_cache cache;

static void queue_and_write(struct client *c, unsigned items, struct join_cache *kept)
{
    for (unsigned i = 0; i < items; i++)
        client_queue(c, batch_ref(batches[i]));
    struct batch *b = writer_step(c, kept);
    client_written(c, b);
    batch_unref(b);
}

static void outbox_1(void)
{
    queue_and_write(clients[0], 1, &cache);
}

static void outbox_10_joined(void)
{
    queue_and_write(clients[0], FRAMES, NULL);
}

static void outbox_10_kept(void)
{
    queue_and_write(clients[1], FRAMES, &cache);
}

static void count_outboxes(void)
{
    for (size_t i = 0; i < 2; i++)
        clients[i] = client_new(&env, 0);
    for (size_t i = 0; i < FRAMES; i++)
        batches[i] = batch_of_frame(frames[i], 1);
    count_op("outbox.1", outbox_1);
    count_op("outbox.10-joined", outbox_10_joined);
    queue_and_write(clients[0], FRAMES, &cache);
    count_op("outbox.10-kept", outbox_10_kept);
    join_cache_clear(&cache);
    for (size_t i = 0; i < FRAMES; i++)
        batch_unref(batches[i]);
    for (size_t i = 0; i < 2; i++)
        client_unref(clients[i]);
}

void paths_alone(void)
{
    count_op("decode.message", decode_message);
    count_op("decode.unicode", decode_unicode);
    count_op("decode.private", decode_private);
    count_op("decode.typing", decode_typing);
    count_op("decode.heartbeat", decode_heartbeat);
    count_op("frame-read.180", frame_read_180);
    count_op("frame-read.4096", frame_read_4096);
    count_op("quote.plain", quote_plain);
    count_op("quote.escapes", quote_escapes);
    count_op("encode.message", encode_message);
    count_op("encode.ack", encode_ack);
    count_op("encode.error", encode_error);
    count_op("encode.history", encode_history);
    for (size_t i = 0; i < FRAMES; i++)
        frames[i] = event_message(100001 + i, message_json, sizeof(message_json) - 1);
    count_op("batch.1", batch_1);
    count_op("batch.10", batch_10);
    count_outboxes();
    for (size_t i = 0; i < FRAMES; i++)
        frame_unref(frames[i]);
}

#include "dialect.h"
#include "scan.h"

static void add_resume(const struct seat *seat, struct str *out)
{
    if (seat->resuming)
        str_addf(out, ",\"resume\":{\"%s\":{\"epoch\":\"%s\",\"seq\":%ju}}", seat->room,
                 seat->epoch, (uintmax_t)seat->seq);
}

/* With a user name in the address the server greets at once, and joins the room. */
static bool greeted_by_address(const struct seat *seat)
{
    return seat->room && !seat->resuming;
}

static void confab_path(const struct seat *seat, struct str *out)
{
    str_addz(out, "/ws");
    if (greeted_by_address(seat))
        str_addf(out, "?username=%s&session=%s&room=%s", seat->user, seat->user, seat->room);
}

static void confab_hello(const struct seat *seat, struct str *out)
{
    if (greeted_by_address(seat))
        return;
    str_addf(out, "{\"type\":\"hello\",\"username\":\"%s\",\"session\":\"%s\"", seat->user,
             seat->user);
    add_resume(seat, out);
    str_addc(out, '}');
}

static void confab_unwrap(struct document *d)
{
    scan_text(d->json, d->size, "\"type\":\"", d->type, sizeof d->type);
}

/* Engine.IO 4 and Socket.IO 5, WebSocket alone: https://socket.io/docs/v4/engine-io-protocol/ and
 * https://socket.io/docs/v4/socket-io-protocol/ */
static void socketio_path(const struct seat *seat, struct str *out)
{
    (void)seat;
    str_addz(out, "/socket.io/?EIO=4&transport=websocket");
}

static void socketio_hello(const struct seat *seat, struct str *out)
{
    str_addf(out, "40{\"username\":\"%s\",\"session\":\"%s\"", seat->user, seat->user);
    if (seat->room && !seat->resuming)
        str_addf(out, ",\"room\":\"%s\"", seat->room);
    add_resume(seat, out);
    str_addc(out, '}');
}

/* 42["event",json]: takes off everything but the JSON. */
static void socketio_event(struct document *d)
{
    static const char start[] = "42[\"";
    size_t skip = sizeof start - 1;
    const char *end = d->json + d->size;
    const char *json = scan(d->json + skip, d->size - skip, "\",");
    if (!json || end[-1] != ']')
        return;
    (void)snprintf(d->type, sizeof d->type, "%.*s", (int)(json - 2 - (d->json + skip)),
                   d->json + skip);
    d->json = json;
    d->size = (size_t)(end - 1 - json);
}

static void socketio_unwrap(struct document *d)
{
    static const struct {
        const char *start, *type;
    } packets[] = {
        { "0", "open" }, { "1", "bye" },    { "2", "heartbeat" }, { "40", "connected" },
        { "41", "bye" }, { "44", "error" }, { "6", "noop" },
    };
    d->type[0] = '\0';
    if (d->size > 4 && !memcmp(d->json, "42[\"", 4)) {
        socketio_event(d);
        return;
    }
    for (unsigned i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        size_t size = strlen(packets[i].start);
        if (d->size >= size && !memcmp(d->json, packets[i].start, size))
            (void)snprintf(d->type, sizeof d->type, "%s", packets[i].type);
    }
}

static void nchan_path(const struct seat *seat, struct str *out)
{
    str_addf(out, "/%s/%s", seat->resuming ? "resume" : "ws", seat->room);
}

static void nchan_hello(const struct seat *seat, struct str *out)
{
    (void)seat;
    (void)out;
}

#define CONFAB_WORDS                                                                               \
    .headers = "Sec-WebSocket-Protocol: confab.v1\r\n", .before_message = "",                      \
    .before_private = "", .after = "", .heartbeat = "{\"type\":\"heartbeat\"}",                    \
    .path = confab_path, .hello = confab_hello, .unwrap = confab_unwrap

static const struct dialect dialects[] = {
    { .name = "confab", .frame = FRAME_DOCUMENT, .ordered = true, CONFAB_WORDS },
    /* As gorilla's own chat example joins what waits:
     * https://github.com/gorilla/websocket/blob/main/examples/chat/client.go */
    { .name = "lines", .frame = FRAME_LINES, .ordered = true, CONFAB_WORDS },
    /* A server delivers to its own clients at once, to those of others through Redis. */
    { .name = "socketio",
      .frame = FRAME_DOCUMENT,
      .ordered = false,
      .waits_for_open = true,
      .headers = "",
      .before_message = "42[\"message\",",
      .before_private = "42[\"private\",",
      .after = "]",
      .heartbeat = "3",
      .path = socketio_path,
      .hello = socketio_hello,
      .unwrap = socketio_unwrap },
    { .name = "nchan",
      .frame = FRAME_ECHO,
      .ordered = false,
      .settle_s = 2, /* it asks Redis for the channel when it has already accepted */
      .headers = "",
      .before_message = "",
      .before_private = "",
      .after = "",
      .heartbeat = "",
      .path = nchan_path,
      .hello = nchan_hello,
      .unwrap = confab_unwrap },
};

const struct dialect *dialect_find(const char *name)
{
    for (unsigned i = 0; i < sizeof dialects / sizeof dialects[0]; i++) {
        if (!strcmp(dialects[i].name, name))
            return &dialects[i];
    }
    return NULL;
}

void dialect_message(const struct dialect *d, const char *room, const char *to, const char *content,
                     const char *cid, struct str *out)
{
    str_addz(out, room ? d->before_message : d->before_private);
    str_addz(out, room ? "{\"type\":\"message\",\"room\":\"" : "{\"type\":\"private\",\"to\":\"");
    str_addz(out, room ? room : to);
    str_addz(out, "\",\"content\":\"");
    str_addz(out, content);
    str_addc(out, '"');
    if (cid)
        str_addf(out, ",\"cid\":\"%s\"", cid);
    str_addc(out, '}');
    str_addz(out, d->after);
}

void dialect_prefix(const struct dialect *d, const char *room, struct str *out)
{
    str_addz(out, room ? d->before_message : d->before_private);
    if (room)
        str_addf(out, "{\"type\":\"message\",\"room\":\"%s\",", room);
    else
        str_addz(out, "{\"type\":\"private\",");
    str_addz(out, d->frame == FRAME_ECHO ? "\"content\":\"" : "\"seq\":");
}

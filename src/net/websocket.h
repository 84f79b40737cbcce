/* WebSocket frames as clients send them, RFC 6455 section 5.2. confab reads them itself, because
 * libwebsockets accepts frames without a mask (section 5.1: close with 1002) and says nothing of
 * a frame's size before the first piece of it has come. */
#ifndef NET_WEBSOCKET_H
#define NET_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WS_CONTINUATION = 0x0,
    WS_TEXT = 0x1,
    WS_BINARY = 0x2,
    WS_CLOSE = 0x8,
    WS_PING = 0x9,
    WS_PONG = 0xA,
    WS_CONTROL_MAX = 125, /* bytes of a control frame's payload */
};

struct ws_frame {
    uint8_t opcode;
    bool fin;
    unsigned char *payload; /* unmasked, in the caller's buffer */
    size_t payload_size;
    size_t size; /* header and payload */
};

/* Reads one frame from the start of data, at most `limit` bytes of payload, and unmasks it in
 * place. 1 and *out; 0 when more bytes are needed, data unchanged; or a negative close code as
 * soon as the header shows what is wrong. */
int ws_frame_read(unsigned char *data, size_t size, size_t limit, struct ws_frame *out);

/* Writes a control frame from the server, at most WS_CONTROL_MAX bytes of payload. Returns its
 * size. */
size_t ws_control_frame(unsigned char out[2 + WS_CONTROL_MAX], uint8_t opcode, const void *payload,
                        size_t size);

/* The code that a close frame with this payload is answered with: its own, 1000 when it has
 * none, 1002 when it may not be sent (section 7.4). */
int ws_close_code(const unsigned char *payload, size_t size);

#endif

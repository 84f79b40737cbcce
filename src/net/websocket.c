#include "websocket.h"

#include <string.h>

enum { PROTOCOL_ERROR = 1002, TOO_BIG = 1009 };

/* 0, or a negative close code. */
static int check_first_bytes(uint8_t first, uint8_t second)
{
    const uint8_t opcode = first & 0xF;
    const bool fin = first & 0x80, control = opcode & 0x8;
    if (first & 0x70) /* no extension was negotiated */
        return -PROTOCOL_ERROR;
    if (opcode > WS_PONG || (opcode > WS_BINARY && opcode < WS_CLOSE))
        return -PROTOCOL_ERROR;
    if (!(second & 0x80)) /* section 5.1: a client's frames are masked */
        return -PROTOCOL_ERROR;
    if (control && (!fin || (second & 0x7F) > WS_CONTROL_MAX))
        return -PROTOCOL_ERROR;
    return 0;
}

static uint64_t big_endian(const unsigned char *p, size_t size)
{
    uint64_t n = 0;
    while (size--)
        n = n << 8 | *p++;
    return n;
}

static void unmask(unsigned char *p, size_t size, const unsigned char key[4])
{
    uint64_t wide, word;
    memcpy(&wide, key, 4);
    memcpy((char *)&wide + 4, key, 4);
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        memcpy(&word, p + i, 8);
        word ^= wide;
        memcpy(p + i, &word, 8);
    }
    for (; i < size; i++)
        p[i] ^= key[i & 3];
}

int ws_frame_read(unsigned char *data, size_t size, size_t limit, struct ws_frame *out)
{
    if (size < 2)
        return 0;
    const int error = check_first_bytes(data[0], data[1]);
    if (error)
        return error;
    uint64_t length = data[1] & 0x7F;
    const size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (size < 2 + extra)
        return 0;
    if (extra)
        length = big_endian(data + 2, extra);
    if (length >> 63)
        return -PROTOCOL_ERROR;
    if (length > limit)
        return -TOO_BIG;
    const size_t header = 2 + extra + 4;
    if (size < header + length)
        return 0;
    unmask(data + header, (size_t)length, data + header - 4);
    *out = (struct ws_frame){
        .opcode = data[0] & 0xF,
        .fin = data[0] & 0x80,
        .payload = data + header,
        .payload_size = (size_t)length,
        .size = header + (size_t)length,
    };
    return 1;
}

size_t ws_control_frame(unsigned char out[2 + WS_CONTROL_MAX], uint8_t opcode, const void *payload,
                        size_t size)
{
    if (size > WS_CONTROL_MAX)
        size = WS_CONTROL_MAX;
    out[0] = 0x80 | opcode;
    out[1] = (unsigned char)size;
    if (size)
        memcpy(out + 2, payload, size);
    return 2 + size;
}

int ws_close_code(const unsigned char *payload, size_t size)
{
    if (size == 0)
        return 1000;
    if (size == 1)
        return PROTOCOL_ERROR;
    const int code = payload[0] << 8 | payload[1];
    const bool registered = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
    return registered || (code >= 3000 && code <= 4999) ? code : PROTOCOL_ERROR;
}

#include "support/test.h"

#include "net/websocket.h"

#include <stdlib.h>
#include <string.h>

static const unsigned char key[4] = { 0x12, 0x34, 0xAB, 0xFF };

/* A client's frame; returns its size. */
static size_t masked(unsigned char *out, uint8_t first, const void *payload, size_t size)
{
    const unsigned char *in = payload;
    size_t n = 0;
    out[n++] = first;
    if (size < 126) {
        out[n++] = (unsigned char)(0x80 | size);
    } else {
        out[n++] = 0x80 | 126;
        out[n++] = (unsigned char)(size >> 8);
        out[n++] = (unsigned char)size;
    }
    memcpy(out + n, key, 4);
    n += 4;
    for (size_t i = 0; i < size; i++)
        out[n++] = in[i] ^ key[i & 3];
    return n;
}

static void frames_of_every_length_come_out_unmasked(void **state)
{
    (void)state;
    unsigned char payload[400], data[420];
    for (size_t i = 0; i < sizeof(payload); i++)
        payload[i] = (unsigned char)(i * 7);
    for (size_t size = 0; size <= sizeof(payload); size++) {
        struct ws_frame f;
        const size_t total = masked(data, 0x81, payload, size);
        assert_int_equal(ws_frame_read(data, total, 400, &f), 1);
        assert_int_equal(f.opcode, WS_TEXT);
        assert_true(f.fin);
        assert_int_equal(f.size, total);
        assert_int_equal(f.payload_size, size);
        assert_memory_equal(f.payload, payload, size);
    }
}

static void an_incomplete_frame_waits_unchanged(void **state)
{
    (void)state;
    unsigned char payload[300] = { 1, 2, 3 }, data[320], before[320];
    const size_t total = masked(data, 0x81, payload, sizeof(payload));
    memcpy(before, data, total);
    for (size_t size = 0; size < total; size++) {
        struct ws_frame f;
        /* Its own piece of memory, so that a read past the end is found. */
        unsigned char *piece = malloc(size ? size : 1);
        memcpy(piece, data, size);
        assert_int_equal(ws_frame_read(piece, size, 400, &f), 0);
        assert_memory_equal(piece, before, size);
        free(piece);
    }
}

static void what_rfc_6455_forbids_closes_with_1002(void **state)
{
    (void)state;
    static const unsigned char cases[][2] = {
        { 0x81, 0x05 }, /* not masked */
        { 0x88, 0x00 }, /* a close that is not masked */
        { 0xC1, 0x85 }, /* RSV1 without an extension */
        { 0x91, 0x85 }, /* RSV3 */
        { 0x83, 0x85 }, /* reserved opcodes */
        { 0x87, 0x85 }, { 0x8B, 0x85 }, { 0x8F, 0x85 }, { 0x09, 0x85 }, /* a ping in pieces */
        { 0x89, 0xFE }, /* a ping of more than 125 bytes */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned char data[2] = { cases[i][0], cases[i][1] };
        struct ws_frame f;
        assert_int_equal(ws_frame_read(data, 2, 100, &f), -1002);
    }
}

static void a_large_frame_is_refused_by_its_header(void **state)
{
    (void)state;
    struct ws_frame f;
    unsigned char two_gigabytes[] = { 0x81, 0xFF, 0, 0, 0, 0, 0x80, 0, 0, 0 };
    unsigned char top_bit[] = { 0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1 };
    unsigned char over[] = { 0x81, 0xFE, 0x01, 0x91 };
    assert_int_equal(ws_frame_read(two_gigabytes, sizeof(two_gigabytes), 400, &f), -1009);
    assert_int_equal(ws_frame_read(top_bit, sizeof(top_bit), 400, &f), -1002);
    assert_int_equal(ws_frame_read(over, sizeof(over), 400, &f), -1009);
    assert_int_equal(ws_frame_read(over, sizeof(over), 401, &f), 0);
}

static void control_frames_are_written(void **state)
{
    (void)state;
    unsigned char out[2 + WS_CONTROL_MAX], payload[200] = { 9 };
    assert_int_equal(ws_control_frame(out, WS_PONG, payload, 3), 5);
    assert_int_equal(out[0], 0x8A);
    assert_int_equal(out[1], 3);
    assert_int_equal(ws_control_frame(out, WS_PONG, NULL, 0), 2);
    assert_int_equal(ws_control_frame(out, WS_CLOSE, payload, 200), 2 + WS_CONTROL_MAX);
}

static void close_codes_are_answered(void **state)
{
    (void)state;
    static const int cases[][2] = {
        { 1000, 1000 }, { 1001, 1001 }, { 1003, 1003 }, { 1004, 1002 }, { 1005, 1002 },
        { 1006, 1002 }, { 1007, 1007 }, { 1014, 1014 }, { 1015, 1002 }, { 1016, 1002 },
        { 2999, 1002 }, { 3000, 3000 }, { 4999, 4999 }, { 5000, 1002 }, { 0, 1002 },
    };
    assert_int_equal(ws_close_code(NULL, 0), 1000);
    assert_int_equal(ws_close_code((const unsigned char *)"x", 1), 1002);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const unsigned char payload[2] = { (unsigned char)(cases[i][0] >> 8),
                                           (unsigned char)cases[i][0] };
        assert_int_equal(ws_close_code(payload, 2), cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_every_length_come_out_unmasked),
        cmocka_unit_test(an_incomplete_frame_waits_unchanged),
        cmocka_unit_test(what_rfc_6455_forbids_closes_with_1002),
        cmocka_unit_test(a_large_frame_is_refused_by_its_header),
        cmocka_unit_test(control_frames_are_written),
        cmocka_unit_test(close_codes_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

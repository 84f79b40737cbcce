/* The codes are read here as a phone reads them (ISO/IEC 18004), without its error correction. */
#include "support/test.h"

#include "confab/net/qr.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE_MOST = 128, QUIET = 4, FORMAT_MASK = 0x5412, BYTE_MODE = 4 };

struct picture {
    int side; /* with the quiet zone */
    bool dark[SIDE_MOST][SIDE_MOST];
};

/* The modules of a code begin behind its quiet zone. */
static bool at(const struct picture *p, int x, int y)
{
    return p->dark[y + QUIET][x + QUIET];
}

static void read_svg(struct picture *out, const char *svg)
{
    const char *box = strstr(svg, "viewBox=\"0 -.5 "), *d = strstr(svg, "stroke=\"#000\" d=\"");
    memset(out, 0, sizeof *out);
    if (box == NULL || d == NULL) {
        fail_msg("no picture: %s", svg);
        return;
    }
    out->side = (int)strtol(box + strlen("viewBox=\"0 -.5 "), NULL, 10);
    assert_in_range(out->side, 21 + 2 * QUIET, SIDE_MOST);
    for (char *rest = (char *)(uintptr_t)strchr(d, 'M'); *rest == 'M';) {
        const long x = strtol(rest + 1, &rest, 10), y = strtol(rest, &rest, 10);
        assert_int_equal(*rest, 'h');
        const long run = strtol(rest + 1, &rest, 10);
        assert_true(x >= 0 && y >= 0 && run > 0 && x + run <= out->side && y < out->side);
        for (long i = 0; i < run; i++)
            out->dark[y][x + i] = true;
    }
}

/* Two rows of modules in each line: the upper one in the foreground of "▀", the lower in "▄". */
static void read_terminal(struct picture *out, char *text)
{
    memset(out, 0, sizeof *out);
    int y = 0;
    for (char *line; (line = strsep(&text, "\n")) != NULL && *line != '\0'; y += 2) {
        int x = 0;
        for (char *c = strchr(line, 'm') + 1; *c != '\033'; x++) {
            const size_t size = *c == ' ' ? 1 : 3;
            assert_in_range(x, 0, SIDE_MOST - 1);
            out->dark[y][x] = strncmp(c, "\u2580", size) == 0 || strncmp(c, "\u2588", size) == 0;
            out->dark[y + 1][x] =
                strncmp(c, "\u2584", size) == 0 || strncmp(c, "\u2588", size) == 0;
            c += size;
        }
        out->side = x;
    }
    assert_in_range(y, out->side, out->side + 1);
}

/* Patterns that are no data, of versions 2 to 6. */
static bool is_pattern(int x, int y, int width)
{
    const int align = width - 7;
    return (x < 9 && y < 9) || (x >= width - 8 && y < 9) || (x < 9 && y >= width - 8) || x == 6 ||
           y == 6 || (abs(x - align) <= 2 && abs(y - align) <= 2);
}

static bool is_flipped(unsigned mask, int x, int y)
{
    switch (mask) {
    case 0:
        return (x + y) % 2 == 0;
    case 1:
        return y % 2 == 0;
    case 2:
        return x % 3 == 0;
    case 3:
        return (x + y) % 3 == 0;
    case 4:
        return (x / 3 + y / 2) % 2 == 0;
    case 5:
        return x * y % 2 + x * y % 3 == 0;
    case 6:
        return (x * y % 2 + x * y % 3) % 2 == 0;
    default:
        return ((x + y) % 2 + x * y % 3) % 2 == 0;
    }
}

/* The mask, of a code with the level M of error correction. */
static unsigned read_format(const struct picture *p)
{
    unsigned bits = 0;
    for (int i = 0; i < 15; i++) {
        const int step = i < 6 ? i : i == 6 ? 7 : 8, back = i == 8 ? 7 : 14 - i;
        bits |= (unsigned)(i < 8 ? at(p, 8, step) : at(p, back, 8)) << i;
    }
    bits ^= FORMAT_MASK;
    assert_int_equal(bits >> 13, 0); /* M */
    return bits >> 10 & 7;
}

/* Of versions 2 and 3, which have one block. */
static void read_text(const struct picture *p, char *text)
{
    const int width = p->side - 2 * QUIET;
    const unsigned mask = read_format(p);
    unsigned char bytes[128] = { 0 };
    size_t bits = 0;
    assert_true(width == 25 || width == 29);
    for (int right = width - 1; right > 0; right -= right == 8 ? 3 : 2) {
        const bool up = ((right < 6 ? right + 2 : right + 1) & 2) == 0;
        for (int i = 0; i < 2 * width; i++) {
            const int x = right - i % 2, y = up ? width - 1 - i / 2 : i / 2;
            if (is_pattern(x, y, width) || bits / 8 >= sizeof bytes)
                continue;
            if (at(p, x, y) != is_flipped(mask, x, y))
                bytes[bits / 8] |= (unsigned char)(0x80 >> bits % 8);
            bits++;
        }
    }
    assert_int_equal(bytes[0] >> 4, BYTE_MODE);
    const size_t size = (size_t)(bytes[0] << 4 & 0xf0) | bytes[1] >> 4;
    assert_in_range(size, 1, 42);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)((bytes[i + 1] << 4 & 0xf0) | bytes[i + 2] >> 4);
    text[size] = '\0';
}

static void a_phone_reads_what_was_written(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "http://10.0.0.1:8080/",
        "http://192.168.178.25:8080/",
        "http://confab.local:8080/#general",
        "https://[fd00:1:2::5]/#caf%C3%A9",
    };
    static struct picture svg, terminal;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct str out = STR_INIT;
        char text[64];
        qr_svg(&out, urls[i]);
        read_svg(&svg, out.data);
        read_text(&svg, text);
        assert_string_equal(text, urls[i]);

        str_reset(&out);
        qr_terminal(&out, urls[i]);
        read_terminal(&terminal, out.data);
        assert_int_equal(terminal.side, svg.side);
        assert_memory_equal(terminal.dark, svg.dark, sizeof svg.dark);
        str_fini(&out);
    }
}

static void around_it_is_light(void **state)
{
    (void)state;
    static struct picture p;
    struct str out = STR_INIT;
    qr_svg(&out, "http://10.0.0.1:8080/");
    read_svg(&p, out.data);
    for (int y = 0; y < p.side; y++) {
        for (int x = 0; x < p.side; x++) {
            if (x < QUIET || y < QUIET || x >= p.side - QUIET || y >= p.side - QUIET)
                assert_false(p.dark[y][x]);
        }
    }
    str_fini(&out);
}

static void the_longest_is_a_picture_and_too_wide_for_a_terminal(void **state)
{
    (void)state;
    static struct picture p;
    char text[QR_TEXT_BYTES + 1];
    struct str out = STR_INIT;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    qr_svg(&out, text);
    read_svg(&p, out.data);
    assert_in_range(p.side, 81, SIDE_MOST);
    str_reset(&out);
    qr_terminal(&out, text);
    assert_int_equal(out.size, 0);
    str_fini(&out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_phone_reads_what_was_written),
        cmocka_unit_test(around_it_is_light),
        cmocka_unit_test(the_longest_is_a_picture_and_too_wide_for_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

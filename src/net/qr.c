#include "confab/net/qr.h"

#include <qrencode.h>

enum {
    QUIET = 4, /* modules around it (ISO/IEC 18004 section 5.3.8) */
    COLUMNS = 80,
    INDENT = 2,
};

static QRcode *encode(const char *text)
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    BUG_ON(code == NULL); /* it fits */
    return code;
}

/* Outside it is light. */
static bool is_dark(const QRcode *code, int x, int y)
{
    return x >= 0 && y >= 0 && x < code->width && y < code->width &&
           (code->data[y * code->width + x] & 1) != 0;
}

/* The dark modules of a row as one line of a path for each run. */
static void add_row(struct str *out, const QRcode *code, int y)
{
    for (int x = 0, run; x < code->width; x += run) {
        const bool dark = is_dark(code, x, y);
        for (run = 1; x + run < code->width && is_dark(code, x + run, y) == dark; run++)
            ;
        if (dark)
            str_addf(out, "M%d %dh%d", x + QUIET, y + QUIET, run);
    }
}

void qr_svg(struct str *out, const char *text)
{
    QRcode *code = encode(text);
    const int side = code->width + 2 * QUIET;
    str_addf(out,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 -.5 %d %d\" "
             "shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0-.5h%dv%dH0z\"/>"
             "<path stroke=\"#000\" d=\"",
             side, side, side, side);
    for (int y = 0; y < code->width; y++)
        add_row(out, code, y);
    str_addz(out, "\"/></svg>\n");
    QRcode_free(code);
}

void qr_terminal(struct str *out, const char *text)
{
    static const char *const halves[2][2] = { { " ", "\u2584" }, { "\u2580", "\u2588" } };
    QRcode *code = encode(text);
    const int end = code->width + QUIET;
    for (int y = -QUIET; y < end && end + QUIET + INDENT <= COLUMNS; y += 2) {
        str_addf(out, "%*s\033[38;5;16;48;5;231m", INDENT, "");
        for (int x = -QUIET; x < end; x++)
            str_addz(out, halves[is_dark(code, x, y)][is_dark(code, x, y + 1)]);
        str_addz(out, "\033[0m\n");
    }
    QRcode_free(code);
}

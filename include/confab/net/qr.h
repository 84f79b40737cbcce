/* QR codes (ISO/IEC 18004, error correction M) of a URL. Any thread. */
#ifndef CONFAB_NET_QR_H
#define CONFAB_NET_QR_H

#include "confab/base/str.h"

enum { QR_TEXT_BYTES = 512 };

/* Appends an SVG picture, black on white with the quiet zone, whatever the page's colours are.
 * text has 1 to QR_TEXT_BYTES bytes. */
void qr_svg(struct str *out, const char *text);
/* Appends lines for a terminal of 80 columns, two modules in each character; the colours are said,
 * so that it can be read on dark and on light terminals. Nothing when it would be wider. */
void qr_terminal(struct str *out, const char *text);

#endif

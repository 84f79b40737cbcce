#include "confab/app/announce.h"

#include "confab/net/qr.h"

#include <string.h>
#include <unistd.h>

static void add_line(struct str *text, const char *where, const struct reach *reach,
                     const char *host)
{
    str_addf(text, "  %-16s ", where);
    reach_add_url(text, reach, host);
    str_addc(text, '\n');
}

/* Nobody may be reading stdout: that is no reason to stop. */
static void print(struct str *text)
{
    ssize_t ignored = write(STDOUT_FILENO, text->data, text->size);
    (void)ignored;
    str_fini(text);
}

static void add_qr(struct str *text, const struct reach *reach, const char *host)
{
    struct str url = STR_INIT;
    reach_add_url(&url, reach, host);
    qr_terminal(text, url.data);
    str_fini(&url);
}

void announce_addresses(const struct reach *reach, const struct settings *settings)
{
    struct str text = STR_INIT;
    struct lan_address lan[ADDRESSES_MAX];
    const size_t count = addresses_of(reach->bind, lan);
    const bool is_any = strcmp(reach->bind, "0.0.0.0") == 0 || strcmp(reach->bind, "::") == 0;
    const bool qr = strcmp(settings->qr, "auto") == 0 ? isatty(STDOUT_FILENO) != 0
                                                      : strcmp(settings->qr, "on") == 0;

    str_addf(&text, "confab on port %d\n", reach->port);
    if (is_any || count == 0)
        add_line(&text, "this machine", reach, "localhost");
    for (size_t i = 0; i < count; i++)
        add_line(&text, is_any ? "on the network" : "address", reach, lan[i].text);
    if (qr && count > 0)
        add_qr(&text, reach, lan[0].text);
    print(&text);
}

void announce_name(const struct reach *reach, const char *name)
{
    struct str text = STR_INIT;
    add_line(&text, "by name", reach, name);
    print(&text);
}

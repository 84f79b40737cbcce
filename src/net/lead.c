#include "lead.h"

#include "certificate.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

bool lead_is_due(const struct session *s)
{
    return s->thread->tls_vhost && !s->tls;
}

bool lead_spares(const char *path)
{
    static const char *const spared[] = {
        "/ca",         "/ca.html",  "/ca.crt",        "/ca.mobileconfig", "/favicon.svg",
        "/css/ca.css", "/js/ca.js", "/api/v1/health", "/api/v1/qr.svg",   "/api/v1/addresses",
    };
    for (size_t i = 0; i < sizeof(spared) / sizeof(spared[0]); i++)
        if (strcmp(path, spared[i]) == 0)
            return true;
    return false;
}

/* All but the unreserved characters and `keep`: RFC 3986 section 2.1. */
static void add_encoded(struct str *out, const char *text, const char *keep)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (isalnum(*c) || strchr("-._~", *c) || strchr(keep, *c))
            str_addf(out, "%c", *c);
        else
            str_addf(out, "%%%02X", *c);
    }
}

/* False: the query is one that no request of confab's has. */
static bool add_target(struct str *out, struct session *s, const char *path)
{
    struct http_query q;
    if (!http_query_init(&q, s->wsi))
        return false;
    add_encoded(out, path, "/@:");
    for (size_t i = 0; i < q.count; i++) {
        str_addz(out, i ? "&" : "?");
        add_encoded(out, q.args[i], "=");
    }
    return true;
}

static bool is_browser_at_the_page(struct session *s, const char *path)
{
    char accept[256];
    return (strcmp(path, "/") == 0 || strcmp(path, "/index.html") == 0) &&
           http_has(s, WSI_TOKEN_GET_URI) && s->thread->certificate->ca &&
           http_header(s, WSI_TOKEN_HTTP_ACCEPT, accept, sizeof(accept)) &&
           strcasestr(accept, "text/html");
}

int lead_to_tls(struct session *s, const char *scheme, const struct http_head *head,
                const char *path)
{
    static const char text[] = "This server speaks TLS: follow the Location.\n";
    const bool to_page = is_browser_at_the_page(s, path);
    struct str headers = STR_INIT;
    str_addz(&headers, "Cache-Control: no-store\r\nLocation: ");
    if (!to_page)
        str_addf(&headers, "%s://%s", scheme, head->host);
    if (!add_target(&headers, s, to_page ? "/ca" : path)) {
        str_fini(&headers);
        return http_refuse(s, HTTP_BAD_ARGUMENTS, HTTP_BAD_ARGUMENTS_TEXT);
    }
    str_addz(&headers, "\r\n");
    const int result = http_end(s, &(struct http_reply){ .status = to_page ? 307 : 308,
                                                         .type = "text/plain; charset=utf-8",
                                                         .body = text,
                                                         .size = sizeof(text) - 1,
                                                         .headers = headers.data,
                                                         .close = true });
    str_fini(&headers);
    return result;
}

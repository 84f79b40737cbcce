/* Where other devices reach this server: the addresses, and QR codes of them. */
#include "confab/net/qr.h"
#include "http.h"
#include "route.h"

#include <string.h>
#include <strings.h>

enum { FRESH_MS = 1000 }; /* addresses come and go with the networks of the machine */

static void look(struct net_thread *t)
{
    const int64_t now = clock_mono_ms();
    if (t->lan_ms != 0 && now - t->lan_ms < FRESH_MS)
        return;
    t->lan_count = addresses_of(t->net->settings->bind, t->lan);
    t->lan_ms = now;
}

/* "http://confab.local:8080/", or nothing. */
static void add_name(struct str *out, const struct net *n)
{
    const int64_t number = stat_get(n->stats, mdns_number);
    struct str name = STR_INIT;
    if (number == 0)
        return;
    reach_add_name(&name, n->settings->mdns_name, number);
    reach_add_url(out, &n->reach, name.data);
    str_fini(&name);
}

/* As the 200 of a GET. */
static int answer(struct session *s, const char *type, struct str *body, const char *headers)
    REQUIRES(on_net)
{
    const struct http_reply reply = {
        .status = 200, .type = type, .body = body->data, .size = body->size, .headers = headers
    };
    const int result = http_write(s, &reply) < 0 || lws_http_transaction_completed(s->wsi) ? -1 : 0;
    str_fini(body);
    return result;
}

int http_addresses(struct session *s, const struct request *r)
{
    (void)r;
    struct net_thread *t = s->thread;
    struct str body = STR_INIT, name = STR_INIT;
    look(t);
    str_addz(&body, "{\"urls\":[");
    for (size_t i = 0; i < t->lan_count; i++) {
        str_addz(&body, i > 0 ? ",\"" : "\"");
        reach_add_url(&body, &t->net->reach, t->lan[i].text);
        str_addc(&body, '"');
    }
    add_name(&name, t->net);
    str_addf(&body, name.size > 0 ? "],\"mdns\":\"%s\"}" : "],\"mdns\":null}", name.data);
    str_fini(&name);
    return answer(s, "application/json; charset=utf-8", &body, "Cache-Control: no-store\r\n");
}

/* ---- QR codes ---- */

static bool begins_with(const char *url, const struct str *own)
{
    return own->size > 0 && strncasecmp(url, own->data, own->size) == 0;
}

/* The name in the address bar of who asks, which a proxy may have given. It has passed
 * origin_host_allowed(). */
static bool is_asked_here(struct session *s, const char *url)
{
    struct http_head head;
    const char *rest = strstr(url, "://");
    if (!rest || !http_read_head(s, &head) || strncasecmp(url, "http", 4) != 0)
        return false;
    const size_t size = strlen(head.host);
    return (rest == url + 4 || (rest == url + 5 && (url[4] | 0x20) == 's')) &&
           strncasecmp(rest + 3, head.host, size) == 0 && rest[3 + size] == '/';
}

static bool is_own(struct session *s, const char *url) REQUIRES(on_net)
{
    struct net_thread *t = s->thread;
    struct str own = STR_INIT;
    look(t);
    add_name(&own, t->net);
    bool found = begins_with(url, &own);
    for (size_t i = 0; i < t->lan_count && !found; i++) {
        str_reset(&own);
        reach_add_url(&own, &t->net->reach, t->lan[i].text);
        found = begins_with(url, &own);
    }
    str_fini(&own);
    return found || is_asked_here(s, url);
}

static bool is_short_and_plain(const char *url)
{
    size_t size = 0;
    for (; url[size] != '\0'; size++) {
        if (url[size] <= ' ' || url[size] > '~' || size == QR_TEXT_BYTES)
            return false;
    }
    return true;
}

int http_qr(struct session *s, const struct request *r)
{
    (void)r;
    struct http_query query;
    struct str body = STR_INIT;
    if (!http_query_init(&query, s->wsi))
        return http_refuse(s, HTTP_BAD_ARGUMENTS, HTTP_BAD_ARGUMENTS_TEXT);
    const char *url = http_query_value(&query, "url");
    if (!url || !is_short_and_plain(url) || !is_own(s, url))
        return http_refuse(s, HTTP_BAD_ARGUMENTS,
                           "Give a url of this server, of at most 512 ASCII characters.");
    qr_svg(&body, url);
    return answer(s, "image/svg+xml", &body,
                  "Cache-Control: no-store\r\nContent-Security-Policy: default-src 'none'\r\n");
}

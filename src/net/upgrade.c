/* Who may become a WebSocket.
 *
 * Subprotocols: libwebsockets hangs up on a client that offers only names it does not know, and
 * knows names from a table of the vhost. confab.v1 is in the table; a second entry's name is a
 * buffer of the thread, into which the first offered name is written when confab.v1 was not
 * offered. So a client that insists on some name gets an answer, as one that offers none does. */
#include "upgrade.h"

#include "confab/wire/event.h"
#include "http.h"
#include "session.h"

#include <string.h>
#include <strings.h>

enum { KEY_BYTES = 24 }; /* 16 bytes in base 64, RFC 6455 section 4.1 */

/* The header's value; "" when it is absent or does not fit. */
static void header(struct session *s, enum lws_token_indexes token, char *out, size_t size)
{
    if (lws_hdr_copy(s->wsi, out, (int)size, token) < 0)
        out[0] = '\0';
}

/* Is `word` one of the comma-separated words of list? first gets the first word. */
static bool has_word(const char *list, const char *word, char *first, size_t first_size)
{
    const size_t size = strlen(word);
    bool has = false;
    first[0] = '\0';
    for (const char *p = list; *p;) {
        p += strspn(p, " \t,");
        const size_t n = strcspn(p, " \t,");
        if (n && n < first_size && !first[0]) {
            memcpy(first, p, n);
            first[n] = '\0';
        }
        has |= n == size && strncasecmp(p, word, n) == 0;
        p += n;
    }
    return has;
}

/* NULL, or what is wrong with the request. */
static const char *wrong_handshake(struct session *s)
{
    char value[256], word[64];
    header(s, WSI_TOKEN_CONNECTION, value, sizeof(value));
    if (!has_word(value, "upgrade", word, sizeof(word)))
        return "Send Connection: Upgrade.";
    header(s, WSI_TOKEN_VERSION, value, sizeof(value));
    if (strcmp(value, "13") != 0)
        return "Send Sec-WebSocket-Version: 13.";
    header(s, WSI_TOKEN_KEY, value, sizeof(value));
    if (strlen(value) != KEY_BYTES)
        return "Send a Sec-WebSocket-Key of 16 bytes in base 64.";
    if (lws_hdr_total_length(s->wsi, WSI_TOKEN_PROTOCOL) > 100)
        return "Offer the subprotocol confab.v1, or none.";
    return NULL;
}

static void choose_subprotocol(struct session *s)
{
    struct net_thread *t = s->thread;
    char offers[128], first[sizeof(t->offered)];
    header(s, WSI_TOKEN_PROTOCOL, offers, sizeof(offers));
    const bool known = has_word(offers, t->protocols[0].name, first, sizeof(first));
    memcpy(t->offered, known ? "" : first, known ? 1 : strlen(first) + 1);
}

static bool is_get_ws(struct session *s)
{
    char path[8];
    return lws_hdr_copy(s->wsi, path, sizeof(path), WSI_TOKEN_GET_URI) > 0 &&
           strcmp(path, "/ws") == 0;
}

/* Takes a place among MAX_CLIENTS; session_gone() gives it back. */
static bool take_place(struct session *s)
{
    struct net *n = s->thread->net;
    if (atomic_load(&n->draining))
        return false;
    if (stat_add(n->stats, clients, 1) >= n->clients_max) {
        stat_add(n->stats, clients, -1);
        return false;
    }
    s->counted = true;
    return true;
}

static int refuse(struct session *s, int status, const char *code, const char *message)
    REQUIRES(on_net)
{
    stat_add(s->thread->net->stats, connections_refused, 1);
    return http_error(s, status, code, message) < 0 ? -1 : 1;
}

int upgrade_check(struct session *s)
{
    char upgrade[16];
    struct http_head head;
    s->asked = true;
    /* Asked again, because libwebsockets goes on after it has refused an unknown upgrade and
     * freed the headers (CVE-2025-11677). */
    header(s, WSI_TOKEN_UPGRADE, upgrade, sizeof(upgrade));
    if (!upgrade[0])
        return -1;
    if (strcasecmp(upgrade, "websocket") != 0)
        return refuse(s, 400, "bad_upgrade", "Upgrade to websocket, or do not upgrade.");
    if (!is_get_ws(s))
        return refuse(s, 404, "not_found", "The WebSocket is at GET /ws.");
    if (!http_read_head(s, &head))
        return refuse(s, 400, "bad_request", "Send a Host header.");
    if (!origin_host_allowed(&s->thread->net->origins, head.host))
        return refuse(s, 403, "bad_host",
                      "This server has another name: set ALLOWED_HOSTS to use this one.");
    if (!origin_allowed(&s->thread->net->origins, head.has_origin ? head.origin : NULL, head.host))
        return refuse(s, 403, "bad_origin",
                      "Pages of this origin may not connect: set ALLOWED_ORIGINS to let them.");
    const char *wrong = wrong_handshake(s);
    if (wrong)
        return refuse(s, 400, "bad_handshake", wrong);
    if (s->counted || !take_place(s))
        return refuse(s, 503, "full", "The server is full or stopping: try again later.");
    choose_subprotocol(s);
    return 0;
}

static void url_hello(struct session *s) REQUIRES(on_net)
{
    struct http_query query;
    struct command *hello;
    struct command_error error;
    struct client *c = s->client;
    http_query_init(&query, s->wsi);
    const char *username = http_query_value(&query, "username");
    if (!username)
        return;
    if (command_hello(username, http_query_value(&query, "room"),
                      http_query_value(&query, "session"), http_query_value(&query, "token"),
                      &hello, &error) != 0) {
        struct frame *f = event_error(error.code, NULL, error.field, -1);
        c->env->port.send(c, f);
        frame_unref(f);
        return;
    }
    hello->received_mono_us = clock_mono_us();
    reader_command(c, hello);
}

void upgrade_done(struct session *s)
{
    session_open(s);
    url_hello(s);
    session_start_pumps(s);
}

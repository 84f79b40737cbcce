/* Who may become a WebSocket.
 *
 * Subprotocols: libwebsockets hangs up on a client that offers only names it does not know, and
 * knows names from a table of the vhost. confab.v1 is in the table; a second entry's name is a
 * buffer of the thread, into which the first offered name is written when confab.v1 was not
 * offered. So a client that insists on some name gets an answer, as one that offers none does.
 * Offers with a token are too long for libwebsockets: see handshake.h. */
#include "upgrade.h"

#include "bearer.h"
#include "confab/wire/event.h"
#include "handshake.h"
#include "lead.h"
#include "route.h"
#include "session.h"

#include <string.h>
#include <strings.h>

enum {
    KEY_BYTES = 24,     /* 16 bytes in base 64, RFC 6455 section 4.1 */
    OFFERS_BYTES = 100, /* of subprotocols that libwebsockets takes; it hangs up on 128 */
};

/* Who a handshake says that it is. */
struct greeting {
    const char *username; /* NULL: nobody */
    const char *token;    /* or NULL */
    struct http_query query;
    struct arguments path;        /* the name of /NAME/chat, or "" */
    char offers[BEARER_BYTES];    /* of subprotocols */
    char tokens[2][BEARER_BYTES]; /* of the Authorization header and of the offers */
    char session[OFFERS_BYTES];   /* of the offers */
};

/* The header's value; "" when it is absent or does not fit. */
static void header(struct session *s, enum lws_token_indexes token, char *out, size_t size)
{
    if (!http_header(s, token, out, size))
        out[0] = '\0';
}

/* False when that is no place of a WebSocket. */
static bool read_name(struct session *s, struct arguments *arguments)
{
    char path[ARGUMENT_BYTES + 16], allow[ALLOW_BYTES];
    if (!http_header(s, WSI_TOKEN_GET_URI, path, sizeof(path)))
        return false;
    const struct route *r = route_find(METHOD_GET, path, arguments, allow);
    return r && r->answer == http_not_upgraded;
}

/* NULL, or what is wrong with it. */
static const char *read_greeting(struct session *s, struct greeting *g)
{
    if (!http_query_init(&g->query, s->wsi))
        return HTTP_BAD_ARGUMENTS_TEXT;
    header(s, WSI_TOKEN_PROTOCOL, g->offers, sizeof(g->offers));
    bearer_of_offers(g->offers, "confab.token.", g->tokens[1]);
    g->session[0] = '\0';
    if (strlen(g->offers) < sizeof(g->session)) /* else it is refused, or there is a token */
        bearer_of_offers(g->offers, "confab.session.", g->session);
    const char *tokens[] = { bearer_of_header(s, g->tokens[0]),
                             g->tokens[1][0] ? g->tokens[1] : NULL,
                             http_query_value(&g->query, "token") };
    g->username = g->path.at[0][0] ? g->path.at[0] : http_query_value(&g->query, "username");
    g->token = NULL;
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        if (g->token && tokens[i] && strcmp(g->token, tokens[i]) != 0)
            return "Send one token.";
        if (tokens[i])
            g->token = tokens[i];
    }
    return NULL;
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
    return NULL;
}

/* NULL, or what is wrong with them. A browser wants one of its offers back, and that must not be
 * the token. */
static const char *choose_subprotocol(struct session *s, const struct greeting *g)
{
    struct net_thread *t = s->thread;
    char first[sizeof(t->offered)];
    const bool known = has_word(g->offers, t->protocols[0].name, first, sizeof(first));
    s->shakes_hands = g->tokens[1][0] != '\0';
    if (s->shakes_hands)
        return known ? NULL : "Offer the subprotocol confab.v1 beside a token.";
    if (lws_hdr_total_length(s->wsi, WSI_TOKEN_PROTOCOL) > OFFERS_BYTES)
        return "Offer the subprotocol confab.v1, or none.";
    memcpy(t->offered, known ? "" : first, known ? 1 : strlen(first) + 1);
    return NULL;
}

/* Whether the token is one of the name of /NAME/chat. One whose key is not known here yet is the
 * hub's to look at. */
static enum error_code check_token(struct session *s, const struct greeting *g)
{
    struct token_claims claims;
    char name[NAME_MAX_BYTES + 1];
    if (!g->token)
        return ERROR_LOGIN_REQUIRED;
    switch (keyring_verify(s->thread->net->env.keyring, g->token, clock_mono_ms(), &claims)) {
    case TOKEN_GOOD:
        return rules_name(g->username, strlen(g->username), name) == ERROR_NONE &&
                       strcmp(name, claims.user) == 0
                   ? ERROR_NONE
                   : ERROR_WRONG_USER;
    case TOKEN_UNKNOWN_KEY:
        return ERROR_NONE;
    case TOKEN_EXPIRED:
        return ERROR_TOKEN_EXPIRED;
    default:
        return ERROR_BAD_TOKEN;
    }
}

/* What a browser's page cannot see, since a refused handshake has no status there, is left to
 * frames: a bad token at /ws. */
static enum error_code check_user(struct session *s, const struct greeting *g)
{
    const enum accounts_mode mode = s->thread->net->settings->accounts_mode;
    if (g->path.at[0][0])
        return mode == ACCOUNTS_OFF ? ERROR_ACCOUNTS_OFF : check_token(s, g);
    return mode == ACCOUNTS_REQUIRED && g->username && !g->token ? ERROR_LOGIN_REQUIRED
                                                                 : ERROR_NONE;
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

static int refuse(struct session *s, enum http_error error, const char *message) REQUIRES(on_net)
{
    stat_add(s->thread->net->stats, connections_refused, 1);
    return http_refuse(s, error, message);
}

static int deny(struct session *s, enum error_code error) REQUIRES(on_net)
{
    stat_add(s->thread->net->stats, connections_refused, 1);
    return http_deny(s, error);
}

/* 0, or as upgrade_check(). */
static int check_origin(struct session *s) REQUIRES(on_net)
{
    const struct origin_rules *rules = &s->thread->net->origins;
    struct http_head head;
    if (!http_read_head(s, &head))
        return refuse(s, HTTP_BAD_REQUEST, "Send a Host header.");
    if (!origin_host_allowed(rules, head.host))
        return refuse(s, HTTP_BAD_HOST,
                      "This server has another name: set ALLOWED_HOSTS to use this one.");
    if (lead_is_due(s)) {
        char path[ARGUMENT_BYTES + 16];
        header(s, WSI_TOKEN_GET_URI, path, sizeof(path));
        return lead_to_tls(s, "wss", &head, path);
    }
    if (!origin_allowed(rules, head.has_origin ? head.origin : NULL, head.host))
        return refuse(s, HTTP_BAD_ORIGIN,
                      "Pages of this origin may not connect: set ALLOWED_ORIGINS to let them.");
    return 0;
}

int upgrade_check(struct session *s, char *upgrade)
{
    char value[16];
    struct greeting g;
    s->asked = true;
    /* Asked again, because libwebsockets goes on after it has refused an unknown upgrade and
     * freed the headers (CVE-2025-11677). */
    header(s, WSI_TOKEN_UPGRADE, value, sizeof(value));
    if (!value[0])
        return -1;
    if (strcasecmp(value, "websocket") != 0)
        return refuse(s, HTTP_BAD_UPGRADE, "Upgrade to websocket, or do not upgrade.");
    if (!read_name(s, &g.path))
        return refuse(s, HTTP_NO_PATH, "The WebSocket is at GET /ws.");
    const int answered = check_origin(s);
    if (answered)
        return answered;
    const char *wrong = wrong_handshake(s);
    if (!wrong)
        wrong = read_greeting(s, &g);
    if (!wrong)
        wrong = choose_subprotocol(s, &g);
    if (wrong)
        return refuse(s, HTTP_BAD_HANDSHAKE, wrong);
    const enum error_code error = check_user(s, &g);
    if (error != ERROR_NONE)
        return deny(s, error);
    if (s->counted || !take_place(s))
        return refuse(s, HTTP_FULL, "The server is full or stopping: try again later.");
    if (s->shakes_hands)
        handshake_claim(upgrade);
    return 0;
}

/* A token alone says who it is, too. */
static void url_hello(struct session *s) REQUIRES(on_net)
{
    struct greeting g;
    struct command *hello;
    struct command_error error;
    struct client *c = s->client;
    if (!read_name(s, &g.path) || read_greeting(s, &g) || (!g.username && !g.token))
        return;
    const char *session = http_query_value(&g.query, "session");
    const char *caps = http_query_value(&g.query, "caps");
    if (command_hello(g.username, http_query_value(&g.query, "room"),
                      g.session[0] ? g.session : session, g.token, &hello, &error) != 0) {
        struct frame *f = event_error(error.code, NULL, error.field, -1);
        c->env->port.send(c, f);
        frame_unref(f);
        return;
    }
    hello->away = caps && strcmp(caps, "away") == 0; /* as in hello, others mean nothing */
    hello->received_mono_us = clock_mono_us();
    reader_command(c, hello);
}

void upgrade_done(struct session *s)
{
    session_open(s);
    url_hello(s);
    session_start_pumps(s);
}

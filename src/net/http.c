#include "http.h"

#include "confab/wire/event.h"
#include "session.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Of every answer. Without them a browser would run what it should not, or tell others where
 * its user is. The page's own policy stands in csp(). */
#define SAFE_HEADERS                                                                               \
    "X-Content-Type-Options: nosniff\r\n"                                                          \
    "Referrer-Policy: no-referrer\r\n"

enum { REQUEST_MS = 60000 }; /* to take an answer and make the next request complete */

static const char *const json_type = "application/json; charset=utf-8";

static const char *status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        { 200, "OK" },
        { 304, "Not Modified" },
        { 400, "Bad Request" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 413, "Content Too Large" },
        { 429, "Too Many Requests" },
        { 501, "Not Implemented" },
        { 503, "Service Unavailable" },
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "Internal Server Error";
}

static bool has(struct session *s, enum lws_token_indexes token)
{
    return lws_hdr_total_length(s->wsi, token) > 0;
}

bool http_read_head(struct session *s, struct http_head *head)
{
    const int origin = lws_hdr_total_length(s->wsi, WSI_TOKEN_ORIGIN);
    head->has_origin = origin > 0;
    head->origin[0] = '\0';
    if (lws_hdr_copy(s->wsi, head->host, sizeof(head->host), WSI_TOKEN_HOST) <= 0)
        return false;
    return !head->has_origin ||
           lws_hdr_copy(s->wsi, head->origin, sizeof(head->origin), WSI_TOKEN_ORIGIN) > 0;
}

void http_query_init(struct http_query *q, struct lws *wsi)
{
    size_t at = 0;
    q->count = 0;
    while (q->count < sizeof(q->args) / sizeof(q->args[0])) {
        const int n = lws_hdr_copy_fragment(wsi, q->text + at, (int)(sizeof(q->text) - at),
                                            WSI_TOKEN_HTTP_URI_ARGS, (int)q->count);
        if (n < 0)
            break;
        q->args[q->count++] = q->text + at;
        at += (size_t)n + 1;
    }
}

const char *http_query_value(const struct http_query *q, const char *name)
{
    const size_t size = strlen(name);
    for (size_t i = 0; i < q->count; i++)
        if (strncmp(q->args[i], name, size) == 0 && q->args[i][size] == '=')
            return q->args[i] + size + 1;
    return NULL;
}

int http_write(struct session *s, const struct http_reply *r)
{
    struct str head = STR_INIT;
    str_addf(&head, "HTTP/1.1 %d %s\r\n" SAFE_HEADERS, r->status, status_text(r->status));
    if (r->type)
        str_addf(&head, "Content-Type: %s\r\n", r->type);
    if (r->status != 304)
        str_addf(&head, "Content-Length: %zu\r\n", r->size);
    if (r->headers)
        str_addz(&head, r->headers);
    str_addz(&head, r->close ? "Connection: close\r\n\r\n" : "\r\n");

    const bool with_body = r->size && !has(s, WSI_TOKEN_HEAD_URI);
    int n = lws_write(s->wsi, (unsigned char *)head.data, head.size,
                      with_body ? LWS_WRITE_HTTP_HEADERS : LWS_WRITE_HTTP_FINAL);
    str_fini(&head);
    if (n >= 0 && with_body) /* not changed by a plain HTTP/1 write */
        n = lws_write(s->wsi, (unsigned char *)(uintptr_t)r->body, r->size, LWS_WRITE_HTTP_FINAL);
    return n < 0 ? -1 : 0;
}

int http_error(struct session *s, int status, const char *code, const char *message)
{
    struct str body = STR_INIT;
    str_addf(&body, "{\"type\":\"error\",\"code\":\"%s\",\"message\":\"%s\",\"temporary\":%s}",
             code, message, status == 503 || status == 429 ? "true" : "false");
    const int error = http_write(
        s, &(struct http_reply){ .status = status,
                                 .type = json_type,
                                 .body = body.data,
                                 .size = body.size,
                                 .headers = status == 405 ? "Allow: GET, HEAD\r\n" : NULL,
                                 .close = true });
    str_fini(&body);
    return error;
}

/* Answers and ends the connection, so that a body that follows is nobody's concern. */
static int refuse(struct session *s, int status, const char *code, const char *message)
    REQUIRES(on_net)
{
    http_error(s, status, code, message);
    return -1;
}

/* Answers and waits for the next request. */
static int reply(struct session *s, const struct http_reply *r) REQUIRES(on_net)
{
    return http_write(s, r) < 0 || lws_http_transaction_completed(s->wsi) ? -1 : 0;
}

/* Safari before 15.4 does not take a WebSocket to the own host for 'self'. The host has passed
 * origin_host_allowed(), so it holds nothing that could end the directive. */
static void add_csp(struct str *out, const char *host)
{
    str_addf(out,
             "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
             "img-src 'self' data: blob:; connect-src 'self' ws://%s wss://%s; "
             "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n",
             host, host);
}

static bool has_tag(struct session *s, const char *etag)
{
    char value[512];
    return lws_hdr_copy(s->wsi, value, sizeof(value), WSI_TOKEN_HTTP_IF_NONE_MATCH) > 0 &&
           (strcmp(value, "*") == 0 || strstr(value, etag) != NULL);
}

/* RFC 9110 section 12.5.3: named, and not with a weight of 0. */
static bool takes_gzip(struct session *s)
{
    char value[512];
    if (lws_hdr_copy(s->wsi, value, sizeof(value), WSI_TOKEN_HTTP_ACCEPT_ENCODING) <= 0)
        return false;
    const char *p = strcasestr(value, "gzip");
    if (!p)
        return false;
    p += strlen("gzip");
    p += strspn(p, " \t");
    if (*p != ';')
        return true;
    p += strcspn(p, "=,");
    return *p != '=' || strspn(p + 1, "0.") < strcspn(p + 1, " \t,");
}

static int send_asset(struct session *s, const struct asset *a, const char *host) REQUIRES(on_net)
{
    const bool gzip = a->gzip && takes_gzip(s);
    struct str headers = STR_INIT;
    add_csp(&headers, host);
    str_addf(&headers, "ETag: %s\r\nCache-Control: no-cache\r\nVary: Accept-Encoding\r\n", a->etag);
    struct http_reply r = { .status = 200, .type = a->type };
    if (has_tag(s, a->etag)) {
        r = (struct http_reply){ .status = 304 };
    } else {
        r.body = gzip ? a->gzip : a->data;
        r.size = gzip ? a->gzip_size : a->size;
        if (gzip)
            str_addz(&headers, "Content-Encoding: gzip\r\n");
    }
    r.headers = headers.data;
    const int result = reply(s, &r);
    str_fini(&headers);
    return result;
}

static int send_json(struct session *s, int status, struct str *body) REQUIRES(on_net)
{
    const int result = reply(s, &(struct http_reply){ .status = status,
                                                      .type = json_type,
                                                      .body = body->data,
                                                      .size = body->size,
                                                      .headers = "Cache-Control: no-store\r\n" });
    str_fini(body);
    return result;
}

static int send_command_error(struct session *s, const struct command_error *e) REQUIRES(on_net)
{
    struct frame *f = event_error(e->code, e->cid, e->field, -1);
    struct str body = STR_INIT;
    str_add(&body, frame_payload(f), frame_payload_size(f));
    frame_unref(f);
    return send_json(s, error_info(e->code)->http_status, &body);
}

static int get_history(struct session *s, const char *room) REQUIRES(on_net)
{
    struct http_query query;
    struct command *cmd;
    struct command_error error;
    http_query_init(&query, s->wsi);
    const struct history_url url = { .room = room,
                                     .limit = http_query_value(&query, "limit"),
                                     .before = http_query_value(&query, "before"),
                                     .after = http_query_value(&query, "after"),
                                     .at = http_query_value(&query, "at"),
                                     .epoch = http_query_value(&query, "epoch") };
    if (command_history(&url, &cmd, &error) != 0)
        return send_command_error(s, &error);
    cmd->received_mono_us = clock_mono_us();
    if (reader_command(session_ask(s), cmd) == READER_STALLED) {
        session_asked(s);
        return refuse(s, 503, "busy", "The server has too much to do: try again later.");
    }
    lws_rx_flow_control(s->wsi, 0); /* or the next request's bytes spin the loop meanwhile */
    return 0;
}

void http_answer_later(struct session *s, struct frame *f)
{
    if (s->http_answer || !s->client)
        return;
    s->http_answer = frame_ref(f);
    lws_rx_flow_control(s->wsi, 1); /* first: libwebsockets ignores POLLOUT without it */
    lws_callback_on_writable(s->wsi);
}

int http_writeable(struct session *s)
{
    struct frame *f = s->http_answer;
    if (!f)
        return 0;
    s->http_answer = NULL;
    session_asked(s);
    struct str body = STR_INIT;
    str_add(&body, frame_payload(f), frame_payload_size(f));
    const int status = f->http_status;
    frame_unref(f);
    return send_json(s, status, &body);
}

static int get(struct session *s, const char *path, const char *host) REQUIRES(on_net)
{
    static const char messages[] = "/api/v1/messages/";
    const struct net *n = s->thread->net;
    struct str body = STR_INIT;
    if (strcmp(path, "/api/v1/health") == 0)
        return send_json(s, api_health(n, &body), &body);
    if (strcmp(path, "/api/v1/stats") == 0) {
        api_stats(n, &body);
        return send_json(s, 200, &body);
    }
    if (strncmp(path, messages, sizeof(messages) - 1) == 0)
        return get_history(s, path + sizeof(messages) - 1);
    if (strcmp(path, "/ws") == 0)
        return refuse(s, 400, "bad_upgrade", "Connect to /ws with a WebSocket.");
    const struct asset *a = assets_find(n->assets, path);
    return a ? send_asset(s, a, host) : refuse(s, 404, "not_found", "There is nothing here.");
}

static bool has_body(struct session *s)
{
    char length[24];
    return lws_hdr_copy(s->wsi, length, sizeof(length), WSI_TOKEN_HTTP_CONTENT_LENGTH) != 0 &&
           has(s, WSI_TOKEN_HTTP_CONTENT_LENGTH) && strcmp(length, "0") != 0;
}

int http_request(struct session *s, const char *path)
{
    struct http_head head;
    session_expect(s, REQUEST_MS);
    s->asked = true;
    if (s->http_answer || s->client)
        return -1; /* a second request before the first was answered */
    if (has(s, WSI_TOKEN_HTTP_TRANSFER_ENCODING))
        return refuse(s, 501, "no_bodies", "Send no request body.");
    if (!has(s, WSI_TOKEN_GET_URI) && !has(s, WSI_TOKEN_HEAD_URI))
        return refuse(s, 405, "bad_method", "Use GET or HEAD.");
    if (has_body(s))
        return refuse(s, 413, "no_bodies", "Send no request body.");
    if (!http_read_head(s, &head))
        return refuse(s, 400, "bad_request", "Send a Host header.");
    if (!origin_host_allowed(&s->thread->net->origins, head.host))
        return refuse(s, 403, "bad_host",
                      "This server has another name: set ALLOWED_HOSTS to use this one.");
    return get(s, path, head.host);
}

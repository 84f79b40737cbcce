#include "http.h"

#include "body.h"
#include "certificate.h"
#include "confab/wire/event.h"
#include "lead.h"
#include "session.h"
#include "transfer.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { BUSY_RETRY_MS = 1000 };

static const char *const json_type = "application/json; charset=utf-8";

static const char *status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        { 200, "OK" },
        { 201, "Created" },
        { 204, "No Content" },
        { 304, "Not Modified" },
        { 307, "Temporary Redirect" },
        { 308, "Permanent Redirect" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 409, "Conflict" },
        { 411, "Length Required" },
        { 413, "Content Too Large" },
        { 415, "Unsupported Media Type" },
        { 416, "Range Not Satisfiable" },
        { 417, "Expectation Failed" },
        { 429, "Too Many Requests" },
        { 501, "Not Implemented" },
        { 503, "Service Unavailable" },
        { 507, "Insufficient Storage" },
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "Internal Server Error";
}

bool http_has(struct session *s, enum lws_token_indexes header)
{
    return lws_hdr_total_length(s->wsi, header) > 0;
}

bool http_header(struct session *s, enum lws_token_indexes header, char *out, size_t size)
{
    return lws_hdr_copy(s->wsi, out, (int)size, header) > 0;
}

bool http_read_head(struct session *s, struct http_head *head)
{
    head->has_origin = http_has(s, WSI_TOKEN_ORIGIN);
    head->origin[0] = '\0';
    return http_header(s, WSI_TOKEN_HOST, head->host, sizeof(head->host)) &&
           (!head->has_origin ||
            http_header(s, WSI_TOKEN_ORIGIN, head->origin, sizeof(head->origin)));
}

/* Whether an argument before the last one has its name. */
static bool is_repeated(const struct http_query *q)
{
    const char *last = q->args[q->count - 1];
    const size_t size = strcspn(last, "=");
    for (size_t i = 0; i + 1 < q->count; i++)
        if (strcspn(q->args[i], "=") == size && strncmp(q->args[i], last, size) == 0)
            return true;
    return false;
}

bool http_query_init(struct http_query *q, struct lws *wsi)
{
    size_t at = 0;
    q->count = 0;
    for (;;) {
        const int n = lws_hdr_copy_fragment(wsi, q->text + at, (int)(sizeof(q->text) - at),
                                            WSI_TOKEN_HTTP_URI_ARGS, (int)q->count);
        if (n < 0)
            return true;
        if (q->count == sizeof(q->args) / sizeof(q->args[0]))
            return false;
        q->args[q->count++] = q->text + at;
        at += (size_t)n + 1;
        if (is_repeated(q))
            return false;
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
    str_addf(&head, "HTTP/1.1 %d %s\r\n" HTTP_SAFE_HEADERS, r->status, status_text(r->status));
    if (r->type)
        str_addf(&head, "Content-Type: %s\r\nContent-Length: %zu\r\n", r->type, r->size);
    if (r->headers)
        str_addz(&head, r->headers);
    str_addz(&head, r->close ? "Connection: close\r\n\r\n" : "\r\n");

    const bool with_body = r->type && r->size && !http_has(s, WSI_TOKEN_HEAD_URI);
    int n = lws_write(s->wsi, (unsigned char *)head.data, head.size,
                      with_body ? LWS_WRITE_HTTP_HEADERS : LWS_WRITE_HTTP_FINAL);
    str_fini(&head);
    if (n >= 0 && with_body) /* not changed by a plain HTTP/1 write */
        n = lws_write(s->wsi, (unsigned char *)(uintptr_t)r->body, r->size, LWS_WRITE_HTTP_FINAL);
    return n < 0 ? -1 : 0;
}

/* Answers and waits for the next request. */
static int reply(struct session *s, const struct http_reply *r) REQUIRES(on_net)
{
    return http_write(s, r) < 0 || lws_http_transaction_completed(s->wsi) ? -1 : 0;
}

static int write_error(struct session *s, enum http_error error, const char *message,
                       const char *headers, bool close) REQUIRES(on_net)
{
    static const struct {
        const char *code;
        int status;
    } errors[] = {
#define X(name, code, status) [HTTP_##name] = { code, status },
        HTTP_ERRORS(X)
#undef X
    };
    const int status = errors[error].status;
    struct str body = STR_INIT;
    str_addf(&body, "{\"type\":\"error\",\"code\":\"%s\",\"message\":\"%s\",\"temporary\":%s}",
             errors[error].code, message, status == 503 ? "true" : "false");
    const int result = http_write(s, &(struct http_reply){ .status = status,
                                                           .type = json_type,
                                                           .body = body.data,
                                                           .size = body.size,
                                                           .headers = headers,
                                                           .close = close });
    str_fini(&body);
    return result;
}

/* After the answer to a request whose body nobody wants. One that is skipped goes through
 * body_take() to body_done(). */
static int end_behind_body(struct session *s, bool skip) REQUIRES(on_net)
{
    if (!skip)
        return -1;
    session_expect(s, s->thread->net->settings->handshake_timeout_s * 1000);
    return 0;
}

static int refuse(struct session *s, enum http_error error, const char *message,
                  const char *headers) REQUIRES(on_net)
{
    const bool skip = body_is_announced(s) && body_is_skippable(s);
    return write_error(s, error, message, headers, true) < 0 ? -1 : end_behind_body(s, skip);
}

int http_end(struct session *s, const struct http_reply *r)
{
    const bool skip = body_is_announced(s) && body_is_skippable(s);
    return http_write(s, r) < 0 ? -1 : end_behind_body(s, skip);
}

int http_fail(struct session *s, enum http_error error, const char *message)
{
    const int written = write_error(s, error, message, NULL, false);
    return written < 0 || lws_http_transaction_completed(s->wsi) ? -1 : 0;
}

int http_refuse(struct session *s, enum http_error error, const char *message)
{
    return refuse(s, error, message, NULL);
}

static int refuse_method(struct session *s, const char *allow) REQUIRES(on_net)
{
    char header[ALLOW_BYTES + 16], message[ALLOW_BYTES + 16];
    snprintf(header, sizeof(header), "Allow: %s\r\n", allow);
    snprintf(message, sizeof(message), "Use %s.", allow);
    return refuse(s, HTTP_BAD_METHOD, message, header);
}

/* Safari before 15.4 does not take a WebSocket to the own host for 'self'. The host has passed
 * origin_host_allowed(), so it holds nothing that could end the directive. */
static void add_csp(struct str *out, const char *host, const char *hashes)
{
    str_addf(out,
             "Content-Security-Policy: default-src 'none'; script-src 'self'%s; "
             "style-src 'self'%s; img-src 'self' data: blob:; connect-src 'self' ws://%s wss://%s "
             "https://%s; "
             "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n",
             hashes, hashes, host, host, host);
}

static bool has_tag(struct session *s, const char *etag)
{
    char value[512];
    return http_header(s, WSI_TOKEN_HTTP_IF_NONE_MATCH, value, sizeof(value)) &&
           (strcmp(value, "*") == 0 || strstr(value, etag) != NULL);
}

/* RFC 9110 section 12.5.3: named, and not with a weight of 0. */
static bool takes_gzip(struct session *s)
{
    char value[512];
    if (!http_header(s, WSI_TOKEN_HTTP_ACCEPT_ENCODING, value, sizeof(value)))
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
    add_csp(&headers, host, a->hashes);
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

/* A 401 names the way to prove who one is (RFC 6750 section 3), and says what was wrong only to
 * those who tried it. */
static int write_frame(struct session *s, const struct frame *f, bool close) REQUIRES(on_net)
{
    struct str headers = STR_INIT;
    const int status = f->http_status;
    str_addz(&headers, "Cache-Control: no-store\r\n");
    if (status == 401)
        str_addf(&headers, "WWW-Authenticate: Bearer%s\r\n",
                 http_has(s, WSI_TOKEN_HTTP_AUTHORIZATION) ? " error=\"invalid_token\"" : "");
    if (f->retry_after_s)
        str_addf(&headers, "Retry-After: %u\r\n", f->retry_after_s);
    const int error = http_write(s, &(struct http_reply){ .status = status,
                                                          .type = status == 204 ? NULL : json_type,
                                                          .body = frame_payload(f),
                                                          .size = frame_payload_size(f),
                                                          .headers = headers.data,
                                                          .close = close });
    str_fini(&headers);
    return error;
}

int http_answer_frame(struct session *s, const struct frame *f)
{
    return write_frame(s, f, false) < 0 || lws_http_transaction_completed(s->wsi) ? -1 : 0;
}

int http_answer_error(struct session *s, const struct command_error *error)
{
    const int64_t retry_ms = error_info(error->code)->temporary ? BUSY_RETRY_MS : -1;
    struct frame *f = event_error(error->code, error->cid, error->field, retry_ms);
    const int result = http_answer_frame(s, f);
    frame_unref(f);
    return result;
}

int http_deny(struct session *s, enum error_code error)
{
    struct frame *f = event_error(error, NULL, NULL, -1);
    write_frame(s, f, true);
    frame_unref(f);
    return -1;
}

int http_deny_body(struct session *s, enum error_code error)
{
    const bool skip = body_is_announced(s) && body_is_skippable(s);
    http_deny(s, error);
    return end_behind_body(s, skip);
}

int http_ask(struct session *s, struct command *cmd)
{
    cmd->received_mono_us = clock_mono_us();
    if (reader_command(session_ask(s), cmd) == READER_STALLED) {
        session_asked(s);
        return http_answer_error(s, &(struct command_error){ .code = ERROR_BUSY });
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
    if (s->transfer)
        return transfer_writeable(s);
    if (!f)
        return 0;
    s->http_answer = NULL;
    session_asked(s);
    const int result = http_answer_frame(s, f);
    frame_unref(f);
    return result;
}

/* ---- routes ---- */

int http_health(struct session *s, const struct request *r)
{
    (void)r;
    struct str body = STR_INIT;
    return send_json(s, api_health(s->thread->net, &body), &body);
}

int http_stats(struct session *s, const struct request *r)
{
    (void)r;
    struct str body = STR_INIT;
    api_stats(s->thread->net, &body);
    return send_json(s, 200, &body);
}

int http_server(struct session *s, const struct request *r)
{
    (void)r;
    struct frame *f = event_server(s->thread->net->settings);
    const int result = http_answer_frame(s, f);
    frame_unref(f);
    return result;
}

static int send_ca(struct session *s, const char *type, const char *body, size_t size)
    REQUIRES(on_net)
{
    if (!body)
        return http_refuse(s, HTTP_NO_PATH, "This server has no authority of its own.");
    return reply(s, &(struct http_reply){ .status = 200,
                                          .type = type,
                                          .body = body,
                                          .size = size,
                                          .headers = "Cache-Control: no-store\r\n" });
}

int http_ca(struct session *s, const struct request *r)
{
    (void)r;
    const struct certificate *c = s->thread->certificate;
    return send_ca(s, "application/x-x509-ca-cert", c ? c->ca : NULL, c ? c->ca_size : 0);
}

int http_ca_profile(struct session *s, const struct request *r)
{
    (void)r;
    const struct certificate *c = s->thread->certificate;
    return send_ca(s, "application/x-apple-aspen-config", c ? c->profile.data : NULL,
                   c ? c->profile.size : 0);
}

int http_not_upgraded(struct session *s, const struct request *r)
{
    (void)r;
    return http_refuse(s, HTTP_BAD_UPGRADE, "Connect with a WebSocket.");
}

static int send_page(struct session *s, enum method method, const char *path, const char *host)
    REQUIRES(on_net)
{
    const struct asset *a = assets_find(s->thread->net->assets, path);
    if (!a)
        return http_refuse(s, HTTP_NO_PATH, "There is nothing here.");
    if (method != METHOD_GET)
        return refuse_method(s, "GET, HEAD");
    if (body_is_announced(s))
        return http_refuse(s, HTTP_NO_BODY, "Send no request body.");
    return send_asset(s, a, host);
}

static enum method method_of(struct session *s)
{
    if (http_has(s, WSI_TOKEN_GET_URI) || http_has(s, WSI_TOKEN_HEAD_URI))
        return METHOD_GET;
    if (http_has(s, WSI_TOKEN_POST_URI))
        return METHOD_POST;
    return http_has(s, WSI_TOKEN_DELETE_URI) ? METHOD_DELETE : METHOD_OTHER;
}

static int answer(struct session *s, const char *path, const struct http_head *head)
    REQUIRES(on_net)
{
    struct arguments arguments;
    char allow[ALLOW_BYTES];
    const struct net *n = s->thread->net;
    const enum method method = method_of(s);
    const struct route *r = route_find(method, path, &arguments, allow);
    if (!r && allow[0])
        return refuse_method(s, allow);
    if (!r)
        return send_page(s, method, path, head->host);
    if (method != METHOD_GET &&
        !origin_allowed(&n->origins, head->has_origin ? head->origin : NULL, head->host))
        return http_refuse(
            s, HTTP_BAD_ORIGIN,
            "Pages of this origin may not do this: set ALLOWED_ORIGINS to let them.");
    if (r->with_body)
        return body_begin(s, r, &arguments);
    if (!r->takes_file && body_is_announced(s))
        return http_refuse(s, HTTP_NO_BODY, "Send no request body.");
    return r->answer(s, &(struct request){ .route = r, .arguments = &arguments });
}

int http_request(struct session *s, const char *path)
{
    struct http_head head;
    session_expect(s, HTTP_REQUEST_MS);
    s->asked = true;
    if (s->http_answer || s->client || s->body || s->transfer)
        return -1; /* a second request before the first was answered */
    if (http_has(s, WSI_TOKEN_HTTP_TRANSFER_ENCODING))
        return http_refuse(s, HTTP_BAD_ENCODING, "Send a body with a Content-Length, or none.");
    const enum body_place place = body_is_announced(s) ? body_place(s) : BODY_FROM_SOCKET;
    s->served = true;
    if (place == BODY_BUFFERED)
        return http_refuse(s, HTTP_BAD_PIPELINE,
                           "Wait for the answer before you send a request with a body.");
    if (place == BODY_UNKNOWN)
        return http_refuse(s, HTTP_BUSY, "The server has too much to do: try again later.");
    if (!http_read_head(s, &head))
        return http_refuse(s, HTTP_BAD_REQUEST, "Send a Host header.");
    if (!origin_host_allowed(&s->thread->net->origins, head.host))
        return http_refuse(s, HTTP_BAD_HOST,
                           "This server has another name: set ALLOWED_HOSTS to use this one.");
    if (lead_is_due(s) && !lead_spares(path))
        return lead_to_tls(s, "https", &head, path);
    return answer(s, path, &head);
}

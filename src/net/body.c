#include "body.h"

#include "confab/base/secret.h"
#include "http.h"
#include "session.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LENGTH_DIGITS = 15 };

/* One allocation. */
struct body {
    const struct route *route;
    struct arguments arguments;
    size_t want, size;
    char bytes[];
};

bool body_read_length(const char *value, uint64_t *out)
{
    const size_t digits = strspn(value, "0123456789");
    if (!digits || digits > LENGTH_DIGITS || value[digits])
        return false;
    *out = strtoull(value, NULL, 10);
    return true;
}

bool body_is_json(const char *content_type)
{
    static const char json[] = "application/json";
    const size_t size = strcspn(content_type, "; \t");
    return size == sizeof(json) - 1 && strncasecmp(content_type, json, size) == 0;
}

static bool any_buffered(struct session *s)
{
    return lws_service_adjust_timeout(s->thread->context, 1, 0) == 0;
}

enum body_place body_place(struct session *s)
{
    if (!s->served || !any_buffered(s))
        return BODY_FROM_SOCKET;
    /* Of this connection, or of others? Those that are held back do not count. */
    lws_rx_flow_control(s->wsi, 0);
    const bool others = any_buffered(s);
    lws_rx_flow_control(s->wsi, 1);
    return others ? BODY_UNKNOWN : BODY_BUFFERED;
}

bool body_is_announced(struct session *s)
{
    char value[LENGTH_DIGITS + 1];
    uint64_t length;
    if (http_has(s, WSI_TOKEN_HTTP_TRANSFER_ENCODING))
        return true;
    if (!http_has(s, WSI_TOKEN_HTTP_CONTENT_LENGTH))
        return false;
    return !http_header(s, WSI_TOKEN_HTTP_CONTENT_LENGTH, value, sizeof(value)) ||
           !body_read_length(value, &length) || length > 0;
}

/* Of several, libwebsockets makes one with commas, which is no length. */
bool body_length(struct session *s, uint64_t *out)
{
    char value[LENGTH_DIGITS + 1];
    return !http_has(s, WSI_TOKEN_HTTP_TRANSFER_ENCODING) &&
           http_header(s, WSI_TOKEN_HTTP_CONTENT_LENGTH, value, sizeof(value)) &&
           body_read_length(value, out);
}

bool body_is_skippable(struct session *s)
{
    uint64_t length, most = (uint64_t)s->thread->net->settings->file_max_kb * 1024;
    if (most < BODY_SKIP_BYTES)
        most = BODY_SKIP_BYTES;
    return body_length(s, &length) && length <= most && body_place(s) == BODY_FROM_SOCKET;
}

/* Not for a client that sends the body at once: it has done so (RFC 9110 section 10.1.1). */
int body_continue(struct session *s)
{
    char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const size_t size = sizeof(text) - 1;
    return lws_write(s->wsi, (unsigned char *)text, size, LWS_WRITE_HTTP_HEADERS) < 0 ? -1 : 0;
}

bool body_expects_well(struct session *s)
{
    char value[128];
    return !http_has(s, WSI_TOKEN_HTTP_EXPECT) ||
           (http_header(s, WSI_TOKEN_HTTP_EXPECT, value, sizeof(value)) &&
            strcasecmp(value, "100-continue") == 0);
}

static int await(struct session *s, const struct route *r, const struct arguments *arguments,
                 size_t want) REQUIRES(on_net)
{
    struct body *b = xmalloc(sizeof(*b) + want + 1);
    b->route = r;
    b->arguments = *arguments;
    b->want = want;
    b->size = 0;
    s->body = b;
    s->asked = false;
    session_expect(s, s->thread->net->settings->handshake_timeout_s * 1000);
    return http_has(s, WSI_TOKEN_HTTP_EXPECT) ? body_continue(s) : 0;
}

int body_begin(struct session *s, const struct route *r, const struct arguments *arguments)
{
    char value[128];
    uint64_t length;
    if (!http_has(s, WSI_TOKEN_HTTP_CONTENT_LENGTH))
        return http_refuse(s, HTTP_LENGTH_REQUIRED, "Send a Content-Length.");
    if (!body_length(s, &length))
        return http_refuse(s, HTTP_BAD_LENGTH, "Send one Content-Length of decimal digits.");
    if (length > RULE_HTTP_BODY_BYTES)
        return http_refuse(s, HTTP_TOO_BIG, "Send at most 8192 bytes.");
    if (!http_header(s, WSI_TOKEN_HTTP_CONTENT_TYPE, value, sizeof(value)) || !body_is_json(value))
        return http_refuse(s, HTTP_BAD_MEDIA_TYPE, "Send Content-Type: application/json.");
    if (!body_expects_well(s))
        return http_refuse(s, HTTP_BAD_EXPECT, "Expect 100-continue, or nothing.");
    if (!length) /* after which libwebsockets would wait for what does not come */
        return http_deny(s, ERROR_BAD_JSON);
    return await(s, r, arguments, (size_t)length);
}

int body_take(struct session *s, const void *in, size_t size)
{
    struct body *b = s->body;
    if (!b) /* of a request that was refused */
        return 0;
    if (size > b->want - b->size)
        return -1;
    if (size)
        memcpy(b->bytes + b->size, in, size);
    b->size += size;
    return 0;
}

int body_done(struct session *s)
{
    struct body *b = s->body;
    if (!b) /* of a request that was refused */
        return -1;
    if (b->size != b->want)
        return -1;
    s->asked = true;
    session_expect(s, HTTP_REQUEST_MS);
    b->bytes[b->size] = '\0';
    const struct request r = {
        .route = b->route, .arguments = &b->arguments, .body = b->bytes, .body_size = b->size
    };
    const int result = b->route->answer(s, &r);
    body_fini(s);
    return result;
}

void body_fini(struct session *s)
{
    if (!s->body)
        return;
    secret_wipe(s->body, sizeof(*s->body) + s->body->size);
    free(s->body);
    s->body = NULL;
}

/* Plain HTTP on the same port. Net thread. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "confab/base/str.h"
#include "state.h"

/* What every request is checked by. */
struct http_head {
    char host[280];
    char origin[320];
    bool has_origin;
};
/* False when there is no Host header or one of the two is too long. */
bool http_read_head(struct session *s, struct http_head *head);

/* The arguments of the URL, percent-decoded. */
struct http_query {
    size_t count;
    const char *args[16]; /* "name=value" */
    char text[8192];
};
void http_query_init(struct http_query *q, struct lws *wsi);
const char *http_query_value(const struct http_query *q, const char *name); /* NULL: absent */

struct http_reply {
    int status;
    const char *type;
    const void *body;
    size_t size;
    const char *headers; /* more of them, each with its CRLF; NULL for none */
    bool close;          /* the connection ends with it */
};
/* Writes the reply, without the body for HEAD. 0, or -1 when the connection is broken. */
int http_write(struct session *s, const struct http_reply *r) REQUIRES(on_net);
/* The same with an error object as body. */
int http_error(struct session *s, int status, const char *code, const char *message)
    REQUIRES(on_net);

/* The callbacks of libwebsockets: their result. */
int http_request(struct session *s, const char *path) REQUIRES(on_net);
int http_writeable(struct session *s) REQUIRES(on_net);

/* The hub's answer to a GET of history: borrows f. */
void http_answer_later(struct session *s, struct frame *f) REQUIRES(on_net);

/* The files of the page (assets.c). path is "/" or a file's. NULL: no such file. */
struct asset {
    const char *path, *type, *etag;
    const void *data, *gzip; /* gzip NULL: none */
    size_t size, gzip_size;
};
struct assets *assets_new(const char *public_dir); /* "": the built-in files */
void assets_free(struct assets *a);
const struct asset *assets_find(const struct assets *a, const char *path);

/* The JSON of /api/v1/health and /api/v1/stats (api.c). health returns the status. */
int api_health(const struct net *n, struct str *out);
void api_stats(const struct net *n, struct str *out);

#endif

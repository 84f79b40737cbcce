/* Plain HTTP on the same port. Net thread. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "confab/base/str.h"
#include "confab/wire/command.h"
#include "state.h"

enum {
    HTTP_REQUEST_MS = 60000,  /* to take an answer and make the next request complete */
    HTTP_HEADER_BYTES = 8192, /* of one request; a token may take 4096 of them */
};

/* Of every answer. Without them a browser would run what it should not, or tell others where
 * its user is. */
#define HTTP_SAFE_HEADERS                                                                          \
    "X-Content-Type-Options: nosniff\r\n"                                                          \
    "Referrer-Policy: no-referrer\r\n"

/* Of the request that is being answered. */
bool http_has(struct session *s, enum lws_token_indexes header);
/* False when the header is absent or does not fit; several of one name are joined with commas. */
bool http_header(struct session *s, enum lws_token_indexes header, char *out, size_t size);

/* What every request is checked by. */
struct http_head {
    char host[280];
    char origin[320];
    bool has_origin;
};
/* False when there is no Host header or one of the two is too long. */
bool http_read_head(struct session *s, struct http_head *head);

enum { HTTP_QUERY_ARGS = 16 };

/* The arguments of the URL, percent-decoded. */
struct http_query {
    size_t count;
    const char *args[HTTP_QUERY_ARGS]; /* "name=value" */
    char text[8192];
};
/* False when there are too many, or two of one name. */
bool http_query_init(struct http_query *q, struct lws *wsi) MUST_USE;
const char *http_query_value(const struct http_query *q, const char *name); /* NULL: absent */

struct http_reply {
    int status;
    const char *type; /* NULL: the reply has no body at all (204, 304) */
    const void *body;
    size_t size;
    const char *headers; /* more of them, each with its CRLF; NULL for none */
    bool close;          /* the connection ends with it */
};
/* Writes the reply, without the body for HEAD. 0, or -1 when the connection is broken. */
int http_write(struct session *s, const struct http_reply *r) REQUIRES(on_net);

/* Errors that only HTTP knows, beside those of wire/rules.h: X(NAME, "code", status) */
#define HTTP_ERRORS(X)                                                                             \
    X(BAD_REQUEST, "bad_request", 400)                                                             \
    X(BAD_ARGUMENTS, "bad_arguments", 400)                                                         \
    X(BAD_LENGTH, "bad_length", 400)                                                               \
    X(BAD_PIPELINE, "bad_pipeline", 400)                                                           \
    X(BAD_UPGRADE, "bad_upgrade", 400)                                                             \
    X(BAD_HANDSHAKE, "bad_handshake", 400)                                                         \
    X(BAD_HOST, "bad_host", 403)                                                                   \
    X(BAD_ORIGIN, "bad_origin", 403)                                                               \
    X(NO_PATH, "not_found", 404)                                                                   \
    X(BAD_METHOD, "bad_method", 405)                                                               \
    X(LENGTH_REQUIRED, "length_required", 411)                                                     \
    X(TOO_BIG, "too_big", 413)                                                                     \
    X(NO_BODY, "no_body", 413)                                                                     \
    X(BAD_MEDIA_TYPE, "bad_media_type", 415)                                                       \
    X(BAD_FILE_NAME, "bad_file_name", 400)                                                         \
    X(NOT_YOURS, "not_allowed", 403)                                                               \
    X(WRONG_TYPE, "wrong_type", 415)                                                               \
    X(BAD_PICTURE, "bad_picture", 415)                                                             \
    X(MANY_PIXELS, "too_many_pixels", 413)                                                         \
    X(BAD_RANGE, "bad_range", 416)                                                                 \
    X(QUOTA, "quota_reached", 507)                                                                 \
    X(FILES_FULL, "files_full", 507)                                                               \
    X(FILES_UNAVAILABLE, "files_unavailable", 503)                                                 \
    X(BAD_EXPECT, "bad_expect", 417)                                                               \
    X(BAD_ENCODING, "bad_encoding", 501)                                                           \
    X(BUSY, "busy", 503)                                                                           \
    X(FULL, "full", 503)

enum http_error {
#define X(name, code, status) HTTP_##name,
    HTTP_ERRORS(X)
#undef X
};

/* For http_query_init(). */
#define HTTP_BAD_ARGUMENTS_TEXT "Give at most 16 arguments, each of them once."
/* Answers with an error object and ends the connection, so that what follows is nobody's concern;
 * when a body follows that can be skipped, behind that. The result of the callback. */
int http_refuse(struct session *s, enum http_error error, const char *message) REQUIRES(on_net);
/* Writes the reply, which closes; then as http_refuse(). */
int http_end(struct session *s, const struct http_reply *r) REQUIRES(on_net);
/* The same, and the connection goes on: the whole request has been read. */
int http_fail(struct session *s, enum http_error error, const char *message) REQUIRES(on_net);
/* Answers with an error of the protocol; the connection goes on. */
int http_answer_error(struct session *s, const struct command_error *error) REQUIRES(on_net);
/* The same, and ends the connection. */
int http_deny(struct session *s, enum error_code error) REQUIRES(on_net);
/* The same; a body that can be skipped is read first. */
int http_deny_body(struct session *s, enum error_code error) REQUIRES(on_net);
/* Answers with it: borrows f. The connection goes on. */
int http_answer_frame(struct session *s, const struct frame *f) REQUIRES(on_net);

/* Hands a command to the hub, whose one frame is the answer; takes it. The result of the
 * callback. */
int http_ask(struct session *s, struct command *cmd) REQUIRES(on_net);
/* The hub's answer: borrows f. */
void http_answer_later(struct session *s, struct frame *f) REQUIRES(on_net);

/* The callbacks of libwebsockets: their result. */
int http_request(struct session *s, const char *path) REQUIRES(on_net);
int http_writeable(struct session *s) REQUIRES(on_net);

/* Answers of routes (route.c). */
struct request;
int http_health(struct session *s, const struct request *r) REQUIRES(on_net);
int http_stats(struct session *s, const struct request *r) REQUIRES(on_net);
int http_server(struct session *s, const struct request *r) REQUIRES(on_net);
int http_ca(struct session *s, const struct request *r) REQUIRES(on_net);
int http_ca_profile(struct session *s, const struct request *r) REQUIRES(on_net);
int http_not_upgraded(struct session *s, const struct request *r) REQUIRES(on_net);
int http_account(struct session *s, const struct request *r) REQUIRES(on_net);   /* account.c */
int http_history(struct session *s, const struct request *r) REQUIRES(on_net);   /* past.c */
int http_search(struct session *s, const struct request *r) REQUIRES(on_net);    /* past.c */
int http_addresses(struct session *s, const struct request *r) REQUIRES(on_net); /* reach.c */
int http_qr(struct session *s, const struct request *r) REQUIRES(on_net);        /* reach.c */
int http_room(struct session *s, const struct request *r) REQUIRES(on_net);      /* rooms.c */
int http_upload(struct session *s, const struct request *r) REQUIRES(on_net);    /* upload.c */
int http_remove_file(struct session *s, const struct request *r) REQUIRES(on_net);
int http_file(struct session *s, const struct request *r) REQUIRES(on_net); /* download.c */

/* The files of the page (assets.c). path is "/" or a file's. NULL: no such file. One is made:
 * a line `ETAG PATH` for each of the others that a page asks for. */
#define ASSETS_LIST "/assets.txt"
struct asset {
    const char *path, *type, *etag;
    char *hashes;            /* of scripts and styles in it: " 'sha256-…'" each */
    const void *data, *gzip; /* gzip NULL: none */
    size_t size, gzip_size;
    bool inlined; /* see embedded.h */
};
struct assets *assets_new(const char *public_dir); /* "": the built-in files */
void assets_free(struct assets *a);
const struct asset *assets_find(const struct assets *a, const char *path);

/* The JSON of /api/v1/health and /api/v1/stats (api.c). health returns the status. */
int api_health(const struct net *n, struct str *out);
void api_stats(const struct net *n, struct str *out);

#endif

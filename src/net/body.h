/* A request's body, on its way in. Its size is announced, checked and bounded before the first
 * byte is taken; libwebsockets counts the bytes. Net thread. */
#ifndef NET_BODY_H
#define NET_BODY_H

#include "route.h"

enum {
    /* An unwanted body up to so large, or as large as a file may be, is read and thrown away before the connection ends, so that a
     * client that writes all of it before it reads gets the answer: closing with bytes unread would
     * make the kernel reset the connection. */
    BODY_SKIP_BYTES = 2 << 20,
};

/* In LWS_CALLBACK_HTTP, for a route with a body: waits for it, or answers what is wrong with its
 * announcement. The result of the callback. */
int body_begin(struct session *s, const struct route *r, const struct arguments *arguments)
    REQUIRES(on_net);
int body_take(struct session *s, const void *in, size_t size) REQUIRES(on_net); /* HTTP_BODY */
int body_done(struct session *s) REQUIRES(on_net); /* HTTP_BODY_COMPLETION */
/* Forgets what has come, so that no password stays in memory. */
void body_fini(struct session *s) REQUIRES(on_net);

/* False: no length, or none that can be believed. */
bool body_length(struct session *s, uint64_t *out);
bool body_expects_well(struct session *s);             /* Expect: 100-continue, or none */
int body_continue(struct session *s) REQUIRES(on_net); /* 100 Continue: 0 or -1 */
/* Whether the request announces a body at all. */
bool body_is_announced(struct session *s);
/* Whether it can be read and thrown away. */
bool body_is_skippable(struct session *s) REQUIRES(on_net);
/* Where libwebsockets has taken the request from that is being answered. When it came in one piece
 * with one before it, that is a buffer, and versions as late as 4.3 then read the request's head
 * once more, as its body, and do not end: no body may be let in. */
enum body_place {
    BODY_FROM_SOCKET,
    BODY_BUFFERED,
    BODY_UNKNOWN, /* requests of other connections are buffered, too, or this one */
};
enum body_place body_place(struct session *s) REQUIRES(on_net);

/* RFC 9110 section 8.6: 1*DIGIT. False for everything else, and for what no one would send. */
bool body_read_length(const char *value, uint64_t *out);
/* application/json, with or without parameters (RFC 8259 section 11 knows none). */
bool body_is_json(const char *content_type);

#endif

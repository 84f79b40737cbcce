/* Rooms, messages and the audit log over HTTP: requests become commands, by the same checks as
 * frames. docs/PROTOCOL.md, "HTTP on the same port". */
#ifndef CONFAB_WIRE_REST_H
#define CONFAB_WIRE_REST_H

#include "confab/wire/command.h"
#include "confab/wire/frame.h"

enum { REST_NAMES = 2, REST_LIST_MOST = 100 /* entries of one answer */ };

struct rest_request {
    /* COMMAND_ROOM, _JOIN (uses an invitation), _DELETE, _ROOMS, _MEMBERS, _CONVERSATIONS, _AUDIT */
    enum command_type type;
    enum room_act act; /* of COMMAND_ROOM. INFO with a body: changes, each an act of its own */
    const char *body;  /* JSON, or NULL: a request without a body */
    size_t size;
    /* Of the path, percent-decoded: fields of the frame, NULL for none. They win over the body. */
    const char *names[REST_NAMES], *values[REST_NAMES];
    /* Of the query, NULL for what is not there */
    const char *limit, *after, *before, *room, *actor;
    const char *token;   /* the bearer's, or NULL */
    const char *address; /* of the client, as limits count it; or NULL */
    bool claims_admin;   /* the token is, or should be, ADMIN_TOKEN … */
    bool admin;          /* … and it is; then token is NULL */
};

/* As command_parse(), with its errors; everything is copied. What only an account or the
 * administrator may ask, asked by nobody: ERROR_LOGIN_REQUIRED. */
int rest_parse(const struct rest_request *from, struct command **out, struct command_error *error)
    MUST_USE;

/* A page of a list: {"type":KIND,KIND:json} and what the next one begins behind, "": nothing.
 * Returns new. */
struct frame *event_list(const char *kind, const char *json, size_t size, const char *next)
    MUST_USE;
/* {"type":"invitation","room":…}: it was used. Returns new. */
struct frame *event_invited(const char *room) MUST_USE;

#endif

/* Which function answers which request. Net thread. */
#ifndef NET_ROUTE_H
#define NET_ROUTE_H

#include "confab/wire/command.h"
#include "state.h"

enum method {
    METHOD_GET, /* and HEAD, which is answered without the body */
    METHOD_POST,
    METHOD_DELETE,
    METHOD_OTHER, /* in no route */
};

enum {
    ROUTE_ARGUMENTS = 2,
    ARGUMENT_BYTES = 1024, /* a path whose segment is longer matches no '*' */
    ALLOW_BYTES = 64,
};
/* What stands for each '*' of a route's path, percent-decoded; or "". */
struct arguments {
    char at[ROUTE_ARGUMENTS][ARGUMENT_BYTES];
};

/* One request, as its route gets it. It lives as long as the call. */
struct request {
    const struct route *route;
    const struct arguments *arguments;
    const char *body; /* route.with_body: JSON, not looked at; else NULL */
    size_t body_size;
};

struct route {
    enum method method;
    const char *path; /* a '*' stands for one segment that is not empty; ROUTE_ARGUMENTS of them */
    /* Net thread. The result of libwebsockets' callback: -1 ends the connection. */
    int (*answer)(struct session *s, const struct request *r);
    enum command_type command;          /* http_account(), http_room(): what it becomes */
    enum room_act act;                  /* COMMAND_ROOM */
    const char *names[ROUTE_ARGUMENTS]; /* http_room(): fields that the arguments are */
    bool with_body;                     /* has to have one */
    bool takes_file;                    /* looks after its body itself */
};

/* The route of a method and path. NULL when there is none; then allow gets the value of an Allow
 * header (RFC 9110 section 10.2.1), "" for an unknown path. */
const struct route *route_find(enum method method, const char *path, struct arguments *arguments,
                               char allow[ALLOW_BYTES]);

#endif

/* Accounts and devices over HTTP: requests become commands; answers and the frames of `auth`.
 * docs/PROTOCOL.md, "Accounts". */
#ifndef CONFAB_WIRE_ACCOUNT_H
#define CONFAB_WIRE_ACCOUNT_H

#include "confab/wire/command.h"
#include "confab/wire/frame.h"

struct account_request {
    enum command_type type; /* COMMAND_REGISTER … COMMAND_UNREGISTER */
    const char *body;       /* JSON, or NULL: a request without a body */
    size_t size;
    const char *name;    /* of the path, percent-decoded: password, unregister; else NULL */
    const char *device;  /* of the path: revoke; else NULL */
    const char *token;   /* the bearer token, or NULL */
    const char *address; /* of the client, as limits count it; or NULL */
};

/* As command_parse(), with its errors; everything is copied. A request that needs a bearer token
 * and has none: ERROR_LOGIN_REQUIRED. */
int account_parse(const struct account_request *from, struct command **out,
                  struct command_error *error) MUST_USE;

/* The answers return new, with one reference. frame.http_status says what they are over HTTP. */

/* After register (201), login and token (200). */
struct frame *event_tokens(const struct token_claims *claims, const char *access_token,
                           const char *refresh_token, int64_t refresh_life_s, int http_status)
    MUST_USE;

struct device_info {
    const char *id, *label;
    int64_t created_ms, seen_ms;
    bool online; /* has a connection here, or was used a moment ago */
};
/* In the order of the array. current: id of the asker's device. */
struct frame *event_devices(const struct device_info *devices, size_t count, const char *current)
    MUST_USE;

struct frame *event_done(void) MUST_USE; /* 204: over HTTP without a body */

/* Answer to auth; both tokens NULL, or both set when a refresh token was used. */
struct frame *event_auth(const char *device, int64_t expires_in_s, const char *access_token,
                         const char *refresh_token) MUST_USE;
struct frame *event_auth_expiring(int64_t expires_in_s) MUST_USE;

#endif

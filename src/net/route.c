#include "route.h"

#include "http.h"

#include <string.h>

/* Behind them: the fields that the arguments are. */
#define ROOM(method, path, command, body, ...)                                                     \
    {                                                                                              \
        METHOD_##method, path, http_room, COMMAND_##command, 0, { __VA_ARGS__ }, body, false       \
    }
#define ACT(method, path, act, body, ...)                                                          \
    {                                                                                              \
        METHOD_##method, path, http_room, COMMAND_ROOM, ROOM_ACT_##act, { __VA_ARGS__ }, body,     \
            false                                                                                  \
    }
static const struct route routes[] = {
    { METHOD_GET, "/api/v1/health", .answer = http_health },
    { METHOD_GET, "/api/v1/stats", .answer = http_stats },
    { METHOD_GET, "/api/v1/server", .answer = http_server },
    { METHOD_GET, "/api/v1/addresses", .answer = http_addresses },
    { METHOD_GET, "/api/v1/qr.svg", .answer = http_qr },
    { METHOD_GET, "/ca.crt", .answer = http_ca },
    { METHOD_GET, "/ca.mobileconfig", .answer = http_ca_profile },
    { METHOD_GET, "/api/v1/messages/*", .answer = http_history },
    { METHOD_GET, "/api/v1/search", .answer = http_search },
    { METHOD_POST, "/api/v1/users", http_account, COMMAND_REGISTER, .with_body = true },
    { METHOD_POST, "/api/v1/login", http_account, COMMAND_LOGIN, .with_body = true },
    { METHOD_POST, "/api/v1/token", http_account, COMMAND_TOKEN, .with_body = true },
    { METHOD_POST, "/api/v1/logout", http_account, COMMAND_LOGOUT, .with_body = true },
    { METHOD_GET, "/api/v1/devices", http_account, COMMAND_DEVICES, .with_body = false },
    { METHOD_DELETE, "/api/v1/devices/*", http_account, COMMAND_REVOKE, .with_body = false },
    { METHOD_POST, "/api/v1/users/*/password", http_account, COMMAND_PASSWORD, .with_body = true },
    { METHOD_POST, "/api/v1/users/*/delete", http_account, COMMAND_UNREGISTER, .with_body = true },
    ACT(POST, "/api/v1/rooms", CREATE, true, NULL),
    ACT(GET, "/api/v1/rooms/*", INFO, false, "room"),
    ACT(POST, "/api/v1/rooms/*", INFO, true, "room"), /* changes */
    ACT(DELETE, "/api/v1/rooms/*", DESTROY, false, "room"),
    ACT(POST, "/api/v1/rooms/*/members/*", ROLE, true, "room", "user"),
    ACT(DELETE, "/api/v1/rooms/*/members/*", ROLE, false, "room", "user"),
    ACT(POST, "/api/v1/rooms/*/bans/*", BAN, true, "room", "user"),
    ACT(DELETE, "/api/v1/rooms/*/bans/*", UNBAN, false, "room", "user"),
    ACT(POST, "/api/v1/rooms/*/mutes/*", MUTE, true, "room", "user"),
    ACT(DELETE, "/api/v1/rooms/*/mutes/*", UNMUTE, false, "room", "user"),
    ACT(POST, "/api/v1/rooms/*/kicks/*", KICK, true, "room", "user"),
    ACT(POST, "/api/v1/rooms/*/invitations", INVITE, true, "room"),
    ACT(DELETE, "/api/v1/rooms/*/invitations/*", UNINVITE, false, "room", "code"),
    ROOM(GET, "/api/v1/rooms", ROOMS, false, NULL),
    ROOM(GET, "/api/v1/rooms/*/members", MEMBERS, false, "room"),
    ROOM(POST, "/api/v1/invitations", JOIN, true, NULL),
    ROOM(DELETE, "/api/v1/messages/*/*", DELETE, false, "room", "seq"),
    ROOM(GET, "/api/v1/conversations", CONVERSATIONS, false, NULL),
    ROOM(GET, "/api/v1/audit", AUDIT, false, NULL),
    { METHOD_POST, "/api/v1/files", .answer = http_upload, .takes_file = true },
    { METHOD_DELETE, "/api/v1/files/*", .answer = http_remove_file },
    { METHOD_GET, "/files/*/*", .answer = http_file },
    { METHOD_GET, "/ws", .answer = http_not_upgraded },
    { METHOD_GET, "/*/chat", .answer = http_not_upgraded },
};

static bool matches(const char *pattern, const char *path, struct arguments *arguments)
{
    for (size_t i = 0; i < ROUTE_ARGUMENTS; i++)
        arguments->at[i][0] = '\0';
    for (size_t i = 0; i <= ROUTE_ARGUMENTS; i++) {
        const size_t before = strcspn(pattern, "*");
        if (strncmp(pattern, path, before) != 0)
            return false;
        pattern += before;
        path += before;
        if (!*pattern)
            return !*path;
        const size_t size = strcspn(path, "/");
        if (i == ROUTE_ARGUMENTS || !size || size >= ARGUMENT_BYTES)
            return false;
        memcpy(arguments->at[i], path, size);
        arguments->at[i][size] = '\0';
        pattern++;
        path += size;
    }
    return false;
}

static void allow_also(char allow[ALLOW_BYTES], enum method method)
{
    static const char *const names[] = {
        [METHOD_GET] = "GET, HEAD",
        [METHOD_POST] = "POST",
        [METHOD_DELETE] = "DELETE",
    };
    if (allow[0])
        text_copy(allow + strlen(allow), ALLOW_BYTES - strlen(allow), ", ");
    text_copy(allow + strlen(allow), ALLOW_BYTES - strlen(allow), names[method]);
}

const struct route *route_find(enum method method, const char *path, struct arguments *arguments,
                               char allow[ALLOW_BYTES])
{
    allow[0] = '\0';
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (!matches(routes[i].path, path, arguments))
            continue;
        if (routes[i].method == method)
            return &routes[i];
        allow_also(allow, routes[i].method);
    }
    return NULL;
}

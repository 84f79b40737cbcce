/* Requests about rooms, conversations and the audit log: to the hub, which answers them. */
#include "confab/wire/rest.h"
#include "bearer.h"
#include "peer_address.h"
#include "route.h"

/* Who has to show a token, and what claims to be the administrator's where there is none. */
static enum error_code check_who(const struct settings *settings, const char *token, bool admin)
{
    if (admin && !settings->admin_token[0])
        return ERROR_ADMIN_OFF;
    if (admin)
        return ERROR_NONE;
    if (settings->accounts_mode == ACCOUNTS_OFF && token)
        return ERROR_ACCOUNTS_OFF;
    return settings->accounts_mode == ACCOUNTS_REQUIRED && !token ? ERROR_LOGIN_REQUIRED
                                                                  : ERROR_NONE;
}

int http_room(struct session *s, const struct request *r)
{
    const struct settings *settings = s->thread->net->settings;
    char buffer[BEARER_BYTES], address[PEER_ADDRESS_BYTES];
    struct http_query query;
    struct command *cmd;
    bool admin;
    const char *token = bearer_of_header(s, buffer);
    const bool claims = bearer_claims_admin(settings, token, &admin);
    struct command_error error = { .code = check_who(settings, token, claims) };
    if (error.code != ERROR_NONE)
        return http_answer_error(s, &error);
    if (!http_query_init(&query, s->wsi))
        return http_refuse(s, HTTP_BAD_ARGUMENTS, HTTP_BAD_ARGUMENTS_TEXT);
    peer_address_of(s, address);
    struct rest_request request = {
        .type = r->route->command,
        .act = r->route->act,
        .body = r->body,
        .size = r->body_size,
        .limit = http_query_value(&query, "limit"),
        .after = http_query_value(&query, "after"),
        .before = http_query_value(&query, "before"),
        .room = http_query_value(&query, "room"),
        .actor = http_query_value(&query, "actor"),
        .token = claims ? NULL : token,
        .address = address,
        .claims_admin = claims,
        .admin = admin,
    };
    for (size_t i = 0; i < ROUTE_ARGUMENTS; i++) {
        request.names[i] = r->route->names[i];
        request.values[i] = r->arguments->at[i];
    }
    if (rest_parse(&request, &cmd, &error) != 0)
        return http_answer_error(s, &error);
    return http_ask(s, cmd);
}

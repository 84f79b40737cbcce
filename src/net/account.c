/* Requests of accounts and devices: to the hub, which answers them. */
#include "confab/wire/account.h"
#include "bearer.h"
#include "peer_address.h"
#include "route.h"

int http_account(struct session *s, const struct request *r)
{
    char buffer[BEARER_BYTES], address[PEER_ADDRESS_BYTES];
    const enum command_type type = r->route->command;
    struct command *cmd;
    struct command_error error = { .code = ERROR_ACCOUNTS_OFF };
    if (s->thread->net->settings->accounts_mode == ACCOUNTS_OFF)
        return http_answer_error(s, &error);
    peer_address_of(s, address);
    const struct account_request request = {
        .type = type,
        .body = r->body,
        .size = r->body_size,
        .name = type == COMMAND_PASSWORD || type == COMMAND_UNREGISTER ? r->arguments->at[0] : NULL,
        .device = type == COMMAND_REVOKE ? r->arguments->at[0] : NULL,
        .token = bearer_of_header(s, buffer),
        .address = address,
    };
    if (account_parse(&request, &cmd, &error) != 0)
        return http_answer_error(s, &error);
    return http_ask(s, cmd);
}

/* Requests for what was said before: to the hub, which answers them. */
#include "bearer.h"
#include "peer_address.h"
#include "route.h"

#include <string.h>

enum { ASKED, REFUSED };

/* What a request for the past is made of. */
struct asking {
    char buffer[BEARER_BYTES];
    const char *token; /* or NULL */
    struct http_query query;
    char address[PEER_ADDRESS_BYTES];
    struct shown shown;
    const struct shown *is_shown; /* NULL: nothing in place of ADMIN_TOKEN */
};

/* Who shows a token learns when it is none; who has to have one needs it. */
static enum error_code find_token(struct session *s, struct asking *a)
{
    const struct settings *settings = s->thread->net->settings;
    const bool required = settings->accounts_mode == ACCOUNTS_REQUIRED;
    a->token = bearer_of_header(s, a->buffer);
    a->is_shown = NULL;
    if (settings->admin_token[0] && bearer_claims_admin(settings, a->token, &a->shown.right)) {
        peer_address_of(s, a->address);
        a->shown.address = a->address;
        a->is_shown = &a->shown;
        a->token = NULL;
        return ERROR_NONE;
    }
    if (!a->token)
        return required ? ERROR_LOGIN_REQUIRED : ERROR_NONE;
    return strlen(a->token) > RULE_TOKEN_BYTES ? ERROR_BAD_TOKEN : ERROR_NONE;
}

/* REFUSED: *result is that of the callback. */
static int read_asking(struct session *s, struct asking *a, int *result) REQUIRES(on_net)
{
    const struct command_error error = { .code = find_token(s, a) };
    if (error.code != ERROR_NONE)
        *result = http_answer_error(s, &error);
    else if (!http_query_init(&a->query, s->wsi))
        *result = http_refuse(s, HTTP_BAD_ARGUMENTS, HTTP_BAD_ARGUMENTS_TEXT);
    else
        return ASKED;
    return REFUSED;
}

int http_history(struct session *s, const struct request *r)
{
    int result;
    struct asking a;
    struct command *cmd;
    struct command_error error;
    if (read_asking(s, &a, &result) == REFUSED)
        return result;
    const struct history_url url = { .room = r->arguments->at[0],
                                     .limit = http_query_value(&a.query, "limit"),
                                     .before = http_query_value(&a.query, "before"),
                                     .after = http_query_value(&a.query, "after"),
                                     .at = http_query_value(&a.query, "at"),
                                     .epoch = http_query_value(&a.query, "epoch"),
                                     .token = a.token,
                                     .shown = a.is_shown };
    if (command_history(&url, &cmd, &error) != 0)
        return http_answer_error(s, &error);
    return http_ask(s, cmd);
}

int http_search(struct session *s, const struct request *r)
{
    (void)r;
    int result;
    struct asking a;
    struct command *cmd;
    struct command_error error;
    if (read_asking(s, &a, &result) == REFUSED)
        return result;
    const struct search_url url = { .q = http_query_value(&a.query, "q"),
                                    .room = http_query_value(&a.query, "room"),
                                    .user = http_query_value(&a.query, "user"),
                                    .from = http_query_value(&a.query, "from"),
                                    .to = http_query_value(&a.query, "to"),
                                    .limit = http_query_value(&a.query, "limit"),
                                    .cursor = http_query_value(&a.query, "cursor"),
                                    .token = a.token,
                                    .shown = a.is_shown };
    if (command_search(&url, &cmd, &error) != 0)
        return http_answer_error(s, &error);
    return http_ask(s, cmd);
}

/* Requests for what was said before: to the hub, which answers them. */
#include "bearer.h"
#include "route.h"

#include <string.h>

/* Who shows a token learns when it is none; who has to have one needs it. */
static enum error_code find_token(struct session *s, char buffer[BEARER_BYTES], const char **out)
{
    const bool required = s->thread->net->settings->accounts_mode == ACCOUNTS_REQUIRED;
    *out = bearer_of_header(s, buffer);
    if (!*out)
        return required ? ERROR_LOGIN_REQUIRED : ERROR_NONE;
    return strlen(*out) > RULE_TOKEN_BYTES ? ERROR_BAD_TOKEN : ERROR_NONE;
}

int http_history(struct session *s, const struct request *r)
{
    char buffer[BEARER_BYTES];
    const char *token;
    struct http_query query;
    struct command *cmd;
    struct command_error error = { .code = find_token(s, buffer, &token) };
    if (error.code != ERROR_NONE)
        return http_answer_error(s, &error);
    if (!http_query_init(&query, s->wsi))
        return http_refuse(s, HTTP_BAD_ARGUMENTS, HTTP_BAD_ARGUMENTS_TEXT);
    const struct history_url url = { .room = r->argument,
                                     .limit = http_query_value(&query, "limit"),
                                     .before = http_query_value(&query, "before"),
                                     .after = http_query_value(&query, "after"),
                                     .at = http_query_value(&query, "at"),
                                     .epoch = http_query_value(&query, "epoch"),
                                     .token = token };
    if (command_history(&url, &cmd, &error) != 0)
        return http_answer_error(s, &error);
    return http_ask(s, cmd);
}

int http_search(struct session *s, const struct request *r)
{
    (void)r;
    char buffer[BEARER_BYTES];
    const char *token;
    struct http_query query;
    struct command *cmd;
    struct command_error error = { .code = find_token(s, buffer, &token) };
    if (error.code != ERROR_NONE)
        return http_answer_error(s, &error);
    if (!http_query_init(&query, s->wsi))
        return http_refuse(s, HTTP_BAD_ARGUMENTS, HTTP_BAD_ARGUMENTS_TEXT);
    const struct search_url url = { .q = http_query_value(&query, "q"),
                                    .room = http_query_value(&query, "room"),
                                    .user = http_query_value(&query, "user"),
                                    .from = http_query_value(&query, "from"),
                                    .to = http_query_value(&query, "to"),
                                    .limit = http_query_value(&query, "limit"),
                                    .cursor = http_query_value(&query, "cursor"),
                                    .token = token };
    if (command_search(&url, &cmd, &error) != 0)
        return http_answer_error(s, &error);
    return http_ask(s, cmd);
}

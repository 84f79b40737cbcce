/* Requests for what was said before: to the hub, which answers them. */
#include "http.h"
#include "route.h"

int http_history(struct session *s, const struct request *r)
{
    struct http_query query;
    struct command *cmd;
    struct command_error error;
    http_query_init(&query, s->wsi);
    const struct history_url url = { .room = r->argument,
                                     .limit = http_query_value(&query, "limit"),
                                     .before = http_query_value(&query, "before"),
                                     .after = http_query_value(&query, "after"),
                                     .at = http_query_value(&query, "at"),
                                     .epoch = http_query_value(&query, "epoch") };
    if (command_history(&url, &cmd, &error) != 0)
        return http_answer_error(s, &error);
    return http_ask(s, cmd);
}

int http_search(struct session *s, const struct request *r)
{
    (void)r;
    struct http_query query;
    struct command *cmd;
    struct command_error error;
    http_query_init(&query, s->wsi);
    const struct search_url url = { .q = http_query_value(&query, "q"),
                                    .room = http_query_value(&query, "room"),
                                    .user = http_query_value(&query, "user"),
                                    .from = http_query_value(&query, "from"),
                                    .to = http_query_value(&query, "to"),
                                    .limit = http_query_value(&query, "limit"),
                                    .cursor = http_query_value(&query, "cursor") };
    if (command_search(&url, &cmd, &error) != 0)
        return http_answer_error(s, &error);
    return http_ask(s, cmd);
}

/* Requests for what was said before: history and search. */
#include "confab/wire/date.h"
#include "draft.h"

#include <errno.h>
#include <string.h>

enum { CURSOR_BYTES = 63, SEARCH_USUAL = 20 };

static int take_limit(struct draft *d, uint64_t usual, uint64_t most)
{
    uint64_t limit = usual;

    if (draft_get_number(d, "limit", &limit) != 0)
        return -EINVAL;
    if (limit < 1 || limit > most)
        return draft_refuse(d, ERROR_BAD_FIELD, "limit");
    d->c.limit = (unsigned)limit;
    return 0;
}

static int take_time(struct draft *d, const char *field, int64_t *out)
{
    uint64_t ms = 0;

    if (draft_get_number(d, field, &ms) != 0)
        return -EINVAL;
    if (ms > DATE_MS_MAX)
        return draft_refuse(d, ERROR_BAD_FIELD, field);
    *out = (int64_t)ms;
    return 0;
}

/* At most one of them; none: the end. */
static int take_way(struct draft *d)
{
    static const struct {
        const char *field;
        enum page_way way;
    } ways[] = { { "before", PAGE_BEFORE }, { "after", PAGE_AFTER }, { "at", PAGE_AT } };
    const char *given = NULL;

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (!draft_has(d, ways[i].field))
            continue;
        if (given != NULL)
            return draft_refuse(d, ERROR_BAD_FIELD, ways[i].field);
        given = ways[i].field;
        d->c.way = ways[i].way;
    }
    d->c.seq = UINT64_MAX;
    if (d->c.way == PAGE_AT)
        return take_time(d, given, &d->c.at_ms);
    return given != NULL ? draft_get_number(d, given, &d->c.seq) : 0;
}

static int take_page(struct draft *d)
{
    struct text epoch;

    if (take_way(d) != 0 || draft_get_text(d, "epoch", &epoch) != 0)
        return -EINVAL;
    if (epoch.data == NULL)
        return 0;
    if (!draft_is_epoch(epoch.data, epoch.size) || d->c.way == PAGE_AT)
        return draft_refuse(d, ERROR_BAD_FIELD, "epoch");
    d->c.epoch = epoch.size > 0 ? epoch.data : NULL;
    return 0;
}

int parse_history(struct draft *d)
{
    if (draft_take_cid(d) != 0 || draft_take_access_token(d) != 0 || draft_take_mentions(d) != 0)
        return -EINVAL;
    if ((!d->c.mentions && draft_take_room_or_to(d) != 0) || take_page(d) != 0)
        return -EINVAL;
    if (d->c.mentions && (d->c.epoch != NULL || d->c.way == PAGE_AT))
        return draft_refuse(d, ERROR_BAD_FIELD, d->c.epoch != NULL ? "epoch" : "at");
    return take_limit(d, RULE_HISTORY_MESSAGES, RULE_HISTORY_MESSAGES);
}

/* What words are is the archive's business; here stands only that there is something. */
static int take_query(struct draft *d)
{
    struct text q;

    if (draft_need_text(d, "q", &q) != 0)
        return -EINVAL;
    if (q.size > RULE_SEARCH_BYTES || rules_content(q.data, q.size) != ERROR_NONE)
        return draft_refuse(d, ERROR_BAD_QUERY, "q");
    d->c.query = q.data;
    return 0;
}

static int take_cursor(struct draft *d)
{
    struct text cursor;

    if (draft_get_text(d, "cursor", &cursor) != 0)
        return -EINVAL;
    if (cursor.data != NULL && !rules_token(cursor.data, cursor.size, CURSOR_BYTES))
        return draft_refuse(d, ERROR_BAD_CURSOR, "cursor");
    d->c.cursor = cursor.data;
    return 0;
}

int parse_search(struct draft *d)
{
    if (draft_take_cid(d) != 0 || draft_take_access_token(d) != 0 || take_query(d) != 0)
        return -EINVAL;
    if ((draft_has(d, "room") || draft_has(d, "to")) && draft_take_room_or_to(d) != 0)
        return -EINVAL;
    if (draft_has(d, "user") && draft_take_name(d, "user", d->username, &d->c.author) != 0)
        return -EINVAL;
    if (take_time(d, "since", &d->c.since_ms) != 0 || take_time(d, "until", &d->c.until_ms) != 0 ||
        take_limit(d, SEARCH_USUAL, RULE_SEARCH_RESULTS) != 0)
        return -EINVAL;
    return take_cursor(d);
}

/* What is no date stays a text, and so is refused as a field of the wrong kind. */
static void url_date(json_t *frame, const char *field, const char *value)
{
    int64_t ms;

    if (value != NULL && date_ms(value, &ms))
        json_object_set_new(frame, field, json_integer(ms));
    else
        draft_url_text(frame, field, value);
}

int command_history(const struct history_url *url, struct command **out,
                    struct command_error *error)
{
    json_t *frame = json_object();

    draft_url_text(frame, "type", "history");
    draft_url_text(frame, "room", url->room);
    draft_url_number(frame, "limit", url->limit);
    draft_url_number(frame, "before", url->before);
    draft_url_number(frame, "after", url->after);
    url_date(frame, "at", url->at);
    draft_url_text(frame, "epoch", url->epoch);
    draft_url_text(frame, "token", url->token);
    return draft_url_command(frame, url->shown, out, error);
}

/* The URL names the bounds as people would, while `to` of a frame is somebody. */
static void rename_field(struct command_error *error)
{
    static const char *const names[][2] = { { "since", "from" }, { "until", "to" } };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(error->field, names[i][0]) == 0)
            memcpy(error->field, names[i][1], strlen(names[i][1]) + 1);
}

int command_search(const struct search_url *url, struct command **out, struct command_error *error)
{
    json_t *frame = json_object();

    draft_url_text(frame, "type", "search");
    draft_url_text(frame, "q", url->q);
    draft_url_text(frame, "room", url->room);
    draft_url_text(frame, "user", url->user);
    url_date(frame, "since", url->from);
    url_date(frame, "until", url->to);
    draft_url_number(frame, "limit", url->limit);
    draft_url_text(frame, "cursor", url->cursor);
    draft_url_text(frame, "token", url->token);
    int rc = draft_url_command(frame, url->shown, out, error);
    if (rc != 0)
        rename_field(error);
    return rc;
}

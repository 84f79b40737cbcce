#include "confab/wire/ask.h"
#include "confab/wire/date.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
    ASK_VERSION = 1,
    STREAMS_MOST = RULE_ROOMS_PER_CLIENT + 1, /* its rooms, and all its conversations */
};

/* --- to JSON --- */

static void set_text(json_t *o, const char *name, const char *value)
{
    if (value != NULL && *value != '\0')
        json_object_set_new(o, name, json_string(value));
}

/* Numbers of messages are below 2^63, but for the end of a stream, which is left out. */
static void set_number(json_t *o, const char *name, uint64_t value)
{
    if (value <= INT64_MAX)
        json_object_set_new(o, name, json_integer((json_int_t)value));
}

static json_t *page_object(const struct ask *ask)
{
    const struct page_query *q = &ask->page;
    json_t *o = json_object();

    set_text(o, "stream", q->stream);
    set_text(o, "as", ask->as);
    set_text(o, "epoch", q->epoch);
    set_number(o, "way", q->way);
    set_number(o, "seq", q->seq);
    set_number(o, "at", (uint64_t)q->at_ms);
    set_number(o, "own", (uint64_t)q->own_ms);
    set_number(o, "limit", q->limit);
    set_text(o, "now_epoch", ask->now_epoch);
    set_number(o, "now_first", ask->now_first);
    set_number(o, "now_top", ask->now_top);
    return o;
}

static json_t *find_object(const struct ask *ask)
{
    const struct search_query *q = &ask->find;
    json_t *o = json_object(), *streams = json_array();

    set_text(o, "q", q->q);
    for (size_t i = 0; i < q->stream_count; i++)
        json_array_append_new(streams, json_string(q->streams[i]));
    json_object_set_new(o, "streams", streams);
    set_text(o, "viewer", ask->viewer);
    set_text(o, "user", q->user);
    set_number(o, "since", (uint64_t)q->since_ms);
    set_number(o, "until", (uint64_t)q->until_ms);
    set_number(o, "own", (uint64_t)q->own_ms);
    set_number(o, "limit", q->limit);
    set_text(o, "cursor", q->cursor);
    return o;
}

void ask_json(struct str *out, const struct ask *ask)
{
    json_t *o = ask->kind == ASK_SEARCH ? find_object(ask) : page_object(ask);

    set_number(o, "v", ASK_VERSION);
    set_number(o, "kind", ask->kind);
    set_text(o, "cid", ask->cid);
    char *text = json_dumps(o, JSON_COMPACT);
    BUG_ON(text == NULL);
    str_addz(out, text);
    free(text);
    json_decref(o);
}

/* --- from JSON --- */

/* The texts stand in the tree. */
struct parsed {
    struct ask ask; /* first: ask_free() gets it */
    json_t *tree;
    const char *streams[];
};

static const char *get_text(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

/* False when it is there and not within 0 … most. */
static bool get_number(const json_t *o, const char *name, uint64_t most, uint64_t *out)
{
    const json_t *value = json_object_get(o, name);

    if (value == NULL)
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) > most)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool take_page(const json_t *o, struct ask *ask)
{
    uint64_t way = PAGE_BEFORE, at = 0, own = 0, limit = 0;

    ask->page.seq = UINT64_MAX;
    ask->page.stream = get_text(o, "stream");
    ask->page.epoch = get_text(o, "epoch");
    ask->as = get_text(o, "as");
    ask->now_epoch = get_text(o, "now_epoch");
    if (!get_number(o, "way", PAGE_AT, &way) || !get_number(o, "seq", INT64_MAX, &ask->page.seq) ||
        !get_number(o, "at", DATE_MS_MAX, &at) || !get_number(o, "own", DATE_MS_MAX, &own) ||
        !get_number(o, "limit", RULE_HISTORY_MESSAGES, &limit) ||
        !get_number(o, "now_first", INT64_MAX, &ask->now_first) ||
        !get_number(o, "now_top", INT64_MAX, &ask->now_top))
        return false;
    ask->page.way = (enum page_way)way;
    ask->page.at_ms = (int64_t)at;
    ask->page.own_ms = (int64_t)own;
    ask->page.limit = (unsigned)limit;
    return ask->page.stream != NULL && (ask->kind == ASK_FIND || (ask->as != NULL && limit > 0));
}

static bool take_streams(const json_t *array, struct parsed *p)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        p->streams[i] = json_string_value(json_array_get(array, i));
        if (p->streams[i] == NULL)
            return false;
    }
    p->ask.find.streams = p->streams;
    p->ask.find.stream_count = json_array_size(array);
    return true;
}

static bool take_find(const json_t *o, struct parsed *p)
{
    struct search_query *q = &p->ask.find;
    uint64_t since = 0, until = 0, own = 0, limit = 0;

    q->q = get_text(o, "q");
    q->user = get_text(o, "user");
    q->cursor = get_text(o, "cursor");
    p->ask.viewer = get_text(o, "viewer");
    if (!get_number(o, "since", DATE_MS_MAX, &since) ||
        !get_number(o, "until", DATE_MS_MAX, &until) || !get_number(o, "own", DATE_MS_MAX, &own) ||
        !get_number(o, "limit", RULE_SEARCH_RESULTS, &limit))
        return false;
    q->since_ms = (int64_t)since;
    q->until_ms = (int64_t)until;
    q->own_ms = (int64_t)own;
    q->limit = (unsigned)limit;
    return q->q != NULL && limit > 0 && take_streams(json_object_get(o, "streams"), p);
}

static bool take_ask(const json_t *o, struct parsed *p)
{
    uint64_t version = 0, kind = ASK_PAGE;

    if (!get_number(o, "v", ASK_VERSION, &version) || version != ASK_VERSION ||
        !get_number(o, "kind", ASK_FIND, &kind))
        return false;
    p->ask.kind = (enum ask_kind)kind;
    p->ask.cid = get_text(o, "cid");
    return kind == ASK_SEARCH ? take_find(o, p) : take_page(o, &p->ask);
}

struct ask *ask_parse(const char *json, size_t size)
{
    json_t *tree = json_loadb(json, size, 0, NULL);
    const size_t streams = json_array_size(json_object_get(tree, "streams"));

    if (tree == NULL || streams > STREAMS_MOST) {
        json_decref(tree);
        return NULL;
    }
    struct parsed *p = xcalloc(1, sizeof *p + streams * sizeof p->streams[0]);
    p->tree = tree;
    if (take_ask(tree, p))
        return &p->ask;
    ask_free(&p->ask);
    return NULL;
}

void ask_free(struct ask *ask)
{
    if (ask == NULL)
        return;
    struct parsed *p = (struct parsed *)ask;
    json_decref(p->tree);
    free(p);
}

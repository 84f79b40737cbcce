/* Events about messages: an edit or a deletion rewrites the row of its target, a reaction is noted
 * there. Each counts once and only when it is newer than what counted before, so events may come
 * again and in any order, before their target too. docs/DATA.md, "Life of an event". */
#include "event.h"

#include "reaction.h"

#include "confab/wire/rewrite.h"

struct event {
    int64_t id;
    struct frame_part json, target_id; /* the second one without its quotes */
    uint64_t seq, target;
    bool is_reaction;
};

/* A row that events are about. */
struct row {
    int64_t id; /* 0: there is none */
    int64_t event;
    int kind;
    struct str json, state;
};

static bool is_text(const struct frame_part *value, const char *text)
{
    return value->size == strlen(text) && memcmp(value->data, text, value->size) == 0;
}

/* False: it is about no message. */
static bool event_read(struct event *e, int64_t id, const struct frame_part *json)
{
    struct frame_part kind;

    if (!message_field(json, "kind", &kind))
        return false;
    *e = (struct event){ .id = id,
                         .json = *json,
                         .seq = number_of(id),
                         .target = message_number(json, "target"),
                         .is_reaction = is_text(&kind, "\"react\"") };
    if (!e->is_reaction && !is_text(&kind, "\"edit\"") && !is_text(&kind, "\"delete\""))
        return false;
    if (!message_field(json, "target_id", &e->target_id) || e->target_id.size < 2)
        return false;
    e->target_id.data = (const char *)e->target_id.data + 1;
    e->target_id.size -= 2;
    return true;
}

static struct frame_part part_of(const struct str *s)
{
    return (struct frame_part){ s->data != NULL ? s->data : "", s->size };
}

static void copy_column(struct str *out, sqlite3_stmt *s, int column)
{
    const unsigned char *text = sqlite3_column_text(s, column);
    const int size = sqlite3_column_bytes(s, column);

    str_grow(out, (size_t)size); /* never NULL, whatever the column has */
    if (size > 0)
        str_add(out, text, (size_t)size);
}

static void row_fini(struct row *r)
{
    str_fini(&r->json);
    str_fini(&r->state);
}

static struct row row_of(struct file *f, sqlite3_stmt *s)
{
    struct row r = { .json = STR_INIT, .state = STR_INIT };

    if (file_row(f, s)) {
        r.id = sqlite3_column_int64(s, 0);
        r.kind = sqlite3_column_int(s, 1);
        r.event = sqlite3_column_int64(s, 2);
        copy_column(&r.json, s, 3);
        copy_column(&r.state, s, 4);
    }
    sqlite3_reset(s);
    return r;
}

static struct row row_read(struct file *f, int64_t id)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_ROW);

    bind_number(s, 1, id);
    return row_of(f, s);
}

/* Numbers go on over the epochs of a stream, so the target may be in any of them. */
static struct row row_find(struct file *f, int64_t stream, const struct event *e)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_TARGET);

    bind_number(s, 1, stream);
    bind_number(s, 2, e->target <= UINT32_MAX ? (int64_t)e->target : 0);
    bind_text(s, 3, e->target_id.data, e->target_id.size);
    return row_of(f, s);
}

/* ---- edits and deletions ---- */

static void row_set_json(struct file *f, int64_t id, const struct str *json, int64_t event)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_REWRITE);

    bind_number(s, 1, id);
    bind_text(s, 2, json->data, json->size);
    if (event != 0)
        bind_number(s, 3, event);
    file_run(f, s);
}

static void row_set_state(struct file *f, int64_t id, const struct str *state)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_STATE_SET);

    bind_number(s, 1, id);
    if (state->size > 0)
        bind_text(s, 2, state->data, state->size);
    file_run(f, s);
}

/* What an edit said is nowhere any more once a later event counts. */
static void outdate(struct file *f, int64_t id, const struct frame_part *edit,
                    const struct event *by, uint64_t seq)
{
    struct str later = STR_INIT, json = STR_INIT;

    if (seq <= number_of(id)) /* of another epoch */
        seq = number_of(id) + 1;
    str_addf(&later,
             "{\"type\":\"message\",\"seq\":%llu,\"kind\":\"delete\",\"target_id\":\"%.*s\"",
             (unsigned long long)seq, (int)by->target_id.size, (const char *)by->target_id.data);
    str_addz(&later, ",\"content\":\"\"}");
    const struct frame_part event = part_of(&later);
    if (message_rewrite(&json, edit, &event))
        row_set_json(f, id, &json, 0);
    str_fini(&later);
    str_fini(&json);
}

/* A new epoch may give out again numbers that Redis lost; its events are the newer ones all the
 * same. */
static bool is_newer(const struct event *e, const struct row *r, uint64_t edited)
{
    if (r->event != 0 && epoch_of(r->event) != epoch_of(e->id))
        return epoch_of(e->id) > epoch_of(r->event);
    return e->seq > edited;
}

/* The message as if it had not been edited before. */
static void cut_edited(struct str *json)
{
    const struct frame_part message = part_of(json);
    struct frame_part value;
    struct str cut = STR_INIT;

    if (!message_field(&message, "edited", &value))
        return;
    const char *end = (const char *)value.data + value.size;
    const size_t before = (size_t)((const char *)value.data - json->data) - strlen(",\"edited\":");
    str_add(&cut, json->data, before);
    str_add(&cut, end, json->size - (size_t)(end - json->data));
    str_fini(json);
    *json = cut;
}

static bool rewrite(struct file *f, const struct event *e, struct row *r)
{
    struct str json = STR_INIT;

    cut_edited(&r->json);
    const struct frame_part message = part_of(&r->json);
    const bool changes = message_rewrite(&json, &message, &e->json);
    if (changes) {
        message_unindex(f, r->id);
        row_set_json(f, r->id, &json, e->id);
        message_index(f, r->id);
    }
    const struct frame_part now = part_of(&json);
    struct frame_part deleted;
    if (changes && message_field(&now, "deleted", &deleted))
        row_set_state(f, r->id, &(struct str)STR_INIT);
    str_fini(&json);
    return changes;
}

static void apply_change(struct file *f, const struct event *e, struct row *r)
{
    const struct frame_part message = part_of(&r->json);
    const uint64_t edited = message_number(&message, "edited");
    const uint64_t deleted = message_number(&message, "deleted");
    const uint64_t last = deleted > edited ? deleted : edited;
    const bool is_open = r->kind != KIND_FORGOTTEN && deleted == 0;

    if (r->event == e->id)
        return;
    if (is_open && is_newer(e, r, edited) && rewrite(f, e, r)) {
        struct row before = row_read(f, r->event);
        const struct frame_part edit = part_of(&before.json);
        if (before.id != 0)
            outdate(f, before.id, &edit, e, e->seq);
        row_fini(&before);
    } else if (r->event == 0 && e->seq == last) { /* it came rewritten */
        sqlite3_stmt *s = file_statement(f, STATEMENT_EVENT_SET);
        bind_number(s, 1, r->id);
        bind_number(s, 2, e->id);
        file_run(f, s);
    } else {
        outdate(f, e->id, &e->json, e, last);
    }
}

/* ---- reactions ---- */

static void apply_reaction(struct file *f, const struct event *e, const struct row *r)
{
    const struct frame_part message = part_of(&r->json);
    struct str state = STR_INIT;
    struct frame_part ignored;

    if (r->kind <= KIND_PRIVATE && !message_field(&message, "deleted", &ignored) &&
        reaction_note(&state, &r->state, &e->json, e->id))
        row_set_state(f, r->id, &state);
    str_fini(&state);
}

/* Somebody is forgotten who reacted. */
static void forget_reaction(struct file *f, const struct event *e, const struct row *r)
{
    struct str state = STR_INIT;

    if (reaction_forget(&state, &r->state, &e->json))
        row_set_state(f, r->id, &state);
    str_fini(&state);
}

/* ---- both ---- */

static void apply(struct file *f, const struct event *e, struct row *r)
{
    if (e->is_reaction)
        apply_reaction(f, e, r);
    else
        apply_change(f, e, r);
}

/* Events without a target are remembered; of two edits of one message the older one loses its text
 * all the same. */
static void wait_for_target(struct file *f, int64_t stream, const struct event *e)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_WAITING_ADD);

    bind_number(s, 1, e->id);
    bind_number(s, 2, stream);
    bind_number(s, 3, e->target <= UINT32_MAX ? (int64_t)e->target : 0);
    file_run(f, s);
    f->waits = true;
    s = file_statement(f, STATEMENT_WAITING);
    bind_number(s, 1, stream);
    bind_number(s, 2, (int64_t)e->target);
    while (!e->is_reaction && file_row(f, s)) {
        struct row other = row_read(f, sqlite3_column_int64(s, 0));
        const struct frame_part json = part_of(&other.json);
        struct event before;
        if (other.id < e->id)
            outdate(f, other.id, &json, e, e->seq);
        else if (other.id > e->id && event_read(&before, other.id, &json))
            outdate(f, e->id, &e->json, &before, before.seq);
        row_fini(&other);
    }
    sqlite3_reset(s);
}

bool event_added(struct file *f, int64_t id, const struct frame_part *json)
{
    struct frame_part kind;
    struct event e;

    if (!event_read(&e, id, json))
        return message_field(json, "kind", &kind);
    struct row r = row_find(f, f->stream, &e);
    if (r.id != 0)
        apply(f, &e, &r);
    else
        wait_for_target(f, f->stream, &e);
    row_fini(&r);
    return true;
}

/* True: the event is about this message, or it is not there any more. */
static bool catch_up_with(struct file *f, int64_t id, int64_t event)
{
    struct row waiting = row_read(f, event), r = row_read(f, id);
    const struct frame_part json = part_of(&waiting.json), message = part_of(&r.json);
    struct frame_part value;
    struct event e;

    bool is_done = waiting.id == 0 || !event_read(&e, event, &json);
    if (!is_done && message_field(&message, "id", &value) && value.size == e.target_id.size + 2 &&
        memcmp((const char *)value.data + 1, e.target_id.data, e.target_id.size) == 0) {
        apply(f, &e, &r);
        is_done = true;
    }
    row_fini(&waiting);
    row_fini(&r);
    return is_done;
}

void event_catch_up(struct file *f, int64_t id)
{
    sqlite3_stmt *s = file_statement(f, STATEMENT_WAITING);

    bind_number(s, 1, f->stream);
    bind_number(s, 2, (int64_t)number_of(id));
    while (file_row(f, s)) {
        const int64_t event = sqlite3_column_int64(s, 0);
        if (!catch_up_with(f, id, event))
            continue;
        sqlite3_stmt *drop = file_statement(f, STATEMENT_WAITING_DROP);
        bind_number(drop, 1, event);
        file_run(f, drop);
    }
    sqlite3_reset(s);
}

void event_forget(struct file *f, int64_t id)
{
    struct row forgotten = row_read(f, id);
    const struct frame_part json = part_of(&forgotten.json);
    struct event e;

    if (event_read(&e, id, &json) && e.is_reaction) {
        sqlite3_stmt *s = file_statement(f, STATEMENT_STREAM_OF);
        bind_number(s, 1, epoch_of(id));
        const int64_t stream = file_number(f, s, 0);
        struct row r = row_find(f, stream, &e);
        if (r.id != 0)
            forget_reaction(f, &e, &r);
        row_fini(&r);
    }
    row_fini(&forgotten);
}

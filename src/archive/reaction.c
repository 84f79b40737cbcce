#include "reaction.h"

#include "confab/wire/rewrite.h"
#include "confab/wire/rules.h"

struct line {
    const char *at, *end; /* behind its '\n' */
    struct frame_part name, emoji;
    int64_t id;
    bool is_there;
};

static bool is_same(const struct frame_part *a, const struct frame_part *b)
{
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

/* Sets line to the one that begins at `at`. False: there is none. */
static bool line_read(struct line *line, const char *at, const char *end)
{
    const char *newline = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    if (newline == NULL)
        return false;
    *line = (struct line){ .at = at, .end = newline + 1, .is_there = *at == '+' };
    for (at++; *at >= '0' && *at <= '9'; at++)
        line->id = line->id * 10 + (*at - '0');
    const char *space = *at == ' ' ? memchr(at + 1, ' ', (size_t)(newline - at - 1)) : NULL;
    if (space == NULL)
        return false;
    line->name = (struct frame_part){ at + 1, (size_t)(space - at - 1) };
    line->emoji = (struct frame_part){ space + 1, (size_t)(newline - space - 1) };
    return true;
}

#define EACH_LINE(line, text, size)                                                                \
    bool ok_ = line_read(&(line), (text), (text) + (size));                                        \
    ok_;                                                                                           \
    ok_ = line_read(&(line), (line).end, (text) + (size))

static void line_add(struct str *out, const struct line *line)
{
    str_addc(out, line->is_there ? '+' : '-');
    str_addu(out, (uint64_t)line->id);
    str_addc(out, ' ');
    str_add(out, line->name.data, line->name.size);
    str_addc(out, ' ');
    str_add(out, line->emoji.data, line->emoji.size);
    str_addc(out, '\n');
}

/* Neither has a space or a line break in it: in a name none is allowed, nor in an emoji. */
static bool line_of(struct line *line, const struct frame_part *event, int64_t id)
{
    struct frame_part remove;

    *line = (struct line){ .id = id };
    line->is_there = !message_field(event, "remove", &remove) ||
                     !is_same(&remove, &(struct frame_part){ "true", 4 });
    return message_field(event, "user", &line->name) &&
           message_field(event, "emoji", &line->emoji) &&
           memchr(line->name.data, ' ', line->name.size) == NULL &&
           memchr(line->emoji.data, '\n', line->emoji.size) == NULL;
}

bool reaction_note(struct str *out, const struct str *state, const struct frame_part *event,
                   int64_t id)
{
    struct line new, line;
    const char *gone = NULL;
    unsigned count = 0;
    bool is_known = false;

    if (!line_of(&new, event, id))
        return false;
    for (EACH_LINE(line, state->data, state->size)) {
        const bool is_it = is_same(&line.name, &new.name) && is_same(&line.emoji, &new.emoji);
        if (is_it && line.id >= id)
            return false;
        is_known |= is_it;
        gone = gone == NULL && !line.is_there ? line.at : gone;
        count++;
    }
    const bool is_full = !is_known && count >= RULE_REACTIONS;
    if (is_full && gone == NULL)
        return false;
    for (EACH_LINE(line, state->data, state->size)) {
        const bool is_it = is_same(&line.name, &new.name) && is_same(&line.emoji, &new.emoji);
        if (!is_full || line.at != gone)
            line_add(out, is_it ? &new : &line);
    }
    if (!is_known)
        line_add(out, &new);
    return true;
}

bool reaction_forget(struct str *out, const struct str *state, const struct frame_part *event)
{
    struct frame_part name;
    struct line line;
    bool changes = false;

    if (!message_field(event, "user", &name))
        return false;
    for (EACH_LINE(line, state->data, state->size)) {
        if (is_same(&line.name, &name))
            changes = true;
        else
            line_add(out, &line);
    }
    return changes;
}

/* The first line with an emoji brings all names. */
static bool is_first(const struct line *line, const char *state, size_t size)
{
    struct line other;

    for (EACH_LINE(other, state, size)) {
        if (other.is_there && is_same(&other.emoji, &line->emoji))
            return other.at == line->at;
    }
    return false;
}

static void add_names(struct str *out, const struct frame_part *emoji, const char *state,
                      size_t size)
{
    struct line line;
    char separator = '[';

    for (EACH_LINE(line, state, size)) {
        if (!line.is_there || !is_same(&line.emoji, emoji))
            continue;
        str_addc(out, separator);
        str_add(out, line.name.data, line.name.size);
        separator = ',';
    }
    str_addc(out, ']');
}

void reactions_add(struct str *out, const char *state, size_t size)
{
    const char *separator = ",\"reactions\":{";
    const size_t before = out->size;
    struct line line;

    for (EACH_LINE(line, state, size)) {
        if (!line.is_there || !is_first(&line, state, size))
            continue;
        if (out->size == before)
            out->size--; /* '}' */
        str_addz(out, separator);
        str_add(out, line.emoji.data, line.emoji.size);
        str_addc(out, ':');
        add_names(out, &line.emoji, state, size);
        separator = ",";
    }
    if (out->size != before)
        str_addz(out, "}}");
}

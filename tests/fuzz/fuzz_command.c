/* libFuzzer target: whatever a client sends is refused with an error that can be said, or
 * becomes a command that keeps the contract of wire/command.h and can be told to others.
 *
 *   fuzz_command -max_total_time=60 -max_len=32768 SCRATCH_FOLDER tests/fuzz/corpus */
#include "confab/wire/event.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_json(const char *text, size_t size)
{
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);

    BUG_ON(json == NULL);
    json_decref(json);
}

static void check_frame(struct frame *f)
{
    check_json(frame_payload(f), frame_payload_size(f));
    frame_unref(f);
}

static void check_error(const struct command_error *error)
{
    BUG_ON(error->code == ERROR_NONE);
    check_frame(event_error(error->code, error->cid, error->field, -1));
}

/* What has been accepted once is accepted again, unchanged. */
static void check_name(const char *name)
{
    char again[NAME_MAX_BYTES + 1];

    BUG_ON(rules_name(name, strlen(name), again) != ERROR_NONE || strcmp(name, again) != 0);
}

static void check_room(const char *room)
{
    char again[ROOM_MAX_BYTES + 1];

    BUG_ON(rules_room(room, strlen(room), again) != ERROR_NONE || strcmp(room, again) != 0);
}

static void check_message(const struct command *c)
{
    struct str text = STR_INIT, mid = STR_INIT, tail = STR_INIT;

    BUG_ON(strlen(c->content_json) != c->content_json_size);
    check_json(c->content_json, c->content_json_size);
    event_message_pieces(c, "ann", "id", &text, &mid, &tail);
    str_addu(&text, 1);
    str_add(&text, mid.data, mid.size);
    str_addu(&text, 2);
    str_add(&text, tail.data, tail.size);
    check_json(text.data, text.size);
    str_fini(&text);
    str_fini(&mid);
    str_fini(&tail);
}

static void check_command(const struct command *c)
{
    if (c->username != NULL)
        check_name(c->username);
    if (c->to != NULL)
        check_name(c->to);
    if (c->room != NULL)
        check_room(c->room);
    if (c->content_json != NULL)
        check_message(c);
    for (size_t i = 0; i < c->resume_count; i++) {
        if (c->resume[i].stream[0] == '@')
            check_name(c->resume[i].stream + 1);
        else
            check_room(c->resume[i].stream);
    }
    BUG_ON((c->type == COMMAND_HELLO) !=
           (c->username != NULL || (c->token != NULL && c->type != COMMAND_AUTH)));
    BUG_ON(c->room != NULL && c->to != NULL);
    BUG_ON(c->resume_count > (size_t)2 * RULE_ROOMS_PER_CLIENT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct command *c = NULL;
    struct command_error error;

    if (size > RULE_FRAME_BYTES) /* net does not let it come so far */
        return 0;
    if (command_parse((const char *)data, size, &c, &error) != 0) {
        check_error(&error);
        return 0;
    }
    check_command(c);
    command_free(c);
    return 0;
}

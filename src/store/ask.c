/* Archives of other instances. Each instance subscribes to a mailbox of its own:
 *
 *   a ID ASKER MS\nJSON     somebody asks; the answer is worth something for MS
 *   r ID NEWEST\nFRAME      the answer
 *
 * Nothing waits in Redis: what nobody reads is lost, and the asker keeps the time. */
#include "state.h"

#include <stdlib.h>
#include <string.h>

/* ---- what goes out ---- */

static void on_asked(struct request *r, enum store_status status, const redisReply *reply)
{
    if (status == STORE_OK && reply->type != REDIS_REPLY_STRING)
        status = STORE_REFUSED;
    else if (status == STORE_OK && reply->len == 0)
        status = STORE_NOBODY;
    r->done.asked(r->arg, status);
}

int store_ask(struct store *s, uint64_t id, const char *json, size_t size, int64_t ms,
              store_asked_fn *done, void *arg)
{
    struct request *r;
    int error = request_begin(s, &r);
    if (error)
        return error;
    r->done.asked = done;
    r->arg = arg;
    request_script(r, SCRIPT_ASK, 1, 3);
    request_addj(r, s->settings->redis_prefix, "archives");
    request_addj(r, s->settings->redis_prefix, "mail:");
    request_addz(r, s->settings->instance);
    struct str *letter = &s->scratch;
    str_reset(letter);
    str_add(letter, "a ", 2);
    str_addu(letter, id);
    str_addc(letter, ' ');
    str_addz(letter, s->settings->instance);
    str_addc(letter, ' ');
    str_addu(letter, ms > 0 ? (uint64_t)ms : 0);
    str_addc(letter, '\n');
    str_add(letter, json, size);
    request_add(r, letter->data, letter->size);
    return request_send(r, on_asked);
}

void store_reply(struct store *s, const char *asker, uint64_t id, uint64_t newest,
                 const struct frame *frame)
{
    struct request *r;
    if (request_begin(s, &r) != 0)
        return;
    request_command(r, 3);
    request_add(r, "PUBLISH", 7);
    request_addj(r, s->settings->redis_prefix, "mail:", asker);
    struct str *letter = &s->scratch;
    str_reset(letter);
    str_add(letter, "r ", 2);
    str_addu(letter, id);
    str_addc(letter, ' ');
    str_addu(letter, newest);
    str_addc(letter, '\n');
    str_add(letter, frame_payload(frame), frame_payload_size(frame));
    request_add(r, letter->data, letter->size);
    request_fire(r);
}

void store_serve(struct store *s)
{
    struct request *r;
    if (request_begin(s, &r) != 0)
        return;
    request_script(r, SCRIPT_SERVE, 1, 2);
    request_addj(r, s->settings->redis_prefix, "archives");
    request_addz(r, s->settings->instance);
    request_addu(r, STORE_SERVES_MS);
    request_fire(r);
}

/* ---- what comes in ---- */

/* Cuts a number that is followed by `end` off *text. */
static bool take_number(char **text, char end, uint64_t *out)
{
    char *rest;
    if (**text < '0' || **text > '9')
        return false;
    *out = strtoull(*text, &rest, 10);
    *text = rest + 1;
    return *rest == end;
}

static void take_ask(struct store *s, char *text, const char *end) REQUIRES(on_hub);
static void take_ask(struct store *s, char *text, const char *end)
{
    uint64_t id, ms;
    if (!take_number(&text, ' ', &id))
        return;
    const char *asker = text;
    const size_t size = strcspn(asker, " ");
    if (size >= sizeof(s->settings->instance) || asker[size] != ' ')
        return;
    text[size] = '\0';
    text += size + 1;
    if (take_number(&text, '\n', &ms) && ms <= INT32_MAX)
        s->events.asked(s->events.arg, asker, id, (int64_t)ms, text, (size_t)(end - text));
}

void mail_take(struct store *s, char *letter, size_t size)
{
    const char *end = letter + size; /* there stands a NUL */
    char *text = letter + 2;
    uint64_t id, newest;
    if (letter[0] == 'a')
        take_ask(s, text, end);
    else if (letter[0] == 'r' && take_number(&text, ' ', &id) && take_number(&text, '\n', &newest))
        s->events.replied(s->events.arg, id, newest, text, (size_t)(end - text));
}

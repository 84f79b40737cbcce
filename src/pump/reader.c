/* The reader pump: what a client says becomes commands for the hub. */
#include "confab/pump/client.h"

#include "confab/wire/event.h"
#include "pumps.h"

#include <errno.h>
#include <stdlib.h>

enum { CLOSE_PROTOCOL = 4001, CLOSE_BAD_UTF8 = 1007 };

static void refuse(struct client *c, int code, const char *reason)
{
    c->refused = true;
    c->env->port.close(c, code, reason);
}

static void count_malformed(struct client *c)
{
    const int64_t now = clock_mono_ms();
    stat_add(c->env->stats, frames_malformed, 1);
    if (!c->malformed || now - c->malformed_since_ms >= RULE_MALFORMED_WINDOW_MS) {
        c->malformed_since_ms = now;
        c->malformed = 0;
    }
    if (++c->malformed > RULE_MALFORMED_FRAMES)
        refuse(c, CLOSE_PROTOCOL, "too many malformed frames");
}

static void answer_error(struct client *c, const struct command_error *error)
{
    struct frame *f = event_error(error->code, error->cid, error->field, -1);
    c->env->port.send(c, f);
    frame_unref(f);
    count_malformed(c);
}

static bool is_past(enum command_type type)
{
    return type == COMMAND_HISTORY || type == COMMAND_SEARCH;
}

/* 0 or -EAGAIN; the command is the hub's on success. */
static int give_to_hub(struct client *c, struct command *cmd)
{
    struct hub *hub = c->env->hub;
    const bool hello = cmd->type == COMMAND_HELLO;
    peer_ref(&c->peer);     /* the queue's */
    if (is_past(cmd->type)) /* before the call: the answer may overtake its return */
        atomic_store(&c->asked, true);
    const int error = hello ? hub_register(hub, &c->peer, cmd) : hub_submit(hub, &c->peer, cmd);
    if (error) {
        atomic_store(&c->asked, false);
        peer_unref(&c->peer);
        return error;
    }
    c->known = true;
    if (hello)
        atomic_store(&c->greeted, true);
    return 0;
}

/* Signatures are checked here, not by the hub, which all clients share. */
static void look_at_token(const struct client *c, struct command *cmd)
{
    if (cmd->verdict == TOKEN_NONE && c->env->settings->accounts_mode != ACCOUNTS_OFF)
        command_verify(cmd, c->env->keyring);
}

enum reader_result reader_command(struct client *c, struct command *cmd)
{
    const enum command_type type = cmd->type;
    look_at_token(c, cmd);
    c->stalled_flow = atomic_load(&c->env->flow);
    if (type == COMMAND_HEARTBEAT && !cmd->cid) { /* that it came is all it says */
        command_free(cmd);
        return READER_IDLE;
    }
    if (give_to_hub(c, cmd) != 0) {
        c->stalled = cmd;
        stat_add(c->env->stats, backpressure_stalls, 1);
        return READER_STALLED;
    }
    if (type == COMMAND_MESSAGE || type == COMMAND_PRIVATE)
        stat_add(c->env->stats, messages_in, 1);
    return is_past(type) ? READER_ASKED : READER_IDLE;
}

static enum reader_result take_text(struct client *c, const struct text *t)
{
    struct command *cmd;
    struct command_error error;
    if (!rules_utf8(t->bytes, t->size)) {
        refuse(c, CLOSE_BAD_UTF8, "invalid UTF-8");
        return READER_IDLE;
    }
    if (command_parse(t->bytes, t->size, &cmd, &error) != 0) {
        answer_error(c, &error);
        return READER_IDLE;
    }
    cmd->received_mono_us = t->received_mono_us;
    return reader_command(c, cmd);
}

static enum reader_result retry_stalled(struct client *c)
{
    struct command *cmd = c->stalled;
    c->stalled = NULL;
    return reader_command(c, cmd);
}

enum reader_result reader_step(struct client *c)
{
    struct text *t;
    enum reader_result result = atomic_load(&c->asked) ? READER_ASKED : READER_IDLE;
    if (c->stalled)
        result = retry_stalled(c);
    while (result == READER_IDLE && (t = client_next_text(c)) != NULL) {
        if (!c->refused)
            result = take_text(c, t);
        free(t);
    }
    return result;
}

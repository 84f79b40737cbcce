#include "sentinel.h"

#include "link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int sentinel_read(const redisReply *reply, struct address *out)
{
    if (reply->type == REDIS_REPLY_NIL)
        return -ENOENT;
    if (reply->type == REDIS_REPLY_ERROR)
        return error_is_denial(reply->str) ? -EACCES : -EPROTO;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
        return -EPROTO;
    const redisReply *host = reply->element[0], *port = reply->element[1];
    if (host->type != REDIS_REPLY_STRING || port->type != REDIS_REPLY_STRING || !host->len)
        return -EPROTO;
    char *end;
    long number = strtol(port->str, &end, 10);
    if (*end != '\0' || number < 1 || number > 65535)
        return -EPROTO;
    address_init_host(out, host->str, (int)number);
    return 0;
}

static void arm(struct sentinel *s, int64_t ms)
{
    struct timeval tv = { ms / 1000, (ms % 1000) * 1000 };
    event_add(s->timer, &tv);
}

static const struct address *asked(const struct sentinel *s)
{
    return &s->list[(s->first + s->tried) % s->count];
}

/* ---- answers ---- */

static void take_note(struct sentinel *s, enum sentinel_trouble trouble, const char *error)
{
    char where[280];
    if (trouble < s->worst)
        return;
    s->worst = trouble;
    address_text(asked(s), where, sizeof(where));
    if (trouble == SENTINEL_NO_MASTER)
        snprintf(s->worst_error, sizeof(s->worst_error), "no sentinel knows a master named %s",
                 s->settings->redis_master_name);
    else if (trouble == SENTINEL_DENIES)
        snprintf(s->worst_error, sizeof(s->worst_error), "sentinel %s refuses: %s", where, error);
    else
        snprintf(s->worst_error, sizeof(s->worst_error), "no sentinel answers: %s: %s", where,
                 error);
}

/* The one that is being asked has no answer: the next one, or none is left. */
static void give_up(struct sentinel *s, enum sentinel_trouble trouble, const char *error)
    REQUIRES(on_hub);
static void give_up(struct sentinel *s, enum sentinel_trouble trouble, const char *error)
{
    take_note(s, trouble, error);
    connection_close(&s->connection);
    if (++s->tried < s->count) {
        arm(s, 0);
        return;
    }
    s->phase = SENTINEL_IDLE;
    s->turn++;
    s->trouble = s->worst;
    memcpy(s->error, s->worst_error, sizeof(s->error));
    arm(s, SENTINEL_RETRY_MS);
    s->owner.failed(s->owner.arg);
}

static void on_password(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    role_assume(&on_hub);
    struct sentinel *s = arg;
    const redisReply *r = reply;
    if (r && r->type == REDIS_REPLY_ERROR)
        give_up(s, SENTINEL_DENIES, r->str);
}

static void on_master(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    role_assume(&on_hub);
    struct sentinel *s = arg;
    const redisReply *r = reply;
    struct address master;
    if (!r)
        return; /* the connection ended */
    int error = sentinel_read(r, &master);
    if (error) {
        give_up(s,
                error == -ENOENT   ? SENTINEL_NO_MASTER
                : error == -EACCES ? SENTINEL_DENIES
                                   : SENTINEL_SILENT,
                r->type == REDIS_REPLY_ERROR ? r->str : "it answers oddly");
        return;
    }
    address_fini(&s->master);
    s->master = master;
    s->first = (s->first + s->tried) % s->count;
    s->phase = SENTINEL_WATCHING;
    s->trouble = SENTINEL_FINE;
    arm(s, SENTINEL_RENEW_MS);
    s->owner.found(s->owner.arg);
}

static void on_event(redisAsyncContext *ac, void *reply, void *arg)
{
    (void)ac;
    role_assume(&on_hub);
    struct sentinel *s = arg;
    const redisReply *r = reply;
    if (!r || r->type != REDIS_REPLY_ARRAY || r->elements != 3 || s->phase != SENTINEL_WATCHING)
        return;
    const redisReply *kind = r->element[0];
    if (kind->type == REDIS_REPLY_STRING && strcmp(kind->str, "message") == 0)
        sentinel_ask(s);
}

/* ---- asking ---- */

static void on_opened(void *arg)
{
    role_assume(&on_hub);
    struct sentinel *s = arg;
    const char *password = s->settings->redis_sentinel_password;
    int error = 0;
    if (*password)
        error = connection_command(&s->connection, on_password, s,
                                   (const char *[]){ "AUTH", password, NULL });
    if (!error)
        error = connection_command(&s->connection, on_master, s,
                                   (const char *[]){ "SENTINEL", "get-master-addr-by-name",
                                                     s->settings->redis_master_name, NULL });
    if (!error)
        error = connection_command(
            &s->connection, on_event, s,
            (const char *[]){ "SUBSCRIBE", "+promoted-slave", "+switch-master", NULL });
    BUG_ON(error); /* a fresh connection takes commands */
}

static void on_ended(void *arg, const char *error)
{
    role_assume(&on_hub);
    struct sentinel *s = arg;
    if (s->phase == SENTINEL_ASKING) {
        give_up(s, SENTINEL_SILENT, error);
        return;
    }
    s->phase = SENTINEL_IDLE; /* a while, lest one that hangs up is asked in a circle */
    arm(s, SENTINEL_RETRY_MS);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    struct sentinel *s = arg;
    if (s->phase != SENTINEL_ASKING) {
        sentinel_ask(s);
    } else if (s->connection.phase != CONNECTION_CLOSED) {
        give_up(s, SENTINEL_SILENT, "no answer in time");
    } else {
        arm(s, SENTINEL_ANSWER_MS);
        connection_open(&s->connection, asked(s), s->turn);
    }
}

void sentinel_ask(struct sentinel *s)
{
    if (s->phase == SENTINEL_ASKING)
        return;
    s->phase = SENTINEL_ASKING;
    s->tried = 0;
    s->worst = SENTINEL_FINE;
    connection_close(&s->connection);
    arm(s, 0); /* it may be the connection's own callback that asks */
}

void sentinel_init(struct sentinel *s, struct event_base *base, const struct settings *settings,
                   const struct sentinel_owner *owner)
{
    *s = (struct sentinel){ .settings = settings, .owner = *owner };
    s->count = address_list(&s->list, settings->redis_sentinels);
    BUG_ON(s->count == 0);
    struct connection_owner self = { s, on_opened, on_ended };
    connection_init(&s->connection, base, &self);
    s->timer = event_new(base, -1, 0, on_timer, s);
    BUG_ON(!s->timer);
}

void sentinel_fini(struct sentinel *s)
{
    connection_close(&s->connection);
    event_free(s->timer);
    for (size_t i = 0; i < s->count; i++)
        address_fini(&s->list[i]);
    free(s->list);
    address_fini(&s->master);
}

#include "state.h"

#include <string.h>
#include <utlist.h>

struct user *user_find(struct hub *h, const char *name)
{
    struct user *u;
    HASH_FIND_STR(h->users, name, u);
    return u;
}

struct user *user_get(struct hub *h, const char *name)
{
    struct user *u = user_find(h, name);
    if (u)
        return u;
    size_t size = strlen(name) + 1;
    u = xcalloc(1, sizeof *u + size);
    memcpy(u->name, name, size);
    HASH_ADD_KEYPTR(hh, h->users, u->name, size - 1, u);
    stat_add(h->stats, users, 1);
    store_subscribe(h->store, STORE_CHANNEL_USER, u->name);
    return u;
}

void user_attach(struct user *u, struct peer *p)
{
    p->user = u;
    DL_APPEND(u->peers, p);
}

void user_detach(struct hub *h, struct peer *p)
{
    struct user *u = p->user;
    if (!u)
        return;
    DL_DELETE(u->peers, p);
    p->user = NULL;
    if (u->peers)
        return;
    store_unsubscribe(h->store, STORE_CHANNEL_USER, u->name);
    HASH_DEL(h->users, u);
    stat_add(h->stats, users, -1);
    free(u);
}

void user_send(struct hub *h, struct user *u, struct frame *f)
{
    for (struct peer *p = u->peers; p; p = p->next)
        if (p->state == PEER_WELCOMED)
            h->port.send(h->port.arg, p, f);
}

/* The text of a field that needs no escapes, from there on: names, which stand before any content
 * (event_message_pieces()). Its size; 0: it is not there. */
static size_t name_of(const struct frame *f, const char *field, const char **name)
{
    const char *text = frame_payload(f);
    const size_t size = frame_payload_size(f);
    const char *at = memmem(text, size, field, strlen(field));
    if (!at)
        return 0;
    *name = at + strlen(field);
    const char *end = memchr(*name, '"', size - (size_t)(*name - text));
    return end ? (size_t)(end - *name) : 0;
}

/* "@NAME" of the other one of the two. */
static bool conversation_of(const struct user *u, const struct frame *f,
                            char out[NAME_MAX_BYTES + 2])
{
    const char *writer, *to;
    size_t size = name_of(f, ",\"user\":\"", &writer);
    const size_t to_size = name_of(f, ",\"to\":\"", &to);
    if (size == 0 || to_size == 0)
        return false;
    if (strlen(u->name) == size && memcmp(u->name, writer, size) == 0) {
        writer = to;
        size = to_size;
    }
    if (size > NAME_MAX_BYTES)
        return false;
    out[0] = '@';
    memcpy(out + 1, writer, size);
    out[1 + size] = '\0';
    return true;
}

void user_message(struct hub *h, const char *name, const char *stream, const char *epoch,
                  struct frame *f)
{
    char conversation[NAME_MAX_BYTES + 2];
    const struct user *u = user_find(h, name);
    for (struct peer *p = u ? u->peers : NULL; p; p = p->next) {
        if (p->state != PEER_WELCOMED)
            continue;
        if (p->away && !stream && conversation_of(u, f, conversation))
            stream = conversation;
        if (!stream || away_takes(p, stream, epoch, f->seq))
            h->port.send(h->port.arg, p, f);
    }
    frame_unref(f);
}

/* What a connection of the user needs from Redis: its welcome, or what was missed. */
static void user_ask(struct hub *h, struct user *u) REQUIRES(on_hub)
{
    bool asked = !u->missed;
    for (struct peer *p = u->peers, *next; p; p = next) {
        next = p->next; /* a claim may be refused at once */
        if (p->state == PEER_HELLO) {
            peer_claim(h, p);
        } else if (p->state == PEER_WELCOMED && !asked) {
            peer_refetch(h, p);
            asked = true;
        }
    }
}

/* From here on nothing sent to the user is missed, so what the claim reads from Redis and what
 * the channel brings leave no hole between them. */
void user_subscribed(struct hub *h, const char *name)
{
    struct user *u = user_find(h, name);
    if (!u || u->subscribed)
        return;
    u->subscribed = true;
    user_ask(h, u);
}

void users_bus_up(struct hub *h)
{
    struct user *u, *next;
    HASH_ITER(hh, h->users, u, next)
    {
        u->missed = u->missed || u->subscribed;
        u->subscribed = false;
        store_subscribe(h->store, STORE_CHANNEL_USER, u->name);
    }
}

void users_retry(struct hub *h)
{
    struct user *u, *next;
    HASH_ITER(hh, h->users, u, next)
    {
        if (u->subscribed)
            user_ask(h, u);
    }
}

/* A revoked device is told through the user's channel, and its connections end at once. What the
 * bus did not bring is found here: all devices with a connection are asked for, again and again. */
#include "state.h"

#include "confab/store/accounts.h"

#include <stdlib.h>
#include <string.h>

/* Connections whose devices are being asked for. */
struct asked {
    struct hub *hub;
    size_t count;
    struct peer *peers[STORE_ALIVE_MOST]; /* references */
};

static void asked_free(struct asked *a)
{
    for (size_t i = 0; i < a->count; i++)
        peer_unref(a->peers[i]);
    free(a);
}

static void end_device(struct asked *a, const char *device) REQUIRES(on_hub)
{
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->peers[i]->device, device) == 0)
            peer_signed_out(a->hub, a->peers[i]);
}

static void answered(void *arg, const struct store_alive *r)
{
    role_assume(&on_hub);
    struct asked *a = arg;
    for (size_t i = 0; r->status == STORE_OK && i < r->count; i++)
        end_device(a, r->gone[i]);
    asked_free(a);
}

/* Takes a. Not sent: the next time. */
static void ask(struct asked *a) REQUIRES(on_hub)
{
    const char *devices[STORE_ALIVE_MOST];
    for (size_t i = 0; i < a->count; i++)
        devices[i] = a->peers[i]->device;
    if (store_alive(a->hub->store, devices, a->count, answered, a) != 0)
        asked_free(a);
}

static struct asked *add(struct asked *a, struct hub *h, struct peer *p) REQUIRES(on_hub)
{
    if (!a) {
        a = xmalloc(sizeof *a);
        a->hub = h;
        a->count = 0;
    }
    a->peers[a->count++] = peer_ref(p);
    if (a->count < STORE_ALIVE_MOST)
        return a;
    ask(a);
    return NULL;
}

void alive_check(struct hub *h)
{
    struct asked *a = NULL;
    if (!h->ready)
        return;
    for (struct peer *p = h->peers; p; p = p->all_next)
        if (p->state == PEER_WELCOMED && p->device[0])
            a = add(a, h, p);
    if (a)
        ask(a);
}

void alive_check_one(struct hub *h, struct peer *p)
{
    struct asked *a = add(NULL, h, p);
    if (a)
        ask(a);
}

/* When people were last here. */
#include "state.h"

#include <errno.h>
#include <stdlib.h>

enum { RETRY_MS = 1000 };

struct seen {
    struct hub *hub;
    struct peer *peer; /* counted */
    struct command *c; /* own */
};

static void seen_end(struct seen *op, struct frame *f) REQUIRES(on_hub)
{
    peer_send_new(op->hub, op->peer, f);
    op->peer->in_flight--;
    peer_unref(op->peer);
    command_free(op->c);
    free(op);
}

static void on_seen(void *arg, enum store_status status, const int64_t *at)
{
    role_assume(&on_hub);
    struct seen *op = arg;
    const char *cid = op->c->cid;
    if (status == STORE_REFUSED)
        seen_end(op, event_error(ERROR_STORE_FAILED, cid, NULL, -1));
    else if (status != STORE_OK)
        seen_end(op, event_error(ERROR_UNAVAILABLE, cid, NULL, RETRY_MS));
    else
        seen_end(op, event_seen(cid, op->c->mentioned, at));
}

void seen_run(struct hub *h, struct peer *p, struct command *c)
{
    const int64_t now = clock_mono_ms();
    if (p->seen_mono_ms && now - p->seen_mono_ms < SEEN_MIN_MS) {
        peer_error(h, p, ERROR_BUSY, c->cid, NULL, RETRY_MS);
        command_free(c);
        return;
    }
    p->seen_mono_ms = now;
    struct seen *op = xmalloc(sizeof *op);
    *op = (struct seen){ .hub = h, .peer = peer_ref(p), .c = c };
    p->in_flight++;
    const int error = store_seen(h->store, c->mentioned, on_seen, op);
    if (error)
        seen_end(op, event_error(error == -EBUSY ? ERROR_BUSY : ERROR_UNAVAILABLE, c->cid, NULL,
                                 RETRY_MS));
}

/* Pages of somebody's mentions. */
#include "state.h"

#include "confab/store/away.h"

#include <errno.h>
#include <stdlib.h>

enum {
    PEER_ASKS_MAX = 16, /* requests of one peer that wait */
    RETRY_MS = 1000,
};

struct mentions {
    struct hub *hub;
    struct peer *peer; /* counted */
    struct command *c; /* own */
};

static void mentions_end(struct mentions *op, struct frame *f) REQUIRES(on_hub)
{
    peer_send_new(op->hub, op->peer, f);
    op->peer->asks--;
    op->peer->in_flight--;
    peer_unref(op->peer);
    command_free(op->c);
    free(op);
}

static void on_mentions(void *arg, const struct store_messages *r)
{
    role_assume(&on_hub);
    struct mentions *op = arg;
    const char *cid = op->c->cid;
    if (r->status == STORE_REFUSED) {
        mentions_end(op, event_error(ERROR_STORE_FAILED, cid, NULL, -1));
        return;
    }
    if (r->status != STORE_OK) {
        mentions_end(op, event_error(ERROR_UNAVAILABLE, cid, NULL, RETRY_MS));
        return;
    }
    const bool after = op->c->way == PAGE_AFTER;
    const uint64_t first = r->count ? r->first_seq : r->seq + 1;
    struct page page = { .stream = STREAM_MENTIONS,
                         .epoch = r->epoch,
                         .messages = r->messages,
                         .count = r->count,
                         .cid = cid };
    if (after ? op->c->seq > 0 && r->count : r->more)
        page.older = (struct page_end){ r->epoch, first };
    if (r->count && first + r->count - 1 < r->seq)
        page.newer = (struct page_end){ r->epoch, first + r->count - 1 };
    mentions_end(op, event_history(&page));
}

void mentions_run(struct hub *h, struct peer *p, struct command *c)
{
    if (p->asks >= PEER_ASKS_MAX) {
        peer_error(h, p, ERROR_BUSY, c->cid, NULL, RETRY_MS);
        command_free(c);
        return;
    }
    struct mentions *op = xcalloc(1, sizeof *op);
    *op = (struct mentions){ .hub = h, .peer = peer_ref(p), .c = c };
    p->asks++;
    p->in_flight++;
    const char *user = p->user->name;
    const int error =
        c->way == PAGE_AFTER
            ? store_page_after(h->store, STREAM_MENTIONS, user, c->seq, c->limit, on_mentions, op)
            : store_page(h->store, STREAM_MENTIONS, user, c->seq, c->limit, on_mentions, op);
    if (error)
        mentions_end(op, event_error(error == -EBUSY ? ERROR_BUSY : ERROR_UNAVAILABLE, c->cid, NULL,
                                     RETRY_MS));
}

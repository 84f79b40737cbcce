/* A Redis that lost its data does not know which names are registered, and which rooms are private.
 * Until somebody has said that it may be believed, no guest gets a name and no account is made
 * (claim.lua, register.lua).
 *
 * That is an archive's part, once it has brought back what it had (archive/writer.c). It has one
 * period of the heartbeat for it; then, or at once where there is no archive that could and never
 * was an account, the hub says it. */
#include "state.h"

#include "confab/archive/archive.h"
#include "confab/store/accounts.h"

enum { LOOK_MS = 100 }; /* again, while names wait */

static bool may_come_back(const struct hub *h)
{
    const int64_t since = h->accounts_missing_ms, period = h->settings->presence_ttl_s * 1000 / 3;
    if (since && clock_mono_ms() - since >= period)
        return false;
    const int64_t archive = stat_get(h->stats, archive_state);
    const bool fails = archive == ARCHIVE_FAILING || archive == ARCHIVE_NEWER;
    return (h->archives && !fails) || h->accounts_used;
}

static void told(void *arg, const struct store_accounts_state *r)
{
    role_assume(&on_hub);
    struct hub *h = arg;
    h->accounts_asking = false;
    if (r->status != STORE_OK)
        return;
    h->accounts_used = h->accounts_used || r->used;
    if (r->state == STORE_ACCOUNTS_UNKNOWN) {
        accounts_missing(h);
    } else if (h->accounts_missing_ms) {
        h->accounts_missing_ms = 0;
        users_retry(h);
    }
}

void accounts_look(struct hub *h)
{
    if (h->accounts_asking || (h->settings->accounts_mode == ACCOUNTS_OFF && !h->archives))
        return;
    const enum store_accounts state =
        may_come_back(h) ? STORE_ACCOUNTS_UNKNOWN : STORE_ACCOUNTS_OPEN;
    h->accounts_asking = store_accounts(h->store, state, told, h) == 0;
}

void accounts_missing(struct hub *h)
{
    if (!h->accounts_missing_ms) {
        h->accounts_missing_ms = clock_mono_ms();
        log_info("accounts_missing", "hint=\"names wait for an archive to bring them\"");
    }
    if (h->accounts_timer)
        evtimer_add(h->accounts_timer, &(struct timeval){ .tv_usec = LOOK_MS * 1000 });
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    accounts_look(arg);
}

void accounts_start(struct hub *h)
{
    h->accounts_timer = evtimer_new(h->base, on_timer, h);
    if (!h->accounts_timer)
        BUG("event_new");
}

void accounts_stop(struct hub *h)
{
    event_free(h->accounts_timer);
    h->accounts_timer = NULL;
}

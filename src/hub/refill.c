/* A Redis that lost its data does not know which names are registered. Until somebody has said that
 * it may be believed, no guest gets a name and no account is made (claim.lua, register.lua).
 *
 * Who has no archive says so at once when it never saw an account. Else it leaves an archive on
 * another instance one period of the heartbeat to bring them back. */
#include "state.h"

#include "confab/store/accounts.h"

static int64_t period_ms(const struct hub *h)
{
    return h->settings->presence_ttl_s * 1000 / 3;
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
    const int64_t since = h->accounts_missing_ms;
    const bool nobody_came = since && clock_mono_ms() - since >= period_ms(h);
    if (h->accounts_asking || h->settings->accounts_mode == ACCOUNTS_OFF)
        return;
    h->accounts_asking = store_accounts(h->store,
                                        nobody_came || !h->accounts_used ? STORE_ACCOUNTS_OPEN
                                                                         : STORE_ACCOUNTS_UNKNOWN,
                                        told, h) == 0;
}

void accounts_missing(struct hub *h)
{
    if (h->accounts_missing_ms)
        return;
    h->accounts_missing_ms = clock_mono_ms();
    log_warn("accounts_missing", "hint=\"Redis has lost its data: waiting for an archive\"");
    accounts_look(h);
}

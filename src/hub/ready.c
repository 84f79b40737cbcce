/* A Redis that came back empty does not know that it lacks accounts, so guests and registrations
 * wait there until somebody says what is known. */
#include "state.h"

#include "confab/store/accounts.h"

static void told(void *arg, const struct store_accounts_state *r)
{
    role_assume(&on_hub);
    struct hub *h = arg;
    (void)r; /* failed: who still waits asks again */
    h->telling = false;
}

void accounts_ready(struct hub *h)
{
    if (h->telling || h->settings->accounts_mode == ACCOUNTS_OFF)
        return;
    h->telling = store_accounts(h->store, STORE_ACCOUNTS_OPEN, told, h) == 0;
}

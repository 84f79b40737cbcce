/* Devices of accounts: their tokens, the list of them, and their end. */
#include "state.h"

#include <string.h>

enum { CLOSE_NAME_LOST = 4002 };

/* ids: "ID ID …", "*": all, or "* ID": all but that one. */
static bool names_device(const char *ids, const char *device)
{
    bool all = ids[0] == '*';
    return (strstr(ids, device) != NULL) != all;
}

void devices_revoked(struct hub *h, const char *user, const char *ids)
{
    struct user *u = user_find(h, user);
    for (struct peer *p = u ? u->peers : NULL; p; p = p->next)
        if (p->device[0] && names_device(ids, p->device))
            peer_signed_out(h, p);
}

void guests_out(struct hub *h, const char *user)
{
    struct user *u = user_find(h, user);
    for (struct peer *p = u ? u->peers : NULL; p; p = p->next)
        if (!p->device[0] && p->state == PEER_WELCOMED)
            h->port.close(h->port.arg, p, CLOSE_NAME_LOST, "the name belongs to an account", -1);
}

#include "bearer.h"

#include "confab/base/secret.h"

#include <string.h>
#include <strings.h>

const char *bearer_of_header(struct session *s, char buffer[BEARER_BYTES])
{
    static const char scheme[] = "Bearer ";
    if (!http_header(s, WSI_TOKEN_HTTP_AUTHORIZATION, buffer, BEARER_BYTES) ||
        strncasecmp(buffer, scheme, sizeof(scheme) - 1) != 0)
        return NULL;
    const char *token = buffer + sizeof(scheme) - 1;
    return token + strspn(token, " ");
}

bool bearer_claims_admin(const struct settings *settings, const char *token, bool *right)
{
    char want[ADMIN_TOKEN_MOST + 1] = "", got[ADMIN_TOKEN_MOST + 1] = "";
    *right = false;
    if (!token || strchr(token, '.'))
        return false;
    text_copy(want, sizeof(want), settings->admin_token);
    const size_t size = strlen(token) + 1;
    if (size <= sizeof(got))
        memcpy(got, token, size);
    *right = want[0] && secret_equal(want, got, sizeof(want));
    secret_wipe(want, sizeof(want));
    secret_wipe(got, sizeof(got));
    return true;
}

void bearer_of_offers(const char *offers, const char *prefix, char *out)
{
    const size_t skip = strlen(prefix);
    out[0] = '\0';
    for (const char *p = offers; *p;) {
        p += strspn(p, " \t,");
        const size_t n = strcspn(p, " \t,");
        if (n >= skip && strncmp(p, prefix, skip) == 0) {
            memcpy(out, p + skip, n - skip);
            out[n - skip] = '\0';
            return;
        }
        p += n;
    }
}

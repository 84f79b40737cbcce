#include "confab/wire/account.h"
#include "draft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A draft with room for passwords, which other commands need not clear. */
struct request {
    struct draft d;
    const struct account_request *from;
    char password[PASSWORD_MAX_BYTES + 1], new_password[PASSWORD_MAX_BYTES + 1];
};

static int take_password(struct request *r, const char *field, char buffer[PASSWORD_MAX_BYTES + 1],
                         const char **out)
{
    struct text t;

    if (draft_need_text(&r->d, field, &t) != 0)
        return -EINVAL;
    const enum error_code code = rules_password(t.data, t.size, buffer);
    if (code != ERROR_NONE)
        return draft_refuse(&r->d, code, field);
    *out = buffer;
    return 0;
}

static int take_label(struct request *r)
{
    struct text t;

    if (draft_get_text(&r->d, "label", &t) != 0)
        return -EINVAL;
    if (t.data != NULL && (draft_has_nul(&t) || !rules_label(t.data, t.size)))
        return draft_refuse(&r->d, ERROR_BAD_FIELD, "label");
    r->d.c.label = t.data != NULL ? t.data : "";
    return 0;
}

static int take_name_and_password(struct request *r)
{
    if (draft_take_name(&r->d, "name", r->d.username, &r->d.c.username) != 0)
        return -EINVAL;
    return take_password(r, "password", r->password, &r->d.c.password);
}

static int parse_register(struct request *r)
{
    if (take_name_and_password(r) != 0 ||
        draft_take_token(&r->d, "session", RULE_SESSION_BYTES, &r->d.c.session) != 0)
        return -EINVAL;
    return take_label(r);
}

static int parse_login(struct request *r)
{
    struct text device;

    if (take_name_and_password(r) != 0 || draft_get_text(&r->d, "device", &device) != 0)
        return -EINVAL;
    if (device.data != NULL && !token_is_device(device.data, device.size))
        return draft_refuse(&r->d, ERROR_BAD_FIELD, "device");
    r->d.c.device = device.data;
    return take_label(r);
}

static int parse_token(struct request *r)
{
    if (draft_take_refresh_token(&r->d) != 0)
        return -EINVAL;
    if (r->d.c.refresh_token == NULL)
        return draft_refuse(&r->d, ERROR_BAD_FIELD, "refresh_token");
    return 0;
}

static int need_bearer(struct request *r)
{
    return r->from->token != NULL ? 0 : draft_refuse(&r->d, ERROR_LOGIN_REQUIRED, "");
}

static int parse_logout(struct request *r)
{
    if (draft_take_refresh_token(&r->d) != 0 || draft_get_bool(&r->d, "all", &r->d.c.all) != 0)
        return -EINVAL;
    return r->d.c.refresh_token != NULL ? 0 : need_bearer(r);
}

static int parse_devices(struct request *r)
{
    return need_bearer(r);
}

/* No device has another id, so there is none by it. */
static int parse_revoke(struct request *r)
{
    const char *device = r->from->device != NULL ? r->from->device : "";

    if (need_bearer(r) != 0)
        return -EINVAL;
    if (!token_is_device(device, strlen(device)))
        return draft_refuse(&r->d, ERROR_NOT_FOUND, "");
    r->d.c.device = device;
    return 0;
}

static int take_name_of_path(struct request *r)
{
    const char *name = r->from->name != NULL ? r->from->name : "";
    const enum error_code code = rules_name(name, strlen(name), r->d.username);

    if (code != ERROR_NONE)
        return draft_refuse(&r->d, code, "name");
    r->d.c.username = r->d.username;
    return 0;
}

static int parse_password(struct request *r)
{
    if (need_bearer(r) != 0 || take_name_of_path(r) != 0 ||
        take_password(r, "old", r->password, &r->d.c.password) != 0)
        return -EINVAL;
    return take_password(r, "new", r->new_password, &r->d.c.new_password);
}

static int parse_unregister(struct request *r)
{
    if (need_bearer(r) != 0 || take_name_of_path(r) != 0)
        return -EINVAL;
    return take_password(r, "password", r->password, &r->d.c.password);
}

static int parse(struct request *r)
{
    switch (r->from->type) {
    case COMMAND_REGISTER:
        return parse_register(r);
    case COMMAND_LOGIN:
        return parse_login(r);
    case COMMAND_TOKEN:
        return parse_token(r);
    case COMMAND_LOGOUT:
        return parse_logout(r);
    case COMMAND_DEVICES:
        return parse_devices(r);
    case COMMAND_REVOKE:
        return parse_revoke(r);
    case COMMAND_PASSWORD:
        return parse_password(r);
    case COMMAND_UNREGISTER:
        return parse_unregister(r);
    default:
        BUG("no request about accounts");
    }
}

/* What no body can say. */
static int begin(struct request *r)
{
    const struct account_request *from = r->from;

    r->d.c.type = from->type;
    r->d.c.address = from->address;
    r->d.c.token = from->token;
    if (from->token != NULL && strlen(from->token) > RULE_TOKEN_BYTES)
        return draft_refuse(&r->d, ERROR_BAD_TOKEN, "");
    return 0;
}

int account_parse(const struct account_request *from, struct command **out,
                  struct command_error *error)
{
    *error = (struct command_error){ .code = ERROR_NONE };
    json_t *frame = from->body != NULL ? draft_load(from->body, from->size, error) : json_object();
    if (frame == NULL)
        return -EINVAL;
    struct request *r = xcalloc(1, sizeof *r);
    r->d.frame = frame;
    r->d.error = error;
    r->from = from;
    const int rc = begin(r) == 0 ? parse(r) : -EINVAL;
    if (rc == 0)
        *out = draft_pack(&r->d);
    draft_fini(&r->d);
    secret_wipe(r, sizeof *r);
    free(r);
    json_decref(frame);
    return rc;
}

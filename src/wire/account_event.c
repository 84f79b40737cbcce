#include "confab/wire/account.h"
#include "fields.h"

struct frame *event_tokens(const struct token_claims *claims, const char *access_token,
                           const char *refresh_token, int64_t refresh_life_s, int http_status)
{
    struct str s = STR_INIT;

    begin(&s, "tokens");
    field_plain(&s, "name", claims->user);
    field_plain(&s, "device", claims->device);
    field_plain(&s, "access_token", access_token);
    field_plain(&s, "token_type", "Bearer");
    field_number(&s, "expires_in_s", (uint64_t)(claims->expires_s - claims->issued_s));
    field_plain(&s, "refresh_token", refresh_token);
    field_number(&s, "refresh_expires_in_s", (uint64_t)refresh_life_s);
    struct frame *f = finish(&s, FRAME_CONTROL);
    f->http_status = (int16_t)http_status;
    return f;
}

static void add_device(struct str *s, const struct device_info *d, const char *current)
{
    str_addz(s, "{\"id\":\"");
    str_addz(s, d->id);
    str_addc(s, '"');
    field_text(s, "label", d->label);
    field_number(s, "created", (uint64_t)d->created_ms);
    field_number(s, "seen", (uint64_t)d->seen_ms);
    field_bool(s, "current", strcmp(d->id, current) == 0);
    field_bool(s, "online", d->online);
    str_addc(s, '}');
}

struct frame *event_devices(const struct device_info *devices, size_t count, const char *current)
{
    struct str s = STR_INIT;

    begin(&s, "devices");
    key(&s, "devices");
    str_addc(&s, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            str_addc(&s, ',');
        add_device(&s, &devices[i], current);
    }
    str_addc(&s, ']');
    return finish(&s, FRAME_CONTROL);
}

struct frame *event_done(void)
{
    struct str s = STR_INIT;

    begin(&s, "done");
    struct frame *f = finish(&s, FRAME_CONTROL);
    f->http_status = 204;
    return f;
}

struct frame *event_auth(const char *device, int64_t expires_in_s, const char *access_token,
                         const char *refresh_token)
{
    struct str s = STR_INIT;

    begin(&s, "auth");
    field_plain(&s, "device", device);
    field_number(&s, "expires_in_s", (uint64_t)expires_in_s);
    if (access_token != NULL)
        field_plain(&s, "access_token", access_token);
    if (refresh_token != NULL)
        field_plain(&s, "refresh_token", refresh_token);
    return finish(&s, FRAME_CONTROL);
}

struct frame *event_auth_expiring(int64_t expires_in_s)
{
    struct str s = STR_INIT;

    begin(&s, "auth");
    field_plain(&s, "state", "expiring");
    field_number(&s, "expires_in_s", (uint64_t)expires_in_s);
    return finish(&s, FRAME_CONTROL);
}

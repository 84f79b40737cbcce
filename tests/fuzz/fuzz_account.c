/* libFuzzer target: whatever body a request about accounts has is refused with an error that can be
 * said, or becomes a command that keeps the contract of wire/command.h.
 *
 *   fuzz_account -max_total_time=60 -max_len=8192 SCRATCH_FOLDER
 *
 * The first byte chooses the request. */
#include "confab/wire/account.h"
#include "confab/wire/event.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const struct command_error *error)
{
    BUG_ON(error->code == ERROR_NONE);
    struct frame *f = event_error(error->code, error->cid, error->field, -1);
    json_t *json = json_loadb(frame_payload(f), frame_payload_size(f), 0, NULL);
    BUG_ON(json == NULL);
    BUG_ON(f->http_status < 400 || f->http_status > 499); /* never the server's fault */
    json_decref(json);
    frame_unref(f);
}

static void check_password(const char *password)
{
    BUG_ON(strlen(password) > PASSWORD_MAX_BYTES);
    BUG_ON(!rules_utf8(password, strlen(password)));
}

static void check_command(const struct command *c)
{
    const bool named = c->type == COMMAND_REGISTER || c->type == COMMAND_LOGIN ||
                       c->type == COMMAND_PASSWORD || c->type == COMMAND_UNREGISTER;
    struct refresh_token refresh;

    BUG_ON(named != (c->username != NULL) || named != (c->password != NULL));
    BUG_ON((c->type == COMMAND_PASSWORD) != (c->new_password != NULL));
    BUG_ON(c->type == COMMAND_TOKEN && c->refresh_token == NULL);
    BUG_ON(c->refresh_token != NULL && !refresh_token_read(c->refresh_token, &refresh));
    BUG_ON(c->label != NULL && !rules_label(c->label, strlen(c->label)));
    BUG_ON(c->device != NULL && !token_is_device(c->device, strlen(c->device)));
    BUG_ON(c->secret_size == 0); /* each of them has a password or a token */
    if (c->password != NULL)
        check_password(c->password);
    if (c->new_password != NULL)
        check_password(c->new_password);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct command *c = NULL;
    struct command_error error;

    if (size == 0 || size > RULE_HTTP_BODY_BYTES)
        return 0;
    const struct account_request r = {
        .type = COMMAND_REGISTER + data[0] % (COMMAND_UNREGISTER - COMMAND_REGISTER + 1),
        .body = (const char *)data + 1,
        .size = size - 1,
        .name = "ann",
        .device = "00112233445566aa",
        .token = "x.y.z",
    };
    if (account_parse(&r, &c, &error) != 0) {
        check_error(&error);
        return 0;
    }
    check_command(c);
    command_free(c);
    return 0;
}

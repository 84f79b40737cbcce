/* libFuzzer target: whatever line an import reads is refused with words, or is a message that
 * would be written as it was read.
 *
 *   fuzz_transfer -max_total_time=60 -max_len=4096 SCRATCH_FOLDER
 */
#include "confab/wire/transfer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_message(const char *line, size_t size, const struct transfer_message *m)
{
    struct transfer_message again;
    struct str written = STR_INIT;
    const char *why = NULL;

    BUG_ON(m->json < line || m->json + m->json_size > line + size);
    BUG_ON(m->seq == 0 || m->seq > UINT32_MAX || m->kind < 0 || m->kind > TRANSFER_KIND_MOST);
    json_t *message = json_loadb(m->json, m->json_size, 0, NULL);
    BUG_ON(!json_is_object(message));
    json_decref(message);
    transfer_add_message(&written, m->stream, m->epoch, m->kind, m->json, m->json_size, NULL);
    BUG_ON(written.size <= TRANSFER_LINE_MOST &&
           transfer_read(written.data, written.size - 1, &again, &why) != TRANSFER_MESSAGE);
    BUG_ON(why == NULL &&
           (again.json_size != m->json_size || memcmp(again.json, m->json, m->json_size) != 0 ||
            strcmp(again.stream, m->stream) != 0 || again.seq != m->seq));
    str_fini(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = xmemdupz(data, size);
    struct transfer_message message;
    const char *why = NULL;
    const enum transfer_line kind = transfer_read(line, size, &message, &why);

    BUG_ON(kind == TRANSFER_BROKEN && why == NULL);
    if (kind == TRANSFER_MESSAGE)
        check_message(line, size, &message);
    free(line);
    return 0;
}

/* libFuzzer target: whatever a text says, names that are found in it are names, each one once, and
 * stand in it behind an '@' unless normalization changed them.
 *
 *   fuzz_mention -max_total_time=60 -max_len=4096 SCRATCH_FOLDER
 */
#include "confab/wire/mention.h"
#include "confab/wire/rules.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_names(char *names, unsigned count)
{
    char again[NAME_MAX_BYTES + 1];
    const char *seen[RULE_MENTIONS];
    unsigned n = 0;

    for (char *name = strtok(names, "\n"); name != NULL; name = strtok(NULL, "\n")) {
        BUG_ON(n == RULE_MENTIONS);
        BUG_ON(rules_name(name, strlen(name), again) != ERROR_NONE || strcmp(name, again) != 0);
        for (unsigned i = 0; i < n; i++)
            BUG_ON(strcmp(seen[i], name) == 0);
        seen[n++] = name;
    }
    BUG_ON(n != count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str names = STR_INIT;

    if (rules_content((const char *)data, size) != ERROR_NONE)
        return 0;
    const unsigned count = mention_names((const char *)data, size, &names);
    BUG_ON((count > 0) != (names.size > 0) || count > RULE_MENTIONS);
    BUG_ON(count > 0 && memchr(data, '@', size) == NULL);
    if (count > 0)
        check_names(names.data, count);
    str_fini(&names);
    return 0;
}

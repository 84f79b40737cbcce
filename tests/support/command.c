#include "support/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Frames are written with ' for ", so that the tests can be read. The copy has exactly the
 * frame's size: the address sanitizer sees a read behind it. */
static char *frame_text(const char *text)
{
    char *copy = xmalloc(strlen(text));

    for (size_t i = 0; text[i] != '\0'; i++)
        copy[i] = text[i] == '\'' ? '"' : text[i];
    return copy;
}

static int parse(const char *text, struct command **out, struct command_error *error)
{
    char *copy = frame_text(text);
    int rc = command_parse(copy, strlen(text), out, error);

    free(copy); /* what the command keeps must be its own */
    return rc;
}

struct command *accepted(const char *text)
{
    struct command *c = NULL;
    struct command_error error;

    if (parse(text, &c, &error) != 0)
        fail_msg("refused with %s %s: %s", error_info(error.code)->code, error.field, text);
    return c;
}

void check_refused(int rc, const struct command_error *error, enum error_code code,
                   const char *field, const char *cid)
{
    assert_int_equal(rc, -EINVAL);
    assert_string_equal(error_info(error->code)->code, error_info(code)->code);
    assert_string_equal(error->field, field);
    assert_string_equal(error->cid, cid);
}

void refused_with_cid(const char *text, enum error_code code, const char *field, const char *cid)
{
    struct command *c = NULL;
    struct command_error error;
    int rc = parse(text, &c, &error);

    if (rc == 0)
        print_error("accepted: %.200s\n", text);
    check_refused(rc, &error, code, field, cid);
    assert_null(c);
}

void refused(const char *text, enum error_code code, const char *field)
{
    refused_with_cid(text, code, field, "");
}

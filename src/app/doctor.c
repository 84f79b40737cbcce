#include "doctor.h"

#include "tools.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = { "ok", "warning", "failure" };

static void add_json(struct str *out, const char *text)
{
    str_addc(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            str_addc(out, '\\');
        if ((unsigned char)*text < ' ')
            str_addf(out, "\\u%04x", (unsigned)(unsigned char)*text);
        else
            str_addc(out, *text);
    }
    str_addc(out, '"');
}

static void print_json(const struct doctor *d, enum doctor_state state, const char *check,
                       const char *command, const char *text)
{
    struct str out = STR_INIT;
    const bool first =
        d->counts[DOCTOR_OK] + d->counts[DOCTOR_WARNING] + d->counts[DOCTOR_FAILURE] == 1;
    str_addf(&out, "%s\n{\"check\":\"%s\",\"state\":\"%s\",\"text\":", first ? "" : ",", check,
             names[state]);
    add_json(&out, text);
    str_addz(&out, ",\"command\":");
    if (command != NULL)
        add_json(&out, command);
    else
        str_addz(&out, "null");
    str_addc(&out, '}');
    fputs(out.data, stdout);
    str_fini(&out);
}

void doctor_tell(struct doctor *d, enum doctor_state state, const char *check, const char *command,
                 const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    d->counts[state]++;
    if (d->json) {
        print_json(d, state, check, command, text);
        return;
    }
    printf("%-8s %-12s %s\n", names[state], check, text);
    if (command != NULL)
        printf("%-8s %-12s $ %s\n", "", "", command);
    fflush(stdout); /* the next look may take seconds */
}

const char *doctor_command(char out[DOCTOR_COMMAND_BYTES], const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(out, DOCTOR_COMMAND_BYTES, fmt, args);
    va_end(args);
    return out;
}

int tool_doctor(const struct tool_line *line)
{
    struct doctor d = { .settings = &line->settings, .json = line->json };
    if (line->word_count > 0)
        return tool_misuse("doctor takes no %s: confab doctor --help", line->words[0]);
    if (line->settings.server_port == 0)
        return tool_misuse("SERVER_PORT=0 is another port at each start: confab --server-port N "
                           "doctor looks at one");
    if (d.json)
        fputs("{\"checks\":[", stdout);
    doctor_network(&d);
    doctor_redis(&d);
    doctor_host(&d);
    if (d.json)
        printf("\n],\"ok\":%u,\"warnings\":%u,\"failures\":%u}\n", d.counts[DOCTOR_OK],
               d.counts[DOCTOR_WARNING], d.counts[DOCTOR_FAILURE]);
    return d.counts[DOCTOR_FAILURE] > 0 ? TOOL_FAILED : TOOL_DONE;
}

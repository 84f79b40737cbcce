/* Lines on stdin, and how long it takes after a fault until messages reach everybody again. */
#include "soak.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void copy_name(char out[64], const char *name)
{
    size_t n = 0;
    for (; name[n] && n < 63; n++)
        out[n] = name[n];
    out[n] = '\0';
}

static struct mark *add(struct soak *s, const char *name)
{
    if (s->mark_count == SOAK_MARKS)
        return NULL;
    struct mark *m = &s->marks[s->mark_count++];
    copy_name(m->name, name);
    m->begin_us = s->now_us;
    return m;
}

static void end(struct soak *s, const char *name)
{
    struct mark *found = NULL;
    for (unsigned i = 0; i < s->mark_count; i++) {
        if (!s->marks[i].end_us && !strcmp(s->marks[i].name, name))
            found = &s->marks[i];
    }
    if (!found)
        found = add(s, name);
    if (!found)
        return;
    found->end_us = s->now_us;
    s->marks_open = true;
}

static void line(struct soak *s, const char *text)
{
    if (!strcmp(text, "stop"))
        s->stop_asked = true;
    else if (!strncmp(text, "begin ", 6))
        (void)add(s, text + 6);
    else if (!strncmp(text, "end ", 4))
        end(s, text + 4);
    else if (*text)
        log_warn("stdin", "error=\"begin NAME, end NAME or stop\"");
}

static void take(struct soak *s, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n') {
            s->line[s->line_size] = '\0';
            line(s, s->line);
            s->line_size = 0;
        } else if (s->line_size + 1 < sizeof s->line) {
            s->line[s->line_size++] = data[i];
        }
    }
}

static void read_stdin(struct soak *s)
{
    char data[1024];
    struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
    if (!s->stdin_open || poll(&p, 1, 0) <= 0)
        return;
    ssize_t n = read(STDIN_FILENO, data, sizeof data);
    if (n > 0)
        take(s, data, (size_t)n);
    else
        s->stdin_open = false;
}

/* When each awake client has, in each of its rooms, a message that was sent after the fault. */
static bool is_recovered(const struct soak *s, int64_t end_us)
{
    for (unsigned i = 0; i < s->opt->clients; i++) {
        const struct client *c = &s->clients[i];
        if (!client_is_awake(c))
            continue;
        for (unsigned k = 0; k < c->seat_count; k++) {
            if (ledger_newest_us(s->ledger, c->index, c->seats[k].room) <= end_us)
                return false;
        }
    }
    return true;
}

void marks_tick(struct soak *s)
{
    char quoted[80];
    read_stdin(s);
    if (!s->marks_open)
        return;
    s->marks_open = false;
    for (unsigned i = 0; i < s->mark_count; i++) {
        struct mark *m = &s->marks[i];
        if (!m->end_us || m->recovered_us)
            continue;
        if (is_recovered(s, m->end_us)) {
            m->recovered_us = s->now_us;
            log_info("recovered", "mark=%s ms=%jd", log_quote(quoted, sizeof quoted, m->name),
                     (intmax_t)((s->now_us - m->end_us) / 1000));
        } else {
            s->marks_open = true;
        }
    }
}

#include "redis.h"

#include "confab/base/str.h"
#include "store/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { WORDS_MAX = 4096, LINES = 2, STREAMS_MAX = 32 };

#define RUN_ID "0123456789abcdef0123456789abcdef01234567"
#define TIMESTAMP "1760000000000"

struct word {
    const char *data;
    size_t size;
};

struct line {
    int fd;
    struct str in, out;
};

static char folder[] = "/tmp/confab-budget-XXXXXX";
static char address[128];
static int listener = -1;
static struct line lines[LINES];
static size_t connected;
static struct line *subscriber;
static unsigned scripts_loaded;
static struct {
    char key[96];
    uint64_t seq;
} streams[STREAMS_MAX];

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "confab-budget: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* ---- replies ---- */

static void add_bulk(struct str *out, const char *text, size_t size)
{
    str_addf(out, "$%zu\r\n", size);
    str_add(out, text, size);
    str_addz(out, "\r\n");
}

static void add_text(struct str *out, const char *text)
{
    add_bulk(out, text, strlen(text));
}

static void publish(const struct word *channel, struct word payload)
{
    if (!subscriber)
        return;
    str_addz(&subscriber->out, "*3\r\n");
    add_text(&subscriber->out, "message");
    add_bulk(&subscriber->out, channel->data, channel->size);
    add_bulk(&subscriber->out, payload.data, payload.size);
}

/* ---- scripts ---- */

static bool is(const struct word *w, const char *text)
{
    return w->size == strlen(text) && memcmp(w->data, text, w->size) == 0;
}

static uint64_t *stream_seq(const struct word *key)
{
    size_t i = 0;
    while (i < STREAMS_MAX && streams[i].key[0] && !is(key, streams[i].key))
        i++;
    check(i < STREAMS_MAX && key->size < sizeof(streams[i].key), "too many streams");
    if (!streams[i].key[0]) {
        memcpy(streams[i].key, key->data, key->size);
        streams[i].seq = REDIS_FIRST_SEQ;
    }
    return &streams[i].seq;
}

static uint64_t number(const struct word *w)
{
    return strtoull(w->data, NULL, 10);
}

/* A group of publish.lua; `keys` and `args` count from 1. Returns how many args it took. */
static size_t publish_group(struct str *out, const struct word *keys, const struct word *args)
{
    const uint64_t shape = number(&args[1]), channels = shape % 8 / 2, count = shape / 16;
    const bool has_cid = shape % 2;
    const size_t channel = 4; /* in a room there stands what is known of it */
    const size_t first = channels ? channel + 2 * channels : channel + 4;
    const size_t words = has_cid ? 3 : 1; /* of each message */
    uint64_t *seq = stream_seq(&keys[1]);
    struct str text = STR_INIT;
    str_addf(&text, "ok " REDIS_EPOCH " %" PRIu64 " " TIMESTAMP, *seq + 1);
    add_bulk(out, text.data, text.size);
    str_reset(&text);
    str_addf(&text, "m " REDIS_EPOCH " %" PRIu64, *seq + 1);
    for (size_t i = 0; i < count; i++) {
        const struct word *message = &args[first + words * i];
        const struct word *tail = has_cid ? &message[1] : &args[3];
        str_addc(&text, '\n');
        str_add(&text, args[2].data, args[2].size);
        str_addu(&text, ++*seq);
        str_add(&text, message[0].data, message[0].size);
        str_addz(&text, TIMESTAMP);
        str_add(&text, tail->data, tail->size);
    }
    const struct word payload = { text.data, text.size };
    const struct word room = { keys[1].data, keys[1].size - strlen(":meta") };
    if (channels == 0)
        publish(&room, payload);
    for (size_t i = 0; i < channels; i++)
        publish(&args[channel + 2 * i], payload);
    str_fini(&text);
    return first - 1 + words * count;
}

/* publish.lua, without its refusals. `keys` and `args` count from 1. */
static void run_publish(struct str *out, const struct word *keys, const struct word *args,
                        size_t arg_count)
{
    struct str answers = STR_INIT;
    size_t count = 0;
    keys++; /* the archive's stream */
    for (size_t a = 3; a < arg_count; count++) {
        const struct word *group = args + a;
        const uint64_t shape = number(&group[1]);
        a += publish_group(&answers, keys, group);
        const uint64_t channels = shape % 8 / 2;
        keys += 2 + (channels == 2 ? 3 : channels); /* two: what is unread stands behind them */
        keys += shape / 16 * (1 + shape % 2);       /* each message has a limit */
    }
    str_addf(out, "*%zu\r\n", count);
    str_add(out, answers.data, answers.size);
    str_fini(&answers);
}

static void run_script(struct str *out, const struct word *words, size_t count)
{
    const uint64_t script = number(&words[1]), keys = number(&words[2]);
    const struct word *args = words + 2 + keys;
    const size_t arg_count = count - 3 - keys;
    const uint64_t *seq;
    switch (script) {
    case SCRIPT_PUBLISH:
        run_publish(out, words + 2, args, arg_count);
        break;
    case SCRIPT_RESUME:
        seq = stream_seq(&words[3]);
        str_addz(out, "*9\r\n");
        add_text(out, REDIS_EPOCH);
        str_addf(out, ":%" PRIu64 "\r\n", *seq);
        add_bulk(out, args[1].data, args[1].size);
        str_addf(out, ":%" PRIu64 "\r\n:0\r\n*0\r\n:1\r\n$0\r\n\r\n:0\r\n", *seq);
        break;
    case SCRIPT_CLAIM: /* it is yours since ever, and you have talked to nobody */
        str_addz(out, "*2\r\n:1\r\n$1\r\n0\r\n");
        break;
    case SCRIPT_READY: /* it may be believed, and nobody has registered */
        str_addz(out, "*2\r\n$4\r\nopen\r\n:0\r\n");
        break;
    case SCRIPT_KEYS: /* there is one: the caller's */
        str_addz(out, "*4\r\n");
        add_text(out, TIMESTAMP);
        add_bulk(out, args[1].data, args[1].size);
        add_text(out, TIMESTAMP);
        add_bulk(out, args[2].data, args[2].size);
        break;
    case SCRIPT_ROSTER: /* nobody on other instances, and no marks */
        str_addz(out, "*3\r\n:0\r\n$0\r\n\r\n$0\r\n\r\n");
        break;
    case SCRIPT_READ: /* it rises, so it is told */
        for (size_t i = 4; i <= arg_count; i++)
            publish(&args[i], args[3]);
        str_addz(out, ":1\r\n");
        break;
    default:
        str_addz(out, ":1\r\n");
    }
}

/* ---- commands ---- */

static void run(struct line *c, const struct word *words, size_t count)
{
    if (is(&words[0], "EVALSHA")) {
        run_script(&c->out, words, count);
    } else if (is(&words[0], "PUBLISH")) {
        publish(&words[1], words[2]);
        str_addz(&c->out, ":1\r\n");
    } else if (is(&words[0], "SUBSCRIBE") || is(&words[0], "UNSUBSCRIBE")) {
        subscriber = c;
        str_addz(&c->out, "*3\r\n");
        add_text(&c->out, words[0].data[0] == 'S' ? "subscribe" : "unsubscribe");
        add_bulk(&c->out, words[1].data, words[1].size);
        str_addz(&c->out, ":1\r\n");
    } else if (is(&words[0], "SCRIPT")) { /* its SHA is its number: they come in their order */
        str_addf(&c->out, "$40\r\n%040u\r\n", scripts_loaded++);
    } else if (is(&words[0], "INFO")) {
        add_text(&c->out, "run_id:" RUN_ID "\r\n");
    } else {
        str_addz(&c->out, "+OK\r\n");
    }
}

/* The number behind `mark`; *at moves behind the line. False when the line is not complete. */
static bool read_number(const struct str *in, size_t *at, char mark, size_t *out)
{
    const char *line = in->data + *at, *end = in->data + in->size;
    const char *stop = *at < in->size ? memchr(line, '\n', (size_t)(end - line)) : NULL;
    if (!stop)
        return false;
    check(*line == mark, "not a command");
    *out = strtoul(line + 1, NULL, 10);
    *at = (size_t)(stop + 1 - in->data);
    return true;
}

/* Runs the command at *at and moves behind it; false when it is not complete. */
static bool take_command(struct line *c, size_t *at)
{
    static struct word words[WORDS_MAX];
    size_t count, next = *at;
    if (!read_number(&c->in, &next, '*', &count))
        return false;
    check(count > 0 && count <= WORDS_MAX, "a command of too many words");
    for (size_t i = 0; i < count; i++) {
        size_t size;
        if (!read_number(&c->in, &next, '$', &size) || next + size + 2 > c->in.size)
            return false;
        words[i] = (struct word){ c->in.data + next, size };
        next += size + 2;
    }
    run(c, words, count);
    *at = next;
    return true;
}

static void take(struct line *c)
{
    char chunk[16384];
    ssize_t n;
    while ((n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT)) > 0)
        str_add(&c->in, chunk, (size_t)n);
    size_t at = 0;
    while (take_command(c, &at))
        ;
    memmove(c->in.data, c->in.data + at, c->in.size - at);
    c->in.size -= at;
}

static void remove_folder(void)
{
    unlink(address + strlen("unix:"));
    rmdir(folder);
}

void redis_take(void)
{
    const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        check(connected < LINES, "confab connects again");
        lines[connected++].fd = fd;
        if (connected == LINES) /* nobody else comes: nothing is left behind, however this ends */
            remove_folder();
    }
    for (size_t i = 0; i < connected; i++)
        take(&lines[i]);
}

static void flush(struct line *c)
{
    for (size_t at = 0; at < c->out.size;) {
        const ssize_t n = send(c->fd, c->out.data + at, c->out.size - at, MSG_NOSIGNAL);
        check(n > 0, "send");
        at += (size_t)n;
    }
    str_reset(&c->out);
}

void redis_answer(void)
{
    for (size_t i = 0; i < connected; i++)
        if (&lines[i] != subscriber)
            flush(&lines[i]);
}

void redis_publish(void)
{
    if (subscriber)
        flush(subscriber);
}

/* ---- life ---- */

void redis_open(void)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    check(mkdtemp(folder) != NULL, "mkdtemp");
    snprintf(name.sun_path, sizeof(name.sun_path), "%s/redis.sock", folder);
    snprintf(address, sizeof(address), "unix:%s", name.sun_path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    check(listener >= 0 && bind(listener, (struct sockaddr *)&name, sizeof(name)) == 0 &&
              listen(listener, LINES) == 0,
          name.sun_path);
}

void redis_close(void)
{
    for (size_t i = 0; i < connected; i++) {
        close(lines[i].fd);
        str_fini(&lines[i].in);
        str_fini(&lines[i].out);
    }
    close(listener);
}

const char *redis_address(void)
{
    return address;
}

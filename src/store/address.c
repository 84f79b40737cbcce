#include "address.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_numeric(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

void address_init(struct address *a, const char *text)
{
    *a = (struct address){ .port = ADDRESS_PORT_DEFAULT };
    if (strncmp(text, "unix:", 5) == 0 || text[0] == '/') {
        a->path = xstrdup(text[0] == '/' ? text : text + 5);
        return;
    }
    const char *host = text, *host_end, *colon;
    if (text[0] == '[' && strchr(text, ']')) {
        host = text + 1;
        host_end = strchr(host, ']');
        colon = host_end[1] == ':' ? host_end + 1 : NULL;
    } else {
        colon = strrchr(text, ':');
        if (colon && strchr(text, ':') != colon)
            colon = NULL; /* more than one: an IPv6 address without brackets */
        host_end = colon ? colon : text + strlen(text);
    }
    if (colon && colon[1] != '\0')
        a->port = (int)strtol(colon + 1, NULL, 10);
    a->host = xmemdupz(host, (size_t)(host_end - host));
    a->numeric = is_numeric(a->host);
}

void address_init_host(struct address *a, const char *host, int port)
{
    *a = (struct address){ .host = xstrdup(host), .port = port, .numeric = is_numeric(host) };
}

void address_fini(struct address *a)
{
    free(a->path);
    free(a->host);
    *a = (struct address){ 0 };
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool address_equal(const struct address *a, const struct address *b)
{
    return a->port == b->port && same_text(a->host, b->host) && same_text(a->path, b->path);
}

const char *address_text(const struct address *a, char *out, size_t size)
{
    if (a->path)
        snprintf(out, size, "unix:%s", a->path);
    else if (strchr(a->host, ':'))
        snprintf(out, size, "[%s]:%d", a->host, a->port);
    else
        snprintf(out, size, "%s:%d", a->host, a->port);
    return out;
}

size_t address_list(struct address **out, const char *text)
{
    size_t count = 0;
    struct address *list = NULL;
    char *copy = xstrdup(text), *rest = copy, *item;
    while ((item = strsep(&rest, ", ")) != NULL) {
        if (*item == '\0')
            continue;
        list = xrealloc(list, (count + 1) * sizeof(*list));
        address_init(&list[count++], item);
    }
    free(copy);
    *out = list;
    return count;
}

/* The thread owns its question and the write end, the hub the read end. They share nothing, so
 * either may end first. */
struct question {
    int fd;
    unsigned turn;
    char host[];
};

struct answer { /* small enough for one atomic write(2) to a pipe */
    int error;  /* of getaddrinfo(3) */
    char number[INET6_ADDRSTRLEN];
};

struct resolve {
    struct event *readable;
    int fd;
    resolve_fn *done;
    void *arg;
};

static void look_up(const struct question *q, struct answer *out)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
    out->error = getaddrinfo(q->host, NULL, &hints, &list);
    if (out->error)
        return;
    unsigned count = 1;
    for (struct addrinfo *a = list; a->ai_next; a = a->ai_next)
        count++;
    struct addrinfo *chosen = list;
    for (unsigned i = q->turn % count; i > 0 && chosen->ai_next; i--)
        chosen = chosen->ai_next;
    out->error = getnameinfo(chosen->ai_addr, chosen->ai_addrlen, out->number, sizeof(out->number),
                             NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(list);
}

static void *resolve_run(void *arg)
{
    struct question *q = arg;
    struct answer a = { 0 };
    look_up(q, &a);
    /* EPIPE when the hub no longer waits; SIGPIPE is blocked, as all signals are. */
    ssize_t ignored = write(q->fd, &a, sizeof(a));
    (void)ignored;
    close(q->fd);
    free(q);
    return NULL;
}

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    role_assume(&on_hub);
    struct resolve *r = arg;
    struct answer a;
    bool whole = read(fd, &a, sizeof(a)) == (ssize_t)sizeof(a);
    resolve_fn *done = r->done;
    void *done_arg = r->arg;
    resolve_stop(r);
    if (whole && a.error == 0)
        done(done_arg, a.number, NULL);
    else
        done(done_arg, NULL, whole ? gai_strerror(a.error) : "the resolver thread gave no answer");
}

static int start_thread(const char *host, unsigned turn, int fd)
{
    size_t size = strlen(host) + 1;
    struct question *q = xmalloc(sizeof(*q) + size);
    q->fd = fd;
    q->turn = turn;
    memcpy(q->host, host, size);
    pthread_t thread;
    int error = thread_start(&thread, "resolve", 0, resolve_run, q);
    if (error == 0)
        pthread_detach(thread);
    else
        free(q);
    return error;
}

struct resolve *resolve_start(struct event_base *base, const char *host, unsigned turn,
                              resolve_fn *done, void *arg)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return NULL;
    if (start_thread(host, turn, fds[1]) != 0) {
        close(fds[0]);
        close(fds[1]);
        return NULL;
    }
    struct resolve *r = xmalloc(sizeof(*r));
    *r = (struct resolve){ .fd = fds[0], .done = done, .arg = arg };
    r->readable = event_new(base, r->fd, EV_READ, on_answer, r);
    BUG_ON(!r->readable);
    event_add(r->readable, NULL);
    return r;
}

void resolve_stop(struct resolve *r)
{
    if (!r)
        return;
    event_free(r->readable);
    close(r->fd);
    free(r);
}

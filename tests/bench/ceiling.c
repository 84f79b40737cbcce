/* How fast the load generator itself can receive: a child process stands in for the server and
 * sends prepared messages to all clients as fast as their sockets take them. */
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    _exit(2);
}

static void add_frame(struct str *out, const char *json)
{
    size_t size = strlen(json);
    str_addc(out, (char)0x81);
    if (size < 126) {
        str_addc(out, (char)size);
    } else {
        str_addc(out, 126);
        str_addc(out, (char)(size >> 8));
        str_addc(out, (char)size);
    }
    str_add(out, json, size);
}

static void send_all(int fd, const struct str *s)
{
    for (size_t at = 0; at < s->size;) {
        ssize_t n = send(fd, s->data + at, s->size - at, MSG_NOSIGNAL);
        if (n <= 0)
            _exit(0); /* the measurement is over */
        at += (size_t)n;
    }
}

static int accept_one(int listener, const char *room)
{
    char request[1024];
    size_t have = 0;
    int on = 1, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    must(fd >= 0, "accept");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    do {
        ssize_t n = recv(fd, request + have, sizeof request - 1 - have, 0);
        must(n > 0, "recv");
        have += (size_t)n;
        request[have] = '\0';
    } while (!strstr(request, "\r\n\r\n"));

    struct str s = STR_INIT;
    str_addz(&s, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    char joined[128];
    (void)snprintf(joined, sizeof joined,
                   "{\"type\":\"joined\",\"room\":\"%s\",\"epoch\":\"e\",\"seq\":0}", room);
    add_frame(&s, joined);
    add_frame(&s, "{\"type\":\"history\",\"messages\":[],\"more\":false}");
    send_all(fd, &s);
    str_fini(&s);
    return fd;
}

/* Each client gets the same `batch` messages with one send, for ever. */
static void NORETURN serve(const struct bench *b, int listener, unsigned batch)
{
    const char *room = b->streams[0].name;
    unsigned clients = b->opt->clients;
    int *fds = xcalloc(clients, sizeof *fds);
    for (unsigned i = 0; i < clients; i++)
        fds[i] = accept_one(listener, room);
    struct str s = STR_INIT;
    for (uint64_t seq = 1;;) {
        str_reset(&s);
        for (unsigned i = 0; i < batch; i++, seq++) {
            char json[256];
            (void)snprintf(json, sizeof json,
                           "{\"type\":\"message\",\"room\":\"%s\",\"seq\":%ju,"
                           "\"id\":\"0123456789abcdef\",\"user\":\"bench-1-1\","
                           "\"content\":\"%08xffffffff\",\"timestamp\":1700000000000}",
                           room, (uintmax_t)seq, (unsigned)bench_now(b));
            add_frame(&s, json);
        }
        for (unsigned i = 0; i < clients; i++)
            send_all(fds[i], &s);
    }
}

static int listen_any(struct server *out)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && !bind(fd, (const struct sockaddr *)&a, sizeof a) && !listen(fd, 4096) &&
             !getsockname(fd, (struct sockaddr *)&a, &size),
         "listen");
    memcpy(&out->address, &a, sizeof a);
    out->address_size = sizeof a;
    (void)snprintf(out->host, sizeof out->host, "127.0.0.1:%u", ntohs(a.sin_port));
    return fd;
}

/* The child goes to the processors that this one was not given. */
static void move_away(void)
{
    cpu_set_t own, others;
    CPU_ZERO(&others);
    must(!sched_getaffinity(0, sizeof own, &own), "sched_getaffinity");
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    for (int i = 0; i < count; i++) {
        if (!CPU_ISSET(i, &own))
            CPU_SET(i, &others);
    }
    if (CPU_COUNT(&others))
        must(!sched_setaffinity(0, sizeof others, &others), "sched_setaffinity");
}

static bool measure(struct options *opt, unsigned batch)
{
    struct bench *b = xcalloc(1, sizeof *b);
    opt->server_count = 1;
    int listener = listen_any(&opt->servers[0]);
    bench_init(b, opt);
    (void)fflush(stdout);
    pid_t child = fork();
    must(child >= 0, "fork");
    if (!child) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        move_away();
        serve(b, listener, batch);
    }
    (void)close(listener);
    bool ran = run_load(b);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);

    const struct snapshot *from = &b->marks[MARK_FROM], *until = &b->marks[MARK_UNTIL];
    double n = (double)(until->counts.deliveries - from->counts.deliveries);
    double s = (double)(until->at_us - from->at_us) / 1e6;
    double cpu = until->own_cpu_s - from->own_cpu_s;
    if (ran && n > 0)
        printf("  %5u %16.0f %12.0f %% %22.3f %16.0f\n", batch, n / s, 100 * cpu / s, cpu * 1e6 / n,
               n / cpu);
    if (b->reason[0])
        (void)fprintf(stderr, "confab-bench: %s\n", b->reason);
    ran = ran && !bench_fault_count(b);
    bench_fini(b);
    free(b);
    return ran;
}

int run_ceiling(struct options *opt)
{
    static const unsigned batches[] = { 1, 8, 64, 512 };
    bool good = true;
    opt->rooms = 1;
    opt->pid_count = opt->redis_count = 0;
    printf("%u clients; the load generator's own ceiling\n"
           "  batch     deliveries/s  load CPU   load CPU us per delivery   full core: /s\n",
           opt->clients);
    for (unsigned i = 0; i < sizeof batches / sizeof batches[0]; i++)
        good = measure(opt, batches[i]) && good;
    return good ? 0 : 1;
}

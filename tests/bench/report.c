/* The figures of a run: one list of lines, printed as a table or as JSON. */
#include "bench.h"

#include <stdio.h>

struct report {
    bool json;
    const char *separator;
};

static void put(struct report *r, const char *key, double value, int decimals, const char *label)
{
    if (r->json)
        printf("%s\n  \"%s\": %.*f", r->separator, key, decimals, value);
    else
        printf("  %16.*f  %s\n", decimals, value, label);
    r->separator = ",";
}

static double per(double amount, double count)
{
    return count > 0 ? amount / count : 0;
}

static double seconds_between(const struct bench *b, enum mark from, enum mark until)
{
    return (double)(b->marks[until].at_us - b->marks[from].at_us) / 1e6;
}

static double server_cpu(const struct bench *b, enum mark from, enum mark until)
{
    return b->marks[until].server.cpu_s - b->marks[from].server.cpu_s;
}

static void put_title(const struct bench *b, struct report *r)
{
    const struct options *opt = b->opt;
    if (r->json) {
        printf("%s\n  \"mode\": \"%s\",\n  \"dialect\": \"%s\"", r->separator,
               options_mode_name(opt->mode), opt->dialect->name);
        r->separator = ",";
    } else {
        printf("confab-bench: %s, %s\n", options_mode_name(opt->mode), opt->dialect->name);
    }
    put(r, "clients", opt->clients, 0, "clients");
    if (r->json || b->slow_count)
        put(r, "clients_slow", b->slow_count, 0, "of them slow");
    put(r, "rooms", opt->rooms, 0, opt->mode == MODE_PRIVATE ? "conversations" : "rooms");
    put(r, "servers", opt->server_count, 0, "servers");
}

static void put_connect(const struct bench *b, struct report *r)
{
    unsigned n = b->conn_count;
    double took = seconds_between(b, MARK_START, MARK_CONNECTED);
    put(r, "connect_s", took, 3, "s to connect and join them all");
    if (!b->opt->pid_count)
        return;
    put(r, "connect_cpu_ms", server_cpu(b, MARK_START, MARK_CONNECTED) * 1e3 / n, 4,
        "ms of server CPU per connection made");
    if (n > BENCH_TAIL)
        put(r, "connect_tail_cpu_ms", server_cpu(b, MARK_TAIL, MARK_CONNECTED) * 1e3 / BENCH_TAIL,
            4, "ms of server CPU for each of the last 1,000");
}

static void put_memory(const struct bench *b, struct report *r)
{
    const struct process_use *before = &b->marks[MARK_START].server;
    const struct process_use *with = &b->marks[MARK_UNTIL].server;
    if (!b->opt->pid_count)
        return;
    double grown_kb = (double)with->rss_kb - (double)before->rss_kb;
    put(r, "rss_before_mb", (double)before->rss_kb * 1024 / 1e6, 2, "MB resident before");
    put(r, "rss_mb", (double)with->rss_kb * 1024 / 1e6, 2, "MB resident with all connections");
    put(r, "pss_mb", (double)with->pss_kb * 1024 / 1e6, 2, "MB proportional (PSS)");
    put(r, "kb_per_connection", grown_kb / b->conn_count, 2, "KiB grown per connection");
    put(r, "threads", with->threads, 0, "threads");
}

/* Rates over the measurement; latency of the messages that were sent in it. */
static void put_load(const struct bench *b, struct report *r)
{
    const struct snapshot *from = &b->marks[MARK_FROM], *until = &b->marks[MARK_UNTIL];
    double s = seconds_between(b, MARK_FROM, MARK_UNTIL);
    double sent = (double)(until->counts.sent - from->counts.sent);
    double deliveries = (double)(until->counts.deliveries - from->counts.deliveries);
    double bytes = (double)(until->counts.bytes - from->counts.bytes);
    double reads = (double)(until->counts.reads - from->counts.reads);
    double returned = (double)(until->counts.returned - from->counts.returned);
    put(r, "messages_per_s", per(sent, s), 0, "messages/s sent");
    put(r, "messages_end_to_end_per_s", per(returned, s), 0, "messages/s back at their sender");
    put(r, "deliveries_per_s", per(deliveries, s), 0, "deliveries/s");
    put(r, "json_bytes", per(bytes, deliveries), 1, "bytes of JSON in each");
    put(r, "deliveries_per_read", per(deliveries, reads), 1, "deliveries found per read");
    put(r, "p50_ms", (double)hist_quantile(&b->latency, 0.5) / 1e3, 3, "ms at the receivers: p50");
    put(r, "p99_ms", (double)hist_quantile(&b->latency, 0.99) / 1e3, 3, "ms p99");
    put(r, "p999_ms", (double)hist_quantile(&b->latency, 0.999) / 1e3, 3, "ms p99.9");
    put(r, "max_ms", (double)b->latency.max / 1e3, 3, "ms at most");
    if (b->opt->mode == MODE_OPEN)
        put(r, "late_p99_ms", (double)hist_quantile(&b->late, 0.99) / 1e3, 3,
            "ms of it: p99 of sending late, here");
    if (b->opt->pid_count)
        put(r, "cpu_us_per_delivery", per(server_cpu(b, MARK_FROM, MARK_UNTIL) * 1e6, deliveries),
            3, "us of server CPU per delivery");
}

/* From the first one coming back to the last one having all that it missed. */
static void put_resume(const struct bench *b, struct report *r)
{
    const struct snapshot *from = &b->marks[MARK_FROM], *until = &b->marks[MARK_UNTIL];
    double clients = b->opt->clients;
    double recovered = (double)(until->counts.recovered - from->counts.recovered);
    put(r, "resume_s", seconds_between(b, MARK_FROM, MARK_UNTIL), 3, "s until all have resumed");
    put(r, "recovered_per_client", per(recovered, clients), 2, "messages recovered by each");
    if (b->opt->pid_count)
        put(r, "resume_cpu_ms", server_cpu(b, MARK_FROM, MARK_UNTIL) * 1e3 / clients, 4,
            "ms of server CPU per client resumed");
    if (b->opt->redis_count)
        put(r, "resume_redis_cpu_ms", (until->redis.cpu_s - from->redis.cpu_s) * 1e3 / clients, 4,
            "ms of CPU of Redis per client resumed");
}

static void put_threads(const struct bench *b, struct report *r)
{
    const struct process_use *from = &b->marks[MARK_FROM].server;
    const struct process_use *until = &b->marks[MARK_UNTIL].server;
    double s = seconds_between(b, MARK_FROM, MARK_UNTIL);
    for (unsigned i = 0; i < until->group_count; i++) {
        const struct thread_use *g = &until->groups[i];
        char key[48], label[64];
        (void)snprintf(key, sizeof key, "cpu_percent_%s", g->name);
        (void)snprintf(label, sizeof label, "%%   in %u %s", g->threads, g->name);
        put(r, key, per(100 * process_group_cpu(from, until, g->name), s), 1, label);
    }
}

/* What neither the servers, nor Redis, nor this program used: a busy machine shows in the
 * latencies. Redis and servers without a process number count as others. */
static double others_cpu(const struct bench *b)
{
    const struct snapshot *from = &b->marks[MARK_FROM], *until = &b->marks[MARK_UNTIL];
    double used = until->machine_cpu_s - from->machine_cpu_s;
    used -= until->own_cpu_s - from->own_cpu_s;
    used -= until->server.cpu_s - from->server.cpu_s;
    used -= until->redis.cpu_s - from->redis.cpu_s;
    return used > 0 ? used : 0;
}

static void put_cpu(const struct bench *b, struct report *r)
{
    const struct snapshot *from = &b->marks[MARK_FROM], *until = &b->marks[MARK_UNTIL];
    double s = seconds_between(b, MARK_FROM, MARK_UNTIL);
    if (b->opt->pid_count) {
        put(r, "cpu_percent", per(100 * server_cpu(b, MARK_FROM, MARK_UNTIL), s), 1,
            "% of a core: server");
        put(r, "cpu_percent_user", per(100 * (until->server.user_s - from->server.user_s), s), 1,
            "%   of it user");
        put_threads(b, r);
    }
    if (b->opt->redis_count)
        put(r, "redis_cpu_percent", per(100 * (until->redis.cpu_s - from->redis.cpu_s), s), 1,
            "% of a core: Redis");
    put(r, "own_cpu_percent", per(100 * (until->own_cpu_s - from->own_cpu_s), s), 1,
        "% of a core: this load generator");
    put(r, "others_cpu_percent", per(100 * others_cpu(b), s), 1,
        "% of a core: everything else on this machine");
}

static void put_counts(const struct bench *b, struct report *r)
{
    const struct counts *c = &b->counts;
#define X(name, label)                                                                             \
    if (r->json || c->name)                                                                        \
        put(r, "total_" #name, (double)c->name, 0, "total: " label);
    BENCH_COUNTS(X)
#undef X
#define X(name, label)                                                                             \
    if (r->json || c->name)                                                                        \
        put(r, "fault_" #name, (double)c->name, 0, "FAULTS: " label);
    BENCH_FAULTS(X)
#undef X
    put(r, "faults", (double)bench_fault_count(b), 0, "faults");
}

/* A generator near its own limit measures itself. */
static void warn_if_bound(const struct bench *b)
{
    double s = seconds_between(b, MARK_FROM, MARK_UNTIL);
    double own = per(b->marks[MARK_UNTIL].own_cpu_s - b->marks[MARK_FROM].own_cpu_s, s);
    if (b->opt->mode != MODE_IDLE && own > 0.95)
        (void)fputs("confab-bench: the load generator used a whole core; the server may be able "
                    "to do more\n",
                    stderr);
}

void report_print(const struct bench *b)
{
    struct report r = { .json = b->opt->json, .separator = "{" };
    put_title(b, &r);
    put_connect(b, &r);
    put_memory(b, &r);
    if (b->opt->mode == MODE_RESUME)
        put_resume(b, &r);
    else if (b->opt->mode != MODE_IDLE)
        put_load(b, &r);
    put_cpu(b, &r);
    put_counts(b, &r);
    if (r.json)
        puts("\n}");
    warn_if_bound(b);
}

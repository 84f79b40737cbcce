/* The JSON that says how the server is. Numbers are read one by one while threads go on: they
 * belong to about the same moment. */
#include "http.h"

#include "confab/archive/archive.h"
#include "confab/store/store.h"
#include "post.h"

#include <string.h>

static const char *pump_mode_text(const struct net *n)
{
    static const char *const names[] = {
        [PUMPS_AUTO] = "auto", [PUMPS_THREADS] = "threads", [PUMPS_SHARED] = "shared"
    };
    return names[n->settings->pump_mode];
}

static enum store_state store_state(const struct net *n)
{
    return (enum store_state)stat_get(n->stats, store_state);
}

/* Of health and stats: a Redis that forgets works, until it does. */
static void add_durable(const struct net *n, struct str *out)
{
    const enum store_durable durable = (enum store_durable)stat_get(n->stats, redis_durable);
    const bool known = durable != STORE_DURABLE_UNKNOWN;
    str_addf(out, "\"durable\":%s,",
             !known                         ? "null"
             : durable == STORE_DURABLE_YES ? "true"
                                            : "false");
    if (known && durable != STORE_DURABLE_YES)
        str_addf(out, "\"warning\":\"%s\",", store_durable_text(durable));
}

static enum archive_state archive_state(const struct net *n)
{
    return (enum archive_state)stat_get(n->stats, archive_state);
}

/* Of health and stats; without the closing brace. The status of health stays that of the chat:
 * an archive in trouble must not take instances out of a balancer. */
static void add_archive(const struct net *n, struct str *out)
{
    str_addf(out,
             "\"archive\":{\"state\":\"%s\",\"reason\":\"%s\",\"behind\":%lld,\"oldest_ms\":%lld",
             archive_state_name(archive_state(n)), archive_state_text(archive_state(n)),
             (long long)stat_get(n->stats, archive_waiting),
             (long long)stat_get(n->stats, archive_waiting_since_ms));
}

static void add_archive_stats(const struct net *n, struct str *out)
{
    const struct stats *s = n->stats;
    add_archive(n, out);
    str_addf(out,
             ",\"groups\":%lld,\"silent_since_ms\":%lld,\"messages\":%lld,\"unindexed\":%lld,"
             "\"batches\":%llu,\"added\":%llu,"
             "\"repeats\":%llu,\"rejected\":%llu,\"pages\":%llu,\"searches\":%llu,"
             "\"page_p99_us\":%lld,\"search_p99_us\":%lld},",
             (long long)stat_get(s, archive_groups),
             (long long)stat_get(s, archive_silent_since_ms),
             (long long)stat_get(s, archive_messages), (long long)stat_get(s, archive_unindexed),
             (unsigned long long)stat_get(s, archive_batches),
             (unsigned long long)stat_get(s, archive_added),
             (unsigned long long)stat_get(s, archive_repeats),
             (unsigned long long)stat_get(s, archive_rejected),
             (unsigned long long)stat_get(s, archive_pages),
             (unsigned long long)stat_get(s, archive_searches),
             (long long)stats_lag_us(s, STATS_LAG_PAGE, 0.99),
             (long long)stats_lag_us(s, STATS_LAG_SEARCH, 0.99));
}

/* Nobody gets into such a room; everything else goes on. */
static void add_lost(const struct net *n, struct str *out)
{
    const int64_t lost = stat_get(n->stats, rooms_lost);
    str_addf(out, "\"rooms_lost\":%lld,", (long long)lost);
    if (lost > 0)
        str_addz(out, "\"rooms_lost_reason\":\"a room's rules are lost: Redis came back without "
                      "them; an archive or the administrator brings them\",");
}

/* Of health and stats; the status of health stays that of the chat. */
static void add_files(const struct net *n, struct str *out)
{
    const struct stats *s = n->stats;
    const bool off = n->settings->file_max_kb == 0;
    str_addf(out, "\"files\":{\"state\":\"%s\",\"count\":%lld,\"bytes\":%lld,\"bound\":%lld}",
             off                          ? "off"
             : stat_get(s, files_failing) ? "failing"
                                          : "ok",
             (long long)stat_get(s, files_count), (long long)stat_get(s, files_bytes),
             off ? 0LL : (long long)n->settings->files_mb * 1024 * 1024);
}

int api_health(const struct net *n, struct str *out)
{
    const bool draining = atomic_load(&n->draining);
    const bool ready = store_state(n) == STORE_STATE_READY;
    str_addf(out, "{\"status\":\"%s\",", draining ? "draining" : ready ? "ok" : "degraded");
    if (draining || !ready)
        str_addf(out, "\"reason\":\"%s\",",
                 draining ? "the server stops" : store_state_text(store_state(n)));
    str_addf(out, "\"instance\":\"%s\",\"redis\":\"%s\",", n->settings->instance,
             store_state_text(store_state(n)));
    add_durable(n, out);
    add_lost(n, out);
    add_archive(n, out);
    str_addz(out, "},");
    add_files(n, out);
    str_addc(out, '}');
    return draining || !ready ? 503 : 200;
}

static void add_threads(const struct net *n, struct str *out)
{
    str_addf(
        out,
        "\"threads\":{\"main\":1,\"accept\":1,\"hub\":1,\"files\":%d,\"net\":%u,\"reader\":%lld,"
        "\"writer\":%lld,\"archive\":%lld},",
        n->settings->file_max_kb ? 2 : 0, n->count, (long long)stat_get(n->stats, threads_reader),
        (long long)stat_get(n->stats, threads_writer),
        (long long)stat_get(n->stats, threads_archive));
    str_addf(out,
             "\"pumps\":{\"mode\":\"%s\",\"now\":\"%s\",\"thread_clients\":%lld,"
             "\"dedicated\":%lld},",
             pump_mode_text(n), pump_mode_is_shared(&n->pump_mode) ? "shared" : "threads",
             (long long)n->settings->pump_thread_clients,
             (long long)stat_get(n->stats, clients_dedicated));
}

static void add_messages(const struct net *n, struct str *out)
{
    const struct stats *s = n->stats;
    str_addf(out,
             "\"messages\":{\"in\":%llu,\"published\":%llu,\"received\":%llu,\"duplicate\":%llu,"
             "\"limited\":%llu,\"failed\":%llu,\"delivered\":%llu},",
             (unsigned long long)stat_get(s, messages_in),
             (unsigned long long)stat_get(s, messages_published),
             (unsigned long long)stat_get(s, messages_received),
             (unsigned long long)stat_get(s, messages_duplicate),
             (unsigned long long)stat_get(s, messages_limited),
             (unsigned long long)stat_get(s, messages_failed),
             (unsigned long long)stat_get(s, deliveries));
}

static void add_queues(const struct net *n, struct str *out)
{
    struct hub_queue_stats q[HUB_QUEUES];
    hub_queue_stats(n->hub, q);
    str_addz(out, "\"queues\":{");
    for (size_t i = 0; i < HUB_QUEUES; i++)
        str_addf(out,
                 "\"%s\":{\"depth\":%u,\"depth_max\":%u,\"bound\":%u,\"pushed\":%llu,"
                 "\"refused\":%llu,\"wakeups\":%llu},",
                 q[i].name, q[i].depth, q[i].depth_max, q[i].bound, (unsigned long long)q[i].pushed,
                 (unsigned long long)q[i].refused, (unsigned long long)q[i].wakeups);
    str_addf(out, "\"outboxes\":{\"bytes\":%lld,\"bound\":%lld}},",
             (long long)stat_get(n->stats, queue_bytes),
             (long long)n->settings->max_queue_mb * 1024 * 1024);
}

static void add_nets(const struct net *n, struct str *out)
{
    str_addz(out, "\"nets\":[");
    for (unsigned i = 0; i < n->count; i++) {
        const struct net_thread *t = &n->threads[i];
        str_addf(out, "%s{\"connections\":%u,\"depth\":%u,\"depth_max\":%u}", i ? "," : "",
                 atomic_load(&t->connections), post_depth(&t->posts),
                 atomic_load(&t->posts.depth_max));
    }
    str_addz(out, "],");
}

static void add_redis(const struct net *n, struct str *out)
{
    const struct stats *s = n->stats;
    str_addz(out, "\"redis\":{");
    add_durable(n, out);
    str_addf(
        out,
        "\"state\":\"%s\",\"ready\":%s,\"in_flight\":%lld,\"commands\":%llu,"
        "\"reconnects\":%llu,\"lag_p50_us\":%lld,\"lag_p99_us\":%lld,\"probe_lag_us\":%lld},",
        store_state_text(store_state(n)), store_state(n) == STORE_STATE_READY ? "true" : "false",
        (long long)stat_get(s, redis_in_flight), (unsigned long long)stat_get(s, redis_commands),
        (unsigned long long)stat_get(s, redis_reconnects),
        (long long)stats_lag_us(s, STATS_LAG_REDIS, 0.5),
        (long long)stats_lag_us(s, STATS_LAG_REDIS, 0.99), (long long)stat_get(s, probe_lag_us));
}

static void add_all(const struct net *n, struct str *out)
{
    const struct stats *s = n->stats;
    str_addz(out, "\"counters\":{");
#define X(name) str_addf(out, "\"" #name "\":%llu,", (unsigned long long)stat_get(s, name));
    STATS_COUNTERS(X)
#undef X
    out->data[out->size - 1] = '}';
    str_addz(out, ",\"gauges\":{");
#define X(name) str_addf(out, "\"" #name "\":%lld,", (long long)stat_get(s, name));
    STATS_GAUGES(X)
#undef X
    out->data[out->size - 1] = '}';
}

void api_stats(const struct net *n, struct str *out)
{
    const struct stats *s = n->stats;
    str_addf(out,
             "{\"instance\":\"%s\",\"uptime_s\":%lld,\"clients\":%lld,\"users\":%lld,"
             "\"rooms\":%lld,",
             n->settings->instance, (long long)(clock_mono_ms() - s->started_mono_ms) / 1000,
             (long long)stat_get(s, clients), (long long)stat_get(s, users),
             (long long)stat_get(s, rooms));
    add_threads(n, out);
    add_messages(n, out);
    add_queues(n, out);
    add_nets(n, out);
    add_redis(n, out);
    add_archive_stats(n, out);
    add_files(n, out);
    str_addc(out, ',');
    add_all(n, out);
    str_addc(out, '}');
}

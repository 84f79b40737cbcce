/* The verdict and its figures, as a table or as JSON. */
#include "soak.h"

#include <stdio.h>
#include <stdlib.h>

static double ms(int64_t us)
{
    return (double)us / 1000;
}

static double quantile_ms(const struct hist *h, double q)
{
    return ms((int64_t)hist_quantile(h, q));
}

static double load_s(const struct soak *s)
{
    return (double)(s->load_end_us - s->running_us) / 1e6;
}

/* ---- JSON */

static json_t *real(double value)
{
    return json_real((double)(int64_t)(value * 1000 + 0.5) / 1000);
}

static json_t *real_or_null(bool known, double value)
{
    return known ? real(value) : json_null();
}

static json_t *marks_json(const struct soak *s)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < s->mark_count; i++) {
        const struct mark *m = &s->marks[i];
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:o, s:o}", "name", m->name, "begin_ms",
                            real(ms(m->begin_us - s->running_us)), "end_ms",
                            real_or_null(m->end_us, ms(m->end_us - s->running_us)), "recovery_ms",
                            real_or_null(m->recovered_us, ms(m->recovered_us - m->end_us))));
    }
    return list;
}

static json_t *usage_json(const struct usage *u)
{
    if (!u->known)
        return json_null();
    return json_pack("{s:I, s:i, s:i}", "rss_kb", (json_int_t)u->rss_kb, "threads", (int)u->threads,
                     "fds", (int)u->fds);
}

static json_t *processes_json(const struct soak *s)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < s->opt->pid_count; i++)
        json_array_append_new(list, json_pack("{s:i, s:o, s:o, s:o}", "pid", (int)s->opt->pids[i],
                                              "start", usage_json(&s->usage[i][USAGE_START]),
                                              "minute", usage_json(&s->usage[i][USAGE_MINUTE]),
                                              "end", usage_json(&s->usage[i][USAGE_END])));
    return list;
}

static void set_counts(json_t *o, const struct soak *s)
{
    const struct ledger_counts *c = &s->ledger->counts;
#define X(name, label) json_object_set_new(o, #name, json_integer((json_int_t)c->name));
    LEDGER_COUNTS(X)
#undef X
#define X(name, loss, label) json_object_set_new(o, #name, json_integer((json_int_t)c->name));
    LEDGER_FAULTS(X)
#undef X
    json_object_set_new(o, "connects", json_integer((json_int_t)s->connects));
    json_object_set_new(o, "reconnects", json_integer((json_int_t)s->reconnects));
    json_object_set_new(o, "resumes", json_integer((json_int_t)s->resumes));
}

static void print_json(const struct soak *s, bool holds)
{
    json_t *reasons = json_array();
    for (unsigned i = 0; i < s->ledger->reason_count; i++)
        json_array_append_new(reasons, json_string(s->ledger->reasons[i]));
    json_t *o = json_pack("{s:s, s:I, s:o, s:i, s:i}", "verdict", holds ? "holds" : "broken",
                          "seed", (json_int_t)s->opt->seed, "seconds", real(load_s(s)), "clients",
                          (int)s->opt->clients, "servers", (int)s->opt->url_count);
    set_counts(o, s);
    json_object_set_new(
        o, "latency_ms",
        json_pack("{s:o, s:o, s:o, s:o}", "p50", real(quantile_ms(&s->latency, 0.5)), "p99",
                  real(quantile_ms(&s->latency, 0.99)), "p999",
                  real(quantile_ms(&s->latency, 0.999)), "max", real(ms((int64_t)s->latency.max))));
    json_object_set_new(o, "silence_ms", real(ms((int64_t)s->silence_us)));
    if (s->opt->missed) {
        json_object_set_new(o, "missed", json_integer(s->opt->missed));
        json_object_set_new(o, "resume_ms",
                            json_pack("{s:o, s:o, s:o}", "p50", real(quantile_ms(&s->resume, 0.5)),
                                      "p99", real(quantile_ms(&s->resume, 0.99)), "max",
                                      real(ms((int64_t)s->resume.max))));
        json_object_set_new(o, "all_ms", real(ms(s->all_us)));
    }
    json_object_set_new(o, "marks", marks_json(s));
    json_object_set_new(o, "processes", processes_json(s));
    json_object_set_new(o, "reasons", reasons);
    (void)json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    (void)putchar('\n');
    json_decref(o);
}

/* ---- table */

static void row(const char *label, uint64_t n)
{
    printf("  %12ju  %s\n", (uintmax_t)n, label);
}

static void print_load(const struct soak *s)
{
    const struct ledger_counts *c = &s->ledger->counts;
    double seconds = load_s(s);
    printf("confab-soak: %u clients, %u rooms, %u servers, %.1f s, seed %ju\n", s->opt->clients,
           s->opt->rooms, s->opt->url_count, seconds, (uintmax_t)s->opt->seed);
#define X(name, label) row(label, c->name);
    LEDGER_COUNTS(X)
#undef X
    row("connections", s->connects);
    row("of them reconnections", s->reconnects);
    row("resumes", s->resumes);
    if (s->latency.count)
        printf("  latency ms    p50 %.2f  p99 %.2f  p99.9 %.2f  max %.2f\n",
               quantile_ms(&s->latency, 0.5), quantile_ms(&s->latency, 0.99),
               quantile_ms(&s->latency, 0.999), ms((int64_t)s->latency.max));
    if (!s->opt->missed)
        printf("  throughput    %.0f messages/s, %.0f deliveries/s\n",
               seconds > 0 ? (double)c->acked / seconds : 0,
               seconds > 0 ? (double)c->deliveries / seconds : 0);
    if (!s->opt->missed)
        printf("  silence       %.0f ms at most\n", ms((int64_t)s->silence_us));
    else
        printf("  resume ms     p50 %.2f  p99 %.2f  max %.2f; all %u back after %.0f\n",
               quantile_ms(&s->resume, 0.5), quantile_ms(&s->resume, 0.99),
               ms((int64_t)s->resume.max), s->opt->clients, ms(s->all_us));
}

static void print_marks(const struct soak *s)
{
    for (unsigned i = 0; i < s->mark_count; i++) {
        const struct mark *m = &s->marks[i];
        printf("  mark          %s: ", m->name);
        if (m->recovered_us)
            printf("recovered after %.0f ms\n", ms(m->recovered_us - m->end_us));
        else
            puts(m->end_us ? "not recovered" : "no end");
    }
}

static void print_processes(const struct soak *s)
{
    static const char *const names[] = { "start", "minute", "end" };
    for (unsigned i = 0; i < s->opt->pid_count; i++) {
        printf("  process %-6d", (int)s->opt->pids[i]);
        for (unsigned k = 0; k < USAGE_TIMES; k++) {
            const struct usage *u = &s->usage[i][k];
            if (u->known)
                printf("%s: %ju KiB, %u threads, %u descriptors  ", names[k], (uintmax_t)u->rss_kb,
                       u->threads, u->fds);
        }
        (void)putchar('\n');
    }
}

static void print_table(const struct soak *s, bool holds)
{
    const struct ledger_counts *c = &s->ledger->counts;
    print_load(s);
    print_marks(s);
    print_processes(s);
    puts("");
#define X(name, loss, label) row(label, c->name);
    LEDGER_FAULTS(X)
#undef X
    for (unsigned i = 0; i < s->ledger->reason_count; i++)
        printf("  - %s\n", s->ledger->reasons[i]);
    printf("\nverdict: %s\n", holds ? "every promise held" : "BROKEN");
}

void report_print(const struct soak *s, bool holds)
{
    if (s->opt->json)
        print_json(s, holds);
    else
        print_table(s, holds);
}

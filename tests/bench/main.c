/* confab-bench: a load generator for confab. See --help. */
#include "bench.h"

#include <stdio.h>
#include <sys/resource.h>

/* One descriptor per connection and a few more. */
static void raise_limit(const struct options *opt)
{
    struct rlimit limit;
    rlim_t need = opt->clients + opt->rooms + 64;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= need)
        return;
    limit.rlim_cur = need;
    if (limit.rlim_max < need)
        limit.rlim_max = need; /* only root may */
    if (setrlimit(RLIMIT_NOFILE, &limit))
        (void)fprintf(stderr, "confab-bench: %u connections need `ulimit -n %ju`\n", opt->clients,
                      (uintmax_t)need);
}

int main(int argc, char **argv)
{
    static struct options opt;
    static struct bench bench;
    options_read(&opt, argc, argv);
    raise_limit(&opt);
    if (opt.mode == MODE_CEILING)
        return run_ceiling(&opt);
    bench_init(&bench, &opt);
    bool ran = opt.mode == MODE_RESUME ? run_resume(&bench) : run_load(&bench);
    if (ran)
        report_print(&bench);
    if (bench.reason[0])
        (void)fprintf(stderr, "confab-bench: %s\n", bench.reason);
    int status = !ran ? 2 : bench_fault_count(&bench) ? 1 : 0;
    bench_fini(&bench);
    return status;
}

/* confab-soak: proves the promises of a live confab deployment. See --help. */
#include "soak.h"

#include <stdio.h>
#include <sys/resource.h>

/* One descriptor per connection, a closing one beside it, and a few more. */
static void raise_limit(const struct options *opt)
{
    struct rlimit limit;
    rlim_t need = 2 * (opt->clients + opt->rooms) + 64;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    if (limit.rlim_cur > need && limit.rlim_cur < 1 << 20)
        return;
    limit.rlim_cur =
        need; /* lowered as well: libwebsockets allocates for as many as there can be */
    if (limit.rlim_max < need)
        limit.rlim_max = need; /* only root may */
    if (setrlimit(RLIMIT_NOFILE, &limit))
        (void)fprintf(stderr, "confab-soak: %u clients need `ulimit -n %ju`\n", opt->clients,
                      (uintmax_t)need);
}

int main(int argc, char **argv)
{
    static struct options opt;
    static struct soak soak;
    options_read(&opt, argc, argv);
    raise_limit(&opt);
    soak_init(&soak, &opt);
    int status = soak_run(&soak);
    soak_fini(&soak);
    if (opt.acks && fclose(opt.acks)) {
        (void)fputs("confab-soak: the file of --acks is not complete\n", stderr);
        return 2;
    }
    return status;
}

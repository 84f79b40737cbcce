#include "confab/app/config.h"

#include "config_check.h"
#include "confab/app/tool.h"
#include "env_file.h"

#include <ctype.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { NET_THREADS_MAX_AUTO = 4 };

struct option {
    const char *env;
    size_t offset; /* in struct settings */
    bool number;
    int64_t low, high;         /* number */
    const char *default_value; /* as text */
    const char *help;
};

static const struct option options[] = {
#define X(member, env, value, low, high, help)                                                     \
    { #env, offsetof(struct settings, member), true, low, high, #value, help },
    SETTINGS_NUMBERS(X)
#undef X
#define X(member, env, value, help)                                                                \
    { #env, offsetof(struct settings, member), false, 0, 0, value, help },
        SETTINGS_TEXTS(X)
#undef X
};
enum { OPTION_COUNT = sizeof options / sizeof options[0] };

/* Where a value comes from; a later one of this list wins. */
enum source { FROM_DEFAULT, FROM_FILE, FROM_ENVIRONMENT, FROM_FLAG };

struct choice {
    const char *value; /* borrowed */
    enum source source;
    unsigned line; /* FROM_FILE */
};

struct loading {
    struct choice choices[OPTION_COUNT];
    char *file; /* text of the .env file */
    char *error;
    size_t error_size;
};

static const struct option *option_of(const char *env, size_t size)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strlen(options[i].env) == size && memcmp(options[i].env, env, size) == 0)
            return &options[i];
    }
    return NULL;
}

/* server-port is SERVER_PORT. */
static const struct option *option_of_flag(const char *flag, size_t size)
{
    char env[64];
    if (size >= sizeof env)
        return NULL;
    for (size_t i = 0; i < size; i++) {
        if (flag[i] != '-' && !islower((unsigned char)flag[i]))
            return NULL;
        env[i] = flag[i] == '-' ? '_' : (char)toupper((unsigned char)flag[i]);
    }
    return option_of(env, size);
}

static const char *flag_of(const struct option *option, char out[64])
{
    size_t n = 0;
    for (const char *c = option->env; *c != '\0' && n < 63; c++)
        out[n++] = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
    out[n] = '\0';
    return out;
}

static struct choice *choice_of(struct loading *l, const struct option *option)
{
    return &l->choices[option - options];
}

static void choose(struct loading *l, const struct option *option, const char *value,
                   enum source source, unsigned line)
{
    struct choice *choice = choice_of(l, option);
    if (source >= choice->source)
        *choice = (struct choice){ value, source, line };
}

static enum config_action fail(struct loading *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
static enum config_action fail(struct loading *l, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(l->error, l->error_size, fmt, args);
    va_end(args);
    return CONFIG_WRONG;
}

static enum config_action fail_argument(struct loading *l, const char *what, const char *arg)
{
    char name[64], quoted[128];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(arg, "="), arg); /* the rest may be secret */
    return fail(l, "%s %s: confab --help lists all options", what,
                log_quote(quoted, sizeof quoted, name));
}

static enum config_action read_flags(struct loading *l, char *const *argv)
{
    enum config_action action = CONFIG_RUN;
    for (argv += argv[0] != NULL; *argv != NULL; argv++) {
        const char *arg = *argv;
        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
            return CONFIG_HELP;
        if (strcmp(arg, "--version") == 0)
            return CONFIG_VERSION;
        if (strcmp(arg, "--check-health") == 0) {
            action = CONFIG_CHECK_HEALTH;
            continue;
        }
        if (strcmp(arg, "--addresses") == 0) {
            action = CONFIG_ADDRESSES;
            continue;
        }
        if (strcmp(arg, "--qr") == 0) {
            choose(l, option_of("QR", 2), "on", FROM_FLAG, 0);
            continue;
        }
        if (strncmp(arg, "--", 2) != 0)
            return fail_argument(l, "unexpected argument", arg);
        size_t size = strcspn(arg + 2, "=");
        const struct option *option = option_of_flag(arg + 2, size);
        if (option == NULL)
            return fail_argument(l, "unknown option", arg);
        const char *value = arg[2 + size] == '=' ? arg + 3 + size : *++argv;
        if (value == NULL)
            return fail_argument(l, "a value is missing after", arg);
        choose(l, option, value, FROM_FLAG, 0);
    }
    return action;
}

static void read_environment(struct loading *l, char *const *envp)
{
    for (; *envp != NULL; envp++) {
        size_t size = strcspn(*envp, "=");
        const struct option *option = option_of(*envp, size);
        if (option != NULL && (*envp)[size] == '=')
            choose(l, option, *envp + size + 1, FROM_ENVIRONMENT, 0);
    }
}

static const char *env_file_name(struct loading *l)
{
    return choice_of(l, option_of("ENV_FILE", 8))->value;
}

static enum config_action read_file(struct loading *l)
{
    const char *path = env_file_name(l);
    if (*path == '\0')
        return CONFIG_RUN;
    int error;
    l->file = env_file_read(path, &error);
    if (error < 0)
        return fail(l, "cannot read %s (ENV_FILE): %s", path, strerror(-error));
    if (l->file == NULL)
        return CONFIG_RUN;
    char *text = l->file;
    char *name, *value;
    unsigned line = 0;
    while (env_file_next(&text, &name, &value, &line)) {
        const struct option *option = option_of(name, strlen(name));
        if (option == NULL || strcmp(name, "ENV_FILE") == 0)
            continue;
        if (value == NULL)
            return fail(l, "line %u of %s: write %s=value", line, path, name);
        choose(l, option, value, FROM_FILE, line);
    }
    return CONFIG_RUN;
}

static enum config_action fail_value(struct loading *l, const struct option *option,
                                     const char *must_be)
{
    const struct choice *choice = choice_of(l, option);
    char quoted[128], flag[64], where[300];
    switch (choice->source) {
    case FROM_FLAG:
        snprintf(where, sizeof where, "--%s", flag_of(option, flag));
        break;
    case FROM_FILE:
        snprintf(where, sizeof where, "line %u of %s", choice->line, env_file_name(l));
        break;
    default:
        snprintf(where, sizeof where, "from the environment");
    }
    if (strcmp(option->env, "ADMIN_TOKEN") == 0) /* not to be seen in any log */
        return fail(l, "%s (%s) is wrong: it must be %s", option->env, where, must_be);
    return fail(l, "%s (%s) is %s: it must be %s", option->env, where,
                log_quote(quoted, sizeof quoted, choice->value), must_be);
}

static enum config_action check_values(struct loading *l)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &options[i];
        const char *value = l->choices[i].value;
        if (option->number) {
            int64_t n;
            char range[96];
            snprintf(range, sizeof range, "a whole number from %" PRId64 " to %" PRId64,
                     option->low, option->high);
            if (!config_parse_number(value, &n) || n < option->low || n > option->high)
                return fail_value(l, option, range);
        } else {
            const char *must_be = config_check_text(option->env, value);
            if (must_be != NULL)
                return fail_value(l, option, must_be);
        }
    }
    return CONFIG_RUN;
}

static bool is_set(const struct loading *l, const char *env)
{
    return *l->choices[option_of(env, strlen(env)) - options].value != '\0';
}

static enum config_action check_together(struct loading *l)
{
    if (is_set(l, "REDIS_ADDR") && is_set(l, "REDIS_SENTINELS"))
        return fail(l, "REDIS_ADDR and REDIS_SENTINELS are both set: the Sentinels say where Redis "
                       "is, so leave one of them empty");
    if (is_set(l, "TLS_CERT") != is_set(l, "TLS_KEY"))
        return fail(l, "TLS_CERT and TLS_KEY belong together: set both, or none");
    return CONFIG_RUN;
}

static unsigned usable_cores(void)
{
    cpu_set_t cores;
    return sched_getaffinity(0, sizeof cores, &cores) == 0 ? (unsigned)CPU_COUNT(&cores) : 1;
}

static enum pump_mode pump_mode_of(const char *pumps)
{
    if (strcmp(pumps, "threads") == 0)
        return PUMPS_THREADS;
    return strcmp(pumps, "shared") == 0 ? PUMPS_SHARED : PUMPS_AUTO;
}

static enum archive_mode archive_mode_of(const char *archive)
{
    if (strcmp(archive, "sqlite") == 0)
        return ARCHIVE_MODE_SQLITE;
    return strcmp(archive, "off") == 0 ? ARCHIVE_MODE_OFF : ARCHIVE_MODE_AUTO;
}

static enum accounts_mode accounts_mode_of(const char *accounts)
{
    if (strcmp(accounts, "off") == 0)
        return ACCOUNTS_OFF;
    return strcmp(accounts, "required") == 0 ? ACCOUNTS_REQUIRED : ACCOUNTS_OPTIONAL;
}

static void fill_in(const struct loading *l, struct settings *out)
{
    *out = (struct settings){ 0 };
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char *member = (char *)out + options[i].offset;
        if (options[i].number) {
            int64_t n;
            BUG_ON(!config_parse_number(l->choices[i].value, &n));
            memcpy(member, &n, sizeof n);
        } else {
            char *text = xstrdup(l->choices[i].value);
            memcpy(member, &text, sizeof text);
        }
    }
    /* A password of another Redis is of no use to confab's own, which has none. */
    if (*out->redis_addr == '\0' && *out->redis_sentinels == '\0') {
        free((char *)out->redis_password);
        out->redis_password = xstrdup("");
    }
    out->pump_mode = pump_mode_of(out->pumps);
    out->archive_mode = archive_mode_of(out->archive);
    out->archive_index = strcmp(out->archive_search, "on") == 0;
    out->accounts_mode = accounts_mode_of(out->accounts);
    unsigned cores = usable_cores();
    unsigned automatic = cores < NET_THREADS_MAX_AUTO ? cores : NET_THREADS_MAX_AUTO;
    out->net_thread_count = out->net_threads > 0 ? (unsigned)out->net_threads : automatic;
    out->net_cpu_count =
        (unsigned)config_parse_cpus(out->net_cpus, out->net_cpu_list, CONFIG_CPUS_MOST);
    hex_random(out->instance, 8);
}

enum config_action config_load(char *const *argv, char *const *envp, struct settings *out,
                               char *error, size_t error_size)
{
    struct loading l = { .error = error, .error_size = error_size };
    for (size_t i = 0; i < OPTION_COUNT; i++)
        l.choices[i] = (struct choice){ options[i].default_value, FROM_DEFAULT, 0 };

    enum config_action action = read_flags(&l, argv);
    if (action == CONFIG_HELP || action == CONFIG_VERSION || action == CONFIG_WRONG)
        return action;
    read_environment(&l, envp);
    if (read_file(&l) == CONFIG_WRONG || check_values(&l) == CONFIG_WRONG ||
        check_together(&l) == CONFIG_WRONG)
        action = CONFIG_WRONG;
    else
        fill_in(&l, out);
    free(l.file);
    return action;
}

void config_free(struct settings *s)
{
#define X(member, env, value, help)                                                                \
    free((char *)s->member);                                                                       \
    s->member = NULL;
    SETTINGS_TEXTS(X)
#undef X
}

static void print_range(FILE *out, const struct option *option)
{
    if (option->number)
        fprintf(out, "default %s, %" PRId64 " to %" PRId64 "\n", option->default_value, option->low,
                option->high);
    else
        fprintf(out, "default %s\n", *option->default_value ? option->default_value : "empty");
}

void config_print_help(FILE *out)
{
    fputs("Usage: confab [--option value | --option=value]…\n"
          "\n"
          "A real-time chat server. Every option can also be given in the environment or as a\n"
          "line NAME=value of the file .env; a flag wins over the environment, the environment\n"
          "over the file.\n"
          "\n",
          out);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char flag[64];
        fprintf(out, "  --%-26s %s\n      %s\n      ", flag_of(&options[i], flag), options[i].env,
                options[i].help);
        print_range(out, &options[i]);
    }
    fputs("\n"
          "  --check-health    ask the instance on SERVER_PORT for its health: exit 0 or 1\n"
          "  --addresses       say where people reach it, and end\n"
          "  --qr              the same as --qr on\n"
          "  --version         say which version this is\n"
          "  --help            this text\n"
          "\n"
          "Commands, with the same options and a --help of their own:\n",
          out);
    tool_print_list(out);
}

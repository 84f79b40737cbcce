/* Fills an archive through its sink, and measures it: scripts/archive.sh. */
#include "confab/archive/sink.h"
#include "hist.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BATCH = 2000,       /* as the server's */
    INDEX_EVERY = 10,   /* batches, about what a second brings */
    VOCABULARY = 50000, /* words; the n-th is n times rarer than the first */
    JSON_BYTES = 2048,
    FIRST_MS = 1577836800, /* s: 2020-01-01 */
};

struct options {
    const char *folder;
    uint64_t rows;
    unsigned rooms, users;
    bool index, cold;
};

static void die(const char *what, enum sink_status status, const char *why)
{
    fprintf(stderr, "confab-archive: %s: status %d: %s\n", what, status, why);
    exit(2);
}

static void *open_sink(const struct options *o, enum sink_mode mode)
{
    struct settings settings = { .archive_dir = o->folder, .archive_index = o->index };
    struct settings *kept = xmalloc(sizeof *kept); /* borrowed by the sink, for ever here */
    char why[SINK_WHY_BYTES + 1];
    void *sink;

    *kept = settings;
    const enum sink_status status = sink_sqlite.open(kept, mode, &sink, why);
    if (status != SINK_OK)
        die(o->folder, status, why);
    return sink;
}

/* ---- data ---- */

/* The same for every run. Marsaglia, "Xorshift RNGs". */
static uint64_t next_random(void)
{
    static uint64_t x = 88172645463325252u;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

/* Zipf's law for words: n with a probability of about 1/n, so each power of two is as likely. */
static unsigned word_number(void)
{
    const uint64_t n = UINT64_C(1) << next_random() % 16; /* 2^16 > VOCABULARY */

    return (unsigned)((n + next_random() % n) % VOCABULARY);
}

static size_t add_word(char *out, unsigned n)
{
    static const char consonants[] = "bdfgklmnprstvz", vowels[] = "aeiou";
    size_t size = 0;

    do {
        out[size++] = consonants[n % 14];
        out[size++] = vowels[n / 14 % 5];
        n /= 70;
    } while (n != 0);
    return size;
}

static size_t make_json(char out[JSON_BYTES], const struct options *o, const char *room,
                        uint64_t seq, uint64_t time_ms)
{
    const int head = snprintf(out, JSON_BYTES,
                              "{\"type\":\"message\",\"room\":\"%s\",\"seq\":%" PRIu64
                              ",\"id\":\"%016" PRIx64 "\",\"user\":\"user%u\",\"content\":\"",
                              room, seq, next_random(), (unsigned)(next_random() % o->users));
    size_t size = (size_t)head;

    /* two common words that meet once in a million messages */
    const uint64_t tick = next_random() % 1000000;
    size += (size_t)snprintf(out + size, JSON_BYTES - size, "%s%s", tick < 100000 ? "tick " : "",
                             tick == 0 || (tick >= 100000 && tick < 200000) ? "tock " : "");
    for (unsigned words = 2 + (unsigned)(next_random() % 18); words > 0; words--) {
        size += add_word(out + size, word_number());
        out[size++] = words > 1 ? ' ' : '"';
    }
    return size + (size_t)snprintf(out + size, JSON_BYTES - size,
                                   ",\"timestamp\":%" PRIu64 ",\"cid\":\"%08x\"}", time_ms,
                                   (unsigned)next_random());
}

/* budget_us: what the server gives it beside messages, or when it is idle. */
static void upkeep(void *sink, int64_t budget_us)
{
    bool more = true;

    while (more) {
        const enum sink_status status = sink_sqlite.upkeep(sink, budget_us, &more);
        if (status != SINK_OK)
            die("upkeep", status, sink_sqlite.why(sink));
    }
}

/* Rooms take turns, as in a busy chat. */
static void make_batch(const struct options *o, uint64_t from, struct sink_message *messages,
                       char (*rooms)[32], char (*texts)[JSON_BYTES])
{
    for (uint64_t i = 0; i < BATCH; i++) {
        const uint64_t n = from + i;
        const unsigned room = (unsigned)(n % o->rooms);
        const uint64_t seq = n / o->rooms + 1;
        messages[i].stream = rooms[room];
        messages[i].epoch = "f00dfacef00dface";
        messages[i].seq = seq;
        messages[i].json = texts[i];
        messages[i].size =
            make_json(texts[i], o, rooms[room] + 2, seq, FIRST_MS * 1000ull + n * 10);
        messages[i].entry = "0-1";
    }
}

struct cost {
    uint64_t rows;
    int64_t wall_us, cpu_us; /* of the sink alone */
};

static int64_t cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void report(const char *what, const struct cost *c)
{
    printf("%-5s rows=%" PRIu64 " seconds=%.1f rows_per_s=%.0f cpu_us_per_row=%.1f\n", what,
           c->rows, (double)c->wall_us / 1e6, (double)c->rows * 1e6 / (double)c->wall_us,
           (double)c->cpu_us / (double)c->rows);
    fflush(stdout);
}

static void write_batch(void *sink, const struct sink_message *messages)
{
    const struct sink_batch batch = { .messages = messages,
                                      .message_count = BATCH,
                                      .entry = "0-1" };
    struct sink_written written;
    const enum sink_status status = sink_sqlite.write(sink, &batch, &written);

    if (status != SINK_OK || written.rejected > 0)
        die("write", status, sink_sqlite.why(sink));
}

static void add_cost(struct cost *c, const struct cost *more)
{
    c->rows += more->rows;
    c->wall_us += more->wall_us;
    c->cpu_us += more->cpu_us;
}

static void data(const struct options *o)
{
    static struct sink_message messages[BATCH];
    static char texts[BATCH][JSON_BYTES];
    void *sink = open_sink(o, SINK_WRITE);
    char(*rooms)[32] = xcalloc(o->rooms, sizeof *rooms);
    struct cost all = { 0 }, part = { 0 };

    for (unsigned i = 0; i < o->rooms; i++)
        snprintf(rooms[i], sizeof rooms[i], "r:room%u", i);
    for (uint64_t n = 0; n < o->rows; n += BATCH) {
        make_batch(o, n, messages, rooms, texts);
        const int64_t wall = clock_mono_us(), cpu = cpu_us();
        write_batch(sink, messages);
        if (n / BATCH % INDEX_EVERY == INDEX_EVERY - 1 || n + BATCH >= o->rows)
            upkeep(sink, 20000);
        add_cost(&part, &(struct cost){ BATCH, clock_mono_us() - wall, cpu_us() - cpu });
        if (part.rows < 1000000 && n + BATCH < o->rows)
            continue;
        report("part", &part);
        add_cost(&all, &part);
        part = (struct cost){ 0 };
    }
    report("all", &all);
    const int64_t wall = clock_mono_us(), cpu = cpu_us();
    upkeep(sink, 200000);
    report("idle", &(struct cost){ o->rows, clock_mono_us() - wall, cpu_us() - cpu });
    sink_sqlite.close(sink);
    free(rooms);
}

/* ---- pages ---- */

/* Drops the file from the machine's cache, or reads all of it into it. */
static void set_cache(const struct options *o)
{
    static char buffer[1 << 20];
    char path[4096];

    snprintf(path, sizeof path, "%s/archive.db", o->folder);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || (o->cold && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0))
        die(path, SINK_IO, "cannot open it or drop it from the cache");
    while (!o->cold && read(fd, buffer, sizeof buffer) > 0)
        ;
    close(fd);
}

static void pages(const struct options *o)
{
    static struct hist wall, cpu;
    struct page_result page;
    void *sink = open_sink(o, SINK_READ);
    char room[32];

    set_cache(o);
    for (unsigned i = 0; i < (o->cold ? 300u : 20000u); i++) {
        snprintf(room, sizeof room, "r:room%u", (unsigned)(next_random() % o->rooms));
        const struct page_query query = { .stream = room,
                                          .epoch = "f00dfacef00dface",
                                          .way = i % 2 ? PAGE_AFTER : PAGE_BEFORE,
                                          .seq = next_random() % (o->rows / o->rooms),
                                          .limit = 50 };
        if (o->cold) { /* SQLite's own cache, too */
            sink_sqlite.close(sink);
            sink = open_sink(o, SINK_READ);
            set_cache(o);
        }
        const int64_t begin = clock_mono_us(), begin_cpu = cpu_us();
        const enum sink_status status = sink_sqlite.page(sink, &query, &page);
        hist_add(&cpu, cpu_us() - begin_cpu);
        hist_add(&wall, clock_mono_us() - begin);
        if (status != SINK_OK || !page.known)
            die("page", status, sink_sqlite.why(sink));
    }
    printf("page of 50, %s: p50=%" PRIu64 " us p99=%" PRIu64 " us max=%" PRIu64
           " us; of it processor p50=%" PRIu64 " us p99=%" PRIu64 " us\n",
           o->cold ? "cold" : "warm", hist_quantile(&wall, 0.5), hist_quantile(&wall, 0.99),
           wall.max, hist_quantile(&cpu, 0.5), hist_quantile(&cpu, 0.99));
    sink_sqlite.close(sink);
}

/* ---- searches ---- */

static void find(const struct options *o, const char *what, const char *q,
                 const char *const *streams, size_t count)
{
    void *sink = open_sink(o, SINK_READ);
    struct search_query query = { .q = q, .streams = streams, .stream_count = count, .limit = 20 };
    struct hist wall = { 0 }, cpu = { 0 };
    struct search_result result;
    unsigned pages = 0, hits = 0;
    char cursor[SINK_CURSOR_BYTES + 1] = "";

    for (unsigned i = 0; i < (o->cold ? 10u : 100u); i++) {
        if (o->cold) { /* SQLite's own cache, too */
            sink_sqlite.close(sink);
            sink = open_sink(o, SINK_READ);
            set_cache(o);
        }
        const int64_t begin = clock_mono_us(), begin_cpu = cpu_us();
        if (sink_sqlite.search(sink, &query, &result) != SINK_OK || result.refused != ERROR_NONE)
            die("search", SINK_IO, sink_sqlite.why(sink));
        hist_add(&cpu, cpu_us() - begin_cpu);
        hist_add(&wall, clock_mono_us() - begin);
    }
    do { /* how many pages until there are 20 hits, or all */
        query.cursor = cursor;
        if (sink_sqlite.search(sink, &query, &result) != SINK_OK || result.refused != ERROR_NONE)
            die("search", SINK_IO, sink_sqlite.why(sink));
        hits += (unsigned)result.count;
        snprintf(cursor, sizeof cursor, "%s", result.cursor);
        pages++;
    } while (hits < query.limit && *cursor != '\0');
    printf("%-24s %3zu rooms, %s: p50=%.1f ms p99=%.1f ms; of it processor p50=%.1f ms p99=%.1f ms;"
           " %u hits in %u pages\n",
           what, count, o->cold ? "cold" : "warm", (double)hist_quantile(&wall, 0.5) / 1e3,
           (double)hist_quantile(&wall, 0.99) / 1e3, (double)hist_quantile(&cpu, 0.5) / 1e3,
           (double)hist_quantile(&cpu, 0.99) / 1e3, hits, pages);
    fflush(stdout);
    sink_sqlite.close(sink);
}

static void searches(const struct options *o)
{
    char rare[32], common[32], other[32], both[80], phrase[80];
    char(*rooms)[32] = xcalloc(o->rooms, sizeof *rooms);
    const char **streams = xcalloc(o->rooms, sizeof *streams);

    rare[add_word(rare, VOCABULARY - 1)] = '\0';
    common[add_word(common, 1)] = '\0';
    other[add_word(other, 2)] = '\0';
    snprintf(both, sizeof both, "%s %s", common, other);
    snprintf(phrase, sizeof phrase, "\"%s %s\"", common, other);
    for (unsigned i = 0; i < o->rooms; i++) {
        snprintf(rooms[i], sizeof rooms[i], "r:room%u", i);
        streams[i] = rooms[i];
    }
    set_cache(o);
    const size_t counts[] = { 1, 10, o->rooms };
    for (size_t i = 0; i < 3; i++) {
        const size_t count = counts[i];
        if (count > o->rooms || (i == 2 && (count == counts[0] || count == counts[1])))
            continue;
        find(o, "rare word", rare, streams, count);
        find(o, "common word", common, streams, count);
        find(o, "two common words", both, streams, count);
        find(o, "two that rarely meet", "tick tock", streams, count);
        find(o, "phrase", phrase, streams, count);
        find(o, "absent word", "qqq", streams, count);
    }
    free(streams);
    free(rooms);
}

static const char usage[] =
    "Usage: confab-archive data|pages|find FOLDER [option]…\n"
    "  --rows N    messages (1000000)        --rooms N   they are spread over (100)\n"
    "  --users N   who write them (1000)     --no-index  without the index for searches\n"
    "  --cold      pages, find: drop the file from the cache before each\n";

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        { "rows", required_argument, NULL, 'n' },  { "rooms", required_argument, NULL, 'r' },
        { "users", required_argument, NULL, 'u' }, { "no-index", no_argument, NULL, 'i' },
        { "cold", no_argument, NULL, 'c' },        { NULL, 0, NULL, 0 },
    };
    struct options o = { .rows = 1000000, .rooms = 100, .users = 1000, .index = true };
    int option;

    while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        const unsigned long n = optarg != NULL ? strtoul(optarg, NULL, 10) : 0;
        switch (option) {
        case 'n':
            o.rows = n;
            break;
        case 'r':
            o.rooms = (unsigned)n;
            break;
        case 'u':
            o.users = (unsigned)n;
            break;
        case 'i':
            o.index = false;
            break;
        case 'c':
            o.cold = true;
            break;
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (argc - optind != 2 || o.rows == 0 || o.rooms == 0 || o.users == 0) {
        fputs(usage, stderr);
        return 2;
    }
    o.folder = argv[optind + 1];
    if (strcmp(argv[optind], "data") == 0)
        data(&o);
    else if (strcmp(argv[optind], "find") == 0)
        searches(&o);
    else
        pages(&o);
    return 0;
}

#include "confab/store/store.h"

#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name, *text;
} states[] = {
    [STORE_STATE_CONNECTING] = { "connecting", "Redis cannot be reached." },
    [STORE_STATE_NO_SENTINEL] = { "no_sentinel", "No Sentinel says where Redis is." },
    [STORE_STATE_NO_MASTER] = { "no_master", "No Sentinel knows a master of this name." },
    [STORE_STATE_DENIED] = { "denied", "Redis refuses the password or the database." },
    [STORE_STATE_DEAF] = { "deaf", "Redis is connected, but its pub/sub does not answer." },
    [STORE_STATE_REFUSING] = { "refusing", "Redis cannot store anything now (memory, disk, or it "
                                           "is a replica)." },
    [STORE_STATE_READY] = { "ready", "Redis answers." },
};

const char *store_state_text(enum store_state state)
{
    return states[state].text;
}

enum store_state store_state_of(const struct store *s)
{
    return s->state;
}

static enum store_state state_now(const struct store *s) REQUIRES(on_hub);
static enum store_state state_now(const struct store *s)
{
    if (s->link.denied || s->bus.denied)
        return STORE_STATE_DENIED;
    if (!link_is_up(&s->link))
        return place_state(s);
    if (s->deaf)
        return STORE_STATE_DEAF; /* also while the bus reconnects, until an echo comes */
    if (!link_is_up(&s->bus))
        return place_state(s);
    if (!s->echoed) /* nearly there: what was said last holds until the first echo */
        return s->state == STORE_STATE_READY ? STORE_STATE_CONNECTING : s->state;
    if (s->refusing)
        return STORE_STATE_REFUSING;
    return STORE_STATE_READY;
}

void store_judge(struct store *s)
{
    enum store_state state = state_now(s);
    if (state == s->state)
        return;
    s->state = state;
    if (state == STORE_STATE_READY)
        s->complained = COMPLAINT_NONE;
    stat_set(s->stats, store_state, state);
    log_line(state == STORE_STATE_READY ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "store",
             "state=%s reason=\"%s\"", states[state].name, states[state].text);
    s->events.state(s->events.arg, state);
}

void store_refuses(struct store *s, const char *error)
{
    if (place_demoted(s, error) || s->refusing)
        return;
    s->refusing = true; /* until lease_write() succeeds, or the connection is another one */
    char why[256];
    log_warn("redis_refuses", "error=%s hint=\"asking again every second\"",
             log_quote(why, sizeof(why), error));
    store_judge(s);
}

void store_complain(struct store *s, const struct link *l)
{
    bool located = place_state(s) == STORE_STATE_CONNECTING;
    enum complaint now = located ? COMPLAINT_LOST : COMPLAINT_UNLOCATED;
    if (l->denied)
        now = COMPLAINT_DENIED;
    if (now == s->complained)
        return;
    s->complained = now;
    char where[256], why[256], place[300];
    log_quote(where, sizeof(where), place_text(s, place, sizeof(place)));
    log_quote(why, sizeof(why), l->error);
    if (l->denied)
        log_error("redis_denied", "connection=%s addr=%s error=%s hint=%s", l->name, where, why,
                  "\"check REDIS_PASSWORD and REDIS_DB\"");
    else
        log_warn("redis_lost", "connection=%s addr=%s error=%s hint=%s", l->name, where, why,
                 "\"trying again until it is there\"");
}

static void locate_link(void *arg)
{
    role_assume(&on_hub);
    struct store *s = arg;
    place_locate(s, &s->link);
}

static void locate_bus(void *arg)
{
    role_assume(&on_hub);
    struct store *s = arg;
    place_locate(s, &s->bus);
}

static void greet_link(void *arg)
{
    role_assume(&on_hub);
    scripts_greet(arg);
}

static void greet_bus(void *arg)
{
    role_assume(&on_hub);
    bus_greet(arg);
}

static void on_link_changed(void *arg)
{
    role_assume(&on_hub);
    struct store *s = arg;
    s->echoed = s->deaf = s->probe_waits = s->refusing = s->lease_waits = false;
    s->silent = 0;
    s->patient_until_ms = clock_mono_ms() + PATIENCE_MS;
    if (link_is_up(&s->link)) {
        bus_probe(s); /* no need to wait for the tick */
        durable_look(s);
    } else {
        store_complain(s, &s->link);
    }
    store_judge(s);
}

static void on_bus_changed(void *arg)
{
    role_assume(&on_hub);
    bus_changed(arg);
}

/* Time is counted in ticks, not by the clock: when this thread itself was held up, it must not
 * blame Redis, whose replies lie unread in the socket. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    struct store *s = arg;
    s->tick++;
    if (s->waiting && s->tick - s->waiting->tick > REPLY_TICKS) {
        link_drop(&s->link, "no reply for 5 s");
        link_drop(&s->bus, "no reply for 5 s");
    }
    if (s->refusing)
        lease_write(s);
    durable_tick(s);
    bus_tick(s);
}

static void make_lease(struct store *s)
{
    char host[256];
    if (gethostname(host, sizeof(host)) != 0)
        host[0] = '\0';
    host[sizeof(host) - 1] = '\0';
    host[strcspn(host, "\"\\")] = '\0'; /* no host name has these; JSON would need an escape */
    str_addf(&s->lease, "{\"pid\":%ld,\"host\":\"%s\",\"started\":%lld}", (long)getpid(), host,
             (long long)clock_wall_ms());
}

struct store *store_new(struct event_base *base, const char *addr, const struct settings *settings,
                        struct stats *stats, const struct store_events *events)
{
    struct store *s = xcalloc(1, sizeof(*s));
    s->base = base;
    s->settings = settings;
    s->stats = stats;
    s->events = *events;
    place_init(s, addr);
    make_lease(s);
    scripts_init(s);
    publish_init(s);
    s->ticker = event_new(base, -1, EV_PERSIST, on_tick, s);
    BUG_ON(!s->ticker);
    event_add(s->ticker, &(struct timeval){ TICK_MS / 1000, TICK_MS % 1000 * 1000 });
    struct link_owner link = { s, locate_link, greet_link, on_link_changed };
    struct link_owner bus = { s, locate_bus, greet_bus, on_bus_changed };
    link_init(&s->link, "commands", base, settings, stats, &link);
    link_init(&s->bus, "bus", base, settings, stats, &bus);
    return s;
}

void store_free(struct store *s)
{
    publish_send(s);
    link_fini(&s->link); /* answers what waits */
    link_fini(&s->bus);
    bus_fini(s);
    event_free(s->ticker);
    publish_fini(s);
    requests_free(s);
    scripts_fini(s);
    place_fini(s);
    str_fini(&s->scratch);
    str_fini(&s->lease);
    free(s);
}

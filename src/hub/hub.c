/* The hub's thread: queues in, turns, timers, start and stop. */
#include "state.h"

#include "confab/wire/event_away.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { PRIORITY_URGENT, PRIORITY_NORMAL, PRIORITY_COMMANDS, PRIORITY_COUNT };

/* --- any thread -------------------------------------------------------------------------- */

static int push(struct queue *q, struct peer *peer, struct command *c)
{
    c->peer = peer;
    atomic_fetch_add(&peer->queued, 1);
    int error = queue_push(q, c);
    if (error)
        atomic_fetch_sub(&peer->queued, 1);
    return error;
}

int hub_register(struct hub *h, struct peer *peer, struct command *hello)
{
    return push(&h->registers, peer, hello);
}

int hub_submit(struct hub *h, struct peer *peer, struct command *c)
{
    return push(&h->broadcasts, peer, c);
}

void hub_unregister(struct hub *h, struct peer *peer)
{
    if (queue_push(&h->unregisters, peer) != 0)
        BUG("more connections ended than could exist");
}

void hub_poke(struct hub *h)
{
    uint64_t one = 1;
    if (write(h->control_fd, &one, sizeof one) < 0 && errno != EAGAIN)
        BUG("eventfd"); /* EAGAIN: the counter is full, so the hub is called anyway */
}

void hub_port_relieved(struct hub *h)
{
    if (!atomic_exchange(&h->relieved, true))
        hub_poke(h);
}

/* --- queues, on the hub thread ------------------------------------------------------------ */

static void on_unregister(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    struct hub *h = arg;
    void *items[HUB_TAKE_PER_TURN];
    queue_clear_signal(&h->unregisters);
    uint32_t count = queue_take(&h->unregisters, items, HUB_TAKE_PER_TURN);
    for (uint32_t i = 0; i < count; i++) {
        struct peer *p = items[i];
        p->leaving = true;
        peer_leave(h, p);
        peer_unref(p);
    }
}

static void on_register(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    struct hub *h = arg;
    void *items[HUB_TAKE_PER_TURN];
    queue_clear_signal(&h->registers);
    uint32_t count = queue_take(&h->registers, items, HUB_TAKE_PER_TURN);
    for (uint32_t i = 0; i < count; i++) {
        struct command *hello = items[i];
        struct peer *p = hello->peer;
        atomic_fetch_sub(&p->queued, 1);
        peer_hello(h, p, hello);
        peer_leave(h, p);
        peer_unref(p);
    }
}

/* Who was refused a place may try again once half of the queue is free. */
static void let_flow(struct hub *h) REQUIRES(on_hub)
{
    uint64_t refused = atomic_load(&h->broadcasts.refused) + atomic_load(&h->registers.refused);
    if (refused == h->refused_seen || atomic_load(&h->broadcasts.depth) > HUB_BROADCAST_BOUND / 2)
        return;
    h->refused_seen = refused;
    h->port.commands_flow(h->port.arg);
}

static void on_broadcast(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    struct hub *h = arg;
    void *items[HUB_TAKE_PER_TURN];
    queue_clear_signal(&h->broadcasts);
    uint32_t count = queue_take(&h->broadcasts, items, HUB_TAKE_PER_TURN);
    for (uint32_t i = 0; i < count; i++) {
        struct command *c = items[i];
        struct peer *p = c->peer;
        atomic_fetch_sub(&p->queued, 1);
        command_run(h, p, c);
        peer_leave(h, p);
        peer_unref(p);
    }
}

static void on_hashed(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    struct hub *h = arg;
    void *job;
    queue_clear_signal(&h->hashed);
    while (queue_take(&h->hashed, &job, 1))
        account_hashed(h, job);
}

/* --- what the store tells ----------------------------------------------------------------- */

static void on_state(void *arg, enum store_state state)
{
    role_assume(&on_hub);
    struct hub *h = arg;
    bool ready = state == STORE_STATE_READY;
    if (ready == h->ready)
        return;
    h->ready = ready;
    h->ready_mono_ms = clock_mono_ms();
    struct frame *f = event_status(ready, store_state_text(state));
    for (struct peer *p = h->peers; p; p = p->all_next)
        h->port.send(h->port.arg, p, f);
    frame_unref(f);
    if (ready) {
        keys_refresh(h);
        accounts_look(h); /* before the claims, so that these need not wait */
        users_retry(h);
        roster_heartbeat(h);
        asks_serve(h);
    }
}

static void on_bus_up(void *arg)
{
    role_assume(&on_hub);
    struct hub *h = arg;
    users_bus_up(h);
    alive_check(h);
    struct room *r, *next;
    HASH_ITER(hh, h->rooms, r, next)
    {
        room_resubscribe(r);
    }
}

static void on_subscribed(void *arg, enum store_channel channel, const char *name)
{
    role_assume(&on_hub);
    if (channel == STORE_CHANNEL_USER)
        user_subscribed(arg, name);
    else
        room_subscribed(arg, name);
}

static void on_room_message(void *arg, const char *room, const char *epoch, uint64_t seq,
                            const char *json, size_t size)
{
    role_assume(&on_hub);
    struct hub *h = arg;
    stat_add(h->stats, messages_received, 1);
    room_message(h, room, epoch, seq, json, size);
}

static void on_room_presence(void *arg, const char *room, const char *join, const char *leave,
                             uint64_t count)
{
    role_assume(&on_hub);
    roster_presence(arg, room, join, leave, count);
}

static void on_room_act(void *arg, const char *room, const char *epoch, uint64_t seq,
                        uint64_t version, const char *guard, const char *json, size_t size,
                        const char *lines)
{
    role_assume(&on_hub);
    struct hub *h = arg;
    stat_add(h->stats, messages_received, 1);
    access_act(h, room, epoch, seq, version, guard, json, size, lines);
}

static void on_room_changed(void *arg, const char *room)
{
    role_assume(&on_hub);
    struct room *r = room_find(arg, room);
    if (r)
        stream_changed(r);
}

static void on_room_event(void *arg, const char *name, const char *json, size_t size)
{
    role_assume(&on_hub);
    struct room *r = room_find(arg, name);
    if (!r)
        return;
    struct frame *f = event_passed(json, size);
    room_send(r, f);
    frame_unref(f);
}

static void to_user(struct hub *h, const char *name, struct frame *f) REQUIRES(on_hub)
{
    struct user *u = user_find(h, name);
    if (u)
        user_send(h, u, f);
    frame_unref(f);
}

static void on_user_message(void *arg, const char *user, const char *epoch, uint64_t seq,
                            const char *json, size_t size)
{
    role_assume(&on_hub);
    struct hub *h = arg;
    stat_add(h->stats, messages_received, 1);
    user_message(h, user, NULL, epoch, event_live(epoch, seq, json, size));
}

static void on_user_mention(void *arg, const char *user, const char *epoch, uint64_t seq,
                            const char *json, size_t size)
{
    role_assume(&on_hub);
    user_message(arg, user, STREAM_MENTIONS, epoch, event_message(seq, json, size));
}

static void on_user_event(void *arg, const char *user, const char *json, size_t size)
{
    role_assume(&on_hub);
    to_user(arg, user, event_passed(json, size));
}

static void on_devices_revoked(void *arg, const char *user, const char *ids)
{
    role_assume(&on_hub);
    devices_revoked(arg, user, ids);
}

static void on_guests_out(void *arg, const char *user)
{
    role_assume(&on_hub);
    guests_out(arg, user);
}

static void on_asked(void *arg, const char *asker, uint64_t id, int64_t ms, const char *json,
                     size_t size)
{
    role_assume(&on_hub);
    asks_asked(arg, asker, id, ms, json, size);
}

static void on_replied(void *arg, uint64_t id, uint64_t newest, const char *frame, size_t size)
{
    role_assume(&on_hub);
    asks_replied(arg, id, newest, frame, size);
}

/* --- timers and turns ---------------------------------------------------------------------- */

static void on_presence_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    roster_heartbeat(arg);
    alive_check(arg);
    accounts_look(arg);
}

static void on_gather_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    roster_gathered(arg);
}

static void on_count_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    roster_counts(arg);
    users_retry(arg);
}

static void on_compare_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    compare_rooms(arg);
}

static void on_serve_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    asks_serve(arg);
}

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    role_assume(&on_hub);
    asks_answered(arg);
}

static void on_nothing(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg; /* the loop looks at the deadline itself */
}

static void on_control(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    role_assume(&on_hub);
    struct hub *h = arg;
    uint64_t count;
    if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN)
        BUG("eventfd");
    atomic_store(&h->relieved, false);
    atomic_store(&h->round_answered, atomic_load(&h->round_asked));
    if (atomic_load(&h->stopping)) {
        event_del(h->on_broadcast); /* no new commands */
        int64_t left = atomic_load(&h->stop_deadline_ms) - clock_mono_ms();
        left = left > 0 ? left : 0;
        struct timeval tv = { .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };
        evtimer_add(h->stop_timer, &tv);
    }
}

/* Backpressure: while a net thread has more than it can send, nothing new is taken in. Redis
 * keeps what the bus brings meanwhile, up to its own limit for subscribers; past that it cuts
 * the bus and the hole is filled from the history lists. */
static void regulate(struct hub *h) REQUIRES(on_hub)
{
    bool congested = h->port.congested(h->port.arg);
    if (congested == h->paused)
        return;
    h->paused = congested;
    store_pause_bus(h->store, congested);
    if (congested)
        event_del(h->on_broadcast);
    else if (!atomic_load(&h->stopping))
        event_add(h->on_broadcast, NULL);
}

static bool is_done(struct hub *h) REQUIRES(on_hub)
{
    return atomic_load(&h->stopping) &&
           (h->publishes == 0 || clock_mono_ms() >= atomic_load(&h->stop_deadline_ms));
}

static void *run(void *arg)
{
    role_assume(&on_hub);
    thread_want_short_slices(); /* a message passes here twice while net threads send */
    struct hub *h = arg;
    struct store_events events = {
        .arg = h,
        .state = on_state,
        .bus_up = on_bus_up,
        .subscribed = on_subscribed,
        .room_message = on_room_message,
        .room_about = act_told,
        .room_marks = marks_told,
        .room_presence = on_room_presence,
        .room_act = on_room_act,
        .room_changed = on_room_changed,
        .room_event = on_room_event,
        .user_message = on_user_message,
        .user_event = on_user_event,
        .user_mention = on_user_mention,
        .asked = on_asked,
        .replied = on_replied,
        .devices_revoked = on_devices_revoked,
        .guests_out = on_guests_out,
    };
    h->store = store_new(h->base, h->redis_addr, h->settings, h->stats, &events);
    keys_start(h);
    accounts_start(h);
    while (!is_done(h)) {
        if (event_base_loop(h->base, EVLOOP_ONCE) < 0)
            BUG("event loop");
        stat_add(h->stats, hub_turns, 1);
        h->port.turn_done(h->port.arg);
        regulate(h);
        let_flow(h);
    }
    while (h->peers)
        peer_gone(h, h->peers);
    if (h->passwords) /* what waits for them comes back */
        passwords_stop(h->passwords);
    on_hashed(-1, 0, h);
    accounts_stop(h);
    keys_stop(h);
    asks_end(h);
    store_free(h->store); /* answers what is still under way */
    asks_end(h);          /* what that led to */
    h->port.turn_done(h->port.arg);
    return NULL;
}

/* --- life, on main ------------------------------------------------------------------------- */

static struct event *watch(struct hub *h, int fd, int priority, event_callback_fn fn)
{
    struct event *e = event_new(h->base, fd, EV_READ | EV_PERSIST, fn, h);
    if (!e || event_priority_set(e, priority) != 0 || event_add(e, NULL) != 0)
        BUG("event_new");
    return e;
}

static struct event *timer(struct hub *h, int64_t every_ms, event_callback_fn fn)
{
    struct event *e = event_new(h->base, -1, every_ms ? EV_PERSIST : 0, fn, h);
    struct timeval tv = { .tv_sec = every_ms / 1000, .tv_usec = every_ms % 1000 * 1000 };
    if (!e || (every_ms && event_add(e, &tv) != 0))
        BUG("event_new");
    return e;
}

static struct event_base *base_new(void)
{
    struct event_config *config = event_config_new();
    if (!config)
        BUG("event_config_new");
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK); /* one thread; others use queues */
    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    /* look for more urgent events after so many callbacks of lower priority */
    event_config_set_max_dispatch_interval(config, NULL, 16, PRIORITY_NORMAL);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    if (base && event_base_priority_init(base, PRIORITY_COUNT) != 0)
        BUG("event_base_priority_init");
    return base;
}

static int open_queues(struct hub *h)
{
    /* each connection stands in unregister once, and in register once; descriptors that HTTP
     * requests and refused connections use come on top of MAX_CLIENTS */
    uint32_t connections = (uint32_t)h->settings->max_clients + 4096;
    const struct {
        struct queue *queue;
        uint32_t bound;
    } queues[HUB_QUEUES] = {
        { &h->registers, connections },
        { &h->unregisters, connections },
        { &h->broadcasts, HUB_BROADCAST_BOUND },
        { &h->hashed, (uint32_t)(h->settings->password_queue + h->settings->password_threads) },
    };
    int error = 0, opened = 0;
    for (; opened < HUB_QUEUES; opened++) {
        error = queue_init(queues[opened].queue, queues[opened].bound);
        if (error)
            goto fail;
    }
    h->control_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    h->base = base_new();
    if (h->control_fd >= 0 && h->base)
        return 0;
    error = -EMFILE;
    if (h->control_fd >= 0)
        close(h->control_fd);
fail:
    while (opened > 0)
        queue_fini(queues[--opened].queue);
    return error;
}

struct hub *hub_new(const struct hub_options *options)
{
    BUG_ON(options->port.nets > HUB_MAX_NETS);
    struct hub *h = xcalloc(1, sizeof *h);
    h->settings = options->settings;
    h->stats = options->stats;
    h->redis_addr = options->redis_addr;
    h->keyring = options->keyring;
    h->archives = options->archives;
    h->archive = options->archive;
    h->port = options->port;
    int error = open_queues(h);
    if (error) {
        log_error("hub", "error=\"%s\"", strerror(-error));
        free(h);
        return NULL;
    }
    h->on_unregister = watch(h, h->unregisters.pipe_read, PRIORITY_URGENT, on_unregister);
    h->on_control = watch(h, h->control_fd, PRIORITY_URGENT, on_control);
    h->on_register = watch(h, h->registers.pipe_read, PRIORITY_NORMAL, on_register);
    h->on_broadcast = watch(h, h->broadcasts.pipe_read, PRIORITY_COMMANDS, on_broadcast);
    h->on_hashed = watch(h, h->hashed.pipe_read, PRIORITY_NORMAL, on_hashed);
    if (h->archive)
        h->on_answer = watch(h, archive_answers(h->archive)->pipe_read, PRIORITY_NORMAL, on_answer);
    h->presence_timer = timer(h, h->settings->presence_ttl_s * 1000 / 3, on_presence_timer);
    h->gather_timer = timer(h, 0, on_gather_timer);
    h->count_timer = timer(h, PRESENCE_COUNT_MS, on_count_timer);
    h->compare_timer = timer(h, COMPARE_MS, on_compare_timer);
    h->serve_timer = timer(h, SERVE_MS, on_serve_timer);
    h->stop_timer = timer(h, 0, on_nothing);
    if (h->settings->accounts_mode == ACCOUNTS_OFF)
        return h;
    h->passwords = passwords_new(h->settings, h->stats, &h->hashed);
    if (h->passwords)
        return h;
    hub_free(h);
    return NULL;
}

int hub_start(struct hub *h)
{
    int error = h->passwords ? passwords_start(h->passwords) : 0;
    if (!error)
        error = thread_start(&h->thread, "hub", 0, run, h);
    h->started = error == 0;
    return error;
}

void hub_stop(struct hub *h, int64_t deadline_ms)
{
    if (!h->started)
        return;
    atomic_store(&h->stop_deadline_ms, clock_mono_ms() + deadline_ms);
    atomic_store(&h->stopping, true);
    hub_poke(h);
    thread_join(h->thread);
    h->started = false;
}

/* What still stands in the queues; every peer is gone already. */
static void drop_rest(struct hub *h)
{
    void *item;
    while (queue_take(&h->registers, &item, 1) || queue_take(&h->broadcasts, &item, 1)) {
        struct command *c = item;
        struct peer *p = c->peer;
        command_free(c);
        peer_unref(p);
    }
    while (queue_take(&h->unregisters, &item, 1))
        peer_unref(item);
}

void hub_free(struct hub *h)
{
    drop_rest(h);
    struct event *events[] = { h->on_register, h->on_unregister,  h->on_broadcast,
                               h->on_control,  h->presence_timer, h->gather_timer,
                               h->count_timer, h->compare_timer,  h->serve_timer,
                               h->stop_timer,  h->on_hashed,      h->on_answer,
                               h->away_timer,  h->marks_timer };
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (events[i])
            event_free(events[i]);
    event_base_free(h->base);
    close(h->control_fd);
    passwords_free(h->passwords);
    queue_fini(&h->hashed);
    queue_fini(&h->broadcasts);
    queue_fini(&h->unregisters);
    queue_fini(&h->registers);
    str_fini(&h->head);
    str_fini(&h->mid);
    str_fini(&h->tail);
    str_fini(&h->names);
    free(h->room_ids);
    free(h);
}

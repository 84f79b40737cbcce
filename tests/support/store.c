#include "support/store.h"

#include <stdio.h>
#include <string.h>

static void copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text ? text : "");
}

/* ---- what arrives ---- */

static void on_state(void *arg, enum store_state state)
{
    struct test_store *t = arg;
    static const char letters[] = "CSMDdwR";
    size_t size = strlen(t->states);
    if (size + 1 < sizeof(t->states))
        t->states[size] = letters[state];
}

static void on_bus_up(void *arg)
{
    struct test_store *t = arg;
    t->bus_ups++;
}

static void on_subscribed(void *arg, enum store_channel channel, const char *name)
{
    struct test_store *t = arg;
    str_addf(&t->log, "subscribed %s %s\n", channel == STORE_CHANNEL_ROOM ? "room" : "user", name);
}

static void on_room_message(void *arg, const char *room, const char *epoch, uint64_t seq,
                            const char *json, size_t size)
{
    struct test_store *t = arg;
    str_addf(&t->log, "room %s m %s %llu %.*s\n", room, epoch, (unsigned long long)seq, (int)size,
             json);
}

static void on_room_about(void *arg, const char *room, const char *epoch, uint64_t seq,
                          uint64_t target, const char *json, size_t size)
{
    struct test_store *t = arg;
    str_addf(&t->log, "room %s a %s %llu %llu %.*s\n", room, epoch, (unsigned long long)seq,
             (unsigned long long)target, (int)size, json);
}

static void add_names(struct str *out, const char *sign, const char *names)
{
    str_addz(out, sign);
    for (const char *p = names ? names : "(none)"; *p; p++)
        str_addc(out, *p == '\n' ? ',' : *p);
}

static void on_presence(void *arg, const char *room, const char *join, const char *leave,
                        uint64_t count)
{
    struct test_store *t = arg;
    str_addf(&t->log, "room %s p %llu", room, (unsigned long long)count);
    add_names(&t->log, " +", join);
    add_names(&t->log, " -", leave);
    str_addc(&t->log, '\n');
}

static void on_room_act(void *arg, const char *room, const char *epoch, uint64_t seq,
                        uint64_t version, const char *guard, const char *json, size_t size,
                        const char *lines)
{
    struct test_store *t = arg;
    (void)epoch, (void)version;
    str_addf(&t->log, "room %s c %llu \"%s\" %.*s", room, (unsigned long long)seq, guard, (int)size,
             json);
    add_names(&t->log, " ", lines);
    str_addc(&t->log, '\n');
}

static void on_room_event(void *arg, const char *room, const char *json, size_t size)
{
    struct test_store *t = arg;
    str_addf(&t->log, "room %s e %.*s\n", room, (int)size, json);
}

static void on_room_marks(void *arg, const char *room, const char *marks)
{
    struct test_store *t = arg;
    str_addf(&t->log, "room %s k", room);
    add_names(&t->log, " ", strchr(marks, '\n') + 1); /* behind the epoch */
    str_addc(&t->log, '\n');
}

static void on_room_changed(void *arg, const char *room)
{
    struct test_store *t = arg;
    str_addf(&t->log, "room %s r\n", room);
}

static void on_user_message(void *arg, const char *user, const char *epoch, uint64_t seq,
                            const char *json, size_t size)
{
    struct test_store *t = arg;
    assert_true(epoch[0] != '\0');
    str_addf(&t->log, "user %s m %llu %.*s\n", user, (unsigned long long)seq, (int)size, json);
}

static void on_user_mention(void *arg, const char *user, const char *epoch, uint64_t seq,
                            const char *json, size_t size)
{
    struct test_store *t = arg;
    assert_true(epoch[0] != '\0');
    str_addf(&t->log, "user %s n %llu %.*s\n", user, (unsigned long long)seq, (int)size, json);
}

static void on_user_event(void *arg, const char *user, const char *json, size_t size)
{
    struct test_store *t = arg;
    str_addf(&t->log, "user %s e %.*s\n", user, (int)size, json);
}

static void on_asked(void *arg, const char *asker, uint64_t id, int64_t ms, const char *json,
                     size_t size)
{
    struct test_store *t = arg;
    str_addf(&t->log, "asked %s %llu %lld %.*s\n", asker, (unsigned long long)id, (long long)ms,
             (int)size, json);
}

static void on_replied(void *arg, uint64_t id, uint64_t newest, const char *frame, size_t size)
{
    struct test_store *t = arg;
    str_addf(&t->log, "replied %llu %llu %.*s\n", (unsigned long long)id,
             (unsigned long long)newest, (int)size, frame);
}

/* ---- life ---- */

static void on_devices_revoked(void *arg, const char *user, const char *ids)
{
    struct test_store *t = arg;
    str_addf(&t->log, "user %s d %s\n", user, ids);
}

static void on_guests_out(void *arg, const char *user)
{
    struct test_store *t = arg;
    str_addf(&t->log, "user %s g\n", user);
}

void test_store_init(struct test_store *t, struct event_base *base, char instance)
{
    *t = (struct test_store){
        .base = base,
        .settings = { .redis_prefix = "t:",
                      .redis_password = "",
                      .redis_sentinels = "",
                      .rate_limit_window_s = 10,
                      .presence_ttl_s = 30,
                      .name_hold_s = 600,
                      .away_days = 30,
                      .away_messages = 1000,
                      .archive_backlog = 1000,
                      .access_token_s = 900,
                      .refresh_token_days = 30,
                      .refresh_grace_s = 30,
                      .token_key_s = 604800,
                      .login_window_s = 300 },
    };
    memset(t->settings.instance, instance, sizeof(t->settings.instance) - 1);
    log_set_level(LOG_LEVEL_ERROR);
}

void test_store_start(struct test_store *t, struct test_redis *redis)
{
    struct store_events events = {
        .arg = t,
        .state = on_state,
        .bus_up = on_bus_up,
        .subscribed = on_subscribed,
        .room_message = on_room_message,
        .room_about = on_room_about,
        .room_presence = on_presence,
        .room_changed = on_room_changed,
        .room_marks = on_room_marks,
        .room_act = on_room_act,
        .room_event = on_room_event,
        .user_message = on_user_message,
        .user_event = on_user_event,
        .user_mention = on_user_mention,
        .asked = on_asked,
        .replied = on_replied,
        .devices_revoked = on_devices_revoked,
        .guests_out = on_guests_out,
    };
    t->store = store_new(t->base, redis->address, &t->settings, &t->stats, &events);
}

void test_store_ready(struct test_store *t)
{
    WAIT_UNTIL(t->base, store_state_of(t->store) == STORE_STATE_READY);
}

void test_store_limit(struct test_store *t, struct test_redis *redis, int64_t messages)
{
    if (t->settings.rate_limit_messages == messages)
        return;
    store_free(t->store);
    t->settings.rate_limit_messages = messages;
    test_store_start(t, redis);
    test_store_ready(t);
}

void test_store_fini(struct test_store *t)
{
    store_free(t->store);
    str_fini(&t->log);
}

bool test_store_saw(const struct test_store *t, const char *text)
{
    return t->log.data && strstr(t->log.data, text);
}

unsigned test_store_saw_times(const struct test_store *t, const char *text)
{
    unsigned times = 0;
    for (const char *p = t->log.data; p && (p = strstr(p, text)); p += strlen(text))
        times++;
    return times;
}

void test_alone_init(struct test_redis *redis, struct event_base **base, struct test_store *a)
{
    *base = event_base_new();
    test_redis_init(redis);
    test_store_init(a, *base, 'a');
}

void test_alone_fini(struct test_redis *redis, struct event_base *base, struct test_store *a)
{
    test_store_fini(a);
    test_redis_fini(redis);
    event_base_free(base);
}

void test_stores_init(struct test_redis *redis, struct event_base **base, struct test_store *a,
                      struct test_store *b)
{
    test_alone_init(redis, base, a);
    test_store_init(b, *base, 'b');
    test_store_start(a, redis);
    test_store_start(b, redis);
    test_store_ready(a);
    test_store_ready(b);
}

void test_stores_fini(struct test_redis *redis, struct event_base *base, struct test_store *a,
                      struct test_store *b)
{
    test_store_fini(b);
    test_alone_fini(redis, base, a);
}

void test_store_subscribe(struct test_store *t, enum store_channel channel, const char *name)
{
    char line[128];
    snprintf(line, sizeof(line), "subscribed %s %s\n",
             channel == STORE_CHANNEL_ROOM ? "room" : "user", name);
    unsigned before = test_store_saw_times(t, line);
    store_subscribe(t->store, channel, name);
    WAIT_UNTIL(t->base, test_store_saw_times(t, line) > before);
}

/* ---- answers ---- */

void test_published(void *arg, const struct store_published *r)
{
    struct test_published *out = arg;
    out->count++;
    out->status = r->status;
    out->seq = r->seq;
    out->timestamp_ms = r->timestamp_ms;
    out->retry_after_ms = r->retry_after_ms;
    out->error = r->error;
    copy(out->epoch, sizeof(out->epoch), r->epoch);
    copy(out->id, sizeof(out->id), r->id);
}

void test_messages(void *arg, const struct store_messages *r)
{
    struct test_messages *out = arg;
    out->count++;
    out->status = r->status;
    out->seq = r->seq;
    out->first_seq = r->first_seq;
    out->epoch_first = r->epoch_first;
    out->messages = r->count;
    out->more = r->more;
    copy(out->epoch, sizeof(out->epoch), r->epoch);
    copy(out->fence, sizeof(out->fence), r->fence);
    copy(out->guard, sizeof(out->guard), r->guard);
    out->version = r->version;
    out->error = r->error;
    out->retry_after_ms = r->retry_after_ms;
    if (r->count) {
        copy(out->first, sizeof(out->first), r->messages[0].data);
        copy(out->last, sizeof(out->last), r->messages[r->count - 1].data);
    }
}

void test_claimed(void *arg, const struct store_claimed *r)
{
    struct test_claimed *out = arg;
    out->count++;
    out->status = r->status;
    out->tops[0] = '\0';
    for (size_t i = 0, used = 0; i < r->count && used < sizeof(out->tops); i++)
        used +=
            (size_t)snprintf(out->tops + used, sizeof(out->tops) - used, "%s%s %llu", i ? " " : "",
                             r->private_tops[i].stream, (unsigned long long)r->private_tops[i].seq);
}

void test_roster(void *arg, const struct store_roster *r)
{
    struct test_roster *out = arg;
    out->count++;
    out->status = r->status;
    out->listed = r->members != NULL;
    out->users = r->count;
    copy(out->members, sizeof(out->members), r->members);
}

int test_store_publish_start(struct test_store *t, const char *user, const char *room,
                             const char *to, const char *cid, const char *text,
                             const struct store_known *known, struct test_published *out)
{
    return test_store_mention_start(t, user, room, to, cid, text, NULL, known, out);
}

int test_store_mention_start(struct test_store *t, const char *user, const char *room,
                             const char *to, const char *cid, const char *text,
                             const char *mentions, const struct store_known *known,
                             struct test_published *out)
{
    struct str head = STR_INIT, mid = STR_INIT, tail = STR_INIT;
    str_addz(&head, "{\"seq\":");
    str_addf(&mid, ",\"x\":\"%s\",\"ts\":", text);
    str_addc(&tail, '}');
    struct store_publish p = {
        .user = user,
        .room = room,
        .to = to,
        .cid = cid,
        .id = text,
        .mentions = mentions,
        .known = known ? *known : (struct store_known){ 0 },
        .head = &head,
        .mid = &mid,
        .tail = &tail,
    };
    int error = store_publish(t->store, &p, test_published, out);
    str_fini(&head);
    str_fini(&mid);
    str_fini(&tail);
    return error;
}

struct test_published test_store_publish(struct test_store *t, const char *user, const char *room,
                                         const char *to, const char *cid, const char *text,
                                         const struct store_known *known)
{
    struct test_published out = { 0 };
    assert_int_equal(test_store_publish_start(t, user, room, to, cid, text, known, &out), 0);
    assert_int_equal(out.count, 0); /* never from within the call */
    WAIT_UNTIL(t->base, out.count > 0);
    return out;
}

struct test_messages test_store_load(struct test_store *t, const char *room,
                                     const struct store_known *known)
{
    struct test_messages out = { 0 };
    struct store_known nothing = { 0 };
    assert_int_equal(store_load(t->store, room, known ? known : &nothing, test_messages, &out), 0);
    WAIT_UNTIL(t->base, out.count > 0);
    return out;
}

struct test_messages test_store_page(struct test_store *t, const char *stream, const char *viewer,
                                     uint64_t before, unsigned limit)
{
    struct test_messages out = { 0 };
    assert_int_equal(store_page(t->store, stream, viewer, before, limit, test_messages, &out), 0);
    WAIT_UNTIL(t->base, out.count > 0);
    return out;
}

struct test_claimed test_store_claim(struct test_store *t, const char *user, const char *session)
{
    struct test_claimed out = { 0 };
    const struct store_claim what = { .user = user, .session = session };
    assert_int_equal(store_claim(t->store, &what, test_claimed, &out), 0);
    WAIT_UNTIL(t->base, out.count > 0);
    return out;
}

struct test_roster test_store_roster(struct test_store *t, const char *room)
{
    struct test_roster out = { 0 };
    assert_int_equal(store_roster(t->store, room, test_roster, &out), 0);
    WAIT_UNTIL(t->base, out.count > 0);
    return out;
}

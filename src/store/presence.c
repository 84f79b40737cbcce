/* Leases: of users in rooms, of users on this instance, of this instance. */
#include "state.h"

#include <string.h>

/* Walks names that are joined by '\n': the next one is *name with its size; false at the end. */
static bool next_name(const char **text, const char **name, size_t *size)
{
    *text += strspn(*text, "\n");
    *name = *text;
    *size = strcspn(*text, "\n");
    *text += *size;
    return *size > 0;
}

static size_t count_names(const char *text, size_t most)
{
    const char *name;
    size_t size, count = 0;
    while (count < most && next_name(&text, &name, &size))
        count++;
    return count;
}

/* The keys of a room's leases. The channel is the prefix that they share. */
static const char *add_lease_keys(struct request *r, const char *room) REQUIRES(on_hub);
static const char *add_lease_keys(struct request *r, const char *room)
{
    const char *stream = stream_prefix(r->store, room, NULL, NULL);
    request_addj(r, stream, ":members");
    request_addj(r, stream, ":users");
    return stream;
}

void store_presence_refresh(struct store *s, const char *room, const char *users)
{
    struct request *r;
    size_t count;
    while ((count = count_names(users, PRESENCE_CHUNK)) > 0) {
        if (request_begin(s, &r) != 0)
            return;
        request_script(r, SCRIPT_PRESENCE, 2, 3 + count);
        request_addz(r, add_lease_keys(r, room));
        request_addz(r, s->settings->instance);
        request_addu(r, (uint64_t)s->settings->presence_ttl_s * 1000);
        for (const char *name; count > 0; count--) {
            size_t size;
            next_name(&users, &name, &size);
            request_add(r, name, size);
        }
        request_fire(r);
    }
}

void store_presence_leave(struct store *s, const char *room, const char *user)
{
    struct request *r;
    if (request_begin(s, &r) != 0)
        return;
    request_script(r, SCRIPT_LEAVE, 2, 3);
    request_addz(r, add_lease_keys(r, room));
    request_addz(r, s->settings->instance);
    request_addz(r, user);
    request_fire(r);
}

static void on_roster(struct request *r, enum store_status status, const redisReply *reply)
{
    struct store_roster result = { .status = status };
    if (status == STORE_OK) {
        bool sound = reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
                     reply->element[0]->type == REDIS_REPLY_INTEGER;
        if (sound) {
            result.count = (uint64_t)reply->element[0]->integer;
            result.members = reply->element[1]->str; /* NULL when it is nil */
            result.marks = reply->element[2]->str;
        } else {
            result.status = STORE_REFUSED;
        }
    }
    r->done.roster(r->arg, &result);
}

int store_roster(struct store *s, const char *room, store_roster_fn *done, void *arg)
{
    struct request *r;
    int error = request_begin(s, &r);
    if (error)
        return error;
    r->done.roster = done;
    r->arg = arg;
    request_script(r, SCRIPT_ROSTER, 3, 1);
    const char *stream = add_lease_keys(r, room);
    request_addj(r, stream, ":marks");
    request_addz(r, stream);
    return request_send(r, on_roster);
}

void store_online(struct store *s, const char *users)
{
    struct request *r;
    const char *prefix = s->settings->redis_prefix, *name, *named;
    do { /* once without users too: for the instance */
        size_t size, count = count_names(users, ONLINE_CHUNK);
        if (request_begin(s, &r) != 0)
            return;
        request_script(r, SCRIPT_ONLINE, 2 + 3 * count, 4 + count);
        request_addj(r, prefix, "instance:", s->settings->instance);
        request_addj(r, prefix, "seen");
        named = users;
        for (size_t left = count; left > 0; left--) {
            next_name(&users, &name, &size);
            str_reset(&s->scratch);
            str_add(&s->scratch, name, size);
            request_addj(r, prefix, "presence:", s->scratch.data);
            request_addj(r, prefix, "name:", s->scratch.data);
            request_addj(r, prefix, "{user:", s->scratch.data, "}:held");
        }
        request_add(r, s->lease.data, s->lease.size);
        request_addz(r, s->settings->instance);
        request_addu(r, (uint64_t)s->settings->presence_ttl_s * 1000);
        request_addu(r, (uint64_t)s->settings->name_hold_s * 1000);
        for (; count > 0; count--) {
            next_name(&named, &name, &size);
            request_add(r, name, size);
        }
        request_fire(r);
    } while (count_names(users, 1) > 0);
}

static void on_lease_written(struct request *r, enum store_status status, const redisReply *reply)
{
    (void)reply;
    role_assume(&on_hub);
    struct store *s = r->store;
    s->lease_waits = false;
    if (status != STORE_OK)
        return;
    s->refusing = false;
    store_judge(s);
}

void lease_write(struct store *s)
{
    struct request *r;
    if (s->lease_waits || request_begin(s, &r) != 0)
        return;
    request_command(r, 5);
    request_add(r, "SET", 3);
    request_addj(r, s->settings->redis_prefix, "instance:", s->settings->instance);
    request_add(r, s->lease.data, s->lease.size);
    request_add(r, "PX", 2);
    request_addu(r, (uint64_t)s->settings->presence_ttl_s * 1000);
    s->lease_waits = request_send(r, on_lease_written) == 0;
}

static void on_seen(struct request *r, enum store_status status, const redisReply *reply)
{
    int64_t at[RULE_SEEN];
    const size_t count = reply && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    if (status == STORE_OK && (count == 0 || count > RULE_SEEN))
        status = STORE_REFUSED;
    for (size_t i = 0; status == STORE_OK && i < count; i++) {
        const redisReply *one = reply->element[i];
        at[i] = one->type == REDIS_REPLY_INTEGER ? one->integer : -1;
    }
    r->done.seen(r->arg, status, status == STORE_OK ? at : NULL);
}

int store_seen(struct store *s, const char *users, store_seen_fn *done, void *arg)
{
    struct request *r;
    const char *prefix = s->settings->redis_prefix, *name, *text = users;
    size_t size;
    const size_t count = count_names(users, RULE_SEEN);
    int error = request_begin(s, &r);
    if (error)
        return error;
    r->done.seen = done;
    r->arg = arg;
    request_script(r, SCRIPT_SEEN, 1 + count, count);
    request_addj(r, prefix, "seen");
    for (size_t i = 0; i < count && next_name(&text, &name, &size); i++) {
        str_reset(&s->scratch);
        str_add(&s->scratch, name, size);
        request_addj(r, prefix, "presence:", s->scratch.data);
    }
    for (size_t i = 0; i < count && next_name(&users, &name, &size); i++)
        request_add(r, name, size);
    return request_send(r, on_seen);
}

void store_marks(struct store *s, const char *room, const char *epoch,
                 const struct store_mark *marks, size_t count)
{
    struct request *r;
    BUG_ON(count > STORE_MARKS_MOST);
    if (count == 0 || request_begin(s, &r) != 0)
        return;
    request_script(r, SCRIPT_MARKS, 3, 2 + 3 * count);
    const char *stream = stream_prefix(s, room, NULL, NULL);
    request_addj(r, stream, ":marks");
    request_addj(r, stream, ":meta");
    request_addj(r, stream, ":users");
    request_addz(r, stream);
    request_addz(r, epoch);
    for (size_t i = 0; i < count; i++) {
        request_addz(r, marks[i].user);
        request_addu(r, marks[i].received);
        request_addu(r, marks[i].read);
    }
    request_fire(r);
}

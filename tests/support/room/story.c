#include "support/room/story.h"

#include "confab/store/accounts.h"
#include "confab/store/act.h"
#include "confab/store/away.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* --- stand-ins ------------------------------------------------------------------------------ */

struct told store;

struct str wire;
struct str sent;
int sent_status;

struct store *store_new(struct event_base *b, const char *a, const struct settings *s,
                        struct stats *st, const struct store_events *e)
{
    (void)b, (void)a, (void)s, (void)st, (void)e;
    return NULL;
}
void store_free(struct store *s)
{
    (void)s;
}
enum store_state store_state_of(const struct store *s)
{
    (void)s;
    return STORE_STATE_READY;
}
const char *store_state_text(enum store_state s)
{
    (void)s;
    return "";
}
int store_publish(struct store *s, const struct store_publish *p, store_published_fn *d, void *a)
{
    (void)s, (void)p;
    store.published_done = d;
    store.published_arg = a;
    return 0;
}
int store_act(struct store *s, const struct store_act *act, store_published_fn *d, void *a)
{
    (void)s;
    store.acts++;
    store.act_target = act->target;
    store.act_old = act->old != NULL;
    store.published_done = d;
    store.published_arg = a;
    return 0;
}
int store_load(struct store *s, const char *room, const struct store_known *known,
               store_messages_fn *done, void *arg)
{
    (void)s, (void)room;
    store.load_known = known->seq;
    assert_null(store.load_done); /* one load of a room at a time */
    store.load_done = done;
    store.load_arg = arg;
    store.loads++;
    return 0;
}
int store_page(struct store *s, const char *stream, const char *viewer, uint64_t before,
               unsigned limit, store_messages_fn *done, void *arg)
{
    (void)s, (void)stream, (void)viewer;
    if (!store.takes_pages)
        return -ENOTCONN;
    store.page_done = done;
    store.page_arg = arg;
    store.page_before = before;
    store.page_limit = limit;
    return 0;
}
int store_access(struct store *s, const char *room, const char *known_guard, const char *names,
                 store_access_fn *done, void *arg)
{
    (void)s, (void)room, (void)known_guard;
    if (store.access_error)
        return store.access_error;
    assert_in_range(store.access_count, 0, TOLD_ACCESSES - 1);
    struct told_access *t = &store.accesses[store.access_count++];
    *t = (struct told_access){ .done = done, .arg = arg, .names = STR_INIT };
    for (; *names; names++)
        str_addc(&t->names, *names == '\n' ? ' ' : *names);
    return 0;
}
int store_readable(struct store *s, const char *user, const char *device, store_readable_fn *done,
                   void *arg)
{
    (void)s, (void)user, (void)device, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_room_act(struct store *s, const struct store_room_act *a, store_room_fn *done, void *arg)
{
    (void)s, (void)a, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_invite_use(struct store *s, const char *code, const char *room, const char *user,
                     store_access_fn *done, void *arg)
{
    (void)s, (void)code, (void)room, (void)user, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_page_after(struct store *s, const char *stream, const char *viewer, uint64_t after,
                     unsigned limit, store_messages_fn *done, void *arg)
{
    (void)s, (void)stream, (void)viewer, (void)after, (void)limit, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_away(struct store *s, const char *user, const char *device, store_away_fn *done,
               void *arg)
{
    (void)s, (void)user, (void)device, (void)done, (void)arg;
    return -ENOTCONN;
}
void store_received(struct store *s, const char *user, const char *device,
                    const struct store_received *list, size_t count)
{
    (void)s, (void)user, (void)device, (void)list, (void)count;
}
void store_joined(struct store *s, const char *user, const char *room, bool joined)
{
    (void)s, (void)user, (void)room, (void)joined;
}
void store_read_mentions(struct store *s, const char *user, uint64_t seq, const char *json,
                         size_t size)
{
    (void)s, (void)user, (void)seq, (void)json, (void)size;
}
int store_tops(struct store *s, const char *const *rooms, size_t count, store_tops_fn *done,
               void *arg)
{
    (void)s, (void)rooms;
    assert_null(store.tops_done); /* one comparison at a time */
    store.tops_done = done;
    store.tops_arg = arg;
    store.tops_asked = count;
    return 0;
}
int store_claim(struct store *s, const struct store_claim *in, store_claimed_fn *done, void *arg)
{
    (void)s, (void)in, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_keys(struct store *s, const struct token_key *candidate, store_keys_fn *done, void *arg)
{
    (void)s, (void)candidate, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_alive(struct store *s, const char *const *devices, size_t count, store_alive_fn *done,
                void *arg)
{
    (void)s, (void)devices, (void)count, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_seed(struct store *s, const char *device, store_seed_fn *done, void *arg)
{
    (void)s, (void)device, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_rotate(struct store *s, const char *user, const char *device, const char *seed,
                 uint64_t n, store_rotated_fn *done, void *arg)
{
    (void)s, (void)user, (void)device, (void)seed, (void)n, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_accounts(struct store *s, enum store_accounts state, store_accounts_fn *done, void *arg)
{
    (void)s, (void)state, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_rooms_list(struct store *s, const struct store_list_query *q, store_list_fn *done,
                     void *arg)
{
    (void)s, (void)q, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_members(struct store *s, const struct store_list_query *q, store_list_fn *done, void *arg)
{
    (void)s, (void)q, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_audit(struct store *s, const struct store_list_query *q, store_list_fn *done, void *arg)
{
    (void)s, (void)q, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_admin(struct store *s, const char *address, bool wrong, store_admin_fn *done, void *arg)
{
    (void)s, (void)address, (void)wrong, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_login(struct store *s, const struct store_login *l, store_login_fn *done, void *arg)
{
    (void)s, (void)l, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_sign_in(struct store *s, const struct store_sign_in *in, store_signed_in_fn *done,
                  void *arg)
{
    (void)s, (void)in, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_register(struct store *s, const struct store_register *in, store_registered_fn *done,
                   void *arg)
{
    (void)s, (void)in, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_password(struct store *s, const char *user, uint64_t version, const char *phc,
                   const char *device, store_status_fn *done, void *arg)
{
    (void)s, (void)user, (void)version, (void)phc, (void)device, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_unregister(struct store *s, const char *user, uint64_t version, const char *device,
                     store_status_fn *done, void *arg)
{
    (void)s, (void)user, (void)version, (void)device, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_devices(struct store *s, const char *user, const char *device, store_devices_fn *done,
                  void *arg)
{
    (void)s, (void)user, (void)device, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_revoke(struct store *s, const struct store_revoke *in, store_revoked_fn *done, void *arg)
{
    (void)s, (void)in, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_restore(struct store *s, const struct store_record *records, size_t count,
                  store_status_fn *done, void *arg)
{
    (void)s, (void)records, (void)count, (void)done, (void)arg;
    return -ENOTCONN;
}
void store_release(struct store *s, const char *user, const char *session)
{
    (void)s, (void)user, (void)session;
}
int store_roster(struct store *s, const char *room, store_roster_fn *done, void *arg)
{
    (void)s, (void)room;
    store.roster_done = done;
    store.roster_arg = arg;
    return 0;
}
void store_presence_refresh(struct store *s, const char *room, const char *users)
{
    (void)s, (void)room;
    snprintf(store.refreshed, sizeof store.refreshed, "%s", users);
}
void store_presence_leave(struct store *s, const char *room, const char *user)
{
    (void)s;
    snprintf(store.left, sizeof store.left, "%s/%s", room, user);
}
void store_online(struct store *s, const char *users)
{
    (void)s, (void)users;
}
void store_event(struct store *s, const char *room, const char *user, const char *to,
                 const char *json, size_t size)
{
    (void)s, (void)room, (void)user, (void)to, (void)json, (void)size;
}
void store_read(struct store *s, const char *room, const char *user, const char *to, uint64_t seq,
                bool all, const char *json, size_t size)
{
    (void)s, (void)room, (void)user, (void)to, (void)seq, (void)all, (void)json, (void)size;
}
void store_marks(struct store *s, const char *room, const char *epoch,
                 const struct store_mark *marks, size_t count)
{
    (void)s, (void)room, (void)epoch, (void)marks, (void)count;
}
int store_seen(struct store *s, const char *users, store_seen_fn *done, void *arg)
{
    (void)s, (void)users, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_ask(struct store *s, uint64_t id, const char *json, size_t size, int64_t ms,
              store_asked_fn *done, void *arg)
{
    (void)s, (void)ms;
    if (store.ask_error)
        return store.ask_error;
    store.asks++;
    store.ask_id = id;
    str_reset(&store.asked);
    str_add(&store.asked, json, size);
    store.ask_done = done;
    store.ask_arg = arg;
    return 0;
}
void store_reply(struct store *s, const char *asker, uint64_t id, uint64_t newest,
                 const struct frame *f)
{
    (void)s;
    char *type = xmemdupz(frame_payload(f) + 9, frame_payload_size(f) - 9); /* {"type":" */
    type[strcspn(type, "\"")] = '\0';
    str_addf(&wire, "%s/%d:reply(%d,%s) ", asker, (int)id, (int)newest, type);
    free(type);
}
void store_serve(struct store *s)
{
    (void)s;
    store.served++;
}
int archive_ask(struct archive *a, struct archive_ask *ask)
{
    (void)a;
    if (store.archive_full)
        return -EAGAIN;
    store.asks++;
    archive_ask_free(store.archive_ask);
    store.archive_ask = ask;
    return 0;
}
struct queue *archive_answers(struct archive *a)
{
    (void)a;
    return &store.answers;
}
void archive_answer_free(struct archive_answer *answer)
{
    frame_unref(answer->frame);
    free(answer);
}
void store_subscribe(struct store *s, enum store_channel channel, const char *name)
{
    (void)s;
    if (channel == STORE_CHANNEL_ROOM)
        snprintf(store.subscribed, sizeof store.subscribed, "%s", name);
}
void store_unsubscribe(struct store *s, enum store_channel channel, const char *name)
{
    (void)s, (void)name;
    store.unsubscribed += channel == STORE_CHANNEL_ROOM;
}
void store_pause_bus(struct store *s, bool paused)
{
    (void)s, (void)paused;
}

/* One word per frame: its type, and what matters in it. */
static void note(const char *to, struct frame *f)
{
    char *text = xmemdupz(frame_payload(f), frame_payload_size(f));
    char type[24] = "?";
    sscanf(text, "{\"type\":\"%23[a-z]", type);
    str_addf(&wire, "%s:%s", to, type);
    if (strcmp(type, "joined") == 0)
        str_addf(&wire, "(%s,%s", strstr(text, "\"recovered\":true") ? "recovered" : "fresh",
                 strstr(text, "\"missed\":") + strlen("\"missed\":"));
    if (strcmp(type, "joined") == 0) { /* keep only the number after missed */
        size_t cut = wire.size;
        while (cut && wire.data[cut - 1] != '(')
            cut--;
        char *comma = strchr(wire.data + cut, ',') + 1;
        comma += strspn(comma, "0123456789");
        wire.size = (size_t)(comma - wire.data);
        wire.data[wire.size] = '\0';
        str_addc(&wire, ')');
        if (strstr(text, "\"guard\":"))
            str_addz(&wire, strstr(text, "\"role\":") ? "[told]" : "[known]");
    }
    if (strcmp(type, "history") == 0) {
        str_addc(&wire, '(');
        for (char *p = text; (p = strstr(p, "\"n\":")); p++)
            str_addf(&wire, "%s%d", wire.data[wire.size - 1] == '(' ? "" : ",", atoi(p + 4));
        str_addc(&wire, ')');
    }
    if (f->seq)
        str_addf(&wire, "(%d)", (int)f->seq);
    str_addc(&wire, ' ');
    free(text);
}

static void port_send(void *arg, struct peer *p, struct frame *f)
{
    (void)arg;
    note(p->user ? p->user->name : "http", f);
    sent_status = f->http_status;
    str_reset(&sent);
    str_add(&sent, frame_payload(f), frame_payload_size(f));
    for (char *c = sent.data; *c != '\0'; c++)
        *c = *c == '"' ? '\'' : *c;
}
static void port_room_send(void *arg, unsigned net, uint32_t room, struct frame *f)
{
    (void)arg, (void)net, (void)room;
    note("*", f);
}
static void port_room_add(void *arg, struct peer *p, uint32_t room, const char *name, uint64_t seq)
{
    (void)arg, (void)room, (void)name;
    str_addf(&wire, "+%s@%d ", p->user->name, (int)seq);
}
static void port_room_remove(void *arg, struct peer *p, uint32_t room)
{
    (void)arg, (void)room;
    str_addf(&wire, "-%s ", p->user->name);
}

/* --- a hub with users, and the words of a story ------------------------------------------------ */

static struct settings settings = { .max_rooms = 3,
                                    .presence_ttl_s = 30,
                                    .archive_deadline_ms = 2000 };
struct stats stats;
struct hub *hub;

static void released(struct peer *p)
{
    (void)p;
}

int setup(void **state)
{
    (void)state;
    memset(&store, 0, sizeof store);
    hub = xcalloc(1, sizeof *hub);
    hub->settings = &settings;
    hub->stats = &stats;
    hub->base = event_base_new();
    hub->gather_timer = event_new(hub->base, -1, 0, NULL, NULL);
    hub->port = (struct hub_port){ .nets = 1,
                                   .send = port_send,
                                   .room_send = port_room_send,
                                   .room_add = port_room_add,
                                   .room_remove = port_room_remove };
    str_reset(&wire);
    return 0;
}

struct peer *somebody(const char *name)
{
    struct peer *p = xcalloc(1, sizeof *p);
    p->refs = 1;
    p->release = released;
    p->state = PEER_WELCOMED;
    user_attach(user_get(hub, name), p);
    return p;
}

void gone(struct peer *p)
{
    peer_gone(hub, p);
    free(p);
}

int teardown(void **state)
{
    (void)state;
    assert_null(hub->rooms);
    assert_null(hub->users);
    event_free(hub->gather_timer);
    event_base_free(hub->base);
    free(hub->room_ids);
    str_fini(&hub->names);
    str_fini(&hub->head);
    str_fini(&hub->mid);
    str_fini(&hub->tail);
    free(hub);
    str_fini(&wire);
    str_fini(&sent);
    str_fini(&store.asked);
    archive_ask_free(store.archive_ask);
    return 0;
}

void says(const char *expected)
{
    assert_string_equal(wire.size ? wire.data : "", expected);
    str_reset(&wire);
}

void live(const char *epoch, int seq)
{
    char json[64];
    snprintf(json, sizeof json, "{\"type\":\"message\",\"n\":%d}", seq);
    room_message(hub, "tea", epoch, (uint64_t)seq, json, strlen(json));
}

void answer_list(store_messages_fn *done, void *arg, enum store_status status, const char *epoch,
                 int epoch_first, int first, int last)
{
    char text[200][64];
    struct frame_part parts[200];
    size_t count = 0;
    for (int n = first; n <= last; n++, count++) {
        snprintf(text[count], sizeof text[count],
                 "{\"type\":\"message\",\"n\":%d,\"timestamp\":%d}", n, n * 1000);
        parts[count] = (struct frame_part){ text[count], strlen(text[count]) };
    }
    struct store_messages r = { .status = status,
                                .epoch = epoch,
                                .seq = (uint64_t)last,
                                .fence = "run",
                                .messages = parts,
                                .count = count,
                                .first_seq = count ? (uint64_t)first : 0,
                                .epoch_first = (uint64_t)epoch_first,
                                .guard = store.guard ? store.guard : "",
                                .version = store.version };
    done(arg, &r);
}

void list(enum store_status status, const char *epoch, int first, int last)
{
    store_messages_fn *done = store.load_done;
    assert_non_null(done);
    store.load_done = NULL;
    answer_list(done, store.load_arg, status, epoch, 1, first, last);
}

/* The rooms are compared: Redis has this of the only one. */
void compare(enum store_status status, const char *epoch, int64_t seq)
{
    compare_rooms(hub);
    struct store_top top = { epoch, seq };
    store_tops_fn *done = store.tops_done;
    assert_non_null(done);
    assert_int_equal(store.tops_asked, 1);
    store.tops_done = NULL;
    done(store.tops_arg, status, status == STORE_OK ? &top : NULL);
}

void roster(const char *members, uint64_t count)
{
    struct store_roster r = { .status = STORE_OK, .members = members, .count = count };
    store_roster_fn *done = store.roster_done;
    assert_non_null(done);
    store.roster_done = NULL;
    done(store.roster_arg, &r);
}

/* Rooms without Redis and without sockets: the store and the port are stand-ins that write down
 * what they were asked, so that every order of events can be tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "../../src/hub/state.h"

/* --- stand-ins ------------------------------------------------------------------------------ */

static struct {
    store_messages_fn *load_done;
    void *load_arg;
    int loads;
    store_roster_fn *roster_done;
    void *roster_arg;
    char subscribed[64], left[64], refreshed[64];
    int unsubscribed;
} store;

static struct str wire; /* what the port was asked to do, in order */

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
    (void)s, (void)p, (void)d, (void)a;
    return -ENOTCONN;
}
int store_load(struct store *s, const char *room, const struct store_known *known,
               store_messages_fn *done, void *arg)
{
    (void)s, (void)room, (void)known;
    assert_null(store.load_done); /* one load of a room at a time */
    store.load_done = done;
    store.load_arg = arg;
    store.loads++;
    return 0;
}
int store_page(struct store *s, const char *stream, const char *viewer, uint64_t before,
               unsigned limit, store_messages_fn *done, void *arg)
{
    (void)s, (void)stream, (void)viewer, (void)before, (void)limit, (void)done, (void)arg;
    return -ENOTCONN;
}
int store_claim(struct store *s, const char *user, const char *session, bool made_up,
                store_claimed_fn *done, void *arg)
{
    (void)s, (void)made_up, (void)user, (void)session, (void)done, (void)arg;
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
                const char *json, size_t size)
{
    (void)s, (void)room, (void)user, (void)to, (void)seq, (void)json, (void)size;
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
    note(p->user->name, f);
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

static struct settings settings = { .max_rooms = 3, .presence_ttl_s = 30 };
static struct stats stats;
static struct hub *hub;

static void released(struct peer *p)
{
    (void)p;
}

static int setup(void **state)
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

static struct peer *somebody(const char *name)
{
    struct peer *p = xcalloc(1, sizeof *p);
    p->refs = 1;
    p->release = released;
    p->state = PEER_WELCOMED;
    user_attach(user_get(hub, name), p);
    return p;
}

static void gone(struct peer *p)
{
    peer_gone(hub, p);
    free(p);
}

static int teardown(void **state)
{
    (void)state;
    assert_null(hub->rooms);
    assert_null(hub->users);
    event_free(hub->gather_timer);
    event_base_free(hub->base);
    free(hub->room_ids);
    str_fini(&hub->names);
    free(hub);
    str_fini(&wire);
    return 0;
}

static void says(const char *expected)
{
    assert_string_equal(wire.size ? wire.data : "", expected);
    str_reset(&wire);
}

static void live(const char *epoch, int seq)
{
    char json[64];
    snprintf(json, sizeof json, "{\"type\":\"message\",\"n\":%d}", seq);
    room_message(hub, "tea", epoch, (uint64_t)seq, json, strlen(json));
}

/* Redis answers the load: the list holds first … last. */
static void list(enum store_status status, const char *epoch, int first, int last)
{
    char text[200][40];
    struct frame_part parts[200];
    size_t count = 0;
    for (int n = first; n <= last; n++, count++) {
        snprintf(text[count], sizeof text[count], "{\"type\":\"message\",\"n\":%d}", n);
        parts[count] = (struct frame_part){ text[count], strlen(text[count]) };
    }
    struct store_messages r = { .status = status,
                                .epoch = epoch,
                                .seq = (uint64_t)last,
                                .fence = "run",
                                .messages = parts,
                                .count = count,
                                .first_seq = (uint64_t)first };
    store_messages_fn *done = store.load_done;
    assert_non_null(done);
    store.load_done = NULL;
    done(store.load_arg, &r);
}

static void roster(const char *members, uint64_t count)
{
    struct store_roster r = { .status = STORE_OK, .members = members, .count = count };
    store_roster_fn *done = store.roster_done;
    assert_non_null(done);
    store.roster_done = NULL;
    done(store.roster_arg, &r);
}

/* Alice is in room tea, numbers 1 … top are out. */
static struct peer *alice_in_tea(int top)
{
    struct peer *alice = somebody("alice");
    room_join(hub, alice, "tea", NULL, 0);
    room_subscribed(hub, "tea");
    roster("", 0);
    list(STORE_OK, "e1", 1, top);
    str_reset(&wire);
    return alice;
}

/* --- what holds ----------------------------------------------------------------------------- */

static void nothing_is_read_before_the_channel_is_there(void **state)
{
    (void)state;
    struct peer *alice = somebody("alice");
    room_join(hub, alice, "tea", NULL, 0);
    assert_string_equal(store.subscribed, "tea");
    assert_int_equal(store.loads, 0);
    room_subscribed(hub, "tea");
    assert_int_equal(store.loads, 1);
    says("");
    list(STORE_OK, "e1", 1, 2);
    says(""); /* who is there is not known yet */
    roster("bob", 1);
    says("alice:joined(fresh,0) alice:history(1,2) +alice@2 ");
    gone(alice);
    assert_int_equal(store.unsubscribed, 1);
}

static void messages_during_a_load_come_once_and_in_order(void **state)
{
    (void)state;
    struct peer *alice = somebody("alice");
    room_join(hub, alice, "tea", NULL, 0);
    room_subscribed(hub, "tea");
    roster("", 0);
    live("e1", 2);
    live("e1", 3);
    live("e1", 4);
    list(STORE_OK, "e1", 1, 3); /* the list has 2 and 3 as well */
    says("alice:joined(fresh,0) alice:history(1,2,3,4) +alice@4 ");
    live("e1", 5);
    says("*:message(5) ");
    live("e1", 5);
    live("e1", 4);
    says("");
    gone(alice);
}

static void a_hole_is_filled_from_the_list(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(3);
    live("e1", 6); /* 4 and 5 were missed */
    live("e1", 7);
    says("");
    list(STORE_OK, "e1", 1, 6);
    says("*:message(4) *:message(5) *:message(6) *:message(7) ");
    gone(alice);
}

static void a_hole_that_the_list_cannot_fill_stays_visible(void **state)
{
    (void)state;
    uint64_t lost = stats.gaps_lost;
    struct peer *alice = alice_in_tea(3);
    live("e1", 110);
    list(STORE_OK, "e1", 11, 110);
    assert_int_equal(stats.gaps_lost - lost, 7); /* 4 … 10 */
    assert_non_null(strstr(wire.data, "*:message(11) "));
    assert_null(strstr(wire.data, "*:message(10) "));
    gone(alice);
}

static void a_new_epoch_starts_everybody_again(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(9);
    live("e2", 2);
    says("");
    list(STORE_OK, "e2", 1, 2);
    says("-alice alice:joined(fresh,0) alice:history(1,2) +alice@2 ");
    live("e2", 3);
    says("*:message(3) ");
    gone(alice);
}

static void resume_is_all_or_nothing(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(0), *bob = somebody("bob"), *carol = somebody("carol");
    for (int n = 1; n <= 150; n++)
        live("e1", n);
    str_reset(&wire);
    room_join(hub, bob, "tea", "e1", 148);
    says("bob:joined(recovered,2) bob:history(149,150) +bob@150 ");
    room_join(hub, carol, "tea", "e1", 50); /* 51 is the oldest that is kept */
    assert_non_null(strstr(wire.data, "carol:joined(recovered,100) carol:history(51,52,"));
    room_leave(hub, carol->rooms, false);
    str_reset(&wire);
    room_join(hub, carol, "tea", "e1", 49);
    assert_non_null(strstr(wire.data, "carol:joined(fresh,1) carol:history(51,"));
    room_leave(hub, carol->rooms, false);
    str_reset(&wire);
    room_join(hub, carol, "tea", "other", 149);
    assert_non_null(strstr(wire.data, "carol:joined(fresh,0) carol:history(51,"));
    gone(alice);
    gone(bob);
    gone(carol);
}

static void who_stands_ahead_of_this_instance_waits_for_redis(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(3), *bob = somebody("bob");
    room_join(hub, bob, "tea", "e1", 5); /* bob saw 4 and 5 elsewhere */
    says("");
    list(STORE_OK, "e1", 1, 6);
    says("*:message(4) *:message(5) *:message(6) bob:joined(recovered,1) bob:history(6) +bob@6 ");
    room_leave(hub, bob->rooms, false);
    str_reset(&wire);
    room_join(hub, bob, "tea", "e1", 9); /* and nobody ever gave out 9 */
    list(STORE_OK, "e1", 1, 6);
    says("bob:joined(fresh,0) bob:history(1,2,3,4,5,6) +bob@6 ");
    gone(alice);
    gone(bob);
}

static void who_lagged_is_out_of_the_stream_until_served(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(3);
    room_join(hub, alice, "tea", "e1", 1);
    says("-alice alice:joined(recovered,2) alice:history(2,3) +alice@3 ");
    gone(alice);
}

static void after_the_bus_was_cut_what_was_missed_is_filled_in(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(3);
    room_resubscribe(room_find(hub, "tea"));
    live("e1", 6);
    says("");
    room_subscribed(hub, "tea");
    roster("alice", 1);
    list(STORE_OK, "e1", 1, 5);
    says("*:message(4) *:message(5) *:message(6) ");
    gone(alice);
}

static void a_room_that_redis_refuses_tells_those_who_wait(void **state)
{
    (void)state;
    struct peer *alice = somebody("alice");
    room_join(hub, alice, "tea", NULL, 0);
    room_subscribed(hub, "tea");
    roster("", 0);
    list(STORE_REFUSED, "", 1, 0);
    says("alice:error ");
    assert_null(alice->rooms);
    gone(alice);
}

static void rooms_of_a_client_and_of_an_instance_are_bounded(void **state)
{
    (void)state;
    struct peer *alice = somebody("alice");
    room_join(hub, alice, "a", NULL, 0);
    room_join(hub, alice, "b", NULL, 0);
    room_join(hub, alice, "c", NULL, 0);
    says("");
    room_join(hub, alice, "d", NULL, 0); /* MAX_ROOMS is 3 here */
    says("alice:error ");
    alice->room_count = RULE_ROOMS_PER_CLIENT;
    struct peer *bob = somebody("bob");
    room_join(hub, bob, "a", NULL, 0);
    room_join(hub, alice, "e", NULL, 0);
    says("alice:error ");
    alice->room_count = 3;
    gone(alice);
    gone(bob);
}

static void a_leave_is_announced_when_the_last_connection_of_the_user_leaves(void **state)
{
    (void)state;
    struct peer *phone = alice_in_tea(0), *laptop = somebody("alice");
    room_join(hub, laptop, "tea", NULL, 0);
    room_leave(hub, phone->rooms, true);
    assert_string_equal(store.left, "");
    room_leave(hub, laptop->rooms, true);
    assert_string_equal(store.left, "tea/alice");
    gone(phone);
    gone(laptop);
}

static void who_merely_disconnects_is_left_to_the_lease(void **state)
{
    (void)state;
    gone(alice_in_tea(0));
    assert_string_equal(store.left, "");
}

static void joins_are_gathered(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(0), *bob = somebody("bob"), *carol = somebody("carol");
    assert_string_equal(store.refreshed, "alice"); /* the first one at once */
    room_join(hub, bob, "tea", NULL, 0);
    room_join(hub, carol, "tea", NULL, 0);
    assert_string_equal(store.refreshed, "alice");
    room_find(hub, "tea")->announced_ms -= PRESENCE_MOST_MS;
    roster_gathered(hub);
    assert_string_equal(store.refreshed, "bob\ncarol");
    gone(alice);
    gone(bob);
    gone(carol);
}

static void the_roster_follows_the_channel_and_counts_large_rooms(void **state)
{
    (void)state;
    struct peer *alice = alice_in_tea(0);
    struct room *tea = room_find(hub, "tea");
    roster_presence(hub, "tea", "bob\ncarol", NULL, 3);
    says("*:presence ");
    assert_int_equal(tea->roster_count, 3);
    roster_presence(hub, "tea", NULL, "bob", 2);
    assert_string_equal(roster_text(tea), "alice\ncarol");
    str_reset(&wire);
    roster_presence(hub, "tea", NULL, NULL, 201);
    says(""); /* counts of large rooms wait for their timer */
    assert_null(roster_text(tea));
    roster_counts(hub);
    says("*:presence ");
    roster_counts(hub);
    says("");
    gone(alice);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(nothing_is_read_before_the_channel_is_there),
        T(messages_during_a_load_come_once_and_in_order),
        T(a_hole_is_filled_from_the_list),
        T(a_hole_that_the_list_cannot_fill_stays_visible),
        T(a_new_epoch_starts_everybody_again),
        T(resume_is_all_or_nothing),
        T(who_stands_ahead_of_this_instance_waits_for_redis),
        T(who_lagged_is_out_of_the_stream_until_served),
        T(after_the_bus_was_cut_what_was_missed_is_filled_in),
        T(a_room_that_redis_refuses_tells_those_who_wait),
        T(rooms_of_a_client_and_of_an_instance_are_bounded),
        T(a_leave_is_announced_when_the_last_connection_of_the_user_leaves),
        T(who_merely_disconnects_is_left_to_the_lease),
        T(joins_are_gathered),
        T(the_roster_follows_the_channel_and_counts_large_rooms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

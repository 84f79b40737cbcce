#include "confab/app/mdns.h"

#include "confab/app/announce.h"

#include <avahi-client/client.h>
#include <avahi-client/publish.h>
#include <avahi-common/error.h>
#include <avahi-common/simple-watch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    TURN_MS = 5000,    /* between two looks for Avahi or for other addresses */
    NUMBERS_MOST = 99, /* confab-99.local: somebody answers to every name */
};

struct mdns {
    const struct settings *settings;
    struct stats *stats;
    const struct reach *reach;
    pthread_t thread;
    int stop_fd;

    /* the thread's */
    AvahiSimplePoll *poll;
    AvahiClient *client;    /* NULL: no D-Bus, or Avahi has left it */
    AvahiEntryGroup *group; /* what is announced; NULL: nothing yet */
    bool lost;              /* the client is of no use any more */
    struct lan_address lan[ADDRESSES_MAX];
    size_t lan_count;
    int64_t number; /* of the name that is tried */
    int64_t said;   /* of the one that stdout was told, 0: none */
    int64_t next_ms;
};

static void publish(struct mdns *m) REQUIRES(on_mdns);

static void group_changed(AvahiEntryGroup *group, AvahiEntryGroupState state, void *arg)
{
    role_assume(&on_mdns);
    struct mdns *m = arg;
    struct str name = STR_INIT;
    m->group = group; /* this may come before avahi_entry_group_new() has returned */
    if (state == AVAHI_ENTRY_GROUP_COLLISION && m->number < NUMBERS_MOST) {
        m->number++;
        publish(m);
    }
    if (state != AVAHI_ENTRY_GROUP_ESTABLISHED)
        return;
    stat_set(m->stats, mdns_number, m->number);
    reach_add_name(&name, m->settings->mdns_name, m->number);
    log_info("mdns", "name=%s addresses=%zu", name.data, m->lan_count);
    if (m->said != m->number)
        announce_name(m->reach, name.data);
    m->said = m->number;
    str_fini(&name);
}

/* The name on each network has the address that is good there. No reverse entries: they are the
 * machine's. 0 or an error of Avahi. */
static int add_addresses(struct mdns *m, const char *name) REQUIRES(on_mdns)
{
    int error = 0;
    for (size_t i = 0; i < m->lan_count && error == 0; i++) {
        const struct lan_address *lan = &m->lan[i];
        AvahiAddress address;
        if (avahi_address_parse(lan->text, AVAHI_PROTO_UNSPEC, &address) == NULL)
            continue;
        error = avahi_entry_group_add_address(
            m->group, lan->interface > 0 ? (AvahiIfIndex)lan->interface : AVAHI_IF_UNSPEC,
            AVAHI_PROTO_UNSPEC, AVAHI_PUBLISH_NO_REVERSE, name, &address);
    }
    return error;
}

static int add_all(struct mdns *m) REQUIRES(on_mdns)
{
    struct str name = STR_INIT, service = STR_INIT;
    const char *type = strcmp(m->reach->scheme, "https") == 0 ? "_https._tcp" : "_http._tcp";
    reach_add_name(&name, m->settings->mdns_name, m->number);
    str_add(&service, name.data, name.size - strlen(".local"));
    int error = add_addresses(m, name.data);
    if (error == 0)
        error = avahi_entry_group_add_service(m->group, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, 0,
                                              service.data, type, NULL, name.data,
                                              (uint16_t)m->reach->port, "path=/", NULL);
    str_fini(&name);
    str_fini(&service);
    return error;
}

/* Announces the name with the addresses of now. Avahi itself knows of a collision with another
 * program here; that with another machine comes later, to group_changed(). */
static void publish(struct mdns *m)
{
    stat_set(m->stats, mdns_number, 0);
    if (m->group == NULL)
        m->group = avahi_entry_group_new(m->client, group_changed, m);
    int error = m->group == NULL ? avahi_client_errno(m->client) : 0;
    do {
        if (error == AVAHI_ERR_COLLISION)
            m->number++;
        if (m->group != NULL)
            avahi_entry_group_reset(m->group);
        if (m->group != NULL && m->lan_count > 0)
            error = add_all(m);
    } while (error == AVAHI_ERR_COLLISION && m->number < NUMBERS_MOST);
    if (error == 0 && m->lan_count > 0)
        error = avahi_entry_group_commit(m->group);
    if (error != 0)
        log_warn("mdns", "error=\"%s\" effect=\"no name in the local network\"",
                 avahi_strerror(error));
}

static void client_changed(AvahiClient *client, AvahiClientState state, void *arg)
{
    role_assume(&on_mdns);
    struct mdns *m = arg;
    m->client = client; /* this may come before avahi_client_new() has returned */
    switch (state) {
    case AVAHI_CLIENT_S_RUNNING:
        m->lan_count = addresses_of(m->settings->bind, m->lan);
        publish(m);
        break;
    case AVAHI_CLIENT_S_COLLISION: /* the machine's own name changes: Avahi starts again */
    case AVAHI_CLIENT_S_REGISTERING:
        stat_set(m->stats, mdns_number, 0);
        if (m->group != NULL)
            avahi_entry_group_reset(m->group);
        break;
    case AVAHI_CLIENT_FAILURE:
        m->lost = true;
        break;
    case AVAHI_CLIENT_CONNECTING: /* Avahi does not run yet */
        break;
    }
}

static void close_client(struct mdns *m) REQUIRES(on_mdns)
{
    stat_set(m->stats, mdns_number, 0);
    if (m->client != NULL)
        avahi_client_free(m->client); /* and the group */
    m->client = NULL;
    m->group = NULL;
    m->lost = false;
}

static void open_client(struct mdns *m) REQUIRES(on_mdns)
{
    int error;
    m->client = avahi_client_new(avahi_simple_poll_get(m->poll), AVAHI_CLIENT_NO_FAIL,
                                 client_changed, m, &error);
    if (m->client == NULL)
        log_debug("mdns", "error=\"%s\"", avahi_strerror(error));
}

static void follow_addresses(struct mdns *m) REQUIRES(on_mdns)
{
    struct lan_address lan[ADDRESSES_MAX] = { { .ipv6 = false } };
    const size_t count = addresses_of(m->settings->bind, lan);
    bool same = count == m->lan_count;
    for (size_t i = 0; i < count && same; i++)
        same = strcmp(lan[i].text, m->lan[i].text) == 0 && lan[i].interface == m->lan[i].interface;
    if (same || avahi_client_get_state(m->client) != AVAHI_CLIENT_S_RUNNING)
        return;
    memcpy(m->lan, lan, sizeof lan);
    m->lan_count = count;
    publish(m);
}

static void look(struct mdns *m) REQUIRES(on_mdns)
{
    const int64_t now = clock_mono_ms();
    if (m->lost)
        close_client(m);
    if (now < m->next_ms)
        return;
    m->next_ms = now + TURN_MS;
    if (m->client == NULL)
        open_client(m);
    else
        follow_addresses(m);
}

static void asked_to_stop(AvahiWatch *watch, int fd, AvahiWatchEvent event, void *arg)
{
    (void)watch;
    (void)fd;
    (void)event;
    avahi_simple_poll_quit(((struct mdns *)arg)->poll);
}

static void *run(void *arg)
{
    role_assume(&on_mdns);
    struct mdns *m = arg;
    const AvahiPoll *api = avahi_simple_poll_get(m->poll);
    AvahiWatch *stop = api->watch_new(api, m->stop_fd, AVAHI_WATCH_IN, asked_to_stop, m);
    do
        look(m);
    while (stop != NULL && avahi_simple_poll_iterate(m->poll, TURN_MS) == 0);
    close_client(m);
    if (stop != NULL)
        api->watch_free(stop);
    return NULL;
}

static void mdns_free(struct mdns *m)
{
    if (m->poll != NULL)
        avahi_simple_poll_free(m->poll);
    if (m->stop_fd >= 0)
        close(m->stop_fd);
    free(m);
}

struct mdns *mdns_start(const struct settings *settings, struct stats *stats,
                        const struct reach *reach)
{
    if (strcmp(settings->mdns, "off") == 0 || addresses_is_loopback(settings->bind))
        return NULL;
    struct mdns *m = xcalloc(1, sizeof *m);
    m->settings = settings;
    m->stats = stats;
    m->reach = reach;
    m->number = 1;
    m->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    m->poll = avahi_simple_poll_new();
    if (m->stop_fd >= 0 && m->poll != NULL && thread_start(&m->thread, "mdns", 0, run, m) == 0)
        return m;
    mdns_free(m);
    return NULL;
}

void mdns_stop(struct mdns *m)
{
    if (m == NULL)
        return;
    const uint64_t one = 1;
    BUG_ON(write(m->stop_fd, &one, sizeof one) != sizeof one);
    thread_join(m->thread);
    mdns_free(m);
}

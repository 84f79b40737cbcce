/* The way from another device to this server: address, port, firewall, name. */
#include "confab/app/health_check.h"
#include "confab/app/tls.h"
#include "confab/base/addresses.h"
#include "doctor.h"
#include "doctor_proc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <limits.h>
#include <netdb.h>
#include <net/if.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PORT_MOST = 65535,
    ANSWER_BYTES = 4096,
    SCRIPT_OPEN = 0, /* exit status of firewall-control.sh status */
    SCRIPT_CLOSED = 3,
};

static bool is_any(const char *bind)
{
    return strcmp(bind, "0.0.0.0") == 0 || strcmp(bind, "::") == 0;
}

/* 0, or a negative errno when nobody could listen there. */
static int try_to_bind(const char *address, int port)
{
    char number[16];
    const int on = 1;
    struct addrinfo *ai,
        hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
    snprintf(number, sizeof number, "%d", port);
    if (getaddrinfo(address, number, &hints, &ai) != 0)
        return -EINVAL;
    const int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = fd < 0 ? -errno : 0;
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || listen(fd, 1) != 0)
            error = -errno;
        close(fd);
    }
    freeaddrinfo(ai);
    return error;
}

/* False: the rest of the network is not worth a look. */
static bool tell_bind(struct doctor *d, size_t count)
{
    const char *bind = d->settings->bind;
    if (addresses_is_loopback(bind))
        doctor_tell(d, DOCTOR_WARNING, "bind", "confab --bind 0.0.0.0",
                    "BIND=%s lets only this machine in, no phone", bind);
    else if (!is_any(bind) && try_to_bind(bind, 0) == -EADDRNOTAVAIL)
        doctor_tell(d, DOCTOR_FAILURE, "bind", "confab --bind 0.0.0.0",
                    "this machine has no address BIND=%s", bind);
    else if (count == 0)
        doctor_tell(d, DOCTOR_FAILURE, "bind", "nmtui",
                    "this machine is in no network: connect it to the Wi-Fi or by cable");
    else
        doctor_tell(d, DOCTOR_OK, "bind", NULL, "%s lets other devices in", bind);
    return !addresses_is_loopback(bind) && count > 0;
}

static bool is_confab(int status, const char *body)
{
    return (status == 200 || status == 503) && strstr(body, "\"instance\":\"") != NULL;
}

static int free_port(const char *bind, int port)
{
    while (++port <= PORT_MOST && try_to_bind(bind, port) != 0)
        ;
    return port;
}

static void tell_taken(struct doctor *d, int port)
{
    char command[DOCTOR_COMMAND_BYTES];
    struct proc_listener who;
    doctor_command(command, "confab --server-port %d", free_port(d->settings->bind, port));
    if (proc_listener(port, NULL, &who))
        doctor_tell(d, DOCTOR_FAILURE, "port", command, "port %d is taken by %s (process %d)", port,
                    who.name, (int)who.pid);
    else
        doctor_tell(d, DOCTOR_FAILURE, "port", command,
                    "port %d is taken by a program of another user: sudo confab doctor names it",
                    port);
}

static void tell_port(struct doctor *d)
{
    const struct settings *s = d->settings;
    const int port = (int)s->server_port;
    char body[ANSWER_BYTES], command[DOCTOR_COMMAND_BYTES];
    const int status = health_ask(health_host(s->bind), port, body, sizeof body);
    struct proc_listener own;
    d->serves = is_confab(status, body);
    if (d->serves && proc_listener(port, "confab", &own))
        d->process = own.pid;
    const int error = d->serves ? 0 : try_to_bind(s->bind, port);
    if (d->serves && status == 200)
        doctor_tell(d, DOCTOR_OK, "port", NULL, "confab answers on port %d", port);
    else if (d->serves)
        doctor_tell(d, DOCTOR_FAILURE, "port", "confab --check-health",
                    "confab answers on port %d, but is not well", port);
    else if (error == -EADDRINUSE)
        tell_taken(d, port);
    else if (error == -EACCES)
        doctor_tell(d, DOCTOR_FAILURE, "port", "confab --server-port 8080",
                    "this user may not use port %d", port);
    else
        doctor_tell(d, DOCTOR_WARNING, "port",
                    doctor_command(command, "confab --server-port %d", port),
                    "confab does not run: port %d is free", port);
}

static void tell_lan(struct doctor *d, const struct lan_address *lan, size_t count)
{
    char body[ANSWER_BYTES], command[DOCTOR_COMMAND_BYTES];
    const struct reach reach = { .scheme = tls_scheme(d->settings),
                                 .port = (int)d->settings->server_port };
    for (size_t i = 0; i < count; i++) {
        struct str url = STR_INIT;
        reach_add_url(&url, &reach, lan[i].text);
        const int status = health_ask(lan[i].text, reach.port, body, sizeof body);
        if (is_confab(status, body))
            doctor_tell(d, DOCTOR_OK, "lan", NULL, "%s answers", url.data);
        else
            doctor_tell(d, DOCTOR_FAILURE, "lan",
                        doctor_command(command, "confab --bind %s --server-port %d",
                                       lan[i].ipv6 ? "::" : "0.0.0.0", reach.port),
                        "%s does not answer%s%s", url.data, status < 0 ? ": " : "",
                        status < 0 ? strerror(-status) : "");
        str_fini(&url);
    }
}

/* ---- the firewall ---- */

/* firewall-control.sh as it was installed with this program, or lies in its sources. */
static bool find_script(char out[PATH_MAX])
{
    static const char *const places[] = { "../sbin/confab-firewall", "firewall-control.sh",
                                          "../../firewall-control.sh" };
    char program[PATH_MAX], path[PATH_MAX + 64];
    const ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash;
    if (size <= 0)
        return false;
    program[size] = '\0';
    slash = strrchr(program, '/');
    for (size_t i = 0; slash != NULL && i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, sizeof path, "%.*s/%s", (int)(slash - program), program, places[i]);
        if (access(path, X_OK) == 0 && realpath(path, out) != NULL)
            return true;
    }
    return false;
}

/* Runs `SCRIPT status --port PORT`. Its exit status, or -1; its first line in out. */
static int ask_script(const char *script, const char *port, char *out, size_t out_size)
{
    const char *argv[] = { script, "status", "--port", port, NULL };
    posix_spawn_file_actions_t actions;
    int ends[2], status = -1;
    pid_t child;
    *out = '\0';
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    const int error = posix_spawn(&child, script, &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    size_t had = 0;
    ssize_t got;
    while (error == 0 && had < out_size - 1 &&
           (got = read(ends[0], out + had, out_size - 1 - had)) > 0)
        had += (size_t)got;
    close(ends[0]);
    if (error != 0 || waitpid(child, &status, 0) != child)
        return -1;
    out[had] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void tell_firewall(struct doctor *d)
{
    char script[PATH_MAX], port[16], line[256], command[DOCTOR_COMMAND_BYTES];
    if (!find_script(script)) {
        doctor_tell(d, DOCTOR_WARNING, "firewall", "sudo nft list ruleset",
                    "firewall-control.sh is not beside this program, so nobody looked");
        return;
    }
    if (geteuid() != 0) {
        doctor_tell(d, DOCTOR_WARNING, "firewall", "sudo confab doctor",
                    "only root can see whether it lets port %" PRId64 " through",
                    d->settings->server_port);
        return;
    }
    snprintf(port, sizeof port, "%" PRId64, d->settings->server_port);
    const int status = ask_script(script, port, line, sizeof line);
    if (status == SCRIPT_OPEN)
        doctor_tell(d, DOCTOR_OK, "firewall", NULL, "%s", line);
    else if (status == SCRIPT_CLOSED)
        doctor_tell(d, DOCTOR_FAILURE, "firewall",
                    doctor_command(command, "sudo %s open --port %s", script, port), "%s", line);
    else
        doctor_tell(d, DOCTOR_WARNING, "firewall",
                    doctor_command(command, "sudo %s status --port %s", script, port),
                    "its state is unknown: %s", line);
}

/* ---- names ---- */

/* Names that the operator has given this server, which have to lead somewhere. */
static void tell_names(struct doctor *d)
{
    char name[256], command[DOCTOR_COMMAND_BYTES];
    struct lan_address lan[ADDRESSES_MAX];
    const size_t count = addresses_of("0.0.0.0", lan);
    for (const char *s = d->settings->allowed_hosts; *s != '\0';) {
        s += strspn(s, ", ");
        const size_t size = strcspn(s, ", "), host = strcspn(s, ":, ");
        struct addrinfo *found;
        snprintf(name, sizeof name, "%.*s", (int)host, s);
        s += size;
        if (name[0] == '\0' || name[0] == '*')
            continue;
        const int error = getaddrinfo(name, NULL, NULL, &found);
        if (error == 0) {
            freeaddrinfo(found);
            doctor_tell(d, DOCTOR_OK, "name", NULL, "%s leads to an address", name);
            continue;
        }
        doctor_tell(d, DOCTOR_FAILURE, "name",
                    doctor_command(command, "echo \"%s %s\" | sudo tee -a /etc/hosts",
                                   count > 0 ? lan[0].text : "127.0.0.1", name),
                    "the name %s of ALLOWED_HOSTS leads nowhere: %s", name, gai_strerror(error));
    }
}

/* Does the firewall drop the questions for the name? */
static bool mdns_is_refused(const struct doctor *d, char command[DOCTOR_COMMAND_BYTES])
{
    char script[PATH_MAX], line[256];
    if (geteuid() != 0 || !find_script(script) ||
        ask_script(script, "5353/udp", line, sizeof line) != SCRIPT_CLOSED)
        return false;
    doctor_command(command, "sudo %s open --port %" PRId64 " --mdns", script,
                   d->settings->server_port);
    return true;
}

static void tell_mdns(struct doctor *d)
{
    char command[DOCTOR_COMMAND_BYTES];
    static const char *const places[] = { "/run/avahi-daemon/socket",
                                          "/var/run/avahi-daemon/socket" };
    const struct settings *s = d->settings;
    bool runs = false;
    for (size_t i = 0; i < sizeof places / sizeof places[0] && !runs; i++)
        runs = access(places[i], F_OK) == 0;
    if (strcmp(s->mdns, "off") == 0)
        doctor_tell(d, DOCTOR_OK, "mdns", NULL, "switched off (MDNS=off)");
    else if (runs && mdns_is_refused(d, command))
        doctor_tell(d, DOCTOR_WARNING, "mdns", command,
                    "the firewall drops the questions of other devices for %s.local", s->mdns_name);
    else if (runs)
        doctor_tell(d, DOCTOR_OK, "mdns", NULL, "Avahi runs: the name %s.local can be announced",
                    s->mdns_name);
    else
        doctor_tell(d, DOCTOR_WARNING, "mdns", "sudo apt-get install avahi-daemon",
                    "Avahi does not run, so %s.local leads nowhere", s->mdns_name);
}

/* ---- other devices ---- */

/* Whether an access point keeps its clients apart shows only when two of them talk. What can be
 * said from here is whom this machine has met. */
static void tell_isolation(struct doctor *d, const struct lan_address *lan)
{
    char name[IF_NAMESIZE] = "", path[64], command[DOCTOR_COMMAND_BYTES], router[64] = "";
    struct proc_neighbours n;
    if (lan->interface == 0 || if_indextoname(lan->interface, name) == NULL)
        return;
    snprintf(path, sizeof path, "/sys/class/net/%s/wireless", name);
    const bool wireless = access(path, F_OK) == 0;
    proc_neighbours(name, &n);
    if (n.router[0] != '\0')
        snprintf(router, sizeof router, "the router %s %s, ", n.router,
                 n.router_answers ? "answers" : "has not answered lately");
    if (wireless && n.others == 0)
        doctor_tell(d, DOCTOR_WARNING, "isolation",
                    doctor_command(command, "ip neighbour show dev %s", name),
                    "on the Wi-Fi %s %sno other device has spoken to this machine. If phones in it "
                    "do not reach it, its access point keeps them apart: leave the guest network, "
                    "or switch AP isolation off",
                    name, router);
    else
        doctor_tell(d, DOCTOR_OK, "isolation", NULL, "%s is %s: %s%u other device%s met", name,
                    wireless ? "wireless" : "wired", router, n.others,
                    n.others == 1 ? " was" : "s were");
}

void doctor_network(struct doctor *d)
{
    struct lan_address lan[ADDRESSES_MAX];
    const size_t count = addresses_of(d->settings->bind, lan);
    const bool is_open = tell_bind(d, count);
    tell_port(d);
    if (is_open && d->serves)
        tell_lan(d, lan, count);
    if (is_open)
        tell_firewall(d);
    tell_names(d);
    if (is_open) {
        tell_mdns(d);
        tell_isolation(d, lan);
    }
}

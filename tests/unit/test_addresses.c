#include "support/test.h"

#include "base/addresses_choice.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEVICES_MOST = 16, UP = IFF_UP };

struct device {
    const char *name, *address;
    unsigned flags;
};

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static void fill_in(union socket_address *out, const char *address)
{
    memset(out, 0, sizeof *out);
    out->any.sa_family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
    void *place =
        out->any.sa_family == AF_INET6 ? (void *)&out->v6.sin6_addr : (void *)&out->v4.sin_addr;
    assert_int_equal(inet_pton(out->any.sa_family, address, place), 1);
}

static void write_table(char path[32], const char *text)
{
    text_copy(path, 32, "/tmp/confab-routes-XXXXXX");
    const int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

/* The addresses that are chosen, with spaces between them. */
static const char *chosen(const struct device *devices, bool ipv6, const char *routes4,
                          const char *routes6)
{
    static char text[512];
    struct ifaddrs all[DEVICES_MOST];
    union socket_address addresses[DEVICES_MOST];
    struct lan_address lan[ADDRESSES_MAX];
    char table4[32], table6[32];
    size_t count = 0;
    for (; devices[count].name != NULL; count++) {
        all[count] = (struct ifaddrs){ .ifa_next = &all[count + 1],
                                       .ifa_name = (char *)(uintptr_t)devices[count].name,
                                       .ifa_flags = devices[count].flags };
        if (devices[count].address == NULL) /* a device that speaks no IP */
            continue;
        fill_in(&addresses[count], devices[count].address);
        all[count].ifa_addr = &addresses[count].any;
    }
    all[count - 1].ifa_next = NULL;
    write_table(table4, routes4);
    write_table(table6, routes6);
    const struct route_tables tables = { table4, table6 };
    const size_t found = addresses_choose(all, ipv6, &tables, lan);
    text[0] = '\0';
    for (size_t i = 0; i < found; i++) {
        const size_t size = strlen(text);
        snprintf(text + size, sizeof text - size, i > 0 ? " %s" : "%s", lan[i].text);
        assert_int_equal(lan[i].ipv6, strchr(lan[i].text, ':') != NULL);
    }
    unlink(table4);
    unlink(table6);
    return text;
}

#define HEAD4 "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
#define DEFAULT4(name, metric)                                                                     \
    name "\t00000000\t0101A8C0\t0003\t0\t0\t" metric "\t00000000\t0\t0\t0\n"
#define NONE "00000000000000000000000000000000"
#define DEFAULT6(name, metric, flags)                                                              \
    NONE " 00 " NONE " 00 fe800000000000000000000000000001 " metric " 00000001 00000000 " flags    \
         " " name "\n"

static void none_of_containers_and_tunnels(void **state)
{
    (void)state;
    static const struct device devices[] = {
        { "lo", "127.0.0.1", UP | IFF_LOOPBACK },
        { "docker0", "172.17.0.1", UP },
        { "br-1a2b3c", "172.18.0.1", UP },
        { "veth12ab", "169.254.1.1", UP },
        { "virbr0", "192.168.122.1", UP },
        { "tun0", "10.8.0.2", UP },
        { "wg0", "10.9.0.2", UP },
        { "tailscale0", "100.64.0.2", UP },
        { "eth0", "192.168.1.5", UP },
        { "eth1", "10.0.0.5", 0 },
        { "can0", NULL, UP },
        { NULL, NULL, 0 },
    };
    assert_string_equal(chosen(devices, false, HEAD4, ""), "192.168.1.5");
    assert_string_equal(chosen(devices, true, HEAD4 DEFAULT4("tun0", "50"), ""), "192.168.1.5");
}

static void the_default_route_comes_first(void **state)
{
    (void)state;
    static const struct device devices[] = {
        { "eth0", "10.0.0.5", UP },
        { "wlan0", "192.168.1.5", UP },
        { "usb0", "192.168.42.3", UP },
        { NULL, NULL, 0 },
    };
    assert_string_equal(chosen(devices, false, HEAD4, ""), "10.0.0.5 192.168.1.5 192.168.42.3");
    assert_string_equal(chosen(devices, false, HEAD4 DEFAULT4("wlan0", "600"), ""),
                        "192.168.1.5 10.0.0.5 192.168.42.3");
    assert_string_equal(
        chosen(devices, false,
               HEAD4 DEFAULT4("wlan0", "600") DEFAULT4("usb0", "100") DEFAULT4("tun0", "1"), ""),
        "192.168.42.3 10.0.0.5 192.168.1.5");
    /* a route to one network is no default */
    assert_string_equal(chosen(devices, false,
                               HEAD4 "usb0\t002AA8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n",
                               ""),
                        "10.0.0.5 192.168.1.5 192.168.42.3");
}

static void ipv6_stands_behind_ipv4(void **state)
{
    (void)state;
    static const struct device devices[] = {
        { "eth0", "fe80::1", UP },  { "eth0", "2001:db8::5", UP },  { "eth0", "10.0.0.5", UP },
        { "wlan0", "fd00::5", UP }, { "wlan0", "192.168.1.5", UP }, { NULL, NULL, 0 },
    };
    const char *both = HEAD4 DEFAULT4("wlan0", "0");
    assert_string_equal(chosen(devices, false, both, ""), "192.168.1.5 10.0.0.5");
    assert_string_equal(chosen(devices, true, both, DEFAULT6("wlan0", "00000064", "00000003")),
                        "192.168.1.5 fd00::5 10.0.0.5 2001:db8::5");
    /* each version has a default route of its own; one that rejects is none */
    assert_string_equal(chosen(devices, true, both,
                               DEFAULT6("wlan0", "00000001", "00000203")
                                   DEFAULT6("eth0", "00000400", "00000003")),
                        "192.168.1.5 2001:db8::5 10.0.0.5 fd00::5");
}

static void so_many_and_no_more(void **state)
{
    (void)state;
    static const struct device devices[] = {
        { "eth0", "10.0.0.1", UP }, { "eth0", "10.0.0.2", UP }, { "eth0", "10.0.0.3", UP },
        { "eth0", "10.0.0.4", UP }, { "eth0", "10.0.0.5", UP }, { "eth0", "10.0.0.6", UP },
        { "eth0", "10.0.0.7", UP }, { "eth0", "10.0.0.8", UP }, { "eth0", "10.0.0.9", UP },
        { NULL, NULL, 0 },
    };
    const char *text = chosen(devices, false, "", "no table\n");
    assert_string_equal(text + strlen(text) - 9, " 10.0.0.8");
}

static void who_listens_on_one_address_has_that_one(void **state)
{
    (void)state;
    struct lan_address lan[ADDRESSES_MAX];
    assert_int_equal(addresses_of("192.0.2.77", lan), 1);
    assert_string_equal(lan[0].text, "192.0.2.77");
    assert_int_equal(lan[0].interface, 0);
    assert_int_equal(addresses_of("2001:db8::77", lan), 1);
    assert_true(lan[0].ipv6);
    assert_int_equal(addresses_of("127.0.0.1", lan), 0);
    assert_int_equal(addresses_of("127.7.7.7", lan), 0);
    assert_int_equal(addresses_of("::1", lan), 0);
}

static const char *url(const char *scheme, int port, const char *host)
{
    static char text[128];
    struct str out = STR_INIT;
    reach_add_url(&out, &(struct reach){ .scheme = scheme, .port = port }, host);
    text_copy(text, sizeof text, out.data);
    str_fini(&out);
    return text;
}

static void urls_are_as_people_write_them(void **state)
{
    (void)state;
    assert_string_equal(url("http", 8080, "192.168.1.5"), "http://192.168.1.5:8080/");
    assert_string_equal(url("http", 80, "192.168.1.5"), "http://192.168.1.5/");
    assert_string_equal(url("http", 443, "confab.local"), "http://confab.local:443/");
    assert_string_equal(url("https", 443, "fd00::5"), "https://[fd00::5]/");
    struct str name = STR_INIT;
    reach_add_name(&name, "chat", 1);
    reach_add_name(&name, "chat", 12);
    assert_string_equal(name.data, "chat.localchat-12.local");
    str_fini(&name);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_of_containers_and_tunnels),
        cmocka_unit_test(the_default_route_comes_first),
        cmocka_unit_test(ipv6_stands_behind_ipv4),
        cmocka_unit_test(so_many_and_no_more),
        cmocka_unit_test(who_listens_on_one_address_has_that_one),
        cmocka_unit_test(urls_are_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

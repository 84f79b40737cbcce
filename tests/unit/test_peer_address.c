#include "support/test.h"

#include "net/peer_address.h"

#include <stdio.h>
#include <string.h>

static const char *counted(const char *proxies, const char *peer, const char *forwarded)
{
    static char out[PEER_ADDRESS_BYTES];
    struct proxy_rules rules;
    unsigned char address[16];
    proxy_rules_init(&rules, proxies);
    assert_true(address_parse(peer, strlen(peer), address));
    peer_address(&rules, address, forwarded, out);
    return out;
}

static void without_proxies_it_is_who_connected(void **state)
{
    (void)state;
    assert_string_equal(counted("", "192.0.2.7", ""), "192.0.2.7");
    assert_string_equal(counted("", "192.0.2.7", "198.51.100.1"), "192.0.2.7");
    assert_string_equal(counted("10.0.0.1", "192.0.2.7", "198.51.100.1"), "192.0.2.7");
    assert_string_equal(counted("", "::ffff:192.0.2.7", ""), "192.0.2.7");
}

static void an_ipv6_address_counts_with_its_64(void **state)
{
    (void)state;
    assert_string_equal(counted("", "2001:db8:1:2:3:4:5:6", ""), "2001:db8:1:2::/64");
    assert_string_equal(counted("", "2001:db8:1:2::1", ""), "2001:db8:1:2::/64");
    assert_string_equal(counted("::1", "::1", "2001:db8:1:3::1"), "2001:db8:1:3::/64");
}

static void behind_a_proxy_the_last_stranger_counts(void **state)
{
    (void)state;
    static const char proxies[] = "10.0.0.1, 10.0.0.2,::1";
    assert_string_equal(counted(proxies, "10.0.0.1", "192.0.2.7"), "192.0.2.7");
    assert_string_equal(counted(proxies, "10.0.0.1", "192.0.2.7, 10.0.0.2"), "192.0.2.7");
    /* what the client wrote itself */
    assert_string_equal(counted(proxies, "10.0.0.1", "203.0.113.5, 192.0.2.7"), "192.0.2.7");
    assert_string_equal(counted(proxies, "10.0.0.1", "10.0.0.2,192.0.2.7"), "192.0.2.7");
    assert_string_equal(counted(proxies, "::1", "192.0.2.7"), "192.0.2.7");
    assert_string_equal(counted(proxies, "10.0.0.1", "10.0.0.2"), "10.0.0.2");
}

static void entries_may_have_ports_and_spaces(void **state)
{
    (void)state;
    assert_string_equal(counted("10.0.0.1", "10.0.0.1", " 192.0.2.7:4711 "), "192.0.2.7");
    assert_string_equal(counted("10.0.0.1", "10.0.0.1", "x,\t[2001:db8::1]:80"), "2001:db8::/64");
    assert_string_equal(counted("10.0.0.1", "10.0.0.1", "[2001:db8::1]"), "2001:db8::/64");
}

static void who_is_not_named_is_the_proxy(void **state)
{
    (void)state;
    static const char *const forwarded[] = { "",  "unknown", "192.0.2.7, _hidden", "192.0.2.7,",
                                             ",", "192.0.2", "192.0.2.7.8",        "[2001:db8::1",
                                             "[]" };
    for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
        assert_string_equal(counted("10.0.0.1", "10.0.0.1", forwarded[i]), "10.0.0.1");
}

static void networks_have_their_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *network, *address;
        bool has;
    } rows[] = {
        { "10.0.0.0/8", "10.255.0.1", true },
        { "10.0.0.0/8", "11.0.0.1", false },
        { "10.1.2.3/32", "10.1.2.3", true },
        { "10.1.2.3/31", "10.1.2.2", true },
        { "10.1.2.3/31", "10.1.2.4", false },
        { "0.0.0.0/0", "192.0.2.1", true },
        { "0.0.0.0/0", "2001:db8::1", false },
        { "2001:db8::/33", "2001:db8:7fff::1", true },
        { "2001:db8::/33", "2001:db8:8000::1", false },
        { "::/0", "2001:db8::1", true },
        { "192.0.2.1", "192.0.2.1", true },
        { "192.0.2.1", "192.0.2.2", false },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct network n;
        unsigned char address[16];
        assert_true(network_parse(rows[i].network, strlen(rows[i].network), &n));
        assert_true(address_parse(rows[i].address, strlen(rows[i].address), address));
        assert_int_equal(network_has(&n, address), rows[i].has);
    }
}

static void other_texts_are_no_network(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       "10.0.0.0/",
                                       "10.0.0.0/33",
                                       "::/129",
                                       "10.0.0.0/a",
                                       "10.0.0.0/8/8",
                                       "/8",
                                       "10.0.0",
                                       "localhost",
                                       "10.0.0.0/+8",
                                       "10.0.0.0/1000",
                                       "1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16:17:18:19:20:21" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct network n;
        assert_false(network_parse(bad[i], strlen(bad[i]), &n));
    }
}

static void only_so_many_proxies_are_kept(void **state)
{
    (void)state;
    char proxies[1024] = "";
    struct proxy_rules rules;
    for (int i = 0; i < PROXIES_MOST + 3; i++)
        snprintf(proxies + strlen(proxies), sizeof(proxies) - strlen(proxies), "10.0.0.%d,", i);
    proxy_rules_init(&rules, proxies);
    assert_int_equal(rules.count, PROXIES_MOST);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_proxies_it_is_who_connected),
        cmocka_unit_test(an_ipv6_address_counts_with_its_64),
        cmocka_unit_test(behind_a_proxy_the_last_stranger_counts),
        cmocka_unit_test(entries_may_have_ports_and_spaces),
        cmocka_unit_test(who_is_not_named_is_the_proxy),
        cmocka_unit_test(networks_have_their_addresses),
        cmocka_unit_test(other_texts_are_no_network),
        cmocka_unit_test(only_so_many_proxies_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

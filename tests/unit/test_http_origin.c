#include "support/test.h"

#include "net/origin.h"

#include <stdio.h>

static const struct origin_rules rules = { .allowed_hosts = "chat.example.org, b.example.org",
                                           .allowed_origins = "https://page.example.org/",
                                           .mdns_name = "chat",
                                           .hostname = "workshop" };
static const struct origin_rules open_rules = { .allowed_hosts = "*",
                                                .allowed_origins = "*",
                                                .mdns_name = "chat" };

static void own_names_and_addresses_are_allowed(void **state)
{
    (void)state;
    static const char *const hosts[] = {
        "localhost",     "LOCALHOST:8080", "127.0.0.1",         "192.168.1.7:8080",
        "[::1]",         "[fe80::1]:8080", "workshop",          "Workshop.local",
        "workshop:1",    "localhost.",     "chat.example.org",  "chat.example.org:443",
        "B.example.org", "chat.local",     "Chat-2.local:8080", "chat-17.local.",
    };
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        assert_true(origin_host_allowed(&rules, hosts[i]));
}

static void foreign_and_broken_hosts_are_not(void **state)
{
    (void)state;
    static const char *const hosts[] = {
        "",
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost:x",
        "localhost:80:80",
        "[::1",
        "[x]",
        "chat.example.org.evil",
        "127.0.0.1/",
        ":80",
        "[127.0.0.1]",
        "localhost:123456",
        "example.org",
        "chat.example.or",
        "chat",
        "chat-2",
        "chat-2x.local",
        "chats.local",
        "chat.local.evil",
    };
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        assert_false(origin_host_allowed(&rules, hosts[i]));
}

static void a_star_allows_any(void **state)
{
    (void)state;
    assert_true(origin_host_allowed(&open_rules, "any.example"));
    assert_true(origin_allowed(&open_rules, "https://any.example", "localhost"));
    assert_true(origin_allowed(&open_rules, "null", "localhost"));
}

static void same_origin_is_allowed(void **state)
{
    (void)state;
    assert_true(origin_allowed(&rules, NULL, "localhost:8080"));
    assert_true(origin_allowed(&rules, "http://localhost:8080", "localhost:8080"));
    assert_true(origin_allowed(&rules, "https://localhost:8080", "localhost:8080"));
    assert_true(origin_allowed(&rules, "http://LOCALHOST", "localhost"));
    assert_true(origin_allowed(&rules, "http://localhost", "localhost:80"));
    assert_true(origin_allowed(&rules, "https://localhost:443", "localhost"));
    assert_true(origin_allowed(&rules, "http://[::1]:8080", "[::1]:8080"));
}

static void another_origin_is_not(void **state)
{
    (void)state;
    static const char *const origins[] = {
        "null",
        "",
        "http://localhost:8081",
        "http://localhost",
        "https://localhost",
        "http://evil.example:8080",
        "file://",
        "localhost:8080",
        "http://localhost:8080/path",
        "http://localhost:8080.evil.example",
        "ftp://localhost:8080",
        "https://page.example.org.evil",
    };
    for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++)
        assert_false(origin_allowed(&rules, origins[i], "localhost:8080"));
}

static void allowed_origins_are_allowed(void **state)
{
    (void)state;
    assert_true(origin_allowed(&rules, "https://page.example.org", "localhost:8080"));
    assert_true(origin_allowed(&rules, "HTTPS://page.example.org", "localhost:8080"));
    assert_false(origin_allowed(&rules, "http://page.example.org", "localhost:8080"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_names_and_addresses_are_allowed),
        cmocka_unit_test(foreign_and_broken_hosts_are_not),
        cmocka_unit_test(a_star_allows_any),
        cmocka_unit_test(same_origin_is_allowed),
        cmocka_unit_test(another_origin_is_not),
        cmocka_unit_test(allowed_origins_are_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

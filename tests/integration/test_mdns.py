"""A name in the local network, with real Avahi on two machines."""

import pytest

from support.deadline import wait_for
from support.lan import ADDRESSES, Lan, needs, needs_namespaces

pytestmark = [
    needs_namespaces,
    needs("avahi-daemon", "avahi-resolve", "avahi-browse", "dbus-daemon"),
    pytest.mark.timeout(120),
]
HOST, PHONE = ADDRESSES


@pytest.fixture
def lan():
    lan = Lan()
    try:
        yield lan
    finally:
        lan.close()


@pytest.fixture
def quick(lan):
    """Both machines have Avahi."""
    for host in lan.hosts:
        host.start_bus()
        host.start_avahi()
    return lan


def lines(server, count):
    return [server.process.stdout.readline().strip() for _ in range(count)]


def test_the_page_by_address_and_by_name(quick, redis):
    with quick.host.serve(redis) as server:
        assert lines(server, 3)[2].split()[-1] == f"http://{HOST}:8080/"
        assert lines(server, 1)[0].split()[-1] == "http://confab.local:8080/"
        phone = quick.phone
        assert phone.resolve("confab.local") == HOST
        for place in (HOST, "confab.local"):
            assert phone.fetch(f"http://{place}:8080/").startswith("200 <!doctype html>")
        addresses = phone.fetch("http://confab.local:8080/api/v1/addresses")
        assert f'{{"urls":["http://{HOST}:8080/"],"mdns":"http://confab.local:8080/"}}' in addresses
        browsed = phone.ok("avahi-browse", "-prt", "_http._tcp")
        assert f"confab.local;{HOST};8080" in browsed
    wait_for(lambda: phone.resolve("confab.local") == "", "the name goes with the server", 20)


def test_who_comes_second_gets_another_name(quick, redis):
    with quick.host.serve(redis) as first, quick.phone.serve(redis) as second:
        names = {s.wait_log(event="mdns", timeout=20)["name"] for s in (first, second)}
        wait_for(
            lambda: {quick.phone.resolve(n) for n in ("confab.local", "confab-2.local")}
            == set(ADDRESSES),
            "each has a name",
            20,
        )
        assert names <= {"confab.local", "confab-2.local"}
        assert "200 " in quick.phone.fetch("http://confab-2.local:8080/")


def test_two_on_one_machine(quick, redis):
    with quick.host.serve(redis, MDNS_NAME="Chat") as first:
        assert first.wait_log(event="mdns")["name"] == "Chat.local"
        with quick.host.serve(redis, MDNS_NAME="Chat", SERVER_PORT="8081") as second:
            assert second.wait_log(event="mdns")["name"] == "Chat-2.local"
            assert "200 " in quick.phone.fetch("http://chat-2.local:8081/")


def test_avahi_comes_goes_and_comes_back(lan, redis):
    lan.phone.start_bus()
    lan.phone.start_avahi()
    with lan.host.serve(redis) as server:
        assert "200 " in lan.phone.fetch(f"http://{HOST}:8080/"), "without D-Bus it serves"
        lan.host.start_bus()
        lan.host.start_avahi()
        server.wait_log(event="mdns", name="confab.local", timeout=20)
        lan.host.stop_avahi()
        wait_for(lambda: '"mdns":null' in addresses(lan), "the name is gone")
        lan.host.start_avahi()
        wait_for(lambda: '"mdns":"http://confab.local' in addresses(lan), "it is back", 20)
        assert lan.phone.resolve("confab.local") == HOST


def addresses(lan):
    return lan.phone.fetch(f"http://{HOST}:8080/api/v1/addresses")


def test_another_address_is_announced(quick, redis):
    with quick.host.serve(redis) as server:
        server.wait_log(event="mdns")
        quick.host.ok("ip", "addr", "del", f"{HOST}/24", "dev", "lan0")
        quick.host.plug("lan0", "10.112.0.7")
        wait_for(lambda: quick.phone.resolve("confab.local") == "10.112.0.7", "the new address", 30)
        assert "http://10.112.0.7:8080/" in quick.phone.fetch("http://confab.local:8080/api/v1/addresses")


def test_switched_off(quick, redis):
    with quick.host.serve(redis, MDNS="off") as server:
        server.wait_log(event="listening")
        assert "mdns" not in quick.host.ok("ps", "-L", "-o", "comm", "-p", str(server.process.pid))
        assert '"mdns":null' in addresses(quick)

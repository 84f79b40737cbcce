"""Two machines of a local network, one of them behind a firewall that drops what nobody has let in:
the page by address and by name, through the port that firewall-control.sh opens and closes."""

import os
import socket

import pytest

from support.client import Client
from support.deadline import seconds
from support.firewall import HOST, Machine, use_nft
from support.lan import needs, needs_namespaces
from support.redis import Redis

pytestmark = [
    needs_namespaces,
    needs("avahi-daemon", "chromium", "curl", "dbus-daemon", "nft"),
    pytest.mark.timeout(180),
]
NAME = "confab.local"
LABEL = 'aria-label="Attach files"'


@pytest.fixture
def machine():
    m = Machine()
    try:
        m.host.start_bus()
        m.host.start_avahi()
        yield m
    finally:
        m.close()


def page(machine, place, limit=10):
    """What curl gets on the phone, "" when it is blocked."""
    fetch = ["curl", "--silent", "--show-error", "--fail", "--noproxy", "*"]
    limits = ["--max-time", str(seconds(limit))]
    done = machine.phone.run(*fetch, *limits, f"http://{place}:8080/")
    assert done.returncode in (0, 28), done.stderr
    return done.stdout


def seen(machine, place):
    """What Chromium on the phone makes of the page."""
    folder = os.path.join(machine.folder, "chromium")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}"]
    options += ["--window-size=412,915", "--virtual-time-budget=10000", "--dump-dom"]
    return machine.phone.ok("chromium", *options, f"http://{place}:8080/", env={"HOME": folder})


def chat(machine, server, user, room):
    """Somebody on the phone writes and reads."""
    with machine.phone.inside():
        connection = socket.create_connection((HOST, 8080), seconds(10))
    client = Client(server, user, room, host=NAME, sock=connection)
    client.expect("welcome")
    client.send("message", room=room, content="from a phone", cid="1")
    assert client.expect("message")["content"] == "from a phone"
    client.close()


def test_the_page_through_the_opened_port(machine, new, room):
    use_nft(machine)
    with Redis() as redis, machine.host.serve(redis) as server:
        server.wait_log(event="mdns", timeout=20)
        assert page(machine, HOST, 0.3) == "" and machine.asks(NAME, 0.3) is None

        opened = machine.control("open")
        assert "open --mdns" in opened.stdout.splitlines()[-1], "the name was forgotten"
        assert "<title>" in page(machine, HOST) and machine.asks(NAME, 0.3) is None
        machine.done("open", "--mdns")
        assert machine.asks(NAME) == HOST
        machine.phone.start_bus()
        machine.phone.start_avahi()
        for place in (HOST, NAME):
            raw, dom = page(machine, place), seen(machine, place)
            assert LABEL not in raw and LABEL in dom, "the page's own script has run"
        chat(machine, server, new.phone, room)

        closed = machine.control("close")
        assert "close --mdns" in closed.stdout.splitlines()[-1]
        assert page(machine, HOST, 0.3) == "" and machine.asks(NAME) == HOST
        machine.done("close", "--mdns")
        assert machine.asks(NAME, 0.3) is None
        assert page(machine, NAME, 0.3) == page(machine, HOST, 0.3) == ""

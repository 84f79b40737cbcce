"""Who gets in: the opening handshake, refusals with an HTTP status, caps."""

import itertools
import socket
import time

import pytest

from support.client import Client
from support.deadline import seconds, wait_for
from support.raw import Closed


def test_handshake(server, raw):
    ws = raw(server)
    ws.request(
        "/ws",
        Upgrade="websocket",
        Connection="keep-alive, Upgrade",
        Sec_WebSocket_Version="13",
        Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
        Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits",
    )
    status, headers, _ = ws.response()
    assert status == 101
    # RFC 6455 section 1.3
    assert headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert "sec-websocket-extensions" not in headers


OWN = ("127.0.0.1", "localhost")


def test_same_origin(server, raw):
    for name in OWN:
        origin = f"http://{name}:{server.port}"
        assert raw(server).upgrade(Host=f"{name}:{server.port}", Origin=origin) == 101
    assert raw(server).upgrade(Origin=f"https://127.0.0.1:{server.port}") == 101  # behind TLS


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example", "https://evil.example:8080", "null", "http://127.0.0.1:1",
        "http://127.0.0.1.evil.example", "file://", "http://evil.example/127.0.0.1", "127.0.0.1",
    ],
)  # fmt: skip
def test_cross_site_origin(server, raw, origin):
    assert raw(server).upgrade(Origin=origin) == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "x"])
def test_foreign_host(server, raw, host):
    """DNS rebinding: origin and host agree, and are still foreign."""
    assert raw(server).upgrade(Host=host) == 403
    assert raw(server).upgrade(Host=host, Origin=f"http://{host}") == 403


def test_foreign_host_gets_no_page_either(server, raw):
    page = raw(server)
    page.request("/", Host="evil.example")
    assert page.response()[0] == 403
    api = raw(server)
    api.request("/api/v1/messages/general", Host="evil.example")
    assert api.response()[0] == 403


def test_missing_host(server, raw):
    assert raw(server).upgrade(Host=None) in (400, 403)


def test_allowed_origins_and_hosts(start, redis, raw):
    server = start(
        redis,
        ALLOWED_ORIGINS="https://chat.example.org, http://other.example:81",
        ALLOWED_HOSTS="chat.example.org,second.example",
    )
    for origin in ("https://chat.example.org", "http://other.example:81"):
        assert raw(server).upgrade(Origin=origin) == 101
    for origin in ("http://chat.example.org", "http://other.example", "https://evil.example"):
        assert raw(server).upgrade(Origin=origin) == 403
    for host in ("chat.example.org", "CHAT.example.org:443", "second.example"):
        assert raw(server).upgrade(Host=host) == 101
    assert raw(server).upgrade(Host="third.example") == 403
    assert raw(server).upgrade(Host="chat.example.org", Origin="https://chat.example.org") == 101


def test_any_origin_and_host(start, redis, raw):
    server = start(redis, ALLOWED_ORIGINS="*", ALLOWED_HOSTS="*")
    assert raw(server).upgrade(Host="any.example", Origin="https://evil.example") == 101


@pytest.mark.parametrize("path", ["/", "/ws2", "/ws/", "/chat", "/api/v1/health", "/WS"])
def test_unknown_path(server, raw, path):
    assert raw(server).upgrade(path) == 404


@pytest.mark.parametrize(
    "upgrade", ["other", "h2c", "TLS/1.0", "websocketx", "web", "x, websocket"]
)
def test_upgrade_to_something_else(server, connect, new, room, raw, upgrade):
    ws = raw(server)
    try:
        assert ws.upgrade(Upgrade=upgrade) in (400, 403)
    finally:
        ws.close()
    connect(server, new.anna, room)


def test_ws_without_upgrade(server, raw):
    ws = raw(server)
    ws.request("/ws")
    status, _, _ = ws.response()
    assert status == 400


def test_wrong_websocket_version_or_key(server, raw):
    for wrong in ({"Sec_WebSocket_Version": "8"}, {"Sec_WebSocket_Key": None}):
        ws = raw(server)
        try:
            assert ws.upgrade(**wrong) in (400, 426)
        except Closed:
            pass
    assert raw(server).upgrade() == 101


def test_huge_headers(server, raw):
    for big in ({"Cookie": "x" * 60000}, {f"X_{n}": "y" * 500 for n in range(200)}):
        ws = raw(server)
        try:
            assert ws.upgrade(**big) in (400, 413, 431)
        except (Closed, BrokenPipeError, ConnectionResetError):
            pass
    assert raw(server).upgrade() == 101


def test_long_url(server, raw):
    ws = raw(server)
    try:
        assert ws.upgrade("/ws?username=" + "x" * 20000) in (400, 413, 414, 431)
    except (Closed, BrokenPipeError, ConnectionResetError):
        pass


@pytest.mark.parametrize(
    "rubbish",
    [b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"GET\r\n\r\n", b"\x00" * 1000,
     b"HELO mail\r\n", b"GET /ws HTTP/9.9\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ids=lambda b: repr(b[:12]),
)  # fmt: skip
def test_rubbish_instead_of_http(start, redis, server, connect, new, room, raw, rubbish):
    bystander = connect(server, new.anna, room)
    ws = raw(server)
    ws.send(rubbish)
    ws.socket.shutdown(1)  # nothing more will come
    ws.expect_end()
    bystander.say("all is well")


@pytest.mark.parametrize("sent", [b"", b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "])
def test_slow_handshake_is_cut(start, redis, raw, sent):
    server = start(redis, HANDSHAKE_TIMEOUT_S=1)
    slow = raw(server)
    slow.send(sent)
    assert 0.5 < slow.expect_end() < seconds(5)


def test_dripping_handshake_is_cut(start, redis, raw):
    """Each byte is life to a timer that starts again; the whole request has one second."""
    server = start(redis, HANDSHAKE_TIMEOUT_S=1)
    slow = raw(server)
    slow.send(b"GET /ws HTTP/1.1\r\n")
    slow.socket.settimeout(0.1)
    begin = time.monotonic()
    try:
        for byte in itertools.cycle(b"X-Slow: very\r\n"):
            slow.send(bytes([byte]))
            try:
                if not slow.socket.recv(1000):
                    break
            except socket.timeout:
                assert time.monotonic() - begin < seconds(5)
    except (BrokenPipeError, ConnectionResetError):
        pass


def test_max_clients(start, redis, connect, new, room, raw):
    server = start(redis, MAX_CLIENTS=3)
    clients = [connect(server, new.anna, room) for _ in range(3)]
    assert raw(server).upgrade() == 503
    assert server.health() == 200, "who looks after it still gets an answer"
    clients[0].say("not concerned")
    clients[1].close()
    wait_for(lambda: raw(server).upgrade() == 101, "a place is free again")


def test_max_clients_per_address(start, redis, connect, new, room, raw):
    server = start(redis, MAX_CLIENTS_PER_ADDRESS=2)
    first = connect(server, new.anna, room)
    second = connect(server, new.ben, room)
    assert raw(server).upgrade() == 429
    neighbour = connect(server, new.carl, room, local_addr=("127.0.0.2", 0))
    neighbour.say("not concerned")
    first.close()
    wait_for(lambda: raw(server).upgrade() == 101, "a place is free again")
    second.say("still here")


def test_clients_come_and_go(server, new, room):
    """Many connections, each cut at another moment of its life."""
    before = server.stats()["clients"]
    for n in range(30):
        client = Client(server, new.anna, room)
        if n % 3 == 1:
            client.expect("welcome")
        elif n % 3 == 2:
            client.expect("history")
        client.vanish()
    wait_for(lambda: server.stats()["clients"] == before, "all are gone")

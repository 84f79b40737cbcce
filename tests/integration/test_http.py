"""The page and the API on the same port."""

import base64
import gzip
import hashlib
import json
import re

import pytest

from support.deadline import seconds
from support.raw import Closed, Raw

ERROR_FIELDS = {"type", "code", "message", "temporary"}


# ---- the page


def test_page(plain):
    page = plain.request("GET", "/")
    assert page.status == 200
    assert page.getheader("Content-Type") == "text/html; charset=utf-8"
    assert b"<!doctype html>" in page.body[:200].lower()
    assert page.getheader("ETag") and page.getheader("Cache-Control")
    assert page.getheader("X-Content-Type-Options") == "nosniff"
    policy = page.getheader("Content-Security-Policy")
    assert "default-src 'none'" in policy or "default-src 'self'" in policy
    assert "unsafe-inline" not in policy and "unsafe-eval" not in policy


def test_scripts_of_the_page_are_named_by_their_hash(plain):
    page = plain.request("GET", "/")
    policy = page.getheader("Content-Security-Policy")
    contents = re.findall(rb"<(script|style)[^>]*>(.+?)</\1>", page.body, re.S)
    assert contents
    for _, content in contents:
        name = base64.b64encode(hashlib.sha256(content).digest()).decode()
        assert policy.count(f" 'sha256-{name}'") == 2, "as script and as style"
    assert policy.count("sha256-") == 2 * len(contents)
    other = plain.request("GET", "/js/app.js").getheader("Content-Security-Policy")
    assert "sha256" not in other


def assets(page):
    """What the page loads from its own server."""
    found = re.findall(rb'(?:src|href)="(/?[\w./-]+\.\w+)"', page)
    return ["/" + name.decode().removeprefix("./").lstrip("/") for name in found]


def test_all_that_the_page_loads_is_there(plain):
    names = assets(plain.request("GET", "/").body) + assets(plain.request("GET", "/ca").body)
    assert any(n.endswith(".js") for n in names) and any(n.endswith(".css") for n in names)
    types = {
        "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "png": "image/png",
        "webmanifest": "application/manifest+json", "ico": "image/x-icon",
    }  # fmt: skip
    for name in set(names) - {"/ca.crt", "/ca.mobileconfig"}: # those have servers with an authority
        response = plain.request("GET", name)
        assert response.status == 200, name
        assert response.getheader("Content-Type").startswith(types[name.rsplit(".")[-1]]), name
        assert response.getheader("ETag")


def test_page_compressed(plain):
    page = plain.request("GET", "/")
    packed = plain.request("GET", "/", {"Accept-Encoding": "br, gzip;q=0.8"})
    assert packed.getheader("Content-Encoding") == "gzip"
    assert gzip.decompress(packed.body) == page.body
    assert len(packed.body) < len(page.body)
    assert "accept-encoding" in packed.getheader("Vary").lower()
    assert page.getheader("Content-Encoding") is None
    assert packed.getheader("ETag") != page.getheader("ETag") or packed.getheader("Vary")
    refused = plain.request("GET", "/", {"Accept-Encoding": "gzip;q=0"})
    assert refused.getheader("Content-Encoding") is None and refused.body == page.body


def test_page_unchanged(plain):
    for encoding in ({}, {"Accept-Encoding": "gzip"}):
        tag = plain.request("GET", "/", encoding).getheader("ETag")
        for wanted in (tag, "*", f'"x", {tag}', f"W/{tag}"):
            again = plain.request("GET", "/", {"If-None-Match": wanted, **encoding})
            assert (again.status, again.body) == (304, b""), wanted
            assert again.getheader("ETag") == tag
        assert plain.request("GET", "/", {"If-None-Match": '"x"', **encoding}).status == 200


def test_head(plain):
    for path in ("/", "/api/v1/health", "/api/v1/stats"):
        whole, head = plain.request("GET", path), plain.request("HEAD", path)
        assert (head.status, head.body) == (200, b"")
        assert head.getheader("Content-Type") == whole.getheader("Content-Type")
        if path == "/":
            assert head.getheader("Content-Length") == whole.getheader("Content-Length")
            assert head.getheader("ETag") == whole.getheader("ETag")


def test_path_with_query(plain):
    assert plain.request("GET", "/?room=x").status == 200


# ---- refusals


@pytest.mark.parametrize(
    "path",
    [
        "/nothing", "/../etc/passwd", "/%2e%2e/etc/passwd", "//etc/passwd", "/.env", "/js/",
        "/index.html/", "/api", "/api/v1/", "/api/v2/stats", "/api/v1/messages",
        "/api/v1/messages/", "/api/v1/messages/a/b/c",
    ],
)  # fmt: skip
def test_unknown_paths(plain, path):
    response = plain.request("GET", path)
    assert response.status in (404, 400), response.body
    if response.status == 404:
        assert response.getheader("Content-Type").startswith("application/json")
        assert json.loads(response.body)["type"] == "error"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/api/v1/health", "/api/v1/messages/general", "/ws"])
def test_other_methods(plain, method, path):
    response = plain.request(method, path, body=b"x" if method == "POST" else None)
    assert response.status == 405
    assert json.loads(response.body)["type"] == "error"
    assert "GET" in response.getheader("Allow")


@pytest.mark.parametrize("method", ["TRACE", "BREW"])
def test_unknown_methods(plain, method):
    """libwebsockets refuses these by itself."""
    assert plain.request(method, "/").status in (400, 403, 405, 501)


def test_post_that_never_sends_its_body(plain, raw):
    for headers in ({"Content_Length": "1000000000"}, {"Transfer_Encoding": "chunked"}, {}):
        connection = raw(plain)
        connection.request("/", "POST", **headers)
        assert connection.response()[0] in (405, 411, 413, 501)


def test_get_with_a_body(plain, raw):
    connection = raw(plain)
    connection.request("/api/v1/health", Content_Length="5")
    connection.send(b"hello")
    assert connection.response()[0] in (200, 400, 413)
    assert plain.health() == 200


def test_pipelining(plain, raw):
    """Several requests in one packet are answered one after the other."""
    connection = raw(plain)
    host = f"Host: 127.0.0.1:{plain.port}\r\n"
    paths = ["/api/v1/health", "/", "/api/v1/messages/general", "/api/v1/stats", "/nothing"]
    connection.send("".join(f"GET {p} HTTP/1.1\r\n{host}\r\n" for p in paths).encode())
    answers = [connection.response() for _ in paths]
    assert [status for status, _, _ in answers] == [200, 200, 200, 200, 404]
    assert json.loads(answers[0][2])["status"] == "ok"
    assert json.loads(answers[2][2])["type"] == "history"
    assert json.loads(answers[3][2])["instance"] == plain.instance


def test_keep_alive_and_close(plain, raw):
    connection = raw(plain)
    for _ in range(3):
        connection.request("/api/v1/health")
        assert connection.response()[0] == 200
    connection.request("/api/v1/health", Connection="close")
    assert connection.response()[0] == 200
    connection.expect_end()


def test_http_1_0(plain, raw):
    connection = raw(plain)
    connection.send(f"GET /api/v1/health HTTP/1.0\r\nHost: 127.0.0.1:{plain.port}\r\n\r\n".encode())
    assert connection.response()[0] == 200
    connection.expect_end()


# ---- health and stats


def test_health(server):
    response = server.request("GET", "/api/v1/health")
    health = json.loads(response.body)
    assert response.status == 200
    assert response.getheader("Content-Type").startswith("application/json")
    assert "no-store" in response.getheader("Cache-Control")
    assert (health["status"], health["instance"]) == ("ok", server.instance)


def test_stats(start, redis, connect, new, room):
    server = start(redis, PUMPS="threads", NET_THREADS=2)
    clients = [connect(server, new.anna, room) for _ in range(3)]
    clients[0].say("hi", cid="a")
    clients[0].say("hi", cid="a")
    for client in clients:
        client.expect("message")
    stats = server.stats()
    assert stats["instance"] == server.instance
    assert 0 <= stats["uptime_s"] < seconds(60)
    assert (stats["clients"], stats["users"], stats["rooms"]) == (3, 3, 1)
    assert (stats["pumps"]["mode"], stats["pumps"]["now"]) == ("threads", "threads")
    messages = stats["messages"]
    assert (messages["in"], messages["published"], messages["duplicate"]) == (2, 1, 1)
    assert messages["received"] == 1 and messages["limited"] == messages["failed"] == 0
    for name, most in (("register", 3), ("unregister", 0), ("broadcast", 2)):
        queue = stats["queues"][name]
        assert queue["pushed"] >= most and queue["refused"] == 0
        assert 0 <= queue["depth"] <= queue["depth_max"] <= queue["bound"]
    redis_stats = stats["redis"]
    assert redis_stats["ready"] is True and redis_stats["commands"] > 0
    assert 0 < redis_stats["lag_p50_us"] <= redis_stats["lag_p99_us"]
    assert redis_stats["probe_lag_us"] > 0


def test_messages(plain, connect, new, room):
    anna = connect(plain, new.anna, room)
    for n in range(1, 8):
        anna.say(f"m{n}")
    history = plain.json(f"/api/v1/messages/{room}")
    assert history["type"] == "history" and history["room"] == room
    assert history["epoch"] == anna.epoch[room]
    assert history["messages"] == plain.json(f"/api/v1/messages/{room}?limit=100")["messages"]
    assert [m["content"] for m in history["messages"]] == [f"m{n}" for n in range(1, 8)]
    page = plain.json(f"/api/v1/messages/{room}?limit=2&before=6")
    assert [m["seq"] for m in page["messages"]] == [4, 5] and page["more"] is True
    page = plain.json(f"/api/v1/messages/{room}?before=3&limit=2")
    assert [m["seq"] for m in page["messages"]] == [1, 2] and page["more"] is False
    # Nobody needs to be there.
    anna.close()
    assert len(plain.json(f"/api/v1/messages/{room}")["messages"]) == 7


def test_messages_of_an_unknown_room(plain, redis, room):
    history = plain.json(f"/api/v1/messages/{room}")
    assert (history["messages"], history["more"]) == ([], False)
    assert not redis.client.keys(f"*{room}*"), "asking does not create it"


def test_messages_of_a_room_with_an_encoded_name(plain, connect, new):
    name = f"café-{new.x}"
    connect(plain, new.anna, name).say("hi")
    for path in (f"caf%C3%A9-{name[5:]}", f"cafe%CC%81-{name[5:]}", f"caf%c3%a9%2D{name[5:]}"):
        history = plain.json(f"/api/v1/messages/{path}")
        assert history["room"] == name
        assert [m["content"] for m in history["messages"]] == ["hi"]


@pytest.mark.parametrize(
    "query,field",
    [
        (f"limit={v}", "limit")
        for v in ("0", "101", "-1", "x", "", "1x", "99999999999999999999", "1.5")
    ]
    + [(f"before={v}", "before") for v in ("-1", "x", "", "99999999999999999999999")],
)
def test_messages_with_bad_values(plain, room, query, field):
    response = plain.request("GET", f"/api/v1/messages/{room}?{query}")
    error = json.loads(response.body)
    assert response.status == 400
    assert ERROR_FIELDS <= set(error)
    assert (error["type"], error["code"], error["field"]) == ("error", "bad_field", field)


@pytest.mark.parametrize(
    "name", ["a%20b", "a%2Fb%2Fc", "%FF", "%E2%82", "x" * 65, "@anna", "%0d%0aX:1", "%F0%9F%99%82"]
)
def test_messages_with_bad_rooms(plain, name):
    response = plain.request("GET", f"/api/v1/messages/{name}")
    error = json.loads(response.body)
    assert (response.status, error["code"]) in ((400, "bad_room"), (404, error["code"]))
    assert error["type"] == "error"


@pytest.mark.parametrize("name", ["%zz", "a%", "a%0", "a%00b"])
def test_malformed_escapes(plain, raw, name):
    """libwebsockets refuses these by itself, the NUL without a word."""
    connection = raw(plain)
    connection.request(f"/api/v1/messages/{name}")
    try:
        assert connection.response()[0] in (400, 403, 404)
    except Closed:
        pass
    assert plain.health() == 200


@pytest.mark.parametrize(
    "query", ["limit=1&limit=2", "limit=1&limit=1", "x&x", "&".join(f"a{n}=1" for n in range(17))]
)
def test_arguments_that_nobody_would_see(plain, room, query):
    """What is not read is not passed over."""
    response = plain.request("GET", f"/api/v1/messages/{room}?{query}")
    assert (response.status, json.loads(response.body)["code"]) == (400, "bad_arguments")
    many = "&".join(f"a{n}=1" for n in range(15))
    assert plain.request("GET", f"/api/v1/messages/{room}?{many}&limit=1").status == 200


def test_private_conversations_are_not_on_http(plain, connect, new, room):
    anna, ben = connect(plain, new.anna, room), connect(plain, new.ben, room)
    anna.tell(ben.user, "secret")
    for name in (f"@{ben.user}", f"%40{ben.user}"):
        response = plain.request("GET", f"/api/v1/messages/{name}")
        assert response.status in (400, 404) and b"secret" not in response.body


def test_many_requests_at_once(plain):
    connections = [Raw(plain) for _ in range(50)]
    try:
        for connection in connections:
            connection.request("/api/v1/messages/general")
        for connection in connections:
            assert connection.response()[0] == 200
    finally:
        for connection in connections:
            connection.close()


def test_client_that_leaves_before_the_answer(plain):
    for _ in range(50):
        with Raw(plain) as connection:
            connection.request("/api/v1/messages/general")
    assert plain.health() == 200

"""Requests with bodies, byte by byte: what is refused before a byte of it is read, what follows."""

import json
import socket
import time

import pytest

from support.deadline import seconds
from support.raw import Closed
from support.server import Server

# As many logins as a test likes.
FREE = {"LOGIN_LIMIT": 0, "LOGIN_LIMIT_NAME": 0, "LOGIN_LIMIT_ADDRESS": 0}
LOGIN = "/api/v1/login"
JSON = "application/json"


@pytest.fixture(scope="module")
def plain(redis):
    with Server(redis, **FREE) as s:
        s.wait_health(200)
        yield s


def login(name="nobody", password="no password of theirs"):
    return json.dumps({"name": name, "password": password}).encode()


def announce(connection, body=b"", path=LOGIN, method="POST", **headers):
    """Headers, and whatever of the body the test wants to send at once."""
    wanted = {"Content_Type": JSON, "Content_Length": str(len(body))} | headers
    connection.request(path, method, **wanted)


def error(connection, status, code):
    """The next answer is this error; it is complete and says what to do."""
    got, headers, body = connection.response()
    answer = json.loads(body)
    assert (got, answer["type"], answer["code"]) == (status, "error", code), answer
    assert answer["message"] and headers["content-type"].startswith(JSON)
    return headers


def refused_login(connection):
    """A whole login came through: nobody has that name."""
    return error(connection, 401, "bad_login")


def still_serves(server):
    assert server.health() == 200


# ---- what is announced


@pytest.mark.parametrize(
    "length,status,code",
    [
        (None, 411, "length_required"), ("+5", 400, "bad_length"), ("-1", 400, "bad_length"),
        ("5, 5", 400, "bad_length"), ("5,5", 400, "bad_length"), ("0x5", 400, "bad_length"),
        ("5 5", 400, "bad_length"), ("five", 400, "bad_length"), ("5.0", 400, "bad_length"),
        ("99999999999999999999", 400, "bad_length"), ("8193", 413, "too_big"),
        ("4294967301", 413, "too_big"),
    ],
)  # fmt: skip
def test_length(plain, raw, length, status, code):
    connection = raw(plain)
    connection.request(LOGIN, "POST", Content_Type=JSON, Content_Length=length)
    error(connection, status, code)
    still_serves(plain)


def test_two_lengths(plain, raw):
    connection = raw(plain)
    head = f"POST {LOGIN} HTTP/1.1\r\nHost: 127.0.0.1:{plain.port}\r\nContent-Type: {JSON}\r\n"
    connection.send((head + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello").encode())
    error(connection, 400, "bad_length")


def test_chunked(plain, raw):
    connection = raw(plain)
    connection.request(LOGIN, "POST", Content_Type=JSON, Transfer_Encoding="chunked")
    connection.send(b"2\r\n{}\r\n0\r\n\r\n")
    error(connection, 501, "bad_encoding")
    still_serves(plain)


def test_chunked_and_a_length(plain, raw):
    """What two servers would read differently is not read at all."""
    connection = raw(plain)
    connection.request(
        LOGIN, "POST", Content_Type=JSON, Content_Length="3", Transfer_Encoding="chunked"
    )
    connection.send(b"0\r\n\r\nGET /api/v1/stats HTTP/1.1\r\nHost: x\r\n\r\n")
    error(connection, 501, "bad_encoding")
    connection.expect_end()


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json"]
)
def test_content_type(plain, raw, kind):
    connection = raw(plain)
    announce(connection, login(), Content_Type=kind)
    connection.send(login())
    error(connection, 415, "bad_media_type")
    connection.expect_end()


@pytest.mark.parametrize("kind", ["APPLICATION/json", "application/json; charset=utf-8"])
def test_content_type_of_other_looks(plain, raw, kind):
    connection = raw(plain)
    announce(connection, login(), Content_Type=kind)
    connection.send(login())
    refused_login(connection)


@pytest.mark.parametrize("path", [LOGIN, "/api/v1/users", "/api/v1/logout"])
def test_foreign_origin(plain, raw, path):
    connection = raw(plain)
    announce(connection, login(), path, Origin="https://evil.example")
    connection.send(login())
    error(connection, 403, "bad_origin")
    same = raw(plain)
    announce(same, login(), Origin=f"http://127.0.0.1:{plain.port}")
    same.send(login())
    refused_login(same)


def test_foreign_origin_of_a_delete(plain, raw):
    connection = raw(plain)
    connection.request("/api/v1/devices/0123456789abcdef", "DELETE", Origin="null")
    error(connection, 403, "bad_origin")


def test_expect(plain, raw):
    connection = raw(plain)
    announce(connection, login(), Expect="100-continue")
    assert connection.response()[0] == 100
    connection.send(login())
    refused_login(connection)


def test_expect_of_what_is_refused(plain, raw):
    """No 100 for a body that is not wanted (RFC 9110 section 10.1.1)."""
    connection = raw(plain)
    announce(connection, Content_Length="9000", Expect="100-continue")
    error(connection, 413, "too_big")
    other = raw(plain)
    announce(other, login(), Expect="magic")
    error(other, 417, "bad_expect")


# ---- what is too much


@pytest.mark.parametrize("size", [8193, 1 << 20, 3 << 20])
def test_too_big(plain, raw, size):
    """A client that writes all of it before it reads gets the answer, not a reset."""
    connection = raw(plain)
    body = login(password="x" * size)
    announce(connection, body)
    sent = 0
    try:
        while sent < len(body):
            sent += connection.socket.send(body[sent : sent + 65536])
    except OSError:
        assert size > 2 << 20
    assert error(connection, 413, "too_big")["connection"] == "close"
    connection.expect_end()


def test_largest(plain, raw):
    connection = raw(plain)
    body = login().ljust(8192)
    announce(connection, body)
    connection.send(body)
    refused_login(connection)


# ---- how it comes


def test_one_byte_at_a_time(plain, raw):
    connection = raw(plain)
    connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    body = login()
    announce(connection, body)
    for byte in body:
        connection.send(bytes([byte]))
    refused_login(connection)


def test_headers_and_body_in_one_packet(plain, raw):
    connection = raw(plain)
    head = (
        f"POST {LOGIN} HTTP/1.1\r\nHost: 127.0.0.1:{plain.port}\r\nContent-Type: {JSON}\r\n"
        f"Content-Length: {len(login())}\r\n\r\n"
    ).encode()
    connection.send(head + login())
    refused_login(connection)


def request(server, body=b"", length=None, before=""):
    """The bytes of a whole POST."""
    length = len(body) if length is None else length
    return (
        f"{before}POST {LOGIN} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        f"Content-Type: {JSON}\r\nContent-Length: {length}\r\n\r\n"
    ).encode() + body


def get(server, path="/api/v1/health"):
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()


def test_several_requests(plain, raw):
    """One after the other on one connection, each after the answer to the one before."""
    connection = raw(plain)
    for _ in range(3):
        connection.send(request(plain, login()))
        refused_login(connection)
        connection.send(get(plain))
        assert connection.response()[0] == 200
        connection.send(get(plain, "/api/v1/messages/general"))
        assert connection.response()[0] == 200


def test_pipelining(plain, raw):
    """What comes in one packet behind a body is answered after it."""
    connection = raw(plain)
    connection.send(request(plain, login()) + get(plain) + get(plain, "/api/v1/messages/x"))
    refused_login(connection)
    assert [connection.response()[0] for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("first", ["get", "page", "history", "post"])
@pytest.mark.parametrize(
    "body,length",
    [(login(), None), (b"", 5000), (b"", 0), (b"x" * 9000, None), (b" " * 40, 8), (b"{}", 1)],
    ids=["whole", "half", "none", "too big", "more", "less"],
)
def test_pipelined_body(start, redis, raw, first, body, length):
    """libwebsockets would read the head of such a request once more, and never stop."""
    server = start(redis, NET_THREADS=1, **FREE)
    before = {
        "get": get(server), "page": get(server, "/"), "post": request(server, login()),
        "history": get(server, "/api/v1/messages/general"),
    }[first]  # fmt: skip
    connection = raw(server)
    connection.send(before + request(server, body, length))
    assert connection.response()[0] in (200, 401)
    if length == 0:  # that is none
        assert connection.response()[0] == 400
        return
    error(connection, 400, "bad_pipeline")
    connection.expect_end()
    still_serves(server)


def test_pipelined_body_and_the_end(start, redis, raw):
    """That no more comes is nothing that was read."""
    server = start(redis, NET_THREADS=1, **FREE)
    for _ in range(20):
        connection = raw(server)
        connection.send(get(server) + request(server, b"x" * 9000))
        connection.socket.shutdown(socket.SHUT_WR)
        connection.expect_end()
    still_serves(server)


def test_body_that_never_ends(start, redis, raw):
    """Byte by byte past the deadline of a handshake."""
    server = start(redis, HANDSHAKE_TIMEOUT_S=1)
    connection = raw(server)
    announce(connection, login())
    began = time.monotonic()
    status = None
    while status is None and time.monotonic() - began < seconds(8):
        try:
            connection.send(b"x")
        except OSError:
            break
        connection.socket.settimeout(0.2)
        try:
            status = connection.response()[0]
        except (AssertionError, Closed) as e:
            if isinstance(e, Closed):
                break
    assert status == 408
    assert 0.9 < time.monotonic() - began < seconds(4)
    still_serves(server)


def test_unwanted_body_that_never_ends(start, redis, raw):
    server = start(redis, HANDSHAKE_TIMEOUT_S=1)
    connection = raw(server)
    announce(connection, Content_Length="100000")
    error(connection, 413, "too_big")
    connection.send(b"x" * 1000)
    assert connection.expect_end() < seconds(4)


def test_half_a_body_and_gone(plain, raw):
    for _ in range(20):
        connection = raw(plain)
        announce(connection, login())
        connection.send(login()[:10])
        connection.close()
    still_serves(plain)


def test_half_a_body_and_no_more(plain, raw):
    connection = raw(plain)
    announce(connection, login())
    connection.send(login()[:10])
    connection.socket.shutdown(socket.SHUT_WR)
    connection.expect_end()
    still_serves(plain)


def test_gone_before_the_answer(plain, raw):
    for _ in range(50):
        connection = raw(plain)
        announce(connection, login())
        connection.send(login())
        connection.close()
    still_serves(plain)


# ---- where none belongs, and what it is asked with


def test_get_with_a_body(plain, raw):
    connection = raw(plain)
    connection.request("/api/v1/health", Content_Length="5")
    connection.send(b"hello")
    error(connection, 413, "no_body")
    connection.expect_end()


def test_unknown_path_with_a_body(plain, raw):
    connection = raw(plain)
    announce(connection, login(), "/api/v1/nothing")
    connection.send(login())
    error(connection, 404, "not_found")
    connection.expect_end()


@pytest.mark.parametrize(
    "path,allow",
    [
        (LOGIN, "POST"), ("/api/v1/users", "POST"), ("/api/v1/users/anna/password", "POST"),
        ("/api/v1/devices", "GET, HEAD"), ("/api/v1/devices/0123456789abcdef", "DELETE"),
        ("/api/v1/server", "GET, HEAD"), ("/anna/chat", "GET, HEAD"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods(plain, raw, path, allow, method):
    if method in allow:
        return
    connection = raw(plain)
    connection.request(path, method, Content_Length="0" if method[0] == "P" else None)
    if method == "HEAD":
        head = connection._until(b"\r\n\r\n").decode()
        assert head.split()[1] == "405" and f"\r\nAllow: {allow}\r\n" in head
    else:
        assert error(connection, 405, "bad_method")["allow"] == allow


def test_empty(plain, raw):
    connection = raw(plain)
    announce(connection, b"")
    error(connection, 400, "bad_json")
    connection.expect_end()


@pytest.mark.parametrize("body", [b" ", b"{", b"[]", b"5", b"\xff\xfe", b'{"name":5}', b"{}"])
def test_bad_json(plain, raw, body):
    connection = raw(plain)
    announce(connection, body)
    connection.send(body)
    status, headers, answer = connection.response()
    assert status == 400 and json.loads(answer)["type"] == "error", answer
    assert headers["cache-control"] == "no-store"
    announce(connection, login())
    connection.send(login())
    refused_login(connection)


def test_accounts_off(start, redis, raw):
    connection = raw(start(redis, ACCOUNTS="off"))
    for path in (LOGIN, "/api/v1/users", "/api/v1/token", "/api/v1/logout"):
        announce(connection, login(), path)
        connection.send(login())
        error(connection, 404, "accounts_off")
    connection.request("/api/v1/devices", Authorization="Bearer x")
    error(connection, 404, "accounts_off")


def test_server(start, redis, plain):
    server = plain.json("/api/v1/server")
    assert (server["type"], server["accounts"]) == ("server", "optional")
    assert server["limits"]["password_bytes"] == 1024
    assert start(redis, ACCOUNTS="off").json("/api/v1/server")["accounts"] == "off"


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer x", "Basic eDp5", "Bearer a.b.c, d"])
def test_devices_without_a_good_token(plain, raw, value):
    connection = raw(plain)
    connection.request("/api/v1/devices", Authorization=value or None)
    status, headers, body = connection.response()
    assert status == 401 and json.loads(body)["code"] in ("bad_token", "login_required")
    wanted = 'Bearer error="invalid_token"' if value else "Bearer"
    assert headers["www-authenticate"] == wanted
    assert headers["cache-control"] == "no-store"

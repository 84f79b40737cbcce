"""Where a handshake and a request carry an access token, and what comes of it."""

import json
import time

import pytest

from support.tokens import Account


@pytest.fixture
def anna(redis, new):
    return Account(redis, new.anna)


def refused(connection, status, code, path="/ws", **headers):
    assert connection.upgrade(path, **headers) == status, connection.last
    assert json.loads(connection.last[2])["code"] == code
    connection.expect_end()
    return connection.last[1]


@pytest.fixture
def raw(raw):
    """Connections that keep the last answer."""

    def make(server, **options):
        connection = raw(server, **options)
        response = connection.response

        def keep():
            connection.last = response()
            return connection.last

        connection.response = keep
        return connection

    return make


def offers(token, *others):
    return {"Sec_WebSocket_Protocol": ", ".join(["confab.v1", f"confab.token.{token}", *others])}


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def greeted(connection, account, room):
    welcome = connection.expect("welcome")
    assert (welcome["user"], welcome["account"]["device"]) == (account.name, account.device)
    connection.expect("history", room=room)
    connection.say("message", room=room, content="hi", cid="1")
    assert connection.expect("ack")["seq"] > 0


# ---- the ways


@pytest.mark.parametrize("way", ["header", "subprotocol", "query", "all three"])
@pytest.mark.parametrize("path", ["/ws?room={room}", "/ws?room={room}&username={name}",
                                  "/{name}/chat?room={room}"])  # fmt: skip
def test_ways(server, raw, anna, room, way, path):
    token = anna.token()
    path = path.format(room=room, name=anna.name)
    headers = {}
    if way in ("header", "all three"):
        headers |= bearer(token)
    if way in ("subprotocol", "all three"):
        headers |= offers(token)
    if way in ("query", "all three"):
        path += f"&token={token}"
    connection = raw(server)
    assert connection.upgrade(path, **headers) == 101
    chosen = "confab.v1" if "Sec_WebSocket_Protocol" in headers else None
    assert connection.last[1].get("sec-websocket-protocol") == chosen
    greeted(connection, anna, room)


def test_chat_joins_general(server, raw, anna):
    connection = raw(server)
    assert connection.upgrade(f"/{anna.name}/chat", **bearer(anna.token())) == 101
    greeted(connection, anna, "general")


def test_handshake_of_our_own(server, raw, anna, room):
    """RFC 6455 section 1.3, and a connection that lives as any other."""
    connection = raw(server)
    connection.request(
        f"/ws?room={room}", Upgrade="websocket", Connection="keep-alive, Upgrade",
        Sec_WebSocket_Version="13", Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
        **offers(anna.token()),
    )  # fmt: skip
    status, headers, _ = connection.response()
    assert status == 101
    assert headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert headers["upgrade"] == "websocket" and headers["connection"] == "Upgrade"
    greeted(connection, anna, room)
    connection.frame(b"x" * 125, 9)
    while (frame := connection.read_frame())[0] == 1:
        pass  # the own message, when it comes behind the ack
    assert frame == (10, b"x" * 125)
    connection.frame(b"\x03\xe8", 8)
    assert connection.expect_close() == 1000
    connection.expect_end()


def test_handshake_of_our_own_outlives_the_deadlines(start, redis, raw, new, room):
    """libwebsockets thinks of an HTTP request that is not answered yet."""
    server = start(redis, HANDSHAKE_TIMEOUT_S=1, HEARTBEAT_MS=400)
    anna = Account(redis, new.anna)
    connection = raw(server)
    assert connection.upgrade(f"/ws?room={room}", **offers(anna.token())) == 101
    began = time.monotonic()
    while time.monotonic() - began < 3:
        connection.expect("heartbeat")
        connection.say("heartbeat")
    connection.say("message", room=room, content="hi", cid="1")
    connection.expect("ack")


def test_after_a_request(server, raw, anna, room):
    connection = raw(server)
    connection.request("/api/v1/health")
    assert connection.response()[0] == 200
    assert connection.upgrade(f"/ws?room={room}", **offers(anna.token())) == 101
    greeted(connection, anna, room)


def test_many_and_gone(plain, raw, redis, new, room):
    """Each keeps what libwebsockets has of its request, until it ends."""
    anna = Account(redis, new.anna)
    connections = [raw(plain) for _ in range(50)]
    for connection in connections:
        assert connection.upgrade(f"/ws?room={room}", **offers(anna.token())) == 101
        connection.expect("history", room=room)
    for connection in connections:
        connection.close()
    assert plain.health() == 200


def test_longest_offer(server, raw):
    """A token of the greatest length, which is none of ours."""
    connection = raw(server)
    assert connection.upgrade("/ws", **offers("x" * 4096)) == 101
    assert connection.expect("error")["code"] == "bad_token"


# ---- what is wrong with it


def test_token_without_the_subprotocol(server, raw, anna):
    """A browser wants one of its offers echoed, and a token must not be."""
    token = {"Sec_WebSocket_Protocol": f"confab.token.{anna.token()}"}
    refused(raw(server), 400, "bad_handshake", **token)


def test_too_long_without_a_token(server, raw):
    refused(raw(server), 400, "bad_handshake", Sec_WebSocket_Protocol="confab.v1, " + "x" * 200)


def test_tokens_that_differ(server, raw, anna, redis, new):
    ben = Account(redis, new.ben)
    for path, headers in (
        ("/ws", bearer(anna.token()) | offers(ben.token())),
        (f"/ws?token={ben.token()}", bearer(anna.token())),
        (f"/ws?token={ben.token()}", offers(anna.token())),
        (f"/{anna.name}/chat?token={ben.token()}", bearer(anna.token())),
    ):
        refused(raw(server), 400, "bad_handshake", path, **headers)


@pytest.mark.parametrize("token", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_bad_token_is_told_in_a_frame(server, raw, token):
    """The page of a browser does not see the status of a refused handshake."""
    connection = raw(server)
    assert connection.upgrade("/ws?username=nobody", **bearer(token)) == 101
    assert connection.expect("error")["code"] == "bad_token"


def test_chat_wants_the_token_of_that_name(server, raw, anna, redis, new):
    ben = Account(redis, new.ben)
    path = f"/{anna.name}/chat"
    assert refused(raw(server), 401, "login_required", path)["www-authenticate"] == "Bearer"
    invalid = 'Bearer error="invalid_token"'
    headers = refused(raw(server), 401, "bad_token", path, **bearer("a.b.c"))
    assert headers["www-authenticate"] == invalid and headers["cache-control"] == "no-store"
    refused(raw(server), 401, "bad_token", path, **offers("x"))
    refused(raw(server), 403, "wrong_user", path, **bearer(ben.token()))
    refused(raw(server), 403, "wrong_user", f"/{anna.name}x/chat", **bearer(anna.token()))
    refused(raw(server), 403, "wrong_user", "/a%20b/chat", **bearer(anna.token()))


def test_chat_with_an_encoded_name(server, raw, redis, new, room):
    zoe = Account(redis, f"zoé-{new.x}")
    for name in (f"zo%C3%A9{zoe.name[3:]}", f"zoe%CC%81{zoe.name[3:]}"):
        connection = raw(server)
        assert connection.upgrade(f"/{name}/chat?room={room}", **bearer(zoe.token())) == 101
        greeted(connection, zoe, room)


def test_chat_without_upgrade(server, raw, anna):
    connection = raw(server)
    connection.request(f"/{anna.name}/chat", **bearer(anna.token()))
    status, _, body = connection.response()
    assert (status, json.loads(body)["code"]) == (400, "bad_upgrade")


@pytest.mark.parametrize("path", ["/chat", "//chat", "/a/b/chat", "/anna/chat/", "/anna/chats"])
def test_places_that_are_none(server, raw, path, anna):
    refused(raw(server), 404, "not_found", path, **bearer(anna.token()))


# ---- what the operator has set


def test_required(start, redis, raw, new, room):
    server = start(redis, ACCOUNTS="required")
    anna = Account(redis, new.anna)
    refused(raw(server), 401, "login_required", "/ws?username=guest")
    connection = raw(server)
    assert connection.upgrade(f"/ws?username={anna.name}&room={room}", **bearer(anna.token())) == 101
    greeted(connection, anna, room)
    later = raw(server)  # a hello may bring it
    assert later.upgrade("/ws") == 101
    later.say("hello", username="guest")
    assert later.expect("error")["code"] == "login_required"
    later.say("hello", token=anna.token(), room=room)
    greeted(later, anna, room)


def test_required_for_what_was_said(start, redis, new, room):
    server = start(redis, ACCOUNTS="required")
    anna = Account(redis, new.anna)
    path = f"/api/v1/messages/{room}"
    response = server.request("GET", path)
    assert response.status == 401 and json.loads(response.body)["code"] == "login_required"
    assert server.request("GET", path, {"Authorization": f"Bearer {anna.token()}"}).status == 200
    response = server.request("GET", path, {"Authorization": "Bearer a.b.c"})
    assert response.status == 401 and json.loads(response.body)["code"] == "bad_token"


def test_optional_for_what_was_said(plain, redis, new, room):
    """Who shows a token wants to know that it is none."""
    anna = Account(redis, new.anna)
    path = f"/api/v1/messages/{room}"
    for headers, status in (
        ({}, 200), ({"Authorization": f"Bearer {anna.token()}"}, 200),
        ({"Authorization": "Bearer a.b.c"}, 401), ({"Authorization": "Basic eDp5"}, 200),
    ):  # fmt: skip
        assert plain.request("GET", path, headers).status == status, headers


def test_off(start, redis, raw, new, room):
    server = start(redis, ACCOUNTS="off")
    refused(raw(server), 404, "accounts_off", "/anna/chat", **bearer("x"))
    guest = raw(server)
    assert guest.upgrade(f"/ws?username={new.guest}&room={room}", **bearer("x")) == 101
    guest.expect("history", room=room)
    other = raw(server)
    assert other.upgrade(f"/ws?username={new.guest}&room={room}", **offers("x" * 300)) == 101
    other.expect("history", room=room)

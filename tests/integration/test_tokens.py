"""Access tokens: who may come in with one, how long, and what ends it."""

import json
import secrets

import pytest

from support.deadline import wait_for
from support.redis import Redis
from support.server import Server
from support.tokens import Account, base64url, forged


@pytest.fixture
def anna(redis, new):
    return Account(redis, new.anna)


def hello(server, connect, token, **fields):
    client = connect(server)
    client.send("hello", token=token, **fields)
    return client


def welcomed(server, connect, account, **fields):
    client = hello(server, connect, account.token(), **fields)
    client.expect("welcome")
    return client


def test_token_instead_of_a_name(server, connect, anna, room):
    client = hello(server, connect, anna.token(), room=room)
    welcome = client.expect("welcome")
    assert welcome["user"] == anna.name
    assert welcome["session"] == anna.device
    assert welcome["account"]["device"] == anna.device
    assert 890 < welcome["account"]["expires_in_s"] <= 900
    client.expect_joined(room)
    client.say("hi", room)


def test_token_beside_its_name(server, connect, anna):
    client = hello(server, connect, anna.token(), username=anna.name)
    assert client.expect("welcome")["user"] == anna.name
    client = hello(server, connect, anna.token(), username=anna.name + "x")
    client.expect_error("bad_field", field="username")


def test_token_in_the_url(server, connect, anna, room):
    client = connect(server, anna.name, room, token=anna.token())
    assert client.frames[0]["account"]["device"] == anna.device


def test_a_guest_is_welcomed_without_account(server, connect, new, room):
    client = connect(server, new.guest, room)
    assert "account" not in client.frames[0]


def test_devices_of_one_account_are_together(server, other, connect, anna, room):
    """Each with a device of its own, on two instances: nobody is `another session`."""
    first = welcomed(server, connect, anna, room=room)
    first.expect_joined(room)
    anna.device = anna.new_device()
    second = welcomed(other, connect, anna, room=room)
    second.expect_joined(room)
    second.say("from the second", room)
    first.expect("message", content="from the second")
    first.tell(anna.name, "note to myself")
    second.expect("private", content="note to myself")


def bad_tokens(a):
    """What is wrong, and a token that is wrong by this alone."""
    good, header, claims = a.token(), a.header(), a.claims()
    kid, key = a.key()
    wrong_key = secrets.token_bytes(32)
    yield "forged", forged(good)
    yield "cut", good[:-1]
    yield "two parts", good.rpartition(".")[0]
    yield "longer", good + "A"
    yield "padded", good + "="
    yield "no token", "x"
    yield "4096 bytes", "x" * 4096
    yield "unsigned", a.sign({"alg": "none", "typ": "JWT"}, claims).rpartition(".")[0] + "."
    yield "alg none", a.sign(header | {"alg": "none"}, claims)
    yield "alg in small letters", a.sign(header | {"alg": "hs256"}, claims)
    yield "alg HS512", a.sign(header | {"alg": "HS512"}, claims)
    yield "alg RS256", a.sign(header | {"alg": "RS256"}, claims)
    yield "typ", a.sign(header | {"typ": "at+jwt"}, claims)
    yield "crit", a.sign(header | {"crit": ["exp"]}, claims)
    yield "no kid", a.sign({"alg": "HS256", "typ": "JWT"}, claims)
    yield "unknown kid", a.sign(header | {"kid": secrets.token_hex(8)}, claims, wrong_key)
    yield "key of another deployment", a.sign(header, claims, wrong_key)
    yield "issuer", a.sign(header, claims | {"iss": "seed"})
    yield "issued in the future", a.sign(header, claims | {"iat": claims["iat"] + 60})
    yield "expires before it is issued", a.sign(header, claims | {"exp": claims["iat"]})
    yield "exp as text", a.sign(header, claims | {"exp": str(claims["exp"])})
    yield "nested claims", a.sign(header, claims | {"a": [[[[{}]]]]})


def test_bad_tokens_get_one_answer(server, connect, new, anna):
    answers = set()
    for what, token in bad_tokens(anna):
        client = hello(server, connect, token)
        error = client.expect("error")
        assert error["code"] == "bad_token", f"{what}: {error}"
        answers.add(json.dumps(error, sort_keys=True))
        client.hello(new.guest)  # and may go on as a guest
        client.close()
    assert len(answers) == 1


def test_expired_by_a_second(server, connect, anna):
    now = int(anna.now())
    client = hello(server, connect, anna.token(iat=now - 900, exp=now - 1))
    client.expect_error("token_expired")
    client.send("hello", token=forged(anna.token(iat=now - 900, exp=now - 1)))
    client.expect_error("bad_token")  # not even when it would have expired
    client.send("hello", token=anna.token())
    client.expect("welcome")


def test_issued_a_second_ahead(server, connect, anna):
    now = int(anna.now())
    client = hello(server, connect, anna.token(iat=now + 1))
    client.expect("welcome")


def test_what_follows_a_bad_hello_has_its_answer(server, connect, anna, room):
    """The unknown key makes the server ask Redis; what comes meanwhile waits."""
    client = connect(server)
    bad = anna.sign(anna.header(kid=secrets.token_hex(8)), anna.claims())
    client.send_many([{"type": "hello", "token": bad}, {"type": "join", "room": room}])
    client.expect_error("bad_token")
    client.expect_error("hello_first")


def test_a_key_that_another_instance_made(server, connect, anna, redis):
    """A new key is found at the first token that was signed with it."""
    kid, key = secrets.token_hex(8), secrets.token_bytes(32)
    redis.client.hset(
        "confab:accounts:keys", kid, f"{int(anna.now() * 1000)} {base64url(key)}"
    )
    try:
        client = hello(server, connect, anna.sign(anna.header(kid=kid), anna.claims(), key))
        client.expect("welcome")
    finally:
        redis.client.hdel("confab:accounts:keys", kid)


def test_token_of_a_revoked_device(server, connect, anna):
    token = anna.token()
    anna.forget_device()
    client = hello(server, connect, token)
    client.expect_close(4003)


def test_revocation_closes_at_once(server, other, connect, anna):
    first = welcomed(server, connect, anna)
    second = welcomed(other, connect, anna)
    kept, anna.device = anna.device, anna.new_device()
    third = welcomed(other, connect, anna)
    anna.device = kept
    anna.revoke_device()
    for client in (first, second):
        bye = client.expect("bye")
        assert bye["code"] == 4003
        client.expect_close(4003)
    third.tell(anna.name, "still here")


# ---- tokens in a connection


def test_auth_with_a_fresh_token(server, connect, anna):
    client = hello(server, connect, anna.token(life_s=100))
    client.expect("welcome")
    client.send("auth", token=anna.token())
    answer = client.expect("auth")
    assert answer["device"] == anna.device
    assert 890 < answer["expires_in_s"] <= 900
    assert "access_token" not in answer


def test_auth_with_a_bad_token_changes_nothing(server, connect, new, redis, anna):
    client = welcomed(server, connect, anna)
    ben = Account(redis, new.ben)
    now = int(anna.now())
    client.send("auth", token=forged(anna.token()))
    client.expect_error("bad_token")
    client.send("auth", token=ben.token())
    client.expect_error("bad_token")
    client.send("auth", token=anna.token(iat=now - 10, exp=now - 1))
    client.expect_error("token_expired")
    client.send("auth")
    client.expect_error("bad_field", field="token")
    client.send("auth", token=anna.token(), refresh_token=anna.refresh_token())
    client.expect_error("bad_field", field="token")
    client.send("auth", refresh_token="x")
    client.expect_error("bad_token", field="refresh_token")
    client.send("auth", refresh_token=ben.refresh_token())
    client.expect_error("bad_token")
    client.tell(anna.name, "and it goes on")


def test_a_guest_cannot_become_an_account(server, connect, new, redis, anna):
    client = connect(server, new.guest)
    client.send("auth", token=anna.token())
    client.expect_error("bad_token")
    client.send("auth", refresh_token=anna.refresh_token())
    client.expect_error("bad_token")


def test_auth_with_a_refresh_token(server, connect, anna):
    client = welcomed(server, connect, anna)
    client.send("auth", refresh_token=anna.refresh_token())
    answer = client.expect("auth")
    assert answer["device"] == anna.device and answer["expires_in_s"] == 900
    assert answer["refresh_token"] == anna.refresh_token(1)
    second = hello(server, connect, answer["access_token"])
    assert second.expect("welcome")["user"] == anna.name

    client.send("auth", refresh_token=anna.refresh_token())  # the answer may have been lost
    assert client.expect("auth")["refresh_token"] == anna.refresh_token(1)


def test_auth_with_another_device_moves_the_connection(server, connect, anna):
    client = welcomed(server, connect, anna)
    anna.device = anna.new_device()
    client.send("auth", token=anna.token())
    assert client.expect("auth")["device"] == anna.device
    anna.revoke_device()
    client.expect_close(4003)


def test_auth_with_a_device_that_was_revoked(server, connect, anna):
    client = welcomed(server, connect, anna)
    anna.device = anna.new_device()
    token = anna.token()
    anna.forget_device()
    client.send("auth", token=token)
    client.expect_close(4003)


def test_who_leaves_while_the_key_is_asked_for(server, connect, anna):
    for _ in range(5):
        bad = anna.sign(anna.header(kid=secrets.token_hex(8)), anna.claims())
        client = hello(server, connect, bad, room="general")
        client.send("message", room="general", content="lost")
        client.vanish()
    welcomed(server, connect, anna).tell(anna.name, "the server is there")


# ---- servers with other settings


def test_a_refresh_token_that_was_copied_ends_the_device(redis, connect, anna):
    with Server(redis, REFRESH_GRACE_S=0) as server:
        server.wait_health(200)
        client, second = (welcomed(server, connect, anna) for _ in range(2))
        client.send("auth", refresh_token=anna.refresh_token(0))
        client.expect("auth", refresh_token=anna.refresh_token(1))
        client.send("auth", refresh_token=anna.refresh_token(1))
        client.expect("auth", refresh_token=anna.refresh_token(2))
        client.send("auth", refresh_token=forged(anna.refresh_token(0)))  # changes nothing
        client.expect_error("bad_token", field="refresh_token")
        client.send("auth", refresh_token=anna.refresh_token(0))
        for each in (client, second):
            each.expect_close(4003)
        server.wait_log(event="refresh_reuse", user=anna.name, device=anna.device)


def test_expiring_then_closed_after_the_grace(redis, connect, anna):
    with Server(redis, ACCESS_TOKEN_S=4, TOKEN_GRACE_S=1) as server:
        server.wait_health(200)
        expires_s = int(anna.now()) + 4
        client = hello(server, connect, anna.token(exp=expires_s))
        client.expect("welcome")
        expiring = client.expect("auth", state="expiring")
        assert expiring["expires_in_s"] == 2  # half the life, which is less than a minute
        assert client.expect("bye")["code"] == 4003
        assert anna.now() >= expires_s + 1
        client.expect_close(4003)


def test_a_fresh_token_in_time_keeps_the_connection(redis, connect, anna):
    with Server(redis, ACCESS_TOKEN_S=2, TOKEN_GRACE_S=1) as server:
        server.wait_health(200)
        client = hello(server, connect, anna.token(life_s=2))
        client.expect("welcome")
        for n in range(3):
            client.expect("auth", state="expiring")
            client.send("auth", refresh_token=anna.refresh_token(n))
            client.expect("auth", refresh_token=anna.refresh_token(n + 1))
        client.expect("auth", state="expiring")
        client.tell(anna.name, "still here")
        client.expect_close(4003)


def test_nobody_is_closed_for_a_token_while_redis_is_away(redis, connect, new):
    with Redis(durable=True) as own, Server(own, ACCESS_TOKEN_S=2, TOKEN_GRACE_S=0) as server:
        server.wait_health(200)
        anna = Account(own, new.anna)
        client = hello(server, connect, anna.token(life_s=2))
        client.expect("welcome")
        own.kill()
        client.expect("status", state="degraded")
        client.expect("auth", state="expiring")
        assert client.is_open
        own.start()
        client.expect("status", state="ok", timeout=20)
        client.expect_close(4003)


def test_a_revocation_that_nobody_told(redis, connect, anna):
    """Found by asking for all devices that are connected."""
    with Server(redis, PRESENCE_TTL_S=2) as server:
        server.wait_health(200)
        client = welcomed(server, connect, anna)
        anna.forget_device()
        client.expect_close(4003)


def test_required_takes_no_guests(redis, connect, new, anna):
    with Server(redis, ACCOUNTS="required") as server:
        server.wait_health(200)
        client = connect(server)
        client.send("hello", username=new.guest)
        client.expect_error("login_required")
        client.send("hello", token=anna.token())
        assert client.expect("welcome")["user"] == anna.name


def test_off_knows_no_tokens(redis, connect, new, anna):
    with Server(redis, ACCOUNTS="off") as server:
        server.wait_health(200)
        client = hello(server, connect, "x", username=new.guest)
        assert client.expect("welcome")["user"].startswith("guest")
        client = hello(server, connect, "x")
        client.expect_error("accounts_off")


def test_keys_change_without_a_refusal(redis, connect, new):
    """Two instances that make a new key every 10 s: whoever has a token is let in by both."""
    with Redis() as own, Server(own, TOKEN_KEY_S=10) as a, Server(own, TOKEN_KEY_S=10) as b:
        a.wait_health(200)
        b.wait_health(200)
        anna = Account(own, new.anna)
        first = anna.token()
        kid = anna.key()[0]
        key = own.client.hget("confab:accounts:keys", kid).split()[1]
        own.client.hset("confab:accounts:keys", kid, f"{int(anna.now() * 1000) - 100000} {key}")
        # an unknown key makes an instance ask, and one that asks finds the key too old
        for server in (a, b):
            bad = anna.sign(anna.header(kid=secrets.token_hex(8)), anna.claims())
            hello(server, connect, bad).expect_error("bad_token")
        wait_for(lambda: own.client.hlen("confab:accounts:keys") == 2, "a second key")
        for server in (a, b):
            for token in (first, anna.token()):
                hello(server, connect, token).expect("welcome")

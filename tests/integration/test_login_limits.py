"""How often a password may be tried: per name and address, per name, per address."""

import pytest

from support.deadline import wait_for
from support.rest import Device, ask, login, register

WRONG = "wrong password"
LIMITS = {"LOGIN_LIMIT": 0, "LOGIN_LIMIT_NAME": 0, "LOGIN_LIMIT_ADDRESS": 0}


@pytest.fixture
def pair_with(start, own_redis):
    """Two instances with these limits and no others, behind a proxy that says who asks."""

    def pair_with(**limits):
        redis = own_redis()
        settings = LIMITS | {"TRUSTED_PROXIES": "127.0.0.1"} | limits
        return start(redis, **settings), start(redis, **settings)

    return pair_with


def by(address):
    return {"X-Forwarded-For": address}


def limited(reply):
    frame = reply.error(429, "login_limited")
    assert 0 < frame["retry_after_ms"] <= 300_000
    assert 0 < int(reply.headers["retry-after"]) <= 300
    return frame


def test_name_and_address(pair_with, new):
    one, two = pair_with(LOGIN_LIMIT=3)
    anna = Device.register(one, new.anna)
    for server in (one, two, one):
        login(server, anna.name, WRONG, by("192.0.2.1")).error(401, "bad_login")
    for server in (one, two):
        limited(login(server, anna.name, WRONG, by("192.0.2.1")))
        limited(login(server, anna.name.upper(), WRONG, by("192.0.2.1")))
        limited(login(server, anna.name, headers=by("192.0.2.1")))  # the right one, too
    Device.login(two, anna.name, headers=by("192.0.2.2"))
    login(two, new.ben, WRONG, by("192.0.2.1")).error(401, "bad_login")
    assert sum(s.stats()["counters"]["logins_limited"] for s in (one, two)) == 6


def test_a_name_that_nobody_has(pair_with, new):
    """It is limited like any other."""
    one, _ = pair_with(LOGIN_LIMIT=2)
    name = new.nobody
    for _ in range(2):
        login(one, name, WRONG).error(401, "bad_login")
    limited(login(one, name, WRONG))


def test_name(pair_with, new):
    one, two = pair_with(LOGIN_LIMIT_NAME=3)
    anna = Device.register(one, new.anna)
    for n in range(3):
        login((one, two)[n % 2], anna.name, WRONG, by(f"192.0.2.{n}")).error(401, "bad_login")
    limited(login(one, anna.name, headers=by("192.0.2.9")))
    login(one, new.ben, WRONG, by("192.0.2.9")).error(401, "bad_login")


def test_address(pair_with, new):
    one, two = pair_with(LOGIN_LIMIT_ADDRESS=3)
    anna = Device.register(one, new.anna)
    for n in range(3):
        login((one, two)[n % 2], new.nobody, WRONG, by("192.0.2.1")).error(401, "bad_login")
    limited(login(two, anna.name, headers=by("192.0.2.1")))
    Device.login(two, anna.name, headers=by("192.0.2.2"))


def test_addresses_of_one_network_are_one(pair_with, new):
    """Whoever has one IPv6 address has 2^64 of them."""
    one, _ = pair_with(LOGIN_LIMIT_ADDRESS=2)
    for n in range(2):
        login(one, new.nobody, WRONG, by(f"2001:db8::{n}")).error(401, "bad_login")
    limited(login(one, new.nobody, WRONG, by("2001:db8:0:0:ffff::1")))
    login(one, new.nobody, WRONG, by("2001:db8:0:1::1")).error(401, "bad_login")


def test_good_passwords_do_not_count(pair_with, new):
    one, _ = pair_with(LOGIN_LIMIT=2, LOGIN_LIMIT_NAME=2, LOGIN_LIMIT_ADDRESS=2)
    anna = Device.register(one, new.anna)
    for _ in range(5):
        Device.login(one, anna.name, device=anna.id)
    login(one, anna.name, WRONG).error(401, "bad_login")
    Device.login(one, anna.name, device=anna.id)  # forgives the name, not the address
    login(one, anna.name, WRONG).error(401, "bad_login")
    limited(login(one, anna.name, WRONG))


def test_window_ends(pair_with, new):
    one, _ = pair_with(LOGIN_LIMIT=1, LOGIN_WINDOW_S=1)
    anna = Device.register(one, new.anna)
    login(one, anna.name, WRONG).error(401, "bad_login")
    limited(login(one, anna.name))
    wait_for(lambda: login(one, anna.name).status == 200, "the window's end")


def test_password_is_not_guessed_through_its_change(pair_with, new):
    """A stolen access token does not make it easier."""
    one, _ = pair_with(LOGIN_LIMIT=2)
    anna = Device.register(one, new.anna)
    for _ in range(2):
        anna.ask(
            one, "POST", f"/users/{anna.name}/password", {"old": WRONG, "new": "something else"}
        ).error(401, "bad_login")
    body = {"password": WRONG}
    limited(anna.ask(one, "POST", f"/users/{anna.name}/delete", body))


def test_accounts_per_address(pair_with, new):
    one, two = pair_with(REGISTER_LIMIT_ADDRESS=2)
    name = new.anna
    Device.register(one, name, headers=by("192.0.2.1"))
    register(two, name, headers=by("192.0.2.1")).error(409, "name_taken")  # none was made
    Device.register(two, new.ben, headers=by("192.0.2.1"))
    reply = register(one, new.cy, headers=by("192.0.2.1"))
    assert reply.error(429, "login_limited")["retry_after_ms"] > 3_000_000
    Device.register(one, new.cy, headers=by("192.0.2.2"))


def test_proxy_that_nobody_trusts(start, own_redis, new):
    """Who may say any address has no limit."""
    server = start(own_redis(), **LIMITS | {"LOGIN_LIMIT_ADDRESS": 2})
    for n in range(2):
        login(server, new.nobody, WRONG, by(f"192.0.2.{n}")).error(401, "bad_login")
    limited(login(server, new.nobody, WRONG, by("192.0.2.9")))


def test_refresh_is_not_limited(pair_with, new):
    one, _ = pair_with(LOGIN_LIMIT_ADDRESS=1)
    anna = Device.register(one, new.anna)
    login(one, anna.name, WRONG).error(401, "bad_login")
    limited(login(one, anna.name))
    anna.refreshed(one)
    ask(one, "POST", "/token", {"refresh_token": "x"}).error(401, "bad_token")

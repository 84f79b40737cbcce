"""Accounts: made, used, changed, ended; and what a guest may not have."""

import threading

import pytest

from support.client import Client
from support.deadline import wait_for
from support.rest import PASSWORD, Device, ask, login, register


def refused(server, name, code="name_taken"):
    """A guest does not get this name."""
    client = Client(server)
    client.send("hello", username=name)
    error = client.expect_error(code)
    client.close()
    return error


def test_register_login_hello(server, other, new, room):
    """From nothing to a name that nobody else can have, on both instances."""
    name = new.Anna
    made = Device.register(server, name)
    assert made.expires_in_s == 900
    again = Device.login(other, name)
    assert again.id != made.id
    first, second = made.connect(other, room), again.connect(server, room)
    second.say("it is me")
    assert first.expect("message", content="it is me")["user"] == name
    for instance in (server, other):
        for like in (name, name.lower(), name.upper(), name.replace("A", "\u0410")):
            refused(instance, like)
    first.close()
    second.close()
    refused(server, name)  # nor while nobody is there


def test_guest_gets_the_name_that_is_next_to_it(server, connect, new, room):
    name = new.anna
    Device.register(server, name)
    connect(server, name + "-2", room).say("hi")


def test_names_alike_cannot_be_registered(server, other, new):
    name = new.Larry
    Device.register(server, name)
    for like in (name, name.upper(), "I" + name[1:], name.replace("L", "\uff2c")):
        register(other, like).error(409, "name_taken")


def test_guest_registers_the_own_name(server, other, connect, new, room):
    anna = connect(server, new.anna, room)
    assert register(other, anna.user).error(409, "name_taken")["field"] == "name"
    register(other, anna.user, session="guessed").error(409, "name_taken")
    made = Device.register(other, anna.user, session=anna.session)
    anna.expect_close(4002, timeout=2)  # the name belongs to the account now
    refused(server, anna.user)
    made.connect(server, room).close()


def test_one_of_two_at_once(server, other, new):
    name, replies = new.anna, {}

    def run(instance, spelling):
        replies[spelling] = register(instance, spelling)

    threads = [
        threading.Thread(target=run, args=pair)
        for pair in ((server, name), (other, name.upper()))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(r.status for r in replies.values()) == [201, 409]
    winner = next(name for name, reply in replies.items() if reply.status == 201)
    assert Device.login(other, name).name == winner


def test_login_with_another_spelling(server, other, new):
    name = new.Anna
    Device.register(server, name)
    assert Device.login(other, name.upper()).name == name


def test_password_in_another_normal_form(server, new):
    """Two keyboards, one password: it is hashed in NFC."""
    name = new.anna
    Device.register(server, name, password="caf\u00e9 au lait")
    Device.login(server, name, password="cafe\u0301 au lait")
    login(server, name, password="cafe au lait").error(401, "bad_login")


def test_longest_password(server, new):
    name = new.anna
    Device.register(server, name, password="\u00e9" * 512)
    Device.login(server, name, password="\u00e9" * 512)
    login(server, name, password="\u00e9" * 511).error(401, "bad_login")
    register(server, new.ben, password="x" * 1025).error(400, "bad_password")
    register(server, new.ben, password="x" * 7).error(400, "bad_password")


def test_name_of_a_token_cannot_be_chosen(server, new):
    made = Device.register(server, new.anna)
    client = Client(server)
    client.send("hello", token=made.access, username=new.ben)
    assert client.expect_error("bad_field")["field"] == "username"
    client.close()


def test_new_password(server, other, new, room):
    name, fresh = new.anna, "another good password"
    here, there = Device.register(server, name), Device.login(other, name)
    stays, goes = here.connect(server, room), there.connect(server, room)
    path = f"/users/{name}/password"
    here.ask(server, "POST", path, {"old": "wrong password", "new": fresh}).error(401, "bad_login")
    here.ask(server, "POST", path, {"old": PASSWORD, "new": "short"}).error(400, "bad_password")
    here.ask(server, "POST", path, {"old": PASSWORD, "new": fresh}).done()
    goes.expect_close(4003, timeout=2)
    there.ask(other, "GET", "/devices").error(401, "bad_token")
    stays.say("still here")
    login(other, name).error(401, "bad_login")
    Device.login(other, name, password=fresh)


def test_only_ones_own_password(server, new):
    anna, ben = Device.register(server, new.anna), Device.register(server, new.ben)
    body = {"old": PASSWORD, "new": "another good password"}
    anna.ask(server, "POST", f"/users/{ben.name}/password", body).error(403, "wrong_user")
    anna.ask(server, "POST", f"/users/{ben.name}/delete", {"password": PASSWORD}).error(
        403, "wrong_user"
    )
    ask(server, "POST", f"/users/{ben.name}/password", body).error(401, "login_required")
    Device.login(server, ben.name)


def test_account_ends(server, other, connect, new, room):
    anna = Device.register(server, new.anna)
    client = anna.connect(other, room)
    path = f"/users/{anna.name}/delete"
    anna.ask(server, "POST", path, {"password": "wrong password"}).error(401, "bad_login")
    anna.ask(server, "POST", path, {"password": PASSWORD}).done()
    client.expect_close(4003, timeout=2)
    login(other, anna.name).error(401, "bad_login")
    ask(other, "POST", "/token", {"refresh_token": anna.refresh}).error(401, "bad_token")
    anna.ask(server, "GET", "/devices").error(401, "bad_token")
    connect(server, anna.name, room)  # free for everybody


def test_accounts_off(start, redis, connect, new, room):
    off = start(redis, ACCOUNTS="off")
    register(off, new.anna).error(404, "accounts_off")
    login(off, new.anna).error(404, "accounts_off")
    connect(off, new.anna, room).say("hi")
    assert off.count_threads("password") == 0


def test_accounts_required(start, redis, new, room):
    required = start(redis, ACCOUNTS="required")
    refused(required, new.guest, "login_required")
    Device.register(required, new.anna).connect(required, room).say("hi")


def test_no_more_than_can_be_hashed(start, redis, connect, new, room):
    """The rest is told to come back, at once; chat does not wait for any of them."""
    server = start(redis, PASSWORD_QUEUE=2, LOGIN_LIMIT=0, LOGIN_LIMIT_NAME=0)
    anna = Device.register(server, new.anna)
    client, replies = connect(server, new.guest, room), []
    threads = [
        threading.Thread(target=lambda: replies.append(login(server, anna.name)))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    client.say("in between")
    for thread in threads:
        thread.join()
    busy = [reply for reply in replies if reply.status == 503]
    for reply in busy:
        assert reply.error(503, "busy")["retry_after_ms"] > 0
    assert len(busy) < 16 and all(r.status == 200 for r in replies if r not in busy)
    assert server.stats()["counters"]["passwords_refused"] == len(busy) > 0


# ---- Redis


def test_account_outlives_a_redis_with_a_file(start, own_redis, new, room):
    redis = own_redis()
    server = start(redis)
    anna = Device.register(server, new.anna)
    redis.kill()
    server.wait_health(503)
    login(server, anna.name).error(503, "unavailable")
    register(server, new.ben).error(503, "unavailable")
    redis.start()
    server.wait_health(200)
    anna.connect(server, room).close()
    Device.login(server, anna.name)
    refused(server, anna.name)


@pytest.fixture
def wiped(start, own_redis, new):
    """A Redis without file that had an account, and has lost it."""
    redis = own_redis(durable=False)
    server = start(redis, PRESENCE_TTL_S=4)
    anna = Device.register(server, new.anna)
    redis.kill()
    server.wait_health(503)
    redis.start()
    server.wait_health(200)
    return server, redis, anna


def test_nobody_takes_a_name_while_an_archive_may_bring_it(wiped, new):
    """Without an archive the names are free again, but not before one could have come."""
    server, redis, anna = wiped
    assert redis.client.hget("confab:accounts:ready", "by") is None
    login(server, anna.name).error(503, "unavailable")
    register(server, anna.name).error(503, "unavailable")
    guest = Client(server)
    guest.send("hello", username=anna.name)
    guest.expect("welcome")
    assert redis.client.hget("confab:accounts:ready", "by") == "open"
    assert server.logged(event="accounts_missing")
    guest.close()


def test_everybody_logs_in_again_after_a_wipe(wiped):
    server, _, anna = wiped
    client = Client(server)
    client.send("hello", token=anna.access)
    # its key is gone, too, or its device is
    wait_for(lambda: client.pending or not client.is_open, "an answer")
    assert not client.is_open or client.pending[0]["code"] == "bad_token"
    ask(server, "POST", "/token", {"refresh_token": anna.refresh}).error(401, "bad_token")

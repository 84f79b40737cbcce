"""A Redis that lost everything gets its accounts back from an archive."""

import contextlib
import json
import sqlite3

import pytest

from support.client import Client
from support.deadline import wait_for
from support.rest import PASSWORD, Device, login


def archived(folder):
    """Accounts in the file, by name; None for those that ended."""
    with contextlib.closing(sqlite3.connect(f"file:{folder}/archive.db?mode=ro", uri=True)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'record'").fetchone():
            return {}  # it is being made
        rows = db.execute("SELECT name, json FROM record WHERE kind = 'account'")
        return {name: json.loads(text) if text else None for name, text in rows}


@pytest.fixture
def redis(own_redis):
    return own_redis(durable=False)


@pytest.fixture
def keep(start, redis, tmp_path):
    """An instance with an archive, which has said what it had."""

    def keep():
        server = start(redis, ARCHIVE_DIR=tmp_path, ARCHIVE="sqlite")
        ready = "confab:accounts:ready"
        wait_for(lambda: redis.client.hget(ready, "by") == "restored", "accounts are known")
        return server

    return keep


@pytest.fixture
def keeper(keep):
    return keep()


def wipe(redis, *servers):
    redis.kill()
    for server in servers:
        server.wait_health(503)
    redis.start()
    for server in servers:
        server.wait_health(200)


def guest_is_refused(server, name):
    client = Client(server)
    client.send("hello", username=name)
    client.expect_error("name_taken")
    client.close()


def test_accounts_come_back(keeper, redis, start, tmp_path, new, room):
    other = start(redis)  # has no archive
    anna, ben = Device.register(other, new.anna), Device.register(keeper, new.ben)
    body = {"old": PASSWORD, "new": "another good password"}
    ben.ask(other, "POST", f"/users/{ben.name}/password", body).done()
    changed = redis.client.hgetall(f"confab:account:{ben.name}")
    wait_for(lambda: archived(tmp_path).get(ben.name) == changed, "the change is archived")
    wipe(redis, keeper, other)
    for server in (keeper, other):
        guest_is_refused(server, anna.name.upper())
        wait_for(lambda: login(server, anna.name).status == 200, "the account is there")
        Device.login(server, ben.name, password="another good password")
        login(server, ben.name).error(401, "bad_login")
    Device.login(other, anna.name).connect(keeper, room).close()
    assert keeper.logged(event="accounts_restored", count="2")
    assert redis.client.hget("confab:accounts:ready", "by") == "restored"


def test_no_guest_is_faster_than_the_archive(keeper, redis, tmp_path, start, new):
    """Not even one who stood at the door when Redis came back."""
    anna = Device.register(keeper, new.anna)
    wait_for(lambda: anna.name in archived(tmp_path), "the account is archived")
    other = start(redis)
    other.wait_log(event="store", state="ready")
    redis.kill()
    for server in (keeper, other):
        server.wait_health(503)
    guests = [Client(server) for server in (keeper, other) for _ in range(5)]
    for guest in guests:
        guest.send("hello", username=anna.name)
        guest.expect("status", state="degraded")
    redis.start()
    for guest in guests:
        guest.expect_error("name_taken")
        guest.close()


def test_account_that_ended_does_not_come_back(keeper, redis, tmp_path, new, connect, room):
    anna = Device.register(keeper, new.anna)
    anna.ask(keeper, "POST", f"/users/{anna.name}/delete", {"password": PASSWORD}).done()
    wait_for(lambda: archived(tmp_path).get(anna.name, "") is None, "its end is archived")
    wipe(redis, keeper)
    connect(keeper, anna.name, room).say("the name is free")


def test_archive_of_a_later_day(start, keep, redis, tmp_path, new):
    """It gets the accounts that were there before it, and so can bring them back."""
    first = start(redis)
    anna = Device.register(first, new.anna)
    keeper = keep()
    wait_for(lambda: anna.name in archived(tmp_path), "the account is archived")
    wipe(redis, first, keeper)
    guest_is_refused(first, anna.name)
    Device.login(first, anna.name)


def test_archive_that_comes_too_late(start, keep, redis, tmp_path, new, room):
    """Nobody was there to say that the name is registered; the account gets it back all the same."""
    keeper = keep()
    anna = Device.register(keeper, new.anna)
    wait_for(lambda: anna.name in archived(tmp_path), "the account is archived")
    keeper.stop()
    redis.kill()
    redis.start()
    other = start(redis)
    guest = Client(other, anna.name, room)
    guest.expect("welcome")
    keep()
    guest.expect_close(4002)
    guest_is_refused(other, anna.name)
    Device.login(other, anna.name)


def test_private_redis_that_lost_its_file(start, new, tmp_path):
    """The default: archive and Redis in one folder."""
    data = tmp_path / "data"
    server = start(None, DATA_DIR=data)
    Client(server, new.guest).expect("welcome")  # so it knows that there are no accounts
    anna = Device.register(server, new.anna)
    wait_for(lambda: anna.name in archived(data), "the account is archived")
    server.stop()
    for path in data.iterdir():
        if path.name.startswith("appendonly"):
            for file in path.iterdir() if path.is_dir() else [path]:
                file.unlink()
    again = start(None, DATA_DIR=data)
    guest_is_refused(again, anna.name)
    Device.login(again, anna.name)

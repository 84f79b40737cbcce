"""Rules of rooms that Redis has lost: nobody profits, and an archive brings them back."""

import contextlib
import json
import sqlite3

import pytest

from support.client import Client
from support.deadline import wait_for
from support.rest import Device

LOST = "a room's rules are lost"


def act(client, room, what, **fields):
    cid = client.new_cid()
    client.send("room", room=room, act=what, cid=cid, **fields)
    answer = client.expect(("ack", "room", "error"), cid=cid)
    assert answer["type"] != "error", answer
    return answer


def join(client, room):
    """'joined', or the error's code."""
    client.send("join", room=room)
    answer = client.expect(("joined", "error"))
    return answer.get("code", "joined")


def say(client, room):
    cid = client.new_cid()
    client.send("message", room=room, content="hi", cid=cid)
    answer = client.expect(("ack", "error"), cid=cid)
    return answer.get("code", "ack")


def joins_at_last(client, room, outcome):
    """While Redis does not know, the answer is `unavailable`, never anything else."""
    answers = [join(client, room)]

    def settled():
        if answers[-1] == "unavailable":
            answers.append(join(client, room))
        return answers[-1] != "unavailable"

    wait_for(settled, "the room's rules are known")
    assert answers[-1] == outcome, answers


def archived_rooms(folder):
    """Rooms in the file, by name: version."""
    with contextlib.closing(sqlite3.connect(f"file:{folder}/archive.db?mode=ro", uri=True)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'record'").fetchone():
            return {}
        rows = db.execute("SELECT name, json FROM record WHERE kind = 'room'")
        return {name: json.loads(text)["config"]["version"] for name, text in rows if text}


@pytest.fixture
def redis(own_redis):
    return own_redis(durable=False)


@pytest.fixture
def make(redis, tmp_path):
    """Rooms of a new account: `closed` is private, `hall` read-only."""

    def make(server, new, archive=False):
        if archive:
            known = "confab:accounts:ready"
            wait_for(lambda: redis.client.hget(known, "by") == "restored", "accounts are known")
        owner = Device.register(server, new.owner)
        client = Client(server)
        client.send("hello", token=owner.access)
        client.expect("welcome")
        rooms = new.closed, new.hall
        act(client, rooms[0], "create", access="private")
        act(client, rooms[1], "create", read_only=True)
        if archive:
            for room in rooms:
                version = redis.client.hget(f"confab:{{room:{room}}}:config", "version")
                wait_for(lambda: archived_rooms(tmp_path).get(room) == version, "it is archived")
        client.close()
        return owner, *rooms

    return make


def guest(server, new):
    client = Client(server)
    client.hello(new.guest)
    return client


def lost(server):
    return server.json("/api/v1/health")["rooms_lost"]


def test_without_an_archive_the_room_is_closed(start, redis, make, new):
    server = start(redis)
    owner, closed, hall = make(server, new)
    inside, outside = guest(server, new), guest(server, new)
    assert join(inside, hall) == "joined"
    assert say(inside, hall) == "read_only"
    assert lost(server) == 0
    redis.client.flushall()
    assert say(inside, hall) == "unavailable"
    wait_for(lambda: lost(server) == 1, "the loss is seen")
    assert server.json("/api/v1/health")["rooms_lost_reason"].startswith(LOST)
    assert server.logged(event="rules_lost", room=hall)
    assert join(outside, hall) == "unavailable"
    assert say(inside, hall) == "unavailable"
    # everything else goes on
    elsewhere = new.elsewhere
    assert join(outside, elsewhere) == "joined"
    assert say(outside, elsewhere) == "ack"
    inside.close()
    wait_for(lambda: lost(server) == 0, "a room without members counts no more")


def test_an_archive_brings_the_rules_back(start, redis, make, new, tmp_path):
    keeper = start(redis, ARCHIVE="sqlite", ARCHIVE_DIR=tmp_path)
    other = start(redis)
    owner, closed, hall = make(keeper, new, archive=True)
    members = guest(keeper, new), guest(other, new)
    for member in members:
        assert join(member, hall) == "joined"
    redis.client.flushall()
    for member in members:
        wait_for(lambda: say(member, hall) != "unavailable", "the rules are back")
        assert say(member, hall) == "read_only"
    for server in (keeper, other):
        stranger = guest(server, new)
        joins_at_last(stranger, closed, "private_room")
        joins_at_last(stranger, hall, "joined")
        wait_for(lambda: lost(server) == 0, "nothing is lost")
    assert keeper.logged(event="rooms_restored", count="2")
    again = Client(other)
    again.send("hello", token=Device.login(other, owner.name).access)
    again.expect("welcome")
    assert join(again, closed) == "joined"
    act(again, closed, "topic", topic="mine still")


@pytest.mark.parametrize("accounts", ["optional", "off"])
def test_nobody_is_faster_than_the_archive(start, redis, make, new, tmp_path, accounts):
    """All end, Redis comes back empty; who stands at the door gets in only by the rules."""
    keeper = start(redis, ARCHIVE="sqlite", ARCHIVE_DIR=tmp_path)
    owner, closed, hall = make(keeper, new, archive=True)
    keeper.stop()
    redis.kill()
    again = start(redis, ready=False, ARCHIVE="sqlite", ARCHIVE_DIR=tmp_path, ACCOUNTS=accounts)
    again.wait_health(503)
    names = [new.guest for _ in range(5)]
    clients = [Client(again) for _ in names]
    for client, name in zip(clients, names):
        client.send("hello", username=name)
        client.expect("status", state="degraded")
    redis.start()
    for client in clients:
        client.expect("welcome")
        assert join(client, closed) == "private_room"
        assert join(client, hall) == "joined"
        assert say(client, hall) == "read_only"


def test_an_archive_of_a_later_day_has_the_rooms_of_before(start, redis, make, new, tmp_path):
    first = start(redis)
    owner, closed, hall = make(first, new)
    start(redis, ARCHIVE="sqlite", ARCHIVE_DIR=tmp_path)
    wait_for(lambda: {closed, hall} <= set(archived_rooms(tmp_path)), "the rooms are archived")


def test_config_alone_is_lost(start, redis, make, new):
    """Numbers still say that there were rules: nobody new gets in."""
    server, other = start(redis), start(redis)
    owner, closed, hall = make(server, new)
    redis.client.delete(f"confab:{{room:{closed}}}:config")
    for s in (server, other):
        assert join(guest(s, new), closed) == "unavailable"

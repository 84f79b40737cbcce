"""Rooms with an owner: who may do what, and who sees what. Nothing here depends on pumps: two
instances with the defaults serve all tests."""

import itertools

import pytest

from support.client import Client
from support.rest import Device, ask
from support.server import Server

QUIET = {"RATE_LIMIT_MESSAGES": 0, "REGISTER_LIMIT_ADDRESS": 0, "LOGIN_LIMIT_ADDRESS": 0}
KICK_S = 1
SETTINGS = {"KICK_S": KICK_S, "ROOMS_PER_ACCOUNT": 10000, **QUIET}
ROLES = ("owner", "moderator", "member", "other", "guest")
_rooms = itertools.count(1)


@pytest.fixture(scope="module")
def halls(redis):
    """Two instances."""
    with Server(redis, **SETTINGS) as a, Server(redis, **SETTINGS) as b:
        a.wait_health(200)
        b.wait_health(200)
        yield a, b


def act(client, room, act, **fields):
    """Does it; the answer: ack, room or error."""
    cid = client.new_cid()
    client.send("room", room=room, act=act, cid=cid, **fields)
    return client.expect(("ack", "room", "error"), cid=cid)


def done(client, room, what, **fields):
    answer = act(client, room, what, **fields)
    assert answer["type"] != "error", answer
    return answer


def outcome(answer):
    return answer["code"] if answer["type"] == "error" else "done"


def joins(client, room, **fields):
    """Tries to: 'done' or the error's code."""
    client.send("join", room=room, **fields)
    answer = client.expect(("joined", "error"))
    return outcome(answer)


def says(client, room, content="hi"):
    cid = client.new_cid()
    client.send("message", room=room, content=content, cid=cid)
    return client.expect(("ack", "error"), cid=cid)


class People:
    """One client for each role, owner and member on one instance, the rest on the other."""

    def __init__(self, halls):
        self.devices, self.clients, self.names = {}, {}, {}
        for role, hall in zip(ROLES[:-1], (halls[0], halls[1], halls[0], halls[1])):
            name = f"{role}-{next(_rooms)}"
            self.devices[role] = Device.register(halls[0], name)
            self.names[role] = name
            client = Client(hall)
            client.send("hello", token=self.devices[role].access)
            client.expect("welcome")
            self.clients[role] = client
        guest = Client(halls[1])
        self.names["guest"] = f"guest-{next(_rooms)}"
        guest.hello(self.names["guest"])
        self.clients["guest"] = guest

    def room(self, **fields):
        """A new one, with its list."""
        room = f"hall-{next(_rooms)}"
        done(self.clients["owner"], room, "create", **fields)
        for role in ("moderator", "member"):
            done(self.clients["owner"], room, "role", user=self.names[role], role=role)
        return room

    def everybody_out(self, room):
        for client in self.clients.values():
            client.send("leave", room=room)
            client.expect(("left", "error"))

    def close(self):
        for client in self.clients.values():
            client.close()


@pytest.fixture(scope="module")
def people(halls):
    people = People(halls)
    yield people
    people.close()


@pytest.fixture
def room(people):
    return people.room()


@pytest.fixture
def private(people):
    return people.room(access="private")


# ---- the table: who may do what. A word for all, or one for each of ROLES.

NO, ACCOUNT = "not_allowed", "account_needed"
MODERATES = ("done", "done", NO, NO, ACCOUNT)
OWNS = ("done", NO, NO, NO, ACCOUNT)
ACTS = [
    ("topic", {"topic": "tea"}, MODERATES),
    ("slow", {"seconds": 5}, MODERATES),
    ("mute", {"user": "victim", "seconds": 60}, MODERATES),
    ("ban", {"user": "victim", "seconds": 60, "reason": "noise"}, MODERATES),
    ("kick", {"user": "victim"}, MODERATES),
    ("unmute", {"user": "muted"}, MODERATES),
    ("unban", {"user": "banned"}, MODERATES),
    ("invite", {}, MODERATES),
    ("access", {"access": "private"}, OWNS),
    ("read_only", {"on": True}, OWNS),
    ("role", {"user": "{other}", "role": "member"}, OWNS),
    ("role", {"user": "{other}", "role": "moderator"}, OWNS),
    ("role", {"user": "{member}", "role": "owner"}, OWNS),
    ("role", {"user": "{owner}", "role": "none"}, ("last_owner", NO, NO, NO, ACCOUNT)),
    ("destroy", {}, OWNS),
    ("create", {}, ("room_exists",) * 4 + (ACCOUNT,)),
    ("info", {}, ("done",) * 5),
    # against each other
    ("mute", {"user": "{owner}", "seconds": 9}, (NO, NO, NO, NO, ACCOUNT)),
    ("ban", {"user": "{moderator}", "seconds": 9}, ("done", NO, NO, NO, ACCOUNT)),
    ("kick", {"user": "{moderator}"}, ("done", NO, NO, NO, ACCOUNT)),
    ("ban", {"user": "{member}", "seconds": 9}, MODERATES),
    ("kick", {"user": "{guest}"}, MODERATES),
]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("what", range(len(ACTS)), ids=[f"{n}-{a[0]}" for n, a in enumerate(ACTS)])
def test_acts(people, room, what, role):
    name, fields, wanted = ACTS[what]
    for kind, user in (("mute", "muted"), ("ban", "banned")):
        done(people.clients["owner"], room, kind, user=user, seconds=0)
    fields = {k: v.format(**people.names) if isinstance(v, str) else v for k, v in fields.items()}
    answer = act(people.clients[role], room, name, **fields)
    assert outcome(answer) == wanted[ROLES.index(role)]


READS = {
    "public": ({}, ("done",) * 5),
    "private": ({"access": "private"}, ("done", "done", "done", "private_room", "private_room")),
}
WRITES = {
    "public": ({}, ("done",) * 5),
    "read-only": ({"read_only": True}, ("done", "done", "read_only", "read_only", "read_only")),
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", READS)
def test_reading(people, halls, kind, role):
    fields, wanted = READS[kind]
    wanted = wanted[ROLES.index(role)]
    room = people.room(**fields)
    client = people.clients[role]
    assert joins(client, room) == wanted
    assert outcome(act(client, room, "info")) == wanted
    cid = client.new_cid()
    client.send("history", room=room, cid=cid)
    answer = client.expect(("history", "error"), cid=cid)
    assert outcome(answer) == ("not_joined" if wanted != "done" else "done")
    token = people.devices[role].access if role in people.devices else None
    for hall in halls:
        reply = ask(hall, "GET", f"/messages/{room}", token=token)
        if wanted == "done":
            assert (reply.status, len(reply.body["messages"])) == (200, 3)
        else:
            reply.error(403, wanted)
    people.everybody_out(room)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", WRITES)
def test_writing(people, kind, role):
    fields, wanted = WRITES[kind]
    room = people.room(**fields)
    client = people.clients[role]
    assert joins(client, room) == "done"
    assert outcome(says(client, room)) == wanted[ROLES.index(role)]
    people.everybody_out(room)

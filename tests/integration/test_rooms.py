"""Rooms with an owner: who may do what, and who sees what. Nothing here depends on pumps: two
instances with the defaults serve all tests."""

import itertools
import os
import signal
import time

import pytest

from support.client import Client
from support.deadline import wait_for
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
    if answer["type"] == "joined":
        client.expect("history", room=room)
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


# ---- an act is a message


def test_an_act_is_a_message_of_the_room(people, room):
    owner, guest = people.clients["owner"], people.clients["guest"]
    assert joins(guest, room) == "done"
    cid = owner.new_cid()
    for duplicate in (None, True):
        owner.send("room", room=room, act="mute", user="carol", seconds=600, reason="spam", cid=cid)
        ack = owner.expect("ack", cid=cid)
        assert (ack["seq"], ack.get("duplicate")) == (4, duplicate)
    event = guest.expect("message", kind="room", room=room)
    assert (event["seq"], event["id"]) == (4, ack["id"])
    assert (event["act"], event["user"], event["who"]) == ("mute", people.names["owner"], "carol")
    assert event["content"] == f"{people.names['owner']} muted carol for 10 minutes: spam"
    assert abs(event["timestamp"] + 600_000 - event["until"]) < 100  # two looks at the clock
    people.everybody_out(room)


def test_joined_tells_what_restricts_the_room(people):
    room = people.room(access="private", read_only=True, topic="tea & \"cake\"")
    owner, member = people.clients["owner"], people.clients["member"]
    done(owner, room, "slow", seconds=5)
    done(owner, room, "mute", user=people.names["member"], seconds=60)
    guard = owner.join(room)[0]["guard"]
    wanted = {"access": "private", "read_only": True, "slow_ms": 5000, "topic": "tea & \"cake\""}
    wanted["owner"] = people.names["owner"]
    assert guard == {**wanted, "role": "owner"}
    guard = member.join(room)[0]["guard"]
    assert guard.pop("muted_until") > time.time() * 1000
    assert guard == {**wanted, "role": "member"}
    people.everybody_out(room)


def test_a_room_that_nobody_owns_says_nothing(people, new):
    room = new.room
    assert "guard" not in people.clients["guest"].join(room)[0]
    people.everybody_out(room)


def test_info_has_lists_for_moderators_alone(people, private):
    done(people.clients["owner"], private, "ban", user="dave", seconds=0, reason="noise")
    code = done(people.clients["moderator"], private, "invite", uses=-1)["code"]
    names = people.names
    for role in ("moderator", "member"):
        info = done(people.clients[role], private, "info")
        assert (info["access"], info["owner"], info["role"]) == ("private", names["owner"], role)
        assert info["members"] == {names[r]: r for r in ("owner", "moderator", "member")}
        assert ("sanctions" in info, "invitations" in info) == (role == "moderator",) * 2
        if role == "moderator":
            assert [(s["user"], s["until"]) for s in info["sanctions"]] == [("dave", 0)]
            assert [i["code"] for i in info["invitations"]] == [code]


# ---- private: by list, by invitation


def test_a_list_lets_in_and_out(people, private):
    owner, other = people.clients["owner"], people.clients["other"]
    name = people.names["other"]
    assert joins(other, private) == "private_room"
    done(owner, private, "role", user=name, role="member")
    assert joins(other, private) == "done"
    assert says(other, private)["type"] == "ack"
    done(owner, private, "role", user=name, role="none")
    assert other.expect("left", room=private)["reason"] == "private"
    assert outcome(says(other, private)) == "not_joined"
    assert joins(other, private) == "private_room"


def test_an_invitation_is_used_once(people, private):
    code = done(people.clients["moderator"], private, "invite")["code"]
    other, guest = people.clients["other"], people.clients["guest"]
    assert joins(guest, private, invite=code) == "account_needed"
    assert joins(people.clients["member"], private, invite=code) == "done"  # uses nothing up
    assert joins(other, private, invite=code) == "done"
    assert joins(other, private) == "done"  # a member now
    assert done(people.clients["owner"], private, "info")["invitations"] == []
    people.everybody_out(private)


@pytest.mark.parametrize("how", ["wrong", "of another room", "taken back", "ended"])
def test_a_bad_invitation(people, private, redis, how):
    owner, other = people.clients["owner"], people.clients["other"]
    code = done(owner, people.room() if how == "of another room" else private, "invite")["code"]
    if how == "wrong":
        code = "0" * len(code)
    elif how == "taken back":
        done(owner, private, "uninvite", code=code)
    elif how == "ended":
        redis.client.pexpire(f"confab:invite:{code}", 1)
        wait_for(lambda: not redis.client.exists(f"confab:invite:{code}"), "it ended")
    assert joins(other, private, invite=code) == "bad_invitation"
    assert joins(other, private) == "private_room"


def test_an_invitation_does_not_lift_a_ban(people, private):
    owner, other = people.clients["owner"], people.clients["other"]
    code = done(owner, private, "invite")["code"]
    done(owner, private, "ban", user=people.names["other"], seconds=60)
    assert joins(other, private, invite=code) == "banned"


def test_of_twenty_at_once_one_gets_in_by_one_use(people, private, halls):
    code = done(people.clients["owner"], private, "invite")["code"]
    clients = []
    for n in range(20):
        clients.append(Client(halls[n % 2]))
        device = Device.register(halls[0], f"crowd-{n}-{next(_rooms)}")
        clients[n].send("hello", token=device.access)
        clients[n].expect("welcome")
    for client in clients:
        client.send("join", room=private, invite=code)
    answers = [outcome(client.expect(("joined", "error"))) for client in clients]
    assert sorted(answers) == ["bad_invitation"] * 19 + ["done"]
    for client in clients:
        client.close()


# ---- writing


def test_slow_mode_counts_over_instances(people, halls, room):
    done(people.clients["owner"], room, "slow", seconds=60)
    devices = [people.devices["member"].connect(hall) for hall in halls]
    for device in devices:
        device.join(room)
    assert outcome(says(devices[0], room)) == "done"
    refused = says(devices[1], room)
    assert outcome(refused) == "slow_mode" and refused["temporary"]
    assert 50_000 < refused["retry_after_ms"] <= 60_000
    moderator = people.clients["moderator"]
    assert joins(moderator, room) == "done"
    for _ in range(2):
        assert outcome(says(moderator, room)) == "done"
    people.everybody_out(room)


def test_the_muted_read_and_write_again_when_they_may(people, room):
    owner, guest = people.clients["owner"], people.clients["guest"]
    assert joins(guest, room) == joins(owner, room) == "done"
    done(owner, room, "mute", user=people.names["guest"], seconds=60)
    refused = says(guest, room)
    assert outcome(refused) == "muted"
    assert 50_000 < refused["retry_after_ms"] <= 60_000
    assert outcome(says(owner, room, "heard?")) == "done"
    guest.expect("message", content="heard?")
    done(owner, room, "unmute", user=people.names["guest"])
    assert outcome(says(guest, room)) == "done"
    people.everybody_out(room)


# ---- out


def test_a_ban_ends_by_itself(people, room):
    owner, guest = people.clients["owner"], people.clients["guest"]
    assert joins(guest, room) == "done"
    done(owner, room, "ban", user=people.names["guest"], seconds=1)
    left = guest.expect("left", room=room)
    assert left["reason"] == "banned" and left["until"] > left_at(guest, room)
    guest.send("join", room=room)
    refused = guest.expect(("joined", "error"))
    assert outcome(refused) == "banned" and 0 < refused["retry_after_ms"] <= 1000
    wait_for(lambda: joins(guest, room) == "done", "the ban ends")
    people.everybody_out(room)


def left_at(client, room):
    """When the act was that took it out."""
    return client.expect("message", kind="room", room=room)["timestamp"]


def test_a_kick_reaches_all_devices_on_all_instances(people, halls, room):
    devices = [people.devices["member"].connect(hall) for hall in (*halls, halls[0])]
    for device in devices:
        device.join(room)
    moderator = people.clients["moderator"]
    assert joins(moderator, room) == "done"
    kicked = done(moderator, room, "kick", user=people.names["member"], reason="enough")["seq"]
    for _ in range(5):
        assert outcome(says(moderator, room)) == "done"
    for device in devices:
        left = device.expect("left", room=room)
        assert (left["reason"], left["until"] > 0) == ("kicked", True)
        assert outcome(says(device, room)) == "not_joined"
        assert max(device.seqs(room)) == kicked
    moderator.expect("presence", room=room, leave=[people.names["member"]])
    people.everybody_out(room)


def test_nobody_outside_hears_of_a_room_that_became_private(people, room):
    """While others write without a break."""
    owner, guest, other = (people.clients[r] for r in ("owner", "guest", "other"))
    for client in people.clients.values():
        assert joins(client, room) == "done"
    writers = [people.clients["moderator"], people.clients["member"]]
    for writer in writers:
        writer.send_many([message(room, n) for n in range(100)])
    act_seq = done(owner, room, "access", access="private")["seq"]
    for writer in writers:
        writer.send_many([message(room, n) for n in range(100)])
    for outsider in (guest, other):
        assert outsider.expect("left", room=room)["reason"] == "private"
    everything = list(range(1, 3 + 1 + 400 + 1))
    for insider in (owner, *writers):
        wait_for(lambda: len(insider.seqs(room)) >= len(everything), "all is there")
        assert insider.seqs(room) == everything
    for outsider in (guest, other):
        assert outsider.seqs(room) == list(range(1, act_seq + 1))
    people.everybody_out(room)


def message(room, n):
    return {"type": "message", "room": room, "content": f"m{n}", "cid": Client.new_cid()}


def test_an_act_that_an_instance_missed(own_redis, start):
    """Redis says so to nobody there; the instance sees it when it is back."""
    redis = own_redis()
    halls = start(redis, **SETTINGS), start(redis, **SETTINGS)
    people = People(halls)
    room = people.room()
    for client in people.clients.values():
        assert joins(client, room) == "done"
    os.kill(halls[1].process.pid, signal.SIGSTOP)
    try:
        redis.kill_clients("pubsub")
        done(people.clients["owner"], room, "access", access="private")
        act_seq = done(people.clients["owner"], room, "topic", topic="us")["seq"]
    finally:
        os.kill(halls[1].process.pid, signal.SIGCONT)
    for role in ("other", "guest"):
        assert people.clients[role].expect("left", room=room)["reason"] == "private"
        assert people.clients[role].seqs(room)[-1] < act_seq
    wait_for(lambda: people.clients["moderator"].seqs(room)[-1] == act_seq, "it is back")
    people.close()


def test_a_room_that_ended_is_anybodys(people, halls, room):
    owner, guest = people.clients["owner"], people.clients["guest"]
    for client in (owner, guest):
        assert joins(client, room) == "done"
    epoch = guest.epoch[room]
    done(owner, room, "destroy")
    for client in (owner, guest):
        assert client.expect("left", room=room)["reason"] == "destroyed"
    guest.send("join", room=room)
    joined, history = guest.expect_joined(room)
    assert joined["epoch"] != epoch and "guard" not in joined
    assert history["messages"] == []
    assert outcome(says(guest, room)) == "done"
    for hall in halls:
        reply = ask(hall, "GET", f"/messages/{room}")
        assert (reply.status, len(reply.body["messages"])) == (200, 1)
    people.everybody_out(room)


# ---- what was said before


def test_only_those_on_the_list_search_a_private_room(own_redis, start, tmp_path):
    redis = own_redis()
    keep = {"ARCHIVE": "sqlite", "ARCHIVE_DIR": tmp_path / "archive"}
    halls = start(redis, **SETTINGS, **keep), start(redis, **SETTINGS)
    people = People(halls)
    room = people.room(access="private")
    member, other = people.clients["member"], people.clients["other"]
    assert joins(member, room) == "done"
    assert outcome(says(member, room, "the secret word")) == "done"

    def found(hall, role):
        reply = people.devices[role].ask(hall, "GET", f"/search?q=secret&room={room}")
        if reply.status != 200:
            return reply
        return [r["message"]["content"] for r in reply.body["results"]]

    wait_for(lambda: found(halls[0], "member") == ["the secret word"], "it is in the archive")
    for hall in halls:
        assert found(hall, "member") == ["the secret word"]
        found(hall, "other").error(403, "private_room")
        ask(hall, "GET", f"/search?q=secret&room={room}").error(403, "private_room")
        ask(hall, "GET", f"/messages/{room}?before=2").error(403, "private_room")
    for client, results in ((member, 1), (other, 0)):
        client.send("search", q="secret")
        assert len(client.expect("search")["results"]) == results
    other.send("search", q="secret", room=room)
    other.expect_error("not_joined")
    done(people.clients["owner"], room, "role", user=people.names["member"], role="none")
    member.expect("left", room=room)
    member.send("search", q="secret")
    assert member.expect("search")["results"] == []
    people.close()

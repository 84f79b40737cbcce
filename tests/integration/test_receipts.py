"""Who has what of a room, and who was seen when."""

import time

import pytest

from support.deadline import wait_for
from support.server import Server

SMALL = 32  # people up to which a room tells it


@pytest.fixture(scope="module")
def short(redis):
    """Two instances whose leases end after two seconds."""
    settings = {"RATE_LIMIT_MESSAGES": 0, "PRESENCE_TTL_S": 2}
    with Server(redis, **settings) as a, Server(redis, **settings) as b:
        a.wait_health(200)
        b.wait_health(200)
        yield a, b


def received(client, seq, **fields):
    frame = {"room": client.room, "epoch": client.epoch[client.room], "seq": seq}
    client.send("received", **{**frame, **fields})


def has(name, got, read):
    return {"marks": lambda marks: marks.get(name) == [got, read]}


def test_members_learn_who_has_and_who_read_what(here, there, connect, new, room):
    anna, ben = connect(here, new.anna, room), connect(there, new.ben, room)
    anna.say_all(["one", "two", "three"])
    received(ben, 3)
    frame = anna.expect("marks", **has(ben.user, 3, 0))
    assert frame == {
        "type": "marks",
        "room": room,
        "epoch": anna.epoch[room],
        "marks": {ben.user: [3, 0]},
    }
    ben.send("read", room=room, seq=2)
    anna.expect("marks", **has(ben.user, 3, 2))
    ben.expect("marks", **has(ben.user, 3, 2))
    assert anna.frames[0]["limits"]["receipts"] == SMALL


def test_who_comes_later_is_told_all(here, there, connect, start, redis, new, room):
    anna, ben = connect(here, new.anna, room), connect(there, new.ben, room)
    anna.say_all(["one", "two"])
    received(ben, 2)
    ben.send("read", room=room, seq=1)
    anna.expect("marks", **has(ben.user, 2, 1))
    received(anna, 2)
    anna.expect("marks", marks={anna.user: [2, 0]})
    everything = {anna.user: [2, 0], ben.user: [2, 1]}
    for place in (here, start(redis)):  # one that knows it, and one that asks Redis
        cora = connect(place, new.cora, room)
        assert cora.expect("marks")["marks"] == everything


def test_marks_only_rise_and_name_what_is_there(here, there, redis, connect, new, room):
    anna, ben = connect(here, new.anna, room), connect(there, new.ben, room)
    anna.say_all(["one", "two", "three"])
    received(ben, 2)
    anna.expect("marks", **has(ben.user, 2, 0))
    received(ben, 1)
    received(ben, 9)
    received(ben, 3, epoch="other")
    ben.send("received", room=new.elsewhere, epoch="e", seq=1)
    assert ben.expect("error")["code"] == "not_joined"
    received(anna, 3)
    anna.expect("marks", **has(anna.user, 3, 0))
    ben.expect("marks", **has(anna.user, 3, 0))
    assert redis.client.hget(f"confab:{{room:{room}}}:marks", ben.user) == "2 0"
    assert all(f["marks"].get(ben.user, [2, 0]) == [2, 0] for f in anna.frames if f["type"] == "marks")


def test_marks_are_gathered(here, there, connect, new, room):
    """However fast people say it, a room is told once a second."""
    began = time.monotonic()
    anna, ben, cora = (connect(s, new.someone, room) for s in (here, there, there))
    anna.say_all([f"m{n}" for n in range(200)])
    for seq in range(1, 201):
        received(ben, seq)
        received(cora, seq)
    anna.expect("marks", **has(ben.user, 200, 0))
    told = [f for f in anna.frames if f["type"] == "marks"]
    assert len(told) <= 2 + (time.monotonic() - began)
    assert sum(len(f["marks"]) for f in told) <= 2 * len(told)


def test_a_large_room_says_and_keeps_nothing(short, redis, connect, new, room):
    server, other = short
    anna = connect(server, new.anna, room)
    crowd = [connect(other, new.someone, room) for _ in range(SMALL)]
    wait_for(lambda: int(redis.client.hlen(f"confab:{{room:{room}}}:users")) == SMALL + 1, "all")
    ben = crowd[-1]
    ben.expect("presence", count=SMALL + 1)
    anna.expect("presence", count=SMALL + 1)
    anna.say("one")
    received(ben, 1)
    ben.send("read", room=room, seq=1)
    ben.expect("read", room=room, seq=1)  # the reader's other devices want to know
    anna.say("fence")
    anna.until("message", content="fence")
    assert not redis.client.exists(f"confab:{{room:{room}}}:marks")
    assert not [f for f in anna.frames if f["type"] in ("marks", "read")]
    for one in crowd[1:]:
        one.send("leave", room=room)
    anna.expect("presence", count=2)
    received(crowd[0], 2)  # small again
    anna.expect("marks", **has(crowd[0].user, 2, 0))


def test_a_new_epoch_begins_without_marks(own_redis, start, connect, new, room):
    r = own_redis()
    server = start(r)
    anna, ben = connect(server, new.anna, room), connect(server, new.ben, room)
    anna.say_all(["one", "two", "three"])
    received(ben, 3)
    anna.expect("marks", **has(ben.user, 3, 0))
    old = anna.epoch[room]
    r.client.flushall()
    anna.say("again")
    anna.expect("joined", epoch=lambda epoch: epoch != old)
    ben.expect("joined", epoch=lambda epoch: epoch != old)
    seq = anna.say("more")["seq"]
    ben.expect("message", content="more")
    received(ben, seq)
    assert anna.expect("marks", epoch=anna.epoch[room])["marks"] == {ben.user: [seq, 0]}


def asks(client, *names):
    cid = client.new_cid()
    client.send("seen", names=list(names), cid=cid)
    reply = client.expect(("seen", "error"), cid=cid)
    return reply.get("people") or reply


def test_who_is_here_and_who_was_seen_when(short, connect, new, room):
    """Of guests too, and of those whose instance did not say goodbye."""
    server, other = short
    anna, ben = connect(server, new.anna, room), connect(other, new.ben, room)
    assert asks(anna, anna.user, ben.user, new.nobody) == {anna.user: 0, ben.user: 0}
    before = anna.frames[0]["server_time"]
    ben.close()
    at = wait_for(lambda: asks(anna, ben.user).get(ben.user), "that ben has left")
    anna.send("heartbeat", cid="now")
    assert before - 2000 <= at <= anna.expect("heartbeat", cid="now")["server_time"]


def test_who_was_on_an_instance_that_died(redis, start, short, connect, new, room):
    doomed = start(redis, PRESENCE_TTL_S=2)
    anna, ben = connect(short[0], new.anna, room), connect(doomed, new.ben, room)
    assert asks(anna, ben.user) == {ben.user: 0}
    doomed.process.kill()
    doomed.wait_exit()
    at = wait_for(lambda: asks(anna, ben.user).get(ben.user), "that ben is gone")
    assert abs(at - ben.frames[0]["server_time"]) < 10_000


def test_a_question_too_soon_is_busy(here, connect, new, room):
    anna = connect(here, new.anna, room)
    cids = [anna.new_cid() for _ in range(2)]
    anna.send_many({"type": "seen", "names": [anna.user], "cid": cid} for cid in cids)
    assert anna.expect("seen", cid=cids[0])["people"] == {anna.user: 0}
    error = anna.expect("error", cid=cids[1])
    assert error["code"] == "busy" and error["temporary"]


def test_a_heartbeat_with_a_cid_is_answered(here, connect, new, room):
    anna = connect(here, new.anna, room)
    anna.send("heartbeat", cid="rtt-1")
    assert anna.expect("heartbeat", cid="rtt-1")["server_time"] > 0

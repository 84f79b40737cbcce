"""What came while a device was away: kept, and delivered to each device once and in order."""

import json

import pytest

from support.away import Traveller
from support.deadline import wait_for
from support.rest import Device, register


@pytest.fixture
def anna(here, new):
    """A device of an account that never connected."""
    return Traveller(Device.register(here, new.anna))


def tell_all(client, to, count, label="m", window=64):
    """At most `window` unanswered: a connection may have 256 under way."""
    numbers = []
    for n in range(1, count + 1):
        if n > window:
            numbers.append(client.expect("ack")["seq"])
        client.send("private", to=to, content=f"{label}{n}", cid=client.new_cid())
    return numbers + [client.expect("ack")["seq"] for _ in range(count - len(numbers))]


def test_what_came_is_delivered_once_and_in_order(here, there, anna, connect, new):
    ben, cleo = connect(here, new.ben), connect(there, new.cleo)
    tell_all(ben, anna.device.name, 250)
    tell_all(cleo, anna.device.name, 250)
    anna.connect(here)
    assert [c["with"] for c in anna.conversations["list"]] in (
        [ben.user, cleo.user],
        [cleo.user, ben.user],
    )
    assert anna.of(ben.user)["unread"] == 250 and anna.of(ben.user)["received"] == 0
    anna.take_until(lambda: anna.count(ben.user) == 250 and anna.count(cleo.user) == 250)
    for writer in (ben, cleo):
        assert anna.texts(writer.user) == [f"m{n}" for n in range(1, 251)]
        assert anna.seqs(writer.user) == list(range(1, 251))
    assert anna.pages == 6 and not anna.doubled and anna.missed == 0


def test_each_device_has_its_own_cursor(here, there, anna, connect, new):
    ben = connect(here, new.ben)
    phone = Traveller(Device.login(there, anna.device.name))
    phone.connect(there)
    tell_all(ben, anna.device.name, 30)
    phone.take_until(lambda: phone.count(ben.user) == 30)  # live
    anna.connect(here)
    anna.take_until(lambda: anna.count(ben.user) == 30)
    assert phone.pages == 0 and anna.pages == 1
    for device in (phone, anna):
        assert device.seqs(ben.user) == list(range(1, 31)) and not device.doubled
        device.close()
    tell_all(ben, anna.device.name, 5, "later")
    for device, server in ((phone, here), (anna, there)):
        device.connect(server)
        device.take_until(lambda d=device: d.count(ben.user) == 35)
        assert device.seqs(ben.user) == list(range(1, 36)) and not device.doubled


def test_what_was_not_received_comes_again_and_what_was_does_not(here, there, anna, connect, new):
    ben = connect(here, new.ben)
    tell_all(ben, anna.device.name, 150)
    anna.connect(here)
    anna.take_until(lambda: anna.count(ben.user) == 100, received=False)
    anna.say_received(ben.user, 40)
    anna.close()
    wait_for(lambda: received(there, anna, ben.user) == 40, "the cursor in Redis")
    anna.connect(there)
    assert anna.of(ben.user)["received"] == 40
    anna.take_until(lambda: anna.count(ben.user) == 150)
    assert [seq for seq, _ in anna.doubled] == list(range(41, 101))
    assert anna.seqs(ben.user) == list(range(1, 151))


def received(server, traveller, name):
    """Where the device stands, as a fresh connection of it is told."""
    client = traveller.device.connect(server, caps=["away"])
    frame = client.expect("conversations")
    client.close()
    return next(c["received"] for c in frame["list"] if c["with"] == name)


def test_live_messages_wait_for_older_pages(here, there, anna, connect, new):
    """While pages of a conversation are to come, nothing that is live in it overtakes them."""
    ben, cleo = connect(here, new.ben), connect(there, new.cleo)
    name = anna.device.name
    cleo.tell(name, "before")
    tell_all(ben, name, 150)
    anna.connect(there)
    page = anna.client.expect("history")
    if page["to"] == cleo.user:  # times are kept in seconds
        anna.take(page)
        page = anna.client.expect("history")
    assert [m["seq"] for m in page["messages"]] == list(range(1, 101))
    tell_all(ben, name, 60, "live")
    tell_all(cleo, name, 3, "c")
    anna.client.tell(ben.user, "from this very device")
    ben.send("typing", to=name)  # comes the same way, behind all of that
    anna.client.expect("typing")
    live = [f for f in anna.client.frames if f["type"] == "private"]
    assert not [f for f in live if ben.user in (f["user"], f["to"])]
    anna.take(page)
    anna.take_until(lambda: anna.count(ben.user) == 211 and anna.count(cleo.user) == 4)
    assert anna.seqs(ben.user) == list(range(1, 212)) and not anna.doubled
    assert anna.seqs(cleo.user) == [1, 2, 3, 4]
    ben.tell(name, "and on")
    anna.take_until(lambda: anna.count(ben.user) == 212)
    live = [f for f in anna.client.frames if f["type"] == "private" and f["user"] == ben.user]
    assert [f["content"] for f in live] == ["and on"]


def test_messages_that_race_with_the_return(here, there, anna, connect, new):
    """People write while the device comes back again and again: nothing is lost, doubled by a
    page, or out of order."""
    name = anna.device.name
    writers = [connect(here, new.ben), connect(there, new.cleo)]
    sent = 0
    for turn in range(12):
        for writer in writers:
            writer.send_many(
                {"type": "private", "to": name, "content": f"m{sent + n}", "cid": writer.new_cid()}
                for n in range(1, 21)
            )
        sent += 20
        anna.connect((here, there)[turn % 2])
        enough = sent if turn == 11 else sent - 10
        anna.take_until(lambda e=enough: all(anna.count(w.user) >= e for w in writers))
        anna.close()
    for writer in writers:
        assert anna.texts(writer.user) == [f"m{n}" for n in range(1, sent + 1)]


def test_a_resume_point_counts_instead_of_the_cursor(here, anna, connect, new):
    ben = connect(here, new.ben)
    tell_all(ben, anna.device.name, 20)
    anna.connect(here)
    anna.take_until(lambda: anna.count(ben.user) == 20)
    epoch = anna.of(ben.user)["epoch"]
    anna.close()
    anna.connect(here, resume={f"@{ben.user}": {"epoch": epoch, "seq": 12}})
    anna.take_until(lambda: len(anna.doubled) == 8)
    anna.close()
    anna.connect(here, resume={f"@{ben.user}": {"epoch": "other", "seq": 12}})
    ben.tell(anna.device.name, "now")
    anna.take_until(lambda: anna.count(ben.user) == 21)
    assert len(anna.doubled) == 8


def test_a_second_device_starts_behind_the_read_marker(here, there, anna, connect, new):
    ben = connect(here, new.ben)
    tell_all(ben, anna.device.name, 20)
    anna.connect(here)
    anna.take_until(lambda: anna.count(ben.user) == 20)
    anna.client.send("read", to=ben.user, seq=15)
    anna.client.expect("read", seq=15)
    later = Traveller(Device.login(there, anna.device.name))
    later.connect(there)
    assert (later.of(ben.user)["received"], later.of(ben.user)["unread"]) == (15, 5)
    later.take_until(lambda: later.count(ben.user) == 5)
    assert later.seqs(ben.user) == list(range(16, 21))


def test_the_instance_is_killed_in_the_middle(redis, start, anna, here, connect, new):
    doomed = start(redis)
    ben = connect(here, new.ben)
    tell_all(ben, anna.device.name, 450)
    anna.connect(doomed)
    anna.take_until(lambda: anna.count(ben.user) == 200)
    doomed.process.kill()
    doomed.wait_exit()
    anna.client.expect_close()
    anna.connect(here)
    anna.take_until(lambda: anna.count(ben.user) == 450)
    assert anna.seqs(ben.user) == list(range(1, 451))
    assert len(anna.doubled) <= 200  # what it had gathered of `received`


def test_everything_restarts(own_redis, start, connect, new):
    r = own_redis()
    server = start(r)
    anna = Traveller(Device.register(server, new.anna))
    ben = connect(server, new.ben)
    anna.connect(server)
    tell_all(ben, anna.device.name, 10)
    anna.take_until(lambda: anna.count(ben.user) == 10)
    anna.client.send("read", to=ben.user, seq=4)
    anna.client.expect("read", seq=4)
    ben.expect("delivered", seq=10)
    anna.close()
    tell_all(ben, anna.device.name, 5)
    ben.close()
    server.stop()
    r.kill()
    r.start()
    server = start(r)
    anna.connect(server)
    assert {k: anna.of(ben.user)[k] for k in ("received", "read", "unread")} == {
        "received": 10,
        "read": 4,
        "unread": 11,
    }
    anna.take_until(lambda: anna.count(ben.user) == 15)
    assert anna.seqs(ben.user) == list(range(1, 16)) and not anna.doubled
    # the first message under another Redis process begins a new epoch; the numbers go on
    ben = connect(server, ben.user, session=ben.session)
    tell_all(ben, anna.device.name, 3)
    anna.take_until(lambda: anna.count(ben.user) == 18)
    anna.close()
    tell_all(ben, anna.device.name, 2)
    anna.connect(server)
    anna.take_until(lambda: anna.count(ben.user) == 20)
    assert anna.seqs(ben.user) == list(range(1, 21))


def test_redis_comes_back_empty(own_redis, start, connect, new):
    """Cursors and counts are gone with the rest; nothing is counted that is not there."""
    r = own_redis()
    server = start(r, PRESENCE_TTL_S=5)
    anna = Traveller(Device.register(server, new.anna))
    ben = connect(server, new.ben)
    tell_all(ben, anna.device.name, 3)
    r.client.flushall()
    cleo = connect(server, new.cleo)
    ack = cleo.tell(anna.device.name, "after")
    assert ack["seq"] == 1
    device = Traveller(register_again(server, anna.device.name))
    device.connect(server)
    assert [c["with"] for c in device.conversations["list"]] == [cleo.user]
    device.take_until(lambda: device.count(cleo.user) == 1)


def register_again(server, name):
    return wait_for(lambda: _registered(server, name), "accounts may be made again", 30)


def _registered(server, name):
    reply = register(server, name)
    return Device(reply, 201) if reply.status == 201 else None


def test_delivered_and_read_only_rise(here, there, anna, connect, new):
    ben = connect(here, new.ben)
    tell_all(ben, anna.device.name, 20)
    phone = Traveller(Device.login(there, anna.device.name))
    anna.connect(here)
    phone.connect(there)
    anna.take_until(lambda: anna.count(ben.user) == 20, received=False)
    phone.take_until(lambda: phone.count(ben.user) == 20, received=False)
    told = 0
    for device, seq in ((anna, 7), (phone, 5), (anna, 12), (phone, 12), (anna, 3), (phone, 20)):
        device.say_received(ben.user, seq)
        if told < seq:
            ben.expect("delivered", seq=seq)
            told = seq
    for seq in (6, 4, 9):
        anna.client.send("read", to=ben.user, seq=seq)
    ben.expect("read", seq=9)
    heard = [f for f in ben.frames if f["type"] in ("delivered", "read")]
    assert all(f["to"] == ben.user and f["user"] == anna.device.name for f in heard)
    assert [f["seq"] for f in heard if f["type"] == "delivered"] == [7, 12, 20]
    assert [f["seq"] for f in heard if f["type"] == "read"] == [6, 9]


def test_the_writer_learns_it_after_being_away(here, there, anna, new):
    ben = Traveller(Device.register(here, new.ben))
    ben.connect(here)
    tell_all(ben.client, anna.device.name, 4)
    ben.close()
    anna.connect(there)
    anna.take_until(lambda: anna.count(ben.device.name) == 4)
    anna.client.expect("delivered", seq=4)
    anna.client.send("read", to=ben.device.name, seq=3)
    anna.client.expect("read", seq=3)
    ben.connect(there)
    assert {k: ben.of(anna.device.name)[k] for k in ("delivered", "seen", "unread")} == {
        "delivered": 4,
        "seen": 3,
        "unread": 0,
    }


def test_unread_is_one_for_all_devices(here, there, anna, connect, new):
    ben, name = connect(here, new.ben), anna.device.name
    tell_all(ben, name, 6)
    anna.connect(here)
    assert anna.of(ben.user)["unread"] == 6
    anna.take_until(lambda: anna.count(ben.user) == 6)
    anna.client.tell(ben.user, "mine does not count")
    anna.client.send("read", to=ben.user, seq=2)
    anna.client.expect("read", seq=2)
    phone = Traveller(Device.login(there, name))
    assert phone.connect(there)["list"][0]["unread"] == 4
    phone.client.send("read", to=ben.user, seq=7)
    phone.client.expect("read", seq=7)
    anna.close()
    anna.connect(there)
    assert anna.of(ben.user)["unread"] == 0


def test_rooms_of_an_account_follow_to_its_devices(here, there, anna, connect, new, room):
    anna.connect(here)
    assert anna.conversations["rooms"] == {}
    second = new.room
    anna.client.join(room)
    anna.client.join(second)
    assert anna.client.say("hello", room=room)["seq"] == 1
    anna.client.send("read", room=room, seq=1)
    anna.client.expect("read", room=room, seq=1)
    phone = Traveller(Device.login(there, anna.device.name))
    assert phone.connect(there)["rooms"] == {room: 1, second: 0}
    phone.client.join(room)
    phone.client.send("leave", room=room)
    phone.client.expect("left", room=room)
    phone.close()
    assert phone.connect(there)["rooms"] == {second: 0}


def test_more_than_is_kept_is_counted(own_redis, start, connect, new):
    server = start(own_redis(), AWAY_MESSAGES=100)
    anna = Traveller(Device.register(server, new.anna))
    anna.connect(server)
    anna.close()
    ben = connect(server, new.ben)
    tell_all(ben, anna.device.name, 250)
    anna.connect(server)
    anna.take_until(lambda: anna.count(ben.user) == 100)
    assert anna.seqs(ben.user) == list(range(151, 251)) and anna.missed == 150
    anna.client.expect("delivered", seq=250)
    anna.close()
    anna.connect(server)
    assert anna.of(ben.user)["received"] == 250


def test_a_connection_may_move_to_another_device(here, there, anna, connect, new):
    ben, name = connect(here, new.ben), anna.device.name
    anna.connect(here)
    tell_all(ben, name, 3)
    anna.take_until(lambda: anna.count(ben.user) == 3)
    other = Device.login(there, name)
    ben_sees = ben.expect("delivered", seq=3)
    assert ben_sees["user"] == name
    anna.client.send("auth", token=other.access)
    anna.client.expect("auth", device=other.id)
    anna.conversations = anna.client.expect("conversations")
    assert anna.of(ben.user)["received"] == 0  # nothing was read
    anna.take_until(lambda: len(anna.doubled) == 3)
    tell_all(ben, name, 1, "then")
    anna.take_until(lambda: anna.count(ben.user) == 4)
    anna.close()
    wait_for(lambda: received(here, anna, ben.user) == 3, "the cursor of the first device")
    assert received(here, Traveller(other), ben.user) == 4


def test_without_the_cap_all_is_as_before(here, anna, connect, new):
    ben = connect(here, new.ben)
    tell_all(ben, anna.device.name, 3)
    client = anna.device.connect(here)
    assert client.frames[0]["private"] == {f"@{ben.user}": 3}
    client.send("history", to=ben.user)
    assert len(client.expect("history", to=ben.user)["messages"]) == 3
    assert "conversations" not in [f["type"] for f in client.frames]


def test_a_guest_has_conversations_and_tells_the_writer(here, connect, new):
    cleo, name = connect(here, new.cleo), new.dora
    tell_all(cleo, name, 2)
    dora = connect(here)
    dora.send("hello", username=name, caps=["away"])
    assert dora.expect("welcome")["private"] == {}
    frame = dora.expect("conversations")
    assert [(c["with"], c["unread"], c["received"]) for c in frame["list"]] == [(cleo.user, 2, 0)]
    assert (frame["rooms"], frame["mentions"]["seq"]) == ({}, 0)
    cleo.tell(name, "live")
    assert dora.expect("private")["seq"] == 3
    dora.send("received", to=cleo.user, epoch=frame["list"][0]["epoch"], seq=3)
    assert cleo.expect("delivered")["user"] == name
    assert not [f for f in dora.frames if f.get("away")]


@pytest.mark.parametrize(
    "fields",
    [
        {"epoch": "e", "seq": 1},
        {"to": "x y", "epoch": "e", "seq": 1},
        {"to": "ben", "seq": 1},
        {"to": "ben", "epoch": "e", "seq": -1},
        {"mentions": True, "to": "ben", "epoch": "e", "seq": 1},
    ],
    ids=str,
)
def test_bad_received(here, anna, fields):
    anna.connect(here)
    anna.client.send("received", **fields)
    assert anna.client.expect("error")["code"] in ("bad_field", "bad_name")


def test_received_of_what_is_not_there_is_ignored(here, there, anna, connect, new):
    ben = connect(here, new.ben)
    tell_all(ben, anna.device.name, 2)
    anna.connect(here)
    for to, epoch, seq in ((ben.user, "x", 1), (new.nobody, "x", 9), (anna.device.name, "", 1)):
        anna.client.send("received", to=to, epoch=epoch, seq=seq)
    anna.client.send("received", to=ben.user, epoch=anna.of(ben.user)["epoch"], seq=99)
    anna.client.send("received", mentions=True, epoch="", seq=5)
    anna.close()
    assert not [f for f in anna.client.frames if f["type"] == "error"]
    assert received(there, anna, ben.user) == 0
    anna.connect(here)
    anna.take_until(lambda: anna.count(ben.user) == 2)
    ben.expect("delivered", seq=2)
    assert len([f for f in ben.frames if f["type"] == "delivered"]) == 1


def test_where_somebody_is_can_be_read_in_redis(here, there, redis, anna, connect, new):
    anna.connect(here)
    phone = Device.login(there, anna.device.name).connect(there)
    places = json.loads(redis.client.get(f"confab:presence:{anna.device.name}"))
    assert set(places) == {here.instance, there.instance}
    now_s, now_us = redis.client.time()
    for until in places.values():
        assert 0 < until - (now_s * 1000 + now_us // 1000) <= 30000
    lease = json.loads(redis.client.get(f"confab:instance:{phone.instance}"))
    assert lease["pid"] == there.process.pid

"""Mentions: where somebody was named, told to each device once and in order."""

import pytest

from support.away import Traveller
from support.rest import Device


@pytest.fixture
def anna(here, new):
    return Traveller(Device.register(here, new.anna))


@pytest.fixture
def ben(here, connect, new, room):
    return connect(here, new.ben, room)


def test_a_mention_comes_live_and_says_where_it_is(there, anna, ben, room):
    anna.connect(there)
    ack = ben.say(f"so, @{anna.device.name}, what now?")
    mention = anna.client.expect("mention")
    assert mention["room"] == room and mention["user"] == ben.user
    assert (mention["seq"], mention["message"], mention["id"]) == (1, ack["seq"], ack["id"])
    assert mention["message_epoch"] == ben.epoch[room]
    assert "content" not in mention


def test_mentions_of_one_who_was_away(here, there, anna, ben, room):
    anna.connect(here)
    anna.close()
    for n in range(130):
        ben.send("message", room=room, content=f"@{anna.device.name} {n}", cid=ben.new_cid())
    for _ in range(130):
        ben.expect("ack")
    frame = anna.connect(there)["mentions"]
    assert (frame["seq"], frame["unread"], frame["received"]) == (130, 130, 0)
    anna.take_until(lambda: len(anna.mentions) == 130)
    ben.say(f"@{anna.device.name} live")
    anna.take_until(lambda: len(anna.mentions) == 131)
    assert anna.mentions == list(range(1, 132))
    anna.close()
    ben.say(f"@{anna.device.name} later")
    frame = anna.connect(here)["mentions"]
    assert (frame["received"], frame["unread"]) == (131, 132)
    anna.take_until(lambda: len(anna.mentions) == 132)
    assert anna.mentions == list(range(1, 133))


def test_each_device_gets_them_and_reading_counts_for_all(here, there, anna, ben):
    anna.connect(here)
    phone = Traveller(Device.login(there, anna.device.name))
    phone.connect(there)
    phone.close()
    for n in range(5):
        ben.say(f"@{anna.device.name} {n}")
    anna.take_until(lambda: len(anna.mentions) == 5)
    anna.client.send("read", mentions=True, seq=3)
    assert anna.client.expect("read", mentions=True)["seq"] == 3
    for seq in (2, 99):  # falls, and was never given out
        anna.client.send("read", mentions=True, seq=seq)
    frame = phone.connect(there)["mentions"]
    assert (frame["read"], frame["unread"], frame["received"]) == (3, 2, 0)
    phone.take_until(lambda: len(phone.mentions) == 5)
    assert phone.mentions == [1, 2, 3, 4, 5]


def test_pages_of_mentions(here, anna, ben, room):
    anna.connect(here)
    for n in range(7):
        ben.say(f"@{anna.device.name} {n}")
    anna.take_until(lambda: len(anna.mentions) == 7)

    def page(**fields):
        anna.client.send("history", mentions=True, limit=3, **fields)
        return anna.client.expect("history", mentions=True)

    latest = page(cid="x")
    assert [m["seq"] for m in latest["messages"]] == [5, 6, 7] and latest["cid"] == "x"
    older = page(before=latest["older"]["before"])
    assert [m["seq"] for m in older["messages"]] == [2, 3, 4]
    newer = page(after=older["newer"]["after"])
    assert [m["seq"] for m in newer["messages"]] == [5, 6, 7] and "newer" not in newer
    first = page(before=older["older"]["before"])
    assert [m["seq"] for m in first["messages"]] == [1] and "older" not in first
    assert all(m["type"] == "mention" and m["room"] == room for m in latest["messages"])


def test_who_is_not_mentioned(here, connect, anna, ben, new):
    """Nobody by themselves, no guest, nobody inside of a word."""
    cleo = connect(here, new.cleo)
    anna.connect(here)
    anna.client.join(ben.room)
    anna.client.say(f"@{anna.device.name} to myself", room=ben.room)
    ben.say(f"x@{anna.device.name} @{cleo.user} and @{anna.device.name}x")
    ben.say(f"@{anna.device.name} at last")
    assert anna.client.expect("mention")["message"] == 3
    assert [f["seq"] for f in anna.client.frames if f["type"] == "mention"] == [1]
    assert "mention" not in [f["type"] for f in cleo.frames]


def test_an_edit_tells_whom_it_mentions_first(here, there, anna, ben, room):
    anna.connect(there)
    ack = ben.say("so, what now?")
    for content in (f"so, @{anna.device.name}?", f"so, @{anna.device.name}, what?"):
        ben.send("edit", room=room, seq=ack["seq"], content=content, cid=ben.new_cid())
        ben.expect("ack")
    ben.say(f"@{anna.device.name}, it is new")
    anna.take_until(lambda: len(anna.mentions) == 2)
    anna.client.send("history", mentions=True)
    messages = anna.client.expect("history", mentions=True)["messages"]
    assert [(m["message"], m["id"]) for m in messages][0] == (ack["seq"], ack["id"])
    assert [m["message"] for m in messages] == [ack["seq"], ack["seq"] + 3]

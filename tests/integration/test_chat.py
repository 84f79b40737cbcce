"""The chat itself, as docs/PROTOCOL.md describes it."""

import re
import time

from support.server import ROOT


def limits_on_the_page():
    """The table "Limits" of docs/PROTOCOL.md."""
    with open(f"{ROOT}/docs/PROTOCOL.md", encoding="utf-8") as page:
        section = page.read().split("## Limits")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (\d+) \|$", section, re.MULTILINE)
    return {what: int(value) for what, value in rows}


# ---- connect


def test_plain_client_chats_in_the_default_room(server, connect, new):
    before = time.time() * 1000
    anna = connect(server, new.anna)
    assert anna.room == "general"
    anna.send("message", content="hi")
    message = anna.expect("message", user=anna.user, content="hi")
    assert set(message) == {"type", "room", "seq", "id", "user", "content", "timestamp"}
    assert message["room"] == "general"
    assert isinstance(message["seq"], int) and isinstance(message["id"], str)
    assert before - 1000 <= message["timestamp"] <= time.time() * 1000 + 1000


def test_type_comes_first(server, connect, new, room):
    anna = connect(server, new.anna, room)
    anna.say("x")
    anna.expect("message")
    assert all(next(iter(frame)) == "type" for frame in anna.frames)


def test_room_in_the_url(server, connect, new, room):
    anna = connect(server, new.anna, room)
    assert anna.joined["room"] == room
    assert anna.history["messages"] == [] and anna.history["more"] is False
    assert [f["type"] for f in anna.frames[:3]] == ["welcome", "joined", "history"]


def test_subprotocol_is_optional(server, connect, new, room):
    assert connect(server, new.anna, room).subprotocol is None
    assert connect(server, new.ben, room, subprotocols=["confab.v1"]).subprotocol == "confab.v1"
    ws = connect(server, new.carl, room, subprotocols=["mqtt", "confab.v1"])
    assert ws.subprotocol == "confab.v1"


def test_welcome_states_the_limits(server, connect, new, room):
    welcome = connect(server, new.anna, room).frames[0]
    page = limits_on_the_page()
    assert set(welcome) == {
        "type", "v", "user", "session", "instance", "server_time", "heartbeat_ms", "limits",
        "archive", "private",
    }  # fmt: skip
    assert welcome["v"] == 1
    assert welcome["instance"] == server.instance
    assert welcome["heartbeat_ms"] == 25000
    assert abs(welcome["server_time"] - time.time() * 1000) < 5000
    assert welcome["private"] == {}
    assert welcome["limits"] == {
        "message_bytes": page["bytes of a message's content in UTF-8"],
        "messages": 0,
        "window_s": 10,
        "history": page["messages of a room that are kept, and most in one history frame"],
        "rooms": page["rooms that one connection may be in"],
        "name_chars": page["characters of a user name"],
        "room_chars": page["characters of a room name"],
        "cid_bytes": page["bytes of a client's message id"],
        "frame_bytes": page["bytes of one frame from a client, over all its pieces"],
        "search_bytes": page["bytes of what is searched for"],
        "receipts": page["people in a room up to which its members are told who has what"],
        "files": {"max_bytes": 10240 * 1024, "days": 30},
    }


def test_welcome_states_the_rate_limit(plain, connect, new, room):
    limits = connect(plain, new.anna, room).frames[0]["limits"]
    assert (limits["messages"], limits["window_s"]) == (10, 10)


def test_hello_joins_only_what_it_names(server, connect, new, room):
    anna = connect(server)
    welcome = anna.hello(new.anna)
    assert welcome["user"] == anna.user
    anna.send("message", content="hi")
    anna.expect_error("not_joined", temporary=False)
    anna.join(room)
    anna.say("hi", room)
    assert [f["type"] for f in anna.frames if f["type"] != "presence"][:2] == ["welcome", "error"]


def test_hello_with_a_room(server, connect, new, room):
    anna = connect(server)
    anna.hello(new.anna, room=room)
    joined, _ = anna.expect_joined(room)
    assert joined["members"] == [anna.user]


def test_hello_resumes_rooms(server, connect, new):
    first, second = new.room, new.room
    ben = connect(server, new.ben, first)
    ben.join(second)
    ben.say("one", first)
    ben.say("two", second)
    anna = connect(server)
    resume = {
        first: {"epoch": ben.epoch[first], "seq": 0},
        second: {"epoch": ben.epoch[second], "seq": 1},
    }
    anna.hello(new.anna, resume=resume)
    joined, history = anna.expect_joined(first)
    assert (joined["recovered"], joined["missed"]) == (True, 1)
    assert [m["content"] for m in history["messages"]] == ["one"]
    joined, history = anna.expect_joined(second)
    assert (joined["recovered"], joined["missed"]) == (True, 0)
    assert history["messages"] == []


def test_hello_comes_first(server, connect, new, room):
    anna = connect(server)
    anna.send("message", content="hi", cid="m1")
    anna.expect_error("hello_first", cid="m1", temporary=False)
    anna.send("join", room=room)
    anna.expect_error("hello_first")
    anna.hello(new.anna)


def test_hello_once(server, connect, new, room):
    anna = connect(server, new.anna, room)
    anna.send("hello", username=new.other)
    anna.expect_error("hello_twice", temporary=False)
    anna.say("still here")


# ---- rooms


def test_join_and_leave(server, connect, new, room):
    anna = connect(server, new.anna, room)
    extra = new.extra
    joined, history = anna.join(extra)
    assert set(joined) == {
        "type", "room", "epoch", "seq", "recovered", "missed", "members", "count",
    }  # fmt: skip
    assert joined["seq"] == 0 and joined["epoch"]
    assert joined["members"] == [anna.user] and joined["count"] == 1
    assert set(history) == {"type", "room", "epoch", "messages", "more"}
    anna.say("here", extra)
    anna.send("leave", room=extra)
    assert anna.expect("left") == {"type": "left", "room": extra}
    anna.send("message", room=extra, content="gone", cid="m1")
    anna.expect_error("not_joined", cid="m1")
    anna.say("still in the first")


def test_nothing_arrives_after_left(server, connect, new, room):
    anna, ben = connect(server, new.anna, room), connect(server, new.ben, room)
    anna.join(second := new.room)
    ben.join(second)
    anna.send("leave", room=room)
    anna.expect("left", room=room)
    ben.say("for the others", room)
    ben.say("fence", second)
    seen = anna.until("message", room=second, content="fence")
    assert not [f for f in seen if f.get("room") == room]


def test_rooms_are_apart(server, connect, new):
    one, two = new.room, new.room
    anna, ben = connect(server, new.anna, one), connect(server, new.ben, two)
    anna.say("only in one")
    ben.say("only in two")
    ben.expect("message", content="only in two")
    anna.expect("message", content="only in one")
    assert [m["content"] for m in anna.messages()] == ["only in one"]
    assert [m["content"] for m in ben.messages()] == ["only in two"]
    assert not anna.messages(two) and not ben.messages(one)


def test_second_join_answers_like_the_first(server, connect, new, room):
    anna = connect(server, new.anna, room)
    anna.say("one")
    anna.expect("message")
    joined, history = anna.join(room)
    assert joined["seq"] == 1
    assert [m["content"] for m in history["messages"]] == ["one"]
    anna.say("two")
    assert anna.until("message", content="two") == []
    joined, history = anna.join(room, epoch=joined["epoch"], seq=1)
    assert (joined["recovered"], joined["missed"]) == (True, 1)
    assert [m["content"] for m in history["messages"]] == ["two"]


def test_everything_needs_a_joined_room(server, connect, new, room):
    anna = connect(server, new.anna, room)
    foreign = new.room
    anna.send("typing", room=foreign)
    anna.expect_error("not_joined")
    anna.send("read", room=foreign, seq=1)
    anna.expect_error("not_joined")
    anna.send("history", room=foreign)
    anna.expect_error("not_joined")
    anna.send("leave", room=foreign)
    anna.expect_error("not_joined")


# ---- messages


def test_order_and_acks(server, connect, new, room):
    anna, ben = connect(server, new.anna, room), connect(server, new.ben, room)
    acks = [anna.say(f"m{n}") for n in range(1, 21)]
    assert [ack["seq"] for ack in acks] == list(range(1, 21))
    for client in (anna, ben):
        client.expect("message", content="m20")
        assert client.seqs() == list(range(1, 21))
    for ack, message in zip(acks, ben.messages()):
        assert set(ack) == {"type", "cid", "room", "seq", "id", "timestamp"}
        assert {k: ack[k] for k in ("cid", "room", "seq", "id", "timestamp")} == {
            k: message[k] for k in ("cid", "room", "seq", "id", "timestamp")
        }
    assert len({ack["id"] for ack in acks}) == 20


def test_pipelined_messages_keep_their_order(server, connect, new, room):
    anna, ben = connect(server, new.anna, room), connect(server, new.ben, room)
    anna.send_many({"type": "message", "room": room, "content": f"m{n}"} for n in range(200))
    ben.expect("message", content="m199")
    assert [m["content"] for m in ben.messages()] == [f"m{n}" for n in range(200)]
    assert ben.seqs() == list(range(1, 201))


def test_no_ack_without_cid(server, connect, new, room):
    anna = connect(server, new.anna, room)
    anna.send("message", room=room, content="quiet")
    anna.say("fence")
    anna.expect("message", content="fence")
    assert not [f for f in anna.frames if f["type"] in ("ack", "error") and f.get("seq") == 1]


def test_content_is_passed_unchanged(server, connect, new, room):
    anna, ben = connect(server, new.anna, room), connect(server, new.ben, room)
    for content in (
        'quotes " and \\ back',
        "line\nbreak\ttab",
        "a\x01\x1f\x7f",
        "<b>&amp;</b>",
        "ünï—漢字🙂👩‍👩‍👧",
        "e\u0301 is not composed",
        "  spaces around  ",
        "%s%n%d {} $1 \\0",
        "a\u2028\u2029b",
        "x" * 4096,
        "🙂" * 1024,
    ):
        anna.say(content)
        assert ben.expect("message")["content"] == content


def test_unknown_fields_are_ignored(server, connect, new, room):
    anna = connect(server, new.anna, room)
    anna.send("message", room=room, content="hi", cid="a", colour="red", user="root", seq=99)
    message = anna.expect("message")
    assert (message["user"], message["seq"], message["content"]) == (anna.user, 1, "hi")
    assert "colour" not in message


def test_frame_in_pieces(server, connect, new, room):
    anna = connect(server, new.anna, room)
    anna.send_text(['{"type":"mess', 'age","room":"' + room, '","content":"h', 'ä"}'])
    assert anna.expect("message")["content"] == "hä"


def test_same_cid_is_one_message(server, connect, new, room):
    anna, ben = connect(server, new.anna, room), connect(server, new.ben, room)
    first = anna.say("once", cid="same")
    assert "duplicate" not in first
    again = anna.say("once", cid="same")
    assert again == first | {"duplicate": True}
    anna.say("fence")
    ben.expect("message", content="fence")
    assert [m["content"] for m in ben.messages()] == ["once", "fence"]


def test_same_cid_from_others_is_another_message(server, connect, new, room):
    anna, ben = connect(server, new.anna, room), connect(server, new.ben, room)
    anna.say("from anna", cid="same")
    ack = ben.say("from ben", cid="same")
    assert ack["seq"] == 2 and "duplicate" not in ack
    anna.join(second := new.room)
    ack = anna.say("elsewhere", second, cid="same")
    assert ack["seq"] == 1 and "duplicate" not in ack


def test_same_cid_after_reconnect_on_the_other_instance(server, other, connect, new, room):
    anna = connect(server, new.anna, room)
    first = anna.say("once", cid="same")
    anna.vanish()
    anna = connect(other, anna.user, room, session=anna.session)
    again = anna.say("once", cid="same")
    assert again == first | {"duplicate": True}
    assert [m["content"] for m in anna.messages()] == ["once"]


# ---- typing and read


def test_typing(server, other, connect, new, room):
    anna, ben, carl = (connect(s, new.user, room) for s in (server, server, other))
    anna.send("typing", room=room)
    for client in (ben, carl):
        assert client.expect("typing") == {"type": "typing", "room": room, "user": anna.user}


def test_typing_in_private(server, other, connect, new, room):
    anna, ben = connect(server, new.anna, room), connect(other, new.ben, room)
    carl = connect(server, new.carl, room)
    anna.send("typing", to=ben.user)
    assert ben.expect("typing") == {"type": "typing", "to": ben.user, "user": anna.user}
    anna.say("fence")
    assert not [f for f in carl.until("message", content="fence") if f["type"] == "typing"]


def test_read_marker_only_rises(server, other, connect, new, room):
    anna, ben = connect(server, new.anna, room), connect(other, new.ben, room)
    anna.say_all(["one", "two", "three"])
    ben.send("read", room=room, seq=2)
    assert anna.expect("read") == {"type": "read", "room": room, "user": ben.user, "seq": 2}
    ben.send("read", room=room, seq=1)
    ben.send("read", room=room, seq=2)
    ben.send("read", room=room, seq=3)
    assert anna.expect("read")["seq"] == 3
    ben.say("fence")
    anna.until("message", content="fence")
    assert [f["seq"] for f in anna.frames if f["type"] == "read"] == [2, 3]


def test_read_marker_in_private(server, other, connect, new, room):
    anna, ben = connect(server, new.anna, room), connect(other, new.ben, room)
    anna.tell(ben.user, "hi")
    ben.send("read", to=anna.user, seq=1)
    read = anna.expect("read")
    assert read == {"type": "read", "to": anna.user, "user": ben.user, "seq": 1}

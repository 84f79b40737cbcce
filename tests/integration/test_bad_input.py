"""What bad input gets: a precise answer to the one who sent it, and nobody else notices."""

import json
import struct

import pytest

from support.client import Client
from support.deadline import wait_for
from support.raw import BINARY, CLOSE, PING, PONG, TEXT


@pytest.fixture
def bystander(server, connect, new, room):
    """Somebody in the same room. At the end of the test it has seen nothing of what happened
    there, and still chats."""
    client = connect(server, new.bystander, room)
    yield client
    client.say("all is well")
    assert client.until("message", content="all is well") == []
    assert client.is_open


def is_error(client, code, **fields):
    error = client.expect("error")
    assert (error["code"], error["temporary"]) == (code, False), error
    assert error["message"] and error["message"][0].isupper() and error["message"].endswith(".")
    assert {k: error.get(k) for k in fields} == fields
    return error


FRAMES = [
    ("", "bad_json", {}),
    (" ", "bad_json", {}),
    ("hello", "bad_json", {}),
    ("{", "bad_json", {}),
    ('{"type":"message"', "bad_json", {}),
    ('{"type":"message",}', "bad_json", {}),
    ("{'type':'message'}", "bad_json", {}),
    ('{"type":"heartbeat"} {"type":"heartbeat"}', "bad_json", {}),
    ('{"type":"heartbeat"}x', "bad_json", {}),
    ("[]", "not_object", {}),
    ('"hello"', "not_object", {}),
    ("null", "not_object", {}),
    ("42", "not_object", {}),
    ('[{"type":"message","content":"x"}]', "not_object", {}),
    ("{}", "no_type", {}),
    ('{"type":7}', "no_type", {}),
    ('{"type":null}', "no_type", {}),
    ('{"type":["message"]}', "no_type", {}),
    ('{"type":"dance"}', "unknown_type", {}),
    ('{"type":""}', "unknown_type", {}),
    ('{"type":"Message","content":"x"}', "unknown_type", {}),
    ('{"type":"ack"}', "unknown_type", {}),
    ('{"type":"welcome"}', "unknown_type", {}),
]


@pytest.mark.parametrize("text,code,fields", FRAMES, ids=[f[0] or "empty" for f in FRAMES])
def test_frame_that_is_no_command(server, bystander, connect, new, room, text, code, fields):
    bad = connect(server, new.bad, room)
    bad.send_text(text)
    is_error(bad, code, **fields)
    bad.send("read", room=room, seq=0)
    bad.send("history", room=room)
    bad.expect("history")


def fields_of_wrong_kind():
    wrong = {
        "text": [None, 1, True, [], {}],
        "number": [None, "1", True, [], {}, 1.5, -1, 1e300],
    }
    whole = {
        "message": {"room": "ROOM", "content": "x", "cid": "c"},
        "private": {"to": "somebody", "content": "x", "cid": "c"},
        "join": {"room": "ROOM", "epoch": "e", "seq": 1},
        "leave": {"room": "ROOM"},
        "typing": {"room": "ROOM"},
        "read": {"room": "ROOM", "seq": 1},
        "history": {"room": "ROOM", "before": 5, "limit": 5},
    }
    kinds = {"seq": "number", "before": "number", "limit": "number"}
    for type_, fields in whole.items():
        for name in fields:
            for value in wrong[kinds.get(name, "text")]:
                frame = {"type": type_, **fields, name: value}
                yield pytest.param(frame, name, id=f"{type_}-{name}={value!r}")


@pytest.mark.parametrize("frame,field", list(fields_of_wrong_kind()))
def test_field_of_the_wrong_kind(plain, connect, new, room, frame, field):
    bad = connect(plain, new.bad, room)
    if frame.get("room") == "ROOM":
        frame = {**frame, "room": room}
    bad.send_text(json.dumps(frame))
    error = is_error(bad, "bad_field", field=field)
    if "cid" in frame and field != "cid":
        assert error["cid"] == "c"
    bad.send("history", room=room)
    bad.expect("history")


def test_missing_fields(server, bystander, connect, new, room):
    bad = connect(server, new.bad, room)
    for frame, field in (
        ({"type": "message", "room": room}, "content"),
        ({"type": "private", "content": "x"}, "to"),
        ({"type": "private", "to": "somebody"}, "content"),
        ({"type": "join"}, "room"),
        ({"type": "leave"}, "room"),
        ({"type": "read", "room": room}, "seq"),
    ):
        bad.send_text(json.dumps(frame))
        is_error(bad, "bad_field", field=field)
    for type_ in ("typing", "history"):
        bad.send(type_)
        is_error(bad, "bad_field")
    bad.send("read", seq=1)
    is_error(bad, "bad_field")


def test_room_and_to_together(server, bystander, connect, new, room):
    bad = connect(server, new.bad, room)
    for fields in ({"type": "typing"}, {"type": "history"}, {"type": "read", "seq": 1}):
        bad.send_text(json.dumps({**fields, "room": room, "to": bystander.user}))
        is_error(bad, "bad_field")


def test_resume_of_the_wrong_kind(server, connect, new):
    bad = connect(server)
    for resume in ([], "x", {"room": 1}, {"room": {}}, {"room": {"epoch": "e"}}, {"r": {"seq": 1}}):
        bad.send("hello", username=new.bad, resume=resume)
        is_error(bad, "bad_field", field="resume")
    bad.hello(new.bad)


BAD_CHARACTERS = [
    "", " ", "a b", "a\u0000b", "\u0000", "a\nb", "a\tb", "\u007f", "a\u0085b", "a\u200bb",
    "a\u202eb", "\ufeffa", "a\u00adb", "a/b", "a:b", "a{b}", "@a", "#a", "a\"b", "a\\b", "<b>",
    "a,b", "a|b", "a*b", "🙂", "a\u3000b", "a\u00a0b", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_CHARACTERS + ["x" * 33, "ä" * 33], ids=ascii)
def test_bad_user_names(plain, connect, new, room, name):
    bad = connect(plain)
    bad.send("hello", username=name)
    if name == "\ud800":
        is_error(bad, "bad_json")  # a lone surrogate is no character: RFC 8259 section 8.2
    else:
        is_error(bad, "bad_name", field="username")
    bad.hello(new.bad, room=room)
    bad.expect_joined(room)
    if name != "\ud800":
        bad.send("private", to=name, content="x", cid="c")
        is_error(bad, "bad_name", field="to", cid="c")


@pytest.mark.parametrize("name", BAD_CHARACTERS + ["x" * 65, "漢" * 65], ids=ascii)
def test_bad_room_names(plain, connect, new, room, name):
    bad = connect(plain, new.bad, room)
    bad.send("join", room=name)
    if name == "\ud800":
        is_error(bad, "bad_json")
        return
    is_error(bad, "bad_room", field="room")
    bad.send("message", room=name, content="x", cid="c")
    is_error(bad, "bad_room", field="room", cid="c")
    bad.send("history", room=name)
    is_error(bad, "bad_room", field="room")


def test_longest_names_are_fine(server, connect, new):
    def fill(text, character, size):
        return text + character * (size - len(text))

    for character in ("x", "漢"):
        name, room = fill(new.n, character, 32), fill(new.r, character, 64)
        anna = connect(server, name, room)
        anna.say("hi")
        assert anna.expect("message")["user"] == name
    decomposed = fill(new.n, "é", 32).replace("é", "e\u0301")
    assert len(connect(server, decomposed, "general").user) == 32


def test_bad_name_in_the_url(server, bystander, connect):
    bad = Client(server, "a b", bystander.room)
    is_error(bad, "bad_name")
    bad.close()


CONTENTS = ["", " ", "\n\t \r", "\u3000\u2003\u00a0", "\u200b", "\u2028", "a\u0000b", "\u0000"]
CONTENTS += ["x" * 4097, "ä" * 2049, "🙂" * 1025]


@pytest.mark.parametrize("content", CONTENTS, ids=lambda c: ascii(c[:6]) + f"x{len(c)}")
def test_bad_content(plain, connect, new, room, content):
    bad = connect(plain, new.bad, room)
    bad.send("message", room=room, content=content, cid="c")
    is_error(bad, "bad_content", field="content", cid="c")
    bad.send("private", to=bad.user, content=content, cid="d")
    is_error(bad, "bad_content", field="content", cid="d")
    bad.send("history", room=room)
    assert bad.expect("history")["messages"] == []


@pytest.mark.parametrize(
    "cid", ["", "a b", 'a"b', "a\\b", "a\nb", "ä", "x" * 65, "a\u0000"], ids=ascii
)
def test_bad_cid(plain, connect, new, room, cid):
    bad = connect(plain, new.bad, room)
    bad.send("message", room=room, content="x", cid=cid)
    assert "cid" not in is_error(bad, "bad_field", field="cid")
    bad.say("x", cid="!" * 64)


@pytest.mark.parametrize("session", ["", "a b", "x" * 65, "ä"], ids=ascii)
def test_bad_session(plain, connect, new, session):
    bad = connect(plain)
    bad.send("hello", username=new.bad, session=session)
    is_error(bad, "bad_field", field="session")
    bad.hello(new.bad, session="x" * 64)


@pytest.mark.parametrize("limit", [0, -1, 101, 10**9, 2**63 - 1, -(2**63), 10**30], ids=str)
def test_history_limit_out_of_range(plain, connect, new, room, limit):
    bad = connect(plain, new.bad, room)
    bad.send("history", room=room, limit=limit)
    is_error(bad, "bad_field", field="limit")
    bad.send("history", room=room, limit=100)
    bad.expect("history")


@pytest.mark.parametrize("before", [-1, -(2**63), 2**64], ids=str)
def test_history_before_out_of_range(plain, connect, new, room, before):
    bad = connect(plain, new.bad, room)
    bad.send("history", room=room, before=before)
    is_error(bad, "bad_field", field="before")


def test_nesting(server, bystander, connect, new, room):
    bad = connect(server, new.bad, room)
    for text in (
        "[" * 10000,
        "[" * 16000 + "]" * 16000,
        '{"a":' * 6000,
        '{"type":"message","content":"x","deep":' + "[" * 8 + "]" * 8 + "}",
        '{"type":"heartbeat","deep":' + '{"a":' * 8 + "1" + "}" * 9,
    ):
        bad.send_text(text)
        is_error(bad, "too_deep")
    bad.send_text('{"type":"history","room":"%s","deep":%s}' % (room, "[" * 7 + "]" * 7))
    bad.expect("history")
    bad.send_text('{"type":"history","room":"%s","flat":"%s"}' % (room, "[" * 1000))
    bad.expect("history")


def test_hundred_thousand_brackets(server, bystander, connect, new, room):
    bad = connect(server, new.bad, room)
    try:
        bad.send_text("[" * 100000)
    except Exception:  # closed while we were still sending
        pass
    bad.expect_close(1009)


def test_room_101(plain, bystander, connect, new, room):
    bad = connect(plain, new.bad, room)
    prefix = new.many
    for n in range(99):
        bad.send("join", room=f"{prefix}-{n}")
    bad.expect_joined(f"{prefix}-98")
    bad.send("join", room=f"{prefix}-99")
    is_error(bad, "too_many_rooms")
    bad.join(f"{prefix}-5")  # one it is in already
    bad.send("leave", room=f"{prefix}-5")
    bad.expect("left")
    bad.join(f"{prefix}-99")


def test_hello_that_resumes_too_many_rooms(server, connect, new):
    prefix = new.many
    resume = {f"{prefix}-{n}": {"epoch": "e", "seq": 1} for n in range(101)}
    bad = connect(server)
    bad.send("hello", username=new.bad, resume=resume)
    bad.expect(("error", "welcome"))
    codes = {f["code"] for f in bad.frames if f["type"] == "error"}
    codes |= {bad.expect("error")["code"]} if not codes else set()
    assert codes <= {"too_many_rooms", "bad_field"}


# ---- frames that close the connection


def test_binary_frame(server, bystander, connect, new, room):
    bad = connect(server, new.bad, room)
    bad.send_text(b'{"type":"heartbeat"}')
    bad.expect_close(1003)


@pytest.mark.parametrize(
    "payload",
    [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"abc\xe2\x82"],
    ids=lambda b: b.hex(),
)
def test_invalid_utf8(server, bystander, raw, new, room, payload):
    bad = raw(server, new.bad, room)
    bad.frame(b'{"type":"message","room":"x","content":"' + payload + b'"}')
    assert bad.expect_close() == 1007


def test_utf8_cut_by_pieces_is_fine(server, bystander, raw, new, room):
    anna = raw(server, new.anna, room)
    text = json.dumps(
        {"type": "message", "room": new.x, "content": "ä", "cid": "c"}, ensure_ascii=False
    )
    data = text.encode()
    at = data.index("ä".encode()) + 1
    anna.frame(data[:at], TEXT, fin=False)
    anna.frame(data[at:], 0)
    assert anna.expect("error")["code"] == "not_joined"


def filler(size):
    """A valid heartbeat of exactly that many bytes."""
    text = '{"type":"heartbeat","x":""}'
    return text[:-2] + "x" * (size - len(text)) + text[-2:]


def test_largest_frame_is_fine(server, bystander, connect, new, room):
    anna = connect(server, new.anna, room)
    whole = filler(32768)
    assert len(whole) == 32768
    anna.send_text(whole)
    anna.send_text([whole[at : at + 1000] for at in range(0, 32768, 1000)])
    anna.send("history", room=room)
    assert anna.until("history") == []


def test_frame_too_big(server, bystander, raw, new, room):
    bad = raw(server, new.bad, room)
    bad.frame(filler(32769))
    assert bad.expect_close() == 1009


def test_frame_too_big_in_pieces(server, bystander, raw, new, room):
    bad = raw(server, new.bad, room)
    whole = filler(32769)
    bad.frame(whole[:10000], TEXT, fin=False)
    bad.frame(whole[10000:20000], 0, fin=False)
    bad.frame(whole[20000:], 0, fin=True)
    assert bad.expect_close() == 1009


def test_endless_pieces(server, bystander, raw, new, room):
    bad = raw(server, new.bad, room)
    bad.frame("x" * 5000, TEXT, fin=False)
    for _ in range(6):
        bad.frame("x" * 5000, 0, fin=False)
    assert bad.expect_close() == 1009


@pytest.mark.parametrize("size", [32769, 2**31, 2**31 - 1, 2**32 + 5, 2**62], ids=str)
def test_frame_announced_too_big(server, bystander, raw, new, room, size):
    bad = raw(server, new.bad, room)
    bad.frame("x" * 10, announced=size)
    assert bad.expect_close() == 1009


def test_unmasked_frame(server, bystander, raw, new, room):
    bad = raw(server, new.bad, room)
    bad.frame('{"type":"heartbeat"}', masked=False)
    assert bad.expect_close() == 1002


def test_unmasked_after_masked(server, bystander, raw, new, room):
    bad = raw(server, new.bad, room)
    bad.say("heartbeat")
    bad.say("history", room=room)
    bad.expect("history")
    bad.frame('{"type":"heartbeat"}', masked=False)
    assert bad.expect_close() == 1002


def test_reserved_bits(server, bystander, raw, new, room):
    bad = raw(server, new.bad, room)
    bad.frame('{"type":"heartbeat"}', rsv=4)
    assert bad.expect_close() == 1002


@pytest.mark.parametrize("opcode", [3, 7, 11, 15])
def test_unknown_opcodes(server, bystander, raw, new, room, opcode):
    bad = raw(server, new.bad, room)
    bad.frame("x", opcode)
    assert bad.expect_close() == 1002


def test_continuation_without_a_start(server, bystander, raw, new, room):
    bad = raw(server, new.bad, room)
    bad.frame('{"type":"heartbeat"}', 0)
    assert bad.expect_close() == 1002


def test_ping_gets_pong(server, bystander, raw, new, room):
    anna = raw(server, new.anna, room)
    anna.frame("are you there", PING)
    while (got := anna.read_frame())[0] != PONG:
        assert got[0] == TEXT
    assert got == (PONG, b"are you there")


def test_close_is_answered(server, bystander, raw, new, room):
    anna = raw(server, new.anna, room)
    anna.frame(struct.pack(">H", 1000) + b"bye", CLOSE)
    assert anna.expect_close() == 1000
    anna.expect_end()


def test_close_in_two_pieces_ends_a_closing_connection(start, redis, raw, new, room):
    """The answer to the server's close frame, read in the middle of it. Else it waits for 5 s."""
    server = start(redis)
    bad = raw(server, new.bad, room)
    bad.frame(b"\0", BINARY)
    assert bad.expect_close() == 1003
    read = server.stats()["counters"]["bytes_in"]
    bad.send(b"\x88\x82")  # no data, its mask and code are under way
    wait_for(lambda: server.stats()["counters"]["bytes_in"] == read + 2, "the first piece is read")
    bad.send(b"\0\0\0\0" + struct.pack(">H", 1003))
    assert bad.expect_end() < 4


def test_rubbish_after_the_handshake(server, bystander, raw, new, room):
    bad = raw(server, new.bad, room)
    bad.send(bytes(range(256)) * 40)
    assert bad.expect_close() == 1002


def test_connection_cut_in_the_middle_of_a_frame(server, bystander, raw, new, room):
    bad = raw(server, new.bad, room)
    bad.frame("x" * 10, announced=1000)
    bad.close()


# ---- too much of it


def test_hundred_bad_frames_are_forgiven(server, bystander, connect, new, room):
    bad = connect(server, new.bad, room)
    for _ in range(100):
        bad.send_text("nonsense")
    for _ in range(100):
        is_error(bad, "bad_json")
    bad.send("history", room=room)
    bad.expect("history")


def test_more_than_a_hundred_bad_frames(server, bystander, connect, new, room):
    bad = connect(server, new.bad, room)
    for _ in range(101):
        bad.send_text("nonsense")
    assert bad.expect("bye")["code"] == 4001
    bad.expect_close(4001)
    assert sum(f["type"] == "error" for f in bad.frames) >= 100


def test_binary_as_first_frame(server, raw):
    bad = raw(server)
    assert bad.upgrade() == 101
    bad.frame(b"\x00\x01", BINARY)
    assert bad.expect_close() == 1003

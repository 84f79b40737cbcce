"""One who does not read: bounded memory, told where it was cut, and nobody else waits for it."""

import json

import pytest

from support.deadline import wait_for
from support.raw import TEXT

OUTBOX_KB = 512
SETTINGS = {"OUTBOX_KB": OUTBOX_KB, "LAG_CLOSE_S": 30}


@pytest.fixture(params=["threads", "shared"])
def server(start, redis, request):
    return start(redis, PUMPS=request.param, NET_THREADS=2, **SETTINGS)


def write_until(server, writer, question, what):
    """Fills the room with large messages until it is true; watches the memory meanwhile. A turn
    is far less than an outbox holds, so nothing goes from empty to full between two looks."""
    most = OUTBOX_KB * 1024 * 3  # three who may have something waiting
    for turn in range(800):
        writer.say_all([f"{turn}:{n}:" + "x" * 4000 for n in range(20)], window=8)
        stats = server.stats()
        assert queue_bytes(stats) <= most, stats
        if question(stats):
            return
    raise AssertionError(what)


def find(stats, name):
    """A figure, wherever in the object it stands."""
    for key, value in stats.items():
        if key == name:
            return value
        if isinstance(value, dict):
            found = find(value, name)
            if found is not None:
                return found
    return None


def queue_bytes(stats):
    return find(stats, "queue_bytes")


def test_slow_reader_gets_resync_and_catches_up(server, connect, raw, new, room):
    slow = raw(server, new.slow, room, receive_buffer=4096)
    epoch = slow.frames[1]["epoch"]
    writer, reader = connect(server, new.writer, room), connect(server, new.reader, room)
    write_until(server, writer, lambda s: find(s, "clients_lagged") >= 1, "it lags")
    end = writer.say("end")["seq"]
    reader.expect("message", content="end", timeout=20)
    assert reader.seqs() == list(range(1, end + 1)), "nobody else is concerned"
    # Now it reads: a clean prefix, then the news that something was left out.
    resync = slow.expect("resync", room=room)
    seqs = [f["seq"] for f in slow.frames if f["type"] == "message"]
    assert seqs == list(range(1, resync["seq"] + 1))
    slow.say("join", room=room, epoch=epoch, seq=resync["seq"])
    joined = slow.expect("joined", room=room)
    assert joined["seq"] >= end
    history = slow.expect("history", room=room)
    assert history["messages"][-1]["seq"] == joined["seq"]
    assert joined["recovered"] == (history["messages"][0]["seq"] == resync["seq"] + 1)
    if not joined["recovered"]:
        assert joined["missed"] == history["messages"][0]["seq"] - resync["seq"] - 1
    writer.say("live again")
    assert slow.expect("message")["content"] == "live again"
    wait_for(lambda: queue_bytes(server.stats()) == 0, "nothing waits any more")


def test_blocked_reader_is_closed(start, redis, connect, raw, new, room):
    server = start(redis, OUTBOX_KB=OUTBOX_KB, LAG_CLOSE_S=1)
    slow = raw(server, new.slow, room, receive_buffer=4096)
    writer, reader = connect(server, new.writer, room), connect(server, new.reader, room)
    write_until(server, writer, lambda s: find(s, "clients_lagged") >= 1, "it lags")
    wait_for(lambda: find(server.stats(), "clients_closed_slow") == 1, "it is closed", 20)
    wait_for(lambda: server.stats()["clients"] == 2, "it is gone", 20)
    end = writer.say("end")["seq"]
    reader.expect("message", content="end", timeout=20)
    assert reader.seqs() == list(range(1, end + 1))
    # What had left before is still a clean stream up to where it was cut.
    slow.expect_end()
    wait_for(lambda: queue_bytes(server.stats()) == 0, "nothing waits any more")


@pytest.mark.parametrize("pumps", ["threads", "shared"])
def test_lag_of_clients_that_do_read(start, redis, connect, new, room, pumps):
    """A burst overtakes their writers: the outbox is emptied before anything of it was sent, and
    the resync must come all the same."""
    server = start(redis, PUMPS=pumps, NET_THREADS=1, OUTBOX_KB=64, RATE_LIMIT_MESSAGES=0)
    readers = [connect(server, new.reader, room) for _ in range(20)]
    writers = [connect(server, new.writer, room) for _ in range(4)]
    message = {"type": "message", "room": room, "content": "x" * 4000}
    for _ in range(5):
        for writer in writers:
            writer.send_many([message] * 40)
    writers[0].say("end")
    for client in readers + writers:
        wait_for(lambda: any(map(knows_the_end, client.frames)), f"{client.user} hears of the end")


def knows_the_end(frame):
    return frame["type"] == "resync" or frame.get("content") == "end"


def test_events_go_first(server, connect, raw, new, room):
    """Typing and presence are left out before any message is."""
    slow = raw(server, new.slow, room, receive_buffer=4096)
    writer = connect(server, new.writer, room)
    write_until(server, writer, lambda s: queue_bytes(s) > 0, "something waits")
    assert find(server.stats(), "clients_closed_slow") == 0
    last = writer.say("end")["seq"]
    # Whatever was left out, messages are whole or announced as missing.
    seqs = []
    while True:
        opcode, payload = slow.read_frame()
        assert opcode == TEXT
        frame = json.loads(payload)
        if frame["type"] == "message":
            seqs.append(frame["seq"])
        if frame["type"] == "resync":
            assert frame["seq"] == seqs[-1]
            break
        if seqs and seqs[-1] == last:
            break
    assert seqs == list(range(1, len(seqs) + 1))


def test_private_messages_are_not_lost_in_a_lag(server, connect, raw, new, room):
    """They arrive, or a resync names the conversation."""
    slow = raw(server, new.slow, room, receive_buffer=4096)
    writer = connect(server, new.writer, room)
    name = slow.frames[0]["user"]
    write_until(server, writer, lambda s: queue_bytes(s) > 0, "something waits")
    for n in range(1, 4):
        writer.tell(name, f"m{n}")
    write_until(server, writer, lambda s: find(s, "clients_lagged") >= 1, "it lags")
    slow.expect("resync", room=room)
    slow.say("join", room=new.fence)
    slow.expect("joined")
    told = [f["content"] for f in slow.frames if f["type"] == "private"]
    if told != ["m1", "m2", "m3"]:
        assert [f for f in slow.frames if f["type"] == "resync" and f.get("to") == writer.user]


def test_acks_are_not_lost_in_a_lag(server, connect, raw, new, room):
    slow = raw(server, new.slow, room, receive_buffer=4096)
    writer = connect(server, new.writer, room)
    write_until(server, writer, lambda s: queue_bytes(s) > 0, "something waits")
    slow.say("message", room=room, content="from the slow one", cid="mine")
    slow.say("message", room=room, content="", cid="bad")
    writer.expect("message", content="from the slow one")
    write_until(server, writer, lambda s: find(s, "clients_lagged") >= 1, "it lags")
    slow.expect("resync", room=room)
    slow.say("join", room=new.fence)
    slow.expect("joined")
    assert [f for f in slow.frames if f["type"] == "ack" and f["cid"] == "mine"]
    assert [f for f in slow.frames if f["type"] == "error" and f["cid"] == "bad"]


@pytest.mark.parametrize("letter", ["x", "\x01"], ids=["plain", "escaped"])
def test_room_full_of_the_largest_messages_can_be_joined(start, redis, connect, new, room, letter):
    """The answer to a join is asked for, so it fits, with the smallest bound as well: else one
    who fills a room would lock everybody out."""
    server = start(redis, OUTBOX_KB=64)
    writer = connect(server, new.writer, room)
    writer.say_all(["a" + letter * 4095] * 100, window=2)
    late = connect(server, new.late, room)
    assert len(late.history["messages"]) == 100
    late.say("hi")


def test_resume_of_many_full_rooms(start, redis, connect, new):
    """After a night's sleep everything comes at once."""
    server = start(redis)
    writer = connect(server, new.writer, new.first)
    rooms = [new.room for _ in range(8)]
    resume = {}
    for name in rooms:
        writer.join(name)
        writer.say_all(["x" * 4000] * 100, room=name)
        resume[name] = {"epoch": writer.epoch[name], "seq": 0}
    sleeper = connect(server)
    sleeper.hello(new.sleeper, resume=resume)
    for name in rooms:
        joined, history = sleeper.expect_joined(name)
        assert joined["recovered"] is True and len(history["messages"]) == 100


def test_one_who_sends_and_never_reads(server, connect, raw, new, room):
    """Its answers pile up instead: the server stops reading it, or closes it; others chat on."""
    bystander = connect(server, new.bystander, room)
    rude = raw(server, new.rude, room, receive_buffer=4096)
    rude.socket.settimeout(2)
    request = json.dumps({"type": "history", "room": room})
    bystander.say_all(["x" * 4000 for _ in range(100)])
    try:
        for _ in range(2000):
            rude.frame(request)
    except OSError:
        pass  # it is no longer read, or closed
    assert queue_bytes(server.stats()) <= 3 * OUTBOX_KB * 1024 + 500 * 1024
    bystander.say("all is well")
    bystander.expect("message", content="all is well")

"""Threads: their names, how many, and clients that move from one way of pumping to the other."""

import threading

import pytest

from support.client import Client
from support.deadline import wait_for


def kinds(server):
    """Thread names with the number left out, and how many."""
    found = {}
    for name in server.threads():
        kind = name.rstrip("0123456789").rstrip("-")
        found[kind] = found.get(kind, 0) + 1
    return found


@pytest.mark.parametrize("nets", [1, 2, 3])
def test_thread_names(start, redis, connect, new, room, nets):
    server = start(redis, NET_THREADS=nets, PUMPS="threads")
    names = server.threads()
    assert sorted(n for n in names if n.startswith("net-")) == [f"net-{n}" for n in range(nets)]
    assert names.count("hub") == 1 and names.count("accept") == 1
    assert kinds(server).get("reader", 0) == kinds(server).get("writer", 0) == 0
    clients = [connect(server, new.anna, room) for _ in range(5)]
    wait_for(lambda: kinds(server).get("reader") == 5, "each has a reader")
    wait_for(lambda: kinds(server).get("writer") == 5, "each has a writer")
    clients[0].close()
    clients[1].vanish()
    wait_for(lambda: kinds(server).get("reader") == 3, "their readers ended")
    wait_for(lambda: kinds(server).get("writer") == 3, "their writers ended")


def test_shared_pumps_have_no_threads(start, redis, connect, new, room):
    server = start(redis, PUMPS="shared", NET_THREADS=2)
    before = sorted(server.threads())
    for _ in range(20):
        connect(server, new.anna, room).say("hi")
    assert sorted(server.threads()) == before


def test_stats_say_what_proc_says(start, redis, connect, new, room):
    server = start(redis, PUMPS="threads", NET_THREADS=2, ARCHIVE="sqlite")
    for _ in range(4):
        connect(server, new.anna, room)
    expected = {"main": 1, "accept": 1, "hub": 1, "net": 2, "reader": 4, "writer": 4, "archive": 3, "files": 2}
    wait_for(lambda: server.stats()["threads"] == expected, "stats say so")
    for kind in ("net", "hub", "accept", "reader", "writer"):  # a new thread names itself
        wait_for(lambda k=kind: kinds(server).get(k) == expected[k], f"/proc has {kind}")
    archive = sorted(name for name in server.threads() if name.startswith("archive"))
    assert archive == ["archive", "archive-find", "archive-page"]


def test_auto_crosses_the_limit_up_and_down(start, redis, connect, new, room):
    """Nothing is lost, repeated or reordered while clients change their pumps."""
    limit = 6
    server = start(redis, PUMPS="auto", PUMP_THREAD_CLIENTS=limit, NET_THREADS=2)
    writer, reader = connect(server, new.writer, room), connect(server, new.reader, room)
    stop, sent, failures = threading.Event(), [], []

    def write():
        try:
            while not stop.is_set():
                sent.append(writer.say(f"m{len(sent)}")["seq"])
        except AssertionError as e:
            failures.append(e)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(3):
            wait_for(lambda: kinds(server).get("writer", 0) == 2, "threads of their own")
            wait_for(lambda: kinds(server).get("reader", 0) == 2, "threads of their own")
            crowd = []
            while len(crowd) + 2 < limit:
                crowd.append(Client(server, new.one, room))
                crowd[-1].expect_joined(room)
            wait_for(lambda: kinds(server).get("reader", 0) == limit, "all have threads")
            crowd.append(Client(server, new.one, room))
            crowd[-1].expect_joined(room)
            wait_for(lambda: kinds(server).get("reader", 0) == 0, "readers retire")
            wait_for(lambda: kinds(server).get("writer", 0) == 0, "writers retire")
            crowd[-1].say("from the shared ones")
            for client in crowd:
                client.expect("message", content="from the shared ones")
                client.close()
    finally:
        stop.set()
        thread.join()
    assert not failures, failures
    writer.say("end")
    for client in (writer, reader):
        client.expect("message", content="end")
        assert client.seqs() == list(range(1, len(sent) + 5))


def test_no_client_has_threads_with_limit_zero(start, redis, connect, new, room):
    server = start(redis, PUMPS="auto", PUMP_THREAD_CLIENTS=0)
    connect(server, new.anna, room).say("hi")
    assert "reader" not in kinds(server) and "writer" not in kinds(server)


def test_pump_mode_in_stats(start, redis):
    for mode in ("auto", "threads", "shared"):
        pumps = start(redis, PUMPS=mode).stats()["pumps"]
        assert (pumps if isinstance(pumps, str) else pumps["mode"]) == mode


@pytest.mark.parametrize("pumps", ["threads", "shared"])
def test_who_fills_the_inbox_and_asks_is_read_on(start, redis, raw, new, room, pumps):
    """Sixteen frames, as many as wait for a reader, in one piece; the last one waits for an answer."""
    client = raw(start(redis, PUMPS=pumps), new.anna, room)
    pieces, send = [], client.send
    client.send = pieces.append
    for _ in range(15):
        client.say("heartbeat")
    client.say("history", room=room)
    client.send = send
    client.send(b"".join(pieces))
    client.expect("history", room=room)
    client.say("message", room=room, content="after")
    client.expect("message", content="after")

"""Redis goes away, comes back, forgets, refuses: the chat says so and loses nothing it has
acknowledged."""

import json
import os
import signal
import socket
import threading

import pytest

from support.deadline import seconds, wait_for
from support.server import Server


@pytest.fixture
def broken(own_redis, start):
    """A Redis to break and a server on it."""
    redis = own_redis()
    return redis, start(redis)


def one_to(count):
    return list(range(1, count + 1))


def say_until_accepted(client, content, room=None):
    """What a good client does: the same frame with the same cid until it is accepted."""
    cid = client.new_cid()

    def accepted():
        client.send("message", room=room or client.room, content=content, cid=cid)
        answer = client.expect(("ack", "error"), cid=cid, timeout=20)
        if answer["type"] == "ack":
            return answer
        assert answer["code"] in ("unavailable", "busy") and answer["temporary"] is True, answer
        assert answer["retry_after_ms"] >= 0
        return None

    return wait_for(accepted, f"{content} is accepted", 30)


def test_redis_is_not_there_at_start(own_redis, start, connect, new, room):
    redis = own_redis(started=False)
    server = start(redis, ready=False)
    assert server.request("GET", "/api/v1/health").status == 503
    body = server.json("/api/v1/health")
    assert body["status"] == "degraded" and body["reason"]
    assert server.request("GET", "/").status == 200
    anna = connect(server)
    anna.send("hello", username=new.anna, room=room)
    with socket.socket(socket.AF_UNIX) as door:  # it knocks again and again …
        door.bind(redis.socket)
        door.listen()
        door.settimeout(seconds(10))
        for _ in range(4):
            door.accept()[0].close()
    complaints = [line for line in server.log if "level=warn" in line or "level=error" in line]
    assert len(complaints) == 1, server.log_text()  # … and has said it once
    os.unlink(redis.socket)
    redis.start()
    server.wait_health(200)
    anna.expect("welcome", timeout=20)
    anna.expect_joined(room)
    anna.say("works", room)


def test_http_while_redis_is_away(broken, new, room):
    redis, server = broken
    redis.kill()
    server.wait_health(503)
    response = server.request("GET", f"/api/v1/messages/{room}")
    assert response.status == 503
    assert b'"unavailable"' in response.body
    assert server.stats()["redis"]


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_health_and_status(broken, connect, new, room, how):
    redis, server = broken
    anna = connect(server, new.anna, room)
    getattr(redis, how)()
    reason = server.wait_health(503, 20)["reason"]
    assert reason
    status = anna.expect("status", timeout=20)
    assert set(status) == {"type", "state", "reason"}
    assert status["state"] == "degraded" and status["reason"]
    redis.start() if how == "kill" else redis.cont()
    server.wait_health(200, 20)
    assert anna.expect("status", timeout=20)["state"] == "ok"
    assert anna.is_open
    say_until_accepted(anna, "on we go")


def test_restart_with_data(broken, connect, new, room):
    redis, server = broken
    anna, ben = connect(server, new.anna, room), connect(server, new.ben, room)
    epoch = anna.epoch[room]
    anna.say_all([f"m{n}" for n in range(1, 11)])
    again = anna.say("m11", cid="again")
    redis.kill()
    server.wait_health(503)
    redis.start()
    server.wait_health(200, 20)
    assert say_until_accepted(ben, "m12")["seq"] == 12
    assert anna.say("m11", cid="again") == again | {"duplicate": True}
    for client in (anna, ben):
        client.expect("message", seq=12)
        got = [m for m in client.frames if m["type"] == "message"]
        assert [m["seq"] for m in got] == one_to(12)
    late = connect(server, new.late, room)
    assert late.epoch[room] == epoch
    assert [m["content"] for m in late.history["messages"]] == [f"m{n}" for n in one_to(12)]
    joined, history = late.join(room, epoch=epoch, seq=10)
    assert (joined["recovered"], joined["missed"]) == (True, 2)
    assert [m["seq"] for m in history["messages"]] == [11, 12]


def test_restart_and_the_first_to_ask_knows_nothing(broken, start, connect, new, room):
    """The instance that follows the room is the slower one: it is let vouch first."""
    redis, server = broken
    second = start(redis)
    anna = connect(server, new.anna, room)
    epoch = anna.epoch[room]
    anna.say_all([f"m{n}" for n in one_to(10)])
    server.process.send_signal(signal.SIGSTOP)
    redis.kill()
    redis.start()
    second.wait_health(200, 20)
    ben = connect(second)
    ben.send("hello", username=new.ben, resume={room: {"epoch": epoch, "seq": 8}})
    ben.expect("welcome")
    server.process.send_signal(signal.SIGCONT)
    joined, history = ben.expect_joined(room)
    assert (joined["epoch"], joined["recovered"], joined["missed"]) == (epoch, True, 2)
    assert [m["seq"] for m in history["messages"]] == [9, 10]
    server.wait_health(200, 20)
    ben.send("message", room=room, content="m11")
    anna.expect("message", seq=11)
    assert len([f for f in anna.frames if f["type"] == "joined"]) == 1


def test_restart_during_a_conversation(broken, connect, new, room):
    """Two write on while Redis dies and comes back: each message exists exactly once."""
    redis, server = broken
    writers = [connect(server, new.writer, room) for _ in range(2)]
    reader = connect(server, new.reader, room)
    acks = {}
    stop = threading.Event()
    failures = []

    def write(client):
        n = 0
        try:
            while not stop.is_set():
                content = f"{client.user}:{n}"
                acks[content] = say_until_accepted(client, content)["seq"]
                n += 1
        except AssertionError as e:
            failures.append(e)

    threads = [threading.Thread(target=write, args=(w,)) for w in writers]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2):
            top = len(acks)
            wait_for(lambda top=top: len(acks) > top + 20, "they write", 30)
            redis.kill()
            server.wait_health(503)
            redis.start()
            server.wait_health(200, 20)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures, failures
    end = say_until_accepted(reader, "end")["seq"]
    reader.expect("message", content="end")
    assert len(acks) == end - 1
    by_content = {m["content"]: m["seq"] for m in reader.messages()}
    assert {c: s for c, s in by_content.items() if c != "end"} == acks
    for client in (reader, *writers):
        wait_for(lambda c=client: c.seqs() == one_to(end), f"{client.user} has all, once")


def test_restart_without_data(broken, connect, new, room):
    redis, server = broken
    anna = connect(server, new.anna, room)
    anna.say_all([f"old{n}" for n in range(5)])
    old = anna.epoch[room]
    redis.kill()
    server.wait_health(503)
    redis.wipe()
    redis.start()
    server.wait_health(200, 20)
    joined = anna.expect("joined", epoch=lambda epoch: epoch != old)
    assert (joined["recovered"], joined["missed"]) == (False, 0)
    history = anna.expect("history", epoch=joined["epoch"])
    assert history["messages"] == []
    assert say_until_accepted(anna, "new")["seq"] == 1
    assert anna.expect("message", content="new")["seq"] == 1
    # Who comes back with what it knew is told that it cannot be continued.
    back = connect(server)
    back.hello(new.back, resume={room: {"epoch": old, "seq": 3}})
    joined, history = back.expect_joined(room)
    assert (joined["recovered"], joined["epoch"]) == (False, anna.epoch[room])
    assert [m["content"] for m in history["messages"]] == ["new"]
    # The names are still theirs.
    thief = connect(server)
    thief.send("hello", username=anna.user)
    thief.expect_error("name_taken")


def test_restart_with_older_data(broken, connect, new, room):
    """A Redis that lost its last second must not give the same numbers out again."""
    redis, server = broken
    anna = connect(server, new.anna, room)
    anna.say_all(["kept1", "kept2"])
    saved = redis.save_keys(f"*{room}*")
    anna.say_all(["lost3", "lost4"])
    anna.expect("message", content="lost4")
    old = anna.epoch[room]
    redis.kill()
    server.wait_health(503)
    redis.start_with(saved)
    server.wait_health(200, 20)
    say_until_accepted(anna, "new")
    joined = anna.expect("joined", epoch=lambda epoch: epoch != old)
    assert joined["recovered"] is False
    late = connect(server, new.late, room)
    assert late.epoch[room] == anna.epoch[room] != old
    assert late.history["messages"][-1]["content"] == "new"


def test_frozen_redis(broken, connect, new, room):
    """No answer in time: `unavailable`; the same frame again succeeds exactly once."""
    redis, server = broken
    anna, ben = connect(server, new.anna, room), connect(server, new.ben, room)
    anna.say("before")
    redis.stop()
    try:
        anna.send("message", room=room, content="during", cid="frozen")
        error = anna.expect_error("unavailable", cid="frozen", temporary=True, timeout=20)
        assert error["retry_after_ms"] > 0
        server.wait_health(503, 20)
    finally:
        redis.cont()
    server.wait_health(200, 20)

    def accepted():
        anna.send("message", room=room, content="during", cid="frozen")
        answer = anna.expect(("ack", "error"), cid="frozen")
        return answer if answer["type"] == "ack" else None

    assert wait_for(accepted, "accepted")["seq"] == 2
    anna.say("after")
    for client in (anna, ben):
        client.expect("message", content="after")
        assert [m["content"] for m in client.messages()] == ["before", "during", "after"]
        assert client.seqs() == [1, 2, 3]


def test_pubsub_connection_is_killed(broken, connect, new, room):
    """Pub/sub loses what is published meanwhile; the list fills the hole."""
    redis, server = broken
    second = Server(redis, RATE_LIMIT_MESSAGES=0)
    with second:
        second.wait_health(200)
        anna, ben = connect(server, new.anna, room), connect(second, new.ben, room)
        for turn in range(5):
            ben.send_many(
                {"type": "message", "room": room, "content": f"{turn}:{n}"} for n in range(30)
            )
            wait_for(lambda: redis.kill_clients("pubsub"), "somebody was subscribed")
            for client in (anna, ben):  # what was missed stays within the list's 100
                client.expect("message", content=f"{turn}:29", timeout=20)
        ben.say("end")
        for client in (anna, ben):
            client.expect("message", content="end", timeout=20)
            assert client.seqs() == one_to(151)
        anna.close()
        ben.close()


def test_private_message_while_pubsub_is_cut(broken, connect, new, room):
    redis, server = broken
    anna, ben = connect(server, new.anna, room), connect(server, new.ben, room)
    for n in range(1, 6):
        redis.kill_clients("pubsub")
        anna.tell(ben.user, f"m{n}")

    def knows():
        """By a message that arrived, or by the number that a heartbeat shows."""
        frames = list(ben.frames)
        live = [f["seq"] for f in frames if f["type"] == "private"]
        shown = [f["top"].get(f"@{anna.user}", 0) for f in frames if f["type"] == "heartbeat"]
        return max(live + shown, default=0) == 5

    wait_for(knows, "ben knows that there are five")
    live = [f["content"] for f in ben.frames if f["type"] == "private"]
    assert live == sorted(set(live)), "in order, none twice"
    ben.send("history", to=anna.user)
    history = ben.expect("history", to=anna.user)["messages"]
    assert [m["content"] for m in history] == ["m1", "m2", "m3", "m4", "m5"]


def test_command_connection_is_killed(broken, connect, new, room):
    redis, server = broken
    anna = connect(server, new.anna, room)
    for n in range(5):
        redis.kill_clients("normal")
        say_until_accepted(anna, f"m{n}")
    anna.expect("message", seq=5)
    assert anna.seqs() == one_to(5)
    assert [m["content"] for m in anna.messages()] == [f"m{n}" for n in range(5)]


def test_scripts_are_flushed(broken, connect, new, room):
    redis, server = broken
    anna = connect(server, new.anna, room)
    anna.say("before")
    redis.client.script_flush()
    anna.say("after")
    redis.client.script_flush()
    anna.say_all([f"m{n}" for n in range(20)])
    redis.client.script_flush()
    ben = connect(server, new.ben, new.room)
    redis.client.script_flush()
    ben.tell(anna.user, "psst")
    anna.expect("private")
    anna.expect("message", seq=22)
    assert anna.seqs() == one_to(22)


def test_data_is_flushed(broken, connect, new, room):
    """FLUSHALL under a running chat: a new epoch, never the old numbers again."""
    redis, server = broken
    anna, ben = connect(server, new.anna, room), connect(server, new.ben, room)
    anna.say_all(["one", "two", "three"])
    old = anna.epoch[room]
    redis.client.flushall()
    anna.say("first of the new")
    for client in (anna, ben):
        joined = client.expect("joined", epoch=lambda epoch: epoch != old)
        assert joined["recovered"] is False
        wait_for(
            lambda c=client: c.messages()[-1]["content"] == "first of the new", "the new message"
        )


def test_wrong_type_in_a_key(broken, connect, new, room):
    """Redis refuses one room's commands: that room's clients are told, others not concerned."""
    redis, server = broken
    anna, ben = connect(server, new.anna, room), connect(server, new.ben, new.fine)
    anna.say("before")
    key = f"confab:{{room:{room}}}:history"
    assert redis.client.type(key) == "list"
    redis.client.set(key, "not a list")
    anna.send("message", room=room, content="x", cid="c")
    anna.expect_error("store_failed", cid="c", temporary=False)
    ben.say("not concerned")
    assert server.health() == 200
    assert [line for line in server.log if "WRONGTYPE" in line], server.log_text()
    broken_room = new.broken
    redis.client.set(f"confab:{{room:{broken_room}}}:history", "not a list")
    ben.send("join", room=broken_room)
    ben.expect_error("store_failed", temporary=False)
    ben.say("still not concerned")
    redis.client.delete(key)
    say_until_accepted(anna, "mended")


def out_of_memory(redis, on):
    redis.client.config_set("maxmemory", 1 if on else 0)


def read_only(redis, on):
    """A replica of nobody that can be reached."""
    redis.client.execute_command("REPLICAOF", *(("127.0.0.1", "1") if on else ("NO", "ONE")))


@pytest.mark.parametrize("ill", [out_of_memory, read_only])
def test_redis_answers_but_takes_no_writes(broken, connect, new, room, ill):
    redis, server = broken
    anna = connect(server, new.anna, room)
    anna.say("before")
    ill(redis, True)
    anna.send("message", room=room, content="x", cid="c")
    anna.expect_error("unavailable", cid="c", temporary=True)
    assert anna.expect("status")["state"] == "degraded"
    assert "store" in server.wait_health(503)["reason"]
    ben = connect(server)  # reading still works, but nobody new can take a name
    ben.send("hello", username=new.ben, room=room)
    ill(redis, False)
    assert anna.expect("status")["state"] == "ok"
    assert server.health() == 200
    ben.expect("welcome")
    assert anna.say("x", cid="c")["seq"] == 2
    anna.expect("message", seq=2)
    assert anna.seqs() == [1, 2]


def test_last_message_that_pubsub_lost_is_found(broken, connect, new, room):
    """No hole shows it, since nothing follows: rooms are compared with Redis."""
    redis, server = broken
    anna = connect(server, new.anna, room)
    anna.say("one")
    message = anna.expect("message", seq=1) | {"seq": 2, "content": "unheard", "id": "x-2"}
    key = f"confab:{{room:{room}}}"
    with redis.client.pipeline() as step:  # as publish.lua does, but for PUBLISH
        step.hset(f"{key}:meta", "seq", 2)
        step.lpush(f"{key}:history", json.dumps(message))
        step.execute()
    assert anna.expect("message", seq=2)["content"] == "unheard"
    assert server.stats()["counters"]["rooms_behind"] == 1


def test_data_is_flushed_and_nobody_writes(broken, connect, new, room):
    redis, server = broken
    anna = connect(server, new.anna, room)
    anna.say("one")
    old = anna.epoch[room]
    redis.client.flushall()
    joined = anna.expect("joined", epoch=lambda epoch: epoch != old)
    assert joined["recovered"] is False
    assert anna.expect("history", epoch=joined["epoch"])["messages"] == []


def test_password_is_changed_later(own_redis, start, connect, new, room):
    """At start a refusal ends the server; later it is tried again."""
    redis = own_redis()
    server = start(redis)
    anna = connect(server, new.anna, room)
    redis.client.config_set("requirepass", "changed")
    redis.kill_clients("normal")
    redis.kill_clients("pubsub")
    wait_for(
        lambda: "password" in server.json("/api/v1/health").get("reason", "").lower(),
        "health says what is wrong",
    )
    redis.client.config_set("requirepass", "")
    server.wait_health(200, 20)
    say_until_accepted(anna, "again")


def test_join_while_redis_is_away(broken, connect, new, room):
    redis, server = broken
    anna = connect(server, new.anna, room)
    second = new.room
    redis.kill()
    server.wait_health(503)
    anna.send("join", room=second)
    redis.start()
    if anna.expect(("joined", "error"), timeout=20)["type"] == "error":
        server.wait_health(200, 20)
        anna.join(second)
    say_until_accepted(anna, "hi", second)

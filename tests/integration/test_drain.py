"""How an instance stops: it says so, sends everybody away a little at a time, finishes what was
begun, and is gone in time. Whoever was sent away goes on elsewhere."""

import shutil
import signal
import threading
import time

import pytest

from support.crowd import Crowd
from support.deadline import FACTOR, seconds, wait_for
from support.nginx import PATH, Nginx
from support.server import Server
from support.traveller import Traveller, travel

both_pumps = pytest.mark.parametrize("pumps", ["threads", "shared"])


@pytest.fixture
def here(request, redis):
    """Starts a server that the test stops."""

    def here(its_redis=redis, **settings):
        server = Server(its_redis, **{"RATE_LIMIT_MESSAGES": 0, **settings})
        request.addfinalizer(lambda: server.__exit__(None))
        server.wait_health(200)
        return server

    return here


def tell(server):
    server.process.send_signal(signal.SIGTERM)


def byes(client):
    return [f for f in client.frames if f["type"] == "bye"]


@both_pumps
def test_health_says_so_first(here, connect, new, room, pumps):
    """What stands in front can send newcomers elsewhere before anybody is sent away."""
    server = here(PUMPS=pumps)
    client = connect(server, new.anna, room)
    tell(server)
    wait_for(lambda: server.health() == 503, "health says so")
    health = server.json("/api/v1/health")
    assert health["status"] == "draining" and health["reason"] == "the server stops"
    client.say("still served")
    client.expect("message", content="still served")
    assert not byes(client)
    bye = client.expect("bye")
    assert bye["code"] == 4201 and 100 <= bye["retry_ms"] <= 1100
    client.expect_close(4201)
    assert server.wait_exit() == 0


def test_byes_are_spread(here, connect, new, room):
    server = here()
    clients = [connect(server, new.anna, room) for _ in range(60)]
    tell(server)
    delays = [client.expect("bye")["retry_ms"] for client in clients]
    assert server.wait_exit() == 0
    assert 100 <= min(delays) < 300 and 900 < max(delays) <= 1100
    assert len(set(delays)) > 40, "they would come back together"


def test_many_go_a_few_at_a_time(here, new):
    """At 2,000 a second, so that the other instances can take them in."""
    count = 3000 // FACTOR
    server = here()
    with Crowd(server, count) as crowd:
        assert crowd.answers()["answers"] == {"101": count}
        tell(server)
        seen = {}
        while server.process.poll() is None:
            try:
                seen.setdefault(server.stats()["clients"], time.monotonic())
            except OSError:
                break  # it listens no more
        assert server.wait_exit() == 0
    left = [at for clients, at in seen.items() if clients < count]
    assert len(left) >= 10, "all at once"
    assert left[-1] - left[0] > 0.8 * count / 2000


@both_pumps
def test_what_was_stored_was_acknowledged(here, start, redis, connect, new, room, pumps):
    """Clients that write until the connection ends: what they said before is answered, what they
    said later is not stored; repeated elsewhere it is neither lost nor there twice."""
    server = here(PUMPS=pumps, NET_THREADS=2)
    clients = [connect(server, new.anna, room) for _ in range(6)]
    said = {client: [] for client in clients}

    def write(client):
        try:
            while client.is_open:
                cids = [client.new_cid() for _ in range(10)]
                said[client] += cids
                client.send_many(
                    {"type": "message", "room": room, "content": cid, "cid": cid} for cid in cids
                )
                client.expect("ack", cid=cids[-1])
        except Exception:
            assert not client.is_open or byes(client)

    threads = [threading.Thread(target=write, args=(c,)) for c in clients]
    for thread in threads:
        thread.start()
    clients[0].expect("message", seq=200, timeout=20)
    tell(server)
    assert server.wait_exit() == 0
    for thread in threads:
        thread.join()
    acked = {f["cid"]: f["seq"] for c in clients for f in c.frames if f["type"] == "ack"}
    top = int(redis.client.hget(f"confab:{{room:{room}}}:meta", "seq"))
    assert sorted(acked.values()) == list(range(1, top + 1))
    other = start(redis)
    for client in clients:
        back = connect(other, client.user, room, session=client.session)
        for cid in said[client][-20:]:
            ack = back.say(cid, cid=cid)
            assert ack.get("duplicate", False) == (cid in acked)
            assert ack["seq"] == acked.get(cid, ack["seq"])


def test_in_time_whatever_happens(own_redis, here, connect, raw, new, room):
    """One who does not read, one who does not answer the close frame, and a Redis that answers
    nothing; the message that it kept is there once when the client comes to ask."""
    drain_s = 4
    redis = own_redis()
    settings = {"DRAIN_SECONDS": drain_s, "OUTBOX_KB": 64}
    server, other = here(redis, **settings), here(redis, **settings)
    deaf = raw(server, new.deaf, room, receive_buffer=4096)
    writer = connect(server, new.writer, room)
    wait_for(lambda: fill(writer, server), "the deaf one has something waiting", 20)
    raw(server, new.mute, new.another)
    redis.stop()
    try:
        writer.send("message", room=room, content="the last", cid="last")
        wait_for(lambda: server.stats()["redis"]["in_flight"] > 0, "Redis has it")
        begin = time.monotonic()
        tell(server)
        writer.expect("bye")
        assert server.wait_exit() == 0
        assert time.monotonic() - begin < seconds(drain_s) + 0.5
    finally:
        redis.cont()
    other.wait_health(200, 20)
    back = connect(other, writer.user, room, session=writer.session)
    seq = back.say("the last", cid="last")["seq"]
    assert [m["seq"] for m in back.messages() if m["content"] == "the last"] in ([seq], [])
    late = connect(other, new.late, room)
    assert [m["seq"] for m in late.messages() if m["content"] == "the last"] == [seq]
    deaf.close()


def fill(writer, server):
    writer.say_all(["x" * 4000] * 20, window=8)
    return server.stats()["gauges"]["queue_bytes"] > 0


def test_no_time_at_all(here, connect, raw, new, room):
    server = here(DRAIN_SECONDS=0)
    clients = [connect(server, new.anna, room) for _ in range(5)]
    raw(server, new.mute, room)
    begin = time.monotonic()
    tell(server)
    assert server.wait_exit() == 0
    assert time.monotonic() - begin < seconds(2)
    for client in clients:
        client.expect_close()


def test_second_signal_ends_at_once(here, connect, raw, new, room):
    """Nobody has to wait for one who does not read."""
    server = here(DRAIN_SECONDS=60)
    raw(server, new.mute, room)
    tell(server)
    server.wait_log(event="stopping")
    begin = time.monotonic()

    def ended():  # within the first second it is the same request, made twice
        tell(server)
        return server.process.poll() is not None

    wait_for(ended, "the end")
    assert server.process.wait() == 1
    assert time.monotonic() - begin < seconds(3)


# ---- a rolling restart


def restart(servers, at, redis, **settings):
    """Stops one and starts it anew on its port."""
    port = servers[at].port
    servers[at].stop()
    servers[at].destroy()
    servers[at] = Server(redis, SERVER_PORT=port, **settings)
    servers[at].wait_health(200)


@pytest.mark.skipif(not shutil.which("nginx", path=PATH), reason="no nginx")
def test_rolling_restart(redis, new):
    """Three instances behind nginx, each stopped and started again: nothing is lost, nothing is
    there twice, nobody is announced to have left, and nobody waits for more than 3 s."""
    settings = {"RATE_LIMIT_MESSAGES": 0}
    servers = [Server(redis, **settings) for _ in range(3)]
    try:
        with Nginx([s.port for s in servers]) as nginx:
            rooms = [new.room for _ in range(3)]
            travellers = [Traveller(nginx.port, new.anna, rooms[n % 3], 0.25) for n in range(30)]

            def change():
                for at in range(3):
                    restart(servers, at, redis, **settings)

            travel(travellers, change)
    finally:
        for server in servers:
            server.__exit__(None)
    for t in travellers:
        assert not t.problems, t.problems
        together = [o for o in travellers if o.room == t.room]
        acked = {content: seq for o in together for content, seq in o.acked.items()}
        assert t.seen == sorted(acked, key=acked.get), "not the same for everybody"
        assert len(t.acked) == t.sent
        assert not t.left
    assert sum(len(t.instances) > 1 for t in travellers) == 30, "each had to move"
    longest = max(t.away_s for t in travellers)
    print(f"sent {sum(t.sent for t in travellers)}, longest without a connection {longest:.2f} s")
    assert longest < seconds(3), longest

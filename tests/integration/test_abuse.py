"""Clients that are too many, too slow, dead or rude, and a machine that has nothing left to give:
whoever behaves must not notice."""

import ctypes
import json
import os
import shutil
import socket
import subprocess
import threading
import time

import pytest

from support.crowd import Crowd
from support.deadline import FACTOR, seconds, wait_for
from support.process import threads_of
from support.raw import PING, PONG, Closed, Raw

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
CLONE_NEWNET = 0x40000000
MANY = 10000 // FACTOR


def counters(server):
    return server.stats()["counters"]


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def resident_kb(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def kernel_resets():
    """Of connections that waited too long for a place in the listener's queue: the kernel drops
    what it knew of them, and takes what they send then for a SYN cookie that it never gave."""
    with open("/proc/net/netstat", encoding="ascii") as f:
        names, values = (next(f).split() for _ in range(2))
    return int(values[names.index("SyncookiesFailed")])


class Talk:
    """Two users who talk all the time; the longest that one of them waited for the other."""

    def __init__(self, connect, server, new, room):
        self._clients = [connect(server, new.anna, room), connect(server, new.ben, room)]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.turns, self.longest = 0, 0.0
        self.failure = None

    def _run(self):
        anna, ben = self._clients
        try:
            while not self._stop.wait(0.01):
                start = time.monotonic()
                anna.say(f"turn {self.turns}")
                ben.expect("message", content=f"turn {self.turns}")
                self.longest = max(self.longest, time.monotonic() - start)
                self.turns += 1
        except BaseException as e:
            self.failure = e

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self._stop.set()
        self._thread.join()
        if kind is None:
            assert self.failure is None, self.failure
            assert self.turns > 0


# ---- too many


def test_burst_of_connects(start, redis, connect, new, room):
    """More than fit: each that the kernel lets through is answered, nobody else notices,
    everything is given back."""
    fit = MANY * 6 // 10
    server = start(redis, MAX_CLIENTS=fit)
    with Talk(connect, server, new, room) as talk:
        before, memory = descriptors(server), []
        path = f"/ws?username={new.crowd}-{{n}}&room={new.crowd}"
        for _ in range(2):
            resets = kernel_resets()
            with Crowd(server, MANY, path=path) as crowd:
                got = crowd.answers()["answers"]
                memory.append(resident_kb(server))
            assert got.pop("ConnectionResetError", 0) <= kernel_resets() - resets
            assert set(got) == {"101", "503"} and got["101"] == fit - 2, got
            wait_for(lambda: server.stats()["clients"] == 2, "all are gone", 30)
            wait_for(lambda: descriptors(server) <= before + 1, "descriptors are back", 30)
    assert talk.longest < seconds(3), talk.longest
    assert memory[1] < memory[0] * 1.5 * FACTOR, "it grows with every burst"


def test_accept_rate(start, redis, connect, new, room):
    """A second's worth at once, then as many as the rate says: late, not refused."""
    server = start(redis, ACCEPT_RATE=100)
    assert counters(server)["accept_pauses"] == 0
    with Crowd(server, 400) as crowd:
        result = crowd.answers()
    assert result["answers"] == {"101": 400}
    assert 2.5 < result["seconds"] < seconds(6)
    assert counters(server)["accept_pauses"] > 10
    connect(server, new.anna, room).say("hi")


def test_refused_connections_use_up_no_rate(start, redis, connect, raw, new, room):
    """One address that is over its cap does not make others wait."""
    server = start(redis, ACCEPT_RATE=20, MAX_CLIENTS_PER_ADDRESS=1)
    wait_for(lambda: raw(server).upgrade() == 101, "the only one that it may have")
    begin = time.monotonic()
    for _ in range(100):
        with Raw(server) as refused:
            refused.send(b"GET / HTTP/1.1\r\n\r\n")
            status, headers, body = refused.response()
            assert status == 429 and int(headers["retry-after"]) > 0
            assert json.loads(body)["temporary"] is True
    assert time.monotonic() - begin < seconds(3), "they waited"
    connect(server, new.ben, room, local_addr=("127.0.0.2", 0)).say("hi")


# ---- nothing left to give


def nobody(redis):
    """A launcher: another user than root, whom limits bind, and who may use that Redis, and the
    programs wherever they are built."""
    if os.geteuid() != 0:
        return []
    os.chmod(redis.folder, 0o711)
    os.chmod(redis.socket, 0o777)
    uid = 61000 + os.getpid() % 4000
    person = [f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    reaches = [f"--{kind}-caps=+dac_read_search" for kind in ("inh", "ambient")]
    return ["setpriv", "--pdeathsig=KILL", *person, *reaches]


def set_limit(server, which, most, launcher=()):
    """The launcher is that of the server: only the same user may."""
    command = [*launcher, "prlimit", f"--pid={server.process.pid}", f"--{which}={most}:"]
    subprocess.run(command, check=True)


def chat(clients):
    """Each says something and hears everybody."""
    said = [client.say(f"{client.user} is here")["seq"] for client in clients]
    for client in clients:
        for seq in said:
            client.expect("message", seq=seq)


@pytest.mark.parametrize("spare", [6, 7], ids=["for three", "for three and a reader"])
def test_threads_run_out(start, redis, connect, new, room, spare):
    """Whoever comes then shares the net threads, and gets threads when there are some again."""
    launcher = nobody(redis)
    server = start(redis, launcher=launcher, PUMPS="threads", NET_THREADS=2, ENV_FILE="")
    uid = os.stat(f"/proc/{server.process.pid}").st_uid
    before = threads_of(uid)
    set_limit(server, "nproc", before + spare, launcher)
    clients = [connect(server, new.anna, room) for _ in range(8)]
    chat(clients)
    wait_for(lambda: server.stats()["pumps"]["dedicated"] == 3, "three have threads")
    assert counters(server)["pump_threads_refused"] <= 2, "it does not insist"
    assert len(server.logged(event="pump_threads")) == 1
    for client in clients[:3]:
        client.close()
    wait_for(lambda: server.stats()["pumps"]["dedicated"] == 3, "threads for three others", 20)
    chat(clients[3:])
    set_limit(server, "nproc", before + 100, launcher)
    wait_for(lambda: server.stats()["pumps"]["dedicated"] == 5, "threads for all", 20)
    chat(clients[3:])
    assert len(server.logged(event="pump_threads")) == 1


def test_descriptors_run_out(start, redis, connect, raw, new, room):
    """Newcomers get 503, those who are there go on, and it passes when some leave."""
    server = start(redis)
    clients = [connect(server, new.anna, room) for _ in range(2)]
    set_limit(server, "nofile", descriptors(server) + 20)
    with Crowd(server, 200) as crowd:
        got = crowd.answers()["answers"]
        # the connection of a question about its health may have been counted, and be gone since
        assert set(got) == {"101", "503"} and 10 <= got["101"] <= 22, got
        chat(clients)
        assert raw(server).upgrade() == 503
    wait_for(lambda: raw(server).upgrade() == 101, "there is room again")
    chat(clients)
    assert counters(server)["accept_failures"] > 0
    assert len(server.logged(event="accept")) == 1


def test_descriptors_are_kept_for_redis(start, own_redis, connect, new, room):
    """A server with fewer descriptors than MAX_CLIENTS needs finds its Redis again when it is
    full, and says how it is."""
    redis = own_redis()
    limit = ["prlimit", "--nofile=200:200"]
    server = start(redis, launcher=[*nobody(redis), *limit], NET_THREADS=2, ENV_FILE="")
    assert server.logged(event="descriptors")
    anna = connect(server, new.anna, room)
    with Crowd(server, 300) as crowd:
        got = crowd.answers()["answers"]
        assert set(got) == {"101", "503"} and got["101"] > 50, got
        assert server.health() == 200
        redis.kill()
        anna.expect("status", state="degraded")
        redis.start()
        nobody(redis)
        anna.expect("status", state="ok", timeout=20)
        anna.say("still here")
        assert counters(server)["accept_failures"] == 0


# ---- slow and dead


def test_slow_handshake_is_answered(start, redis, raw):
    server = start(redis, HANDSHAKE_TIMEOUT_S=1)
    slow = raw(server)
    slow.send(b"GET /ws HTTP/1.1\r\n")
    status, headers, _ = slow.response()
    assert status == 408 and headers["connection"] == "close"
    slow.expect_end()


def test_slowloris_keeps_nobody_out(start, redis, connect, new, room):
    """3,000 who never finish a handshake, and come back as soon as they are cut."""
    server = start(redis, MAX_CLIENTS=50)
    there = connect(server, new.anna, room)
    with Crowd(server, 3000, kind="loris") as crowd:
        crowd.answers()
        for _ in range(10):
            begin = time.monotonic()
            wait_for(lambda: comes_in(server, new.ben, room), "somebody else comes in")
            assert time.monotonic() - begin < seconds(3)
        there.say("not concerned")
    # whoever asks while they are there may be refused a place
    left = wait_for(lambda: server.stats().get("counters"), "a place for a question")
    assert left["handshakes_cut"] > 0


def comes_in(server, name, room):
    with Raw(server) as raw:
        try:
            if raw.upgrade(f"/ws?username={name}&room={room}") != 101:
                return False
        except Closed:
            return False
        raw.expect("joined", room=room)
        return True


def test_one_byte_writes(server, connect, raw, new, room):
    """A handshake and a conversation, every byte in a packet of its own."""
    other = connect(server, new.anna, room)
    slow = raw(server)
    slow.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    send = slow.send

    def drip(data):
        for byte in data:
            send(bytes([byte]))

    slow.send = drip
    assert slow.upgrade(f"/ws?username={new.slow}&room={room}") == 101
    slow.expect("history", room=room)
    text = json.dumps({"type": "message", "room": room, "content": "gr\u00fc\u00dfe", "cid": "1"})
    slow.frame(text)
    assert slow.expect("ack", cid="1")["seq"] == 1
    slow.frame(text[:20], fin=False)
    slow.frame(b"?", opcode=PING)
    slow.frame(text[20:].replace('"1"', '"2"'), opcode=0)
    while (frame := slow.read_frame())[0] != PONG:
        pass
    assert frame[1] == b"?"
    assert slow.expect("ack", cid="2")["seq"] == 2
    for seq in (1, 2):
        assert other.expect("message", seq=seq)["content"] == "gr\u00fc\u00dfe"


class Cable:
    """A network namespace with a cable to it that can be pulled: what is sent then is lost, and
    nobody is told."""

    HERE, THERE = "198.51.100.1", "198.51.100.2"  # TEST-NET-2: of nobody

    def __init__(self):
        self.name = f"confab{os.getpid()}"
        self._ip("netns", "add", self.name)
        end = ["peer", "name", "eth0", "netns", self.name]
        self._ip("link", "add", self.name, "type", "veth", *end)
        self._ip("addr", "add", f"{self.HERE}/30", "dev", self.name)
        self._ip("link", "set", self.name, "up")
        self._ip("-n", self.name, "addr", "add", f"{self.THERE}/30", "dev", "eth0")
        self._ip("-n", self.name, "link", "set", "eth0", "up")

    @staticmethod
    def _ip(*words):
        subprocess.run(["ip", *words], env={"PATH": PATH}, check=True)

    def socket(self):
        """One that lives at the other end, whoever uses it."""
        libc = ctypes.CDLL(None, use_errno=True)
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            assert libc.setns(there, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            try:
                return socket.socket()
            finally:
                assert libc.setns(here, CLONE_NEWNET) == 0
        finally:
            os.close(here)
            os.close(there)

    def pull(self):
        self._ip("-n", self.name, "link", "set", "eth0", "down")

    def close(self):
        self._ip("link", "del", self.name)
        self._ip("netns", "del", self.name)


def may_make_namespaces():
    if os.geteuid() != 0 or not shutil.which("ip", path=PATH):
        return False
    return subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not may_make_namespaces(), reason="needs root and namespaces")
@pytest.mark.parametrize("pumps", ["threads", "shared"])
def test_half_open_connection(start, redis, connect, raw, new, room, pumps):
    """Its packets vanish: it is ended after 2.5 heartbeats, and nobody else waits for it."""
    beat_s = 0.4
    server = start(redis, BIND="0.0.0.0", HEARTBEAT_MS=int(beat_s * 1000), PUMPS=pumps)
    cable = Cable()
    try:
        lost = raw(server, new.lost, room, host=Cable.HERE, make=cable.socket)
        with Talk(connect, server, new, room) as talk:
            lost.expect("message", content="turn 0")
            lost.say("heartbeat")
            cable.pull()
            begin = time.monotonic()
            wait_for(lambda: counters(server)["clients_closed_silent"] == 1, "it is ended")
            assert 2 * beat_s < time.monotonic() - begin < seconds(2.5 * beat_s + 1)
            wait_for(lambda: server.stats()["clients"] == 2, "and forgotten", 20)
        assert talk.longest < seconds(1)
    finally:
        cable.close()


# ---- rude


def test_all_outboxes_together(start, redis, connect, raw, new, room):
    """Each of 40 could make the server keep a mebibyte; together they get 8."""
    server = start(redis, MAX_QUEUE_MB=8, OUTBOX_KB=1024)
    slow = [raw(server, new.slow, room, receive_buffer=4096) for _ in range(40)]
    writer, reader = connect(server, new.writer, room), connect(server, new.reader, room)
    before, most = resident_kb(server), 0
    for turn in range(400):
        acks = writer.say_all(["x" * 4000 for _ in range(20)], window=8)
        reader.expect("message", seq=acks[-1]["seq"])  # one that reads, and so never lags
        stats = server.stats()
        most = max(most, stats["gauges"]["queue_bytes"])
        if stats["counters"]["clients_lagged"] >= len(slow):
            break
    else:
        raise AssertionError("they do not lag")
    # above its bound nothing is added but what an empty outbox takes
    assert most <= (8 + 1) * 1024 * 1024
    assert resident_kb(server) - before < 32 * 1024 * FACTOR  # sanitizers keep what was freed
    end = writer.say("end")["seq"]
    reader.expect("message", seq=end, timeout=20)
    assert reader.seqs() == list(range(1, end + 1)), "nobody else is concerned"
    for client in slow:
        assert client.expect("resync", room=room)["seq"] < end
    wait_for(lambda: server.stats()["gauges"]["queue_bytes"] == 0, "nothing waits any more")


@pytest.mark.parametrize("pumps", ["threads", "shared"])
def test_one_who_sends_and_never_reads(start, redis, connect, raw, new, room, pumps):
    """Messages with acks that it does not take: it is read no more, others are served."""
    server = start(redis, PUMPS=pumps, OUTBOX_KB=64, LAG_CLOSE_S=2)
    with Talk(connect, server, new, room) as talk:
        mine = new.room
        rude = raw(server, new.rude, mine, receive_buffer=4096)
        with pytest.raises(OSError):  # it may not write any more, or is cut off
            for n in range(200000):
                rude.say("message", room=mine, content="x" * 500, cid=f"c{n}")
                if n % 100 == 0:
                    assert server.stats()["gauges"]["queue_bytes"] < 2 * 1024 * 1024
        wait_for(lambda: server.stats()["clients"] == 2, "it is ended", 20)
    assert talk.longest < seconds(1)

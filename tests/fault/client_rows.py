"""Clients that are slow, dead, hostile or too many, beside a load that must not notice."""

import os
import resource
from contextlib import contextmanager

import crowd
from redis_rows import AWAKE
from row import row
from support.deadline import seconds, wait_for
from support.process import threads_of
from support.raw import Raw
from support.redis import Redis
from usage import cpu_seconds, usage

# What the others see of it: as good as nothing.
UNDISTURBED = {"silence_s": 1.5, "recovery_s": 1.0, "reconnects": False}

SILENT = 4102  # the close code


@row()
def slow_readers(t):
    """A quarter of the clients stops reading for up to a second at a time."""
    with t.soak(t.world, slow=6, sleep_ms=1000, rate=30):
        t.hold(t.pick(2, 60))


@row(**UNDISTURBED)
def dead_clients(t):
    """Clients that stop reading in a room full of messages, and half-open connections: silent,
    with nothing to take. The server ends both."""
    server, count = t.world.servers[0], t.pick(3, 30)
    with t.soak(t.world, **AWAKE) as soak:
        with soak.fault("dead"):
            kill_slowly(t, server, count)
        soak.wait_recovered()


def kill_slowly(t, server, count):
    before = server.stats()
    counters = before["counters"]

    def more(name):
        return server.stats()["counters"][name] - counters[name]

    with (
        crowd.silent(server, count, "half-open") as half_open,
        crowd.silent(server, count, "flood"),
    ):
        crowd.flood(server, "flood", lambda: more("clients_lagged") >= count)
        wait_for(lambda: more("clients_closed_slow") >= count, "slow clients are ended")
        for client in half_open:
            code = client.expect_close()
            t.check(code == SILENT, f"a half-open connection was closed with {code}")
    wait_for(lambda: server.stats()["clients"] == before["clients"], "they are gone")


@row(**UNDISTURBED)
def slowloris(t):
    """Handshakes that go on for ever, one byte at a time: each is ended in time."""
    count = t.pick(100, 1000)
    with t.soak(t.world, **AWAKE) as soak:
        with soak.fault("slowloris"):
            ended = crowd.slowloris(t.world.servers[0], count)
        soak.wait_recovered()
    t.check(ended == count, f"{ended} of {count} handshakes were ended")


@row(**UNDISTURBED)
def one_byte_writes(t):
    """A conversation whose every byte comes in a packet of its own."""
    with t.soak(t.world, **AWAKE) as soak:
        with soak.fault("bytes"):
            for number in range(t.pick(20, 200)):
                crowd.write_slowly(t.world.servers[0], f"bytes-{number}", 20)
        soak.wait_recovered()


@row(silence_s=2.0, reconnects=False)
def connect_burst(t):
    """1,000 connections (long: 10,000) in one moment, cut in one moment, three times.

    The heap keeps what the most clients at once have needed, so memory is compared from after a
    first burst."""
    count = t.pick(t.fewer(1000), 10000)
    world = t.own_world(PUMPS="auto", HANDSHAKE_TIMEOUT_S=10)
    crowd.burst(world.servers, count)
    world.wait_clients(0)
    with t.soak(world, **AWAKE) as soak:
        for _ in range(3):
            with soak.fault("burst"):
                answers = crowd.burst(world.servers, count)
                world.wait_clients(soak.clients)
            t.check(answers == {"welcome": count}, f"answers: {dict(answers)}")
        soak.wait_recovered()


@contextmanager
def limited(pid, kind, most):
    """The soft limit of a running process, for as long as the block lasts."""
    soft, hard = resource.prlimit(pid, kind)
    resource.prlimit(pid, kind, (most, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, kind, (soft, hard))


@row(**UNDISTURBED)
def descriptors_exhausted(t):
    """An instance has no descriptor left: new connections are refused, the others go on, and it
    does not spin."""
    server = t.world.servers[0]
    pid = server.process.pid
    with t.soak(t.world, **AWAKE) as soak:
        with soak.fault("descriptors"):
            with limited(pid, resource.RLIMIT_NOFILE, usage(pid).fds + 4):
                knocking = [Raw(server) for _ in range(30)]
                begin = cpu_seconds(pid)
                t.hold(1)
                used = cpu_seconds(pid) - begin
            for raw in knocking:
                raw.close()
        soak.wait_recovered()
        wait_for(lambda: server.health() == 200, "it answers again")
    t.check(server.logged(event="accept"), "no accept failed")
    t.check(used < seconds(0.5), f"it used {used:.2f} s of CPU in 1 s")


@row(silence_s=1.0, reconnects=False)
def threads_exhausted(t):
    """No more threads for the user of an instance: further clients run on shared pumps."""
    redis = t.enter(Redis(durable=True))
    world = t.own_world(
        count=1, address=redis.addr, launcher=few_threads(redis, 25), PUMPS="threads", ENV_FILE=""
    )
    with t.soak(world, **AWAKE) as soak:
        dedicated = world.servers[0].stats()["pumps"]["dedicated"]
        t.hold(t.pick(1.5, 10))
    t.check(0 < dedicated < soak.clients, f"{dedicated} clients have threads of their own")
    t.check(world.servers[0].logged(event="pump_threads"), "nobody was told")


def few_threads(redis, count):
    """Starts a process that can have so many. The limit is one of all threads of a user, and none
    for root: if that is who we are, the process runs as a user that nobody else is."""
    if os.geteuid() != 0:
        return ("prlimit", f"--nproc={threads_of(os.geteuid()) + count}:")
    user = 64000 + os.getpid() % 1000
    os.chmod(redis.folder, 0o711)
    os.chmod(redis.socket, 0o666)
    return (
        "prlimit", f"--nproc={count}:",
        "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--pdeathsig=KILL",
    )  # fmt: skip

"""The archive is in trouble while everybody chats: nobody must notice, and every message that
was acknowledged is in each archive exactly once. The first instances write archives; clients use
the others where these are killed."""

import os
import signal
from contextlib import closing

from redis_rows import AWAKE
from row import row
from support.archive import Archive, SmallDisk, wait_state
from support.deadline import wait_for
from support.sentinel import NAME, Group
from trial import LOAD

# Memory is not judged: SQLite's caches of the writer, 16 MB for pages and as much for the index,
# fill up once.
UNNOTICED = {"recovery_s": 1.0, "reconnects": False, "memory": False}


def world_with(t, count=3, archives=1, kind=Archive, **options):
    files = {n: kind(os.path.join(t.folder, f"archive-{n}")) for n in range(archives)}
    world = t.own_world(count=count, archives=files, **options)
    for number in files:
        wait_state(world.servers[number], "ok")
    return world


@row(**UNNOTICED)
def archiver_killed_often(t):
    """kill -9 of the instance that writes the archive, again and again: between reading, commit
    and acknowledgement."""
    world = world_with(t)
    with t.soak(world, urls=world.urls[1:], **AWAKE) as soak:
        with soak.fault("killed"):
            for _ in range(t.pick(6, 60)):
                world.kill(0)
                world.restart(0)
                wait_state(world.servers[0], "ok")
                t.hold(0.1)
        soak.wait_recovered()


@row(**UNNOTICED)
def archiver_stopped(t):
    """SIGSTOP of the instance that writes the archive for 2 s (long: 30 s): messages wait in
    Redis."""
    world = world_with(t)
    with t.soak(world, urls=world.urls[1:], **AWAKE) as soak:
        process = world.servers[0].process
        with soak.fault("stopped"):
            process.send_signal(signal.SIGSTOP)
            t.hold(t.pick(2, 30))
            process.send_signal(signal.SIGCONT)
        soak.wait_recovered()


@row(**UNNOTICED)
def archive_disk_full(t):
    """The archive's disk is full for 2 s (long: 30 s). Where this user may have no mount
    namespace, nothing is tried."""
    files = {0: SmallDisk(os.path.join(t.folder, "archive-0"))}
    possible = files[0].is_possible()
    world = t.own_world(archives=files if possible else {})
    with t.soak(world, **AWAKE) as soak:
        if possible:
            files[0].look_into(world.servers[0])
            with soak.fault("full"), files[0].full():
                wait_state(world.servers[0], "full")
                t.hold(t.pick(2, 30))
            wait_state(world.servers[0], "ok", timeout=40)
        soak.wait_recovered()


@row(**UNNOTICED)
def archive_locked(t):
    """Another program holds the archive's file for 3 s (long: 30 s), first confab's lock, then
    SQLite's."""
    world = world_with(t)
    archive = world.archives[0]
    with t.soak(world, **AWAKE) as soak:
        for lock in (lambda: archive.locked("archive.write"), archive.in_transaction):
            with soak.fault("locked"), lock():
                wait_state(world.servers[0], "locked")
                t.hold(t.pick(1, 30))
            wait_state(world.servers[0], "ok")
        soak.wait_recovered()


@row(**UNNOTICED)
def archive_corrupt(t):
    """The archive's file is overwritten and its writer killed: a new file starts with what Redis
    has."""
    world = world_with(t)
    with t.soak(world, urls=world.urls[1:], rate=30, **AWAKE) as soak:
        with soak.fault("corrupt"):
            world.archives[0].damage(0, 1 << 20)
            world.kill(0)
            world.restart(0)
            wait_state(world.servers[0], "ok", timeout=40)
        soak.wait_recovered()


@row(**UNNOTICED)
def two_archives_one_down(t):
    """One of two hosts with an archive is away for 2 s (long: 30 s): the stream keeps for it what
    the other has."""
    world = world_with(t, archives=2)
    with t.soak(world, urls=world.urls[2:], **AWAKE) as soak:
        with soak.fault("down"):
            world.kill(1)
            t.hold(t.pick(2, 30))
            world.restart(1)
            wait_state(world.servers[1], "ok", "behind")
        soak.wait_recovered()


@row(loss=True, gaps=True)
def archive_redis_wiped(t):
    """Redis is killed and comes back without its data: the archive has what was acknowledged
    until a second before."""
    world = world_with(t)
    with t.soak(world, **AWAKE) as soak:
        t.hold(2)
        with soak.fault("wiped"):
            t.redis_forgets()
            world.redis.kill()
            world.wait_degraded()
            world.redis.wipe()
            world.redis.start()
        soak.wait_recovered()
    t.check(t.total("epochs") > 0, "no new epoch was seen")


@row(loss=True, gaps=True, recovery_s=5.0)
def archive_redis_failover(t):
    """The master is killed and a sentinel promotes its replica: the archive may be ahead of it."""
    group = t.enter(closing(Group()))
    master, replica = group.nodes
    world = world_with(
        t, count=2, address="", REDIS_SENTINELS=group.sentinel.addr, REDIS_MASTER_NAME=NAME
    )
    with t.soak(world) as soak:
        t.hold(2)
        with soak.fault("failover"):
            t.redis_forgets()
            master.kill()
            wait_for(lambda: group.master() is replica, "the sentinel names the replica", 30)
            wait_for(lambda: replica.role() == "master", "the replica is the master")
        soak.wait_recovered()
    lost = t.total("lost")
    t.check(lost <= LOAD["rate"], f"{lost} lost: more than one second's messages")

"""Redis is away, forgets, refuses or is replaced."""

import time
from contextlib import closing

from redis import Redis as Client

from row import row
from support.deadline import seconds, wait_for
from support.sentinel import NAME, Group
from trial import LOAD

# Nobody is away while Redis is: what waits in the outboxes then comes in one burst, and a room
# keeps only its last 100 messages.
AWAKE = {"drop": 0, "moves": 0}

REDIS_CONNECTIONS = 2  # of an instance: commands and bus


@row()
def redis_down_at_start(t):
    """Clients connect while there is no Redis yet."""
    world = t.own_world(count=2, started=False)
    with t.soak(world, running=False, more_fds=REDIS_CONNECTIONS) as soak:
        world.wait_degraded()
        world.wait_clients(soak.clients)
        with soak.fault("down"):
            world.redis.start()
        soak.wait_running()
        soak.wait_recovered()
        t.hold(1)


@row()
def redis_killed(t):
    """Redis is killed and comes back with its append-only file."""
    world = t.world
    with t.soak(world, **t.pick({"rate": 60}, {"rate": 15, **AWAKE})) as soak:
        with soak.fault("killed"):
            world.redis.kill()
            world.wait_degraded()
            t.hold(t.pick(1, 10))
            world.redis.start()
        soak.wait_recovered()


@row(loss=True, gaps=True)
def redis_wiped(t):
    """Redis is killed and comes back without its data: every room starts a new epoch."""
    world = t.world
    with t.soak(world, **AWAKE) as soak:
        with soak.fault("wiped"):
            world.redis.kill()
            world.wait_degraded()
            world.redis.wipe()
            world.redis.start()
        soak.wait_recovered()
    t.check(t.total("epochs") > 0, "no new epoch was seen")


@row()
def redis_paused(t):
    """CLIENT PAUSE for 1 s (long: 1, 5 and 30 s)."""
    for duration in t.pick((1,), (1, 5, 30)):
        with t.soak(t.world, rate=rate_for(duration), **AWAKE) as soak:
            with Client(unix_socket_path=t.world.redis.socket) as client, soak.fault("paused"):
                client.execute_command("CLIENT", "PAUSE", duration * 1000, "ALL")
                client.ping()  # is answered when the pause is over
            soak.wait_recovered()


@row()
def redis_stopped(t):
    """SIGSTOP for 1 s (long: 1, 5 and 30 s): connections stay open, nothing is answered."""
    for duration in t.pick((1,), (1, 5, 30)):
        with t.soak(t.world, rate=rate_for(duration), **AWAKE) as soak:
            with soak.fault("stopped"):
                t.world.redis.stop()
                t.hold(duration)
                t.world.redis.cont()
            soak.wait_recovered()


def rate_for(duration):
    """Messages per second, so that what waits after the fault fits into what a room keeps."""
    return min(60, 200 // duration)


@row()
def redis_subscribers_killed(t):
    """CLIENT KILL TYPE pubsub, again and again."""
    kill_again_and_again(t, "pubsub")


@row()
def redis_commands_killed(t):
    """CLIENT KILL TYPE normal, again and again: replies to commands under way never come."""
    kill_again_and_again(t, "normal")


def kill_again_and_again(t, kind):
    killed = 0
    with t.soak(t.world) as soak:
        with soak.fault(kind):
            for _ in range(t.pick(8, 200)):
                killed += t.world.redis.kill_clients(kind)
                t.hold(0.3)
        soak.wait_recovered()
    t.check(killed > len(t.world.servers), f"only {killed} connections were killed")


@row()
def redis_out_of_memory(t):
    """Redis is at its maxmemory and refuses every write (OOM)."""
    with t.soak(t.world, **AWAKE) as soak:
        with soak.fault("oom"):
            t.world.redis.client.config_set("maxmemory", 1)
            t.hold(t.pick(1, 5))
            t.world.redis.client.config_set("maxmemory", 0)
        soak.wait_recovered()


@row()
def redis_read_only(t):
    """Redis becomes somebody's replica (READONLY), then a master again."""
    with t.soak(t.world, **AWAKE) as soak:
        with soak.fault("replica"):
            t.world.redis.client.execute_command("REPLICAOF", "127.0.0.1", "1")
            t.hold(t.pick(1, 5))
            t.world.redis.client.execute_command("REPLICAOF", "NO", "ONE")
        soak.wait_recovered()


@row(refused=True)
def redis_wrong_type(t):
    """The history key of one room is of another type, until it is deleted: store_failed in that
    room alone."""
    client = t.world.redis.client
    with t.soak(t.world, **AWAKE) as soak:
        key = busy_room(client) + ":history"
        with soak.fault("wrong-type"):
            client.set(key, "not a list")
            t.hold(t.pick(1, 5))
            client.delete(key)
        soak.wait_recovered()


def busy_room(client):
    """What the keys of a room start with, one in which somebody writes."""
    with client.pubsub(ignore_subscribe_messages=True) as bus:
        bus.psubscribe("confab:{room:*}")
        end = time.monotonic() + seconds(10)
        while time.monotonic() < end:
            heard = bus.get_message(timeout=1)
            if heard and heard["data"].startswith("m "):
                return heard["channel"]
    raise AssertionError("nobody writes")


@row()
def redis_restarted_often(t):
    """Redis is killed and restarted every second (long: every 10 s for 2 minutes)."""
    world = t.world
    with t.soak(world, rate=60) as soak:
        for _ in range(t.pick(4, 12)):
            with soak.fault("restart"):
                world.redis.kill()
                world.redis.start()
            t.hold(t.pick(1, 10))
        soak.wait_recovered()


@row(loss=True, gaps=True, recovery_s=5.0)
def redis_failover(t):
    """The master is killed and a sentinel promotes its replica.

    The replica may lack the last moment's messages: that is the bound, and clients see the gap."""
    group = t.enter(closing(Group()))
    master, replica = group.nodes
    world = t.own_world(
        count=2, address="", REDIS_SENTINELS=group.sentinel.addr, REDIS_MASTER_NAME=NAME
    )
    with t.soak(world) as soak:
        with soak.fault("failover"):
            master.kill()
            wait_for(lambda: group.master() is replica, "the sentinel names the replica", 30)
            wait_for(lambda: replica.role() == "master", "the replica is the master")
        soak.wait_recovered()
    lost = t.total("lost")
    t.check(lost <= LOAD["rate"], f"{lost} lost: more than one second's messages")
